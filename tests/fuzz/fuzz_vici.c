/* A message of charon's, or of whatever listens at its socket. */
#include "fuzz.h"

#include "ibmshare/vici.h"

struct walk {
	unsigned sum;
	size_t bytes;
};

/* Touches all that it is given. */
static void element(const struct vici_element *element, void *arg)
{
	struct walk *walk = arg;

	HOLDS(element->depth <= VICI_DEPTH_MAX);
	for (unsigned i = 0; i < element->depth; i++)
		walk->sum += (unsigned)strlen(element->path[i]);
	walk->sum += (unsigned)strlen(element->key);
	HOLDS(element->value[element->len] == '\0');
	for (size_t i = 0; i < element->len; i++)
		walk->sum += (unsigned char)element->value[i];
	walk->bytes += element->len + 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk walk = {0};
	int with = vici_parse(data, size, element, &walk);

	HOLDS(walk.bytes <= size);
	HOLDS(vici_parse(data, size, NULL, NULL) == with);
	return 0;
}
