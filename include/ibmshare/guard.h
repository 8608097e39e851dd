/*
 * The guard of a share address: two XFRM policies with `action block`, one for
 * packets to it, one for packets from it, that rank below all of strongSwan's.
 * While strongSwan has a policy for the address they do nothing; when it has
 * none, stopped or broken, nothing leaves in the clear. IKE is not held up: its
 * sockets carry a policy of their own.
 * Source: linux/xfrm.h, rtnetlink; ip-xfrm(8) shows them.
 */
#ifndef IBMSHARE_GUARD_H
#define IBMSHARE_GUARD_H

#include "error.h"

/* strongSwan's are around 367000; a larger number is asked later. */
#define GUARD_PRIORITY 4000000000U

/* IP is dotted IPv4. A guard that is there already is fine. Status STATUS_IPSEC. */
int guard_install(const char *ip, struct error *err);
/* A guard that is not there is fine. */
int guard_remove(const char *ip, struct error *err);

#endif
