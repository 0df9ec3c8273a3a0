/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls on the standing operation: Tock's TRD104 rules.
 */
#include <fcntl.h>
#include <string.h>

#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define PAGE 4096u

static struct bare bare;
static struct process *process;
static struct record_return ret;

static void open_kernel(void)
{
	uint32_t number;

	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
	CU_ASSERT_EQUAL_FATAL(bare_window(process, bare_memfd(PAGE, F_SEAL_SHRINK), &number), 0);
	CU_ASSERT_EQUAL(number, 1);
}

static int call(uint32_t class, uint32_t number, uint32_t a, uint32_t b, uint32_t c)
{
	return bare_call(process, class, number, (const uint32_t[4]){a, b, c, 0}, &ret);
}

static int command(uint32_t number, uint32_t a, uint32_t b)
{
	return call(CLASS_COMMAND, number, a, b, 0);
}

static int subscribe(uint32_t token)
{
	return call(CLASS_SUBSCRIBE, 0, token, 0, 0);
}

static int allow(uint32_t class, uint32_t slot, uint32_t offset, uint32_t length)
{
	return call(class, slot, length ? 1 : 0, offset, length);
}

static struct operation *standing(void)
{
	return operation_find_standing(process, puppet.driver);
}

/* Ends the held command and fetches its answer: the next may run. */
static void end_and_fetch(void)
{
	struct record answer;

	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
}

static bool old_range_was(uint32_t window, uint32_t offset, uint32_t length)
{
	return ret.variant == VARIANT_SUCCESS_3U32 && ret.words[0] == window &&
	       ret.words[1] == offset && ret.words[2] == length;
}

/* --- command ---------------------------------------------------------------------------------- */

static void test_command_zero_says_that_the_driver_exists_and_makes_nothing(void)
{
	size_t before;

	open_kernel();
	before = process->arena.taken;
	CU_ASSERT_EQUAL(command(0, 0, 0), 0);
	CU_ASSERT_EQUAL(ret.variant, VARIANT_SUCCESS);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(puppet.runs, 0);
	bare_close(&bare);
}

static void test_command_zero_of_a_driver_that_does_not_exist_is_nodevice(void)
{
	struct record record = {.header = {.type = RECORD_CALL, .driver = 0x1234},
				.call = {.class = CLASS_COMMAND}};

	open_kernel();
	trd104_call(process, &record, &ret);
	CU_ASSERT_EQUAL(ret.variant, VARIANT_FAILURE);
	CU_ASSERT_EQUAL(ret.words[0], PLUTON_ENODEVICE);
	bare_close(&bare);
}

static void test_an_unknown_command_is_nosupport(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(command(77, 0, 0), -PLUTON_ENOSUPPORT);
	bare_close(&bare);
}

static void test_a_command_is_checked_against_its_table(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(command(PUPPET_STRICT, 1, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(command(PUPPET_STRICT, 3, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(puppet.runs, 0);
	bare_close(&bare);
}

static void test_a_command_while_one_runs_is_busy_and_changes_nothing(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 5, 0), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 6, 0), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(op_word(puppet.held[0], 0), 5);
	end_and_fetch();
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 6, 0), 0);
	bare_close(&bare);
}

static void test_a_command_is_busy_until_the_answer_was_fetched(void)
{
	struct record answer;

	open_kernel();
	subscribe(9);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), 0);
	bare_close(&bare);
}

static void test_a_refused_command_leaves_the_standing_operation_usable(void)
{
	open_kernel();
	puppet.run = puppet_refuse;
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 10), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "the puppet will not"));
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), 0);
	CU_ASSERT_EQUAL(op_length(puppet.held[0], PUPPET_IN), 10);
	bare_close(&bare);
}

static void test_without_a_subscription_the_answer_is_the_null_upcall(void)
{
	struct record answer;

	open_kernel();
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer)); /* for a yield-wait-for */
	CU_ASSERT_EQUAL(answer.upcall.subscription, 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 1, 2), 0);
	bare_close(&bare);
}

static void test_a_driver_has_one_standing_operation_and_it_stays(void)
{
	struct operation *op;

	open_kernel();
	command(PUPPET_CALL, 1, 2);
	op = standing();
	command(PUPPET_CALL, 1, 2);
	subscribe(1);
	CU_ASSERT_PTR_NOT_NULL(op);
	CU_ASSERT_PTR_EQUAL(standing(), op);
	bare_close(&bare);
}

