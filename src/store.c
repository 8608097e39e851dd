#include "ibmshare/store.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ibmshare/file.h"
#include "ibmshare/log.h"

#define CONN_PREFIX "type_ibmshare_"
#define CONN_SUFFIX ".conf"

static const char *const subdirs[] = {"private", "x509", "x509ca", "conf.d"};

int store_open(const struct env *env, struct store *ret, struct error *err)
{
	/* Debian and SUSE; Red Hat and its kin. */
	static const char *const places[] = {"/etc/swanctl", "/etc/strongswan/swanctl"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct stat st;

		if (env_path(env, path, err, "%s", places[i]) < 0)
			return -1;
		if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (strlen(path) >= sizeof(ret->dir))
			return error_set(err, STATUS_INTERNAL, "%s: path too long", path);
		memcpy(ret->dir, path, strlen(path) + 1);
		return 0;
	}
	error_set(err, STATUS_IPSEC, "strongSwan is not installed: there is no %s", places[0]);
	return error_remedy(
		err, "apt-get install charon-systemd strongswan-swanctl libstrongswan-standard-plugins, "
		     "or: dnf install strongswan");
}

static const char *join(const struct store *store, char buf[PATH_MAX], const char *sub, const char *name)
{
	snprintf(buf, PATH_MAX, "%s/%s/%.200s", store->dir, sub, name);
	return buf;
}

const char *store_key_path(const struct store *store, char buf[PATH_MAX])
{
	return join(store, buf, "private", "type_ibmshare.key");
}

const char *store_leaf_path(const struct store *store, char buf[PATH_MAX])
{
	return join(store, buf, "x509", "type_ibmshare.pem");
}

const char *store_intermediate_path(const struct store *store, char buf[PATH_MAX])
{
	return join(store, buf, "x509ca", "type_ibmshare_int.crt");
}

const char *store_ca_path(const struct store *store, const char *name, char buf[PATH_MAX])
{
	return join(store, buf, "x509ca", name);
}

const char *store_conn_path(const struct store *store, const char *ip, char buf[PATH_MAX])
{
	char name[128];

	snprintf(name, sizeof(name), CONN_PREFIX "%.64s" CONN_SUFFIX, ip);
	return join(store, buf, "conf.d", name);
}

int store_read(const char *path, char **ret, struct error *err)
{
	size_t len;

	*ret = NULL;
	if (file_read(path, CERTS_PEM_MAX, ret, &len, err) == 0)
		return 0;
	return errno == ENOENT ? 0 : -1;
}

/* The Python tool left its key readable by everyone. */
static int close_key(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, STATUS_IPSEC, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, STATUS_IPSEC, errno, "%s", path);
	if ((st.st_mode & 07777) == 0600 && st.st_uid == geteuid())
		return 0;
	if (fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, 0600) < 0)
		return error_errno(err, STATUS_IPSEC, errno, "cannot close %s to others", path);
	if (st.st_mode & 0077)
		log_warning("%s had mode %04o, so others could read it; it is 0600 now", path,
			    (unsigned)(st.st_mode & 07777));
	return 0;
}

int store_key(const struct store *store, struct certs_key **ret, struct error *err)
{
	char path[PATH_MAX];
	char *pem;
	int r;

	*ret = NULL;
	store_key_path(store, path);
	if (close_key(path, err) < 0 || store_read(path, &pem, err) < 0)
		return -1;
	if (!pem)
		return 0;
	r = certs_key_parse(pem, ret, err);
	file_cleanse(pem, strlen(pem));
	if (r < 0) {
		/* A key that cannot be read is of no use to anyone: a new one will take its place. */
		log_step("%s is not usable: %s", path, err->text);
		*ret = NULL;
	}
	return 0;
}

int store_prepare(const struct store *store, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(subdirs); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", store->dir, subdirs[i]);
		if (mkdir(path, i == 0 ? 0700 : 0755) == 0)
			continue;
		if (errno != EEXIST)
			return error_errno(err, STATUS_IPSEC, errno, "cannot make %s", path);
	}
	return 0;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

