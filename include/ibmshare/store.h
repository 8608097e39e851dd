/*
 * What lies in strongSwan's swanctl directory: our key, leaf, intermediate,
 * root CAs and connections. See swanctl(8) for the directories. Nothing that
 * is not named type_ibmshare* is ever touched.
 */
#ifndef IBMSHARE_STORE_H
#define IBMSHARE_STORE_H

#include <stdbool.h>

#include "certs.h"
#include "env.h"
#include "metadata.h"

struct store {
	char dir[PATH_MAX - 256]; /* /etc/swanctl or /etc/strongswan/swanctl */
};

/* Finds the directory. Status STATUS_IPSEC when strongSwan is not installed. */
int store_open(const struct env *env, struct store *ret, struct error *err);

/* Makes the directories that a package may have left out. */
int store_prepare(const struct store *store, struct error *err);

/*
 * Counts the temporary files that a killed process left, and removes them with
 * REMOVE. Only the holder of the lock may remove: without it, one may be in use.
 */
unsigned store_leftovers(const struct store *store, bool remove);

/* Paths below the directory. BUF holds PATH_MAX bytes. */
const char *store_key_path(const struct store *store, char buf[PATH_MAX]);
const char *store_leaf_path(const struct store *store, char buf[PATH_MAX]);
const char *store_intermediate_path(const struct store *store, char buf[PATH_MAX]);
const char *store_conn_path(const struct store *store, const char *ip, char buf[PATH_MAX]);
const char *store_ca_path(const struct store *store, const char *name, char buf[PATH_MAX]);

/* The key, or NULL in *ret when there is none; one that others may read is closed to them first. */
int store_key(const struct store *store, struct certs_key **ret, struct error *err);
/* The text of a file, or NULL when it is missing. The caller frees it. */
int store_read(const char *path, char **ret, struct error *err);

/* Publishes key (when KEY is new), intermediate and leaf, in an order that never pairs a leaf with another
 * key. */
int store_publish(const struct store *store, const struct certs_key *new_key,
		  const struct metadata_certificate *cert, struct error *err);
int store_publish_key(const struct store *store, const struct certs_key *key, struct error *err);

/* Calls FN with name and text of each of our CA files; stops at -1. */
int store_each_ca(const struct store *store, int (*fn)(const char *name, const char *pem, void *arg),
		  void *arg, struct error *err);
/* Whether there is a connection file for IP. */
bool store_has_conn(const struct env *env, const char *ip);
/* Calls FN with the address of each of our connection files; stops at -1. */
int store_each_conn(const struct store *store, int (*fn)(const char *ip, void *arg), void *arg,
		    struct error *err);

#endif
