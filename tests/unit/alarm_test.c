/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarm capsule as processes see it, on a clock that stands still until a test lets time pass;
 * the last test is on the machine's own.
 */
#include <string.h>

#include "daemon/kernel/operation.h"
#include "hil/checker.h"
#include "tests/fake_clock.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define ALARM 0x0u
#define MS UINT64_C(1000)

enum { NOW = 1, AFTER, EVERY };

static struct fake_clock clock_under_test;
static struct hil_engine *checked;
static struct record answer;

static struct hil_port *port_of_alarm(void)
{
	return &kernel_driver(rig.kernel, ALARM)->ports[0];
}

/* The capsule is handed the fake clock, with the contract checker before it. */
static void open_alarms(const char *const *settings)
{
	struct checker_options options;

	guests_open(settings);
	options = (struct checker_options){.deferred = &rig.kernel->deferred};
	fake_clock_open(&clock_under_test, &rig.kernel->deferred);
	CU_ASSERT_EQUAL_FATAL(checker_open(&clock_under_test.engine.head, &options, &checked), 0);
	checked->arbiter = port_of_alarm()->engines[0]->arbiter;
	port_of_alarm()->engines[0] = checked;
}

static void close_alarms(void)
{
	CU_ASSERT_EQUAL(checker_violations(checked), 0);
	fake_clock_close(&clock_under_test);
	guests_close();
	checker_close(checked);
}

static void pass_ms(uint64_t ms)
{
	fake_clock_pass(&clock_under_test, ms * MS);
}

static uint64_t now(void)
{
	return clock_under_test.now_us;
}

/* --- asking ----------------------------------------------------------------------------------- */

static struct record alarm_record(uint32_t op_id, uint32_t command, uint32_t ms)
{
	struct record record = rig_operation(op_id, ALARM, command);

	record.operation.words[0] = ms;
	return record;
}

static int perform(int fd, uint32_t command, uint32_t ms)
{
	const struct record record = alarm_record(99, command, ms);

	return rig_perform(&rig, fd, &record, &answer);
}

/* Sends it and lets the daemon read it. */
static void start(int fd, uint32_t op_id, uint32_t command, uint32_t ms)
{
	const struct record record = alarm_record(op_id, command, ms);

	rig_send(fd, &record, -1);
	guests_turn();
}

static void cancel(int fd, uint32_t op_id)
{
	const struct record record = {
		.header = {.type = RECORD_CANCEL, .op_id = op_id, .driver = ALARM}};

	rig_send(fd, &record, -1);
	guests_turn();
}

static uint64_t answered_us(void)
{
	return (uint64_t)answer.upcall.words[2] << 32 | answer.upcall.words[1];
}

/* The next thing that comes, comes now: this operation's success, with or without more. */
static bool answers(int fd, uint32_t op_id, bool more)
{
	return rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL &&
	       answer.header.op_id == op_id && rig_status(&answer) == 0 &&
	       !!(answer.header.flags & RECORD_MORE) == more;
}

static bool is_silent(int fd)
{
	guests_turn();
	return !guest_has_answer(fd);
}

/* --- now and after ---------------------------------------------------------------------------- */

static void test_now_is_the_engines_clock_in_two_words(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	pass_ms(7);
	CU_ASSERT_EQUAL(perform(fd, NOW, 0), 0);
	CU_ASSERT_EQUAL(answered_us(), FAKE_CLOCK_START_US + 7 * MS);
	close_alarms();
}

static void test_an_alarm_answers_at_its_time_and_not_a_microsecond_before(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, 5);
	fake_clock_pass(&clock_under_test, 5 * MS - 1);
	CU_ASSERT_TRUE(is_silent(fd));
	fake_clock_pass(&clock_under_test, 1);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT_EQUAL(answered_us(), now());
	CU_ASSERT_TRUE(is_silent(fd));
	close_alarms();
}

static void test_an_alarm_of_no_time_answers_at_once(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(perform(fd, AFTER, 0), 0);
	CU_ASSERT_EQUAL(answered_us(), now());
	close_alarms();
}

static void test_the_longest_alarm_is_not_cut_short(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, UINT32_MAX);
	fake_clock_pass(&clock_under_test, UINT32_MAX * MS - 1);
	CU_ASSERT_TRUE(is_silent(fd));
	fake_clock_pass(&clock_under_test, 1);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	close_alarms();
}

