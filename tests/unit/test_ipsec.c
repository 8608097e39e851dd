#include "vici_stub.h"

#include "ibmshare/conn.h"
#include "ibmshare/ipsec.h"

static const char golden[] =
	"# Written by mount.ibmshare for the share address 10.240.0.5. Changes are lost.\n"
	"connections {\n"
	"    ibmshare-ipsec-to-10-240-0-5 {\n"
	"        version = 2\n"
	"        proposals = aes256-sha384-ecp384\n"
	"        remote_addrs = 10.240.0.5\n"
	"        encap = yes\n"
	"        unique = replace\n"
	"        dpd_delay = 30s\n"
	"        keyingtries = 3\n"
	"        rekey_time = 3600\n"
	"        local {\n"
	"            certs = /etc/swanctl/x509/type_ibmshare.pem\n"
	"        }\n"
	"        remote {\n"
	"            id = %any\n"
	"        }\n"
	"        children {\n"
	"            ibmshare-ipsec-to-10-240-0-5 {\n"
	"                mode = transport\n"
	"                esp_proposals = aes256gcm16\n"
	"                local_ts = 0.0.0.0/0[any/any]\n"
	"                remote_ts = 10.240.0.5[any/any]\n"
	"                start_action = trap\n"
	"                rekey_time = 3600\n"
	"                rekey_bytes = 0\n"
	"            }\n"
	"        }\n"
	"    }\n"
	"}\n";

#define IP "10.240.0.5"
#define LEAF "/etc/swanctl/x509/type_ibmshare.pem"
#define NAME "ibmshare-ipsec-to-10-240-0-5"

