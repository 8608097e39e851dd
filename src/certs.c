#include "ibmshare/certs.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct certs_key {
	EVP_PKEY *pkey;
};

/* The service takes these attributes and no other; a CN makes it refuse. */
static const char *const subject[][2] = {
	{"C", "US"}, {"ST", "IL"}, {"L", "Chicago"}, {"O", "IBM Corporation"}, {"OU", "IBM Software Group"},
};

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_free_p(X509 **x509)
{
	X509_free(*x509);
}

static void req_free_p(X509_REQ **req)
{
	X509_REQ_free(*req);
}

static void pkey_ctx_free_p(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

#define _cleanup_bio_ _cleanup_(bio_free_p)
#define _cleanup_x509_ _cleanup_(x509_free_p)

static int crypto_error(struct error *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	char why[160] = "";

	if (code)
		ERR_error_string_n(code, why, sizeof(why));
	ERR_clear_error();
	return error_set(err, STATUS_INTERNAL, "%s%s%s", what, why[0] ? ": " : "", why);
}

void certs_key_free(struct certs_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* OpenSSL overwrites it */
	free(key);
}

void certs_key_freep(struct certs_key **key)
{
	certs_key_free(*key);
}

static int wrap_key(EVP_PKEY *pkey, struct certs_key **ret, struct error *err)
{
	struct certs_key *key = malloc(sizeof(*key));

	if (!key) {
		EVP_PKEY_free(pkey);
		return error_nomem(err);
	}
	key->pkey = pkey;
	*ret = key;
	return 0;
}

int certs_key_generate(int bits, struct certs_key **ret, struct error *err)
{
	_cleanup_(pkey_ctx_free_p) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) <= 0 ||
	    EVP_PKEY_keygen(ctx, &pkey) <= 0)
		return crypto_error(err, "cannot make a private key");
	return wrap_key(pkey, ret, err);
}

/* An encrypted key would make OpenSSL ask at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

int certs_key_parse(const char *pem, struct certs_key **ret, struct error *err)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	if (!pkey)
		return crypto_error(err, "not a private key");
	if (EVP_PKEY_base_id(pkey) != EVP_PKEY_RSA) {
		EVP_PKEY_free(pkey);
		return error_set(err, STATUS_OTHER, "not an RSA key");
	}
	return wrap_key(pkey, ret, err);
}

/* Copies what a memory BIO holds. */
static int bio_text(BIO *bio, char **ret, size_t *ret_len, struct error *err)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *copy = len > 0 ? strndup(data, (size_t)len) : NULL;

	if (!copy)
		return error_nomem(err);
	*ret = copy;
	if (ret_len)
		*ret_len = (size_t)len;
	return 0;
}

int certs_key_pem(const struct certs_key *key, char **ret_pem, size_t *ret_len, struct error *err)
{
	/* Secure memory is cleared when freed; a plain BIO of OpenSSL is as well (BUF_MEM_free). */
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return crypto_error(err, "cannot write the private key");
	return bio_text(bio, ret_pem, ret_len, err);
}

int certs_csr(const struct certs_key *key, char **ret_pem, struct error *err)
{
	_cleanup_(req_free_p) X509_REQ *req = X509_REQ_new();
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *name = req ? X509_REQ_get_subject_name(req) : NULL;

	if (!bio || !name || X509_REQ_set_version(req, 0) != 1)
		return crypto_error(err, "cannot make a certificate request");
	for (size_t i = 0; i < ARRAY_SIZE(subject); i++)
		if (X509_NAME_add_entry_by_txt(name, subject[i][0], MBSTRING_ASC,
					       (const unsigned char *)subject[i][1], -1, -1, 0) != 1)
			return crypto_error(err, "cannot make a certificate request");
	if (X509_REQ_set_pubkey(req, key->pkey) != 1 || X509_REQ_sign(req, key->pkey, EVP_sha256()) <= 0 ||
	    PEM_write_bio_X509_REQ(bio, req) != 1)
		return crypto_error(err, "cannot make a certificate request");
	return bio_text(bio, ret_pem, NULL, err);
}

static X509 *parse_x509(const char *pem)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

	ERR_clear_error();
	return x509;
}

static int asn1_seconds(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return -1;
	*ret = (int64_t)timegm(&tm);
	return 0;
}

static int x509_info(X509 *x509, struct certs_info *ret, struct error *err)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	BIGNUM *bn;
	char *hex;
	long len;

	if (asn1_seconds(X509_get0_notBefore(x509), &ret->not_before) < 0 ||
	    asn1_seconds(X509_get0_notAfter(x509), &ret->not_after) < 0)
		return error_set(err, STATUS_OTHER, "a certificate without valid dates");
	if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0,
				       XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0)
		return crypto_error(err, "cannot read a certificate's subject");
	len = BIO_get_mem_data(bio, &data);
	snprintf(ret->subject, sizeof(ret->subject), "%.*s", (int)len, data);
	bn = ASN1_INTEGER_to_BN(X509_get_serialNumber(x509), NULL);
	hex = bn ? BN_bn2hex(bn) : NULL;
	snprintf(ret->serial, sizeof(ret->serial), "%s", hex ? hex : "?");
	OPENSSL_free(hex);
	BN_free(bn);
	return 0;
}

int certs_info(const char *pem, struct certs_info *ret, struct error *err)
{
	_cleanup_x509_ X509 *x509 = parse_x509(pem);

	if (!x509)
		return error_set(err, STATUS_OTHER, "not a PEM certificate");
	return x509_info(x509, ret, err);
}

