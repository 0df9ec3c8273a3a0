/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES streams of the OpenSSL backend: exported CTR state, charged GCM contexts, and what is left
 * in memory afterwards. OpenSSL allocates through this file, so that it can be counted.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/aes_operation.h"
#include "hil/hwkey.h"
#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define OWNER_LIMIT 65536u

/* --- OpenSSL's memory --------------------------------------------------------------------------
 */

struct block {
	struct block *next;
	struct block **link;
	size_t size;
	size_t align; /* what follows is aligned as malloc's is */
};

static struct {
	pthread_mutex_t lock;
	struct block *live;
	size_t cost;		/* of all live blocks */
	const uint8_t *pattern; /* 16 bytes nobody may leave behind, or NULL */
	unsigned left_behind;	/* freed blocks that held them */
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What malloc takes for it: a length word, units of 16, at least 32. */
static size_t cost_of(size_t size)
{
	size_t taken = (size + 8 + 15) & ~(size_t)15;

	return taken < 32 ? 32 : taken;
}

static bool holds_pattern(const void *bytes, size_t size)
{
	return memory.pattern && memmem(bytes, size, memory.pattern, 16);
}

static void *counted_malloc(size_t size, const char *file, int line)
{
	struct block *block = malloc(sizeof(*block) + size);

	(void)file;
	(void)line;
	if (!block)
		return NULL;
	pthread_mutex_lock(&memory.lock);
	block->size = size;
	block->next = memory.live;
	block->link = &memory.live;
	if (block->next)
		block->next->link = &block->next;
	memory.live = block;
	memory.cost += cost_of(size);
	pthread_mutex_unlock(&memory.lock);
	return block + 1;
}

static void counted_free(void *bytes, const char *file, int line)
{
	struct block *block;

	(void)file;
	(void)line;
	if (!bytes)
		return;
	block = (struct block *)bytes - 1;
	pthread_mutex_lock(&memory.lock);
	memory.left_behind += holds_pattern(bytes, block->size);
	*block->link = block->next;
	if (block->next)
		block->next->link = block->link;
	memory.cost -= cost_of(block->size);
	pthread_mutex_unlock(&memory.lock);
	free(block);
}

static void *counted_realloc(void *bytes, size_t size, const char *file, int line)
{
	void *moved = counted_malloc(size, file, line);
	size_t old;

	if (!bytes || !moved)
		return moved;
	old = ((struct block *)bytes - 1)->size;
	memcpy(moved, bytes, size < old ? size : old);
	counted_free(bytes, file, line);
	return moved;
}

static unsigned live_blocks_with_pattern(void)
{
	unsigned count = 0;

	pthread_mutex_lock(&memory.lock);
	for (const struct block *block = memory.live; block; block = block->next)
		count += holds_pattern(block + 1, block->size);
	pthread_mutex_unlock(&memory.lock);
	return count;
}

/* --- the counter -------------------------------------------------------------------------------
 */

static struct ctr_position position_at(unsigned bits, uint8_t last_byte, size_t offset)
{
	struct ctr_position position = {.offset = offset, .bits = bits};

