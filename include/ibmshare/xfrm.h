/*
 * The kernel's IPsec state over netlink: what is really in force, whatever
 * strongSwan says. Source: linux/xfrm.h, net/xfrm/xfrm_user.c.
 */
#ifndef IBMSHARE_XFRM_H
#define IBMSHARE_XFRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct nlmsghdr;

/*
 * Sends a request and hands each message of the answer to FN, a callback of
 * libmnl. -1 with errno, which is what the kernel answered.
 */
int xfrm_transact(struct nlmsghdr *request, int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg);

/* A security association towards a share. */
struct xfrm_sa {
	uint32_t spi;
	uint64_t bytes;
	uint64_t packets;
	bool strong; /* ESP, transport mode, AES-256-GCM with a 16-byte tag */
};

enum {
	XFRM_SA_MAX = 64,
};

struct xfrm_sas {
	size_t count;
	struct xfrm_sa sa[XFRM_SA_MAX];
};

/* The security associations with the destination IP. Status STATUS_IPSEC. */
int xfrm_sas_to(const char *ip, struct xfrm_sas *ret, struct error *err);

/* True when a strong association has carried packets between the two readings. */
bool xfrm_carried(const struct xfrm_sas *before, const struct xfrm_sas *after);

#endif
