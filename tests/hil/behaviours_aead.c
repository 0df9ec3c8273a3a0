/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GCM and CCM have in common: each behaviour here is tried in both. What is true of one alone
 * is in behaviours_gcm.c and behaviours_ccm.c.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

#define CCM (1u << AES_CCM)

static struct material m;
static struct client client;
static enum aes_mode mode;

static void encryption_of_an_empty_message_moves_no_data(void)
{
	struct bench bench;

	bench_open(&bench);
	material_aead_encrypt(&m, &client, mode, 0, 0);
	client.lends_input = client.lends_output = true;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.callbacks == 3); /* key, IV, tag */
	EXPECT(material_came_out(&m, &client));
	bench_close(&bench);
}

static void decryption_of_an_empty_message_still_checks_the_tag(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t aad = 0; aad < 40; aad += 13) {
		material_aead_decrypt(&m, &client, mode, aad, 0);
		EXPECT(bench_run(&bench, &client) == 0);
		client.tag[15] ^= 0x80;
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	}
	bench_close(&bench);
}

static void encryption_is_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t in = 0; in < CHUNKINGS; in++) {
		for (size_t out = 0; out < CHUNKINGS; out++) {
			material_aead_encrypt(&m, &client, mode, 300, 4200);
			client.pull_chunk = chunkings[in];
			client.push_chunk = chunkings[out];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			EXPECT(client.pulled == 4200 && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void decryption_is_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;
	size_t length;

	bench_open(&bench);
	length = material_decryptable(&bench, 4200);
	for (size_t in = 0; in < CHUNKINGS; in++) {
		for (size_t out = 0; out < CHUNKINGS; out++) {
			material_aead_decrypt(&m, &client, mode, 300, length);
			client.pull_chunk = chunkings[in];
			client.push_chunk = chunkings[out];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			EXPECT(client.pulled == length && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void is_right_at_every_length_of_data_and_aad(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t length = 0; length <= 50; length++) {
		for (size_t aad = 0; aad <= 34; aad += 1 + length % 5) {
			material_aead_encrypt(&m, &client, mode, aad, length);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			material_aead_decrypt(&m, &client, mode, aad, length);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
		}
	}
	bench_close(&bench);
}

static void run_lent(struct bench *bench, bool input, bool output, size_t chunk)
{
	client.lends_input = input;
	client.lends_output = output;
	client.lend_chunk = chunk;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	EXPECT(!client.read_twice);
}

static void encryption_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		for (int lends = 1; lends < 4; lends++) {
			material_aead_encrypt(&m, &client, mode, 20, 4200);
			run_lent(&bench, lends & 1, lends & 2, chunkings[chunk]);
			EXPECT(client.lends > 0 || !bench.maker->lends);
		}
	}
	bench_close(&bench);
}

static void decryption_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		for (int lends = 1; lends < 4; lends++) {
			material_aead_decrypt(&m, &client, mode, 20,
					      material_decryptable(&bench, 4200));
			run_lent(&bench, lends & 1, lends & 2, chunkings[chunk]);
		}
	}
	bench_close(&bench);
}

static void expect_refused_plaintext(struct bench *bench)
{
	EXPECT(bench_run(bench, &client) == -PLUTON_EINVAL);
	EXPECT(client.pushed == 0);
	EXPECT(material_is_untouched(&m));
}

static void bad_tag_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned bit = 0; bit < 8 * AES_TAG_SIZE; bit++) {
		material_aead_decrypt(&m, &client, mode, 20, 200);
		client.lends_input = bit & 1;
		client.lends_output = bit & 2;
		client.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_refused_plaintext(&bench);
	}
	bench_close(&bench);
}

static void a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 200; i++) {
		uint8_t *const changed[] = {m.input, m.aad, m.key, m.iv};
		static const size_t sizes[] = {200, 20, 32, 12};

		material_aead_decrypt(&m, &client, mode, 20, 200);
		client.lends_input = i & 4;
		client.lends_output = i & 8;
		changed[i % 4][i % sizes[i % 4]] ^= 1;
		expect_refused_plaintext(&bench);
	}
	bench_close(&bench);
}

static void a_cut_or_longer_message_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	material_aead_decrypt(&m, &client, mode, 20, 100);
	client.aes_request.length = 99;
	expect_refused_plaintext(&bench);
	client.aes_request.length = 101;
	expect_refused_plaintext(&bench);
	client.aes_request.length = 100;
	client.aes_request.aad_length = 19;
	expect_refused_plaintext(&bench);
	bench_close(&bench);
}

/* A length that is over the scratch, or 0 if the engine's is too large to try. */
static size_t over_scratch(const struct bench *bench)
{
	size_t scratch = bench_aes_caps(bench)->aead_scratch;

	return scratch + 100 <= MATERIAL_MAX ? scratch + 100 : 0;
}

static void unsealed_decryption_over_the_scratch_is_size(void)
{
	struct bench bench;
	size_t length;

	bench_open(&bench);
	length = over_scratch(&bench);
	EXPECT(length > 0);
	material_aead_decrypt(&m, &client, mode, 20, length);
	client.lends_input = client.lends_output = true;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	EXPECT(material_is_untouched(&m));
	bench_close(&bench);
}

