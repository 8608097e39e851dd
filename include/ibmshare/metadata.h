/*
 * The instance metadata service of IBM Cloud VPC.
 * Source: "VPC metadata service" and "Identity" API pages of IBM Cloud; two
 * generations of paths, told apart by the `version` query parameter.
 */
#ifndef IBMSHARE_METADATA_H
#define IBMSHARE_METADATA_H

#include <stdbool.h>

#include "config.h"
#include "env.h"

struct metadata_certificate {
	char *leaf;	    /* PEM, owned */
	char *intermediate; /* PEM, owned */
};

/*
 * Asks for a token, then for a certificate for CSR (PEM). Status: METADATA (no
 * answer), TOKEN, CERTIFICATE. Nothing of the reply is trusted yet: see
 * certs_check_reply().
 */
int metadata_issue(const struct env *env, const struct config *config, const char *csr,
		   struct metadata_certificate *ret, struct error *err);
void metadata_certificate_free(struct metadata_certificate *cert);

/* The pure parts. */
char *metadata_certificate_body(const char *csr, int seconds);
int metadata_parse_token(const char *body, size_t len, char **ret_token, struct error *err);
int metadata_parse_certificate(const char *body, size_t len, struct metadata_certificate *ret,
			       struct error *err);
/* Gives ERR code, message and trace of an error reply; SECRET is blotted out. */
int metadata_explain(long http_status, const char *body, size_t len, const char *secret, int status,
		     struct error *err);

#endif
