#include "imds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* Dates as YYYYMMDD. */
enum { FIRST_VERSION = 20220301, FIRST_NEW_VERSION = 20250826 };
enum { TOKEN_MIN = 5, TOKEN_MAX = 3600, TOKEN_DEFAULT = 300 };
enum { CERT_MIN = 300, CERT_MAX = 3600, CERT_DEFAULT = 3600 };

static const struct {
	const char *path, *method;
	enum endpoint endpoint;
	enum generation generation;
} routes[] = {
	{"/identity/v1/token", "PUT", ENDPOINT_TOKEN, GENERATION_NEW},
	{"/identity/v1/certificates", "POST", ENDPOINT_CERTIFICATES, GENERATION_NEW},
	{"/instance_identity/v1/token", "PUT", ENDPOINT_TOKEN, GENERATION_OLD},
	{"/instance_identity/v1/certificates", "POST", ENDPOINT_CERTIFICATES, GENERATION_OLD},
};

void service_locate(struct request *request)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, request->path) == 0) {
			request->endpoint = routes[i].endpoint;
			request->generation = routes[i].generation;
		}
	}
}

static void refuse(struct reply *reply, unsigned int status, const char *code, const char *message,
		   const char *target_type, const char *target)
{
	struct error error = {status, code, message, target_type, target, NULL};

	reply_error(reply, &error);
}

/* YYYY-MM-DD as the number YYYYMMDD, 0 when it is no such date. */
static int parse_version(const char *text)
{
	static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 || text[4] != '-' || text[7] != '-' ||
	    sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3)
		return 0;
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return 0;
	return year * 10000 + month * 100 + day;
}

static bool check_version(const struct request *request, struct reply *reply)
{
	enum generation wanted;
	int version;

	if (!request->version) {
		refuse(reply, 400, "missing_field", "The query parameter 'version' is missing.", "parameter",
		       "version");
		return false;
	}
	version = parse_version(request->version);
	if (version < FIRST_VERSION) {
		refuse(reply, 400, "invalid_version_range",
		       "The query parameter 'version' must be a date, 2022-03-01 or later.", "parameter",
		       "version");
		return false;
	}
	wanted = version >= FIRST_NEW_VERSION ? GENERATION_NEW : GENERATION_OLD;
	if (wanted != request->generation) {
		refuse(reply, 404, "not_found", "This path does not exist in this version of the API.", NULL,
		       NULL);
		return false;
	}
	return true;
}

static bool check_method(const struct request *request, struct reply *reply)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].endpoint != request->endpoint || strcmp(routes[i].method, request->method) == 0)
			continue;
		refuse(reply, 405, "method_not_allowed", "The method is not allowed here.", NULL, NULL);
		reply->allow = routes[i].method;
		return false;
	}
	return true;
}

/* The body as an object, which may be empty; NULL after a refusal. */
static struct json_object *parse_body(const struct request *request, struct reply *reply)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	if (request->size == 0 && !request->too_big)
		return json_object_new_object();
	if (!request->too_big) {
		tokener = json_tokener_new();
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
		/* With its final NUL, else a lone number would count as unfinished. */
		object = json_tokener_parse_ex(tokener, request->body, (int)request->size + 1);
		if (json_tokener_get_error(tokener) != json_tokener_success) {
			json_object_put(object);
			object = NULL;
		}
		json_tokener_free(tokener);
	}
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
		refuse(reply, 400, "invalid_request", "The body is not a JSON object.", "field", "body");
	}
	return object;
}

/* The field 'expires_in'; 0 after a refusal. */
static long parse_lifetime(struct json_object *body, long min, long max, long otherwise, struct reply *reply)
{
	struct json_object *field;
	long lifetime = otherwise;
	char *message;

	if (json_object_object_get_ex(body, "expires_in", &field)) {
		lifetime = json_object_is_type(field, json_type_int) ? (long)json_object_get_int64(field) : 0;
		if (lifetime < min || lifetime > max) {
			message = xasprintf("The field 'expires_in' must be a number from %ld to %ld.", min,
					    max);
			refuse(reply, 400, "invalid_value", message, "field", "expires_in");
			free(message);
			lifetime = 0;
		}
	}
	return lifetime;
}

