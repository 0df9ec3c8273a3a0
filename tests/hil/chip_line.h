/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip backend on a bench, and at the other end of its line pluton-chipd, another process.
 */
#ifndef PLUTON_TESTS_HIL_CHIP_LINE_H
#define PLUTON_TESTS_HIL_CHIP_LINE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "backends/chip/chip.h"
#include "tests/hil/behaviours.h"

#define CHIP_LINE_SCRATCH 4200u /* small, so that tests can exceed it */

/* A running pluton-chipd and the path of its line. */
struct chipd {
	pid_t pid; /* 0: none */
	char folder[64];
	char path[96];
};

/* Starts one and waits until its line is there; again after chipd_kill, on the same path. */
void chipd_start(struct chipd *chipd, const char *faults);
/* The power goes. */
void chipd_kill(struct chipd *chipd);
/* Ends it, and removes its folder. */
void chipd_end(struct chipd *chipd);

/* A bench on the line of this chip, which is started and stays. */
struct bench_maker chip_line_maker(const char *name, const struct chipd *chipd);

/* The same by hand, on a path. */
int chip_line_open(struct bench *bench, const char *device);
void chip_line_close(struct bench *bench);

struct event_base *chip_line_base(void);

/* Asks a silent chip again soon, and often: for a line that is known to lose frames. */
void chip_line_hurry(bool hurry);

/* Lets events happen until the chip is there, or is not. */
void chip_line_until(struct bench *bench, bool there);

#endif
