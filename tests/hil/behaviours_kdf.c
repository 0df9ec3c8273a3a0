/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of key derivation engines. Known answers: RFC 5869, appendix A; RFC 6070; NIST's CAVP
 * vectors of SP 800-108 in counter mode, with a counter of 32 bits before the fixed input. All else
 * is held against OpenSSL's EVP_KDF.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;
static enum kdf_method method; /* what is tested now */
static enum mac_algorithm prf;

/* --- known answers --------------------------------------------------------------------------- */

static const struct {
	enum mac_algorithm prf;
	const char *key, *salt, *info, *prk, *output;
} hkdfs[] = {
	{MAC_HMAC_SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	 "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	 "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	 "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
	{MAC_HMAC_SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	 "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	 "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
	{MAC_HMAC_SHA1, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "", "",
	 "2adccada18779e7c2077ad2eb19d3f3e731385dd",
	 "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48"},
};

static const struct {
	enum mac_algorithm prf;
	const char *key, *fixed, *output;
} counters[] = {
	{MAC_CMAC_AES, "2429b3366dd76baba440f2b2df365a12",
	 "41f2d2a7b509b46ccfa22698accc29d610ec393cfa3063ef46e3ad35b8d92adbae0216656925acfc7d1743747"
	 "835ac1c01629f714042330b63dfc5e7",
	 "26908cb0e98cfea4588e24fe71bdb4b81cebc4e9763150fb36195ae00d37c8a44760d9646e8ec671"},
	{MAC_CMAC_AES, "3a6576a1541e07eabd47c3534a4346ab39f15eb01d83ecf2319081f6e7ada7e9",
	 "a259cae2c4a36b89563cb148c78251343bbfabdc13ca7ac2171c2eb6021f4477fea33b28724da721ee087bffd"
	 "794a1563754b425a8d09b3e0da5ffed",
	 "99b787ef90a133e5736fdcf175c3a380501f45dec8f093ecdd4000652f4ff1c6575248a363d45d18"},
	{MAC_HMAC_SHA1, "5a254a0dada84bd3aaa5111a1191e654dbf9e728",
	 "3583d0b1d0d70f26dbddaa1dea74e4986285185ff21333ad44935bcf68953f1d6db4686c53bd6521c590ce908"
	 "2e282c9493b2c7bc1f99d9f89d3eebc",
	 "263fe62a0442df8230d29ef860276d3a1a3f7e7216ceeb3813cd522ea2fa81b3e4aa4b08d7117975"},
	{MAC_HMAC_SHA256, "1d9209183e557d3aac7e2ab53d26ec659df2a745fe56a53818ef5853a42ce194",
	 "c01a431a32833930a22abee5c6ea34db459316def3b241529ece7e39e2069a1e6b942946132eebc9679801d2c"
	 "efef4bbb6a1b84ef853325b7bc498fd",
	 "dabcffa16a7589deee6c768aaf01e0813de909005526da54700083ef068f854d49941279689a1726"},
	{MAC_HMAC_SHA512,
	 "0ff2c279653a7b954afb0096c2b16e591fa32eef39edd8141c6513d6dc6c0863af0e94bfd57b17817cd1038f3"
	 "7639cf8d63871aef46ee81947526bc5454c13f2",
	 "16ee1daef6a0316aa0467646c521fa30165fe336b249600f1e565d287b97018033e2bad45d76c6685d77339b2"
	 "7ebdd9cce1b34c1e4619a97774d94e7",
	 "bc0e3cb2b78bd9d6e2ec544672adbe44398fdba7ef332f1c4235c104ca32ec00fb47d47209e15197"},
};

static const struct {
	const char *password;
	size_t password_size;
	const char *salt;
	size_t salt_size;
	uint32_t iterations;
	const char *output;
} pbkdf2s[] = {
	{"password", 8, "salt", 4, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
	{"password", 8, "salt", 4, 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
	{"password", 8, "salt", 4, 4096, "4b007901b765489abead49d926f721d065a429c1"},
	{"passwordPASSWORDpassword", 24, "saltSALTsaltSALTsaltSALTsaltSALTsalt", 36, 4096,
	 "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"},
	{"pass\0word", 9, "sa\0lt", 5, 4096, "56fa6aa75548099dcc37d7f03425e0c3"},
};

static bool offers(const struct bench *bench, enum kdf_method a_method, enum mac_algorithm a_prf)
{
	return bench_kdf_caps(bench)->prfs[a_method] & 1u << a_prf;
}

static void run_hkdf(struct bench *bench, enum kdf_method a_method, size_t i)
{
	const char *key = a_method == KDF_HKDF_EXPAND ? hkdfs[i].prk : hkdfs[i].key;
	bool extracts = a_method == KDF_HKDF_EXTRACT;
	struct kdf_request *request = &client.kdf_request;
	size_t length = strlen(extracts ? hkdfs[i].prk : hkdfs[i].output) / 2;

	material_kdf(&m, &client, a_method, hkdfs[i].prf, length);
	request->key_size = material_hex(key, m.key);
	request->salt_length =
		a_method == KDF_HKDF_EXPAND ? 0 : material_hex(hkdfs[i].salt, m.salt);
	request->info_length = extracts ? 0 : material_hex(hkdfs[i].info, m.info);
	material_hex(extracts ? hkdfs[i].prk : hkdfs[i].output, m.expected);
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_kdf_came_out(&m, &client));
}

static void test_hkdf_is_that_of_rfc_5869_whole_and_in_its_two_steps(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(hkdfs) / sizeof(hkdfs[0]); i++) {
		for (unsigned of = KDF_HKDF; of <= KDF_HKDF_EXPAND; of++) {
			if (offers(&bench, (enum kdf_method)of, hkdfs[i].prf))
				run_hkdf(&bench, (enum kdf_method)of, i);
		}
	}
	bench_close(&bench);
}

static void test_the_counter_mode_is_that_of_nists_vectors(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (!offers(&bench, KDF_COUNTER_FIXED, counters[i].prf))
			continue;
		material_kdf(&m, &client, KDF_COUNTER_FIXED, counters[i].prf, 40);
		client.kdf_request.key_size = material_hex(counters[i].key, m.key);
		client.kdf_request.info_length = material_hex(counters[i].fixed, m.info);
		material_hex(counters[i].output, m.expected);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_kdf_came_out(&m, &client));
	}
	bench_close(&bench);
}

