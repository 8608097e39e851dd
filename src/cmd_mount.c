#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ibmshare/cmd.h"
#include "ibmshare/config.h"
#include "ibmshare/conn.h"
#include "ibmshare/credential.h"
#include "ibmshare/file.h"
#include "ibmshare/guard.h"
#include "ibmshare/ipsec.h"
#include "ibmshare/log.h"
#include "ibmshare/nfs.h"
#include "ibmshare/options.h"
#include "ibmshare/proc.h"
#include "ibmshare/proof.h"
#include "ibmshare/release.h"

enum {
	UMOUNT_TIMEOUT_MS = 30000,
	ANSWER_TIMEOUT_MS = 3000, /* a second SYN goes out after one second */
};

static int check_target(const struct mount_request *req, struct error *err)
{
	struct stat st;

	/* In another mount namespace only mount.nfs4 can see it. */
	if (req->mount_ns)
		return 0;
	if (stat(req->target, &st) < 0) {
		error_errno(err, STATUS_OTHER, errno, "mount point '%s'", req->target);
		return error_remedy(err, "make it with: mkdir -p '%s'", req->target);
	}
	if (!S_ISDIR(st.st_mode))
		return error_set(err, STATUS_OTHER, "mount point '%s': not a directory", req->target);
	return 0;
}

static int check_encryption(const struct mount_request *req, struct error *err)
{
	if (req->encryption == ENCRYPTION_NONE)
		return 0;
	if (req->encryption != ENCRYPTION_IPSEC) {
		error_set(err, STATUS_OTHER, "encryption with %s is not supported yet",
			  req->encryption == ENCRYPTION_TLS ? "tls" : "stunnel");
		return error_remedy(err, "use -o secure=true, which encrypts with IPsec");
	}
	if (req->mount_ns) {
		error_set(err, STATUS_OTHER,
			  "an encrypted mount in another mount namespace (-N) cannot be verified");
		return error_remedy(err, "run mount in that namespace: nsenter --mount=%.200s mount …",
				    req->mount_ns);
	}
	/* Either lets the kernel spread one mount over several addresses, of which only one is protected. */
	if (nfs_has_option(req->nfs_options, "max_connect") ||
	    nfs_has_option(req->nfs_options, "trunkdiscovery")) {
		error_set(err, STATUS_OTHER,
			  "the options max_connect and trunkdiscovery cannot be combined with "
			  "encryption");
		return error_remedy(err, "leave them out; nconnect= is fine");
	}
	return 0;
}

/* A certificate that is young, or at least still good. */
static int ensure_certificate(const struct env *env, const struct config *config, const struct store *store,
			      bool *ret_renewed, struct error *err)
{
	enum credential_state state;
	struct certs_info leaf;
	const char *why;

	if (credential_state(env, store, &state, &leaf, &why, err) < 0)
		return -1;
	log_step("%s", why);
	if (state == CREDENTIAL_VALID)
		return 0;
	if (credential_renew(env, config, store, err) == 0) {
		*ret_renewed = true;
		return 0;
	}
	if (state != CREDENTIAL_DUE)
		return -1;
	log_warning("the certificate could not be renewed (%s); it is still good for %lld s, so the mount "
		    "goes on",
		    err->text, (long long)(leaf.not_after - env->now()));
	return 0;
}

/* Everything that one mount or renewal at a time may do. *RET_BEGUN: something was set up for IP. */
static int prepare_locked(const struct env *env, const struct config *config, const char *ip,
			  struct vici **ret_vici, bool *ret_begun, struct error *err)
{
	_cleanup_close_ int lock = -1;
	bool renewed = false;
	struct store store;

	if (file_lock(env, "lock", FILE_LOCK_EXCLUSIVE, &lock, err) < 0 || store_open(env, &store, err) < 0 ||
	    ipsec_open(env, true, ret_vici, err) < 0 ||
	    ensure_certificate(env, config, &store, &renewed, err) < 0)
		return -1;
	*ret_begun = true;
	/* The guard first: from here on nothing to this address leaves in the clear. */
	if (guard_install(ip, err) < 0 || ipsec_publish_conn(&store, ip, err) < 0)
		return -1;
	if (renewed)
		return ipsec_reload(*ret_vici, &store, err);
	if (ipsec_ensure_credentials(*ret_vici, &store, err) < 0)
		return -1;
	return ipsec_load_conn(*ret_vici, &store, ip, err);
}

static int no_answer(const char *ip, int seconds, struct error *err)
{
	/* What mount.nfs4 says of a server that is down. */
	error_set(err, STATUS_MOUNT + NFS_EXIT_FAIL,
		  "%s did not answer to IKE (UDP ports 500 and 4500) within %d s", ip, seconds);
	return error_remedy(
		err, "check that the share is there, and that security groups and network ACLs let UDP "
		     "500 and 4500 through");
}

