/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip backend with a chip that lies: its engines, conversations and link, and in the place of
 * the chip a script. What is asserted: an error, one done, and not one octet beside a buffer.
 */
#include <CUnit/CUnit.h>
#include <string.h>

#include "backends/chip/chip.h"
#include "backends/chip/conversation.h"
#include "hil/aes.h"
#include "hil/checker.h"
#include "hil/digest.h"
#include "tests/suite.h"

#define TIMEOUT_MS 100u
#define RETRIES 3u
#define PATIENCE_MS 60000u
#define SCRATCH (256u * 1024)
#define STATE_SIZE 112u /* octets, of both units */
#define ANYTHING 0x55

static struct rig {
	struct link link;
	struct deferred_queue deferred;
	struct hil_engine *digest, *aes; /* each behind the contract checker */
	struct hil_engine *inner_digest, *inner_aes;
	uint64_t now;
	struct frame_parser parser;
	struct frame heard; /* the host's last frame */
	uint8_t heard_data[FRAME_DATA_MAX];
	unsigned frames;
	uint8_t boot;
} rig;

/* Whoever asks for a digest, for encryption, or for decryption. */
static struct party {
	struct digest_client digest;
	struct aes_client aes;
	bool decrypts;
	size_t pull_at_most; /* 0: as many as asked for */
	size_t pulls;
	size_t longest_pull;
	size_t pushed; /* octets of output, tag, digest or state */
	unsigned dones;
	int result;
} party;

/* --- the chip -------------------------------------------------------------------------------- */

static void hear(void *context, const uint8_t *octets, size_t length)
{
	struct frame frame;

	(void)context;
	for (size_t i = 0; i < length; i++) {
		if (!frame_parse(&rig.parser, octets[i], &frame))
			continue;
		memcpy(rig.heard_data, frame.data, frame.length);
		rig.heard = frame;
		rig.heard.data = rig.heard_data;
		rig.frames++;
	}
}

static void say(uint8_t type, uint8_t status, const uint8_t *data, size_t length)
{
	const struct frame frame = {.type = type,
				    .unit = rig.heard.unit,
				    .item = rig.heard.item,
				    .status = status,
				    .sequence = rig.heard.sequence,
				    .length = (uint16_t)length,
				    .data = data};
	uint8_t wire[FRAME_WIRE_MAX];

	link_receive(&rig.link, wire, frame_encode(&frame, wire));
}

/* To whatever was heard last. */
static void answer(uint8_t status, size_t length)
{
	uint8_t data[FRAME_DATA_MAX];

	memset(data, ANYTHING, sizeof(data));
	say(rig.heard.type | WIRE_ANSWER, status, data, length);
}

static void say_hello(uint16_t buffer, uint16_t state)
{
	uint8_t data[WIRE_CAPS_SIZE] = WIRE_MAGIC;

	CU_ASSERT_EQUAL_FATAL(rig.heard.type, WIRE_HELLO);
	data[WIRE_CAPS_VERSION] = WIRE_VERSION;
	memcpy(data + WIRE_CAPS_SESSION, rig.heard_data + WIRE_HELLO_SESSION, WIRE_NONCE_SIZE);
	memset(data + WIRE_CAPS_BOOT, rig.boot, WIRE_NONCE_SIZE);
	frame_put16(data + WIRE_CAPS_BUFFER, buffer);
	memset(data + WIRE_CAPS_DIGESTS, 0xff, 4 * 6); /* all there is, of any length */
	frame_put16(data + WIRE_CAPS_DIGEST_STATE, state);
	frame_put16(data + WIRE_CAPS_AES_STATE, state);
	say(WIRE_HELLO | WIRE_ANSWER, 0, data, sizeof(data));
}

static void say_stranger(void)
{
	uint8_t boot[WIRE_NONCE_SIZE];

	memset(boot, ++rig.boot, sizeof(boot));
	say(WIRE_STRANGER, 0, boot, sizeof(boot));
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
	memset(octets, ANYTHING, length);
}