static void set_sealed(const struct bench *bench, size_t lend_chunk)
{
	material_aead_decrypt(&m, &client, mode, 20, over_scratch(bench));
	client.aes_request.input_sealed = true;
	client.lends_input = true;
	client.lend_chunk = lend_chunk;
}

static void run_sealed(struct bench *bench, size_t lend_chunk, bool lends_output)
{
	int r;

	set_sealed(bench, lend_chunk);
	client.lends_output = lends_output;
	r = bench_run(bench, &client);
	/* An engine may want all of it in one piece. */
	if (r == -PLUTON_ESIZE && (lend_chunk || !bench->maker->opens_sealed)) {
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
		return;
	}
	EXPECT(r == 0);
	EXPECT(material_came_out(&m, &client));
}

static void sealed_decryption_over_the_scratch_goes_through_lent_memory(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		run_sealed(&bench, chunkings[chunk], false);
		run_sealed(&bench, chunkings[chunk], true);
	}
	bench_close(&bench);
}

static void sealed_decryption_with_a_bad_tag_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (int lends = 0; lends < 2 && bench.maker->opens_sealed; lends++) {
		set_sealed(&bench, 0);
		client.lends_output = lends;
		client.tag[3] ^= 0x10;
		expect_refused_plaintext(&bench);
	}
	bench_close(&bench);
}

static void run_exchanged(struct bench *bench, size_t lend_chunk, bool lends_output)
{
	static const uint8_t other_input[MATERIAL_MAX];
	int r;

	set_sealed(bench, lend_chunk);
	client.lends_output = lends_output;
	client.input_again = other_input;
	r = bench_run(bench, &client);
	if (r == 0) {
		EXPECT(material_came_out(&m, &client));
	} else {
		EXPECT(r == -PLUTON_ESIZE);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
	}
}

/* Nothing keeps a process from putting another range, sealed as well, in the place of the first. */
static void sealed_input_that_is_exchanged_after_its_tag_is_not_decrypted(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		run_exchanged(&bench, chunkings[chunk], false);
		run_exchanged(&bench, chunkings[chunk], true);
	}
	bench_close(&bench);
}

static void sealed_decryption_over_the_scratch_without_lent_memory_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	set_sealed(&bench, 0);
	client.lends_input = false;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	EXPECT(client.pushed == 0 && material_is_untouched(&m));
	bench_close(&bench);
}

/* Its own bytes must be read once, whenever they change. */
static void expect_true_or_refused(int r)
{
	if (r == 0) {
		EXPECT(material_came_out(&m, &client));
	} else {
		EXPECT(r == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
	}
}

static void input_that_changes_at_any_callback_releases_no_unverified_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned round = 0; round < 8; round++) {
		unsigned k = 0;

		do {
			material_aead_decrypt(&m, &client, mode, 20, 200);
			client.pull_chunk = 50;
			client.lends_input = round & 1;
			client.lends_output = round & 2;
			client.trouble = TROUBLE_CHANGE;
			client.trouble_at = ++k;
			client.change_at = round & 4 ? 199 : 5;
			expect_true_or_refused(bench_run(&bench, &client));
		} while (client.troubled);
	}
	bench_close(&bench);
}

/*
 * What a process does in its own mapping while a worker reads ours. Here both are one mapping, and
 * ThreadSanitizer would take the race that is the point of the test for a mistake of the engine's.
 */
__attribute__((noinline, no_sanitize_thread)) static void change_as_the_process_would(uint8_t *byte)
{
	*byte ^= 0x40;
}

/* Lets `turns` deferred calls pass, changes a byte of the input, and goes on to the end. */
static int run_with_change_after(struct bench *bench, unsigned turns, size_t change_at)
{
	int r = client_start(&client, bench_engine(bench, HIL_AES));

	if (r < 0)
		return r;
	for (unsigned i = 0; i < turns && client.dones == 0; i++)
		bench_turn(bench, 1);
	change_as_the_process_would(&m.input[change_at]);
	bench_finish(bench, &client);
	return client.result;
}

static void input_that_changes_between_steps_releases_no_unverified_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 64; turns++) {
		size_t length = material_decryptable(&bench, 4200);

		material_aead_decrypt(&m, &client, mode, 20, length);
		client.lends_input = turns & 1;
		client.lends_output = turns & 2;
		expect_true_or_refused(
			run_with_change_after(&bench, turns / 2, turns & 4 ? length - 1 : 0));
	}
	bench_close(&bench);
}

static bool tag_is_true(void)
{
	static struct material opened;
	static struct client reader;

	material_aead_encrypt(&opened, &reader, mode, client.aes_request.aad_length, 0);
	/* Encrypting what is ciphertext gives the plaintext; encrypting that gives its tag. */
	reader.aes_request.length = client.aes_request.length;
	memcpy(opened.input, m.output, client.aes_request.length);
	material_expect_aead(&opened, &reader);
	memcpy(opened.input, opened.expected, client.aes_request.length);
	material_expect_aead(&opened, &reader);
	return memcmp(opened.tag, client.tag, sizeof(client.tag)) == 0;
}