	memset(position.block, 0xff, sizeof(position.block));
	position.block[15] = last_byte;
	return position;
}

static void test_a_position_has_room_up_to_the_end_of_the_last_block(void)
{
	static const unsigned bits[] = {32, 128};

	for (size_t i = 0; i < 2; i++) {
		struct ctr_position position = position_at(bits[i], 0xfe, 3);

		CU_ASSERT(ctr_position_has_room(&position, 0));
		CU_ASSERT(ctr_position_has_room(&position, 29));
		CU_ASSERT_FALSE(ctr_position_has_room(&position, 30));
		CU_ASSERT_FALSE(ctr_position_has_room(&position, SIZE_MAX));
	}
}

static void test_a_position_stays_behind_the_last_block(void)
{
	struct ctr_position position = position_at(32, 0xfe, 0);

	ctr_position_advance(&position, 32);
	CU_ASSERT_EQUAL(position.block[15], 0xff);
	CU_ASSERT_EQUAL(position.offset, 16);
	CU_ASSERT(ctr_position_is_sound(&position));
	CU_ASSERT(ctr_position_has_room(&position, 0));
	CU_ASSERT_FALSE(ctr_position_has_room(&position, 1));
	ctr_position_advance(&position, 0);
	CU_ASSERT_EQUAL(position.offset, 16);
}

static void test_a_position_advances_by_any_bytes_as_by_their_sum(void)
{
	for (size_t a = 0; a < 70; a++) {
		for (size_t b = 0; b < 70; b++) {
			struct ctr_position cut = position_at(128, 0x10, 0), whole = cut;

			memset(cut.block, 0, 8);
			memset(whole.block, 0, 8);
			cut.block[15] = whole.block[15] = 0xfd; /* carries into the upper half */
			ctr_position_advance(&cut, a);
			ctr_position_advance(&cut, b);
			ctr_position_advance(&whole, a + b);
			CU_ASSERT_EQUAL(memcmp(cut.block, whole.block, 16), 0);
			CU_ASSERT_EQUAL(cut.offset, whole.offset);
		}
	}
}

static void test_a_32_bit_counter_leaves_the_upper_bytes_alone(void)
{
	struct ctr_position position = {.bits = 32, .block = {[11] = 0xff, [15] = 0xff}};

	ctr_position_advance(&position, 16);
	CU_ASSERT_EQUAL(position.block[11], 0xff);
	CU_ASSERT_EQUAL(position.block[14], 1);
	CU_ASSERT_EQUAL(position.block[15], 0);
}

static void test_positions_that_advance_cannot_make_are_not_sound(void)
{
	struct ctr_position position = position_at(32, 0xfe, 16);

	CU_ASSERT_FALSE(ctr_position_is_sound(&position));
	position = position_at(32, 0xff, 17);
	CU_ASSERT_FALSE(ctr_position_is_sound(&position));
	position = position_at(64, 0xff, 0);
	CU_ASSERT_FALSE(ctr_position_is_sound(&position));
}

/* --- a stream ----------------------------------------------------------------------------------
 */

#define MESSAGE 100000u

struct stream {
	struct machine machine;
	struct test_owner owner;
	struct aes_test_client client;
	struct aes_request request;
	uint8_t *plain;
	uint8_t *output;
	uint8_t *expected;
	uint8_t tag[AES_TAG_SIZE];
	size_t cursor;
};

static const size_t iv_sizes[AES_MODES] = {[AES_CBC] = AES_BLOCK_SIZE, [AES_GCM] = AES_GCM_IV_SIZE};

/* The expected output is what the same engine makes of it in one start. */
static void make_expected(struct stream *s)
{
	struct aes_request request = s->request;

	s->client.input = s->plain;
	s->client.output = s->expected;
	s->client.length = request.length = MESSAGE;
	request.phase = HIL_ONE_SHOT;
	CU_ASSERT_EQUAL(aes_test_run(&s->machine, &s->client, &request), 0);
	memcpy(s->tag, s->client.tag, sizeof(s->tag));
}

static void stream_open(struct stream *s, enum aes_mode mode, const struct openssl_options *options)
{
	memset(s, 0, sizeof(*s));
	machine_open(&s->machine, options, NULL);
	s->owner.limit = OWNER_LIMIT;
	s->plain = malloc(MESSAGE);
	s->output = calloc(1, MESSAGE);
	s->expected = malloc(MESSAGE);
	fill(s->plain, MESSAGE, 1);
	fill(s->client.key, sizeof(s->client.key), 2);
	fill(s->client.iv, sizeof(s->client.iv), 3);
	s->client.manners.lends_input = s->client.manners.lends_output = true;
	s->request = (struct aes_request){
		.owner = &s->owner.owner,
		.mode = mode,
		.direction = AES_ENCRYPT,
		.key_size = 32,
		.iv_size = iv_sizes[mode],
		.tag_size = mode == AES_GCM ? AES_TAG_SIZE : 0,
		.ctr_bits = mode == AES_CTR ? 32 : 0,
	};
	make_expected(s);
}

/* One start of `length` bytes; the first one sets out anew. */
static int stream_go(struct stream *s, enum hil_phase phase, size_t length)
{
	int r;

	if (phase & HIL_FIRST)
		s->cursor = 0;
	s->request.phase = phase;
	s->request.length = s->client.length = length;
	s->request.iv_size = phase & HIL_FIRST ? iv_sizes[s->request.mode] : 0;
	s->client.input = s->plain + s->cursor;
	s->client.output = s->output + s->cursor;
	r = aes_test_run(&s->machine, &s->client, &s->request);
	s->cursor += length;
	return r;
}

static void stream_close(struct stream *s)
{
	CU_ASSERT_EQUAL(s->owner.charged, 0);
	machine_close(&s->machine);
	free(s->plain);
	free(s->output);
	free(s->expected);
}

static bool is_expected(const struct stream *s)
{
	return memcmp(s->output, s->expected, s->cursor) == 0;
}

static void check_cuts(enum aes_mode mode)
{
	static const size_t cuts[] = {0, 1, 15, 16, 17, 33, 4096, 70001};

	for (size_t e = 0; e < EXECUTIONS; e++) {
		struct stream s;

		stream_open(&s, mode, &executions[e]);
		for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			memset(s.output, 0, MESSAGE);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, cuts[i]), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 77), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 0), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, MESSAGE - s.cursor), 0);
			CU_ASSERT(is_expected(&s));
			if (mode == AES_GCM)
				CU_ASSERT_EQUAL(memcmp(s.client.tag, s.tag, AES_TAG_SIZE), 0);
		}
		stream_close(&s);
	}
}