/* label || 0x00 || context || [L]32, written out. */
static void test_the_fixed_input_of_the_counter_mode_is_label_zero_context_and_bits(void)
{
	static const uint8_t fixed[] = {'K', 'E', 'Y', 0, 1, 2, 3, 0, 0, 1, 0x40};
	struct bench bench;

	bench_open(&bench);
	material_kdf(&m, &client, KDF_COUNTER_FIXED, MAC_HMAC_SHA256, 40);
	client.kdf_request.info_length = sizeof(fixed);
	client.info = fixed;
	EXPECT(bench_run(&bench, &client) == 0);
	memcpy(m.expected, m.output, 40);
	material_clear(&m);
	client.kdf_request.method = KDF_COUNTER;
	client.kdf_request.label_length = 3;
	client.kdf_request.info_length = 3;
	client.label = fixed;
	client.info = fixed + 4;
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_kdf_came_out(&m, &client));
	bench_close(&bench);
}

static void test_pbkdf2_is_that_of_rfc_6070(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(pbkdf2s) / sizeof(pbkdf2s[0]); i++) {
		material_kdf(&m, &client, KDF_PBKDF2, MAC_HMAC_SHA1, strlen(pbkdf2s[i].output) / 2);
		client.kdf_request.key_size = pbkdf2s[i].password_size;
		client.kdf_request.salt_length = pbkdf2s[i].salt_size;
		client.kdf_request.iterations = pbkdf2s[i].iterations;
		client.key = (const uint8_t *)pbkdf2s[i].password;
		client.salt = (const uint8_t *)pbkdf2s[i].salt;
		material_hex(pbkdf2s[i].output, m.expected);
		if (!offers(&bench, KDF_PBKDF2, MAC_HMAC_SHA1))
			continue;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_kdf_came_out(&m, &client));
	}
	bench_close(&bench);
}

/* --- for every method and PRF ---------------------------------------------------------------- */

static void for_each(void (*check)(struct bench *bench))
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned a_method = 1; a_method < KDF_METHODS; a_method++) {
		for (unsigned a_prf = 1; a_prf < MAC_ALGORITHMS; a_prf++) {
			method = (enum kdf_method)a_method;
			prf = (enum mac_algorithm)a_prf;
			if (offers(&bench, method, prf))
				check(&bench);
		}
	}
	bench_close(&bench);
}

#define EACH(test, check)                                                                          \
	static void test(void)                                                                     \
	{                                                                                          \
		for_each(check);                                                                   \
	}

static void wants(size_t length)
{
	material_kdf(&m, &client, method, prf, length);
}

