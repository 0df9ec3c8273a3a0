/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of engines for elliptic curves. Known answers: RFC 6979, appendix A.2.5 to A.2.7 (keys
 * of the P curves, and signatures to verify), RFC 8032, section 7.1, and RFC 7748.
 * Everything else is compared with the second implementation, ECDSA signatures with OpenSSL too.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/curves.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;
static struct bench bench;

static bool is_invalid(void)
{
	return bench_run(&bench, &client) == -PLUTON_EINVAL && client.why && *client.why;
}

/* Digits may end early: the rest of the part is then not touched. */
static void set(uint8_t *part, const char *digits)
{
	material_hex(digits, part);
}

static bool is(const uint8_t *part, const char *digits)
{
	uint8_t bytes[ECC_PUBLIC_SIZE_MAX];
	size_t size = material_hex(digits, bytes);

	return memcmp(part, bytes, size) == 0;
}

#define EACH_CURVE(curve)                                                                          \
	for (enum ecc_curve curve = ECC_P256; (curve) < ECC_CURVES; (curve)++)                     \
		if (bench_ecc_caps(&bench)->curves & (1u << (curve)))

/* --- known answers --------------------------------------------------------------------------- */

static const struct {
	enum ecc_curve curve;
	const char *key;
	const char *public;
	const char *input; /* ECDSA: SHA-256, 384, 512 of "sample" */
	const char *signature;
} known[] = {
	{ECC_P256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
	 "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e9"
	 "5628bc64f2f1b20c2d7e9f5177a3c294d4462299",
	 "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
	 "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1"
	 "b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
	{ECC_P384,
	 "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea"
	 "60d2edf5",
	 "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a25451"
	 "5480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe"
	 "7344fd2533264720",
	 "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312313bca4a9b5b890efee42c77"
	 "b1ee25fe",
	 "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e"
	 "80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e"
	 "7b82c71a38628ac8"},
	{ECC_P521,
	 "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836"
	 "a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
	 "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7"
	 "f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139c2f91b47"
	 "f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
	 "39a5e04aaff7455d9850c605364f514c11324ce64016960d23d5dc57d3ffd8f49a739468ab8049bf18eef820"
	 "cdb1ad6c9015f838556bc7fad4138b23fdf986c7",
	 "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606a"
	 "dd152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af2"
	 "6ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67"
	 "a"},
	{ECC_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
	 "1cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{ECC_ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
	 "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{ECC_ED25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
	 "984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	{ECC_X25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", NULL, NULL},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static void test_public_keys_are_those_of_the_standards(void)
{
	bench_open(&bench);
	for (size_t i = 0; i < KNOWN; i++) {
		material_ecc(&m, &client, known[i].curve, ECC_PUBLIC, 0);
		set(client.ecc_key, known[i].key);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(is(client.ecc_public, known[i].public));
	}
	bench_close(&bench);
}

static void test_signatures_of_the_standards_are_valid(void)
{
	bench_open(&bench);
	for (size_t i = 0; i < KNOWN && known[i].signature; i++) {
		material_ecc(&m, &client, known[i].curve, ECC_VERIFY, 32);
		client.ecc_request.length = material_hex(known[i].input, m.input);
		set(client.ecc_public, known[i].public);
		set(client.ecc_signature, known[i].signature);
		EXPECT(bench_run(&bench, &client) == 0);
	}
	bench_close(&bench);
}

static void test_ed25519_signatures_are_those_of_rfc_8032(void)
{
	bench_open(&bench);
	for (size_t i = 0; i < KNOWN; i++) {
		if (known[i].curve != ECC_ED25519)
			continue;
		material_ecc(&m, &client, ECC_ED25519, ECC_SIGN, 32);
		client.ecc_request.length = material_hex(known[i].input, m.input);
		set(client.ecc_key, known[i].key);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(is(client.ecc_signature, known[i].signature));
	}
	bench_close(&bench);
}

static void test_x25519_agrees_as_rfc_7748_says(void)
{
	/* section 5.2, twice, and 6.1 */
	static const char *const answers[][3] = {
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
		{"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		 "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	};

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		material_ecc(&m, &client, ECC_X25519, ECC_AGREE, 0);
		set(client.ecc_key, answers[i][0]);
		set(client.ecc_public, answers[i][1]);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(is(client.ecc_secret, answers[i][2]));
	}
	bench_close(&bench);
}

/* --- compared -------------------------------------------------------------------------------- */

static void test_generated_keys_are_valid_and_no_two_are_the_same(void)
{
	uint8_t last[ECC_KEY_SIZE_MAX];

	bench_open(&bench);
	EACH_CURVE(curve)
	{
		memset(last, UNTOUCHED, sizeof(last));
		for (int i = 0; i < 3; i++) {
			material_ecc(&m, &client, curve, ECC_GENERATE, 0);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(curves_key_is_valid(curve, client.ecc_key));
			EXPECT(curves_point_is_valid(curve, client.ecc_public));
			EXPECT(material_ecc_came_out(&client));
			EXPECT(memcmp(last, client.ecc_key, ecc_key_size(curve)) != 0);
			memcpy(last, client.ecc_key, sizeof(last));
		}
	}
	bench_close(&bench);
}

static void test_public_keys_and_secrets_are_those_of_another_implementation(void)
{
	bench_open(&bench);
	EACH_CURVE(curve)
	{
		for (unsigned seed = 1; seed < 6; seed++) {
			material_ecc(&m, &client, curve, ECC_PUBLIC, 0);
			material_ecc_key(curve, seed, client.ecc_key);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_ecc_came_out(&client));
			if (curve == ECC_ED25519)
				continue;
			material_ecc(&m, &client, curve, ECC_AGREE, 0);
			material_ecc_key(curve, seed, client.ecc_key);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_ecc_came_out(&client));
		}
	}
	bench_close(&bench);
}