/* --- CTR ---------------------------------------------------------------------------------------
 */

static void test_ctr_may_be_cut_anywhere(void)
{
	check_cuts(AES_CTR);
}

static void test_ctr_streams_charge_nobody(void)
{
	struct stream s;

	stream_open(&s, AES_CTR, &executions[0]);
	s.owner.limit = 0;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 100), 0);
	stream_close(&s);
}

static void test_a_stream_that_used_up_its_counter_takes_no_more(void)
{
	struct stream s;

	stream_open(&s, AES_CTR, &executions[0]);
	memset(s.client.ctr, 0xff, AES_BLOCK_SIZE);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 15), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 2), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(s.client.outcome.pulled, 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 1), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 0), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 0), 0);
	stream_close(&s);
}

static void test_a_ctr_state_with_a_wrong_field_is_refused(void)
{
	/* version, mode, key size, counter bits, offset, the zeros, behind a key of 16 bytes */
	static const size_t fields[] = {0, 1, 2, 3, 4, 5, 7, 24 + 16, AES_STATE_SIZE - 1};
	struct stream s;

	stream_open(&s, AES_CTR, &executions[0]);
	s.request.key_size = 16;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 20), 0);
		s.client.state[fields[i]] ^= 0x90;
		CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 20), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(s.client.outcome.pulled, 0);
	}
	stream_close(&s);
}

static void test_a_stream_cannot_change_its_key_size_or_mode(void)
{
	struct stream s;

	stream_open(&s, AES_CTR, &executions[0]);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 20), 0);
	s.request.key_size = 16;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 20), -PLUTON_EINVAL);
	s.request.key_size = 32;
	s.request.ctr_bits = 128;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 20), -PLUTON_EINVAL);
	s.request.mode = AES_GCM;
	s.request.tag_size = AES_TAG_SIZE;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 20), -PLUTON_EINVAL);
	s.request.mode = AES_CBC;
	s.request.tag_size = 0;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 32), -PLUTON_EINVAL);
	stream_close(&s);
}

/* --- ECB and CBC -------------------------------------------------------------------------------
 */

static void check_block_cuts(enum aes_mode mode, enum aes_direction direction)
{
	static const size_t cuts[] = {0, 16, 32, 4096, 4112, 70000};

	for (size_t e = 0; e < EXECUTIONS; e++) {
		struct stream s;

		stream_open(&s, mode, &executions[e]);
		s.request.direction = direction;
		make_expected(&s);
		for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			memset(s.output, 0, MESSAGE);
			s.client.manners.lend_most = i % 2 ? 1001 : 0;
			CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, cuts[i]), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 80), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 0), 0);
			CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, MESSAGE - s.cursor), 0);
			CU_ASSERT(is_expected(&s));
		}
		stream_close(&s);
	}
}

