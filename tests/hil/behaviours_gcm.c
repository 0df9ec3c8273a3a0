/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of AES engines in GCM. Known answers: the GCM specification (McGrew and Viega),
 * appendix B, those with a 96-bit IV.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

#define ZEROS_16 "00000000000000000000000000000000"
#define IV_0 "000000000000000000000000"
#define IV_1 "cafebabefacedbaddecaf888"
#define KEY_1 "feffe9928665731c6d6a8f9467308308"
#define AAD_1 "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define PLAIN_60                                                                                   \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define PLAIN_64 PLAIN_60 "1aafd255"
#define CIPHER_128                                                                                 \
	"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"                         \
	"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
#define CIPHER_192                                                                                 \
	"3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"                         \
	"7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710"
#define CIPHER_256                                                                                 \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                         \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct known {
	const char *key;
	const char *iv;
	const char *aad;
	const char *plaintext;
	const char *ciphertext;
	const char *tag;
} known[] = {
	{ZEROS_16, IV_0, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
	{ZEROS_16, IV_0, "", ZEROS_16, "0388dace60b6a392f328c2b971b2fe78",
	 "ab6e47d42cec13bdf53a67b21257bddf"},
	{KEY_1, IV_1, "", PLAIN_64, CIPHER_128 "473f5985", "4d5c2af327cd64a62cf35abd2ba6fab4"},
	{KEY_1, IV_1, AAD_1, PLAIN_60, CIPHER_128, "5bc94fbc3221a5db94fae95ae7121a47"},
	{ZEROS_16 "0000000000000000", IV_0, "", "", "", "cd33b28ac773f74ba00ed1f312572435"},
	{ZEROS_16 "0000000000000000", IV_0, "", ZEROS_16, "98e7247c07f0fe411c267e4384b0f600",
	 "2ff58d80033927ab8ef4d4587514f0fb"},
	{KEY_1 "feffe9928665731c", IV_1, "", PLAIN_64, CIPHER_192 "acade256",
	 "9924a7c8587336bfb118024db8674a14"},
	{KEY_1 "feffe9928665731c", IV_1, AAD_1, PLAIN_60, CIPHER_192,
	 "2519498e80f1478f37ba55bd6d27618c"},
	{ZEROS_16 ZEROS_16, IV_0, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	{ZEROS_16 ZEROS_16, IV_0, "", ZEROS_16, "cea7403d4d606b6e074ec5d3baf39d18",
	 "d0d1c8a799996bf0265b98b5d48ab919"},
	{KEY_1 KEY_1, IV_1, "", PLAIN_64, CIPHER_256 "898015ad",
	 "b094dac5d93471bdec1a502270e3cc6c"},
	{KEY_1 KEY_1, IV_1, AAD_1, PLAIN_60, CIPHER_256, "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static bool has_key_size(const struct bench *bench, size_t key_size)
{
	return bench_aes_caps(bench)->key_sizes & (1u << (key_size / 8));
}

static void set_known(const struct known *vector, enum aes_direction direction)
{
	bool encrypts = direction == AES_ENCRYPT;

	material_gcm_encrypt(&m, &client, 0, 0);
	client.aes_request.direction = direction;
	client.aes_request.key_size = material_hex(vector->key, m.key);
	client.aes_request.aad_length = material_hex(vector->aad, m.aad);
	material_hex(vector->iv, m.iv);
	material_hex(encrypts ? vector->ciphertext : vector->plaintext, m.expected);
	client.aes_request.length =
		material_hex(encrypts ? vector->plaintext : vector->ciphertext, m.input);
	material_hex(vector->tag, m.tag);
	if (!encrypts)
		memcpy(client.tag, m.tag, sizeof(client.tag));
}

static void run_known(enum aes_direction direction)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		set_known(&known[i], direction);
		if (!has_key_size(&bench, client.aes_request.key_size))
			continue;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_gcm_encryption_gives_the_answers_of_its_specification(void)
{
	run_known(AES_ENCRYPT);
}

static void test_gcm_decryption_gives_the_answers_of_its_specification(void)
{
	run_known(AES_DECRYPT);
}

static void test_gcm_stream_is_the_same_at_every_split_point(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t split = 0; split <= 100; split++) {
		size_t pieces[] = {split, 100 - split};

		material_gcm_encrypt(&m, &client, split % 37, 100);
		EXPECT(material_stream(&bench, &client, pieces, 2) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void test_gcm_stream_in_three_is_the_same_at_every_pair_of_split_points(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t a = 0; a <= 40; a += 3) {
		for (size_t b = a; b <= 40; b++) {
			size_t pieces[] = {a, b - a, 40 - b};

			material_gcm_encrypt(&m, &client, 20, 40);
			client.pull_chunk = 7;
			EXPECT(material_stream(&bench, &client, pieces, 3) == 0);
			EXPECT(material_came_out(&m, &client));
		}
	}
	bench_close(&bench);
}

static void test_gcm_stream_of_aad_alone_gives_its_tag(void)
{
	size_t pieces[] = {0, 0, 0};
	struct bench bench;

	bench_open(&bench);
	material_gcm_encrypt(&m, &client, 33, 0);
	EXPECT(material_stream(&bench, &client, pieces, 3) == 0);
	EXPECT(material_came_out(&m, &client));
	bench_close(&bench);
}

static void test_an_iv_of_the_engine_opens_what_it_sealed(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_encrypt(&m, &client, 20, 100);
	client.aes_request.engine_iv = true;
	if (!bench_aes_caps(&bench)->engine_iv) {
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	} else {
		EXPECT(bench_run(&bench, &client) == 0);
		memcpy(m.iv, client.iv_out, AES_GCM_IV_SIZE);
		material_expect_aead(&m, &client);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

const struct behaviour gcm_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_gcm_encryption_gives_the_answers_of_its_specification),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_gives_the_answers_of_its_specification),
	BEHAVIOUR(HIL_AES, test_gcm_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_AES, test_gcm_stream_in_three_is_the_same_at_every_pair_of_split_points),
	BEHAVIOUR(HIL_AES, test_gcm_stream_of_aad_alone_gives_its_tag),
	BEHAVIOUR(HIL_AES, test_an_iv_of_the_engine_opens_what_it_sealed),
	{NULL, NULL, HIL_AES, false, 0},
};
