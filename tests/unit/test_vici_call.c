#include "vici_stub.h"

struct heard {
	char elements[256];
	unsigned events;
};

static void append(struct heard *heard, const char *mark, const struct vici_element *element)
{
	size_t len = strlen(heard->elements);

	snprintf(heard->elements + len, sizeof(heard->elements) - len, "%s%s=%s;", mark, element->key,
		 element->value);
}

static void on_event(const struct vici_element *element, void *arg)
{
	append(arg, "!", element);
}

static void on_event_end(void *arg)
{
	struct heard *heard = arg;

	heard->events++;
}

static void on_reply(const struct vici_element *element, void *arg)
{
	append(arg, "", element);
}

static int call(struct stub *stub, const char *command, const char *event, struct heard *heard,
		struct error *err)
{
	const struct vici_call what = {
		.command = command,
		.event = event,
		.on_event = on_event,
		.on_event_end = on_event_end,
		.on_reply = on_reply,
		.arg = heard,
	};

	memset(heard, 0, sizeof(*heard));
	memset(err, 0, sizeof(*err));
	return vici_call(stub->vici, &what, err);
}

static void say_yes(int fd, struct stub_log *log)
{
	while (stub_take(fd, log))
		stub_say(fd, STUB_RESPONSE, NULL, "success", "yes");
}

static void request_and_reply(void **state)
{
	struct world *world = *state;
	struct vici_message msg = {0};
	struct stub stub;
	struct error err = {0};
	struct heard heard = {0};

	stub_start(&stub, world, "/s", say_yes, 5000);
	vici_value(&msg, "child", "x");
	CHECK(vici_call(stub.vici,
			&(struct vici_call){
				.command = "version", .message = &msg, .on_reply = on_reply, .arg = &heard},
			&err) == 0,
	      "%s", err.text);
	assert_string_equal(heard.elements, "success=yes;");
	/* Again on the same connection, with neither message nor callback. */
	assert_int_equal(vici_call(stub.vici, &(struct vici_call){.command = "stats"}, &err), 0);
	stub_finish(&stub);
	assert_string_equal(stub.log->packets, "0:version;0:stats;");
	assert_int_equal(stub.log->last_len, 0);
	vici_message_free(&msg);
	stub_free(&stub);
}

static void message_arrives_as_it_was_built(void **state)
{
	struct world *world = *state;
	char *value = repeat("v", 65000);
	struct vici_message msg = {0};
	struct error err = {0};
	struct stub stub;

	/* More than the socket's buffer holds: sent in parts. */
	for (int i = 0; i < 7; i++)
		vici_blob(&msg, "data", value, 65000);
	stub_start(&stub, world, "/s", say_yes, 5000);
	CHECK(vici_call(stub.vici, &(struct vici_call){.command = "load-key", .message = &msg}, &err) == 0,
	      "%s", err.text);
	stub_finish(&stub);
	assert_int_equal(stub.log->total, msg.len);
	assert_memory_equal(stub.log->last, msg.data, sizeof(stub.log->last));
	vici_message_free(&msg);
	stub_free(&stub);
	free(value);
}

static void refuse(int fd, struct stub_log *log)
{
	struct vici_message msg = {0};

	stub_take(fd, log);
	vici_value(&msg, "success", "no");
	vici_value(&msg, "errmsg", "no such thing");
	stub_packet(fd, STUB_RESPONSE, NULL, &msg);
	stub_take(fd, log);
	stub_say(fd, STUB_RESPONSE, NULL, "success", "no");
	stub_take(fd, log);
	/* A list-… command answers without it, and that is success. */
	stub_say(fd, STUB_RESPONSE, NULL, NULL, NULL);
	stub_take(fd, log);
	vici_message_free(&msg);
}

