/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are shorter than the clock can tell are timed many at once; the number is found
 * before the race, which also warms everything up.
 */
#include "bench/race.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/program.h"

#define ROUNDS_MIN 5u
#define ROUNDS_MAX 1001u
#define CALLS_MAX 100000u

uint64_t race_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t time_calls(const struct contestant *contestant, size_t calls)
{
	uint64_t start = race_now_ns();

	for (size_t i = 0; i < calls; i++)
		contestant->run(contestant->context);
	return race_now_ns() - start;
}

static size_t calls_for(const struct contestant *contestant, uint64_t sample_ns)
{
	size_t calls = 1;

	(void)time_calls(contestant, 2);
	while (calls < CALLS_MAX && time_calls(contestant, calls) < sample_ns)
		calls *= 2;
	return calls;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static double quantile_of(double *values, size_t count, double quantile)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(size_t)((double)(count - 1) * quantile)];
}

double median_of(double *values, size_t count)
{
	return quantile_of(values, count, 0.5);
}

static double *numbers(size_t count)
{
	double *values = calloc(count, sizeof(*values));

	if (!values)
		program_fail("no memory for %zu figures", count);
	return values;
}

static double median_of_copy(const double *values, size_t count)
{
	double *copy = numbers(count);
	double median;

	memcpy(copy, values, count * sizeof(*copy));
	median = median_of(copy, count);
	free(copy);
	return median;
}

static void run_turn(struct race *race, struct contestant *contestant)
{
	double *samples = contestant->samples + race->rounds * race->samples_per_round;

	for (size_t i = 0; i < race->samples_per_round; i++)
		samples[i] = (double)time_calls(contestant, contestant->calls) /
			     (double)contestant->calls;
	contestant->medians[race->rounds] = median_of_copy(samples, race->samples_per_round);
}

void race_run(struct race *race)
{
	uint64_t end;

	race->rounds = 0;
	for (size_t i = 0; i < race->count; i++) {
		struct contestant *contestant = &race->contestants[i];

		contestant->samples = numbers(ROUNDS_MAX * race->samples_per_round);
		contestant->medians = numbers(ROUNDS_MAX);
		contestant->calls = calls_for(contestant, race->sample_ns);
	}
	end = race_now_ns() + race->budget_ns;
	while (race->rounds < ROUNDS_MIN || (race->rounds < ROUNDS_MAX && race_now_ns() < end)) {
		for (size_t i = 0; i < race->count; i++)
			run_turn(race, &race->contestants[i]);
		race->rounds++;
		program_check_signals();
	}
}

void race_free(struct race *race)
{
	for (size_t i = 0; i < race->count; i++) {
		free(race->contestants[i].samples);
		free(race->contestants[i].medians);
	}
}

double race_quantile(const struct race *race, size_t contestant, double quantile)
{
	size_t count = race->rounds * race->samples_per_round;
	double *copy = numbers(count);
	double value;

	memcpy(copy, race->contestants[contestant].samples, count * sizeof(*copy));
	value = quantile_of(copy, count, quantile);
	free(copy);
	return value;
}

double race_ratio(const struct race *race, size_t contestant, size_t base)
{
	double *ratios = numbers(race->rounds);
	double ratio;

	for (size_t i = 0; i < race->rounds; i++)
		ratios[i] = race->contestants[contestant].medians[i] /
			    race->contestants[base].medians[i];
	ratio = median_of(ratios, race->rounds);
	free(ratios);
	return ratio;
}
