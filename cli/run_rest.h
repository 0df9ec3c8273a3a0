/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others leave behind under pluton-run: apps of a plutond that was killed, and whatever
 * COMMAND started and did not end. pluton-run is their reaper, and nothing of it survives.
 */
#ifndef PLUTON_CLI_RUN_REST_H
#define PLUTON_CLI_RUN_REST_H

#include <stddef.h>
#include <sys/types.h>

#include "cli/run_signals.h"

/* From now on, what loses its parent becomes our child. */
void run_rest_adopt(void);

/* Forgets those who have ended, but for `known`, which others wait for. */
void run_rest_reap(const pid_t *known, size_t count);

/* Ends all that is left; nobody may be waited for by others any more. */
void run_rest_end(const struct run_signals *signals);

#endif
