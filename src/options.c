#include "ibmshare/options.h"

#include <ctype.h>
#include <getopt.h>
#include <libmount.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	HOST_MAX = 253,
	PATH_MAX_LEN = 1024,
};

struct text {
	char *data;
	size_t len;
	bool failed;
};

/* Appends an option, with a comma where one is needed. */
static void append(struct text *text, const char *option, size_t len)
{
	size_t comma = text->len > 0 ? 1 : 0;
	char *grown = realloc(text->data, text->len + comma + len + 1);

	if (!grown) {
		text->failed = true;
		return;
	}
	text->data = grown;
	if (comma)
		text->data[text->len++] = ',';
	memcpy(text->data + text->len, option, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static bool is(const char *option, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(option, word, len) == 0;
}

static bool has_prefix(const char *option, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && strncasecmp(option, prefix, strlen(prefix)) == 0;
}

/* 1: it is one of ours, with its meaning in *ret. 0: it is not. -1: ours, but wrong. */
static int own_option(const char *option, size_t len, enum encryption *ret, struct error *err)
{
	if (is(option, len, "ipsec") || is(option, len, "secure=true"))
		*ret = ENCRYPTION_IPSEC;
	else if (is(option, len, "secure=false"))
		*ret = ENCRYPTION_NONE;
	else if (is(option, len, "stunnel"))
		*ret = ENCRYPTION_STUNNEL;
	else if (is(option, len, "tls"))
		*ret = ENCRYPTION_TLS;
	else if (is(option, len, "secure") || has_prefix(option, len, "secure=")) {
		error_set(err, STATUS_OTHER, "option '%.*s'", (int)(len < 64 ? len : 64), option);
		return error_remedy(err, "write secure=true or secure=false");
	} else
		return 0;
	return 1;
}

int options_filter(const char *list, enum encryption *ret_encryption, char **ret_rest, struct error *err)
{
	enum encryption encryption = ENCRYPTION_NONE, kind = ENCRYPTION_NONE;
	bool chosen = false, has_sec = false;
	struct text rest = {0}, with_sec = {0};
	char *cursor = (char *)(uintptr_t)list, *name, *value; /* libmount only moves the cursor */
	size_t name_len, value_len;
	int more;

	while ((more = mnt_optstr_next_option(&cursor, &name, &name_len, &value, &value_len)) == 0) {
		size_t len = value ? (size_t)(value - name) + value_len : name_len;
		int own = own_option(name, len, &kind, err);

		if (own < 0 || (own > 0 && chosen && kind != encryption)) {
			free(rest.data);
			if (own < 0)
				return -1;
			error_set(err, STATUS_OTHER, "options '%s' ask for more than one kind of encryption",
				  list);
			return error_remedy(err, "choose one of secure=true, secure=false, stunnel, tls");
		}
		if (own > 0) {
			chosen = true;
			encryption = kind;
			continue;
		}
		has_sec = has_sec || has_prefix(name, len, "sec=");
		append(&rest, name, len);
	}
	if (more < 0) {
		free(rest.data);
		error_set(err, STATUS_OTHER, "options '%.200s' are not a list of options", list);
		return error_remedy(err, "write -o NAME,NAME=VALUE,…");
	}
	if (!has_sec) {
		append(&with_sec, "sec=sys", 7);
		if (rest.data)
			append(&with_sec, rest.data, rest.len);
		with_sec.failed = with_sec.failed || rest.failed;
		free(rest.data);
		rest = with_sec;
	}
	if (rest.failed) {
		free(rest.data);
		return error_nomem(err);
	}
	*ret_encryption = encryption;
	*ret_rest = rest.data;
	return 0;
}

static int bad_source(const char *source, const char *why, struct error *err)
{
	error_set(err, STATUS_OTHER, "source '%.200s': %s", source, why);
	return error_remedy(err, "give it as HOST:/PATH, for example 10.240.0.5:/acdaecff_a291");
}

static bool host_char(char c, bool v6)
{
	return isalnum((unsigned char)c) || strchr(v6 ? ":.%" : ".-_", c) != NULL;
}

int options_split_source(const char *source, char **ret_host, char **ret_path, struct error *err)
{
	bool v6 = source[0] == '[';
	const char *host = v6 ? source + 1 : source;
	const char *end = strchr(host, v6 ? ']' : ':');
	const char *path;
	size_t len;

	if (!end || (v6 && end[1] != ':'))
		return bad_source(source, "no ':' between host and path", err);
	path = end + (v6 ? 2 : 1);
	len = (size_t)(end - host);
	if (len == 0)
		return bad_source(source, "no host", err);
	if (len > HOST_MAX || host[0] == '-')
		return bad_source(source, "not a host name", err);
	for (size_t i = 0; i < len; i++)
		if (!host[i] || !host_char(host[i], v6))
			return bad_source(source, "a character that no host name has", err);
	if (path[0] != '/')
		return bad_source(source, "the path does not begin with '/'", err);
	if (strlen(path) > PATH_MAX_LEN)
		return bad_source(source, "the path is longer than NFS allows", err);
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < ' ' || *p == 0x7f || *p == '{' || *p == '}' || *p == '"')
			return bad_source(source, "a character that no share's path has", err);
	*ret_host = strndup(host, len);
	*ret_path = strdup(path);
	if (!*ret_host || !*ret_path) {
		free(*ret_host);
		free(*ret_path);
		*ret_host = *ret_path = NULL;
		return error_nomem(err);
	}
	return 0;
}

static int usage(struct error *err, const char *why)
{
	error_set(err, STATUS_OTHER, "%s", why);
	return error_remedy(
		err, "usage: mount -t ibmshare [-o OPTIONS] HOST:/PATH DIR; see mount.ibmshare --help");
}

static int parse_flags(int argc, char **argv, struct mount_request *req, struct text *list, struct error *err)
{
	int opt;

	optind = 1;
	opterr = 0;
	/* The leading '-' gives other arguments as option 1, wherever they stand. */
	while ((opt = getopt(argc, argv, "-fnsvrwt:N:o:")) != -1) {
		switch (opt) {
		case 1:
			if (req->target)
				return usage(err, "more than a source and a mount point");
			*(req->source ? &req->target : &req->source) = optarg;
			break;
		case 'f':
			req->fake = true;
			break;
		case 'n':
			req->no_mtab = true;
			break;
		case 's':
			req->sloppy = true;
			break;
		case 'v':
			req->verbose = true;
			break;
		case 'r':
			append(list, "ro", 2);
			break;
		case 'w':
			append(list, "rw", 2);
			break;
		case 't':
			break; /* a subtype; there is none */
		case 'N':
			req->mount_ns = optarg;
			break;
		case 'o':
			if (*optarg)
				append(list, optarg, strlen(optarg));
			break;
		default:
			return usage(err, "unknown option, or one without its argument");
		}
	}
	return list->failed ? error_nomem(err) : 0;
}

int options_parse(int argc, char **argv, struct mount_request *ret, struct error *err)
{
	struct mount_request req = {0};
	struct text list = {0};
	int r = -1;

	if (parse_flags(argc, argv, &req, &list, err) < 0)
		goto out;
	/* getopt(3) leaves what stands behind `--`. */
	for (; optind < argc; optind++) {
		if (req.target) {
			usage(err, "more than a source and a mount point");
			goto out;
		}
		*(req.source ? &req.target : &req.source) = argv[optind];
	}
	if (!req.target) {
		usage(err, "source or mount point missing");
		goto out;
	}
	if (options_split_source(req.source, &req.host, &req.path, err) < 0 ||
	    options_filter(list.data ? list.data : "", &req.encryption, &req.nfs_options, err) < 0)
		goto out;
	*ret = req;
	memset(&req, 0, sizeof(req));
	r = 0;
out:
	options_free(&req);
	free(list.data);
	return r;
}

void options_free(struct mount_request *req)
{
	free(req->host);
	free(req->path);
	free(req->nfs_options);
	req->host = req->path = req->nfs_options = NULL;
}
