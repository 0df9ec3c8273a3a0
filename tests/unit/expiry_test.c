/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time limits of operations and of greetings. Nobody waits here: the tests say what time it is.
 */
#include "daemon/kernel/expiry.h"

#include <string.h>

#include "daemon/kernel/loop.h"
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define LIMIT_MS 60000u /* far longer than a test takes */

static struct bare bare;
static struct process *process;
static struct record answer;
static bool said_expired;

static uint64_t now_ms(void)
{
	return loop_now_us() / 1000u;
}

static void note_and_end(struct operation *op)
{
	said_expired = op_expired(op);
	puppet_end_cancelled(op);
}

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
	puppet.run = puppet_hold;
	puppet.cancel = note_and_end;
	said_expired = false;
}

static struct operation *submit(struct process *from, uint32_t op_id)
{
	const struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);

	CU_ASSERT_EQUAL_FATAL(request_submit(from, &record), 0);
	return puppet.held[puppet.held_count - 1];
}

/* A whole look, as if it were that time; returns how many deferred calls it took. */
static size_t look(uint64_t at_ms)
{
	size_t calls = 0;

	expiry_look(&bare.kernel, at_ms);
	while (deferred_queue_run(&bare.kernel.deferred, 1))
		calls++;
	return calls;
}

static int status(void)
{
	return bare_fetch(process, &answer) ? rig_status(&answer) : -PLUTON_EOFF;
}

static void test_an_operation_over_its_limit_is_cancelled_and_told_busy(void)
{
	struct operation *op;

	open_kernel();
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	CU_ASSERT_FALSE(op_expired(op));
	look(now_ms() + LIMIT_MS);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_TRUE(said_expired);
	CU_ASSERT_EQUAL(status(), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	bare_close(&bare);
}

static void test_the_limit_is_over_when_it_is_reached_and_not_before(void)
{
	struct operation *op;

	open_kernel();
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	look(op->expires_ms - 1);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	CU_ASSERT_FALSE(op_expired(op));
	look(op->expires_ms);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	bare_close(&bare);
}

static void test_a_limit_that_is_taken_back_is_none(void)
{
	struct operation *op;

	open_kernel();
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	op_expire(op, 0);
	op_expire(op, 0);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	CU_ASSERT_EQUAL(look(UINT64_MAX), 0);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	bare_close(&bare);
}

static void test_a_second_limit_replaces_the_first(void)
{
	struct operation *op;

	open_kernel();
	op = submit(process, 1);
	op_expire(op, 1);
	op_expire(op, UINT32_MAX);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 1);
	look(now_ms() + LIMIT_MS);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	op_expire(op, 1);
	look(now_ms() + LIMIT_MS);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	bare_close(&bare);
}

