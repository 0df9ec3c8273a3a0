/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arbiter: who uses an engine next.
 *
 * What waits is listed in its owner's memory (struct hil_owner lives in a process's arena, or
 * belongs to a capsule that acts for itself); the arbiter itself holds one bit per party and one
 * entry per owner. Parties are served in turn, so that a user with many connections gets no more
 * than one with a single one; a party's owners are served in turn, each FIFO. A grant comes from a
 * deferred call, covers one engine operation, and is held until the engine is done, even when the
 * owner has died meanwhile.
 *
 * Work of seconds has turns of its own, at an arbiter behind the engine's: else those who do it all
 * day held every place, and others' quick work waited for it. One party has one such place at most.
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

/* A party's owners that wait here, in a list; 0: none, else an owner's index + 1. */
struct arbiter_party {
	uint32_t first;
	uint32_t last;
	uint32_t holders;
};

/* An owner's place in that list. */
struct arbiter_place {
	uint32_t next;
	uint32_t before;
	uint32_t party;
	bool marked; /* it is in the list */
};

struct arbiter {
	struct hil_engine *engine;
	struct arbiter *slow; /* turns at the engine's places for slow work; NULL: there are none */
	bool is_slow;	      /* this one is that of another */
	struct deferred_call serve;
	struct hil_owner *(*find_owner)(void *context, uint32_t index);
	void *context;
	uint64_t *bits; /* parties with something waiting here */
	struct arbiter_party *parties;
	struct arbiter_place *places; /* one per owner */
	uint32_t marked;	      /* owners with something waiting here */
	uint32_t owners_max;
	uint32_t parties_max;
	uint32_t last_served; /* a party */
	unsigned holders;
	uint64_t deadline_ms; /* how long one engine operation may take; 0: for ever */
	struct hil_waiter *holding[HIL_CONCURRENCY_MAX];
	/* accounting */
	uint64_t grants;
	uint64_t expirations;
};

/* -PLUTON_ENOMEM; -PLUTON_EINVAL: the engine's concurrency is out of range. Sets engine->arbiter.
 * Owners' indices are below `owners_max`, their parties below `parties_max`. `find_owner` returns
 * NULL for one that is gone. */
int arbiter_init(struct arbiter *arbiter, struct hil_engine *engine, struct deferred_queue *queue,
		 uint32_t owners_max, uint32_t parties_max, uint64_t deadline_ms,
		 struct hil_owner *(*find_owner)(void *context, uint32_t index), void *context);

/* For an engine that has places for slow work: `slow` gives the turns at them, and arbiter the
 * others. -PLUTON_ENOMEM; -PLUTON_EINVAL: there would be no others. */
int arbiter_init_slow(struct arbiter *slow, struct arbiter *arbiter);

/* With the one for slow work. */
void arbiter_close(struct arbiter *arbiter);

/* What a person wants to know, of both. */
struct arbiter_account {
	uint32_t holders;
	uint32_t waiting; /* owners; twice, who waits at both */
	uint64_t grants;
	uint64_t expirations;
};
void arbiter_measure(const struct arbiter *arbiter, struct arbiter_account *ret);

#endif
