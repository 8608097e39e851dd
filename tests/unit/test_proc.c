#include "util.h"

#include <signal.h>

#include "ibmshare/proc.h"

struct run {
	char output[256];
	int r, code, saved_errno;
	struct error err;
	int64_t took;
};

/* Runs SCRIPT with the shell and captures what it says; SIZE of the buffer, 0: all of it. */
static void run_script(struct run *run, const char *script, int timeout_ms, size_t size)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const struct proc proc = {
		.argv = argv,
		.timeout_ms = timeout_ms,
		.output = run->output,
		.output_size = size ? size : sizeof(run->output),
	};
	int64_t start = env_monotonic_ms();

	memset(run, 0x5a, sizeof(*run));
	run->code = -1;
	errno = 0;
	run->r = proc_run(&proc, &run->code, &run->err);
	run->saved_errno = errno;
	run->took = env_monotonic_ms() - start;
}

static void exit_code_is_given(void **state)
{
	static const struct {
		const char *script;
		int code;
	} cases[] = {{"exit 0", 0}, {"exit 1", 1}, {"exit 32", 32}, {"exit 127", 127}, {"exit 255", 255}};
	struct run run;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_script(&run, cases[i].script, 5000, 0);
		CHECK(run.r == 0, "%s: %s", cases[i].script, run.err.text);
		CHECK(run.code == cases[i].code, "%s: %d", cases[i].script, run.code);
	}
	/* Without a deadline too. */
	run_script(&run, "exit 3", 0, 0);
	assert_int_equal(run.r, 0);
	assert_int_equal(run.code, 3);
}

static void output_is_captured(void **state)
{
	struct run run;

	(void)state;
	run_script(&run, "echo out; echo err >&2; exit 4", 5000, 0);
	assert_int_equal(run.r, 0);
	assert_int_equal(run.code, 4);
	assert_string_equal(run.output, "out\nerr\n");
	run_script(&run, "exit 0", 5000, 0);
	assert_string_equal(run.output, "");
}

static void output_is_cut_not_waited_for(void **state)
{
	struct run run;

	(void)state;
	/* More than a pipe holds: who does not read on lets the child hang. */
	run_script(&run, "head -c 200000 /dev/zero | tr '\\0' x", 10000, 8);
	assert_int_equal(run.r, 0);
	assert_string_equal(run.output, "xxxxxxx");
	assert_int_equal((unsigned char)run.output[8], 0x5a);
	run_script(&run, "echo something", 5000, 1);
	assert_int_equal(run.r, 0);
	assert_string_equal(run.output, "");
}

static void child_killed_by_a_signal_is_a_failure(void **state)
{
	struct run run;

	(void)state;
	run_script(&run, "kill -TERM $$", 5000, 0);
	assert_int_equal(run.r, -1);
	assert_int_equal(run.err.status, STATUS_OTHER);
	CHECK_HOLDS(run.err.text, "signal 15", "text");
	assert_int_not_equal(run.saved_errno, ENOENT);
	assert_int_equal(run.code, -1);
	run_script(&run, "kill -KILL $$", 0, 0);
	assert_int_equal(run.r, -1);
}

