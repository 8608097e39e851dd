/*
 * Whether a mount is what was promised. The promise is about packets, so it is
 * the kernel's counters that keep it, not strongSwan's word; and those of the
 * address that the kernel really uses: an NFS 4.1 client that finds the same
 * server behind two addresses gives all its mounts to the connection it had
 * first (RFC 8881, 2.10.5), encrypted or not.
 */
#ifndef IBMSHARE_PROOF_H
#define IBMSHARE_PROOF_H

#include <netinet/in.h>

#include "env.h"
#include "options.h"
#include "xfrm.h"

/* The NFS mount that is seen on a target. */
struct proof_mount {
	int id;			  /* 0: there is none */
	char ip[INET_ADDRSTRLEN]; /* the address that the kernel uses for it */
	char source[1280];
};
int proof_find(const struct env *env, const struct mount_request *req, struct proof_mount *ret,
	       struct error *err);

/*
 * 0 when MOUNT, asked for from IP, goes through ESP. BEFORE was read before it
 * began. Status STATUS_IPSEC when it does not, with what was found.
 */
int proof_encrypted(const struct env *env, const char *ip, const struct proof_mount *mount,
		    const struct xfrm_sas *before, struct error *err);

#endif
