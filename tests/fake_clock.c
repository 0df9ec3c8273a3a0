/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm engine in which nothing happens by itself.
 */
#include "tests/fake_clock.h"

static struct fake_clock *of_engine(struct alarm_engine *engine)
{
	return (struct fake_clock *)(void *)engine;
}

static void look(struct fake_clock *clock)
{
	deferred_call_drop(&clock->fire);
	if (clock->when_us <= clock->now_us)
		deferred_call_set(&clock->fire);
}

static uint64_t now_us(struct alarm_engine *engine)
{
	return of_engine(engine)->now_us;
}

static int set(struct alarm_engine *engine, uint64_t when_us,
	       const struct alarm_client_ops *client_ops, void *driver)
{
	struct fake_clock *clock = of_engine(engine);

	clock->sets++;
	clock->when_us = clock->set_error < 0 ? FAKE_CLOCK_NOT_SET : when_us;
	clock->client_ops = client_ops;
	clock->driver = driver;
	look(clock);
	return clock->set_error;
}

static void disarm(struct alarm_engine *engine)
{
	struct fake_clock *clock = of_engine(engine);

	clock->when_us = FAKE_CLOCK_NOT_SET;
	look(clock);
}

static uint64_t armed_us(struct alarm_engine *engine)
{
	return of_engine(engine)->when_us;
}

static void fire(struct deferred_call *call)
{
	struct fake_clock *clock =
		(struct fake_clock *)(void *)((char *)call - offsetof(struct fake_clock, fire));

	clock->when_us = FAKE_CLOCK_NOT_SET;
	clock->fires++;
	clock->client_ops->fired(clock->driver);
}

void fake_clock_open(struct fake_clock *clock, struct deferred_queue *deferred)
{
	static const struct alarm_engine_ops ops = {
		.now_us = now_us, .set = set, .disarm = disarm, .armed_us = armed_us};

	*clock = (struct fake_clock){
		.engine = {.head = {.name = "fake",
				    .kind = HIL_ALARM,
				    .level = HIL_LEVEL_ALARM,
				    .concurrency = 1},
			   .ops = &ops},
		.now_us = FAKE_CLOCK_START_US,
		.when_us = FAKE_CLOCK_NOT_SET,
	};
	deferred_call_init(&clock->fire, deferred, fire);
}

void fake_clock_close(struct fake_clock *clock)
{
	deferred_call_drop(&clock->fire);
}

void fake_clock_pass(struct fake_clock *clock, uint64_t us)
{
	clock->now_us += us;
	look(clock);
}

void fake_clock_fire(struct fake_clock *clock)
{
	if (!clock->fire.queued)
		return;
	deferred_call_drop(&clock->fire);
	fire(&clock->fire);
}
