/*
 * A little public key infrastructure for the tests: keys and certificates made
 * with OpenSSL itself, not with the code under test where that can be helped.
 */
#ifndef TESTS_UNIT_PKI_H
#define TESTS_UNIT_PKI_H

#include "util.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ibmshare/certs.h"

enum {
	PKI_BITS = 2048, /* not the helper's 4096: that takes seconds */
};

struct pki_cert {
	const char *cn;
	struct certs_key *key;
	EVP_PKEY *pkey; /* the same key */
	X509 *x509;
	char *pem;
};

struct pki_spec {
	const char *cn;
	int64_t from, until;
	bool ca;
	long serial;
};

static inline EVP_PKEY *pki_pkey(const struct certs_key *key)
{
	struct error err;
	EVP_PKEY *pkey;
	char *pem;
	size_t len;
	BIO *bio;

	CHECK(certs_key_pem(key, &pem, &len, &err) == 0, "%s", err.text);
	bio = BIO_new_mem_buf(pem, (int)len);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	free(pem);
	assert_non_null(pkey);
	return pkey;
}

static inline char *pki_bio_text(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = strndup(data, (size_t)len);
	assert_non_null(text);
	BIO_free(bio);
	return text;
}

static inline void pki_extension(X509 *x509, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Issues a certificate for KEY (NULL: a new one), signed by ISSUER (NULL: by itself). */
static inline void pki_issue(struct pki_cert *cert, const struct pki_cert *issuer, struct certs_key *key,
			     const struct pki_spec *spec)
{
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *name;
	struct error err;

	assert_non_null(x509);
	cert->cn = spec->cn;
	cert->key = key;
	if (!key)
		CHECK(certs_key_generate(PKI_BITS, &cert->key, &err) == 0, "%s", err.text);
	cert->pkey = pki_pkey(cert->key);
	assert_int_equal(X509_set_version(x509, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), spec->serial);
	ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)spec->from);
	ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)spec->until);
	name = X509_get_subject_name(x509);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)spec->cn,
						    -1, -1, 0),
			 1);
	X509_set_issuer_name(x509, issuer ? X509_get_subject_name(issuer->x509) : name);
	X509_set_pubkey(x509, cert->pkey);
	if (spec->ca)
		pki_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
	else
		pki_extension(x509, NID_basic_constraints, "critical,CA:FALSE");
	assert_true(X509_sign(x509, issuer ? issuer->pkey : cert->pkey, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	cert->x509 = x509;
	cert->pem = pki_bio_text(bio);
}

/* The key belongs to whoever gave it. */
static inline void pki_drop(struct pki_cert *cert, bool with_key)
{
	if (with_key)
		certs_key_free(cert->key);
	EVP_PKEY_free(cert->pkey);
	X509_free(cert->x509);
	free(cert->pem);
	memset(cert, 0, sizeof(*cert));
}

/* What a whole group of tests shares, since keys are slow to make. */
struct pki {
	struct pki_cert root, intermediate, leaf;
	struct certs_key *other; /* that nobody certified */
};

#define PKI_HOUR 3600

static inline struct pki *pki_make(int64_t now)
{
	struct pki *pki = calloc(1, sizeof(*pki));
	struct error err;

	if (!pki)
		return NULL;
	pki_issue(&pki->root, NULL, NULL, &(struct pki_spec){"root", now - 9000000, now + 9000000, true, 1});
	pki_issue(&pki->intermediate, &pki->root, NULL,
		  &(struct pki_spec){"intermediate", now - 900000, now + 900000, true, 2});
	pki_issue(&pki->leaf, &pki->intermediate, NULL,
		  &(struct pki_spec){"leaf", now, now + PKI_HOUR, false, 0xabcdef});
	if (certs_key_generate(PKI_BITS, &pki->other, &err) < 0)
		return NULL;
	return pki;
}

static inline void pki_free(struct pki *pki)
{
	if (!pki)
		return;
	pki_drop(&pki->root, true);
	pki_drop(&pki->intermediate, true);
	pki_drop(&pki->leaf, true);
	certs_key_free(pki->other);
	free(pki);
}

#endif
