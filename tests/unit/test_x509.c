#include "pki.h"

static struct pki *pki;
#define NOW world_now()

static int group_setup(void **state)
{
	(void)state;
	pki = pki_make(NOW);
	return pki ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(pki);
	return 0;
}

/* Glues texts together; the caller frees it. */
static char *glue(const char *one, const char *two, const char *three)
{
	size_t size = strlen(one) + strlen(two) + strlen(three) + 1;
	char *all = malloc(size);

	assert_non_null(all);
	snprintf(all, size, "%s%s%s", one, two, three);
	return all;
}

static void info_tells_dates_subject_and_serial(void **state)
{
	char *text = glue("a comment\n", pki->leaf.pem, pki->intermediate.pem);
	struct certs_info info;
	struct error err = {0};

	(void)state;
	CHECK(certs_info(text, &info, &err) == 0, "%s", err.text);
	assert_int_equal(info.not_before, NOW);
	assert_int_equal(info.not_after, NOW + PKI_HOUR);
	CHECK_HOLDS(info.subject, "leaf", "subject");
	assert_string_equal(info.serial, "ABCDEF");
	free(text);
}

static void info_does_not_depend_on_the_time_zone(void **state)
{
	struct certs_info info;
	struct error err;

	(void)state;
	setenv("TZ", "America/Chicago", 1);
	tzset();
	assert_int_equal(certs_info(pki->leaf.pem, &info, &err), 0);
	unsetenv("TZ");
	tzset();
	assert_int_equal(info.not_before, NOW);
}

/* UTCTime ends with 2049, GeneralizedTime goes on. */
static void info_reads_both_forms_of_time(void **state)
{
	struct pki_cert far = {0};
	struct certs_info info;
	struct error err;

	(void)state;
	pki_issue(&far, NULL, pki->other, &(struct pki_spec){"far", NOW, 4102444800, false, 1});
	assert_int_equal(certs_info(far.pem, &info, &err), 0);
	assert_int_equal(info.not_after, 4102444800); /* 2100-01-01 */
	pki_drop(&far, false);
}

static void subject_is_cut_and_has_no_control_characters(void **state)
{
	struct pki_cert odd = {0};
	struct certs_info info;
	struct error err;

	(void)state;
	pki_issue(&odd, NULL, pki->other, &(struct pki_spec){"a\nb\033[2J", NOW, NOW + 9, false, 1});
	assert_int_equal(certs_info(odd.pem, &info, &err), 0);
	assert_null(strpbrk(info.subject, "\n\033"));
	pki_drop(&odd, false);
}

static void what_is_no_certificate_is_refused(void **state)
{
	char *cut = strdup(pki->leaf.pem);
	const char *const texts[] = {
		"",
		"nonsense",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n",
		cut,
	};
	char *normal;

	(void)state;
	assert_non_null(cut);
	cut[strlen(cut) / 2] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct certs_info info;
		struct error err = {0};

		CHECK(certs_info(texts[i], &info, &err) == -1, "'%s' passed", texts[i]);
		CHECK(err.text[0], "'%s': no text", texts[i]);
		CHECK(!certs_key_matches(pki->other, texts[i]), "'%s' matches", texts[i]);
		CHECK(!certs_signed_by(texts[i], pki->root.pem), "'%s' is signed", texts[i]);
		CHECK(!certs_signed_by(pki->leaf.pem, texts[i]), "'%s' signed", texts[i]);
		normal = strdup(texts[i]);
		CHECK(certs_normalize(&normal, &err) == -1, "'%s' is normal", texts[i]);
		/* Still the caller's, and as it was. */
		CHECK_TEXT(normal, texts[i], "normalize");
		free(normal);
	}
	free(cut);
}

static void key_matches_its_certificate_only(void **state)
{
	(void)state;
	assert_true(certs_key_matches(pki->leaf.key, pki->leaf.pem));
	assert_false(certs_key_matches(pki->other, pki->leaf.pem));
	assert_false(certs_key_matches(pki->leaf.key, pki->intermediate.pem));
}

/* strongSwan's: of the RSAPublicKey alone, RFC 8017, without the algorithm around it. */
static void key_id_is_of_the_public_key(void **state)
{
	unsigned char *der = NULL, digest[20];
	int len = i2d_PublicKey(pki->leaf.pkey, &der);
	char want[41], have[41];
	struct error err;

	(void)state;
	assert_true(len > 0);
	assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha1(), NULL), 1);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(want + 2 * i, 3, "%02x", digest[i]);
	assert_int_equal(certs_key_id(pki->leaf.pem, have, &err), 0);
	assert_string_equal(have, want);
	assert_int_equal(certs_key_id("nonsense", have, &err), -1);
	OPENSSL_free(der);
}

