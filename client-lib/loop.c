/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop's side of a connection: what to wait for, and what to do then.
 *
 * The rule a newcomer would break first: what wakes the loop is a descriptor that is readable and
 * stays so until pluton_dispatch has dealt with it. So a callback that is due is waited for as room
 * in the socket, which there is nearly always.
 */
#include "client-lib/loop.h"

#include <poll.h>
#include <stdlib.h>

#include "client-lib/connection.h"

#define NO_FD (-1)
#define NOT_SET (-2) /* what no connection wants: the next loop_settle sets it */

struct loop *loop_new(void)
{
	struct loop *loop = malloc(sizeof(*loop));

	if (!loop)
		return NULL;
	watch_init(&loop->watch);
	loop->fd = NOT_SET;
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop)
		watch_close(&loop->watch);
	free(loop);
}

void loop_forget(const struct pluton *pluton)
{
	if (!pluton->loop)
		return;
	watch_forget(&pluton->loop->watch);
	pluton->loop->fd = NOT_SET;
}

static short socket_events(const struct pluton *pluton)
{
	const struct rings *rings = &pluton->rings;
	/* For room in the ring, and for answers there, a doorbell comes, where it is armed. */
	bool rung = rings_open(rings) && rings->armed;
	bool unsent = pluton->outgoing && (!rung || pluton->outgoing->fd >= 0);

	if (rings_open(rings) && !rung)
		return POLLIN | POLLOUT;
	return unsent || pluton->due.head ? POLLIN | POLLOUT : POLLIN;
}

/* A socket whose connection has ended for good is readable: dispatch says why. */
static void want(const struct pluton *pluton, struct loop *ret)
{
	const struct reconnect *reconnect = &pluton->reconnect;

	if (reconnect_wanted(pluton)) {
		ret->fd = NO_FD;
		ret->events = 0;
		ret->time_ms = pluton->due.head || !reconnect->told ? 0 : reconnect->next_try_ms;
	} else {
		ret->fd = pluton->fd;
		ret->events = socket_events(pluton);
		ret->time_ms = UINT64_MAX;
	}
}

static uint64_t time_until(uint64_t time_ms)
{
	uint64_t now_ms = connection_now_ms();

	if (time_ms == UINT64_MAX)
		return UINT64_MAX;
	return time_ms > now_ms ? time_ms - now_ms : 0;
}

void loop_settle(const struct pluton *pluton)
{
	struct loop *loop = pluton->loop;
	struct loop wanted;

	if (!loop || loop->watch.epoll_fd < 0 || pluton->reconnect.trying)
		return;
	want(pluton, &wanted);
	if (loop->fd == wanted.fd && loop->events == wanted.events &&
	    loop->time_ms == wanted.time_ms)
		return;
	loop->fd = wanted.fd;
	loop->events = wanted.events;
	loop->time_ms = wanted.time_ms;
	if (watch_set(&loop->watch, wanted.fd, wanted.events, time_until(wanted.time_ms)) == 0)
		return;
	/* Without a timer: polling the dead socket never waits, but works. */
	(void)watch_set(&loop->watch, pluton->fd, POLLIN, UINT64_MAX);
	loop->fd = NOT_SET;
}

/* --- for users ------------------------------------------------------------------------------- */

int pluton_get_fd(const struct pluton *pluton)
{
	int fd;

	if (!pluton->loop)
		return pluton->fd;
	fd = watch_open(&pluton->loop->watch);
	loop_settle(pluton);
	return fd;
}

short pluton_get_events(const struct pluton *pluton)
{
	loop_settle(pluton);
	return pluton->loop ? POLLIN : socket_events(pluton);
}

int pluton_dispatch(struct pluton *pluton)
{
	int r;

	(void)connection_turn(pluton);
	/* What callbacks make due waits for the next dispatch. */
	r = connection_run_due(pluton);
	if (r == 0 && pluton->error != 0)
		r = reconnect_dispatch(pluton);
	loop_settle(pluton);
	return r;
}
