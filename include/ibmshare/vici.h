/*
 * A client for charon's Versatile IKE Control Interface.
 * Source: src/libcharon/plugins/vici/README.md of strongSwan, the protocol's
 * description. Each call is bounded in time and in the size of the reply.
 */
#ifndef IBMSHARE_VICI_H
#define IBMSHARE_VICI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum {
	VICI_SEGMENT_MAX = 512 * 1024, /* the protocol's own limit */
	VICI_DEPTH_MAX = 8,
};

/* A message being built. Zero-initialise; a failure is kept and reported by vici_call(). */
struct vici_message {
	uint8_t *data; /* owned; may hold a private key */
	size_t len, size;
	bool failed;
};

void vici_section(struct vici_message *msg, const char *name);
void vici_end(struct vici_message *msg);
void vici_value(struct vici_message *msg, const char *key, const char *value);
void vici_blob(struct vici_message *msg, const char *key, const void *data, size_t len);
/* A list of one item. */
void vici_list(struct vici_message *msg, const char *key, const void *item, size_t len);
/* Overwrites and frees. */
void vici_message_free(struct vici_message *msg);

/* One key/value or list item; PATH holds the names of the sections around it, outermost first. */
struct vici_element {
	const char *path[VICI_DEPTH_MAX];
	unsigned depth;
	const char *key;
	const char *value; /* NUL-terminated copy, also when it is not text */
	size_t len;
};
typedef void (*vici_element_fn)(const struct vici_element *element, void *arg);

/* Walks a received message. -1 when it is malformed. */
int vici_parse(const uint8_t *data, size_t len, vici_element_fn fn, void *arg);

struct vici; /* a connection */

/* -1 with errno as of connect(2) when nobody answers there. */
int vici_open(const char *socket_path, int timeout_ms, struct vici **ret);
void vici_close(struct vici *vici);
void vici_closep(struct vici **vici);

/*
 * Sends the command and waits for its reply, at most TIMEOUT_MS (0: the
 * connection's default). ON_EVENT gets the elements of each EVENT raised
 * meanwhile, ON_REPLY those of the reply; either may be NULL. A reply with
 * `success = no` is an error with charon's errmsg. Status STATUS_IPSEC.
 */
struct vici_call {
	const char *command;
	const struct vici_message *message; /* NULL: empty */
	const char *event;		    /* NULL: none */
	vici_element_fn on_event;
	void (*on_event_end)(void *arg);
	vici_element_fn on_reply;
	void *arg;
	int timeout_ms;
};
int vici_call(struct vici *vici, const struct vici_call *call, struct error *err);

#endif
