/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each broken engine is a short function in the place of one call; the table below says which one
 * breaks which rule.
 */
#include "tests/hil/broken_alarm.h"

#include <pthread.h>
#include <stdlib.h>

struct broken_alarm {
	struct alarm_engine engine;
	struct alarm_engine *inner;
	const struct sabotage *sabotage;
	struct deferred_call later;
	const struct alarm_client_ops *client_ops;
	void *driver;
	uint64_t when_us;
	bool inside; /* the client's fired */
	uint64_t told_us;
};

struct sabotage {
	int (*set)(struct broken_alarm *broken, uint64_t when_us);
	void (*disarm)(struct broken_alarm *broken);
	uint64_t (*now_us)(struct broken_alarm *broken);
	uint64_t (*armed_us)(struct broken_alarm *broken);
	void (*fired)(struct broken_alarm *broken);
	bool breaks_none;
};

static struct broken_alarm *of_engine(struct alarm_engine *engine)
{
	return (struct broken_alarm *)(void *)engine;
}

/* --- passing on, as it should be ------------------------------------------------------------- */

static void tell_client(struct broken_alarm *broken)
{
	broken->inside = true;
	broken->client_ops->fired(broken->driver);
	broken->inside = false;
}

static void on_fired(void *context)
{
	struct broken_alarm *broken = context;

	broken->when_us = FAKE_CLOCK_NOT_SET;
	if (broken->sabotage->fired)
		broken->sabotage->fired(broken);
	else
		tell_client(broken);
}

static const struct alarm_client_ops own_ops = {.fired = on_fired};

static int set_inner(struct broken_alarm *broken, uint64_t when_us)
{
	return broken->inner->ops->set(broken->inner, when_us, &own_ops, broken);
}

static uint64_t inner_now(struct broken_alarm *broken)
{
	return broken->inner->ops->now_us(broken->inner);
}

static int set(struct alarm_engine *engine, uint64_t when_us,
	       const struct alarm_client_ops *client_ops, void *driver)
{
	struct broken_alarm *broken = of_engine(engine);
	int r;

	broken->client_ops = client_ops;
	broken->driver = driver;
	broken->when_us = when_us;
	r = broken->sabotage->set ? broken->sabotage->set(broken, when_us)
				  : set_inner(broken, when_us);
	if (r < 0)
		broken->when_us = FAKE_CLOCK_NOT_SET;
	return r;
}

static void disarm(struct alarm_engine *engine)
{
	struct broken_alarm *broken = of_engine(engine);

	broken->when_us = FAKE_CLOCK_NOT_SET;
	if (broken->sabotage->disarm)
		broken->sabotage->disarm(broken);
	else
		broken->inner->ops->disarm(broken->inner);
}

static uint64_t now_us(struct alarm_engine *engine)
{
	struct broken_alarm *broken = of_engine(engine);

	return broken->sabotage->now_us ? broken->sabotage->now_us(broken) : inner_now(broken);
}

static uint64_t armed_us(struct alarm_engine *engine)
{
	struct broken_alarm *broken = of_engine(engine);

	return broken->sabotage->armed_us ? broken->sabotage->armed_us(broken) : broken->when_us;
}

/* --- breaking rules -------------------------------------------------------------------------- */

/* "It is due anyway." */
static int set_and_fire_what_is_due(struct broken_alarm *broken, uint64_t when_us)
{
	if (broken->inside || when_us > inner_now(broken))
		return set_inner(broken, when_us);
	broken->when_us = FAKE_CLOCK_NOT_SET;
	tell_client(broken);
	return 0;
}

static int set_and_fire_inside_fired(struct broken_alarm *broken, uint64_t when_us)
{
	if (!broken->inside || when_us > inner_now(broken))
		return set_inner(broken, when_us);
	broken->when_us = FAKE_CLOCK_NOT_SET;
	broken->client_ops->fired(broken->driver);
	return 0;
}

static void *run_errand(void *broken)
{
	tell_client(broken);
	return NULL;
}

static void fire_on_a_thread(struct broken_alarm *broken)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_errand, broken) == 0)
		pthread_join(thread, NULL);
}

static void fire_later(struct deferred_call *call)
{
	tell_client((struct broken_alarm *)(void *)((char *)call -
						    offsetof(struct broken_alarm, later)));
}

static int fail_and_fire(struct broken_alarm *broken, uint64_t when_us)
{
	int r = set_inner(broken, when_us);

	if (r < 0)
		deferred_call_set(&broken->later);
	return r;
}

static void fire_twice(struct broken_alarm *broken)
{
	tell_client(broken);
	tell_client(broken);
}

static void forget_to_disarm(struct broken_alarm *broken)
{
	(void)broken;
}

static int set_too_early(struct broken_alarm *broken, uint64_t when_us)
{
	return set_inner(broken, when_us - 1);
}

/* Who looks twice at one time sees less. */
static uint64_t go_back(struct broken_alarm *broken)
{
	uint64_t now = inner_now(broken), before = broken->told_us;

	broken->told_us = now;
	return now == before ? now - 1 : now;
}

static uint64_t know_nothing(struct broken_alarm *broken)
{
	(void)broken;
	return FAKE_CLOCK_NOT_SET;
}

static void never_fire(struct broken_alarm *broken)
{
	(void)broken;
}

static const struct sabotage sabotages[HIL_RULES + 1] = {
	[HIL_SYNCHRONOUS_CALLBACK] = {.set = set_and_fire_what_is_due},
	[HIL_NESTED_CALLBACK] = {.set = set_and_fire_inside_fired},
	[HIL_WRONG_THREAD] = {.fired = fire_on_a_thread},
	[HIL_START_FAILED_CALLBACK] = {.set = fail_and_fire},
	[HIL_DONE_TWICE] = {.fired = fire_twice},
	[HIL_CALLBACK_AFTER_DONE] = {.disarm = forget_to_disarm},
	[HIL_WRONG_CURSOR] = {.now_us = go_back},
	[HIL_INCOMPLETE] = {.set = set_too_early},
	[HIL_STATE_MISSING] = {.armed_us = know_nothing},
	[HIL_DONE_MISSING] = {.fired = never_fire},
	[HIL_RULES] = {.breaks_none = true},
};

static bool is_empty(const struct sabotage *sabotage)
{
	return !sabotage->set && !sabotage->disarm && !sabotage->now_us && !sabotage->armed_us &&
	       !sabotage->fired && !sabotage->breaks_none;
}

int broken_alarm_open(enum hil_rule rule, struct fake_clock *clock, struct deferred_queue *deferred,
		      struct broken_alarm **ret_broken)
{
	static const struct alarm_engine_ops ops = {
		.now_us = now_us, .set = set, .disarm = disarm, .armed_us = armed_us};
	struct broken_alarm *broken;

	if ((unsigned)rule > HIL_RULES || is_empty(&sabotages[rule]))
		return -PLUTON_ENOSUPPORT;
	broken = calloc(1, sizeof(*broken));
	if (!broken)
		return -PLUTON_ENOMEM;
	broken->engine = clock->engine;
	broken->engine.head.name = "broken";
	broken->engine.ops = &ops;
	broken->inner = &clock->engine;
	broken->sabotage = &sabotages[rule];
	broken->when_us = FAKE_CLOCK_NOT_SET;
	deferred_call_init(&broken->later, deferred, fire_later);
	*ret_broken = broken;
	return 0;
}

void broken_alarm_close(struct broken_alarm *broken)
{
	deferred_call_drop(&broken->later);
	free(broken);
}

struct hil_engine *broken_alarm_engine(struct broken_alarm *broken)
{
	return &broken->engine.head;
}
