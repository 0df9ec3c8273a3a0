/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in one record: everything that is wrong is refused with a sentence before the capsule
 * runs, and a refused request leaves nothing behind.
 */
#include "daemon/kernel/request.h"

#include <fcntl.h>
#include <string.h>

#include "daemon/kernel/window.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define PAGE 4096u

static struct bare bare;
static struct process *process;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
	memset(inline_bytes, 0, sizeof(inline_bytes));
}

static struct record call(uint32_t op_id)
{
	return rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);
}

/* A request that Strict accepts. */
static struct record strict(uint32_t op_id)
{
	struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_STRICT);

	record.operation.words[0] = 1;
	rig_in(&record, STRICT_KEY, inline_bytes, "12345678", 8);
	rig_out(&record, STRICT_RESULT, 4);
	return record;
}

static int submit(const struct record *record)
{
	return request_submit(process, record);
}

static uint32_t add_window(int seals)
{
	uint32_t number = 0;

	CU_ASSERT_EQUAL_FATAL(
		bare_window(process, bare_memfd(PAGE, F_SEAL_SHRINK | seals), &number), 0);
	return number;
}

static bool why_says(const char *words)
{
	return strstr(bare.kernel.why, words) != NULL;
}

/* Refused, with these words, before the capsule ran, and nothing was kept. */
static void assert_refused(const struct record *record, int error, const char *words)
{
	size_t taken = process->arena.taken;
	unsigned runs = puppet.runs;

	CU_ASSERT_EQUAL(submit(record), error);
	CU_ASSERT_TRUE(why_says(words));
	CU_ASSERT_EQUAL(process->arena.taken, taken);
	CU_ASSERT_EQUAL(puppet.runs, runs);
}

/* --- whom it is for --------------------------------------------------------------------------- */

static void test_an_unknown_driver_is_nodevice(void)
{
	struct record record = call(1);

	open_kernel();
	record.header.driver = 0xdead;
	assert_refused(&record, -PLUTON_ENODEVICE, "0xdead");
	bare_close(&bare);
}

static void test_an_unknown_command_is_nosupport(void)
{
	struct record record = call(1);

	open_kernel();
	record.operation.command = 99;
	assert_refused(&record, -PLUTON_ENOSUPPORT, "puppet has no command 99");
	record.operation.command = 0;
	assert_refused(&record, -PLUTON_ENOSUPPORT, "no command 0");
	bare_close(&bare);
}

static void test_refusals_are_counted_for_kernel_process_and_driver(void)
{
	struct record record = call(1);

	open_kernel();
	record.operation.command = 99;
	submit(&record);
	record.header.driver = 0xdead;
	submit(&record);
	CU_ASSERT_EQUAL(bare.kernel.counters.refusals, 2);
	CU_ASSERT_EQUAL(process->refusals, 2);
	CU_ASSERT_EQUAL(puppet.driver->refusals, 1);
	bare_close(&bare);
}

static void test_accepted_operations_are_counted_for_kernel_process_and_driver(void)
{
	struct record record = call(1);

	open_kernel();
	submit(&record);
	CU_ASSERT_EQUAL(bare.kernel.counters.operations, 1);
	CU_ASSERT_EQUAL(process->requests, 1);
	CU_ASSERT_EQUAL(puppet.driver->operations, 1);
	bare_close(&bare);
}

/* --- how many, and under which number --------------------------------------------------------- */

static void test_op_id_zero_is_refused(void)
{
	struct record record = call(0);

	open_kernel();
	assert_refused(&record, -PLUTON_EINVAL, "standing");
	bare_close(&bare);
}

