/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer loop: deferred calls, then events, and so on until it is told to stop.
 *
 * Handlers return within 100 µs; the loop keeps a histogram of how long they took.
 */
#ifndef PLUTON_LOOP_H
#define PLUTON_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "daemon/kernel/kernel.h"

#define LOOP_HANDLERS 8u  /* kinds of handlers that are told apart */
#define LOOP_LATE_US 100u /* a handler that takes longer holds up the others */
#define LOOP_BUCKETS 24u  /* bucket n counts handlers of 2^(n-1) to 2^n - 1 µs */

/* What one kind of handler cost since start. */
struct loop_handler {
	const char *name;
	uint64_t calls;
	uint64_t total_us;
	uint64_t longest_us;
	uint64_t late; /* calls over LOOP_LATE_US */
};

struct loop {
	struct kernel *kernel;
	struct event_base *base;
	struct event interrupts;
	struct event tick; /* once a second while something has a time limit */
	struct event beat; /* while loop_every is asked for */
	void (*on_beat)(void *context);
	void *beat_context;
	/*
	 * Asked before each sleep: true: something may come any moment, and this pass does not
	 * sleep. Takes some microseconds at most. NULL: nobody is asked.
	 */
	bool (*linger)(void *context);
	void *linger_context;
	bool stopping;
	uint64_t passes;
	uint64_t longest_us;
	const char *longest_name;
	uint64_t histogram[LOOP_BUCKETS];
	struct loop_handler handlers[LOOP_HANDLERS]; /* unused ones have no name */
};

/* -PLUTON_ENOMEM. */
int loop_open(struct loop *loop, struct kernel *kernel);
void loop_close(struct loop *loop);

/* One pass. `wait`: sleep until something happens, unless deferred calls are due. */
void loop_pass(struct loop *loop, bool wait);

/*
 * Passes while it is busy; sleeps in none that was the last. Not `while (busy) loop_pass(…, true)`:
 * a deferred call may have been the end of it, and then nothing comes any more.
 */
void loop_run_while(struct loop *loop, bool (*is_busy)(const void *context), const void *context);

/* Passes until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Calls `fn` from the loop every `period_us`: a proof that it turns, and of nothing else. Once;
 * until loop_close. -PLUTON_ENOMEM.
 */
int loop_every(struct loop *loop, uint64_t period_us, void (*fn)(void *context), void *context);

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t loop_now_us(void);

/* Notes that the handler called `name` (a constant string) ran since `start_us`; returns now. */
uint64_t loop_note_handler(struct loop *loop, const char *name, uint64_t start_us);

#endif
