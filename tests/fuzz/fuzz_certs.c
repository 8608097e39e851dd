/* Certificates, from the metadata service and from the files that --setup is given. */
#include "fuzz.h"

#include "ibmshare/certs.h"

/* What was split off is a certificate by itself, and all there is of it. */
static int one(const char *cert_pem, void *arg)
{
	unsigned *count = arg;
	struct certs_info info;
	struct error err;
	char *normal = strdup(cert_pem);

	HOLDS(normal);
	HOLDS(certs_normalize(&normal, &err) == 0);
	HOLDS(strcmp(normal, cert_pem) == 0);
	free(normal);
	if (certs_info(cert_pem, &info, &err) == 0) {
		HOLDS(strpbrk(info.subject, "\n\r\033") == NULL);
		HOLDS(info.serial[0]);
		if (info.not_after >= info.not_before) {
			int64_t due = certs_renewal_time(&info);

			HOLDS(due >= info.not_before && due <= info.not_after);
		}
	}
	return ++*count == 8 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct certs_info info;
	struct certs_key *key;
	unsigned count = 0;
	struct error err;

	if (certs_info(text, &info, &err) == 0)
		HOLDS(memchr(info.subject, '\0', sizeof(info.subject)));
	if (certs_each((const char *)data, size, one, &count, &err) == 0)
		HOLDS(count > 0);
	certs_signed_by(text, text);
	if (certs_key_parse(text, &key, &err) == 0)
		certs_key_free(key);
	free(text);
	return 0;
}
