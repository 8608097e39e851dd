#include "util.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "ibmshare/log.h"

#define LOG_DIR "/opt/ibm/mount-ibmshare"
#define LOG_FILE LOG_DIR "/mount-ibmshare.log"

static int stderr_saved = -1;

/* Messages of the tests go to a file of the world, where they can be read again. */
static void capture_stderr(const struct world *world)
{
	int fd = open(at(world, "/stderr"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	fflush(stderr);
	stderr_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static int release_stderr(void **state)
{
	if (stderr_saved >= 0) {
		fflush(stderr);
		dup2(stderr_saved, STDERR_FILENO);
		close(stderr_saved);
		stderr_saved = -1;
	}
	return world_remove(state);
}

static void control_characters_are_replaced(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"plain text, 100 %", "plain text, 100 %"},
		{"two\nlines\r\n", "two?lines??"},
		{"\033[31mred\033[0m", "?[31mred?[0m"},
		{"tab\tbell\a back\b del\177", "tab?bell? back? del?"},
		{"\001\002\037", "???"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		log_sanitize(text);
		CHECK_TEXT(text, cases[i].want, cases[i].want);
	}
}

/* U+0080 to U+009F are control characters too: U+009B is what ESC [ is. */
static void control_characters_of_8_bits_are_replaced(void **state)
{
	char text[] = "a\xc2\x9b"
		      "31mb";

	(void)state;
	log_sanitize(text);
	CHECK(strstr(text, "\xc2\x9b") == NULL, "U+009B passed");
}

static void line_has_time_program_level_and_text(void **state)
{
	struct world *world = *state;
	struct error err = {.text = "no x: y\nz", .remedy = "do z"};
	char want[128];
	char *text;

	make_dir(world, LOG_DIR);
	capture_stderr(world);
	log_open(&world->env, false);
	log_info("one %d", 1);
	log_warning("two");
	log_error(&err);
	log_step("not shown");
	text = slurp(world, LOG_FILE);
	snprintf(want, sizeof(want), "2027-01-15T08:00:00Z mount.ibmshare[%d] ", (int)getpid());
	assert_memory_equal(text, want, strlen(want));
	CHECK_HOLDS(text, "info: one 1\n", "file");
	CHECK_HOLDS(text, "warning: two\n", "file");
	CHECK_HOLDS(text, "error: no x: y?z; do z\n", "file");
	assert_null(strstr(text, "not shown"));
	assert_int_equal(mode_of(world, LOG_FILE), 0640);
	free(text);
	text = slurp(world, "/stderr");
	assert_string_equal(text, "mount.ibmshare: two\nmount.ibmshare: no x: y?z; do z\n");
	free(text);
}

static void verbose_shows_steps_on_stderr_only(void **state)
{
	struct world *world = *state;
	char *text;

	make_dir(world, LOG_DIR);
	capture_stderr(world);
	log_open(&world->env, true);
	log_step("step\t%d", 1);
	log_info("fact");
	text = slurp(world, "/stderr");
	assert_string_equal(text, "mount.ibmshare: step?1\nmount.ibmshare: fact\n");
	free(text);
	text = slurp(world, LOG_FILE);
	assert_null(strstr(text, "step"));
	CHECK_HOLDS(text, "fact", "file");
	free(text);
}

static void no_directory_no_file(void **state)
{
	struct world *world = *state;

	log_open(&world->env, false);
	log_info("nobody hears");
	assert_false(exists(world, "/opt"));
}

static void mode_is_mended_and_links_are_not_followed(void **state)
{
	struct world *world = *state;
	char *text;

	make_dir(world, LOG_DIR);
	make_file(world, LOG_FILE, "", 0, 0666);
	log_open(&world->env, false);
	log_info("x");
	assert_int_equal(mode_of(world, LOG_FILE), 0640);
	make_text(world, "/victim", "");
	assert_int_equal(unlink(at(world, LOG_FILE)), 0);
	assert_int_equal(symlink(at(world, "/victim"), at(world, LOG_FILE)), 0);
	log_info("y");
	text = slurp(world, "/victim");
	assert_string_equal(text, "");
	free(text);
}

static void long_message_stays_one_line(void **state)
{
	struct world *world = *state;
	char *much = repeat("x", 10000);
	char *text;

	make_dir(world, LOG_DIR);
	log_open(&world->env, false);
	log_info("%s", much);
	log_info("after");
	text = slurp(world, LOG_FILE);
	CHECK_HOLDS(text, "x\n2027", "cut line");
	CHECK_HOLDS(text, "info: after\n", "next line");
	free(text);
	free(much);
}

static void rotation_keeps_two(void **state)
{
	struct world *world = *state;
	char *page = repeat("x", 1500);
	struct stat st;

	make_dir(world, LOG_DIR);
	log_open(&world->env, false);
	/* Five times the limit: NAME, NAME.1, NAME.2 and no more. */
	for (int i = 0; i < 5 * 64 * 1024 / 1500; i++)
		log_info("%d %s", i, page);
	free(page);
	assert_true(exists(world, LOG_FILE));
	assert_true(exists(world, LOG_FILE ".1"));
	assert_true(exists(world, LOG_FILE ".2"));
	assert_false(exists(world, LOG_FILE ".3"));
	assert_int_equal(mode_of(world, LOG_FILE), 0640);
	assert_int_equal(mode_of(world, LOG_FILE ".1"), 0640);
	assert_int_equal(stat(at(world, LOG_FILE ".1"), &st), 0);
	/* Full, and over by less than one line. */
	assert_in_range(st.st_size, 64 * 1024, 64 * 1024 + 2048);
	assert_int_equal(stat(at(world, LOG_FILE), &st), 0);
	assert_in_range(st.st_size, 1, 64 * 1024 + 2048);
}

enum {
	WRITERS = 4,
	LINES = 60,
};

static unsigned count_lines(const struct world *world, const char *path)
{
	unsigned count = 0;
	char *text;

	if (!exists(world, path))
		return 0;
	text = slurp(world, path);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		/* Whole lines, none torn by another writer. */
		CHECK(end - line > 600 && end[-1] == 'E', "torn line in %s: '%.80s'", path, line);
		count++;
	}
	free(text);
	return count;
}

/* 240 lines of 600 bytes are more than two files hold, fewer than three: none may be lost. */
static void parallel_writers_lose_nothing(void **state)
{
	struct world *world = *state;
	char *page = repeat("x", 580);
	pid_t pids[WRITERS];

	make_dir(world, LOG_DIR);
	log_open(&world->env, false);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			for (int line = 0; line < LINES; line++)
				log_info("%d %s E", line, page);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	free(page);
	assert_true(exists(world, LOG_FILE ".1"));
	assert_int_equal(count_lines(world, LOG_FILE) + count_lines(world, LOG_FILE ".1") +
				 count_lines(world, LOG_FILE ".2"),
			 WRITERS * LINES);
}

/* Rotation is safe only for who holds the lock of the file. */
static void writer_waits_for_the_lock(void **state)
{
	struct world *world = *state;
	struct stat st;
	int fd, status;
	pid_t pid;

	make_dir(world, LOG_DIR);
	make_file(world, LOG_FILE, "", 0, 0640);
	log_open(&world->env, false);
	fd = open(at(world, LOG_FILE), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd);
		log_info("after the lock");
		_exit(0);
	}
	usleep(200000);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(stat(at(world, LOG_FILE), &st), 0);
	assert_true(st.st_size > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(control_characters_of_8_bits_are_replaced),
		cmocka_unit_test_setup_teardown(line_has_time_program_level_and_text, world_make,
						release_stderr),
		cmocka_unit_test_setup_teardown(verbose_shows_steps_on_stderr_only, world_make,
						release_stderr),
		cmocka_unit_test_setup_teardown(no_directory_no_file, world_make, world_remove),
		cmocka_unit_test_setup_teardown(mode_is_mended_and_links_are_not_followed, world_make,
						world_remove),
		cmocka_unit_test_setup_teardown(long_message_stays_one_line, world_make, world_remove),
		cmocka_unit_test_setup_teardown(rotation_keeps_two, world_make, world_remove),
		cmocka_unit_test_setup_teardown(writer_waits_for_the_lock, world_make, world_remove),
		cmocka_unit_test_setup_teardown(parallel_writers_lose_nothing, world_make, world_remove),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