static void test_an_op_id_is_in_use_until_its_answer_was_fetched(void)
{
	struct record record = call(7), answer;

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(submit(&record), 0);
	assert_refused(&record, -PLUTON_EALREADY, "op_id 7");
	puppet_end(0, 0);
	assert_refused(&record, -PLUTON_EALREADY, "op_id 7");
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_two_processes_may_use_the_same_op_id(void)
{
	struct record record = call(7);

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(submit(&record), 0);
	process = bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void submit_many(uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++) {
		struct record record = call(i);

		CU_ASSERT_EQUAL(submit(&record), 0);
	}
}

static void test_operations_per_process_can_be_reached_and_not_passed(void)
{
	struct record record = call(1000);

	open_kernel();
	puppet.run = puppet_hold;
	submit_many(bare.kernel.limits.operations_per_process);
	assert_refused(&record, -PLUTON_EBUSY, "operations_per_process");
	puppet_end(3, 0);
	assert_refused(&record, -PLUTON_EBUSY, "operations_per_process");
	bare_fetch(process, &record);
	record = call(1000);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_one_process_at_its_limit_of_operations_stops_no_other(void)
{
	struct record record = call(1);

	open_kernel();
	puppet.run = puppet_hold;
	submit_many(bare.kernel.limits.operations_per_process);
	process = bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_no_memory_for_an_operation_is_nomem_and_names_the_limit(void)
{
	struct record record = call(1);

	open_kernel();
	arena_charge(&process->arena, process->arena.limit - process->arena.taken);
	assert_refused(&record, -PLUTON_ENOMEM, "arena_limit");
	bare_close(&bare);
}

/* --- words ------------------------------------------------------------------------------------ */

static void test_a_word_that_is_not_used_must_be_zero(void)
{
	struct record record = call(1);

	open_kernel();
	record.operation.words[2] = 1;
	assert_refused(&record, -PLUTON_EINVAL, "must be 0");
	record.operation.words[2] = 0;
	record.operation.words[3] = 1;
	assert_refused(&record, -PLUTON_EINVAL, "must be 0");
	bare_close(&bare);
}

static void test_a_word_with_names_takes_only_their_values(void)
{
	struct record record;

	open_kernel();
	record = strict(1);
	record.operation.words[0] = 0;
	assert_refused(&record, -PLUTON_EINVAL, "no kind of Strict");
	record.operation.words[0] = 3;
	assert_refused(&record, -PLUTON_EINVAL, "no kind of Strict");
	record.operation.words[0] = 2;
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_a_word_without_names_takes_any_value(void)
{
	struct record record = call(1), answer;

	open_kernel();
	record.operation.words[0] = UINT32_MAX;
	record.operation.words[1] = 0x80000000u;
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[0], 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], UINT32_MAX);
	CU_ASSERT_EQUAL(answer.upcall.words[2], 0x80000000u);
	bare_close(&bare);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void test_a_slot_that_must_be_there_is_missed(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_STRICT);

	open_kernel();
	record.operation.words[0] = 1;
	assert_refused(&record, -PLUTON_ESIZE, "key has 0 bytes");
	bare_close(&bare);
}

static void test_a_slot_takes_its_least_and_its_most_and_no_more(void)
{
	static const struct {
		uint16_t length;
		int answer;
	} cases[] = {{3, -PLUTON_ESIZE}, {4, 0}, {8, 0}, {9, -PLUTON_ESIZE}};

	for (unsigned i = 0; i < 4; i++) {
		struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_STRICT);

		open_kernel();
		record.operation.words[0] = 1;
		rig_in(&record, STRICT_KEY, inline_bytes, "123456789", cases[i].length);
		rig_out(&record, STRICT_RESULT, 2);
		CU_ASSERT_EQUAL(submit(&record), cases[i].answer);
		bare_close(&bare);
	}
}

static void test_an_optional_slot_may_be_absent(void)
{
	struct record record;

	open_kernel();
	record = strict(1);
	CU_ASSERT_EQUAL(record.operation.ranges[STRICT_DATA].length, 0);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_a_slot_that_the_command_does_not_have_is_refused(void)
{
	struct record record;

	open_kernel();
	record = call(1);
	rig_in(&record, 5, inline_bytes, "x", 1);
	assert_refused(&record, -PLUTON_EINVAL, "no slot 5");
	bare_close(&bare);
}

static void test_a_refusal_for_a_slot_without_a_largest_size_says_at_least(void)
{
	static const struct command open_ended = {
		.number = 1,
		.name = "Open",
		.slots = {{"rest", SLOT_RO, 2, 0, false, ""}},
		.run = puppet_answer,
	};
	static const struct capsule capsule = {.name = "open",
					       .interface = "Open",
					       .doc = "",
					       .driver = 5,
					       .commands = &open_ended,
					       .command_count = 1};
	struct record record = rig_operation(1, 5, 1);
	struct driver *driver;

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(kernel_register(&bare.kernel, &capsule, NULL, &driver), 0);
	rig_in(&record, 0, inline_bytes, "x", 1);
	assert_refused(&record, -PLUTON_ESIZE, "rest has 1 bytes, needs at least 2");
	bare_close(&bare);
}

/* --- inline bytes ----------------------------------------------------------------------------- */

static void test_inline_bytes_go_in_and_come_back(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = puppet_copy;
	rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
	rig_out(&record, PUPPET_OUT, 4);
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[0], 0);
	CU_ASSERT_EQUAL(answer.upcall.output_length, 4);
	CU_ASSERT_EQUAL(memcmp(answer.upcall.output, "abcd", 4), 0);
	bare_close(&bare);
}

static void test_inline_bytes_are_copied_once(void)
{
	struct record record = call(1);
	uint8_t seen[4];

	open_kernel();
	puppet.run = puppet_hold;
	rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
	CU_ASSERT_EQUAL(submit(&record), 0);
	memset(inline_bytes, 'x', 4);
	CU_ASSERT_EQUAL(op_read_all(puppet.held[0], PUPPET_IN, seen, 4), 0);
	CU_ASSERT_EQUAL(memcmp(seen, "abcd", 4), 0);
	bare_close(&bare);
}

static void test_output_that_no_capsule_wrote_is_zero(void)
{
	struct record record = call(1), answer;

	open_kernel();
	rig_out(&record, PUPPET_OUT, 64);
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.output_length, 64);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(answer.upcall.output[i], 0);
	bare_close(&bare);
}

