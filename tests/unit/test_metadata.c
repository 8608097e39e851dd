#include "util.h"

#include <json-c/json.h>

#include "ibmshare/http.h"
#include "ibmshare/log.h"
#include "ibmshare/metadata.h"

/* The body alone, in memory of just its size: a read past its end is seen by the sanitizer. */
static char *exact(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

static int parse_token(const char *text, size_t len, char **ret, struct error *err)
{
	char *body = exact(text, len);
	int r = metadata_parse_token(body, len, ret, err);

	free(body);
	return r;
}

static int parse_certificate(const char *text, struct metadata_certificate *ret, struct error *err)
{
	char *body = exact(text, strlen(text));
	int r = metadata_parse_certificate(body, strlen(text), ret, err);

	free(body);
	return r;
}

static void token_is_taken(void **state)
{
	static const struct {
		const char *body, *token;
	} cases[] = {
		{"{\"access_token\":\"abc\"}", "abc"},
		{"{\"access_token\":\"ey.J-_~+/=\",\"created_at\":\"2026-01-01T00:00:00Z\","
		 "\"expires_at\":\"2026-01-01T00:05:00.123Z\",\"expires_in\":300}",
		 "ey.J-_~+/="},
		{" \n{\n \"expires_in\" : \"soon\", \"access_token\" : \"a\" }\n", "a"},
		{"{\"x\":[[[1]]],\"access_token\":\"a\\u0062c\"}", "abc"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		char *token = NULL;

		CHECK(parse_token(cases[i].body, strlen(cases[i].body), &token, &err) == 0, "%s: %s",
		      cases[i].body, err.text);
		CHECK_TEXT(token, cases[i].token, cases[i].body);
		free(token);
	}
}

static void token_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"null",
		"42",
		"\"access_token\"",
		"[]",
		"[\"access_token\"]",
		"{",
		"{}",
		"{\"access_token\"",
		"{\"access_token\":",
		"{\"access_token\":\"abc",
		"{\"access_token\":\"abc\"",
		"{\"access_token\":null}",
		"{\"access_token\":\"\"}",
		"{\"access_token\":5}",
		"{\"access_token\":true}",
		"{\"access_token\":[\"abc\"]}",
		"{\"access_token\":{\"abc\":\"abc\"}}",
		"{\"Access_Token\":\"abc\"}",
		"{\"data\":{\"access_token\":\"abc\"}}",
		"<html>access_token</html>",
		/* They would end the header, or start another. */
		"{\"access_token\":\"abc\\r\\nHost: evil\"}",
		"{\"access_token\":\"a c\"}",
		"{\"access_token\":\"a\\tc\"}",
		"{\"access_token\":\"a\\u007fc\"}",
		"{\"access_token\":\"a\xc3\xa4\"}",
		"{\"access_token\":\"a\\u00e4\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		char *token = UNTOUCHED;

		CHECK(parse_token(cases[i], strlen(cases[i]), &token, &err) == -1, "'%s' passed", cases[i]);
		CHECK(err.status == STATUS_TOKEN, "'%s': status %d", cases[i], err.status);
		CHECK(err.remedy[0], "'%s': no remedy", cases[i]);
		CHECK(strstr(err.text, "abc") == NULL, "'%s': the token is in '%s'", cases[i], err.text);
		CHECK(token == UNTOUCHED, "'%s': output touched", cases[i]);
	}
}

static void token_is_not_cut_at_a_nul(void **state)
{
	static const char in_string[] = "{\"access_token\":\"abc\\u0000def\"}";
	static const char in_body[] = "{\"access_token\":\0\"abc\"}";
	struct error err = {0};
	char *token = UNTOUCHED;

	(void)state;
	CHECK(parse_token(in_string, sizeof(in_string) - 1, &token, &err) == -1, "\\u0000 passed as '%s'",
	      token);
	CHECK(parse_token(in_body, sizeof(in_body) - 1, &token, &err) == -1, "NUL passed as '%s'", token);
}

