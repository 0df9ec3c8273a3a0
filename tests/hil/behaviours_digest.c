/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of digest engines. Known answers: the examples of FIPS 180-4 and FIPS 202.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;
static enum digest_algorithm algorithm; /* what is tested now */

static const char *const messages[] = {
	"",
	"abc",
	"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
	 "lmnopqrsmnopqrstnopqrstu"),
};
#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

static const struct {
	enum digest_algorithm algorithm;
	const char *digests[MESSAGES];
	const char *million; /* of as many letters a */
} known[] = {
	{DIGEST_SHA1,
	 {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "a9993e364706816aba3e25717850c26c9cd0d89d",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "a49b2446a02c645bf419f995b67091253a04a259"},
	 "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
	{DIGEST_SHA224,
	 {"d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
	  "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
	  "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
	  "c97ca9a559850ce97a04a96def6d99a9e0e0e2ab14e6b8df265fc0b3"},
	 "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67"},
	{DIGEST_SHA256,
	 {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	{DIGEST_SHA384,
	 {"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f1"
	  "4898b95b",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1"
	  "34c825a7",
	  "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6b0455a8520bc4e6f5fe95b1f"
	  "e3c8452b",
	  "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa"
	  "91746039"},
	 "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87"
	 "f3d8985"},
	{DIGEST_SHA512,
	 {"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2"
	  "877eec2f63b931bd47417a81a538327af927da3e",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
	  "a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	  "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c33596fd15c13b1b07f9aa1d3bea"
	  "57789ca031ad85c7a71dd70354ec631238ca3445",
	  "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99de"
	  "c4b5433ac7d329eeb6dd26545e96e55b874be909"},
	 "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce"
	 "577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
	{DIGEST_SHA3_256,
	 {"a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
	  "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
	  "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376",
	  "916f6061fe879741ca6469b43971dfdb28b1a32dc36cb3254e812be27aad1d18"},
	 "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1"},
	{DIGEST_SHA3_384,
	 {"0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e0"
	  "58d5f004",
	  "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf2"
	  "28376d25",
	  "991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32b9d4ad5aa04a1f076e62fea19eef51ac"
	  "d0657c22",
	  "79407d3b5916b59c3e30b09822974791c313fb9ecc849e406f23592d04f625dc8c709b98b43b3852b3372161"
	  "79aa7fc7"},
	 "eee9e24d78c1855337983451df97c8ad9eedf256c6334f8e948d252d5e0e76847aa0774ddb90a842190d2c558"
	 "b4b8340"},
	{DIGEST_SHA3_512,
	 {"a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e940"
	  "2c3ac558f500199d95b6d3e301758586281dcd26",
	  "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec576"
	  "47e3934057340b4cf408d5a56592f8274eec53f0",
	  "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636dee691fbe0c985302ba1b0d8d"
	  "c78c086346b533b49c030d99a27daf1139d6e75e",
	  "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360feebf18a4fa73e3261122948efcfd492e74"
	  "e82e2189ed0fb440d187f382270cb455f21dd185"},
	 "3c3a876da14034ab60627c077bb98f7e120a2a5370212dffb3385a18d4f38859ed311d0a9d5141ce9cc5c66ee"
	 "689b266a8aa18ace8282a0e0db596c90b0a7b87"},
};

static bool digest_is(const char *hex)
{
	uint8_t expected[DIGEST_SIZE_MAX];
	size_t size = material_hex(hex, expected);

	return size == digest_size(algorithm) && memcmp(client.result_digest, expected, size) == 0;
}

static bool digest_is_expected(void)
{
	return memcmp(client.result_digest, m.expected, digest_size(algorithm)) == 0;
}

/* The next one that the engine offers; 0: there is none. */
static enum digest_algorithm next_offered(const struct bench *bench, enum digest_algorithm after)
{
	uint32_t offered = bench_digest_caps(bench)->algorithms;

	for (uint32_t next = after + 1u; next < DIGEST_ALGORITHMS; next++) {
		if (offered & 1u << next)
			return (enum digest_algorithm)next;
	}
	return 0;
}

static void for_each_algorithm(void (*check)(struct bench *bench))
{
	struct bench bench;

	bench_open(&bench);
	for (algorithm = next_offered(&bench, 0); algorithm;
	     algorithm = next_offered(&bench, algorithm))
		check(&bench);
	bench_close(&bench);
}

#define EACH(test, check)                                                                          \
	static void test(void)                                                                     \
	{                                                                                          \
		for_each_algorithm(check);                                                         \
	}

static void wants(enum hil_phase phase, const void *input, size_t length)
{
	client_wants_digest(&client, phase, input, length);
	client.digest_request.algorithm = algorithm;
}

static void test_digests_are_those_of_the_standards(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		algorithm = known[i].algorithm;
		if (!(bench_digest_caps(&bench)->algorithms & 1u << algorithm))
			continue;
		for (size_t j = 0; j < MESSAGES; j++) {
			client_init(&client);
			wants(HIL_ONE_SHOT, messages[j], strlen(messages[j]));
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(client.digests == 1);
			EXPECT(digest_is(known[i].digests[j]));
		}
	}
	bench_close(&bench);
}

/* In 125 starts. */
static void hash_a_million_letters(struct bench *bench)
{
	static char letters[8000];

	memset(letters, 'a', sizeof(letters));
	client_init(&client);
	wants(HIL_FIRST, letters, sizeof(letters));
	for (size_t i = 0; i < 125; i++) {
		client.input = (const uint8_t *)letters;
		client.digest_request.phase = i == 0 ? HIL_FIRST : i == 124 ? HIL_LAST : HIL_MIDDLE;
		client.digest_request.length = sizeof(letters);
		EXPECT(bench_run(bench, &client) == 0);
	}
}

static void test_digests_of_a_million_letters_are_those_of_the_standards(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		algorithm = known[i].algorithm;
		if (!(bench_digest_caps(&bench)->algorithms & 1u << algorithm))
			continue;
		hash_a_million_letters(&bench);
		EXPECT(digest_is(known[i].million));
	}
	bench_close(&bench);
}

static void the_digest_of_an_empty_message_pulls_nothing(struct bench *bench)
{
	material_digest_by(&m, &client, algorithm, 0);
	client.lends_input = true;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(client.callbacks == 1 && client.digests == 1);
	EXPECT(digest_is_expected());
}
EACH(test_the_digest_of_an_empty_message_pulls_nothing,
     the_digest_of_an_empty_message_pulls_nothing)

static void a_digest_is_the_same_at_every_chunking(struct bench *bench)
{
	static const size_t lengths[] = {1, 55, 56, 63, 64, 65, 255, 256, 257, 4200};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
			material_digest_by(&m, &client, algorithm, lengths[i]);
			client.pull_chunk = chunkings[chunk];
			EXPECT(bench_run(bench, &client) == 0);
			EXPECT(digest_is_expected());
			EXPECT(client.pulled == lengths[i] && !client.read_twice);
		}
	}
}
EACH(test_a_digest_is_the_same_at_every_chunking, a_digest_is_the_same_at_every_chunking)

