/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arbiter: who uses an engine next.
 *
 * What waits is listed in its owner's memory (struct hil_owner lives in a process's arena, or
 * belongs to a capsule that acts for itself); the arbiter itself holds one bit per owner. Owners
 * are served in turn, each FIFO. A grant comes from a deferred call, covers one engine operation,
 * and is held until the engine is done, even when the owner has died meanwhile.
 *
 * What a capsule sees of it, struct hil_waiter and the calls on one, stands in hil/contract.h.
 *
 * Deadlock: engines have levels, a holder asks only for a lower one (asserted), and nobody holds
 * an engine while waiting for a process.
 */
#ifndef PLUTON_HIL_ARBITER_H
#define PLUTON_HIL_ARBITER_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

struct arbiter {
	struct hil_engine *engine;
	struct deferred_call serve;
	struct hil_owner *(*find_owner)(void *context, uint32_t index);
	void *context;
	uint64_t *bits;	 /* owners with something waiting here */
	uint32_t marked; /* how many of them are set */
	uint32_t owners_max;
	uint32_t last_served;
	unsigned holders;
	uint64_t deadline_ms; /* how long one engine operation may take; 0: for ever */
	struct hil_waiter *holding[HIL_CONCURRENCY_MAX];
	/* accounting */
	uint64_t grants;
	uint64_t expirations;
};

/* -PLUTON_ENOMEM; -PLUTON_EINVAL: the engine's concurrency is out of range. Sets engine->arbiter.
 * `find_owner` returns NULL for one that is gone. */
int arbiter_init(struct arbiter *arbiter, struct hil_engine *engine, struct deferred_queue *queue,
		 uint32_t owners_max, uint64_t deadline_ms,
		 struct hil_owner *(*find_owner)(void *context, uint32_t index), void *context);
void arbiter_close(struct arbiter *arbiter);

#endif
