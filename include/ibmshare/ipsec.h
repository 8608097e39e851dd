/*
 * IPsec through strongSwan: one transport-mode connection for each share
 * address. The connection is written to conf.d, where `swanctl --load-all`
 * finds it when charon starts, and given to the running daemon over vici.
 */
#ifndef IBMSHARE_IPSEC_H
#define IBMSHARE_IPSEC_H

#include <stdbool.h>

#include "env.h"
#include "store.h"
#include "vici.h"

/* Connects to charon; with START, starts its service when nobody answers, and waits for it. */
int ipsec_open(const struct env *env, bool start, struct vici **ret, struct error *err);

/* Gives charon the CA certificates and the key of the store. */
int ipsec_load_credentials(struct vici *vici, const struct store *store, struct error *err);
/* The same, unless charon has the key already: it is loaded last, so the rest is there too. */
int ipsec_ensure_credentials(struct vici *vici, const struct store *store, struct error *err);
/* Writes the connection's file when it differs. */
int ipsec_publish_conn(const struct store *store, const char *ip, struct error *err);
/* Gives charon the connection with the leaf that is on disk now. */
int ipsec_load_conn(struct vici *vici, const struct store *store, const char *ip, struct error *err);

/*
 * After a new certificate: credentials and every connection of ours, since each
 * one holds the leaf it was loaded with. Tries them all; -1 when one failed.
 */
int ipsec_reload(struct vici *vici, const struct store *store, struct error *err);
/* Takes the connection and its security associations from charon, where they are there. */
void ipsec_unload_conn(struct vici *vici, const char *ip);

/* Ends the IKE SA with its child SAs, so that the next negotiation begins anew. */
void ipsec_end(struct vici *vici, const char *ip);

/* What the negotiation of a security association came to. */
enum ipsec_outcome {
	IPSEC_PRESENT,	   /* there was a child SA already; the far side may have lost it */
	IPSEC_ESTABLISHED, /* there is a child SA with the cipher we ask for */
	IPSEC_NO_ANSWER,   /* the far side is silent */
};

/*
 * Negotiates a child SA unless there is one; waits at most TIMEOUT_MS. -1 when the far side or strongSwan
 * refused: ERR says which certificate was not trusted, where that is the cause.
 */
int ipsec_establish(struct vici *vici, const char *ip, int timeout_ms, enum ipsec_outcome *ret,
		    struct error *err);

#endif
