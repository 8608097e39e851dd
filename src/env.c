#include "ibmshare/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_now(void)
{
	return (int64_t)time(NULL);
}

const struct env env_system = {
	.root = "",
	.metadata_address = "169.254.169.254",
	.http_port = 80,
	.https_port = 443,
	.now = clock_now,
	.request_timeout_ms = 10000,
	.daemon_timeout_ms = 20000,
	.initiate_timeout_ms = 10000,
	.lock_timeout_ms = 60000,
};

int env_path(const struct env *env, char buf[PATH_MAX], struct error *err, const char *fmt, ...)
{
	size_t len = strlen(env->root);
	va_list ap;
	int n;

	if (len >= PATH_MAX)
		return error_set(err, STATUS_INTERNAL, "path too long");
	memcpy(buf, env->root, len + 1);
	va_start(ap, fmt);
	n = vsnprintf(buf + len, PATH_MAX - len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= PATH_MAX - len)
		return error_set(err, STATUS_INTERNAL, "path too long");
	return 0;
}

int64_t env_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
