#include "ibmshare/proof.h"

#include <stdio.h>
#include <string.h>

#include "ibmshare/nfs.h"
#include "ibmshare/store.h"

struct same_mount {
	const char *source;
	const char *target;
	char ip[INET_ADDRSTRLEN]; /* the address that it really uses, empty when it is not mounted */
};

static int is_same_mount(const struct nfs_mounted *mount, void *arg)
{
	struct same_mount *same = arg;

	if (!mount->target || strcmp(mount->target, same->target) != 0)
		return 0;
	same->ip[0] = '\0';
	if (mount->source && strcmp(mount->source, same->source) == 0)
		snprintf(same->ip, sizeof(same->ip), "%s", mount->ip);
	return 0;
}

bool proof_mounted(const struct env *env, const char *source, const struct mount_request *req,
		   char ret_ip[INET_ADDRSTRLEN])
{
	_cleanup_free_ char *target = req->mount_ns ? NULL : realpath(req->target, NULL);
	struct same_mount same = {.source = source, .target = target};
	struct error err;

	if (!target || nfs_each_mount(env, is_same_mount, &same, &err) < 0)
		return false;
	memcpy(ret_ip, same.ip, sizeof(same.ip));
	return same.ip[0] != '\0';
}

int proof_encrypted(const struct env *env, const char *ip, const char *source,
		    const struct mount_request *req, const struct xfrm_sas *before, struct error *err)
{
	const struct xfrm_sas none = {0};
	char used[INET_ADDRSTRLEN];
	struct xfrm_sas after;
	bool other;

	if (env->kernel_lacks_esp)
		return 0;
	if (!proof_mounted(env, source, req, used))
		return error_set(err, STATUS_IPSEC, "mount.nfs4 succeeded, but %s is not mounted on %s",
				 source, req->target);
	other = strcmp(used, ip) != 0;
	if (other && !store_has_conn(env, used)) {
		error_set(err, STATUS_IPSEC,
			  "the kernel takes %s for the NFS server it has at %s, without encryption, and "
			  "sends the "
			  "mount's packets there, so it was unmounted again",
			  ip, used);
		return error_remedy(err, "unmount what is mounted from %s, or mount it with secure=true",
				    used);
	}
	if (xfrm_sas_to(used, &after, err) < 0)
		return -1;
	if (xfrm_carried(other ? &none : before, &after))
		return 0;
	error_set(err, STATUS_IPSEC,
		  "no packet of the mount of %s went through ESP with AES-256-GCM (%zu security associations "
		  "to "
		  "%s), so it was unmounted again",
		  source, after.count, used);
	return error_remedy(
		err, "see: swanctl --list-sas; ip -s xfrm state list nokeys; journalctl -u strongswan");
}
