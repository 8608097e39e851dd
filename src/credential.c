#include "ibmshare/credential.h"

#include <string.h>

#include "ibmshare/file.h"
#include "ibmshare/log.h"

int credential_state(const struct env *env, const struct store *store, enum credential_state *ret,
		     struct certs_info *leaf_info, const char **why, struct error *err)
{
	_cleanup_(certs_key_freep) struct certs_key *key = NULL;
	_cleanup_free_ char *leaf = NULL, *intermediate = NULL;
	char path[PATH_MAX];
	int64_t now = env->now();
	struct error ignored;

	*ret = CREDENTIAL_MISSING;
	if (store_key(store, &key, err) < 0 || store_read(store_leaf_path(store, path), &leaf, err) < 0 ||
	    store_read(store_intermediate_path(store, path), &intermediate, err) < 0)
		return -1;
	if (!key)
		*why = "there is no private key";
	else if (!leaf || !intermediate)
		*why = "there is no certificate";
	else if (certs_info(leaf, leaf_info, &ignored) < 0)
		*why = "the certificate on disk cannot be read";
	else if (!certs_key_matches(key, leaf))
		*why = "the certificate on disk is for another key";
	else if (now >= leaf_info->not_after)
		*why = "the certificate on disk has expired";
	else if (now + CERTS_SKEW_SECONDS < leaf_info->not_before)
		*why = "the certificate on disk is not valid yet, by the clock here";
	else if (now >= certs_renewal_time(leaf_info)) {
		*ret = CREDENTIAL_DUE;
		*why = "the certificate is due for renewal";
	} else {
		*ret = CREDENTIAL_VALID;
		*why = "the certificate is valid";
	}
	return 0;
}

struct chain {
	const char *intermediate;
	bool closed;
	bool any_root;
};

static int look_for_root(const char *name, const char *pem, void *arg)
{
	struct chain *chain = arg;

	if (strncmp(name, "type_ibmshare_int.", 18) == 0)
		return 0;
	chain->any_root = true;
	chain->closed = chain->closed || certs_signed_by(chain->intermediate, pem);
	return 0;
}

/* A missing root shows only when the share host's certificate is checked: say so while we know why. */
static void warn_of_open_chain(const struct store *store, const char *intermediate)
{
	struct chain chain = {.intermediate = intermediate};
	struct error err;

	if (store_each_ca(store, look_for_root, &chain, &err) < 0 || chain.closed)
		return;
	log_warning("%s; install the region's CA files with: mount.ibmshare --setup DIR",
		    chain.any_root ? "no installed root CA signed the certificate's intermediate"
				   : "no root CA is installed");
}

int credential_renew(const struct env *env, const struct config *config, const struct store *store,
		     struct error *err)
{
	_cleanup_(certs_key_freep) struct certs_key *key = NULL;
	_cleanup_(metadata_certificate_free) struct metadata_certificate cert = {0};
	_cleanup_free_ char *csr = NULL;
	struct certs_info info;
	bool new_key;

	if (store_key(store, &key, err) < 0)
		return -1;
	new_key = !key;
	if (new_key) {
		log_step("making a private key of %d bits", CERTS_KEY_BITS);
		if (certs_key_generate(CERTS_KEY_BITS, &key, err) < 0)
			return -1;
	}
	if (certs_csr(key, &csr, err) < 0 || metadata_issue(env, config, csr, &cert, err) < 0)
		return -1;
	if (certs_check_reply(key, cert.leaf, cert.intermediate, env->now(), err) < 0)
		return error_prefix(err, "no certificate from the metadata service");
	if (certs_normalize(&cert.leaf, err) < 0 || certs_normalize(&cert.intermediate, err) < 0 ||
	    certs_info(cert.leaf, &info, err) < 0 ||
	    store_publish(store, new_key ? key : NULL, &cert, err) < 0)
		return -1;
	log_info("new certificate, serial %s, valid for %lld s", info.serial,
		 (long long)(info.not_after - env->now()));
	warn_of_open_chain(store, cert.intermediate);
	return 0;
}
