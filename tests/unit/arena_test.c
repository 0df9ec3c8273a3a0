/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: the promise is kept, the limit holds, and the counter is what walking finds.
 */
#include "daemon/kernel/arena.h"

#include <string.h>

#include "daemon/kernel/poison.h"
#include "pluton/error.h"
#include "tests/suite.h"

#define POOL_SIZE (64u * 1024)
#define PROMISE 4096u
#define LIMIT (32u * 1024)
#define HEAD sizeof(struct block)

static struct pool pool;
static struct arena arena;

static void open_arena(void)
{
	CU_ASSERT_EQUAL_FATAL(pool_open(&pool, POOL_SIZE), 0);
	CU_ASSERT_EQUAL_FATAL(arena_open(&arena, &pool, PROMISE, LIMIT), 0);
}

/* Everything is given back, and the pool says so. */
static void close_arena(void)
{
	arena_close(&arena);
	CU_ASSERT_EQUAL(pool.taken, 0);
	CU_ASSERT_EQUAL(pool.committed, 0);
	pool_close(&pool);
}

static size_t walk(const struct arena *some)
{
	size_t taken = 0;

	arena_for_each (some, block)
		taken += block_cost(block);
	return taken;
}

/* Takes blocks until no more come; returns the bytes that the arena then has. */
static size_t take_all(struct arena *some, size_t size)
{
	while (arena_take(some, BLOCK_GRANT, size))
		;
	return some->taken;
}

static void test_a_promise_takes_no_memory(void)
{
	open_arena();
	CU_ASSERT_EQUAL(pool.taken, 0);
	CU_ASSERT_EQUAL(pool.committed, PROMISE);
	CU_ASSERT_EQUAL(arena.taken, 0);
	close_arena();
}

static void test_a_promise_that_cannot_be_kept_is_not_made(void)
{
	struct arena other;

	open_arena();
	CU_ASSERT_EQUAL(arena_open(&other, &pool, POOL_SIZE - PROMISE + 1, LIMIT), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(pool.committed, PROMISE);
	CU_ASSERT_EQUAL_FATAL(arena_open(&other, &pool, POOL_SIZE - PROMISE, LIMIT), 0);
	arena_close(&other);
	close_arena();
}

static void test_taking_all_there_is_leaves_another_its_promise(void)
{
	struct arena greedy;

	open_arena();
	CU_ASSERT_EQUAL_FATAL(arena_open(&greedy, &pool, PROMISE, POOL_SIZE), 0);
	take_all(&greedy, 4096 - HEAD);
	take_all(&greedy, 16);
	CU_ASSERT(greedy.taken > POOL_SIZE - PROMISE - 64);
	CU_ASSERT(greedy.taken <= POOL_SIZE - PROMISE);
	CU_ASSERT_EQUAL(take_all(&arena, 64 - HEAD), PROMISE);
	arena_close(&greedy);
	close_arena();
}

static void test_a_promise_holds_for_one_large_block_as_for_many_small(void)
{
	struct arena greedy;

	open_arena();
	CU_ASSERT_EQUAL_FATAL(arena_open(&greedy, &pool, PROMISE, POOL_SIZE), 0);
	take_all(&greedy, 48);
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, BLOCK_GRANT, PROMISE - HEAD));
	CU_ASSERT_EQUAL(arena.taken, PROMISE);
	arena_close(&greedy);
	close_arena();
}

static void test_memory_under_the_promise_commits_nothing_more(void)
{
	open_arena();
	arena_take(&arena, BLOCK_GRANT, 1000);
	CU_ASSERT_EQUAL(pool.committed, PROMISE);
	CU_ASSERT_EQUAL(pool.taken, arena.taken);
	close_arena();
}

static void test_memory_over_the_promise_is_committed(void)
{
	open_arena();
	take_all(&arena, 1024 - HEAD);
	CU_ASSERT_EQUAL(arena.taken, LIMIT);
	CU_ASSERT_EQUAL(pool.committed, LIMIT);
	close_arena();
}

static void test_the_limit_can_be_reached_and_not_passed(void)
{
	open_arena();
	CU_ASSERT_EQUAL(arena_charge(&arena, LIMIT - 64), 0);
	CU_ASSERT_PTR_NULL(arena_take(&arena, BLOCK_GRANT, 80 - HEAD));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, BLOCK_GRANT, 64 - HEAD));
	CU_ASSERT_EQUAL(arena.taken, LIMIT);
	CU_ASSERT_PTR_NULL(arena_take(&arena, BLOCK_GRANT, 0));
	CU_ASSERT_EQUAL(arena_charge(&arena, 1), -PLUTON_ENOMEM);
	arena_uncharge(&arena, LIMIT - 64);
	close_arena();
}

static void test_a_promise_over_the_limit_raises_the_limit(void)
{
	struct arena other;

	open_arena();
	CU_ASSERT_EQUAL_FATAL(arena_open(&other, &pool, 8192, 4096), 0);
	CU_ASSERT_EQUAL(other.limit, 8192);
	arena_close(&other);
	close_arena();
}

static void test_a_refusal_changes_nothing(void)
{
	struct arena before;

	open_arena();
	take_all(&arena, 512);
	before = arena;
	CU_ASSERT_PTR_NULL(arena_take(&arena, BLOCK_GRANT, 4096));
	CU_ASSERT_PTR_NULL(arena_take(&arena, BLOCK_GRANT, POOL_BLOCK_MAX));
	CU_ASSERT_EQUAL(memcmp(&before, &arena, sizeof(arena)), 0);
	close_arena();
}

