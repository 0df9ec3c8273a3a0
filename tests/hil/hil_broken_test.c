/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every engine that breaks the contract, naming the rule. Each test
 * here is the whole suite of AES behaviours on one broken engine, until the first violation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/broken.h"
#include "tests/hil/charges.h"
#include "tests/hil/scenarios.h"

static enum hil_rule rule_in_use;

static int open_broken(struct bench *bench)
{
	struct broken *broken;
	int r = broken_open(rule_in_use, &bench->deferred, &broken);

	if (r < 0)
		return r;
	bench->backend = broken;
	bench->inner[HIL_AES] = broken_engine(broken);
	return 0;
}

static void close_broken(struct bench *bench)
{
	broken_close(bench->backend);
}

static const struct bench_maker maker = {
	.name = "hil broken",
	.open = open_broken,
	.close = close_broken,
	.opens_sealed = true,
};

static void run_table(const struct behaviour *table, const struct bench_trial *trial)
{
	for (; table->name && trial->violations == 0; table++) {
		if ((table->kind == HIL_AES || table->kind == HIL_KINDS) &&
		    !table->needs_failing_engine)
			table->run();
	}
}

/* All but the vectors, which may not be there; the quick ones first. */
static void run_suite(enum hil_rule rule, struct bench_trial *trial)
{
	const struct behaviour *const tables[] = {
		refusal_behaviours, sharing_behaviours, trouble_behaviours, ctr_behaviours,
		aead_behaviours,    gcm_behaviours,	blocks_behaviours,  ccm_behaviours};

	rule_in_use = rule;
	bench_use(&maker);
	bench_trial_begin(trial);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run_table(tables[i], trial);
	bench_trial_end();
}

static void expect_caught(enum hil_rule rule)
{
	struct bench_trial trial;

	run_suite(rule, &trial);
	bench_trial_expect(&trial, rule);
	CU_ASSERT_EQUAL(trial.violations, trial.of_first);
}

/* clang-format off */
#define CATCHES(rule)                                                                              \
	static void test_an_engine_that_breaks_##rule##_is_caught_by_that_name(void)               \
	{                                                                                          \
		expect_caught(HIL_##rule);                                                         \
	}
#define RULES(apply)                                                                               \
	apply(SYNCHRONOUS_CALLBACK) apply(NESTED_CALLBACK) apply(WRONG_THREAD)                     \
	apply(START_FAILED_CALLBACK) apply(DONE_TWICE) apply(CALLBACK_AFTER_DONE)                  \
	apply(OVERLONG_COUNT) apply(WRONG_CURSOR) apply(NOT_WHOLE) apply(WRONG_STEP)               \
	apply(EMPTY_PULL) apply(PULLED_TWICE) apply(PULLED_TOO_MUCH) apply(INCOMPLETE)             \
	apply(ERROR_NOT_REPORTED) apply(LENT_AND_PULLED) apply(UNVERIFIED_PLAINTEXT)               \
	apply(READ_TWICE) apply(KEY_CROSSED) apply(STATE_MISSING) apply(CAPS_IGNORED)              \
	apply(BAD_SIZE) apply(DONE_MISSING)

RULES(CATCHES)
/* clang-format on */

static void test_the_same_engine_passes_when_it_breaks_nothing(void)
{
	struct bench_trial trial;

	run_suite(HIL_RULES, &trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

static void test_every_rule_has_a_broken_engine(void)
{
	struct deferred_queue deferred;

	deferred_queue_init(&deferred);
	for (enum hil_rule rule = 0; rule < HIL_RULES; rule++) {
		struct broken *broken;

		CU_ASSERT_EQUAL_FATAL(broken_open(rule, &deferred, &broken), 0);
		broken_close(broken);
	}
}

/* --- what the client of a broken engine sees ------------------------------------------------- */

static void run_scenario(struct bench *bench, const struct scenario *scenario, bool cancels)
{
	static struct material material;
	static struct client client;
	int r;

	scenario_set_up(scenario, bench, &material, &client, true);
	client.dones = 0;
	r = client_start(&client, bench_engine(bench, scenario->kind));
	if (r == 0 && cancels)
		client_cancel(&client);
	if (r == 0)
		bench_finish(bench, &client);
	while (bench_turn(bench, 64))
		;
	CU_ASSERT_EQUAL(client.dones, r == 0 ? 1 : 0);
	charges_drop_all();
}

static void test_the_client_of_any_broken_engine_gets_exactly_one_done(void)
{
	struct bench_trial trial;
	struct bench bench;

	bench_use(&maker);
	for (rule_in_use = 0; rule_in_use < HIL_RULES; rule_in_use++) {
		bench_trial_begin(&trial);
		bench_open(&bench);
		for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
			if (!scenario_fits(scenario, &bench))
				continue;
			run_scenario(&bench, scenario, false);
			run_scenario(&bench, scenario, true);
		}
		bench_close(&bench);
		bench_trial_end();
	}
}

/* clang-format off */
#define CATCHES_TEST(rule) TEST(test_an_engine_that_breaks_##rule##_is_caught_by_that_name),
/* clang-format on */

static const struct test tests[] = {
	RULES(CATCHES_TEST) TEST(test_the_same_engine_passes_when_it_breaks_nothing),
	TEST(test_every_rule_has_a_broken_engine),
	TEST(test_the_client_of_any_broken_engine_gets_exactly_one_done),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, maker.name, tests, TESTS_COUNT(tests));
}
