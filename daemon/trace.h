/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer: steps of operations (daemon/kernel/steps.h) on their way to the one program that
 * wants to see them. The rule a newcomer would break first: nothing that a client keeps in memory
 * goes in here, only sizes and places.
 */
#ifndef PLUTON_DAEMON_TRACE_H
#define PLUTON_DAEMON_TRACE_H

#include <pluton/trace.h>

#include "daemon/kernel/deferred.h"
#include "daemon/kernel/operation.h"

#define TRACE_ROOM_MIN 1024u
#define TRACE_ROOM_MAX 1048576u
#define TRACE_ROWS_PER_READ 1024u

struct engines;
struct loop;

struct trace {
	struct kernel *kernel;
	const struct engines *engines;
	const struct loop *loop;
	struct process_id owner;       /* zeros: nobody traces */
	struct pluton_trace_row *rows; /* a ring */
	uint64_t first, next;	       /* counts; the place in the ring is their remainder */
	uint32_t room;
	uint32_t worth; /* rows in the ring that are worth waking the reader for */
	uint32_t lost;
	struct operation *reader; /* waits for a row; NULL: none */
	bool over;		  /* the owner has gone */
	struct deferred_call wake;
};

void trace_open(struct trace *trace, struct kernel *kernel, const struct engines *engines,
		const struct loop *loop);
void trace_close(struct trace *trace);

/* The manager's commands (daemon/manager.c); they return as a command's run does. */
int trace_begin(struct trace *trace, struct operation *op, uint32_t room);
int trace_read(struct trace *trace, struct operation *op, unsigned slot);
int trace_end(struct trace *trace, struct operation *op);

/* The reader's wait is cancelled. */
void trace_cancel(struct trace *trace, struct operation *op);

#endif
