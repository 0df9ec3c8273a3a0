/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of engines that are asked for what they have not, or in wrong sizes. bench_run
 * expects of each refusal that no callback came, neither in start nor afterwards.
 */
#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

static void test_digest_algorithms_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned algorithm = 0; algorithm < 40; algorithm++) {
		bool has = algorithm < DIGEST_ALGORITHMS && algorithm > 0 &&
			   bench_digest_caps(&bench)->algorithms & (1u << algorithm);

		if (has)
			continue;
		material_digest(&m, &client, 10);
		client.digest_request.algorithm = (enum digest_algorithm)algorithm;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	bench_close(&bench);
}

static void test_digest_over_the_longest_message_is_size(void)
{
	struct bench bench;
	size_t max;

	bench_open(&bench);
	max = bench_digest_caps(&bench)->length_max;
	material_digest(&m, &client, 10);
	client.digest_request.length = max + 1;
	EXPECT(max == SIZE_MAX || bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_digest_in_a_phase_that_is_none_is_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	material_digest(&m, &client, 10);
	client.digest_request.phase = (enum hil_phase)(HIL_ONE_SHOT + 1);
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	bench_close(&bench);
}

static void test_aes_modes_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned mode = 0; mode < 32; mode++) {
		if (mode >= AES_ECB && mode < AES_MODES &&
		    bench_aes_caps(&bench)->modes & (1u << mode))
			continue;
		material_ctr(&m, &client, 16);
		client.aes_request.mode = (enum aes_mode)mode;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	bench_close(&bench);
}

static void test_aes_directions_and_phases_that_are_none_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	material_ctr(&m, &client, 16);
	client.aes_request.direction = (enum aes_direction)0;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	client.aes_request.direction = (enum aes_direction)3;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	material_ctr(&m, &client, 16);
	client.aes_request.phase = (enum hil_phase)(HIL_ONE_SHOT + 1);
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	bench_close(&bench);
}

static void test_sizes_that_no_aes_key_has_are_size(void)
{
	static const size_t sizes[] = {0, 1, 8, 15, 17, 20, 23, 25, 31, 33, 64, SIZE_MAX};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		material_ctr(&m, &client, 16);
		client.aes_request.key_size = sizes[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

static void test_aes_key_sizes_work_or_are_nosupport_as_caps_say(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t key_size = 16; key_size <= 32; key_size += 8) {
		bool has = bench_aes_caps(&bench)->key_sizes & (1u << (key_size / 8));

		material_ctr(&m, &client, 100);
		client.aes_request.key_size = key_size;
		material_expect_ctr(&m, &client);
		EXPECT(bench_run(&bench, &client) == (has ? 0 : -PLUTON_ENOSUPPORT));
		EXPECT(has ? material_came_out(&m, &client) : material_is_untouched(&m));
	}
	bench_close(&bench);
}

static void test_a_slot_key_is_never_asked_for_as_bytes(void)
{
	struct bench bench;
	bool has_slots;

	bench_open(&bench);
	has_slots = bench_aes_caps(&bench)->key_slots;
	material_ctr(&m, &client, 16);
	client.aes_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
	EXPECT(has_slots || bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	if (has_slots)
		bench_run(&bench, &client);
	bench_close(&bench);
}

static void test_ctr_widths_other_than_32_and_128_are_size(void)
{
	static const unsigned widths[] = {0, 1, 8, 16, 31, 33, 64, 96, 127, 129, 256};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		material_ctr(&m, &client, 16);
		client.aes_request.ctr_bits = widths[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

static void test_wrong_iv_sizes_are_size(void)
{
	static const size_t sizes[] = {0, 1, 8, 11, 13, 16, 32};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		material_gcm_encrypt(&m, &client, 0, 16);
		client.aes_request.iv_size = sizes[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	material_ctr(&m, &client, 16);
	client.aes_request.iv_size = 16;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_aad_where_none_belongs_or_too_much_is_size(void)
{
	struct bench bench;
	size_t max;

	bench_open(&bench);
	max = bench_aes_caps(&bench)->aad_max;
	material_ctr(&m, &client, 16);
	client.aes_request.aad_length = 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	material_gcm_encrypt(&m, &client, 1, 16);
	client.aes_request.phase = HIL_LAST;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	material_gcm_encrypt(&m, &client, 0, 16);
	client.aes_request.aad_length = max + 1;
	EXPECT(max == SIZE_MAX || bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_aes_over_the_longest_message_is_size(void)
{
	struct bench bench;
	size_t max;

	bench_open(&bench);
	max = bench_aes_caps(&bench)->length_max;
	material_ctr(&m, &client, 16);
	client.aes_request.length = max + 1;
	EXPECT(max == SIZE_MAX || bench_run(&bench, &client) == -PLUTON_ESIZE);
	material_gcm_encrypt(&m, &client, 0, 16);
	client.aes_request.length = max + 1;
	EXPECT(max == SIZE_MAX || bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_a_message_no_counter_could_count_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	material_ctr(&m, &client, 16);
	client.aes_request.ctr_bits = 32;
	client.aes_request.length = (size_t)(UINT64_C(1) << 36) + 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	material_gcm_encrypt(&m, &client, 0, 16);
	client.aes_request.length = (size_t)(UINT64_C(1) << 36) - 31;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_gcm_decryption_in_a_stream_is_nosupport(void)
{
	static const enum hil_phase phases[] = {HIL_FIRST, HIL_MIDDLE, HIL_LAST};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 3; i++) {
		material_gcm_decrypt(&m, &client, 0, 16);
		client.aes_request.phase = phases[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		EXPECT(material_is_untouched(&m));
	}
	bench_close(&bench);
}

static void test_an_engine_iv_where_none_can_be_is_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_decrypt(&m, &client, 0, 16);
	client.aes_request.engine_iv = true;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	material_ctr(&m, &client, 16);
	client.aes_request.engine_iv = true;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	bench_close(&bench);
}

const struct behaviour refusal_behaviours[] = {
	BEHAVIOUR(HIL_DIGEST, test_digest_algorithms_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_DIGEST, test_digest_over_the_longest_message_is_size),
	BEHAVIOUR(HIL_DIGEST, test_digest_in_a_phase_that_is_none_is_nosupport),
	BEHAVIOUR(HIL_AES, test_aes_modes_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_AES, test_aes_directions_and_phases_that_are_none_are_nosupport),
	BEHAVIOUR(HIL_AES, test_sizes_that_no_aes_key_has_are_size),
	BEHAVIOUR(HIL_AES, test_aes_key_sizes_work_or_are_nosupport_as_caps_say),
	BEHAVIOUR(HIL_AES, test_a_slot_key_is_never_asked_for_as_bytes),
	BEHAVIOUR(HIL_AES, test_ctr_widths_other_than_32_and_128_are_size),
	BEHAVIOUR(HIL_AES, test_wrong_iv_sizes_are_size),
	BEHAVIOUR(HIL_AES, test_aad_where_none_belongs_or_too_much_is_size),
	BEHAVIOUR(HIL_AES, test_aes_over_the_longest_message_is_size),
	BEHAVIOUR(HIL_AES, test_a_message_no_counter_could_count_is_size),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_in_a_stream_is_nosupport),
	BEHAVIOUR(HIL_AES, test_an_engine_iv_where_none_can_be_is_nosupport),
	{NULL, NULL, HIL_AES, false, 0},
};
