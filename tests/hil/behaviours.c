/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All behaviours in one list of named tests.
 */
#include "tests/hil/behaviours.h"

#define TESTS_MAX 200u

static const struct behaviour *const behaviour_tables[] = {
	rng_behaviours,	    digest_behaviours,
	ctr_behaviours,	    gcm_behaviours,
	refusal_behaviours, trouble_behaviours,
	sharing_behaviours, vector_behaviours,
	rsa_behaviours,	    NULL,
};

const size_t chunkings[CHUNKINGS] = {1, 2, 3, 15, 16, 17, 31, 64, 255, 256, 257, 4096, 0};

/* Which HILs the maker's engines have, a bit for each. */
static uint32_t kinds_of(void)
{
	uint32_t kinds = 1u << HIL_KINDS;
	struct bench bench;

	bench_open(&bench);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		kinds |= bench.inner[kind] ? 1u << kind : 0;
	bench_close(&bench);
	return kinds;
}

static size_t collect(const struct bench_maker *maker, uint32_t kinds,
		      const struct behaviour *table, struct test *tests, size_t count)
{
	for (; table->name && count < TESTS_MAX; table++) {
		if (table->needs_failing_engine && !maker->fail_at)
			continue;
		if (!(kinds >> table->kind & 1))
			continue;
		tests[count++] = (struct test){table->name, table->run};
	}
	return count;
}

int behaviours_main(int argc, char **argv, const struct bench_maker *maker)
{
	static struct test tests[TESTS_MAX];
	size_t count = 0;
	uint32_t kinds;

	bench_use(maker);
	kinds = kinds_of();
	for (size_t i = 0; behaviour_tables[i]; i++)
		count = collect(maker, kinds, behaviour_tables[i], tests, count);
	return suite_main(argc, argv, maker->name, tests, count);
}
