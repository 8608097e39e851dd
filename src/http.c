#include "ibmshare/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ibmshare/file.h"
#include "ibmshare/log.h"

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
	curl_slist_free_all(*list);
}

static void easy_cleanup_p(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static int append_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *grown = curl_slist_append(*list, header);

	if (!grown)
		return -1;
	*list = grown;
	return 0;
}

static void set_limits(CURL *curl, const struct http_request *req)
{
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (req->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, req->ca_file);
}

static int explain(CURLcode code, const struct http_request *req, const struct body *body, const char *detail,
		   struct error *err)
{
	const char *why = detail[0] ? detail : curl_easy_strerror(code);

	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		errno = ETIMEDOUT;
		return error_set(err, STATUS_METADATA, "%s: no complete answer within %d s", req->url,
				 req->timeout_ms / 1000);
	case CURLE_COULDNT_CONNECT:
		errno = ECONNREFUSED;
		break;
	case CURLE_FILESIZE_EXCEEDED:
		errno = EIO;
		return error_set(err, STATUS_METADATA, "%s: the answer is larger than %d bytes", req->url,
				 HTTP_BODY_MAX);
	default:
		errno = EIO;
		if (body->too_large)
			return explain(CURLE_FILESIZE_EXCEEDED, req, body, detail, err);
	}
	return error_set(err, STATUS_METADATA, "%s: %s", req->url, why);
}

int http_perform(const struct http_request *req, struct http_reply *ret, struct error *err)
{
	_cleanup_(slist_free_p) struct curl_slist *headers = NULL, *resolve = NULL;
	_cleanup_(easy_cleanup_p) CURL *curl = curl_easy_init();
	char detail[CURL_ERROR_SIZE] = "";
	struct body body = {.data = calloc(1, HTTP_BODY_MAX + 1)};
	CURLcode code;

	if (!curl || !body.data)
		goto nomem;
	for (size_t i = 0; req->headers[i]; i++)
		if (append_header(&headers, req->headers[i]) < 0)
			goto nomem;
	if (req->resolve && append_header(&resolve, req->resolve) < 0)
		goto nomem;
	set_limits(curl, req);
	curl_easy_setopt(curl, CURLOPT_URL, req->url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, req->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (resolve)
		curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body ? req->body : "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		explain(code, req, &body, detail, err);
		code = (CURLcode)errno;
		file_cleanse(body.data, HTTP_BODY_MAX);
		errno = (int)code;
		return -1;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
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
