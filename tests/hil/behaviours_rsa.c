/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of RSA engines: what caps do not offer is left out, and must be refused.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"
#include "tests/rsa_material.h"

static struct material m, other_m;
static struct client client, other;

static bool offers(const struct bench *bench, enum rsa_action action, enum rsa_padding padding)
{
	return bench_rsa_caps(bench)->paddings[action] >> padding & 1;
}

/* --- right answers ---------------------------------------------------------------------------- */

static void test_an_rsa_signature_by_pkcs1_is_that_of_another_implementation_at_every_chunking(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t chunk = 0; chunk < CHUNKINGS; chunk++) {
		material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
		client.pull_chunk = client.push_chunk = chunkings[chunk];
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_rsa_came_out(&m, &client, RSA_TEST_SIZE));
		EXPECT(client.parts == RSA_PARTS && client.pulled == 32 && !client.read_twice);
	}
	bench_close(&bench);
}

static void test_rsa_without_the_parts_for_the_remainder_theorem_gives_the_same(void)
{
	struct bench bench;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
	client.rsa_request.crt = false;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_rsa_came_out(&m, &client, RSA_TEST_SIZE));
	EXPECT(client.parts == 3);
	bench_close(&bench);
}

static void test_rsa_verifies_signatures_of_another_implementation(void)
{
	struct bench bench;

	bench_open(&bench);
	for (enum rsa_padding padding = RSA_PKCS1; padding <= RSA_PSS; padding++) {
		material_rsa(&m, &client, RSA_VERIFY, padding);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(client.parts == 2 && client.pushed == 0);
	}
	bench_close(&bench);
}

static void test_an_rsa_signature_with_one_bit_changed_is_inval(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t bit = 0; bit < RSA_TEST_SIZE * 8; bit += 97) {
		material_rsa(&m, &client, RSA_VERIFY, bit & 1 ? RSA_PKCS1 : RSA_PSS);
		client.signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	}
	material_rsa(&m, &client, RSA_VERIFY, RSA_PKCS1);
	m.input[31] ^= 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	material_rsa(&m, &client, RSA_VERIFY, RSA_PSS);
	client.rsa_request.salt_size = 31;
	EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	bench_close(&bench);
}

static void test_pss_signatures_of_every_salt_length_verify_and_differ(void)
{
	static const size_t salts[] = {0, 1, 20, 32, RSA_TEST_SIZE - 32 - 2};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
		material_rsa(&m, &client, RSA_SIGN, RSA_PSS);
		client.rsa_request.salt_size = salts[i];
		EXPECT(bench_run(&bench, &client) == 0);
		material_rsa(&other_m, &other, RSA_VERIFY, RSA_PSS);
		other.rsa_request.salt_size = salts[i];
		memcpy(other.signature, m.output, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &other) == 0);
		memcpy(other.signature, m.output, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &client) == 0);
		if (salts[i] != 1) /* a salt of one byte comes twice now and then */
			EXPECT((memcmp(m.output, other.signature, RSA_TEST_SIZE) == 0) ==
			       (salts[i] == 0));
		other.rsa_request.salt_size = RSA_SALT_ANY;
		EXPECT(bench_run(&bench, &other) ==
		       (bench_rsa_caps(&bench)->salt_any ? 0 : -PLUTON_ENOSUPPORT));
	}
	bench_close(&bench);
}

static void test_rsa_raises_to_both_exponents(void)
{
	struct bench bench;

	bench_open(&bench);
	for (enum rsa_action action = RSA_PUBLIC; action <= RSA_PRIVATE; action++) {
		material_rsa(&m, &client, action, RSA_BARE);
		client.pull_chunk = 7;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_rsa_came_out(&m, &client, RSA_TEST_SIZE));
	}
	bench_close(&bench);
}

/* Back through the private exponent: what was padded is the message. */
static void test_rsa_encryption_pads_as_pkcs1_says(void)
{
	const uint8_t *zero;
	struct bench bench;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_ENCRYPT, RSA_PKCS1);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.parts == 2);
	material_rsa(&other_m, &other, RSA_PRIVATE, RSA_BARE);
	memcpy(other_m.input, m.output, RSA_TEST_SIZE);
	EXPECT(bench_run(&bench, &other) == 0);
	zero = memchr(other_m.output + 1, 0, RSA_TEST_SIZE - 1);
	EXPECT(other_m.output[0] == 0 && other_m.output[1] == 2);
	EXPECT(zero && zero == other_m.output + RSA_TEST_SIZE - 60 - 1);
	EXPECT(zero && memcmp(zero + 1, m.input, 60) == 0);
	bench_close(&bench);
}

