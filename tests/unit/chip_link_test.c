/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native link between its two ends, host and firmware, in one process: the line is a script
 * that loses, changes and repeats what it is told to, and time is a number. What is asserted each
 * time: the right result or a clear error, and no command executed twice.
 */
#include <CUnit/CUnit.h>
#include <string.h>
#include <ucontext.h>

#include "backends/chip/firmware/firmware.h"
#include "backends/chip/link.h"
#include "pluton/error.h"
#include "tests/suite.h"

#define TIMEOUT_MS 100u
#define RETRIES 3u
#define PATIENCE_MS 2000u
#define LINE_SIZE 8192u

static const uint8_t abc_digest[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
				     0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
				     0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
				     0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/* One direction of the line. */
struct line {
	uint8_t octets[LINE_SIZE];
	size_t length;
	unsigned sent; /* frames, so far */
	/* Which of them, from 1 on, are lost or wrong; 0: none. */
	unsigned lose_from, lose_to;
	unsigned corrupt;
	unsigned duplicate;
	unsigned garbage; /* before it */
	unsigned hold;	  /* comes only with the next one */
	uint8_t held[FRAME_WIRE_MAX];
	size_t held_length;
};

static struct rig {
	struct link link;
	struct firmware chip;
	struct line down, up;
	uint64_t now;
	unsigned random;
	unsigned ups, downs;
	const char *why;     /* of the last down */
	const char *trouble; /* the last one */
	unsigned troubles;
	bool silent; /* the chip hears nothing */
	struct frame_parser spy;
	uint8_t said[64]; /* types of the host's frames */
	size_t said_count;
} rig;

/* A request and what became of it. */
struct asked {
	struct link_request request;
	unsigned answers;
	int result;
	uint8_t data[FRAME_DATA_MAX];
	size_t length;
};

/* --- the line -------------------------------------------------------------------------------- */

static void add(struct line *line, const uint8_t *octets, size_t length)
{
	CU_ASSERT_FATAL(length <= sizeof(line->octets) - line->length);
	memcpy(line->octets + line->length, octets, length);
	line->length += length;
}

static void carry(struct line *line, const uint8_t *octets, size_t length)
{
	static const uint8_t garbage[] = {0x00, 0x7d, 0x7d, 0x55, 0x7e, 0x01, 0x02, 0x7e, 0x7d};
	unsigned number = ++line->sent;
	size_t at = line->length;

	if (number >= line->lose_from && number <= line->lose_to)
		return;
	if (number == line->garbage)
		add(line, garbage, sizeof(garbage));
	if (number == line->hold) {
		memcpy(line->held, octets, length);
		line->held_length = length;
		return;
	}
	at = line->length;
	add(line, octets, length);
	if (number == line->corrupt)
		line->octets[at + length / 2] ^= 0x01;
	if (number == line->duplicate)
		add(line, octets, length);
	add(line, line->held, line->held_length);
	line->held_length = 0;
}

static void send_octets(void *context, const uint8_t *octets, size_t length)
{
	struct frame frame;

	(void)context;
	for (size_t i = 0; i < length; i++) {
		if (frame_parse(&rig.spy, octets[i], &frame) && rig.said_count < sizeof(rig.said))
			rig.said[rig.said_count++] = frame.type;
	}
	carry(&rig.down, octets, length);
}

static void to_chip(void)
{
	struct line line = rig.down;
	const uint8_t *octets;

	rig.down.length = 0;
	for (size_t i = 0; i < line.length && !rig.silent; i++) {
		size_t length = firmware_take(&rig.chip, line.octets[i], &octets);

		if (length)
			carry(&rig.up, octets, length);
	}
}

static void to_host(void)
{
	struct line line = rig.up;

	rig.up.length = 0;
	link_receive(&rig.link, line.octets, line.length);
}

/* --- the rig --------------------------------------------------------------------------------- */

static uint64_t now_ms(void *context)
{
	(void)context;
	return rig.now;
}

static void random_octets(void *context, uint8_t *octets, size_t length)
{
	(void)context;
	memset(octets, (int)(0x50 + ++rig.random), length);
}

static void up(void *context, const struct chip_caps *caps)
{
	(void)context;
	(void)caps;
	rig.ups++;
}

static void down(void *context, const char *why)
{
	(void)context;
	rig.why = why;
	rig.downs++;
}

static void trouble(void *context, const char *what)
{
	(void)context;
	rig.trouble = what;
	rig.troubles++;
}

static void reset_chip(unsigned number)
{
	uint8_t boot[WIRE_NONCE_SIZE];

	memset(boot, (int)number, sizeof(boot));
	firmware_reset(&rig.chip, boot);
}

static void set_up_unconnected(void)
{
	static const struct link_options options = {
		.timeout_ms = TIMEOUT_MS,
		.retries = RETRIES,
		.patience_ms = PATIENCE_MS,
		.backoff_max_ms = BACKOFF_MAX_MS,
		.send = send_octets,
		.now_ms = now_ms,
		.random = random_octets,
		.up = up,
		.down = down,
		.trouble = trouble,
	};

	memset(&rig, 0, sizeof(rig));
	rig.now = 1000;
	link_init(&rig.link, &options);
	reset_chip(1);
}

/* Both ends talk until they have nothing more to say. */
static void talk(void)
{
	while (rig.down.length || rig.up.length) {
		to_chip();
		to_host();
	}
}

/* The line is silent: the next deadline passes. */
static void pass_time(void)
{
	if (link_deadline(&rig.link) > rig.now)
		rig.now = link_deadline(&rig.link);
	link_tick(&rig.link);
}

/* Up, and counted from there: the next frame each way is number 1. */
static void set_up(void)
{
	set_up_unconnected();
	link_connect(&rig.link);
	talk();
	CU_ASSERT_FATAL(rig.link.state == LINK_UP);
	rig.down.sent = rig.up.sent = 0;
	rig.chip.executed = 0;
	rig.said_count = 0;
}

static void answered(struct link_request *request, int result, const uint8_t *data, size_t length)
{
	struct asked *asked = (struct asked *)(void *)request;

	asked->answers++;
	asked->result = result;
	asked->length = length;
	if (length)
		memcpy(asked->data, data, length);
}

static int submit(struct asked *asked, uint8_t type, uint8_t item, const void *data, size_t length)
{
	*asked = (struct asked){.request = {.type = type,
					    .unit = WIRE_UNIT_DIGEST,
					    .item = item,
					    .data = data,
					    .length = (uint16_t)length,
					    .answered = answered}};
	return link_submit(&rig.link, &asked->request, rig.link.generation);
}

static void finish(const struct asked *asked)
{
	for (unsigned i = 0; i < 100 && asked->answers == 0; i++) {
		talk();
		if (asked->answers == 0)
			pass_time();
	}
	CU_ASSERT_EQUAL(asked->answers, 1);
}

static int ask(struct asked *asked, uint8_t type, uint8_t item, const void *data, size_t length)
{
	int r = submit(asked, type, item, data, length);

	if (r < 0)
		return r;
	finish(asked);
	return asked->result;
}

static const uint8_t begin_sha256[] = {WIRE_SHA256, WIRE_FIRST | WIRE_LAST, 0, 0};

/* BEGIN, PUT, GET: three commands. The first error, or 0 and the digest was right. */
static int hash_abc(void)
{
	struct asked asked;
	int r = ask(&asked, WIRE_BEGIN, WIRE_ITEM_NONE, begin_sha256, sizeof(begin_sha256));

	if (r == 0)
		r = ask(&asked, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3);
	if (r == 0)
		r = ask(&asked, WIRE_GET, WIRE_ITEM_DIGEST, NULL, 0);
	if (r == 0) {
		CU_ASSERT_EQUAL(asked.length, sizeof(abc_digest));
		CU_ASSERT_EQUAL(memcmp(asked.data, abc_digest, sizeof(abc_digest)), 0);
	}
	return r;
}

static void expect_right_and_once(void)
{
	CU_ASSERT_EQUAL(hash_abc(), 0);
	CU_ASSERT_EQUAL(rig.chip.executed, 3);
	CU_ASSERT_EQUAL(rig.downs, 0);
}

/* --- greeting -------------------------------------------------------------------------------- */

static void test_nothing_but_hello_is_said_before_the_chip_has_answered(void)
{
	struct asked asked;

	set_up_unconnected();
	rig.silent = true;
	link_connect(&rig.link);
	for (unsigned i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(submit(&asked, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3),
				-PLUTON_ENODEVICE);
		talk();
		pass_time();
	}
	CU_ASSERT_EQUAL(rig.said_count, 11);
	for (size_t i = 0; i < rig.said_count; i++)
		CU_ASSERT_EQUAL(rig.said[i], WIRE_HELLO);
	rig.silent = false;
	talk();
	pass_time();
	talk();
	CU_ASSERT_EQUAL(rig.ups, 1);
}

static void test_a_silent_line_is_greeted_ever_more_seldom(void)
{
	static const uint64_t intervals[] = {1, 2, 4, 8, 8, 8};

	set_up_unconnected();
	rig.silent = true;
	link_connect(&rig.link);
	for (size_t i = 0; i < 6; i++) {
		talk();
		CU_ASSERT_EQUAL(link_deadline(&rig.link) - rig.now, intervals[i] * TIMEOUT_MS);
		pass_time();
	}
}

static void test_a_silent_line_is_greeted_every_8_s_whatever_the_timeout(void)
{
	set_up_unconnected();
	rig.silent = true;
	rig.link.options.timeout_ms = 5000;
	link_connect(&rig.link);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(link_deadline(&rig.link) - rig.now, i == 0 ? 5000 : 8000);
		pass_time();
	}
	set_up_unconnected();
	rig.link.options.timeout_ms = 60000; /* unless one answer may take longer */
	link_connect(&rig.link);
	rig.down.length = 0;
	pass_time();
	CU_ASSERT_EQUAL(link_deadline(&rig.link) - rig.now, 60000);
}