static const size_t digest_sizes[] = {28, 32, 48, 64};

static void test_ecdsa_signatures_are_valid_in_two_other_implementations(void)
{
	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		for (size_t i = 0; i < 4; i++) {
			material_ecc(&m, &client, curve, ECC_SIGN, digest_sizes[i]);
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_ecc_came_out(&client));
		}
	}
	bench_close(&bench);
}

static void test_ecdsa_signatures_of_another_implementation_are_valid(void)
{
	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		for (size_t i = 0; i < 4; i++) {
			material_ecc(&m, &client, curve, ECC_VERIFY, digest_sizes[i]);
			EXPECT(bench_run(&bench, &client) == 0);
		}
		material_ecc(&m, &client, curve, ECC_VERIFY, 20);
		EXPECT(bench_run(&bench, &client) == 0);
	}
	bench_close(&bench);
}

/* FIPS 186-5, section 6.4: of a longer digest the leftmost bits count, here 256. */
static void test_a_digest_longer_than_the_order_counts_by_its_first_bits(void)
{
	bench_open(&bench);
	material_ecc(&m, &client, ECC_P256, ECC_SIGN, 64);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(curves_verify_by_openssl(ECC_P256, client.ecc_public, client.ecc_signature, m.input,
					32));
	client.ecc_request =
		(struct ecc_request){.curve = ECC_P256, .action = ECC_VERIFY, .length = 48};
	EXPECT(bench_run(&bench, &client) == 0);
	bench_close(&bench);
}

static void test_ed25519_signatures_are_the_same_at_every_chunking(void)
{
	static const size_t lengths[] = {0, 1, 31, 32, 127, 128, 255, 256, 257, 4096, 8000};

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		if (lengths[i] > bench_ecc_caps(&bench)->message_max)
			break;
		for (size_t c = 0; c < CHUNKINGS; c++) {
			material_ecc(&m, &client, ECC_ED25519, ECC_SIGN, lengths[i]);
			client.pull_chunk = chunkings[c];
			client.lends_input = c & 1;
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(material_ecc_came_out(&client));
			EXPECT(client.pulled == lengths[i] && !client.read_twice);
		}
	}
	bench_close(&bench);
}

/* --- the message is read once ---------------------------------------------------------------- */

