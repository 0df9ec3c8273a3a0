/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ring between two threads over the same memory, which ThreadSanitizer sees as such: every
 * record arrives once, whole and in order, and nobody sleeps for ever. And when looking is better
 * than sleeping.
 */
#include "daemon/kernel/ring.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pluton/error.h>

#include "daemon/kernel/record.h"
#include "daemon/kernel/spin.h"
#include "tests/one_cpu.h"
#include "tests/suite.h"

#define RECORDS 20000u

/* Both ends in one place. */
struct pair {
	_Alignas(64) uint8_t memory[RING_MEMORY_SIZE(RING_SIZE_MIN)];
	struct ring from; /* the consumer's */
	struct ring to;	  /* the producer's */
	sem_t consumer;	  /* the doorbells */
	sem_t producer;
};

static struct pair pair;

static void open_pair(void)
{
	memset(pair.memory, 0, sizeof(pair.memory));
	ring_open_requests(&pair.from, pair.memory, RING_SIZE_MIN);
	ring_open_requests(&pair.to, pair.memory, RING_SIZE_MIN);
}

/* A record of that size whose bytes say which it is. */
static size_t make(uint8_t *bytes, uint32_t number, uint32_t size)
{
	memset(bytes, (int)(number & 0xff), size);
	memcpy(bytes + 4, &size, 4);
	memcpy(bytes + 8, &number, 4);
	return size;
}

static bool is_that(const uint8_t *bytes, size_t size, uint32_t number)
{
	uint8_t expected[RECORD_SIZE_MAX];

	return size >= 16 && make(expected, number, (uint32_t)size) &&
	       memcmp(bytes, expected, size) == 0;
}

/* --- alone ----------------------------------------------------------------------------------- */

static void test_sizes_are_powers_of_two_that_hold_any_record(void)
{
	CU_ASSERT_EQUAL(ring_size_within(0), 0);
	CU_ASSERT_EQUAL(ring_size_within(RING_SIZE_MIN - 1), 0);
	CU_ASSERT_EQUAL(ring_size_within(RING_SIZE_MIN), RING_SIZE_MIN);
	CU_ASSERT_EQUAL(ring_size_within(2 * RING_SIZE_MIN - 1), RING_SIZE_MIN);
	CU_ASSERT_EQUAL(ring_size_within(SIZE_MAX), RING_SIZE_MAX);
}

static void test_what_is_not_published_is_not_there(void)
{
	uint8_t bytes[64];

	open_pair();
	CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, make(bytes, 1, 48)), 1);
	CU_ASSERT_FALSE(ring_has_record(&pair.from));
	CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), 0);
	ring_publish(&pair.to);
	CU_ASSERT_TRUE(ring_has_record(&pair.from));
	CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), 48);
	CU_ASSERT_TRUE(is_that(bytes, 48, 1));
}

static void test_a_full_ring_takes_no_more_and_loses_nothing(void)
{
	uint8_t bytes[1024];
	uint32_t put = 0;

	open_pair();
	while (ring_put(&pair.to, bytes, make(bytes, put, 1000)) == 1)
		put++;
	CU_ASSERT_EQUAL(put, RING_SIZE_MIN / 1008);
	CU_ASSERT_FALSE(ring_await_room(&pair.to, 1000));
	ring_publish(&pair.to);
	for (uint32_t i = 0; i < put; i++) {
		CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), 1000);
		CU_ASSERT_TRUE(is_that(bytes, 1000, i));
	}
	CU_ASSERT_TRUE(ring_must_wake_producer(&pair.from));
	CU_ASSERT_FALSE(ring_must_wake_producer(&pair.from)); /* once */
	CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, make(bytes, 1, 1000)), 1);
}

static void test_indices_may_pass_the_end_of_their_numbers(void)
{
	const uint32_t near = UINT32_MAX - 1023;
	uint8_t bytes[512];

	open_pair();
	atomic_store(pair.to.head, near);
	atomic_store(pair.to.tail, near);
	pair.to.mine = pair.to.theirs = pair.from.mine = pair.from.theirs = near;
	for (uint32_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, make(bytes, i, 16 + i)), 1);
		ring_publish(&pair.to);
		CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), (int)(16 + i));
		CU_ASSERT_TRUE(is_that(bytes, 16 + i, i));
	}
	CU_ASSERT(pair.from.mine < near);
}

static void test_what_was_taken_is_wiped(void)
{
	static const uint8_t zeroes[RING_SIZE_MIN];
	uint8_t bytes[512];

	open_pair();
	for (uint32_t i = 0; i < 100; i++) {
		ring_put(&pair.to, bytes, make(bytes, i | 1, 400));
		ring_publish(&pair.to);
		CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), 400);
		CU_ASSERT_EQUAL(memcmp(pair.from.bytes, zeroes, sizeof(zeroes)), 0);
	}
}

static void test_tails_that_make_no_sense_are_seen(void)
{
	static const uint32_t tails[] = {RING_SIZE_MIN + 16, 0x80000000u, (uint32_t)-16, 64 + 8, 1};
	uint8_t bytes[64];

	make(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < TESTS_COUNT(tails); i++) {
		open_pair();
		for (size_t filled = 0; filled < RING_SIZE_MIN; filled += sizeof(bytes))
			CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, sizeof(bytes)), 1);
		/* All records are good ones. */
		atomic_store(pair.from.tail, tails[i]);
		CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), -PLUTON_EINVAL);
	}
}

static void test_heads_that_make_no_sense_are_seen(void)
{
	static const uint32_t heads[] = {8, RING_SIZE_MIN + 16, 0x80000000u, (uint32_t)-16};
	uint8_t bytes[64] = {0};

	for (size_t i = 0; i < TESTS_COUNT(heads); i++) {
		open_pair();
		for (size_t filled = 0; filled < RING_SIZE_MIN; filled += sizeof(bytes))
			CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, sizeof(bytes)), 1);
		atomic_store(pair.to.head, heads[i]);
		CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, sizeof(bytes)), -PLUTON_EINVAL);
	}
}

