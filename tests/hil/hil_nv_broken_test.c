/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for NV memory names the rule that an engine breaks. Each test is the same
 * few operations on one broken engine.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/hil/broken_nv.h"
#include "tests/nv/bench.h"
#include "tests/suite.h"

static struct nv_bench bench;
static enum hil_rule rule_in_use;
static struct broken_nv *broken;

static struct hil_engine *break_engine(struct nv_bench *of, struct nv_engine *engine)
{
	(void)of;
	if (broken_nv_open(rule_in_use, engine, &broken) < 0)
		abort();
	return broken_nv_engine(broken);
}

/* What is cancelled before anything was pulled needs no worker: its done is there at once, or lost.
 */
static void run(struct nv_test_client *client, const struct nv_request *request, bool cancels)
{
	if (nv_client_start(&bench, client, request) < 0)
		return;
	if (cancels)
		bench.engine->ops->cancel(bench.engine, &client->client);
	while (nv_bench_step(&bench) || (client->dones == 0 && !cancels)) {
		if (client->dones == 0 && !bench.deferred.head && !cancels)
			nv_bench_wait(&bench);
	}
	if (client->dones == 0)
		checker_settle(bench.checker);
	CU_ASSERT_EQUAL(client->dones, 1);
}

static void put(struct nv_test_client client, size_t length, bool cancels)
{
	struct nv_request request = nv_request(&bench, NV_PUT, ALICE, "a");

	client.input = (const uint8_t *)"some data for it";
	request.length = length;
	run(&client, &request, cancels);
}

static void read_back(size_t length)
{
	static uint8_t output[8192];
	struct nv_request request = nv_request(&bench, NV_READ, ALICE, "a");
	struct nv_test_client client = {.output = output};

	request.length = length;
	run(&client, &request, false);
}

static void run_all(struct nv_trial *trial)
{
	*trial = (struct nv_trial){0};
	bench = (struct nv_bench){.wrap = break_engine, .trial = trial};
	nv_bench_open_wrapped(&bench);
	if (trial->violations == 0)
		put((struct nv_test_client){0}, 16, false);
	if (trial->violations == 0)
		put((struct nv_test_client){.piece = 3}, 16, false);
	if (trial->violations == 0)
		read_back(100);
	if (trial->violations == 0)
		put((struct nv_test_client){.fail_at = 1, .failure = -PLUTON_ENOACK}, 16, false);
	if (trial->violations == 0)
		put((struct nv_test_client){.fail_at = 1, .failure = 0}, 16, false);
	if (trial->violations == 0)
		put((struct nv_test_client){0}, 0, false);
	if (trial->violations == 0)
		put((struct nv_test_client){0}, 16, true);
	if (trial->violations == 0)
		read_back(4096);
	nv_bench_close(&bench);
	broken_nv_close(broken);
}

static void expect_caught(enum hil_rule rule)
{
	struct nv_trial trial;

	rule_in_use = rule;
	run_all(&trial);
	CU_ASSERT_FATAL(trial.violations > 0);
	CU_ASSERT_STRING_EQUAL(checker_rule_name(trial.first), checker_rule_name(rule));
}

/* clang-format off */
#define CATCHES(rule)                                                                              \
	static void test_an_nv_engine_that_breaks_##rule##_is_caught_by_that_name(void)            \
	{                                                                                          \
		expect_caught(HIL_##rule);                                                         \
	}
#define RULES(apply)                                                                               \
	apply(SYNCHRONOUS_CALLBACK) apply(DONE_TWICE) apply(CALLBACK_AFTER_DONE)                   \
	apply(OVERLONG_COUNT) apply(WRONG_CURSOR) apply(EMPTY_PULL) apply(PULLED_TWICE)            \
	apply(INCOMPLETE) apply(ERROR_NOT_REPORTED) apply(BAD_SIZE) apply(DONE_MISSING)

RULES(CATCHES)
/* clang-format on */

static void test_the_same_nv_engine_passes_when_it_breaks_nothing(void)
{
	struct nv_trial trial;

	rule_in_use = HIL_RULES;
	run_all(&trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
}

/* clang-format off */
#define CATCHES_TEST(rule) TEST(test_an_nv_engine_that_breaks_##rule##_is_caught_by_that_name),
/* clang-format on */

static const struct test tests[] = {
	RULES(CATCHES_TEST) TEST(test_the_same_nv_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hil nv broken", tests, TESTS_COUNT(tests));
}
