/*
 * Errors are values. A function that can fail returns 0 or -1 and fills the
 * caller's struct error; nothing is printed on the way up. The verb prints it
 * once, as `WHAT: WHY; WHAT TO DO`, and exits with its status.
 */
#ifndef IBMSHARE_ERROR_H
#define IBMSHARE_ERROR_H

#include "macro.h"

/* Exit codes. The numbers are an interface: scripts and the Kubernetes driver read them. */
enum status {
	STATUS_OK = 0,
	STATUS_METADATA = 1,	/* metadata service unreachable */
	STATUS_TOKEN = 2,	/* identity token refused, or the reply is of no use */
	STATUS_CERTIFICATE = 3, /* certificate not issued or not renewed */
	STATUS_IPSEC = 4,	/* strongSwan, or no security association */
	STATUS_SETUP = 5,	/* --setup failed */
	STATUS_OTHER = 6,	/* usage, configuration, anything else */
	STATUS_NOT_ROOT = 7,
	STATUS_INTERNAL = 50, /* out of memory, or a fault of our own */
	STATUS_MOUNT = 100,   /* plus the exit code of mount.nfs4 */
};

struct error {
	int status;
	char text[1024];  /* what failed: and why */
	char remedy[320]; /* what to do, or empty */
};

/* Each returns -1, so that a caller can `return error_set(…)`. */
int error_set(struct error *err, int status, const char *fmt, ...) _printf_(3, 4);
/* Appends ": " and the text of the errno value NUM. */
int error_errno(struct error *err, int status, int num, const char *fmt, ...) _printf_(4, 5);
/* Puts "FMT: " before what is there. */
int error_prefix(struct error *err, const char *fmt, ...) _printf_(2, 3);
int error_remedy(struct error *err, const char *fmt, ...) _printf_(2, 3);
int error_nomem(struct error *err);

#endif
