/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: all memory that processes can make the daemon take, and the book of what is promised.
 *
 * Blocks come in size classes, each with its own lazily touched address range as large as the whole
 * pool. So a free byte in the book can always be had in any class: fragmentation cannot break a
 * promise, only the book can say no. Address space is what this costs, not memory.
 */
#ifndef PLUTON_POOL_H
#define PLUTON_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_BLOCK_MAX 16384u /* bytes of the largest block */
#define POOL_CLASSES 64u

struct pool_class {
	uint8_t *start;
	size_t fresh; /* bytes from start that were ever handed out */
	void *free;   /* blocks given back; each begins with the address of the next */
	size_t live;  /* blocks handed out now */
};

struct pool {
	size_t size;	  /* bytes the book may commit */
	size_t committed; /* sum over arenas of max(taken, promised) */
	size_t taken;	  /* sum over arenas of taken; always equal to walking them all */
	uint8_t *memory;
	size_t region; /* bytes of address space of one class */
	struct pool_class classes[POOL_CLASSES];
};

/* -PLUTON_ENOMEM: no address space. */
int pool_open(struct pool *pool, size_t size);
void pool_close(struct pool *pool);

/* Bytes that a block of `size` really takes; 0 if it is over POOL_BLOCK_MAX. */
size_t pool_block_size(size_t size);

/* A zeroed block. The caller has had the book's consent (arena.c), so this cannot fail. */
void *pool_take(struct pool *pool, size_t size);

/* Wipes it. `size` as it was taken. */
void pool_give(struct pool *pool, void *block, size_t size);

#endif
