/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of AES engines in CTR. Known answers: SP 800-38A, appendix F.5.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

static const char plaintext[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
				"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct {
	const char *key;
	const char *ciphertext;
} known[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c",
	 "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
	 "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
	{"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	 "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
	 "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050"},
	{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	 "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
	 "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
};

static bool has_key_size(const struct bench *bench, size_t key_size)
{
	return bench_aes_caps(bench)->key_sizes & (1u << (key_size / 8));
}

static void set_known(size_t i, unsigned ctr_bits)
{
	material_ctr(&m, &client, 64);
	client.aes_request.key_size = material_hex(known[i].key, m.key);
	client.aes_request.ctr_bits = ctr_bits;
	material_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", m.iv);
	material_hex(plaintext, m.input);
	material_hex(known[i].ciphertext, m.expected);
}

static void test_ctr_gives_the_answers_of_sp_800_38a_both_ways(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		set_known(i, 128);
		if (!has_key_size(&bench, client.aes_request.key_size))
			continue;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
		client.aes_request.direction = AES_DECRYPT;
		memcpy(m.input, m.expected, 64);
		material_hex(plaintext, m.expected);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_ctr_with_32_bits_gives_the_same_where_they_do_not_overflow(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		set_known(i, 32);
		if (!has_key_size(&bench, client.aes_request.key_size))
			continue;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_ctr_of_an_empty_message_moves_no_data(void)
{
	struct bench bench;

	bench_open(&bench);
	material_ctr(&m, &client, 0);
	client.lends_input = client.lends_output = true;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.callbacks == 2); /* key and counter */
	EXPECT(material_is_untouched(&m));
	bench_close(&bench);
}

static void test_ctr_is_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t in = 0; in < CHUNKINGS; in++) {
		for (size_t out = 0; out < CHUNKINGS; out++) {
			material_ctr(&m, &client, 4200);
			client.pull_chunk = chunkings[in];
			client.push_chunk = chunkings[out];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			EXPECT(client.pulled == 4200 && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void test_ctr_is_right_at_every_length_up_to_some_blocks(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t length = 1; length <= 70; length++) {
		material_ctr(&m, &client, length);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void run_lent(struct bench *bench, bool input, bool output, size_t chunk)
{
	material_ctr(&m, &client, 4200);
	client.lends_input = input;
	client.lends_output = output;
	client.lend_chunk = chunk;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	EXPECT(client.pulled == 4200 && client.pushed == 4200 && !client.read_twice);
	EXPECT(client.lends > 0 || !bench->maker->lends);
}

static void test_ctr_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		run_lent(&bench, true, false, chunkings[chunk]);
		run_lent(&bench, false, true, chunkings[chunk]);
		run_lent(&bench, true, true, chunkings[chunk]);
	}
	bench_close(&bench);
}

static void test_ctr_stream_is_the_same_at_every_split_point(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t split = 0; split <= 100; split++) {
		size_t pieces[] = {split, 100 - split};

		material_ctr(&m, &client, 100);
		EXPECT(material_stream(&bench, &client, pieces, 2) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_ctr_stream_of_single_bytes_and_empty_updates_is_the_same(void)
{
	size_t pieces[100];
	struct bench bench;

	for (size_t i = 0; i < 100; i++)
		pieces[i] = i % 2;
	bench_open(&bench);
	material_ctr(&m, &client, 50);
	EXPECT(material_stream(&bench, &client, pieces, 100) == 0);
	EXPECT(material_came_out(&m, &client));
	bench_close(&bench);
}

static void test_ctr_carries_through_all_bytes_of_the_counter(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t ones = 1; ones < 16; ones++) {
		material_ctr(&m, &client, 50);
		memset(m.iv, 0, sizeof(m.iv));
		memset(m.iv + 16 - ones, 0xff, ones);
		material_expect_ctr(&m, &client);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static const char *const last_counters[] = {
	"00112233445566778899aabbffffffff", /* 32 bits */
	"ffffffffffffffffffffffffffffffff", /* 128 bits */
};

static void set_counter(size_t i, size_t blocks_before_wrap, size_t length)
{
	material_ctr(&m, &client, length);
	client.aes_request.ctr_bits = i == 0 ? 32 : 128;
	material_hex(last_counters[i], m.iv);
	m.iv[15] = (uint8_t)(m.iv[15] - (blocks_before_wrap - 1));
	material_expect_ctr(&m, &client);
}

static void test_ctr_uses_the_last_counter_value(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 2; i++) {
		for (size_t blocks = 1; blocks <= 4; blocks++) {
			set_counter(i, blocks, 16 * blocks);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
		}
	}
	bench_close(&bench);
}

static void test_ctr_that_would_wrap_is_size_and_gives_nothing(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 2; i++) {
		for (size_t blocks = 1; blocks <= 4; blocks++) {
			set_counter(i, blocks, 16 * blocks + 1);
			EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
			EXPECT(client.pushed == 0 && material_is_untouched(&m));
		}
	}
	bench_close(&bench);
}

static void test_ctr_stream_stops_before_the_wrap_at_every_split_point(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t split = 0; split <= 48; split++) {
		size_t fits[] = {split, 48 - split}, wraps[] = {split, 49 - split};

		set_counter(split % 2, 3, 48);
		EXPECT(material_stream(&bench, &client, fits, 2) == 0);
		EXPECT(material_came_out(&m, &client));
		set_counter(split % 2, 3, 49);
		EXPECT(material_stream(&bench, &client, wraps, 2) == -PLUTON_ESIZE);
		EXPECT(client.pushed == 0);
	}
	bench_close(&bench);
}

static void test_ctr_stream_at_its_end_takes_an_empty_update_and_not_one_byte_more(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 2; i++) {
		size_t ends[] = {32, 0, 0}, goes_on[] = {32, 0, 1};

		set_counter(i, 2, 32);
		EXPECT(material_stream(&bench, &client, ends, 3) == 0);
		set_counter(i, 2, 33);
		EXPECT(material_stream(&bench, &client, goes_on, 3) == -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

const struct behaviour ctr_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_ctr_gives_the_answers_of_sp_800_38a_both_ways),
	BEHAVIOUR(HIL_AES, test_ctr_with_32_bits_gives_the_same_where_they_do_not_overflow),
	BEHAVIOUR(HIL_AES, test_ctr_of_an_empty_message_moves_no_data),
	BEHAVIOUR(HIL_AES, test_ctr_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR(HIL_AES, test_ctr_is_right_at_every_length_up_to_some_blocks),
	BEHAVIOUR(HIL_AES, test_ctr_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_AES, test_ctr_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_AES, test_ctr_stream_of_single_bytes_and_empty_updates_is_the_same),
	BEHAVIOUR(HIL_AES, test_ctr_carries_through_all_bytes_of_the_counter),
	BEHAVIOUR(HIL_AES, test_ctr_uses_the_last_counter_value),
	BEHAVIOUR(HIL_AES, test_ctr_that_would_wrap_is_size_and_gives_nothing),
	BEHAVIOUR(HIL_AES, test_ctr_stream_stops_before_the_wrap_at_every_split_point),
	BEHAVIOUR(HIL_AES, test_ctr_stream_at_its_end_takes_an_empty_update_and_not_one_byte_more),
	{NULL, NULL, HIL_AES, false, 0},
};