static void test_a_record_of_more_than_was_put_in_is_seen(void)
{
	uint8_t bytes[128];

	open_pair();
	CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, make(bytes, 0, 128)), 1);
	atomic_store(pair.from.tail, 64);
	CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes)), -PLUTON_EINVAL);
	open_pair();
	CU_ASSERT_EQUAL(ring_put(&pair.to, bytes, make(bytes, 0, 128)), 1);
	ring_publish(&pair.to);
	CU_ASSERT_EQUAL(ring_take(&pair.from, bytes, sizeof(bytes) - 1), -PLUTON_EINVAL);
}

static void test_who_sleeps_is_woken_once(void)
{
	open_pair();
	CU_ASSERT_FALSE(ring_must_wake_consumer(&pair.to));
	CU_ASSERT_FALSE(ring_await_record(&pair.from));
	CU_ASSERT_TRUE(ring_must_wake_consumer(&pair.to));
	CU_ASSERT_FALSE(ring_must_wake_consumer(&pair.to));
	CU_ASSERT_FALSE(ring_await_record(&pair.from));
	ring_stay_awake(&pair.from);
	CU_ASSERT_FALSE(ring_must_wake_consumer(&pair.to));
}

/* --- two threads ----------------------------------------------------------------------------- */

static uint32_t size_of(uint32_t number)
{
	return 16 + number * 2654435761u % 700;
}

static void *produce(void *unused)
{
	uint8_t bytes[1024];

	(void)unused;
	for (uint32_t i = 0; i < RECORDS; i++) {
		size_t size = make(bytes, i, size_of(i));

		while (ring_put(&pair.to, bytes, size) == 0) {
			if (!ring_await_room(&pair.to, size))
				sem_wait(&pair.producer);
		}
		ring_publish(&pair.to);
		if (ring_must_wake_consumer(&pair.to))
			sem_post(&pair.consumer);
	}
	return NULL;
}

static void test_two_threads_lose_no_record_and_no_wake_up(void)
{
	uint8_t bytes[1024];
	unsigned wrong = 0;
	pthread_t thread;

	open_pair();
	sem_init(&pair.consumer, 0, 0);
	sem_init(&pair.producer, 0, 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, produce, NULL), 0);
	for (uint32_t i = 0; i < RECORDS;) {
		int size = ring_take(&pair.from, bytes, sizeof(bytes));

		if (size > 0) {
			wrong += !is_that(bytes, (size_t)size, i) || (uint32_t)size != size_of(i);
			i++;
			if (ring_must_wake_producer(&pair.from))
				sem_post(&pair.producer);
		} else if (size < 0) {
			wrong++;
			break;
		} else if (!ring_await_record(&pair.from)) {
			sem_wait(&pair.consumer);
		}
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	sem_destroy(&pair.consumer);
	sem_destroy(&pair.producer);
}

/* --- looking or sleeping --------------------------------------------------------------------- */

static void test_looking_begins_after_some_short_sleeps(void)
{
	struct spin spin = {0};

	for (unsigned i = 1; i < SPIN_HINTS; i++) {
		spin_slept(&spin, SPIN_SHORT_US);
		CU_ASSERT_EQUAL(spin.limit_us, 0);
	}
	spin_slept(&spin, SPIN_SHORT_US);
	CU_ASSERT_EQUAL(spin.limit_us, SPIN_MAX_US);
}

static void test_one_long_sleep_ends_all_looking(void)
{
	struct spin spin = {0};

	spin_found(&spin);
	CU_ASSERT_EQUAL(spin.limit_us, SPIN_MAX_US);
	spin_slept(&spin, SPIN_SHORT_US + 1);
	CU_ASSERT_EQUAL(spin.limit_us, 0);
	CU_ASSERT_EQUAL(spin.hints, 0);
}

static void test_looking_in_vain_costs_less_than_two_full_looks(void)
{
	struct spin spin = {0};
	uint32_t spent = 0;

	spin_found(&spin);
	while (spin.limit_us > 0) {
		spent += spin.limit_us;
		spin_missed(&spin);
	}
	CU_ASSERT(spent < 2 * SPIN_MAX_US);
}

static void test_on_one_cpu_nobody_looks(void)
{
	bool several = spin_has_two_cpus(0);

	CU_ASSERT_EQUAL(several, one_cpu_begin() > 1);
	CU_ASSERT_FALSE(spin_has_two_cpus(0));
	CU_ASSERT_FALSE(spin_has_two_cpus(getpid()));
	one_cpu_end();
}

static const struct test tests[] = {
	TEST(test_sizes_are_powers_of_two_that_hold_any_record),
	TEST(test_what_is_not_published_is_not_there),
	TEST(test_a_full_ring_takes_no_more_and_loses_nothing),
	TEST(test_indices_may_pass_the_end_of_their_numbers),
	TEST(test_what_was_taken_is_wiped),
	TEST(test_tails_that_make_no_sense_are_seen),
	TEST(test_heads_that_make_no_sense_are_seen),
	TEST(test_a_record_of_more_than_was_put_in_is_seen),
	TEST(test_who_sleeps_is_woken_once),
	TEST(test_two_threads_lose_no_record_and_no_wake_up),
	TEST(test_looking_begins_after_some_short_sleeps),
	TEST(test_one_long_sleep_ends_all_looking),
	TEST(test_looking_in_vain_costs_less_than_two_full_looks),
	TEST(test_on_one_cpu_nobody_looks),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "ring", tests, TESTS_COUNT(tests));
}