static void connection_has_a_name(void **state)
{
	static const struct {
		const char *ip, *name;
	} cases[] = {
		{"10.240.0.5", NAME},
		{"1.2.3.4", "ibmshare-ipsec-to-1-2-3-4"},
		{"255.255.255.255", "ibmshare-ipsec-to-255-255-255-255"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		conn_name(cases[i].ip, buf);
		CHECK_TEXT(buf, cases[i].name, cases[i].ip);
	}
}

/* The parameters that the far side expects, word by word. */
static void file_is_the_golden_one(void **state)
{
	char *conf = conn_render_swanctl(IP, LEAF);

	(void)state;
	assert_non_null(conf);
	CHECK_TEXT(conf, golden, "conf");
	free(conf);
}

/* Lines "section/section/key=value", sorted neither way: both renderings have one order. */
struct flat {
	char text[4096];
};

static void add(struct flat *flat, const char *fmt, ...) _printf_(2, 3);

static void add(struct flat *flat, const char *fmt, ...)
{
	size_t len = strlen(flat->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(flat->text + len, sizeof(flat->text) - len, fmt, ap);
	va_end(ap);
}

/* Reads a file of swanctl as far as ours go: a section, an end or a key = value on each line. */
static void flatten_conf(const char *conf, struct flat *flat)
{
	char *copy = strdup(conf), path[8][64], *rest = copy, *line;
	unsigned depth = 0;

	assert_non_null(copy);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *equals, *end = line + strlen(line);

		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (strcmp(line, "}") == 0) {
			assert_true(depth-- > 0);
			continue;
		}
		if (end[-1] == '{') {
			assert_true(depth < 8);
			snprintf(path[depth++], sizeof(path[0]), "%.*s", (int)strcspn(line, " "), line);
			continue;
		}
		equals = strstr(line, " = ");
		assert_non_null(equals);
		*equals = '\0';
		/* `connections` is the file's only, vici begins below it. */
		for (unsigned i = 1; i < depth; i++)
			add(flat, "%s/", path[i]);
		add(flat, "%s=%s\n", line, strcmp(equals + 3, LEAF) == 0 ? "PEM" : equals + 3);
	}
	assert_int_equal(depth, 0);
	free(copy);
}

static void flatten_element(const struct vici_element *element, void *arg)
{
	for (unsigned i = 0; i < element->depth; i++)
		add(arg, "%s/", element->path[i]);
	add(arg, "%s=%s\n", element->key, element->value);
}

/* What charon has after a restart must be what it was given at the mount. */
static void both_renderings_say_the_same(void **state)
{
	static const char *const ips[] = {IP, "192.168.100.200"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		struct flat file = {{0}}, wire = {{0}};
		struct vici_message msg = {0};
		char *conf = conn_render_swanctl(ips[i], LEAF);

		assert_non_null(conf);
		flatten_conf(conf, &file);
		conn_render_vici(ips[i], "PEM", &msg);
		assert_false(msg.failed);
		assert_int_equal(vici_parse(msg.data, msg.len, flatten_element, &wire), 0);
		CHECK_TEXT(wire.text, file.text, ips[i]);
		assert_non_null(strstr(wire.text, "/mode=transport\n"));
		vici_message_free(&msg);
		free(conf);
	}
}

static void certificate_that_does_not_fit_is_seen(void **state)
{
	struct vici_message msg = {0};
	char *pem = repeat("x", 70000);

	(void)state;
	/* Too long for a list item: a failure that vici_call() reports. */
	conn_render_vici(IP, pem, &msg);
	assert_true(msg.failed);
	vici_message_free(&msg);
	free(pem);
}

static void conn_file_is_published_once(void **state)
{
	struct world *world = *state;
	struct stat before, after;
	struct store store;
	struct error err = {0};
	char path[PATH_MAX], *text;

	make_dir(world, "/etc/swanctl");
	assert_int_equal(store_open(&world->env, &store, &err), 0);
	assert_int_equal(store_prepare(&store, &err), 0);
	CHECK(ipsec_publish_conn(&store, IP, &err) == 0, "%s", err.text);
	store_conn_path(&store, IP, path);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0644);
	text = slurp(world, "/etc/swanctl/conf.d/type_ibmshare_" IP ".conf");
	CHECK_HOLDS(text, "    " NAME " {\n", "name");
	free(text);
	/* Nothing to do: the file stays the same one. */
	assert_int_equal(ipsec_publish_conn(&store, IP, &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	make_text(world, "/etc/swanctl/conf.d/type_ibmshare_" IP ".conf", "changed");
	assert_int_equal(ipsec_publish_conn(&store, IP, &err), 0);
	text = slurp(world, "/etc/swanctl/conf.d/type_ibmshare_" IP ".conf");
	CHECK_HOLDS(text, NAME, "mended");
	free(text);
}

static void child_sa(struct vici_message *msg, const char *state, const char *mode, const char *cipher,
		     const char *bits)
{
	vici_section(msg, NAME);
	vici_value(msg, "state", "ESTABLISHED");
	vici_value(msg, "encr-alg", "AES_CBC");
	vici_section(msg, "child-sas");
	vici_section(msg, NAME "-1");
	vici_value(msg, "name", NAME);
	vici_value(msg, "state", state);
	vici_value(msg, "mode", mode);
	vici_value(msg, "encr-alg", cipher);
	vici_value(msg, "encr-keysize", bits);
	vici_end(msg);
	vici_end(msg);
	vici_end(msg);
}

/* One round of list-sas: registration, the SAs as an event, the reply. */
static void list(int fd, struct stub_log *log, const struct vici_message *sa)
{
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
	if (sa)
		stub_packet(fd, STUB_EVENT, "list-sa", sa);
	stub_say(fd, STUB_RESPONSE, NULL, NULL, NULL);
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
}

/* One round of initiate, which ends with SUCCESS after a line of the log. */
static void negotiate(int fd, struct stub_log *log, const char *line, const char *success)
{
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
	stub_say(fd, STUB_EVENT, "control-log", "msg", line);
	stub_say(fd, STUB_RESPONSE, NULL, "success", success);
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
}

static void has_sa(int fd, struct stub_log *log)
{
	struct vici_message sa = {0};

	child_sa(&sa, "INSTALLED", "TRANSPORT", "AES_GCM_16", "256");
	list(fd, log, &sa);
	stub_take(fd, log);
}

static void gets_weak_sa(int fd, struct stub_log *log)
{
	struct vici_message sa = {0};

	list(fd, log, NULL);
	negotiate(fd, log, "parsed IKE_AUTH response", "yes");
	child_sa(&sa, "INSTALLED", "TRANSPORT", "AES_CBC", "128");
	list(fd, log, &sa);
	stub_take(fd, log);
}

static void gets_tunnel(int fd, struct stub_log *log)
{
	struct vici_message sa = {0};

	list(fd, log, NULL);
	negotiate(fd, log, "parsed IKE_AUTH response", "yes");
	child_sa(&sa, "INSTALLED", "TUNNEL", "AES_GCM_16", "256");
	list(fd, log, &sa);
	stub_take(fd, log);
}

static void gets_no_answer(int fd, struct stub_log *log)
{
	list(fd, log, NULL);
	negotiate(fd, log, "retransmit 1 of request with message ID 0", "no");
	/* It is told to give the half-open one up. */
	stub_take(fd, log);
	stub_say(fd, STUB_RESPONSE, NULL, "success", "yes");
	stub_take(fd, log);
}

static void gets_refused(int fd, struct stub_log *log)
{
	list(fd, log, NULL);
	negotiate(fd, log, "received AUTHENTICATION_FAILED notify error", "no");
	stub_take(fd, log);
}

static void does_not_trust(int fd, struct stub_log *log)
{
	list(fd, log, NULL);
	negotiate(fd, log, "no trusted RSA public key found for 'C=US, CN=host'", "no");
	stub_take(fd, log);
}

static void establish_judges_what_charon_says(void **state)
{
	static const struct {
		const char *name;
		stub_script script;
		int r;
		enum ipsec_outcome outcome;
		const char *text;
	} cases[] = {
		{"SA is there", has_sa, 0, IPSEC_PRESENT, ""},
		{"weak cipher", gets_weak_sa, -1, IPSEC_ESTABLISHED, "AES_CBC-128"},
		{"tunnel", gets_tunnel, -1, IPSEC_ESTABLISHED, "TUNNEL"},
		{"no answer", gets_no_answer, 0, IPSEC_NO_ANSWER, ""},
		{"refused", gets_refused, -1, IPSEC_ESTABLISHED, "does not trust this instance"},
		{"not trusted", does_not_trust, -1, IPSEC_ESTABLISHED, "C=US, CN=host"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum ipsec_outcome outcome;
		struct error err = {0};
		struct stub stub;
		char path[16];
		int r;

		snprintf(path, sizeof(path), "/s%zu", i);
		stub_start(&stub, world, path, cases[i].script, 5000);
		r = ipsec_establish(stub.vici, IP, 3000, &outcome, &err);
		CHECK(r == cases[i].r, "%s: %d, %s", cases[i].name, r, err.text);
		CHECK(r < 0 || outcome == cases[i].outcome, "%s: outcome %u", cases[i].name, outcome);
		CHECK(r == 0 || err.status == STATUS_IPSEC, "%s: status %d", cases[i].name, err.status);
		if (r < 0)
			CHECK_HOLDS(err.text, cases[i].text, cases[i].name);
		stub_finish(&stub);
		stub_free(&stub);
	}
}

static void daemon_is_found_at_either_place(void **state)
{
	static const char *const places[] = {"/run/strongswan/charon.vici", "/run/charon.vici"};
	struct world *world = *state;
	struct error err = {0};
	struct vici *vici = NULL;

	assert_int_equal(ipsec_open(&world->env, false, &vici, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
	/* Nothing is started that is not installed. */
	assert_int_equal(ipsec_open(&world->env, true, &vici, &err), -1);
	CHECK_HOLDS(err.text, "not installed", "text");
	make_dir(world, "/run/strongswan");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct stub stub;

		stub_start(&stub, world, places[i], has_sa, 0);
		CHECK(ipsec_open(&world->env, false, &vici, &err) == 0, "%s: %s", places[i], err.text);
		vici_close(vici);
		stub_finish(&stub);
		stub_free(&stub);
		assert_int_equal(unlink(at(world, places[i])), 0);
	}
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_has_a_name),
		cmocka_unit_test(file_is_the_golden_one),
		cmocka_unit_test(both_renderings_say_the_same),
		cmocka_unit_test(certificate_that_does_not_fit_is_seen),
		IN_WORLD(conn_file_is_published_once),
		IN_WORLD(establish_judges_what_charon_says),
		IN_WORLD(daemon_is_found_at_either_place),
	};

	return cmocka_run_group_tests_name("ipsec", tests, NULL, NULL);
}