/* The client flips a bit of its message after the k-th callback: of what is it the signature? */
static bool sign_with_a_flip(size_t at, unsigned k, bool lends)
{
	uint8_t before[100];

	material_ecc(&m, &client, ECC_ED25519, ECC_SIGN, sizeof(before));
	memcpy(before, m.input, sizeof(before));
	client.lends_input = lends;
	client.pull_chunk = 7;
	client.trouble = TROUBLE_CHANGE;
	client.trouble_at = k;
	client.change_at = at;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(client.lends == 0 && !client.read_twice && client.pulled == sizeof(before));
	EXPECT(material_ed25519_is(&client, before) || material_ed25519_is(&client, m.input));
	return client.troubled;
}

static void test_a_message_that_changes_while_it_is_signed_is_one_message_all_the_same(void)
{
	bench_open(&bench);
	for (int lends = 0; lends < 2; lends++) {
		for (size_t at = 0; at < 100; at += 33) {
			unsigned k = 1;

			while (sign_with_a_flip(at, k, lends))
				k++;
			EXPECT(k > 100 / 7);
		}
	}
	bench_close(&bench);
}

static void test_a_digest_that_changes_while_it_is_signed_is_one_digest_all_the_same(void)
{
	uint8_t before[32];

	bench_open(&bench);
	for (unsigned k = 1; k < 8; k++) {
		material_ecc(&m, &client, ECC_P256, ECC_SIGN, sizeof(before));
		memcpy(before, m.input, sizeof(before));
		client.pull_chunk = 9;
		client.trouble = TROUBLE_CHANGE;
		client.trouble_at = k;
		client.change_at = 12;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(client.lends == 0 && !client.read_twice);
		EXPECT(curves_verify(ECC_P256, client.ecc_public, client.ecc_signature, before,
				     sizeof(before)) ||
		       material_ecc_came_out(&client));
	}
	bench_close(&bench);
}

static void test_a_long_message_is_verified_where_it_is_lent_and_read_once(void)
{
	static uint8_t message[100000];
	int r;

	bench_open(&bench);
	memset(message, 0x5a, sizeof(message));
	material_ecc(&m, &client, ECC_ED25519, ECC_VERIFY, 1);
	curves_sign(ECC_ED25519, client.ecc_key, message, sizeof(message), client.ecc_signature);
	client.input = message;
	client.ecc_request.length = sizeof(message);
	client.lends_input = true;
	r = bench_run(&bench, &client);
	if (bench_ecc_caps(&bench)->verify_max < sizeof(message)) {
		EXPECT(r == -PLUTON_ESIZE && client.callbacks == 0);
	} else {
		EXPECT(r == 0 && client.pulled == sizeof(message) && !client.read_twice);
		message[99999] ^= 1;
		EXPECT(is_invalid());
		client.lends_input = false;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE && *client.why);
	}
	bench_close(&bench);
}

/* --- what is refused ------------------------------------------------------------------------- */

static void test_one_changed_bit_makes_a_signature_invalid(void)
{
	bench_open(&bench);
	EACH_CURVE(curve)
	{
		size_t size = ecc_signature_size(curve);

		for (size_t at = 0; at < 8 * size; at += 61) {
			material_ecc(&m, &client, curve, ECC_VERIFY, 32);
			client.ecc_signature[at / 8] ^= (uint8_t)(1 << at % 8);
			EXPECT(is_invalid());
		}
		if (size == 0)
			continue;
		material_ecc(&m, &client, curve, ECC_VERIFY, 32);
		m.input[31] ^= 1;
		EXPECT(is_invalid());
		material_ecc(&m, &client, curve, ECC_VERIFY, 32);
		material_ecc_key(curve, 3, client.ecc_key);
		curves_public(curve, client.ecc_key, client.ecc_public);
		EXPECT(is_invalid());
		material_ecc(&m, &client, curve, ECC_VERIFY, 32);
		EXPECT(bench_run(&bench, &client) == 0);
	}
	bench_close(&bench);
}

