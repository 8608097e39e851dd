#include "ibmshare/metadata.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ibmshare/file.h"
#include "ibmshare/http.h"
#include "ibmshare/log.h"

enum {
	JSON_DEPTH_MAX = 16,
	TOKEN_MAX = 16 * 1024,
	TOKEN_SECONDS = 300,
	TOKEN_LIKE = 40, /* characters without a break; a trace is a UUID of 36 */
	URL_MAX = 512,
};

/* The two generations of the API; the service answers 404 or invalid_version_range for the one it has not. */
static const struct generation {
	const char *version;
	const char *path;
} generations[] = {
	{"2025-08-26", "/identity/v1"},
	{"2023-06-20", "/instance_identity/v1"},
};

#define SERVICE_NAME "api.metadata.cloud.ibm.com"

static void json_put_p(json_object **object)
{
	json_object_put(*object);
}

static json_object *json_parse(const char *body, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	json_object *object = NULL;

	if (!tokener)
		return NULL;
	if (len <= HTTP_BODY_MAX)
		object = json_tokener_parse_ex(tokener, body, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/* A string member of an object, or NULL when it is missing or of another type. */
static const char *member_string(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	/* A NUL inside would hide the rest. */
	if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return NULL;
	return json_object_get_string(value);
}

static int bad_reply(struct error *err, int status, const char *what)
{
	error_set(err, status, "the metadata service's answer %s", what);
	return error_remedy(err,
			    "something else may be answering at its address; check the instance's routes");
}

int metadata_parse_token(const char *body, size_t len, char **ret_token, struct error *err)
{
	_cleanup_(json_put_p) json_object *object = json_parse(body, len);
	const char *token = member_string(object, "access_token");

	if (!object)
		return bad_reply(err, STATUS_TOKEN, "to the token request is not JSON");
	if (!token || !*token)
		return bad_reply(err, STATUS_TOKEN, "to the token request has no access_token");
	/* It goes into a header: printable ASCII, RFC 6750. */
	for (const char *p = token; *p; p++)
		if (*p <= ' ' || *p > '~')
			return bad_reply(err, STATUS_TOKEN, "holds an access_token that is not a token");
	if (strlen(token) > TOKEN_MAX)
		return bad_reply(err, STATUS_TOKEN, "holds an access_token that is too long");
	*ret_token = strdup(token);
	return *ret_token ? 0 : error_nomem(err);
}

int metadata_parse_certificate(const char *body, size_t len, struct metadata_certificate *ret,
			       struct error *err)
{
	_cleanup_(json_put_p) json_object *object = json_parse(body, len);
	struct metadata_certificate cert;
	json_object *list;
	size_t count;

	if (!object)
		return bad_reply(err, STATUS_CERTIFICATE, "to the certificate request is not JSON");
	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, "certificates", &list) ||
	    !json_object_is_type(list, json_type_array))
		return bad_reply(err, STATUS_CERTIFICATE,
				 "to the certificate request has no list of certificates");
	count = json_object_array_length(list);
	if (count < 2)
		return error_set(
			err, STATUS_CERTIFICATE,
			"the metadata service issued %zu certificate%s where a leaf and an intermediate "
			"are expected",
			count, count == 1 ? "" : "s");
	for (size_t i = 0; i < 2; i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_string))
			return bad_reply(err, STATUS_CERTIFICATE, "holds a certificate that is not text");
	cert.leaf = strdup(json_object_get_string(json_object_array_get_idx(list, 0)));
	cert.intermediate = strdup(json_object_get_string(json_object_array_get_idx(list, 1)));
	if (!cert.leaf || !cert.intermediate) {
		metadata_certificate_free(&cert);
		return error_nomem(err);
	}
	*ret = cert;
	return 0;
}

void metadata_certificate_free(struct metadata_certificate *cert)
{
	free(cert->leaf);
	free(cert->intermediate);
	cert->leaf = cert->intermediate = NULL;
}

char *metadata_certificate_body(const char *csr, int seconds)
{
	_cleanup_(json_put_p) json_object *object = json_object_new_object();

	if (!object || json_object_object_add(object, "csr", json_object_new_string(csr)) < 0 ||
	    json_object_object_add(object, "expires_in", json_object_new_int(seconds)) < 0)
		return NULL;
	return strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE));
}

/*
 * A service that repeats a token in its message, ours or one it has just made,
 * must not bring it into the log: whatever looks like one is blotted out.
 */
