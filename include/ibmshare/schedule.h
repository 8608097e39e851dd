/*
 * The job that runs `mount.ibmshare --renew` every minute: a line in
 * /etc/cron.d where cron runs, else a systemd timer; never both.
 */
#ifndef IBMSHARE_SCHEDULE_H
#define IBMSHARE_SCHEDULE_H

#include "env.h"

enum schedule {
	SCHEDULE_NONE, /* neither cron nor systemd is there */
	SCHEDULE_CRON,
	SCHEDULE_TIMER,
};

/* Finds out which there is, sets it up, and takes the other away. Status STATUS_SETUP. */
int schedule_install(const struct env *env, enum schedule *ret, struct error *err);

#endif
