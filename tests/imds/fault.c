#include "imds.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANY = ENDPOINT_TOKEN | ENDPOINT_CERTIFICATES, TOKEN = ENDPOINT_TOKEN, CERTS = ENDPOINT_CERTIFICATES };

enum { FILE_MAX = 4096 };

static const struct {
	enum fault fault;
	unsigned int scope;
	const char *name, *what;
} faults[] = {
	{FAULT_SILENT, ANY, "silent", "no answer until the client closes or 120 s are over"},
	{FAULT_CLOSES, ANY, "closes", "the connection is closed without an answer"},
	{FAULT_SLOW, ANY, "slow", "the right answer, after 2 s"},
	{FAULT_DRIP, ANY, "drip", "the right answer, its body a byte a second"},
	{FAULT_TRUNCATED, ANY, "truncated", "half of the right JSON, with a Content-Length that agrees"},
	{FAULT_CUTOFF, ANY, "cutoff", "the right answer, the connection closed in the middle of it"},
	{FAULT_202, ANY, "202", "the right answer with status 202"},
	{FAULT_400, ANY, "400", "error invalid_request"},
	{FAULT_401, ANY, "401", "error unauthenticated"},
	{FAULT_403, ANY, "403", "error unauthorized (metadata service not enabled)"},
	{FAULT_404, ANY, "404", "error not_found"},
	{FAULT_429, ANY, "429", "error too_many_requests"},
	{FAULT_500, ANY, "500", "error service_error"},
	{FAULT_503, ANY, "503", "error service_unavailable"},
	{FAULT_500PLAIN, ANY, "500plain", "status 500, no body"},
	{FAULT_HTML, ANY, "html", "status 200, a text/html page"},
	{FAULT_WRONGTYPES, ANY, "wrongtypes", "every field has a wrong JSON type"},
	{FAULT_EMPTYJSON, ANY, "emptyjson", "{}"},
	{FAULT_NULLJSON, ANY, "nulljson", "null"},
	{FAULT_DEEPJSON, ANY, "deepjson", "10,000 nested arrays"},
	{FAULT_HUGE, ANY, "huge", "a JSON string of 100 MB, with Content-Length"},
	{FAULT_HUGECHUNKED, ANY, "hugechunked", "the same without Content-Length"},
	{FAULT_HUGEHEADER, ANY, "hugeheader", "a header of 1 MB"},
	{FAULT_REDIRECT, ANY, "redirect", "302 to http://127.0.0.1:9/"},
	{FAULT_REDIRECTSELF, ANY, "redirectself", "302 to this service, which would then answer right"},
	{FAULT_ECHOTOKEN, ANY, "echotoken", "error 400 whose texts hold the token sent (token: a new one)"},
	{FAULT_CONTROLCHARS, ANY, "controlchars",
	 "error 400 with newlines, escape sequences and %s%n in its texts"},
	{FAULT_EMPTYTOKEN, TOKEN, "emptytoken", "access_token is empty"},
	{FAULT_LONGTOKEN, TOKEN, "longtoken", "access_token has 1 MB"},
	{FAULT_CRLFTOKEN, TOKEN, "crlftoken", "access_token holds CR LF and a header line"},
	{FAULT_NULTOKEN, TOKEN, "nultoken", "access_token holds \\u0000"},
	{FAULT_EMPTYLIST, CERTS, "emptylist", "no certificate in the list"},
	{FAULT_ONE, CERTS, "one", "only the leaf"},
	{FAULT_THREE, CERTS, "three", "leaf, intermediate, root"},
	{FAULT_SWAPPED, CERTS, "swapped", "intermediate first"},
	{FAULT_TWICE, CERTS, "twice", "the leaf in place of the intermediate too"},
	{FAULT_WRONGELEMENTS, CERTS, "wrongelements", "a number and null in the list"},
	{FAULT_OTHERKEY, CERTS, "otherkey", "leaf for a key that is not the request's"},
	{FAULT_OTHERSIGNER, CERTS, "othersigner", "leaf of other-int, sent with int.crt"},
	{FAULT_FORGED, CERTS, "forged", "leaf that names int as its issuer, signed by another key"},
	{FAULT_OTHERCHAIN, CERTS, "otherchain", "leaf and intermediate of other-root"},
	{FAULT_EXPIRED, CERTS, "expired", "leaf that ended a minute ago"},
	{FAULT_FUTURE, CERTS, "future", "leaf that begins in an hour"},
	{FAULT_SHORT, CERTS, "short", "leaf for 5 s"},
	{FAULT_GARBAGE, CERTS, "garbage", "junk between PEM lines for a leaf"},
	{FAULT_GARBAGEINT, CERTS, "garbageint", "junk between PEM lines for an intermediate"},
	{FAULT_NOTPEM, CERTS, "notpem", "plain words for certificates"},
};

static const struct {
	const char *name;
	unsigned int scope;
} scopes[] = {{"token", TOKEN}, {"certificates", CERTS}, {"any", ANY}};

void fault_list(FILE *out)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const char *scope = "";

		for (size_t j = 0; j < sizeof(scopes) / sizeof(scopes[0]); j++) {
			if (scopes[j].scope == faults[i].scope)
				scope = scopes[j].name;
		}
		fprintf(out, "%-13s %-14s %s\n", scope, faults[i].name, faults[i].what);
	}
}

/* Every request reads the file again; one complaint a word is enough. */
static void complain_once(const char *word)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char last[64];

	pthread_mutex_lock(&lock);
	if (strncmp(last, word, sizeof(last) - 1) != 0) {
		snprintf(last, sizeof(last), "%s", word);
		complain(
			"fault file: '%s' is not ENDPOINT:FAULT with a fault of --list-faults; answering 500",
			last);
	}
	pthread_mutex_unlock(&lock);
}

/* 'any:' may name a fault of one endpoint only, and then leaves the other alone. */
static bool parse_word(const char *word, unsigned int *ret_scope, enum fault *ret_fault)
{
	const char *colon = strchr(word, ':');
	unsigned int scope = 0;

	for (size_t i = 0; colon && i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (strlen(scopes[i].name) == (size_t)(colon - word) &&
		    strncmp(scopes[i].name, word, (size_t)(colon - word)) == 0)
			scope = scopes[i].scope;
	}
	for (size_t i = 0; scope && i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strcmp(faults[i].name, colon + 1) == 0 && (scope & faults[i].scope)) {
			*ret_scope = scope & faults[i].scope;
			*ret_fault = faults[i].fault;
			return true;
		}
	}
	return false;
}

/* False when there is a file that cannot be read. */
static bool read_file(const char *dir, char *text)
{
	char *path = xasprintf("%s/fault", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	bool ok = true;

	if (fd >= 0) {
		n = read(fd, text, FILE_MAX);
		close(fd);
	} else if (errno != ENOENT) {
		n = -1;
	}
	if (n < 0) {
		complain_once(strerror(errno));
		ok = false;
		n = 0;
	}
	text[n] = '\0';
	free(path);
	return ok;
}

bool fault_read(const char *dir, enum endpoint endpoint, enum fault *ret_fault)
{
	char text[FILE_MAX + 1], *save = NULL;
	enum fault found = FAULT_NONE, fault;
	unsigned int scope;

	if (!read_file(dir, text))
		return false;
	for (char *word = strtok_r(text, " \t\r\n", &save); word; word = strtok_r(NULL, " \t\r\n", &save)) {
		if (!parse_word(word, &scope, &fault)) {
			complain_once(word);
			return false;
		}
		if (found == FAULT_NONE && (scope & endpoint))
			found = fault;
	}
	*ret_fault = found;
	return true;
}
