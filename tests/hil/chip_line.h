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

/* What a bench_maker needs: all of it but the name. */
int chip_line_open(struct bench *bench, const char *device);
void chip_line_close(struct bench *bench);
bool chip_line_wait(struct bench *bench);
#define CHIP_LINE_LACKS (~(1u << HIL_DIGEST | 1u << HIL_AES | 1u << HIL_KINDS))
#define CHIP_LINE_LACKS_MODES (1u << AES_ECB | 1u << AES_CBC | 1u << AES_CCM)

struct event_base *chip_line_base(void);

/* Asks a silent chip again soon, and often: for a line that is known to lose frames. */
void chip_line_hurry(bool hurry);

/* Lets events happen until the chip is there, or is not. */
void chip_line_until(struct bench *bench, bool there);

#endif