/* Public keys of P curves that are no points: what is changed, from zero or from a good one. */
static void spoil_point(enum ecc_curve curve, unsigned how, uint8_t *public)
{
	size_t half = ecc_public_size(curve) / 2;

	switch (how) {
	case 0: /* the infinity of some encodings */
		memset(public, 0, 2 * half);
		break;
	case 1: /* coordinates over the field */
		memset(public, 0xff, 2 * half);
		break;
	case 2: /* x alone over the field */
		memset(public, 0xff, half);
		break;
	case 3: /* off the curve */
		public
		[2 * half - 1] ^= 1;
		break;
	case 4:
		public
		[half - 1] ^= 1;
		break;
	default: /* (0, 1) */
		memset(public, 0, 2 * half);
		public[2 * half - 1] = 1;
		break;
	}
}
#define SPOILS 6u

static void test_what_is_no_point_is_refused_before_the_private_key_is_pulled(void)
{
	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		for (unsigned how = 0; how < SPOILS; how++) {
			material_ecc(&m, &client, curve, ECC_AGREE, 0);
			spoil_point(curve, how, client.ecc_public);
			EXPECT(is_invalid());
			EXPECT(client.keys == 0);
			material_ecc(&m, &client, curve, ECC_VERIFY, 32);
			spoil_point(curve, how, client.ecc_public);
			EXPECT(is_invalid());
		}
	}
	bench_close(&bench);
}

static const char *const orders[] = {
	[ECC_P256] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	[ECC_P384] =
		"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a"
		"ecec196accc52973",
	[ECC_P521] =
		"01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f"
		"966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
};

/* 0, the order, the order and one more, all ones: no scalar. */
static void spoil_scalar(enum ecc_curve curve, unsigned how, uint8_t *scalar)
{
	size_t size = ecc_key_size(curve);

	memset(scalar, how == 3 ? 0xff : 0, size);
	if (how == 1 || how == 2)
		set(scalar, orders[curve]);
	scalar[size - 1] = (uint8_t)(scalar[size - 1] + (how == 2));
}

static void test_private_keys_that_are_0_or_too_large_are_refused(void)
{
	static const enum ecc_action actions[] = {ECC_PUBLIC, ECC_SIGN, ECC_AGREE};

	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		for (unsigned how = 0; how < 12; how++) {
			material_ecc(&m, &client, curve, actions[how % 3], 32);
			spoil_scalar(curve, how / 3, client.ecc_key);
			EXPECT(is_invalid());
			EXPECT(client.pulled == 0);
		}
	}
	bench_close(&bench);
}

static void test_the_smallest_and_the_largest_private_key_work(void)
{
	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		size_t size = ecc_key_size(curve);

		material_ecc(&m, &client, curve, ECC_PUBLIC, 0);
		memset(client.ecc_key, 0, size);
		client.ecc_key[size - 1] = 1;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_ecc_came_out(&client));
		set(client.ecc_key, orders[curve]);
		client.ecc_key[size - 1]--;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_ecc_came_out(&client));
	}
	bench_close(&bench);
}

static void test_r_or_s_that_is_0_or_not_below_the_order_is_refused(void)
{
	bench_open(&bench);
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		for (unsigned how = 0; how < 8; how++) {
			size_t at = how % 2 ? ecc_key_size(curve) : 0;

			material_ecc(&m, &client, curve, ECC_VERIFY, 32);
			spoil_scalar(curve, how / 2, client.ecc_signature + at);
			EXPECT(is_invalid());
			EXPECT(client.pulled == 0);
		}
	}
	bench_close(&bench);
}

/* RFC 8032, 5.1.3 and 5.1.7: y not below the prime, a sign where x is 0, S not below the order. */
static void test_ed25519_encodings_that_are_not_canonical_are_refused(void)
{
	static const char *const publics[] = {
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0200000000000000000000000000000000000000000000000000000000000000", /* no x */
	};
	static const char *const order =
		"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
	unsigned carry = 0;
	uint8_t l[32];

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(publics) / sizeof(publics[0]); i++) {
		material_ecc(&m, &client, ECC_ED25519, ECC_VERIFY, 32);
		set(client.ecc_public, publics[i]);
		EXPECT(is_invalid());
	}
	material_ecc(&m, &client, ECC_ED25519, ECC_VERIFY, 32);
	set(l, order);
	for (size_t i = 0; i < 32; i++) { /* the same signature but for S + L */
		carry += client.ecc_signature[32 + i] + l[i];
		client.ecc_signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	EXPECT(is_invalid());
	bench_close(&bench);
}