static void renewal_is_at_70_percent(void **state)
{
	static const struct {
		int64_t from, until, want;
	} cases[] = {
		{0, 100, 70},
		{1800000000, 1800003600, 1800002520}, /* 42 of 60 minutes */
		{1800000000, 1800000300, 1800000210},
		{-100, 0, -30},
		{5, 5, 5},
		{0, 253402300799, 177381610559}, /* until the year 9999 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct certs_info info = {.not_before = cases[i].from, .not_after = cases[i].until};

		CHECK(certs_renewal_time(&info) == cases[i].want, "case %zu: %lld", i,
		      (long long)certs_renewal_time(&info));
	}
}

static void reply_that_is_right_passes(void **state)
{
	struct error err = {0};

	(void)state;
	CHECK(certs_check_reply(pki->leaf.key, pki->leaf.pem, pki->intermediate.pem, NOW, &err) == 0, "%s",
	      err.text);
	/* From a little before its first second, by our clock, to its last. */
	CHECK(certs_check_reply(pki->leaf.key, pki->leaf.pem, pki->intermediate.pem, NOW - CERTS_SKEW_SECONDS,
				&err) == 0,
	      "%s", err.text);
	CHECK(certs_check_reply(pki->leaf.key, pki->leaf.pem, pki->intermediate.pem, NOW + PKI_HOUR - 1,
				&err) == 0,
	      "%s", err.text);
}

static void check_reply_refused(const struct certs_key *key, const char *leaf, const char *intermediate,
				int64_t now, const char *why, bool remedy)
{
	struct error err = {0};

	CHECK(certs_check_reply(key, leaf, intermediate, now, &err) == -1, "%s: passed", why);
	CHECK(err.status == STATUS_CERTIFICATE, "%s: status %d", why, err.status);
	CHECK_HOLDS(err.text, why, "reason");
	CHECK(!remedy || err.remedy[0], "%s: no remedy", why);
}

static void reply_that_is_wrong_is_refused(void **state)
{
	const char *leaf = pki->leaf.pem, *intermediate = pki->intermediate.pem;
	struct certs_key *key = pki->leaf.key;

	(void)state;
	check_reply_refused(pki->other, leaf, intermediate, NOW, "another key", false);
	check_reply_refused(key, leaf, pki->root.pem, NOW, "not signed by the intermediate", false);
	check_reply_refused(key, intermediate, leaf, NOW, "wrong order", false);
	check_reply_refused(key, leaf, leaf, NOW, "not a CA", false);
	check_reply_refused(key, "nonsense", intermediate, NOW, "leaf it issued is not a PEM", false);
	check_reply_refused(key, leaf, "", NOW, "intermediate it issued is not a PEM", false);
	check_reply_refused(key, leaf, intermediate, NOW - CERTS_SKEW_SECONDS - 1,
			    "leaf it issued is not valid yet", true);
	check_reply_refused(key, leaf, intermediate, NOW + PKI_HOUR, "leaf it issued is expired", true);
	/* Both times are named, so that skew can be told from a stale certificate. */
	check_reply_refused(key, leaf, intermediate, NOW - 3600, "2027-01-15 08:00:00 UTC", true);
	check_reply_refused(key, leaf, intermediate, NOW - 3600, "2027-01-15 07:00:00 UTC", true);
}

static void reply_with_an_odd_intermediate_is_refused(void **state)
{
	struct pki_cert old = {0}, no_ca = {0}, forged = {0}, leaf = {0};
	struct certs_key *ca_key = pki->intermediate.key, *key = pki->leaf.key;

	(void)state;
	/* The key that signed the leaf, in certificates that must not do so. */
	pki_issue(&old, &pki->root, ca_key, &(struct pki_spec){"old", NOW - 999, NOW - 9, true, 5});
	check_reply_refused(key, pki->leaf.pem, old.pem, NOW, "intermediate it issued is expired", true);
	pki_issue(&no_ca, &pki->root, ca_key, &(struct pki_spec){"intermediate", NOW - 9, NOW + 9, false, 6});
	check_reply_refused(key, pki->leaf.pem, no_ca.pem, NOW, "not a CA", false);
	/* The right name, another key. */
	pki_issue(&forged, NULL, pki->other, &(struct pki_spec){"intermediate", NOW - 9, NOW + 9, true, 7});
	check_reply_refused(key, pki->leaf.pem, forged.pem, NOW, "not signed", false);
	/* A leaf that signed itself. */
	pki_issue(&leaf, NULL, key, &(struct pki_spec){"leaf", NOW - 9, NOW + 9, false, 8});
	check_reply_refused(key, leaf.pem, pki->intermediate.pem, NOW, "not signed", false);
	pki_drop(&old, false);
	pki_drop(&no_ca, false);
	pki_drop(&forged, false);
	pki_drop(&leaf, false);
}

struct seen {
	unsigned count, stop_after;
	char *texts[4];
};

static int see(const char *cert_pem, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < ARRAY_SIZE(seen->texts));
	seen->texts[seen->count++] = strdup(cert_pem);
	return seen->count == seen->stop_after ? -1 : 0;
}

