/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to try again what comes and goes: a line, or the chip at its end. At once the first time,
 * and each time after that the wait is twice as long, up to a limit; who has stayed for a minute
 * begins anew. Pure: the time is the caller's, CLOCK_MONOTONIC in ms.
 */
#ifndef PLUTON_CHIP_BACKOFF_H
#define PLUTON_CHIP_BACKOFF_H

#include <stdint.h>

#define BACKOFF_MIN_MS 50u
#define BACKOFF_MAX_MS 3000u
#define BACKOFF_STEADY_MS 60000u /* who was there for so long has not just come and gone */

/* Zeroed memory, but for the limit, is one that has lost nothing yet. */
struct backoff {
	unsigned max_ms;
	unsigned losses; /* since it was there for BACKOFF_STEADY_MS */
	unsigned wait_ms;
	uint64_t came_ms; /* 0: it is not there */
};

/* It is there, from now on. */
void backoff_came(struct backoff *backoff, uint64_t now);

/* It is gone, and it could not be had: when to try. */
uint64_t backoff_lost(struct backoff *backoff, uint64_t now);
uint64_t backoff_failed(struct backoff *backoff, uint64_t now);

#endif
