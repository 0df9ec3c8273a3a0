/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of MAC engines, of HMAC and of CMAC. Known answers: RFC 2202, RFC 4231, NIST's
 * examples of HMAC with SHA-3, and the examples of NIST SP 800-38B.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;
static enum mac_algorithm algorithm; /* what is tested now */
static size_t key_size;

#define TEXT_FOX "what do ya want for nothing?"
#define TEXT_LONG_KEY "Test Using Larger Than Block-Size Key - Hash Key First"
#define TEXT_SAMPLE "Sample message for keylen<blocklen"

/* The examples of the RFCs, and of NIST for SHA-3, whose keys count up from 0. */
static const struct {
	enum mac_algorithm algorithm;
	const char *key; /* as text; NULL: key_byte again and again; 0: counting up */
	uint8_t key_byte;
	size_t key_size;
	const char *text;
	const char *mac;
} hmacs[] = {
	{MAC_HMAC_SHA1, NULL, 0x0b, 20, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
	{MAC_HMAC_SHA1, "Jefe", 0, 4, TEXT_FOX, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{MAC_HMAC_SHA1, NULL, 0xaa, 80, TEXT_LONG_KEY, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	{MAC_HMAC_SHA224, NULL, 0x0b, 20, "Hi There",
	 "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"},
	{MAC_HMAC_SHA224, NULL, 0xaa, 131, TEXT_LONG_KEY,
	 "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"},
	{MAC_HMAC_SHA256, NULL, 0x0b, 20, "Hi There",
	 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{MAC_HMAC_SHA256, "Jefe", 0, 4, TEXT_FOX,
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{MAC_HMAC_SHA256, NULL, 0xaa, 131, TEXT_LONG_KEY,
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{MAC_HMAC_SHA384, NULL, 0xaa, 131, TEXT_LONG_KEY,
	 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df16"
	 "3f44952"},
	{MAC_HMAC_SHA512, "Jefe", 0, 4, TEXT_FOX,
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f"
	 "8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	{MAC_HMAC_SHA512, NULL, 0xaa, 131, TEXT_LONG_KEY,
	 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215"
	 "d6a1e5295e64f73f63f0aec8b915a985d786598"},
	{MAC_HMAC_SHA3_256, NULL, 0, 32, TEXT_SAMPLE,
	 "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205"},
	{MAC_HMAC_SHA3_384, NULL, 0, 48, TEXT_SAMPLE,
	 "d588a3c51f3f2d906e8298c1199aa8ff6296218127f6b38a90b6afe2c5617725bc99987f79b22a557b6520db7"
	 "10b7f42"},
	{MAC_HMAC_SHA3_512, NULL, 0, 64, TEXT_SAMPLE,
	 "4efd629d6c71bf86162658f29943b1c308ce27cdfa6db0d9c3ce81763f9cbce5f7ebe9868031db1a8f8eb7b6b"
	 "95e5c5e3f657a8996c86a2f6527e307f0213196"},
};

#define CMAC_LENGTHS 4u

/* SP 800-38B, appendix D: messages of 0, 16, 40 and 64 bytes. */
static const size_t cmac_lengths[CMAC_LENGTHS] = {0, 16, 40, 64};
static const char cmac_message[] =
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
static const struct {
	const char *key;
	const char *macs[CMAC_LENGTHS];
} cmacs[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c",
	 {"bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c",
	  "dfa66747de9ae63030ca32611497c827", "51f0bebf7e3b9d92fc49741779363cfe"}},
	{"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	 {"d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184",
	  "8a1de5be2eb31aad089a82e6ee908b0e", "a1d5df0eed790f794d77589659f39a11"}},
	{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	 {"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c",
	  "aaf3d8f1de5640c232f5b169b9c911e6", "e1992190549f6ed5696a2c056c315410"}},
};

static enum hil_kind kind_of(enum mac_algorithm number)
{
	return number == MAC_CMAC_AES ? HIL_CMAC : HIL_HMAC;
}

static bool offers(const struct bench *bench, enum mac_algorithm number)
{
	return bench->inner[kind_of(number)] &&
	       bench_mac_caps(bench, kind_of(number))->algorithms & 1u << number;
}

static bool mac_is_expected(void)
{
	return memcmp(client.result_mac, m.expected, client.mac_request.mac_size) == 0;
}

/* A one-shot of the algorithm and key size that are tested now. */
static void wants(size_t length)
{
	material_mac(&m, &client, algorithm, length);
	client.mac_request.key_size = key_size;
	material_expect_mac(&m, &client);
}

static void for_each_key(struct bench *bench, void (*check)(struct bench *bench))
{
	uint32_t sizes;

	if (algorithm != MAC_CMAC_AES) {
		key_size = 20;
		check(bench);
		return;
	}
	sizes = bench_mac_caps(bench, HIL_CMAC)->key_sizes;
	for (key_size = 16; key_size <= 32; key_size += 8) {
		if (sizes & 1u << (key_size / 8))
			check(bench);
	}
}

static void for_each_algorithm(void (*check)(struct bench *bench))
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned number = 1; number < MAC_ALGORITHMS; number++) {
		algorithm = (enum mac_algorithm)number;
		if (offers(&bench, algorithm))
			for_each_key(&bench, check);
	}
	bench_close(&bench);
}

#define EACH(test, check)                                                                          \
	static void test(void)                                                                     \
	{                                                                                          \
		for_each_algorithm(check);                                                         \
	}

/* --- known answers --------------------------------------------------------------------------- */

static void set_hmac_key(size_t i)
{
	if (hmacs[i].key)
		memcpy(m.key, hmacs[i].key, hmacs[i].key_size);
	for (size_t at = 0; !hmacs[i].key && at < hmacs[i].key_size; at++)
		m.key[at] = hmacs[i].key_byte ? hmacs[i].key_byte : (uint8_t)at;
}

static void test_hmacs_are_those_of_the_standards(void)
{
	struct bench bench;
	unsigned count = 0;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(hmacs) / sizeof(hmacs[0]); i++) {
		if (!offers(&bench, hmacs[i].algorithm))
			continue;
		material_mac(&m, &client, hmacs[i].algorithm, strlen(hmacs[i].text));
		set_hmac_key(i);
		client.mac_request.key_size = hmacs[i].key_size;
		client.input = (const uint8_t *)hmacs[i].text;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_hex(hmacs[i].mac, m.expected) == client.mac_request.mac_size);
		EXPECT(client.macs == 1 && client.keys == 1 && mac_is_expected());
		count++;
	}
	EXPECT(count > 0);
	bench_close(&bench);
}

