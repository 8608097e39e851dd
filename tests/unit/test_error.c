#include "util.h"

static void error_gathers_context(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, STATUS_TOKEN, "%s %d", "seven", 7), -1);
	assert_int_equal(err.status, STATUS_TOKEN);
	assert_string_equal(err.text, "seven 7");
	assert_string_equal(err.remedy, "");
	assert_int_equal(error_remedy(&err, "do %s", "this"), -1);
	assert_string_equal(err.remedy, "do this");
	assert_int_equal(error_prefix(&err, "no %s", "token"), -1);
	assert_string_equal(err.text, "no token: seven 7");
	assert_int_equal(err.status, STATUS_TOKEN);
	assert_string_equal(err.remedy, "do this");
	/* A new error forgets the old one's remedy. */
	assert_int_equal(error_set(&err, STATUS_OTHER, "new"), -1);
	assert_string_equal(err.remedy, "");
}

static void error_names_errno(void **state)
{
	struct error err = {.remedy = "old"};

	(void)state;
	assert_int_equal(error_errno(&err, STATUS_IPSEC, ENOENT, "%s", "/x"), -1);
	assert_string_equal(err.text, "/x: No such file or directory");
	assert_int_equal(err.status, STATUS_IPSEC);
	assert_string_equal(err.remedy, "");
	assert_int_equal(error_nomem(&err), -1);
	assert_int_equal(err.status, STATUS_INTERNAL);
}

static void error_text_is_cut_not_overrun(void **state)
{
	char *much = repeat("x", 5000);
	struct error err;

	(void)state;
	error_set(&err, STATUS_OTHER, "%s", much);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_prefix(&err, "front");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: xx", 9);
	error_prefix(&err, "%s", much);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_errno(&err, STATUS_OTHER, EIO, "%s", much);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_remedy(&err, "%s", much);
	assert_int_equal(strlen(err.remedy), sizeof(err.remedy) - 1);
	free(much);
}

/* Scripts and the Kubernetes driver read them. */
static void status_numbers_are_an_interface(void **state)
{
	(void)state;
	assert_int_equal(STATUS_METADATA, 1);
	assert_int_equal(STATUS_TOKEN, 2);
	assert_int_equal(STATUS_CERTIFICATE, 3);
	assert_int_equal(STATUS_IPSEC, 4);
	assert_int_equal(STATUS_SETUP, 5);
	assert_int_equal(STATUS_OTHER, 6);
	assert_int_equal(STATUS_NOT_ROOT, 7);
	assert_int_equal(STATUS_INTERNAL, 50);
	assert_int_equal(STATUS_MOUNT, 100);
}

static void path_is_put_in_the_root(void **state)
{
	struct env env = env_system;
	char buf[PATH_MAX];
	struct error err;

	(void)state;
	assert_int_equal(env_path(&env, buf, &err, "/etc/%s", "x"), 0);
	assert_string_equal(buf, "/etc/x");
	env.root = "/tmp/root";
	assert_int_equal(env_path(&env, buf, &err, "/etc/%s.%d", "x", 1), 0);
	assert_string_equal(buf, "/tmp/root/etc/x.1");
}

static void path_that_does_not_fit_fails(void **state)
{
	char *much = repeat("r", PATH_MAX);
	struct env env = env_system;
	char buf[PATH_MAX];
	struct error err;

	(void)state;
	/* The last that fits has PATH_MAX - 1 characters. */
	assert_int_equal(env_path(&env, buf, &err, "%s", much + 1), 0);
	assert_int_equal(strlen(buf), PATH_MAX - 1);
	assert_int_equal(env_path(&env, buf, &err, "%s", much), -1);
	assert_int_equal(err.status, STATUS_INTERNAL);
	env.root = much;
	assert_int_equal(env_path(&env, buf, &err, "/x"), -1);
	env.root = much + 2;
	assert_int_equal(env_path(&env, buf, &err, "/"), 0);
	assert_int_equal(env_path(&env, buf, &err, "/x"), -1);
	env.root = much + 1;
	assert_int_equal(env_path(&env, buf, &err, "/"), -1);
	free(much);
}

static void system_env_is_the_real_one(void **state)
{
	(void)state;
	assert_string_equal(env_system.root, "");
	assert_string_equal(env_system.metadata_address, "169.254.169.254");
	assert_int_equal(env_system.http_port, 80);
	assert_int_equal(env_system.https_port, 443);
	assert_null(env_system.ca_file);
	assert_true(env_system.now() > 1600000000);
}

static void monotonic_clock_goes_on(void **state)
{
	int64_t first = env_monotonic_ms();

	(void)state;
	usleep(20000);
	assert_in_range(env_monotonic_ms() - first, 20, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_gathers_context),
		cmocka_unit_test(error_names_errno),
		cmocka_unit_test(error_text_is_cut_not_overrun),
		cmocka_unit_test(status_numbers_are_an_interface),
		cmocka_unit_test(path_is_put_in_the_root),
		cmocka_unit_test(path_that_does_not_fit_fails),
		cmocka_unit_test(system_env_is_the_real_one),
		cmocka_unit_test(monotonic_clock_goes_on),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