static void up(void *context, const struct chip_caps *caps)
{
	(void)context;
	chip_digest_engine_set(rig.inner_digest, caps);
	chip_aes_engine_set(rig.inner_aes, caps);
}

static void down(void *context, const char *why)
{
	(void)why;
	up(context, NULL);
}

static void set_up(void)
{
	const struct checker_options checked = {.deferred = &rig.deferred};
	static const struct link_options options = {
		.timeout_ms = TIMEOUT_MS,
		.retries = RETRIES,
		.patience_ms = PATIENCE_MS,
		.send = hear,
		.now_ms = now_ms,
		.random = random_octets,
		.up = up,
		.down = down,
	};

	memset(&rig, 0, sizeof(rig));
	memset(&party, 0, sizeof(party));
	rig.now = 1000;
	deferred_queue_init(&rig.deferred);
	link_init(&rig.link, &options);
	CU_ASSERT_EQUAL_FATAL(chip_digest_engine_open(&rig.link, &rig.deferred, &rig.inner_digest),
			      0);
	CU_ASSERT_EQUAL_FATAL(
		chip_aes_engine_open(&rig.link, &rig.deferred, SCRATCH, &rig.inner_aes), 0);
	CU_ASSERT_EQUAL_FATAL(checker_open(rig.inner_digest, &checked, &rig.digest), 0);
	CU_ASSERT_EQUAL_FATAL(checker_open(rig.inner_aes, &checked, &rig.aes), 0);
	link_connect(&rig.link);
	say_hello(FRAME_DATA_MAX, STATE_SIZE);
	CU_ASSERT_EQUAL_FATAL(rig.link.state, LINK_UP);
}

static void tear_down(void)
{
	CU_ASSERT_EQUAL(checker_violations(rig.digest) + checker_violations(rig.aes), 0);
	checker_close(rig.digest);
	checker_close(rig.aes);
	chip_digest_engine_close(rig.inner_digest);
	chip_aes_engine_close(rig.inner_aes);
}

/* As many deferred calls as there are, but at most so many. */
static void run(size_t calls)
{
	(void)deferred_queue_run(&rig.deferred, calls);
}

static void run_all(void)
{
	run(SIZE_MAX);
}

/* --- the party ------------------------------------------------------------------------------- */

static ssize_t pull(uint8_t *buf, size_t len)
{
	size_t most = party.pull_at_most ? party.pull_at_most : len;
	size_t n = len < most ? len : most;

	party.pulls++;
	if (len > party.longest_pull)
		party.longest_pull = len;
	memset(buf, ANYTHING, n);
	return (ssize_t)n;
}

static ssize_t pull_digest_input(struct digest_client *client, uint8_t *buf, size_t len,
				 size_t cursor)
{
	(void)client;
	(void)cursor;
	return pull(buf, len);
}

static int take_whole(const uint8_t *bytes, size_t len)
{
	(void)bytes;
	party.pushed += len;
	return 0;
}

static int push_digest(struct digest_client *client, const uint8_t *digest, size_t len)
{
	(void)client;
	return take_whole(digest, len);
}

static int pull_digest_state(struct digest_client *client, uint8_t *state, size_t len)
{
	(void)client;
	CU_ASSERT(len >= WIRE_NONCE_SIZE && len <= DIGEST_STATE_MAX);
	memset(state, rig.boot, len);
	return 0;
}

static void digest_done(struct digest_client *client, int result)
{
	(void)client;
	party.dones++;
	party.result = result;
}

static int pull_whole(struct aes_client *client, uint8_t *bytes, size_t len)
{
	(void)client;
	memset(bytes, ANYTHING, len);
	return 0;
}

static ssize_t pull_aes_input(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)cursor;
	return pull(buf, len);
}

static ssize_t push_output(struct aes_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)cursor;
	take_whole(buf, len);
	return (ssize_t)len;
}

static int push_whole(struct aes_client *client, const uint8_t *bytes, size_t len)
{
	(void)client;
	return take_whole(bytes, len);
}

static void aes_done(struct aes_client *client, int result)
{
	(void)client;
	party.dones++;
	party.result = result;
}

