#include "ibmshare/nfs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmount.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ibmshare/file.h"
#include "ibmshare/log.h"
#include "ibmshare/proc.h"

enum {
	NFS_PORT = 2049,
	SERVERS_MAX = 256 * 1024,
	RETRY_MINUTES_MAX = 10000, /* its default in the background */
};

/* An address that no share can have would give a connection to the wrong place, or to all. */
static int check_address(const struct in_addr *addr, const char *host, struct error *err)
{
	uint32_t ip = ntohl(addr->s_addr);
	uint32_t top = ip >> 24;

	if (top != 0 && top != 127 && top < 224 && ip >> 16 != (169U << 8 | 254U))
		return 0;
	error_set(err, STATUS_OTHER, "source host '%s': not the address of a share", host);
	return error_remedy(err, "give the share's mount path as the IBM Cloud console shows it");
}

int nfs_resolve(const char *host, char buf[INET_ADDRSTRLEN], struct error *err)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	struct in_addr addr;
	int r;

	if (strchr(host, ':')) {
		error_set(err, STATUS_OTHER, "source host '%s': IPv6 addresses are not supported", host);
		return error_remedy(err, "give the share's IPv4 address");
	}
	if (inet_pton(AF_INET, host, &addr) != 1) {
		r = getaddrinfo(host, NULL, &hints, &list);
		if (r != 0) {
			error_set(err, STATUS_OTHER, "source host '%s': %s", host,
				  r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
			return error_remedy(err, "check the name with: getent ahostsv4 %.64s", host);
		}
		addr = ((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr;
		freeaddrinfo(list);
	}
	if (check_address(&addr, host, err) < 0)
		return -1;
	if (!inet_ntop(AF_INET, &addr, buf, INET_ADDRSTRLEN))
		return error_errno(err, STATUS_INTERNAL, errno, "inet_ntop");
	return 0;
}

void nfs_argv(const char *program, const char *source, const struct mount_request *req,
	      const char *argv[NFS_ARGV_MAX])
{
	int n = 0;

	argv[n++] = program;
	argv[n++] = source;
	argv[n++] = req->target;
	if (req->fake)
		argv[n++] = "-f";
	if (req->no_mtab)
		argv[n++] = "-n";
	if (req->sloppy)
		argv[n++] = "-s";
	if (req->verbose)
		argv[n++] = "-v";
	argv[n++] = "-o";
	argv[n++] = req->nfs_options;
	argv[n] = NULL;
}

static bool is_option(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(name, word, len) == 0;
}

/* Of options that contradict each other the last one holds, as in mount.nfs. */
struct nfs_retry nfs_retry(const char *options)
{
	struct nfs_retry retry = {.seconds = NFS_RETRY_SECONDS};
	char *cursor = (char *)(uintptr_t)options, *name, *value; /* libmount only moves the cursor */
	size_t name_len, value_len;

	while (mnt_optstr_next_option(&cursor, &name, &name_len, &value, &value_len) == 0) {
		char *end;

		if (is_option(name, name_len, "bg"))
			retry.background = true;
		else if (is_option(name, name_len, "fg"))
			retry.background = false;
		else if (is_option(name, name_len, "retry") && value && value_len > 0) {
			unsigned long minutes = strtoul(value, &end, 10);

			if (end == value + value_len)
				retry.seconds = minutes > RETRY_MINUTES_MAX ? RETRY_MINUTES_MAX * 60
									    : (int)minutes * 60;
		}
	}
	return retry;
}

bool nfs_has_option(const char *options, const char *name)
{
	char *value;
	size_t len;

	return mnt_optstr_get_option(options, name, &value, &len) == 0;
}

bool nfs_answers(const char *ip, const char *options, int timeout_ms)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(NFS_PORT)};
	struct pollfd p = {.events = POLLOUT};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t result_len = sizeof(int);
	int result = 0;
	char *value;
	size_t len;

	if (fd < 0 || inet_pton(AF_INET, ip, &sa.sin_addr) != 1)
		return false;
	if (mnt_optstr_get_option(options, "port", &value, &len) == 0 && value) {
		unsigned long port = strtoul(value, NULL, 10);

		if (port > 0 && port <= UINT16_MAX)
			sa.sin_port = htons((uint16_t)port);
	}
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == ECONNREFUSED)
		return true;
	p.fd = fd;
	if (errno != EINPROGRESS || poll(&p, 1, timeout_ms) <= 0)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &result_len) == 0 &&
	       (result == 0 || result == ECONNREFUSED);
}