/*
 * Negotiates until the far side answers, for as long as mount.nfs4 would retry.
 * One negotiation at a time: the lock is the address's own, so that a share host
 * that is down holds up nobody else.
 */
static int establish(const struct env *env, struct vici *vici, const char *ip,
		     const struct mount_request *req, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 50L * 1000 * 1000};
	struct nfs_retry retry = nfs_retry(req->nfs_options);
	int64_t start = env_monotonic_ms();
	enum ipsec_outcome outcome;
	bool tried = false, ended = false;
	char name[64];

	if (env->kernel_lacks_esp)
		return 0;
	conn_name(ip, name);
	for (;;) {
		_cleanup_close_ int lock = -1;
		int64_t left = start + retry.seconds * 1000LL - env_monotonic_ms();

		if (tried && left <= 0)
			return no_answer(ip, (int)((env_monotonic_ms() - start) / 1000), err);
		if (file_lock(env, name, FILE_LOCK_TRY, &lock, err) < 0) {
			if (errno != EWOULDBLOCK)
				return -1;
			/* Another mount of the address negotiates: its time counts as a try of ours. */
			tried = tried || env_monotonic_ms() - start > env->initiate_timeout_ms;
			nanosleep(&pause, NULL);
			continue;
		}
		if (left <= 0 || left > env->initiate_timeout_ms)
			left = env->initiate_timeout_ms;
		if (ipsec_establish(vici, ip, (int)left, &outcome, err) < 0)
			return -1;
		/* The far side may have lost what we still have: better seen now than in a hanging mount. */
		if (outcome == IPSEC_PRESENT) {
			if (ended || nfs_answers(ip, req->nfs_options, ANSWER_TIMEOUT_MS))
				return 0;
			log_step("%s does not answer through its security association; negotiating anew", ip);
			ipsec_end(vici, ip);
			ended = true;
			continue;
		}
		/* With bg, mount.nfs4 goes on trying in the background, behind trap and guard. */
		if (outcome == IPSEC_ESTABLISHED || retry.background)
			return 0;
		tried = true;
	}
}

/* Takes a mount away that cannot be shown to be encrypted. */
static void unmount(const struct mount_request *req)
{
	const char *const argv[] = {"/bin/umount", "-l", req->target, NULL};
	struct proc proc = {.argv = argv, .mount_ns = req->mount_ns, .timeout_ms = UMOUNT_TIMEOUT_MS};
	struct error err;
	int code;

	if (proc_run(&proc, &code, &err) < 0)
		log_warning("%s; %s may still be mounted", err.text, req->target);
	else if (code != 0)
		log_warning("umount ended with exit code %d; %s may still be mounted", code, req->target);
}

static int mount_encrypted(const struct env *env, const char *ip, const char *source,
			   const struct mount_request *req, int hold, struct error *err)
{
	struct proof_mount covered, mount;
	struct xfrm_sas before;

	if (proof_find(env, req, &covered, err) < 0 || xfrm_sas_to(ip, &before, err) < 0 ||
	    nfs_mount(env, source, req, hold, err) < 0)
		return -1;
	if (proof_find(env, req, &mount, err) < 0)
		goto unproved;
	if (!env->kernel_lacks_esp && (!mount.id || mount.id == covered.id)) {
		if (!nfs_retry(req->nfs_options).background)
			return error_set(err, STATUS_IPSEC,
					 "mount.nfs4 succeeded, but nothing is mounted on %s", req->target);
		log_info("mount.nfs4 goes on trying to mount %s on %s in the background", source,
			 req->target);
		return 0;
	}
	if (proof_encrypted(env, ip, &mount, &before, err) < 0)
		goto unproved;
	log_info("mounted %s on %s, encrypted with IPsec", source, req->target);
	return 0;
unproved:
	unmount(req);
	return -1;
}

/* What a mount that failed has set up goes again, unless another one needs it. */
static void undo(const struct env *env, struct vici *vici, const char *ip)
{
	_cleanup_(vici_closep) struct vici *own = NULL;
	_cleanup_close_ int lock = -1;
	struct store store;
	struct error err;
	bool released;

	if (!vici && ipsec_open(env, false, &own, &err) == 0)
		vici = own;
	if (file_lock(env, "lock", FILE_LOCK_EXCLUSIVE, &lock, &err) < 0 ||
	    store_open(env, &store, &err) < 0 || release_address(env, &store, vici, ip, &released, &err) < 0)
		log_step("%s", err.text); /* the renewal job tries again */
}