static void start_digest(enum hil_phase phase, size_t length)
{
	static const struct digest_client_ops ops = {
		.pull_input = pull_digest_input,
		.push_digest = push_digest,
		.pull_state = pull_digest_state,
		.push_state = push_digest,
		.done = digest_done,
	};
	const struct digest_request request = {
		.algorithm = DIGEST_SHA256, .phase = phase, .length = length};
	struct digest_engine *engine = (struct digest_engine *)(void *)rig.digest;

	party.digest.ops = &ops;
	CU_ASSERT_EQUAL_FATAL(engine->ops->start(engine, &request, &party.digest), 0);
}

static struct aes_engine *aes_engine(void)
{
	return (struct aes_engine *)(void *)rig.aes;
}

static void start_gcm(enum aes_direction direction, size_t length)
{
	static const struct aes_client_ops ops = {
		.pull_key = pull_whole,
		.pull_iv = pull_whole,
		.pull_aad = pull_aes_input,
		.pull_tag = pull_whole,
		.pull_input = pull_aes_input,
		.push_output = push_output,
		.push_tag = push_whole,
		.done = aes_done,
	};
	const struct aes_request request = {.mode = AES_GCM,
					    .direction = direction,
					    .phase = HIL_ONE_SHOT,
					    .key_size = 16,
					    .iv_size = AES_GCM_IV_SIZE,
					    .tag_size = AES_TAG_SIZE,
					    .length = length};

	party.aes.ops = &ops;
	party.decrypts = direction == AES_DECRYPT;
	CU_ASSERT_EQUAL_FATAL(aes_engine()->ops->start(aes_engine(), &request, &party.aes), 0);
}

static int cancel_digest(void)
{
	struct digest_engine *engine = (struct digest_engine *)(void *)rig.digest;

	return engine->ops->cancel(engine, &party.digest);
}

static int cancel_aes(void)
{
	return aes_engine()->ops->cancel(aes_engine(), &party.aes);
}

/* As a chip would, but for what the octets are. */
static void answer_well(void)
{
	bool crypts = rig.heard.unit == WIRE_UNIT_AES && rig.heard.type == WIRE_PUT &&
		      rig.heard.item == (party.decrypts ? WIRE_ITEM_AGAIN : WIRE_ITEM_INPUT);
	size_t length = crypts ? rig.heard.length : 0;

	if (rig.heard.type == WIRE_GET)
		length = rig.heard.item == WIRE_ITEM_TAG      ? AES_TAG_SIZE
			 : rig.heard.item == WIRE_ITEM_DIGEST ? 32
							      : STATE_SIZE;
	answer(0, length);
}

/* Up to where the host says this; false: the operation is done before. */
static bool talk_until(uint8_t type, uint8_t item)
{
	for (;;) {
		run_all();
		if (party.dones > 0)
			return false;
		if (rig.heard.type == type && rig.heard.item == item)
			return true;
		answer_well();
	}
}

static void finish(void)
{
	CU_ASSERT_FALSE(talk_until(WIRE_HELLO, WIRE_ITEM_NONE));
	CU_ASSERT_EQUAL(party.dones, 1);
}

/* --- another chip in the middle of an operation ---------------------------------------------- */

/*
 * Of a digest, 200 octets of a frame are here and the next step waits its turn among others'; in
 * the meantime the chip becomes one with this buffer and these states.
 */
static void change_chip_in_a_digest(uint16_t buffer, uint16_t state)
{
	set_up();
	party.pull_at_most = 200;
	start_digest(HIL_ONE_SHOT, 4096);
	run_all();
	answer(0, 0);
	start_gcm(AES_ENCRYPT, 16);
	run(2); /* 200 octets are pulled; and AES says BEGIN */
	CU_ASSERT_EQUAL(party.pulls, 1);
	CU_ASSERT_EQUAL(rig.heard.unit, WIRE_UNIT_AES);
	party.pull_at_most = 1; /* so that a pull that is too long does no harm here */
	say_stranger();
	say_hello(buffer, state);
	run_all();
	CU_ASSERT_EQUAL(party.pulls, 1);
	CU_ASSERT(party.longest_pull <= FRAME_DATA_MAX);
	CU_ASSERT_EQUAL(party.dones, 2);
	CU_ASSERT_EQUAL(party.result, -PLUTON_ENODEVICE);
	tear_down();
}

