/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own outer loop around libevent: events never wait for more than deferred_budget
 * deferred calls or DEFERRED_US, and the loop never sleeps while a call is due.
 */
#include "daemon/kernel/loop.h"

#include <time.h>

#define DEFERRED_US 100u /* deferred calls of one pass, all together */

uint64_t loop_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Names are constant strings: the same handler has the same pointer. */
static struct loop_handler *handler_named(struct loop *loop, const char *name)
{
	struct loop_handler *handler = loop->handlers;

	while (handler < &loop->handlers[LOOP_HANDLERS - 1] && handler->name &&
	       handler->name != name)
		handler++;
	handler->name = name;
	return handler;
}

static void note_kind(struct loop_handler *handler, uint64_t took_us)
{
	handler->calls++;
	handler->total_us += took_us;
	handler->late += took_us > LOOP_LATE_US;
	if (took_us > handler->longest_us)
		handler->longest_us = took_us;
}

uint64_t loop_note_handler(struct loop *loop, const char *name, uint64_t start_us)
{
	uint64_t now = loop_now_us(), took = now - start_us;
	unsigned bucket = took ? 64u - (unsigned)__builtin_clzll(took) : 0;

	loop->histogram[bucket < LOOP_BUCKETS ? bucket : LOOP_BUCKETS - 1]++;
	note_kind(handler_named(loop, name), took);
	STEP_REACHED(&loop->kernel->step, STEP_HANDLER_RAN, .handler = name, .length = took);
	if (took > loop->longest_us) {
		loop->longest_us = took;
		loop->longest_name = name;
	}
	return now;
}

static void on_interrupt(evutil_socket_t fd, short events, void *context)
{
	struct loop *loop = context;
	uint64_t start = loop_now_us();

	(void)fd;
	(void)events;
	interrupt_queue_run(&loop->kernel->interrupts);
	loop_note_handler(loop, "interrupts", start);
}

static void expire_port(const struct hil_port *port, uint64_t now_ms)
{
	for (unsigned i = 0; i < port->count; i++)
		arbiter_expire(port->engines[i]->arbiter, now_ms);
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
	struct loop *loop = context;
	struct kernel *kernel = loop->kernel;
	uint64_t now_ms = loop_now_us() / 1000u;

	(void)fd;
	(void)events;
	for (unsigned i = 0; i < kernel->driver_count; i++) {
		for (unsigned p = 0; p < kernel->drivers[i].capsule->ports; p++)
			expire_port(&kernel->drivers[i].ports[p], now_ms);
	}
	expiry_look(kernel, now_ms);
}

static void on_beat(evutil_socket_t fd, short events, void *context)
{
	const struct loop *loop = context;

	(void)fd;
	(void)events;
	loop->on_beat(loop->beat_context);
}

int loop_open(struct loop *loop, struct kernel *kernel)
{
	*loop = (struct loop){.kernel = kernel, .base = event_base_new()};
	if (!loop->base)
		return -PLUTON_ENOMEM;
	event_assign(&loop->interrupts, loop->base, kernel->interrupts.fd, EV_READ | EV_PERSIST,
		     on_interrupt, loop);
	event_assign(&loop->tick, loop->base, -1, 0, on_tick, loop);
	event_assign(&loop->beat, loop->base, -1, EV_PERSIST, on_beat, loop);
	if (event_add(&loop->interrupts, NULL) < 0) {
		event_base_free(loop->base);
		return -PLUTON_ENOMEM;
	}
	return 0;
}

void loop_close(struct loop *loop)
{
	event_del(&loop->interrupts);
	event_del(&loop->tick);
	event_del(&loop->beat);
	event_base_free(loop->base);
}

int loop_every(struct loop *loop, uint64_t period_us, void (*fn)(void *context), void *context)
{
	const struct timeval period = {(time_t)(period_us / 1000000u),
				       (suseconds_t)(period_us % 1000000u)};

	loop->on_beat = fn;
	loop->beat_context = context;
	return event_add(&loop->beat, &period) < 0 ? -PLUTON_ENOMEM : 0;
}

/*
 * An idle daemon has no timer, unless loop_every was asked for: it sleeps until somebody wants
 * something.
 */
static void arm_tick(struct loop *loop)
{
	static const struct timeval second = {1, 0};

	if ((loop->kernel->running || loop->kernel->expiry.timed) &&
	    !event_pending(&loop->tick, EV_TIMEOUT, NULL))
		event_add(&loop->tick, &second);
}

/* Some calls, for as long as one handler may take: one's bulk work delays nobody's events. */
static void run_deferred(struct loop *loop)
{
	uint64_t start = loop_now_us(), now = start;
	uint32_t ran = 0;

	while (ran < loop->kernel->limits.deferred_budget && now - start < DEFERRED_US) {
		if (!deferred_queue_run(&loop->kernel->deferred, 1))
			return;
		ran++;
		now = loop_note_handler(loop, "deferred call", now);
	}
}

static void look_at_events(struct loop *loop, bool wait)
{
	const struct deferred_queue *deferred = &loop->kernel->deferred;
	bool stays = false;
	int flags = EVLOOP_ONCE;

	arm_tick(loop);
	if (loop->linger)
		stays = loop->linger(loop->linger_context);
	if (!wait || stays || deferred->head || loop->stopping)
		flags |= EVLOOP_NONBLOCK;
	event_base_loop(loop->base, flags);
	loop->passes++;
}

void loop_pass(struct loop *loop, bool wait)
{
	run_deferred(loop);
	look_at_events(loop, wait);
}

void loop_run_while(struct loop *loop, bool (*is_busy)(const void *context), const void *context)
{
	while (is_busy(context)) {
		run_deferred(loop);
		/* It may be over now: then there is no event to wait for. */
		look_at_events(loop, is_busy(context));
	}
}

void loop_run(struct loop *loop)
{
	while (!loop->stopping)
		loop_pass(loop, true);
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
