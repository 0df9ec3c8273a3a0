/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every key derivation engine that breaks the contract, naming the
 * rule. Each test is the behaviours of hil/kdf.h on the test chip with somebody between it and its
 * client who breaks one rule, until the first violation.
 */
#include <string.h>

#include "tests/hil/broken-chip.h"

BROKEN_ON_CHIP(kdf)

/* --- passing on, as it should be ------------------------------------------------------------- */

BROKEN_PASSES_WHOLE(kdf, pull_salt, uint8_t *)
BROKEN_PASSES_WHOLE(kdf, pull_key, uint8_t *)
BROKEN_PASSES_WHOLE(kdf, pull_label, uint8_t *)
BROKEN_PASSES_WHOLE(kdf, pull_info, uint8_t *)
BROKEN_PASSES(kdf, push_output, const uint8_t *)
BROKEN_PASSES_DONE(kdf)

static const struct kdf_client_ops good_ops = {
	.pull_salt = pull_salt,
	.pull_key = pull_key,
	.pull_label = pull_label,
	.pull_info = pull_info,
	.push_output = push_output,
	.done = done,
};

BROKEN_STARTS(kdf)

/* --- sabotage -------------------------------------------------------------------------------- */

BROKEN_WRONG_CURSOR(kdf)
BROKEN_READ_TWICE(kdf)
BROKEN_KEY_CROSSED(kdf)
BROKEN_DONE_MISSING(kdf)

/* As if there were no room to keep it: for the second block it is fetched anew. */
static ssize_t push_and_pull_info(struct kdf_client *client, const uint8_t *buf, size_t len,
				  size_t cursor)
{
	const struct kdf_request *request = &of_client(client)->request;
	uint8_t info[KDF_INFO_MAX];

	if (cursor > 0 && request->info_length)
		(void)pull_info(client, info, request->info_length);
	return push_output(client, buf, len, cursor);
}

static void alter_info_twice(struct kdf_client_ops *ops)
{
	ops->push_output = push_and_pull_info;
}

static int pull_salt_after_key(struct kdf_client *client, uint8_t *salt, size_t len)
{
	uint8_t key[KDF_KEY_SIZE_MAX];

	(void)pull_key(client, key, of_client(client)->request.key_size);
	return pull_salt(client, salt, len);
}

static void alter_key_first(struct kdf_client_ops *ops)
{
	ops->pull_salt = pull_salt_after_key;
}

static int pull_half_the_salt(struct kdf_client *client, uint8_t *salt, size_t len)
{
	int r = pull_salt(client, salt, len / 2);

	return r < 0 ? r : pull_salt(client, salt + len / 2, len - len / 2);
}

static void alter_half_the_salt(struct kdf_client_ops *ops)
{
	ops->pull_salt = pull_half_the_salt;
}

static int forget_the_label(struct kdf_client *client, uint8_t *label, size_t len)
{
	(void)client;
	memset(label, 0, len);
	return 0;
}

static void alter_no_label(struct kdf_client_ops *ops)
{
	ops->pull_label = forget_the_label;
}

/* Says that it is done when the last block is still to be given. */
static ssize_t keep_the_end(struct kdf_client *client, const uint8_t *buf, size_t len,
			    size_t cursor)
{
	if (cursor + len == of_client(client)->request.length)
		return (ssize_t)len;
	return push_output(client, buf, len, cursor);
}

static void alter_kept_end(struct kdf_client_ops *ops)
{
	ops->push_output = keep_the_end;
}

static ssize_t push_whole_block(struct kdf_client *client, const uint8_t *buf, size_t len,
				size_t cursor)
{
	uint8_t block[64] = {0};

	if (len == 32 || len > sizeof(block))
		return push_output(client, buf, len, cursor);
	memcpy(block, buf, len);
	return push_output(client, block, 32, cursor);
}

static void alter_whole_blocks(struct kdf_client_ops *ops)
{
	ops->push_output = push_whole_block;
}

static void alter_caps_without_sha1(struct kdf_caps *caps)
{
	caps->prfs[KDF_PBKDF2] &= ~(1u << MAC_HMAC_SHA1);
}

