/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every ECC engine that breaks the contract, naming the rule. Each
 * test is the behaviours of hil/ecc.h on the test chip with somebody between it and its client who
 * breaks one rule, until the first violation.
 */
#include <string.h>

#include "tests/hil/broken-chip.h"

BROKEN_ON_CHIP(ecc)

/* --- passing on, as it should be ------------------------------------------------------------- */

BROKEN_PASSES(ecc, pull_input, uint8_t *)
BROKEN_PASSES_WHOLE(ecc, pull_key, uint8_t *)
BROKEN_PASSES_WHOLE(ecc, pull_public, uint8_t *)
BROKEN_PASSES_WHOLE(ecc, pull_signature, uint8_t *)
BROKEN_PASSES_WHOLE(ecc, push_key, const uint8_t *)
BROKEN_PASSES_WHOLE(ecc, push_public, const uint8_t *)
BROKEN_PASSES_WHOLE(ecc, push_signature, const uint8_t *)
BROKEN_PASSES_WHOLE(ecc, push_secret, const uint8_t *)
BROKEN_PASSES_DONE(ecc)

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

BROKEN_STARTS(ecc)
BROKEN_EXPLAINS(ecc)

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

BROKEN_READ_TWICE(ecc)
BROKEN_KEY_CROSSED(ecc)

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

static void alter_caps_with_one_curve(struct ecc_caps *caps)
{
	caps->curves = 1u << ECC_P256;
}

static void alter_caps_with_a_shorter_message(struct ecc_caps *caps)
{
	caps->message_max--;
}

/* --- the suite ------------------------------------------------------------------------------- */

BROKEN_ENGINE(struct broken, ecc, .why = why)
BROKEN_SUITE(ecc, HIL_ECC)

BREAKS(test_an_engine_that_pulls_what_it_signs_twice_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_two_passes)
BREAKS(test_an_engine_that_has_what_it_signs_lent_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_lent_to_sign)
BREAKS(test_an_engine_that_pulls_the_private_key_twice_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_read_twice)
BREAKS(test_an_engine_that_pulls_the_private_key_before_the_point_breaks_WRONG_STEP, HIL_WRONG_STEP,
       .alter_ops = alter_key_first)
BREAKS(test_an_engine_that_writes_a_byte_before_a_point_breaks_NOT_WHOLE, HIL_NOT_WHOLE,
       .alter_ops = alter_prefix)
BREAKS(test_an_engine_that_keeps_the_signature_breaks_INCOMPLETE, HIL_INCOMPLETE,
       .alter_ops = alter_kept_signature)
BREAKS(test_an_engine_that_pulls_the_key_of_a_slot_breaks_KEY_CROSSED, HIL_KEY_CROSSED,
       .alter_caps = alter_caps_with_slots, .start = start_without_slots)
BREAKS(test_an_engine_that_takes_a_curve_it_has_not_breaks_CAPS_IGNORED, HIL_CAPS_IGNORED,
       .alter_caps = alter_caps_with_one_curve)
BREAKS(test_an_engine_that_signs_more_than_it_said_breaks_BAD_SIZE, HIL_BAD_SIZE,
       .alter_caps = alter_caps_with_a_shorter_message)

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
