#include "ibmshare/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

enum {
	LOG_FILE_MAX = 64 * 1024,
	LINE_MAX_BYTES = 2048,
};

static const struct env *log_env;
static bool log_verbose;

void log_open(const struct env *env, bool verbose)
{
	log_env = env;
	log_verbose = verbose;
	openlog(LOG_PROGRAM, LOG_PID, LOG_DAEMON);
}

/* The length of the UTF-8 sequence at P, 0 for one that is broken or a control character (C0, DEL, C1). */
static size_t printable(const unsigned char *p)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;

	if (*p < ' ' || *p == 0x7f || *p >= 0xf5 || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

void log_sanitize(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t len = printable(p);

		if (len == 0)
			*p = '?';
		p += len ? len : 1;
	}
}

/* NAME -> NAME.1 -> NAME.2. The caller holds the lock of NAME. */
static void rotate(const char *path)
{
	char one[PATH_MAX + 4], two[PATH_MAX + 4];

	snprintf(one, sizeof(one), "%s.1", path);
	snprintf(two, sizeof(two), "%s.2", path);
	rename(one, two);
	rename(path, one);
}

/* The current log file, locked; a file that another process has just rotated away is opened anew. */
static int open_file(const char *path)
{
	for (int tries = 0; tries < 10; tries++) {
		struct stat at_fd, at_path;
		int fd =
			open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, &at_fd) == 0 && S_ISREG(at_fd.st_mode) &&
		    stat(path, &at_path) == 0 && at_fd.st_ino == at_path.st_ino) {
			if (at_fd.st_size < LOG_FILE_MAX) {
				if ((at_fd.st_mode & 07777) != 0640 && fchmod(fd, 0640) < 0)
					break;
				return fd;
			}
			rotate(path);
		}
		close(fd);
	}
	return -1;
}

static void write_file(const char *level, const char *text)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], line[LINE_MAX_BYTES], stamp[32];
	struct error err;
	struct tm tm;
	time_t now;
	int n;

	if (!log_env || env_path(log_env, path, &err, "/opt/ibm/mount-ibmshare/mount-ibmshare.log") < 0)
		return;
	fd = open_file(path);
	if (fd < 0)
		return;
	now = (time_t)log_env->now();
	if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	n = snprintf(line, sizeof(line), "%s %s[%d] %s: %s\n", stamp, LOG_PROGRAM, (int)getpid(), level,
		     text);
	if (n <= 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* A log that cannot be written must not fail a mount. */
	if (write(fd, line, (size_t)n) < 0)
		return;
}

static void emit(int priority, const char *level, bool to_stderr, const char *text)
{
	if (to_stderr)
		fprintf(stderr, "%s: %s\n", LOG_PROGRAM, text);
	if (!log_env)
		return;
	/* A test's messages stay out of the machine's journal. */
	if (!*log_env->root)
		syslog(priority, "%s", text);
	write_file(level, text);
}

void log_step(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	if (!log_verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_sanitize(text);
	fprintf(stderr, "%s: %s\n", LOG_PROGRAM, text);
}

static void vmessage(int priority, const char *level, bool to_stderr, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void vmessage(int priority, const char *level, bool to_stderr, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_sanitize(text);
	emit(priority, level, to_stderr, text);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vmessage(LOG_INFO, "info", log_verbose, fmt, ap);
	va_end(ap);
}

void log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vmessage(LOG_WARNING, "warning", true, fmt, ap);
	va_end(ap);
}

void log_error(const struct error *err)
{
	char text[LINE_MAX_BYTES];

	snprintf(text, sizeof(text), "%s%s%s", err->text, err->remedy[0] ? "; " : "", err->remedy);
	log_sanitize(text);
	emit(LOG_ERR, "error", true, text);
}
