/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for alarms. There is one operation, in the first slot: set begins or moves
 * it, `fired` is its done. Here INCOMPLETE is an alarm before its time, WRONG_CURSOR a clock that
 * went back, STATE_MISSING an engine that does not know what it is set to.
 */
#include <inttypes.h>

#include "hil/checker-core.h"

#define NOT_SET UINT64_MAX

static struct checker *of_engine(struct alarm_engine *engine)
{
	return (struct checker *)(void *)engine;
}

static struct alarm_engine *inner_of(const struct checker *checker)
{
	return (struct alarm_engine *)(void *)checker->inner;
}

static struct checker_slot *slot_of(struct checker *checker)
{
	return &checker->slots[0];
}

/* --- the clock ------------------------------------------------------------------------------- */

static uint64_t read_clock(struct checker *checker)
{
	struct alarm_engine *inner = inner_of(checker);
	uint64_t now_us;

	checker->calling++;
	now_us = inner->ops->now_us(inner);
	checker->calling--;
	if (now_us < checker->clock_us)
		checker_violation(slot_of(checker), HIL_WRONG_CURSOR,
				  "the clock went back from %" PRIu64 " to %" PRIu64,
				  checker->clock_us, now_us);
	else
		checker->clock_us = now_us;
	return checker->clock_us;
}

static uint64_t now_us(struct alarm_engine *engine)
{
	return read_clock(of_engine(engine));
}

/* --- what the engine calls ------------------------------------------------------------------- */

static void judge_fired(struct checker_slot *slot)
{
	if (slot->state == SLOT_FREE && slot->cancelled)
		checker_violation(slot, HIL_CALLBACK_AFTER_DONE, "fired after disarm");
	else if (slot->state == SLOT_RUNNING &&
		 read_clock(slot->checker) < slot->client.alarm.when_us)
		checker_violation(slot, HIL_INCOMPLETE, "fired at %" PRIu64 ", was set to %" PRIu64,
				  slot->checker->clock_us, slot->client.alarm.when_us);
}

static void fired(void *context)
{
	struct checker_slot *slot = context;

	if (pthread_equal(pthread_self(), slot->checker->thread))
		judge_fired(slot);
	checker_done(slot, 0);
}

/* Called when the slot is free already: the client may set the alarm again. */
static void done_outer(void *context, int result)
{
	const struct checker_slot *slot = context;
	const struct alarm_client_ops *client_ops = slot->client.alarm.client_ops;

	(void)result;
	client_ops->fired(slot->client.alarm.driver);
}

/* An alarm whose time has not come owes nothing. */
static bool owes_nothing(const struct checker_slot *slot)
{
	return slot->state == SLOT_RUNNING && !slot->done_waits &&
	       read_clock(slot->checker) < slot->client.alarm.when_us;
}

const struct checker_type checker_alarm_type = {
	.done = done_outer,
	.owes_nothing = owes_nothing,
};

/* --- what the client calls ------------------------------------------------------------------- */

static uint64_t armed_us(struct alarm_engine *engine)
{
	const struct checker_slot *slot = slot_of(of_engine(engine));

	return slot->state == SLOT_FREE ? NOT_SET : slot->client.alarm.when_us;
}

static void judge_armed(struct checker_slot *slot, uint64_t wanted_us)
{
	struct alarm_engine *inner = inner_of(slot->checker);
	uint64_t armed = inner->ops->armed_us(inner);

	if (armed != wanted_us)
		checker_violation(slot, HIL_STATE_MISSING,
				  "armed_us is %" PRIu64 ", should be %" PRIu64, armed, wanted_us);
}

static int set(struct alarm_engine *engine, uint64_t when_us,
	       const struct alarm_client_ops *client_ops, void *driver)
{
	static const struct alarm_client_ops inner_ops = {.fired = fired};
	struct checker *checker = of_engine(engine);
	struct alarm_engine *inner = inner_of(checker);
	struct checker_slot *slot = slot_of(checker);
	int r;

	*slot = (struct checker_slot){.checker = checker, .outer = slot, .state = SLOT_STARTING};
	slot->client.alarm.client_ops = client_ops;
	slot->client.alarm.driver = driver;
	slot->client.alarm.when_us = when_us;
	checker->calling++;
	r = inner->ops->set(inner, when_us, &inner_ops, slot);
	checker->calling--;
	slot->state = r < 0 ? SLOT_FREE : SLOT_RUNNING;
	slot->start_failed = r < 0;
	if (r < 0)
		slot->done_waits = false;
	else if (!slot->done_waits)
		judge_armed(slot, when_us);
	return r;
}

static void disarm(struct alarm_engine *engine)
{
	struct checker *checker = of_engine(engine);
	struct alarm_engine *inner = inner_of(checker);
	struct checker_slot *slot = slot_of(checker);

	checker->calling++;
	inner->ops->disarm(inner);
	checker->calling--;
	*slot = (struct checker_slot){
		.checker = checker, .cancelled = true, .poisoned = slot->poisoned};
	judge_armed(slot, NOT_SET);
}

void checker_alarm_open(struct checker *checker)
{
	static const struct alarm_engine_ops ops = {
		.now_us = now_us, .set = set, .disarm = disarm, .armed_us = armed_us};

	checker->engine.alarm = *inner_of(checker);
	checker->engine.alarm.ops = &ops;
	checker->clock_us = 0;
}