static void refusal_is_an_error(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;

	stub_start(&stub, world, "/s", refuse, 5000);
	assert_int_equal(call(&stub, "load-conn", NULL, &heard, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
	CHECK_HOLDS(err.text, "load-conn", "command");
	CHECK_HOLDS(err.text, "no such thing", "errmsg");
	assert_string_equal(heard.elements, "success=no;errmsg=no such thing;");
	assert_int_equal(call(&stub, "load-conn", NULL, &heard, &err), -1);
	CHECK_HOLDS(err.text, "load-conn", "without errmsg");
	assert_int_equal(call(&stub, "list-conns", NULL, &heard, &err), 0);
	stub_finish(&stub);
	stub_free(&stub);
}

static void stream_events(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
	stub_say(fd, STUB_EVENT, "list-sa", "one", "1");
	stub_say(fd, STUB_EVENT, "list-sa", NULL, NULL);
	stub_say(fd, STUB_EVENT, "list-sa", "two", "2");
	stub_say(fd, STUB_RESPONSE, NULL, "success", "yes");
	stub_take(fd, log);
	/* Raised before the confirmation was on its way. */
	stub_say(fd, STUB_EVENT, "list-sa", "late", "3");
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
}

static void events_come_before_the_reply(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;

	stub_start(&stub, world, "/s", stream_events, 5000);
	CHECK(call(&stub, "list-sas", "list-sa", &heard, &err) == 0, "%s", err.text);
	stub_finish(&stub);
	assert_string_equal(heard.elements, "!one=1;!two=2;success=yes;!late=3;");
	assert_int_equal(heard.events, 4);
	assert_string_equal(stub.log->packets, "3:list-sa;0:list-sas;4:list-sa;");
	stub_free(&stub);
}

static void refuse_with_events(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
	stub_say(fd, STUB_EVENT, "control-log", "msg", "why");
	stub_say(fd, STUB_RESPONSE, NULL, "success", "no");
	stub_take(fd, log);
	stub_say(fd, STUB_CONFIRM, NULL, NULL, NULL);
	stub_take(fd, log);
	stub_say(fd, STUB_RESPONSE, NULL, "success", "yes");
}

/* Else events of the first call would come to the second one's callback. */
static void refusal_unregisters_the_event(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;

	stub_start(&stub, world, "/s", refuse_with_events, 5000);
	assert_int_equal(call(&stub, "initiate", "control-log", &heard, &err), -1);
	assert_int_equal(err.status, STATUS_IPSEC);
	CHECK_HOLDS(heard.elements, "!msg=why;", "events");
	assert_int_equal(call(&stub, "stats", NULL, &heard, &err), 0);
	stub_finish(&stub);
	assert_string_equal(stub.log->packets, "3:control-log;0:initiate;4:control-log;0:stats;");
	stub_free(&stub);
}

static void one_byte_at_a_time(int fd, struct stub_log *log)
{
	static const uint8_t reply[] = {0, 0, 0, 6, 1, 3, 1, 'k', 0, 0};

	stub_take(fd, log);
	for (size_t i = 0; i < sizeof(reply); i++) {
		stub_send(fd, reply + i, 1);
		usleep(2000);
	}
	stub_take(fd, log);
}

static void reply_in_pieces_is_put_together(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;

	stub_start(&stub, world, "/s", one_byte_at_a_time, 5000);
	CHECK(call(&stub, "version", NULL, &heard, &err) == 0, "%s", err.text);
	assert_string_equal(heard.elements, "k=;");
	stub_finish(&stub);
	stub_free(&stub);
}

static void unknown_command(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_packet(fd, STUB_UNKNOWN, NULL, NULL);
	stub_take(fd, log);
}

static void unknown_event(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_packet(fd, STUB_EVENT_UNKNOWN, NULL, NULL);
	stub_take(fd, log);
}

static void silence(int fd, struct stub_log *log)
{
	while (stub_take(fd, log))
		;
}

static void hang_up(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	close(fd);
}

static void hang_up_at_once(int fd, struct stub_log *log)
{
	(void)log;
	close(fd);
}

/* Answers the first packet with bytes as they stand, and goes on listening. */
static void send_raw(int fd, struct stub_log *log, const void *data, size_t len)
{
	stub_take(fd, log);
	stub_send(fd, data, len);
	stub_take(fd, log);
}

static void half_a_header(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_send(fd, "\0\0", 2);
	close(fd);
}

static void half_a_packet(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	stub_send(fd, "\0\0\0\x09\x01\x03", 6);
	close(fd);
}

static void oversize(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\x08\0\x01\x01", 5); /* VICI_SEGMENT_MAX + 1 */
}

static void oversize_4g(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\xff\xff\xff\xff\x01", 5);
}

static void empty_packet(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\0", 4);
}

static void malformed_reply(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\x02\x01\x02", 6); /* the end of no section */
}

static void wrong_type(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\x01\x05", 5); /* confirms what nobody asked */
}

static void no_such_type(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\x01\x63", 5);
}

static void event_without_name(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\x01\x07", 5);
}

static void event_with_half_a_name(int fd, struct stub_log *log)
{
	send_raw(fd, log,
		 "\0\0\0\x04\x07\x7f"
		 "ab",
		 8);
}

static void event_malformed(int fd, struct stub_log *log)
{
	send_raw(fd, log, "\0\0\0\x04\x07\x01x\x06", 8);
}

static void a_peer_that_fails_is_an_error(void **state)
{
	static const struct {
		const char *name;
		stub_script script;
		const char *event;
		const char *text;
		bool waits; /* the reply never comes, so the deadline must */
	} cases[] = {
		{"unknown command", unknown_command, NULL, "not supported", false},
		{"unknown event", unknown_event, "list-sa", "not supported", false},
		{"silence", silence, NULL, "timed out", true},
		{"silence, event", silence, "list-sa", "timed out", true},
		{"hang-up", hang_up, NULL, "reset", false},
		{"hang-up at once", hang_up_at_once, NULL, "", false},
		{"half a header", half_a_header, NULL, "reset", false},
		{"half a packet", half_a_packet, NULL, "reset", false},
		{"oversize", oversize, NULL, "", false},
		{"4 GiB", oversize_4g, NULL, "", false},
		{"empty packet", empty_packet, NULL, "", false},
		{"malformed reply", malformed_reply, NULL, "", false},
		{"wrong type", wrong_type, NULL, "", false},
		{"no such type", no_such_type, NULL, "", false},
		{"event without name", event_without_name, NULL, "", false},
		{"event with half a name", event_with_half_a_name, NULL, "", false},
		{"event malformed", event_malformed, NULL, "", false},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stub stub;
		struct heard heard;
		struct error err;
		int64_t start;
		char path[16];

		snprintf(path, sizeof(path), "/s%zu", i);
		stub_start(&stub, world, path, cases[i].script, cases[i].waits ? 150 : 10000);
		start = env_monotonic_ms();
		CHECK(call(&stub, "command", cases[i].event, &heard, &err) == -1, "%s: passed",
		      cases[i].name);
		start = env_monotonic_ms() - start;
		CHECK(start < 5000 && (!cases[i].waits || start >= 150), "%s: %d ms", cases[i].name,
		      (int)start);
		CHECK(err.status == STATUS_IPSEC, "%s: status %d", cases[i].name, err.status);
		CHECK_HOLDS(err.text, "command", cases[i].name);
		CHECK_HOLDS(err.text, cases[i].text, cases[i].name);
		CHECK(err.remedy[0], "%s: no remedy", cases[i].name);
		stub_finish(&stub);
		stub_free(&stub);
	}
}

static void call_has_its_own_deadline(void **state)
{
	struct world *world = *state;
	struct error err = {0};
	struct stub stub;
	int64_t start;

	stub_start(&stub, world, "/s", silence, 10000);
	start = env_monotonic_ms();
	assert_int_equal(vici_call(stub.vici, &(struct vici_call){.command = "x", .timeout_ms = 100}, &err),
			 -1);
	assert_in_range(env_monotonic_ms() - start, 100, 5000);
	stub_finish(&stub);
	stub_free(&stub);
}

static void trickle(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	/* Always something, never the reply. */
	for (int i = 0; i < 200; i++) {
		stub_say(fd, STUB_EVENT, "e", "k", "v");
		usleep(20000);
		if (recv(fd, log->last, 1, MSG_DONTWAIT) == 0)
			return;
	}
}

static void deadline_holds_while_events_come(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;
	int64_t start;

	stub_start(&stub, world, "/s", trickle, 300);
	start = env_monotonic_ms();
	assert_int_equal(call(&stub, "x", NULL, &heard, &err), -1);
	assert_in_range(env_monotonic_ms() - start, 300, 2500);
	stub_finish(&stub);
	stub_free(&stub);
}

static void answer_late(int fd, struct stub_log *log)
{
	stub_take(fd, log);
	usleep(300000);
	stub_say(fd, STUB_RESPONSE, NULL, "for", "first");
	stub_take(fd, log);
	stub_say(fd, STUB_RESPONSE, NULL, "for", "second");
	stub_take(fd, log);
}

/* Replies carry no number: after a time-out the next one could be anybody's. */
static void late_reply_is_not_taken_for_anothers(void **state)
{
	struct world *world = *state;
	struct stub stub;
	struct heard heard;
	struct error err;

	stub_start(&stub, world, "/s", answer_late, 100);
	assert_int_equal(call(&stub, "one", NULL, &heard, &err), -1);
	usleep(400000);
	/* An error is as good as the right answer. */
	call(&stub, "two", NULL, &heard, &err);
	CHECK(strstr(heard.elements, "first") == NULL, "the second call got '%s'", heard.elements);
	stub_finish(&stub);
	stub_free(&stub);
}

static void failed_message_is_not_sent(void **state)
{
	struct world *world = *state;
	struct vici_message msg = {.failed = true};
	struct error err = {0};
	struct stub stub;

	stub_start(&stub, world, "/s", say_yes, 1000);
	assert_int_equal(vici_call(stub.vici, &(struct vici_call){.command = "x", .message = &msg}, &err),
			 -1);
	assert_int_equal(err.status, STATUS_INTERNAL);
	stub_finish(&stub);
	assert_string_equal(stub.log->packets, "");
	stub_free(&stub);
}

static void nobody_there_says_errno(void **state)
{
	struct world *world = *state;
	struct vici *vici = (struct vici *)UNTOUCHED;
	char *much = repeat("/x", 60);
	struct stub stub;

	assert_int_equal(vici_open(at(world, "/none"), 100, &vici), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(vici_open(much, 100, &vici), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	/* A socket that a dead charon left behind. */
	stub_start(&stub, world, "/s", silence, 0);
	kill(stub.pid, SIGKILL);
	waitpid(stub.pid, NULL, 0);
	assert_int_equal(vici_open(at(world, "/s"), 100, &vici), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_ptr_equal(vici, UNTOUCHED);
	stub_free(&stub);
	vici_close(NULL);
	free(much);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(request_and_reply),
		IN_WORLD(message_arrives_as_it_was_built),
		IN_WORLD(refusal_is_an_error),
		IN_WORLD(events_come_before_the_reply),
		IN_WORLD(refusal_unregisters_the_event),
		IN_WORLD(reply_in_pieces_is_put_together),
		IN_WORLD(a_peer_that_fails_is_an_error),
		IN_WORLD(call_has_its_own_deadline),
		IN_WORLD(deadline_holds_while_events_come),
		IN_WORLD(late_reply_is_not_taken_for_anothers),
		IN_WORLD(failed_message_is_not_sent),
		IN_WORLD(nobody_there_says_errno),
	};

	return cmocka_run_group_tests_name("vici_call", tests, NULL, NULL);
}