static void test_an_operation_ends_with_the_chip_that_it_began_with(void)
{
	change_chip_in_a_digest(64, 0);
	change_chip_in_a_digest(256, 112);
}

static void test_what_a_chip_says_that_is_not_taken_counts_for_nothing(void)
{
	change_chip_in_a_digest(0, 0);
	CU_ASSERT_EQUAL(rig.link.caps.buffer, FRAME_DATA_MAX);
	change_chip_in_a_digest(65535, 65535);
	CU_ASSERT_EQUAL(rig.link.caps.buffer, FRAME_DATA_MAX);
}

/* --- trouble at every step ------------------------------------------------------------------- */

enum kind { A_DIGEST, AN_ENCRYPTION, A_DECRYPTION, KINDS };

static void begin(enum kind kind)
{
	party.dones = 0;
	party.pull_at_most = 200;
	if (kind == A_DIGEST)
		start_digest(HIL_ONE_SHOT, 600);
	else
		start_gcm(kind == AN_ENCRYPTION ? AES_ENCRYPT : AES_DECRYPT, 600);
}

/* One deferred call or, where there is none, one answer. */
static void step(void)
{
	if (deferred_queue_run(&rig.deferred, 1) == 0)
		answer_well();
}

static void become_another_chip(enum kind kind)
{
	(void)kind;
	link_disconnect(&rig.link);
	rig.boot++;
	link_connect(&rig.link);
	say_hello(64, 0);
}

static void go_wrong(enum kind kind)
{
	(void)kind;
	if (link_busy(&rig.link))
		answer(PLUTON_EFAIL, 0);
}

static void cancel(enum kind kind)
{
	CU_ASSERT_EQUAL(kind == A_DIGEST ? cancel_digest() : cancel_aes(), 0);
}

/* At each step of each operation in turn: one done, and the engine does the next one. */
static void trouble_everywhere(void (*trouble)(enum kind kind), int result)
{
	for (enum kind kind = A_DIGEST; kind < KINDS; kind++) {
		bool was_done = false;

		for (unsigned at = 0; !was_done; at++) {
			set_up();
			begin(kind);
			for (unsigned i = 0; i < at && party.dones == 0; i++)
				step();
			was_done = party.dones > 0;
			if (!was_done) {
				trouble(kind);
				finish();
				CU_ASSERT(party.result == result || party.result == 0);
			}
			begin(kind);
			finish();
			CU_ASSERT_EQUAL(party.result, 0);
			CU_ASSERT(party.longest_pull <= FRAME_DATA_MAX || kind == A_DECRYPTION);
			tear_down();
		}
	}
}

static void test_a_chip_that_becomes_another_at_any_step_ends_its_operation_with_nodevice(void)
{
	trouble_everywhere(become_another_chip, -PLUTON_ENODEVICE);
}

static void test_a_chip_that_fails_at_any_step_ends_its_operation_with_fail(void)
{
	trouble_everywhere(go_wrong, -PLUTON_EFAIL);
}

static void test_a_cancel_at_any_step_ends_the_operation(void)
{
	trouble_everywhere(cancel, -PLUTON_ECANCEL);
}

/* --- answers of wrong lengths ---------------------------------------------------------------- */