static void test_an_operation_that_is_done_has_no_limit(void)
{
	open_kernel();
	op_expire(submit(process, 1), LIMIT_MS);
	puppet_end(0, 0);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	look(UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	CU_ASSERT_EQUAL(status(), 0);
	bare_close(&bare);
}

static int limit_and_refuse(struct operation *op)
{
	op_expire(op, LIMIT_MS);
	return puppet_refuse(op);
}

static void test_an_operation_that_is_refused_has_no_limit(void)
{
	const struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);

	open_kernel();
	puppet.run = limit_and_refuse;
	CU_ASSERT_EQUAL(request_submit(process, &record), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	look(UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	bare_close(&bare);
}

static void test_what_the_process_cancelled_itself_is_told_cancel(void)
{
	struct operation *op;

	open_kernel();
	puppet.cancel = NULL; /* it takes its time */
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	operation_cancel(op);
	look(UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_FALSE(op_expired(op));
	puppet_end(0, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(status(), -PLUTON_ECANCEL);
	bare_close(&bare);
}

static void test_cancelling_what_is_over_its_limit_tells_the_capsule_nothing_new(void)
{
	struct operation *op;

	open_kernel();
	puppet.cancel = NULL;
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	look(UINT64_MAX);
	operation_cancel(op);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	puppet_end(0, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(status(), -PLUTON_EBUSY);
	bare_close(&bare);
}

static void test_an_operation_may_end_well_although_its_limit_is_over(void)
{
	open_kernel();
	puppet.cancel = NULL;
	op_expire(submit(process, 1), LIMIT_MS);
	op_expire(submit(process, 2), LIMIT_MS);
	look(UINT64_MAX);
	puppet_end(0, 0);
	puppet_end(0, -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(status(), 0);
	CU_ASSERT_EQUAL(status(), -PLUTON_ENODEVICE);
	bare_close(&bare);
}

static void test_the_limits_of_a_process_that_dies_go_with_it(void)
{
	open_kernel();
	op_expire(submit(process, 1), LIMIT_MS);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	bare_close(&bare);
}

static void test_an_operation_of_the_dead_that_an_engine_keeps_is_left_alone(void)
{
	open_kernel();
	puppet.cancel = NULL;
	op_expire(submit(process, 1), LIMIT_MS);
	process_kill(process);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	look(UINT64_MAX);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	puppet_end(0, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	bare_close(&bare);
}

static void test_a_standing_operation_can_have_a_limit_each_time(void)
{
	open_kernel();
	for (unsigned i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL), 0);
		CU_ASSERT_FALSE(op_expired(puppet.held[0]));
		op_expire(puppet.held[0], LIMIT_MS);
		look(UINT64_MAX);
		CU_ASSERT_EQUAL(puppet.cancels, i);
		CU_ASSERT_EQUAL(status(), -PLUTON_EBUSY);
	}
	bare_close(&bare);
}

static void test_a_look_at_many_takes_more_than_one_call(void)
{
	struct kernel_limits limits = bare_limits();
	size_t calls;

	limits.processes_max = 201;
	limits.processes_per_user = 200;
	limits.pool = (size_t)1 << 20;
	bare_open(&bare, &limits);
	puppet.run = puppet_hold;
	puppet.cancel = note_and_end;
	for (unsigned i = 0; i < 200; i++) {
		process = bare_process(&bare, 1000);
		if (i % 2)
			op_expire(submit(process, 1), LIMIT_MS);
	}
	calls = look(now_ms()); /* nothing is over */
	CU_ASSERT(calls >= 3 && calls < 10);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 100);
	calls = look(UINT64_MAX);
	CU_ASSERT(calls >= 25 && calls < 100);
	CU_ASSERT_EQUAL(puppet.cancels, 100);
	CU_ASSERT_EQUAL(bare.kernel.expiry.timed, 0);
	bare_close(&bare);
}

static void test_who_connects_during_a_look_is_not_over_its_limit_for_that(void)
{
	struct operation *op;

	open_kernel();
	op_expire(submit(process, 1), LIMIT_MS);
	expiry_look(&bare.kernel, now_ms() + 1);
	process = bare_process(&bare, 1000);
	op = submit(process, 1);
	op_expire(op, LIMIT_MS);
	deferred_queue_run(&bare.kernel.deferred, 100);
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	bare_close(&bare);
}

static void test_the_loop_has_a_timer_only_while_there_is_a_limit(void)
{
	struct loop loop;

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(loop_open(&loop, &bare.kernel), 0);
	loop_pass(&loop, false);
	CU_ASSERT_FALSE(event_pending(&loop.tick, EV_TIMEOUT, NULL));
	bare.kernel.expiry.timed = 1;
	loop_pass(&loop, false);
	CU_ASSERT_TRUE(event_pending(&loop.tick, EV_TIMEOUT, NULL));
	bare.kernel.expiry.timed = 0;
	event_active(&loop.tick, EV_TIMEOUT, 0);
	loop_pass(&loop, false);
	loop_pass(&loop, false);
	CU_ASSERT_FALSE(event_pending(&loop.tick, EV_TIMEOUT, NULL));
	loop_close(&loop);
	bare_close(&bare);
}

static void test_the_tick_looks_at_limits(void)
{
	struct loop loop;

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(loop_open(&loop, &bare.kernel), 0);
	op_expire(submit(process, 1), 1);
	puppet.held[0]->expires_ms = 1; /* long ago */
	loop_pass(&loop, false);
	event_active(&loop.tick, EV_TIMEOUT, 0);
	loop_pass(&loop, false);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	loop_close(&loop);
	bare_close(&bare);
}

/* --- greetings -------------------------------------------------------------------------------- */

static char reported[256];

static void note_report(void *context, const struct process_id *id, const char *message)
{
	(void)context;
	(void)id;
	strncpy(reported, message, sizeof(reported) - 1);
}

static void look_in_machine(uint64_t at_ms)
{
	expiry_look(rig.kernel, at_ms);
	rig_settle(&rig);
}

static void open_machine(void)
{
	guests_open(NULL);
	rig.kernel->report = note_report;
	reported[0] = '\0';
}

static void test_who_does_not_greet_in_time_is_told_and_hung_up_on(void)
{
	uint64_t timeout_ms, after_ms;
	int fd;

	open_machine();
	timeout_ms = rig.kernel->limits.greeting_timeout_ms;
	fd = guest_connect_raw();
	after_ms = now_ms();
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 1);
	look_in_machine(after_ms + timeout_ms);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_PTR_NOT_NULL(memmem(answer.ret.text, answer.ret.text_length, "greeting", 8));
	CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(reported, "no greeting within 10000 ms"));
	guests_close();
}

static void test_until_then_there_is_time_to_greet(void)
{
	uint64_t before_ms = now_ms();
	const struct record hello = {.header = {.type = RECORD_HELLO},
				     .hello = {.version = RECORD_VERSION}};
	int fd;

	open_machine();
	fd = guest_connect_raw();
	look_in_machine(before_ms + rig.kernel->limits.greeting_timeout_ms - 1);
	rig_send(fd, &hello, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_WELCOME);
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 0);
	guests_close();
}

static void test_who_has_greeted_may_stay_for_ever(void)
{
	int fd, other;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 0);
	other = guest_connect_raw();
	look_in_machine(now_ms() + ((uint64_t)1 << 31)); /* connections count 32 bits of it */
	CU_ASSERT_FALSE(rig_is_closed(&rig, fd));
	CU_ASSERT_TRUE(guest_read(other, &answer));
	CU_ASSERT_TRUE(rig_is_closed(&rig, other));
	guests_close();
}

