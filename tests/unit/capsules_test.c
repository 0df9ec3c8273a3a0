/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rng and digest capsules as processes see them: one-shot and streams, inline and windows,
 * limits, cancelling and dying at every moment, and turns among several processes.
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/guests.h"
#include "tests/suite.h"

enum { RNG_GET = 1 };
enum { DIGEST = 1, BEGIN, UPDATE, FINISH, ABORT };
enum { SLOT_INPUT = 0, SLOT_DIGEST = 1 };

#define SHA256 3u
#define SHA256_SIZE 32u
#define LARGE (1024u * 1024)

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

static const uint8_t of_nothing[SHA256_SIZE] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
						0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
						0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
						0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
static const uint8_t of_abc[SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

/* --- rng -------------------------------------------------------------------------------------- */

static int get_inline(int fd, uint16_t length)
{
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);

	if (length)
		rig_out(&record, 0, length);
	return perform(fd, &record);
}

static bool all_equal(const uint8_t *bytes, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static void test_random_bytes_come_back_and_differ(void)
{
	uint8_t first[32];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(get_inline(fd, 32), 0);
	CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, 32);
	memcpy(first, answer.upcall.output, 32);
	CU_ASSERT_EQUAL(get_inline(fd, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(first, answer.upcall.output, 32), 0);
	guests_close();
}

static void test_random_takes_from_one_byte_to_its_most(void)
{
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);
	uint8_t *memory;
	uint32_t window;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, LARGE + 1, &memory);
	CU_ASSERT_EQUAL(get_inline(fd, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(get_inline(fd, 1), 0);
	rig_range(&record, 0, window, 0, LARGE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	for (size_t at = 0; at < LARGE; at += 4096)
		CU_ASSERT_FALSE(all_equal(memory + at, 4096, 0));
	CU_ASSERT_EQUAL(memory[LARGE], 0);
	rig_range(&record, 0, window, 0, LARGE + 1);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	munmap(memory, LARGE + 1);
	guests_close();
}

static void test_random_fills_its_range_and_nothing_else(void)
{
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);
	uint8_t *memory;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	rig_range(&record, 0, rig_window(&rig, fd, 4096, &memory), 100, 1000);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(all_equal(memory, 100, 0));
	CU_ASSERT_FALSE(all_equal(memory + 100, 500, 0));
	CU_ASSERT_FALSE(all_equal(memory + 600, 500, 0));
	CU_ASSERT_TRUE(all_equal(memory + 1100, 4096 - 1100, 0));
	munmap(memory, 4096);
	guests_close();
}

/* Both records are read before the engine gets its turn. */
static void test_random_that_is_cancelled_before_its_turn_gives_nothing(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);
	uint8_t *memory;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	rig_range(&record, 0, rig_window(&rig, fd, 4096, &memory), 0, 4096);
	rig_send(fd, &record, -1);
	rig_send(fd, &cancel, -1);
	rig_hear(&rig, fd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_TRUE(all_equal(memory, 4096, 0));
	munmap(memory, 4096);
	guests_close();
}

/* --- digest, one-shot ------------------------------------------------------------------------- */

static struct record digest_inline(uint32_t op_id, const void *message, uint16_t length)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, DIGEST);

	record.operation.words[0] = SHA256;
	if (length)
		rig_in(&record, SLOT_INPUT, inline_bytes, message, length);
	rig_out(&record, SLOT_DIGEST, SHA256_SIZE);
	return record;
}

static bool answer_is(const uint8_t *digest)
{
	return answer.upcall.output_length == SHA256_SIZE &&
	       memcmp(answer.upcall.output, digest, SHA256_SIZE) == 0;
}

static void test_a_digest_of_inline_bytes(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = digest_inline(1, "abc", 3);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], SHA256_SIZE);
	CU_ASSERT_TRUE(answer_is(of_abc));
	guests_close();
}

static void test_a_digest_of_nothing(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = digest_inline(1, NULL, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(of_nothing));
	guests_close();
}

