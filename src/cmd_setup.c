#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ibmshare/cmd.h"
#include "ibmshare/credential.h"
#include "ibmshare/file.h"
#include "ibmshare/ipsec.h"
#include "ibmshare/log.h"
#include "ibmshare/schedule.h"

/* One file of the directory, taken apart. */
struct ca_file {
	const struct store *store;
	const char *name;
	unsigned index;
	struct error *err;
};

/* strongSwan reads only the first certificate of a file, so each gets a file of its own: NAME, NAME-2, … */
static int publish_ca(const char *pem, void *arg)
{
	struct ca_file *file = arg;
	const char *dot = strrchr(file->name, '.');
	char path[PATH_MAX], name[256];

	if (++file->index == 1)
		snprintf(name, sizeof(name), "%.200s", file->name);
	else
		snprintf(name, sizeof(name), "%.*s-%u%s", (int)(dot - file->name), file->name, file->index,
			 dot);
	store_ca_path(file->store, name, path);
	if (file_holds(path, pem, strlen(pem)))
		return 0;
	log_step("installing %s", path);
	return file_publish(path, pem, strlen(pem), 0644, file->err);
}

static bool is_ca_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strlen(name) <= 200 && (strcmp(dot, ".crt") == 0 || strcmp(dot, ".pem") == 0) &&
	       (strncmp(name, "type_ibmshare_root_", 19) == 0 ||
		strncmp(name, "type_ibmshare_int_", 18) == 0);
}

static int install_file(const struct store *store, const char *dir, const char *name, struct error *err)
{
	struct ca_file file = {.store = store, .name = name, .err = err};
	_cleanup_free_ char *pem = NULL;
	char path[PATH_MAX];
	size_t len;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return error_set(err, STATUS_SETUP, "%s: path too long", dir);
	if (file_read(path, CERTS_PEM_MAX, &pem, &len, err) < 0)
		return -1;
	if (certs_each(pem, len, publish_ca, &file, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int install_cas(const struct store *store, const char *from, struct error *err)
{
	_cleanup_(closedir_p) DIR *dir = opendir(from);
	struct dirent *entry;
	unsigned count = 0;

	if (!dir)
		return error_errno(err, STATUS_SETUP, errno, "cannot read the directory '%s'", from);
	while ((entry = readdir(dir)) != NULL) {
		if (!is_ca_name(entry->d_name))
			continue;
		if (install_file(store, from, entry->d_name, err) < 0)
			return -1;
		count++;
	}
	if (count == 0) {
		error_set(err, STATUS_SETUP, "there is no root CA in '%s'", from);
		return error_remedy(err,
				    "give the directory that holds IBM's type_ibmshare_root_*.crt files");
	}
	log_info("installed the CA files of %s: %u", from, count);
	return 0;
}

/* Made now, which takes seconds, so that the first mount need not wait for it. */
static int ensure_key(const struct store *store, struct error *err)
{
	_cleanup_(certs_key_freep) struct certs_key *key = NULL;

	if (store_key(store, &key, err) < 0)
		return -1;
	if (key)
		return 0;
	log_step("making a private key of %d bits", CERTS_KEY_BITS);
	if (certs_key_generate(CERTS_KEY_BITS, &key, err) < 0)
		return -1;
	return store_publish_key(store, key, err);
}

static int install_schedule(const struct env *env, struct error *err)
{
	static const char *const names[] = {
		[SCHEDULE_CRON] = "cron, /etc/cron.d/mount-ibmshare",
		[SCHEDULE_TIMER] = "systemd, mount-ibmshare-renew.timer",
	};
	enum schedule schedule;

	if (schedule_install(env, &schedule, err) < 0)
		return -1;
	if (schedule == SCHEDULE_NONE)
		log_warning("neither cron nor systemd runs here; run mount.ibmshare --renew every minute, or "
			    "encrypted "
			    "mounts end with their certificate");
	else
		log_step("the certificate is renewed by %s", names[schedule]);
	return 0;
}

static int setup(const struct env *env, const char *from, struct error *err)
{
	_cleanup_(vici_closep) struct vici *vici = NULL;
	_cleanup_close_ int lock = -1;
	struct error no_daemon;
	struct store store;
	char path[PATH_MAX];

	if (env_path(env, path, err, "/opt/ibm/mount-ibmshare") < 0 || file_mkdirs(path, err) < 0 ||
	    file_lock(env, "lock", FILE_LOCK_EXCLUSIVE, &lock, err) < 0 || store_open(env, &store, err) < 0 ||
	    store_prepare(&store, err) < 0 || install_cas(&store, from, err) < 0 ||
	    ensure_key(&store, err) < 0 || install_schedule(env, err) < 0)
		return -1;
	/* One that is stopped reads the files when it starts. */
	if (ipsec_open(env, false, &vici, &no_daemon) < 0)
		return 0;
	return ipsec_load_credentials(vici, &store, err);
}

int cmd_setup(const struct env *env, int argc, char **argv)
{
	bool verbose = argc == 3 && strcmp(argv[2], "-v") == 0;
	struct error err;

	log_open(env, verbose);
	if (argc < 2 || argc > 3 || (argc == 3 && !verbose)) {
		error_set(&err, STATUS_OTHER,
			  "the directory with the CA files is missing, or there is more than that");
		error_remedy(&err, "usage: mount.ibmshare --setup DIR [-v]");
	} else if (geteuid() != 0) {
		error_set(&err, STATUS_NOT_ROOT, "only root can set up");
		error_remedy(&err, "run it with sudo, or as root");
	} else if (setup(env, argv[1], &err) == 0) {
		return STATUS_OK;
	} else {
		err.status = STATUS_SETUP;
		error_prefix(&err, "setup failed");
	}
	log_error(&err);
	return err.status;
}
