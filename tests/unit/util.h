/*
 * What the unit tests share: a world in a temporary directory, and checks that
 * name the row of the table that failed. One program a file, so all is inline.
 */
#ifndef TESTS_UNIT_UTIL_H
#define TESTS_UNIT_UTIL_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ibmshare/env.h"

#define CHECK(condition, ...)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg(__VA_ARGS__);                                                               \
	} while (0)

/* As assert_string_equal(), with the name of the case. */
#define CHECK_TEXT(got, want, name)                                                                          \
	do {                                                                                                 \
		const char *got_ = (got), *want_ = (want);                                                   \
		CHECK(strcmp(got_, want_) == 0, "%s: got '%s', want '%s'", (name), got_, want_);             \
	} while (0)

#define CHECK_HOLDS(text, part, name)                                                                        \
	do {                                                                                                 \
		const char *text_ = (text), *part_ = (part);                                                 \
		CHECK(strstr(text_, part_) != NULL, "%s: '%s' lacks '%s'", (name), text_, part_);            \
	} while (0)

/* What a failed call must leave untouched. */
#define UNTOUCHED ((char *)(uintptr_t)0x5a5a)

struct world {
	char root[64];
	struct env env;
};

static inline int64_t world_now(void)
{
	return 1800000000; /* 2027-01-15 08:00:00 UTC */
}

static inline int world_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int world_make(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	strcpy(world->root, "/tmp/ibmshare-unit.XXXXXX");
	if (!mkdtemp(world->root)) {
		free(world);
		return -1;
	}
	world->env = env_system;
	world->env.root = world->root;
	world->env.now = world_now;
	world->env.lock_timeout_ms = 100;
	world->env.daemon_timeout_ms = 2000;
	*state = world;
	return 0;
}

static inline int world_remove(void **state)
{
	struct world *world = *state;
	int r = nftw(world->root, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(world);
	return r;
}

/* A path in the world. The text lives until the fourth call after this one. */
static inline const char *at(const struct world *world, const char *path)
{
	static char ring[4][PATH_MAX];
	static unsigned next;
	char *buf = ring[next++ % 4];

	snprintf(buf, PATH_MAX, "%s%s", world->root, path);
	return buf;
}

static inline void make_dir(const struct world *world, const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", at(world, path));
	for (char *p = part + strlen(world->root) + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		CHECK(mkdir(part, 0755) == 0 || errno == EEXIST, "mkdir %s: %s", part, strerror(errno));
		if (c == '\0')
			return;
		*p = c;
	}
}

static inline void make_file(const struct world *world, const char *path, const void *data, size_t len,
			     mode_t mode)
{
	int fd = open(at(world, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0, "open %s: %s", path, strerror(errno));
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void make_text(const struct world *world, const char *path, const char *text)
{
	make_file(world, path, text, strlen(text), 0644);
}

/* The whole of a file; the caller frees it. */
static inline char *slurp(const struct world *world, const char *path)
{
	FILE *f = fopen(at(world, path), "re");
	char *text = NULL;
	size_t size = 0;

	CHECK(f != NULL, "open %s: %s", path, strerror(errno));
	/* Of an empty file it gives -1 and a buffer with nothing in it. */
	if (getdelim(&text, &size, EOF, f) < 0) {
		free(text);
		text = calloc(1, 1);
	}
	fclose(f);
	assert_non_null(text);
	return text;
}

static inline bool exists(const struct world *world, const char *path)
{
	struct stat st;

	return lstat(at(world, path), &st) == 0;
}

static inline unsigned mode_of(const struct world *world, const char *path)
{
	struct stat st;

	CHECK(lstat(at(world, path), &st) == 0, "stat %s: %s", path, strerror(errno));
	return (unsigned)(st.st_mode & 07777);
}

/* TEXT, COUNT times; the caller frees it. */
static inline char *repeat(const char *text, size_t count)
{
	size_t len = strlen(text);
	char *all = malloc(len * count + 1);

	assert_non_null(all);
	for (size_t i = 0; i < count; i++)
		memcpy(all + i * len, text, len);
	all[len * count] = '\0';
	return all;
}

#endif
