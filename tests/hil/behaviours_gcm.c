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

static void test_gcm_encryption_of_an_empty_message_moves_no_data(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_encrypt(&m, &client, 0, 0);
	client.lends_input = client.lends_output = true;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.callbacks == 3); /* key, IV, tag */
	EXPECT(material_came_out(&m, &client));
	bench_close(&bench);
}

static void test_gcm_decryption_of_an_empty_message_still_checks_the_tag(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t aad = 0; aad < 40; aad += 13) {
		material_gcm_decrypt(&m, &client, aad, 0);
		EXPECT(bench_run(&bench, &client) == 0);
		client.tag[15] ^= 0x80;
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	}
	bench_close(&bench);
}

static void test_gcm_encryption_is_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t in = 0; in < CHUNKINGS; in++) {
		for (size_t out = 0; out < CHUNKINGS; out++) {
			material_gcm_encrypt(&m, &client, 300, 4200);
			client.pull_chunk = chunkings[in];
			client.push_chunk = chunkings[out];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			EXPECT(client.pulled == 4200 && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void test_gcm_decryption_is_the_same_at_every_pair_of_chunkings(void)
{
	struct bench bench;
	size_t length;

	bench_open(&bench);
	length = material_decryptable(&bench, 4200);
	for (size_t in = 0; in < CHUNKINGS; in++) {
		for (size_t out = 0; out < CHUNKINGS; out++) {
			material_gcm_decrypt(&m, &client, 300, length);
			client.pull_chunk = chunkings[in];
			client.push_chunk = chunkings[out];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			EXPECT(client.pulled == length && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void test_gcm_is_right_at_every_length_of_data_and_aad(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t length = 0; length <= 50; length++) {
		for (size_t aad = 0; aad <= 34; aad += 1 + length % 5) {
			material_gcm_encrypt(&m, &client, aad, length);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_came_out(&m, &client));
			material_gcm_decrypt(&m, &client, aad, length);
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

static void test_gcm_encryption_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		for (int lends = 1; lends < 4; lends++) {
			material_gcm_encrypt(&m, &client, 20, 4200);
			run_lent(&bench, lends & 1, lends & 2, chunkings[chunk]);
			EXPECT(client.lends > 0 || !bench.maker->lends);
		}
	}
	bench_close(&bench);
}

static void test_gcm_decryption_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		for (int lends = 1; lends < 4; lends++) {
			material_gcm_decrypt(&m, &client, 20, material_decryptable(&bench, 4200));
			run_lent(&bench, lends & 1, lends & 2, chunkings[chunk]);
		}
	}
	bench_close(&bench);
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

static void expect_refused_plaintext(struct bench *bench)
{
	EXPECT(bench_run(bench, &client) == -PLUTON_EINVAL);
	EXPECT(client.pushed == 0);
	EXPECT(material_is_untouched(&m));
}

static void test_bad_tag_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned bit = 0; bit < 8 * AES_TAG_SIZE; bit++) {
		material_gcm_decrypt(&m, &client, 20, 200);
		client.lends_input = bit & 1;
		client.lends_output = bit & 2;
		client.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_refused_plaintext(&bench);
	}
	bench_close(&bench);
}

static void test_a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 200; i++) {
		uint8_t *const changed[] = {m.input, m.aad, m.key, m.iv};
		static const size_t sizes[] = {200, 20, 32, 12};

		material_gcm_decrypt(&m, &client, 20, 200);
		client.lends_input = i & 4;
		client.lends_output = i & 8;
		changed[i % 4][i % sizes[i % 4]] ^= 1;
		expect_refused_plaintext(&bench);
	}
	bench_close(&bench);
}

static void test_a_cut_or_longer_message_gives_no_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_decrypt(&m, &client, 20, 100);
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

static void test_unsealed_decryption_over_the_scratch_is_size(void)
{
	struct bench bench;
	size_t length;

	bench_open(&bench);
	length = over_scratch(&bench);
	EXPECT(length > 0);
	material_gcm_decrypt(&m, &client, 20, length);
	client.lends_input = client.lends_output = true;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	EXPECT(material_is_untouched(&m));
	bench_close(&bench);
}

static void set_sealed(const struct bench *bench, size_t lend_chunk)
{
	material_gcm_decrypt(&m, &client, 20, over_scratch(bench));
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

static void test_sealed_decryption_over_the_scratch_goes_through_lent_memory(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		run_sealed(&bench, chunkings[chunk], false);
		run_sealed(&bench, chunkings[chunk], true);
	}
	bench_close(&bench);
}

static void test_sealed_decryption_with_a_bad_tag_gives_no_plaintext(void)
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

static void test_sealed_decryption_over_the_scratch_without_lent_memory_is_size(void)
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

static void test_input_that_changes_at_any_callback_releases_no_unverified_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned round = 0; round < 8; round++) {
		unsigned k = 0;

		do {
			material_gcm_decrypt(&m, &client, 20, 200);
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

static void test_input_that_changes_between_steps_releases_no_unverified_plaintext(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 64; turns++) {
		size_t length = material_decryptable(&bench, 4200);

		material_gcm_decrypt(&m, &client, 20, length);
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

	material_gcm_encrypt(&opened, &reader, client.aes_request.aad_length, 0);
	/* Encrypting what is ciphertext gives the plaintext; encrypting that gives its tag. */
	reader.aes_request.length = client.aes_request.length;
	memcpy(opened.input, m.output, client.aes_request.length);
	material_expect_gcm(&opened, &reader);
	memcpy(opened.input, opened.expected, client.aes_request.length);
	material_expect_gcm(&opened, &reader);
	return memcmp(opened.tag, client.tag, sizeof(client.tag)) == 0;
}

static void test_encryption_of_changing_input_has_the_tag_of_its_output(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 64; turns++) {
		material_gcm_encrypt(&m, &client, 20, 2000);
		client.lends_input = turns & 1;
		client.lends_output = turns & 2;
		EXPECT(run_with_change_after(&bench, turns / 2, turns & 4 ? 1999 : 0) == 0);
		EXPECT(tag_is_true());
	}
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
		material_expect_gcm(&m, &client);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

const struct behaviour gcm_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_gcm_encryption_gives_the_answers_of_its_specification),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_gives_the_answers_of_its_specification),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_of_an_empty_message_moves_no_data),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_of_an_empty_message_still_checks_the_tag),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_is_the_same_at_every_pair_of_chunkings),
	BEHAVIOUR(HIL_AES, test_gcm_is_right_at_every_length_of_data_and_aad),
	BEHAVIOUR(HIL_AES, test_gcm_encryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_AES, test_gcm_decryption_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_AES, test_gcm_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_AES, test_gcm_stream_in_three_is_the_same_at_every_pair_of_split_points),
	BEHAVIOUR(HIL_AES, test_gcm_stream_of_aad_alone_gives_its_tag),
	BEHAVIOUR(HIL_AES, test_bad_tag_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_a_changed_ciphertext_aad_key_or_iv_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_a_cut_or_longer_message_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_unsealed_decryption_over_the_scratch_is_size),
	BEHAVIOUR(HIL_AES, test_sealed_decryption_over_the_scratch_goes_through_lent_memory),
	BEHAVIOUR(HIL_AES, test_sealed_decryption_with_a_bad_tag_gives_no_plaintext),
	BEHAVIOUR(HIL_AES, test_sealed_decryption_over_the_scratch_without_lent_memory_is_size),
	BEHAVIOUR(HIL_AES,
		  test_input_that_changes_at_any_callback_releases_no_unverified_plaintext),
	BEHAVIOUR(HIL_AES, test_input_that_changes_between_steps_releases_no_unverified_plaintext),
	BEHAVIOUR(HIL_AES, test_encryption_of_changing_input_has_the_tag_of_its_output),
	BEHAVIOUR(HIL_AES, test_an_iv_of_the_engine_opens_what_it_sealed),
	{NULL, NULL, HIL_AES, false},
};
