#include "imds.h"

#include <stdlib.h>

#include <json-c/json.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { MIN_KEY_BITS = 2048, SHORT_LIFE = 5, HOUR = 60 * 60, MINUTE = 60 };

static const char *check_subject(X509_NAME *subject)
{
	static const int allowed[] = {NID_countryName, NID_stateOrProvinceName, NID_localityName,
				      NID_organizationName, NID_organizationalUnitName};

	for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(subject, i)));
		bool known = false;

		for (size_t j = 0; j < sizeof(allowed) / sizeof(allowed[0]); j++)
			known = known || allowed[j] == nid;
		if (!known)
			return "the subject may hold C, ST, L, O and OU only";
	}
	return NULL;
}

static bool asks_for_extensions(X509_REQ *csr)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr);
	bool some = extensions && sk_X509_EXTENSION_num(extensions) > 0;

	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return some;
}

const char *issue_check(X509_REQ *csr)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(csr);

	if (!key || EVP_PKEY_base_id(key) != EVP_PKEY_RSA)
		return "the key is not an RSA key";
	if (EVP_PKEY_bits(key) < MIN_KEY_BITS)
		return "the RSA key has less than 2048 bits";
	if (X509_REQ_verify(csr, key) != 1)
		return "the signature of the request does not match its key";
	if (asks_for_extensions(csr))
		return "the request asks for extensions";
	return check_subject(X509_REQ_get_subject_name(csr));
}

static void set_dates(struct x509_plan *plan, long lifetime, enum fault fault)
{
	time_t now = time(NULL);

	plan->not_before = now;
	plan->not_after = now + lifetime;
	if (fault == FAULT_EXPIRED) {
		plan->not_before = now - 2L * HOUR;
		plan->not_after = now - MINUTE;
	} else if (fault == FAULT_FUTURE) {
		plan->not_before += HOUR;
		plan->not_after += HOUR;
	} else if (fault == FAULT_SHORT) {
		plan->not_after = now + SHORT_LIFE;
	}
}

static char *make_leaf(const struct ca *ca, X509_REQ *csr, long lifetime, enum fault fault)
{
	static const struct x509_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},	{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "clientAuth,serverAuth"},	{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid:always"}, {0, NULL},
	};
	EVP_PKEY *stranger = fault == FAULT_OTHERKEY ? x509_new_key() : NULL;
	struct x509_plan plan = {
		.subject = X509_REQ_get_subject_name(csr),
		.key = stranger ? stranger : X509_REQ_get0_pubkey(csr),
		.issuer = ca->cert[PAIR_INT],
		.signer = ca->key[PAIR_INT],
		.extensions = extensions,
	};
	X509 *leaf;
	char *pem;

	if (fault == FAULT_OTHERSIGNER || fault == FAULT_OTHERCHAIN)
		plan.issuer = ca->cert[PAIR_OTHER_INT];
	if (fault == FAULT_OTHERSIGNER || fault == FAULT_OTHERCHAIN || fault == FAULT_FORGED)
		plan.signer = ca->key[PAIR_OTHER_INT];
	set_dates(&plan, lifetime, fault);
	leaf = x509_make(&plan);
	pem = leaf ? x509_pem(leaf) : NULL;
	X509_free(leaf);
	EVP_PKEY_free(stranger);
	ERR_clear_error();
	return pem;
}

static void append(struct json_object *list, const char *text)
{
	json_object_array_add(list, json_object_new_string(text));
}

struct json_object *issue_certificates(const struct ca *ca, X509_REQ *csr, long lifetime, enum fault fault)
{
	static const char junk[] =
		"-----BEGIN CERTIFICATE-----\nSm95IGFuZCBwZWFjZQ==\n!!!!\n-----END CERTIFICATE-----\n";
	struct json_object *list = json_object_new_array();
	char *leaf = make_leaf(ca, csr, lifetime, fault);
	char *intermediate = x509_pem(ca->cert[fault == FAULT_OTHERCHAIN ? PAIR_OTHER_INT : PAIR_INT]);
	char *root = x509_pem(ca->cert[PAIR_ROOT]);
	const char *first = leaf, *second = intermediate;

	if (!leaf || !intermediate || !root) {
		json_object_put(list);
		list = NULL;
		goto out;
	}
	if (fault == FAULT_EMPTYLIST)
		goto out;
	if (fault == FAULT_WRONGELEMENTS) {
		json_object_array_add(list, json_object_new_int(1));
		json_object_array_add(list, NULL);
		goto out;
	}
	if (fault == FAULT_SWAPPED) {
		first = intermediate;
		second = leaf;
	} else if (fault == FAULT_TWICE) {
		second = leaf;
	} else if (fault == FAULT_GARBAGE) {
		first = junk;
	} else if (fault == FAULT_GARBAGEINT) {
		second = junk;
	} else if (fault == FAULT_NOTPEM) {
		first = second = "here is your certificate";
	}
	append(list, first);
	if (fault != FAULT_ONE)
		append(list, second);
	if (fault == FAULT_THREE)
		append(list, root);
out:
	free(leaf);
	free(intermediate);
	free(root);
	return list;
}