static void test_cmacs_are_those_of_the_standard(void)
{
	struct bench bench;
	uint8_t message[64];

	bench_open(&bench);
	material_hex(cmac_message, message);
	for (size_t i = 0; i < sizeof(cmacs) / sizeof(cmacs[0]); i++) {
		for (size_t j = 0; j < CMAC_LENGTHS; j++) {
			material_mac(&m, &client, MAC_CMAC_AES, cmac_lengths[j]);
			client.mac_request.key_size = material_hex(cmacs[i].key, m.key);
			client.input = message;
			material_hex(cmacs[i].macs[j], m.expected);
			if (mac_check(bench.inner[HIL_CMAC], &client.mac_request) < 0)
				continue;
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(client.macs == 1 && client.keys == 1 && mac_is_expected());
		}
	}
	bench_close(&bench);
}

/* --- pieces ---------------------------------------------------------------------------------- */

static void the_mac_of_an_empty_message_pulls_the_key_and_nothing_else(struct bench *bench)
{
	wants(0);
	client.lends_input = true;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(client.callbacks == 2 && client.keys == 1 && client.macs == 1);
	EXPECT(mac_is_expected());
}
EACH(test_the_mac_of_an_empty_message_pulls_the_key_and_nothing_else,
     the_mac_of_an_empty_message_pulls_the_key_and_nothing_else)

