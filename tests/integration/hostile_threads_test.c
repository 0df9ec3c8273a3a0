/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose threads change what it shares, take ranges away and pull at its memory, all while
 * the daemon works on it. The machine runs in a thread of its own, and nobody else touches it.
 *
 * The rule a newcomer would break first: assertions are the test's thread's; the others only set
 * flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "tests/integration/oracle.h"
#include "tests/integration/wire.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define LENGTH_MAX (300u * 1024)
#define CANARY 0xa5
#define MASK 0x10
#define ROUNDS 150u

/* The window. What threads may spoil ends at AT_OUTPUT. */
enum {
	AT_KEY = 0,
	AT_IV = 64,
	AT_TAG = 128,
	AT_DIGEST = 192,
	AT_AAD = 256,
	AT_INPUT = 4096,
	AT_OUTPUT = AT_INPUT + LENGTH_MAX,
	AT_ELSEWHERE = AT_OUTPUT + LENGTH_MAX,
	AT_SPARE = AT_ELSEWHERE + LENGTH_MAX,
	WINDOW_SIZE = AT_SPARE + LENGTH_MAX,
};
enum { AAD_SIZE = 100 };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG }; /* slots of aes */
enum kind { GCM_DECRYPT, GCM_ENCRYPT, CTR, DIGEST, KINDS };

static const uint32_t lengths[] = {48, 5000, 70 * 1024, LENGTH_MAX};

struct stage {
	struct rig rig;
	pthread_t machine;
	pthread_t saboteur;
	struct wire wire;
	uint32_t window;
	int memfd;
	off_t memfd_size;
	uint8_t *memory;
	uint8_t *message; /* what the window was filled with; read-only while threads run */
	uint8_t *expected;
	/* what the saboteur does */
	bool tears;	/* at the memfd as well */
	size_t toggles; /* only this byte; 0: any but the tag's first */
	size_t watched; /* nothing must come here */
	atomic_bool stop, at_work;
	atomic_uint leaks;   /* times that it saw something there */
	atomic_uint shrinks; /* times that the memfd could be shortened */
};

static uint8_t *allocate(size_t size)
{
	uint8_t *bytes = malloc(size);

	if (!bytes)
		abort();
	return bytes;
}

/* --- threads --------------------------------------------------------------------------------- */

static void flip(struct stage *stage, size_t at)
{
	__atomic_fetch_xor(stage->memory + at, MASK, __ATOMIC_RELAXED);
}

static bool untouched(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (__atomic_load_n(bytes + i, __ATOMIC_RELAXED) != CANARY)
			return false;
	}
	return true;
}

/* Holes where the message was, and the message again; a longer file; and a shorter one, in vain. */
static void tear(struct stage *stage)
{
	bool torn = fallocate(stage->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, AT_INPUT,
			      LENGTH_MAX) == 0;

	stage->memfd_size += 4096;
	torn &= ftruncate(stage->memfd, stage->memfd_size) == 0;
	torn &= pwrite(stage->memfd, stage->message + AT_INPUT, LENGTH_MAX, AT_INPUT) > 0;
	if (!torn)
		abort();
	if (ftruncate(stage->memfd, 4096) == 0 || errno != EPERM)
		atomic_fetch_add(&stage->shrinks, 1);
}

/* The tag's first byte stays as it is: a wrong one never becomes right. */
static size_t pick(const struct stage *stage, uint32_t random)
{
	static const size_t places[] = {AT_KEY + 1, AT_IV + 2, AT_AAD + 3, AT_TAG + 4, AT_INPUT};

	if (stage->toggles)
		return stage->toggles;
	return places[random % TESTS_COUNT(places)] + (random >> 8) % 8;
}

static void *sabotage(void *argument)
{
	struct stage *stage = argument;
	uint32_t random = 1;

	while (!atomic_load(&stage->stop)) {
		size_t at;

		atomic_store(&stage->at_work, true);
		random = random * 1664525u + 1013904223u;
		at = pick(stage, random >> 8);
		flip(stage, at);
		if (!untouched(stage->memory + stage->watched, 4096)) /* takes a while */
			atomic_fetch_add(&stage->leaks, 1);
		flip(stage, at);
		if (stage->tears && random >> 28 == 0)
			tear(stage);
	}
	return NULL;
}

/* --- the stage ------------------------------------------------------------------------------- */

static bool everybody_waits(void *context)
{
	(void)context;
	return true;
}

/* Until then only this thread has touched the machine. */
static void start_machine(struct stage *stage)
{
	int daemon_end;

	rig_open(&stage->rig, NULL);
	stage->rig.machine->engines.environment.others_wait = everybody_waits;
	wire_open(&stage->wire, &daemon_end);
	CU_ASSERT_EQUAL_FATAL(channel_adopt(&stage->rig.machine->channel, daemon_end), 0);
	if (pthread_create(&stage->machine, NULL, rig_run, &stage->rig) != 0)
		abort();
	CU_ASSERT_EQUAL_FATAL(wire_greet(&stage->wire), 0);
}

