/*
 * Keeps a usable certificate in the store: asks the metadata service for one
 * when there is none, or when the one there is due. The caller holds the lock.
 */
#ifndef IBMSHARE_CREDENTIAL_H
#define IBMSHARE_CREDENTIAL_H

#include "config.h"
#include "store.h"

enum credential_state {
	CREDENTIAL_VALID,   /* key and leaf match, the leaf is young */
	CREDENTIAL_DUE,	    /* usable, but past CERTS_RENEW_PERCENT of its life */
	CREDENTIAL_MISSING, /* none, expired, not yet valid, or for another key */
};

/* LEAF is filled unless the state is MISSING. WHY says in a few words how it came to the state. */
int credential_state(const struct env *env, const struct store *store, enum credential_state *ret,
		     struct certs_info *leaf, const char **why, struct error *err);

/* Gets a new certificate and publishes it. Nothing on disk changes on failure. */
int credential_renew(const struct env *env, const struct config *config, const struct store *store,
		     struct error *err);

#endif
