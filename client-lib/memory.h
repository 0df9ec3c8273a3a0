/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory shared with the daemon: a few windows, cut into blocks. Blocks serve pluton_alloc and
 * operations whose data is too long for a record.
 *
 * The rule a newcomer would break first: a block is all zero while it is free. Whoever gives one
 * back has it wiped; but a sealed one has a window of its own and goes away with it.
 */
#ifndef PLUTON_CLIENT_MEMORY_H
#define PLUTON_CLIENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/pluton.h>

struct memory_window;

struct memory_block {
	struct memory_block *next; /* the one behind it in the window */
	struct memory_window *window;
	uint32_t offset; /* bytes, a multiple of the alignment */
	uint32_t size;
	bool taken;
	bool allocated; /* by pluton_alloc: operations may use it in place */
};

struct memory {
	struct memory_window *windows;
	struct memory_window *leaving; /* given back, whose RETURN has not come; not counted */
	unsigned window_count;
	size_t bytes; /* of all windows */
	int error;    /* of the last pluton_alloc */
};

/*
 * A block of at least `size` bytes, from a new window if need be (then the daemon is asked, and
 * answers at once). -PLUTON_ESIZE: longer than a window. -PLUTON_ENOMEM: no room for it.
 */
int memory_take(struct pluton *pluton, size_t size, struct memory_block **ret);

/*
 * `size` bytes like those at `bytes` in a window of their own that nobody can change any more, so
 * that the daemon may read them twice. Errors as memory_take.
 */
int memory_take_sealed(struct pluton *pluton, const void *bytes, size_t size,
		       struct memory_block **ret);

/* Wipes it and gives it back; windows that nobody uses go back to the daemon. */
void memory_give(struct pluton *pluton, struct memory_block *block);

/* Its window gives out no more blocks: somebody may still write into it. */
void memory_taint(const struct memory_block *block);

/*
 * Shares what is in use with a new connection, and lets go of the rest. -PLUTON_ENOMEM: the daemon
 * does not take it.
 */
int memory_share_again(struct pluton *pluton);

uint8_t *memory_bytes(const struct memory_block *block);

/* The first `length` bytes of the block. */
struct pluton_range memory_range(const struct memory_block *block, uint32_t length);

/* The RETURN of a WINDOW_REMOVE; gone: a success. false: none was due. */
bool memory_removed(struct pluton *pluton, uint32_t op_id, bool gone);

/*
 * RETURNs with this bit in their op_id answer a WINDOW_REMOVE, of the window whose number the
 * other bits are; op_ids of operations never have it.
 */
#define MEMORY_REMOVAL_ID 0x80000000u

/* Unmaps everything. */
void memory_close(struct pluton *pluton);

#endif