static void open_stage(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	start_machine(stage);
	stage->memfd = wire_memory(WINDOW_SIZE, &stage->memory);
	stage->memfd_size = WINDOW_SIZE;
	stage->watched = AT_ELSEWHERE;
	CU_ASSERT_EQUAL_FATAL(wire_window(&stage->wire, stage->memfd, &stage->window), 0);
	stage->message = allocate(WINDOW_SIZE);
	stage->expected = allocate(LENGTH_MAX);
}

static void close_stage(struct stage *stage)
{
	CU_ASSERT_EQUAL(atomic_load(&stage->leaks), 0);
	wire_exit(&stage->wire);
	pthread_join(stage->machine, NULL);
	CU_ASSERT_EQUAL(stage->rig.kernel->pool.taken, 0);
	CU_ASSERT_EQUAL(stage->rig.kernel->pool.committed, 0);
	rig_close(&stage->rig);
	munmap(stage->memory, WINDOW_SIZE);
	close(stage->memfd);
	free(stage->message);
	free(stage->expected);
}

static void release_saboteur(struct stage *stage)
{
	atomic_store(&stage->stop, false);
	atomic_store(&stage->at_work, false);
	if (pthread_create(&stage->saboteur, NULL, sabotage, stage) != 0)
		abort();
	while (!atomic_load(&stage->at_work))
		sched_yield();
}

static void stop_saboteur(struct stage *stage)
{
	atomic_store(&stage->stop, true);
	pthread_join(stage->saboteur, NULL);
}

/* --- messages -------------------------------------------------------------------------------- */

static struct oracle_gcm gcm_of(const uint8_t *seen)
{
	struct oracle_gcm gcm = {.aad_length = AAD_SIZE};

	memcpy(gcm.key, seen + AT_KEY, sizeof(gcm.key));
	memcpy(gcm.iv, seen + AT_IV, sizeof(gcm.iv));
	memcpy(gcm.aad, seen + AT_AAD, AAD_SIZE);
	memcpy(gcm.tag, seen + AT_TAG, sizeof(gcm.tag));
	return gcm;
}

/* Fills the window; for decryption `expected` gets the plaintext. */
static void write_message(struct stage *stage, enum kind kind, uint32_t length)
{
	uint8_t *message = stage->message;
	struct oracle_gcm gcm;

	memset(message, CANARY, WINDOW_SIZE);
	oracle_fill(message, AT_INPUT + length, length);
	if (kind == GCM_DECRYPT) {
		gcm = gcm_of(message);
		memcpy(stage->expected, message + AT_INPUT, length);
		oracle_gcm_encrypt(&gcm, stage->expected, length, message + AT_INPUT);
		memcpy(message + AT_TAG, gcm.tag, sizeof(gcm.tag));
	}
	memcpy(stage->memory, message, WINDOW_SIZE);
}

static struct record request(const struct stage *stage, enum kind kind, uint32_t op_id,
			     uint32_t length, uint32_t output)
{
	struct record record = rig_operation(op_id, kind == DIGEST ? RIG_DIGEST : RIG_AES,
					     kind == GCM_DECRYPT ? 2 : 1);
	uint32_t window = stage->window;

	if (kind == DIGEST) {
		record.operation.words[0] = DIGEST_SHA256;
		rig_range(&record, 0, window, AT_INPUT, length);
		rig_out(&record, 1, ORACLE_DIGEST_SIZE);
		return record;
	}
	record.operation.words[0] = kind == CTR ? AES_CTR : AES_GCM;
	rig_range(&record, KEY, window, AT_KEY, ORACLE_KEY_SIZE);
	rig_range(&record, IV, window, AT_IV, kind == CTR ? ORACLE_BLOCK_SIZE : ORACLE_IV_SIZE);
	rig_range(&record, INPUT, window, AT_INPUT, length);
	rig_range(&record, OUTPUT, window, output, length);
	if (kind != CTR)
		rig_range(&record, AAD, window, AT_AAD, AAD_SIZE);
	if (kind == GCM_DECRYPT)
		rig_range(&record, TAG, window, AT_TAG, ORACLE_TAG_SIZE);
	if (kind == GCM_ENCRYPT)
		rig_out(&record, TAG, ORACLE_TAG_SIZE);
	return record;
}

/* --- decryption ------------------------------------------------------------------------------ */