static void test_alarms_answer_in_the_order_of_their_times(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, 30);
	start(fd, 2, AFTER, 10);
	start(fd, 3, AFTER, 20);
	for (uint32_t i = 0; i < 3; i++) {
		static const uint32_t order[] = {2, 3, 1};

		CU_ASSERT_TRUE(is_silent(fd));
		pass_ms(10);
		CU_ASSERT_TRUE(answers(fd, order[i], false));
	}
	close_alarms();
}

static void test_alarms_that_are_due_at_once_answer_in_the_order_of_their_times(void)
{
	static const uint32_t order[] = {2, 4, 3, 1};
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, 30);
	start(fd, 2, AFTER, 10);
	start(fd, 3, AFTER, 20);
	start(fd, 4, AFTER, 10);
	pass_ms(1000);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_TRUE(answers(fd, order[i], false));
	CU_ASSERT_EQUAL(clock_under_test.fires, 1);
	close_alarms();
}

/* --- every ------------------------------------------------------------------------------------ */

static void test_a_period_answers_again_and_again(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 10);
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(is_silent(fd));
		pass_ms(10);
		CU_ASSERT_TRUE(answers(fd, 1, true));
		CU_ASSERT_EQUAL(answered_us(), now());
		CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	}
	close_alarms();
}

static void test_a_late_period_does_not_move_those_after_it(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 10);
	pass_ms(14);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	pass_ms(5);
	CU_ASSERT_TRUE(is_silent(fd));
	pass_ms(1);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	CU_ASSERT_EQUAL(clock_under_test.when_us, FAKE_CLOCK_START_US + 30 * MS);
	close_alarms();
}

static void test_periods_that_the_loop_slept_through_are_one_answer_that_counts_them(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 10);
	pass_ms(35);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	CU_ASSERT_EQUAL(answer.upcall.missed, 2);
	CU_ASSERT_TRUE(is_silent(fd));
	pass_ms(5);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	CU_ASSERT_EQUAL(answer.upcall.missed, 0);
	close_alarms();
}

static void test_a_very_long_sleep_counts_as_much_as_a_word_holds(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 1);
	fake_clock_pass(&clock_under_test, (UINT64_C(1) << 33) * MS);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	CU_ASSERT_EQUAL(answer.upcall.missed, UINT32_MAX);
	close_alarms();
}

/* Between two firings the channel had no chance to send. */
static void test_periods_that_nobody_fetched_are_one_answer_that_counts_them(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 10);
	for (unsigned i = 0; i < 3; i++) {
		pass_ms(10);
		fake_clock_fire(&clock_under_test);
	}
	pass_ms(30);
	fake_clock_fire(&clock_under_test);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	CU_ASSERT_EQUAL(answer.upcall.missed, 5);
	CU_ASSERT_EQUAL(answered_us(), now());
	CU_ASSERT_TRUE(is_silent(fd));
	close_alarms();
}

static void test_a_period_of_nothing_is_refused_and_one_of_a_millisecond_is_not(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(perform(fd, EVERY, 0), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "ms is 0"));
	start(fd, 1, EVERY, 1);
	pass_ms(1);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	close_alarms();
}

/* --- cancel ----------------------------------------------------------------------------------- */

static void test_a_cancelled_period_ends_once_and_is_silent_then(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, EVERY, 10);
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 1, true));
	cancel(fd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(answer.header.flags & RECORD_MORE, 0);
	pass_ms(1000);
	CU_ASSERT_TRUE(is_silent(fd));
	close_alarms();
}

static void test_cancelling_one_alarm_leaves_the_others(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	for (uint32_t i = 1; i <= 3; i++)
		start(fd, i, AFTER, 10 * i);
	cancel(fd, 2);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 2);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	pass_ms(100);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT_TRUE(answers(fd, 3, false));
	CU_ASSERT_TRUE(is_silent(fd));
	close_alarms();
}

static void test_after_the_last_alarm_was_cancelled_the_engine_fires_once_for_nobody(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, 10);
	cancel(fd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	pass_ms(10);
	CU_ASSERT_TRUE(is_silent(fd));
	CU_ASSERT_EQUAL(clock_under_test.fires, 1);
	CU_ASSERT_EQUAL(clock_under_test.when_us, FAKE_CLOCK_NOT_SET);
	close_alarms();
}