static void answer_token(const struct request *request, struct reply *reply)
{
	struct json_object *body, *object;
	long lifetime;
	char *token;

	if (!request->flavor || strcmp(request->flavor, "ibm") != 0) {
		refuse(reply, 400, "missing_field", "The header 'Metadata-Flavor: ibm' is missing.", "header",
		       "Metadata-Flavor");
		return;
	}
	body = parse_body(request, reply);
	if (!body)
		return;
	lifetime = parse_lifetime(body, TOKEN_MIN, TOKEN_MAX, TOKEN_DEFAULT, reply);
	json_object_put(body);
	if (lifetime == 0)
		return;
	token = token_new(lifetime);
	object = json_object_new_object();
	json_object_object_add(object, "access_token", json_object_new_string(token));
	reply_add_times(object, time(NULL), lifetime);
	reply_json(reply, 200, object);
	free(token);
}

static bool check_token(const struct request *request, struct reply *reply)
{
	static const char scheme[] = "Bearer ";
	const char *header = request->authorization, *message = NULL;
	enum token_state state;

	if (!header) {
		message = "The header 'Authorization' is missing.";
	} else if (strncasecmp(header, scheme, strlen(scheme)) != 0) {
		message = "The header 'Authorization' does not hold a bearer token.";
	} else {
		state = token_check(header + strlen(scheme));
		if (state == TOKEN_UNKNOWN)
			message = "The token is not valid.";
		else if (state == TOKEN_EXPIRED)
			message = "The token has expired.";
	}
	if (message)
		refuse(reply, 401, "unauthenticated", message, "header", "Authorization");
	return !message;
}

/* NULL after a refusal. */
static X509_REQ *parse_csr(struct json_object *body, struct reply *reply)
{
	struct json_object *field;
	X509_REQ *csr = NULL;
	const char *wrong;
	BIO *bio;

	if (!json_object_object_get_ex(body, "csr", &field)) {
		refuse(reply, 400, "missing_field", "The field 'csr' is missing.", "field", "csr");
		return NULL;
	}
	if (json_object_is_type(field, json_type_string)) {
		bio = BIO_new_mem_buf(json_object_get_string(field), json_object_get_string_len(field));
		csr = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
	}
	wrong = csr ? issue_check(csr) : "it is not a certificate signing request in PEM";
	ERR_clear_error();
	if (wrong) {
		char *message = xasprintf("The field 'csr' is refused: %s.", wrong);

		refuse(reply, 400, "invalid_value", message, "field", "csr");
		free(message);
		X509_REQ_free(csr);
		csr = NULL;
	}
	return csr;
}

static void grant(const struct service *service, X509_REQ *csr, long lifetime, enum fault fault,
		  struct reply *reply)
{
	struct json_object *object, *list;
	/* Taken before issuing: a client may compare it with the certificate's own dates. */
	time_t now = time(NULL);
	char *id;

	list = issue_certificates(&service->ca, csr, lifetime, fault);
	if (!list) {
		refuse(reply, 500, "service_error", "The certificate could not be made.", NULL, NULL);
		return;
	}
	id = random_hex(16);
	object = json_object_new_object();
	json_object_object_add(object, "certificates", list);
	reply_add_times(object, now, fault == FAULT_SHORT ? 5 : lifetime);
	json_object_object_add(object, "id", json_object_new_string(id));
	reply_json(reply, 201, object);
	free(id);
}

static void answer_certificates(const struct service *service, const struct request *request,
				enum fault fault, struct reply *reply)
{
	struct json_object *body;
	X509_REQ *csr;
	long lifetime;

	if (!check_token(request, reply))
		return;
	body = parse_body(request, reply);
	if (!body)
		return;
	lifetime = parse_lifetime(body, CERT_MIN, CERT_MAX, CERT_DEFAULT, reply);
	csr = lifetime != 0 ? parse_csr(body, reply) : NULL;
	if (csr)
		grant(service, csr, lifetime, fault, reply);
	X509_REQ_free(csr);
	json_object_put(body);
}

void service_answer(const struct service *service, const struct request *request, struct reply *reply)
{
	enum fault fault = FAULT_NONE;

	if (request->endpoint == ENDPOINT_OTHER || !(request->generation & service->generation)) {
		refuse(reply, 404, "not_found", "There is no such path.", NULL, NULL);
		return;
	}
	if (!fault_read(service->dir, request->endpoint, &fault)) {
		refuse(reply, 500, "unknown_fault", "The file 'fault' of the stand-in holds no known fault.",
		       NULL, NULL);
		return;
	}
	if (misbehave_instead(fault, request, reply))
		return;
	if (check_method(request, reply) && check_version(request, reply)) {
		if (request->endpoint == ENDPOINT_TOKEN)
			answer_token(request, reply);
		else
			answer_certificates(service, request, fault, reply);
	}
	misbehave_after(fault, reply);
}
