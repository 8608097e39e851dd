/*
 * The command line of a mount helper, see mount(8), EXTERNAL HELPERS, and our
 * own mount options.
 */
#ifndef IBMSHARE_OPTIONS_H
#define IBMSHARE_OPTIONS_H

#include <stdbool.h>

#include "error.h"

enum encryption {
	ENCRYPTION_NONE,
	ENCRYPTION_IPSEC,
	ENCRYPTION_STUNNEL,
	ENCRYPTION_TLS,
};

struct mount_request {
	const char *source;   /* as typed, borrowed from argv */
	const char *target;   /* borrowed from argv */
	const char *mount_ns; /* -N, borrowed, or NULL */
	bool fake;	      /* -f */
	bool no_mtab;	      /* -n */
	bool sloppy;	      /* -s */
	bool verbose;	      /* -v */
	enum encryption encryption;
	char *host;	   /* name or address of the source, owned */
	char *path;	   /* exported path, begins with '/', owned */
	char *nfs_options; /* for mount.nfs4 -o, owned */
};

/* Parses `SOURCE TARGET [-fnsvrw] [-t TYPE] [-N NS] [-o OPTIONS]`. Status STATUS_OTHER on failure. */
int options_parse(int argc, char **argv, struct mount_request *ret, struct error *err);
void options_free(struct mount_request *req);

/* Takes our own options out of LIST and puts `sec=sys` in front when it has no sec=. */
int options_filter(const char *list, enum encryption *ret_encryption, char **ret_rest, struct error *err);

/* `host:/path`, `a.b.c.d:/path` or `[v6]:/path`; the caller frees both. */
int options_split_source(const char *source, char **ret_host, char **ret_path, struct error *err);

#endif
