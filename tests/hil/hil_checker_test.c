/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker itself: what it hands on, what it reports, and its digest, rng, MAC and AES
 * halves on engines that do nothing but what each test tells them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/bench.h"
#include "tests/hil/chip.h"
#include "tests/hil/material.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

static struct material m;
static struct client client;

/* --- engines that are told what to do -------------------------------------------------------- */

/* The script runs from a deferred call; it calls the client and ends with done, or does not. */
static struct {
	struct digest_engine digest;
	struct rng_engine rng;
	struct mac_engine mac;
	struct aes_engine aes;
	struct deferred_call call;
	struct digest_client *digest_client;
	struct rng_client *rng_client;
	struct mac_client *mac_client;
	struct aes_client *aes_client;
	void (*run)(void);
} script;

static struct deferred_queue deferred;
static struct hil_engine *checked;
static enum hil_rule reported;
static unsigned reports;

static int start_digest(struct digest_engine *engine, const struct digest_request *request,
			struct digest_client *digest_client)
{
	(void)request;
	(void)engine;
	script.digest_client = digest_client;
	deferred_call_set(&script.call);
	return 0;
}

static int start_rng(struct rng_engine *engine, const struct rng_request *request,
		     struct rng_client *rng_client)
{
	(void)request;
	(void)engine;
	script.rng_client = rng_client;
	deferred_call_set(&script.call);
	return 0;
}

static int start_mac(struct mac_engine *engine, const struct mac_request *request,
		     struct mac_client *mac_client)
{
	(void)request;
	(void)engine;
	script.mac_client = mac_client;
	deferred_call_set(&script.call);
	return 0;
}

static int start_aes(struct aes_engine *engine, const struct aes_request *request,
		     struct aes_client *aes_client)
{
	(void)request;
	(void)engine;
	script.aes_client = aes_client;
	deferred_call_set(&script.call);
	return 0;
}

static void run_script(struct deferred_call *call)
{
	(void)call;
	script.run();
}

static const struct digest_engine_ops digest_ops = {.start = start_digest};
static const struct rng_engine_ops rng_ops = {.start = start_rng};
static const struct mac_engine_ops mac_ops = {.start = start_mac};
static const struct aes_engine_ops aes_ops = {.start = start_aes};

static const struct mac_caps mac_caps = {.algorithms = 1u << MAC_HMAC_SHA256,
					 .key_size_max = 64,
					 .key_slots = true,
					 .length_max = 1000,
					 .state_bytes = 112};
static const struct aes_caps aes_caps = {.modes = 1u << AES_GCM,
					 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
					 .length_max = 1000,
					 .aad_max = 1000,
					 .aead_scratch = 10};

static void note(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	(void)context;
	CU_ASSERT_STRING_EQUAL(engine, "script");
	CU_ASSERT(strlen(sentence) > 0);
	reported = rule;
	reports++;
}

static struct hil_engine *scripted(enum hil_kind kind)
{
	switch (kind) {
	case HIL_RNG:
		return &script.rng.head;
	case HIL_HMAC:
		return &script.mac.head;
	case HIL_AES:
		return &script.aes.head;
	default:
		return &script.digest.head;
	}
}

static void open_script(enum hil_kind kind, void (*run)(void))
{
	const struct checker_options options = {.deferred = &deferred, .report = note};
	const struct hil_engine head = {
		.name = "script", .kind = kind, .level = HIL_LEVEL_RNG, .concurrency = 2};

	deferred_queue_init(&deferred);
	deferred_call_init(&script.call, &deferred, run_script);
	script.digest = (struct digest_engine){head, {1u << DIGEST_SHA256, 1000, 112}, &digest_ops};
	script.rng = (struct rng_engine){head, {1000}, &rng_ops};
	script.mac = (struct mac_engine){head, mac_caps, &mac_ops};
	script.aes = (struct aes_engine){head, aes_caps, &aes_ops};
	script.run = run;
	reports = 0;
	CU_ASSERT_EQUAL_FATAL(checker_open(scripted(kind), &options, &checked), 0);
}

static void run_loop(void)
{
	while (deferred_queue_run(&deferred, 16))
		;
}

