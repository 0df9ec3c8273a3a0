/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket for each speaker. The rule a newcomer would break first: only one who has the
 * whole burst left may be forgotten, or filling the table would be a way to a new burst.
 */
#include "backends/journal/allowance.h"

#include <string.h>

/*
 * What a line costs. Every microsecond pays back lines_per_minute of it, so that a minute pays for
 * exactly so many lines.
 */
#define LINE_COST UINT64_C(60000000)

/* An app is itself whoever it runs as, and none of its user's other programs. */
static bool is_of(const struct allowance *allowance, const struct console_speaker *speaker)
{
	if (!allowance->used || strcmp(allowance->app, speaker->app) != 0)
		return false;
	return *speaker->app || allowance->uid == speaker->uid;
}

static struct allowance *find(struct allowances *allowances, const struct console_speaker *speaker)
{
	for (unsigned i = 0; i < ALLOWANCES_MAX; i++) {
		if (is_of(&allowances->entries[i], speaker))
			return &allowances->entries[i];
	}
	return NULL;
}

static uint64_t still_owed(const struct allowance *allowance, const struct console_rate *rate)
{
	uint64_t passed_us = rate->now_us - allowance->asked_us;

	/* Compared before it is multiplied: years may have passed. */
	if (passed_us > allowance->spent / rate->lines_per_minute)
		return 0;
	return allowance->spent - passed_us * rate->lines_per_minute;
}

/* A place that nobody needs; one of whom there is nothing left to tell, if there is one. */
static struct allowance *find_room(struct allowances *allowances, const struct console_rate *rate)
{
	struct allowance *room = NULL;

	for (unsigned i = 0; i < ALLOWANCES_MAX; i++) {
		struct allowance *allowance = &allowances->entries[i];

		if (!allowance->used)
			return allowance;
		if (still_owed(allowance, rate) == 0 && (!room || room->suppressed))
			room = allowance;
	}
	return room;
}

static struct allowance *make(struct allowances *allowances, const struct console_speaker *speaker,
			      const struct console_rate *rate)
{
	struct allowance *allowance = find_room(allowances, rate);

	if (!allowance)
		return NULL;
	*allowance = (struct allowance){.uid = speaker->uid, .used = true};
	memcpy(allowance->app, speaker->app, sizeof(allowance->app));
	return allowance;
}

int allowance_take(struct allowances *allowances, const struct console_speaker *speaker,
		   const struct console_rate *rate)
{
	struct allowance *allowance = find(allowances, speaker);

	if (!allowance)
		allowance = make(allowances, speaker, rate);
	if (!allowance)
		return -PLUTON_ENOMEM;
	allowance->spent = still_owed(allowance, rate);
	allowance->asked_us = rate->now_us;
	if (allowance->spent + LINE_COST > rate->burst * LINE_COST) {
		allowance->suppressed += allowance->suppressed < UINT32_MAX;
		return -PLUTON_EBUSY;
	}
	allowance->spent += LINE_COST;
	return 0;
}

uint32_t allowance_suppressed(struct allowances *allowances, const struct console_speaker *speaker)
{
	struct allowance *allowance = find(allowances, speaker);
	uint32_t suppressed = allowance ? allowance->suppressed : 0;

	if (allowance)
		allowance->suppressed = 0;
	return suppressed;
}