static int fail_after_writing(struct operation *op)
{
	op_write_all(op, PUPPET_OUT, "half", 4);
	op_done(op, -PLUTON_EFAIL, 8, 9);
	return 0;
}

static void test_a_failed_operation_gives_neither_output_nor_words(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = fail_after_writing;
	rig_out(&record, PUPPET_OUT, 4);
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[0], PLUTON_EFAIL);
	CU_ASSERT(answer.upcall.words[1] == 0 && answer.upcall.words[2] == 0);
	CU_ASSERT_EQUAL(answer.upcall.output_length, 0);
	bare_close(&bare);
}

static void test_inline_max_can_be_reached_and_not_passed(void)
{
	struct record record = call(1);
	uint16_t max;

	open_kernel();
	max = (uint16_t)bare.kernel.limits.inline_max;
	rig_in(&record, PUPPET_IN, inline_bytes, inline_bytes, (uint16_t)(max - 100));
	rig_out(&record, PUPPET_OUT, 101);
	assert_refused(&record, -PLUTON_ESIZE, "inline_max");
	record = call(1);
	rig_in(&record, PUPPET_IN, inline_bytes, inline_bytes, (uint16_t)(max - 100));
	rig_out(&record, PUPPET_OUT, 100);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_an_ro_range_may_not_reach_into_the_output_part(void)
{
	struct record record = call(1);

	open_kernel();
	rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
	rig_out(&record, PUPPET_OUT, 4);
	record.operation.ranges[PUPPET_IN].length = 5;
	assert_refused(&record, -PLUTON_EINVAL, "slot 0");
	bare_close(&bare);
}

static void test_an_rw_range_may_not_reach_into_the_input_part(void)
{
	struct record record = call(1);

	open_kernel();
	rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
	rig_out(&record, PUPPET_OUT, 4);
	record.operation.ranges[PUPPET_OUT].offset = 3;
	assert_refused(&record, -PLUTON_EINVAL, "slot 1");
	bare_close(&bare);
}

static void test_inline_ranges_that_overflow_are_refused(void)
{
	static const struct record_range ranges[] = {
		{0, UINT32_MAX, 1}, {0, 1, UINT32_MAX}, {0, UINT32_MAX, UINT32_MAX},
		{0, 4, 1},	    {0, 0, 5},		{0, 0x80000000u, 0x80000000u},
	};

	open_kernel();
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct record record = call(1);

		rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
		record.operation.ranges[PUPPET_IN] = ranges[i];
		assert_refused(&record, -PLUTON_EINVAL, "not inside window 0");
	}
	bare_close(&bare);
}

