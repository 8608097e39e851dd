#include "ibmshare/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

void file_cleanse(char *data, size_t len)
{
	if (!data)
		return;
	OPENSSL_cleanse(data, len);
	free(data);
}

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len = 0;
	char *data;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int saved = errno;

		error_errno(err, STATUS_OTHER, saved, "%s", path);
		errno = saved;
		return -1;
	}
	errno = 0;
	if (fstat(fd, &st) < 0)
		return error_errno(err, STATUS_OTHER, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, STATUS_OTHER, "%s: not a regular file", path);
	if ((size_t)st.st_size > max)
		return error_set(err, STATUS_OTHER, "%s: larger than %zu bytes", path, max);
	data = malloc(max + 1);
	if (!data)
		return error_nomem(err);
	while (len <= max) {
		ssize_t n = read(fd, data + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			file_cleanse(data, len);
			return error_errno(err, STATUS_OTHER, errno, "%s", path);
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len > max) {
		file_cleanse(data, len);
		return error_set(err, STATUS_OTHER, "%s: larger than %zu bytes", path, max);
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A rename is on disk only when its directory is. */
static int sync_dir(const char *path, size_t dir_len)
{
	char dir[PATH_MAX];
	_cleanup_close_ int fd = -1;

	snprintf(dir, sizeof(dir), "%.*s", (int)dir_len, path);
	fd = open(dir_len ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int file_stage(const char *path, const void *data, size_t len, mode_t mode, struct file_staged *ret,
	       struct error *err)
{
	const char *base = strrchr(path, '/');
	uint64_t nonce;
	int fd, n, saved;

	ret->temp[0] = '\0';
	if (!base || strlen(path) >= sizeof(ret->path))
		return error_set(err, STATUS_INTERNAL, "%s: not an absolute path, or too long", path);
	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return error_errno(err, STATUS_INTERNAL, errno, "getrandom");
	memcpy(ret->path, path, strlen(path) + 1);
	/* The leading dot keeps it out of swanctl's patterns. */
	n = snprintf(ret->temp, sizeof(ret->temp), "%.*s/.%s.%016llx.tmp", (int)(base - path), path, base + 1,
		     (unsigned long long)nonce);
	if (n < 0 || (size_t)n >= sizeof(ret->temp))
		return error_set(err, STATUS_INTERNAL, "%s: path too long", path);
	fd = open(ret->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret->temp[0] = '\0';
		return error_errno(err, STATUS_OTHER, errno, "cannot write %s", path);
	}
	saved = write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ? errno : 0;
	if (close(fd) < 0 && !saved)
		saved = errno;
	if (!saved)
		return 0;
	file_discard(ret);
	return error_errno(err, STATUS_OTHER, saved, "cannot write %s", path);
}

int file_commit(struct file_staged *staged, struct error *err)
{
	if (rename(staged->temp, staged->path) < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot write %s", staged->path);
	staged->temp[0] = '\0';
	if (sync_dir(staged->path, (size_t)(strrchr(staged->path, '/') - staged->path)) < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot sync the directory of %s", staged->path);
	return 0;
}

void file_discard(struct file_staged *staged)
{
	if (staged->temp[0])
		unlink(staged->temp);
	staged->temp[0] = '\0';
}

int file_publish(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
	_cleanup_(file_discard) struct file_staged staged;

	if (file_stage(path, data, len, mode, &staged, err) < 0)
		return -1;
	return file_commit(&staged, err);
}

bool file_holds(const char *path, const void *data, size_t len)
{
	struct error err;
	char *have;
	size_t have_len;
	bool same;

	if (file_read(path, len, &have, &have_len, &err) < 0)
		return false;
	same = have_len == len && memcmp(have, data, len) == 0;
	file_cleanse(have, have_len);
	return same;
}

int file_mkdirs(const char *path, struct error *err)
{
	char part[PATH_MAX];
	int n = snprintf(part, sizeof(part), "%s", path);
	struct stat st;

	if (n <= 0 || (size_t)n >= sizeof(part))
		return error_set(err, STATUS_INTERNAL, "%s: path too long", path);
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		/* Our umask is 077, and these are for others to look into. */
		if (mkdir(part, 0755) == 0) {
			if (chmod(part, 0755) < 0)
				return error_errno(err, STATUS_OTHER, errno, "cannot make %s", part);
		} else if (errno != EEXIST) {
			return error_errno(err, STATUS_OTHER, errno, "cannot make %s", part);
		}
		if (c == '\0')
			break;
		*p = c;
	}
	if (stat(path, &st) < 0)
		return error_errno(err, STATUS_OTHER, errno, "%s", path);
	return S_ISDIR(st.st_mode) ? 0 : error_set(err, STATUS_OTHER, "%s: not a directory", path);
}

static int open_lock_dir(const struct env *env, struct error *err)
{
	char dir[PATH_MAX];
	struct stat st;
	int fd;

	if (env_path(env, dir, err, "/run/mount-ibmshare") < 0)
		return -1;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_errno(err, STATUS_OTHER, errno, "cannot make %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot open %s", dir);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 0077) != 0) {
		close(fd);
		error_set(err, STATUS_OTHER, "%s: others than root may write there", dir);
		return error_remedy(err, "remove it and mount again");
	}
	return fd;
}

int file_lock(const struct env *env, const char *name, enum file_lock_kind kind, int *ret_fd,
	      struct error *err)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	_cleanup_close_ int dir = open_lock_dir(env, err);
	int64_t deadline;
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot open the lock %s", name);
	deadline = env_monotonic_ms() + env->lock_timeout_ms;
	while (flock(fd, (kind == FILE_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || kind == FILE_LOCK_TRY) {
			int saved = errno;

			error_errno(err, STATUS_OTHER, saved, "cannot lock %s", name);
			close(fd);
			errno = saved;
			return -1;
		}
		if (env_monotonic_ms() >= deadline) {
			close(fd);
			error_set(err, STATUS_OTHER, "another mount or renewal has held the lock for %d s",
				  env->lock_timeout_ms / 1000);
			return error_remedy(err, "see who with: fuser -v %s/run/mount-ibmshare/%s", env->root,
					    name);
		}
		nanosleep(&pause, NULL);
	}
	*ret_fd = fd;
	return 0;
}
