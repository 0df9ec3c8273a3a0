/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts: any thread raises, the loop's thread runs, nothing is lost and nothing runs twice.
 */
#include "daemon/kernel/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/suite.h"

#define THREADS 4u
#define ROUNDS 2000u

struct counted {
	struct interrupt interrupt;
	unsigned runs;
};

static struct interrupt_queue queue;
static struct counted items[THREADS];
static atomic_uint outstanding; /* rounds that were raised and did not run yet, of all threads */

static void count_run(struct interrupt *interrupt)
{
	((struct counted *)(void *)interrupt)->runs++;
}

static void raise_again_once(struct interrupt *interrupt)
{
	count_run(interrupt);
	if (((struct counted *)(void *)interrupt)->runs == 1)
		interrupt_raise(&queue, interrupt);
}

static void open_queue(void (*run)(struct interrupt *interrupt))
{
	CU_ASSERT_EQUAL_FATAL(interrupt_queue_init(&queue), 0);
	for (unsigned i = 0; i < THREADS; i++)
		items[i] = (struct counted){.interrupt.run = run};
}

static bool is_readable(int timeout_ms)
{
	struct pollfd poll_fd = {.fd = queue.fd, .events = POLLIN};

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void test_raising_makes_the_descriptor_readable_until_it_ran(void)
{
	open_queue(count_run);
	CU_ASSERT_FALSE(is_readable(0));
	interrupt_raise(&queue, &items[0].interrupt);
	CU_ASSERT_TRUE(is_readable(0));
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 1);
	CU_ASSERT_FALSE(is_readable(0));
	CU_ASSERT_EQUAL(items[0].runs, 1);
	interrupt_queue_close(&queue);
}

static void test_an_interrupt_raised_twice_runs_once(void)
{
	open_queue(count_run);
	interrupt_raise(&queue, &items[0].interrupt);
	interrupt_raise(&queue, &items[0].interrupt);
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 1);
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 0);
	interrupt_queue_close(&queue);
}

static void test_an_interrupt_may_be_raised_again_from_its_own_run(void)
{
	open_queue(raise_again_once);
	interrupt_raise(&queue, &items[0].interrupt);
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 1);
	CU_ASSERT_TRUE(is_readable(0));
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 1);
	CU_ASSERT_EQUAL(items[0].runs, 2);
	interrupt_queue_close(&queue);
}

static void test_running_with_nothing_raised_runs_nothing(void)
{
	open_queue(count_run);
	CU_ASSERT_EQUAL(interrupt_queue_run(&queue), 0);
	interrupt_queue_close(&queue);
}

static void finish_round(struct interrupt *interrupt)
{
	count_run(interrupt);
	atomic_fetch_sub(&outstanding, 1);
}

static void *raise_from_thread(void *argument)
{
	struct counted *item = argument;

	atomic_fetch_add(&outstanding, 1);
	interrupt_raise(&queue, &item->interrupt);
	return NULL;
}

static void run_one_round(void)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, raise_from_thread, &items[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (atomic_load(&outstanding) > 0 && is_readable(-1))
		interrupt_queue_run(&queue);
}

static void test_what_threads_raise_at_once_runs_exactly_once_each(void)
{
	open_queue(finish_round);
	for (unsigned round = 0; round < 50; round++)
		run_one_round();
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL(items[i].runs, 50);
	interrupt_queue_close(&queue);
}

static void *raise_many(void *argument)
{
	struct counted *item = argument;

	for (unsigned i = 0; i < ROUNDS; i++)
		interrupt_raise(&queue, &item->interrupt);
	atomic_fetch_sub(&outstanding, 1);
	return NULL;
}

/* The wake-up must not get lost between the list and the descriptor. */
static void test_raising_while_the_loop_runs_loses_no_wake_up(void)
{
	pthread_t threads[THREADS];

	open_queue(count_run);
	atomic_store(&outstanding, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, raise_many, &items[i]), 0);
	while (atomic_load(&outstanding) > 0)
		interrupt_queue_run(&queue);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (is_readable(0))
		interrupt_queue_run(&queue);
	CU_ASSERT_PTR_NULL(queue.head);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT(items[i].runs >= 1 && items[i].runs <= ROUNDS);
	interrupt_queue_close(&queue);
}

static const struct test tests[] = {
	TEST(test_raising_makes_the_descriptor_readable_until_it_ran),
	TEST(test_an_interrupt_raised_twice_runs_once),
	TEST(test_an_interrupt_may_be_raised_again_from_its_own_run),
	TEST(test_running_with_nothing_raised_runs_nothing),
	TEST(test_what_threads_raise_at_once_runs_exactly_once_each),
	TEST(test_raising_while_the_loop_runs_loses_no_wake_up),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "interrupt", tests, TESTS_COUNT(tests));
}
