#include "imds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY = 24 * 60 * 60, YEAR = 365 * DAY };

enum kind { KIND_ROOT, KIND_INTERMEDIATE, KIND_SHARE, KIND_WEB };

static const struct {
	const char *name; /* of its files */
	enum kind kind;
	enum pair_id signer;
	int years;
	const char *unit, *common_name;
} plans[PAIR_COUNT] = {
	[PAIR_ROOT] = {"root", KIND_ROOT, PAIR_ROOT, 10, "VPC File Storage", "Lab Root CA"},
	[PAIR_INT] = {"int", KIND_INTERMEDIATE, PAIR_ROOT, 5, "VPC File Storage", "Lab Intermediate CA"},
	[PAIR_SHARE] = {"share", KIND_SHARE, PAIR_INT, 1, "VPC File Storage", "Lab Share Host"},
	[PAIR_OTHER_ROOT] = {"other-root", KIND_ROOT, PAIR_OTHER_ROOT, 10, "Another Region", "Other Root CA"},
	[PAIR_OTHER_INT] = {"other-int", KIND_INTERMEDIATE, PAIR_OTHER_ROOT, 5, "Another Region",
			    "Other Intermediate CA"},
	[PAIR_OTHER_SHARE] = {"other-share", KIND_SHARE, PAIR_OTHER_INT, 1, "Another Region",
			      "Other Share Host"},
	[PAIR_WEB_CA] = {"web-ca", KIND_ROOT, PAIR_WEB_CA, 10, "Metadata Service", "Lab Web CA"},
	[PAIR_WEB] = {"web", KIND_WEB, PAIR_WEB_CA, 1, "Metadata Service", "api.metadata.cloud.ibm.com"},
};

static EVP_PKEY *load_key(const char *dir, enum pair_id id)
{
	char *path = xasprintf("%s/%s.key", dir, plans[id].name);
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	free(path);
	ERR_clear_error();
	return key;
}

static X509 *load_cert(const char *dir, enum pair_id id)
{
	char *path = xasprintf("%s/%s.crt", dir, plans[id].name);
	BIO *bio = BIO_new_file(path, "r");
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	free(path);
	ERR_clear_error();
	return cert;
}

static int save_key(const char *dir, enum pair_id id, EVP_PKEY *key)
{
	char *name = xasprintf("%s.key", plans[id].name);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long size;
	int rc = -1;

	if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		size = BIO_get_mem_data(bio, &data);
		rc = file_write(dir, name, data, (size_t)size, 0600);
	}
	BIO_free(bio);
	free(name);
	return rc;
}

static int save_cert(const char *dir, enum pair_id id, X509 *cert)
{
	char *name = xasprintf("%s.crt", plans[id].name);
	char *pem = x509_pem(cert);
	int rc = pem ? file_write(dir, name, pem, strlen(pem), 0644) : -1;

	free(pem);
	free(name);
	return rc;
}

/* "IP:A,IP:B", or NULL when there is no address. */
static char *list_addresses(const char *const *addresses, size_t count)
{
	char *list = NULL, *longer;

	for (size_t i = 0; i < count; i++) {
		longer = xasprintf("%s%sIP:%s", list ? list : "", list ? "," : "", addresses[i]);
		free(list);
		list = longer;
	}
	return list;
}

static X509_NAME *make_subject(enum pair_id id)
{
	const char *const fields[][2] = {
		{"C", "US"}, {"O", "IBM lab"}, {"OU", plans[id].unit}, {"CN", plans[id].common_name}};
	X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; name && i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (X509_NAME_add_entry_by_txt(name, fields[i][0], MBSTRING_ASC,
					       (const unsigned char *)fields[i][1], -1, -1, 0) != 1) {
			X509_NAME_free(name);
			name = NULL;
		}
	}
	return name;
}

static X509 *make_cert(const struct ca *ca, enum pair_id id, const char *addresses)
{
	enum kind kind = plans[id].kind;
	bool is_ca = kind == KIND_ROOT || kind == KIND_INTERMEDIATE;
	time_t now = time(NULL);
	const char *web = "DNS:api.metadata.cloud.ibm.com,IP:169.254.169.254";
	const char *names = kind == KIND_WEB ? web : addresses;
	struct x509_extension extensions[] = {
		{NID_basic_constraints, kind == KIND_INTERMEDIATE ? "critical,CA:TRUE,pathlen:0"
					: is_ca			  ? "critical,CA:TRUE"
								  : "critical,CA:FALSE"},
		{NID_key_usage, is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid:always"},
		{is_ca ? 0 : NID_ext_key_usage, kind == KIND_WEB ? "serverAuth" : "serverAuth,clientAuth"},
		{names ? NID_subject_alt_name : 0, names},
		{0, NULL},
	};
	struct x509_plan plan = {
		.subject = make_subject(id),
		.key = ca->key[id],
		.issuer = kind == KIND_ROOT ? NULL : ca->cert[plans[id].signer],
		.signer = ca->key[plans[id].signer],
		/* A guest's clock may be a little behind the machine that made the files. */
		.not_before = now - DAY,
		.not_after = now + (time_t)plans[id].years * YEAR,
		.extensions = extensions,
	};
	X509 *cert = plan.subject ? x509_make(&plan) : NULL;

	X509_NAME_free(plan.subject);
	return cert;
}

/* A key without its certificate, a replaced signer or a new address all end in a new certificate. */
static bool fits(const struct ca *ca, enum pair_id id, const char *const *addresses, size_t count)
{
	X509 *cert = ca->cert[id];
	bool ok = cert && X509_check_private_key(cert, ca->key[id]) == 1 &&
		  X509_verify(cert, ca->key[plans[id].signer]) == 1;

	for (size_t i = 0; ok && plans[id].kind == KIND_SHARE && i < count; i++)
		ok = X509_check_ip_asc(cert, addresses[i], 0) == 1;
	ERR_clear_error();
	return ok;
}

static int open_pair(struct ca *ca, const char *dir, enum pair_id id, const char *const *addresses,
		     size_t count)
{
	char *list;

	ca->key[id] = load_key(dir, id);
	if (!ca->key[id]) {
		ca->key[id] = x509_new_key();
		if (!ca->key[id] || save_key(dir, id, ca->key[id]) < 0)
			return -1;
	}
	ca->cert[id] = load_cert(dir, id);
	if (fits(ca, id, addresses, count))
		return 0;
	X509_free(ca->cert[id]);
	list = list_addresses(addresses, count);
	ca->cert[id] = make_cert(ca, id, list);
	free(list);
	return ca->cert[id] ? save_cert(dir, id, ca->cert[id]) : -1;
}

int ca_open(struct ca *ca, const char *dir, const char *const *addresses, size_t count)
{
	for (enum pair_id id = 0; id < PAIR_COUNT; id++) {
		if (open_pair(ca, dir, id, addresses, count) < 0) {
			complain("%s: cannot make the key or certificate '%s'", dir, plans[id].name);
			return -1;
		}
	}
	return 0;
}

void ca_close(struct ca *ca)
{
	for (enum pair_id id = 0; id < PAIR_COUNT; id++) {
		EVP_PKEY_free(ca->key[id]);
		X509_free(ca->cert[id]);
	}
}
