#include "ibmshare/ipsec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ibmshare/conn.h"
#include "ibmshare/file.h"
#include "ibmshare/log.h"
#include "ibmshare/proc.h"

enum {
	REPLY_SLACK_MS = 10000, /* for charon to say that the time is up */
};

/* charon's socket: Debian and SUSE; Red Hat and its kin. */
static int open_socket(const struct env *env, struct vici **ret, struct error *err)
{
	static const char *const places[] = {"/run/charon.vici", "/run/strongswan/charon.vici",
					     "/var/run/charon.vici"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (env_path(env, path, err, "%s", places[i]) < 0)
			return -1;
		if (vici_open(path, env->daemon_timeout_ms, ret) == 0)
			return 0;
	}
	return error_errno(err, STATUS_IPSEC, errno, "strongSwan does not answer");
}

/* The distributions' names of the service, the one to try first in front. */
static int start_service(const struct env *env, struct error *err)
{
	static const char *const programs[] = {"/usr/sbin/charon-systemd", "/usr/sbin/swanctl"};
	const char *const argv[] = {"/usr/bin/systemctl", "start", "strongswan.service", NULL};
	char output[512];
	struct proc proc = {
		.argv = argv,
		.timeout_ms = env->daemon_timeout_ms,
		.output = output,
		.output_size = sizeof(output),
	};
	int code;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		char path[PATH_MAX];

		if (env_path(env, path, err, "%s", programs[i]) < 0)
			return -1;
		if (access(path, X_OK) == 0)
			continue;
		error_set(err, STATUS_IPSEC, "strongSwan is not installed: there is no %s", path);
		return error_remedy(err, "apt-get install charon-systemd strongswan-swanctl "
					 "libstrongswan-standard-plugins, or: dnf install strongswan");
	}
	if (proc_run(&proc, &code, err) < 0) {
		err->status = STATUS_IPSEC;
		error_prefix(err, "strongSwan is not running and could not be started");
		return error_remedy(err, "start charon-systemd, then mount again");
	}
	if (code != 0) {
		error_set(err, STATUS_IPSEC, "strongSwan is not running and could not be started: %s",
			  output);
		return error_remedy(err, "see: systemctl status strongswan; journalctl -u strongswan");
	}
	return 0;
}

int ipsec_open(const struct env *env, bool start, struct vici **ret, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	int64_t deadline = env_monotonic_ms() + env->daemon_timeout_ms;

	if (open_socket(env, ret, err) == 0)
		return 0;
	if (!start)
		return -1;
	log_step("strongSwan does not answer, starting its service");
	if (start_service(env, err) < 0)
		return -1;
	while (open_socket(env, ret, err) < 0) {
		if (env_monotonic_ms() >= deadline) {
			error_prefix(err, "the service was started, but");
			return error_remedy(err, "see: journalctl -u strongswan");
		}
		nanosleep(&pause, NULL);
	}
	log_info("started strongSwan");
	return 0;
}

static int load_cert(struct vici *vici, const char *pem, struct error *err)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};

	vici_value(&msg, "type", "X509");
	vici_value(&msg, "flag", "CA");
	vici_value(&msg, "data", pem);
	return vici_call(vici, &(struct vici_call){.command = "load-cert", .message = &msg}, err);
}

struct ca_load {
	struct vici *vici;
	struct error *err;
};

static int load_ca(const char *name, const char *pem, void *arg)
{
	struct ca_load *load = arg;

	if (load_cert(load->vici, pem, load->err) == 0)
		return 0;
	/* One broken file of a region nobody uses must not stop the others. */
	log_warning("%s: %s", name, load->err->text);
	return 0;
}

static int load_key(struct vici *vici, const char *pem, struct error *err)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};

	vici_value(&msg, "type", "any");
	vici_value(&msg, "data", pem);
	return vici_call(vici, &(struct vici_call){.command = "load-key", .message = &msg}, err);
}

int ipsec_load_credentials(struct vici *vici, const struct store *store, struct error *err)
{
	struct ca_load load = {.vici = vici, .err = err};
	char path[PATH_MAX];
	char *pem;
	int r;

	if (store_each_ca(store, load_ca, &load, err) < 0 ||
	    store_read(store_key_path(store, path), &pem, err) < 0)
		return -1;
	if (!pem)
		return 0;
	r = load_key(vici, pem, err);
	file_cleanse(pem, strlen(pem));
	return r;
}

struct key_search {
	char id[41];
	bool found;
};

