/*
 * /etc/ibmcloud/share.conf, else /etc/ibmshare/share.conf: `key=value`, `#`
 * comments. An unknown key is warned of, a bad value is an error with file:line.
 */
#ifndef IBMSHARE_CONFIG_H
#define IBMSHARE_CONFIG_H

#include <stdbool.h>

#include "env.h"

enum {
	CERTIFICATE_SECONDS_MIN = 300,
	CERTIFICATE_SECONDS_MAX = 3600,
};

struct config {
	char file[PATH_MAX];	 /* the file read, or empty */
	char regions[512];	 /* a comma list, or `all`, or empty */
	int certificate_seconds; /* life to ask for */
	char metadata_url[256];	 /* http[s]://HOST[:PORT], or empty: find the service */
};

/* Called for each thing that is odd but harmless; NULL: be silent. */
typedef void (*config_warn_fn)(const char *fmt, ...);

/* No file is fine: the defaults hold. Status STATUS_OTHER on failure. */
int config_load(const struct env *env, struct config *ret, config_warn_fn warn, struct error *err);

/* The parser alone. NAME stands in messages; TEXT ends in a NUL. */
int config_parse(const char *name, const char *text, struct config *ret, config_warn_fn warn,
		 struct error *err);

/* True for a region code of IBM Cloud VPC, such as `us-south` or `dal`, or `all`. */
bool config_region_known(const char *code, size_t len);

#endif
