#include <stdio.h>
#include <string.h>

#include "ibmshare/cmd.h"
#include "ibmshare/config.h"
#include "ibmshare/credential.h"
#include "ibmshare/file.h"
#include "ibmshare/ipsec.h"
#include "ibmshare/log.h"
#include "ibmshare/nfs.h"
#include "ibmshare/release.h"

struct addresses {
	const struct env *env;
	const struct store *store;
	struct nfs_clients clients;
	struct vici *vici;
	struct error *err;
	unsigned mounted, unused;
};

static int count_address(const char *ip, void *arg)
{
	struct addresses *addresses = arg;

	if (nfs_clients_have(&addresses->clients, ip))
		addresses->mounted++;
	else
		addresses->unused++;
	return 0;
}

static int release_unused(const char *ip, void *arg)
{
	struct addresses *addresses = arg;
	bool released;

	if (nfs_clients_have(&addresses->clients, ip))
		return 0;
	if (release_address(addresses->env, addresses->store, addresses->vici, ip, &released,
			    addresses->err) < 0)
		log_error(addresses->err);
	else if (released)
		log_info("%s is not mounted any more; its connection was removed", ip);
	return 0;
}

/* Gives a running charon the new certificate; one that is stopped reads it when it starts. */
static int reload(const struct env *env, const struct store *store, struct error *err)
{
	_cleanup_(vici_closep) struct vici *vici = NULL;

	if (ipsec_open(env, false, &vici, err) < 0) {
		log_warning("%s; it will read the new certificate when it starts", err->text);
		return 0;
	}
	return ipsec_reload(vici, store, err);
}

/* Takes away what no mount needs any more. */
static int clean_up(struct addresses *addresses, struct error *err)
{
	_cleanup_(vici_closep) struct vici *vici = NULL;
	_cleanup_close_ int lock = -1;
	struct error no_daemon;

	if (file_lock(addresses->env, "lock", FILE_LOCK_EXCLUSIVE, &lock, err) < 0)
		return -1;
	store_leftovers(addresses->store, true);
	if (ipsec_open(addresses->env, false, &vici, &no_daemon) == 0)
		addresses->vici = vici;
	return store_each_conn(addresses->store, release_unused, addresses, err);
}

static int renew_certificate(const struct env *env, const struct store *store, bool force, struct error *err)
{
	_cleanup_close_ int lock = -1;
	enum credential_state state;
	struct certs_info leaf;
	struct config config;
	const char *why;

	if (credential_state(env, store, &state, &leaf, &why, err) < 0)
		return -1;
	log_step("%s", why);
	if (!force && state == CREDENTIAL_VALID)
		return 0;
	if (config_load(env, &config, log_warning, err) < 0 ||
	    file_lock(env, "lock", FILE_LOCK_EXCLUSIVE, &lock, err) < 0)
		return -1;
	/* Whoever held the lock may have done it. */
	if (!force && credential_state(env, store, &state, &leaf, &why, err) < 0)
		return -1;
	if (!force && state == CREDENTIAL_VALID)
		return 0;
	if (credential_renew(env, &config, store, err) < 0)
		return -1;
	return reload(env, store, err);
}

static int renew(const struct env *env, bool force, struct error *err)
{
	struct store store;
	struct addresses addresses = {.env = env, .store = &store, .err = err};
	int r;

	if (store_open(env, &store, err) < 0)
		return force ? -1 : 0; /* without strongSwan there is nothing to renew */
	if (nfs_clients_load(env, &addresses.clients, err) < 0)
		return -1;
	r = store_each_conn(&store, count_address, &addresses, err);
	if (r == 0 && (addresses.unused > 0 || store_leftovers(&store, false) > 0))
		r = clean_up(&addresses, err);
	nfs_clients_free(&addresses.clients);
	if (r < 0)
		return -1;
	if (!force && addresses.mounted == 0) {
		log_step("no encrypted mount, nothing to do");
		return 0;
	}
	return renew_certificate(env, &store, force, err);
}

/* How renewal stood when it was last spoken of; the job runs every minute, but only a change is news. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_FAILING, /* the certificate is still good */
	TROUBLE_ENDED,	 /* it is not */
};

static const char *const trouble_words[] = {"", "failing", "ended"};

static enum trouble last_trouble(const char *path)
{
	for (int i = TROUBLE_ENDED; i > TROUBLE_NONE; i--)
		if (file_holds(path, trouble_words[i], strlen(trouble_words[i])))
			return (enum trouble)i;
	return TROUBLE_NONE;
}

static enum trouble current_trouble(const struct env *env)
{
	enum credential_state state;
	struct certs_info leaf;
	struct store store;
	struct error err;
	const char *why;

	if (store_open(env, &store, &err) < 0 ||
	    credential_state(env, &store, &state, &leaf, &why, &err) < 0 || state == CREDENTIAL_MISSING)
		return TROUBLE_ENDED;
	return TROUBLE_FAILING;
}

/* Logs what changed since the last run. ERR: why this one failed, NULL when it did not. */
static void report(const struct env *env, const struct error *err)
{
	enum trouble now = err ? current_trouble(env) : TROUBLE_NONE, before;
	struct error ignored;
	char path[PATH_MAX];

	if (env_path(env, path, &ignored, "/run/mount-ibmshare/renewal") < 0)
		return;
	before = last_trouble(path);
	if (now == before)
		return;
	if (now == TROUBLE_NONE) {
		log_info("renewing the certificate works again");
		unlink(path);
		return;
	}
	log_error(err);
	log_warning(
		now == TROUBLE_FAILING
			? "the certificate is not renewed, but is still good; it is tried again every minute"
			: "there is no valid certificate: live mounts go on while their connection lasts, "
			  "new "
			  "connections are refused; it is tried again every minute");
	if (file_publish(path, trouble_words[now], strlen(trouble_words[now]), 0600, &ignored) < 0)
		log_step("%s", ignored.text);
}

int cmd_renew(const struct env *env, int argc, char **argv)
{
	bool force = strcmp(argv[0], "-RENEW_CERTIFICATE_NOW") == 0, verbose = false;
	struct error err;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--force") == 0)
			force = true;
		else if (strcmp(argv[i], "-v") == 0)
			verbose = true;
		else {
			log_open(env, false);
			error_set(&err, STATUS_OTHER, "unknown argument '%.64s'", argv[i]);
			error_remedy(&err, "usage: mount.ibmshare --renew [--force] [-v]");
			log_error(&err);
			return err.status;
		}
	}
	log_open(env, verbose);
	if (geteuid() != 0) {
		error_set(&err, STATUS_NOT_ROOT, "only root can renew the certificate");
		error_remedy(&err, "run it with sudo, or as root");
		log_error(&err);
	} else if (renew(env, force, &err) == 0) {
		report(env, NULL);
		return STATUS_OK;
	} else if (force || verbose) {
		log_error(&err); /* somebody is waiting for the answer */
	} else {
		report(env, &err);
	}
	return err.status;
}
