/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of digest engines. Known answers: FIPS 180-4's examples.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

#define SHA256_SIZE 32u

static struct material m;
static struct client client;

static const struct {
	const char *message;
	const char *digest;
} known[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
	 "lmnopqrsmnopqrstnopqrstu",
	 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static bool digest_is(const char *hex)
{
	uint8_t expected[SHA256_SIZE];

	material_hex(hex, expected);
	return memcmp(client.result_digest, expected, sizeof(expected)) == 0;
}

static bool digest_is_expected(void)
{
	return memcmp(client.result_digest, m.expected, SHA256_SIZE) == 0;
}

static void test_sha256_gives_the_answers_of_fips_180(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		client_init(&client);
		client_wants_digest(&client, HIL_ONE_SHOT, known[i].message,
				    strlen(known[i].message));
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(client.digests == 1);
		EXPECT(digest_is(known[i].digest));
	}
	bench_close(&bench);
}

static void test_sha256_of_a_million_letters_is_that_of_fips_180(void)
{
	static char letters[8000];
	size_t pieces[125];
	struct bench bench;

	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < 125; i++)
		pieces[i] = sizeof(letters);
	bench_open(&bench);
	client_init(&client);
	client_wants_digest(&client, HIL_FIRST, letters, sizeof(letters));
	for (size_t i = 0; i < 125; i++) {
		client.input = (const uint8_t *)letters;
		client.digest_request.phase = i == 0 ? HIL_FIRST : i == 124 ? HIL_LAST : HIL_MIDDLE;
		client.digest_request.length = pieces[i];
		EXPECT(bench_run(&bench, &client) == 0);
	}
	EXPECT(digest_is("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
	bench_close(&bench);
}

static void test_sha256_of_an_empty_message_pulls_nothing(void)
{
	struct bench bench;

	bench_open(&bench);
	material_digest(&m, &client, 0);
	client.lends_input = true;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.callbacks == 1 && client.digests == 1);
	EXPECT(digest_is_expected());
	bench_close(&bench);
}

static void test_sha256_is_the_same_at_every_chunking(void)
{
	static const size_t lengths[] = {1, 55, 56, 63, 64, 65, 255, 256, 257, 4200};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
			material_digest(&m, &client, lengths[i]);
			client.pull_chunk = chunkings[chunk];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(digest_is_expected());
			EXPECT(client.pulled == lengths[i] && !client.read_twice);
		}
	}
	bench_close(&bench);
}

static void test_sha256_is_the_same_on_lent_memory_in_pieces_of_any_size(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		material_digest(&m, &client, 4200);
		client.lends_input = true;
		client.lend_chunk = chunkings[chunk];
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(digest_is_expected());
		EXPECT(client.pulled == 4200 && !client.read_twice);
		EXPECT(client.lends > 0 || !bench.maker->lends);
	}
	bench_close(&bench);
}

static void test_sha256_of_a_stream_is_the_same_at_every_split_point(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t split = 0; split <= 130; split++) {
		size_t pieces[] = {split, 130 - split};

		material_digest(&m, &client, 130);
		EXPECT(material_stream(&bench, &client, pieces, 2) == 0);
		EXPECT(digest_is_expected());
	}
	bench_close(&bench);
}

static void test_sha256_of_a_stream_in_three_is_the_same_at_every_pair_of_split_points(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t a = 0; a <= 72; a += 4) {
		for (size_t b = a; b <= 72; b++) {
			size_t pieces[] = {a, b - a, 72 - b};

			material_digest(&m, &client, 72);
			client.pull_chunk = 5;
			EXPECT(material_stream(&bench, &client, pieces, 3) == 0);
			EXPECT(digest_is_expected());
		}
	}
	bench_close(&bench);
}

static void test_sha256_of_a_stream_of_single_bytes_and_empty_updates_is_the_same(void)
{
	size_t pieces[140];
	struct bench bench;

	for (size_t i = 0; i < 140; i++)
		pieces[i] = i % 2;
	bench_open(&bench);
	material_digest(&m, &client, 70);
	EXPECT(material_stream(&bench, &client, pieces, 140) == 0);
	EXPECT(digest_is_expected());
	bench_close(&bench);
}

static void test_an_exported_digest_state_can_be_continued_twice(void)
{
	uint8_t state[HIL_STATE_MAX];
	struct bench bench;

	bench_open(&bench);
	material_digest(&m, &client, 100);
	client.digest_request.phase = HIL_FIRST;
	EXPECT(bench_run(&bench, &client) == 0);
	memcpy(state, client.state, sizeof(state));
	material_digest(&m, &client, 100);
	for (int i = 0; i < 2; i++) {
		memcpy(client.state, state, sizeof(state));
		client.input = m.input + 100;
		client.digest_request = (struct digest_request){DIGEST_SHA256, HIL_LAST, 60};
		EXPECT(bench_run(&bench, &client) == 0);
		material_sha256(m.input, 160, m.expected);
		EXPECT(digest_is_expected());
	}
	bench_close(&bench);
}

static void test_two_digest_streams_in_turns_do_not_mix(void)
{
	static struct material other_m;
	static struct client other;
	struct bench bench;

	bench_open(&bench);
	material_digest(&m, &client, 40);
	material_digest(&other_m, &other, 90);
	other.input = other_m.input + 7;
	material_sha256(other.input, 180, other_m.expected);
	material_sha256(m.input, 80, m.expected);
	client.digest_request.phase = other.digest_request.phase = HIL_FIRST;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(bench_run(&bench, &other) == 0);
	client.input += 40;
	other.input += 90;
	client.digest_request.phase = other.digest_request.phase = HIL_LAST;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(bench_run(&bench, &other) == 0);
	EXPECT(digest_is_expected());
	EXPECT(memcmp(other.result_digest, other_m.expected, SHA256_SIZE) == 0);
	bench_close(&bench);
}

const struct behaviour digest_behaviours[] = {
	BEHAVIOUR(HIL_DIGEST, test_sha256_gives_the_answers_of_fips_180),
	BEHAVIOUR(HIL_DIGEST, test_sha256_of_a_million_letters_is_that_of_fips_180),
	BEHAVIOUR(HIL_DIGEST, test_sha256_of_an_empty_message_pulls_nothing),
	BEHAVIOUR(HIL_DIGEST, test_sha256_is_the_same_at_every_chunking),
	BEHAVIOUR(HIL_DIGEST, test_sha256_is_the_same_on_lent_memory_in_pieces_of_any_size),
	BEHAVIOUR(HIL_DIGEST, test_sha256_of_a_stream_is_the_same_at_every_split_point),
	BEHAVIOUR(HIL_DIGEST,
		  test_sha256_of_a_stream_in_three_is_the_same_at_every_pair_of_split_points),
	BEHAVIOUR(HIL_DIGEST,
		  test_sha256_of_a_stream_of_single_bytes_and_empty_updates_is_the_same),
	BEHAVIOUR(HIL_DIGEST, test_an_exported_digest_state_can_be_continued_twice),
	BEHAVIOUR(HIL_DIGEST, test_two_digest_streams_in_turns_do_not_mix),
	{NULL, NULL, HIL_DIGEST, false},
};
