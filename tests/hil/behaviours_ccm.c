/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of AES engines in CCM alone; what it shares with GCM is in behaviours_aead.c. Known
 * answers: SP 800-38C, appendix C.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

#define LONG_AAD 65536u /* example 4's; its length takes six bytes */

#define CCM (1u << AES_CCM)

static struct material m;
static struct client client;
static uint8_t aad[LONG_AAD];

static const struct known {
	const char *iv;
	size_t aad_length; /* 0, 1, 2 … 255, 0 … */
	const char *plaintext;
	const char *ciphertext;
	const char *tag;
} known[] = {
	{"10111213141516", 8, "20212223", "7162015b", "4dac255d"},
	{"1011121314151617", 16, "202122232425262728292a2b2c2d2e2f",
	 "d2a1f0e051ea5f62081a7792073d593d", "1fc64fbfaccd"},
	{"101112131415161718191a1b", 20, "202122232425262728292a2b2c2d2e2f3031323334353637",
	 "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5", "484392fbc1b09951"},
	{"101112131415161718191a1b1c", LONG_AAD,
	 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
	 "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72",
	 "b4ac6bec93e8598e7f0dadbcea5b"},
};

static void set_known(const struct known *vector)
{
	material_aead_encrypt(&m, &client, AES_CCM, 0, 0);
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)i;
	client.aad = aad;
	client.aes_request.aad_length = vector->aad_length;
	client.aes_request.key_size = material_hex("404142434445464748494a4b4c4d4e4f", m.key);
	client.aes_request.iv_size = material_hex(vector->iv, m.iv);
	client.aes_request.length = material_hex(vector->plaintext, m.input);
	material_hex(vector->ciphertext, m.expected);
	client.aes_request.tag_size = material_hex(vector->tag, m.tag);
}

static void test_ccm_gives_the_answers_of_sp_800_38c_both_ways(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		set_known(&known[i]);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
		material_turn_around(&m, &client);
		material_clear(&m);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void set_sizes(size_t iv_size, size_t tag_size, size_t aad_length, size_t length)
{
	material_aead_encrypt(&m, &client, AES_CCM, aad_length, length);
	client.aes_request.iv_size = iv_size;
	client.aes_request.tag_size = tag_size;
	memset(client.tag, UNTOUCHED, sizeof(client.tag));
	material_expect_aead(&m, &client);
}

static bool follows_the_tag(size_t tag_size)
{
	while (tag_size < AES_TAG_SIZE) {
		if (client.tag[tag_size++] != UNTOUCHED)
			return false;
	}
	return true;
}

static void run_both_ways(struct bench *bench, size_t chunk)
{
	client.pull_chunk = client.push_chunk = client.lend_chunk = chunk;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	EXPECT(follows_the_tag(client.aes_request.tag_size));
	material_turn_around(&m, &client);
	material_clear(&m);
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
}

static void test_ccm_takes_every_size_of_nonce_and_tag(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t iv_size = 7; iv_size <= 13; iv_size++) {
		for (size_t tag_size = 4; tag_size <= 16; tag_size += 2) {
			for (size_t length = 0; length <= 50; length += 5) {
				set_sizes(iv_size, tag_size, (length + iv_size) % 33, length);
				client.lends_input = tag_size & 2;
				client.lends_output = iv_size & 1;
				run_both_ways(&bench, chunkings[length % CHUNKINGS]);
			}
		}
	}
	bench_close(&bench);
}

static void test_a_short_tag_is_checked_to_its_last_bit(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t bit = 0; bit < 8 * AES_TAG_SIZE_MIN; bit++) {
		set_sizes(13, AES_TAG_SIZE_MIN, 20, 100);
		material_turn_around(&m, &client);
		client.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
	}
	bench_close(&bench);
}

static void test_nonces_and_tags_of_other_sizes_are_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t size = 0; size < 20; size++) {
		set_sizes(12, 16, 0, 16);
		client.aes_request.iv_size = size;
		EXPECT(bench_run(&bench, &client) == (size >= 7 && size <= 13 ? 0 : -PLUTON_ESIZE));
		set_sizes(12, 16, 0, 16);
		client.aes_request.tag_size = size;
		EXPECT(bench_run(&bench, &client) ==
		       (size >= 4 && size <= 16 && size % 2 == 0 ? 0 : -PLUTON_ESIZE));
		material_gcm_encrypt(&m, &client, 0, 16);
		client.aes_request.tag_size = size;
		EXPECT(bench_run(&bench, &client) == (size == 16 ? 0 : -PLUTON_ESIZE));
	}
	bench_close(&bench);
}

/* SP 800-38C, A.1: the length must fit what the nonce leaves of the block. */
static void test_a_message_that_is_too_long_for_its_nonce_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	set_sizes(13, 16, 0, 16);
	client.aes_request.length = 1u << 16;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	set_sizes(12, 16, 0, 16);
	client.aes_request.length = 1u << 24;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	EXPECT(material_is_untouched(&m));
	bench_close(&bench);
}

static void test_ccm_in_a_stream_is_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned phase = HIL_MIDDLE; phase < HIL_ONE_SHOT; phase++) {
		set_sizes(12, 16, 0, 16);
		client.aes_request.phase = (enum hil_phase)phase;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		client.aes_request.direction = AES_DECRYPT;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		EXPECT(material_is_untouched(&m));
	}
	bench_close(&bench);
}

const struct behaviour ccm_behaviours[] = {
	BEHAVIOUR_OF_AES(CCM, test_ccm_gives_the_answers_of_sp_800_38c_both_ways),
	BEHAVIOUR_OF_AES(CCM, test_ccm_takes_every_size_of_nonce_and_tag),
	BEHAVIOUR_OF_AES(CCM, test_a_short_tag_is_checked_to_its_last_bit),
	BEHAVIOUR_OF_AES(CCM, test_nonces_and_tags_of_other_sizes_are_size),
	BEHAVIOUR_OF_AES(CCM, test_a_message_that_is_too_long_for_its_nonce_is_size),
	BEHAVIOUR_OF_AES(CCM, test_ccm_in_a_stream_is_nosupport),
	{NULL, NULL, HIL_AES, false, 0},
};
