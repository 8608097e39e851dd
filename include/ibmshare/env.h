/*
 * The world as the modules see it. Whatever touches a file, a program, the
 * network or the clock takes it from here, so that a test can point it
 * elsewhere. Strings are borrowed, never freed.
 */
#ifndef IBMSHARE_ENV_H
#define IBMSHARE_ENV_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct env {
	const char *root;	      /* prefix of every file's path; "" on a real system */
	const char *metadata_address; /* IPv4 address of the metadata service */
	uint16_t http_port;
	uint16_t https_port;
	const char *ca_file;	 /* trust store for HTTPS; NULL: the system's */
	int64_t (*now)(void);	 /* seconds since 1970, UTC */
	int request_timeout_ms;	 /* for one request to the metadata service, from connect to last byte */
	int daemon_timeout_ms;	 /* for strongSwan to start, and to answer */
	int initiate_timeout_ms; /* for an IKE negotiation, until mount.nfs4 is left to try by itself */
	int lock_timeout_ms;	 /* for another mount or renewal to finish */
	bool kernel_lacks_esp;	 /* only in the benchmark: nothing can be negotiated or proved there */
};

extern const struct env env_system;

/* The path in the environment's root. BUF holds PATH_MAX bytes. Fails only when it does not fit. */
int env_path(const struct env *env, char buf[PATH_MAX], struct error *err, const char *fmt, ...)
	_printf_(4, 5);

/* For deadlines: milliseconds of a clock that nobody sets. */
int64_t env_monotonic_ms(void);

#endif