/* After 1, 2 and 4 timeouts without an answer, once. */
static void expect_told(const char *what)
{
	for (unsigned i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(rig.troubles, i < 3 ? 0 : 1);
		pass_time();
		rig.down.length = 0;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.trouble);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig.trouble, what));
}

static void test_who_does_not_answer_hello_is_told_of_once_and_with_what_came(void)
{
	set_up_unconnected();
	link_connect(&rig.link);
	rig.down.length = 0;
	expect_told("says nothing: it has no power");
	set_up_unconnected();
	link_connect(&rig.link);
	link_receive(&rig.link, (const uint8_t *)"login: ", 7);
	expect_told("nothing that is of the native link");
}

static void test_the_chip_says_what_it_can(void)
{
	set_up();
	CU_ASSERT_EQUAL(rig.link.caps.buffer, 256);
	CU_ASSERT_EQUAL(rig.link.caps.digests, 1u << WIRE_SHA256);
	CU_ASSERT_EQUAL(rig.link.caps.aes_modes, 1u << WIRE_AES_CTR | 1u << WIRE_AES_GCM);
	CU_ASSERT_EQUAL(rig.link.caps.digest_state, sizeof(struct digest_state));
	CU_ASSERT_EQUAL(rig.link.caps.aes_state, sizeof(struct aes_state));
}

/* A HELLO answer with one field changed, its CRC right. */
static void answer_hello_with(size_t at, const void *bytes, size_t length)
{
	struct frame_parser parser = {0};
	uint8_t wire[FRAME_WIRE_MAX];
	uint8_t data[WIRE_CAPS_SIZE];
	struct frame frame;
	size_t n;

	set_up_unconnected();
	link_connect(&rig.link);
	to_chip();
	for (size_t i = 0; i < rig.up.length; i++) {
		if (!frame_parse(&parser, rig.up.octets[i], &frame))
			continue;
		memcpy(data, frame.data, sizeof(data));
		memcpy(data + at, bytes, length);
		frame.data = data;
		n = frame_encode(&frame, wire);
		link_receive(&rig.link, wire, n);
	}
	rig.up.length = 0;
}