static void test_an_answer_of_a_wrong_length_is_fail_and_none_of_it_is_given(void)
{
	static const struct {
		uint8_t type, item;
		size_t length;
	} lies[] = {
		{WIRE_PUT, WIRE_ITEM_INPUT, 0},	  {WIRE_PUT, WIRE_ITEM_INPUT, 99},
		{WIRE_PUT, WIRE_ITEM_INPUT, 101}, {WIRE_PUT, WIRE_ITEM_INPUT, 256},
		{WIRE_PUT, WIRE_ITEM_AGAIN, 0},	  {WIRE_PUT, WIRE_ITEM_AGAIN, 99},
		{WIRE_PUT, WIRE_ITEM_AGAIN, 256}, {WIRE_GET, WIRE_ITEM_TAG, 0},
		{WIRE_GET, WIRE_ITEM_TAG, 15},	  {WIRE_GET, WIRE_ITEM_TAG, 256},
		{WIRE_GET, WIRE_ITEM_DIGEST, 31}, {WIRE_GET, WIRE_ITEM_DIGEST, 33},
		{WIRE_GET, WIRE_ITEM_STATE, 0},	  {WIRE_GET, WIRE_ITEM_STATE, STATE_SIZE + 1},
	};

	for (size_t i = 0; i < TESTS_COUNT(lies); i++) {
		size_t before;

		set_up();
		if (lies[i].item == WIRE_ITEM_DIGEST || lies[i].item == WIRE_ITEM_STATE)
			start_digest(lies[i].item == WIRE_ITEM_STATE ? HIL_FIRST : HIL_ONE_SHOT,
				     100);
		else
			start_gcm(lies[i].item == WIRE_ITEM_AGAIN ? AES_DECRYPT : AES_ENCRYPT, 100);
		CU_ASSERT_TRUE_FATAL(talk_until(lies[i].type, lies[i].item));
		before = party.pushed;
		answer(0, lies[i].length);
		finish();
		CU_ASSERT_EQUAL(party.result, -PLUTON_EFAIL);
		CU_ASSERT_EQUAL(party.pushed, before);
		tear_down();
	}
}

/* --- what is no answer ----------------------------------------------------------------------- */

