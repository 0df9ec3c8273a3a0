/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for RSA names the rule that an engine breaks. Each test is the same few
 * operations on one broken engine, until the first violation.
 */
#include "tests/hil/behaviours.h"
#include "tests/hil/broken_rsa.h"
#include "tests/hil/hogweed.h"
#include "tests/hil/scenarios.h"

static enum hil_rule rule_in_use;
static struct hogweed *hogweed;
static struct material material;
static struct client client;

static int open_broken(struct bench *bench)
{
	struct broken_rsa *broken;
	int r = hogweed_open(&bench->deferred, &hogweed);

	if (r < 0)
		return r;
	r = broken_rsa_open(rule_in_use, hogweed_engine(hogweed), &broken);
	if (r < 0)
		return r;
	bench->backend = broken;
	bench->inner[HIL_RSA] = broken_rsa_engine(broken);
	return 0;
}

static void close_broken(struct bench *bench)
{
	broken_rsa_close(bench->backend);
	hogweed_close(hogweed);
}

static const struct bench_maker maker = {
	.name = "hil rsa broken", .open = open_broken, .close = close_broken};

static int run(struct bench *bench, enum trouble trouble)
{
	client.trouble = trouble;
	client.trouble_at = trouble ? RSA_PARTS + 1 : 0; /* the first piece of the input */
	client.trouble_error = -PLUTON_ENOACK;
	return bench_run(bench, &client);
}

static void sign(struct bench *bench, enum rsa_padding padding, enum trouble trouble)
{
	material_rsa(&material, &client, RSA_SIGN, padding);
	run(bench, trouble);
}

static void sign_with_a_slot(struct bench *bench)
{
	material_rsa(&material, &client, RSA_SIGN, RSA_PKCS1);
	client.rsa_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 3};
	run(bench, TROUBLE_NONE);
}

static void sign_and_cancel(struct bench *bench)
{
	material_rsa(&material, &client, RSA_SIGN, RSA_PKCS1);
	if (client_start(&client, bench_engine(bench, HIL_RSA)) < 0)
		return;
	client_cancel(&client);
	bench_finish(bench, &client);
}

static void run_all(struct bench_trial *trial)
{
	struct bench bench;

	bench_use(&maker);
	bench_trial_begin(trial);
	bench_open(&bench);
	sign(&bench, RSA_PKCS1, TROUBLE_NONE);
	if (trial->violations == 0)
		sign(&bench, RSA_PSS, TROUBLE_NONE);
	if (trial->violations == 0)
		sign(&bench, RSA_PKCS1, TROUBLE_ERROR);
	if (trial->violations == 0)
		sign(&bench, RSA_PKCS1, TROUBLE_TOO_MUCH);
	if (trial->violations == 0)
		sign_with_a_slot(&bench);
	if (trial->violations == 0)
		sign_and_cancel(&bench);
	bench_close(&bench);
	bench_trial_end();
}

static void expect_caught(enum hil_rule rule)
{
	struct bench_trial trial;

	rule_in_use = rule;
	run_all(&trial);
	bench_trial_expect(&trial, rule);
	CU_ASSERT_EQUAL(trial.violations, trial.of_first);
}

/* clang-format off */
#define CATCHES(rule)                                                                              \
	static void test_an_rsa_engine_that_breaks_##rule##_is_caught_by_that_name(void)           \
	{                                                                                          \
		expect_caught(HIL_##rule);                                                         \
	}
#define RULES(apply)                                                                               \
	apply(SYNCHRONOUS_CALLBACK) apply(DONE_TWICE) apply(CALLBACK_AFTER_DONE)                   \
	apply(OVERLONG_COUNT) apply(WRONG_CURSOR) apply(NOT_WHOLE) apply(WRONG_STEP)               \
	apply(PULLED_TWICE) apply(INCOMPLETE) apply(ERROR_NOT_REPORTED) apply(READ_TWICE)          \
	apply(KEY_CROSSED) apply(CAPS_IGNORED) apply(BAD_SIZE) apply(DONE_MISSING)

RULES(CATCHES)
/* clang-format on */

static void test_the_same_rsa_engine_passes_when_it_breaks_nothing(void)
{
	struct bench_trial trial;

	rule_in_use = HIL_RULES;
	run_all(&trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

/* clang-format off */
#define CATCHES_TEST(rule) TEST(test_an_rsa_engine_that_breaks_##rule##_is_caught_by_that_name),
/* clang-format on */

static const struct test tests[] = {
	RULES(CATCHES_TEST) TEST(test_the_same_rsa_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, maker.name, tests, TESTS_COUNT(tests));
}
