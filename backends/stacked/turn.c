/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asked for, taken, ended; and again, until the operation is over. Exactly one finish per begin.
 */
#include "backends/stacked/turn.h"

static struct turn *of_waiter(struct hil_waiter *waiter)
{
	return (struct turn *)(void *)((char *)waiter - offsetof(struct turn, waiter));
}

static void ask(struct turn *turn)
{
	turn->at = TURN_ASKED;
	arbiter_request(turn->below, &turn->waiter, turn->owner, turn->above);
}

/* Whatever comes next, the engine below is free for others. */
static void leave(struct turn *turn)
{
	turn->at = TURN_IDLE;
	arbiter_release(&turn->waiter);
}

/* One that is late was not cancelled by its client, who may try again. */
static int judge(const struct turn *turn, int result)
{
	if (turn->expired && result == -PLUTON_ECANCEL)
		return -PLUTON_EBUSY;
	return result >= 0 && turn->cancelled ? -PLUTON_ECANCEL : result;
}

static void finish(struct turn *turn, int result)
{
	turn->client = NULL;
	turn->type->finish(turn, result);
}

static void granted(struct hil_waiter *waiter)
{
	struct turn *turn = of_waiter(waiter);
	int r;

	turn->at = TURN_STARTING;
	r = turn->type->start(turn);
	if (r < 0) {
		leave(turn);
		finish(turn, r);
		return;
	}
	turn->at = TURN_TAKEN;
	if (turn->cancelled) /* from inside what start pulled */
		turn->type->cancel(turn);
}

static void expired(struct hil_waiter *waiter)
{
	struct turn *turn = of_waiter(waiter);

	turn->expired = true;
	turn->type->cancel(turn);
}

static void over(struct deferred_call *call)
{
	struct turn *turn = (struct turn *)(void *)((char *)call - offsetof(struct turn, over));

	finish(turn, -PLUTON_ECANCEL);
}

void turn_init(struct turn *turn, struct deferred_queue *queue, const struct turn_type *type)
{
	*turn = (struct turn){
		.waiter = {.granted = granted, .expired = expired},
		.type = type,
	};
	deferred_call_init(&turn->over, queue, over);
}

void turn_drop(struct turn *turn)
{
	deferred_call_drop(&turn->over);
}

void turn_begin(struct turn *turn, const void *client, struct hil_engine *below,
		const struct hil_engine *above, struct hil_owner *owner)
{
	turn->client = client;
	turn->below = below;
	turn->above = above;
	turn->owner = owner;
	turn->cancelled = turn->expired = false;
	ask(turn);
}

void turn_cancel(struct turn *turn)
{
	turn->cancelled = true;
	if (turn->at == TURN_TAKEN)
		turn->type->cancel(turn);
	if (turn->at == TURN_ASKED && arbiter_withdraw(&turn->waiter)) {
		turn->at = TURN_IDLE;
		deferred_call_set(&turn->over);
	}
}

void turn_ended(struct turn *turn, int result)
{
	int r;

	leave(turn);
	r = judge(turn, result);
	if (r == 0)
		r = turn->type->next(turn);
	if (r == TURN_AGAIN)
		r = turn->cancelled ? -PLUTON_ECANCEL : TURN_AGAIN;
	if (r == TURN_AGAIN)
		ask(turn);
	else
		finish(turn, r);
}