/* --- windows ---------------------------------------------------------------------------------- */

static void test_ranges_outside_their_window_are_refused(void)
{
	static const struct record_range ranges[] = {
		{1, 0, PAGE + 1},   {1, PAGE, 1},
		{1, 1, PAGE},	    {1, UINT32_MAX, 1},
		{1, 1, UINT32_MAX}, {1, UINT32_MAX, UINT32_MAX},
		{1, PAGE + 1, 1},   {1, 0x80000000u, 0x80000001u},
	};

	open_kernel();
	CU_ASSERT_EQUAL(add_window(0), 1);
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct record record = call(1);

		rig_range(&record, PUPPET_IN, 1, ranges[i].offset, ranges[i].length);
		assert_refused(&record, -PLUTON_EINVAL, "not inside window 1");
	}
	bare_close(&bare);
}

static void test_a_range_may_end_exactly_at_the_end_of_its_window(void)
{
	struct record record = call(1);

	open_kernel();
	rig_range(&record, PUPPET_IN, add_window(0), PAGE - 1, 1);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_windows_that_are_not_there_are_refused(void)
{
	static const uint32_t numbers[] = {1, 2, 8, 9, 255, UINT32_MAX};

	open_kernel();
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct record record = call(1);

		rig_range(&record, PUPPET_IN, numbers[i], 0, 1);
		assert_refused(&record, -PLUTON_EINVAL, "not inside window");
	}
	bare_close(&bare);
}

static void test_the_windows_of_another_process_are_not_ones_own(void)
{
	struct record record = call(1);

	open_kernel();
	rig_range(&record, PUPPET_IN, add_window(0), 0, 1);
	process = bare_process(&bare, 1000);
	assert_refused(&record, -PLUTON_EINVAL, "not inside window 1");
	bare_close(&bare);
}

static void test_a_range_of_no_bytes_is_absent_wherever_it_points(void)
{
	struct record record = call(1);

	open_kernel();
	rig_range(&record, PUPPET_IN, 200, UINT32_MAX, 0);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_what_is_written_may_not_overlap_anything(void)
{
	static const struct {
		uint32_t in, in_length, out, out_length;
		int answer;
	} cases[] = {
		{0, 10, 0, 10, -PLUTON_EINVAL},
		{0, 10, 9, 10, -PLUTON_EINVAL},
		{9, 10, 0, 10, -PLUTON_EINVAL},
		{0, 100, 50, 1, -PLUTON_EINVAL},
		{50, 1, 0, 100, -PLUTON_EINVAL},
		{0, 10, 10, 10, 0},
		{10, 10, 0, 10, 0},
	};

	open_kernel();
	CU_ASSERT_EQUAL(add_window(0), 1);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record record = call(i + 1);

		rig_range(&record, PUPPET_IN, 1, cases[i].in, cases[i].in_length);
		rig_range(&record, PUPPET_OUT, 1, cases[i].out, cases[i].out_length);
		CU_ASSERT_EQUAL(submit(&record), cases[i].answer);
	}
	CU_ASSERT_EQUAL(process->refusals, 5);
	bare_close(&bare);
}

