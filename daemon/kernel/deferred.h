/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred calls: how code asks to be called again from the loop instead of calling up its own
 * caller. Tock's kernel/src/deferred_call.rs, but a ring and not lowest-index-first, so that a
 * call which sets itself again cannot starve the others.
 *
 * Loop thread only. A worker thread uses interrupt.h.
 */
#ifndef PLUTON_DEFERRED_H
#define PLUTON_DEFERRED_H

#include <stdbool.h>
#include <stddef.h>

struct deferred_queue;

/* Embedded in its owner; must not move, and must be dropped before its memory goes. */
struct deferred_call {
	struct deferred_call *next;
	struct deferred_queue *queue;
	void (*run)(struct deferred_call *call);
	bool queued;
};

struct deferred_queue {
	struct deferred_call *head;
	struct deferred_call **tail;
};

void deferred_queue_init(struct deferred_queue *queue);

void deferred_call_init(struct deferred_call *call, struct deferred_queue *queue,
			void (*run)(struct deferred_call *call));

/* Queues the call at the end; does nothing if it is queued already. */
void deferred_call_set(struct deferred_call *call);

/* Takes the call out of the queue if it is there. */
void deferred_call_drop(struct deferred_call *call);

/*
 * Runs up to `budget` calls, each taken out before it runs, and returns how many ran. Calls set
 * meanwhile go to the end and count against the same budget.
 */
size_t deferred_queue_run(struct deferred_queue *queue, size_t budget);

#endif
