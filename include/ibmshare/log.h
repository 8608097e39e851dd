/*
 * Where messages go: stderr, syslog (identifier mount.ibmshare) and
 * /opt/ibm/mount-ibmshare/mount-ibmshare.log, which is rotated at 64 KiB with
 * two older files kept. The file is written only when its directory exists.
 * Control characters in a message are replaced, so that what a server says
 * cannot forge a line or drive a terminal.
 */
#ifndef IBMSHARE_LOG_H
#define IBMSHARE_LOG_H

#include <stdbool.h>

#include "env.h"

#define LOG_PROGRAM "mount.ibmshare"

/* ENV is borrowed until the process ends. */
void log_open(const struct env *env, bool verbose);
/* A line on stderr with -v, nowhere else. */
void log_step(const char *fmt, ...) _printf_(1, 2);
/* To syslog and the file. */
void log_info(const char *fmt, ...) _printf_(1, 2);
/* To stderr, syslog and the file. */
void log_warning(const char *fmt, ...) _printf_(1, 2);
void log_error(const struct error *err);

/* Replaces control characters of TEXT in place by '?'. */
void log_sanitize(char *text);

#endif