static void test_what_is_only_read_may_overlap(void)
{
	struct record record;
	uint32_t window;

	open_kernel();
	window = add_window(0);
	record = strict(1);
	rig_range(&record, STRICT_KEY, window, 0, 8);
	rig_range(&record, STRICT_DATA, window, 4, 8);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

static void test_the_same_place_in_two_windows_does_not_overlap(void)
{
	struct record record = call(1);

	open_kernel();
	rig_range(&record, PUPPET_IN, add_window(0), 0, 10);
	rig_range(&record, PUPPET_OUT, add_window(0), 0, 10);
	CU_ASSERT_EQUAL(submit(&record), 0);
	bare_close(&bare);
}

/* --- running ---------------------------------------------------------------------------------- */

static void test_a_refusal_by_the_capsule_carries_its_sentence(void)
{
	struct record record = call(1);
	size_t taken;

	open_kernel();
	taken = process->arena.taken;
	puppet.run = puppet_refuse;
	CU_ASSERT_EQUAL(submit(&record), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(why_says("the puppet will not"));
	CU_ASSERT_EQUAL(process->arena.taken, taken);
	CU_ASSERT_EQUAL(bare.kernel.running, 0);
	bare_close(&bare);
}

static int refuse_silently(struct operation *op)
{
	(void)op;
	return -PLUTON_EBUSY;
}

static void test_a_refusal_without_a_sentence_does_not_repeat_the_last_one(void)
{
	struct record record = call(1);

	open_kernel();
	puppet.run = puppet_refuse;
	submit(&record);
	puppet.run = refuse_silently;
	CU_ASSERT_EQUAL(submit(&record), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(bare.kernel.why[0], '\0');
	bare_close(&bare);
}

static int more_and_refuse(struct operation *op)
{
	op_more(op, 1, 2);
	return -PLUTON_EFAIL;
}

/* Against the rules for capsules, and yet no harm. */
static void test_a_capsule_that_sends_and_then_refuses_leaves_nothing_behind(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = more_and_refuse;
	CU_ASSERT_EQUAL(submit(&record), -PLUTON_EFAIL);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(submit(&record), -PLUTON_EFAIL);
	bare_close(&bare);
}

static int end_and_refuse(struct operation *op)
{
	op_done(op, 0, 7, 0);
	return -PLUTON_EFAIL;
}

static void test_a_capsule_that_ends_and_then_refuses_has_ended_and_is_reported(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = end_and_refuse;
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "puppet"));
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[1], 7);
	bare_close(&bare);
}

static int end_twice(struct operation *op)
{
	op_done(op, 0, 7, 0);
	op_done(op, 0, 8, 0);
	return 0;
}

static void test_a_capsule_that_ends_twice_has_ended_once_and_is_reported(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = end_twice;
	CU_ASSERT_EQUAL(submit(&record), 0);
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[1], 7);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	bare_close(&bare);
}

static void test_cancelling_reaches_the_capsule_once_and_only_while_it_runs(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = puppet_hold;
	submit(&record);
	operation_cancel(puppet.held[0]);
	operation_cancel(puppet.held[0]);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	puppet_end(0, -PLUTON_ECANCEL);
	operation_cancel(operation_find(process, 1));
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[0], PLUTON_ECANCEL);
	bare_close(&bare);
}

static void test_a_cancelled_operation_may_still_end_well(void)
{
	struct record record = call(1), answer;

	open_kernel();
	puppet.run = puppet_hold;
	submit(&record);
	operation_cancel(puppet.held[0]);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[0], 0);
	bare_close(&bare);
}

static int check_state(struct operation *op)
{
	uint8_t *state = op_state(op);

	CU_ASSERT_EQUAL((uintptr_t)state % 16, 0);
	for (unsigned i = 0; i < PUPPET_STATE_SIZE; i++)
		CU_ASSERT_EQUAL(state[i], 0);
	memset(state, 0xff, PUPPET_STATE_SIZE);
	op_done(op, 0, 0, 0);
	return 0;
}

static void test_an_operations_state_is_zeroed_before_it_runs(void)
{
	struct record answer;

	open_kernel();
	puppet.run = check_state;
	for (unsigned i = 0; i < 3; i++) {
		struct record record = call(1);

		CU_ASSERT_EQUAL(submit(&record), 0);
		CU_ASSERT_TRUE(bare_fetch(process, &answer));
	}
	bare_close(&bare);
}