static void test_ecb_and_cbc_may_be_cut_between_any_blocks(void)
{
	check_block_cuts(AES_ECB, AES_ENCRYPT);
	check_block_cuts(AES_ECB, AES_DECRYPT);
	check_block_cuts(AES_CBC, AES_ENCRYPT);
	check_block_cuts(AES_CBC, AES_DECRYPT);
}

static void check_wrong_fields(enum aes_mode mode, const size_t *fields, size_t count)
{
	struct stream s;

	stream_open(&s, mode, &executions[0]);
	s.request.key_size = 16;
	s.owner.limit = 0; /* they charge nobody */
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 32), 0);
		s.client.state[fields[i]] ^= 0x90;
		CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 32), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(s.client.outcome.pulled, 0);
	}
	stream_close(&s);
}

static void test_an_ecb_or_cbc_state_with_a_wrong_field_is_refused(void)
{
	/* version, mode, key size, counter bits, offset, the zeros, behind a key of 16 bytes */
	static const size_t fields[] = {0, 1, 2, 3, 4, 5, 7, 24 + 16, AES_STATE_SIZE - 1, 8, 23};

	check_wrong_fields(AES_ECB, fields, sizeof(fields) / sizeof(fields[0]));
	check_wrong_fields(AES_CBC, fields, sizeof(fields) / sizeof(fields[0]) - 2);
}

/* --- GCM ---------------------------------------------------------------------------------------
 */

static void test_gcm_encryption_may_be_cut_anywhere(void)
{
	check_cuts(AES_GCM);
}

static void test_a_gcm_stream_is_charged_until_its_last_start(void)
{
	struct stream s;
	size_t cost = openssl_charges[OPENSSL_CHARGE_GCM_STREAM].cost;

	stream_open(&s, AES_GCM, &executions[0]);
	CU_ASSERT_EQUAL(s.owner.charged, 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
	CU_ASSERT_EQUAL(s.owner.charged, cost);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 100), 0);
	CU_ASSERT_EQUAL(s.owner.charged, cost);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 100), 0);
	CU_ASSERT_EQUAL(s.owner.charged, 0);
	stream_close(&s);
}

/* Not more than a tenth too much either: what is charged is missing to its owner. */
static void test_the_declared_cost_of_a_gcm_stream_is_what_openssl_allocates(void)
{
	struct stream s;
	size_t cost = openssl_charges[OPENSSL_CHARGE_GCM_STREAM].cost;
	size_t before, taken;

	stream_open(&s, AES_GCM, &executions[0]);
	for (size_t key_size = 16; key_size <= 32; key_size += 8) {
		s.request.key_size = key_size;
		before = memory.cost;
		CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
		taken = memory.cost - before;
		CU_ASSERT(taken <= cost);
		CU_ASSERT(taken >= cost - cost / 10);
		CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 100), 0);
		CU_ASSERT_EQUAL(memory.cost, before);
	}
	stream_close(&s);
}

static void test_an_owner_over_its_limit_gets_nomem_before_anything_moves(void)
{
	struct stream s;

	stream_open(&s, AES_GCM, &executions[0]);
	s.owner.limit = openssl_charges[OPENSSL_CHARGE_GCM_STREAM].cost - 1;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(s.client.outcome.callbacks, 0);
	stream_close(&s);
}

static void test_gcm_streams_of_one_owner_do_not_disturb_each_other(void)
{
	struct stream s;
	struct aes_test_client other;

	stream_open(&s, AES_GCM, &executions[0]);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 1000), 0);
	other = s.client;
	s.client.key[0] ^= 1;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 50), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 50), 0);
	s.client = other;
	s.cursor = 1000;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, MESSAGE - 1000), 0);
	CU_ASSERT_EQUAL(memcmp(s.client.tag, s.tag, AES_TAG_SIZE), 0);
	stream_close(&s);
}

static void test_the_state_of_an_ended_stream_names_nothing(void)
{
	struct stream s;
	uint8_t old[HIL_STATE_MAX];

	stream_open(&s, AES_GCM, &executions[0]);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	memcpy(old, s.client.state, sizeof(old));
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), -PLUTON_ERESERVE);
	/* Its handle is taken by another one now. */
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	CU_ASSERT_EQUAL(memcmp(s.client.state + 8, old + 8, 4), 0);
	memcpy(s.client.state, old, sizeof(old));
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(s.client.outcome.pulled, 0);
	test_owner_die(&s.owner);
	stream_close(&s);
}