static void test_standing_operations_do_not_count_as_operations_under_way(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	command(PUPPET_CALL, 0, 0);
	for (uint32_t i = 1; i <= bare.kernel.limits.operations_per_process; i++) {
		struct record record = rig_operation(i, PUPPET_DRIVER, PUPPET_CALL);

		CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	}
	bare_close(&bare);
}

static void test_no_memory_for_the_standing_operation_is_nomem(void)
{
	open_kernel();
	arena_charge(&process->arena, process->arena.limit - process->arena.taken);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(subscribe(1), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 1), -PLUTON_ENOMEM);
	bare_close(&bare);
}

static void test_the_state_of_a_standing_operation_is_zeroed_between_commands(void)
{
	const uint8_t *state;

	open_kernel();
	puppet.run = puppet_hold;
	command(PUPPET_CALL, 0, 0);
	memset(op_state(puppet.held[0]), 0xff, PUPPET_STATE_SIZE);
	end_and_fetch();
	command(PUPPET_CALL, 0, 0);
	state = op_state(puppet.held[0]);
	for (unsigned i = 0; i < PUPPET_STATE_SIZE; i++)
		CU_ASSERT_EQUAL(state[i], 0);
	bare_close(&bare);
}

/* --- subscribe -------------------------------------------------------------------------------- */

static void test_subscribe_returns_the_token_before(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(subscribe(11), 0);
	CU_ASSERT_EQUAL(ret.variant, VARIANT_SUCCESS_U32);
	CU_ASSERT_EQUAL(ret.words[0], 0);
	CU_ASSERT_EQUAL(subscribe(12), 0);
	CU_ASSERT_EQUAL(ret.words[0], 11);
	CU_ASSERT_EQUAL(subscribe(0), 0);
	CU_ASSERT_EQUAL(ret.words[0], 12);
	bare_close(&bare);
}

static void test_an_answer_carries_the_token_and_op_id_zero(void)
{
	struct record answer;

	open_kernel();
	subscribe(11);
	command(PUPPET_CALL, 3, 4);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 0);
	CU_ASSERT_EQUAL(answer.header.driver, PUPPET_DRIVER);
	CU_ASSERT_EQUAL(answer.upcall.subscription, 11);
	CU_ASSERT(answer.upcall.words[1] == 3 && answer.upcall.words[2] == 4);
	bare_close(&bare);
}

static void test_subscribing_again_cancels_an_answer_that_waits(void)
{
	struct record answer;

	open_kernel();
	subscribe(11);
	command(PUPPET_CALL, 3, 4);
	subscribe(12);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 5, 6), 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.subscription, 12);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 5);
	CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	bare_close(&bare);
}

static void test_subscribing_while_a_command_runs_names_who_hears_its_answer(void)
{
	struct record answer;

	open_kernel();
	puppet.run = puppet_hold;
	command(PUPPET_CALL, 3, 4);
	subscribe(12);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.subscription, 12);
	bare_close(&bare);
}

static void test_unsubscribing_while_a_command_runs_makes_its_answer_null(void)
{
	struct record answer;

	open_kernel();
	puppet.run = puppet_hold;
	subscribe(12);
	command(PUPPET_CALL, 3, 4);
	subscribe(0);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.subscription, 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 3, 4), 0);
	bare_close(&bare);
}

static void test_there_is_one_upcall_number(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(call(CLASS_SUBSCRIBE, 1, 5, 0, 0), -PLUTON_ENOSUPPORT);
	bare_close(&bare);
}

/* --- allow ------------------------------------------------------------------------------------ */

static void test_allow_returns_the_range_before(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 8, 16), 0);
	CU_ASSERT_TRUE(old_range_was(0, 0, 0));
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 24, 32), 0);
	CU_ASSERT_TRUE(old_range_was(1, 8, 16));
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 0), 0);
	CU_ASSERT_TRUE(old_range_was(1, 24, 32));
	bare_close(&bare);
}

static void test_a_refused_allow_keeps_the_range_before(void)
{
	open_kernel();
	allow(CLASS_ALLOW_RO, PUPPET_IN, 8, 16);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, PAGE, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(op_length(standing(), PUPPET_IN), 16);
	bare_close(&bare);
}

