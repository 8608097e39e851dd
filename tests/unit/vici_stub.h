/*
 * A stub of charon's vici socket, not charon: a process that plays a fixed
 * script to one client. What a real charon answers is seen in the lab.
 */
#ifndef TESTS_UNIT_VICI_STUB_H
#define TESTS_UNIT_VICI_STUB_H

#include "util.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "ibmshare/vici.h"

/* Packet types of the protocol. */
enum {
	STUB_REQUEST = 0,
	STUB_RESPONSE = 1,
	STUB_UNKNOWN = 2,
	STUB_REGISTER = 3,
	STUB_UNREGISTER = 4,
	STUB_CONFIRM = 5,
	STUB_EVENT_UNKNOWN = 6,
	STUB_EVENT = 7,
};

/* In memory that the stub and the test share. */
struct stub_log {
	char packets[512]; /* "TYPE:NAME;" for each that came */
	uint8_t last[256]; /* the message of the last request */
	size_t last_len, total;
};

struct stub {
	pid_t pid;
	struct stub_log *log;
	struct vici *vici;
};

typedef void (*stub_script)(int fd, struct stub_log *log);

static inline bool stub_read(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

/* Reads a packet and notes it; false at the end. */
static inline bool stub_take(int fd, struct stub_log *log)
{
	static uint8_t packet[VICI_SEGMENT_MAX];
	uint8_t head[4];
	size_t len, at_end = strlen(log->packets), skip;

	if (!stub_read(fd, head, 4))
		return false;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (len < 2 || len > sizeof(packet) || !stub_read(fd, packet, len) || 2 + (size_t)packet[1] > len)
		return false;
	skip = 2 + (size_t)packet[1];
	snprintf(log->packets + at_end, sizeof(log->packets) - at_end, "%u:%.*s;", packet[0], (int)packet[1],
		 (const char *)packet + 2);
	log->last_len = len - skip < sizeof(log->last) ? len - skip : sizeof(log->last);
	log->total = len - skip;
	memcpy(log->last, packet + skip, log->last_len);
	return true;
}

static inline void stub_send(int fd, const void *data, size_t len)
{
	if (send(fd, data, len, MSG_NOSIGNAL) < 0)
		return; /* the client has gone: its test will say why */
}

/* Sends a packet; NAME only for events. */
static inline void stub_packet(int fd, uint8_t type, const char *name, const struct vici_message *msg)
{
	uint8_t packet[1024];
	size_t name_len = name ? 1 + strlen(name) : 0, msg_len = msg ? msg->len : 0;
	size_t len = 1 + name_len + msg_len;

	if (4 + len > sizeof(packet))
		_exit(2);
	packet[0] = packet[1] = 0;
	packet[2] = (uint8_t)(len >> 8);
	packet[3] = (uint8_t)len;
	packet[4] = type;
	if (name) {
		packet[5] = (uint8_t)strlen(name);
		memcpy(packet + 6, name, strlen(name));
	}
	if (msg_len)
		memcpy(packet + 5 + name_len, msg->data, msg_len);
	stub_send(fd, packet, 4 + len);
}

/* A reply or an event of one KEY = VALUE (NULL: empty). */
static inline void stub_say(int fd, uint8_t type, const char *name, const char *key, const char *value)
{
	struct vici_message msg = {0};

	if (key)
		vici_value(&msg, key, value);
	stub_packet(fd, type, name, &msg);
	vici_message_free(&msg);
}

/* Starts the stub at PATH of the world and connects to it. */
static inline void stub_start(struct stub *stub, const struct world *world, const char *path,
			      stub_script script, int timeout_ms)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", at(world, path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	stub->log = mmap(NULL, sizeof(*stub->log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(stub->log != MAP_FAILED);
	stub->pid = fork();
	assert_true(stub->pid >= 0);
	if (stub->pid == 0) {
		int client;

		alarm(20); /* never outlive a test that broke off */
		client = accept(fd, NULL, NULL);
		if (client >= 0)
			script(client, stub->log);
		_exit(0);
	}
	close(fd);
	stub->vici = NULL;
	if (timeout_ms)
		CHECK(vici_open(at(world, path), timeout_ms, &stub->vici) == 0, "vici_open: %s",
		      strerror(errno));
}

/* Ends the connection and waits for the stub; the log is whole after it. */
static inline void stub_finish(struct stub *stub)
{
	int status;

	vici_close(stub->vici);
	stub->vici = NULL;
	assert_int_equal(waitpid(stub->pid, &status, 0), stub->pid);
	CHECK(status == 0, "the stub ended with %#x", (unsigned)status);
}

static inline void stub_free(struct stub *stub)
{
	munmap(stub->log, sizeof(*stub->log));
}

#endif