static void test_a_gcm_state_with_a_wrong_field_is_refused(void)
{
	static const size_t fields[] = {0, 1, 2, 3, 4, 5, 12, 24, AES_STATE_SIZE - 1};
	struct stream s;

	stream_open(&s, AES_GCM, &executions[0]);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		s.client.state[fields[i]] ^= 0x80;
		CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 10), -PLUTON_EINVAL);
		s.client.state[fields[i]] ^= 0x80;
	}
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), 0);
	stream_close(&s);
}

static void test_a_stream_that_fails_is_over_and_charged_no_more(void)
{
	struct stream s;

	stream_open(&s, AES_GCM, &executions[0]);
	for (unsigned n = 1; n <= 4; n++) { /* state, loan, loan, state */
		CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
		s.client.manners = (struct manners){.fail_at = n, .failure = -PLUTON_EFAIL};
		CU_ASSERT_EQUAL(stream_go(&s, HIL_MIDDLE, 10), -PLUTON_EFAIL);
		s.client.manners = (struct manners){0};
		/* Failing to name itself is no failure of the stream. */
		CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), n == 1 ? 0 : -PLUTON_ERESERVE);
		CU_ASSERT_EQUAL(s.owner.charged, 0);
	}
	stream_close(&s);
}

static void test_an_owner_that_dies_between_starts_leaves_nothing(void)
{
	struct stream s;
	size_t before;

	stream_open(&s, AES_GCM, &executions[0]);
	before = memory.cost;
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	test_owner_die(&s.owner);
	CU_ASSERT_EQUAL(memory.cost, before);
	stream_close(&s);
}

/* The charge is released while a worker, or a later slice, still uses the context. */
static void check_death_under_way(const struct openssl_options *options, bool cancel)
{
	struct stream s;
	struct aes_engine *engine;
	size_t before;

	stream_open(&s, AES_GCM, options);
	engine = machine_aes(&s.machine);
	before = memory.cost;
	s.request.phase = HIL_FIRST;
	s.request.length = s.client.length = MESSAGE;
	s.client.output = s.output;
	aes_test_client_arm(&s.client);
	CU_ASSERT_EQUAL(engine->ops->start(engine, &s.request, &s.client.client), 0);
	machine_step(&s.machine);
	CU_ASSERT_EQUAL(s.client.outcome.done, 0);
	test_owner_die(&s.owner);
	if (cancel)
		CU_ASSERT_EQUAL(engine->ops->cancel(engine, &s.client.client), 0);
	machine_run(&s.machine, &s.client.outcome.done);
	CU_ASSERT_EQUAL(s.client.outcome.result, cancel ? -PLUTON_ECANCEL : 0);
	CU_ASSERT_EQUAL(memory.cost, before);
	stream_close(&s);
}

static void test_an_owner_that_dies_under_way_leaves_nothing_when_it_is_done(void)
{
	for (size_t e = 2; e < EXECUTIONS; e++) {
		check_death_under_way(&executions[e], false);
		check_death_under_way(&executions[e], true);
	}
}

static void test_a_stream_that_is_forgotten_is_over_and_forgetting_twice_is_nothing(void)
{
	struct stream s;
	struct aes_engine *engine;

	stream_open(&s, AES_GCM, &executions[0]);
	engine = (struct aes_engine *)(void *)s.machine.instance->engines[HIL_AES];
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	for (unsigned i = 0; i < 2; i++) {
		engine->ops->forget(engine, &s.owner.owner, s.client.state,
				    engine->caps.state_bytes);
		CU_ASSERT_EQUAL(s.owner.charged, 0);
	}
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), -PLUTON_ERESERVE);
	stream_close(&s);
}