static void blot_out(char *text, const char *secret)
{
	static const char token_chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
	size_t len = secret ? strlen(secret) : 0;

	if (len > 0)
		for (char *p = text; (p = strstr(p, secret)) != NULL; p += len)
			memset(p, '*', len);
	for (char *p = text; *p;) {
		size_t n = strspn(p, token_chars);

		if (n >= TOKEN_LIKE)
			memset(p, '*', n);
		p += n ? n : 1;
	}
}

int metadata_explain(long http_status, const char *body, size_t len, const char *secret, int status,
		     struct error *err)
{
	_cleanup_(json_put_p) json_object *object = json_parse(body, len);
	_cleanup_free_ char *text = NULL;
	const char *code, *message, *trace;
	json_object *errors = NULL, *first = NULL;

	if (json_object_is_type(object, json_type_object) &&
	    json_object_object_get_ex(object, "errors", &errors) &&
	    json_object_is_type(errors, json_type_array) && json_object_array_length(errors) > 0)
		first = json_object_array_get_idx(errors, 0);
	code = member_string(first, "code");
	message = member_string(first, "message");
	trace = member_string(object, "trace");
	if (asprintf(&text, "%s%s%s%s%s%s", code ? ", " : "", code ? code : "", message ? ": " : "",
		     message ? message : "", trace ? ", trace " : "", trace ? trace : "") < 0) {
		text = NULL;
		return error_nomem(err);
	}
	blot_out(text, secret);
	error_set(err, status, "the metadata service answered %ld%.600s", http_status, text);
	if (http_status == 403)
		error_remedy(err,
			     "enable the metadata service for this instance: ibmcloud is instance-update ID "
			     "--metadata-service-enabled true");
	else if (http_status >= 500)
		error_remedy(err, "try again; report the trace to IBM Cloud support if it stays");
	else if (http_status >= 300 && http_status < 400)
		error_remedy(err, "redirects are not followed; check what answers at its address");
	return -1;
}

/* Where the service is, found once for both requests. */
struct service {
	const struct env *env;
	const char *token; /* borrowed, NULL at first */
	char base[300];	   /* http://169.254.169.254 */
	char pin[96];	   /* for https, or empty */
	const struct generation *generation;
};

/* Starts connecting; a descriptor, or -1 with errno. */
static int connect_start(const struct env *env, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (inet_pton(AF_INET, env->metadata_address, &sa.sin_addr) != 1) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int connect_result(int fd)
{
	socklen_t len = sizeof(int);
	int result = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &len) < 0 ? errno : result;
}

/*
 * Which of the two ports is open. The instance was created with one of them, so
 * both are tried at once: a dropped packet to the other costs no time.
 */
static int find_port(const struct env *env, bool *ret_https, struct error *err)
{
	const uint16_t ports[2] = {env->http_port, env->https_port};
	int64_t deadline = env_monotonic_ms() + HTTP_CONNECT_TIMEOUT_MS;
	struct pollfd polls[2] = {{.fd = -1}, {.fd = -1}};
	int why[2] = {ETIMEDOUT, ETIMEDOUT}, found = -1;

	for (int i = 0; i < 2; i++) {
		polls[i] = (struct pollfd){.fd = connect_start(env, ports[i]), .events = POLLOUT};
		if (polls[i].fd < 0)
			why[i] = errno;
	}
	while (found < 0 && (polls[0].fd >= 0 || polls[1].fd >= 0)) {
		int64_t left = deadline - env_monotonic_ms();

		if (left <= 0 || (poll(polls, 2, (int)left) < 0 && errno != EINTR))
			break;
		for (int i = 0; i < 2 && found < 0; i++) {
			if (polls[i].fd < 0 || !polls[i].revents)
				continue;
			why[i] = connect_result(polls[i].fd);
			if (why[i] == 0) {
				found = i;
				break;
			}
			close(polls[i].fd);
			polls[i].fd = -1;
		}
	}
	for (int i = 0; i < 2; i++)
		if (polls[i].fd >= 0)
			close(polls[i].fd);
	if (found < 0) {
		error_set(err, STATUS_METADATA,
			  "the metadata service at %s cannot be reached: port %u: %s, port %u: %s",
			  env->metadata_address, ports[0], strerror(why[0]), ports[1], strerror(why[1]));
		return error_remedy(err, "enable it for this instance: ibmcloud is instance-update ID "
					 "--metadata-service-enabled true");
	}
	*ret_https = found == 1;
	return 0;
}

