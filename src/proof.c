#include "ibmshare/proof.h"

#include <stdio.h>
#include <string.h>

#include "ibmshare/nfs.h"
#include "ibmshare/store.h"

struct search {
	const char *target;
	struct proof_mount *found;
};

static int is_on_target(const struct nfs_mounted *mount, void *arg)
{
	struct search *search = arg;

	/* The last one is the one that is seen. */
	if (!mount->target || strcmp(mount->target, search->target) != 0)
		return 0;
	search->found->id = mount->id;
	snprintf(search->found->ip, sizeof(search->found->ip), "%s", mount->ip);
	snprintf(search->found->source, sizeof(search->found->source), "%s",
		 mount->source ? mount->source : "");
	return 0;
}

int proof_find(const struct env *env, const struct mount_request *req, struct proof_mount *ret,
	       struct error *err)
{
	_cleanup_free_ char *target = req->mount_ns ? NULL : realpath(req->target, NULL);
	struct search search = {.target = target, .found = ret};

	memset(ret, 0, sizeof(*ret));
	return target ? nfs_each_mount(env, is_on_target, &search, err) : 0;
}

int proof_encrypted(const struct env *env, const char *ip, const struct proof_mount *mount,
		    const struct xfrm_sas *before, struct error *err)
{
	const struct xfrm_sas none = {0};
	const char *used = mount->ip;
	bool other = strcmp(used, ip) != 0;
	struct xfrm_sas after;

	if (env->kernel_lacks_esp)
		return 0;
	if (other && !store_has_conn(env, used)) {
		error_set(err, STATUS_IPSEC,
			  "the kernel takes %s for the NFS server it has at %s, without encryption, and "
			  "sends the mount's packets there, so it was unmounted again",
			  ip, used);
		return error_remedy(err, "unmount what is mounted from %s, or mount it with secure=true",
				    used);
	}
	if (xfrm_sas_to(used, &after, err) < 0)
		return -1;
	if (xfrm_carried(other ? &none : before, &after))
		return 0;
	error_set(err, STATUS_IPSEC,
		  "no packet of the mount from %s went through ESP with AES-256-GCM (%zu security "
		  "associations), so it was unmounted again",
		  used, after.count);
	return error_remedy(
		err, "see: swanctl --list-sas; ip -s xfrm state list nokeys; journalctl -u strongswan");
}