static void test_forgetting_a_ctr_state_or_a_short_one_does_nothing(void)
{
	struct stream s;
	struct aes_engine *engine;
	uint8_t state[AES_STATE_SIZE] = {0};

	stream_open(&s, AES_CTR, &executions[0]);
	engine = (struct aes_engine *)(void *)s.machine.instance->engines[HIL_AES];
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 10), 0);
	engine->ops->forget(engine, &s.owner.owner, s.client.state, AES_STATE_SIZE);
	engine->ops->forget(engine, &s.owner.owner, state, AES_STATE_SIZE);
	engine->ops->forget(engine, &s.owner.owner, state, 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, 10), 0);
	stream_close(&s);
}

/* --- what is left behind -----------------------------------------------------------------------
 */

/* In OpenSSL's memory, freed or not, and in the engine's own. */
static bool is_left(const struct stream *s)
{
	const struct aes_unit *unit =
		(const struct aes_unit *)(const void *)s->machine.instance->engines[HIL_AES];

	return memory.left_behind || live_blocks_with_pattern() ||
	       holds_pattern(unit, sizeof(*unit)) ||
	       holds_pattern(s->machine.instance, malloc_usable_size(s->machine.instance));
}

static void watch_for(const uint8_t *pattern)
{
	memory.pattern = pattern;
	memory.left_behind = 0;
}

static void check_left(enum aes_mode mode, const struct manners *manners, size_t length)
{
	for (size_t e = 0; e < EXECUTIONS; e++) {
		struct stream s;

		stream_open(&s, mode, &executions[e]);
		s.client.manners = *manners;
		watch_for(s.client.key);
		CU_ASSERT_FALSE(is_left(&s));
		stream_go(&s, HIL_ONE_SHOT, length);
		CU_ASSERT_FALSE(is_left(&s));
		stream_go(&s, HIL_FIRST, length);
		CU_ASSERT(mode == AES_CTR || s.owner.charged == 0 || is_left(&s));
		stream_go(&s, HIL_LAST, length);
		CU_ASSERT_FALSE(is_left(&s));
		watch_for(s.plain);
		stream_go(&s, HIL_ONE_SHOT, length);
		CU_ASSERT_FALSE(is_left(&s));
		watch_for(NULL);
		stream_close(&s);
	}
}

static void test_neither_key_nor_plaintext_stays_behind(void)
{
	static const struct manners lends = {.lends_input = true, .lends_output = true};

	check_left(AES_CTR, &(struct manners){0}, 5000);
	check_left(AES_CTR, &lends, 5000);
	check_left(AES_GCM, &(struct manners){0}, 5000);
	check_left(AES_GCM, &lends, 5000);
}

static void test_neither_key_nor_plaintext_stays_behind_when_a_callback_fails(void)
{
	for (unsigned n = 1; n < 6; n++) {
		check_left(AES_CTR, &(struct manners){.fail_at = n, .failure = -1}, 5000);
		check_left(AES_GCM, &(struct manners){.fail_at = n, .failure = -1}, 5000);
	}
}

static bool scratches_are_zero(const struct stream *s)
{
	const struct aes_unit *unit =
		(const struct aes_unit *)(const void *)s->machine.instance->engines[HIL_AES];

	for (size_t i = 0; i < unit->scratch_count; i++) {
		for (size_t j = 0; j < unit->scratches[i].size; j++) {
			if (unit->scratches[i].memory[j] != 0)
				return false;
		}
	}
	return true;
}

static void check_scratch(bool lends, bool good, unsigned fail_at)
{
	for (size_t e = 0; e < EXECUTIONS; e++) {
		struct stream s;

		stream_open(&s, AES_GCM, &executions[e]);
		memcpy(s.plain, s.expected, MESSAGE); /* it has ciphertext now */
		memcpy(s.client.tag, s.tag, AES_TAG_SIZE);
		s.client.tag[0] ^= !good;
		s.client.manners = (struct manners){
			.lends_input = lends,
			.lends_output = lends,
			.fail_at = fail_at,
			.failure = -PLUTON_EFAIL,
		};
		s.request.direction = AES_DECRYPT;
		stream_go(&s, HIL_ONE_SHOT, MESSAGE);
		CU_ASSERT(scratches_are_zero(&s));
		stream_close(&s);
	}
}

static void test_scratch_is_wiped_after_success_a_bad_tag_and_a_failure(void)
{
	check_scratch(false, true, 0);
	check_scratch(true, true, 0);
	check_scratch(false, false, 0);
	check_scratch(true, false, 0);
	for (unsigned n = 4; n < 12; n++)
		check_scratch(false, true, n);
}

