/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every ECC engine that breaks the contract, naming the rule. Each
 * test is the behaviours of hil/ecc.h on the test chip with somebody between it and its client who
 * breaks one rule, until the first violation.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/chip.h"

struct broken {
	struct ecc_engine engine;
	struct ecc_client client; /* the chip's */
	struct ecc_client_ops ops;
	struct chip *chip;
	struct ecc_engine *inner;
	struct ecc_client *outer; /* the operation under way */
	struct ecc_request request;
};

struct sabotage {
	void (*alter_ops)(struct ecc_client_ops *ops);
	void (*alter_caps)(struct ecc_caps *caps);
	bool bytes_for_slots;
};

static const struct sabotage *sabotage_in_use;

static struct broken *of_client(struct ecc_client *client)
{
	return (struct broken *)(void *)((char *)client - offsetof(struct broken, client));
}

/* --- passing on, as it should be ------------------------------------------------------------- */

static ssize_t pull_input(struct ecc_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct ecc_client *outer = of_client(client)->outer;

	return outer->ops->pull_input(outer, buf, len, cursor);
}

#define PASS_ON(member, bytes_type)                                                                \
	static int member(struct ecc_client *client, bytes_type bytes, size_t len)                 \
	{                                                                                          \
		struct ecc_client *outer = of_client(client)->outer;                               \
                                                                                                   \
		return outer->ops->member(outer, bytes, len);                                      \
	}

PASS_ON(pull_key, uint8_t *)
PASS_ON(pull_public, uint8_t *)
PASS_ON(pull_signature, uint8_t *)
PASS_ON(push_key, const uint8_t *)
PASS_ON(push_public, const uint8_t *)
PASS_ON(push_signature, const uint8_t *)
PASS_ON(push_secret, const uint8_t *)

static void done(struct ecc_client *client, int result)
{
	struct ecc_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result);
}

static const struct ecc_client_ops good_ops = {
	.pull_input = pull_input,
	.pull_key = pull_key,
	.pull_public = pull_public,
	.pull_signature = pull_signature,
	.push_key = push_key,
	.push_public = push_public,
	.push_signature = push_signature,
	.push_secret = push_secret,
	.done = done,
};

static int start(struct ecc_engine *engine, const struct ecc_request *request,
		 struct ecc_client *client)
{
	struct broken *broken = (struct broken *)(void *)engine;
	struct ecc_request passed_on = *request;
	int r;

	if (sabotage_in_use->bytes_for_slots)
		passed_on.key.kind = HIL_KEY_BYTES;
	r = broken->inner->ops->start(broken->inner, &passed_on, &broken->client);
	if (r < 0)
		return r;
	broken->outer = client;
	broken->request = *request;
	return 0;
}

static int cancel(struct ecc_engine *engine, struct ecc_client *client)
{
	struct broken *broken = (struct broken *)(void *)engine;

	if (broken->outer != client)
		return -PLUTON_EINVAL;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

static const char *why(struct ecc_engine *engine)
{
	struct broken *broken = (struct broken *)(void *)engine;

	return broken->inner->ops->why(broken->inner);
}

/* --- sabotage -------------------------------------------------------------------------------- */

/* One pass for the nonce, one for the signature: what Ed25519 does to memory that is not its own.
 */
static ssize_t pull_input_for_two_passes(struct ecc_client *client, uint8_t *buf, size_t len,
					 size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);
	bool signs = of_client(client)->request.action == ECC_SIGN;

	return n > 0 && signs ? pull_input(client, buf, (size_t)n, cursor) : n;
}

static void alter_two_passes(struct ecc_client_ops *ops)
{
	ops->pull_input = pull_input_for_two_passes;
}

static ssize_t lend_input_to_sign(struct ecc_client *client, uint8_t *buf, size_t len,
				  size_t cursor)
{
	const struct broken *broken = of_client(client);
	struct ecc_client *outer = broken->outer;
	const uint8_t *memory = NULL;
	size_t lent;

	if (broken->request.action == ECC_SIGN && outer->ops->lend_input)
		memory = outer->ops->lend_input(outer, cursor, &lent);
	if (!memory)
		return pull_input(client, buf, len, cursor);
	memcpy(buf, memory, lent < len ? lent : len);
	return (ssize_t)(lent < len ? lent : len);
}

static void alter_lent_to_sign(struct ecc_client_ops *ops)
{
	ops->pull_input = lend_input_to_sign;
}

static int pull_key_twice(struct ecc_client *client, uint8_t *key, size_t len)
{
	int r = pull_key(client, key, len);

	return r < 0 ? r : pull_key(client, key, len);
}

static void alter_key_twice(struct ecc_client_ops *ops)
{
	ops->pull_key = pull_key_twice;
}

/* The secret is there before anybody looked at what the peer sent. */
static int pull_public_after_key(struct ecc_client *client, uint8_t *public, size_t len)
{
	uint8_t key[ECC_KEY_SIZE_MAX];
	const struct ecc_request *request = &of_client(client)->request;

	if (request->action == ECC_AGREE)
		(void)pull_key(client, key, ecc_key_size(request->curve));
	return pull_public(client, public, len);
}

static void alter_key_first(struct ecc_client_ops *ops)
{
	ops->pull_public = pull_public_after_key;
}

static int push_with_prefix(struct ecc_client *client, const uint8_t *public, size_t len)
{
	uint8_t point[1 + ECC_PUBLIC_SIZE_MAX] = {4};

	memcpy(point + 1, public, len);
	return push_public(client, point, 1 + len);
}

static void alter_prefix(struct ecc_client_ops *ops)
{
	ops->push_public = push_with_prefix;
}

