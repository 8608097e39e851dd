/*
 * NFS: addresses, mount.nfs4(8), and which mounts there are (proc(5), mountinfo).
 */
#ifndef IBMSHARE_NFS_H
#define IBMSHARE_NFS_H

#include <netinet/in.h>

#include "env.h"
#include "options.h"

/* Resolves HOST once to an IPv4 address, in BUF as of inet_ntop(3). Status STATUS_OTHER. */
int nfs_resolve(const char *host, char buf[INET_ADDRSTRLEN], struct error *err);

enum {
	NFS_ARGV_MAX = 12,
};
/* The arguments of mount.nfs4. SOURCE and REQ must outlive ARGV. */
void nfs_argv(const char *program, const char *source, const struct mount_request *req,
	      const char *argv[NFS_ARGV_MAX]);

/* Runs mount.nfs4. Status STATUS_MOUNT plus its exit code on failure; it has printed its own reason. */
int nfs_mount(const struct env *env, const char *source, const struct mount_request *req, struct error *err);

struct nfs_mounted {
	const char *ip;	    /* the server's address, whatever name it was mounted by */
	const char *source; /* IP:/PATH or NAME:/PATH */
	const char *target;
};

/* Calls FN for each NFS mount, in the order they were made; stops at -1. */
int nfs_each_mount(const struct env *env, int (*fn)(const struct nfs_mounted *mount, void *arg), void *arg,
		   struct error *err);

#endif