/* --- a key in a slot ---------------------------------------------------------------------------
 */

struct slot_client {
	struct hwkey_client client;
	const uint8_t *key;
	unsigned done;
	int result;
};

static ssize_t give_slots_key(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	memcpy(buf, ((struct slot_client *)(void *)client)->key + cursor, len);
	return (ssize_t)len;
}

static void slot_done(struct hwkey_client *client, int result)
{
	((struct slot_client *)(void *)client)->done++;
	((struct slot_client *)(void *)client)->result = result;
}

static struct hwkey_engine *hwkey_engine(struct stream *s)
{
	return (struct hwkey_engine *)(void *)s->machine.checkers[HIL_HWKEY];
}

static void do_with_slot(struct stream *s, enum hwkey_action action)
{
	static const struct hwkey_client_ops ops = {.pull_input = give_slots_key,
						    .done = slot_done};
	struct slot_client client = {.client.ops = &ops, .key = s->client.key};
	const bool fills = action == HWKEY_IMPORT;
	const struct hwkey_request request = {
		.action = action,
		.name = {.owner = "uid-1000", .number = 1},
		.attributes = {fills ? HWKEY_AES256 : 0, fills ? HWKEY_ENCRYPT : 0,
			       fills ? HWKEY_THIS_BOOT : 0, fills ? 32 : 0},
		.slots_per_owner = 4,
		.length = fills ? 32 : 0,
	};
	struct hwkey_engine *engine = hwkey_engine(s);

	CU_ASSERT_EQUAL_FATAL(engine->ops->start(engine, &request, &client.client), 0);
	machine_run(&s->machine, &client.done);
	CU_ASSERT_EQUAL(client.result, 0);
}

static void open_with_slot(struct stream *s, const struct openssl_options *options)
{
	const struct hwkey_name name = {.owner = "uid-1000", .number = 1};
	struct hwkey_about about = {0};

	stream_open(s, AES_GCM, options);
	do_with_slot(s, HWKEY_IMPORT);
	CU_ASSERT_EQUAL_FATAL(hwkey_engine(s)->ops->find(hwkey_engine(s), &name, &about), 0);
	s->request.key = about.ref;
	watch_for(s->client.key);
	CU_ASSERT_FALSE(is_left(s));
}

/* As the capsule does after a failure, with the stream that was opened as s->client.state says. */
static void forget(struct stream *s)
{
	struct aes_engine *engine =
		(struct aes_engine *)(void *)s->machine.instance->engines[HIL_AES];

	engine->ops->forget(engine, &s->owner.owner, s->client.state, engine->caps.state_bytes);
}

