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

/* Whether SOURCE (IP:/PATH) is what is mounted on the target of REQ, and over which address. */
bool proof_mounted(const struct env *env, const char *source, const struct mount_request *req,
		   char ret_ip[INET_ADDRSTRLEN]);

/*
 * 0 when the mount of SOURCE from IP went through ESP. BEFORE was read before
 * it began. Status STATUS_IPSEC when it did not, with what was found.
 */
int proof_encrypted(const struct env *env, const char *ip, const char *source,
		    const struct mount_request *req, const struct xfrm_sas *before, struct error *err);

#endif
