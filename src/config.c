#include "ibmshare/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ibmshare/file.h"

enum {
	CONFIG_MAX = 64 * 1024,
};

/* IBM Cloud VPC region codes: short, long. */
static const char *const region_codes[][2] = {
	{"dal", "us-south"}, {"wdc", "us-east"}, {"lon", "eu-gb"},  {"fra", "eu-de"},  {"mad", "eu-es"},
	{"par", "eu-fr2"},   {"syd", "au-syd"},	 {"tok", "jp-tok"}, {"osa", "jp-osa"}, {"tor", "ca-tor"},
	{"sao", "br-sao"},   {"mon", "ca-mon"},	 {"che", "in-che"}, {"mum", "in-mum"},
};

/* Keys of the Python tool that have no meaning here: accepted, so that its file can be taken over. */
static const char *const ignored_keys[] = {
	"metadata_retry_count", "metadata_retry_interval", "stunnel_env", "trusted_root_cacert", "arch_env",
};

bool config_region_known(const char *code, size_t len)
{
	if (len == 3 && strncasecmp(code, "all", 3) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(region_codes); i++)
		for (size_t j = 0; j < 2; j++)
			if (strlen(region_codes[i][j]) == len &&
			    strncasecmp(code, region_codes[i][j], len) == 0)
				return true;
	return false;
}

struct line {
	const char *file;
	unsigned number;
	const char *key;
	char *value;
};

static int set_regions(const struct line *line, struct config *config, struct error *err)
{
	size_t len = strlen(line->value);

	if (len >= sizeof(config->regions)) {
		error_set(err, STATUS_OTHER, "%s:%u: region: list too long", line->file, line->number);
		return -1;
	}
	for (const char *p = line->value; *p;) {
		size_t n = strcspn(p, ", \t");

		if (n > 0 && !config_region_known(p, n)) {
			error_set(err, STATUS_OTHER, "%s:%u: region '%.*s' is unknown", line->file,
				  line->number, (int)(n < 64 ? n : 64), p);
			return error_remedy(
				err, "write region codes such as us-south, in-che or eu-de, separated by "
				     "commas, or all");
		}
		p += n;
		p += strspn(p, ", \t");
	}
	memcpy(config->regions, line->value, len + 1);
	return 0;
}

static int set_seconds(const struct line *line, struct config *config, struct error *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(line->value, &end, 10);
	if (errno || !isdigit((unsigned char)*line->value) || *end || n < CERTIFICATE_SECONDS_MIN ||
	    n > CERTIFICATE_SECONDS_MAX) {
		error_set(err, STATUS_OTHER, "%s:%u: certificate_duration_seconds is '%.64s'", line->file,
			  line->number, line->value);
		return error_remedy(err, "write a number from %d to %d", CERTIFICATE_SECONDS_MIN,
				    CERTIFICATE_SECONDS_MAX);
	}
	config->certificate_seconds = (int)n;
	return 0;
}

static int set_url(const struct line *line, struct config *config, struct error *err)
{
	const char *host = NULL;

	if (strncmp(line->value, "http://", 7) == 0)
		host = line->value + 7;
	else if (strncmp(line->value, "https://", 8) == 0)
		host = line->value + 8;
	if (!host || !isalnum((unsigned char)*host) || strlen(line->value) >= sizeof(config->metadata_url) ||
	    strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") !=
		    strlen(host)) {
		error_set(err, STATUS_OTHER, "%s:%u: metadata_url is '%.64s'", line->file, line->number,
			  line->value);
		return error_remedy(err,
				    "write http://HOST[:PORT] or https://HOST[:PORT], or take the line out");
	}
	memcpy(config->metadata_url, line->value, strlen(line->value) + 1);
	return 0;
}

static const struct {
	const char *key;
	int (*set)(const struct line *line, struct config *config, struct error *err);
} keys[] = {
	{"region", set_regions},
	{"certificate_duration_seconds", set_seconds},
	{"metadata_url", set_url},
};

static int set(const struct line *line, struct config *config, config_warn_fn warn, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcasecmp(line->key, keys[i].key) == 0)
			/* An empty value, as in the file that is delivered, is the default. */
			return *line->value ? keys[i].set(line, config, err) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(ignored_keys); i++)
		if (strcasecmp(line->key, ignored_keys[i]) == 0)
			return 0;
	if (warn)
		warn("%s:%u: unknown key '%.64s' ignored", line->file, line->number, line->key);
	return 0;
}

/* Cuts white space off both ends, in place. */
static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return s;
}

static int parse_line(char *text, struct line *line, struct config *config, config_warn_fn warn,
		      struct error *err)
{
	char *equals;

	text[strcspn(text, "#")] = '\0';
	text = trim(text);
	if (!*text)
		return 0;
	equals = strchr(text, '=');
	if (!equals) {
		error_set(err, STATUS_OTHER, "%s:%u: '%.64s' is not key=value", line->file, line->number,
			  text);
		return error_remedy(err, "mend the line, or put # in front of it");
	}
	*equals = '\0';
	line->key = trim(text);
	line->value = trim(equals + 1);
	return set(line, config, warn, err);
}

int config_parse(const char *name, const char *text, struct config *ret, config_warn_fn warn,
		 struct error *err)
{
	struct config config = {.certificate_seconds = CERTIFICATE_SECONDS_MAX};
	struct line line = {.file = name};

	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *copy = strndup(text, len);

		if (!copy)
			return error_nomem(err);
		line.number++;
		if (parse_line(copy, &line, &config, warn, err) < 0)
			return -1;
		text += len;
		text += *text == '\n';
	}
	*ret = config;
	return 0;
}

int config_load(const struct env *env, struct config *ret, config_warn_fn warn, struct error *err)
{
	static const char *const places[] = {"/etc/ibmcloud/share.conf", "/etc/ibmshare/share.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *text = NULL;
		char path[PATH_MAX];
		size_t len;

		if (env_path(env, path, err, "%s", places[i]) < 0)
			return -1;
		if (file_read(path, CONFIG_MAX, &text, &len, err) < 0) {
			if (errno == ENOENT)
				continue;
			return -1;
		}
		if (strlen(text) != len)
			return error_set(err, STATUS_OTHER, "%s: not a text file", path);
		if (config_parse(path, text, ret, warn, err) < 0)
			return -1;
		memcpy(ret->file, path, sizeof(ret->file));
		return 0;
	}
	return config_parse("", "", ret, NULL, err);
}
