/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CLOCK_BOOTTIME and one timerfd on it: both go on in suspend, which CLOCK_MONOTONIC and with it
 * libevent's own timers do not. The rule a newcomer would break first: `fired` runs from a deferred
 * call, so one that is on its way when the alarm is set again or disarmed is taken back.
 */
#include "backends/clock/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "hil/alarm.h"

#define US_PER_S 1000000u
#define NS_PER_US 1000
#define NOT_SET UINT64_MAX

struct alarm_unit {
	struct alarm_engine engine;
	struct event event;
	struct deferred_call fire;
	int fd;
	uint64_t when_us;
	const struct alarm_client_ops *client_ops;
	void *driver;
};

struct clock_instance {
	struct backend_instance instance;
	struct alarm_unit alarm;
};

static struct alarm_unit *unit_of(struct alarm_engine *engine)
{
	return (struct alarm_unit *)(void *)engine;
}

static uint64_t now_us(struct alarm_engine *engine)
{
	struct timespec now;

	(void)engine;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
}

/* A time of zero would stop the timer (timerfd_settime(2)): it passed long ago, and so did 1 ns. */
static int set_timer(const struct alarm_unit *unit, uint64_t when_us)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(when_us / US_PER_S),
			     .tv_nsec = when_us ? (long)(when_us % US_PER_S) * NS_PER_US : 1}};

	return timerfd_settime(unit->fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -PLUTON_ENODEVICE
									     : 0;
}

static void disarm(struct alarm_engine *engine)
{
	static const struct itimerspec never;
	struct alarm_unit *unit = unit_of(engine);

	unit->when_us = NOT_SET;
	deferred_call_drop(&unit->fire);
	timerfd_settime(unit->fd, 0, &never, NULL);
}

static int set(struct alarm_engine *engine, uint64_t when_us,
	       const struct alarm_client_ops *client_ops, void *driver)
{
	struct alarm_unit *unit = unit_of(engine);
	int r = set_timer(unit, when_us);

	deferred_call_drop(&unit->fire);
	unit->when_us = r < 0 ? NOT_SET : when_us;
	unit->client_ops = client_ops;
	unit->driver = driver;
	return r;
}

static uint64_t armed_us(struct alarm_engine *engine)
{
	return unit_of(engine)->when_us;
}

static void fire(struct deferred_call *call)
{
	struct alarm_unit *unit =
		(struct alarm_unit *)(void *)((char *)call - offsetof(struct alarm_unit, fire));

	unit->when_us = NOT_SET;
	unit->client_ops->fired(unit->driver);
}

/* Reading fails where the timer was set again since it expired: nothing is due then. */
static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct alarm_unit *unit = context;
	uint64_t expirations;

	(void)events;
	if (read(fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
		deferred_call_set(&unit->fire);
}

static const struct alarm_engine_ops ops = {
	.now_us = now_us,
	.set = set,
	.disarm = disarm,
	.armed_us = armed_us,
};

static int open_unit(struct alarm_unit *unit, const struct backend_environment *environment)
{
	if (!environment->base)
		return -PLUTON_ENODEVICE;
	unit->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (unit->fd < 0)
		return -PLUTON_ENODEVICE;
	unit->when_us = NOT_SET;
	unit->engine = (struct alarm_engine){
		.head = {.name = "clock",
			 .kind = HIL_ALARM,
			 .level = HIL_LEVEL_ALARM,
			 .concurrency = 1},
		.ops = &ops,
	};
	deferred_call_init(&unit->fire, environment->deferred, fire);
	event_assign(&unit->event, environment->base, unit->fd, EV_READ | EV_PERSIST, on_timer,
		     unit);
	if (event_add(&unit->event, NULL) < 0) {
		close(unit->fd);
		return -PLUTON_ENODEVICE;
	}
	return 0;
}

int clock_backend_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	struct clock_instance *clock = calloc(1, sizeof(*clock));
	int r;

	if (!clock)
		return -PLUTON_ENOMEM;
	r = open_unit(&clock->alarm, environment);
	if (r < 0) {
		free(clock);
		return r;
	}
	clock->instance.backend = backend_find("clock");
	clock->instance.engines[HIL_ALARM] = &clock->alarm.engine.head;
	*ret = &clock->instance;
	return 0;
}

void clock_backend_close(struct backend_instance *instance)
{
	struct clock_instance *clock = (struct clock_instance *)(void *)instance;

	deferred_call_drop(&clock->alarm.fire);
	event_del(&clock->alarm.event);
	close(clock->alarm.fd);
	free(clock);
}