static void alter_caps_with_fewer_rounds(struct kdf_caps *caps)
{
	caps->rounds_max = 20000;
}

static void alter_caps_with_a_shorter_salt(struct kdf_caps *caps)
{
	caps->salt_max--;
}

/* --- the suite ------------------------------------------------------------------------------- */

BROKEN_ENGINE(struct broken, kdf, )
BROKEN_SUITE(kdf, HIL_KDF)

BREAKS(test_an_engine_that_pulls_the_key_twice_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_read_twice)
BREAKS(test_an_engine_that_pulls_info_for_every_block_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_info_twice)
BREAKS(test_an_engine_that_pulls_the_key_before_the_salt_breaks_WRONG_STEP, HIL_WRONG_STEP,
       .alter_ops = alter_key_first)
BREAKS(test_an_engine_that_does_without_the_label_breaks_WRONG_STEP, HIL_WRONG_STEP,
       .alter_ops = alter_no_label)
BREAKS(test_an_engine_that_pulls_the_salt_in_two_breaks_NOT_WHOLE, HIL_NOT_WHOLE,
       .alter_ops = alter_half_the_salt)
BREAKS(test_an_engine_that_keeps_the_end_of_the_output_breaks_INCOMPLETE, HIL_INCOMPLETE,
       .alter_ops = alter_kept_end)
BREAKS(test_an_engine_that_gives_whole_blocks_breaks_PULLED_TOO_MUCH, HIL_PULLED_TOO_MUCH,
       .alter_ops = alter_whole_blocks)
BREAKS(test_an_engine_that_leaves_a_gap_breaks_WRONG_CURSOR, HIL_WRONG_CURSOR,
       .alter_ops = alter_wrong_cursor)
BREAKS(test_an_engine_that_pulls_the_key_of_a_slot_breaks_KEY_CROSSED, HIL_KEY_CROSSED,
       .alter_caps = alter_caps_with_slots, .start = start_without_slots)
BREAKS(test_an_engine_that_takes_a_hash_it_has_not_breaks_CAPS_IGNORED, HIL_CAPS_IGNORED,
       .alter_caps = alter_caps_without_sha1)
BREAKS(test_an_engine_that_does_more_rounds_than_it_said_breaks_BAD_SIZE, HIL_BAD_SIZE,
       .alter_caps = alter_caps_with_fewer_rounds)
BREAKS(test_an_engine_that_takes_a_longer_salt_than_it_said_breaks_BAD_SIZE, HIL_BAD_SIZE,
       .alter_caps = alter_caps_with_a_shorter_salt)
BREAKS(test_an_engine_that_says_nothing_of_a_cancelled_request_breaks_DONE_MISSING,
       HIL_DONE_MISSING, .alter_ops = alter_done_missing)

static const struct test tests[] = {
	TEST(test_an_engine_that_pulls_the_key_twice_breaks_READ_TWICE),
	TEST(test_an_engine_that_pulls_info_for_every_block_breaks_READ_TWICE),
	TEST(test_an_engine_that_pulls_the_key_before_the_salt_breaks_WRONG_STEP),
	TEST(test_an_engine_that_does_without_the_label_breaks_WRONG_STEP),
	TEST(test_an_engine_that_pulls_the_salt_in_two_breaks_NOT_WHOLE),
	TEST(test_an_engine_that_keeps_the_end_of_the_output_breaks_INCOMPLETE),
	TEST(test_an_engine_that_gives_whole_blocks_breaks_PULLED_TOO_MUCH),
	TEST(test_an_engine_that_leaves_a_gap_breaks_WRONG_CURSOR),
	TEST(test_an_engine_that_pulls_the_key_of_a_slot_breaks_KEY_CROSSED),
	TEST(test_an_engine_that_takes_a_hash_it_has_not_breaks_CAPS_IGNORED),
	TEST(test_an_engine_that_does_more_rounds_than_it_said_breaks_BAD_SIZE),
	TEST(test_an_engine_that_takes_a_longer_salt_than_it_said_breaks_BAD_SIZE),
	TEST(test_an_engine_that_says_nothing_of_a_cancelled_request_breaks_DONE_MISSING),
	TEST(test_the_same_kdf_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, maker.name, tests, TESTS_COUNT(tests));
}
