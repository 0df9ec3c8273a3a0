/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Size classes step by 16 bytes up to 256 and then by an eighth of the power of two below: at most
 * one eighth of a block is lost to rounding. Blocks are wiped when they come back, so that
 * pool_take can promise zeroes and no secret outlives its owner.
 */
#include "daemon/kernel/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/kernel/poison.h"
#include "pluton/error.h"

#define SMALL_STEP 16u
#define SMALL_MAX 256u
#define CLASSES_PER_DOUBLING 8u
#define PAGE_BYTES 4096u
#define RETURN_THRESHOLD (64u * 1024u) /* an empty class gives its pages back above this */

static unsigned class_of(size_t size)
{
	unsigned first = SMALL_MAX / SMALL_STEP;
	size_t base = SMALL_MAX;

	if (size <= SMALL_MAX)
		return size ? (unsigned)((size - 1) / SMALL_STEP) : 0;
	while (size > base * 2) {
		base *= 2;
		first += CLASSES_PER_DOUBLING;
	}
	return first + (unsigned)((size - base - 1) / (base / CLASSES_PER_DOUBLING));
}

static size_t class_size(unsigned class)
{
	unsigned above = class - SMALL_MAX / SMALL_STEP;
	size_t base;

	if (class < SMALL_MAX / SMALL_STEP)
		return (class + 1) * SMALL_STEP;
	base = (size_t)SMALL_MAX << (above / CLASSES_PER_DOUBLING);
	return base + (above % CLASSES_PER_DOUBLING + 1) * (base / CLASSES_PER_DOUBLING);
}

size_t pool_block_size(size_t size)
{
	return size <= POOL_BLOCK_MAX ? class_size(class_of(size)) : 0;
}

int pool_open(struct pool *pool, size_t size)
{
	/* One block more than fits: the last one may begin just below the size. */
	size_t region = (size + POOL_BLOCK_MAX + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	void *memory = mmap(NULL, region * POOL_CLASSES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -PLUTON_ENOMEM;
	madvise(memory, region * POOL_CLASSES, MADV_DONTDUMP);
	madvise(memory, region * POOL_CLASSES, MADV_NOHUGEPAGE);
	*pool = (struct pool){.size = size, .memory = memory, .region = region};
	for (unsigned i = 0; i < POOL_CLASSES; i++)
		pool->classes[i].start = pool->memory + i * region;
	return 0;
}

void pool_close(struct pool *pool)
{
	for (unsigned i = 0; i < POOL_CLASSES; i++)
		memory_unpoison(pool->classes[i].start, pool->classes[i].fresh);
	munmap(pool->memory, pool->region * POOL_CLASSES);
	*pool = (struct pool){0};
}

void *pool_take(struct pool *pool, size_t size)
{
	unsigned number = class_of(size);
	struct pool_class *class = &pool->classes[number];
	void *block = class->free;

	class->live++;
	if (!block) {
		block = class->start + class->fresh;
		class->fresh += class_size(number);
		if (class->fresh > pool->region)
			abort(); /* the book was broken: arena.c */
		return block;
	}
	memory_unpoison(block, class_size(number));
	memcpy(&class->free, block, sizeof(class->free));
	memset(block, 0, sizeof(class->free));
	return block;
}

static void return_pages(struct pool_class *class)
{
	memory_unpoison(class->start, class->fresh);
	madvise(class->start, class->fresh, MADV_DONTNEED);
	class->fresh = 0;
	class->free = NULL;
}

void pool_give(struct pool *pool, void *block, size_t size)
{
	unsigned number = class_of(size);
	struct pool_class *class = &pool->classes[number];

	memory_unpoison(block, class_size(number));
	explicit_bzero(block, class_size(number));
	memcpy(block, &class->free, sizeof(class->free));
	class->free = block;
	memory_poison(block, class_size(number));
	if (--class->live == 0 && class->fresh > RETURN_THRESHOLD)
		return_pages(class);
}
