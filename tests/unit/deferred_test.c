/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred calls run once, in order, within the budget, and none starves another.
 */
#include "daemon/kernel/deferred.h"

#include "tests/suite.h"

#define CALLS 4u

static struct deferred_queue queue;
static struct deferred_call calls[CALLS];
static unsigned order[64];
static size_t runs;

static unsigned index_of(const struct deferred_call *call)
{
	return (unsigned)(call - calls);
}

static void note(struct deferred_call *call)
{
	order[runs++] = index_of(call);
}

static void note_and_set_again(struct deferred_call *call)
{
	note(call);
	deferred_call_set(call);
}

static void note_and_drop_next(struct deferred_call *call)
{
	note(call);
	deferred_call_drop(call + 1);
}

static void open_queue(void (*run)(struct deferred_call *call))
{
	runs = 0;
	deferred_queue_init(&queue);
	for (unsigned i = 0; i < CALLS; i++)
		deferred_call_init(&calls[i], &queue, run);
}

static void set_all(void)
{
	for (unsigned i = 0; i < CALLS; i++)
		deferred_call_set(&calls[i]);
}

static void test_an_empty_queue_runs_nothing(void)
{
	open_queue(note);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 0);
}

static void test_calls_run_in_the_order_they_were_set(void)
{
	open_queue(note);
	deferred_call_set(&calls[2]);
	deferred_call_set(&calls[0]);
	deferred_call_set(&calls[1]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 3);
	CU_ASSERT(order[0] == 2 && order[1] == 0 && order[2] == 1);
}

static void test_a_call_set_twice_runs_once(void)
{
	open_queue(note);
	deferred_call_set(&calls[0]);
	deferred_call_set(&calls[0]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 1);
}

static void test_no_more_than_the_budget_runs(void)
{
	open_queue(note);
	set_all();
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 3), 3);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 3), 1);
	CU_ASSERT_EQUAL(order[3], 3);
}

static void test_a_call_that_sets_itself_again_starves_nobody(void)
{
	open_queue(note_and_set_again);
	set_all();
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 2 * CALLS), 2 * CALLS);
	for (unsigned i = 0; i < 2 * CALLS; i++)
		CU_ASSERT_EQUAL(order[i], i % CALLS);
}

static void test_calls_set_meanwhile_count_against_the_same_budget(void)
{
	open_queue(note_and_set_again);
	deferred_call_set(&calls[0]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 5), 5);
	CU_ASSERT_EQUAL(runs, 5);
}

static void test_a_dropped_call_does_not_run(void)
{
	open_queue(note);
	set_all();
	deferred_call_drop(&calls[1]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 3);
	CU_ASSERT(order[0] == 0 && order[1] == 2 && order[2] == 3);
}

static void test_after_dropping_the_last_the_next_goes_to_the_end(void)
{
	open_queue(note);
	deferred_call_set(&calls[0]);
	deferred_call_set(&calls[1]);
	deferred_call_drop(&calls[1]);
	deferred_call_set(&calls[2]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 2);
	CU_ASSERT(order[0] == 0 && order[1] == 2);
}

static void test_after_dropping_the_only_one_the_queue_works(void)
{
	open_queue(note);
	deferred_call_set(&calls[0]);
	deferred_call_drop(&calls[0]);
	deferred_call_drop(&calls[0]);
	CU_ASSERT_PTR_NULL(queue.head);
	deferred_call_set(&calls[0]);
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 1);
}

static void test_a_running_call_may_drop_the_next(void)
{
	open_queue(note);
	deferred_call_init(&calls[0], &queue, note_and_drop_next);
	set_all();
	CU_ASSERT_EQUAL(deferred_queue_run(&queue, 10), 3);
	CU_ASSERT(order[0] == 0 && order[1] == 2 && order[2] == 3);
}

static const struct test tests[] = {
	TEST(test_an_empty_queue_runs_nothing),
	TEST(test_calls_run_in_the_order_they_were_set),
	TEST(test_a_call_set_twice_runs_once),
	TEST(test_no_more_than_the_budget_runs),
	TEST(test_a_call_that_sets_itself_again_starves_nobody),
	TEST(test_calls_set_meanwhile_count_against_the_same_budget),
	TEST(test_a_dropped_call_does_not_run),
	TEST(test_after_dropping_the_last_the_next_goes_to_the_end),
	TEST(test_after_dropping_the_only_one_the_queue_works),
	TEST(test_a_running_call_may_drop_the_next),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "deferred", tests, TESTS_COUNT(tests));
}