/* --- decryption ------------------------------------------------------------------------------- */

static void test_pkcs1_decryption_gives_the_messages_of_implicit_rejection(void)
{
	struct bench bench;

	bench_open(&bench);
	if (!offers(&bench, RSA_DECRYPT, RSA_PKCS1)) {
		bench_close(&bench);
		suite_skip("this engine does not decrypt");
	}
	for (size_t i = 0; i < 2 * RSA_PKCS1_VECTORS; i++) {
		const struct rsa_vector *vector = &rsa_pkcs1_vectors[i / 2];
		size_t length;

		material_rsa(&m, &client, RSA_DECRYPT, RSA_PKCS1);
		material_hex(vector->ciphertext, m.input);
		length = material_hex(vector->message, m.expected);
		client.rsa_request.crt = i % 2;
		client.push_chunk = 5;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_rsa_came_out(&m, &client, length));
	}
	bench_close(&bench);
}

static void test_oaep_decrypts_what_another_implementation_encrypted_and_nothing_else(void)
{
	struct bench bench;

	bench_open(&bench);
	if (!offers(&bench, RSA_DECRYPT, RSA_OAEP)) {
		bench_close(&bench);
		suite_skip("this engine does not decrypt");
	}
	material_rsa(&m, &client, RSA_DECRYPT, RSA_OAEP);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_rsa_came_out(&m, &client, 11));
	for (unsigned change = 0; change < 4; change++) {
		material_rsa(&m, &client, RSA_DECRYPT, RSA_OAEP);
		if (change == 0)
			m.input[200] ^= 1;
		if (change == 1)
			m.aad[0] ^= 1;
		if (change == 2)
			client.rsa_request.mgf_hash = DIGEST_SHA1;
		if (change == 3)
			client.rsa_request.hash = DIGEST_SHA3_256;
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
	}
	bench_close(&bench);
}

static void test_oaep_messages_of_every_length_come_back(void)
{
	static const size_t lengths[] = {0, 1, 2, 63, 100, RSA_TEST_SIZE - 2 * 32 - 2};
	struct bench bench;

	bench_open(&bench);
	if (!offers(&bench, RSA_DECRYPT, RSA_OAEP)) {
		bench_close(&bench);
		suite_skip("this engine does not decrypt");
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		material_rsa(&m, &client, RSA_ENCRYPT, RSA_OAEP);
		client.rsa_request.length = lengths[i];
		EXPECT(bench_run(&bench, &client) == 0);
		material_rsa(&other_m, &other, RSA_DECRYPT, RSA_OAEP);
		memcpy(other_m.input, m.output, RSA_TEST_SIZE);
		memcpy(other_m.expected, m.input, lengths[i]);
		EXPECT(bench_run(&bench, &other) == 0);
		EXPECT(material_rsa_came_out(&other_m, &other, lengths[i]));
	}
	bench_close(&bench);
}

/* --- bad keys and numbers --------------------------------------------------------------------- */

/* Bytes of the key that no key has so; `part` is counted from the part's first byte. */
static const struct {
	const char *what;
	enum rsa_part part;
	size_t at;
	uint8_t value;
	const char *sentence; /* part of what why() says; NULL: anything */
} bad_keys[] = {
	{"an even modulus", RSA_N, RSA_TEST_SIZE - 1, 0x68, "the modulus is even"},
	{"a short modulus", RSA_N, 0, 0x01, "its highest bit is not set"},
	{"a modulus of zero", RSA_N, 0, 0x00, "its highest bit is not set"},
	{"another modulus", RSA_N, 100, 0x00, NULL},
	{"an even exponent", RSA_E, 7, 0x00, "the public exponent is even"},
	{"another exponent", RSA_E, 7, 0x03, "do not belong together"},
	{"a huge exponent", RSA_E, 0, 0xff, "do not belong together"},
	{"another private exponent", RSA_D, 17, 0x00, NULL},
};

static void test_a_key_with_a_wrong_number_is_inval_with_a_sentence_and_gives_nothing(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
		const struct rsa_engine *engine;
		const char *why;

		material_rsa(&m, &client, RSA_PRIVATE, RSA_BARE);
		client.rsa_request.crt = false;
		client.rsa_key[rsa_part_offset(bad_keys[i].part, RSA_TEST_SIZE) + bad_keys[i].at] =
			bad_keys[i].value;
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
		engine = (const struct rsa_engine *)(const void *)bench_engine(&bench, HIL_RSA);
		why = engine->ops->why((struct rsa_engine *)(void *)bench_engine(&bench, HIL_RSA));
		EXPECT(*why && (!bad_keys[i].sentence || strstr(why, bad_keys[i].sentence)));
	}
	bench_close(&bench);
}