/* The script broke this rule, once, and the client was told that it went wrong. */
static void expect_report(enum hil_rule rule)
{
	CU_ASSERT_EQUAL(client_start(&client, checked), 0);
	run_loop();
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT_EQUAL(checker_violations(checked), 1);
	CU_ASSERT_STRING_EQUAL(checker_rule_name(reported), checker_rule_name(rule));
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT(client.result < 0);
	checker_close(checked);
}

static void digest_breaks(enum hil_rule rule, enum hil_phase phase, size_t length,
			  void (*run)(void))
{
	open_script(HIL_DIGEST, run);
	material_digest(&m, &client, length);
	client.digest_request.phase = phase;
	client.lends_input = true;
	expect_report(rule);
}

static void random_breaks(enum hil_rule rule, size_t length, void (*run)(void))
{
	open_script(HIL_RNG, run);
	material_random(&m, &client, length);
	expect_report(rule);
}

/* The message has 20 bytes, the key too. */
static void mac_breaks(enum hil_rule rule, enum hil_phase phase, bool verify, void (*run)(void))
{
	open_script(HIL_HMAC, run);
	material_mac(&m, &client, MAC_HMAC_SHA256, 20);
	client.mac_request.phase = phase;
	client.mac_request.verify = verify;
	client.lends_input = true;
	expect_report(rule);
}

/* A GCM decryption of 20 sealed bytes. */
static void sealed_decryption_breaks(enum hil_rule rule, void (*run)(void))
{
	open_script(HIL_AES, run);
	material_gcm_decrypt(&m, &client, 0, 20);
	client.aes_request.input_sealed = true;
	client.lends_input = true;
	expect_report(rule);
}

static void pull(size_t len, size_t cursor)
{
	uint8_t buf[64];

	script.digest_client->ops->pull_input(script.digest_client, buf, len, cursor);
}

static void lend(size_t cursor)
{
	size_t len;

	script.digest_client->ops->lend_input(script.digest_client, cursor, &len);
}

static void give(size_t len)
{
	static const uint8_t digest[DIGEST_SIZE_MAX];

	script.digest_client->ops->push_digest(script.digest_client, digest, len);
}

static void push(size_t len, size_t cursor)
{
	static const uint8_t buf[64];

	script.rng_client->ops->push_output(script.rng_client, buf, len, cursor);
}

static void end_digest(void)
{
	script.digest_client->ops->done(script.digest_client, 0);
}

static void end_random(void)
{
	script.rng_client->ops->done(script.rng_client, 0);
}

/* --- digest ---------------------------------------------------------------------------------- */

static void gives_before_all_was_taken(void)
{
	pull(10, 0);
	give(32);
	end_digest();
}

static void test_a_digest_before_all_input_is_WRONG_STEP(void)
{
	digest_breaks(HIL_WRONG_STEP, HIL_ONE_SHOT, 20, gives_before_all_was_taken);
}

static void gives_a_short_digest(void)
{
	pull(20, 0);
	give(28);
	end_digest();
}

static void test_a_digest_of_another_size_is_NOT_WHOLE(void)
{
	digest_breaks(HIL_NOT_WHOLE, HIL_ONE_SHOT, 20, gives_a_short_digest);
}

static void gives_no_digest(void)
{
	pull(20, 0);
	end_digest();
}

static void test_done_without_a_digest_is_INCOMPLETE(void)
{
	digest_breaks(HIL_INCOMPLETE, HIL_ONE_SHOT, 20, gives_no_digest);
}

static void test_done_without_the_state_is_STATE_MISSING(void)
{
	digest_breaks(HIL_STATE_MISSING, HIL_FIRST, 20, gives_no_digest);
}

static void test_input_before_the_state_is_STATE_MISSING(void)
{
	digest_breaks(HIL_STATE_MISSING, HIL_LAST, 20, gives_no_digest);
}

static void pulls_what_was_lent(void)
{
	lend(0);
	pull(10, 5);
	end_digest();
}

static void test_pulling_what_was_lent_is_LENT_AND_PULLED(void)
{
	digest_breaks(HIL_LENT_AND_PULLED, HIL_ONE_SHOT, 20, pulls_what_was_lent);
}

