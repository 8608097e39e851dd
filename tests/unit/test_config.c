#include "util.h"

#include "ibmshare/config.h"

static char warnings[1024];

/* Declared here because the type of the callback has no attribute. */
static void collect(const char *fmt, ...) _printf_(1, 2);

static void collect(const char *fmt, ...)
{
	size_t len = strlen(warnings);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(warnings + len, sizeof(warnings) - len, fmt, ap);
	va_end(ap);
	strncat(warnings, "\n", sizeof(warnings) - strlen(warnings) - 1);
}

static void text_is_parsed(void **state)
{
	static const struct {
		const char *text, *regions;
		int seconds;
		const char *url;
	} cases[] = {
		{"", "", 3600, ""},
		{"\n\n\n", "", 3600, ""},
		{"# nothing\n#region=nowhere\n  # indented\n", "", 3600, ""},
		{"region=us-south\n", "us-south", 3600, ""},
		{"region=us-south", "us-south", 3600, ""},
		{"  region \t=  us-south \t\n", "us-south", 3600, ""},
		{"region = dal # the first one\n", "dal", 3600, ""},
		{"REGION=DAL\n", "DAL", 3600, ""},
		{"region=dal\r\ncertificate_duration_seconds=900\r\n", "dal", 900, ""},
		{"region=\ncertificate_duration_seconds=\nmetadata_url=\n", "", 3600, ""},
		{"region=dal\nregion=fra\n", "fra", 3600, ""},
		/* Short, long, lists, all. */
		{"region=all\n", "all", 3600, ""},
		{"region=ALL\n", "ALL", 3600, ""},
		{"region=eu-fr2\n", "eu-fr2", 3600, ""},
		{"region=us-south,in-che,mum\n", "us-south,in-che,mum", 3600, ""},
		{"region=us-south, eu-de\n", "us-south, eu-de", 3600, ""},
		{"region=us-south,\n", "us-south,", 3600, ""},
		/* The borders of a certificate's life. */
		{"certificate_duration_seconds=300\n", "", 300, ""},
		{"certificate_duration_seconds=3600\n", "", 3600, ""},
		{"certificate_duration_seconds = 0600\n", "", 600, ""},
		{"metadata_url=http://127.0.0.1:8080\n", "", 3600, "http://127.0.0.1:8080"},
		{"metadata_url=https://api.metadata.cloud.ibm.com\n", "", 3600,
		 "https://api.metadata.cloud.ibm.com"},
		/* Keys of the Python tool, with whatever values it gave them. */
		{"metadata_retry_count=x\nmetadata_retry_interval=-1\nSTUNNEL_ENV=a\n"
		 "TRUSTED_ROOT_CACERT=/x\nARCH_ENV=\n",
		 "", 3600, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config config;
		struct error err = {0};

		warnings[0] = '\0';
		memset(&config, 0x5a, sizeof(config));
		CHECK(config_parse("f", cases[i].text, &config, collect, &err) == 0, "'%s': %s",
		      cases[i].text, err.text);
		CHECK_TEXT(config.regions, cases[i].regions, cases[i].text);
		CHECK_TEXT(config.metadata_url, cases[i].url, cases[i].text);
		CHECK(config.certificate_seconds == cases[i].seconds, "'%s': %d s", cases[i].text,
		      config.certificate_seconds);
		CHECK_TEXT(config.file, "", cases[i].text);
		CHECK_TEXT(warnings, "", cases[i].text);
	}
}

static void bad_text_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *where; /* file:line, and what stands there */
	} cases[] = {
		{"region us-south\n", "f:1: 'region us-south'"},
		{"\n\nnonsense\n", "f:3: 'nonsense'"},
		{"# c\nregion=dal\n\nregion=mars\n", "f:4: region 'mars'"},
		{"region=us-south;eu-de\n", "f:1: region 'us-south;eu-de'"},
		{"region=us-south,mars,eu-de\n", "f:1: region 'mars'"},
		{"region=us_south\n", "f:1: region"},
		{"region=da\n", "f:1: region"},
		{"region=alles\n", "f:1: region"},
		{"certificate_duration_seconds=299\n", "f:1: certificate_duration_seconds is '299'"},
		{"certificate_duration_seconds=3601\n", "f:1: certificate_duration_seconds is '3601'"},
		{"\ncertificate_duration_seconds=-600\n", "f:2: "},
		{"certificate_duration_seconds=0\n", "f:1: "},
		{"certificate_duration_seconds=600s\n", "f:1: "},
		{"certificate_duration_seconds=6 00\n", "f:1: "},
		{"certificate_duration_seconds=0x400\n", "f:1: "},
		{"certificate_duration_seconds=ten\n", "f:1: "},
		{"certificate_duration_seconds=600.5\n", "f:1: "},
		/* 2^32 + 600, 2^64 + 600: would be 600 in too small a type. */
		{"certificate_duration_seconds=4294967896\n", "f:1: "},
		{"certificate_duration_seconds=18446744073709552216\n", "f:1: "},
		{"certificate_duration_seconds=99999999999999999999999999999999\n", "f:1: "},
		{"metadata_url=169.254.169.254\n", "f:1: metadata_url"},
		{"metadata_url=ftp://host\n", "f:1: metadata_url"},
		{"metadata_url=file:///etc/shadow\n", "f:1: metadata_url"},
		{"metadata_url=http://\n", "f:1: metadata_url"},
		{"metadata_url=http://host/path\n", "f:1: metadata_url"},
		{"metadata_url=http://user@host\n", "f:1: metadata_url"},
		{"metadata_url=http://ho st\n", "f:1: metadata_url"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config config = {.certificate_seconds = 7};
		struct error err = {0};

		CHECK(config_parse("f", cases[i].text, &config, NULL, &err) == -1, "'%s' passed",
		      cases[i].text);
		CHECK(err.status == STATUS_OTHER, "'%s': status %d", cases[i].text, err.status);
		CHECK_HOLDS(err.text, cases[i].where, cases[i].text);
		CHECK(err.remedy[0], "'%s': no remedy", cases[i].text);
		CHECK(config.certificate_seconds == 7, "'%s': output touched", cases[i].text);
	}
}

