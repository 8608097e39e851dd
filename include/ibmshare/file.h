/*
 * Files: read with a cap, published atomically, locked with a deadline.
 */
#ifndef IBMSHARE_FILE_H
#define IBMSHARE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "env.h"

/*
 * Reads a regular file of at most MAX bytes. The caller frees *ret_data, which
 * ends in a NUL that *ret_len does not count. A missing file: -1 with errno ENOENT.
 */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *err);

/*
 * A file that is written and synced, but not yet under its name. Several can be
 * staged before the first is committed, so that a full disk changes nothing.
 */
struct file_staged {
	char path[PATH_MAX];
	char temp[PATH_MAX]; /* empty: nothing is staged */
};
int file_stage(const char *path, const void *data, size_t len, mode_t mode, struct file_staged *ret,
	       struct error *err);
int file_commit(struct file_staged *staged, struct error *err);
/* Removes what was staged and not committed. */
void file_discard(struct file_staged *staged);

/*
 * Both in one. Writes DATA to a random name in the same directory, syncs it, gives it MODE
 * and renames it to PATH: a crash leaves the old file or the new one.
 */
int file_publish(const char *path, const void *data, size_t len, mode_t mode, struct error *err);

/* True when PATH is a regular file that holds just DATA. */
bool file_holds(const char *path, const void *data, size_t len);

/* Makes PATH and its parents, 0755; what exists stays as it is. */
int file_mkdirs(const char *path, struct error *err);

/* Overwrites and frees. NULL is fine. */
void file_cleanse(char *data, size_t len);

enum file_lock_kind {
	FILE_LOCK_EXCLUSIVE,
	FILE_LOCK_SHARED,
	FILE_LOCK_TRY, /* exclusive, without waiting: -1 with errno EWOULDBLOCK */
};

/*
 * Takes the flock(2) on NAME in /run/mount-ibmshare, a directory that only root
 * may enter. Gives a descriptor; closing it lets go. Waits at most
 * env->lock_timeout_ms.
 */
int file_lock(const struct env *env, const char *name, enum file_lock_kind kind, int *ret_fd,
	      struct error *err);

#endif
