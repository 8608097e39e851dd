#include "ibmshare/schedule.h"

#include <errno.h>
#include <string.h>

#include "ibmshare/file.h"
#include "ibmshare/proc.h"

#define SYSTEMCTL "/usr/bin/systemctl"
#define TIMER "mount-ibmshare-renew.timer"
#define CRON_FILE "/etc/cron.d/mount-ibmshare"

enum {
	SYSTEMCTL_TIMEOUT_MS = 30000,
};

static const char cron_lines[] = "# Written by mount.ibmshare --setup: renews the certificate of encrypted "
				 "file shares when it is due.\n"
				 "* * * * * root /sbin/mount.ibmshare --renew\n";

/* True when systemctl ended with exit code 0. */
static bool systemctl(const char *verb, const char *option, const char *unit)
{
	const char *const argv[] = {SYSTEMCTL, verb, option, unit, NULL};
	char output[256];
	struct proc proc = {
		.argv = argv,
		.timeout_ms = SYSTEMCTL_TIMEOUT_MS,
		.output = output,
		.output_size = sizeof(output),
	};
	struct error err;
	int code;

	return proc_run(&proc, &code, &err) == 0 && code == 0;
}

/* By the distributions' names of its service: enabled, so that it is there after a reboot, and running. */
static bool cron_runs(void)
{
	static const char *const units[] = {"cron.service", "crond.service", "cronie.service"};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (systemctl("is-enabled", "--quiet", units[i]) &&
		    systemctl("is-active", "--quiet", units[i]))
			return true;
	return false;
}

static int install_cron(const char *path, struct error *err)
{
	if (file_holds(path, cron_lines, strlen(cron_lines)))
		return 0;
	return file_publish(path, cron_lines, strlen(cron_lines), 0644, err);
}

int schedule_install(const struct env *env, enum schedule *ret, struct error *err)
{
	char path[PATH_MAX], dir[PATH_MAX], systemd[PATH_MAX];
	bool has_cron, has_systemd;

	if (env_path(env, path, err, CRON_FILE) < 0 || env_path(env, dir, err, "/etc/cron.d") < 0 ||
	    env_path(env, systemd, err, "/run/systemd/system") < 0)
		return -1;
	has_systemd = access(systemd, F_OK) == 0;
	has_cron = access(dir, F_OK) == 0 && (!has_systemd || cron_runs());
	*ret = has_cron ? SCHEDULE_CRON : has_systemd ? SCHEDULE_TIMER : SCHEDULE_NONE;
	if (has_cron) {
		if (has_systemd)
			systemctl("disable", "--now", TIMER); /* fails where it was never installed */
		return install_cron(path, err);
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, STATUS_SETUP, errno, "cannot remove %s", path);
	if (has_systemd && !systemctl("enable", "--now", TIMER)) {
		error_set(err, STATUS_SETUP, "cannot enable %s", TIMER);
		return error_remedy(err, "see: systemctl status " TIMER);
	}
	return 0;
}