int nfs_mount(const struct env *env, const char *source, const struct mount_request *req, int hold_fd,
	      struct error *err)
{
	const char *argv[NFS_ARGV_MAX];
	struct proc proc = {.argv = argv, .mount_ns = req->mount_ns, .keep_fd = hold_fd};
	char program[PATH_MAX];
	int code;

	if (env_path(env, program, err, "/sbin/mount.nfs4") < 0)
		return -1;
	nfs_argv(program, source, req, argv);
	log_step("%s %s %s -o %s", program, source, req->target, req->nfs_options);
	if (proc_run(&proc, &code, err) < 0) {
		if (errno == ENOENT)
			error_remedy(err, "apt-get install nfs-common, or: dnf install nfs-utils");
		return -1;
	}
	if (code == 0)
		return 0;
	return error_set(err, STATUS_MOUNT + code, "mount.nfs4 of %s on %s ended with exit code %d", source,
			 req->target, code);
}

static void table_unref_p(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void iter_free_p(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

int nfs_each_mount(const struct env *env, int (*fn)(const struct nfs_mounted *mount, void *arg), void *arg,
		   struct error *err)
{
	_cleanup_(table_unref_p) struct libmnt_table *table = mnt_new_table();
	_cleanup_(iter_free_p) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	char path[PATH_MAX];

	if (!table || !iter)
		return error_nomem(err);
	if (env_path(env, path, err, "/proc/self/mountinfo") < 0)
		return -1;
	if (mnt_table_parse_file(table, path) < 0)
		return error_errno(err, STATUS_OTHER, errno, "%s", path);
	while (mnt_table_next_fs(table, iter, &fs) == 0) {
		const char *type = mnt_fs_get_fstype(fs);
		char ip[INET6_ADDRSTRLEN], *addr;
		size_t len;

		/* The source may be a name; the kernel says which address it went to. */
		if (!type || strncmp(type, "nfs", 3) != 0 ||
		    mnt_fs_get_option(fs, "addr", &addr, &len) != 0 || len >= sizeof(ip))
			continue;
		memcpy(ip, addr, len);
		ip[len] = '\0';
		if (fn(&(struct nfs_mounted){mnt_fs_get_id(fs), ip, mnt_fs_get_source(fs),
					     mnt_fs_get_target(fs)},
		       arg) < 0)
			return -1;
	}
	return 0;
}

/* As /proc/fs/nfsfs/servers writes it, with a blank on both sides. */
static int hex_address(const char *ip, char buf[16])
{
	struct in_addr addr;

	if (inet_pton(AF_INET, ip, &addr) != 1)
		return -1;
	snprintf(buf, 16, " %08x ", ntohl(addr.s_addr));
	return 0;
}

static int print_address(const struct nfs_mounted *mount, void *arg)
{
	char hex[16];

	if (hex_address(mount->ip, hex) == 0)
		fputs(hex, arg);
	return 0;
}

int nfs_clients_load(const struct env *env, struct nfs_clients *ret, struct error *err)
{
	_cleanup_free_ char *servers = NULL;
	char path[PATH_MAX];
	size_t size;
	FILE *f;
	int r;

	if (env_path(env, path, err, "/proc/fs/nfsfs/servers") < 0)
		return -1;
	/* It is not there when the kernel's NFS client was never loaded. */
	if (file_read(path, SERVERS_MAX, &servers, &size, err) < 0 && errno != ENOENT)
		return -1;
	f = open_memstream(&ret->addresses, &size);
	if (!f)
		return error_nomem(err);
	fputs(servers ? servers : "", f);
	r = nfs_each_mount(env, print_address, f, err);
	if (fclose(f) != 0 && r == 0)
		r = error_nomem(err);
	if (r < 0)
		nfs_clients_free(ret);
	return r;
}

void nfs_clients_free(struct nfs_clients *clients)
{
	free(clients->addresses);
	clients->addresses = NULL;
}

bool nfs_clients_have(const struct nfs_clients *clients, const char *ip)
{
	char hex[16];

	return hex_address(ip, hex) == 0 && strstr(clients->addresses, hex) != NULL;
}