static void a_digest_is_the_same_on_lent_memory_in_pieces_of_any_size(struct bench *bench)
{
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		material_digest_by(&m, &client, algorithm, 4200);
		client.lends_input = true;
		client.lend_chunk = chunkings[chunk];
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(digest_is_expected());
		EXPECT(client.pulled == 4200 && !client.read_twice);
		EXPECT(client.lends > 0 || !bench->maker->lends);
	}
}
EACH(test_a_digest_is_the_same_on_lent_memory_in_pieces_of_any_size,
     a_digest_is_the_same_on_lent_memory_in_pieces_of_any_size)

static void the_digest_of_a_stream_is_the_same_at_every_split_point(struct bench *bench)
{
	for (size_t split = 0; split <= 130; split++) {
		size_t pieces[] = {split, 130 - split};

		material_digest_by(&m, &client, algorithm, 130);
		EXPECT(material_stream(bench, &client, pieces, 2) == 0);
		EXPECT(digest_is_expected());
	}
}
EACH(test_the_digest_of_a_stream_is_the_same_at_every_split_point,
     the_digest_of_a_stream_is_the_same_at_every_split_point)

static void the_digest_of_a_stream_in_three_is_the_same_at_every_split(struct bench *bench)
{
	for (size_t a = 0; a <= 72; a += 4) {
		for (size_t b = a; b <= 72; b++) {
			size_t pieces[] = {a, b - a, 72 - b};

			material_digest_by(&m, &client, algorithm, 72);
			client.pull_chunk = 5;
			EXPECT(material_stream(bench, &client, pieces, 3) == 0);
			EXPECT(digest_is_expected());
		}
	}
}
EACH(test_the_digest_of_a_stream_in_three_is_the_same_at_every_split,
     the_digest_of_a_stream_in_three_is_the_same_at_every_split)

