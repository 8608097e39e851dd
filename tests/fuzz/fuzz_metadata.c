/* What answers at the metadata service's address. */
#include "fuzz.h"

#include "ibmshare/metadata.h"

#define SECRET "secret-token-0123456789"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	struct metadata_certificate cert;
	struct error err;
	char *token;

	if (metadata_parse_token(body, size, &token, &err) == 0) {
		/* It can stand in a header. */
		HOLDS(token[0]);
		for (const char *p = token; *p; p++)
			HOLDS(*p > ' ' && *p <= '~');
		free(token);
	} else {
		HOLDS(err.status == STATUS_TOKEN);
	}
	if (metadata_parse_certificate(body, size, &cert, &err) == 0)
		metadata_certificate_free(&cert);
	else
		HOLDS(err.status == STATUS_CERTIFICATE);
	HOLDS(metadata_explain(400 + (long)(size % 200), body, size, SECRET, STATUS_TOKEN, &err) == -1);
	HOLDS(err.status == STATUS_TOKEN);
	HOLDS(strstr(err.text, SECRET) == NULL);
	return 0;
}