static void test_an_operations_state_does_not_touch_its_inline_bytes(void)
{
	struct record record = call(1);
	uint8_t seen[4];

	open_kernel();
	puppet.run = puppet_hold;
	rig_in(&record, PUPPET_IN, inline_bytes, "abcd", 4);
	CU_ASSERT_EQUAL(submit(&record), 0);
	memset(op_state(puppet.held[0]), 0xff, PUPPET_STATE_SIZE);
	CU_ASSERT_EQUAL(op_read_all(puppet.held[0], PUPPET_IN, seen, 4), 0);
	CU_ASSERT_EQUAL(memcmp(seen, "abcd", 4), 0);
	bare_close(&bare);
}

/* --- registering capsules --------------------------------------------------------------------- */

static int try_register(const struct capsule *capsule)
{
	struct driver *driver;

	return kernel_register(&bare.kernel, capsule, NULL, &driver);
}

static void test_a_driver_number_or_name_can_be_taken_once(void)
{
	struct capsule same_number = puppet_capsule, same_name = puppet_capsule;

	open_kernel();
	same_number.name = "other";
	CU_ASSERT_EQUAL(try_register(&same_number), -PLUTON_EALREADY);
	same_name.driver = 1;
	CU_ASSERT_EQUAL(try_register(&same_name), -PLUTON_EALREADY);
	bare_close(&bare);
}

static void test_a_capsule_table_that_is_not_sound_is_refused(void)
{
	struct command bad = puppet_capsule.commands[0];
	struct capsule capsule = {.name = "bad",
				  .interface = "Bad",
				  .doc = "",
				  .driver = 1,
				  .commands = &bad,
				  .command_count = 1,
				  .cancel = puppet_capsule.cancel};

	open_kernel();
	bad.number = 0;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.number = 1;
	bad.run = NULL;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.run = puppet_answer;
	bad.slots[0].max = 1;
	bad.slots[0].min = 2;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.slots[0].min = 1;
	capsule.grant_size = POOL_BLOCK_MAX;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	capsule.grant_size = 0;
	capsule.state_size = POOL_BLOCK_MAX;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	capsule.state_size = 0;
	CU_ASSERT_EQUAL(try_register(&capsule), 0);
	bare_close(&bare);
}

static void test_what_repeats_can_be_cancelled_and_gives_nothing(void)
{
	struct command bad = puppet_capsule.commands[PUPPET_GIVE - 1];
	struct capsule capsule = {.name = "bad",
				  .interface = "Bad",
				  .doc = "",
				  .driver = 1,
				  .commands = &bad,
				  .command_count = 1,
				  .cancel = puppet_capsule.cancel};

	open_kernel();
	bad.repeats = true;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.gives = NULL;
	capsule.cancel = NULL;
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.repeats = false;
	bad.gives = "";
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	bad.gives = "something";
	CU_ASSERT_EQUAL(try_register(&capsule), 0);
	bare_close(&bare);
}

static void test_parameters_max_can_be_reached_and_not_passed(void)
{
	struct capsule capsule = {.name = "many", .interface = "Many", .doc = "", .driver = 1};

	open_kernel();
	for (unsigned i = 0; i <= CAPSULE_PARAMETERS_MAX; i++)
		capsule.parameters[i] = "some";
	CU_ASSERT_EQUAL(try_register(&capsule), -PLUTON_EINVAL);
	capsule.parameters[CAPSULE_PARAMETERS_MAX] = NULL;
	CU_ASSERT_EQUAL(try_register(&capsule), 0);
	CU_ASSERT_EQUAL(kernel_count_parameters(&capsule), CAPSULE_PARAMETERS_MAX);
	bare_close(&bare);
}

