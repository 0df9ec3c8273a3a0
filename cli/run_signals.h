/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-run takes its signals as records from a descriptor, so that it has no handlers and no
 * races: between its steps and in its waits it looks at what came.
 */
#ifndef PLUTON_CLI_RUN_SIGNALS_H
#define PLUTON_CLI_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct run_signals {
	int fd;
	sigset_t inherited; /* the mask that children get */
};

/* A signal that came. */
struct run_signal {
	int number;
	bool by_terminal; /* COMMAND, in the same process group, has got it too */
};

/* Blocks SIGCHLD and the signals that are forwarded. False: errno says why. */
bool run_signals_take(struct run_signals *signals);

/* In a child, before exec. */
void run_signals_give_back(const struct run_signals *signals);

/* The next one that came, if any did; never waits. */
bool run_signals_next(const struct run_signals *signals, struct run_signal *ret);

uint64_t run_now_ms(void);

#endif