static void lends_twice(void)
{
	lend(0);
	lend(0);
	end_digest();
}

static void test_lending_again_is_READ_TWICE(void)
{
	digest_breaks(HIL_READ_TWICE, HIL_ONE_SHOT, 20, lends_twice);
}

static void skips_a_byte(void)
{
	pull(10, 0);
	pull(9, 11);
	end_digest();
}

static void test_a_skipped_byte_is_WRONG_CURSOR(void)
{
	digest_breaks(HIL_WRONG_CURSOR, HIL_ONE_SHOT, 20, skips_a_byte);
}

static void pulls_nothing(void)
{
	pull(0, 0);
	end_digest();
}

static void test_a_pull_of_no_bytes_is_EMPTY_PULL(void)
{
	digest_breaks(HIL_EMPTY_PULL, HIL_ONE_SHOT, 20, pulls_nothing);
	digest_breaks(HIL_EMPTY_PULL, HIL_ONE_SHOT, 0, pulls_nothing);
}

static void pulls_past_the_end(void)
{
	pull(20, 0);
	pull(1, 20);
	end_digest();
}

static void test_a_pull_past_the_end_is_PULLED_TOO_MUCH(void)
{
	digest_breaks(HIL_PULLED_TOO_MUCH, HIL_ONE_SHOT, 20, pulls_past_the_end);
}

/* --- rng ------------------------------------------------------------------------------------- */

static void pushes_too_much(void)
{
	push(10, 0);
	push(11, 10);
	end_random();
}

static void test_more_random_bytes_than_asked_for_is_PULLED_TOO_MUCH(void)
{
	random_breaks(HIL_PULLED_TOO_MUCH, 20, pushes_too_much);
}

static void pushes_too_little(void)
{
	push(10, 0);
	end_random();
}

static void test_less_random_bytes_than_asked_for_is_INCOMPLETE(void)
{
	random_breaks(HIL_INCOMPLETE, 20, pushes_too_little);
}

static void pushes_twice(void)
{
	push(10, 0);
	push(10, 0);
	end_random();
}

static void test_random_bytes_at_a_cursor_again_is_WRONG_CURSOR(void)
{
	random_breaks(HIL_WRONG_CURSOR, 20, pushes_twice);
}

static void test_random_bytes_for_an_empty_request_is_EMPTY_PULL(void)
{
	random_breaks(HIL_EMPTY_PULL, 0, pushes_too_little);
}

static void does_nothing(void)
{
}

static void test_settling_ends_what_never_came_and_is_DONE_MISSING(void)
{
	open_script(HIL_RNG, does_nothing);
	material_random(&m, &client, 10);
	CU_ASSERT_EQUAL(client_start(&client, checked), 0);
	run_loop();
	CU_ASSERT_EQUAL(client.dones, 0);
	CU_ASSERT_EQUAL(checker_settle(checked), 1);
	CU_ASSERT_EQUAL(reported, HIL_DONE_MISSING);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(checker_settle(checked), 0);
	CU_ASSERT_EQUAL(reports, 1);
	checker_close(checked);
}

/* --- authenticated decryption ---------------------------------------------------------------- */

static void borrows_for_each_pass(void)
{
	struct aes_client *aes_client = script.aes_client;
	uint8_t buf[AES_KEY_SIZE_MAX];
	size_t len;

	aes_client->ops->pull_key(aes_client, buf, client.aes_request.key_size);
	aes_client->ops->pull_iv(aes_client, buf, AES_GCM_IV_SIZE);
	aes_client->ops->pull_tag(aes_client, buf, AES_TAG_SIZE);
	aes_client->ops->lend_input(aes_client, 0, &len);
	aes_client->ops->lend_input(aes_client, 0, &len);
	aes_client->ops->push_output(aes_client, m.expected, 20, 0);
	aes_client->ops->done(aes_client, 0);
}

static void test_sealed_input_that_is_lent_again_for_a_second_pass_is_READ_TWICE(void)
{
	sealed_decryption_breaks(HIL_READ_TWICE, borrows_for_each_pass);
}

/* --- MACs ------------------------------------------------------------------------------------ */