/* --- one engine for all ----------------------------------------------------------------------- */

static void test_the_engine_is_set_to_the_soonest_of_all_processes(void)
{
	int first, second;

	open_alarms(NULL);
	first = guest_connect();
	second = guest_connect();
	start(first, 1, AFTER, 50);
	CU_ASSERT_EQUAL(clock_under_test.when_us, now() + 50 * MS);
	start(second, 1, AFTER, 20);
	CU_ASSERT_EQUAL(clock_under_test.when_us, now() + 20 * MS);
	start(first, 2, AFTER, 70);
	CU_ASSERT_EQUAL(clock_under_test.when_us, now() + 20 * MS);
	CU_ASSERT_EQUAL(clock_under_test.sets, 2);
	pass_ms(20);
	CU_ASSERT_TRUE(answers(second, 1, false));
	CU_ASSERT_EQUAL(clock_under_test.when_us, now() + 30 * MS);
	CU_ASSERT_TRUE(is_silent(first));
	close_alarms();
}

#define CROWD 100

static void test_many_processes_each_get_their_own_alarms(void)
{
	int fds[CROWD];

	open_alarms(NULL);
	for (uint32_t i = 0; i < CROWD; i++) {
		fds[i] = guest_connect();
		start(fds[i], 1, AFTER, 10 + i);
		start(fds[i], 2, EVERY, 1000);
	}
	pass_ms(9);
	for (uint32_t i = 0; i < CROWD; i++) {
		pass_ms(1);
		CU_ASSERT_TRUE(answers(fds[i], 1, false));
		CU_ASSERT_TRUE(is_silent(fds[(i + 1) % CROWD]));
	}
	pass_ms(1000);
	for (uint32_t i = 0; i < CROWD; i++)
		CU_ASSERT_TRUE(answers(fds[i], 2, true));
	close_alarms();
}

static void test_waiting_alarms_are_no_work_that_anybody_else_waits_for(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start(fd, 1, AFTER, 10);
	start(fd, 2, EVERY, 10);
	CU_ASSERT_EQUAL(rig.kernel->running, 0);
	CU_ASSERT_FALSE(kernel_others_wait(rig.kernel));
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT_EQUAL(rig.kernel->running, 0);
	close_alarms();
}

/* --- many that are due together --------------------------------------------------------------- */

#define ROUND 64u /* alarms that one firing answers, at most */

static unsigned count_pending(void)
{
	unsigned count = 0;

	kernel_for_each_process (rig.kernel, process) {
		for (const struct operation *op = process->upcalls; op; op = op->next_upcall)
			count++;
	}
	return count;
}

static void fire(void)
{
	fake_clock_fire(&clock_under_test);
}

static void start_many(int fds[], uint32_t processes, uint32_t each, uint32_t command)
{
	for (uint32_t i = 0; i < processes; i++) {
		fds[i] = guest_connect();
		for (uint32_t n = 1; n <= each; n++)
			start(fds[i], n, command, 10);
	}
}

static void test_one_firing_answers_64_alarms_and_the_next_the_rest(void)
{
	int fds[13];

	open_alarms(NULL);
	start_many(fds, 13, 5, AFTER); /* 65 */
	pass_ms(10);
	fire();
	CU_ASSERT_EQUAL(count_pending(), ROUND);
	CU_ASSERT_EQUAL(clock_under_test.when_us, now());
	fire();
	CU_ASSERT_EQUAL(count_pending(), ROUND + 1);
	CU_ASSERT_EQUAL(clock_under_test.when_us, FAKE_CLOCK_NOT_SET);
	for (unsigned i = 0; i < 13; i++) {
		for (uint32_t n = 1; n <= 5; n++)
			CU_ASSERT_TRUE(answers(fds[i], n, false));
	}
	close_alarms();
}

static void test_64_alarms_are_one_firing(void)
{
	int fds[16];

	open_alarms(NULL);
	start_many(fds, 16, 4, AFTER);
	pass_ms(10);
	fire();
	CU_ASSERT_EQUAL(count_pending(), ROUND);
	CU_ASSERT_EQUAL(clock_under_test.when_us, FAKE_CLOCK_NOT_SET);
	guests_turn();
	CU_ASSERT_EQUAL(clock_under_test.fires, 1);
	close_alarms();
}