static void encryption_of_changing_input_has_the_tag_of_its_output(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 64; turns++) {
		material_aead_encrypt(&m, &client, mode, 20, 2000);
		client.lends_input = turns & 1;
		client.lends_output = turns & 2;
		EXPECT(run_with_change_after(&bench, turns / 2, turns & 4 ? 1999 : 0) == 0);
		EXPECT(tag_is_true());
	}
	bench_close(&bench);
}

/* clang-format off */
#define AEAD_TEST(name)                                                                            \
	static void test_gcm_##name(void)                                                          \
	{                                                                                          \
		mode = AES_GCM;                                                                    \
		name();                                                                            \
	}                                                                                          \
	static void test_ccm_##name(void)                                                          \
	{                                                                                          \
		mode = AES_CCM;                                                                    \
		name();                                                                            \
	}

AEAD_TEST(encryption_of_an_empty_message_moves_no_data)
AEAD_TEST(decryption_of_an_empty_message_still_checks_the_tag)
AEAD_TEST(encryption_is_the_same_at_every_pair_of_chunkings)
AEAD_TEST(decryption_is_the_same_at_every_pair_of_chunkings)
AEAD_TEST(is_right_at_every_length_of_data_and_aad)
AEAD_TEST(encryption_is_the_same_on_lent_memory_in_pieces_of_any_size)
AEAD_TEST(decryption_is_the_same_on_lent_memory_in_pieces_of_any_size)
AEAD_TEST(bad_tag_gives_no_plaintext)
AEAD_TEST(a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext)
AEAD_TEST(a_cut_or_longer_message_gives_no_plaintext)
AEAD_TEST(unsealed_decryption_over_the_scratch_is_size)
AEAD_TEST(sealed_decryption_over_the_scratch_goes_through_lent_memory)
AEAD_TEST(sealed_decryption_with_a_bad_tag_gives_no_plaintext)
AEAD_TEST(sealed_input_that_is_exchanged_after_its_tag_is_not_decrypted)
AEAD_TEST(sealed_decryption_over_the_scratch_without_lent_memory_is_size)
AEAD_TEST(input_that_changes_at_any_callback_releases_no_unverified_plaintext)
AEAD_TEST(input_that_changes_between_steps_releases_no_unverified_plaintext)
AEAD_TEST(encryption_of_changing_input_has_the_tag_of_its_output)

const struct behaviour aead_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_gcm_encryption_of_an_empty_message_moves_no_data),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_of_an_empty_message_still_checks_the_tag),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR(HIL_AES, test_gcm_is_right_at_every_length_of_data_and_aad),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_AES, test_gcm_bad_tag_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_a_cut_or_longer_message_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_unsealed_decryption_over_the_scratch_is_size),
	BEHAVIOUR(HIL_AES, test_gcm_sealed_decryption_over_the_scratch_goes_through_lent_memory),
	BEHAVIOUR(HIL_AES, test_gcm_sealed_decryption_with_a_bad_tag_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_sealed_input_that_is_exchanged_after_its_tag_is_not_decrypted),
	BEHAVIOUR(HIL_AES, test_gcm_sealed_decryption_over_the_scratch_without_lent_memory_is_size),
	BEHAVIOUR(HIL_AES, test_gcm_input_that_changes_at_any_callback_releases_no_unverified_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_input_that_changes_between_steps_releases_no_unverified_plaintext),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_of_changing_input_has_the_tag_of_its_output),
	BEHAVIOUR_OF_AES(CCM, test_ccm_encryption_of_an_empty_message_moves_no_data),
	BEHAVIOUR_OF_AES(CCM, test_ccm_decryption_of_an_empty_message_still_checks_the_tag),
	BEHAVIOUR_OF_AES(CCM, test_ccm_encryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR_OF_AES(CCM, test_ccm_decryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR_OF_AES(CCM, test_ccm_is_right_at_every_length_of_data_and_aad),
	BEHAVIOUR_OF_AES(CCM, test_ccm_encryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR_OF_AES(CCM, test_ccm_decryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR_OF_AES(CCM, test_ccm_bad_tag_gives_no_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_a_cut_or_longer_message_gives_no_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_unsealed_decryption_over_the_scratch_is_size),
	BEHAVIOUR_OF_AES(CCM, test_ccm_sealed_decryption_over_the_scratch_goes_through_lent_memory),
	BEHAVIOUR_OF_AES(CCM, test_ccm_sealed_decryption_with_a_bad_tag_gives_no_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_sealed_input_that_is_exchanged_after_its_tag_is_not_decrypted),
	BEHAVIOUR_OF_AES(CCM, test_ccm_sealed_decryption_over_the_scratch_without_lent_memory_is_size),
	BEHAVIOUR_OF_AES(CCM, test_ccm_input_that_changes_at_any_callback_releases_no_unverified_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_input_that_changes_between_steps_releases_no_unverified_plaintext),
	BEHAVIOUR_OF_AES(CCM, test_ccm_encryption_of_changing_input_has_the_tag_of_its_output),
	{NULL, NULL, HIL_AES, false, 0},
};
/* clang-format on */
