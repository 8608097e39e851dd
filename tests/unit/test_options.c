#include "util.h"

#include "ibmshare/options.h"

static void filter_takes_out_our_own(void **state)
{
	static const struct {
		const char *list;
		enum encryption encryption;
		const char *rest;
	} cases[] = {
		{"", ENCRYPTION_NONE, "sec=sys"},
		{"secure=true", ENCRYPTION_IPSEC, "sec=sys"},
		{"secure=TRUE", ENCRYPTION_IPSEC, "sec=sys"},
		{"SECURE=True", ENCRYPTION_IPSEC, "sec=sys"},
		{"secure=false", ENCRYPTION_NONE, "sec=sys"},
		{"Secure=FALSE", ENCRYPTION_NONE, "sec=sys"},
		{"ipsec", ENCRYPTION_IPSEC, "sec=sys"},
		{"IPsec", ENCRYPTION_IPSEC, "sec=sys"},
		{"stunnel", ENCRYPTION_STUNNEL, "sec=sys"},
		{"tls", ENCRYPTION_TLS, "sec=sys"},
		/* The same kind said twice is no contradiction. */
		{"secure=true,secure=true", ENCRYPTION_IPSEC, "sec=sys"},
		{"ipsec,secure=true,ipsec", ENCRYPTION_IPSEC, "sec=sys"},
		{"secure=false,secure=false", ENCRYPTION_NONE, "sec=sys"},
		/* What is not ours stays, in its order. */
		{"nconnect=4,vers=4.1", ENCRYPTION_NONE, "sec=sys,nconnect=4,vers=4.1"},
		{"nconnect=4,secure=true,vers=4.1,rw", ENCRYPTION_IPSEC, "sec=sys,nconnect=4,vers=4.1,rw"},
		{"rw,noatime,ipsec", ENCRYPTION_IPSEC, "sec=sys,rw,noatime"},
		{"vers=4.1,vers=4.2", ENCRYPTION_NONE, "sec=sys,vers=4.1,vers=4.2"},
		/* A given sec= is left alone, and in its place. */
		{"sec=krb5", ENCRYPTION_NONE, "sec=krb5"},
		{"rw,sec=krb5p,secure=true,hard", ENCRYPTION_IPSEC, "rw,sec=krb5p,hard"},
		{"sec=sys", ENCRYPTION_NONE, "sec=sys"},
		/* Names that only begin like ours. */
		{"security=none", ENCRYPTION_NONE, "sec=sys,security=none"},
		{"secured", ENCRYPTION_NONE, "sec=sys,secured"},
		{"sector=1", ENCRYPTION_NONE, "sec=sys,sector=1"},
		{"ipsecx,tlsx,stunnels", ENCRYPTION_NONE, "sec=sys,ipsecx,tlsx,stunnels"},
		{"xsec=krb5", ENCRYPTION_NONE, "sec=sys,xsec=krb5"},
		/* A comma in quotes parts nothing, and quotes hide our words. */
		{"context=\"a:b:c0,c1\",rw", ENCRYPTION_NONE, "sec=sys,context=\"a:b:c0,c1\",rw"},
		{"context=\"x,secure=true\"", ENCRYPTION_NONE, "sec=sys,context=\"x,secure=true\""},
		{"context=\"x,sec=krb5\",ipsec", ENCRYPTION_IPSEC, "sec=sys,context=\"x,sec=krb5\""},
		/* Empty items. */
		{",", ENCRYPTION_NONE, "sec=sys"},
		{",,rw,,ro,,", ENCRYPTION_NONE, "sec=sys,rw,ro"},
		{",secure=true,", ENCRYPTION_IPSEC, "sec=sys"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum encryption encryption = ENCRYPTION_TLS;
		struct error err = {0};
		char *rest = NULL;

		CHECK(options_filter(cases[i].list, &encryption, &rest, &err) == 0, "'%s': %s", cases[i].list,
		      err.text);
		CHECK(encryption == cases[i].encryption, "'%s': encryption %u", cases[i].list, encryption);
		CHECK_TEXT(rest, cases[i].rest, cases[i].list);
		free(rest);
	}
}

static void filter_refuses(void **state)
{
	static const struct {
		const char *list, *text;
	} cases[] = {
		{"secure", "secure"},
		{"secure=", "secure="},
		{"secure=maybe", "secure=maybe"},
		{"secure=1", "secure=1"},
		{"secure=truely", "secure=truely"},
		{"SECURE=yes", "SECURE=yes"},
		{"rw,secure=\"true\"", "secure="},
		{"ipsec,stunnel", "more than one"},
		{"stunnel,ipsec", "more than one"},
		{"tls,stunnel", "more than one"},
		{"secure=true,tls", "more than one"},
		{"secure=true,secure=false", "more than one"},
		{"secure=false,ipsec", "more than one"},
		{"rw,tls,hard,ipsec", "more than one"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum encryption encryption = ENCRYPTION_TLS;
		struct error err = {0};
		char *rest = UNTOUCHED;

		CHECK(options_filter(cases[i].list, &encryption, &rest, &err) == -1, "'%s' passed",
		      cases[i].list);
		CHECK(err.status == STATUS_OTHER, "'%s': status %d", cases[i].list, err.status);
		CHECK_HOLDS(err.text, cases[i].text, cases[i].list);
		CHECK(err.remedy[0], "'%s': no remedy", cases[i].list);
		assert_ptr_equal(rest, UNTOUCHED);
		assert_int_equal(encryption, ENCRYPTION_TLS);
	}
}

static void filter_survives_a_long_option(void **state)
{
	char *list = repeat("x", 100000), *rest = NULL;
	enum encryption encryption;
	struct error err;

	(void)state;
	assert_int_equal(options_filter(list, &encryption, &rest, &err), 0);
	assert_int_equal(strlen(rest), strlen("sec=sys,") + 100000);
	free(rest);
	memcpy(list, "secure=", 7);
	assert_int_equal(options_filter(list, &encryption, &rest, &err), -1);
	free(list);
}

static void source_is_split(void **state)
{
	static const struct {
		const char *source, *host, *path;
	} cases[] = {
		{"10.240.0.5:/acdaecff_a291", "10.240.0.5", "/acdaecff_a291"},
		{"host:/", "host", "/"},
		{"host.example.com:/a/b/c", "host.example.com", "/a/b/c"},
		{"my_host-1:/x", "my_host-1", "/x"},
		{"[fd00::1]:/x", "fd00::1", "/x"},
		{"[fe80::1%eth0]:/x", "fe80::1%eth0", "/x"},
		{"host:/a:b", "host", "/a:b"},
		{"host:/with blank", "host", "/with blank"},
		{"host:/-x,y=z", "host", "/-x,y=z"},
		{"host:/\xc3\xa4", "host", "/\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *host = NULL, *path = NULL;
		struct error err = {0};

		CHECK(options_split_source(cases[i].source, &host, &path, &err) == 0, "'%s': %s",
		      cases[i].source, err.text);
		CHECK_TEXT(host, cases[i].host, cases[i].source);
		CHECK_TEXT(path, cases[i].path, cases[i].source);
		free(host);
		free(path);
	}
}

static void check_source_refused(const char *source)
{
	char *host = UNTOUCHED, *path = UNTOUCHED;
	struct error err = {0};

	CHECK(options_split_source(source, &host, &path, &err) == -1, "'%.80s' passed", source);
	CHECK(err.status == STATUS_OTHER, "'%.80s': status %d", source, err.status);
	CHECK(err.remedy[0], "'%.80s': no remedy", source);
	CHECK(host == UNTOUCHED && path == UNTOUCHED, "'%.80s': output touched", source);
}

static void source_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		"host",
		"/dev/sda1",
		"host:",
		"host:path",
		":/path",
		"[]:/path",
		"[fd00::1]",
		"[fd00::1]/path",
		"[fd00::1:/path",
		"fd00::1:/path",
		"-o:/path",
		"--help:/path",
		"host name:/path",
		" host:/path",
		"ho\nst:/path",
		"host\t:/path",
		"host;reboot:/path",
		"$(id):/path",
		"host}:/path",
		"host/../x:/path",
		"user@host:/path",
		"host%eth0:/path",
		"[host name]:/path",
		"host:/pa\nth",
		"host:/path\r",
		"host:/pa\033[2Jth",
		"host:/pa\177th",
		/* They would end a section of strongSwan's file. */
		"host:/}",
		"host:/{",
		"host:/\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_source_refused(cases[i]);
}

static void source_has_limits(void **state)
{
	char *name = repeat("a", 254), *dir = repeat("b", 1024);
	char *source = malloc(strlen(name) + strlen(dir) + 16);
	char *host, *path;
	struct error err;

	(void)state;
	assert_non_null(source);
	/* RFC 1035 gives a name 253 characters, NFS 4 servers a path 1024 bytes. */
	sprintf(source, "%s:/x", name);
	check_source_refused(source);
	sprintf(source, "%s:/x", name + 1);
	assert_int_equal(options_split_source(source, &host, &path, &err), 0);
	free(host);
	free(path);
	sprintf(source, "h:/%s", dir);
	check_source_refused(source);
	sprintf(source, "h:/%s", dir + 1);
	assert_int_equal(options_split_source(source, &host, &path, &err), 0);
	free(host);
	free(path);
	free(source);
	free(name);
	free(dir);
}

enum {
	ARGS_MAX = 16,
};

/* getopt(3) moves arguments about, so each case has its own copy. */
static int parse(const char *const args[ARGS_MAX], struct mount_request *req, struct error *err)
{
	char *argv[ARGS_MAX + 1] = {0};
	int argc = 0;

	while (argc < ARGS_MAX && args[argc]) {
		argv[argc] = (char *)(uintptr_t)args[argc];
		argc++;
	}
	return options_parse(argc, argv, req, err);
}

#define SRC "10.240.0.5:/share"

static void command_line_is_parsed(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		const char *flags, *ns, *options;
		enum encryption encryption;
	} cases[] = {
		/* As mount(8) calls a helper. */
		{{"m", SRC, "/mnt", "-o", "rw,secure=true"}, "", NULL, "sec=sys,rw", ENCRYPTION_IPSEC},
		{{"m", SRC, "/mnt", "-v", "-o", "rw"}, "v", NULL, "sec=sys,rw", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-fnsv", "-o", "ipsec"}, "fnsv", NULL, "sec=sys", ENCRYPTION_IPSEC},
		{{"m", SRC, "/mnt", "-s", "-n"}, "sn", NULL, "sec=sys", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-N", "/proc/1/ns/mnt"},
		 "",
		 "/proc/1/ns/mnt",
		 "sec=sys",
		 ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-t", "ibmshare"}, "", NULL, "sec=sys", ENCRYPTION_NONE},
		/* As a person types it. */
		{{"m", SRC, "/mnt"}, "", NULL, "sec=sys", ENCRYPTION_NONE},
		{{"m", "-v", "-o", "hard", SRC, "/mnt"}, "v", NULL, "sec=sys,hard", ENCRYPTION_NONE},
		{{"m", "-f", SRC, "-n", "/mnt", "-v"}, "fnv", NULL, "sec=sys", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-o", "a", "-o", "b", "-oc"}, "", NULL, "sec=sys,a,b,c", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-o", "ipsec", "-o", "sec=krb5"}, "", NULL, "sec=krb5", ENCRYPTION_IPSEC},
		{{"m", SRC, "/mnt", "-o", "", "-o", "a"}, "", NULL, "sec=sys,a", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-r"}, "", NULL, "sec=sys,ro", ENCRYPTION_NONE},
		{{"m", SRC, "/mnt", "-w", "-o", "hard"}, "", NULL, "sec=sys,rw,hard", ENCRYPTION_NONE},
		{{"m", "-v", "--", SRC, "/mnt"}, "v", NULL, "sec=sys", ENCRYPTION_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_request req = {0};
		const char *flags = cases[i].flags;
		struct error err = {0};
		char name[32];

		snprintf(name, sizeof(name), "case %zu", i);
		CHECK(parse(cases[i].args, &req, &err) == 0, "%s: %s", name, err.text);
		CHECK_TEXT(req.source, SRC, name);
		CHECK_TEXT(req.target, "/mnt", name);
		CHECK_TEXT(req.host, "10.240.0.5", name);
		CHECK_TEXT(req.path, "/share", name);
		CHECK_TEXT(req.nfs_options, cases[i].options, name);
		CHECK_TEXT(req.mount_ns ? req.mount_ns : "", cases[i].ns ? cases[i].ns : "", name);
		CHECK(req.fake == (strchr(flags, 'f') != NULL), "%s: -f", name);
		CHECK(req.no_mtab == (strchr(flags, 'n') != NULL), "%s: -n", name);
		CHECK(req.sloppy == (strchr(flags, 's') != NULL), "%s: -s", name);
		CHECK(req.verbose == (strchr(flags, 'v') != NULL), "%s: -v", name);
		CHECK(req.encryption == cases[i].encryption, "%s: encryption", name);
		options_free(&req);
	}
}

static void command_line_is_refused(void **state)
{
	static const char *const cases[][ARGS_MAX] = {
		{"m"},
		{"m", SRC},
		{"m", "-v"},
		{"m", "-o", "rw", SRC},
		{"m", SRC, "/mnt", "/more"},
		{"m", SRC, "/mnt", "-o"},
		{"m", SRC, "/mnt", "-N"},
		{"m", SRC, "/mnt", "-x"},
		{"m", SRC, "/mnt", "--bind"},
		{"m", "share", "/mnt"},
		{"m", SRC, "/mnt", "-o", "secure=maybe"},
		{"m", SRC, "/mnt", "-o", "ipsec", "-o", "tls"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_request req = {.host = UNTOUCHED};
		struct error err = {0};

		CHECK(parse(cases[i], &req, &err) == -1, "case %zu passed", i);
		CHECK(err.status == STATUS_OTHER, "case %zu: status %d", i, err.status);
		CHECK(err.text[0] && err.remedy[0], "case %zu: '%s', '%s'", i, err.text, err.remedy);
		CHECK(req.host == UNTOUCHED, "case %zu: output touched", i);
	}
}

/* Whoever calls mount(8) may have it set; the order of its arguments stays what it is. */
static void command_line_takes_no_notice_of_posixly_correct(void **state)
{
	static const char *const args[ARGS_MAX] = {"m", SRC, "/mnt", "-v", "-o", "ipsec"};
	struct mount_request req = {0};
	struct error err = {0};
	int r;

	(void)state;
	setenv("POSIXLY_CORRECT", "1", 1);
	r = parse(args, &req, &err);
	unsetenv("POSIXLY_CORRECT");
	CHECK(r == 0, "%s", err.text);
	assert_int_equal(req.encryption, ENCRYPTION_IPSEC);
	options_free(&req);
}

static void freeing_twice_is_harmless(void **state)
{
	static const char *const args[ARGS_MAX] = {"m", SRC, "/mnt"};
	struct mount_request req = {0};
	struct error err;

	(void)state;
	options_free(&req);
	assert_int_equal(parse(args, &req, &err), 0);
	options_free(&req);
	options_free(&req);
	assert_null(req.nfs_options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: getopt(3) looks at the variable once in a process. */
		cmocka_unit_test(command_line_takes_no_notice_of_posixly_correct),
		cmocka_unit_test(filter_takes_out_our_own),
		cmocka_unit_test(filter_refuses),
		cmocka_unit_test(filter_survives_a_long_option),
		cmocka_unit_test(source_is_split),
		cmocka_unit_test(source_is_refused),
		cmocka_unit_test(source_has_limits),
		cmocka_unit_test(command_line_is_parsed),
		cmocka_unit_test(command_line_is_refused),
		cmocka_unit_test(freeing_twice_is_harmless),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
