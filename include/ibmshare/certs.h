/*
 * Keys, signing requests and X.509, RFC 5280 and RFC 2986. Text is PEM.
 */
#ifndef IBMSHARE_CERTS_H
#define IBMSHARE_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum {
	CERTS_KEY_BITS = 4096,
	CERTS_RENEW_PERCENT = 70, /* of its life, then a leaf is due */
	CERTS_PEM_MAX = 32 * 1024,
	CERTS_SKEW_SECONDS = 60, /* a leaf may begin that far ahead: the service's clock is not ours */
};

struct certs_key; /* an RSA private key */
void certs_key_free(struct certs_key *key);
void certs_key_freep(struct certs_key **key);

int certs_key_generate(int bits, struct certs_key **ret, struct error *err);
int certs_key_parse(const char *pem, struct certs_key **ret, struct error *err);
/* PKCS#8; the caller cleanses and frees it. */
int certs_key_pem(const struct certs_key *key, char **ret_pem, size_t *ret_len, struct error *err);

/* A PKCS#10 request with the subject IBM's service accepts (no CN), signed with SHA-256. The caller frees it.
 */
int certs_csr(const struct certs_key *key, char **ret_pem, struct error *err);

struct certs_info {
	int64_t not_before; /* seconds since 1970, UTC */
	int64_t not_after;
	char subject[256];
	char serial[64]; /* hexadecimal */
};

/* Of the first certificate in PEM. */
int certs_info(const char *pem, struct certs_info *ret, struct error *err);
/* The identifier that strongSwan gives the private key of LEAF: SHA-1 of the public key, hexadecimal. */
int certs_key_id(const char *leaf_pem, char buf[41], struct error *err);
bool certs_key_matches(const struct certs_key *key, const char *leaf_pem);
/* When a leaf is to be replaced, seconds since 1970. */
int64_t certs_renewal_time(const struct certs_info *leaf);

/*
 * Whether LEAF is ours to use: for KEY, signed by INTERMEDIATE, valid at NOW.
 * Status STATUS_CERTIFICATE on failure, with the reason.
 */
int certs_check_reply(const struct certs_key *key, const char *leaf, const char *intermediate, int64_t now,
		      struct error *err);

/* Re-encodes *PEM so that it holds its first certificate and nothing else. */
int certs_normalize(char **pem, struct error *err);

/* True when ROOT (PEM, first certificate) signed INTERMEDIATE. */
bool certs_signed_by(const char *intermediate, const char *root);

/* Splits a file into its certificates, each re-encoded as PEM, and calls FN for each; stops when FN returns
 * -1. */
int certs_each(const char *pem, size_t len, int (*fn)(const char *cert_pem, void *arg), void *arg,
	       struct error *err);

#endif