static void check_no_more_starts(struct stream *s)
{
	CU_ASSERT_FALSE(is_left(s));
	CU_ASSERT_EQUAL(stream_go(s, HIL_MIDDLE, 10), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(s->client.outcome.callbacks, 0);
	forget(s);
	watch_for(NULL);
	stream_close(s);
}

static void test_a_gcm_stream_forgets_the_key_of_a_slot_when_that_is_emptied(void)
{
	for (size_t e = 0; e < EXECUTIONS; e++) {
		uint8_t states[3][HIL_STATE_MAX];
		struct stream s;

		open_with_slot(&s, &executions[e]);
		for (size_t i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
			memcpy(states[i], s.client.state, HIL_STATE_MAX);
		}
		CU_ASSERT(is_left(&s)); /* the search finds it where it is */
		memcpy(s.client.state, states[1], HIL_STATE_MAX);
		forget(&s);
		do_with_slot(&s, HWKEY_DELETE);
		CU_ASSERT_FALSE(is_left(&s));
		memcpy(s.client.state, states[0], HIL_STATE_MAX);
		forget(&s);
		memcpy(s.client.state, states[2], HIL_STATE_MAX);
		check_no_more_starts(&s);
	}
}

static void test_a_start_under_way_ends_and_is_the_last_that_had_the_key(void)
{
	for (size_t e = 2; e < EXECUTIONS; e++) {
		struct stream s;
		struct aes_engine *engine;

		open_with_slot(&s, &executions[e]);
		engine = machine_aes(&s.machine);
		s.request.phase = HIL_FIRST;
		s.request.length = s.client.length = MESSAGE;
		s.client.output = s.output;
		aes_test_client_arm(&s.client);
		CU_ASSERT_EQUAL(engine->ops->start(engine, &s.request, &s.client.client), 0);
		machine_step(&s.machine);
		CU_ASSERT_EQUAL(s.client.outcome.done, 0);
		do_with_slot(&s, HWKEY_DELETE);
		machine_run(&s.machine, &s.client.outcome.done);
		CU_ASSERT_EQUAL(s.client.outcome.result, 0);
		CU_ASSERT_EQUAL(memcmp(s.output, s.expected, MESSAGE), 0);
		s.cursor = 0;
		check_no_more_starts(&s);
	}
}

/* Its owner dies first, then the slot goes; or the stream ends as it should. */
static void test_a_stream_that_is_over_has_no_part_in_its_slot(void)
{
	struct stream s;

	open_with_slot(&s, &executions[0]);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_LAST, MESSAGE - 100), 0);
	CU_ASSERT(is_expected(&s));
	CU_ASSERT_EQUAL(memcmp(s.client.tag, s.tag, AES_TAG_SIZE), 0);
	CU_ASSERT_EQUAL(stream_go(&s, HIL_FIRST, 100), 0);
	test_owner_die(&s.owner);
	CU_ASSERT_FALSE(is_left(&s));
	do_with_slot(&s, HWKEY_DELETE);
	watch_for(NULL);
	stream_close(&s);
}

static const struct test tests[] = {
	TEST(test_a_position_has_room_up_to_the_end_of_the_last_block),
	TEST(test_a_position_stays_behind_the_last_block),
	TEST(test_a_position_advances_by_any_bytes_as_by_their_sum),
	TEST(test_a_32_bit_counter_leaves_the_upper_bytes_alone),
	TEST(test_positions_that_advance_cannot_make_are_not_sound),
	TEST(test_ctr_may_be_cut_anywhere),
	TEST(test_ctr_streams_charge_nobody),
	TEST(test_a_stream_that_used_up_its_counter_takes_no_more),
	TEST(test_a_ctr_state_with_a_wrong_field_is_refused),
	TEST(test_a_stream_cannot_change_its_key_size_or_mode),
	TEST(test_ecb_and_cbc_may_be_cut_between_any_blocks),
	TEST(test_an_ecb_or_cbc_state_with_a_wrong_field_is_refused),
	TEST(test_gcm_encryption_may_be_cut_anywhere),
	TEST(test_a_gcm_stream_is_charged_until_its_last_start),
	TEST(test_the_declared_cost_of_a_gcm_stream_is_what_openssl_allocates),
	TEST(test_an_owner_over_its_limit_gets_nomem_before_anything_moves),
	TEST(test_gcm_streams_of_one_owner_do_not_disturb_each_other),
	TEST(test_the_state_of_an_ended_stream_names_nothing),
	TEST(test_a_gcm_state_with_a_wrong_field_is_refused),
	TEST(test_a_stream_that_fails_is_over_and_charged_no_more),
	TEST(test_an_owner_that_dies_between_starts_leaves_nothing),
	TEST(test_an_owner_that_dies_under_way_leaves_nothing_when_it_is_done),
	TEST(test_a_stream_that_is_forgotten_is_over_and_forgetting_twice_is_nothing),
	TEST(test_forgetting_a_ctr_state_or_a_short_one_does_nothing),
	TEST(test_neither_key_nor_plaintext_stays_behind),
	TEST(test_neither_key_nor_plaintext_stays_behind_when_a_callback_fails),
	TEST(test_scratch_is_wiped_after_success_a_bad_tag_and_a_failure),
	TEST(test_a_gcm_stream_forgets_the_key_of_a_slot_when_that_is_emptied),
	TEST(test_a_start_under_way_ends_and_is_the_last_that_had_the_key),
	TEST(test_a_stream_that_is_over_has_no_part_in_its_slot),
};

int main(int argc, char **argv)
{
	if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1)
		return 1;
	return suite_main(argc, argv, "openssl-stream", tests, TESTS_COUNT(tests));
}