static void on_key(const struct vici_element *element, void *arg)
{
	struct key_search *search = arg;

	if (strcmp(element->key, "keys") == 0 && strcasecmp(element->value, search->id) == 0)
		search->found = true;
}

int ipsec_ensure_credentials(struct vici *vici, const struct store *store, struct error *err)
{
	_cleanup_free_ char *leaf = NULL;
	struct key_search search = {0};
	char path[PATH_MAX];

	if (store_read(store_leaf_path(store, path), &leaf, err) < 0)
		return -1;
	if (leaf && certs_key_id(leaf, search.id, err) < 0)
		return -1;
	if (leaf &&
	    vici_call(vici, &(struct vici_call){.command = "get-keys", .on_reply = on_key, .arg = &search},
		      err) < 0)
		return -1;
	return search.found ? 0 : ipsec_load_credentials(vici, store, err);
}

int ipsec_publish_conn(const struct store *store, const char *ip, struct error *err)
{
	char path[PATH_MAX], leaf[PATH_MAX];
	_cleanup_free_ char *conf = conn_render_swanctl(ip, store_leaf_path(store, leaf));

	if (!conf)
		return error_nomem(err);
	store_conn_path(store, ip, path);
	if (file_holds(path, conf, strlen(conf)))
		return 0;
	log_step("writing %s", path);
	return file_publish(path, conf, strlen(conf), 0644, err);
}

int ipsec_load_conn(struct vici *vici, const struct store *store, const char *ip, struct error *err)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};
	_cleanup_free_ char *leaf = NULL;
	char path[PATH_MAX];

	if (store_read(store_leaf_path(store, path), &leaf, err) < 0)
		return -1;
	if (!leaf)
		return error_set(err, STATUS_IPSEC, "there is no certificate in %s", path);
	conn_render_vici(ip, leaf, &msg);
	return vici_call(vici, &(struct vici_call){.command = "load-conn", .message = &msg}, err);
}

struct conn_load {
	struct vici *vici;
	const struct store *store;
	struct error *err;
	bool failed;
};

static int reload_conn(const char *ip, void *arg)
{
	struct conn_load *load = arg;

	if (ipsec_load_conn(load->vici, load->store, ip, load->err) < 0)
		load->failed = true;
	return 0;
}

int ipsec_reload(struct vici *vici, const struct store *store, struct error *err)
{
	struct conn_load load = {.vici = vici, .store = store, .err = err};

	if (ipsec_load_credentials(vici, store, err) < 0 ||
	    store_each_conn(store, reload_conn, &load, err) < 0)
		return -1;
	return load.failed ? -1 : 0;
}

/* At once: the far side is told, but not waited for. */
void ipsec_end(struct vici *vici, const char *ip)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};
	struct error err;
	char name[64];

	conn_name(ip, name);
	vici_value(&msg, "ike", name);
	vici_value(&msg, "force", "yes");
	vici_value(&msg, "timeout", "-1");
	if (vici_call(vici, &(struct vici_call){.command = "terminate", .message = &msg}, &err) < 0)
		log_step("%s", err.text);
}

void ipsec_unload_conn(struct vici *vici, const char *ip)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};
	struct error err;
	char name[64];

	conn_name(ip, name);
	vici_value(&msg, "name", name);
	if (vici_call(vici, &(struct vici_call){.command = "unload-conn", .message = &msg}, &err) < 0)
		log_step("%s", err.text);
	ipsec_end(vici, ip);
}

/* What list-sas says of our child SA. */
struct child_sa {
	char state[32], mode[32], cipher[32], key_size[16];
	bool good;
};

static void on_sa(const struct vici_element *element, void *arg)
{
	static const struct {
		const char *key;
		size_t offset, size;
	} fields[] = {
		{"state", offsetof(struct child_sa, state), 32},
		{"mode", offsetof(struct child_sa, mode), 32},
		{"encr-alg", offsetof(struct child_sa, cipher), 32},
		{"encr-keysize", offsetof(struct child_sa, key_size), 16},
	};
	struct child_sa *sa = arg;

	/* NAME { child-sas { CHILD-ID { … } } } */
	if (element->depth != 3 || strcmp(element->path[1], "child-sas") != 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(element->key, fields[i].key) == 0)
			snprintf((char *)sa + fields[i].offset, fields[i].size, "%s", element->value);
	sa->good = sa->good || ((strcmp(sa->state, "INSTALLED") == 0 || strcmp(sa->state, "REKEYING") == 0 ||
				 strcmp(sa->state, "REKEYED") == 0) &&
				strcmp(sa->mode, "TRANSPORT") == 0 && strcmp(sa->cipher, "AES_GCM_16") == 0 &&
				strcmp(sa->key_size, "256") == 0);
}

