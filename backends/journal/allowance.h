/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many lines each speaker may still write: an app, or all of a user's programs that are none.
 * It outlives connections, or a new connection would be a new burst. The table has a fixed size;
 * a speaker who has the whole burst left again needs no place in it.
 */
#ifndef PLUTON_BACKENDS_ALLOWANCE_H
#define PLUTON_BACKENDS_ALLOWANCE_H

#include "hil/console.h"

#define ALLOWANCES_MAX 512u /* speakers who have spent some of their burst */

struct allowance {
	uint64_t spent;	   /* of burst * (what a line costs), not yet paid back */
	uint64_t asked_us; /* when that was true */
	uint32_t uid;
	uint32_t suppressed; /* lines refused since the last one that was logged */
	char app[32];
	bool used;
};

/* Zeroed memory is an empty table. */
struct allowances {
	struct allowance entries[ALLOWANCES_MAX];
};

/*
 * One line of this speaker. 0: it is paid for. -PLUTON_EBUSY: over the rate, and counted.
 * -PLUTON_ENOMEM: the table is full of others.
 */
int allowance_take(struct allowances *allowances, const struct console_speaker *speaker,
		   const struct console_rate *rate);

/* How many of this speaker's lines were refused since this was asked last. */
uint32_t allowance_suppressed(struct allowances *allowances, const struct console_speaker *speaker);

#endif