static void ask_for_resync(void)
{
	set_up();
	start_gcm(AES_ENCRYPT, 100);
	for (unsigned i = 0; i <= RETRIES + 1; i++) {
		run_all();
		rig.now += TIMEOUT_MS;
		link_tick(&rig.link);
	}
	run_all();
	CU_ASSERT_EQUAL(party.result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL_FATAL(rig.heard.type, WIRE_RESYNC);
}

static void answer_resync(uint8_t type, uint8_t unit, uint8_t item, uint8_t status, size_t length)
{
	rig.heard.unit = unit;
	rig.heard.item = item;
	say(type, status, rig.link.caps.boot, length);
}

static void test_a_resync_is_answered_by_its_type_unit_item_status_and_boot_and_nothing_else(void)
{
	const uint8_t type = WIRE_RESYNC | WIRE_ANSWER;

	ask_for_resync();
	answer_resync(WIRE_ABORT | WIRE_ANSWER, 0, 0, 0, WIRE_NONCE_SIZE);
	answer_resync(type, WIRE_UNIT_AES, 0, 0, WIRE_NONCE_SIZE);
	answer_resync(type, 0, WIRE_ITEM_KEY, 0, WIRE_NONCE_SIZE);
	answer_resync(type, 0, 0, PLUTON_EFAIL, WIRE_NONCE_SIZE);
	answer_resync(type, 0, 0, 0, WIRE_NONCE_SIZE - 1);
	CU_ASSERT_EQUAL(rig.link.state, LINK_RESYNCING);
	answer_resync(type, 0, 0, 0, WIRE_NONCE_SIZE);
	CU_ASSERT_EQUAL(rig.link.state, LINK_UP);
	tear_down();
}

static void test_of_half_an_answer_nothing_stays_when_the_line_goes(void)
{
	static const uint8_t nothing[sizeof(rig.link.parser.octets)];
	uint8_t plaintext[200];

	set_up();
	memset(plaintext, ANYTHING, sizeof(plaintext));
	link_receive(&rig.link, plaintext, sizeof(plaintext));
	CU_ASSERT_NOT_EQUAL(memcmp(rig.link.parser.octets, nothing, sizeof(nothing)), 0);
	link_disconnect(&rig.link);
	CU_ASSERT_EQUAL(memcmp(rig.link.parser.octets, nothing, sizeof(nothing)), 0);
	tear_down();
}

/* --- work on the loop ------------------------------------------------------------------------ */

static void test_a_message_to_decrypt_is_pulled_in_pieces_between_which_others_have_their_turn(void)
{
	set_up();
	start_gcm(AES_DECRYPT, SCRATCH);
	CU_ASSERT_TRUE_FATAL(talk_until(WIRE_PUT, WIRE_ITEM_INPUT));
	CU_ASSERT_EQUAL(party.pulls, SCRATCH / 16384);
	CU_ASSERT_EQUAL(party.longest_pull, 16384);
	finish();
	CU_ASSERT_EQUAL(party.result, 0);
	CU_ASSERT_EQUAL(party.pushed, SCRATCH);
	tear_down();
}

/* --- a chip that is never ready -------------------------------------------------------------- */

/* However often it is asked: "later". Returns how long until the operation was done. */
static uint64_t say_only_wait(void)
{
	uint64_t begun = rig.now;

	while (party.dones == 0 && rig.now - begun < PATIENCE_MS) {
		say(WIRE_WAIT, 0, rig.link.caps.boot, WIRE_NONCE_SIZE);
		rig.now += TIMEOUT_MS / 2;
		link_tick(&rig.link);
		run_all();
	}
	CU_ASSERT_EQUAL(party.dones, 1);
	return rig.now - begun;
}

static void test_a_chip_that_only_says_wait_does_not_put_off_a_cancel(void)
{
	set_up();
	start_digest(HIL_ONE_SHOT, 100);
	CU_ASSERT_TRUE_FATAL(talk_until(WIRE_PUT, WIRE_ITEM_INPUT));
	CU_ASSERT_EQUAL(cancel_digest(), 0);
	CU_ASSERT(say_only_wait() <= (RETRIES + 2) * TIMEOUT_MS);
	CU_ASSERT_EQUAL(party.result, -PLUTON_ECANCEL);
	tear_down();
}

static void test_a_chip_that_only_says_wait_does_not_put_off_that_it_is_to_forget(void)
{
	set_up();
	start_digest(HIL_ONE_SHOT, 100);
	CU_ASSERT_TRUE_FATAL(talk_until(WIRE_PUT, WIRE_ITEM_INPUT));
	CU_ASSERT_EQUAL(cancel_digest(), 0);
	answer_well();
	run_all();
	CU_ASSERT_EQUAL(rig.heard.type, WIRE_ABORT);
	CU_ASSERT(say_only_wait() <= (RETRIES + 2) * TIMEOUT_MS);
	CU_ASSERT_EQUAL(party.result, -PLUTON_ECANCEL);
	tear_down();
}

/* What began in the meantime waits behind the RESYNC. */
static void test_a_chip_that_only_says_wait_does_not_put_off_a_resync(void)
{
	ask_for_resync();
	party.dones = 0;
	start_digest(HIL_ONE_SHOT, 100);
	run_all();
	CU_ASSERT_EQUAL(cancel_digest(), 0);
	CU_ASSERT(say_only_wait() <= (RETRIES + 2) * TIMEOUT_MS);
	tear_down();
}

static const struct test tests[] = {
	TEST(test_an_operation_ends_with_the_chip_that_it_began_with),
	TEST(test_what_a_chip_says_that_is_not_taken_counts_for_nothing),
	TEST(test_a_chip_that_becomes_another_at_any_step_ends_its_operation_with_nodevice),
	TEST(test_a_chip_that_fails_at_any_step_ends_its_operation_with_fail),
	TEST(test_a_cancel_at_any_step_ends_the_operation),
	TEST(test_an_answer_of_a_wrong_length_is_fail_and_none_of_it_is_given),
	TEST(test_a_resync_is_answered_by_its_type_unit_item_status_and_boot_and_nothing_else),
	TEST(test_of_half_an_answer_nothing_stays_when_the_line_goes),
	TEST(test_a_message_to_decrypt_is_pulled_in_pieces_between_which_others_have_their_turn),
	TEST(test_a_chip_that_only_says_wait_does_not_put_off_a_cancel),
	TEST(test_a_chip_that_only_says_wait_does_not_put_off_that_it_is_to_forget),
	TEST(test_a_chip_that_only_says_wait_does_not_put_off_a_resync),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "chip lying", tests, TESTS_COUNT(tests));
}