static void test_who_is_no_chip_of_ours_is_not_spoken_to(void)
{
	static const struct {
		size_t at;
		const char *bytes;
		size_t length;
	} wrong[] = {
		{0, "X", 1},			       /* magic */
		{WIRE_CAPS_VERSION, "\2", 1},	       /* a version we did not offer */
		{WIRE_CAPS_SESSION, "\0", 1},	       /* somebody else's session */
		{WIRE_CAPS_BUFFER, "\77\0", 2},	       /* 63 octets */
		{WIRE_CAPS_BUFFER, "\1\1", 2},	       /* 257 */
		{WIRE_CAPS_DIGEST_STATE, "\371\0", 2}, /* 249: too many with its boot */
		{WIRE_CAPS_AES_STATE, "\371\0", 2},    /* the same */
		{WIRE_CAPS_AES_STATE, "\377\377", 2},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer_hello_with(wrong[i].at, wrong[i].bytes, wrong[i].length);
		CU_ASSERT_EQUAL(rig.ups, 0);
		CU_ASSERT_EQUAL(rig.link.state, LINK_GREETING);
		CU_ASSERT_EQUAL(rig.link.heard, i < 3 ? LINK_HEARD_OCTETS : LINK_HEARD_UNFIT);
	}
	answer_hello_with(WIRE_CAPS_BUFFER, "\100\0", 2);
	CU_ASSERT_EQUAL(rig.ups, 0); /* 64 are enough to talk, not for such states */
	answer_hello_with(WIRE_CAPS_BUFFER, "\200\0", 2);
	CU_ASSERT_EQUAL(rig.ups, 1);
}

static void test_a_chip_of_another_version_only_is_refused(void)
{
	static const uint8_t hello[WIRE_HELLO_SIZE] = WIRE_MAGIC "\2\3";
	const struct frame frame = {
		.type = WIRE_HELLO, .sequence = 9, .length = sizeof(hello), .data = hello};
	uint8_t wire[FRAME_WIRE_MAX];
	size_t n = frame_encode(&frame, wire);
	struct frame_parser parser = {0};
	struct frame answer;
	bool heard = false;

	set_up_unconnected();
	carry(&rig.down, wire, n);
	to_chip();
	for (size_t i = 0; i < rig.up.length; i++)
		heard |= frame_parse(&parser, rig.up.octets[i], &answer);
	CU_ASSERT_FATAL(heard);
	CU_ASSERT_EQUAL(answer.status, PLUTON_ENOSUPPORT);
	CU_ASSERT_FALSE(rig.chip.greeted);
	link_connect(&rig.link); /* and where the host's is not its own */
	answer.sequence = rig.link.sequence;
	link_receive(&rig.link, wire, frame_encode(&answer, wire));
	rig.down.length = 0;
	expect_told("another version");
}

/* --- one fault each -------------------------------------------------------------------------- */

static void test_without_faults_three_commands_take_three_frames(void)
{
	set_up();
	expect_right_and_once();
	CU_ASSERT_EQUAL(rig.down.sent, 3);
	CU_ASSERT_EQUAL(rig.up.sent, 3);
}

/* Runs with the fault at each of the frames in turn. */
#define AT_EACH_FRAME(line, field)                                                                 \
	do {                                                                                       \
		for (unsigned at_ = 1; at_ <= 3; at_++) {                                          \
			set_up();                                                                  \
			rig.line.field = at_;                                                      \
			expect_right_and_once();                                                   \
		}                                                                                  \
	} while (0)

static void test_a_lost_request_is_sent_again(void)
{
	for (unsigned at = 1; at <= 3; at++) {
		set_up();
		rig.down.lose_from = at;
		rig.down.lose_to = at + RETRIES - 1;
		expect_right_and_once();
	}
}

static void test_a_lost_answer_is_given_again_and_nothing_runs_twice(void)
{
	for (unsigned at = 1; at <= 3; at++) {
		set_up();
		rig.up.lose_from = at;
		rig.up.lose_to = at + RETRIES - 1;
		expect_right_and_once();
	}
}

static void test_a_corrupted_request_is_not_heard_and_sent_again(void)
{
	AT_EACH_FRAME(down, corrupt);
}

static void test_a_corrupted_answer_is_given_again(void)
{
	AT_EACH_FRAME(up, corrupt);
}

static void test_a_request_that_comes_twice_is_executed_once(void)
{
	AT_EACH_FRAME(down, duplicate);
}

static void test_an_answer_that_comes_twice_counts_once(void)
{
	AT_EACH_FRAME(up, duplicate);
	CU_ASSERT(rig.link.counters.stale > 0);
}

static void test_garbage_before_a_frame_is_no_part_of_it(void)
{
	AT_EACH_FRAME(down, garbage);
	AT_EACH_FRAME(up, garbage);
}

/* It was given again meanwhile, and comes when the next one is already asked. */
static void test_an_answer_that_comes_late_is_not_taken_for_the_next_one(void)
{
	AT_EACH_FRAME(up, hold);
}

static void test_a_request_that_comes_late_is_executed_once(void)
{
	AT_EACH_FRAME(down, hold);
}

static void test_an_over_long_frame_is_dropped_and_the_next_one_is_heard(void)
{
	static uint8_t octets[2000] = {FRAME_FLAG};

	set_up();
	memset(octets + 1, 0x55, sizeof(octets) - 1);
	add(&rig.down, octets, sizeof(octets));
	add(&rig.up, octets, sizeof(octets));
	expect_right_and_once();
	CU_ASSERT_EQUAL(rig.chip.parser.refused, 1);
	CU_ASSERT_EQUAL(rig.link.parser.refused, 1);
}

static void test_a_frame_of_a_stale_or_future_number_is_not_heard(void)
{
	static const int offsets[] = {-2, -1, 2, 3, 1000, 0x7fff};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct frame frame = {.type = WIRE_PUT,
				      .unit = WIRE_UNIT_DIGEST,
				      .item = WIRE_ITEM_INPUT,
				      .length = 1,
				      .data = (const uint8_t *)"x"};
		uint8_t wire[FRAME_WIRE_MAX];
		size_t n;

		set_up();
		frame.sequence = (uint16_t)(rig.chip.sequence + offsets[i]);
		n = frame_encode(&frame, wire);
		add(&rig.down, wire, n);
		to_chip();
		CU_ASSERT_EQUAL(rig.up.length, 0);
		CU_ASSERT_EQUAL(rig.chip.executed, 0);
		expect_right_and_once();
	}
}

