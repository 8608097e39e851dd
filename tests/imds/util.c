#include "imds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

void complain(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "imds: %s\n", text);
}

void *xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		complain("out of memory");
		abort();
	}
	return memory;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int rc;

	va_start(args, format);
	rc = vasprintf(&text, format, args);
	va_end(args);
	if (rc < 0) {
		complain("out of memory");
		abort();
	}
	return text;
}

char *random_hex(size_t count)
{
	static const char digits[] = "0123456789abcdef";
	char *text = xcalloc(2 * count + 1, 1);
	unsigned char byte;

	for (size_t i = 0; i < count; i++) {
		if (RAND_bytes(&byte, 1) != 1) {
			complain("no random numbers");
			abort();
		}
		text[2 * i] = digits[byte >> 4];
		text[2 * i + 1] = digits[byte & 15];
	}
	return text;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_write(const char *dir, const char *name, const void *data, size_t size, unsigned int mode)
{
	char *path = xasprintf("%s/%s", dir, name);
	char *temp = xasprintf("%s/.%s.XXXXXX", dir, name);
	int rc = -1;
	int fd = mkostemp(temp, O_CLOEXEC);

	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
	} else {
		rc = write_all(fd, data, size) | fchmod(fd, mode);
		rc |= close(fd);
		if (rc == 0)
			rc = rename(temp, path);
		if (rc != 0) {
			complain("%s: %s", path, strerror(errno));
			unlink(temp);
			rc = -1;
		}
	}
	free(temp);
	free(path);
	return rc;
}