/*
 * mount(8) finds a mounted fstab line by its source, but the kernel's table has
 * the address where the line has a name: a second `mount -a` comes here. A
 * mount to an address without a connection is not taken for an encrypted one.
 */
static bool mounted_already(const struct env *env, const char *ip, const char *source,
			    const struct mount_request *req)
{
	struct proof_mount mount;
	struct error err;

	return strcmp(req->host, ip) != 0 && proof_find(env, req, &mount, &err) == 0 &&
	       strcmp(mount.source, source) == 0 &&
	       (req->encryption == ENCRYPTION_NONE || store_has_conn(env, ip));
}

struct neighbour {
	const char *ip;
	char target[256];
};

static int find_neighbour(const struct nfs_mounted *mount, void *arg)
{
	struct neighbour *neighbour = arg;

	if (strcmp(mount->ip, neighbour->ip) == 0 && !neighbour->target[0])
		snprintf(neighbour->target, sizeof(neighbour->target), "%s", mount->target);
	return 0;
}

/*
 * All mounts of an address share its policies, so they are encrypted together
 * or not at all: one in the clear beside an encrypted one would be neither what
 * was asked for nor safe to take away.
 */
static int check_neighbours(const struct env *env, const char *ip, enum encryption encryption,
			    struct error *err)
{
	_cleanup_(nfs_clients_free) struct nfs_clients clients = {0};
	struct neighbour neighbour = {.ip = ip};
	bool published = store_has_conn(env, ip);

	if (nfs_clients_load(env, &clients, err) < 0)
		return -1;
	if (!nfs_clients_have(&clients, ip)) {
		/* Left by a mount that is gone: it would hold up one in the clear. */
		if (encryption == ENCRYPTION_NONE && published)
			undo(env, NULL, ip);
		return 0;
	}
	if (published == (encryption == ENCRYPTION_IPSEC))
		return 0;
	if (nfs_each_mount(env, find_neighbour, &neighbour, err) < 0)
		return -1;
	error_set(err, STATUS_OTHER, "%s is mounted %s encryption already, on %s", ip,
		  published ? "with" : "without",
		  neighbour.target[0] ? neighbour.target : "a mount point of another mount namespace");
	return error_remedy(err, "mount this one %s secure=true too, or unmount that one first",
			    published ? "with" : "without");
}

static int mount_share(const struct env *env, const struct mount_request *req, struct error *err)
{
	_cleanup_(vici_closep) struct vici *vici = NULL;
	_cleanup_free_ char *source = NULL;
	_cleanup_close_ int hold = -1;
	bool begun = false;
	char ip[INET_ADDRSTRLEN];
	struct config config;

	if (check_encryption(req, err) < 0 || check_target(req, err) < 0 ||
	    config_load(env, &config, log_warning, err) < 0 || nfs_resolve(req->host, ip, err) < 0)
		return -1;
	if (asprintf(&source, "%s:%s", ip, req->path) < 0) {
		source = NULL;
		return error_nomem(err);
	}
	if (mounted_already(env, ip, source, req)) {
		log_step("%s is mounted on %s already", source, req->target);
		return 0;
	}
	if (!req->fake && check_neighbours(env, ip, req->encryption, err) < 0)
		return -1;
	if (req->fake || req->encryption == ENCRYPTION_NONE) {
		if (nfs_mount(env, source, req, -1, err) < 0)
			return -1;
		if (!req->fake)
			log_info("mounted %s on %s, not encrypted", source, req->target);
		return 0;
	}
	if (release_hold(env, ip, &hold, err) < 0)
		return -1;
	if (prepare_locked(env, &config, ip, &vici, &begun, err) < 0 ||
	    establish(env, vici, ip, req, err) < 0 || mount_encrypted(env, ip, source, req, hold, err) < 0) {
		close(hold);
		hold = -1;
		if (begun)
			undo(env, vici, ip);
		return -1;
	}
	return 0;
}

int cmd_mount(const struct env *env, int argc, char **argv)
{
	struct mount_request req = {0};
	struct error err;
	int status = STATUS_OK;

	log_open(env, false);
	if (options_parse(argc, argv, &req, &err) < 0) {
		log_error(&err);
		return err.status;
	}
	log_open(env, req.verbose);
	if (geteuid() != 0) {
		error_set(&err, STATUS_NOT_ROOT, "only root can mount a share");
		error_remedy(&err, "run it with sudo, or as root");
		log_error(&err);
		status = err.status;
	} else if (mount_share(env, &req, &err) < 0) {
		log_error(&err);
		status = err.status;
	}
	options_free(&req);
	return status;
}