static void a_mac_is_the_same_at_every_chunking(struct bench *bench)
{
	static const size_t lengths[] = {1,   15,  16,	17,  31,  32,	33,  55,
					 63,  64,  65,	111, 127, 128,	129, 143,
					 144, 145, 255, 256, 257, 1024, 4200};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
			wants(lengths[i]);
			client.pull_chunk = chunkings[chunk];
			EXPECT(bench_run(bench, &client) == 0);
			EXPECT(mac_is_expected());
			EXPECT(client.pulled == lengths[i] && !client.read_twice);
		}
	}
}
EACH(test_a_mac_is_the_same_at_every_chunking, a_mac_is_the_same_at_every_chunking)

static void a_mac_is_the_same_on_lent_memory_in_pieces_of_any_size(struct bench *bench)
{
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		wants(4200);
		client.lends_input = true;
		client.lend_chunk = chunkings[chunk];
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(mac_is_expected());
		EXPECT(client.pulled == 4200 && !client.read_twice);
		EXPECT(client.lends > 0 || !bench->maker->lends);
	}
}
EACH(test_a_mac_is_the_same_on_lent_memory_in_pieces_of_any_size,
     a_mac_is_the_same_on_lent_memory_in_pieces_of_any_size)

static void the_mac_of_a_stream_is_the_same_at_every_split_point(struct bench *bench)
{
	for (size_t split = 0; split <= 150; split++) {
		size_t pieces[] = {split, 150 - split};

		wants(150);
		EXPECT(material_stream(bench, &client, pieces, 2) == 0);
		EXPECT(mac_is_expected());
	}
}
EACH(test_the_mac_of_a_stream_is_the_same_at_every_split_point,
     the_mac_of_a_stream_is_the_same_at_every_split_point)

static void the_mac_of_a_stream_in_three_is_the_same_at_every_split(struct bench *bench)
{
	for (size_t a = 0; a <= 48; a += 3) {
		for (size_t b = a; b <= 48; b++) {
			size_t pieces[] = {a, b - a, 48 - b};

			wants(48);
			client.pull_chunk = 5;
			EXPECT(material_stream(bench, &client, pieces, 3) == 0);
			EXPECT(mac_is_expected());
		}
	}
}
EACH(test_the_mac_of_a_stream_in_three_is_the_same_at_every_split,
     the_mac_of_a_stream_in_three_is_the_same_at_every_split)

static void the_mac_of_single_bytes_and_empty_updates_is_the_same(struct bench *bench)
{
	size_t pieces[140];

	for (size_t i = 0; i < 140; i++)
		pieces[i] = i % 2;
	wants(70);
	EXPECT(material_stream(bench, &client, pieces, 140) == 0);
	EXPECT(mac_is_expected());
}
EACH(test_the_mac_of_single_bytes_and_empty_updates_is_the_same,
     the_mac_of_single_bytes_and_empty_updates_is_the_same)

static void a_stream_of_no_bytes_is_the_mac_of_nothing(struct bench *bench)
{
	static const size_t pieces[] = {0, 0, 0};

	wants(0);
	EXPECT(material_stream(bench, &client, pieces, 3) == 0);
	EXPECT(mac_is_expected());
}
EACH(test_a_stream_of_no_bytes_is_the_mac_of_nothing, a_stream_of_no_bytes_is_the_mac_of_nothing)

static void run_phase(struct bench *bench, struct client *who, enum hil_phase phase, size_t length)
{
	who->mac_request.phase = phase;
	who->mac_request.length = length;
	EXPECT(bench_run(bench, who) == 0);
	EXPECT(who->keys == (phase & HIL_FIRST ? 1 : 0));
	who->input += length;
}

static void an_exported_mac_state_can_be_continued_twice(struct bench *bench)
{
	uint8_t state[HIL_STATE_MAX];

	wants(160);
	run_phase(bench, &client, HIL_FIRST, 100);
	memcpy(state, client.state, sizeof(state));
	for (int i = 0; i < 2; i++) {
		memcpy(client.state, state, sizeof(state));
		client.input = m.input + 100;
		run_phase(bench, &client, HIL_LAST, 60);
		EXPECT(mac_is_expected());
	}
}
EACH(test_an_exported_mac_state_can_be_continued_twice,
     an_exported_mac_state_can_be_continued_twice)

