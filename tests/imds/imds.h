/*
 * A stand-in for the instance metadata service of IBM Cloud VPC, for tests.
 *
 * One process, one thread a connection (faults may block for minutes), all state in a directory.
 */
#ifndef IMDS_H
#define IMDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define IMDS_MAX_ADDRESSES 512
#define IMDS_MAX_LISTENERS 8

enum generation { GENERATION_NEW = 1, GENERATION_OLD = 2, GENERATION_BOTH = 3 };
enum endpoint { ENDPOINT_OTHER = 0, ENDPOINT_TOKEN = 1, ENDPOINT_CERTIFICATES = 2 };

/* util.c */

/* "imds: TEXT" on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* malloc family that ends the program instead of returning NULL. */
void *xcalloc(size_t count, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* COUNT random bytes as lower-case hex; the caller frees. */
char *random_hex(size_t count);
/* Replaces DIR/NAME in one step; 0, or -1 after a complaint. */
int file_write(const char *dir, const char *name, const void *data, size_t size, unsigned int mode);

/* x509.c */

struct x509_extension {
	int nid;
	const char *value; /* as in openssl.cnf */
};

struct x509_plan {
	X509_NAME *subject;
	EVP_PKEY *key;
	X509 *issuer;	  /* NULL: self-signed */
	EVP_PKEY *signer; /* need not belong to issuer: that is how a forgery is made */
	time_t not_before, not_after;
	const struct x509_extension *extensions; /* ends with nid 0 */
};

EVP_PKEY *x509_new_key(void);
X509 *x509_make(const struct x509_plan *plan);
char *x509_pem(X509 *cert);

/* ca.c */

enum pair_id {
	PAIR_ROOT,
	PAIR_INT,
	PAIR_SHARE,
	PAIR_OTHER_ROOT,
	PAIR_OTHER_INT,
	PAIR_OTHER_SHARE,
	PAIR_WEB_CA,
	PAIR_WEB,
	PAIR_COUNT
};

struct ca {
	EVP_PKEY *key[PAIR_COUNT];
	X509 *cert[PAIR_COUNT];
};

/* Loads the key pairs of DIR and makes what is missing or does not fit; 0, or -1 after a complaint. */
int ca_open(struct ca *ca, const char *dir, const char *const *addresses, size_t count);
void ca_close(struct ca *ca);

/* token.c */

enum token_state { TOKEN_GOOD, TOKEN_UNKNOWN, TOKEN_EXPIRED };

/* A new token, remembered until LIFETIME seconds from now; the caller frees. */
char *token_new(long lifetime);
enum token_state token_check(const char *token);

/* request and reply */

struct request {
	const char *method, *path;
	const char *version, *flavor, *authorization; /* NULL when missing */
	bool redirected;			      /* came back from the redirect to ourselves */
	enum endpoint endpoint;
	enum generation generation; /* of the path, not of the version */
	char *body;
	size_t size;
	bool too_big;
};

enum delivery {
	DELIVER_BODY,
	DELIVER_DRIP,	      /* a byte a second */
	DELIVER_CUTOFF,	      /* promised whole, closed half-way */
	DELIVER_HUGE,	      /* 100 MB, made while sending */
	DELIVER_HUGE_CHUNKED, /* the same without Content-Length */
	DELIVER_HUGE_HEADER,
	DELIVER_SILENCE, /* no answer until the client gives up */
	DELIVER_CLOSE	 /* no answer */
};

struct reply {
	unsigned int status;
	enum delivery delivery;
	unsigned int delay; /* seconds */
	const char *type;   /* Content-Type */
	char *body;
	size_t size;
	char *location;
	const char *allow;
};

/* reply.c */

void reply_text(struct reply *reply, unsigned int status, const char *type, const char *text);
struct json_object;
/* Takes the object over. */
void reply_json(struct reply *reply, unsigned int status, struct json_object *object);

struct error {
	unsigned int status;
	const char *code, *message;
	const char *target_type, *target; /* may be NULL */
	const char *trace;		  /* NULL: a random one */
};

void reply_error(struct reply *reply, const struct error *error);
/* created_at, expires_at and expires_in; two calls write whole seconds, the next two fractions. */
void reply_add_times(struct json_object *object, time_t from, long lifetime);
void reply_free(struct reply *reply);

/* fault.c */

enum fault {
	FAULT_NONE,
	FAULT_SILENT,
	FAULT_CLOSES,
	FAULT_SLOW,
	FAULT_DRIP,
	FAULT_TRUNCATED,
	FAULT_CUTOFF,
	FAULT_202,
	FAULT_400,
	FAULT_401,
	FAULT_403,
	FAULT_404,
	FAULT_429,
	FAULT_500,
	FAULT_503,
	FAULT_500PLAIN,
	FAULT_HTML,
	FAULT_WRONGTYPES,
	FAULT_EMPTYJSON,
	FAULT_NULLJSON,
	FAULT_DEEPJSON,
	FAULT_HUGE,
	FAULT_HUGECHUNKED,
	FAULT_HUGEHEADER,
	FAULT_REDIRECT,
	FAULT_REDIRECTSELF,
	FAULT_ECHOTOKEN,
	FAULT_CONTROLCHARS,
	FAULT_EMPTYTOKEN,
	FAULT_LONGTOKEN,
	FAULT_CRLFTOKEN,
	FAULT_NULTOKEN,
	FAULT_EMPTYLIST,
	FAULT_ONE,
	FAULT_THREE,
	FAULT_SWAPPED,
	FAULT_TWICE,
	FAULT_WRONGELEMENTS,
	FAULT_OTHERKEY,
	FAULT_OTHERSIGNER,
	FAULT_FORGED,
	FAULT_OTHERCHAIN,
	FAULT_EXPIRED,
	FAULT_FUTURE,
	FAULT_SHORT,
	FAULT_GARBAGE,
	FAULT_GARBAGEINT,
	FAULT_NOTPEM,
};

/*
 * The fault DIR/fault asks for at this endpoint. False when the file holds something that is no fault,
 * which is then named on stderr, once.
 */
bool fault_read(const char *dir, enum endpoint endpoint, enum fault *ret_fault);
void fault_list(FILE *out);

/* misbehave.c */

/* Answers in place of the service; false when the fault is none of that kind. */
bool misbehave_instead(enum fault fault, const struct request *request, struct reply *reply);
/* Spoils the answer of the service. */
void misbehave_after(enum fault fault, struct reply *reply);

/* issue.c */

/* What is wrong with the request, in words, or NULL. */
const char *issue_check(X509_REQ *csr);
/* The array 'certificates'; NULL when OpenSSL fails. FAULT may change every part of it. */
struct json_object *issue_certificates(const struct ca *ca, X509_REQ *csr, long lifetime, enum fault fault);

/* service.c */

struct service {
	const char *dir;
	enum generation generation;
	struct ca ca;
};

void service_locate(struct request *request);
void service_answer(const struct service *service, const struct request *request, struct reply *reply);

/* http.c */

struct listener {
	const char *address; /* ADDR:PORT */
	bool tls;
	int fd;
	struct MHD_Daemon *daemon;
};

/* Binds the socket; 0, -1 when the address is bad, -2 when it cannot be bound, both after a complaint. */
int http_bind(struct listener *listener);
int http_start(struct listener *listener, const struct service *service);
/* Wakes whoever sleeps in a fault; called once, before http_stop. */
void http_interrupt(void);
void http_stop(struct listener *listener);
/* "http ADDR:PORT" with the port that was really bound; the caller frees. */
char *http_describe(const struct listener *listener);

#endif