static int keep_signature(struct ecc_client *client, const uint8_t *signature, size_t len)
{
	(void)client;
	(void)signature;
	(void)len;
	return 0;
}

static void alter_kept_signature(struct ecc_client_ops *ops)
{
	ops->push_signature = keep_signature;
}

static void alter_caps_with_slots(struct ecc_caps *caps)
{
	caps->key_slots = true;
}

static void alter_caps_with_one_curve(struct ecc_caps *caps)
{
	caps->curves = 1u << ECC_P256;
}

static void alter_caps_with_a_shorter_message(struct ecc_caps *caps)
{
	caps->message_max--;
}

/* --- the suite ------------------------------------------------------------------------------- */

static int open_broken(struct bench *bench)
{
	static const struct ecc_engine_ops ops = {start, cancel, why};
	const struct chip_options options = {.deferred = &bench->deferred,
					     .buffer = CHIP_BUFFER_SIZE};
	struct broken *broken = calloc(1, sizeof(*broken));

	if (!broken || chip_open(&options, &broken->chip) < 0)
		abort();
	broken->inner = (struct ecc_engine *)(void *)chip_engine(broken->chip, HIL_ECC);
	broken->engine = *broken->inner;
	broken->engine.ops = &ops;
	broken->ops = good_ops;
	broken->client.ops = &broken->ops;
	if (sabotage_in_use->alter_ops)
		sabotage_in_use->alter_ops(&broken->ops);
	if (sabotage_in_use->alter_caps)
		sabotage_in_use->alter_caps(&broken->engine.caps);
	bench->backend = broken;
	bench->inner[HIL_ECC] = &broken->engine.head;
	return 0;
}

static void close_broken(struct bench *bench)
{
	struct broken *broken = bench->backend;

	chip_close(broken->chip);
	free(broken);
}

static const struct bench_maker maker = {
	.name = "hil ecc broken",
	.open = open_broken,
	.close = close_broken,
};

static void run_suite(const struct sabotage *sabotage, struct bench_trial *trial)
{
	sabotage_in_use = sabotage;
	behaviours_try(&maker, ecc_behaviours, trial);
}

static void expect_caught(enum hil_rule rule, struct sabotage sabotage)
{
	struct bench_trial trial;

	run_suite(&sabotage, &trial);
	bench_trial_expect(&trial, rule);
}

static void test_an_engine_that_pulls_what_it_signs_twice_breaks_READ_TWICE(void)
{
	expect_caught(HIL_READ_TWICE, (struct sabotage){.alter_ops = alter_two_passes});
}

static void test_an_engine_that_has_what_it_signs_lent_breaks_READ_TWICE(void)
{
	expect_caught(HIL_READ_TWICE, (struct sabotage){.alter_ops = alter_lent_to_sign});
}

static void test_an_engine_that_pulls_the_private_key_twice_breaks_READ_TWICE(void)
{
	expect_caught(HIL_READ_TWICE, (struct sabotage){.alter_ops = alter_key_twice});
}

static void test_an_engine_that_pulls_the_private_key_before_the_point_breaks_WRONG_STEP(void)
{
	expect_caught(HIL_WRONG_STEP, (struct sabotage){.alter_ops = alter_key_first});
}

static void test_an_engine_that_writes_a_byte_before_a_point_breaks_NOT_WHOLE(void)
{
	expect_caught(HIL_NOT_WHOLE, (struct sabotage){.alter_ops = alter_prefix});
}

static void test_an_engine_that_keeps_the_signature_breaks_INCOMPLETE(void)
{
	expect_caught(HIL_INCOMPLETE, (struct sabotage){.alter_ops = alter_kept_signature});
}

static void test_an_engine_that_pulls_the_key_of_a_slot_breaks_KEY_CROSSED(void)
{
	expect_caught(HIL_KEY_CROSSED, (struct sabotage){.alter_caps = alter_caps_with_slots,
							 .bytes_for_slots = true});
}

static void test_an_engine_that_takes_a_curve_it_has_not_breaks_CAPS_IGNORED(void)
{
	expect_caught(HIL_CAPS_IGNORED, (struct sabotage){.alter_caps = alter_caps_with_one_curve});
}

static void test_an_engine_that_signs_more_than_it_said_breaks_BAD_SIZE(void)
{
	expect_caught(HIL_BAD_SIZE,
		      (struct sabotage){.alter_caps = alter_caps_with_a_shorter_message});
}

static void test_the_same_ecc_engine_passes_when_it_breaks_nothing(void)
{
	static const struct sabotage none;
	struct bench_trial trial;

	run_suite(&none, &trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

static const struct test tests[] = {
	TEST(test_an_engine_that_pulls_what_it_signs_twice_breaks_READ_TWICE),
	TEST(test_an_engine_that_has_what_it_signs_lent_breaks_READ_TWICE),
	TEST(test_an_engine_that_pulls_the_private_key_twice_breaks_READ_TWICE),
	TEST(test_an_engine_that_pulls_the_private_key_before_the_point_breaks_WRONG_STEP),
	TEST(test_an_engine_that_writes_a_byte_before_a_point_breaks_NOT_WHOLE),
	TEST(test_an_engine_that_keeps_the_signature_breaks_INCOMPLETE),
	TEST(test_an_engine_that_pulls_the_key_of_a_slot_breaks_KEY_CROSSED),
	TEST(test_an_engine_that_takes_a_curve_it_has_not_breaks_CAPS_IGNORED),
	TEST(test_an_engine_that_signs_more_than_it_said_breaks_BAD_SIZE),
	TEST(test_the_same_ecc_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, maker.name, tests, TESTS_COUNT(tests));
}
