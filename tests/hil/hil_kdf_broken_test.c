/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every key derivation engine that breaks the contract, naming the
 * rule. Each test is the behaviours of hil/kdf.h on the test chip with somebody between it and its
 * client who breaks one rule, until the first violation.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/chip.h"

struct broken {
	struct kdf_engine engine;
	struct kdf_client client; /* the chip's */
	struct kdf_client_ops ops;
	struct chip *chip;
	struct kdf_engine *inner;
	struct kdf_client *outer; /* the operation under way */
	struct kdf_request request;
};

struct sabotage {
	void (*alter_ops)(struct kdf_client_ops *ops);
	void (*alter_caps)(struct kdf_caps *caps);
	bool bytes_for_slots;
};

static const struct sabotage *sabotage_in_use;

static struct broken *of_client(struct kdf_client *client)
{
	return (struct broken *)(void *)((char *)client - offsetof(struct broken, client));
}

/* --- passing on, as it should be ------------------------------------------------------------- */

#define PASS_ON(member)                                                                            \
	static int member(struct kdf_client *client, uint8_t *bytes, size_t len)                   \
	{                                                                                          \
		struct kdf_client *outer = of_client(client)->outer;                               \
                                                                                                   \
		return outer->ops->member(outer, bytes, len);                                      \
	}

PASS_ON(pull_salt)
PASS_ON(pull_key)
PASS_ON(pull_label)
PASS_ON(pull_info)

static ssize_t push_output(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct kdf_client *outer = of_client(client)->outer;

	return outer->ops->push_output(outer, buf, len, cursor);
}

static void done(struct kdf_client *client, int result)
{
	struct kdf_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result);
}

static const struct kdf_client_ops good_ops = {
	.pull_salt = pull_salt,
	.pull_key = pull_key,
	.pull_label = pull_label,
	.pull_info = pull_info,
	.push_output = push_output,
	.done = done,
};

static int start(struct kdf_engine *engine, const struct kdf_request *request,
		 struct kdf_client *client)
{
	struct broken *broken = (struct broken *)(void *)engine;
	struct kdf_request passed_on = *request;
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

static int cancel(struct kdf_engine *engine, struct kdf_client *client)
{
	struct broken *broken = (struct broken *)(void *)engine;

	if (broken->outer != client)
		return -PLUTON_EINVAL;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

/* --- sabotage -------------------------------------------------------------------------------- */

static int pull_key_twice(struct kdf_client *client, uint8_t *key, size_t len)
{
	int r = pull_key(client, key, len);

	return r < 0 ? r : pull_key(client, key, len);
}

static void alter_key_twice(struct kdf_client_ops *ops)
{
	ops->pull_key = pull_key_twice;
}

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

static ssize_t push_ahead(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	return push_output(client, buf, len, cursor + 1);
}

static void alter_wrong_cursor(struct kdf_client_ops *ops)
{
	ops->push_output = push_ahead;
}

static void done_unless_cancelled(struct kdf_client *client, int result)
{
	if (result != -PLUTON_ECANCEL)
		done(client, result);
}

static void alter_done_missing(struct kdf_client_ops *ops)
{
	ops->done = done_unless_cancelled;
}

static void alter_caps_with_slots(struct kdf_caps *caps)
{
	caps->key_slots = true;
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

static int open_broken(struct bench *bench)
{
	static const struct kdf_engine_ops ops = {start, cancel};
	const struct chip_options options = {.deferred = &bench->deferred,
					     .buffer = CHIP_BUFFER_SIZE};
	struct broken *broken = calloc(1, sizeof(*broken));

	if (!broken || chip_open(&options, &broken->chip) < 0)
		abort();
	broken->inner = (struct kdf_engine *)(void *)chip_engine(broken->chip, HIL_KDF);
	broken->engine = *broken->inner;
	broken->engine.ops = &ops;
	broken->ops = good_ops;
	broken->client.ops = &broken->ops;
	if (sabotage_in_use->alter_ops)
		sabotage_in_use->alter_ops(&broken->ops);
	if (sabotage_in_use->alter_caps)
		sabotage_in_use->alter_caps(&broken->engine.caps);
	bench->backend = broken;
	bench->inner[HIL_KDF] = &broken->engine.head;
	return 0;
}

static void close_broken(struct bench *bench)
{
	struct broken *broken = bench->backend;

	chip_close(broken->chip);
	free(broken);
}

static const struct bench_maker maker = {
	.name = "hil kdf broken",
	.open = open_broken,
	.close = close_broken,
};

static void run_suite(const struct sabotage *sabotage, struct bench_trial *trial)
{
	sabotage_in_use = sabotage;
	behaviours_try(&maker, kdf_behaviours, trial);
}

/* clang-format off */
#define BREAKS(test, rule, ...)                                                                    \
	static void test(void)                                                                     \
	{                                                                                          \
		static const struct sabotage sabotage = {__VA_ARGS__};                             \
		struct bench_trial trial;                                                          \
                                                                                                   \
		run_suite(&sabotage, &trial);                                                      \
		bench_trial_expect(&trial, rule);                                                  \
	}
/* clang-format on */

BREAKS(test_an_engine_that_pulls_the_key_twice_breaks_READ_TWICE, HIL_READ_TWICE,
       .alter_ops = alter_key_twice)
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
       .alter_caps = alter_caps_with_slots, .bytes_for_slots = true)
BREAKS(test_an_engine_that_takes_a_hash_it_has_not_breaks_CAPS_IGNORED, HIL_CAPS_IGNORED,
       .alter_caps = alter_caps_without_sha1)
BREAKS(test_an_engine_that_does_more_rounds_than_it_said_breaks_BAD_SIZE, HIL_BAD_SIZE,
       .alter_caps = alter_caps_with_fewer_rounds)
BREAKS(test_an_engine_that_takes_a_longer_salt_than_it_said_breaks_BAD_SIZE, HIL_BAD_SIZE,
       .alter_caps = alter_caps_with_a_shorter_salt)
BREAKS(test_an_engine_that_says_nothing_of_a_cancelled_request_breaks_DONE_MISSING,
       HIL_DONE_MISSING, .alter_ops = alter_done_missing)

static void test_the_same_kdf_engine_passes_when_it_breaks_nothing(void)
{
	static const struct sabotage none;
	struct bench_trial trial;

	run_suite(&none, &trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

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
