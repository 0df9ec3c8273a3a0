/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book-keeping of promise, limit and pool. `rebook` is the one place that changes the book.
 */
#include "daemon/kernel/arena.h"

#include <stdlib.h>

#include "daemon/kernel/poison.h"
#include "pluton/error.h"

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Moves the arena from what it has to `taken` bytes, if limit and pool allow it. */
static int rebook(struct arena *arena, size_t taken)
{
	struct pool *pool = arena->pool;
	size_t others = pool->committed - larger(arena->taken, arena->promise);
	size_t wanted = larger(taken, arena->promise);

	if (taken > arena->taken && (taken > arena->limit || wanted > pool->size - others))
		return -PLUTON_ENOMEM;
	pool->committed = others + wanted;
	pool->taken = pool->taken - arena->taken + taken;
	arena->taken = taken;
	return 0;
}

int arena_open(struct arena *arena, struct pool *pool, size_t promise, size_t limit)
{
	if (promise > pool->size - pool->committed)
		return -PLUTON_ENOMEM;
	pool->committed += promise;
	*arena = (struct arena){.pool = pool, .promise = promise, .limit = larger(limit, promise)};
	return 0;
}

size_t block_cost(const struct block *block)
{
	return pool_block_size(sizeof(*block) + block->size);
}

static void unlink_block(struct arena *arena, const struct block *block)
{
	struct block **link = &arena->blocks;

	while (*link != block)
		link = &(*link)->next;
	*link = block->next;
}

void arena_close(struct arena *arena)
{
	struct pool *pool = arena->pool;
	struct block *next;
	size_t committed = larger(arena->taken, arena->promise), taken = arena->taken;

	/* The arena may itself live in one of its blocks: nothing of it is used after the loop. */
	for (struct block *block = arena->blocks; block; block = next) {
		next = block->next;
		pool_give(pool, block, sizeof(*block) + block->size);
	}
	pool->committed -= committed;
	pool->taken -= taken;
}

void *arena_take(struct arena *arena, enum block_kind kind, size_t size)
{
	size_t cost = pool_block_size(sizeof(struct block) + size);
	struct block *block;

	if (!cost || rebook(arena, arena->taken + cost) < 0)
		return NULL;
	block = pool_take(arena->pool, sizeof(*block) + size);
	block->next = arena->blocks;
	block->size = (uint16_t)size;
	block->kind = (uint8_t)kind;
	arena->blocks = block;
	return block_payload(block);
}

void arena_give(struct arena *arena, void *payload)
{
	struct block *block = block_of(payload);
	size_t cost = block_cost(block);

	unlink_block(arena, block);
	pool_give(arena->pool, block, sizeof(*block) + block->size);
	rebook(arena, arena->taken - cost);
}

int arena_charge(struct arena *arena, size_t bytes)
{
	return rebook(arena, arena->taken + bytes);
}

void arena_uncharge(struct arena *arena, size_t bytes)
{
	rebook(arena, arena->taken - bytes);
}
