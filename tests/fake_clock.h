/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm engine whose time is the test's own: it stands still until fake_clock_pass.
 */
#ifndef PLUTON_TESTS_FAKE_CLOCK_H
#define PLUTON_TESTS_FAKE_CLOCK_H

#include "daemon/kernel/deferred.h"
#include "hil/alarm.h"

/* So that a time does not fit into the low one of two words. */
#define FAKE_CLOCK_START_US UINT64_C(0x500000000)
#define FAKE_CLOCK_NOT_SET UINT64_MAX

struct fake_clock {
	struct alarm_engine engine;
	struct deferred_call fire;
	uint64_t now_us;
	uint64_t when_us; /* FAKE_CLOCK_NOT_SET */
	const struct alarm_client_ops *client_ops;
	void *driver;
	int set_error; /* what set answers; 0: it works */
	unsigned sets;
	unsigned fires;
};

void fake_clock_open(struct fake_clock *clock, struct deferred_queue *deferred);
void fake_clock_close(struct fake_clock *clock);

/* Lets time pass. What is due then fires from the loop. */
void fake_clock_pass(struct fake_clock *clock, uint64_t us);

/* Fires at once what is due, without a pass of the loop in which anybody else runs. */
void fake_clock_fire(struct fake_clock *clock);

#endif
