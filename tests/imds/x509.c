#include "imds.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

enum { KEY_BITS = 2048, SERIAL_BITS = 128 };

EVP_PKEY *x509_new_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, KEY_BITS) == 1)
		(void)EVP_PKEY_keygen(ctx, &key);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

	BN_free(number);
	return ok;
}

static bool add_extension(X509 *cert, X509 *issuer, const struct x509_extension *extension)
{
	X509V3_CTX ctx;
	X509_EXTENSION *made;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	made = X509V3_EXT_conf_nid(NULL, &ctx, extension->nid, extension->value);
	ok = made && X509_add_ext(cert, made, -1) == 1;
	X509_EXTENSION_free(made);
	return ok;
}

X509 *x509_make(const struct x509_plan *plan)
{
	X509 *cert = X509_new();
	X509 *issuer = plan->issuer ? plan->issuer : cert;
	bool ok;

	ok = cert && X509_set_version(cert, 2) == 1 && set_serial(cert) &&
	     X509_set_subject_name(cert, plan->subject) == 1 && X509_set_pubkey(cert, plan->key) == 1 &&
	     X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	     ASN1_TIME_set(X509_getm_notBefore(cert), plan->not_before) &&
	     ASN1_TIME_set(X509_getm_notAfter(cert), plan->not_after);
	for (const struct x509_extension *e = plan->extensions; ok && e->nid; e++)
		ok = add_extension(cert, issuer, e);
	if (!ok || X509_sign(cert, plan->signer, EVP_sha256()) <= 0) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

char *x509_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long size;

	if (bio && PEM_write_bio_X509(bio, cert) == 1) {
		size = BIO_get_mem_data(bio, &data);
		text = xasprintf("%.*s", (int)size, data);
	}
	BIO_free(bio);
	return text;
}
