#include "util.h"
#include <arpa/inet.h>

#include "ibmshare/nfs.h"
#include "ibmshare/xfrm.h"

static void address_is_taken(void **state)
{
	static const struct {
		const char *host, *ip;
	} cases[] = {
		{"10.240.0.5", "10.240.0.5"},
		{"1.0.0.0", "1.0.0.0"},
		{"126.255.255.255", "126.255.255.255"},
		{"128.0.0.1", "128.0.0.1"},
		{"223.255.255.255", "223.255.255.255"},
		/* As inet_aton(3) reads them; what is written is the one form. */
		{"10.15728645", "10.240.0.5"},
		{"0x0af00005", "10.240.0.5"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[INET_ADDRSTRLEN] = "";
		struct error err = {0};

		CHECK(nfs_resolve(cases[i].host, buf, &err) == 0, "%s: %s", cases[i].host, err.text);
		CHECK_TEXT(buf, cases[i].ip, cases[i].host);
	}
}

static void address_is_refused(void **state)
{
	static const char *const cases[] = {
		"127.0.0.1",
		"127.255.255.255",
		"0.0.0.0",
		"0.1.2.3",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.1",
		"255.255.255.255",
		"::1",
		"::",
		"fd00::1",
		"::ffff:10.240.0.5",
		/* The same in disguise. */
		"127.1",
		"0x7f000001",
		"2130706433",
		"0177.0.0.1",
		"0",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[INET_ADDRSTRLEN] = "";
		struct error err = {0};

		CHECK(nfs_resolve(cases[i], buf, &err) == -1, "%s passed as %s", cases[i], buf);
		CHECK(err.status == STATUS_OTHER, "%s: status %d", cases[i], err.status);
		CHECK_HOLDS(err.text, cases[i], cases[i]);
		CHECK(err.remedy[0], "%s: no remedy", cases[i]);
	}
}

static void join_args(const char *const argv[NFS_ARGV_MAX], char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; argv[i]; i++) {
		assert_true(i < NFS_ARGV_MAX - 1);
		len += (size_t)snprintf(buf + len, size - len, "%s|", argv[i]);
	}
}

static void arguments_are_in_order(void **state)
{
	char target[] = "/mnt/a b", options[] = "sec=sys,vers=4.1";
	struct mount_request req = {.target = target, .nfs_options = options};
	const char *argv[NFS_ARGV_MAX];
	char all[256];

	(void)state;
	nfs_argv("/sbin/mount.nfs4", "10.0.0.1:/x", &req, argv);
	join_args(argv, all, sizeof(all));
	assert_string_equal(all, "/sbin/mount.nfs4|10.0.0.1:/x|/mnt/a b|-o|sec=sys,vers=4.1|");
	req.fake = req.no_mtab = req.sloppy = req.verbose = true;
	nfs_argv("/sbin/mount.nfs4", "10.0.0.1:/x", &req, argv);
	join_args(argv, all, sizeof(all));
	assert_string_equal(all, "/sbin/mount.nfs4|10.0.0.1:/x|/mnt/a b|-f|-n|-s|-v|-o|sec=sys,vers=4.1|");
}