static void test_an_answer_to_another_request_is_not_taken(void)
{
	struct frame frame = {
		.type = WIRE_GET | WIRE_ANSWER, .unit = WIRE_UNIT_DIGEST, .item = WIRE_ITEM_DIGEST};
	uint8_t wire[FRAME_WIRE_MAX];
	struct asked asked;

	set_up();
	CU_ASSERT_EQUAL(submit(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	frame.sequence = rig.link.sequence;
	link_receive(&rig.link, wire, frame_encode(&frame, wire));
	CU_ASSERT_EQUAL(asked.answers, 0);
	finish(&asked);
	CU_ASSERT_EQUAL(asked.result, 0);
}

static void test_a_second_answer_to_one_request_is_not_taken_for_that_of_an_equal_one(void)
{
	uint8_t answer[FRAME_WIRE_MAX];
	struct asked first, second;
	size_t n;

	set_up();
	CU_ASSERT_EQUAL(ask(&first, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	submit(&first, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3);
	to_chip();
	n = rig.up.length;
	memcpy(answer, rig.up.octets, n);
	to_host();
	CU_ASSERT_EQUAL(first.answers, 1);
	submit(&second, WIRE_PUT, WIRE_ITEM_INPUT, "def", 3);
	link_receive(&rig.link, answer, n);
	CU_ASSERT_EQUAL(second.answers, 0);
	finish(&second);
	CU_ASSERT_EQUAL(rig.chip.executed, 3);
}

static void test_numbers_go_on_after_65535(void)
{
	set_up();
	rig.link.sequence = rig.chip.sequence = 65534;
	expect_right_and_once();
	CU_ASSERT_EQUAL(rig.link.sequence, 1);
}

static void test_a_hello_that_comes_late_does_not_end_its_session(void)
{
	uint8_t wire[FRAME_WIRE_MAX];
	size_t n;

	set_up_unconnected();
	link_connect(&rig.link);
	n = rig.down.length;
	memcpy(wire, rig.down.octets, n);
	talk();
	rig.chip.executed = 0;
	CU_ASSERT_EQUAL(ask(&(struct asked){0}, WIRE_BEGIN, 0, begin_sha256, 4), 0);
	add(&rig.down, wire, n);
	talk();
	CU_ASSERT_TRUE(rig.chip.digest.begun);
	CU_ASSERT_EQUAL(rig.link.state, LINK_UP);
}

/* --- what cannot be made good ---------------------------------------------------------------- */

static void test_an_answer_that_never_comes_is_fail_and_the_session_goes_on(void)
{
	set_up();
	rig.up.lose_from = 2;
	rig.up.lose_to = 2 + RETRIES;
	CU_ASSERT_EQUAL(hash_abc(), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(rig.chip.executed, 2); /* BEGIN, and PUT once, for all the asking */
	talk();
	CU_ASSERT_EQUAL(rig.link.state, LINK_UP);
	CU_ASSERT_EQUAL(rig.downs, 0);
	CU_ASSERT_EQUAL(rig.link.counters.resyncs, 1);
	CU_ASSERT_FALSE(rig.chip.digest.begun); /* RESYNC made it forget */
	CU_ASSERT_EQUAL(hash_abc(), 0);
}

/* How long, and in how many frames, a silent chip is asked for an answer. */
static void ask_in_vain(uint64_t timeout_ms, unsigned retries)
{
	struct asked asked;
	uint64_t begun;

	set_up();
	rig.silent = true;
	rig.link.options.timeout_ms = timeout_ms;
	rig.link.options.retries = retries;
	begun = rig.now;
	submit(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	while (asked.answers == 0)
		pass_time();
	CU_ASSERT_EQUAL(asked.result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(rig.now - begun, timeout_ms * (retries + 1));
	CU_ASSERT_EQUAL(rig.down.sent, retries + 2); /* and RESYNC */
	CU_ASSERT_STRING_EQUAL(rig.trouble, "did not answer: what it had under way has failed");
	while (rig.downs == 0)
		pass_time();
	CU_ASSERT_EQUAL(rig.now - begun, 2 * timeout_ms * (retries + 1));
	CU_ASSERT_STRING_EQUAL(rig.why, "does not answer any more");
}

static void test_a_silent_chip_is_asked_for_as_long_and_as_often_as_configured(void)
{
	ask_in_vain(TIMEOUT_MS, RETRIES);
	ask_in_vain(TIMEOUT_MS, 0);
	ask_in_vain(20, 8);
	ask_in_vain(PATIENCE_MS, 2); /* patience is for those who say WAIT */
	ask_in_vain(PATIENCE_MS / 2 + 1, RETRIES);
}

static void test_octets_without_end_and_no_answer_among_them_are_babble(void)
{
	static uint8_t noise[4096];
	struct asked asked;

	set_up();
	memset(noise, 0x55, sizeof(noise));
	for (unsigned i = 0; i < 100; i++) { /* an answer now and then, and it is a noisy line */
		link_receive(&rig.link, noise, sizeof(noise));
		link_receive(&rig.link, (const uint8_t *)"\x7e", 1);
		CU_ASSERT_FALSE(link_babbles(&rig.link));
		CU_ASSERT_EQUAL(ask(&asked, WIRE_ABORT, 0, NULL, 0), 0);
	}
	submit(&asked, WIRE_ABORT, 0, NULL, 0);
	for (unsigned i = 0; i < 16; i++) {
		link_receive(&rig.link, noise, sizeof(noise));
		CU_ASSERT_FALSE(link_babbles(&rig.link));
		if (i < RETRIES)
			pass_time(); /* to ask again does not begin anew */
	}
	link_receive(&rig.link, noise, 1);
	CU_ASSERT_TRUE(link_babbles(&rig.link));
	link_disconnect(&rig.link);
	link_connect(&rig.link);
	CU_ASSERT_FALSE(link_babbles(&rig.link));
}

static void test_what_waited_behind_it_fails_too_and_what_was_begun_is_lost(void)
{
	struct asked first, second, third;
	uint32_t generation;

	set_up();
	generation = rig.link.generation;
	rig.down.lose_from = 1;
	rig.down.lose_to = 1 + RETRIES;
	submit(&first, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	submit(&second, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3);
	finish(&first);
	CU_ASSERT_EQUAL(first.result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(second.answers, 1);
	CU_ASSERT_EQUAL(second.result, -PLUTON_EFAIL);
	talk();
	third = first;
	CU_ASSERT_EQUAL(link_submit(&rig.link, &third.request, generation), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(rig.chip.executed, 0);
}

static void test_a_chip_that_stays_silent_is_gone_and_is_taken_back_when_it_speaks(void)
{
	set_up();
	rig.silent = true;
	CU_ASSERT_EQUAL(hash_abc(), -PLUTON_EFAIL);
	for (unsigned i = 0; i <= RETRIES; i++) {
		CU_ASSERT_EQUAL(rig.downs, 0);
		talk();
		pass_time();
	}
	CU_ASSERT_EQUAL(rig.downs, 1);
	CU_ASSERT_EQUAL(hash_abc(), -PLUTON_ENODEVICE);
	rig.silent = false;
	talk();
	pass_time();
	talk();
	CU_ASSERT_EQUAL(rig.ups, 2);
	CU_ASSERT_EQUAL(hash_abc(), 0);
}

static void test_a_chip_that_is_reset_says_so_and_its_operations_are_nodevice(void)
{
	struct asked asked;

	set_up();
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	reset_chip(2);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(rig.downs, 1);
	CU_ASSERT_EQUAL(rig.chip.executed, 0);
	talk();
	CU_ASSERT_EQUAL(rig.ups, 2);
	CU_ASSERT_EQUAL(rig.link.caps.boot[0], 2);
	CU_ASSERT_EQUAL(hash_abc(), 0);
}

/* Says STRANGER to the next request, and what its reset costs the host in time. */
static uint64_t reset_once(unsigned number)
{
	uint64_t before;

	reset_chip(number);
	CU_ASSERT_EQUAL(hash_abc(), -PLUTON_ENODEVICE);
	CU_ASSERT_STRING_EQUAL(rig.why, "was reset");
	before = rig.now;
	while (rig.link.state != LINK_UP) {
		talk();
		if (rig.link.state != LINK_UP)
			pass_time();
	}
	return rig.now - before;
}

static void test_a_chip_that_is_reset_again_and_again_is_greeted_ever_more_seldom(void)
{
	static const uint64_t waits[] = {0, 50, 100, 200, 400, 800, 1600, 3000, 3000};

	set_up();
	for (unsigned i = 0; i < 9; i++) {
		unsigned downs = rig.downs;

		CU_ASSERT_EQUAL(reset_once(2 + i), waits[i]);
		CU_ASSERT_EQUAL(rig.downs, downs + 1);
		CU_ASSERT_EQUAL(hash_abc(), 0); /* and then serves */
	}
	rig.now += BACKOFF_STEADY_MS; /* it has stayed: all is forgiven */
	CU_ASSERT_EQUAL(reset_once(20), 0);
}

static void test_nothing_is_said_to_a_chip_that_is_left_alone_for_a_while(void)
{
	set_up();
	reset_once(2);
	reset_chip(3);
	CU_ASSERT_EQUAL(hash_abc(), -PLUTON_ENODEVICE);
	rig.down.length = rig.down.sent = 0;
	rig.now += BACKOFF_MIN_MS - 1;
	link_tick(&rig.link);
	CU_ASSERT_EQUAL(rig.down.sent, 0);
	rig.now++;
	link_tick(&rig.link);
	CU_ASSERT_EQUAL(rig.down.sent, 1);
	CU_ASSERT_EQUAL(rig.link.counters.repeats, 0);
}

static void test_a_reset_while_its_answer_is_lost_is_seen_too(void)
{
	struct asked asked;

	set_up();
	rig.up.lose_from = 1;
	rig.up.lose_to = 1 + RETRIES;
	submit(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	for (unsigned i = 0; i <= RETRIES; i++) {
		talk();
		pass_time();
	}
	CU_ASSERT_EQUAL(asked.result, -PLUTON_EFAIL);
	reset_chip(2);
	talk();
	CU_ASSERT_EQUAL(rig.downs, 1);
	CU_ASSERT_EQUAL(rig.ups, 2);
}

static void test_a_line_that_goes_ends_all_requests_once(void)
{
	struct asked first, second;

	set_up();
	submit(&first, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	submit(&second, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3);
	link_disconnect(&rig.link);
	CU_ASSERT(first.answers == 1 && first.result == -PLUTON_ENODEVICE);
	CU_ASSERT(second.answers == 1 && second.result == -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(rig.downs, 1);
	CU_ASSERT_EQUAL(link_deadline(&rig.link), 0);
	rig.down.length = 0;
	link_connect(&rig.link);
	talk();
	CU_ASSERT_EQUAL(rig.ups, 2);
	CU_ASSERT_EQUAL(hash_abc(), 0);
}

/* --- WAIT ------------------------------------------------------------------------------------ */

static void say_wait(void)
{
	const uint8_t *octets;
	size_t n = firmware_wait(&rig.chip, &octets);

	link_receive(&rig.link, octets, n);
}

static void test_a_chip_that_says_wait_is_not_asked_again(void)
{
	struct asked asked;

	set_up();
	rig.up.lose_from = rig.up.lose_to = 1;
	submit(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	talk();
	for (unsigned i = 0; i < 15; i++) {
		rig.now += TIMEOUT_MS - 1;
		say_wait();
		link_tick(&rig.link);
	}
	CU_ASSERT_EQUAL(rig.down.sent, 1);
	CU_ASSERT_EQUAL(asked.answers, 0);
	finish(&asked);
	CU_ASSERT_EQUAL(asked.result, 0);
}

static void test_a_chip_that_says_nothing_but_wait_is_given_up(void)
{
	struct asked asked;

	set_up();
	rig.up.lose_from = 1;
	rig.up.lose_to = 1000;
	submit(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256));
	talk();
	while (asked.answers == 0 && rig.now < 1000 + 2 * PATIENCE_MS) {
		rig.now += TIMEOUT_MS - 1;
		say_wait();
		link_tick(&rig.link);
		talk();
	}
	CU_ASSERT_EQUAL(asked.result, -PLUTON_EFAIL);
	CU_ASSERT(rig.now < 1000 + PATIENCE_MS + 2 * (RETRIES + 2) * TIMEOUT_MS);
}

/* --- ABORT, and commands out of place -------------------------------------------------------- */

static void test_abort_makes_the_unit_forget(void)
{
	static const struct digest_unit nothing;
	struct asked asked;

	set_up();
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_INPUT, "secret", 6), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_ABORT, 0, NULL, 0), 0);
	CU_ASSERT_EQUAL(memcmp(&rig.chip.digest, &nothing, sizeof(nothing)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_GET, WIRE_ITEM_DIGEST, NULL, 0), -PLUTON_ERESERVE);
}

static void test_commands_out_of_place_are_refused_and_end_the_operation(void)
{
	struct asked asked;

	set_up();
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_INPUT, "abc", 3), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_GET, WIRE_ITEM_DIGEST, NULL, 0), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(ask(&asked, 0x33, 0, NULL, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, "\1\3\0\0", 4), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, "\3", 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_GET, WIRE_ITEM_STATE, NULL, 0), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_GET, WIRE_ITEM_DIGEST, NULL, 0), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(hash_abc(), 0);
}

static void test_a_state_that_no_unit_made_is_refused(void)
{
	static const uint8_t middle[] = {WIRE_SHA256, 0, 0, 0};
	uint8_t state[sizeof(struct digest_state)] = {0};
	struct asked asked;

	set_up();
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, middle, sizeof(middle)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_STATE, state, sizeof(state)),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, middle, sizeof(middle)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_STATE, state, sizeof(state) - 1),
			-PLUTON_ESIZE);
}

static uint8_t tell_aes(struct aes_unit *unit, uint8_t type, uint8_t item, const uint8_t *data,
			uint16_t length, struct answer *ret)
{
	const struct frame frame = {
		.type = type, .item = item, .length = length, .data = data, .unit = WIRE_UNIT_AES};

	memset(ret, 0, sizeof(*ret));
	aes_unit_take(unit, &frame, ret);
	return ret->status;
}

/* A key and an IV of zeros, and so much AAD. */
static void begin_gcm(struct aes_unit *unit, uint8_t direction, uint8_t phase, uint8_t aad_length)
{
	uint8_t begin[WIRE_BEGIN_AES_SIZE] = {WIRE_AES_GCM, direction, phase, 16};
	static const uint8_t zeros[16];
	struct answer answer;

	memset(unit, 0, sizeof(*unit));
	begin[WIRE_BEGIN_AES_AAD_LENGTH] = aad_length;
	CU_ASSERT_EQUAL(tell_aes(unit, WIRE_BEGIN, 0, begin, sizeof(begin), &answer), 0);
	if (!(phase & WIRE_FIRST))
		return;
	CU_ASSERT_EQUAL(tell_aes(unit, WIRE_PUT, WIRE_ITEM_KEY, zeros, 16, &answer), 0);
	CU_ASSERT_EQUAL(tell_aes(unit, WIRE_PUT, WIRE_ITEM_IV, zeros, 12, &answer), 0);
}

static void test_aad_of_no_octets_changes_no_tag(void)
{
	static const uint8_t aad[20] = {1, 2, 3};
	struct answer right, answer;
	struct aes_unit unit;

	begin_gcm(&unit, WIRE_ENCRYPT, WIRE_FIRST | WIRE_LAST, sizeof(aad));
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, sizeof(aad), &right);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_GET, WIRE_ITEM_TAG, NULL, 0, &right), 0);
	begin_gcm(&unit, WIRE_ENCRYPT, WIRE_FIRST | WIRE_LAST, sizeof(aad));
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, 0, &answer);
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, sizeof(aad), &answer);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, 0, &answer), 0);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_GET, WIRE_ITEM_TAG, NULL, 0, &answer), 0);
	CU_ASSERT_EQUAL(memcmp(answer.data, right.data, 16), 0);
}