static void take_key(void)
{
	uint8_t key[64];

	script.mac_client->ops->pull_key(script.mac_client, key, 20);
}

static void take_message(void)
{
	uint8_t buf[20];

	script.mac_client->ops->pull_input(script.mac_client, buf, sizeof(buf), 0);
}

static void give_mac(size_t len)
{
	static const uint8_t mac[MAC_SIZE_MAX];

	script.mac_client->ops->push_mac(script.mac_client, mac, len);
}

static void take_mac(void)
{
	uint8_t mac[MAC_SIZE_MAX];

	script.mac_client->ops->pull_mac(script.mac_client, mac, 32);
}

static void take_state(void)
{
	uint8_t state[112];

	script.mac_client->ops->pull_state(script.mac_client, state, sizeof(state));
}

static void end_mac(void)
{
	script.mac_client->ops->done(script.mac_client, 0);
}

static void pushes_its_mac_in_two_pieces(void)
{
	take_key();
	take_message();
	give_mac(16);
	give_mac(16);
	end_mac();
}

static void test_a_mac_in_pieces_is_NOT_WHOLE(void)
{
	mac_breaks(HIL_NOT_WHOLE, HIL_ONE_SHOT, false, pushes_its_mac_in_two_pieces);
}

static void pulls_the_mac_again(void)
{
	take_key();
	take_message();
	take_mac();
	take_mac();
	end_mac();
}

static void test_a_mac_to_verify_that_is_pulled_again_is_READ_TWICE(void)
{
	mac_breaks(HIL_READ_TWICE, HIL_ONE_SHOT, true, pulls_the_mac_again);
}

static void pulls_the_mac_first(void)
{
	take_key();
	take_mac();
	end_mac();
}

static void test_a_mac_to_verify_before_all_input_is_WRONG_STEP(void)
{
	mac_breaks(HIL_WRONG_STEP, HIL_ONE_SHOT, true, pulls_the_mac_first);
}

static void pushes_what_it_should_verify(void)
{
	take_key();
	take_message();
	give_mac(32);
	end_mac();
}

static void test_a_mac_that_is_given_away_instead_of_verified_is_WRONG_STEP(void)
{
	mac_breaks(HIL_WRONG_STEP, HIL_ONE_SHOT, true, pushes_what_it_should_verify);
}

static void verifies_nothing(void)
{
	take_key();
	take_message();
	end_mac();
}

static void test_done_without_the_mac_to_verify_is_INCOMPLETE(void)
{
	mac_breaks(HIL_INCOMPLETE, HIL_ONE_SHOT, true, verifies_nothing);
}

static void pulls_the_key_again(void)
{
	take_key();
	take_key();
	end_mac();
}

static void test_a_mac_key_that_is_pulled_again_is_READ_TWICE(void)
{
	mac_breaks(HIL_READ_TWICE, HIL_ONE_SHOT, false, pulls_the_key_again);
}

static void pulls_the_key_after_the_state(void)
{
	take_state();
	take_key();
	end_mac();
}

static void test_a_mac_key_in_a_later_start_is_WRONG_STEP(void)
{
	mac_breaks(HIL_WRONG_STEP, HIL_LAST, false, pulls_the_key_after_the_state);
}

static void test_a_mac_key_that_is_in_a_slot_is_KEY_CROSSED(void)
{
	open_script(HIL_HMAC, verifies_nothing);
	material_mac(&m, &client, MAC_HMAC_SHA256, 20);
	client.mac_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
	expect_report(HIL_KEY_CROSSED);
}

/* --- the checker as an engine ---------------------------------------------------------------- */

static void test_the_checker_has_the_name_level_concurrency_and_caps_of_its_engine(void)
{
	const struct digest_engine *digest;

	open_script(HIL_DIGEST, does_nothing);
	digest = (const struct digest_engine *)(const void *)checked;
	CU_ASSERT_STRING_EQUAL(digest->head.name, "script");
	CU_ASSERT_EQUAL(digest->head.kind, HIL_DIGEST);
	CU_ASSERT_EQUAL(digest->head.level, HIL_LEVEL_RNG);
	CU_ASSERT_EQUAL(digest->head.concurrency, 2);
	CU_ASSERT(!memcmp(&digest->caps, &script.digest.caps, sizeof(digest->caps)));
	CU_ASSERT_PTR_NULL(digest->head.arbiter);
	checker_close(checked);
}

