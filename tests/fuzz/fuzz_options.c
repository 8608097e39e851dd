/* The mount options and the source, as mount(8) hands them over from whoever may call it. */
#include "fuzz.h"

#include "ibmshare/options.h"

static void filter(const char *list)
{
	enum encryption encryption, again_encryption;
	char *rest, *again;
	struct error err;

	if (options_filter(list, &encryption, &rest, &err) < 0)
		return;
	/* Nothing of ours is left: a second look finds nothing and changes nothing. */
	HOLDS(rest[0]);
	HOLDS(options_filter(rest, &again_encryption, &again, &err) == 0);
	HOLDS(again_encryption == ENCRYPTION_NONE);
	HOLDS(strcmp(rest, again) == 0);
	free(again);
	free(rest);
}

static void split(const char *source)
{
	char *host, *path;
	struct error err;

	if (options_split_source(source, &host, &path, &err) < 0)
		return;
	HOLDS(host[0] && host[0] != '-' && strlen(host) <= 253);
	HOLDS(strpbrk(host, " \t\n\r/{}\"'`$;&|<>\\#,=") == NULL);
	HOLDS(path[0] == '/');
	HOLDS(strpbrk(path, "\n\r{}\"") == NULL);
	/* Nothing is added and nothing lost. */
	HOLDS(strlen(host) + strlen(path) + (source[0] == '[' ? 3 : 1) == strlen(source));
	free(host);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	filter(text);
	split(text);
	free(text);
	return 0;
}