static int find_sa(struct vici *vici, const char *name, struct child_sa *ret, struct error *err)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};

	memset(ret, 0, sizeof(*ret));
	vici_value(&msg, "ike", name);
	return vici_call(vici,
			 &(struct vici_call){.command = "list-sas",
					     .message = &msg,
					     .event = "list-sa",
					     .on_event = on_sa,
					     .arg = ret},
			 err);
}

/* What charon logs while it negotiates, as far as it tells why it failed. */
struct negotiation {
	char untrusted[256]; /* the certificate of the far side, or its issuer */
	bool refused;	     /* the far side said AUTHENTICATION_FAILED */
	bool answered;
	char last[256];
};

static void on_log(const struct vici_element *element, void *arg)
{
	static const char no_key[] = "no trusted ";
	struct negotiation *seen = arg;
	const char *subject;

	if (strcmp(element->key, "msg") != 0)
		return;
	if (strstr(element->value, "parsed IKE_SA_INIT response") ||
	    strstr(element->value, "parsed IKE_AUTH response"))
		seen->answered = true;
	if (strstr(element->value, "received AUTHENTICATION_FAILED"))
		seen->refused = true;
	if (strncmp(element->value, no_key, sizeof(no_key) - 1) == 0 &&
	    (subject = strstr(element->value, " found for ")) != NULL)
		snprintf(seen->untrusted, sizeof(seen->untrusted), "%s", subject + 11);
	snprintf(seen->last, sizeof(seen->last), "%s", element->value);
}

static int explain(const struct negotiation *seen, const char *ip, struct error *err)
{
	if (seen->untrusted[0]) {
		error_set(err, STATUS_IPSEC,
			  "no IPsec with %s: the share host's certificate %s is not trusted", ip,
			  seen->untrusted);
		return error_remedy(
			err, "install the CA files of the share's region with: mount.ibmshare --setup DIR");
	}
	if (seen->refused) {
		error_set(err, STATUS_IPSEC,
			  "no IPsec with %s: the share host does not trust this instance's certificate", ip);
		return error_remedy(
			err, "check that the share is in this instance's region and allows encryption in "
			     "transit; a new certificate: mount.ibmshare --renew --force");
	}
	error_set(err, STATUS_IPSEC, "no IPsec with %s: %s", ip, seen->last[0] ? seen->last : err->text);
	return error_remedy(err, "see: journalctl -u strongswan");
}

static int initiate(struct vici *vici, const char *name, int timeout_ms, struct negotiation *seen,
		    struct error *err)
{
	_cleanup_(vici_message_free) struct vici_message msg = {0};
	char timeout[16];

	snprintf(timeout, sizeof(timeout), "%d", timeout_ms);
	vici_value(&msg, "child", name);
	vici_value(&msg, "ike", name);
	vici_value(&msg, "timeout", timeout);
	vici_value(&msg, "loglevel", "1");
	return vici_call(vici,
			 &(struct vici_call){.command = "initiate",
					     .message = &msg,
					     .event = "control-log",
					     .on_event = on_log,
					     .arg = seen,
					     .timeout_ms = timeout_ms + REPLY_SLACK_MS},
			 err);
}

int ipsec_establish(struct vici *vici, const char *ip, int timeout_ms, enum ipsec_outcome *ret,
		    struct error *err)
{
	struct negotiation seen = {0};
	struct child_sa sa;
	char name[64];

	conn_name(ip, name);
	*ret = IPSEC_PRESENT;
	if (find_sa(vici, name, &sa, err) < 0)
		return -1;
	if (sa.good)
		return 0;
	*ret = IPSEC_ESTABLISHED;
	log_step("negotiating IPsec with %s", ip);
	if (initiate(vici, name, timeout_ms, &seen, err) < 0) {
		if (err->status != STATUS_IPSEC || seen.answered || seen.untrusted[0] || seen.refused)
			return explain(&seen, ip, err);
		/* It still waits for its first answer; the next try begins anew. */
		ipsec_end(vici, ip);
		*ret = IPSEC_NO_ANSWER;
		return 0;
	}
	if (find_sa(vici, name, &sa, err) < 0)
		return -1;
	if (!sa.good)
		return error_set(
			err, STATUS_IPSEC,
			"no IPsec with %s: the security association is %s, %s, %s-%s where transport mode "
			"with AES_GCM_16-256 is asked for",
			ip, sa.state[0] ? sa.state : "missing", sa.mode, sa.cipher, sa.key_size);
	return 0;
}