static void expect_right(struct bench *bench)
{
	material_clear(&m);
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_kdf_came_out(&m, &client));
}

static void a_derived_key_is_the_same_at_every_chunking(struct bench *bench)
{
	wants(200);
	for (size_t i = 0; i < CHUNKINGS; i++) {
		client.push_chunk = chunkings[i];
		expect_right(bench);
		EXPECT(client.keys == 1 && client.salts <= 1 && client.labels <= 1);
	}
}
EACH(test_a_derived_key_is_the_same_at_every_chunking, a_derived_key_is_the_same_at_every_chunking)

static void a_derived_key_has_any_length(struct bench *bench)
{
	size_t block = kdf_block_size(prf);

	if (method == KDF_HKDF_EXTRACT)
		return;
	for (size_t length = 1; length <= 3 * block + 1; length++) {
		wants(length);
		expect_right(bench);
	}
}
EACH(test_a_derived_key_has_any_length_around_blocks, a_derived_key_has_any_length)

/* Iterations are few: it is the output that is long here. */
static void the_longest_output_is_given_and_a_longer_one_is_size(struct bench *bench)
{
	const struct kdf_caps *caps = bench_kdf_caps(bench);
	size_t max = kdf_length_max(method, prf);

	max = max < caps->length_max ? max : caps->length_max;
	wants(MATERIAL_MAX < max ? MATERIAL_MAX : max);
	if (method == KDF_PBKDF2) {
		client.kdf_request.iterations = 2;
		material_expect_kdf(&m, &client);
	}
	if (max <= MATERIAL_MAX)
		expect_right(bench);
	client.kdf_request.length = max + 1;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.length = SIZE_MAX;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.length = 0;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	EXPECT(client.callbacks == 0);
}
EACH(test_the_longest_output_is_given_and_a_longer_one_is_size,
     the_longest_output_is_given_and_a_longer_one_is_size)

static void what_is_empty_is_not_asked_for(struct bench *bench)
{
	wants(50);
	client.kdf_request.salt_length = 0;
	client.kdf_request.label_length = 0;
	client.kdf_request.info_length = 0;
	material_expect_kdf(&m, &client);
	expect_right(bench);
	EXPECT(client.keys == 1);
	EXPECT(client.salts == 0 && client.labels == 0 && client.infos == 0);
}
EACH(test_an_empty_salt_label_or_info_is_not_asked_for, what_is_empty_is_not_asked_for)

/* Of one length that goes in: the longest is taken, one byte more is SIZE before any callback. */
static void check_length(struct bench *bench, size_t *length, size_t max)
{
	bool has = *length > 0;

	*length = has ? max : 0;
	material_expect_kdf(&m, &client);
	expect_right(bench);
	(*length)++;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	EXPECT(client.callbacks == 0);
	*length = has ? 1 : 0;
	material_expect_kdf(&m, &client);
	expect_right(bench);
}

static void what_goes_in_has_its_longest_and_what_a_method_has_not_is_size(struct bench *bench)
{
	const struct kdf_caps *caps = bench_kdf_caps(bench);
	struct kdf_request *request = &client.kdf_request;

	wants(40);
	check_length(bench, &request->salt_length, caps->salt_max);
	check_length(bench, &request->label_length, caps->label_max);
	check_length(bench, &request->info_length, caps->info_max);
}
EACH(test_what_goes_in_has_its_longest_and_what_a_method_has_not_is_size,
     what_goes_in_has_its_longest_and_what_a_method_has_not_is_size)

static void keys_of_any_length_are_taken(struct bench *bench)
{
	static const size_t around[] = {1, 16, 63, 64, 65, 72, 104, 127, 128, 129, 136, 144, 145};
	size_t max = bench_kdf_caps(bench)->key_size_max;

	if (prf == MAC_CMAC_AES)
		return;
	for (size_t i = 0; i <= sizeof(around) / sizeof(around[0]); i++) {
		wants(40);
		client.kdf_request.key_size =
			i < sizeof(around) / sizeof(around[0]) ? around[i] : max;
		material_expect_kdf(&m, &client);
		expect_right(bench);
	}
	client.kdf_request.key_size = max + 1;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.key_size = 0;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
}
EACH(test_keys_to_derive_from_have_any_length_from_one_byte_on, keys_of_any_length_are_taken)

