/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine stands on: the engine below, in whose coming and going it takes part, and the
 * owner as which it asks for turns there.
 */
#ifndef PLUTON_STACKED_STAND_H
#define PLUTON_STACKED_STAND_H

#include "backends/stacked/turn.h"
#include "backends/table.h"

struct stand {
	struct hil_engine *engine; /* who stands */
	struct hil_engine *below;  /* NULL until it has joined */
	struct hil_owner owner;
	struct hil_watcher watcher; /* of the engine below */
	/* Sets the engine's caps to what it can do on those of the engine below. */
	void (*adapt)(struct stand *stand);
};

/* The engine is absent from here on until it has joined one. -PLUTON_ENOMEM. */
int stand_open(struct stand *stand, const struct backend_environment *environment,
	       struct hil_engine *engine, void (*adapt)(struct stand *stand));

/* `below` is there for as long as the engine that stands on it. */
void stand_join(struct stand *stand, struct hil_engine *below);

/* turn_begin for an operation of the engine. */
void stand_begin(struct stand *stand, struct turn *turn);

#endif
