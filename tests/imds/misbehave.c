#include "imds.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

enum { DEPTH = 10000, LONG_TOKEN = 1024 * 1024, SLOW_SECONDS = 2 };

static bool instead_error(enum fault fault, struct reply *reply)
{
	static const struct {
		enum fault fault;
		struct error error;
	} errors[] = {
		{FAULT_400, {400, "invalid_request", "The request is not valid.", "field", "body", NULL}},
		{FAULT_401,
		 {401, "unauthenticated", "The token is not valid.", "header", "Authorization", NULL}},
		{FAULT_403,
		 {403, "unauthorized", "The metadata service is not enabled for this instance.", NULL, NULL,
		  NULL}},
		{FAULT_404, {404, "not_found", "There is no such resource.", NULL, NULL, NULL}},
		{FAULT_429,
		 {429, "too_many_requests", "Too many requests, try again later.", NULL, NULL, NULL}},
		{FAULT_500, {500, "service_error", "An internal error occurred.", NULL, NULL, NULL}},
		{FAULT_503, {503, "service_unavailable", "The service is not available.", NULL, NULL, NULL}},
		{FAULT_CONTROLCHARS,
		 {400, "bad\ncode\x1b[2J",
		  "first line\nsecond line\r\x1b[31mred\x1b[0m\x07 %s%n%s\x7f\xc2\x9b", "field", "csr\n",
		  "tra\x1b]0;title\x07"
		  "ce\n%n"}},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].fault == fault) {
			reply_error(reply, &errors[i].error);
			return true;
		}
	}
	return false;
}

static void wrong_types(const struct request *request, struct reply *reply)
{
	if (request->endpoint == ENDPOINT_TOKEN)
		reply_text(reply, 200, "application/json",
			   "{\"access_token\":12345,\"created_at\":1,\"expires_at\":[],\"expires_in\":"
			   "\"soon\"}");
	else
		reply_text(reply, 201, "application/json",
			   "{\"certificates\":\"none\",\"created_at\":{},\"expires_at\":7,\"expires_in\":[],"
			   "\"id\":1}");
}

static void deep_json(struct reply *reply, unsigned int status)
{
	char *text = xcalloc(2 * DEPTH + 1, 1);

	memset(text, '[', DEPTH);
	memset(text + DEPTH, ']', DEPTH);
	reply_text(reply, status, "application/json", text);
	free(text);
}

static void redirect(enum fault fault, const struct request *request, struct reply *reply)
{
	reply_text(reply, 302, "text/plain", "");
	if (fault == FAULT_REDIRECT)
		reply->location = xasprintf("http://127.0.0.1:9/");
	else
		reply->location = xasprintf("%s?version=%s&redirected=1", request->path,
					    request->version ? request->version : "");
}

static void echo_token(const struct request *request, struct reply *reply)
{
	char *fresh = request->authorization ? NULL : token_new(300);
	const char *token = fresh ? fresh : request->authorization;
	char *message = xasprintf("The request with '%s' was refused.", token);
	char *trace = xasprintf("trace-%s", token);
	struct error error = {400, "invalid_request", message, "header", token, trace};

	reply_error(reply, &error);
	free(trace);
	free(message);
	free(fresh);
}

static void odd_token(enum fault fault, struct reply *reply)
{
	struct json_object *object = json_object_new_object();
	static const char crlf[] = "eyJhbGciOiJSUzI1NiJ9.e30.x\r\nX-Injected: yes\r\nX-Rest: y";
	static const char nul[] = "eyJhbGciOiJSUzI1NiJ9.e30.x\0hidden";
	char *longer = xcalloc(LONG_TOKEN + 1, 1);
	const char *text = "";
	size_t size = 0;

	if (fault == FAULT_LONGTOKEN) {
		memset(longer, 'A', LONG_TOKEN);
		text = longer;
		size = LONG_TOKEN;
	} else if (fault == FAULT_CRLFTOKEN) {
		text = crlf;
		size = sizeof(crlf) - 1;
	} else if (fault == FAULT_NULTOKEN) {
		text = nul;
		size = sizeof(nul) - 1;
	}
	json_object_object_add(object, "access_token", json_object_new_string_len(text, (int)size));
	reply_add_times(object, time(NULL), 300);
	reply_json(reply, 200, object);
	free(longer);
}

static bool instead_delivery(enum fault fault, struct reply *reply, unsigned int status)
{
	static const struct {
		enum fault fault;
		enum delivery delivery;
	} deliveries[] = {
		{FAULT_SILENT, DELIVER_SILENCE},
		{FAULT_CLOSES, DELIVER_CLOSE},
		{FAULT_HUGE, DELIVER_HUGE},
		{FAULT_HUGECHUNKED, DELIVER_HUGE_CHUNKED},
		{FAULT_HUGEHEADER, DELIVER_HUGE_HEADER},
	};

	for (size_t i = 0; i < sizeof(deliveries) / sizeof(deliveries[0]); i++) {
		if (deliveries[i].fault != fault)
			continue;
		reply_text(reply, status, "application/json", "{}");
		reply->delivery = deliveries[i].delivery;
		return true;
	}
	return false;
}

bool misbehave_instead(enum fault fault, const struct request *request, struct reply *reply)
{
	unsigned int status = request->endpoint == ENDPOINT_TOKEN ? 200 : 201;

	if (instead_error(fault, reply) || instead_delivery(fault, reply, status))
		return true;
	switch (fault) {
	case FAULT_500PLAIN:
		reply_text(reply, 500, "text/plain", "");
		return true;
	case FAULT_HTML:
		reply_text(reply, 200, "text/html",
			   "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n"
			   "<body><h1>Please sign in to use this network</h1></body></html>\n");
		return true;
	case FAULT_WRONGTYPES:
		wrong_types(request, reply);
		return true;
	case FAULT_EMPTYJSON:
		reply_text(reply, status, "application/json", "{}");
		return true;
	case FAULT_NULLJSON:
		reply_text(reply, status, "application/json", "null");
		return true;
	case FAULT_DEEPJSON:
		deep_json(reply, status);
		return true;
	case FAULT_REDIRECT:
		redirect(fault, request, reply);
		return true;
	case FAULT_REDIRECTSELF:
		if (request->redirected)
			return false;
		redirect(fault, request, reply);
		return true;
	case FAULT_ECHOTOKEN:
		echo_token(request, reply);
		return true;
	case FAULT_EMPTYTOKEN:
	case FAULT_LONGTOKEN:
	case FAULT_CRLFTOKEN:
	case FAULT_NULTOKEN:
		odd_token(fault, reply);
		return true;
	default:
		return false;
	}
}

void misbehave_after(enum fault fault, struct reply *reply)
{
	if (fault == FAULT_SLOW)
		reply->delay = SLOW_SECONDS;
	else if (fault == FAULT_DRIP)
		reply->delivery = DELIVER_DRIP;
	else if (fault == FAULT_CUTOFF)
		reply->delivery = DELIVER_CUTOFF;
	else if (fault == FAULT_TRUNCATED)
		reply->size /= 2;
	else if (fault == FAULT_202 && reply->status < 300)
		reply->status = 202;
}