static void test_allow_of_inline_bytes_is_refused_there_are_none(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(call(CLASS_ALLOW_RO, PUPPET_IN, 0, 0, 1), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_allow_of_a_slot_no_command_has_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, 7, 0, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, 8, 0, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, UINT32_MAX, 0, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RW, STRICT_KEY, 0, 1), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_a_standing_operation_reads_and_writes_what_was_allowed(void)
{
	uint8_t *memory;

	open_kernel();
	puppet.run = puppet_copy;
	memory = window_find(process, 1)->memory;
	memcpy(memory, "abcd", 4);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 4), 0);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RW, PUPPET_OUT, 100, 4), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), 0);
	CU_ASSERT_EQUAL(memcmp(memory + 100, "abcd", 4), 0);
	bare_close(&bare);
}

static void test_ranges_stay_allowed_from_command_to_command(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 4);
	command(PUPPET_CALL, 0, 0);
	end_and_fetch();
	command(PUPPET_CALL, 0, 0);
	CU_ASSERT_EQUAL(op_length(puppet.held[0], PUPPET_IN), 4);
	bare_close(&bare);
}

/* Slot 2 is Strict's result; Call does not have it and does not mind. */
static void test_a_slot_that_another_command_needs_may_stay_allowed(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RW, STRICT_RESULT, 0, 4), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), 0);
	bare_close(&bare);
}

static void test_a_slot_that_another_command_needs_is_absent_to_this_one(void)
{
	uint8_t byte = 0;
	size_t length;

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RW, STRICT_RESULT, 0, 4), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), 0);
	CU_ASSERT_EQUAL(op_length(puppet.held[0], STRICT_RESULT), 0);
	CU_ASSERT_EQUAL(op_read(puppet.held[0], STRICT_RESULT, 0, &byte, 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(op_write(puppet.held[0], STRICT_RESULT, 0, &byte, 1), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NULL(op_lend_rw(puppet.held[0], STRICT_RESULT, 0, &length));
	end_and_fetch();
	CU_ASSERT_EQUAL(op_length(standing(), STRICT_RESULT), 4);
	bare_close(&bare);
}

/* Slot 1 is read-only data in Strict and writable output in Call. */
static void test_a_slot_that_was_allowed_for_reading_is_not_enough_for_writing(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_OUT, 0, 4), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "shared for writing"));
	bare_close(&bare);
}

static void test_a_slot_allowed_for_reading_after_writing_is_for_reading_only(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RW, PUPPET_OUT, 0, 4), 0);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_OUT, 0, 4), 0);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_overlaps_of_what_was_allowed_are_refused_at_the_command(void)
{
	open_kernel();
	allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 8);
	allow(CLASS_ALLOW_RW, PUPPET_OUT, 4, 8);
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "overlap"));
	bare_close(&bare);
}

static void test_a_range_may_be_withdrawn_while_a_command_runs(void)
{
	uint8_t byte;

	open_kernel();
	puppet.run = puppet_hold;
	allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 4);
	command(PUPPET_CALL, 0, 0);
	CU_ASSERT_EQUAL(allow(CLASS_ALLOW_RO, PUPPET_IN, 0, 0), 0);
	CU_ASSERT_TRUE(old_range_was(1, 0, 4));
	CU_ASSERT_EQUAL(op_read(puppet.held[0], PUPPET_IN, 0, &byte, 1), -PLUTON_ESIZE);
	bare_close(&bare);
}

/* --- allow on a live operation ---------------------------------------------------------------- */

static int allow_live(uint32_t op_id, uint32_t class, uint32_t slot, struct record_range range)
{
	struct record record = {
		.header = {.type = RECORD_CALL, .op_id = op_id, .driver = PUPPET_DRIVER},
		.call = {.class = class,
			 .number = slot,
			 .args = {range.window, range.offset, range.length}}};

	trd104_call(process, &record, &ret);
	return ret.variant < VARIANT_SUCCESS ? -(int)ret.words[0] : 0;
}

static void hold_live(void)
{
	struct record record = rig_operation(5, PUPPET_DRIVER, PUPPET_CALL);

	puppet.run = puppet_hold;
	rig_range(&record, PUPPET_IN, 1, 0, 4);
	rig_range(&record, PUPPET_OUT, 1, 4, 4);
	CU_ASSERT_EQUAL_FATAL(request_submit(process, &record), 0);
}

