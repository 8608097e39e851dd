#include "ibmshare/vici.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ibmshare/env.h"
#include "ibmshare/file.h"

/* Packet types. */
enum {
	CMD_REQUEST = 0,
	CMD_RESPONSE = 1,
	CMD_UNKNOWN = 2,
	EVENT_REGISTER = 3,
	EVENT_UNREGISTER = 4,
	EVENT_CONFIRM = 5,
	EVENT_UNKNOWN = 6,
	EVENT = 7,
};

/* Message elements. */
enum {
	SECTION_START = 1,
	SECTION_END = 2,
	KEY_VALUE = 3,
	LIST_START = 4,
	LIST_ITEM = 5,
	LIST_END = 6,
};

struct vici {
	int fd;
	int timeout_ms;
	uint8_t *buf; /* VICI_SEGMENT_MAX bytes */
};

static void put(struct vici_message *msg, const void *data, size_t len)
{
	if (msg->failed)
		return;
	if (msg->len + len > msg->size) {
		size_t size = (msg->len + len) * 2;
		uint8_t *grown = malloc(size);

		if (!grown || msg->len + len > VICI_SEGMENT_MAX) {
			free(grown);
			msg->failed = true;
			return;
		}
		/* Not realloc: it would leave a copy of a key behind. */
		if (msg->len)
			memcpy(grown, msg->data, msg->len);
		file_cleanse((char *)msg->data, msg->len);
		msg->data = grown;
		msg->size = size;
	}
	memcpy(msg->data + msg->len, data, len);
	msg->len += len;
}

static void put_byte(struct vici_message *msg, uint8_t byte)
{
	put(msg, &byte, 1);
}

static void put_name(struct vici_message *msg, const char *name)
{
	size_t len = strlen(name);

	if (len > UINT8_MAX) {
		msg->failed = true;
		return;
	}
	put_byte(msg, (uint8_t)len);
	put(msg, name, len);
}

static void put_value(struct vici_message *msg, const void *data, size_t len)
{
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	if (len > UINT16_MAX) {
		msg->failed = true;
		return;
	}
	put(msg, head, sizeof(head));
	put(msg, data, len);
}

void vici_section(struct vici_message *msg, const char *name)
{
	put_byte(msg, SECTION_START);
	put_name(msg, name);
}

void vici_end(struct vici_message *msg)
{
	put_byte(msg, SECTION_END);
}

void vici_blob(struct vici_message *msg, const char *key, const void *data, size_t len)
{
	put_byte(msg, KEY_VALUE);
	put_name(msg, key);
	put_value(msg, data, len);
}

void vici_value(struct vici_message *msg, const char *key, const char *value)
{
	vici_blob(msg, key, value, strlen(value));
}

void vici_list(struct vici_message *msg, const char *key, const void *item, size_t len)
{
	put_byte(msg, LIST_START);
	put_name(msg, key);
	put_byte(msg, LIST_ITEM);
	put_value(msg, item, len);
	put_byte(msg, LIST_END);
}

void vici_message_free(struct vici_message *msg)
{
	file_cleanse((char *)msg->data, msg->len);
	memset(msg, 0, sizeof(*msg));
}

/* Reads a length-prefixed string of HEAD length bytes; the copy is the caller's. */
static char *take(const uint8_t **p, const uint8_t *end, size_t head, size_t *ret_len)
{
	size_t len = 0;
	char *copy;

	if ((size_t)(end - *p) < head)
		return NULL;
	for (size_t i = 0; i < head; i++)
		len = len << 8 | *(*p)++;
	if ((size_t)(end - *p) < len)
		return NULL;
	copy = malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, *p, len);
	copy[len] = '\0';
	*p += len;
	*ret_len = len;
	return copy;
}

struct parser {
	struct vici_element element;
	char *names[VICI_DEPTH_MAX];
	char *list;
	vici_element_fn fn;
	void *arg;
};