static void test_input_of_no_octets_verifies_nothing_twice(void)
{
	static const uint8_t message[16];
	struct answer sealed, tag, last;
	struct aes_unit unit;

	begin_gcm(&unit, WIRE_ENCRYPT, WIRE_FIRST | WIRE_LAST, 0);
	unit.length = sizeof(message);
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_INPUT, message, sizeof(message), &sealed);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_GET, WIRE_ITEM_TAG, NULL, 0, &tag), 0);
	begin_gcm(&unit, WIRE_DECRYPT, WIRE_FIRST | WIRE_LAST, 0);
	unit.length = sizeof(message);
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_TAG, tag.data, 16, &last);
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_INPUT, sealed.data, sizeof(message), &last);
	CU_ASSERT_EQUAL(last.status, 0);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_PUT, WIRE_ITEM_INPUT, message, 0, &last), 0);
	CU_ASSERT_TRUE(unit.verified);
}

static void test_a_stream_takes_no_aad_after_its_first_start(void)
{
	static const uint8_t aad[20] = {1, 2, 3};
	struct answer state, answer;
	struct aes_unit unit;

	begin_gcm(&unit, WIRE_ENCRYPT, WIRE_FIRST, sizeof(aad));
	tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, sizeof(aad), &answer);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_GET, WIRE_ITEM_STATE, NULL, 0, &state), 0);
	begin_gcm(&unit, WIRE_ENCRYPT, WIRE_LAST, 0);
	CU_ASSERT_EQUAL(
		tell_aes(&unit, WIRE_PUT, WIRE_ITEM_STATE, state.data, state.length, &answer), 0);
	CU_ASSERT_EQUAL(tell_aes(&unit, WIRE_PUT, WIRE_ITEM_AAD, aad, 1, &answer), PLUTON_ESIZE);
}

