#include "pki.h"

#include "ibmshare/credential.h"
#include "ibmshare/file.h"
#include "ibmshare/log.h"
#include "ibmshare/store.h"

static struct pki *pki;

#define SWANCTL "/etc/swanctl"
#define KEY SWANCTL "/private/type_ibmshare.key"
#define LEAF SWANCTL "/x509/type_ibmshare.pem"
#define INTERMEDIATE SWANCTL "/x509ca/type_ibmshare_int.crt"

static int group_setup(void **state)
{
	(void)state;
	pki = pki_make(world_now());
	return pki ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(pki);
	return 0;
}

static void open_store(struct world *world, struct store *store)
{
	struct error err = {0};

	make_dir(world, SWANCTL);
	CHECK(store_open(&world->env, store, &err) == 0, "%s", err.text);
}

static void publish(const struct store *store, const struct certs_key *key)
{
	const struct metadata_certificate cert = {.leaf = pki->leaf.pem,
						  .intermediate = pki->intermediate.pem};
	struct error err = {0};

	CHECK(store_publish(store, key, &cert, &err) == 0, "%s", err.text);
}

static void directory_is_found(void **state)
{
	struct world *world = *state;
	struct store store;
	struct error err = {0};

	assert_int_equal(store_open(&world->env, &store, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
	CHECK_HOLDS(err.text, "strongSwan", "text");
	assert_true(err.remedy[0]);
	make_dir(world, "/etc/strongswan/swanctl");
	assert_int_equal(store_open(&world->env, &store, &err), 0);
	assert_string_equal(store.dir, at(world, "/etc/strongswan/swanctl"));
	/* A file of that name is no store. */
	make_text(world, SWANCTL, "");
	assert_int_equal(store_open(&world->env, &store, &err), 0);
	assert_string_equal(store.dir, at(world, "/etc/strongswan/swanctl"));
	assert_int_equal(unlink(at(world, SWANCTL)), 0);
	make_dir(world, SWANCTL);
	assert_int_equal(store_open(&world->env, &store, &err), 0);
	assert_string_equal(store.dir, at(world, SWANCTL));
}

static void paths_are_the_documented_ones(void **state)
{
	const struct store store = {.dir = "/s"};
	char buf[PATH_MAX];

	(void)state;
	assert_string_equal(store_key_path(&store, buf), "/s/private/type_ibmshare.key");
	assert_string_equal(store_leaf_path(&store, buf), "/s/x509/type_ibmshare.pem");
	assert_string_equal(store_intermediate_path(&store, buf), "/s/x509ca/type_ibmshare_int.crt");
	assert_string_equal(store_ca_path(&store, "n", buf), "/s/x509ca/n");
	assert_string_equal(store_conn_path(&store, "10.240.0.5", buf),
			    "/s/conf.d/type_ibmshare_10.240.0.5.conf");
}

static void prepare_makes_what_is_missing(void **state)
{
	struct world *world = *state;
	mode_t old = umask(022);
	struct store store;
	struct error err;

	open_store(world, &store);
	make_dir(world, SWANCTL "/x509ca");
	assert_int_equal(store_prepare(&store, &err), 0);
	assert_int_equal(store_prepare(&store, &err), 0);
	umask(old);
	assert_int_equal(mode_of(world, SWANCTL "/private"), 0700);
	assert_int_equal(mode_of(world, SWANCTL "/x509"), 0755);
	assert_int_equal(mode_of(world, SWANCTL "/conf.d"), 0755);
}

static void publish_gives_modes_and_content(void **state)
{
	struct world *world = *state;
	struct certs_key *key;
	struct store store;
	struct error err;
	char *text;

	open_store(world, &store);
	publish(&store, pki->leaf.key);
	assert_int_equal(mode_of(world, KEY), 0600);
	assert_int_equal(mode_of(world, LEAF), 0644);
	assert_int_equal(mode_of(world, INTERMEDIATE), 0644);
	assert_true(file_holds(at(world, LEAF), pki->leaf.pem, strlen(pki->leaf.pem)));
	assert_true(
		file_holds(at(world, INTERMEDIATE), pki->intermediate.pem, strlen(pki->intermediate.pem)));
	assert_int_equal(store_key(&store, &key, &err), 0);
	assert_non_null(key);
	assert_int_equal(store_read(at(world, LEAF), &text, &err), 0);
	assert_true(certs_key_matches(key, text));
	free(text);
	certs_key_free(key);
}

/* The leaf stands only beside its key: it goes before the key, and comes last. */
static void key_never_stands_beside_another_leaf(void **state)
{
	const struct metadata_certificate cert = {.leaf = pki->leaf.pem,
						  .intermediate = pki->intermediate.pem};
	struct world *world = *state;
	struct store store;
	struct error err;

	open_store(world, &store);
	publish(&store, pki->leaf.key);
	assert_int_equal(store_publish_key(&store, pki->other, &err), 0);
	assert_false(exists(world, LEAF));
	assert_int_equal(mode_of(world, KEY), 0600);
	/* Stopped half-way, since the intermediate cannot be written. */
	publish(&store, pki->leaf.key);
	assert_int_equal(unlink(at(world, LEAF)), 0);
	assert_int_equal(unlink(at(world, INTERMEDIATE)), 0);
	make_dir(world, INTERMEDIATE);
	assert_int_equal(store_publish(&store, NULL, &cert, &err), -1);
	assert_false(exists(world, LEAF));
	/* Nor is a key published whose leaf cannot be taken away. */
	make_dir(world, LEAF);
	assert_int_equal(store_publish_key(&store, pki->other, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
}

static void renewal_keeps_the_key(void **state)
{
	struct world *world = *state;
	struct store store;
	char *before, *after;

	open_store(world, &store);
	publish(&store, pki->leaf.key);
	before = slurp(world, KEY);
	publish(&store, NULL);
	after = slurp(world, KEY);
	assert_string_equal(before, after);
	assert_true(exists(world, LEAF));
	free(before);
	free(after);
}

static void missing_key_is_no_error(void **state)
{
	struct world *world = *state;
	struct certs_key *key = (struct certs_key *)UNTOUCHED;
	struct store store;
	struct error err;
	char *text = UNTOUCHED;

	open_store(world, &store);
	assert_int_equal(store_key(&store, &key, &err), 0);
	assert_null(key);
	assert_int_equal(store_read(at(world, LEAF), &text, &err), 0);
	assert_null(text);
	/* Nor is one that cannot be read: a new one takes its place. */
	assert_int_equal(store_prepare(&store, &err), 0);
	make_file(world, KEY, "nonsense", 8, 0600);
	assert_int_equal(store_key(&store, &key, &err), 0);
	assert_null(key);
}

static void open_key_is_closed_to_others(void **state)
{
	static const mode_t modes[] = {0644, 0666, 0640, 0604, 0400, 0700};
	struct world *world = *state;
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), fd;
	struct store store;
	char *text;

	open_store(world, &store);
	publish(&store, pki->leaf.key);
	/* It warns of it. */
	fd = open(at(world, "/stderr"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(fd, STDERR_FILENO);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct certs_key *key = NULL;
		struct error err = {0};
		int r;

		chmod(at(world, KEY), modes[i]);
		r = store_key(&store, &key, &err);
		certs_key_free(key);
		if (r < 0 || !key || mode_of(world, KEY) != 0600) {
			dup2(saved, STDERR_FILENO);
			fail_msg("mode %04o: %04o, %s", modes[i], mode_of(world, KEY), err.text);
		}
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	text = slurp(world, "/stderr");
	CHECK_HOLDS(text, "had mode 0644", "warning");
	assert_null(strstr(text, "0400"));
	free(text);
}

static void key_that_is_a_link_is_refused(void **state)
{
	struct world *world = *state;
	struct certs_key *key = NULL;
	struct store store;
	struct error err;

	open_store(world, &store);
	assert_int_equal(store_prepare(&store, &err), 0);
	make_text(world, "/elsewhere", "x");
	assert_int_equal(symlink(at(world, "/elsewhere"), at(world, KEY)), 0);
	assert_int_equal(store_key(&store, &key, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
	assert_int_equal(mode_of(world, "/elsewhere"), 0644);
	assert_null(key);
}

struct names {
	char all[1024];
	unsigned count, stop_after;
};

static int add_name(const char *name, void *arg)
{
	struct names *names = arg;

	strncat(names->all, name, sizeof(names->all) - strlen(names->all) - 1);
	strncat(names->all, ";", sizeof(names->all) - strlen(names->all) - 1);
	return ++names->count == names->stop_after ? -1 : 0;
}

static int add_ca(const char *name, const char *pem, void *arg)
{
	assert_string_equal(pem, "text");
	return add_name(name, arg);
}

static void each_ca_ignores_foreign_names(void **state)
{
	static const char *const foreign[] = {"other.crt", "ibmshare.crt", "xtype_ibmshare_root_a",
					      "type_ibmshar_root", ".type_ibmshare_int.crt.0.tmp"};
	struct world *world = *state;
	struct names names = {0};
	struct store store;
	struct error err;
	char path[128];

	open_store(world, &store);
	assert_int_equal(store_each_ca(&store, add_ca, &names, &err), 0); /* no directory */
	assert_int_equal(store_prepare(&store, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		snprintf(path, sizeof(path), SWANCTL "/x509ca/%s", foreign[i]);
		make_text(world, path, "foreign");
	}
	assert_int_equal(store_each_ca(&store, add_ca, &names, &err), 0);
	assert_int_equal(names.count, 0);
	make_text(world, SWANCTL "/x509ca/type_ibmshare_int.crt", "text");
	make_text(world, SWANCTL "/x509ca/type_ibmshare_root_fra", "text");
	assert_int_equal(store_each_ca(&store, add_ca, &names, &err), 0);
	assert_int_equal(names.count, 2);
	CHECK_HOLDS(names.all, "type_ibmshare_int.crt;", "names");
	CHECK_HOLDS(names.all, "type_ibmshare_root_fra;", "names");
	names = (struct names){.stop_after = 1};
	assert_int_equal(store_each_ca(&store, add_ca, &names, &err), -1);
	assert_int_equal(names.count, 1);
}

/* One broken file of a region that nobody uses must not stop the others. */
static void each_ca_goes_on_after_a_broken_file(void **state)
{
	char *much = repeat("x", CERTS_PEM_MAX + 1);
	struct world *world = *state;
	struct names names = {0};
	struct store store;
	struct error err = {0};

	open_store(world, &store);
	assert_int_equal(store_prepare(&store, &err), 0);
	make_text(world, SWANCTL "/x509ca/type_ibmshare_root_fra", "text");
	make_text(world, SWANCTL "/x509ca/type_ibmshare_root_big", much);
	make_dir(world, SWANCTL "/x509ca/type_ibmshare_root_dir");
	free(much);
	CHECK(store_each_ca(&store, add_ca, &names, &err) == 0, "%s", err.text);
	assert_int_equal(names.count, 1);
}

static void each_conn_ignores_foreign_names(void **state)
{
	static const char *const foreign[] = {
		"other.conf", "type_ibmshare_.conf", "type_ibmshare_10.0.0.1.conf.bak",
		".type_ibmshare_10.0.0.1.conf.00.tmp", "xtype_ibmshare_10.0.0.1.conf",
		/* Ours begin so, but only an address makes a connection. */
		"type_ibmshare_backup.conf", "type_ibmshare_10.0.0.conf", "type_ibmshare_10.0.0.1.old.conf"};
	struct world *world = *state;
	struct names names = {0};
	struct store store;
	struct error err;
	char path[128];

	open_store(world, &store);
	assert_int_equal(store_each_conn(&store, add_name, &names, &err), 0);
	assert_int_equal(store_prepare(&store, &err), 0);
	make_text(world, SWANCTL "/conf.d/type_ibmshare_10.240.0.5.conf", "");
	make_text(world, SWANCTL "/conf.d/type_ibmshare_192.168.100.200.conf", "");
	assert_int_equal(store_each_conn(&store, add_name, &names, &err), 0);
	assert_int_equal(names.count, 2);
	CHECK_HOLDS(names.all, "10.240.0.5;", "addresses");
	CHECK_HOLDS(names.all, "192.168.100.200;", "addresses");
	names = (struct names){.stop_after = 1};
	assert_int_equal(store_each_conn(&store, add_name, &names, &err), -1);
	assert_int_equal(names.count, 1);
	names = (struct names){0};
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		snprintf(path, sizeof(path), SWANCTL "/conf.d/%s", foreign[i]);
		make_text(world, path, "");
	}
	assert_int_equal(store_each_conn(&store, add_name, &names, &err), 0);
	CHECK(names.count == 2, "it gave %s", names.all);
}

static int64_t later_by;

static int64_t later(void)
{
	return world_now() + later_by;
}

static void credential_has_a_state(void **state)
{
	static const struct {
		int64_t after;
		enum credential_state want;
	} cases[] = {
		{-CERTS_SKEW_SECONDS - 1, CREDENTIAL_MISSING},
		{-CERTS_SKEW_SECONDS, CREDENTIAL_VALID},
		{0, CREDENTIAL_VALID},
		{2519, CREDENTIAL_VALID},
		{2520, CREDENTIAL_DUE},
		{3599, CREDENTIAL_DUE},
		{3600, CREDENTIAL_MISSING},
	};
	struct world *world = *state;
	enum credential_state have;
	struct certs_info leaf;
	struct store store;
	const char *why;
	struct error err = {0};

	open_store(world, &store);
	world->env.now = later;
	later_by = 0;
	assert_int_equal(credential_state(&world->env, &store, &have, &leaf, &why, &err), 0);
	assert_int_equal(have, CREDENTIAL_MISSING);
	publish(&store, pki->leaf.key);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		later_by = cases[i].after;
		CHECK(credential_state(&world->env, &store, &have, &leaf, &why, &err) == 0, "%s", err.text);
		CHECK(have == cases[i].want, "after %d s: %u, %s", (int)later_by, have, why);
		CHECK(have == CREDENTIAL_MISSING || leaf.not_after == world_now() + PKI_HOUR, "leaf");
	}
	later_by = 0;
	publish(&store, pki->other); /* a leaf for another key */
	assert_int_equal(credential_state(&world->env, &store, &have, &leaf, &why, &err), 0);
	assert_int_equal(have, CREDENTIAL_MISSING);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(directory_is_found),
		cmocka_unit_test(paths_are_the_documented_ones),
		IN_WORLD(prepare_makes_what_is_missing),
		IN_WORLD(publish_gives_modes_and_content),
		IN_WORLD(key_never_stands_beside_another_leaf),
		IN_WORLD(renewal_keeps_the_key),
		IN_WORLD(missing_key_is_no_error),
		IN_WORLD(open_key_is_closed_to_others),
		IN_WORLD(key_that_is_a_link_is_refused),
		IN_WORLD(each_ca_ignores_foreign_names),
		IN_WORLD(each_ca_goes_on_after_a_broken_file),
		IN_WORLD(each_conn_ignores_foreign_names),
		IN_WORLD(credential_has_a_state),
	};

	return cmocka_run_group_tests_name("store", tests, group_setup, group_teardown);
}