static void test_a_digest_from_window_to_window(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, DIGEST);
	uint8_t *memory;
	uint32_t window;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory + 4093, "abc", 3);
	record.operation.words[0] = SHA256;
	rig_range(&record, SLOT_INPUT, window, 4093, 3);
	rig_range(&record, SLOT_DIGEST, window, 0, SHA256_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(memcmp(memory, of_abc, SHA256_SIZE), 0);
	munmap(memory, 4096);
	guests_close();
}

static void test_a_digest_into_too_little_room_is_size_and_says_how_much(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, DIGEST);
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record.operation.words[0] = SHA256;
	rig_out(&record, SLOT_DIGEST, SHA256_SIZE - 1);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "needs 32"));
	guests_close();
}

static void test_an_algorithm_that_is_none_is_inval(void)
{
	static const uint32_t wrong[] = {0, 9, UINT32_MAX};
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned i = 0; i < 3; i++) {
		record = digest_inline(1, "abc", 3);
		record.operation.words[0] = wrong[i];
		CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "algorithm"));
	}
	guests_close();
}

static void test_a_digest_by_raw_calls(void)
{
	const uint32_t token[4] = {7}, algorithm[4] = {SHA256};
	uint32_t range[4] = {0, 0, 3, 0};
	uint8_t *memory;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	range[0] = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory, "abc", 3);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, RIG_DIGEST, CLASS_SUBSCRIBE, 0, token, NULL), 0);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, RIG_DIGEST, CLASS_ALLOW_RO, 0, range, NULL), 0);
	range[1] = 64;
	range[2] = SHA256_SIZE;
	CU_ASSERT_EQUAL(rig_call(&rig, fd, RIG_DIGEST, CLASS_ALLOW_RW, 1, range, NULL), 0);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, RIG_DIGEST, CLASS_COMMAND, DIGEST, algorithm, NULL), 0);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(answer.upcall.subscription, 7);
	CU_ASSERT_EQUAL(memcmp(memory + 64, of_abc, SHA256_SIZE), 0);
	munmap(memory, 4096);
	guests_close();
}

/* --- digest, streams -------------------------------------------------------------------------- */

static int begin(int fd, uint32_t *ret_stream)
{
	struct record record = rig_operation(1, RIG_DIGEST, BEGIN);
	int r;

	record.operation.words[0] = SHA256;
	r = perform(fd, &record);
	if (r == 0)
		*ret_stream = answer.upcall.words[1];
	return r;
}

static struct record update_record(uint32_t op_id, uint32_t stream, const char *text)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, UPDATE);

	record.operation.words[0] = stream;
	if (*text)
		rig_in(&record, SLOT_INPUT, inline_bytes, text, (uint16_t)strlen(text));
	return record;
}

static int update(int fd, uint32_t stream, const char *text)
{
	const struct record record = update_record(1, stream, text);

	return perform(fd, &record);
}

static int finish(int fd, uint32_t stream)
{
	struct record record = rig_operation(1, RIG_DIGEST, FINISH);

	record.operation.words[0] = stream;
	rig_out(&record, SLOT_DIGEST, SHA256_SIZE);
	return perform(fd, &record);
}

static int abort_stream(int fd, uint32_t stream)
{
	struct record record = rig_operation(1, RIG_DIGEST, ABORT);

	record.operation.words[0] = stream;
	return perform(fd, &record);
}

static size_t taken(void)
{
	return rig_last_process(&rig)->arena.taken;
}

static void test_a_stream_in_pieces_is_the_digest_of_the_whole(void)
{
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin(fd, &stream), 0);
	CU_ASSERT_EQUAL(update(fd, stream, "a"), 0);
	CU_ASSERT_EQUAL(update(fd, stream, ""), 0);
	CU_ASSERT_EQUAL(update(fd, stream, "bc"), 0);
	CU_ASSERT_EQUAL(finish(fd, stream), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	guests_close();
}