static void two_mac_streams_in_turns_do_not_mix(struct bench *bench)
{
	static struct material other_m;
	static struct client other;

	material_mac(&other_m, &other, algorithm, 180);
	other.mac_request.key_size = key_size;
	other_m.key[3] ^= 1;
	other.input = other_m.input + 7;
	material_expect_mac(&other_m, &other);
	wants(80);
	run_phase(bench, &client, HIL_FIRST, 40);
	run_phase(bench, &other, HIL_FIRST, 90);
	run_phase(bench, &client, HIL_LAST, 40);
	run_phase(bench, &other, HIL_LAST, 90);
	EXPECT(mac_is_expected());
	EXPECT(memcmp(other.result_mac, other_m.expected, mac_size(algorithm)) == 0);
}
EACH(test_two_mac_streams_in_turns_do_not_mix, two_mac_streams_in_turns_do_not_mix)

/* --- cut MACs, verified MACs ----------------------------------------------------------------- */

static void a_mac_of_any_allowed_size_is_its_leftmost_bytes(struct bench *bench)
{
	for (size_t size = MAC_SIZE_MIN; size <= mac_size(algorithm); size++) {
		wants(90);
		client.mac_request.mac_size = size;
		memset(client.result_mac, UNTOUCHED, sizeof(client.result_mac));
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(mac_is_expected());
		EXPECT(size == MAC_SIZE_MAX || client.result_mac[size] == UNTOUCHED);
	}
}
EACH(test_a_mac_of_any_allowed_size_is_its_leftmost_bytes,
     a_mac_of_any_allowed_size_is_its_leftmost_bytes)

static int verify(struct bench *bench, size_t size, size_t wrong_bit)
{
	wants(90);
	client.mac_request.verify = true;
	client.mac_request.mac_size = size;
	memset(client.result_mac, UNTOUCHED, sizeof(client.result_mac));
	memcpy(client.result_mac, m.expected, size);
	if (wrong_bit < 8 * size)
		client.result_mac[wrong_bit / 8] ^= (uint8_t)(1u << wrong_bit % 8);
	return bench_run(bench, &client);
}

static void the_right_mac_of_any_allowed_size_is_verified(struct bench *bench)
{
	for (size_t size = MAC_SIZE_MIN; size <= mac_size(algorithm); size++) {
		EXPECT(verify(bench, size, SIZE_MAX) == 0);
		EXPECT(client.macs == 1);
	}
}
EACH(test_the_right_mac_of_any_allowed_size_is_verified,
     the_right_mac_of_any_allowed_size_is_verified)

static void a_mac_with_any_wrong_bit_is_inval(struct bench *bench)
{
	size_t size = mac_size(algorithm);

	for (size_t bit = 0; bit < 8 * size; bit++)
		EXPECT(verify(bench, size, bit) == -PLUTON_EINVAL);
	for (size_t bit = 0; bit < 8 * MAC_SIZE_MIN; bit++)
		EXPECT(verify(bench, MAC_SIZE_MIN, bit) == -PLUTON_EINVAL);
	EXPECT(verify(bench, size, SIZE_MAX) == 0);
}
EACH(test_a_mac_with_any_wrong_bit_is_inval, a_mac_with_any_wrong_bit_is_inval)

static void a_stream_can_be_verified(struct bench *bench)
{
	for (int wrong = 0; wrong < 2; wrong++) {
		wants(70);
		run_phase(bench, &client, HIL_FIRST, 30);
		run_phase(bench, &client, HIL_MIDDLE, 39);
		memcpy(client.result_mac, m.expected, mac_size(algorithm));
		client.result_mac[0] ^= (uint8_t)wrong;
		client.mac_request.verify = true;
		client.mac_request.phase = HIL_LAST;
		client.mac_request.length = 1;
		EXPECT(bench_run(bench, &client) == (wrong ? -PLUTON_EINVAL : 0));
	}
}
EACH(test_a_stream_can_be_verified, a_stream_can_be_verified)

