/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns at an engine, from the operation's side: who gets one when, and what happens to it when the
 * operation is cancelled, its process dies, or its time is up.
 */
#include <string.h>

#include "daemon/kernel/loop.h"
#include "daemon/kernel/request.h"
#include "hil/arbiter.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define DEADLINE_MS 5000u

static struct bare bare;
static struct process *process;
static struct hil_engine engine;
static struct arbiter arbiter;
static struct operation *granted_ops[32];
static unsigned granted_count;

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
	granted_count = 0;
	engine = (struct hil_engine){
		.name = "test", .kind = HIL_RNG, .level = HIL_LEVEL_RNG, .concurrency = 1};
	CU_ASSERT_EQUAL_FATAL(arbiter_init(&arbiter, &engine, &bare.kernel.deferred,
					   bare.kernel.limits.processes_max,
					   users_places(&bare.kernel.parties), DEADLINE_MS,
					   kernel_find_owner, &bare.kernel),
			      0);
}

static void close_kernel(void)
{
	kernel_for_each_process (&bare.kernel, each)
		process_kill(each);
	puppet_end_all();
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	deferred_queue_run(&bare.kernel.deferred, 100);
	arbiter_close(&arbiter);
	bare_close(&bare);
}

static void granted(struct operation *op)
{
	granted_ops[granted_count++] = op;
}

static int ask_and_hold(struct operation *op)
{
	puppet_hold(op);
	return op_engine_request(op, &engine, granted);
}

/* word 0 says which request it was. */
static int submit_from(struct process *some, uint32_t op_id)
{
	struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);

	record.operation.words[0] = op_id;
	puppet.run = ask_and_hold;
	return request_submit(some, &record);
}

static void run_deferred(void)
{
	deferred_queue_run(&bare.kernel.deferred, 100);
}

static uint32_t granted_id(unsigned at)
{
	return at < granted_count ? op_word(granted_ops[at], 0) : 0;
}

static void end(struct operation *op)
{
	for (unsigned i = 0; i < puppet.held_count; i++) {
		if (puppet.held[i] == op) {
			puppet_end(i, 0);
			return;
		}
	}
}

static void test_a_turn_comes_from_a_deferred_call_and_not_from_asking(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(submit_from(process, 1), 0);
	CU_ASSERT_EQUAL(granted_count, 0);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 1);
	close_kernel();
}

static void test_asking_twice_is_refused(void)
{
	open_kernel();
	submit_from(process, 1);
	CU_ASSERT_EQUAL(op_engine_request(puppet.held[0], &engine, granted), -PLUTON_EALREADY);
	run_deferred();
	CU_ASSERT_EQUAL(op_engine_request(puppet.held[0], &engine, granted), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(granted_count, 1);
	close_kernel();
}

static void test_no_more_than_the_engines_concurrency_have_a_turn_at_once(void)
{
	open_kernel();
	engine.concurrency = 2;
	for (uint32_t i = 1; i <= 3; i++)
		submit_from(process, i);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 2);
	end(granted_ops[0]);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 3);
	close_kernel();
}

static void test_ending_an_operation_gives_its_turn_to_the_next(void)
{
	open_kernel();
	submit_from(process, 1);
	submit_from(process, 2);
	run_deferred();
	CU_ASSERT_EQUAL(granted_id(0), 1);
	end(granted_ops[0]);
	CU_ASSERT_EQUAL(granted_count, 1);
	run_deferred();
	CU_ASSERT_EQUAL(granted_id(1), 2);
	close_kernel();
}

static void test_processes_take_turns_whoever_asks_more(void)
{
	static const uint32_t expected[] = {1, 101, 201, 2, 102, 3};
	struct process *second, *third;

	open_kernel();
	second = bare_process(&bare, 1000);
	third = bare_process(&bare, 1000);
	for (uint32_t i = 1; i <= 3; i++)
		submit_from(process, i);
	submit_from(second, 101);
	submit_from(second, 102);
	submit_from(third, 201);
	for (unsigned i = 0; i < 6; i++) {
		run_deferred();
		CU_ASSERT_EQUAL_FATAL(granted_count, i + 1);
		CU_ASSERT_EQUAL(granted_id(i), expected[i]);
		end(granted_ops[i]);
	}
	close_kernel();
}

static void test_an_operation_that_waits_can_be_withdrawn_once(void)
{
	open_kernel();
	submit_from(process, 1);
	CU_ASSERT_TRUE(op_engine_withdraw(puppet.held[0]));
	CU_ASSERT_FALSE(op_engine_withdraw(puppet.held[0]));
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 0);
	close_kernel();
}

static void test_an_operation_that_has_its_turn_cannot_be_withdrawn(void)
{
	open_kernel();
	submit_from(process, 1);
	run_deferred();
	CU_ASSERT_FALSE(op_engine_withdraw(puppet.held[0]));
	close_kernel();
}

static void test_an_operation_that_ends_while_it_waits_is_never_granted(void)
{
	open_kernel();
	submit_from(process, 1);
	puppet_end(0, -PLUTON_ECANCEL);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 0);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	close_kernel();
}

static int ask_and_refuse(struct operation *op)
{
	op_engine_request(op, &engine, granted);
	return -PLUTON_EFAIL;
}

static void test_an_operation_refused_after_it_asked_is_never_granted(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);

	open_kernel();
	puppet.run = ask_and_refuse;
	CU_ASSERT_EQUAL(request_submit(process, &record), -PLUTON_EFAIL);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 0);
	CU_ASSERT_PTR_NULL(process->owner.waiting);
	close_kernel();
}