/* RFC 7748, section 6.1; the points are those of https://cr.yp.to/ecdh.html#validate. */
static void test_x25519_secrets_of_zeros_are_refused(void)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
	};

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		material_ecc(&m, &client, ECC_X25519, ECC_AGREE, 0);
		set(client.ecc_public, points[i]);
		memset(client.ecc_secret, UNTOUCHED, sizeof(client.ecc_secret));
		EXPECT(is_invalid());
		EXPECT(client.ecc_secret[0] == UNTOUCHED && client.ecc_secret[31] == UNTOUCHED);
		material_ecc(&m, &client, ECC_X25519, ECC_AGREE, 0);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_ecc_came_out(&client));
	}
	bench_close(&bench);
}

static void test_lengths_that_no_digest_has_are_size(void)
{
	static const size_t lengths[] = {0, 1, 16, 20, 27, 29, 31, 33, 47, 49, 63, 65, SIZE_MAX};

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		material_ecc(&m, &client, ECC_P384, ECC_SIGN, 32);
		client.ecc_request.length = lengths[i];
		EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
		material_ecc(&m, &client, ECC_P384, ECC_VERIFY, 32);
		client.ecc_request.length = lengths[i];
		EXPECT(bench_run(&bench, &client) ==
		       (lengths[i] == 20 ? -PLUTON_EINVAL : -PLUTON_ESIZE));
		material_ecc(&m, &client, ECC_P384, ECC_AGREE, 0);
		client.ecc_request.length = lengths[i];
		EXPECT(bench_run(&bench, &client) == (lengths[i] ? -PLUTON_ESIZE : 0));
	}
	bench_close(&bench);
}

static void test_the_longest_ed25519_message_is_signed_and_one_byte_more_is_size(void)
{
	static uint8_t message[ECC_MESSAGE_MAX + 1];
	size_t max;

	bench_open(&bench);
	max = bench_ecc_caps(&bench)->message_max;
	EXPECT(max <= ECC_MESSAGE_MAX);
	material_ecc(&m, &client, ECC_ED25519, ECC_SIGN, 1);
	client.input = message;
	client.ecc_request.length = max;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_ecc_came_out(&client));
	client.ecc_request.length = max + 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

static void test_curves_and_actions_that_there_are_not_are_nosupport(void)
{
	bench_open(&bench);
	for (unsigned curve = 0; curve < 32; curve++) {
		if (curve >= ECC_P256 && curve < ECC_CURVES &&
		    bench_ecc_caps(&bench)->curves & (1u << curve))
			continue;
		material_ecc(&m, &client, ECC_P256, ECC_SIGN, 32);
		client.ecc_request.curve = (enum ecc_curve)curve;
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	for (unsigned action = 0; action < 32; action++) {
		material_ecc(&m, &client, ECC_ED25519, ECC_SIGN, 0);
		client.ecc_request.action = (enum ecc_action)action;
		if (action == 0 || action == ECC_AGREE || action >= ECC_ACTIONS)
			EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
		client.ecc_request.curve = ECC_X25519;
		if (action == ECC_SIGN || action == ECC_VERIFY)
			EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
	}
	bench_close(&bench);
}

static void test_an_ecc_key_in_a_slot_is_never_asked_for_as_bytes(void)
{
	static const enum ecc_action actions[] = {ECC_PUBLIC, ECC_SIGN, ECC_AGREE};

	bench_open(&bench);
	for (size_t i = 0; i < 3; i++) {
		material_ecc(&m, &client, ECC_P256, actions[i], 32);
		client.ecc_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
		EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT ||
		       bench_ecc_caps(&bench)->key_slots);
	}
	bench_close(&bench);
}

/* --- several clients ------------------------------------------------------------------------- */

static struct material materials[HIL_CONCURRENCY_MAX + 1];
static struct client clients[HIL_CONCURRENCY_MAX + 1];