static void the_digest_of_single_bytes_and_empty_updates_is_the_same(struct bench *bench)
{
	size_t pieces[140];

	for (size_t i = 0; i < 140; i++)
		pieces[i] = i % 2;
	material_digest_by(&m, &client, algorithm, 70);
	EXPECT(material_stream(bench, &client, pieces, 140) == 0);
	EXPECT(digest_is_expected());
}
EACH(test_the_digest_of_single_bytes_and_empty_updates_is_the_same,
     the_digest_of_single_bytes_and_empty_updates_is_the_same)

static void an_exported_digest_state_can_be_continued_twice(struct bench *bench)
{
	uint8_t state[HIL_STATE_MAX];

	material_digest_by(&m, &client, algorithm, 100);
	client.digest_request.phase = HIL_FIRST;
	EXPECT(bench_run(bench, &client) == 0);
	memcpy(state, client.state, sizeof(state));
	material_digest_by(&m, &client, algorithm, 100);
	for (int i = 0; i < 2; i++) {
		memcpy(client.state, state, sizeof(state));
		client.input = m.input + 100;
		client.digest_request = (struct digest_request){algorithm, HIL_LAST, 60};
		EXPECT(bench_run(bench, &client) == 0);
		material_hash(algorithm, m.input, 160, m.expected);
		EXPECT(digest_is_expected());
	}
}
EACH(test_an_exported_digest_state_can_be_continued_twice,
     an_exported_digest_state_can_be_continued_twice)

static void two_digest_streams_in_turns_do_not_mix(struct bench *bench)
{
	static struct material other_m;
	static struct client other;

	material_digest_by(&m, &client, algorithm, 40);
	material_digest_by(&other_m, &other, algorithm, 90);
	other.input = other_m.input + 7;
	material_hash(algorithm, other.input, 180, other_m.expected);
	material_hash(algorithm, m.input, 80, m.expected);
	client.digest_request.phase = other.digest_request.phase = HIL_FIRST;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(bench_run(bench, &other) == 0);
	client.input += 40;
	other.input += 90;
	client.digest_request.phase = other.digest_request.phase = HIL_LAST;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(bench_run(bench, &other) == 0);
	EXPECT(digest_is_expected());
	EXPECT(memcmp(other.result_digest, other_m.expected, digest_size(algorithm)) == 0);
}
EACH(test_two_digest_streams_in_turns_do_not_mix, two_digest_streams_in_turns_do_not_mix)

const struct behaviour digest_behaviours[] = {
	BEHAVIOUR(HIL_DIGEST, test_digests_are_those_of_the_standards),
	BEHAVIOUR(HIL_DIGEST, test_digests_of_a_million_letters_are_those_of_the_standards),
	BEHAVIOUR(HIL_DIGEST, test_the_digest_of_an_empty_message_pulls_nothing),
	BEHAVIOUR(HIL_DIGEST, test_a_digest_is_the_same_at_every_chunking),
	BEHAVIOUR(HIL_DIGEST, test_a_digest_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_DIGEST, test_the_digest_of_a_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_DIGEST, test_the_digest_of_a_stream_in_three_is_the_same_at_every_split),
	BEHAVIOUR(HIL_DIGEST, test_the_digest_of_single_bytes_and_empty_updates_is_the_same),
	BEHAVIOUR(HIL_DIGEST, test_an_exported_digest_state_can_be_continued_twice),
	BEHAVIOUR(HIL_DIGEST, test_two_digest_streams_in_turns_do_not_mix),
	{NULL, NULL, HIL_DIGEST, false, 0},
};