static int parse_value(struct parser *parser, const char *key, const uint8_t **p, const uint8_t *end)
{
	_cleanup_free_ char *value = take(p, end, 2, &parser->element.len);

	if (!value)
		return -1;
	parser->element.key = key;
	parser->element.value = value;
	if (parser->fn)
		parser->fn(&parser->element, parser->arg);
	return 0;
}

static int parse_element(struct parser *parser, const uint8_t **p, const uint8_t *end)
{
	_cleanup_free_ char *name = NULL;
	uint8_t type = *(*p)++;
	size_t len;

	if (type == SECTION_START || type == KEY_VALUE || type == LIST_START) {
		name = take(p, end, 1, &len);
		if (!name || parser->list)
			return -1;
	}
	switch (type) {
	case SECTION_START:
		if (parser->element.depth == VICI_DEPTH_MAX)
			return -1;
		parser->element.path[parser->element.depth] = name;
		parser->names[parser->element.depth++] = TAKE_PTR(name);
		return 0;
	case SECTION_END:
		if (parser->list || parser->element.depth == 0)
			return -1;
		free(parser->names[--parser->element.depth]);
		return 0;
	case KEY_VALUE:
		return parse_value(parser, name, p, end);
	case LIST_START:
		parser->list = TAKE_PTR(name);
		return 0;
	case LIST_ITEM:
		return parser->list ? parse_value(parser, parser->list, p, end) : -1;
	case LIST_END:
		if (!parser->list)
			return -1;
		free(parser->list);
		parser->list = NULL;
		return 0;
	default:
		return -1;
	}
}

int vici_parse(const uint8_t *data, size_t len, vici_element_fn fn, void *arg)
{
	struct parser parser = {.fn = fn, .arg = arg};
	const uint8_t *p = data, *end = data + len;
	int r = 0;

	while (r == 0 && p < end)
		r = parse_element(&parser, &p, end);
	if (parser.element.depth > 0 || parser.list)
		r = -1;
	while (parser.element.depth > 0)
		free(parser.names[--parser.element.depth]);
	free(parser.list);
	return r;
}

