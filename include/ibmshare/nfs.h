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

enum {
	NFS_EXIT_FAIL = 32,	    /* mount.nfs4: the mount failed */
	NFS_RETRY_SECONDS = 2 * 60, /* its default in the foreground, nfs(5) */
};

/* How long the options retry= and bg/fg, see nfs(5), say to go on trying. */
struct nfs_retry {
	int seconds;
	bool background;
};
struct nfs_retry nfs_retry(const char *options);
bool nfs_has_option(const char *options, const char *name);

/* Whether anything answers a TCP connection to the NFS port of IP, be it with a refusal, within TIMEOUT_MS.
 */
bool nfs_answers(const char *ip, const char *options, int timeout_ms);

/*
 * Runs mount.nfs4. HOLD_FD stays open in it, and in the process that it leaves
 * behind with the option bg. Status STATUS_MOUNT plus its exit code on failure; it has
 * printed its own reason.
 */
int nfs_mount(const struct env *env, const char *source, const struct mount_request *req, int hold_fd,
	      struct error *err);

struct nfs_mounted {
	int id;		/* of the mount, unique as long as it is there */
	const char *ip; /* the server's address, whatever name it was mounted by */
	const char *
		source; /* IP:/PATH or NAME:/PATH; that of the first mount, when several share a superblock */
	const char *target;
};

/* Calls FN for each NFS mount, in the order they were made; stops at -1. */
int nfs_each_mount(const struct env *env, int (*fn)(const struct nfs_mounted *mount, void *arg), void *arg,
		   struct error *err);

/*
 * The addresses that the kernel has an NFS client for. Other mount namespaces
 * and lazily unmounted file systems count: /proc/fs/nfsfs/servers knows them,
 * mountinfo does not.
 */
struct nfs_clients {
	char *addresses; /* eight hexadecimal digits each, a blank around each; owned */
};
int nfs_clients_load(const struct env *env, struct nfs_clients *ret, struct error *err);
void nfs_clients_free(struct nfs_clients *clients);
bool nfs_clients_have(const struct nfs_clients *clients, const char *ip);

#endif