static void token_and_nesting_have_limits(void **state)
{
	char *open = repeat("[", 1000), *close = repeat("]", 1000), *much = repeat("t", 16 * 1024 + 1);
	char *body = malloc(HTTP_BODY_MAX + 64), *token;
	struct error err;

	(void)state;
	assert_non_null(body);
	sprintf(body, "{\"x\":%s%s,\"access_token\":\"a\"}", open, close);
	assert_int_equal(parse_token(body, strlen(body), &token, &err), -1);
	assert_int_equal(parse_token(open, strlen(open), &token, &err), -1);
	sprintf(body, "{\"access_token\":\"%s\"}", much);
	assert_int_equal(parse_token(body, strlen(body), &token, &err), -1);
	sprintf(body, "{\"access_token\":\"%s\"}", much + 1);
	assert_int_equal(parse_token(body, strlen(body), &token, &err), 0);
	free(token);
	/* More than http_perform() would ever hand on. */
	memset(body, ' ', HTTP_BODY_MAX + 64);
	memcpy(body, "{\"access_token\":\"a\"}", 20);
	assert_int_equal(parse_token(body, HTTP_BODY_MAX + 1, &token, &err), -1);
	assert_int_equal(parse_token(body, HTTP_BODY_MAX, &token, &err), 0);
	free(token);
	free(body);
	free(much);
	free(open);
	free(close);
}

static void certificate_is_taken(void **state)
{
	struct metadata_certificate cert = {0};
	struct error err = {0};

	(void)state;
	CHECK(parse_certificate("{\"certificates\":[\"LEAF\\n\",\"INT\"],\"id\":\"x\"}", &cert, &err) == 0,
	      "%s", err.text);
	assert_string_equal(cert.leaf, "LEAF\n");
	assert_string_equal(cert.intermediate, "INT");
	metadata_certificate_free(&cert);
	assert_null(cert.leaf);
	metadata_certificate_free(&cert);
	/* A longer chain: the first two are ours. */
	assert_int_equal(parse_certificate("{\"certificates\":[\"a\",\"b\",\"c\"]}", &cert, &err), 0);
	assert_string_equal(cert.intermediate, "b");
	metadata_certificate_free(&cert);
}

static void certificate_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"nonsense",
		"null",
		"[\"a\",\"b\"]",
		"{}",
		"{\"certificates\":null}",
		"{\"certificates\":\"a\"}",
		"{\"certificates\":{\"0\":\"a\",\"1\":\"b\"}}",
		"{\"certificates\":[]}",
		"{\"certificates\":[\"a\"]}",
		"{\"certificates\":[\"a\",null]}",
		"{\"certificates\":[null,\"a\"]}",
		"{\"certificates\":[1,2]}",
		"{\"certificates\":[[\"a\"],[\"b\"]]}",
		"{\"certificates\":[\"a\",\"b\"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct metadata_certificate cert = {.leaf = UNTOUCHED};
		struct error err = {0};

		CHECK(parse_certificate(cases[i], &cert, &err) == -1, "'%s' passed", cases[i]);
		CHECK(err.status == STATUS_CERTIFICATE, "'%s': status %d", cases[i], err.status);
		CHECK(err.text[0], "'%s': no text", cases[i]);
		CHECK(cert.leaf == UNTOUCHED, "'%s': output touched", cases[i]);
	}
}

static void body_holds_csr_and_seconds(void **state)
{
	static const char csr[] = "-----BEGIN CERTIFICATE REQUEST-----\nMII/+\"\\=\n-----END-----\n";
	char *body = metadata_certificate_body(csr, 1800);
	json_object *object = json_tokener_parse(body), *value;

	(void)state;
	assert_non_null(object);
	assert_int_equal(json_object_object_length(object), 2);
	assert_true(json_object_object_get_ex(object, "csr", &value));
	assert_string_equal(json_object_get_string(value), csr);
	assert_true(json_object_object_get_ex(object, "expires_in", &value));
	assert_true(json_object_is_type(value, json_type_int));
	assert_int_equal(json_object_get_int(value), 1800);
	/* One line, as the published examples have it. */
	assert_null(strchr(body, '\n'));
	assert_non_null(strstr(body, "\\n"));
	json_object_put(object);
	free(body);
}

#define SECRET "eyJhbGciOi.secret-token"