static void test_a_range_of_a_live_operation_can_be_replaced(void)
{
	open_kernel();
	hold_live();
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RO, PUPPET_IN, (struct record_range){1, 100, 9}),
			0);
	CU_ASSERT_TRUE(old_range_was(1, 0, 4));
	CU_ASSERT_EQUAL(op_length(puppet.held[0], PUPPET_IN), 9);
	bare_close(&bare);
}

static void test_a_live_operation_keeps_the_access_it_was_checked_for(void)
{
	const struct record_range range = {1, 100, 9};

	open_kernel();
	hold_live();
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RW, PUPPET_IN, range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RO, PUPPET_OUT, range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RO, 2, range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RO, 8, range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(allow_live(5, CLASS_ALLOW_RO, UINT32_MAX, range), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_allow_on_an_operation_that_is_not_there_is_refused(void)
{
	open_kernel();
	hold_live();
	CU_ASSERT_EQUAL(allow_live(6, CLASS_ALLOW_RO, PUPPET_IN, (struct record_range){0}),
			-PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_allow_through_another_driver_is_refused(void)
{
	static const struct capsule second = {
		.name = "second", .interface = "Second", .doc = "", .driver = 7};
	struct record record = {.header = {.type = RECORD_CALL, .op_id = 5, .driver = 7},
				.call = {.class = CLASS_ALLOW_RO}};
	struct driver *driver;

	open_kernel();
	hold_live();
	CU_ASSERT_EQUAL_FATAL(kernel_register(&bare.kernel, &second, NULL, &driver), 0);
	trd104_call(process, &record, &ret);
	CU_ASSERT_EQUAL(ret.words[0], PLUTON_EINVAL);
	CU_ASSERT_EQUAL(op_length(puppet.held[0], PUPPET_IN), 4);
	bare_close(&bare);
}

/* --- driver 0, and which operation a record speaks of ----------------------------------------- */

static void test_driver_zero_is_a_driver_like_any_other(void)
{
	const struct record record = {.header = {.type = RECORD_CALL, .driver = 0},
				      .call = {.class = CLASS_COMMAND, .number = PUPPET_CALL}};
	const struct record_header header = {.type = RECORD_CANCEL};
	struct capsule zero = puppet_capsule;
	struct driver *driver;

	open_kernel();
	CU_ASSERT_PTR_NULL(request_find(process, &header)); /* there is none yet */
	zero.name = "zero";
	zero.driver = 0;
	CU_ASSERT_EQUAL_FATAL(kernel_register(&bare.kernel, &zero, NULL, &driver), 0);
	CU_ASSERT_PTR_NULL(request_find(process, &header)); /* it runs nothing */
	puppet.run = puppet_hold;
	trd104_call(process, &record, &ret);
	CU_ASSERT_EQUAL_FATAL(ret.variant, VARIANT_SUCCESS);
	CU_ASSERT_PTR_EQUAL(request_find(process, &header), puppet.held[0]);
	bare_close(&bare);
}

static void test_a_header_speaks_of_its_op_id_or_else_of_its_driver(void)
{
	const struct record_header by_id = {.op_id = 5};
	const struct record_header standing = {.driver = PUPPET_DRIVER};

	open_kernel();
	hold_live();
	CU_ASSERT_EQUAL(command(PUPPET_CALL, 0, 0), 0);
	CU_ASSERT_PTR_EQUAL(request_find(process, &by_id), puppet.held[0]);
	CU_ASSERT_PTR_EQUAL(request_find(process, &standing), puppet.held[1]);
	bare_close(&bare);
}

/* --- memop and the rest ----------------------------------------------------------------------- */

static void test_memop_reads_limit_use_and_windows(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, MEMOP_LIMIT, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(ret.words[0], process->arena.limit);
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, MEMOP_USED, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(ret.words[0], process->arena.taken);
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, MEMOP_WINDOWS, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(ret.words[0], 1);
	bare_close(&bare);
}

static void test_memop_that_would_change_something_is_nosupport(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, 0, 0, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, 1, 4096, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(call(CLASS_MEMOP, UINT32_MAX, 0, 0, 0), -PLUTON_ENOSUPPORT);
	bare_close(&bare);
}

static void test_classes_that_are_none_are_nosupport(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(call(CLASS_YIELD, 0, 0, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(call(7, 0, 0, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(call(UINT32_MAX, 0, 0, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "class"));
	bare_close(&bare);
}

static void test_refused_calls_are_counted_once(void)
{
	open_kernel();
	command(77, 0, 0);
	CU_ASSERT_EQUAL(bare.kernel.counters.refusals, 1);
	CU_ASSERT_EQUAL(process->refusals, 1);
	CU_ASSERT_EQUAL(puppet.driver->refusals, 1);
	bare_close(&bare);
}

/* --- death ------------------------------------------------------------------------------------ */

static void test_a_standing_operation_in_any_state_goes_with_its_process(void)
{
	open_kernel();
	subscribe(3); /* idle */
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);

	process = bare_process(&bare, 1000);
	subscribe(3);
	command(PUPPET_CALL, 0, 0); /* answered */
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);

	process = bare_process(&bare, 1000);
	puppet.run = puppet_hold;
	subscribe(3);
	command(PUPPET_CALL, 0, 0); /* running */
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	puppet_end(0, 0);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	bare_close(&bare);
}

static const struct test tests[] = {
	TEST(test_command_zero_says_that_the_driver_exists_and_makes_nothing),
	TEST(test_command_zero_of_a_driver_that_does_not_exist_is_nodevice),
	TEST(test_an_unknown_command_is_nosupport),
	TEST(test_a_command_is_checked_against_its_table),
	TEST(test_a_command_while_one_runs_is_busy_and_changes_nothing),
	TEST(test_a_command_is_busy_until_the_answer_was_fetched),
	TEST(test_a_refused_command_leaves_the_standing_operation_usable),
	TEST(test_without_a_subscription_the_answer_is_the_null_upcall),
	TEST(test_a_driver_has_one_standing_operation_and_it_stays),
	TEST(test_standing_operations_do_not_count_as_operations_under_way),
	TEST(test_no_memory_for_the_standing_operation_is_nomem),
	TEST(test_the_state_of_a_standing_operation_is_zeroed_between_commands),
	TEST(test_subscribe_returns_the_token_before),
	TEST(test_an_answer_carries_the_token_and_op_id_zero),
	TEST(test_subscribing_again_cancels_an_answer_that_waits),
	TEST(test_subscribing_while_a_command_runs_names_who_hears_its_answer),
	TEST(test_unsubscribing_while_a_command_runs_makes_its_answer_null),
	TEST(test_there_is_one_upcall_number),
	TEST(test_allow_returns_the_range_before),
	TEST(test_a_refused_allow_keeps_the_range_before),
	TEST(test_allow_of_inline_bytes_is_refused_there_are_none),
	TEST(test_allow_of_a_slot_no_command_has_is_refused),
	TEST(test_a_standing_operation_reads_and_writes_what_was_allowed),
	TEST(test_ranges_stay_allowed_from_command_to_command),
	TEST(test_a_slot_that_another_command_needs_may_stay_allowed),
	TEST(test_a_slot_that_another_command_needs_is_absent_to_this_one),
	TEST(test_a_slot_that_was_allowed_for_reading_is_not_enough_for_writing),
	TEST(test_a_slot_allowed_for_reading_after_writing_is_for_reading_only),
	TEST(test_overlaps_of_what_was_allowed_are_refused_at_the_command),
	TEST(test_a_range_may_be_withdrawn_while_a_command_runs),
	TEST(test_a_range_of_a_live_operation_can_be_replaced),
	TEST(test_a_live_operation_keeps_the_access_it_was_checked_for),
	TEST(test_allow_on_an_operation_that_is_not_there_is_refused),
	TEST(test_allow_through_another_driver_is_refused),
	TEST(test_driver_zero_is_a_driver_like_any_other),
	TEST(test_a_header_speaks_of_its_op_id_or_else_of_its_driver),
	TEST(test_memop_reads_limit_use_and_windows),
	TEST(test_memop_that_would_change_something_is_nosupport),
	TEST(test_classes_that_are_none_are_nosupport),
	TEST(test_refused_calls_are_counted_once),
	TEST(test_a_standing_operation_in_any_state_goes_with_its_process),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "trd104", tests, TESTS_COUNT(tests));
}