static void test_cancel_of_an_unknown_client_is_inval(void)
{
	open_script(HIL_DIGEST, does_nothing);
	material_digest(&m, &client, 10);
	client.engine = checked;
	CU_ASSERT_EQUAL(client_cancel(&client), -PLUTON_EINVAL);
	checker_close(checked);
}

static void test_an_engine_that_takes_more_than_its_concurrency_is_CAPS_IGNORED(void)
{
	static struct client clients[3];

	open_script(HIL_RNG, does_nothing);
	for (int i = 0; i < 3; i++) {
		material_random(&m, &clients[i], 10);
		CU_ASSERT_EQUAL(client_start(&clients[i], checked), i < 2 ? 0 : -PLUTON_EBUSY);
	}
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT_EQUAL(reported, HIL_CAPS_IGNORED);
	checker_close(checked);
}

static int start_rsa(struct rsa_engine *engine, const struct rsa_request *request,
		     struct rsa_client *rsa_client)
{
	(void)engine;
	(void)request;
	(void)rsa_client;
	return 0;
}

static void test_an_engine_that_takes_more_slow_work_than_it_has_places_is_CAPS_IGNORED(void)
{
	static const struct rsa_engine_ops ops = {.start = start_rsa};
	const struct checker_options options = {.deferred = &deferred, .report = note};
	static struct client clients[2];
	struct rsa_engine engine = {
		.head = {.name = "script", .kind = HIL_RSA, .concurrency = 4, .slow = 1},
		.caps = {.paddings = {[RSA_GENERATE] = 1u << RSA_BARE},
			 .sizes = {[RSA_GENERATE] = 1u << (RSA_TEST_SIZE / 128)}},
		.ops = &ops,
	};

	deferred_queue_init(&deferred);
	reports = 0;
	CU_ASSERT_EQUAL_FATAL(checker_open(&engine.head, &options, &checked), 0);
	CU_ASSERT_EQUAL(checked->slow, 1);
	for (int i = 0; i < 2; i++) {
		material_rsa(&m, &clients[i], RSA_GENERATE, RSA_BARE);
		CU_ASSERT_EQUAL(client_start(&clients[i], checked), i < 1 ? 0 : -PLUTON_EBUSY);
	}
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT_EQUAL(reported, HIL_CAPS_IGNORED);
	checker_close(checked);
}

static void test_without_a_report_function_violations_are_still_counted(void)
{
	const struct checker_options options = {.deferred = &deferred};

	open_script(HIL_RNG, pushes_too_little);
	checker_close(checked);
	CU_ASSERT_EQUAL(checker_open(&script.rng.head, &options, &checked), 0);
	material_random(&m, &client, 20);
	CU_ASSERT_EQUAL(client_start(&client, checked), 0);
	run_loop();
	CU_ASSERT_EQUAL(checker_violations(checked), 1);
	checker_close(checked);
}

static void test_an_engine_of_no_known_kind_cannot_be_checked(void)
{
	const struct checker_options options = {.deferred = &deferred};
	struct hil_engine engine = {.name = "odd", .kind = HIL_KINDS};

	CU_ASSERT_EQUAL(checker_open(&engine, &options, &checked), -PLUTON_ENOSUPPORT);
}

/* --- a client that breaks the contract ------------------------------------------------------- */