static void error_reply_is_explained(void **state)
{
	static const struct {
		long http;
		const char *body, *text, *remedy;
	} cases[] = {
		{403,
		 "{\"errors\":[{\"code\":\"unauthorized\",\"message\":\"not enabled\"}],"
		 "\"trace\":\"t-1\",\"status_code\":403}",
		 "403, unauthorized: not enabled, trace t-1", "--metadata-service-enabled true"},
		{400, "{\"errors\":[{\"code\":\"invalid_value\"}]}", "400, invalid_value", ""},
		{400, "{\"errors\":[{\"message\":\"bad\"}],\"trace\":\"t\"}", "400: bad, trace t", ""},
		{500, "{\"trace\":\"t-5\"}", "500, trace t-5", "try again"},
		{503, "<html>", "503", "try again"},
		{301, "", "301", "redirect"},
		{404, "{\"errors\":[]}", "404", ""},
		{404, "{\"errors\":[null]}", "404", ""},
		{404, "{\"errors\":[\"text\"]}", "404", ""},
		{404, "{\"errors\":{\"code\":\"x\"}}", "404", ""},
		{401, "{\"errors\":[{\"code\":5,\"message\":[]}],\"trace\":{}}", "401", ""},
		{401, "[1,2]", "401", ""},
		{401, "null", "401", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		char *body = exact(cases[i].body, strlen(cases[i].body));
		size_t tail;

		CHECK(metadata_explain(cases[i].http, body, strlen(cases[i].body), SECRET, STATUS_TOKEN,
				       &err) == -1,
		      "%s", cases[i].body);
		free(body);
		CHECK(err.status == STATUS_TOKEN, "%s: status %d", cases[i].body, err.status);
		CHECK_HOLDS(err.text, cases[i].text, cases[i].body);
		/* And nothing after it. */
		tail = strlen(err.text) - strlen(cases[i].text);
		CHECK_TEXT(err.text + tail, cases[i].text, cases[i].body);
		CHECK_HOLDS(err.remedy, cases[i].remedy, cases[i].body);
	}
}

static void secret_is_blotted_out(void **state)
{
	static const char *const cases[] = {
		"{\"errors\":[{\"code\":\"c\",\"message\":\"token " SECRET " is bad\"}]}",
		"{\"errors\":[{\"code\":\"" SECRET "\",\"message\":\"" SECRET SECRET
		"\"}],\"trace\":\"" SECRET "\"}",
		"{\"errors\":[{\"message\":\"eyJhbGciOi\\u002esecret-token\"}]}",
	};
	char *pad = repeat("x", 590), body[1024];
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		metadata_explain(401, cases[i], strlen(cases[i]), SECRET, STATUS_CERTIFICATE, &err);
		CHECK(strstr(err.text, "secret-token") == NULL, "'%s'", err.text);
		CHECK(strstr(err.text, "eyJ") == NULL, "'%s'", err.text);
	}
	/* Nor its first half, where a long message is cut. */
	snprintf(body, sizeof(body), "{\"errors\":[{\"message\":\"%s" SECRET "\"}]}", pad);
	metadata_explain(401, body, strlen(body), SECRET, STATUS_CERTIFICATE, &err);
	CHECK(strstr(err.text, "eyJ") == NULL, "'%s'", err.text);
	free(pad);
}

static void control_characters_do_not_reach_the_log(void **state)
{
	static const char body[] = "{\"errors\":[{\"message\":\"a\\nb\\u001b[2Jc\"}],\"trace\":\"t\\r\"}";
	struct error err;

	(void)state;
	metadata_explain(500, body, sizeof(body) - 1, NULL, STATUS_TOKEN, &err);
	log_sanitize(err.text);
	CHECK_HOLDS(err.text, "500: a?b?[2Jc, trace t?", "sanitized");
}

static void long_message_is_cut(void **state)
{
	char *much = repeat("y", 20000), *body = malloc(21000);
	struct error err;

	(void)state;
	assert_non_null(body);
	sprintf(body, "{\"errors\":[{\"code\":\"c\",\"message\":\"%s\"}]}", much);
	metadata_explain(500, body, strlen(body), NULL, STATUS_TOKEN, &err);
	assert_in_range(strlen(err.text), 100, sizeof(err.text) - 1);
	free(body);
	free(much);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_is_taken),
		cmocka_unit_test(token_is_refused),
		cmocka_unit_test(token_is_not_cut_at_a_nul),
		cmocka_unit_test(token_and_nesting_have_limits),
		cmocka_unit_test(certificate_is_taken),
		cmocka_unit_test(certificate_is_refused),
		cmocka_unit_test(body_holds_csr_and_seconds),
		cmocka_unit_test(error_reply_is_explained),
		cmocka_unit_test(secret_is_blotted_out),
		cmocka_unit_test(control_characters_do_not_reach_the_log),
		cmocka_unit_test(long_message_is_cut),
	};

	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
