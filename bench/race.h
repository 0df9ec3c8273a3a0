/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A race: the same work done in different ways, in turns, A B A B. A machine's clock rate and its
 * other users change within seconds; what two neighbours of one round say about each other stays.
 */
#ifndef PLUTON_BENCH_RACE_H
#define PLUTON_BENCH_RACE_H

#include <stddef.h>
#include <stdint.h>

#define RACE_CONTESTANTS_MAX 4

struct contestant {
	void (*run)(void *context);
	void *context;
	/* results */
	size_t calls;	 /* of run in one sample */
	double *samples; /* nanoseconds of one call, round by round */
	double *medians; /* of each round */
};

struct race {
	struct contestant contestants[RACE_CONTESTANTS_MAX];
	size_t count;
	size_t samples_per_round; /* of each contestant, one after the other */
	uint64_t sample_ns;	  /* a sample is so many calls that it takes this long; 0: one */
	uint64_t budget_ns;	  /* of the whole race; a few rounds are run in any case */
	size_t rounds;		  /* a result */
};

/* Runs it. Then the results stand until race_free. */
void race_run(struct race *race);
void race_free(struct race *race);

/* Nanoseconds of one call: of the contestant's samples, the one at `quantile` (0.5: the median). */
double race_quantile(const struct race *race, size_t contestant, double quantile);

/* How many times as long as `base` the contestant takes: the median over all rounds. */
double race_ratio(const struct race *race, size_t contestant, size_t base);

/* CLOCK_MONOTONIC. */
uint64_t race_now_ns(void);

/* Sorts them. */
double median_of(double *values, size_t count);

#endif
