/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event loop polls. A connection that is made again when it is lost has one descriptor for
 * that, which stays the same: an epoll of the socket, or between tries of a timer. Who never asks
 * for it has none.
 *
 * The rule a newcomer would break first: a function that may leave something due, or a record
 * unsent, ends with loop_settle, or nothing wakes the loop for it.
 */
#ifndef PLUTON_CLIENT_LOOP_H
#define PLUTON_CLIENT_LOOP_H

#include <stdint.h>

#include "client-lib/tpm_watch.h"

struct pluton;

/* On its own, so that asking for the descriptor changes no connection. */
struct loop {
	struct tpm_watch watch;
	/* as the watch was set last */
	int fd;
	short events;
	uint64_t time_ms;
};

/* NULL: no memory. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The descriptor waits for what is to be waited for now. Costs nothing where that is the same. */
void loop_settle(const struct pluton *pluton);

/* Before another socket takes the number of the one that is waited for. */
void loop_forget(const struct pluton *pluton);

#endif
