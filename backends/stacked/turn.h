/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation of a stacked engine, as a row of starts of the engine below: each has a turn of its
 * own, and between two of them others have theirs.
 *
 * The rule a newcomer would break first: a turn is idle from when `finish` is called. What `finish`
 * wipes must be wiped before the client's done, because the client may start the next operation
 * from there, in the very same turn.
 */
#ifndef PLUTON_STACKED_TURN_H
#define PLUTON_STACKED_TURN_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

/* What `next` answers, besides a negative error. */
enum turn_progress {
	TURN_DONE = 0, /* the operation is complete */
	TURN_AGAIN,    /* it needs the engine below once more */
};

struct turn;

struct turn_type {
	/* The engine below is ours: one start of it. An error ends the operation. */
	int (*start)(struct turn *turn);
	/* Cancels that start. */
	void (*cancel)(struct turn *turn);
	/* That start ended well, and the engine below is another's again. */
	int (*next)(struct turn *turn);
	/* The operation is over. */
	void (*finish)(struct turn *turn, int result);
};

/* Members are turn.c's. */
struct turn {
	const void *client; /* of the engine above; NULL: idle */
	struct hil_waiter waiter;
	struct deferred_call over; /* for a cancel while nothing is under way below */
	const struct turn_type *type;
	struct hil_engine *below;
	const struct hil_engine *above;
	struct hil_owner *owner;
	enum { TURN_IDLE = 0, TURN_ASKED, TURN_STARTING, TURN_TAKEN } at;
	bool cancelled;
	bool expired;
};

void turn_init(struct turn *turn, struct deferred_queue *queue, const struct turn_type *type);
void turn_drop(struct turn *turn);

/* An operation of a client of `above` begins; `owner` is who asks for turns at `below`. */
void turn_begin(struct turn *turn, const void *client, struct hil_engine *below,
		const struct hil_engine *above, struct hil_owner *owner);

/* Leads to finish(-PLUTON_ECANCEL), or to the result if it was there already. */
void turn_cancel(struct turn *turn);

/* From the done of what `start` started. */
void turn_ended(struct turn *turn, int result);

#endif
