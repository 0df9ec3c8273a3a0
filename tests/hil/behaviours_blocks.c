/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of AES engines in ECB and CBC. Known answers: SP 800-38A, appendices F.1 and F.2.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

#define LONG_LENGTH 4208u /* whole blocks, a little more than a chunk of any engine */

#define BLOCK_MODES (1u << AES_ECB | 1u << AES_CBC)

static struct material m;
static struct client client;

static const enum aes_mode modes[] = {AES_ECB, AES_CBC};
#define MODES (sizeof(modes) / sizeof(modes[0]))

#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"

static const char plaintext[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
				"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct {
	enum aes_mode mode;
	const char *key;
	const char *ciphertext;
} known[] = {
	{AES_ECB, KEY_128,
	 "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
	 "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"},
	{AES_ECB, KEY_192,
	 "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"
	 "ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e"},
	{AES_ECB, KEY_256,
	 "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
	 "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7"},
	{AES_CBC, KEY_128,
	 "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
	 "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
	{AES_CBC, KEY_192,
	 "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	 "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
	{AES_CBC, KEY_256,
	 "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	 "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
};

static void set_known(size_t i)
{
	material_blocks(&m, &client, known[i].mode, 64);
	client.aes_request.key_size = material_hex(known[i].key, m.key);
	material_hex("000102030405060708090a0b0c0d0e0f", m.iv);
	material_hex(plaintext, m.input);
	material_hex(known[i].ciphertext, m.expected);
}

static void test_ecb_and_cbc_give_the_answers_of_sp_800_38a_both_ways(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		set_known(i);
		if (!(bench_aes_caps(&bench)->key_sizes &
		      (1u << (client.aes_request.key_size / 8))))
			continue;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
		material_turn_around(&m, &client);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void set(unsigned way, size_t length)
{
	material_blocks(&m, &client, modes[way % MODES], length);
	if (way >= MODES)
		material_turn_around(&m, &client);
}

/* Both modes, both ways. */
#define WAYS (2 * MODES)

static void test_an_empty_message_of_blocks_moves_no_data(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned way = 0; way < WAYS; way++) {
		set(way, 0);
		client.lends_input = client.lends_output = true;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(client.callbacks == (client.aes_request.mode == AES_CBC ? 2 : 1));
		EXPECT(material_is_untouched(&m));
	}
	bench_close(&bench);
}

static void test_ecb_and_cbc_are_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < CHUNKINGS * CHUNKINGS * WAYS; i++) {
		set(i % WAYS, LONG_LENGTH);
		client.pull_chunk = chunkings[i / WAYS % CHUNKINGS];
		client.push_chunk = chunkings[i / WAYS / CHUNKINGS];
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
		EXPECT(client.pulled == LONG_LENGTH && !client.read_twice);
	}
	bench_close(&bench);
}

static void test_ecb_and_cbc_are_right_at_every_number_of_blocks(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 40 * WAYS; i++) {
		set(i % WAYS, 16 * (i / WAYS));
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
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
	EXPECT(client.pulled == LONG_LENGTH && client.pushed == LONG_LENGTH && !client.read_twice);
	EXPECT(client.lends > 0 || !bench->maker->lends);
}

static void test_ecb_and_cbc_are_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < CHUNKINGS * WAYS; i++) {
		for (int lends = 1; lends < 4; lends++) {
			set(i % WAYS, LONG_LENGTH);
			run_lent(&bench, lends & 1, lends & 2, chunkings[i / WAYS]);
		}
	}
	bench_close(&bench);
}

/* --- streams --------------------------------------------------------------------------------- */