static void decrypt_under_fire(struct stage *stage, uint32_t length)
{
	const struct record record = request(stage, GCM_DECRYPT, 1, length, AT_OUTPUT);
	uint8_t *output = stage->memory + AT_OUTPUT;

	write_message(stage, GCM_DECRYPT, length);
	CU_ASSERT_EQUAL(wire_perform(&stage->wire, &record, NULL), 0); /* in peace */
	CU_ASSERT_EQUAL(memcmp(output, stage->expected, length), 0);
	release_saboteur(stage);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int status;

		memset(output, CANARY, length);
		status = wire_perform(&stage->wire, &record, NULL);
		CU_ASSERT(status == 0 || status == -PLUTON_EINVAL);
		CU_ASSERT(status == 0 ? memcmp(output, stage->expected, length) == 0
				      : untouched(output, length));
	}
	stop_saboteur(stage);
}

static void test_gcm_under_fire_gives_the_plaintext_or_nothing(void)
{
	struct stage stage;

	open_stage(&stage);
	for (unsigned i = 0; i < TESTS_COUNT(lengths); i++)
		decrypt_under_fire(&stage, lengths[i]);
	close_stage(&stage);
}

static void test_gcm_under_fire_while_the_memory_is_torn(void)
{
	struct stage stage;

	open_stage(&stage);
	stage.tears = true;
	for (unsigned i = 0; i < TESTS_COUNT(lengths); i++)
		decrypt_under_fire(&stage, lengths[i]);
	CU_ASSERT_EQUAL(atomic_load(&stage.shrinks), 0);
	close_stage(&stage);
}

/* Not even for a moment, which a thread that looks all the time would see. */
static void test_a_wrong_tag_never_lets_plaintext_into_the_window(void)
{
	struct stage stage;

	open_stage(&stage);
	stage.watched = AT_OUTPUT;
	for (unsigned i = 0; i < TESTS_COUNT(lengths); i++) {
		const struct record record = request(&stage, GCM_DECRYPT, 1, lengths[i], AT_OUTPUT);

		write_message(&stage, GCM_DECRYPT, lengths[i]);
		stage.memory[AT_TAG] ^= 1;
		release_saboteur(&stage);
		for (unsigned n = 0; n < ROUNDS; n++)
			CU_ASSERT_EQUAL(wire_perform(&stage.wire, &record, NULL), -PLUTON_EINVAL);
		stop_saboteur(&stage);
		CU_ASSERT(untouched(stage.memory + AT_OUTPUT, LENGTH_MAX));
	}
	close_stage(&stage);
}

/* --- one byte with two values: the answer is right for one of them --------------------------- */

static bool matches(struct stage *stage, enum kind kind, uint32_t length,
		    const struct record *answer)
{
	const uint8_t *seen = stage->message, *output = stage->memory + AT_OUTPUT;
	struct oracle_gcm gcm = gcm_of(seen);

	if (kind == DIGEST) {
		oracle_digest(seen + AT_INPUT, length, stage->expected);
		return memcmp(answer->upcall.output, stage->expected, ORACLE_DIGEST_SIZE) == 0;
	}
	if (kind == CTR) {
		oracle_ctr(seen + AT_KEY, seen + AT_IV, seen + AT_INPUT, length, stage->expected);
		return memcmp(output, stage->expected, length) == 0;
	}
	oracle_gcm_encrypt(&gcm, seen + AT_INPUT, length, stage->expected);
	return memcmp(output, stage->expected, length) == 0 &&
	       memcmp(answer->upcall.output, gcm.tag, sizeof(gcm.tag)) == 0;
}

static bool matches_either(struct stage *stage, enum kind kind, uint32_t length,
			   const struct record *answer)
{
	bool matched = matches(stage, kind, length, answer);

	if (!matched) {
		stage->message[stage->toggles] ^= MASK;
		matched = matches(stage, kind, length, answer);
		stage->message[stage->toggles] ^= MASK;
	}
	return matched;
}

static void toggle_one_byte(enum kind kind, size_t at)
{
	struct stage stage;

	open_stage(&stage);
	stage.toggles = at;
	for (unsigned i = 0; i < TESTS_COUNT(lengths); i++) {
		const struct record record = request(&stage, kind, 1, lengths[i], AT_OUTPUT);
		struct record answer;

		write_message(&stage, kind, lengths[i]);
		release_saboteur(&stage);
		for (unsigned n = 0; n < ROUNDS; n++) {
			CU_ASSERT_EQUAL(wire_perform(&stage.wire, &record, &answer), 0);
			CU_ASSERT(matches_either(&stage, kind, lengths[i], &answer));
		}
		stop_saboteur(&stage);
	}
	close_stage(&stage);
}

static void test_a_digest_is_of_one_version_of_a_byte(void)
{
	toggle_one_byte(DIGEST, AT_INPUT + 17);
}

static void test_ctr_is_of_one_version_of_a_byte(void)
{
	toggle_one_byte(CTR, AT_INPUT + 17);
}

