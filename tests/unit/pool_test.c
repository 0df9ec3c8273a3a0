/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: size classes, zeroes, wiping, and no fragmentation that could break the book's word.
 */
#include "daemon/kernel/pool.h"

#include <stdbool.h>
#include <string.h>

#include "daemon/kernel/poison.h"
#include "pluton/error.h"
#include "tests/suite.h"

#define POOL_SIZE (64u * 1024)

static struct pool pool;

static void open_pool(void)
{
	CU_ASSERT_EQUAL_FATAL(pool_open(&pool, POOL_SIZE), 0);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static void test_a_block_is_at_least_as_large_as_asked_for(void)
{
	for (size_t size = 0; size <= POOL_BLOCK_MAX; size++)
		CU_ASSERT_FATAL(pool_block_size(size) >= size && pool_block_size(size) > 0);
}

static void test_block_sizes_are_steps_of_sixteen_bytes(void)
{
	for (size_t size = 1; size <= POOL_BLOCK_MAX; size++)
		CU_ASSERT_EQUAL_FATAL(pool_block_size(size) % 16, 0);
}

static void test_rounding_loses_at_most_an_eighth_of_a_block(void)
{
	for (size_t size = 257; size <= POOL_BLOCK_MAX; size++)
		CU_ASSERT_FATAL((pool_block_size(size) - size) * 8 < pool_block_size(size));
}

static void test_a_block_size_is_its_own_block_size(void)
{
	for (size_t size = 1; size <= POOL_BLOCK_MAX; size++)
		CU_ASSERT_EQUAL_FATAL(pool_block_size(pool_block_size(size)),
				      pool_block_size(size));
}

static void test_more_than_the_largest_block_has_no_size(void)
{
	CU_ASSERT_EQUAL(pool_block_size(POOL_BLOCK_MAX), POOL_BLOCK_MAX);
	CU_ASSERT_EQUAL(pool_block_size(POOL_BLOCK_MAX + 1), 0);
	CU_ASSERT_EQUAL(pool_block_size(SIZE_MAX), 0);
}

static void test_a_block_is_zeroed_also_when_it_was_used_before(void)
{
	uint8_t *block;

	open_pool();
	block = pool_take(&pool, 300);
	CU_ASSERT_TRUE(is_zero(block, 300));
	memset(block, 0xa5, 300);
	pool_give(&pool, block, 300);
	CU_ASSERT_PTR_EQUAL(pool_take(&pool, 300), block);
	CU_ASSERT_TRUE(is_zero(block, 300));
	pool_close(&pool);
}

static void test_a_block_that_came_back_is_wiped(void)
{
	uint8_t *block, seen[304];

	open_pool();
	block = pool_take(&pool, 300);
	memset(block, 0xa5, 300);
	pool_give(&pool, block, 300);
	memory_unpoison(block, 300);
	memcpy(seen, block, 300);
	CU_ASSERT_TRUE(is_zero(seen + sizeof(void *), 300 - sizeof(void *)));
	pool_close(&pool);
}

static void test_a_block_that_came_back_must_not_be_touched(void)
{
#ifdef MEMORY_POISON_WORKS
	uint8_t *block;

	open_pool();
	block = pool_take(&pool, 64);
	pool_give(&pool, block, 64);
	CU_ASSERT_PTR_EQUAL(__asan_region_is_poisoned(block, 64), block);
	block = pool_take(&pool, 64);
	CU_ASSERT_PTR_NULL(__asan_region_is_poisoned(block, 64));
	pool_close(&pool);
#else
	suite_skip("only AddressSanitizer sees it");
#endif
}

static void test_blocks_are_aligned_to_sixteen_bytes_and_apart(void)
{
	uint8_t *before = NULL;

	open_pool();
	for (unsigned i = 0; i < 32; i++) {
		uint8_t *block = pool_take(&pool, 33);

		CU_ASSERT_EQUAL((uintptr_t)block % 16, 0);
		CU_ASSERT(!before || block >= before + 48);
		before = block;
	}
	pool_close(&pool);
}

static size_t take_all(size_t size, uint8_t **blocks)
{
	size_t count = 0;

	for (size_t taken = 0; taken + pool_block_size(size) <= POOL_SIZE;
	     taken += pool_block_size(size))
		blocks[count++] = pool_take(&pool, size);
	return count;
}

/* What fragmentation would break: all of the pool in one size after all of it in another. */
static void test_every_size_can_have_the_whole_pool_after_any_other(void)
{
	static const size_t sizes[] = {16, 100, 256, 257, 1000, 4096, 8192, 16};
	static uint8_t *blocks[POOL_SIZE / 16];

	open_pool();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t count = take_all(sizes[i], blocks);

		for (size_t n = 0; n < count; n++)
			memset(blocks[n], 0xff, sizes[i]);
		while (count)
			pool_give(&pool, blocks[--count], sizes[i]);
	}
	pool_close(&pool);
}

static void test_a_class_that_is_empty_gives_its_pages_back(void)
{
	static uint8_t *blocks[POOL_SIZE / 16];
	const uint8_t *first;
	size_t count;

	CU_ASSERT_EQUAL_FATAL(pool_open(&pool, 2 * POOL_SIZE), 0);
	count = take_all(8192, blocks);
	first = blocks[0];
	blocks[count] = pool_take(&pool, 8192); /* above the threshold */
	count++;
	while (count)
		pool_give(&pool, blocks[--count], 8192);
	CU_ASSERT_PTR_EQUAL(pool_take(&pool, 8192), first);
	CU_ASSERT_TRUE(is_zero(first, 8192));
	pool_close(&pool);
}

static void test_a_pool_larger_than_the_address_space_is_refused(void)
{
	CU_ASSERT_EQUAL(pool_open(&pool, (size_t)1 << 46), -PLUTON_ENOMEM);
}

static const struct test tests[] = {
	TEST(test_a_block_is_at_least_as_large_as_asked_for),
	TEST(test_block_sizes_are_steps_of_sixteen_bytes),
	TEST(test_rounding_loses_at_most_an_eighth_of_a_block),
	TEST(test_a_block_size_is_its_own_block_size),
	TEST(test_more_than_the_largest_block_has_no_size),
	TEST(test_a_block_is_zeroed_also_when_it_was_used_before),
	TEST(test_a_block_that_came_back_is_wiped),
	TEST(test_a_block_that_came_back_must_not_be_touched),
	TEST(test_blocks_are_aligned_to_sixteen_bytes_and_apart),
	TEST(test_every_size_can_have_the_whole_pool_after_any_other),
	TEST(test_a_class_that_is_empty_gives_its_pages_back),
	TEST(test_a_pool_larger_than_the_address_space_is_refused),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "pool", tests, TESTS_COUNT(tests));
}
