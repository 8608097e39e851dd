#include "util.h"

#include <dirent.h>
#include <sys/wait.h>

#include "ibmshare/file.h"

static unsigned count_entries(const struct world *world, const char *path)
{
	DIR *dir = opendir(at(world, path));
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

static void publish_writes_content_and_mode(void **state)
{
	static const mode_t modes[] = {0600, 0644, 0640};
	struct world *world = *state;
	mode_t old = umask(077); /* the helper's own must not matter */
	struct error err;

	make_dir(world, "/d");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char text[32], *have;

		snprintf(text, sizeof(text), "content %zu", i);
		/* From the second on it replaces what is there. */
		CHECK(file_publish(at(world, "/d/f"), text, strlen(text), modes[i], &err) == 0, "%s",
		      err.text);
		have = slurp(world, "/d/f");
		assert_string_equal(have, text);
		free(have);
		assert_int_equal(mode_of(world, "/d/f"), modes[i]);
		assert_int_equal(count_entries(world, "/d"), 1);
	}
	umask(old);
	assert_int_equal(file_publish(at(world, "/d/empty"), "", 0, 0644, &err), 0);
	assert_true(file_holds(at(world, "/d/empty"), "", 0));
}

static void publish_replaces_a_link_not_its_target(void **state)
{
	struct world *world = *state;
	struct error err;
	char *have;

	make_text(world, "/victim", "old");
	assert_int_equal(symlink(at(world, "/victim"), at(world, "/link")), 0);
	assert_int_equal(file_publish(at(world, "/link"), "new", 3, 0644, &err), 0);
	have = slurp(world, "/victim");
	assert_string_equal(have, "old");
	free(have);
	assert_true(file_holds(at(world, "/link"), "new", 3));
}

static void publish_leaves_nothing_behind_when_it_fails(void **state)
{
	struct world *world = *state;
	struct error err;

	assert_int_equal(file_publish(at(world, "/none/f"), "x", 1, 0644, &err), -1);
	assert_int_equal(err.status, STATUS_OTHER);
	CHECK_HOLDS(err.text, "/none/f", "missing directory");
	CHECK_HOLDS(err.text, "No such file", "missing directory");
	make_dir(world, "/d/f");
	make_text(world, "/d/f/inside", "x");
	assert_int_equal(file_publish(at(world, "/d/f"), "x", 1, 0644, &err), -1);
	assert_int_equal(count_entries(world, "/d"), 1);
	assert_int_equal(file_publish("relative", "x", 1, 0644, &err), -1);
	assert_int_equal(err.status, STATUS_INTERNAL);
}

