/*
 * One HTTP request, bounded in size and time; no proxy, no redirect, no
 * environment. HTTPS is verified.
 */
#ifndef IBMSHARE_HTTP_H
#define IBMSHARE_HTTP_H

#include "error.h"

enum {
	HTTP_BODY_MAX = 64 * 1024,
	HTTP_CONNECT_TIMEOUT_MS = 3000,
};

struct http_request {
	const char *method;
	const char *url;
	const char *const *headers; /* NULL-terminated "Name: value"; may hold a secret */
	const char *body;	    /* JSON text, or NULL */
	const char *resolve;	    /* "NAME:PORT:ADDRESS" pins the name, or NULL */
	const char *ca_file;	    /* trust store, or NULL: the system's */
	int timeout_ms;
};

struct http_reply {
	long status; /* of HTTP */
	char *body;  /* owned, NUL-terminated; may hold a secret */
	size_t len;
};

/*
 * 0: the service answered, whatever the status. -1: it did not; errno is
 * ECONNREFUSED, ETIMEDOUT, EMSGSIZE (it answered more than is read) or EIO; the
 * status of ERR is STATUS_METADATA.
 */
int http_perform(const struct http_request *req, struct http_reply *ret, struct error *err);
/* Overwrites the body and frees it. */
void http_reply_free(struct http_reply *reply);

#endif