static void test_a_thousand_due_together_all_answer_in_as_many_firings_as_it_takes(void)
{
	static int fds[CROWD];

	open_alarms(NULL);
	start_many(fds, CROWD, 10, AFTER);
	pass_ms(10);
	for (unsigned i = 0; i < CROWD; i++) {
		for (uint32_t n = 1; n <= 10; n++)
			CU_ASSERT_TRUE(answers(fds[i], n, false));
	}
	CU_ASSERT_EQUAL(clock_under_test.fires, (CROWD * 10 + ROUND - 1) / ROUND);
	close_alarms();
}

/* Between the firings time passes: none comes twice before all came once. */
static void test_periods_due_together_each_come_once_before_any_comes_again(void)
{
	static int fds[CROWD];

	open_alarms(NULL);
	start_many(fds, CROWD, 2, EVERY); /* 200: four firings */
	pass_ms(10);
	for (unsigned round = 1; round <= 4; round++) {
		fire();
		CU_ASSERT_EQUAL(count_pending(), round < 4 ? round * ROUND : CROWD * 2);
		pass_ms(3);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		CU_ASSERT_TRUE(answers(fds[i], 1, true));
		CU_ASSERT_TRUE(answers(fds[i], 2, true));
	}
	close_alarms();
}

/* Periods of a millisecond fill every firing, and their processes are first in the table. */
static void test_a_crowd_that_is_always_due_does_not_starve_who_is_last_in_the_table(void)
{
	static int crowd[10];
	unsigned fires;
	int last;

	open_alarms(NULL);
	for (unsigned i = 0; i < 10; i++) {
		crowd[i] = guest_connect();
		for (uint32_t n = 1; n <= 10; n++)
			start(crowd[i], n, EVERY, 1);
	}
	last = guest_connect();
	start(last, 1, AFTER, 5);
	start(last, 2, EVERY, 5);
	fires = clock_under_test.fires;
	for (unsigned i = 0; i < 20; i++) {
		pass_ms(1);
		fire();
	}
	CU_ASSERT_EQUAL(clock_under_test.fires, fires + 20);
	CU_ASSERT_TRUE(guest_has_answer(last) || rig_last_process(&rig)->upcalls);
	CU_ASSERT_TRUE(answers(last, 1, false));
	CU_ASSERT_TRUE(answers(last, 2, true));
	close_alarms();
}

/* --- ends of processes ------------------------------------------------------------------------ */

static void start_some(int fd)
{
	for (uint32_t i = 1; i <= 5; i++)
		start(fd, i, i % 2 ? AFTER : EVERY, 10 * i);
}

static void test_a_process_that_dies_takes_its_alarms_along_to_the_byte(void)
{
	int dying, other;
	size_t before;

	open_alarms(NULL);
	other = guest_connect();
	start_some(other);
	rig_settle(&rig);
	before = rig.kernel->pool.taken;
	dying = guest_connect();
	start_some(dying);
	CU_ASSERT(rig.kernel->pool.taken > before);
	guest_leave(dying);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, before);
	pass_ms(10);
	CU_ASSERT_TRUE(answers(other, 1, false));
	CU_ASSERT_EQUAL(clock_under_test.when_us, now() + 10 * MS);
	close_alarms();
}

static void test_a_process_that_hung_up_as_its_alarms_fire_takes_them_along(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start_some(fd);
	guest_leave(fd); /* the daemon does not know it yet */
	pass_ms(25);
	fake_clock_fire(&clock_under_test);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	pass_ms(1000);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(clock_under_test.when_us, FAKE_CLOCK_NOT_SET);
	close_alarms();
}

static void test_what_has_fired_but_was_not_fetched_goes_with_its_process(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	start_some(fd);
	pass_ms(1000);
	fake_clock_fire(&clock_under_test);
	process_kill(rig_last_process(&rig));
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	close_alarms();
}

/* --- limits ----------------------------------------------------------------------------------- */

