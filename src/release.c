#include "ibmshare/release.h"

#include <errno.h>
#include <stdio.h>

#include "ibmshare/file.h"
#include "ibmshare/guard.h"
#include "ibmshare/ipsec.h"
#include "ibmshare/log.h"
#include "ibmshare/nfs.h"

static void lock_name(const char *ip, char buf[80])
{
	snprintf(buf, 80, "in-use-%.64s", ip);
}

int release_hold(const struct env *env, const char *ip, int *ret_fd, struct error *err)
{
	char name[80];

	lock_name(ip, name);
	return file_lock(env, name, FILE_LOCK_SHARED, ret_fd, err);
}

int release_address(const struct env *env, const struct store *store, struct vici *vici, const char *ip,
		    bool *ret, struct error *err)
{
	_cleanup_close_ int alone = -1;
	char name[80], path[PATH_MAX];
	_cleanup_(nfs_clients_free) struct nfs_clients clients = {0};

	*ret = false;
	lock_name(ip, name);
	if (file_lock(env, name, FILE_LOCK_TRY, &alone, err) < 0)
		return errno == EWOULDBLOCK ? 0 : -1;
	/* Read with the lock held: a mount that was in progress until now is among them. */
	if (nfs_clients_load(env, &clients, err) < 0)
		return -1;
	if (nfs_clients_have(&clients, ip))
		return 0;
	if (vici)
		ipsec_unload_conn(vici, ip);
	/* The file goes last: it is what the next run finds after a crash in between. */
	if (guard_remove(ip, err) < 0)
		return -1;
	if (unlink(store_conn_path(store, ip, path)) < 0 && errno != ENOENT)
		return error_errno(err, STATUS_IPSEC, errno, "cannot remove %s", path);
	*ret = true;
	log_step("%s is not in use any more; its connection is removed", ip);
	return 0;
}
