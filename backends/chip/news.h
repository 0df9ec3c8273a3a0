/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal is told of a chip: everything, until it comes and goes. Then that, and after it
 * one line in ten minutes; and once it has been quiet for a minute, how it stands. Pure: the time
 * is the caller's, CLOCK_MONOTONIC in ms.
 */
#ifndef PLUTON_CHIP_NEWS_H
#define PLUTON_CHIP_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#define NEWS_BURST 5u	      /* troubles that are told, each within a minute of the one before */
#define NEWS_QUIET_MS 60000u  /* without trouble for so long: it is over */
#define NEWS_AGAIN_MS 600000u /* how often is told what goes on and on */

/* Zeroed memory is a chip that nothing was heard of. */
struct news {
	unsigned troubles; /* since it was quiet */
	unsigned untold;   /* lines, since the last one */
	uint64_t trouble_ms;
	uint64_t told_ms;
};

/* What is to be done with a line about something that went wrong, or about something else. */
enum news_telling {
	NEWS_UNTOLD = 0,
	NEWS_TOLD,
	NEWS_TOLD_LAST, /* and with it that there will be less of them */
	NEWS_TOLD_AGAIN /* and with it how many were not: news_untold */
};

enum news_telling news_trouble(struct news *news, uint64_t now);
enum news_telling news_good(struct news *news, uint64_t now);

/* How many lines were not told since the last time this was asked. */
unsigned news_untold(struct news *news);

/* When to call news_tick, 0: not. true: it is quiet again, and its present state is to be told. */
uint64_t news_deadline(const struct news *news);
bool news_tick(struct news *news, uint64_t now);

#endif