static void test_curve_operations_at_the_same_time_do_not_mix(void)
{
	unsigned count;

	bench_open(&bench);
	count = bench_engine(&bench, HIL_ECC)->concurrency;
	for (unsigned i = 0; i <= count; i++) {
		enum ecc_curve curve = i % 2 ? ECC_ED25519 : ECC_P256;

		material_ecc(&materials[i], &clients[i], curve, ECC_SIGN, 32);
		material_ecc_key(curve, 20 + i, clients[i].ecc_key);
		curves_public(curve, clients[i].ecc_key, clients[i].ecc_public);
		materials[i].input[0] = (uint8_t)i;
		clients[i].pull_chunk = i;
		EXPECT(client_start(&clients[i], bench_engine(&bench, HIL_ECC)) ==
		       (i < count ? 0 : -PLUTON_EBUSY));
	}
	if (count > 1)
		EXPECT(client_cancel(&clients[1]) == 0);
	for (unsigned i = 0; i < count; i++) {
		bench_finish(&bench, &clients[i]);
		EXPECT(clients[i].dones == 1);
		EXPECT(i == 1 || (clients[i].result == 0 && material_ecc_came_out(&clients[i])));
	}
	EXPECT(bench_run(&bench, &clients[count]) == 0);
	EXPECT(material_ecc_came_out(&clients[count]));
	bench_close(&bench);
}

const struct behaviour ecc_behaviours[] = {
	BEHAVIOUR(HIL_ECC, test_public_keys_are_those_of_the_standards),
	BEHAVIOUR(HIL_ECC, test_signatures_of_the_standards_are_valid),
	BEHAVIOUR(HIL_ECC, test_ed25519_signatures_are_those_of_rfc_8032),
	BEHAVIOUR(HIL_ECC, test_x25519_agrees_as_rfc_7748_says),
	BEHAVIOUR(HIL_ECC, test_generated_keys_are_valid_and_no_two_are_the_same),
	BEHAVIOUR(HIL_ECC, test_public_keys_and_secrets_are_those_of_another_implementation),
	BEHAVIOUR(HIL_ECC, test_ecdsa_signatures_are_valid_in_two_other_implementations),
	BEHAVIOUR(HIL_ECC, test_ecdsa_signatures_of_another_implementation_are_valid),
	BEHAVIOUR(HIL_ECC, test_a_digest_longer_than_the_order_counts_by_its_first_bits),
	BEHAVIOUR(HIL_ECC, test_ed25519_signatures_are_the_same_at_every_chunking),
	BEHAVIOUR(HIL_ECC,
		  test_a_message_that_changes_while_it_is_signed_is_one_message_all_the_same),
	BEHAVIOUR(HIL_ECC,
		  test_a_digest_that_changes_while_it_is_signed_is_one_digest_all_the_same),
	BEHAVIOUR(HIL_ECC, test_a_long_message_is_verified_where_it_is_lent_and_read_once),
	BEHAVIOUR(HIL_ECC, test_one_changed_bit_makes_a_signature_invalid),
	BEHAVIOUR(HIL_ECC, test_what_is_no_point_is_refused_before_the_private_key_is_pulled),
	BEHAVIOUR(HIL_ECC, test_private_keys_that_are_0_or_too_large_are_refused),
	BEHAVIOUR(HIL_ECC, test_the_smallest_and_the_largest_private_key_work),
	BEHAVIOUR(HIL_ECC, test_r_or_s_that_is_0_or_not_below_the_order_is_refused),
	BEHAVIOUR(HIL_ECC, test_ed25519_encodings_that_are_not_canonical_are_refused),
	BEHAVIOUR(HIL_ECC, test_x25519_secrets_of_zeros_are_refused),
	BEHAVIOUR(HIL_ECC, test_lengths_that_no_digest_has_are_size),
	BEHAVIOUR(HIL_ECC, test_the_longest_ed25519_message_is_signed_and_one_byte_more_is_size),
	BEHAVIOUR(HIL_ECC, test_curves_and_actions_that_there_are_not_are_nosupport),
	BEHAVIOUR(HIL_ECC, test_an_ecc_key_in_a_slot_is_never_asked_for_as_bytes),
	BEHAVIOUR(HIL_ECC, test_curve_operations_at_the_same_time_do_not_mix),
	{NULL, NULL, HIL_ECC, false, 0},
};