static void read_gives_content_and_nul(void **state)
{
	struct world *world = *state;
	struct error err;
	char *data;
	size_t len;

	make_file(world, "/f", "a\0b", 3, 0600);
	assert_int_equal(file_read(at(world, "/f"), 3, &data, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "a\0b", 4);
	file_cleanse(data, len);
	make_text(world, "/empty", "");
	assert_int_equal(file_read(at(world, "/empty"), 10, &data, &len, &err), 0);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
	file_cleanse(data, len);
	file_cleanse(NULL, 0);
}

static void read_is_capped(void **state)
{
	struct world *world = *state;
	struct error err;
	char *data = UNTOUCHED;
	size_t len;

	make_file(world, "/f", "abcd", 4, 0600);
	assert_int_equal(file_read(at(world, "/f"), 3, &data, &len, &err), -1);
	assert_int_not_equal(errno, ENOENT);
	CHECK_HOLDS(err.text, "larger than 3", "cap");
	assert_ptr_equal(data, UNTOUCHED);
	/* A file that says it is empty and is not. */
	assert_int_equal(file_read("/proc/self/environ", 0, &data, &len, &err), -1);
}

static void read_of_nothing_says_enoent(void **state)
{
	struct world *world = *state;
	struct error err;
	char *data = UNTOUCHED;
	size_t len;

	errno = 0;
	assert_int_equal(file_read(at(world, "/none"), 3, &data, &len, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink("/nowhere/at/all", at(world, "/dangling")), 0);
	errno = 0;
	assert_int_equal(file_read(at(world, "/dangling"), 3, &data, &len, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_ptr_equal(data, UNTOUCHED);
}

static void read_takes_regular_files_only(void **state)
{
	struct world *world = *state;
	struct error err;
	char *data = UNTOUCHED;
	size_t len;

	/* Nobody writes to the pipe: an open(2) that blocks would never come back. */
	assert_int_equal(mkfifo(at(world, "/fifo"), 0600), 0);
	alarm(10);
	errno = ENOENT;
	assert_int_equal(file_read(at(world, "/fifo"), 3, &data, &len, &err), -1);
	alarm(0);
	assert_int_not_equal(errno, ENOENT);
	CHECK_HOLDS(err.text, "regular", "fifo");
	errno = ENOENT;
	assert_int_equal(file_read(world->root, 3, &data, &len, &err), -1);
	assert_int_not_equal(errno, ENOENT);
	errno = ENOENT;
	assert_int_equal(file_read("/dev/zero", 3, &data, &len, &err), -1);
	assert_int_not_equal(errno, ENOENT);
	assert_ptr_equal(data, UNTOUCHED);
}

static void holds_compares_all(void **state)
{
	struct world *world = *state;

	make_text(world, "/f", "abc");
	assert_true(file_holds(at(world, "/f"), "abc", 3));
	assert_false(file_holds(at(world, "/f"), "ab", 2));
	assert_false(file_holds(at(world, "/f"), "abd", 3));
	assert_false(file_holds(at(world, "/f"), "abcd", 4));
	assert_false(file_holds(at(world, "/none"), "", 0));
	assert_false(file_holds(world->root, "", 0));
}

static void mkdirs_makes_the_parents(void **state)
{
	struct world *world = *state;
	mode_t old = umask(077);
	struct error err;

	make_dir(world, "/have");
	assert_int_equal(chmod(at(world, "/have"), 0700), 0);
	CHECK(file_mkdirs(at(world, "/have/a/b"), &err) == 0, "%s", err.text);
	CHECK(file_mkdirs(at(world, "/have/a/b"), &err) == 0, "again: %s", err.text);
	CHECK(file_mkdirs(at(world, "/have/c/"), &err) == 0, "slash at the end: %s", err.text);
	umask(old);
	assert_int_equal(mode_of(world, "/have"), 0700);
	assert_int_equal(mode_of(world, "/have/a"), 0755);
	assert_int_equal(mode_of(world, "/have/a/b"), 0755);
	assert_int_equal(mode_of(world, "/have/c"), 0755);
	assert_int_equal(file_mkdirs("/", &err), 0);
}

static void mkdirs_fails_where_a_file_is(void **state)
{
	struct world *world = *state;
	char *much = repeat("/d", PATH_MAX);
	struct error err;

	make_text(world, "/f", "");
	assert_int_equal(file_mkdirs(at(world, "/f/d"), &err), -1);
	assert_int_equal(file_mkdirs(much, &err), -1);
	free(much);
	/* It gives a directory, or an error. */
	assert_int_equal(file_mkdirs(at(world, "/f"), &err), -1);
}

static void lock_is_exclusive(void **state)
{
	struct world *world = *state;
	int first = -1, second = -1;
	struct error err;
	int64_t start;

	make_dir(world, "/run");
	CHECK(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &first, &err) == 0, "%s", err.text);
	assert_true(first >= 0);
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(mode_of(world, "/run/mount-ibmshare"), 0700);
	start = env_monotonic_ms();
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &second, &err), -1);
	assert_in_range(env_monotonic_ms() - start, 100, 3000);
	assert_int_equal(err.status, STATUS_OTHER);
	CHECK_HOLDS(err.remedy, "/run/mount-ibmshare/a", "remedy");
	assert_int_equal(second, -1);
	/* Another name is another lock. */
	assert_int_equal(file_lock(&world->env, "b", FILE_LOCK_EXCLUSIVE, &second, &err), 0);
	close(second);
	close(first);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &first, &err), 0);
	close(first);
}

