/*
 * Share addresses come and go. What a mount set up for an address (connection,
 * guard, file in conf.d) stays while any mount needs it and is taken away after.
 */
#ifndef IBMSHARE_RELEASE_H
#define IBMSHARE_RELEASE_H

#include "env.h"
#include "store.h"
#include "vici.h"

/* Says that a mount of IP is in progress, until the descriptor is closed. */
int release_hold(const struct env *env, const char *ip, int *ret_fd, struct error *err);

/*
 * Takes away what was set up for IP, unless the kernel has an NFS client for
 * it or a mount is in progress; *ret says whether it did. The caller holds the
 * lock. VICI may be NULL when strongSwan is not running.
 */
int release_address(const struct env *env, const struct store *store, struct vici *vici, const char *ip,
		    bool *ret, struct error *err);

#endif