/* Of public keys: with an exponent of 1 the ciphertext would be the message. */
static const struct {
	enum rsa_part part;
	uint8_t last; /* of its bytes; the others of an exponent are 0 */
	const char *sentence;
} bad_publics[] = {
	{RSA_E, 0, "the public exponent is even"}, {RSA_E, 1, "the public exponent is 1"},
	{RSA_E, 2, "the public exponent is even"}, {RSA_E, 4, "the public exponent is even"},
	{RSA_N, 0x68, "the modulus is even"},
};

static void spoil(enum rsa_part part, uint8_t last)
{
	size_t size = part == RSA_E ? RSA_EXPONENT_SIZE : RSA_TEST_SIZE;
	uint8_t *bytes = client.rsa_key + rsa_part_offset(part, RSA_TEST_SIZE);

	if (part == RSA_E)
		memset(bytes, 0, size);
	bytes[size - 1] = last;
}

static void test_tiny_exponents_and_even_moduli_are_inval_in_every_public_action(void)
{
	static const enum rsa_action actions[] = {RSA_VERIFY, RSA_ENCRYPT, RSA_PUBLIC};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < 3 * sizeof(bad_publics) / sizeof(bad_publics[0]); i++) {
		enum rsa_action action = actions[i % 3];
		enum rsa_padding padding = action == RSA_PUBLIC ? RSA_BARE : RSA_PKCS1;
		struct rsa_engine *engine;

		if (!offers(&bench, action, padding))
			continue;
		material_rsa(&m, &client, action, padding);
		spoil(bad_publics[i / 3].part, bad_publics[i / 3].last);
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0 && material_is_untouched(&m));
		engine = (struct rsa_engine *)(void *)bench_engine(&bench, HIL_RSA);
		EXPECT(strstr(engine->ops->why(engine), bad_publics[i / 3].sentence));
	}
	bench_close(&bench);
}

static void test_the_smallest_public_exponent_is_three(void)
{
	struct bench bench;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_PUBLIC, RSA_BARE);
	spoil(RSA_E, 3);
	memset(m.input, 0, RSA_TEST_SIZE);
	m.input[RSA_TEST_SIZE - 1] = 5;
	memset(m.expected, 0, RSA_TEST_SIZE);
	m.expected[RSA_TEST_SIZE - 1] = 125;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_rsa_came_out(&m, &client, RSA_TEST_SIZE));
	bench_close(&bench);
}

/* A fault in one half of the theorem's computation would give the factors away (Boneh 1997). */
static void test_a_wrong_part_for_the_remainder_theorem_is_inval_and_gives_nothing(void)
{
	struct bench bench;

	bench_open(&bench);
	if (!strcmp(bench_engine(&bench, HIL_RSA)->name, "hogweed")) {
		bench_close(&bench);
		suite_skip("this engine does without the parts");
	}
	for (enum rsa_part part = RSA_P; part <= RSA_QINV; part++) {
		for (size_t at = 0; at < RSA_TEST_SIZE / 2; at += 63) {
			material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
			client.rsa_key[rsa_part_offset(part, RSA_TEST_SIZE) + at] ^= 0x10;
			int r = bench_run(&bench, &client);

			/* libcrypto may compute it again without the parts: then it is right. */
			EXPECT(r == -PLUTON_EINVAL ||
			       (r == 0 && material_rsa_came_out(&m, &client, RSA_TEST_SIZE)));
			EXPECT(r == 0 || client.pushed == 0);
		}
	}
	bench_close(&bench);
}

static void test_keys_of_zeros_and_of_ones_are_inval_at_every_action(void)
{
	struct bench bench;

	bench_open(&bench);
	for (enum rsa_action action = RSA_SIGN; action < RSA_ACTIONS; action++) {
		for (unsigned fill = 0; fill <= 0xff; fill += 0xff) {
			enum rsa_padding padding = action >= RSA_PUBLIC ? RSA_BARE : RSA_PKCS1;

			if (!offers(&bench, action, padding) ||
			    (fill == 0xff && action == RSA_ENCRYPT))
				continue;
			material_rsa(&m, &client, action, padding);
			memset(client.rsa_key, (int)fill, sizeof(client.rsa_key));
			if (fill && !rsa_is_private(action))
				memset(m.input, 0xff, RSA_TEST_SIZE);
			if (action == RSA_PRIVATE) /* by 2^2048 - 1, 2 has a true root */
				m.input[RSA_TEST_SIZE - 1] = 3;
			EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
			EXPECT(client.pushed == 0);
		}
	}
	bench_close(&bench);
}

