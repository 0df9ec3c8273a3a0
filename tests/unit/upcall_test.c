/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upcalls: never dropped, in order, one slot each; a repeating source coalesces and counts.
 */
#include "daemon/kernel/upcall.h"

#include <string.h>

#include "daemon/kernel/request.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

static struct bare bare;
static struct process *process;
static struct record answer;

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
}

static void submit(uint32_t op_id)
{
	struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);

	record.operation.words[0] = op_id;
	CU_ASSERT_EQUAL_FATAL(request_submit(process, &record), 0);
}

static void test_an_answer_names_its_operation_and_driver(void)
{
	open_kernel();
	submit(42);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_UPCALL);
	CU_ASSERT_EQUAL(answer.header.flags, 0);
	CU_ASSERT_EQUAL(answer.header.op_id, 42);
	CU_ASSERT_EQUAL(answer.header.driver, PUPPET_DRIVER);
	CU_ASSERT_EQUAL(answer.upcall.words[0], 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 42);
	CU_ASSERT_EQUAL(answer.upcall.subscription, 0);
	bare_close(&bare);
}

static void test_answers_come_in_the_order_the_operations_ended(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	for (uint32_t i = 1; i <= 3; i++)
		submit(i);
	puppet_end(2, 0);
	puppet_end(0, 0);
	puppet_end(0, 0);
	CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == 3);
	CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == 1);
	CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == 2);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	bare_close(&bare);
}

static void test_peeking_again_gives_the_same_answer(void)
{
	struct record again;

	open_kernel();
	submit(1);
	submit(2);
	CU_ASSERT_TRUE(upcall_peek(process, &answer));
	CU_ASSERT_TRUE(upcall_peek(process, &again));
	CU_ASSERT_EQUAL(answer.header.op_id, again.header.op_id);
	bare_close(&bare);
}

static void test_a_fetched_answer_frees_its_operation(void)
{
	size_t before;

	open_kernel();
	before = process->arena.taken;
	submit(1);
	CU_ASSERT(process->arena.taken > before);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_PTR_NULL(operation_find(process, 1));
	CU_ASSERT_EQUAL(bare.kernel.counters.upcalls, 1);
	bare_close(&bare);
}

static void test_the_slot_of_an_answer_is_reserved_when_the_operation_is_accepted(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	for (uint32_t i = 1; i <= 16; i++)
		submit(i);
	/* Not a byte is left, and yet every answer has its place. */
	arena_charge(&process->arena, process->arena.limit - process->arena.taken);
	puppet_end_all();
	for (uint32_t i = 1; i <= 16; i++)
		CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == i);
	bare_close(&bare);
}

static void test_more_keeps_the_operation_and_says_so(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	op_more(puppet.held[0], 5, 6);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.flags, RECORD_MORE);
	CU_ASSERT(answer.upcall.words[1] == 5 && answer.upcall.words[2] == 6);
	CU_ASSERT_PTR_NOT_NULL(operation_find(process, 1));
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.flags, 0);
	CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	bare_close(&bare);
}

static void test_more_from_what_does_not_repeat_is_ignored_and_reported(void)
{
	const struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_GIVE);

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL_FATAL(request_submit(process, &record), 0);
	op_more(puppet.held[0], 5, 6);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "does not repeat"));
	bare_close(&bare);
}

static void test_a_repeating_source_coalesces_and_counts_what_was_missed(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	for (uint32_t i = 1; i <= 5; i++)
		op_more(puppet.held[0], i, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[1], 5);
	CU_ASSERT_EQUAL(answer.upcall.missed, 4);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	op_more(puppet.held[0], 6, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	bare_close(&bare);
}

static void test_the_last_answer_replaces_a_waiting_one_and_counts_it(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	op_more(puppet.held[0], 9, 9);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.flags, 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 1);
	CU_ASSERT_EQUAL(answer.upcall.missed, 1);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	CU_ASSERT_PTR_NULL(operation_find(process, 1));
	bare_close(&bare);
}

static void test_a_repeating_source_of_a_dead_process_reaches_nobody(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	process_kill(process);
	bare.ready = 0;
	op_more(puppet.held[0], 1, 1);
	CU_ASSERT_EQUAL(bare.ready, 0);
	CU_ASSERT_PTR_NULL(process->upcalls);
	bare_close(&bare);
}

static void test_a_repeating_source_that_nobody_subscribed_to_sends_null_upcalls(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL);
	op_more(puppet.held[0], 1, 1);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.header.flags, RECORD_MORE);
	CU_ASSERT_EQUAL(answer.upcall.subscription, 0);
	bare_close(&bare);
}

static void test_unsubscribing_takes_a_repeating_answer_back_and_leaves_the_operation(void)
{
	const uint32_t token[4] = {8}, none[4] = {0};

	open_kernel();
	puppet.run = puppet_hold;
	bare_call(process, CLASS_SUBSCRIBE, 0, token, NULL);
	bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL);
	op_more(puppet.held[0], 1, 1);
	op_more(puppet.held[0], 2, 2);
	bare_call(process, CLASS_SUBSCRIBE, 0, none, NULL);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	bare_call(process, CLASS_SUBSCRIBE, 0, token, NULL);
	op_more(puppet.held[0], 3, 3);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(answer.upcall.words[1], 3);
	CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	bare_close(&bare);
}

static void test_withdrawing_from_the_middle_keeps_the_others_in_order(void)
{
	const uint32_t token[4] = {8}, none[4] = {0};

	open_kernel();
	submit(1);
	bare_call(process, CLASS_SUBSCRIBE, 0, token, NULL);
	bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL);
	submit(2);
	bare_call(process, CLASS_SUBSCRIBE, 0, none, NULL);
	CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == 1);
	CU_ASSERT(bare_fetch(process, &answer) && answer.header.op_id == 2);
	CU_ASSERT_FALSE(bare_fetch(process, &answer));
	bare_close(&bare);
}

static void test_the_frontend_is_told_of_each_answer(void)
{
	open_kernel();
	submit(1);
	submit(2);
	CU_ASSERT_EQUAL(bare.ready, 2);
	bare_close(&bare);
}

static const struct test tests[] = {
	TEST(test_an_answer_names_its_operation_and_driver),
	TEST(test_answers_come_in_the_order_the_operations_ended),
	TEST(test_peeking_again_gives_the_same_answer),
	TEST(test_a_fetched_answer_frees_its_operation),
	TEST(test_the_slot_of_an_answer_is_reserved_when_the_operation_is_accepted),
	TEST(test_more_keeps_the_operation_and_says_so),
	TEST(test_a_repeating_source_coalesces_and_counts_what_was_missed),
	TEST(test_the_last_answer_replaces_a_waiting_one_and_counts_it),
	TEST(test_a_repeating_source_of_a_dead_process_reaches_nobody),
	TEST(test_a_repeating_source_that_nobody_subscribed_to_sends_null_upcalls),
	TEST(test_unsubscribing_takes_a_repeating_answer_back_and_leaves_the_operation),
	TEST(test_withdrawing_from_the_middle_keeps_the_others_in_order),
	TEST(test_the_frontend_is_told_of_each_answer),
	TEST(test_more_from_what_does_not_repeat_is_ignored_and_reported),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "upcall", tests, TESTS_COUNT(tests));
}
