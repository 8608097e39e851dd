#include "util.h"

#include "ibmshare/vici.h"

/* The example of src/libcharon/plugins/vici/README.md, byte by byte. */
static const uint8_t example[] = {
	3, 4,  'k', 'e', 'y', '1', 0,	6,   'v', 'a', 'l', 'u', 'e', '1', /* key1 = value1 */
	1, 8,  's', 'e', 'c', 't', 'i', 'o', 'n', '1',			   /* section1 { */
	1, 11, 's', 'u', 'b', '-', 's', 'e', 'c', 't', 'i', 'o', 'n',	   /*   sub-section { */
	3, 4,  'k', 'e', 'y', '2', 0,	6,   'v', 'a', 'l', 'u', 'e', '2', /*     key2 = value2 */
	2,								   /*   } */
	4, 5,  'l', 'i', 's', 't', '1',					   /*   list1 = [ */
	5, 0,  5,   'i', 't', 'e', 'm', '1',				   /*     item1 */
	5, 0,  5,   'i', 't', 'e', 'm', '2',				   /*     item2 */
	6,								   /*   ] */
	2,								   /* } */
};

static void builder_writes_the_documented_bytes(void **state)
{
	struct vici_message msg = {0};
	size_t second = sizeof(example) - 10; /* the builder's lists have one item */

	(void)state;
	vici_value(&msg, "key1", "value1");
	vici_section(&msg, "section1");
	vici_section(&msg, "sub-section");
	vici_value(&msg, "key2", "value2");
	vici_end(&msg);
	vici_list(&msg, "list1", "item1", 5);
	vici_end(&msg);
	assert_false(msg.failed);
	assert_int_equal(msg.len, sizeof(example) - 8);
	assert_memory_equal(msg.data, example, second);
	assert_memory_equal(msg.data + second, "\x06\x02", 2);
	vici_message_free(&msg);
	assert_null(msg.data);
	assert_int_equal(msg.len, 0);
	vici_message_free(&msg);
}

static void builder_takes_any_bytes(void **state)
{
	static const uint8_t want[] = {3, 1, 'k', 0, 4, 0, 0xff, '\n', 0, 3, 1, 'e', 0, 0};
	struct vici_message msg = {0};

	(void)state;
	vici_blob(&msg, "k", "\0\xff\n\0", 4);
	vici_value(&msg, "e", "");
	assert_int_equal(msg.len, sizeof(want));
	assert_memory_equal(msg.data, want, sizeof(want));
	vici_message_free(&msg);
}

static void builder_refuses_what_does_not_fit(void **state)
{
	char *name = repeat("n", 256), *value = repeat("v", 65536);
	struct vici_message msg = {0};

	(void)state;
	vici_value(&msg, name + 1, value + 1); /* 255 and 65535 are the most */
	assert_false(msg.failed);
	assert_int_equal(msg.len, 1 + 1 + 255 + 2 + 65535);
	vici_value(&msg, "k", value);
	assert_true(msg.failed);
	/* A failure stays, whatever comes after it. */
	vici_value(&msg, "k", "v");
	assert_true(msg.failed);
	vici_message_free(&msg);
	assert_false(msg.failed);
	vici_section(&msg, name);
	assert_true(msg.failed);
	vici_message_free(&msg);
	vici_list(&msg, "k", value, 65536);
	assert_true(msg.failed);
	vici_message_free(&msg);
	/* A message is a segment at most, twice that in the buffer. */
	for (int i = 0; i < 64 && !msg.failed; i++)
		vici_value(&msg, "k", value + 1);
	assert_true(msg.failed);
	assert_in_range(msg.len, 0, 2 * VICI_SEGMENT_MAX);
	vici_message_free(&msg);
	free(name);
	free(value);
}

struct walk {
	char text[1024];
	unsigned count;
};

/* Writes path/key=value; for each element. */
static void note(const struct vici_element *element, void *arg)
{
	struct walk *walk = arg;
	size_t len;

	assert_true(element->depth <= VICI_DEPTH_MAX);
	assert_int_equal(element->value[element->len], '\0');
	for (unsigned i = 0; i < element->depth; i++) {
		len = strlen(walk->text);
		snprintf(walk->text + len, sizeof(walk->text) - len, "%s/", element->path[i]);
	}
	len = strlen(walk->text);
	snprintf(walk->text + len, sizeof(walk->text) - len, "%s=%s;", element->key, element->value);
	walk->count++;
}

/* A copy of just LEN bytes, so that the sanitizer sees a read behind it. */
static int parse(const void *data, size_t len, struct walk *walk)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(walk, 0, sizeof(*walk));
	r = vici_parse(copy, len, note, walk);
	free(copy);
	return r;
}

