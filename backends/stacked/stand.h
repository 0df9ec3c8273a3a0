/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine stands on: the engine below, in whose coming and going it takes part, the owner as
 * which it asks for turns there, and the turns of its operations.
 */
#ifndef PLUTON_STACKED_STAND_H
#define PLUTON_STACKED_STAND_H

#include "backends/stacked/turn.h"
#include "backends/table.h"

/* Operations at once, each with its own turns below. */
#define STACKED_CONCURRENCY 4u

struct stand {
	struct hil_engine *engine; /* who stands */
	struct hil_engine *below;  /* NULL until it has joined */
	struct hil_owner owner;
	struct turn *turns[STACKED_CONCURRENCY];
	struct hil_watcher watcher; /* of the engine below */
	/* Sets the engine's caps to what it can do on those of the engine below. */
	void (*adapt)(struct stand *stand);
};

/* The engine is absent from here on until it has joined one. -PLUTON_ENOMEM. */
int stand_open(struct stand *stand, const struct backend_environment *environment,
	       struct hil_engine *engine, void (*adapt)(struct stand *stand));

/* `below` is there for as long as the engine that stands on it. */
void stand_join(struct stand *stand, struct hil_engine *below);

/* Between open and the first begin, STACKED_CONCURRENCY times: one turn more. */
void stand_add(struct stand *stand, struct turn *turn, struct deferred_queue *queue,
	       const struct turn_type *type);

/* Nothing may be under way; NULL is fine. Frees the memory that the engine is the beginning of. */
void stand_close(struct stand *stand);

/* An idle turn, which is the client's now until it finishes. -PLUTON_EBUSY: there is none. */
int stand_begin(struct stand *stand, const void *client, struct turn **ret_turn);

/* turn_cancel. -PLUTON_EINVAL: the client has no turn. */
int stand_cancel(struct stand *stand, const void *client);

#endif