static void test_operations_per_process_alarms_can_run_and_no_more(void)
{
	static const char *const settings[] = {"kernel.operations_per_process=4", NULL};
	int fd, other;

	open_alarms(settings);
	fd = guest_connect();
	other = guest_connect();
	for (uint32_t i = 1; i <= 4; i++)
		start(fd, i, AFTER, 10);
	CU_ASSERT_TRUE(is_silent(fd));
	CU_ASSERT_EQUAL(perform(fd, AFTER, 10), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(perform(other, AFTER, 0), 0);
	pass_ms(10);
	for (uint32_t i = 1; i <= 4; i++)
		CU_ASSERT_TRUE(answers(fd, i, false));
	CU_ASSERT_EQUAL(perform(fd, AFTER, 0), 0);
	close_alarms();
}

static void test_no_memory_for_the_list_is_nomem_and_leaves_nothing(void)
{
	struct process *process;
	size_t before;
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	process = rig_last_process(&rig);
	before = process->arena.taken;
	/* Room for the operation to the byte, and not for the grant. */
	CU_ASSERT_EQUAL(perform(fd, NOW, 0), 0);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	start(fd, 1, AFTER, 10);
	process->arena.limit = process->arena.taken - 32;
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT_EQUAL(grant_free(kernel_driver(rig.kernel, ALARM), process->id, 0), 0);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(perform(fd, AFTER, 10), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "list of alarms"));
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(perform(fd, NOW, 0), 0);
	process->arena.limit += 32;
	CU_ASSERT_EQUAL(perform(fd, AFTER, 0), 0);
	close_alarms();
}

static void test_an_engine_that_cannot_be_set_refuses_the_alarm_and_leaves_nothing(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	clock_under_test.set_error = -PLUTON_ENODEVICE;
	CU_ASSERT_EQUAL(perform(fd, AFTER, 10), -PLUTON_ENODEVICE);
	clock_under_test.set_error = 0;
	start(fd, 1, AFTER, 20);
	pass_ms(20);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT_TRUE(is_silent(fd));
	close_alarms();
}

static void test_without_an_engine_there_is_no_device(void)
{
	static const uint32_t commands[] = {NOW, AFTER, EVERY};
	int fd;

	open_alarms(NULL);
	port_of_alarm()->count = 0;
	fd = guest_connect();
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(perform(fd, commands[i], 1),
				i ? -PLUTON_ENODEVICE : -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(perform(fd, commands[i], i ? 1 : 0), -PLUTON_ENODEVICE);
		CU_ASSERT_TRUE(rig_says(&answer, "no alarm engine"));
	}
	port_of_alarm()->count = 1;
	close_alarms();
}

/* --- raw calls -------------------------------------------------------------------------------- */

#define TOKEN 77u

static int command(int fd, uint32_t number, uint32_t ms)
{
	const uint32_t args[4] = {ms};

	return rig_call(&rig, fd, ALARM, CLASS_COMMAND, number, args, NULL);
}

static void subscribe(int fd)
{
	const uint32_t args[4] = {TOKEN};

	CU_ASSERT_EQUAL(rig_call(&rig, fd, ALARM, CLASS_SUBSCRIBE, 0, args, NULL), 0);
}

static void test_by_raw_calls_a_command_answers_the_subscribed_upcall(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	subscribe(fd);
	CU_ASSERT_EQUAL(command(fd, 0, 0), 0);
	CU_ASSERT_EQUAL(command(fd, AFTER, 10), 0);
	CU_ASSERT_EQUAL(command(fd, AFTER, 5), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(is_silent(fd));
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 0, false));
	CU_ASSERT_EQUAL(answer.header.driver, ALARM);
	CU_ASSERT_EQUAL(answer.upcall.subscription, TOKEN);
	CU_ASSERT_EQUAL(answered_us(), now());
	CU_ASSERT_EQUAL(command(fd, AFTER, 5), 0);
	pass_ms(5);
	CU_ASSERT_TRUE(answers(fd, 0, false));
	close_alarms();
}