static void test_a_number_that_is_not_less_than_the_modulus_is_inval(void)
{
	struct bench bench;

	bench_open(&bench);
	for (enum rsa_action action = RSA_PUBLIC; action <= RSA_PRIVATE; action++) {
		material_rsa(&m, &client, action, RSA_BARE);
		memcpy(m.input, client.rsa_key, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		memset(m.input, 0xff, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
		EXPECT(client.pushed == 0);
		memset(m.input, 0, RSA_TEST_SIZE);
		memset(m.expected, 0, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_rsa_came_out(&m, &client, RSA_TEST_SIZE));
	}
	bench_close(&bench);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void test_rsa_actions_and_paddings_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned action = 0; action < RSA_ACTIONS + 1u; action++) {
		for (unsigned padding = 0; padding < RSA_PADDINGS + 1u; padding++) {
			if (action > 0 && action < RSA_ACTIONS && padding < RSA_PADDINGS &&
			    offers(&bench, (enum rsa_action)action, (enum rsa_padding)padding))
				continue;
			material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
			client.rsa_request.action = (enum rsa_action)action;
			client.rsa_request.padding = (enum rsa_padding)padding;
			EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		}
	}
	bench_close(&bench);
}

static void test_rsa_sizes_that_no_key_has_are_size_and_those_not_in_caps_nosupport(void)
{
	static const size_t sizes[] = {0, 1, 64, 127, 129, 255, 257, 513, 640, SIZE_MAX};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
		client.rsa_request.size = sizes[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	if (!(bench_rsa_caps(&bench)->sizes[RSA_SIGN] & 1u << 1)) {
		material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
		client.rsa_request.size = 128;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	bench_close(&bench);
}

static void test_rsa_input_of_a_wrong_length_is_size(void)
{
	static const struct {
		enum rsa_action action;
		enum rsa_padding padding;
		size_t length;
	} wrong[] = {
		{RSA_SIGN, RSA_PKCS1, 31},
		{RSA_SIGN, RSA_PSS, 33},
		{RSA_VERIFY, RSA_PSS, 0},
		{RSA_ENCRYPT, RSA_PKCS1, RSA_TEST_SIZE - 10},
		{RSA_ENCRYPT, RSA_OAEP, RSA_TEST_SIZE - 2 * 32 - 1},
		{RSA_DECRYPT, RSA_PKCS1, RSA_TEST_SIZE - 1},
		{RSA_DECRYPT, RSA_OAEP, RSA_TEST_SIZE + 1},
		{RSA_PUBLIC, RSA_BARE, RSA_TEST_SIZE + 1},
		{RSA_PRIVATE, RSA_BARE, 0},
	};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (!offers(&bench, wrong[i].action, wrong[i].padding))
			continue;
		material_rsa(&m, &client, wrong[i].action, wrong[i].padding);
		client.rsa_request.length = wrong[i].length;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

static void test_rsa_salts_and_labels_that_do_not_fit_are_size(void)
{
	struct bench bench;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_SIGN, RSA_PSS);
	client.rsa_request.salt_size = RSA_TEST_SIZE - 32 - 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.rsa_request.salt_size = RSA_SALT_ANY;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
	client.rsa_request.salt_size = 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	material_rsa(&m, &client, RSA_ENCRYPT, RSA_PKCS1);
	client.rsa_request.label_length = 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	if (offers(&bench, RSA_ENCRYPT, RSA_OAEP)) {
		material_rsa(&m, &client, RSA_ENCRYPT, RSA_OAEP);
		client.rsa_request.label_length = bench_rsa_caps(&bench)->label_max + 1;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

static void test_rsa_hashes_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned hash = 0; hash < 40; hash++) {
		if (hash < 32 && bench_rsa_caps(&bench)->hashes[RSA_PKCS1] >> hash & 1)
			continue;
		material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
		client.rsa_request.hash = (enum digest_algorithm)hash;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	material_rsa(&m, &client, RSA_ENCRYPT, RSA_PKCS1);
	client.rsa_request.hash = DIGEST_SHA256;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	bench_close(&bench);
}

static void test_a_key_in_a_slot_is_nosupport_where_there_are_none(void)
{
	struct bench bench;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
	client.rsa_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
	if (!bench_rsa_caps(&bench)->key_slots)
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	bench_close(&bench);
}

/* --- generation ------------------------------------------------------------------------------- */

static void open_generator(struct bench *bench)
{
	bench_open(bench);
	if (offers(bench, RSA_GENERATE, RSA_BARE))
		return;
	bench_close(bench);
	suite_skip("this engine makes no keys");
}

static void test_a_new_rsa_key_signs_and_verifies_and_is_another_each_time(void)
{
	struct bench bench;

	open_generator(&bench);
	material_rsa(&other_m, &other, RSA_GENERATE, RSA_BARE);
	EXPECT(bench_run(&bench, &other) == 0);
	EXPECT(other.parts == RSA_PARTS && other.pulled == 0 && other.pushed == 0);
	EXPECT(other.rsa_key[0] & 0x80 && other.rsa_key[RSA_TEST_SIZE - 1] & 1);
	for (unsigned crt = 0; crt < 2; crt++) {
		material_rsa(&m, &client, RSA_SIGN, RSA_PKCS1);
		client.rsa_request.crt = crt;
		memcpy(client.rsa_key, other.rsa_key, sizeof(client.rsa_key));
		EXPECT(bench_run(&bench, &client) == 0);
		material_rsa(&other_m, &client, RSA_VERIFY, RSA_PKCS1);
		memcpy(client.rsa_key, other.rsa_key, sizeof(client.rsa_key));
		memcpy(client.signature, m.output, RSA_TEST_SIZE);
		EXPECT(bench_run(&bench, &client) == 0);
	}
	material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
	client.rsa_request.exponent = UINT64_C(0xffffffffffffffc5);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(memcmp(client.rsa_key, other.rsa_key, RSA_TEST_SIZE) != 0);
	EXPECT(client.rsa_key[RSA_TEST_SIZE] == 0xff && client.rsa_key[RSA_TEST_SIZE + 7] == 0xc5);
	bench_close(&bench);
}

static void test_a_public_exponent_that_no_key_is_made_with_is_inval(void)
{
	static const uint64_t exponents[] = {0, 1, 2, 3, 17, 65535, 65536, 65538};
	struct bench bench;

	open_generator(&bench);
	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
		client.rsa_request.exponent = exponents[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	}
	bench_close(&bench);
}

/* It would take far longer than the suite waits if it went on. */
static void test_a_cancelled_generation_ends_and_the_next_one_too(void)
{
	struct bench bench;

	open_generator(&bench);
	for (unsigned turns = 0; turns < 6; turns++) {
		material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
		client.rsa_request.size = RSA_SIZE_MAX;
		EXPECT(client_start(&client, bench_engine(&bench, HIL_RSA)) == 0);
		for (unsigned i = 0; i < turns; i++)
			bench_turn(&bench, 1);
		EXPECT(client_cancel(&client) == 0);
		bench_finish(&bench, &client);
		EXPECT(client.dones == 1 && client.result == -PLUTON_ECANCEL);
		EXPECT(client.parts == 0);
	}
	bench_close(&bench);
}

/* A cancel would not reach one that waits behind another inside the engine. */
static void test_one_generation_too_many_is_busy_until_one_is_done(void)
{
	struct rsa_engine *engine;
	struct bench bench;

	open_generator(&bench);
	engine = (struct rsa_engine *)(void *)bench_engine(&bench, HIL_RSA);
	if (engine->head.slow != 1) {
		bench_close(&bench);
		suite_skip("this engine makes more keys at once");
		return;
	}
	material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
	material_rsa(&other_m, &other, RSA_GENERATE, RSA_BARE);
	client.rsa_request.size = RSA_SIZE_MAX;
	EXPECT(client_start(&client, &engine->head) == 0);
	EXPECT(client_start(&other, &engine->head) == -PLUTON_EBUSY);
	bench_turn(&bench, 1);
	EXPECT(client_start(&other, &engine->head) == -PLUTON_EBUSY);
	EXPECT(client_cancel(&client) == 0);
	bench_finish(&bench, &client);
	EXPECT(client.dones == 1 && client.result == -PLUTON_ECANCEL);
	EXPECT(bench_run(&bench, &other) == 0);
	EXPECT(other.parts == RSA_PARTS);
	bench_close(&bench);
}

static void test_an_error_of_any_part_of_a_new_key_is_reported(void)
{
	struct bench bench;

	open_generator(&bench);
	for (unsigned part = 1; part <= RSA_PARTS; part += 3) {
		material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
		client.trouble = TROUBLE_ERROR;
		client.trouble_at = part;
		client.trouble_error = -PLUTON_ENOACK;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOACK);
		EXPECT(client.callbacks == part);
	}
	bench_close(&bench);
}

/* Others are served meanwhile, for a generation has a thread of its own. */
static void test_signatures_are_made_while_a_key_is_made(void)
{
	struct bench bench;

	open_generator(&bench);
	material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
	client.rsa_request.size = RSA_SIZE_MAX;
	EXPECT(client_start(&client, bench_engine(&bench, HIL_RSA)) == 0);
	for (unsigned i = 0; i < 3 && client.dones == 0; i++) {
		material_rsa(&other_m, &other, RSA_VERIFY, RSA_PKCS1);
		EXPECT(bench_run(&bench, &other) == 0);
	}
	client_cancel(&client);
	bench_finish(&bench, &client);
	EXPECT(client.dones == 1);
	bench_close(&bench);
}

const struct behaviour rsa_behaviours[] = {
	BEHAVIOUR(
		HIL_RSA,
		test_an_rsa_signature_by_pkcs1_is_that_of_another_implementation_at_every_chunking),
	BEHAVIOUR(HIL_RSA, test_rsa_without_the_parts_for_the_remainder_theorem_gives_the_same),
	BEHAVIOUR(HIL_RSA, test_rsa_verifies_signatures_of_another_implementation),
	BEHAVIOUR(HIL_RSA, test_an_rsa_signature_with_one_bit_changed_is_inval),
	BEHAVIOUR(HIL_RSA, test_pss_signatures_of_every_salt_length_verify_and_differ),
	BEHAVIOUR(HIL_RSA, test_rsa_raises_to_both_exponents),
	BEHAVIOUR(HIL_RSA, test_rsa_encryption_pads_as_pkcs1_says),
	BEHAVIOUR(HIL_RSA, test_pkcs1_decryption_gives_the_messages_of_implicit_rejection),
	BEHAVIOUR(HIL_RSA,
		  test_oaep_decrypts_what_another_implementation_encrypted_and_nothing_else),
	BEHAVIOUR(HIL_RSA, test_oaep_messages_of_every_length_come_back),
	BEHAVIOUR(HIL_RSA,
		  test_a_key_with_a_wrong_number_is_inval_with_a_sentence_and_gives_nothing),
	BEHAVIOUR(HIL_RSA, test_tiny_exponents_and_even_moduli_are_inval_in_every_public_action),
	BEHAVIOUR(HIL_RSA, test_the_smallest_public_exponent_is_three),
	BEHAVIOUR(HIL_RSA, test_a_wrong_part_for_the_remainder_theorem_is_inval_and_gives_nothing),
	BEHAVIOUR(HIL_RSA, test_keys_of_zeros_and_of_ones_are_inval_at_every_action),
	BEHAVIOUR(HIL_RSA, test_a_number_that_is_not_less_than_the_modulus_is_inval),
	BEHAVIOUR(HIL_RSA, test_rsa_actions_and_paddings_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_RSA, test_rsa_sizes_that_no_key_has_are_size_and_those_not_in_caps_nosupport),
	BEHAVIOUR(HIL_RSA, test_rsa_input_of_a_wrong_length_is_size),
	BEHAVIOUR(HIL_RSA, test_rsa_salts_and_labels_that_do_not_fit_are_size),
	BEHAVIOUR(HIL_RSA, test_rsa_hashes_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_RSA, test_a_key_in_a_slot_is_nosupport_where_there_are_none),
	BEHAVIOUR(HIL_RSA, test_a_new_rsa_key_signs_and_verifies_and_is_another_each_time),
	BEHAVIOUR(HIL_RSA, test_a_public_exponent_that_no_key_is_made_with_is_inval),
	BEHAVIOUR(HIL_RSA, test_a_cancelled_generation_ends_and_the_next_one_too),
	BEHAVIOUR(HIL_RSA, test_one_generation_too_many_is_busy_until_one_is_done),
	BEHAVIOUR(HIL_RSA, test_an_error_of_any_part_of_a_new_key_is_reported),
	BEHAVIOUR(HIL_RSA, test_signatures_are_made_while_a_key_is_made),
	{NULL, NULL, HIL_RSA, false, 0},
};