static void bad_number_names_the_range(void **state)
{
	struct config config;
	struct error err;

	(void)state;
	assert_int_equal(config_parse("f", "certificate_duration_seconds=1", &config, NULL, &err), -1);
	CHECK_HOLDS(err.remedy, "300", "remedy");
	CHECK_HOLDS(err.remedy, "3600", "remedy");
}

static void long_values_are_refused(void **state)
{
	char *regions = repeat("dal,", 128), *host = repeat("a", 249), text[1024];
	struct config config;
	struct error err;

	(void)state;
	/* 512 and 256 bytes: the NUL would not fit. */
	snprintf(text, sizeof(text), "region=%s", regions);
	assert_int_equal(config_parse("f", text, &config, NULL, &err), -1);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(config_parse("f", text, &config, NULL, &err), 0);
	assert_int_equal(strlen(config.regions), 511);
	snprintf(text, sizeof(text), "metadata_url=http://%s", host);
	assert_int_equal(config_parse("f", text, &config, NULL, &err), -1);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(config_parse("f", text, &config, NULL, &err), 0);
	assert_int_equal(strlen(config.metadata_url), 255);
	free(regions);
	free(host);
}

static void unknown_keys_are_warned_of(void **state)
{
	struct config config;
	struct error err;

	(void)state;
	warnings[0] = '\0';
	assert_int_equal(config_parse("/etc/x.conf", "region=dal\nregoin=fra\n\n= 1\nx y = 2\n", &config,
				      collect, &err),
			 0);
	assert_string_equal(config.regions, "dal");
	CHECK_HOLDS(warnings, "/etc/x.conf:2: ", "warning");
	CHECK_HOLDS(warnings, "'regoin'", "warning");
	CHECK_HOLDS(warnings, "/etc/x.conf:4: ", "warning");
	CHECK_HOLDS(warnings, "/etc/x.conf:5: ", "warning");
	CHECK_HOLDS(warnings, "'x y'", "warning");
	/* No callback: silent. */
	assert_int_equal(config_parse("f", "unknown=1\n", &config, NULL, &err), 0);
}