static void test_a_stream_of_blocks_is_the_same_at_every_pair_of_split_points(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < WAYS * 11 * 11; i++) {
		size_t a = i / WAYS % 11, b = i / WAYS / 11;
		size_t pieces[] = {16 * a, 16 * (b - a), 16 * (10 - b)};

		if (b < a)
			continue;
		set(i % WAYS, 160);
		client.pull_chunk = 7;
		client.lends_input = a & 1;
		client.lends_output = b & 1;
		EXPECT(material_stream(&bench, &client, pieces, 3) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_a_stream_of_nothing_but_empty_updates_ends_well(void)
{
	size_t pieces[] = {0, 0, 0};
	struct bench bench;

	bench_open(&bench);
	for (unsigned way = 0; way < WAYS; way++) {
		set(way, 0);
		EXPECT(material_stream(&bench, &client, pieces, 3) == 0);
		EXPECT(material_is_untouched(&m));
	}
	bench_close(&bench);
}

/* --- sizes ----------------------------------------------------------------------------------- */

static void test_blocks_that_are_not_whole_are_size_in_every_phase(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned way = 0; way < WAYS; way++) {
		for (size_t length = 1; length < 50; length += length % 16 == 15 ? 2 : 1) {
			set(way, 64);
			client.aes_request.phase = (enum hil_phase)(length % 4);
			client.aes_request.length = length;
			EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
			EXPECT(material_is_untouched(&m));
		}
	}
	bench_close(&bench);
}

static void test_an_iv_that_is_no_block_or_a_tag_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t size = 0; size < 20; size++) {
		set(1, 16); /* CBC */
		client.aes_request.iv_size = size;
		EXPECT(bench_run(&bench, &client) == (size == 16 ? 0 : -PLUTON_ESIZE));
		set(0, 16);
		client.aes_request.iv_size = size;
		EXPECT(bench_run(&bench, &client) == (size == 0 ? 0 : -PLUTON_ESIZE));
		set((unsigned)size % WAYS, 16);
		client.aes_request.tag_size = size;
		EXPECT(bench_run(&bench, &client) == (size == 0 ? 0 : -PLUTON_ESIZE));
	}
	bench_close(&bench);
}

/* --- memory that changes ---------------------------------------------------------------------- */

/* What came out is that of the message before or after the change, all of it. */
static bool is_of_one_message(size_t change_at)
{
	if (material_came_out(&m, &client))
		return true;
	material_expect_blocks(&m, &client);
	if (material_came_out(&m, &client))
		return true;
	m.input[change_at] ^= 0x01;
	material_expect_blocks(&m, &client);
	m.input[change_at] ^= 0x01;
	return material_came_out(&m, &client);
}

/* Each way of each mode, on memory that is lent and not, with trouble at each callback in turn. */
static void at_every_callback(enum trouble trouble, bool (*is_right)(size_t change_at))
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned way = 0; way < 2 * WAYS; way++) {
		unsigned k = 0;

		do {
			set(way % WAYS, 320);
			client.pull_chunk = client.push_chunk = 50;
			client.lend_chunk = 70;
			client.lends_input = client.lends_output = way >= WAYS;
			client.trouble = trouble;
			client.trouble_at = ++k;
			client.change_at = k % 20 * 16;
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(is_right(client.change_at));
		} while (client.troubled);
	}
	bench_close(&bench);
}

static void test_blocks_of_changing_input_are_those_of_one_message(void)
{
	at_every_callback(TROUBLE_CHANGE, is_of_one_message);
}

static bool is_right_but_for(size_t change_at)
{
	m.output[change_at] = m.expected[change_at];
	return material_came_out(&m, &client);
}

/* CBC does not chain with what it gave out: the client may have changed it already. */
static void test_output_that_its_client_changes_has_no_part_in_what_follows(void)
{
	at_every_callback(TROUBLE_SCRIBBLE, is_right_but_for);
}

const struct behaviour blocks_behaviours[] = {
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_ecb_and_cbc_give_the_answers_of_sp_800_38a_both_ways),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_an_empty_message_of_blocks_moves_no_data),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_ecb_and_cbc_are_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_ecb_and_cbc_are_right_at_every_number_of_blocks),
	BEHAVIOUR_OF_AES(BLOCK_MODES,
			 test_ecb_and_cbc_are_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR_OF_AES(BLOCK_MODES,
			 test_a_stream_of_blocks_is_the_same_at_every_pair_of_split_points),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_a_stream_of_nothing_but_empty_updates_ends_well),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_blocks_that_are_not_whole_are_size_in_every_phase),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_an_iv_that_is_no_block_or_a_tag_is_size),
	BEHAVIOUR_OF_AES(BLOCK_MODES, test_blocks_of_changing_input_are_those_of_one_message),
	BEHAVIOUR_OF_AES(BLOCK_MODES,
			 test_output_that_its_client_changes_has_no_part_in_what_follows),
	{NULL, NULL, HIL_AES, false, 0},
};
