#include "ibmshare/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ibmshare/file.h"
#include "ibmshare/log.h"

/*
 * libcurl brings thirty libraries with it, which cost more time and memory than
 * a whole mount with a valid certificate. So it is loaded when a request is made.
 */
static struct {
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
} lib;

static int load_libcurl(struct error *err)
{
	const struct {
		const char *name;
		void *place; /* of the function pointer */
	} symbols[] = {
		{"curl_easy_init", &lib.easy_init},	    {"curl_easy_setopt", &lib.easy_setopt},
		{"curl_easy_perform", &lib.easy_perform},   {"curl_easy_getinfo", &lib.easy_getinfo},
		{"curl_easy_strerror", &lib.easy_strerror}, {"curl_easy_cleanup", &lib.easy_cleanup},
		{"curl_slist_append", &lib.slist_append},   {"curl_slist_free_all", &lib.slist_free_all},
	};
	void *handle;

	if (lib.slist_free_all)
		return 0;
	handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = handle ? dlsym(handle, symbols[i].name) : NULL;

		if (!symbol) {
			error_set(err, STATUS_OTHER, "cannot load libcurl: %s", dlerror());
			return error_remedy(err, "apt-get install libcurl4, or: dnf install libcurl");
		}
		memcpy(symbols[i].place, &symbol, sizeof(symbol));
	}
	return 0;
}

struct body {
	char *data;
	size_t len;
	bool too_large;
};

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct body *body = arg;
	size_t len = size * count;

	if (len > HTTP_BODY_MAX - body->len) {
		body->too_large = true;
		return 0; /* ends the transfer */
	}
	memcpy(body->data + body->len, data, len);
	body->len += len;
	body->data[body->len] = '\0';
	return len;
}

static void slist_free_p(struct curl_slist **list)
{
	if (*list)
		lib.slist_free_all(*list);
}

static void easy_cleanup_p(CURL **curl)
{
	if (*curl)
		lib.easy_cleanup(*curl);
}

static int append_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *grown = lib.slist_append(*list, header);

	if (!grown)
		return -1;
	*list = grown;
	return 0;
}

static void set_limits(CURL *curl, const struct http_request *req)
{
	lib.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	lib.easy_setopt(curl, CURLOPT_PROXY, "");
	lib.easy_setopt(curl, CURLOPT_NOPROXY, "*");
	lib.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	lib.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	lib.easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	lib.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
	lib.easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
	lib.easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
	lib.easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	lib.easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	lib.easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (req->ca_file)
		lib.easy_setopt(curl, CURLOPT_CAINFO, req->ca_file);
}

static int explain(CURLcode code, const struct http_request *req, const struct body *body, const char *detail,
		   struct error *err)
{
	const char *why = detail[0] ? detail : lib.easy_strerror(code);

	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		errno = ETIMEDOUT;
		return error_set(err, STATUS_METADATA, "%s: no complete answer within %d s", req->url,
				 req->timeout_ms / 1000);
	case CURLE_COULDNT_CONNECT:
		errno = ECONNREFUSED;
		break;
	case CURLE_FILESIZE_EXCEEDED:
		errno = EMSGSIZE;
		return error_set(err, STATUS_METADATA, "%s: the answer is larger than %d bytes", req->url,
				 HTTP_BODY_MAX);
	case CURLE_OUT_OF_MEMORY:
		/* What libcurl says of a header line beyond its limit. */
		errno = EMSGSIZE;
		return error_set(err, STATUS_METADATA, "%s: a header of the answer is too large", req->url);
	default:
		if (body->too_large)
			return explain(CURLE_FILESIZE_EXCEEDED, req, body, detail, err);
		errno = EIO;
	}
	return error_set(err, STATUS_METADATA, "%s: %s", req->url, why);
}

int http_perform(const struct http_request *req, struct http_reply *ret, struct error *err)
{
	_cleanup_(slist_free_p) struct curl_slist *headers = NULL, *resolve = NULL;
	_cleanup_(easy_cleanup_p) CURL *curl = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	struct body body = {.data = calloc(1, HTTP_BODY_MAX + 1)};
	CURLcode code;

	if (load_libcurl(err) < 0) {
		free(body.data);
		errno = ENOENT;
		return -1;
	}
	curl = lib.easy_init();
	if (!curl || !body.data)
		goto nomem;
	for (size_t i = 0; req->headers[i]; i++)
		if (append_header(&headers, req->headers[i]) < 0)
			goto nomem;
	if (req->resolve && append_header(&resolve, req->resolve) < 0)
		goto nomem;
	set_limits(curl, req);
	lib.easy_setopt(curl, CURLOPT_URL, req->url);
	lib.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, req->method);
	lib.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (resolve)
		lib.easy_setopt(curl, CURLOPT_RESOLVE, resolve);
	lib.easy_setopt(curl, CURLOPT_POSTFIELDS, req->body ? req->body : "");
	lib.easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	lib.easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	lib.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	code = lib.easy_perform(curl);
	if (code != CURLE_OK) {
		explain(code, req, &body, detail, err);
		code = (CURLcode)errno;
		file_cleanse(body.data, HTTP_BODY_MAX);
		errno = (int)code;
		return -1;
	}
	lib.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
	ret->body = body.data;
	ret->len = body.len;
	return 0;
nomem:
	file_cleanse(body.data, HTTP_BODY_MAX);
	errno = ENOMEM;
	return error_nomem(err);
}

void http_reply_free(struct http_reply *reply)
{
	file_cleanse(reply->body, HTTP_BODY_MAX);
	reply->body = NULL;
}