static void region_codes_are_known(void **state)
{
	static const char *const known[] = {
		"dal", "us-south", "wdc", "us-east", "lon", "eu-gb",  "fra", "eu-de",  "mad", "eu-es",
		"par", "eu-fr2",   "syd", "au-syd",  "tok", "jp-tok", "osa", "jp-osa", "tor", "ca-tor",
		"sao", "br-sao",   "mon", "ca-mon",  "che", "in-che", "mum", "in-mum", "all",
	};
	static const char *const unknown[] = {"", "a", "us", "us-", "us-southx", "dal ", "us-south,dal"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		CHECK(config_region_known(known[i], strlen(known[i])), "%s", known[i]);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		CHECK(!config_region_known(unknown[i], strlen(unknown[i])), "'%s'", unknown[i]);
	/* LEN counts, not the NUL. */
	assert_true(config_region_known("us-southern", 8));
}

#define IBMCLOUD "/etc/ibmcloud/share.conf"
#define IBMSHARE "/etc/ibmshare/share.conf"

static void first_file_found_is_read(void **state)
{
	struct world *world = *state;
	struct config config;
	struct error err;

	assert_int_equal(config_load(&world->env, &config, NULL, &err), 0);
	assert_string_equal(config.file, "");
	assert_int_equal(config.certificate_seconds, 3600);

	make_dir(world, "/etc/ibmshare");
	make_text(world, IBMSHARE, "region=fra\n");
	assert_int_equal(config_load(&world->env, &config, NULL, &err), 0);
	assert_string_equal(config.regions, "fra");
	assert_string_equal(config.file, at(world, IBMSHARE));

	make_dir(world, "/etc/ibmcloud");
	make_text(world, IBMCLOUD, "region=dal\n");
	assert_int_equal(config_load(&world->env, &config, NULL, &err), 0);
	assert_string_equal(config.regions, "dal");
	assert_string_equal(config.file, at(world, IBMCLOUD));
}

/* What is there but of no use must not make the second file, or the defaults, hold in silence. */
static void broken_file_is_an_error(void **state)
{
	struct world *world = *state;
	char *much = repeat("# comment\n", 7000);
	struct config config;
	struct error err;

	make_dir(world, "/etc/ibmcloud");
	make_dir(world, "/etc/ibmshare");
	make_text(world, IBMSHARE, "region=fra\n");

	make_text(world, IBMCLOUD, "region=mars\n");
	assert_int_equal(config_load(&world->env, &config, NULL, &err), -1);
	CHECK_HOLDS(err.text, IBMCLOUD ":1:", "bad value");

	make_text(world, IBMCLOUD, much);
	assert_int_equal(config_load(&world->env, &config, NULL, &err), -1);
	CHECK_HOLDS(err.text, "larger than", "too large");
	free(much);

	make_file(world, IBMCLOUD, "region=dal\n\0junk", 16, 0644);
	assert_int_equal(config_load(&world->env, &config, NULL, &err), -1);
	CHECK_HOLDS(err.text, "not a text file", "NUL");

	assert_int_equal(unlink(at(world, IBMCLOUD)), 0);
	make_dir(world, IBMCLOUD);
	assert_int_equal(config_load(&world->env, &config, NULL, &err), -1);
	CHECK_HOLDS(err.text, IBMCLOUD, "directory");
	assert_int_equal(err.status, STATUS_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_parsed),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(bad_number_names_the_range),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(unknown_keys_are_warned_of),
		cmocka_unit_test(region_codes_are_known),
		cmocka_unit_test_setup_teardown(first_file_found_is_read, world_make, world_remove),
		cmocka_unit_test_setup_teardown(broken_file_is_an_error, world_make, world_remove),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