static void test_aes_keys_to_derive_from_work_or_are_refused_as_caps_say(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t size = 0; size <= 40; size++) {
		bool is_aes = size == 16 || size == 24 || size == 32;
		bool offered = offers(&bench, KDF_COUNTER, MAC_CMAC_AES);
		int wanted = offered && !is_aes ? -PLUTON_ESIZE : -PLUTON_ENOSUPPORT;

		material_kdf(&m, &client, KDF_COUNTER, MAC_CMAC_AES, 40);
		client.kdf_request.key_size = size;
		if (is_aes && bench_kdf_caps(&bench)->key_sizes & 1u << (size / 8)) {
			material_expect_kdf(&m, &client);
			wanted = 0;
		}
		EXPECT(bench_run(&bench, &client) == wanted);
		EXPECT(wanted < 0 || material_kdf_came_out(&m, &client));
	}
	bench_close(&bench);
}

static void a_slot_is_nosupport_or_never_asked_for(struct bench *bench)
{
	wants(40);
	client.kdf_request.key = (struct hil_key_ref){.kind = HIL_KEY_SLOT, .slot = 1};
	if (bench_kdf_caps(bench)->key_slots)
		bench_run(bench, &client);
	else
		EXPECT(bench_run(bench, &client) == -PLUTON_ENOSUPPORT);
	EXPECT(client.keys == 0);
}
EACH(test_a_slot_to_derive_from_is_nosupport_or_never_asked_for,
     a_slot_is_nosupport_or_never_asked_for)

/* --- refusals -------------------------------------------------------------------------------- */

static void test_methods_and_prfs_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned a_method = 0; a_method < 10; a_method++) {
		for (unsigned a_prf = 0; a_prf < 40; a_prf++) {
			bool is_one =
				a_method > 0 && a_method < KDF_METHODS && a_prf < MAC_ALGORITHMS;

			if (is_one && bench_kdf_caps(&bench)->prfs[a_method] & 1u << a_prf)
				continue;
			material_kdf(&m, &client, KDF_HKDF, MAC_HMAC_SHA256, 40);
			client.kdf_request.method = (enum kdf_method)a_method;
			client.kdf_request.prf = (enum mac_algorithm)a_prf;
			EXPECT(bench_run(&bench, &client) == -PLUTON_ENOSUPPORT);
			EXPECT(client.callbacks == 0);
		}
	}
	bench_close(&bench);
}

static void iterations_are_of_pbkdf2_alone(struct bench *bench)
{
	wants(40);
	client.kdf_request.iterations = method == KDF_PBKDF2 ? 0 : 1;
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
	EXPECT(client.callbacks == 0);
}
EACH(test_iterations_are_wanted_of_pbkdf2_and_of_nothing_else, iterations_are_of_pbkdf2_alone)

static void test_an_extraction_of_more_or_less_than_a_block_is_size(void)
{
	struct bench bench;

	bench_open(&bench);
	material_kdf(&m, &client, KDF_HKDF_EXTRACT, MAC_HMAC_SHA256, 32);
	client.kdf_request.length = 31;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.length = 33;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	bench_close(&bench);
}

/* The limit is of iterations times blocks. */
static void test_more_rounds_than_caps_allow_are_size(void)
{
	struct bench bench;
	uint32_t max;

	bench_open(&bench);
	max = (uint32_t)bench_kdf_caps(&bench)->rounds_max;
	material_kdf(&m, &client, KDF_PBKDF2, MAC_HMAC_SHA256, 32);
	client.kdf_request.iterations = max + 1;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.iterations = max / 2 + 1;
	client.kdf_request.length = 33;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.iterations = UINT32_MAX;
	client.kdf_request.length = KDF_LENGTH_MAX;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ESIZE);
	client.kdf_request.iterations = max / 2;
	client.kdf_request.length = 33;
	material_expect_kdf(&m, &client);
	expect_right(&bench);
	bench_close(&bench);
}

/* --- many iterations ------------------------------------------------------------------------- */

static void test_pbkdf2_of_any_number_of_iterations_is_right(void)
{
	static const uint32_t iterations[] = {1,   2,	3,    39,   40,	  41,	127,  128,
					      129, 130, 2047, 2048, 2049, 4096, 10000};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(iterations) / sizeof(iterations[0]); i++) {
		material_kdf(&m, &client, KDF_PBKDF2, MAC_HMAC_SHA256, 70);
		client.kdf_request.iterations = iterations[i];
		if (kdf_rounds(&client.kdf_request) > bench_kdf_caps(&bench)->rounds_max)
			continue;
		material_expect_kdf(&m, &client);
		expect_right(&bench);
	}
	bench_close(&bench);
}