static void lock_is_waited_for(void **state)
{
	struct world *world = *state;
	int first, second, status;
	struct error err;
	pid_t pid;

	make_dir(world, "/run");
	world->env.lock_timeout_ms = 10000;
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &first, &err), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* It holds the lock by the inherited descriptor until it ends. */
		usleep(150000);
		_exit(0);
	}
	close(first);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &second, &err), 0);
	close(second);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void lock_can_be_shared_or_tried(void **state)
{
	struct world *world = *state;
	int first, second, third = -1;
	struct error err;
	int64_t start;

	make_dir(world, "/run");
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_SHARED, &first, &err), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_SHARED, &second, &err), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &third, &err), -1);
	world->env.lock_timeout_ms = 10000;
	start = env_monotonic_ms();
	errno = 0;
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_TRY, &third, &err), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_in_range(env_monotonic_ms() - start, 0, 5000);
	close(first);
	close(second);
	assert_int_equal(third, -1);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_TRY, &third, &err), 0);
	/* That one is exclusive. */
	world->env.lock_timeout_ms = 50;
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_SHARED, &first, &err), -1);
	close(third);
}

static void lock_directory_must_be_ours(void **state)
{
	struct world *world = *state;
	struct error err;
	int fd = -1;

	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1); /* no /run */
	make_dir(world, "/run/mount-ibmshare");
	assert_int_equal(chmod(at(world, "/run/mount-ibmshare"), 0777), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1);
	assert_int_equal(chmod(at(world, "/run/mount-ibmshare"), 0750), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1);
	assert_true(err.remedy[0]);
	assert_int_equal(err.status, STATUS_OTHER);
	assert_int_equal(rmdir(at(world, "/run/mount-ibmshare")), 0);
	make_dir(world, "/elsewhere");
	assert_int_equal(chmod(at(world, "/elsewhere"), 0700), 0);
	assert_int_equal(symlink(at(world, "/elsewhere"), at(world, "/run/mount-ibmshare")), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1);
	assert_int_equal(count_entries(world, "/elsewhere"), 0);
	assert_int_equal(fd, -1);
}

static void lock_directory_of_another_user_is_refused(void **state)
{
	struct world *world = *state;
	struct error err;
	int fd = -1;

	if (geteuid() != 0) {
		print_message("only root can give a directory away\n");
		skip();
	}
	make_dir(world, "/run/mount-ibmshare");
	assert_int_equal(chmod(at(world, "/run/mount-ibmshare"), 0700), 0);
	assert_int_equal(chown(at(world, "/run/mount-ibmshare"), 65534, 65534), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1);
}

static void lock_does_not_follow_links(void **state)
{
	struct world *world = *state;
	struct error err;
	int fd = -1;

	make_dir(world, "/run/mount-ibmshare");
	assert_int_equal(chmod(at(world, "/run/mount-ibmshare"), 0700), 0);
	assert_int_equal(symlink(at(world, "/victim"), at(world, "/run/mount-ibmshare/a")), 0);
	assert_int_equal(file_lock(&world->env, "a", FILE_LOCK_EXCLUSIVE, &fd, &err), -1);
	assert_false(exists(world, "/victim"));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(publish_writes_content_and_mode),
		IN_WORLD(publish_replaces_a_link_not_its_target),
		IN_WORLD(publish_leaves_nothing_behind_when_it_fails),
		IN_WORLD(read_gives_content_and_nul),
		IN_WORLD(read_is_capped),
		IN_WORLD(read_of_nothing_says_enoent),
		IN_WORLD(read_takes_regular_files_only),
		IN_WORLD(holds_compares_all),
		IN_WORLD(mkdirs_makes_the_parents),
		IN_WORLD(mkdirs_fails_where_a_file_is),
		IN_WORLD(lock_is_exclusive),
		IN_WORLD(lock_is_waited_for),
		IN_WORLD(lock_can_be_shared_or_tried),
		IN_WORLD(lock_directory_must_be_ours),
		IN_WORLD(lock_directory_of_another_user_is_refused),
		IN_WORLD(lock_does_not_follow_links),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