/* As real capsules do: withdrawn, it ends at once; at work, the engine must be waited for. */
static void cancel_like_a_capsule(struct operation *op)
{
	if (op_engine_withdraw(op))
		puppet_end_cancelled(op);
}

static void test_a_process_that_dies_while_it_waits_leaves_at_once(void)
{
	struct process *other;

	open_kernel();
	puppet.cancel = cancel_like_a_capsule;
	other = bare_process(&bare, 1000);
	submit_from(other, 1);
	run_deferred();
	submit_from(process, 2);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	end(granted_ops[0]);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 1);
	close_kernel();
}

static void test_a_process_that_dies_at_work_holds_the_engine_until_it_is_done(void)
{
	struct process *other;

	open_kernel();
	puppet.cancel = cancel_like_a_capsule;
	other = bare_process(&bare, 1000);
	submit_from(process, 1);
	run_deferred();
	submit_from(other, 2);
	process_kill(process);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 1);
	CU_ASSERT_EQUAL(bare.kernel.processes, 2);
	end(granted_ops[0]);
	run_deferred();
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	CU_ASSERT_EQUAL(granted_id(1), 2);
	close_kernel();
}

/* The place of a dead process in the table may be taken while its turn would have come. */
static void test_a_new_process_does_not_inherit_the_turn_of_a_dead_one(void)
{
	open_kernel();
	puppet.cancel = cancel_like_a_capsule;
	submit_from(process, 1);
	process_kill(process);
	for (unsigned i = 0; i < 4; i++)
		bare_process(&bare, 1000);
	run_deferred();
	CU_ASSERT_EQUAL(granted_count, 0);
	close_kernel();
}

static void test_engine_deadline_can_be_reached_and_not_passed(void)
{
	uint64_t deadline;

	open_kernel();
	submit_from(process, 1);
	run_deferred();
	deadline = puppet.held[0]->waiter.deadline_ms;
	arbiter_expire(&arbiter, deadline - 1);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	arbiter_expire(&arbiter, deadline);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_EQUAL(arbiter.expirations, 1);
	close_kernel();
}

static void test_an_expired_operation_is_cancelled_once_reported_and_keeps_the_engine(void)
{
	open_kernel();
	submit_from(process, 1);
	run_deferred();
	arbiter_expire(&arbiter, UINT64_MAX);
	arbiter_expire(&arbiter, UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "engine_deadline"));
	CU_ASSERT_EQUAL(arbiter.holders, 1);
	close_kernel();
}

static void test_an_operation_that_waits_has_no_deadline(void)
{
	open_kernel();
	submit_from(process, 1);
	submit_from(process, 2);
	run_deferred();
	arbiter_expire(&arbiter, UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	close_kernel();
}

static void test_the_loop_tick_expires_engines_of_every_driver(void)
{
	static const struct capsule capsule = {.name = "ported",
					       .interface = "Ported",
					       .doc = "",
					       .driver = 7,
					       .ports = 1,
					       .port_kinds = {HIL_RNG}};
	struct hil_port port = {.kind = HIL_RNG, .count = 1, .engines = {&engine}};
	struct driver *driver;
	struct loop loop;

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(kernel_register(&bare.kernel, &capsule, &port, &driver), 0);
	CU_ASSERT_EQUAL_FATAL(loop_open(&loop, &bare.kernel), 0);
	submit_from(process, 1);
	run_deferred();
	puppet.held[0]->waiter.deadline_ms = 1; /* long ago */
	event_active(&loop.tick, EV_TIMEOUT, 0);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	loop_close(&loop);
	close_kernel();
}

static void test_a_port_that_a_capsule_was_not_handed_is_none(void)
{
	open_kernel();
	submit_from(process, 1);
	CU_ASSERT_PTR_NULL(op_port(puppet.held[0], 0));
	CU_ASSERT_PTR_NULL(op_port(puppet.held[0], 99));
	close_kernel();
}

static const struct test tests[] = {
	TEST(test_a_turn_comes_from_a_deferred_call_and_not_from_asking),
	TEST(test_asking_twice_is_refused),
	TEST(test_no_more_than_the_engines_concurrency_have_a_turn_at_once),
	TEST(test_ending_an_operation_gives_its_turn_to_the_next),
	TEST(test_processes_take_turns_whoever_asks_more),
	TEST(test_an_operation_that_waits_can_be_withdrawn_once),
	TEST(test_an_operation_that_has_its_turn_cannot_be_withdrawn),
	TEST(test_an_operation_that_ends_while_it_waits_is_never_granted),
	TEST(test_an_operation_refused_after_it_asked_is_never_granted),
	TEST(test_a_process_that_dies_while_it_waits_leaves_at_once),
	TEST(test_a_process_that_dies_at_work_holds_the_engine_until_it_is_done),
	TEST(test_a_new_process_does_not_inherit_the_turn_of_a_dead_one),
	TEST(test_engine_deadline_can_be_reached_and_not_passed),
	TEST(test_an_expired_operation_is_cancelled_once_reported_and_keeps_the_engine),
	TEST(test_an_operation_that_waits_has_no_deadline),
	TEST(test_the_loop_tick_expires_engines_of_every_driver),
	TEST(test_a_port_that_a_capsule_was_not_handed_is_none),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "engine", tests, TESTS_COUNT(tests));
}