static void missing_program_says_enoent(void **state)
{
	const char *const argv[] = {"/nonexistent/program", NULL};
	const struct proc proc = {.argv = argv, .timeout_ms = 5000};
	struct error err = {0};
	int code = -1;

	(void)state;
	errno = 0;
	assert_int_equal(proc_run(&proc, &code, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err.status, STATUS_OTHER);
	CHECK_HOLDS(err.text, "/nonexistent/program", "text");
	CHECK_HOLDS(err.text, "No such file", "text");
}

static void program_that_cannot_run_is_not_missing(void **state)
{
	struct world *world = *state;
	const char *const argv[] = {at(world, "/plain"), NULL};
	const struct proc proc = {.argv = argv};
	struct error err = {0};
	int code = -1;

	make_text(world, "/plain", "no program");
	assert_int_equal(proc_run(&proc, &code, &err), -1);
	assert_int_equal(errno, EACCES);
	CHECK_HOLDS(err.text, "Permission denied", "text");
}

/* Who is told to install nfs-common because a namespace has gone is misled. */
static void missing_namespace_is_not_a_missing_program(void **state)
{
	const char *const argv[] = {"/bin/true", NULL};
	const struct proc proc = {.argv = argv, .mount_ns = "/nonexistent/ns", .timeout_ms = 5000};
	struct error err = {0};
	int code = -1;

	(void)state;
	errno = 0;
	assert_int_equal(proc_run(&proc, &code, &err), -1);
	assert_int_not_equal(errno, ENOENT);
	CHECK_HOLDS(err.text, "/nonexistent/ns", "text");
}

static void deadline_ends_the_child(void **state)
{
	struct run run;

	(void)state;
	run_script(&run, "echo early; exec sleep 30", 200, 0);
	assert_int_equal(run.r, -1);
	assert_int_equal(run.saved_errno, ETIMEDOUT);
	assert_in_range(run.took, 200, 5000);
	assert_string_equal(run.output, "early\n");
	/* Nor does it help to close the output. */
	run_script(&run, "exec >&- 2>&-; exec sleep 30", 200, 0);
	assert_int_equal(run.r, -1);
	assert_in_range(run.took, 200, 5000);
}

/* As a service started by hand would: the child has ended, its own child holds the pipe. */
static void child_in_the_background_is_not_waited_for(void **state)
{
	struct run run;

	(void)state;
	run_script(&run, "sleep 4 & echo started", 3000, 0);
	assert_int_equal(run.r, 0);
	assert_string_equal(run.output, "started\n");
	CHECK(run.took < 2500, "it took %d ms", (int)run.took);
}

static void environment_is_clean(void **state)
{
	const char *const argv[] = {"/usr/bin/env", NULL};
	char output[4096];
	const struct proc proc = {
		.argv = argv, .timeout_ms = 5000, .output = output, .output_size = sizeof(output)};
	struct error err;
	int code;

	(void)state;
	setenv("LD_DEBUG", "none", 1);
	setenv("IBMSHARE_TEST_SECRET", "leaked", 1);
	setenv("PATH", "/tmp:.", 1);
	assert_int_equal(proc_run(&proc, &code, &err), 0);
	unsetenv("LD_DEBUG");
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	assert_int_equal(code, 0);
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"))
		CHECK(strcmp(line, "PATH=/usr/sbin:/usr/bin:/sbin:/bin") == 0 ||
			      strncmp(line, "LC_ALL=", 7) == 0,
		      "the child sees %s", line);
}

static void signals_are_the_default_ones(void **state)
{
	struct run run;
	sigset_t block, old;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	run_script(&run, "kill -PIPE $$; exit 0", 5000, 0);
	CHECK(run.r == -1, "SIGPIPE is ignored");
	run_script(&run, "kill -TERM $$; exit 0", 5000, 0);
	CHECK(run.r == -1, "SIGTERM is blocked");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void umask_is_the_usual_one(void **state)
{
	mode_t old = umask(077);
	struct run run;

	(void)state;
	run_script(&run, "umask", 5000, 0);
	umask(old);
	assert_string_equal(run.output, "0022\n");
}

static void stdin_is_the_callers(void **state)
{
	struct world *world = *state;
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), fd;
	struct run run;

	make_text(world, "/in", "hello\n");
	fd = open(at(world, "/in"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	dup2(fd, STDIN_FILENO);
	close(fd);
	run_script(&run, "cat", 5000, 0);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	assert_string_equal(run.output, "hello\n");
}

static void descriptors_of_the_helper_stay_here(void **state)
{
	struct world *world = *state;
	char count[sizeof(((struct run *)0)->output)];
	int fds[3];
	struct run run;

	/* What the runner of the tests left open is not the helper's. */
	run_script(&run, "ls /proc/self/fd", 5000, 0);
	memcpy(count, run.output, sizeof(count));
	make_text(world, "/f", "");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open(at(world, "/f"), O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	run_script(&run, "ls /proc/self/fd", 5000, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	assert_string_equal(run.output, count);
}

static void descriptor_to_keep_is_handed_on(void **state)
{
	struct world *world = *state;
	char script[64], output[64];
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct proc proc = {
		.argv = argv, .timeout_ms = 5000, .output = output, .output_size = sizeof(output)};
	int fd, code;
	struct error err;

	make_text(world, "/f", "kept");
	fd = open(at(world, "/f"), O_RDONLY | O_CLOEXEC);
	assert_true(fd > 2);
	/* Numbers above 9 are not for a redirection of dash. */
	snprintf(script, sizeof(script), "cat /proc/self/fd/%d", fd);
	proc.keep_fd = fd;
	assert_int_equal(proc_run(&proc, &code, &err), 0);
	assert_string_equal(output, "kept");
	/* Only there: here it is as it was. */
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	proc.keep_fd = 0;
	assert_int_equal(proc_run(&proc, &code, &err), 0);
	assert_int_not_equal(code, 0);
	close(fd);
}

static void descriptors_do_not_leak_here(void **state)
{
	struct run run;
	int before = dup(STDERR_FILENO), after;

	(void)state;
	close(before);
	run_script(&run, "echo x", 5000, 0);
	run_script(&run, "sleep 5", 50, 0);
	run_script(&run, "kill -9 $$", 5000, 0);
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_code_is_given),
		cmocka_unit_test(output_is_captured),
		cmocka_unit_test(output_is_cut_not_waited_for),
		cmocka_unit_test(child_killed_by_a_signal_is_a_failure),
		cmocka_unit_test(missing_program_says_enoent),
		cmocka_unit_test_setup_teardown(program_that_cannot_run_is_not_missing, world_make,
						world_remove),
		cmocka_unit_test(missing_namespace_is_not_a_missing_program),
		cmocka_unit_test(deadline_ends_the_child),
		cmocka_unit_test(child_in_the_background_is_not_waited_for),
		cmocka_unit_test(environment_is_clean),
		cmocka_unit_test(signals_are_the_default_ones),
		cmocka_unit_test(umask_is_the_usual_one),
		cmocka_unit_test_setup_teardown(stdin_is_the_callers, world_make, world_remove),
		cmocka_unit_test_setup_teardown(descriptors_of_the_helper_stay_here, world_make,
						world_remove),
		cmocka_unit_test_setup_teardown(descriptor_to_keep_is_handed_on, world_make, world_remove),
		cmocka_unit_test(descriptors_do_not_leak_here),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