static void test_junk_is_no_greeting(void)
{
	const struct record junk = rig_operation(1, RIG_RNG, 1);
	int fd;

	open_machine();
	fd = guest_connect_raw();
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &junk, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 1);
	look_in_machine(now_ms() + rig.kernel->limits.greeting_timeout_ms);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	guests_close();
}

static void test_who_leaves_without_greeting_has_no_limit_left(void)
{
	int fd;

	open_machine();
	fd = guest_connect_raw();
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 0);
	guests_close();
}

static void test_many_who_never_greet_all_go(void)
{
	int fds[100];

	open_machine();
	for (unsigned i = 0; i < 100; i++)
		fds[i] = guest_connect_raw();
	CU_ASSERT_EQUAL(rig.kernel->expiry.timed, 100);
	look_in_machine(now_ms() + rig.kernel->limits.greeting_timeout_ms);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_TRUE(guest_read(fds[i], &answer));
	guests_close();
}

static const struct test tests[] = {
	TEST(test_an_operation_over_its_limit_is_cancelled_and_told_busy),
	TEST(test_the_limit_is_over_when_it_is_reached_and_not_before),
	TEST(test_a_limit_that_is_taken_back_is_none),
	TEST(test_a_second_limit_replaces_the_first),
	TEST(test_an_operation_that_is_done_has_no_limit),
	TEST(test_an_operation_that_is_refused_has_no_limit),
	TEST(test_what_the_process_cancelled_itself_is_told_cancel),
	TEST(test_cancelling_what_is_over_its_limit_tells_the_capsule_nothing_new),
	TEST(test_an_operation_may_end_well_although_its_limit_is_over),
	TEST(test_the_limits_of_a_process_that_dies_go_with_it),
	TEST(test_an_operation_of_the_dead_that_an_engine_keeps_is_left_alone),
	TEST(test_a_standing_operation_can_have_a_limit_each_time),
	TEST(test_a_look_at_many_takes_more_than_one_call),
	TEST(test_who_connects_during_a_look_is_not_over_its_limit_for_that),
	TEST(test_the_loop_has_a_timer_only_while_there_is_a_limit),
	TEST(test_the_tick_looks_at_limits),
	TEST(test_who_does_not_greet_in_time_is_told_and_hung_up_on),
	TEST(test_until_then_there_is_time_to_greet),
	TEST(test_who_has_greeted_may_stay_for_ever),
	TEST(test_junk_is_no_greeting),
	TEST(test_who_leaves_without_greeting_has_no_limit_left),
	TEST(test_many_who_never_greet_all_go),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "expiry", tests, TESTS_COUNT(tests));
}
