/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All behaviours in one list of named tests.
 */
#include "tests/hil/behaviours.h"

#define TESTS_MAX 300u

static const struct behaviour *const behaviour_tables[] = {
	rng_behaviours,	    digest_behaviours,	blocks_behaviours,
	ctr_behaviours,	    aead_behaviours,	gcm_behaviours,
	ccm_behaviours,	    mac_behaviours,	refusal_behaviours,
	trouble_behaviours, sharing_behaviours, vector_behaviours,
	nist_behaviours,    ecc_behaviours,	rsa_behaviours,
	kdf_behaviours,	    hwkey_behaviours,	NULL,
};

const size_t chunkings[CHUNKINGS] = {1, 2, 3, 15, 16, 17, 31, 64, 255, 256, 257, 4096, 0};

static size_t collect(const struct bench_maker *maker, const struct behaviour *table,
		      struct test *tests, size_t count)
{
	for (; table->name && count < TESTS_MAX; table++) {
		if (table->needs_failing_engine && !maker->fail_at)
			continue;
		if (maker->lacks & (1u << table->kind) || maker->lacks_modes & table->modes)
			continue;
		tests[count++] = (struct test){table->name, table->run};
	}
	return count;
}

int behaviours_main(int argc, char **argv, const struct bench_maker *maker)
{
	static struct test tests[TESTS_MAX];
	size_t count = 0;

	bench_use(maker);
	for (size_t i = 0; behaviour_tables[i]; i++)
		count = collect(maker, behaviour_tables[i], tests, count);
	return suite_main(argc, argv, maker->name, tests, count);
}

void behaviours_try(const struct bench_maker *maker, const struct behaviour *table,
		    struct bench_trial *trial)
{
	bench_use(maker);
	bench_trial_begin(trial);
	for (; table->name && trial->violations == 0; table++)
		table->run();
	bench_trial_end();
}
