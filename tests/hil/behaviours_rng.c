/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of random number generators.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

static void test_random_gives_exactly_what_was_asked_at_every_chunking(void)
{
	static const size_t lengths[] = {1, 2, 15, 16, 17, 255, 256, 257, 1000, 4096, 5000};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
			material_random(&m, &client, lengths[i]);
			client.push_chunk = chunkings[chunk];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(client.pushed == lengths[i]);
			EXPECT(m.output[lengths[i]] == UNTOUCHED);
		}
	}
	bench_close(&bench);
}

static void test_random_of_no_bytes_pushes_nothing(void)
{
	struct bench bench;

	bench_open(&bench);
	material_random(&m, &client, 0);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.callbacks == 0);
	bench_close(&bench);
}

static void test_random_is_different_each_time(void)
{
	uint8_t first[32];
	struct bench bench;

	bench_open(&bench);
	material_random(&m, &client, sizeof(first));
	EXPECT(bench_run(&bench, &client) == 0);
	memcpy(first, m.output, sizeof(first));
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(memcmp(first, m.output, sizeof(first)) != 0);
	EXPECT(memcmp(first, first + 16, 16) != 0);
	bench_close(&bench);
}

static void test_random_over_the_limit_is_size_and_at_the_limit_is_served(void)
{
	struct bench bench;
	size_t max;

	bench_open(&bench);
	max = bench_rng_caps(&bench)->request_max;
	material_random(&m, &client, max + 1);
	EXPECT(max == SIZE_MAX || bench_run(&bench, &client) == -PLUTON_ESIZE);
	if (max <= MATERIAL_MAX) {
		material_random(&m, &client, max);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(client.pushed == max);
	}
	bench_close(&bench);
}

const struct behaviour rng_behaviours[] = {
	BEHAVIOUR(HIL_RNG, test_random_gives_exactly_what_was_asked_at_every_chunking),
	BEHAVIOUR(HIL_RNG, test_random_of_no_bytes_pushes_nothing),
	BEHAVIOUR(HIL_RNG, test_random_is_different_each_time),
	BEHAVIOUR(HIL_RNG, test_random_over_the_limit_is_size_and_at_the_limit_is_served),
	{NULL, NULL, HIL_RNG, false, 0},
};