static void mac_sizes_that_are_none_are_size(struct bench *bench)
{
	const size_t sizes[] = {0, 1, MAC_SIZE_MIN - 1, mac_size(algorithm) + 1, SIZE_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		wants(10);
		client.mac_request.mac_size = sizes[i];
		EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
		client.mac_request.verify = true;
		EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	}
}
EACH(test_mac_sizes_that_are_none_are_size, mac_sizes_that_are_none_are_size)

/* --- keys ------------------------------------------------------------------------------------ */

static void test_hmac_keys_of_any_length_up_to_the_most_are_taken(void)
{
	static const size_t around[] = {1,   16,  63,  64,  65,	 71,  72,  73,	103,
					104, 105, 127, 128, 129, 135, 136, 137, 256};
	struct bench bench;
	size_t max;

	bench_open(&bench);
	max = bench_mac_caps(&bench, HIL_HMAC)->key_size_max;
	EXPECT(max <= HMAC_KEY_SIZE_MAX);
	for (unsigned number = 1; number < DIGEST_ALGORITHMS; number++) {
		algorithm = (enum mac_algorithm)number;
		if (!offers(&bench, algorithm))
			continue;
		for (size_t i = 0; i <= sizeof(around) / sizeof(around[0]); i++) {
			key_size = i < sizeof(around) / sizeof(around[0]) ? around[i] : max;
			wants(40);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(mac_is_expected());
		}
	}
	bench_close(&bench);
}

static void test_an_hmac_key_of_no_bytes_or_too_many_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	material_mac(&m, &client, MAC_HMAC_SHA256, 10);
	client.mac_request.key_size = 0;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.mac_request.key_size = bench_mac_caps(&bench, HIL_HMAC)->key_size_max + 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_cmac_key_sizes_work_or_are_refused_as_caps_say(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t size = 0; size <= 40; size++) {
		bool is_aes = size == 16 || size == 24 || size == 32;
		uint32_t sizes = bench_mac_caps(&bench, HIL_CMAC)->key_sizes;
		int wanted = !is_aes ? -PLUTON_ESIZE : -PLUTON_ENOSUPPORT;

		material_mac(&m, &client, MAC_CMAC_AES, 40);
		client.mac_request.key_size = size;
		if (is_aes && sizes & 1u << (size / 8)) {
			material_expect_mac(&m, &client);
			wanted = 0;
		}
		EXPECT(bench_run(&bench, &client) == wanted);
		EXPECT(wanted < 0 || mac_is_expected());
	}
	bench_close(&bench);
}

static void a_slot_key_is_nosupport_or_never_asked_for(struct bench *bench)
{
	wants(16);
	client.mac_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
	if (bench_mac_caps(bench, kind_of(algorithm))->key_slots)
		bench_run(bench, &client);
	else
		EXPECT(bench_run(bench, &client) == -PLUTON_ENOSUPPORT);
	EXPECT(client.keys == 0);
}
EACH(test_a_slot_key_is_nosupport_or_never_asked_for, a_slot_key_is_nosupport_or_never_asked_for)

/* --- refusals -------------------------------------------------------------------------------- */

static void test_mac_algorithms_not_in_caps_are_nosupport(void)
{
	static const enum mac_algorithm own[] = {MAC_HMAC_SHA256, MAC_CMAC_AES};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 2; i++) {
		uint32_t offered;

		if (!offers(&bench, own[i]))
			continue;
		offered = bench_mac_caps(&bench, kind_of(own[i]))->algorithms;

		for (unsigned number = 0; number < 40; number++) {
			if (number < MAC_ALGORITHMS && offered & 1u << number)
				continue;
			material_mac(&m, &client, own[i], 10);
			client.mac_request.algorithm = (enum mac_algorithm)number;
			EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		}
	}
	bench_close(&bench);
}

static void a_mac_over_the_longest_message_or_in_no_phase_is_refused(struct bench *bench)
{
	size_t max = bench_mac_caps(bench, kind_of(algorithm))->length_max;

	wants(10);
	client.mac_request.length = max + 1;
	EXPECT(max == SIZE_MAX || bench_run(bench, &client) == -PLUTON_ESIZE);
	wants(10);
	client.mac_request.phase = (enum hil_phase)(HIL_ONE_SHOT + 1);
	EXPECT(bench_run(bench, &client) == -PLUTON_ENOSUPPORT);
}
EACH(test_a_mac_over_the_longest_message_or_in_no_phase_is_refused,
     a_mac_over_the_longest_message_or_in_no_phase_is_refused)

