/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer loop: deferred calls within their budget, then events; it never sleeps while a call is
 * due, and an idle one has no timer.
 */
#include "daemon/kernel/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/suite.h"

static struct bare bare;
static struct loop loop;
static struct deferred_call call;
static struct event event;
static unsigned calls, events;
static unsigned calls_when_the_event_came;

static void run_once(struct deferred_call *self)
{
	(void)self;
	calls++;
}

static void run_for_ever(struct deferred_call *self)
{
	calls++;
	deferred_call_set(self);
}

/* Takes all the time that the deferred calls of one pass have together. */
static void run_long(struct deferred_call *self)
{
	uint64_t start = loop_now_us();

	while (loop_now_us() - start < 200)
		;
	calls++;
	deferred_call_set(self);
}

static void run_and_stop(struct deferred_call *self)
{
	(void)self;
	calls++;
	loop_stop(&loop);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	calls_when_the_event_came = calls;
	events++;
}

static void open_loop(void (*run)(struct deferred_call *self))
{
	bare_open(&bare, NULL);
	CU_ASSERT_EQUAL_FATAL(loop_open(&loop, &bare.kernel), 0);
	deferred_call_init(&call, &bare.kernel.deferred, run);
	calls = 0;
	events = 0;
}

static void close_loop(void)
{
	deferred_call_drop(&call);
	loop_close(&loop);
	bare_close(&bare);
}

static void test_a_pass_with_nothing_to_do_returns(void)
{
	open_loop(run_once);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(loop.passes, 1);
	close_loop();
}

static void test_a_pass_runs_what_was_deferred(void)
{
	open_loop(run_once);
	deferred_call_set(&call);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(calls, 1);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(calls, 1);
	close_loop();
}

static void test_deferred_budget_can_be_reached_and_not_passed(void)
{
	open_loop(run_for_ever);
	bare.kernel.limits.deferred_budget = 7;
	deferred_call_set(&call);
	loop_pass(&loop, false);
	CU_ASSERT(calls >= 1 && calls <= 7); /* fewer only if the machine is slow */
	close_loop();
}

static void test_one_long_call_ends_the_turn_of_deferred_calls(void)
{
	open_loop(run_long);
	deferred_call_set(&call);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(calls, 1);
	loop_pass(&loop, false);
	CU_ASSERT_EQUAL(calls, 2);
	close_loop();
}

static void test_the_loop_does_not_sleep_while_a_call_is_due(void)
{
	open_loop(run_for_ever);
	deferred_call_set(&call);
	loop_pass(&loop, true);
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(loop.passes, 2);
	close_loop();
}

static void test_events_get_their_turn_however_much_is_deferred(void)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	open_loop(run_for_ever);
	event_assign(&event, loop.base, fd, EV_READ, on_event, NULL);
	event_add(&event, NULL);
	deferred_call_set(&call);
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(events, 1);
	CU_ASSERT(calls_when_the_event_came <= bare.kernel.limits.deferred_budget);
	close_loop();
	close(fd);
}

static bool has_not_run(const void *context)
{
	(void)context;
	return calls == 0;
}

static void test_what_a_deferred_call_ends_is_not_waited_for(void)
{
	const struct timeval late = {.tv_sec = 5};

	open_loop(run_once);
	evtimer_assign(&event, loop.base, on_event, NULL);
	evtimer_add(&event, &late); /* what wakes it if it sleeps */
	deferred_call_set(&call);
	loop_run_while(&loop, has_not_run, NULL);
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT_EQUAL(events, 0);
	event_del(&event);
	close_loop();
}

static void test_the_loop_runs_until_it_is_stopped(void)
{
	open_loop(run_and_stop);
	deferred_call_set(&call);
	loop_run(&loop);
	CU_ASSERT_EQUAL(calls, 1);
	CU_ASSERT_TRUE(loop.stopping);
	close_loop();
}

static struct interrupt interrupt;

static void on_interrupt(struct interrupt *self)
{
	(void)self;
	events++;
}

static void test_an_interrupt_wakes_the_loop_and_runs_on_it(void)
{
	open_loop(run_once);
	interrupt = (struct interrupt){.run = on_interrupt};
	interrupt_raise(&bare.kernel.interrupts, &interrupt);
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(events, 1);
	close_loop();
}

static void test_an_idle_loop_has_no_timer(void)
{
	open_loop(run_once);
	loop_pass(&loop, false);
	CU_ASSERT_FALSE(event_pending(&loop.tick, EV_TIMEOUT, NULL));
	CU_ASSERT_FALSE(event_pending(&loop.beat, EV_TIMEOUT, NULL));
	close_loop();
}

static unsigned beats;

static void on_beat(void *context)
{
	CU_ASSERT_PTR_EQUAL(context, &beats);
	if (++beats == 3)
		loop_stop(&loop);
}