static void test_drivers_max_can_be_reached_and_not_passed(void)
{
	static char names[KERNEL_DRIVERS_MAX][4];
	static struct capsule capsules[KERNEL_DRIVERS_MAX];

	open_kernel();
	for (unsigned i = 1; i <= KERNEL_DRIVERS_MAX; i++) {
		struct capsule *capsule = &capsules[i - 1];

		names[i - 1][0] = (char)('0' + i / 10);
		names[i - 1][1] = (char)('0' + i % 10);
		*capsule = (struct capsule){
			.name = names[i - 1], .interface = "X", .doc = "", .driver = i};
		CU_ASSERT_EQUAL(try_register(capsule), i < KERNEL_DRIVERS_MAX ? 0 : -PLUTON_ENOMEM);
	}
	bare_close(&bare);
}

static const struct test tests[] = {
	TEST(test_an_unknown_driver_is_nodevice),
	TEST(test_an_unknown_command_is_nosupport),
	TEST(test_refusals_are_counted_for_kernel_process_and_driver),
	TEST(test_accepted_operations_are_counted_for_kernel_process_and_driver),
	TEST(test_op_id_zero_is_refused),
	TEST(test_an_op_id_is_in_use_until_its_answer_was_fetched),
	TEST(test_two_processes_may_use_the_same_op_id),
	TEST(test_operations_per_process_can_be_reached_and_not_passed),
	TEST(test_one_process_at_its_limit_of_operations_stops_no_other),
	TEST(test_no_memory_for_an_operation_is_nomem_and_names_the_limit),
	TEST(test_a_word_that_is_not_used_must_be_zero),
	TEST(test_a_word_with_names_takes_only_their_values),
	TEST(test_a_word_without_names_takes_any_value),
	TEST(test_a_slot_that_must_be_there_is_missed),
	TEST(test_a_slot_takes_its_least_and_its_most_and_no_more),
	TEST(test_an_optional_slot_may_be_absent),
	TEST(test_a_slot_that_the_command_does_not_have_is_refused),
	TEST(test_a_refusal_for_a_slot_without_a_largest_size_says_at_least),
	TEST(test_inline_bytes_go_in_and_come_back),
	TEST(test_inline_bytes_are_copied_once),
	TEST(test_output_that_no_capsule_wrote_is_zero),
	TEST(test_a_failed_operation_gives_neither_output_nor_words),
	TEST(test_inline_max_can_be_reached_and_not_passed),
	TEST(test_an_ro_range_may_not_reach_into_the_output_part),
	TEST(test_an_rw_range_may_not_reach_into_the_input_part),
	TEST(test_inline_ranges_that_overflow_are_refused),
	TEST(test_ranges_outside_their_window_are_refused),
	TEST(test_a_range_may_end_exactly_at_the_end_of_its_window),
	TEST(test_windows_that_are_not_there_are_refused),
	TEST(test_the_windows_of_another_process_are_not_ones_own),
	TEST(test_a_range_of_no_bytes_is_absent_wherever_it_points),
	TEST(test_what_is_written_may_not_overlap_anything),
	TEST(test_what_is_only_read_may_overlap),
	TEST(test_the_same_place_in_two_windows_does_not_overlap),
	TEST(test_a_refusal_by_the_capsule_carries_its_sentence),
	TEST(test_a_refusal_without_a_sentence_does_not_repeat_the_last_one),
	TEST(test_a_capsule_that_sends_and_then_refuses_leaves_nothing_behind),
	TEST(test_a_capsule_that_ends_and_then_refuses_has_ended_and_is_reported),
	TEST(test_a_capsule_that_ends_twice_has_ended_once_and_is_reported),
	TEST(test_cancelling_reaches_the_capsule_once_and_only_while_it_runs),
	TEST(test_a_cancelled_operation_may_still_end_well),
	TEST(test_an_operations_state_is_zeroed_before_it_runs),
	TEST(test_an_operations_state_does_not_touch_its_inline_bytes),
	TEST(test_a_driver_number_or_name_can_be_taken_once),
	TEST(test_a_capsule_table_that_is_not_sound_is_refused),
	TEST(test_what_repeats_can_be_cancelled_and_gives_nothing),
	TEST(test_parameters_max_can_be_reached_and_not_passed),
	TEST(test_drivers_max_can_be_reached_and_not_passed),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "request", tests, TESTS_COUNT(tests));
}