int vici_open(const char *socket_path, int timeout_ms, struct vici **ret)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	struct vici *vici;

	if (strlen(socket_path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, socket_path, strlen(socket_path) + 1);
	/* A full backlog would make a blocking connect(2) wait without end. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	vici = calloc(1, sizeof(*vici));
	if (!vici)
		return -1;
	vici->buf = malloc(VICI_SEGMENT_MAX);
	if (!vici->buf) {
		free(vici);
		return -1;
	}
	vici->fd = fd;
	vici->timeout_ms = timeout_ms;
	fd = -1;
	*ret = vici;
	return 0;
}

void vici_close(struct vici *vici)
{
	if (!vici)
		return;
	close(vici->fd);
	free(vici->buf);
	free(vici);
}

void vici_closep(struct vici **vici)
{
	vici_close(*vici);
}

static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - env_monotonic_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

static int send_all(int fd, const uint8_t *data, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (wait_for(fd, POLLOUT, deadline) < 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int recv_all(int fd, uint8_t *data, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = recv(fd, data, len, 0);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			errno = ECONNRESET;
			return -1;
		} else if (errno == EAGAIN) {
			if (wait_for(fd, POLLIN, deadline) < 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int send_packet(struct vici *vici, uint8_t type, const char *name, const struct vici_message *msg,
		       int64_t deadline)
{
	size_t name_len = strlen(name), msg_len = msg ? msg->len : 0;
	size_t len = 2 + name_len + msg_len;
	uint8_t head[6 + UINT8_MAX] = {
		(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type,
		(uint8_t)name_len};

	if (name_len > UINT8_MAX || len > VICI_SEGMENT_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(head + 6, name, name_len);
	if (send_all(vici->fd, head, 6 + name_len, deadline) < 0)
		return -1;
	return msg_len ? send_all(vici->fd, msg->data, msg_len, deadline) : 0;
}

static int recv_packet(struct vici *vici, size_t *ret_len, int64_t deadline)
{
	uint8_t head[4];
	size_t len;

	if (recv_all(vici->fd, head, sizeof(head), deadline) < 0)
		return -1;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (len == 0 || len > VICI_SEGMENT_MAX) {
		errno = EBADMSG;
		return -1;
	}
	*ret_len = len;
	return recv_all(vici->fd, vici->buf, len, deadline);
}

struct reply {
	const struct vici_call *call;
	bool refused;
	char errmsg[256];
};

static void on_reply(const struct vici_element *element, void *arg)
{
	struct reply *reply = arg;

	if (element->depth == 0 && strcmp(element->key, "success") == 0)
		reply->refused = strcmp(element->value, "yes") != 0;
	if (element->depth == 0 && strcmp(element->key, "errmsg") == 0)
		snprintf(reply->errmsg, sizeof(reply->errmsg), "%s", element->value);
	if (reply->call->on_reply)
		reply->call->on_reply(element, reply->call->arg);
}

/* Hands an EVENT packet's elements on. */
static int take_event(const struct vici *vici, size_t len, const struct vici_call *call)
{
	size_t skip = len > 1 ? 2 + (size_t)vici->buf[1] : len + 1;

	if (skip > len || vici_parse(vici->buf + skip, len - skip, call->on_event, call->arg) < 0) {
		errno = EBADMSG;
		return -1;
	}
	if (call->on_event_end)
		call->on_event_end(call->arg);
	return 0;
}

/* Waits for a packet of type GOOD; events that come first go to the call. */
static int await(struct vici *vici, uint8_t good, const struct vici_call *call, struct reply *reply,
		 int64_t deadline)
{
	for (;;) {
		size_t len;

		if (recv_packet(vici, &len, deadline) < 0)
			return -1;
		if (vici->buf[0] == EVENT) {
			if (take_event(vici, len, call) < 0)
				return -1;
			continue;
		}
		if (vici->buf[0] != good) {
			errno = vici->buf[0] == CMD_UNKNOWN || vici->buf[0] == EVENT_UNKNOWN ? EOPNOTSUPP
											     : EBADMSG;
			return -1;
		}
		if (good == CMD_RESPONSE && vici_parse(vici->buf + 1, len - 1, on_reply, reply) < 0) {
			errno = EBADMSG;
			return -1;
		}
		return 0;
	}
}

int vici_call(struct vici *vici, const struct vici_call *call, struct error *err)
{
	int timeout = call->timeout_ms ? call->timeout_ms : vici->timeout_ms;
	int64_t deadline = env_monotonic_ms() + timeout;
	struct reply reply = {.call = call};
	int failure;

	if (call->message && call->message->failed)
		return error_set(err, STATUS_INTERNAL, "strongSwan %s: message too large", call->command);
	if (call->event && (send_packet(vici, EVENT_REGISTER, call->event, NULL, deadline) < 0 ||
			    await(vici, EVENT_CONFIRM, call, &reply, deadline) < 0))
		goto broken;
	if (send_packet(vici, CMD_REQUEST, call->command, call->message, deadline) < 0 ||
	    await(vici, CMD_RESPONSE, call, &reply, deadline) < 0)
		goto broken;
	if (call->event && (send_packet(vici, EVENT_UNREGISTER, call->event, NULL, deadline) < 0 ||
			    await(vici, EVENT_CONFIRM, call, &reply, deadline) < 0))
		goto broken;
	if (reply.refused)
		return error_set(err, STATUS_IPSEC, "strongSwan %s: %s", call->command,
				 reply.errmsg[0] ? reply.errmsg : "refused");
	return 0;
broken:
	failure = errno;
	/* What comes late must not be taken for the answer to a later call. */
	shutdown(vici->fd, SHUT_RDWR);
	error_errno(err, STATUS_IPSEC, failure, "strongSwan %s", call->command);
	return error_remedy(err, "see: journalctl -u strongswan");
}