static void test_what_is_called_every_so_often_is_called_while_the_loop_runs(void)
{
	open_loop(run_once);
	beats = 0;
	CU_ASSERT_EQUAL(loop_every(&loop, 1000, on_beat, &beats), 0);
	CU_ASSERT_EQUAL(beats, 0);
	loop_run(&loop);
	CU_ASSERT_EQUAL(beats, 3);
	close_loop();
}

static void test_while_operations_run_the_loop_looks_at_deadlines(void)
{
	open_loop(run_once);
	bare.kernel.running = 1;
	loop_pass(&loop, false);
	CU_ASSERT_TRUE(event_pending(&loop.tick, EV_TIMEOUT, NULL));
	bare.kernel.running = 0;
	close_loop();
}

static uint64_t handlers_noted(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOOP_BUCKETS; i++)
		sum += loop.histogram[i];
	return sum;
}

static void test_every_handler_is_in_the_histogram_once(void)
{
	open_loop(run_once);
	loop_note_handler(&loop, "short", loop_now_us());
	loop_note_handler(&loop, "long", loop_now_us() - 1000);
	CU_ASSERT_EQUAL(handlers_noted(), 2);
	close_loop();
}

static void test_a_handler_longer_than_the_histogram_is_in_its_last_bucket(void)
{
	open_loop(run_once);
	loop_note_handler(&loop, "endless", loop_now_us() - (UINT64_C(1) << 40));
	CU_ASSERT_EQUAL(loop.histogram[LOOP_BUCKETS - 1], 1);
	close_loop();
}

static const struct loop_handler *kind(const char *name)
{
	for (unsigned i = 0; i < LOOP_HANDLERS; i++) {
		if (loop.handlers[i].name == name)
			return &loop.handlers[i];
	}
	return NULL;
}

static void test_each_kind_of_handler_is_counted_by_itself(void)
{
	static const char first[] = "first", second[] = "second";

	open_loop(run_once);
	loop_note_handler(&loop, first, loop_now_us() - 5000);
	loop_note_handler(&loop, second, loop_now_us());
	loop_note_handler(&loop, first, loop_now_us());
	CU_ASSERT_PTR_NOT_NULL_FATAL(kind(first));
	CU_ASSERT_PTR_NOT_NULL_FATAL(kind(second));
	CU_ASSERT_EQUAL(kind(first)->calls, 2);
	CU_ASSERT_EQUAL(kind(second)->calls, 1);
	CU_ASSERT(kind(first)->longest_us >= 5000);
	CU_ASSERT(kind(first)->late >= 1);
	CU_ASSERT(kind(first)->total_us >= kind(first)->longest_us);
	close_loop();
}

static void test_more_kinds_than_there_is_room_for_share_the_last(void)
{
	static const char names[LOOP_HANDLERS + 2][2] = {"a", "b", "c", "d", "e",
							 "f", "g", "h", "i", "j"};
	uint64_t counted = 0;

	open_loop(run_once);
	for (unsigned i = 0; i < LOOP_HANDLERS + 2; i++)
		loop_note_handler(&loop, names[i], loop_now_us());
	for (unsigned i = 0; i < LOOP_HANDLERS; i++)
		counted += loop.handlers[i].calls;
	CU_ASSERT_EQUAL(counted, LOOP_HANDLERS + 2);
	close_loop();
}

static void test_the_longest_handler_is_known_by_name(void)
{
	open_loop(run_once);
	loop_note_handler(&loop, "long", loop_now_us() - 5000000);
	loop_note_handler(&loop, "short", loop_now_us());
	CU_ASSERT_STRING_EQUAL(loop.longest_name, "long");
	CU_ASSERT(loop.longest_us >= 5000000);
	close_loop();
}

static const struct test tests[] = {
	TEST(test_a_pass_with_nothing_to_do_returns),
	TEST(test_a_pass_runs_what_was_deferred),
	TEST(test_deferred_budget_can_be_reached_and_not_passed),
	TEST(test_one_long_call_ends_the_turn_of_deferred_calls),
	TEST(test_the_loop_does_not_sleep_while_a_call_is_due),
	TEST(test_events_get_their_turn_however_much_is_deferred),
	TEST(test_what_a_deferred_call_ends_is_not_waited_for),
	TEST(test_the_loop_runs_until_it_is_stopped),
	TEST(test_an_interrupt_wakes_the_loop_and_runs_on_it),
	TEST(test_an_idle_loop_has_no_timer),
	TEST(test_what_is_called_every_so_often_is_called_while_the_loop_runs),
	TEST(test_while_operations_run_the_loop_looks_at_deadlines),
	TEST(test_every_handler_is_in_the_histogram_once),
	TEST(test_a_handler_longer_than_the_histogram_is_in_its_last_bucket),
	TEST(test_the_longest_handler_is_known_by_name),
	TEST(test_each_kind_of_handler_is_counted_by_itself),
	TEST(test_more_kinds_than_there_is_room_for_share_the_last),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "loop", tests, TESTS_COUNT(tests));
}
