/* share.conf. */
#include "fuzz.h"

#include <stdarg.h>

#include "ibmshare/config.h"

static void warn(const char *fmt, ...) _printf_(1, 2);

static void warn(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	HOLDS(strncmp(text, "f:", 2) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct config config;
	struct error err;

	if (config_parse("f", text, &config, warn, &err) == 0) {
		HOLDS(config.certificate_seconds >= CERTIFICATE_SECONDS_MIN);
		HOLDS(config.certificate_seconds <= CERTIFICATE_SECONDS_MAX);
		HOLDS(memchr(config.regions, '\0', sizeof(config.regions)));
		if (config.metadata_url[0]) {
			const char *host = strstr(config.metadata_url, "://");

			HOLDS(host && host[3] && strpbrk(host + 3, "@/?# \n\r\t") == NULL);
		}
	} else {
		HOLDS(err.status == STATUS_OTHER && strncmp(err.text, "f:", 2) == 0);
	}
	free(text);
	return 0;
}