static void seen_free(struct seen *seen)
{
	for (unsigned i = 0; i < seen->count; i++)
		free(seen->texts[i]);
	memset(seen, 0, sizeof(*seen));
}

static void each_splits_a_bundle(void **state)
{
	char *text = glue("# bundle\n", pki->root.pem, "\n\n");
	char *bundle = glue(text, "subject=x\n", pki->intermediate.pem);
	struct seen seen = {0};
	struct error err = {0};

	(void)state;
	CHECK(certs_each(text, strlen(text), see, &seen, &err) == 0, "one: %s", err.text);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.texts[0], pki->root.pem);
	seen_free(&seen);
	CHECK(certs_each(bundle, strlen(bundle), see, &seen, &err) == 0, "two: %s", err.text);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.texts[0], pki->root.pem);
	assert_string_equal(seen.texts[1], pki->intermediate.pem);
	seen_free(&seen);
	seen.stop_after = 1;
	assert_int_equal(certs_each(bundle, strlen(bundle), see, &seen, &err), -1);
	assert_int_equal(seen.count, 1);
	seen_free(&seen);
	/* LEN counts, not a NUL. */
	CHECK(certs_each(bundle, strlen(text), see, &seen, &err) == 0, "cut: %s", err.text);
	assert_int_equal(seen.count, 1);
	seen_free(&seen);
	free(bundle);
	free(text);
}

static void each_refuses_what_is_broken(void **state)
{
	static const char stub[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
	char *broken = glue(pki->root.pem, stub, ""), *cut = glue(pki->root.pem, pki->root.pem, "");
	char *much = repeat("x", CERTS_PEM_MAX + 1);
	struct seen seen = {0};
	struct error err = {0};

	(void)state;
	cut[strlen(cut) - 40] = '\0';
	assert_int_equal(certs_each("", 0, see, &seen, &err), -1);
	assert_int_equal(certs_each("nonsense\n", 9, see, &seen, &err), -1);
	assert_int_equal(certs_each(stub, strlen(stub), see, &seen, &err), -1);
	assert_int_equal(certs_each(much, CERTS_PEM_MAX + 1, see, &seen, &err), -1);
	CHECK_HOLDS(err.text, "larger than", "cap");
	assert_int_equal(seen.count, 0);
	/* A good one in front does not make up for it. */
	assert_int_equal(certs_each(broken, strlen(broken), see, &seen, &err), -1);
	assert_int_equal(certs_each(cut, strlen(cut), see, &seen, &err), -1);
	assert_int_equal(err.status, STATUS_OTHER);
	seen_free(&seen);
	free(much);
	free(cut);
	free(broken);
}

/* strongSwan reads the first certificate of a file; nothing else may stand beside it. */
static void normalize_leaves_one_certificate(void **state)
{
	char *text = glue("Certificate:\n  Data: }\n", pki->leaf.pem, pki->root.pem);
	struct error err = {0};

	(void)state;
	CHECK(certs_normalize(&text, &err) == 0, "%s", err.text);
	assert_string_equal(text, pki->leaf.pem);
	free(text);
}

static void signature_is_verified_not_the_name(void **state)
{
	struct pki_cert same_name = {0};

	(void)state;
	assert_true(certs_signed_by(pki->intermediate.pem, pki->root.pem));
	assert_true(certs_signed_by(pki->root.pem, pki->root.pem));
	assert_true(certs_signed_by(pki->leaf.pem, pki->intermediate.pem));
	assert_false(certs_signed_by(pki->leaf.pem, pki->root.pem));
	assert_false(certs_signed_by(pki->root.pem, pki->intermediate.pem));
	pki_issue(&same_name, NULL, pki->other, &(struct pki_spec){"root", NOW - 9, NOW + 9, true, 1});
	assert_false(certs_signed_by(pki->intermediate.pem, same_name.pem));
	pki_drop(&same_name, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_tells_dates_subject_and_serial),
		cmocka_unit_test(info_does_not_depend_on_the_time_zone),
		cmocka_unit_test(info_reads_both_forms_of_time),
		cmocka_unit_test(subject_is_cut_and_has_no_control_characters),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(key_matches_its_certificate_only),
		cmocka_unit_test(key_id_is_of_the_public_key),
		cmocka_unit_test(renewal_is_at_70_percent),
		cmocka_unit_test(reply_that_is_right_passes),
		cmocka_unit_test(reply_that_is_wrong_is_refused),
		cmocka_unit_test(reply_with_an_odd_intermediate_is_refused),
		cmocka_unit_test(each_splits_a_bundle),
		cmocka_unit_test(each_refuses_what_is_broken),
		cmocka_unit_test(normalize_leaves_one_certificate),
		cmocka_unit_test(signature_is_verified_not_the_name),
	};

	return cmocka_run_group_tests_name("x509", tests, group_setup, group_teardown);
}