/* --- secrets --------------------------------------------------------------------------------- */

static const uint8_t secret[] = "a key of 32 octets that none has";

/* As it is, and as a big-endian machine of 32 bits has it. */
static bool holds_secret(const uint8_t *memory, size_t size)
{
	uint8_t swapped[16];

	for (size_t i = 0; i < sizeof(swapped); i++)
		swapped[i] = secret[i ^ 3];
	return memmem(memory, size, secret, 16) || memmem(memory, size, secret + 16, 16) ||
	       memmem(memory, size, swapped, sizeof(swapped));
}

static int ask_aes(uint8_t type, uint8_t item, const void *data, size_t length)
{
	struct asked asked = {.request = {.type = type,
					  .unit = WIRE_UNIT_AES,
					  .item = item,
					  .data = data,
					  .length = (uint16_t)length,
					  .answered = answered}};

	CU_ASSERT_EQUAL(link_submit(&rig.link, &asked.request, rig.link.generation), 0);
	finish(&asked);
	return asked.result;
}

/* The key's last use is its first block. */
static void encrypt_with_secret(void)
{
	static const uint8_t begin[WIRE_BEGIN_AES_SIZE] = {
		WIRE_AES_CTR, WIRE_ENCRYPT, WIRE_FIRST | WIRE_LAST, 32, 128, [16] = 16};
	static const uint8_t zeros[16];

	CU_ASSERT_EQUAL(ask_aes(WIRE_BEGIN, 0, begin, sizeof(begin)), 0);
	CU_ASSERT_EQUAL(ask_aes(WIRE_PUT, WIRE_ITEM_KEY, secret, 32), 0);
	CU_ASSERT_TRUE(holds_secret((const uint8_t *)&rig.chip, sizeof(rig.chip)));
	CU_ASSERT_EQUAL(ask_aes(WIRE_PUT, WIRE_ITEM_COUNTER, zeros, 16), 0);
	CU_ASSERT_EQUAL(ask_aes(WIRE_PUT, WIRE_ITEM_INPUT, zeros, 16), 0);
	CU_ASSERT_EQUAL(ask_aes(WIRE_ABORT, 0, NULL, 0), 0);
}