static void test_by_raw_calls_a_period_goes_on_until_its_driver_is_cancelled(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	subscribe(fd);
	CU_ASSERT_EQUAL(command(fd, EVERY, 10), 0);
	for (unsigned i = 0; i < 3; i++) {
		pass_ms(10);
		CU_ASSERT_TRUE(answers(fd, 0, true));
		CU_ASSERT_EQUAL(answer.upcall.subscription, TOKEN);
	}
	cancel(fd, 0);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 0);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	pass_ms(100);
	CU_ASSERT_TRUE(is_silent(fd));
	CU_ASSERT_EQUAL(command(fd, AFTER, 0), 0);
	CU_ASSERT_TRUE(answers(fd, 0, false));
	close_alarms();
}

static void test_raw_and_record_alarms_of_one_process_are_in_one_list(void)
{
	int fd;

	open_alarms(NULL);
	fd = guest_connect();
	subscribe(fd);
	CU_ASSERT_EQUAL(command(fd, EVERY, 20), 0);
	start(fd, 1, AFTER, 10);
	start(fd, 2, AFTER, 30);
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	pass_ms(10);
	CU_ASSERT_TRUE(answers(fd, 0, true));
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	close_alarms();
}

/* --- the machine's own clock ------------------------------------------------------------------ */

static void test_on_the_real_clock_an_alarm_answers_after_its_time(void)
{
	struct record record = alarm_record(1, AFTER, 2);
	uint64_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(perform(fd, NOW, 0), 0);
	before = answered_us();
	rig_send(fd, &record, -1);
	while (!guest_has_answer(fd))
		loop_pass(&rig.machine->loop, true);
	CU_ASSERT_TRUE(answers(fd, 1, false));
	CU_ASSERT(answered_us() >= before + 2 * MS);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_now_is_the_engines_clock_in_two_words),
	TEST(test_an_alarm_answers_at_its_time_and_not_a_microsecond_before),
	TEST(test_an_alarm_of_no_time_answers_at_once),
	TEST(test_the_longest_alarm_is_not_cut_short),
	TEST(test_alarms_answer_in_the_order_of_their_times),
	TEST(test_alarms_that_are_due_at_once_answer_in_the_order_of_their_times),
	TEST(test_a_period_answers_again_and_again),
	TEST(test_a_late_period_does_not_move_those_after_it),
	TEST(test_periods_that_the_loop_slept_through_are_one_answer_that_counts_them),
	TEST(test_a_very_long_sleep_counts_as_much_as_a_word_holds),
	TEST(test_periods_that_nobody_fetched_are_one_answer_that_counts_them),
	TEST(test_a_period_of_nothing_is_refused_and_one_of_a_millisecond_is_not),
	TEST(test_a_cancelled_period_ends_once_and_is_silent_then),
	TEST(test_cancelling_one_alarm_leaves_the_others),
	TEST(test_after_the_last_alarm_was_cancelled_the_engine_fires_once_for_nobody),
	TEST(test_the_engine_is_set_to_the_soonest_of_all_processes),
	TEST(test_many_processes_each_get_their_own_alarms),
	TEST(test_waiting_alarms_are_no_work_that_anybody_else_waits_for),
	TEST(test_one_firing_answers_64_alarms_and_the_next_the_rest),
	TEST(test_64_alarms_are_one_firing),
	TEST(test_a_thousand_due_together_all_answer_in_as_many_firings_as_it_takes),
	TEST(test_periods_due_together_each_come_once_before_any_comes_again),
	TEST(test_a_crowd_that_is_always_due_does_not_starve_who_is_last_in_the_table),
	TEST(test_a_process_that_dies_takes_its_alarms_along_to_the_byte),
	TEST(test_a_process_that_hung_up_as_its_alarms_fire_takes_them_along),
	TEST(test_what_has_fired_but_was_not_fetched_goes_with_its_process),
	TEST(test_operations_per_process_alarms_can_run_and_no_more),
	TEST(test_no_memory_for_the_list_is_nomem_and_leaves_nothing),
	TEST(test_an_engine_that_cannot_be_set_refuses_the_alarm_and_leaves_nothing),
	TEST(test_without_an_engine_there_is_no_device),
	TEST(test_by_raw_calls_a_command_answers_the_subscribed_upcall),
	TEST(test_by_raw_calls_a_period_goes_on_until_its_driver_is_cancelled),
	TEST(test_raw_and_record_alarms_of_one_process_are_in_one_list),
	TEST(test_on_the_real_clock_an_alarm_answers_after_its_time),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "alarm", tests, TESTS_COUNT(tests));
}