/* Some turns of the loop after the cancel, however many iterations are left. */
static void test_a_cancelled_pbkdf2_ends_at_once_and_the_next_one_is_right(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 12; turns++) {
		material_kdf(&m, &client, KDF_PBKDF2, MAC_HMAC_SHA256, 32);
		client.kdf_request.iterations = (uint32_t)bench_kdf_caps(&bench)->rounds_max;
		EXPECT(client_start(&client, bench_engine(&bench, HIL_KDF)) == 0);
		for (unsigned i = 0; i < turns && client.dones == 0; i++)
			bench_turn(&bench, 1);
		if (client.dones) /* all in one deferred call: there was nothing to cancel */
			continue;
		EXPECT(client_cancel(&client) == 0);
		bench_finish(&bench, &client);
		EXPECT(client.result == -PLUTON_ECANCEL);
		EXPECT(client.pushed == 0);
	}
	material_kdf(&m, &client, KDF_PBKDF2, MAC_HMAC_SHA256, 32);
	expect_right(&bench);
	bench_close(&bench);
}

/* --- sharing --------------------------------------------------------------------------------- */

static struct material materials[HIL_CONCURRENCY_MAX + 1];
static struct client clients[HIL_CONCURRENCY_MAX + 1];

static void derivations_over_concurrency_are_busy_until_one_is_done(struct bench *bench)
{
	struct hil_engine *engine = bench_engine(bench, HIL_KDF);
	unsigned count = engine->concurrency;

	for (unsigned i = 0; i <= count; i++) {
		material_kdf(&materials[i], &clients[i], method, prf, 100 + i);
		materials[i].key[0] = (uint8_t)i;
		material_expect_kdf(&materials[i], &clients[i]);
		EXPECT(client_start(&clients[i], engine) == (i < count ? 0 : -PLUTON_EBUSY));
	}
	for (unsigned i = 0; i < count; i++) {
		bench_finish(bench, &clients[i]);
		EXPECT(clients[i].result == 0 && clients[i].dones == 1);
		EXPECT(material_kdf_came_out(&materials[i], &clients[i]));
	}
	EXPECT(bench_run(bench, &clients[count]) == 0);
}
EACH(test_derivations_over_concurrency_are_busy_until_one_is_done,
     derivations_over_concurrency_are_busy_until_one_is_done)

const struct behaviour kdf_behaviours[] = {
	BEHAVIOUR(HIL_KDF, test_hkdf_is_that_of_rfc_5869_whole_and_in_its_two_steps),
	BEHAVIOUR(HIL_KDF, test_the_counter_mode_is_that_of_nists_vectors),
	BEHAVIOUR(HIL_KDF, test_the_fixed_input_of_the_counter_mode_is_label_zero_context_and_bits),
	BEHAVIOUR(HIL_KDF, test_pbkdf2_is_that_of_rfc_6070),
	BEHAVIOUR(HIL_KDF, test_a_derived_key_is_the_same_at_every_chunking),
	BEHAVIOUR(HIL_KDF, test_a_derived_key_has_any_length_around_blocks),
	BEHAVIOUR(HIL_KDF, test_the_longest_output_is_given_and_a_longer_one_is_size),
	BEHAVIOUR(HIL_KDF, test_an_empty_salt_label_or_info_is_not_asked_for),
	BEHAVIOUR(HIL_KDF, test_what_goes_in_has_its_longest_and_what_a_method_has_not_is_size),
	BEHAVIOUR(HIL_KDF, test_keys_to_derive_from_have_any_length_from_one_byte_on),
	BEHAVIOUR(HIL_KDF, test_aes_keys_to_derive_from_work_or_are_refused_as_caps_say),
	BEHAVIOUR(HIL_KDF, test_a_slot_to_derive_from_is_nosupport_or_never_asked_for),
	BEHAVIOUR(HIL_KDF, test_methods_and_prfs_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_KDF, test_iterations_are_wanted_of_pbkdf2_and_of_nothing_else),
	BEHAVIOUR(HIL_KDF, test_an_extraction_of_more_or_less_than_a_block_is_size),
	BEHAVIOUR(HIL_KDF, test_more_rounds_than_caps_allow_are_size),
	BEHAVIOUR(HIL_KDF, test_pbkdf2_of_any_number_of_iterations_is_right),
	BEHAVIOUR(HIL_KDF, test_a_cancelled_pbkdf2_ends_at_once_and_the_next_one_is_right),
	BEHAVIOUR(HIL_KDF, test_derivations_over_concurrency_are_busy_until_one_is_done),
	{NULL, NULL, HIL_KDF, false, 0},
};