static void test_a_stream_without_updates_is_the_digest_of_nothing(void)
{
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin(fd, &stream), 0);
	CU_ASSERT_EQUAL(finish(fd, stream), 0);
	CU_ASSERT_TRUE(answer_is(of_nothing));
	guests_close();
}

static void test_a_finished_stream_is_gone_to_the_byte(void)
{
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin(fd, &stream);
	CU_ASSERT(taken() > before);
	finish(fd, stream);
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(update(fd, stream, "x"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(finish(fd, stream), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(abort_stream(fd, stream), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(rig_says(&answer, "not open"));
	guests_close();
}

static void test_an_aborted_stream_is_gone_to_the_byte(void)
{
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin(fd, &stream);
	update(fd, stream, "secret");
	CU_ASSERT_EQUAL(abort_stream(fd, stream), 0);
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(update(fd, stream, "x"), -PLUTON_ERESERVE);
	guests_close();
}

static void test_streams_of_several_processes_are_apart(void)
{
	uint32_t a = 99, b = 99;
	int first, second;

	guests_open(NULL);
	first = guest_connect();
	second = guest_connect();
	begin(first, &a);
	begin(second, &b);
	update(first, a, "ab");
	update(second, b, "xyz");
	update(first, a, "c");
	CU_ASSERT_EQUAL(finish(first, a), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	CU_ASSERT_EQUAL(finish(second, b), 0);
	CU_ASSERT_FALSE(answer_is(of_abc));
	guests_close();
}

static void test_the_stream_of_another_process_is_not_open(void)
{
	uint32_t stream = 99;
	int first, second;

	guests_open(NULL);
	first = guest_connect();
	second = guest_connect();
	begin(first, &stream);
	update(first, stream, "abc");
	CU_ASSERT_EQUAL(update(second, stream, "x"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(abort_stream(second, stream), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(finish(second, stream), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(finish(first, stream), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	guests_close();
}

static void test_stream_numbers_that_are_none_are_not_open(void)
{
	static const uint32_t wrong[] = {0, 1, 15, 16, 65535, 65536, UINT32_MAX};
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned i = 0; i < TESTS_COUNT(wrong); i++)
		CU_ASSERT_EQUAL(update(fd, wrong[i], "x"), -PLUTON_ERESERVE);
	guests_close();
}

static void test_grants_per_capsule_streams_can_be_open_and_no_more(void)
{
	static const char *const settings[] = {"kernel.grants_per_capsule=2", NULL};
	uint32_t a = 99, b = 99, c = 99;
	int fd;

	guests_open(settings);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin(fd, &a), 0);
	CU_ASSERT_EQUAL(begin(fd, &b), 0);
	CU_ASSERT_EQUAL(begin(fd, &c), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_says(&answer, "grants_per_capsule"));
	CU_ASSERT_EQUAL(abort_stream(fd, a), 0);
	CU_ASSERT_EQUAL(begin(fd, &c), 0);
	CU_ASSERT_EQUAL(c, a);
	guests_close();
}

static void test_no_memory_for_a_stream_is_nomem_and_leaves_nothing(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, BEGIN);
	struct process *process;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	process = rig_last_process(&rig);
	before = process->arena.taken;
	/* Room for the operation and not for the grant. */
	process->arena.limit = before + 560;
	record.operation.words[0] = SHA256;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "no memory for a stream"));
	CU_ASSERT_EQUAL(process->arena.taken, before);
	guests_close();
}

/* Both records are read before the engine gets its turn. */
static void test_an_update_of_a_busy_stream_is_busy_and_does_no_harm(void)
{
	struct record first, second;
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	begin(fd, &stream);
	first = update_record(1, stream, "abc");
	rig_send(fd, &first, -1);
	second = update_record(2, stream, "xxx");
	rig_send(fd, &second, -1);
	rig_hear(&rig, fd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 2);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_says(&answer, "in use"));
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	CU_ASSERT_EQUAL(finish(fd, stream), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	guests_close();
}

static void test_a_busy_stream_can_be_neither_finished_nor_aborted(void)
{
	static const uint32_t commands[] = {FINISH, ABORT};
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	begin(fd, &stream);
	for (unsigned i = 0; i < 2; i++) {
		struct record first = update_record(1, stream, "a");
		struct record second = rig_operation(2, RIG_DIGEST, commands[i]);

		second.operation.words[0] = stream;
		if (commands[i] == FINISH)
			rig_out(&second, SLOT_DIGEST, SHA256_SIZE);
		rig_send(fd, &first, -1);
		rig_send(fd, &second, -1);
		rig_hear(&rig, fd);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
	}
	guests_close();
}

static void test_a_finish_that_is_refused_leaves_the_stream_open(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, FINISH);
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	begin(fd, &stream);
	update(fd, stream, "abc");
	record.operation.words[0] = stream;
	rig_out(&record, SLOT_DIGEST, 20);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(finish(fd, stream), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	guests_close();
}

/* The input is withdrawn before the engine reads it. */
static void test_a_failed_update_ends_its_stream(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, UPDATE);
	const struct record withdraw = {
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = RIG_DIGEST},
		.call = {.class = CLASS_ALLOW_RO, .number = SLOT_INPUT}};
	uint32_t stream = 99;
	uint8_t *memory;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record.operation.ranges[0].window = rig_window(&rig, fd, 4096, &memory);
	before = taken();
	begin(fd, &stream);
	record.operation.words[0] = stream;
	rig_range(&record, SLOT_INPUT, record.operation.ranges[0].window, 0, 100);
	rig_send(fd, &record, -1);
	rig_send(fd, &withdraw, -1);
	rig_hear(&rig, fd);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(update(fd, stream, "x"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(taken(), before);
	munmap(memory, 4096);
	guests_close();
}

/* --- cancelling and dying at every moment ----------------------------------------------------- */

#define PASSES_MAX 100u

struct moment {
	int fd;
	uint32_t window;
	uint8_t *memory;
};

static const char *const one_call_a_pass[] = {"kernel.deferred_budget=1", NULL};

static void open_moment(struct moment *moment)
{
	guests_open(one_call_a_pass);
	moment->fd = guest_connect();
	moment->window = rig_window(&rig, moment->fd, LARGE + 4096, &moment->memory);
}

static void close_moment(struct moment *moment)
{
	munmap(moment->memory, LARGE + 4096);
	guests_close();
}

static struct record large_digest(uint32_t op_id, uint32_t window)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, DIGEST);

	record.operation.words[0] = SHA256;
	rig_range(&record, SLOT_INPUT, window, 0, LARGE);
	rig_range(&record, SLOT_DIGEST, window, LARGE, SHA256_SIZE);
	return record;
}

static void pass(unsigned count)
{
	while (count--)
		loop_pass(&rig.machine->loop, false);
}

/* true: the answer was there before the cancel. */
static bool cancel_after(unsigned passes)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct moment moment;
	struct record record;
	bool before;

	open_moment(&moment);
	record = large_digest(1, moment.window);
	rig_send(moment.fd, &record, -1);
	pass(passes);
	before = guest_has_answer(moment.fd);
	rig_send(moment.fd, &cancel, -1);
	rig_settle(&rig);
	CU_ASSERT_TRUE(guest_read(moment.fd, &answer));
	CU_ASSERT(rig_status(&answer) == -PLUTON_ECANCEL || rig_status(&answer) == 0);
	CU_ASSERT(!before || rig_status(&answer) == 0);
	CU_ASSERT_FALSE(guest_has_answer(moment.fd));
	record = digest_inline(1, "abc", 3);
	CU_ASSERT_EQUAL(perform(moment.fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	close_moment(&moment);
	return before;
}

static void test_cancelled_at_any_moment_it_has_exactly_one_answer(void)
{
	unsigned passes = 0;

	while (passes < PASSES_MAX && !cancel_after(passes))
		passes++;
	CU_ASSERT(passes > 5 && passes < PASSES_MAX);
}

static bool leave_after(unsigned passes)
{
	struct moment moment;
	struct record record;
	uint32_t stream = 0;
	bool before;

	open_moment(&moment);
	begin(moment.fd, &stream);
	record = large_digest(1, moment.window);
	rig_send(moment.fd, &record, -1);
	record = rig_operation(2, RIG_DIGEST, UPDATE);
	record.operation.words[0] = stream;
	rig_range(&record, SLOT_INPUT, moment.window, 0, LARGE);
	rig_send(moment.fd, &record, -1);
	pass(passes);
	before = rig.kernel->running == 0 && guest_has_answer(moment.fd);
	guest_leave(moment.fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	close_moment(&moment);
	return before;
}

static void test_dying_at_any_moment_leaves_nothing(void)
{
	unsigned passes = 0;

	while (passes < PASSES_MAX && !leave_after(passes))
		passes++;
	CU_ASSERT(passes > 5); /* where a worker has it, how many depends on the machine */
}

static void test_a_cancelled_update_ends_its_stream(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record;
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin(fd, &stream);
	record = update_record(1, stream, "abc");
	rig_send(fd, &record, -1);
	rig_send(fd, &cancel, -1);
	rig_hear(&rig, fd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(finish(fd, stream), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(taken(), before);
	guests_close();
}

static void test_a_cancelled_begin_opens_no_stream(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record = rig_operation(1, RIG_DIGEST, BEGIN);
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	record.operation.words[0] = SHA256;
	rig_send(fd, &record, -1);
	rig_send(fd, &cancel, -1);
	rig_hear(&rig, fd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(update(fd, 0, "x"), -PLUTON_ERESERVE);
	guests_close();
}

/* true: the answer was there before the cancel. */
static bool cancel_random_after(unsigned passes)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);
	struct moment moment;
	bool before;

	open_moment(&moment);
	rig_range(&record, 0, moment.window, 0, LARGE);
	rig_send(moment.fd, &record, -1);
	pass(passes);
	before = guest_has_answer(moment.fd);
	rig_send(moment.fd, &cancel, -1);
	rig_settle(&rig);
	CU_ASSERT_TRUE(guest_read(moment.fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), before ? 0 : -PLUTON_ECANCEL);
	CU_ASSERT_FALSE(guest_has_answer(moment.fd));
	CU_ASSERT_EQUAL(get_inline(moment.fd, 32), 0);
	close_moment(&moment);
	return before;
}

static void test_random_cancelled_in_or_between_its_turns_has_one_answer(void)
{
	CU_ASSERT_FALSE(cancel_random_after(1));
	for (unsigned passes = 2; passes < 12; passes++)
		cancel_random_after(passes);
	CU_ASSERT_TRUE(cancel_random_after(20 * PASSES_MAX));
}

/* --- several processes ------------------------------------------------------------------------ */

static void submit_large(int fd, uint32_t window, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++) {
		struct record record = large_digest(i, window);

		/* One output only: they may not overlap, but other operations may share it. */
		rig_send(fd, &record, -1);
	}
}

static unsigned count_answers(int fd)
{
	unsigned count = 0;

	while (guest_read(fd, &answer))
		count++;
	return count;
}

static void test_one_with_much_to_do_does_not_make_another_wait_for_all_of_it(void)
{
	struct record record;
	struct moment busy;
	int fd;

	open_moment(&busy);
	fd = guest_connect();
	submit_large(busy.fd, busy.window, 16);
	pass(2);
	record = digest_inline(1, "abc", 3);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	CU_ASSERT(count_answers(busy.fd) < 16);
	rig_settle(&rig);
	close_moment(&busy);
}

static void test_random_of_one_comes_between_the_turns_of_another(void)
{
	struct moment busy;
	int fd;

	open_moment(&busy);
	fd = guest_connect();
	for (uint32_t i = 1; i <= 16; i++) {
		struct record record = rig_operation(i, RIG_RNG, RNG_GET);

		rig_range(&record, 0, busy.window, 0, LARGE);
		rig_send(busy.fd, &record, -1);
	}
	pass(100); /* as many are at work as the engine takes, none is near its end */
	CU_ASSERT_EQUAL(get_inline(fd, 32), 0);
	CU_ASSERT_EQUAL(count_answers(busy.fd), 0);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(count_answers(busy.fd), 16);
	close_moment(&busy);
}

static void test_one_that_dies_at_work_frees_the_engine_for_the_next(void)
{
	struct record record;
	struct moment busy;
	int fd;

	open_moment(&busy);
	fd = guest_connect();
	submit_large(busy.fd, busy.window, 16);
	pass(12);
	guest_leave(busy.fd);
	record = digest_inline(1, "abc", 3);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(of_abc));
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	close_moment(&busy);
}

static void test_many_processes_at_once_all_get_their_own_answer(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	uint8_t digests[26][SHA256_SIZE];
	int fds[26];

	guests_open(NULL);
	for (unsigned i = 0; i < 26; i++) {
		struct record record = digest_inline(1, letters + i, 1);

		fds[i] = guest_connect();
		rig_send(fds[i], &record, -1);
	}
	for (unsigned i = 0; i < 26; i++) {
		CU_ASSERT_TRUE(rig_receive(&rig, fds[i], &answer));
		CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, SHA256_SIZE);
		memcpy(digests[i], answer.upcall.output, SHA256_SIZE);
	}
	for (unsigned i = 0; i < 26; i++) {
		struct record record = digest_inline(1, letters + i, 1);

		CU_ASSERT_EQUAL(perform(fds[i], &record), 0);
		CU_ASSERT_TRUE(answer_is(digests[i]));
		CU_ASSERT(i == 0 || memcmp(digests[i], digests[i - 1], SHA256_SIZE) != 0);
	}
	guests_close();
}

static const struct test tests[] = {
	TEST(test_random_bytes_come_back_and_differ),
	TEST(test_random_takes_from_one_byte_to_its_most),
	TEST(test_random_fills_its_range_and_nothing_else),
	TEST(test_random_that_is_cancelled_before_its_turn_gives_nothing),
	TEST(test_a_digest_of_inline_bytes),
	TEST(test_a_digest_of_nothing),
	TEST(test_a_digest_from_window_to_window),
	TEST(test_a_digest_into_too_little_room_is_size_and_says_how_much),
	TEST(test_an_algorithm_that_is_none_is_inval),
	TEST(test_a_digest_by_raw_calls),
	TEST(test_a_stream_in_pieces_is_the_digest_of_the_whole),
	TEST(test_a_stream_without_updates_is_the_digest_of_nothing),
	TEST(test_a_finished_stream_is_gone_to_the_byte),
	TEST(test_an_aborted_stream_is_gone_to_the_byte),
	TEST(test_streams_of_several_processes_are_apart),
	TEST(test_the_stream_of_another_process_is_not_open),
	TEST(test_stream_numbers_that_are_none_are_not_open),
	TEST(test_grants_per_capsule_streams_can_be_open_and_no_more),
	TEST(test_no_memory_for_a_stream_is_nomem_and_leaves_nothing),
	TEST(test_an_update_of_a_busy_stream_is_busy_and_does_no_harm),
	TEST(test_a_busy_stream_can_be_neither_finished_nor_aborted),
	TEST(test_a_finish_that_is_refused_leaves_the_stream_open),
	TEST(test_a_failed_update_ends_its_stream),
	TEST(test_cancelled_at_any_moment_it_has_exactly_one_answer),
	TEST(test_dying_at_any_moment_leaves_nothing),
	TEST(test_random_cancelled_in_or_between_its_turns_has_one_answer),
	TEST(test_a_cancelled_update_ends_its_stream),
	TEST(test_a_cancelled_begin_opens_no_stream),
	TEST(test_one_with_much_to_do_does_not_make_another_wait_for_all_of_it),
	TEST(test_random_of_one_comes_between_the_turns_of_another),
	TEST(test_one_that_dies_at_work_frees_the_engine_for_the_next),
	TEST(test_many_processes_at_once_all_get_their_own_answer),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules", tests, TESTS_COUNT(tests));
}