int certs_key_id(const char *leaf_pem, char buf[41], struct error *err)
{
	_cleanup_x509_ X509 *leaf = parse_x509(leaf_pem);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!leaf)
		return error_set(err, STATUS_OTHER, "not a PEM certificate");
	if (X509_pubkey_digest(leaf, EVP_sha1(), digest, &len) != 1 || len != 20)
		return crypto_error(err, "cannot digest a public key");
	for (unsigned int i = 0; i < len; i++)
		snprintf(buf + 2 * (size_t)i, 3, "%02x", digest[i]);
	return 0;
}

bool certs_key_matches(const struct certs_key *key, const char *leaf_pem)
{
	_cleanup_x509_ X509 *leaf = parse_x509(leaf_pem);
	bool match = leaf && X509_check_private_key(leaf, key->pkey) == 1;

	ERR_clear_error();
	return match;
}

int64_t certs_renewal_time(const struct certs_info *leaf)
{
	return leaf->not_before + (leaf->not_after - leaf->not_before) * CERTS_RENEW_PERCENT / 100;
}

static bool signed_by(X509 *x509, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	bool good = pkey && X509_verify(x509, pkey) == 1;

	ERR_clear_error();
	return good;
}

bool certs_signed_by(const char *intermediate, const char *root)
{
	_cleanup_x509_ X509 *lower = parse_x509(intermediate);
	_cleanup_x509_ X509 *upper = parse_x509(root);

	return lower && upper && signed_by(lower, upper);
}

static void format_time(int64_t seconds, char buf[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(buf, 32, "?");
}

static int check_dates(X509 *x509, const char *what, int64_t now, struct error *err)
{
	char from[32], until[32], have[32];
	struct certs_info info;

	if (x509_info(x509, &info, err) < 0)
		return -1;
	format_time(info.not_before, from);
	format_time(info.not_after, until);
	format_time(now, have);
	if (info.not_before <= now + CERTS_SKEW_SECONDS && now < info.not_after)
		return 0;
	error_set(err, STATUS_CERTIFICATE,
		  "the %s it issued is %s: valid from %s until %s, and the clock here says %s", what,
		  now < info.not_before ? "not valid yet" : "expired", from, until, have);
	return error_remedy(err, "if the clock is wrong set it, for example with: chronyc makestep");
}

int certs_check_reply(const struct certs_key *key, const char *leaf_pem, const char *intermediate_pem,
		      int64_t now, struct error *err)
{
	_cleanup_x509_ X509 *leaf = parse_x509(leaf_pem);
	_cleanup_x509_ X509 *intermediate = parse_x509(intermediate_pem);
	bool for_key;

	if (!leaf || !intermediate)
		return error_set(err, STATUS_CERTIFICATE, "the %s it issued is not a PEM certificate",
				 leaf ? "intermediate" : "leaf");
	for_key = X509_check_private_key(leaf, key->pkey) == 1;
	ERR_clear_error();
	if (!for_key && X509_check_ca(leaf) == 1 && signed_by(intermediate, leaf))
		return error_set(err, STATUS_CERTIFICATE,
				 "it issued the certificates in the wrong order: the "
				 "intermediate first");
	if (!for_key)
		return error_set(err, STATUS_CERTIFICATE, "the leaf it issued is for another key than ours");
	/* 1: by its basicConstraints, as strongSwan wants it. */
	if (X509_check_ca(intermediate) != 1)
		return error_set(err, STATUS_CERTIFICATE,
				 "the intermediate it issued is not a CA certificate");
	if (!signed_by(leaf, intermediate))
		return error_set(err, STATUS_CERTIFICATE,
				 "the leaf it issued is not signed by the intermediate");
	if (check_dates(leaf, "leaf", now, err) < 0)
		return -1;
	return check_dates(intermediate, "intermediate", now, err);
}

static int x509_text(X509 *x509, char **ret, struct error *err)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, x509) != 1)
		return crypto_error(err, "cannot write a certificate");
	return bio_text(bio, ret, NULL, err);
}

int certs_normalize(char **pem, struct error *err)
{
	_cleanup_x509_ X509 *x509 = parse_x509(*pem);
	char *text;

	if (!x509)
		return error_set(err, STATUS_CERTIFICATE, "not a PEM certificate");
	if (x509_text(x509, &text, err) < 0)
		return -1;
	free(*pem);
	*pem = text;
	return 0;
}

int certs_each(const char *pem, size_t len, int (*fn)(const char *cert_pem, void *arg), void *arg,
	       struct error *err)
{
	_cleanup_bio_ BIO *bio = BIO_new_mem_buf(pem, (int)len);
	unsigned count = 0;

	if (!bio || len > CERTS_PEM_MAX)
		return error_set(err, STATUS_OTHER, "larger than %d bytes", CERTS_PEM_MAX);
	for (;; count++) {
		_cleanup_x509_ X509 *x509 = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
		_cleanup_free_ char *text = NULL;

		if (!x509)
			break;
		if (x509_text(x509, &text, err) < 0)
			return -1;
		if (fn(text, arg) < 0)
			return -1;
	}
	/* It must have stopped at the end, not at something broken. */
	if (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return error_set(err, STATUS_OTHER, "not a PEM certificate");
	}
	ERR_clear_error();
	return 0;
}