static void test_ctr_is_under_one_version_of_the_key(void)
{
	toggle_one_byte(CTR, AT_KEY + 31);
}

static void test_gcm_encryption_is_of_one_version_of_a_byte(void)
{
	toggle_one_byte(GCM_ENCRYPT, AT_INPUT + 17);
}

static void test_gcm_encryption_is_under_one_version_of_the_iv(void)
{
	toggle_one_byte(GCM_ENCRYPT, AT_IV + 11);
}

/* --- ranges and windows that come and go ----------------------------------------------------- */

static uint32_t draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 8) % below;
}

/* Sends something that spoils operation `op_id`; how many answers that will have. */
static unsigned disturb(struct stage *stage, uint32_t op_id, uint32_t *random)
{
	const uint32_t all = lengths[draw(random, TESTS_COUNT(lengths))];
	const uint32_t moved[4] = {stage->window, AT_ELSEWHERE, all}, none[4] = {0};
	const uint32_t spare[4] = {stage->window, AT_SPARE, all};
	struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};
	int memfd = -1;

	switch (draw(random, 8)) {
	case 0:
		record = wire_call_record(op_id, RIG_AES, CLASS_ALLOW_RO, INPUT, none);
		break;
	case 1:
		record = wire_call_record(op_id, RIG_AES, CLASS_ALLOW_RW, OUTPUT, none);
		break;
	case 2:
		record = wire_call_record(op_id, RIG_AES, CLASS_ALLOW_RO, INPUT, spare);
		break;
	case 3:
		record = wire_call_record(op_id, RIG_AES, CLASS_ALLOW_RW, OUTPUT, moved);
		break;
	case 4:
		record = wire_call_record(op_id, RIG_DIGEST, CLASS_ALLOW_RO, 0, none);
		break;
	case 5:
		record = (struct record){.header = {.type = RECORD_WINDOW_ADD}};
		memfd = stage->memfd;
		break;
	case 6:
		record = (struct record){.header = {.type = RECORD_WINDOW_REMOVE},
					 .window = {.window = 2 + draw(random, 7)}};
		break;
	default:
		break;
	}
	wire_send(&stage->wire, &record, memfd);
	return record.header.type != RECORD_CANCEL;
}

/* Any operation; only decryption, which must fail, may put out where nothing is allowed to come. */
static struct record any_request(const struct stage *stage, uint32_t op_id, uint32_t *random)
{
	uint32_t length = lengths[draw(random, TESTS_COUNT(lengths))];
	enum kind kind = draw(random, KINDS);
	struct record record =
		request(stage, kind, op_id, length, kind == GCM_DECRYPT ? AT_OUTPUT : AT_SPARE);

	if (kind == GCM_ENCRYPT && draw(random, 2)) { /* instead opens a stream */
		record.operation.command = 3;
		record.operation.words[1] = AES_ENCRYPT;
		record.operation.output_length = 0;
		record.operation.range_count = INPUT;
	}
	return record;
}

static void test_ranges_come_and_go_while_operations_run(void)
{
	struct stage stage;
	uint32_t random = 7;
	struct record answer;

	open_stage(&stage);
	stage.tears = true;
	stage.watched = AT_OUTPUT;
	write_message(&stage, GCM_DECRYPT, LENGTH_MAX);
	stage.memory[AT_TAG] ^= 1;
	release_saboteur(&stage);
	for (uint32_t round = 1; round < 10 * ROUNDS; round++) {
		struct record record = any_request(&stage, round, &random);
		unsigned answers = 1;

		wire_send(&stage.wire, &record, -1);
		for (unsigned i = draw(&random, 4); i > 0; i--)
			answers += disturb(&stage, round, &random);
		while (answers-- > 0)
			CU_ASSERT_EQUAL_FATAL(wire_receive(&stage.wire, &answer), 0);
	}
	stop_saboteur(&stage);
	CU_ASSERT_EQUAL(atomic_load(&stage.shrinks), 0);
	CU_ASSERT(untouched(stage.memory + AT_OUTPUT, LENGTH_MAX));
	close_stage(&stage);
}

static const struct test tests[] = {
	TEST(test_gcm_under_fire_gives_the_plaintext_or_nothing),
	TEST(test_gcm_under_fire_while_the_memory_is_torn),
	TEST(test_a_wrong_tag_never_lets_plaintext_into_the_window),
	TEST(test_a_digest_is_of_one_version_of_a_byte),
	TEST(test_ctr_is_of_one_version_of_a_byte),
	TEST(test_ctr_is_under_one_version_of_the_key),
	TEST(test_gcm_encryption_is_of_one_version_of_a_byte),
	TEST(test_gcm_encryption_is_under_one_version_of_the_iv),
	TEST(test_ranges_come_and_go_while_operations_run),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hostile-threads", tests, TESTS_COUNT(tests));
}
