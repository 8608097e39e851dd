/*
 * Child processes: absolute path, clean environment, default signals. The
 * child has the caller's standard streams unless its output is captured.
 */
#ifndef IBMSHARE_PROC_H
#define IBMSHARE_PROC_H

#include "error.h"

struct proc {
	const char *const *argv; /* NULL-terminated; argv[0] is the absolute path */
	const char *mount_ns;	 /* enter this mount namespace first; NULL: stay */
	int keep_fd;		 /* a close-on-exec descriptor to hand on; 0: none */
	int timeout_ms;		 /* kill it after that; 0: wait for ever */
	char *output;		 /* capture stdout and stderr here; NULL: let them pass */
	size_t output_size;	 /* what does not fit is dropped; always NUL-terminated */
};

/*
 * Runs it to its end. 0: it exited, with *ret_code. -1: it could not be started
 * (errno ENOENT when the program is missing), was killed by a signal, or took
 * too long; the status of ERR is STATUS_OTHER.
 */
int proc_run(const struct proc *proc, int *ret_code, struct error *err);

#endif
