/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: all that the daemon keeps for one process, as a list of blocks from the pool.
 *
 * The process was promised `promise` bytes when it connected, and gets them whatever others do; it
 * may take up to `limit` from what nobody was promised. A promise is a number: no memory is taken
 * for it. Nothing in one arena points into another.
 */
#ifndef PLUTON_ARENA_H
#define PLUTON_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/kernel/pool.h"

enum block_kind {
	BLOCK_PROCESS = 1,
	BLOCK_FRONTEND,
	BLOCK_OPERATION,
	BLOCK_GRANT,
	BLOCK_WINDOWS,
	BLOCK_CHARGE,
	BLOCK_KINDS,
};

/* The head of every block; the payload follows it. */
struct block {
	struct block *next;
	uint16_t size; /* bytes of payload */
	uint8_t kind;
	uint8_t entered; /* a grant: its function is running */
	uint16_t driver; /* a grant: whose, and which of its instances */
	uint16_t instance;
};

_Static_assert(sizeof(struct block) == 16, "the head of a block is part of its cost");

struct arena {
	struct pool *pool;
	struct block *blocks; /* newest first */
	size_t taken;	      /* bytes, heads and rounding and charges included */
	size_t promise;
	size_t limit;
};

/* Writes the promise into the book. -PLUTON_ENOMEM: it could not be kept. */
int arena_open(struct arena *arena, struct pool *pool, size_t promise, size_t limit);

/* Wipes and frees every block and takes back the promise. */
void arena_close(struct arena *arena);

/*
 * `size` zeroed bytes, or NULL: over the limit, or all that is not promised is taken. The payload
 * is aligned to 16 bytes.
 */
void *arena_take(struct arena *arena, enum block_kind kind, size_t size);
void arena_give(struct arena *arena, void *payload);

/*
 * Bytes on the book for something that lives outside the pool. -PLUTON_ENOMEM as above.
 * arena_uncharge takes them back.
 */
int arena_charge(struct arena *arena, size_t bytes);
void arena_uncharge(struct arena *arena, size_t bytes);

static inline struct block *block_of(void *payload)
{
	return (struct block *)payload - 1;
}

static inline void *block_payload(struct block *block)
{
	return block + 1;
}

/* Bytes of pool that one block takes. */
size_t block_cost(const struct block *block);

#define arena_for_each(arena, block)                                                               \
	for (struct block *block = (arena)->blocks; block; block = (block)->next)

#endif