/* mount.nfs takes the rightmost where options contradict each other. */
static void retry_is_read_as_mount_nfs_does(void **state)
{
	static const struct {
		const char *options;
		int seconds;
		bool background;
	} cases[] = {
		{"sec=sys", NFS_RETRY_SECONDS, false},
		{"sec=sys,retry=5", 300, false},
		{"retry=0,hard", 0, false},
		{"bg,retry=1", 60, true},
		{"fg", NFS_RETRY_SECONDS, false},
		{"retry=,hard", NFS_RETRY_SECONDS, false},
		{"retry=x", NFS_RETRY_SECONDS, false},
		{"retry=5x,hard", NFS_RETRY_SECONDS, false},
		{"retrying=5", NFS_RETRY_SECONDS, false},
		{"bg,fg", NFS_RETRY_SECONDS, false},
		{"retry=1,retry=5", 300, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nfs_retry retry = nfs_retry(cases[i].options);

		CHECK(retry.seconds == cases[i].seconds, "%s: %d s", cases[i].options, retry.seconds);
		CHECK(retry.background == cases[i].background, "%s: background %d", cases[i].options,
		      retry.background);
	}
	/* What no int of seconds holds is still a time to wait, not one in the past. */
	assert_true(nfs_retry("retry=99999999").seconds >= 10000 * 60);
	assert_true(nfs_retry("retry=99999999999999999999999").seconds >= 10000 * 60);
}

static void options_are_found_by_their_whole_name(void **state)
{
	(void)state;
	assert_true(nfs_has_option("sec=sys,max_connect=2", "max_connect"));
	assert_true(nfs_has_option("trunkdiscovery", "trunkdiscovery"));
	assert_false(nfs_has_option("sec=sys,nconnect=2", "max_connect"));
	assert_false(nfs_has_option("notrunkdiscovery", "trunkdiscovery"));
	assert_false(nfs_has_option("", "max_connect"));
}

/* Loopback answers, if only with a refusal; nothing listens there in this test's own choice of port. */
static void an_answer_is_one_even_when_it_is_no(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	char options[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	snprintf(options, sizeof(options), "sec=sys,port=%u", ntohs(sa.sin_port));
	assert_true(nfs_answers("127.0.0.1", options, 1000));
	assert_int_equal(listen(fd, 1), 0);
	assert_true(nfs_answers("127.0.0.1", options, 1000));
	close(fd);
	assert_false(nfs_answers("not an address", options, 1000));
}

static void make_program(const struct world *world, const char *script)
{
	make_dir(world, "/sbin");
	make_file(world, "/sbin/mount.nfs4", script, strlen(script), 0755);
}

static void exit_code_of_the_program_is_kept(void **state)
{
	static const struct {
		const char *script;
		int status;
	} cases[] = {
		{"#!/bin/sh\nexit 0\n", 0},
		{"#!/bin/sh\nexit 1\n", STATUS_MOUNT + 1},
		{"#!/bin/sh\nexit 32\n", STATUS_MOUNT + 32},
		{"#!/bin/sh\nkill -9 $$\n", STATUS_OTHER},
	};
	char target[] = "/mnt", options[] = "sec=sys";
	const struct mount_request req = {.target = target, .nfs_options = options};
	struct world *world = *state;
	struct error err = {0};

	assert_int_equal(nfs_mount(&world->env, "10.0.0.1:/x", &req, 0, &err), -1);
	CHECK_HOLDS(err.remedy, "nfs-common", "missing program");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		make_program(world, cases[i].script);
		err = (struct error){0};
		r = nfs_mount(&world->env, "10.0.0.1:/x", &req, 0, &err);
		CHECK(r == (cases[i].status ? -1 : 0), "case %zu: %d", i, r);
		CHECK(err.status == cases[i].status, "case %zu: status %d", i, err.status);
	}
}

/* As /proc/self/mountinfo of a real machine has it, see proc(5). */
static const char mountinfo[] =
	"22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n"
	"23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
	"40 23 0:38 / /proc/fs/nfsd rw,relatime shared:22 - nfsd nfsd rw\n"
	"50 22 0:42 / /mnt/a rw,relatime shared:40 - nfs4 10.240.0.5:/acdaecff_a291 "
	"rw,vers=4.1,rsize=1048576,proto=tcp,timeo=600,sec=sys,clientaddr=10.240.0.9,"
	"local_lock=none,addr=10.240.0.5\n"
	"51 22 0:43 / /mnt/with\\040blank rw,relatime shared:41 - nfs4 files.example.com:/x "
	"rw,vers=4.2,clientaddr=10.240.0.9,addr=10.240.0.77\n"
	"52 22 0:44 / /mnt/v3 ro,relatime - nfs 10.240.0.6:/y ro,vers=3,mountaddr=10.240.0.60,"
	"addr=10.240.0.6\n"
	"53 22 0:45 / /mnt/cifs rw,relatime - cifs //srv/share rw,addr=10.240.0.99\n"
	"54 22 0:46 / /mnt/fuse rw,relatime - fuse.sshfs user@10.240.0.98:/ rw,user_id=0\n"
	"55 22 0:47 / /mnt/no-addr rw,relatime - nfs4 10.240.0.97:/z rw,clientaddr=10.240.0.9\n"
	"56 50 0:42 /sub /mnt/a/bind rw,relatime shared:40 - nfs4 10.240.0.5:/acdaecff_a291 "
	"rw,vers=4.1,clientaddr=10.240.0.9,addr=10.240.0.5\n";

struct mounts {
	char all[1024];
	unsigned count, stop_after;
};

static int see(const struct nfs_mounted *mount, void *arg)
{
	struct mounts *mounts = arg;
	size_t len = strlen(mounts->all);

	snprintf(mounts->all + len, sizeof(mounts->all) - len, "%s|%s|%s\n", mount->ip, mount->source,
		 mount->target);
	return ++mounts->count == mounts->stop_after ? -1 : 0;
}

static void mounts_are_read_from_the_kernel(void **state)
{
	struct world *world = *state;
	struct mounts mounts = {0};
	struct error err = {0};

	assert_int_equal(nfs_each_mount(&world->env, see, &mounts, &err), -1); /* no /proc */
	make_dir(world, "/proc/self");
	make_text(world, "/proc/self/mountinfo", mountinfo);
	CHECK(nfs_each_mount(&world->env, see, &mounts, &err) == 0, "%s", err.text);
	CHECK_TEXT(mounts.all,
		   "10.240.0.5|10.240.0.5:/acdaecff_a291|/mnt/a\n"
		   "10.240.0.77|files.example.com:/x|/mnt/with blank\n"
		   "10.240.0.6|10.240.0.6:/y|/mnt/v3\n"
		   "10.240.0.5|10.240.0.5:/acdaecff_a291|/mnt/a/bind\n",
		   "mounts");
	mounts = (struct mounts){.stop_after = 1};
	assert_int_equal(nfs_each_mount(&world->env, see, &mounts, &err), -1);
	assert_int_equal(mounts.count, 1);
}

static void clients_are_counted_too(void **state)
{
	struct world *world = *state;
	struct nfs_clients clients = {0};
	struct error err = {0};

	make_dir(world, "/proc/self");
	make_text(world, "/proc/self/mountinfo", mountinfo);
	/* The kernel's NFS client was never loaded, or /proc is not all there. */
	CHECK(nfs_clients_load(&world->env, &clients, &err) == 0, "%s", err.text);
	assert_true(nfs_clients_have(&clients, "10.240.0.5"));
	assert_true(nfs_clients_have(&clients, "10.240.0.77"));
	assert_false(nfs_clients_have(&clients, "10.240.0.99"));
	assert_false(nfs_clients_have(&clients, "10.240.0.8"));
	assert_false(nfs_clients_have(&clients, "fd00::1"));
	assert_false(nfs_clients_have(&clients, ""));
	nfs_clients_free(&clients);
	nfs_clients_free(&clients);
	/* A client whose mount is in another namespace. */
	make_dir(world, "/proc/fs/nfsfs");
	make_text(world, "/proc/fs/nfsfs/servers",
		  "NV SERVER   PORT USE HOSTNAME\n"
		  "v4 0af00008  801   1 10.240.0.8\n"
		  "v4 fd000000000000000000000af0000b01  801   1 fd00::af0:b01\n");
	assert_int_equal(nfs_clients_load(&world->env, &clients, &err), 0);
	assert_true(nfs_clients_have(&clients, "10.240.0.8"));
	assert_true(nfs_clients_have(&clients, "10.240.0.5"));
	assert_false(nfs_clients_have(&clients, "10.240.0.80"));
	assert_false(nfs_clients_have(&clients, "10.240.0.11"));
	nfs_clients_free(&clients);
}

static void traffic_is_proved_by_counters(void **state)
{
	static const struct {
		const char *name;
		struct xfrm_sas before, after;
		bool carried;
	} cases[] = {
		{"nothing", {.count = 0}, {.count = 0}, false},
		{"idle", {1, {{1, 10, 1, true}}}, {1, {{1, 10, 1, true}}}, false},
		{"grown", {1, {{1, 10, 1, true}}}, {1, {{1, 20, 2, true}}}, true},
		{"grown, but weak", {1, {{1, 10, 1, false}}}, {1, {{1, 20, 2, false}}}, false},
		{"new and used", {.count = 0}, {1, {{1, 20, 2, true}}}, true},
		{"new and unused", {.count = 0}, {1, {{1, 0, 0, true}}}, false},
		{"rekeyed", {1, {{1, 10, 1, true}}}, {1, {{2, 5, 1, true}}}, true},
		{"gone", {1, {{1, 10, 1, true}}}, {.count = 0}, false},
		{"the weak one of two",
		 {2, {{1, 10, 1, true}, {2, 10, 1, false}}},
		 {2, {{1, 10, 1, true}, {2, 20, 2, false}}},
		 false},
		{"order changed",
		 {2, {{1, 10, 1, true}, {2, 99, 9, true}}},
		 {2, {{2, 99, 9, true}, {1, 10, 1, true}}},
		 false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK(xfrm_carried(&cases[i].before, &cases[i].after) == cases[i].carried, "%s",
		      cases[i].name);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_is_taken),
		cmocka_unit_test(address_is_refused),
		cmocka_unit_test(arguments_are_in_order),
		cmocka_unit_test(retry_is_read_as_mount_nfs_does),
		cmocka_unit_test(options_are_found_by_their_whole_name),
		cmocka_unit_test(an_answer_is_one_even_when_it_is_no),
		IN_WORLD(exit_code_of_the_program_is_kept),
		IN_WORLD(mounts_are_read_from_the_kernel),
		IN_WORLD(clients_are_counted_too),
		cmocka_unit_test(traffic_is_proved_by_counters),
	};

	return cmocka_run_group_tests_name("nfs", tests, NULL, NULL);
}