static void parser_walks_the_example(void **state)
{
	struct walk walk;

	(void)state;
	assert_int_equal(parse(example, sizeof(example), &walk), 0);
	assert_string_equal(walk.text, "key1=value1;section1/sub-section/key2=value2;"
				       "section1/list1=item1;section1/list1=item2;");
	assert_int_equal(vici_parse(example, sizeof(example), NULL, NULL), 0);
	assert_int_equal(parse("", 0, &walk), 0);
	assert_int_equal(walk.count, 0);
}

static void parser_refuses_every_truncation(void **state)
{
	struct walk walk;

	(void)state;
	for (size_t len = 1; len < sizeof(example); len++) {
		/* After key1 = value1 stands a whole message. */
		int want = len == 14 ? 0 : -1;

		CHECK(parse(example, len, &walk) == want, "%zu bytes", len);
	}
}

static void parser_refuses_what_is_malformed(void **state)
{
#define BYTES(...)                                                                                           \
	{                                                                                                    \
		sizeof((uint8_t[]){__VA_ARGS__}),                                                            \
		{                                                                                            \
			__VA_ARGS__                                                                          \
		}                                                                                            \
	}
	static const struct {
		size_t len;
		uint8_t data[16];
	} cases[] = {
		BYTES(0),			      /* no such element */
		BYTES(7),			      /* nor that */
		BYTES(255, 1, 'a'),		      /* nor that */
		BYTES(2),			      /* end of nothing */
		BYTES(6),			      /* end of no list */
		BYTES(5, 0, 1, 'a'),		      /* an item outside a list */
		BYTES(1, 1, 's'),		      /* a section without its end */
		BYTES(4, 1, 'l'),		      /* a list without its end */
		BYTES(1, 1, 's', 2, 2),		      /* one end too many */
		BYTES(4, 1, 'l', 6, 6),		      /* the same of a list */
		BYTES(4, 1, 'l', 3, 1, 'k', 0, 0, 6), /* a value in a list */
		BYTES(4, 1, 'l', 4, 1, 'm', 6, 6),    /* a list in a list */
		BYTES(4, 1, 'l', 1, 1, 's', 2, 6),    /* a section in a list */
		BYTES(4, 1, 'l', 2, 6),		      /* the end of a section in a list */
		BYTES(1, 1, 's', 4, 1, 'l', 2, 6),    /* crossed */
		BYTES(3, 200, 'k'),		      /* a key longer than the message */
		BYTES(3, 1, 'k', 0xff, 0xff, 'v'),    /* a value longer than it */
		BYTES(3, 1, 'k', 0, 1),		      /* a value that is missing */
		BYTES(3, 1, 'k', 0),		      /* half a length */
	};
	struct walk walk;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK(parse(cases[i].data, cases[i].len, &walk) == -1, "case %zu passed", i);
}

static void parser_takes_odd_but_whole_messages(void **state)
{
	static const uint8_t names[] = {3, 0, 0, 0, 1, 0, 4, 0, 6, 2};
	static const uint8_t nul[] = {3, 1, 'k', 0, 3, 'a', 0, 'b'};
	struct walk walk;

	(void)state;
	/* Empty names and values, an empty list. */
	assert_int_equal(parse(names, sizeof(names), &walk), 0);
	assert_string_equal(walk.text, "=;");
	assert_int_equal(parse(nul, sizeof(nul), &walk), 0);
	assert_string_equal(walk.text, "k=a;");
}

static void parser_has_a_greatest_depth(void **state)
{
	struct walk walk;

	(void)state;
	for (unsigned depth = VICI_DEPTH_MAX; depth <= VICI_DEPTH_MAX + 1; depth++) {
		struct vici_message msg = {0};

		for (unsigned i = 0; i < depth; i++)
			vici_section(&msg, "s");
		vici_value(&msg, "k", "v");
		for (unsigned i = 0; i < depth; i++)
			vici_end(&msg);
		assert_int_equal(parse(msg.data, msg.len, &walk), depth > VICI_DEPTH_MAX ? -1 : 0);
		if (depth <= VICI_DEPTH_MAX)
			assert_string_equal(walk.text, "s/s/s/s/s/s/s/s/k=v;");
		vici_message_free(&msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builder_writes_the_documented_bytes),
		cmocka_unit_test(builder_takes_any_bytes),
		cmocka_unit_test(builder_refuses_what_does_not_fit),
		cmocka_unit_test(parser_walks_the_example),
		cmocka_unit_test(parser_refuses_every_truncation),
		cmocka_unit_test(parser_refuses_what_is_malformed),
		cmocka_unit_test(parser_takes_odd_but_whole_messages),
		cmocka_unit_test(parser_has_a_greatest_depth),
	};

	return cmocka_run_group_tests_name("vici_message", tests, NULL, NULL);
}