/* --- sharing --------------------------------------------------------------------------------- */

static struct material materials[HIL_CONCURRENCY_MAX + 1];
static struct client clients[HIL_CONCURRENCY_MAX + 1];

static void macs_over_concurrency_are_busy_until_one_is_done(struct bench *bench)
{
	struct hil_engine *engine = bench_engine(bench, kind_of(algorithm));
	unsigned count = engine->concurrency;

	for (unsigned i = 0; i <= count; i++) {
		material_mac(&materials[i], &clients[i], algorithm, 300 + i);
		clients[i].mac_request.key_size = key_size;
		materials[i].key[0] = (uint8_t)i;
		material_expect_mac(&materials[i], &clients[i]);
		EXPECT(client_start(&clients[i], engine) == (i < count ? 0 : -PLUTON_EBUSY));
	}
	for (unsigned i = 0; i < count; i++) {
		bench_finish(bench, &clients[i]);
		EXPECT(clients[i].result == 0 && clients[i].dones == 1);
		EXPECT(!memcmp(clients[i].result_mac, materials[i].expected, mac_size(algorithm)));
	}
	EXPECT(bench_run(bench, &clients[count]) == 0);
}
EACH(test_macs_over_concurrency_are_busy_until_one_is_done,
     macs_over_concurrency_are_busy_until_one_is_done)

const struct behaviour mac_behaviours[] = {
	BEHAVIOUR(HIL_HMAC, test_hmacs_are_those_of_the_standards),
	BEHAVIOUR(HIL_CMAC, test_cmacs_are_those_of_the_standard),
	BEHAVIOUR(HIL_HMAC, test_the_mac_of_an_empty_message_pulls_the_key_and_nothing_else),
	BEHAVIOUR(HIL_HMAC, test_a_mac_is_the_same_at_every_chunking),
	BEHAVIOUR(HIL_HMAC, test_a_mac_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_HMAC, test_the_mac_of_a_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_HMAC, test_the_mac_of_a_stream_in_three_is_the_same_at_every_split),
	BEHAVIOUR(HIL_HMAC, test_the_mac_of_single_bytes_and_empty_updates_is_the_same),
	BEHAVIOUR(HIL_HMAC, test_a_stream_of_no_bytes_is_the_mac_of_nothing),
	BEHAVIOUR(HIL_HMAC, test_an_exported_mac_state_can_be_continued_twice),
	BEHAVIOUR(HIL_HMAC, test_two_mac_streams_in_turns_do_not_mix),
	BEHAVIOUR(HIL_HMAC, test_a_mac_of_any_allowed_size_is_its_leftmost_bytes),
	BEHAVIOUR(HIL_HMAC, test_the_right_mac_of_any_allowed_size_is_verified),
	BEHAVIOUR(HIL_HMAC, test_a_mac_with_any_wrong_bit_is_inval),
	BEHAVIOUR(HIL_HMAC, test_a_stream_can_be_verified),
	BEHAVIOUR(HIL_HMAC, test_mac_sizes_that_are_none_are_size),
	BEHAVIOUR(HIL_HMAC, test_hmac_keys_of_any_length_up_to_the_most_are_taken),
	BEHAVIOUR(HIL_HMAC, test_an_hmac_key_of_no_bytes_or_too_many_is_size),
	BEHAVIOUR(HIL_CMAC, test_cmac_key_sizes_work_or_are_refused_as_caps_say),
	BEHAVIOUR(HIL_HMAC, test_a_slot_key_is_nosupport_or_never_asked_for),
	BEHAVIOUR(HIL_HMAC, test_mac_algorithms_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_HMAC, test_a_mac_over_the_longest_message_or_in_no_phase_is_refused),
	BEHAVIOUR(HIL_HMAC, test_macs_over_concurrency_are_busy_until_one_is_done),
	{NULL, NULL, HIL_HMAC, false, 0},
};
