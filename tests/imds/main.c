#include "imds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

struct options {
	const char *dir;
	bool init;
	enum generation generation;
	struct listener listeners[IMDS_MAX_LISTENERS];
	size_t listener_count;
	const char *addresses[IMDS_MAX_ADDRESSES];
	size_t address_count;
};

static const char usage[] =
	"imds - a stand-in for the instance metadata service of IBM Cloud VPC, for tests\n"
	"\n"
	"  imds --dir DIR [--http ADDR:PORT]... [--https ADDR:PORT]... [OPTION]...\n"
	"  imds --dir DIR --init [--share-address IP]...\n"
	"\n"
	"  --dir DIR              state directory, made (0700) when missing\n"
	"  --http ADDR:PORT       serve HTTP there; port 0 takes a free one\n"
	"  --https ADDR:PORT      serve HTTPS there, with web.crt\n"
	"  --generation WHICH     API to serve: new, old or both (default)\n"
	"  --share-address IP     an address share.crt is for\n"
	"  --init                 make the files of DIR and end\n"
	"  --list-faults          list the faults\n"
	"  --help                 show this text\n"
	"\n"
	"It stays in the foreground until SIGTERM or SIGINT, and says 'imds: ready' when it serves.\n"
	"Exit status: 0 ended by a signal; 1 it could not serve; 2 wrong usage.\n"
	"\n"
	"Endpoints (query: version=YYYY-MM-DD):\n"
	"  new, 2025-08-26 on         PUT /identity/v1/token           POST /identity/v1/certificates\n"
	"  old, 2022-03-01 on         PUT /instance_identity/v1/token  POST "
	"/instance_identity/v1/certificates\n"
	"\n"
	"Files in DIR; keys and certificates are made when missing and replaced when they do not fit:\n"
	"  root int share             .key and .crt: root CA, the intermediate CA that issues, the share "
	"host's\n"
	"  other-root other-int other-share   the same of an unrelated root\n"
	"  web-ca web                 HTTPS for api.metadata.cloud.ibm.com and 169.254.169.254\n"
	"  ready                      process id, while it serves\n"
	"  listen                     'http ADDR:PORT' or 'https ADDR:PORT', a line a socket\n"
	"  requests.log               'UNIXTIME METHOD PATH STATUS' a request; PATH 'other' if not an "
	"endpoint,\n"
	"                             STATUS 0 if left without an answer\n"
	"  fault                      read at every request: words ENDPOINT:FAULT, ENDPOINT being token,\n"
	"                             certificates or any; the first that fits the endpoint holds; an\n"
	"                             unknown word makes every answer 500\n"
	"\n"
	"Every token begins with 'eyJ': look for that to find one that leaked.\n"
	"\n"
	"Example:\n"
	"  imds --dir /tmp/imds --http 127.0.0.1:18080 &\n"
	"  curl -X PUT -H 'Metadata-Flavor: ibm' "
	"'http://127.0.0.1:18080/identity/v1/token?version=2025-08-26'\n"
	"  echo certificates:expired >/tmp/imds/fault\n";

static int usage_error(const char *what, const char *value)
{
	complain("%s%s%s (try --help)", what, value ? ": " : "", value ? value : "");
	return EXIT_USAGE;
}

static int parse_generation(struct options *options, const char *value)
{
	if (strcmp(value, "new") == 0)
		options->generation = GENERATION_NEW;
	else if (strcmp(value, "old") == 0)
		options->generation = GENERATION_OLD;
	else if (strcmp(value, "both") == 0)
		options->generation = GENERATION_BOTH;
	else
		return usage_error("--generation is new, old or both", value);
	return 0;
}

static int add_address(struct options *options, const char *value)
{
	unsigned char binary[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, value, binary) != 1 && inet_pton(AF_INET6, value, binary) != 1)
		return usage_error("--share-address is not an IP address", value);
	if (options->address_count == IMDS_MAX_ADDRESSES)
		return usage_error("too many --share-address", NULL);
	options->addresses[options->address_count++] = value;
	return 0;
}

static int add_listener(struct options *options, const char *value, bool tls)
{
	if (options->listener_count == IMDS_MAX_LISTENERS)
		return usage_error("too many --http and --https", NULL);
	options->listeners[options->listener_count++] =
		(struct listener){.address = value, .tls = tls, .fd = -1};
	return 0;
}

