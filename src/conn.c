#include "ibmshare/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The connection as lines of a tree, the one source of both renderings.
 * IBM publishes no parameters; these are the ones its Python tool uses and the
 * far side expects.
 */
enum kind {
	SECTION,
	END,
	VALUE,
	LIST, /* swanctl sends these as lists */
	LEAF, /* the path in the file, the certificate itself over vici */
};

static const struct line {
	enum kind kind;
	const char *key;
	const char *value; /* "@ip", "@name" and "@localts" stand for what varies */
} conn_lines[] = {
	{SECTION, "@name", NULL},
	{VALUE, "version", "2"},
	{LIST, "proposals", "aes256-sha384-ecp384"},
	{LIST, "remote_addrs", "@ip"},
	{VALUE, "encap", "yes"},
	{VALUE, "unique", "replace"},
	{VALUE, "dpd_delay", "30s"},
	{VALUE, "keyingtries", "3"},
	{VALUE, "rekey_time", "3600"},
	{SECTION, "local", NULL},
	{LEAF, "certs", NULL},
	{END, NULL, NULL},
	{SECTION, "remote", NULL},
	{VALUE, "id", "%any"},
	{END, NULL, NULL},
	{SECTION, "children", NULL},
	{SECTION, "@name", NULL},
	{VALUE, "mode", "transport"},
	{LIST, "esp_proposals", "aes256gcm16"},
	{LIST, "local_ts", "0.0.0.0/0[any/any]"},
	{LIST, "remote_ts", "@ip[any/any]"},
	{VALUE, "start_action", "trap"},
	{VALUE, "rekey_time", "3600"},
	{VALUE, "rekey_bytes", "0"},
	{END, NULL, NULL},
	{END, NULL, NULL},
	{END, NULL, NULL},
};

void conn_name(const char *ip, char buf[64])
{
	snprintf(buf, 64, "ibmshare-ipsec-to-%.40s", ip);
	for (char *p = buf; *p; p++)
		if (*p == '.' || *p == ':')
			*p = '-';
}

/* Puts what varies in the place of "@name" and "@ip". */
static const char *expand(const char *text, const char *ip, char buf[64])
{
	if (strcmp(text, "@name") == 0)
		conn_name(ip, buf);
	else if (strncmp(text, "@ip", 3) == 0)
		snprintf(buf, 64, "%.40s%s", ip, text + 3);
	else
		return text;
	return buf;
}

char *conn_render_swanctl(const char *ip, const char *leaf_path)
{
	char *conf = NULL;
	char key[64], value[64];
	int depth = 1;
	size_t size;
	FILE *f = open_memstream(&conf, &size);

	if (!f)
		return NULL;
	fprintf(f, "# Written by mount.ibmshare for the share address %s. Changes are lost.\nconnections {\n",
		ip);
	for (size_t i = 0; i < ARRAY_SIZE(conn_lines); i++) {
		const struct line *line = &conn_lines[i];

		if (line->kind == END)
			depth--;
		fprintf(f, "%*s", depth * 4, "");
		if (line->kind == END)
			fputs("}\n", f);
		else if (line->kind == SECTION)
			fprintf(f, "%s {\n", expand(line->key, ip, key));
		else
			fprintf(f, "%s = %s\n", line->key,
				line->kind == LEAF ? leaf_path : expand(line->value, ip, value));
		if (line->kind == SECTION)
			depth++;
	}
	fputs("}\n", f);
	if (fclose(f) != 0) {
		free(conf);
		return NULL;
	}
	return conf;
}

void conn_render_vici(const char *ip, const char *leaf_pem, struct vici_message *msg)
{
	char key[64], value[64];

	for (size_t i = 0; i < ARRAY_SIZE(conn_lines); i++) {
		const struct line *line = &conn_lines[i];
		const char *text;

		switch (line->kind) {
		case SECTION:
			vici_section(msg, expand(line->key, ip, key));
			break;
		case END:
			vici_end(msg);
			break;
		case VALUE:
			vici_value(msg, line->key, expand(line->value, ip, value));
			break;
		case LIST:
			text = expand(line->value, ip, value);
			vici_list(msg, line->key, text, strlen(text));
			break;
		case LEAF:
			vici_list(msg, line->key, leaf_pem, strlen(leaf_pem));
			break;
		}
	}
}