unsigned store_leftovers(const struct store *store, bool remove)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(subdirs); i++) {
		_cleanup_(closedir_p) DIR *dir = NULL;
		struct dirent *entry;
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", store->dir, subdirs[i]);
		dir = opendir(path);
		while (dir && (entry = readdir(dir)) != NULL) {
			size_t len = strlen(entry->d_name);

			/* As file_stage() names them. */
			if (strncmp(entry->d_name, ".type_ibmshare", 14) != 0 || len < 4 ||
			    strcmp(entry->d_name + len - 4, ".tmp") != 0)
				continue;
			count++;
			if (remove && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
				log_warning("%s/%s: %s", path, entry->d_name, strerror(errno));
		}
	}
	return count;
}

static int stage_key(const struct store *store, const struct certs_key *key, struct file_staged *staged,
		     struct error *err)
{
	char path[PATH_MAX];
	char *pem;
	size_t len;
	int r;

	if (certs_key_pem(key, &pem, &len, err) < 0)
		return -1;
	r = file_stage(store_key_path(store, path), pem, len, 0600, staged, err);
	file_cleanse(pem, len);
	return r;
}

/* A leaf of the key before must not stand beside the new one, not even for a moment. */
static int commit_key(const struct store *store, struct file_staged *staged, struct error *err)
{
	char leaf[PATH_MAX];

	if (unlink(store_leaf_path(store, leaf)) < 0 && errno != ENOENT)
		return error_errno(err, STATUS_IPSEC, errno, "cannot remove %s", leaf);
	return file_commit(staged, err);
}

int store_publish_key(const struct store *store, const struct certs_key *key, struct error *err)
{
	_cleanup_(file_discard) struct file_staged staged = {0};

	if (store_prepare(store, err) < 0 || stage_key(store, key, &staged, err) < 0)
		return -1;
	return commit_key(store, &staged, err);
}

int store_publish(const struct store *store, const struct certs_key *new_key,
		  const struct metadata_certificate *cert, struct error *err)
{
	_cleanup_(file_discard) struct file_staged key = {0}, intermediate = {0}, leaf = {0};
	char path[PATH_MAX];

	if (store_prepare(store, err) < 0 || (new_key && stage_key(store, new_key, &key, err) < 0) ||
	    file_stage(store_intermediate_path(store, path), cert->intermediate, strlen(cert->intermediate),
		       0644, &intermediate, err) < 0 ||
	    file_stage(store_leaf_path(store, path), cert->leaf, strlen(cert->leaf), 0644, &leaf, err) < 0)
		return -1;
	/* The leaf last: it is what says that the set is complete. */
	if ((new_key && commit_key(store, &key, err) < 0) || file_commit(&intermediate, err) < 0)
		return -1;
	return file_commit(&leaf, err);
}

int store_each_ca(const struct store *store, int (*fn)(const char *name, const char *pem, void *arg),
		  void *arg, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/x509ca", store->dir);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : error_errno(err, STATUS_IPSEC, errno, "%s", path);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *pem = NULL;

		if (strncmp(entry->d_name, "type_ibmshare_", 14) != 0)
			continue;
		/* One broken file of a region nobody uses must not stop the others. */
		if (store_read(store_ca_path(store, entry->d_name, path), &pem, err) < 0)
			log_warning("%s", err->text);
		if (pem && fn(entry->d_name, pem, arg) < 0)
			return -1;
	}
	return 0;
}

bool store_has_conn(const struct env *env, const char *ip)
{
	struct store store;
	struct error err;
	char path[PATH_MAX];

	return store_open(env, &store, &err) == 0 && access(store_conn_path(&store, ip, path), F_OK) == 0;
}

int store_each_conn(const struct store *store, int (*fn)(const char *ip, void *arg), void *arg,
		    struct error *err)
{
	const size_t prefix = strlen(CONN_PREFIX), suffix = strlen(CONN_SUFFIX);
	char path[PATH_MAX];
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/conf.d", store->dir);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : error_errno(err, STATUS_IPSEC, errno, "%s", path);
	while ((entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);
		struct in_addr addr;
		char ip[64];

		if (len <= prefix + suffix || len - prefix - suffix >= sizeof(ip) ||
		    strncmp(entry->d_name, CONN_PREFIX, prefix) != 0 ||
		    strcmp(entry->d_name + len - suffix, CONN_SUFFIX) != 0)
			continue;
		snprintf(ip, sizeof(ip), "%.*s", (int)(len - prefix - suffix), entry->d_name + prefix);
		if (inet_pton(AF_INET, ip, &addr) != 1)
			continue; /* somebody's copy */
		if (fn(ip, arg) < 0)
			return -1;
	}
	return 0;
}