static int find_service(const struct config *config, struct service *service, struct error *err)
{
	const struct env *env = service->env;
	bool https = false;

	snprintf(service->pin, sizeof(service->pin), "%s:%u:%s", SERVICE_NAME, env->https_port,
		 env->metadata_address);
	if (config->metadata_url[0]) {
		snprintf(service->base, sizeof(service->base), "%s", config->metadata_url);
		return 0;
	}
	if (find_port(env, &https, err) < 0)
		return -1;
	if (https)
		snprintf(service->base, sizeof(service->base), "https://%s:%u", SERVICE_NAME,
			 env->https_port);
	else
		snprintf(service->base, sizeof(service->base), "http://%s:%u", env->metadata_address,
			 env->http_port);
	return 0;
}

static int request(const struct service *service, const char *method, const char *what, const char *body,
		   struct http_reply *ret, struct error *err)
{
	char *authorization = NULL;
	const char *headers[] = {"Content-Type: application/json",
				 "Accept: application/json",
				 "Expect:",
				 "Metadata-Flavor: ibm",
				 NULL,
				 NULL};
	char url[URL_MAX];
	struct http_request req = {
		.method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.resolve = strncmp(service->base, "https:", 6) == 0 ? service->pin : NULL,
		.ca_file = service->env->ca_file,
		.timeout_ms = service->env->request_timeout_ms,
	};
	int r, saved;

	snprintf(url, sizeof(url), "%s%s/%s?version=%s", service->base, service->generation->path, what,
		 service->generation->version);
	if (service->token) {
		if (asprintf(&authorization, "Authorization: Bearer %s", service->token) < 0)
			return error_nomem(err);
		headers[4] = authorization;
	}
	log_step("%s %s", method, url);
	r = http_perform(&req, ret, err);
	saved = errno;
	if (authorization)
		file_cleanse(authorization, strlen(authorization));
	errno = saved;
	return r;
}

static bool other_generation(const struct http_reply *reply)
{
	return reply->status == 404 || (reply->status == 400 && strstr(reply->body, "invalid_version_range"));
}

/* Gets a token, and finds out which generation the service speaks. */
static int get_token(struct service *service, char **ret_token, struct error *err)
{
	char body[32];

	snprintf(body, sizeof(body), "{\"expires_in\":%d}", TOKEN_SECONDS);
	for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
		struct http_reply reply = {0};
		int r;

		service->generation = &generations[i];
		if (request(service, "PUT", "token", body, &reply, err) < 0) {
			if (errno == ETIMEDOUT)
				error_remedy(err, "if this runs in a container or behind a router, raise the "
						  "instance's metadata response hop limit");
			if (errno == EMSGSIZE)
				err->status = STATUS_TOKEN; /* it is there */
			return -1;
		}
		if (other_generation(&reply) && i + 1 < ARRAY_SIZE(generations)) {
			log_step("not served there, trying the older API");
			http_reply_free(&reply);
			continue;
		}
		if (reply.status >= 200 && reply.status < 300)
			r = metadata_parse_token(reply.body, reply.len, ret_token, err);
		else
			r = metadata_explain(reply.status, reply.body, reply.len, NULL, STATUS_TOKEN, err);
		http_reply_free(&reply);
		if (r < 0)
			error_prefix(err, "no identity token");
		return r;
	}
	return error_set(err, STATUS_INTERNAL, "no generation of the metadata API");
}

static int get_certificate(struct service *service, const char *csr, int seconds,
			   struct metadata_certificate *ret, struct error *err)
{
	_cleanup_free_ char *body = metadata_certificate_body(csr, seconds);
	struct http_reply reply = {0};
	int r;

	if (!body)
		return error_nomem(err);
	if (request(service, "POST", "certificates", body, &reply, err) < 0) {
		/* It gave us a token: it is there, but issues nothing. */
		err->status = STATUS_CERTIFICATE;
		return error_prefix(err, "no certificate");
	}
	if (reply.status >= 200 && reply.status < 300)
		r = metadata_parse_certificate(reply.body, reply.len, ret, err);
	else
		r = metadata_explain(reply.status, reply.body, reply.len, service->token, STATUS_CERTIFICATE,
				     err);
	http_reply_free(&reply);
	if (r < 0)
		error_prefix(err, "no certificate");
	return r;
}

int metadata_issue(const struct env *env, const struct config *config, const char *csr,
		   struct metadata_certificate *ret, struct error *err)
{
	struct service service = {.env = env};
	char *token = NULL;
	int r;

	if (find_service(config, &service, err) < 0)
		return -1;
	if (get_token(&service, &token, err) < 0)
		return -1;
	service.token = token;
	r = get_certificate(&service, csr, config->certificate_seconds, ret, err);
	file_cleanse(token, strlen(token));
	return r;
}