static void test_a_client_that_starts_from_a_pull_is_refused_as_NESTED_CALLBACK(void)
{
	static struct client other;
	static struct material other_m;
	const struct chip_options chip_options = {.deferred = &deferred, .buffer = 32};
	const struct checker_options options = {.deferred = &deferred};
	struct chip *chip;

	deferred_queue_init(&deferred);
	CU_ASSERT_EQUAL_FATAL(chip_open(&chip_options, &chip), 0);
	checker_open(chip_engine(chip, HIL_DIGEST), &options, &checked);
	material_digest(&other_m, &other, 10);
	material_digest(&m, &client, 50);
	client.trouble = TROUBLE_START;
	client.trouble_at = 1;
	client.other = &other;
	CU_ASSERT_EQUAL(client_start(&client, checked), 0);
	run_loop();
	CU_ASSERT_EQUAL(client.trouble_answer, -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(checker_violations(checked), 1);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(other.dones, 0);
	checker_close(checked);
	chip_close(chip);
}

/* --- the list of rules ----------------------------------------------------------------------- */

static bool is_listed(FILE *contract, const char *rule)
{
	char line[256], name[64];

	rewind(contract);
	while (fgets(line, sizeof(line), contract)) {
		if (sscanf(line, " * %63[A-Z_] ", name) == 1 && strcmp(name, rule) == 0)
			return true;
	}
	return false;
}

static void test_every_rule_stands_in_the_contract_by_its_name(void)
{
	const char *source = getenv("PLUTON_SOURCE");
	char path[4096];
	FILE *contract;

	snprintf(path, sizeof(path), "%s/hil/contract.h", source ? source : ".");
	contract = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(contract);
	for (enum hil_rule rule = 0; rule < HIL_RULES; rule++)
		CU_ASSERT_TRUE(is_listed(contract, checker_rule_name(rule)));
	CU_ASSERT_PTR_NULL(checker_rule_name(HIL_RULES));
	fclose(contract);
}

static const struct test tests[] = {
	TEST(test_a_digest_before_all_input_is_WRONG_STEP),
	TEST(test_a_digest_of_another_size_is_NOT_WHOLE),
	TEST(test_done_without_a_digest_is_INCOMPLETE),
	TEST(test_done_without_the_state_is_STATE_MISSING),
	TEST(test_input_before_the_state_is_STATE_MISSING),
	TEST(test_pulling_what_was_lent_is_LENT_AND_PULLED),
	TEST(test_lending_again_is_READ_TWICE),
	TEST(test_a_skipped_byte_is_WRONG_CURSOR),
	TEST(test_a_pull_of_no_bytes_is_EMPTY_PULL),
	TEST(test_a_pull_past_the_end_is_PULLED_TOO_MUCH),
	TEST(test_more_random_bytes_than_asked_for_is_PULLED_TOO_MUCH),
	TEST(test_less_random_bytes_than_asked_for_is_INCOMPLETE),
	TEST(test_random_bytes_at_a_cursor_again_is_WRONG_CURSOR),
	TEST(test_random_bytes_for_an_empty_request_is_EMPTY_PULL),
	TEST(test_settling_ends_what_never_came_and_is_DONE_MISSING),
	TEST(test_a_mac_in_pieces_is_NOT_WHOLE),
	TEST(test_sealed_input_that_is_lent_again_for_a_second_pass_is_READ_TWICE),
	TEST(test_a_mac_to_verify_that_is_pulled_again_is_READ_TWICE),
	TEST(test_a_mac_to_verify_before_all_input_is_WRONG_STEP),
	TEST(test_a_mac_that_is_given_away_instead_of_verified_is_WRONG_STEP),
	TEST(test_done_without_the_mac_to_verify_is_INCOMPLETE),
	TEST(test_a_mac_key_that_is_pulled_again_is_READ_TWICE),
	TEST(test_a_mac_key_in_a_later_start_is_WRONG_STEP),
	TEST(test_a_mac_key_that_is_in_a_slot_is_KEY_CROSSED),
	TEST(test_the_checker_has_the_name_level_concurrency_and_caps_of_its_engine),
	TEST(test_cancel_of_an_unknown_client_is_inval),
	TEST(test_an_engine_that_takes_more_than_its_concurrency_is_CAPS_IGNORED),
	TEST(test_an_engine_that_takes_more_slow_work_than_it_has_places_is_CAPS_IGNORED),
	TEST(test_without_a_report_function_violations_are_still_counted),
	TEST(test_an_engine_of_no_known_kind_cannot_be_checked),
	TEST(test_a_client_that_starts_from_a_pull_is_refused_as_NESTED_CALLBACK),
	TEST(test_every_rule_stands_in_the_contract_by_its_name),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hil checker", tests, TESTS_COUNT(tests));
}