/* -1: go on; else the exit status. */
static int parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"dir", required_argument, NULL, 'd'},
		{"http", required_argument, NULL, 'p'},
		{"https", required_argument, NULL, 's'},
		{"generation", required_argument, NULL, 'g'},
		{"share-address", required_argument, NULL, 'a'},
		{"init", no_argument, NULL, 'i'},
		{"list-faults", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, rc = 0;

	while (rc == 0 && (c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'd')
			options->dir = optarg;
		else if (c == 'p' || c == 's')
			rc = add_listener(options, optarg, c == 's');
		else if (c == 'g')
			rc = parse_generation(options, optarg);
		else if (c == 'a')
			rc = add_address(options, optarg);
		else if (c == 'i')
			options->init = true;
		else if (c == 'l')
			return fault_list(stdout), 0;
		else if (c == 'h')
			return fputs(usage, stdout), 0;
		else
			rc = usage_error("wrong usage", NULL);
	}
	if (rc != 0)
		return rc;
	if (optind < argc)
		return usage_error("unexpected argument", argv[optind]);
	if (!options->init && options->listener_count == 0)
		return usage_error("one of --http, --https and --init is needed", NULL);
	return -1;
}

static void retract(const struct options *options)
{
	char *path = xasprintf("%s/ready", options->dir);

	unlink(path);
	free(path);
}

/* Before anything in DIR is touched: it may belong to one that serves there already. */
static int bind_listeners(struct options *options)
{
	int rc;

	for (size_t i = 0; i < options->listener_count; i++) {
		rc = http_bind(&options->listeners[i]);
		if (rc < 0)
			return rc == -1 ? EXIT_USAGE : EXIT_FAILURE;
	}
	return 0;
}

/* Under a lock, since several may be started in the same directory at once. */
static int open_directory(struct service *service, const struct options *options)
{
	int fd, rc;

	if (mkdir(service->dir, 0700) < 0 && errno != EEXIST) {
		complain("%s: %s", service->dir, strerror(errno));
		return -1;
	}
	fd = open(service->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		complain("%s: %s", service->dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* One that was killed leaves its 'ready' behind. */
	if (!options->init)
		retract(options);
	rc = ca_open(&service->ca, service->dir, options->addresses, options->address_count);
	close(fd);
	return rc;
}

static int write_listen(const struct options *options)
{
	char *text = xasprintf("%s", ""), *longer, *line;
	int rc;

	for (size_t i = 0; i < options->listener_count; i++) {
		line = http_describe(&options->listeners[i]);
		longer = xasprintf("%s%s\n", text, line);
		free(line);
		free(text);
		text = longer;
	}
	rc = file_write(options->dir, "listen", text, strlen(text), 0644);
	free(text);
	return rc;
}

static int announce(const struct options *options)
{
	char *pid = xasprintf("%ld\n", (long)getpid());
	int rc = write_listen(options);

	if (rc == 0)
		rc = file_write(options->dir, "ready", pid, strlen(pid), 0644);
	free(pid);
	if (rc == 0) {
		puts("imds: ready");
		fflush(stdout);
	}
	return rc;
}

static int start_listeners(struct options *options, const struct service *service)
{
	for (size_t i = 0; i < options->listener_count; i++) {
		if (http_start(&options->listeners[i], service) < 0)
			return -1;
	}
	return 0;
}

static int serve(struct options *options, const struct service *service)
{
	sigset_t signals;
	int rc = EXIT_FAILURE, number;

	/* Before the first thread, so that only sigwait takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	if (start_listeners(options, service) == 0 && announce(options) == 0) {
		sigwait(&signals, &number);
		retract(options);
		rc = 0;
	}
	http_interrupt();
	return rc;
}

int main(int argc, char **argv)
{
	static struct options options = {.generation = GENERATION_BOTH};
	static struct service service;
	int rc = parse_options(&options, argc, argv);

	if (rc >= 0)
		return rc;
	if (!options.dir || !*options.dir)
		return usage_error("--dir is missing", NULL);
	service.dir = options.dir;
	service.generation = options.generation;
	rc = options.init ? 0 : bind_listeners(&options);
	if (rc == 0 && open_directory(&service, &options) < 0)
		rc = EXIT_FAILURE;
	if (rc == 0 && !options.init)
		rc = serve(&options, &service);
	for (size_t i = 0; i < options.listener_count; i++)
		http_stop(&options.listeners[i]);
	ca_close(&service.ca);
	return rc;
}
