#include "ibmshare/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void vset(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static void vset(char *buf, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(buf, size, fmt, ap) < 0)
		buf[0] = '\0';
}

int error_set(struct error *err, int status, const char *fmt, ...)
{
	va_list ap;

	err->status = status;
	err->remedy[0] = '\0';
	va_start(ap, fmt);
	vset(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *err, int status, int num, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	err->status = status;
	err->remedy[0] = '\0';
	va_start(ap, fmt);
	vset(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(num));
	return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char prefix[sizeof(err->text)], text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vset(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(text, err->text, sizeof(text));
	if (snprintf(err->text, sizeof(err->text), "%s: %s", prefix, text) < 0)
		memcpy(err->text, text, sizeof(text));
	return -1;
}

int error_remedy(struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(err->remedy, sizeof(err->remedy), fmt, ap);
	va_end(ap);
	return -1;
}

int error_nomem(struct error *err)
{
	return error_set(err, STATUS_INTERNAL, "out of memory");
}