static void test_a_block_over_the_largest_is_refused(void)
{
	open_arena();
	CU_ASSERT_PTR_NULL(arena_take(&arena, BLOCK_GRANT, POOL_BLOCK_MAX - HEAD + 1));
	CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, BLOCK_GRANT, POOL_BLOCK_MAX - HEAD));
	close_arena();
}

static void test_a_payload_is_zeroed_aligned_and_knows_its_block(void)
{
	uint8_t *payload;

	open_arena();
	payload = arena_take(&arena, BLOCK_OPERATION, 100);
	CU_ASSERT_EQUAL((uintptr_t)payload % 16, 0);
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(payload[i], 0);
	CU_ASSERT_EQUAL(block_of(payload)->size, 100);
	CU_ASSERT_EQUAL(block_of(payload)->kind, BLOCK_OPERATION);
	CU_ASSERT_PTR_EQUAL(block_payload(block_of(payload)), payload);
	close_arena();
}

static void test_giving_back_is_exact_in_any_order(void)
{
	void *payloads[3];

	open_arena();
	payloads[0] = arena_take(&arena, BLOCK_GRANT, 10);
	payloads[1] = arena_take(&arena, BLOCK_GRANT, 1000);
	payloads[2] = arena_take(&arena, BLOCK_GRANT, 5000);
	arena_give(&arena, payloads[1]);
	CU_ASSERT_EQUAL(walk(&arena), arena.taken);
	arena_give(&arena, payloads[0]);
	arena_give(&arena, payloads[2]);
	CU_ASSERT_EQUAL(arena.taken, 0);
	CU_ASSERT_EQUAL(pool.taken, 0);
	CU_ASSERT_EQUAL(pool.committed, PROMISE);
	close_arena();
}

static void test_charges_are_on_the_book_like_memory(void)
{
	open_arena();
	CU_ASSERT_EQUAL(arena_charge(&arena, 10000), 0);
	CU_ASSERT_EQUAL(pool.taken, 10000);
	CU_ASSERT_EQUAL(pool.committed, 10000);
	arena_uncharge(&arena, 10000);
	CU_ASSERT_EQUAL(pool.taken, 0);
	CU_ASSERT_EQUAL(pool.committed, PROMISE);
	close_arena();
}

/* A fixed sequence that looks like chance. */
static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void change_one(struct arena *some, void **payloads, size_t count, uint32_t *chance)
{
	size_t i = next_number(chance) % count;

	if (payloads[i]) {
		arena_give(some, payloads[i]);
		payloads[i] = NULL;
	} else {
		payloads[i] = arena_take(some, BLOCK_GRANT, next_number(chance) % 3000);
	}
}

static void test_the_counter_is_what_walking_finds_whatever_happens(void)
{
	struct arena arenas[3];
	void *payloads[3][16] = {{0}};
	uint32_t chance = 2026;

	CU_ASSERT_EQUAL_FATAL(pool_open(&pool, POOL_SIZE), 0);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(arena_open(&arenas[i], &pool, PROMISE, LIMIT), 0);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned i = next_number(&chance) % 3;

		change_one(&arenas[i], payloads[i], 16, &chance);
		CU_ASSERT_EQUAL_FATAL(walk(&arenas[i]), arenas[i].taken);
		CU_ASSERT_EQUAL_FATAL(pool.taken,
				      arenas[0].taken + arenas[1].taken + arenas[2].taken);
		CU_ASSERT_FATAL(pool.committed <= pool.size && pool.taken <= pool.committed);
	}
	for (unsigned i = 0; i < 3; i++)
		arena_close(&arenas[i]);
	CU_ASSERT_EQUAL(pool.taken, 0);
	CU_ASSERT_EQUAL(pool.committed, 0);
	pool_close(&pool);
}

static void test_closing_wipes_every_block(void)
{
	uint8_t *payload, seen[64];

	open_arena();
	payload = arena_take(&arena, BLOCK_GRANT, 64);
	memset(payload, 0x5a, 64);
	arena_close(&arena);
	memory_unpoison(payload, 64);
	memcpy(seen, payload, 64);
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(seen[i], 0);
	pool_close(&pool);
}

static const struct test tests[] = {
	TEST(test_a_promise_takes_no_memory),
	TEST(test_a_promise_that_cannot_be_kept_is_not_made),
	TEST(test_taking_all_there_is_leaves_another_its_promise),
	TEST(test_a_promise_holds_for_one_large_block_as_for_many_small),
	TEST(test_memory_under_the_promise_commits_nothing_more),
	TEST(test_memory_over_the_promise_is_committed),
	TEST(test_the_limit_can_be_reached_and_not_passed),
	TEST(test_a_promise_over_the_limit_raises_the_limit),
	TEST(test_a_refusal_changes_nothing),
	TEST(test_a_block_over_the_largest_is_refused),
	TEST(test_a_payload_is_zeroed_aligned_and_knows_its_block),
	TEST(test_giving_back_is_exact_in_any_order),
	TEST(test_charges_are_on_the_book_like_memory),
	TEST(test_the_counter_is_what_walking_finds_whatever_happens),
	TEST(test_closing_wipes_every_block),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "arena", tests, TESTS_COUNT(tests));
}