static void hash_secret(void)
{
	uint8_t block[64];
	struct asked asked;

	memcpy(block, secret, 32);
	memcpy(block + 32, secret, 32);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_PUT, WIRE_ITEM_INPUT, block, sizeof(block)), 0);
	CU_ASSERT_EQUAL(ask(&asked, WIRE_GET, WIRE_ITEM_DIGEST, NULL, 0), 0);
	explicit_bzero(block, sizeof(block));
}

static void test_of_a_key_or_message_nothing_stays_in_the_chip_after_its_operation(void)
{
	set_up();
	encrypt_with_secret();
	CU_ASSERT_FALSE(holds_secret((const uint8_t *)&rig.chip, sizeof(rig.chip)));
	CU_ASSERT_FALSE(holds_secret((const uint8_t *)&rig.link, sizeof(rig.link)));
	hash_secret();
	CU_ASSERT_FALSE(holds_secret((const uint8_t *)&rig.chip, sizeof(rig.chip)));
	CU_ASSERT_FALSE(holds_secret((const uint8_t *)&rig.link, sizeof(rig.link)));
}

/* A chip with a stack that the test can look at: it takes the frames of PUT input. */
static void take_on_own_stack(void)
{
	uint8_t data[64], wire[FRAME_WIRE_MAX];
	struct frame frame = {.type = WIRE_PUT,
			      .unit = WIRE_UNIT_DIGEST,
			      .item = WIRE_ITEM_INPUT,
			      .sequence = (uint16_t)(rig.chip.sequence + 1),
			      .length = sizeof(data),
			      .data = data};
	const uint8_t *octets;
	size_t n;

	memcpy(data, secret, 32);
	memcpy(data + 32, secret, 32);
	n = frame_encode(&frame, wire);
	for (size_t i = 0; i < n; i++)
		firmware_take(&rig.chip, wire[i], &octets);
	explicit_bzero(data, sizeof(data));
	explicit_bzero(wire, sizeof(wire));
}

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* FIPS 180-4, section 6.2.2: what stands in a ring of 16 at the end, and the message follows from.
 */
static void schedule_secret(uint32_t w[64])
{
	for (unsigned t = 0; t < 16; t++) {
		const uint8_t *at = secret + 4 * (t % 8);

		w[t] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	}
	for (unsigned t = 16; t < 64; t++)
		w[t] = w[t - 16] + (rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3) +
		       w[t - 7] + (rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10);
}

static void test_of_a_message_nothing_stays_on_the_chip_s_stack(void)
{
	uint32_t w[64];
	static _Alignas(4096) uint8_t stack[256 * 1024];
	struct asked asked;
	ucontext_t here, there;

	set_up();
	CU_ASSERT_EQUAL(ask(&asked, WIRE_BEGIN, 0, begin_sha256, sizeof(begin_sha256)), 0);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, take_on_own_stack, 0);
	CU_ASSERT_EQUAL_FATAL(swapcontext(&here, &there), 0);
	CU_ASSERT_EQUAL(rig.chip.executed, 2);
	CU_ASSERT_FALSE(holds_secret(stack, sizeof(stack)));
	schedule_secret(w);
	CU_ASSERT_PTR_NULL(memmem(stack, sizeof(stack), w + 48, 16));
}

/* --- frames ---------------------------------------------------------------------------------- */

/* RFC 3720, appendix B.4 has CRC-32C; this is CRC-32 of IEEE 802.3, whose check value this is. */
static void test_the_crc_is_that_of_ethernet(void)
{
	CU_ASSERT_EQUAL(frame_crc((const uint8_t *)"123456789", 9), 0xcbf43926u);
}

static void test_a_frame_with_every_octet_value_comes_through(void)
{
	uint8_t data[FRAME_DATA_MAX], wire[FRAME_WIRE_MAX];
	struct frame frame = {0x12, 0x7e, 0x7d, 0x20, 0x7d7e, sizeof(data), data}, got;
	struct frame_parser parser = {0};
	unsigned frames = 0;
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	n = frame_encode(&frame, wire);
	for (size_t i = 0; i < n; i++)
		frames += frame_parse(&parser, wire[i], &got);
	CU_ASSERT_EQUAL_FATAL(frames, 1);
	CU_ASSERT(got.type == 0x12 && got.unit == 0x7e && got.item == 0x7d && got.status == 0x20);
	CU_ASSERT(got.sequence == 0x7d7e && got.length == sizeof(data));
	CU_ASSERT_EQUAL(memcmp(got.data, data, sizeof(data)), 0);
}

static void test_every_changed_octet_is_found(void)
{
	uint8_t wire[FRAME_WIRE_MAX];
	struct frame frame = {WIRE_PUT, 1, 1, 0, 7, 11, (const uint8_t *)"hello, chip"}, got;
	size_t n = frame_encode(&frame, wire);

	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct frame_parser parser = {0};
			unsigned frames = 0;

			wire[i] ^= (uint8_t)(1u << bit);
			for (size_t j = 0; j < n; j++)
				frames += frame_parse(&parser, wire[j], &got);
			wire[i] ^= (uint8_t)(1u << bit);
			/* a missing opening flag is none that counts */
			CU_ASSERT(frames == 0 || i == 0);
		}
	}
}

/* The document's example, octet for octet. */
static void test_the_documented_example_is_what_goes_over_the_wire(void)
{
	static const uint8_t example[] = {0x7e, 0x11, 0x01, 0x01, 0x00, 0x02, 0x01,
					  0x03, 0x00, 0x61, 0x7d, 0x5e, 0x63};
	struct frame frame = {WIRE_PUT, WIRE_UNIT_DIGEST,      WIRE_ITEM_INPUT, 0, 0x0102,
			      3,	(const uint8_t *)"a~c"};
	uint8_t wire[FRAME_WIRE_MAX];
	size_t n = frame_encode(&frame, wire);

	CU_ASSERT(n >= sizeof(example) + 5 && memcmp(wire, example, sizeof(example)) == 0);
	CU_ASSERT_EQUAL(wire[n - 1], FRAME_FLAG);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(test_nothing_but_hello_is_said_before_the_chip_has_answered),
		TEST(test_a_silent_line_is_greeted_ever_more_seldom),
		TEST(test_a_silent_line_is_greeted_every_8_s_whatever_the_timeout),
		TEST(test_who_does_not_answer_hello_is_told_of_once_and_with_what_came),
		TEST(test_the_chip_says_what_it_can),
		TEST(test_who_is_no_chip_of_ours_is_not_spoken_to),
		TEST(test_a_chip_of_another_version_only_is_refused),
		TEST(test_without_faults_three_commands_take_three_frames),
		TEST(test_a_lost_request_is_sent_again),
		TEST(test_a_lost_answer_is_given_again_and_nothing_runs_twice),
		TEST(test_a_corrupted_request_is_not_heard_and_sent_again),
		TEST(test_a_corrupted_answer_is_given_again),
		TEST(test_a_request_that_comes_twice_is_executed_once),
		TEST(test_an_answer_that_comes_twice_counts_once),
		TEST(test_garbage_before_a_frame_is_no_part_of_it),
		TEST(test_an_answer_that_comes_late_is_not_taken_for_the_next_one),
		TEST(test_a_request_that_comes_late_is_executed_once),
		TEST(test_an_over_long_frame_is_dropped_and_the_next_one_is_heard),
		TEST(test_a_frame_of_a_stale_or_future_number_is_not_heard),
		TEST(test_an_answer_to_another_request_is_not_taken),
		TEST(test_a_second_answer_to_one_request_is_not_taken_for_that_of_an_equal_one),
		TEST(test_numbers_go_on_after_65535),
		TEST(test_a_hello_that_comes_late_does_not_end_its_session),
		TEST(test_an_answer_that_never_comes_is_fail_and_the_session_goes_on),
		TEST(test_a_silent_chip_is_asked_for_as_long_and_as_often_as_configured),
		TEST(test_octets_without_end_and_no_answer_among_them_are_babble),
		TEST(test_what_waited_behind_it_fails_too_and_what_was_begun_is_lost),
		TEST(test_a_chip_that_stays_silent_is_gone_and_is_taken_back_when_it_speaks),
		TEST(test_a_chip_that_is_reset_says_so_and_its_operations_are_nodevice),
		TEST(test_a_chip_that_is_reset_again_and_again_is_greeted_ever_more_seldom),
		TEST(test_nothing_is_said_to_a_chip_that_is_left_alone_for_a_while),
		TEST(test_a_reset_while_its_answer_is_lost_is_seen_too),
		TEST(test_a_line_that_goes_ends_all_requests_once),
		TEST(test_a_chip_that_says_wait_is_not_asked_again),
		TEST(test_a_chip_that_says_nothing_but_wait_is_given_up),
		TEST(test_abort_makes_the_unit_forget),
		TEST(test_commands_out_of_place_are_refused_and_end_the_operation),
		TEST(test_a_state_that_no_unit_made_is_refused),
		TEST(test_aad_of_no_octets_changes_no_tag),
		TEST(test_input_of_no_octets_verifies_nothing_twice),
		TEST(test_a_stream_takes_no_aad_after_its_first_start),
		TEST(test_of_a_key_or_message_nothing_stays_in_the_chip_after_its_operation),
		TEST(test_of_a_message_nothing_stays_on_the_chip_s_stack),
		TEST(test_the_crc_is_that_of_ethernet),
		TEST(test_a_frame_with_every_octet_value_comes_through),
		TEST(test_every_changed_octet_is_found),
		TEST(test_the_documented_example_is_what_goes_over_the_wire),
	};

	return suite_main(argc, argv, "chip link", tests, TESTS_COUNT(tests));
}
