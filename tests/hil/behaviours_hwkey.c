/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of engines with key slots. Which key is in a slot is seen by wrapping it (keyring.h),
 * and of a key pair by its public part. Known answers: RFC 5649, section 6.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/curves.h"
#include "tests/hil/key_wrap.h"
#include "tests/hil/keyring.h"
#include "tests/hil/material.h"
#include "tests/rsa_material.h"

#define SLOT 3u /* the number that is tried */
#define TURNS_MAX 2000u

static struct client client;
static uint8_t input[HWKEY_WRAPPED_MAX], output[HWKEY_WRAPPED_MAX], key[HWKEY_KEY_SIZE_MAX];
static enum hwkey_type type; /* what is tried now */
static uint32_t policy;

static const enum hwkey_action fills[] = {HWKEY_GENERATE, HWKEY_IMPORT, HWKEY_DERIVE, HWKEY_UNWRAP};
#define FILLS (sizeof(fills) / sizeof(fills[0]))

static bool has_type(const struct bench *bench, enum hwkey_type a_type)
{
	return bench_hwkey_caps(bench)->types >> a_type & 1;
}

/* Large primes take their time. */
static bool can(const struct bench *bench, enum hwkey_action action)
{
	if (action == HWKEY_DERIVE)
		return bench_hwkey_caps(bench)->derived_types >> type & 1;
	if (action == HWKEY_GENERATE)
		return type != HWKEY_RSA3072 && type != HWKEY_RSA4096;
	return keyring_key(type, key) > 0;
}

/* For every type that there is, kept and of this boot only. */
static void for_each(void (*check)(struct bench *bench))
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned a_type = 1; a_type < HWKEY_TYPES; a_type++) {
		for (policy = 0; policy <= HWKEY_THIS_BOOT; policy += HWKEY_THIS_BOOT) {
			type = (enum hwkey_type)a_type;
			if (has_type(&bench, type))
				check(&bench);
			keyring_empty(&bench);
		}
	}
	bench_close(&bench);
}

#define EACH(test, check)                                                                          \
	static void test(void)                                                                     \
	{                                                                                          \
		for_each(check);                                                                   \
	}

static struct hwkey_attributes attributes(void)
{
	return keyring_attributes(type, policy);
}

static void wants_fill(struct bench *bench, enum hwkey_action action)
{
	keyring_wants_fill(bench, &client, action, SLOT, attributes());
}

static bool says(const char *words)
{
	return client.why && strstr(client.why, words);
}

/* --- into slots ------------------------------------------------------------------------------- */

static void a_generated_key_is_there(struct bench *bench)
{
	struct hwkey_about about = {.attributes.type = 0};

	if (!can(bench, HWKEY_GENERATE))
		return;
	wants_fill(bench, HWKEY_GENERATE);
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(client.callbacks == 0 && says("") && !*client.why);
	EXPECT(keyring_find(bench, ALICE, SLOT, &about) == 0);
	EXPECT(about.attributes.type == type && about.attributes.policy == policy);
	EXPECT(about.attributes.usage == attributes().usage);
	EXPECT(about.attributes.size == attributes().size);
	EXPECT(about.ref.kind == HIL_KEY_SLOT);
	EXPECT(about.ref.vault && about.ref.vault == bench_engine(bench, HIL_HWKEY)->vault);
	EXPECT(keyring_read(bench, ALICE, SLOT, key) == attributes().size);
}
EACH(test_a_generated_key_is_in_its_slot_as_it_was_asked_for, a_generated_key_is_there)

static void generated_keys_differ(struct bench *bench)
{
	uint8_t keys[2][HWKEY_KEY_SIZE_MAX];

	if (!can(bench, HWKEY_GENERATE) || hwkey_family(type) == HWKEY_OF_RSA)
		return;
	for (unsigned i = 0; i < 2; i++) {
		wants_fill(bench, HWKEY_GENERATE);
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(keyring_read(bench, ALICE, SLOT, keys[i]) == attributes().size);
		EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
	}
	EXPECT(memcmp(keys[0], keys[1], attributes().size) != 0);
}
EACH(test_generated_keys_differ, generated_keys_differ)

/* Imports, then unwraps; each chunk is a client that answers so. */
static void comes_in_at_every_chunking(struct bench *bench, enum hwkey_action action)
{
	if (!can(bench, action))
		return;
	for (size_t i = 0; i < CHUNKINGS; i++) {
		wants_fill(bench, action);
		client.pull_chunk = chunkings[i];
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(client.pulled == client.hwkey_request.length);
		EXPECT(client.pushed == 0 && !client.read_twice);
		EXPECT(keyring_holds(bench, SLOT, attributes()));
		EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
	}
}

static void an_import_is_what_came_in(struct bench *bench)
{
	comes_in_at_every_chunking(bench, HWKEY_IMPORT);
}
EACH(test_an_imported_key_is_the_one_that_came_in_at_every_chunking, an_import_is_what_came_in)

static void what_is_unwrapped_is_what_was_wrapped(struct bench *bench)
{
	comes_in_at_every_chunking(bench, HWKEY_UNWRAP);
}
EACH(test_an_unwrapped_key_is_the_one_that_was_wrapped_at_every_chunking,
     what_is_unwrapped_is_what_was_wrapped)

static void test_a_secret_has_any_size_up_to_its_too_long(void)
{
	struct bench bench;

	bench_open(&bench);
	for (size_t size = 1; size <= HWKEY_SECRET_MAX; size++) {
		type = HWKEY_SECRET;
		policy = HWKEY_THIS_BOOT;
		wants_fill(&bench, HWKEY_IMPORT);
		client.hwkey_request.length = client.hwkey_request.attributes.size = size;
		memset(input, (int)size, size);
		client.input = input;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(keyring_read(&bench, ALICE, SLOT, key) == size);
		EXPECT(memcmp(key, input, size) == 0);
		EXPECT(keyring_delete(&bench, ALICE, SLOT) == 0);
	}
	bench_close(&bench);
}

/* --- out of slots ----------------------------------------------------------------------------- */

static const struct {
	const char *key, *wrapped;
} rfc5649[] = {
	{"c37b7e6492584340bed12207808941155068f738",
	 "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
	{"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
};

/* The wrapping key of both examples in slot 1, or one of another size. */
static void import_wrapping(struct bench *bench, enum hwkey_type a_type)
{
	keyring_wants(&client, HWKEY_IMPORT, 1);
	client.hwkey_request.attributes = (struct hwkey_attributes){
		a_type, HWKEY_WRAPS | HWKEY_ENCRYPT, HWKEY_THIS_BOOT, hwkey_size(a_type)};
	client.hwkey_request.length = material_hex(
		"5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8a1a2a3a4a5a6a7a8", input);
	client.hwkey_request.length = hwkey_size(a_type);
	client.input = input;
	EXPECT(bench_run(bench, &client) == 0);
}

static void import_secret(struct bench *bench, const uint8_t *bytes, size_t size, uint32_t a_policy)
{
	keyring_wants(&client, HWKEY_IMPORT, SLOT);
	client.hwkey_request.attributes =
		(struct hwkey_attributes){HWKEY_SECRET, HWKEY_MAC, a_policy, size};
	client.hwkey_request.length = size;
	client.input = bytes;
	EXPECT(bench_run(bench, &client) == 0);
}

static void wants_wrap(size_t length)
{
	keyring_wants(&client, HWKEY_WRAP, SLOT);
	client.hwkey_request.wrapping = 1;
	client.hwkey_request.length = length;
	client.output = output;
	memset(output, UNTOUCHED, sizeof(output));
}

static void test_a_wrapped_key_is_that_of_rfc_5649_at_every_chunking(void)
{
	uint8_t wrapped[64];
	struct bench bench;

	bench_open(&bench);
	import_wrapping(&bench, HWKEY_AES192);
	for (size_t i = 0; i < sizeof(rfc5649) / sizeof(rfc5649[0]); i++) {
		size_t length = material_hex(rfc5649[i].wrapped, wrapped);

		import_secret(&bench, key, material_hex(rfc5649[i].key, key), HWKEY_THIS_BOOT);
		for (size_t k = 0; k < CHUNKINGS; k++) {
			wants_wrap(length);
			client.push_chunk = chunkings[k];
			EXPECT(bench_run(&bench, &client) == 0);
			EXPECT(client.pushed == length && client.pulled == 0);
			EXPECT(memcmp(output, wrapped, length) == 0);
			EXPECT(output[length] == UNTOUCHED);
		}
		EXPECT(keyring_delete(&bench, ALICE, SLOT) == 0);
	}
	bench_close(&bench);
}

static void test_what_rfc_5649_wrapped_is_unwrapped(void)
{
	uint8_t wrapped[64], right[64];
	struct bench bench;

	bench_open(&bench);
	import_wrapping(&bench, HWKEY_AES192);
	for (size_t i = 0; i < sizeof(rfc5649) / sizeof(rfc5649[0]); i++) {
		size_t size = material_hex(rfc5649[i].key, right);

		keyring_wants(&client, HWKEY_UNWRAP, SLOT);
		client.hwkey_request.wrapping = 1;
		client.hwkey_request.attributes =
			(struct hwkey_attributes){HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT, size};
		client.hwkey_request.length = material_hex(rfc5649[i].wrapped, wrapped);
		client.input = wrapped;
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(keyring_read(&bench, ALICE, SLOT, key) == size);
		EXPECT(memcmp(key, right, size) == 0);
		EXPECT(keyring_delete(&bench, ALICE, SLOT) == 0);
	}
	bench_close(&bench);
}

static void test_aes_keys_of_every_size_wrap(void)
{
	uint8_t kek[32], wrapped[HWKEY_WRAPPED_MAX];
	struct bench bench;

	bench_open(&bench);
	for (enum hwkey_type a_type = HWKEY_AES128; a_type <= HWKEY_AES256; a_type++) {
		size_t size = keyring_key(HWKEY_SECRET, key);

		if (!has_type(&bench, a_type))
			continue;
		import_wrapping(&bench, a_type);
		memcpy(kek, input, sizeof(kek));
		import_secret(&bench, key, size, 0);
		wants_wrap(KEY_WRAP_SIZE(size));
		EXPECT(bench_run(&bench, &client) == 0);
		key_wrap(kek, hwkey_size(a_type), key, size, wrapped);
		EXPECT(memcmp(output, wrapped, KEY_WRAP_SIZE(size)) == 0);
		keyring_empty(&bench);
	}
	bench_close(&bench);
}

static size_t right_public(uint8_t *ret_public)
{
	keyring_key(type, key);
	if (hwkey_family(type) == HWKEY_OF_RSA)
		memcpy(ret_public, key, hwkey_public_size(type));
	else
		curves_public(hwkey_curve(type), key, ret_public);
	return hwkey_public_size(type);
}

static void wants_public(size_t length)
{
	keyring_wants(&client, HWKEY_PUBLIC, SLOT);
	client.hwkey_request.length = length;
	client.output = output;
	memset(output, UNTOUCHED, sizeof(output));
}

static void a_public_key_is_right(struct bench *bench)
{
	uint8_t right[HWKEY_KEY_SIZE_MAX];
	size_t length;

	if (hwkey_public_size(type) == 0 || !can(bench, HWKEY_IMPORT))
		return;
	length = right_public(right);
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	for (size_t i = 0; i < CHUNKINGS; i++) {
		wants_public(length);
		client.push_chunk = chunkings[i];
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(client.pushed == length && client.pulled == 0);
		EXPECT(memcmp(output, right, length) == 0 && output[length] == UNTOUCHED);
	}
}
EACH(test_a_public_key_is_that_of_the_second_implementation_at_every_chunking,
     a_public_key_is_right)

/* --- derivation ------------------------------------------------------------------------------- */

/* Which key comes of it; the slot is empty again. */
static void derive(struct bench *bench, const char *owner, uint8_t *ret_key)
{
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(keyring_read(bench, owner, client.hwkey_request.name.number, ret_key) ==
	       client.hwkey_request.attributes.size);
	EXPECT(keyring_delete(bench, owner, client.hwkey_request.name.number) == 0);
}

static void a_derived_key_is_always_the_same(struct bench *bench)
{
	uint8_t first[HWKEY_KEY_SIZE_MAX];
	size_t size = attributes().size;

	if (!can(bench, HWKEY_DERIVE))
		return;
	wants_fill(bench, HWKEY_DERIVE);
	derive(bench, ALICE, first);
	for (size_t i = 0; i < CHUNKINGS; i++) {
		memset(key, 0, sizeof(key));
		wants_fill(bench, HWKEY_DERIVE);
		client.hwkey_request.name.number = 1 + (uint32_t)i;
		client.pull_chunk = chunkings[i];
		derive(bench, ALICE, key);
		EXPECT(client.pulled == client.hwkey_request.length && !client.read_twice);
		EXPECT(memcmp(key, first, size) == 0);
	}
	bench_restart(bench);
	wants_fill(bench, HWKEY_DERIVE);
	derive(bench, ALICE, key);
	EXPECT(memcmp(key, first, size) == 0);
}
EACH(test_a_derived_key_is_always_the_same_in_whatever_slot, a_derived_key_is_always_the_same)

/* It has at least 16 bytes, of which none is likely to be the other's. */
static void expect_another(struct bench *bench, const char *owner, const uint8_t *first)
{
	derive(bench, owner, key);
	EXPECT(memcmp(key, first, 16) != 0);
}

static void a_derived_key_is_another(struct bench *bench)
{
	struct hwkey_request *request = &client.hwkey_request;
	uint8_t first[HWKEY_KEY_SIZE_MAX];

	if (!can(bench, HWKEY_DERIVE))
		return;
	wants_fill(bench, HWKEY_DERIVE);
	derive(bench, ALICE, first);
	keyring_set_owner(&client, BOB);
	expect_another(bench, BOB, first);
	wants_fill(bench, HWKEY_DERIVE);
	request->length--;
	expect_another(bench, ALICE, first);
	wants_fill(bench, HWKEY_DERIVE);
	memset(input, 'd', sizeof(input));
	input[request->length - 1] = 'e';
	client.input = input;
	expect_another(bench, ALICE, first);
	wants_fill(bench, HWKEY_DERIVE);
	request->attributes.usage = HWKEY_MAC | HWKEY_AGREE;
	expect_another(bench, ALICE, first);
	wants_fill(bench, HWKEY_DERIVE);
	request->attributes.policy ^= HWKEY_THIS_BOOT;
	expect_another(bench, ALICE, first);
	wants_fill(bench, HWKEY_DERIVE);
	request->attributes =
		keyring_attributes(type == HWKEY_SECRET ? HWKEY_AES256 : HWKEY_SECRET, policy);
	expect_another(bench, ALICE, first);
	if (type != HWKEY_SECRET)
		return;
	wants_fill(bench, HWKEY_DERIVE);
	request->attributes.size++;
	expect_another(bench, ALICE, first);
}
EACH(test_a_derived_key_is_another_for_another_owner_attribute_or_input, a_derived_key_is_another)

/* --- refusals by start ------------------------------------------------------------------------ */

static void expect_refused(struct bench *bench, int error)
{
	struct hwkey_about about;

	EXPECT(bench_run(bench, &client) == error);
	EXPECT(client.callbacks == 0 && client.dones == 0);
	EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
}

static void test_a_request_without_a_name_or_an_action_is_refused(void)
{
	static const unsigned actions[] = {0, HWKEY_ACTIONS, 32, INT32_MAX};
	static const char too_long[] = "uid-56789012345678901234567890123456789040";
	static const struct {
		const char *owner;
		uint32_t number;
	} names[] = {{"", 1},
		     {"uid 1", 1},
		     {too_long, 1},
		     {ALICE, 0},
		     {ALICE, HWKEY_NUMBER_MAX + 1},
		     {ALICE, UINT32_MAX}};
	struct bench bench;

	bench_open(&bench);
	type = HWKEY_SECRET;
	policy = HWKEY_THIS_BOOT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		wants_fill(&bench, HWKEY_IMPORT);
		keyring_set_owner(&client, names[i].owner);
		client.hwkey_request.name.number = names[i].number;
		expect_refused(&bench, -PLUTON_EINVAL);
	}
	wants_fill(&bench, HWKEY_IMPORT);
	memset(client.hwkey_request.name.owner, 'a', sizeof(client.hwkey_request.name.owner));
	expect_refused(&bench, -PLUTON_EINVAL);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		wants_fill(&bench, HWKEY_IMPORT);
		client.hwkey_request.action = (enum hwkey_action)actions[i];
		expect_refused(&bench, -PLUTON_ENOSUPPORT);
	}
	bench_close(&bench);
}

static void test_types_not_in_caps_are_nosupport(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned a_type = 0; a_type < 40; a_type++) {
		for (size_t i = 0; i < FILLS; i++) {
			uint32_t offered = fills[i] == HWKEY_DERIVE
						   ? bench_hwkey_caps(&bench)->derived_types
						   : bench_hwkey_caps(&bench)->types;

			if (a_type < HWKEY_TYPES && offered >> a_type & 1)
				continue;
			keyring_wants(&client, fills[i], SLOT);
			client.hwkey_request.attributes = (struct hwkey_attributes){
				(enum hwkey_type)a_type, HWKEY_MAC, 0, 32};
			client.hwkey_request.length = 32;
			expect_refused(&bench, -PLUTON_ENOSUPPORT);
		}
	}
	bench_close(&bench);
}

static void expect_fault(struct bench *bench, enum hwkey_type a_type, uint32_t usage,
			 uint32_t a_policy)
{
	keyring_wants(&client, HWKEY_GENERATE, SLOT);
	client.hwkey_request.attributes =
		(struct hwkey_attributes){a_type, usage, a_policy, hwkey_size(a_type)};
	if (a_type == HWKEY_SECRET)
		client.hwkey_request.attributes.size = 32;
	expect_refused(bench, has_type(bench, a_type) ? -PLUTON_EINVAL : -PLUTON_ENOSUPPORT);
}

static void test_attributes_that_do_not_go_together_are_inval(void)
{
	static const struct hwkey_attributes faults[] = {
		{HWKEY_AES128, 0, 0, 0},
		{HWKEY_AES128, HWKEY_SIGN, 0, 0},
		{HWKEY_AES128, HWKEY_USAGES + 1, 0, 0},
		{HWKEY_AES128, HWKEY_ENCRYPT, HWKEY_POLICIES + 1, 0},
		{HWKEY_AES256, HWKEY_ENCRYPT | HWKEY_MAC, HWKEY_ENGINE_IV, 0},
		{HWKEY_AES256, HWKEY_ENCRYPT | HWKEY_AGREE, HWKEY_ENGINE_IV, 0},
		{HWKEY_AES256, HWKEY_ENCRYPT | HWKEY_WRAPS, HWKEY_ENGINE_IV, 0},
		{HWKEY_SECRET, HWKEY_MAC, HWKEY_ENGINE_IV, 0},
		{HWKEY_SECRET, HWKEY_ENCRYPT, 0, 0},
		{HWKEY_SECRET, HWKEY_WRAPS, 0, 0},
		{HWKEY_P256, HWKEY_ENCRYPT, 0, 0},
		{HWKEY_ED25519, HWKEY_AGREE, 0, 0},
		{HWKEY_X25519, HWKEY_SIGN, 0, 0},
		{HWKEY_RSA2048, HWKEY_ENCRYPT, 0, 0},
		{HWKEY_RSA2048, HWKEY_SIGN | HWKEY_AGREE, 0, 0},
	};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		expect_fault(&bench, faults[i].type, faults[i].usage, faults[i].policy);
	bench_close(&bench);
}

static void sizes_that_a_key_has_not_are_size(struct bench *bench)
{
	struct hwkey_request *request = &client.hwkey_request;

	for (int more = -1; more <= 1; more += 2) {
		for (size_t i = 0; i < FILLS; i++) {
			if (!can(bench, fills[i]))
				continue;
			wants_fill(bench, fills[i]);
			request->attributes.size = hwkey_size(type) + (size_t)more;
			if (type == HWKEY_SECRET)
				request->attributes.size = more < 0 ? 0 : HWKEY_SECRET_MAX + 1;
			expect_refused(bench, -PLUTON_ESIZE);
			if (fills[i] == HWKEY_DERIVE)
				continue;
			wants_fill(bench, fills[i]);
			request->length += (size_t)more;
			expect_refused(bench, -PLUTON_ESIZE);
		}
	}
}
EACH(test_sizes_and_lengths_that_a_key_has_not_are_size, sizes_that_a_key_has_not_are_size)

static void test_lengths_that_no_key_has_are_size(void)
{
	static const struct {
		enum hwkey_action action;
		size_t length;
	} wrong[] = {
		{HWKEY_DELETE, 1},
		{HWKEY_WRAP, 0},
		{HWKEY_WRAP, 15},
		{HWKEY_WRAP, HWKEY_WRAPPED_MAX + 1},
		{HWKEY_WRAP, SIZE_MAX},
		{HWKEY_PUBLIC, 0},
		{HWKEY_PUBLIC, HWKEY_KEY_SIZE_MAX + 1},
	};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		keyring_wants(&client, wrong[i].action, SLOT);
		client.hwkey_request.length = wrong[i].length;
		expect_refused(&bench, -PLUTON_ESIZE);
	}
	type = HWKEY_AES128;
	policy = HWKEY_THIS_BOOT;
	if (can(&bench, HWKEY_DERIVE)) {
		wants_fill(&bench, HWKEY_DERIVE);
		client.hwkey_request.length = 0;
		expect_refused(&bench, -PLUTON_ESIZE);
		client.hwkey_request.length = HWKEY_INPUT_MAX + 1;
		expect_refused(&bench, -PLUTON_ESIZE);
	}
	bench_close(&bench);
}

/* --- refusals by done ------------------------------------------------------------------------- */

/* Not a callback was made; the sentence is there for done alone. */
static void expect_failed(struct bench *bench, int error)
{
	struct hwkey_engine *engine = (struct hwkey_engine *)(void *)bench_engine(bench, HIL_HWKEY);

	EXPECT(bench_run(bench, &client) == error);
	EXPECT(client.pushed == 0 && client.dones == 1);
	EXPECT(client.why && strlen(client.why) > 10);
	EXPECT(!*engine->ops->why(engine));
}

static void a_taken_number_is_already(struct bench *bench)
{
	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	for (size_t i = 0; i < FILLS; i++) {
		if (!can(bench, fills[i]))
			continue;
		wants_fill(bench, fills[i]);
		client.hwkey_request.attributes.policy |= HWKEY_NEVER_EXPORTED;
		expect_failed(bench, -PLUTON_EALREADY);
		EXPECT(client.callbacks == 0 && says("taken"));
		EXPECT(keyring_holds(bench, SLOT, attributes()));
	}
}
EACH(test_a_number_that_is_taken_is_already_and_keeps_its_key, a_taken_number_is_already)

static void test_an_owner_over_its_slots_is_nomem(void)
{
	struct bench bench;

	bench_open(&bench);
	type = HWKEY_SECRET;
	policy = HWKEY_THIS_BOOT;
	for (uint32_t number = 1; number <= 3; number++)
		EXPECT(keyring_import(&bench, 10 * number, type, policy) == 0);
	for (uint32_t allowed = 0; allowed <= 4; allowed++) {
		wants_fill(&bench, HWKEY_GENERATE);
		client.hwkey_request.slots_per_owner = allowed;
		if (allowed <= 3)
			expect_failed(&bench, -PLUTON_ENOMEM);
		else
			EXPECT(bench_run(&bench, &client) == 0);
	}
	wants_fill(&bench, HWKEY_GENERATE);
	keyring_set_owner(&client, BOB);
	client.hwkey_request.slots_per_owner = 1;
	EXPECT(bench_run(&bench, &client) == 0);
	bench_close(&bench);
}

static void test_more_slots_than_caps_say_are_nomem(void)
{
	struct bench bench;
	uint32_t max;

	bench_open(&bench);
	type = HWKEY_SECRET;
	policy = HWKEY_THIS_BOOT;
	max = bench_hwkey_caps(&bench)->slots_max;
	for (uint32_t number = 1; number <= max; number++)
		EXPECT(keyring_import(&bench, 2 * number, type, policy) == 0);
	wants_fill(&bench, HWKEY_GENERATE);
	expect_failed(&bench, -PLUTON_ENOMEM);
	keyring_set_owner(&client, BOB);
	expect_failed(&bench, -PLUTON_ENOMEM);
	EXPECT(keyring_unused(&bench, BOB) == 1);
	EXPECT(keyring_delete(&bench, ALICE, 2 * max) == 0);
	EXPECT(bench_run(&bench, &client) == 0);
	bench_close(&bench);
}

static void test_a_slot_that_is_empty_is_nodevice(void)
{
	static const enum hwkey_action actions[] = {HWKEY_WRAP, HWKEY_PUBLIC, HWKEY_DELETE};
	struct bench bench;

	bench_open(&bench);
	import_wrapping(&bench, HWKEY_AES256);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		keyring_wants(&client, actions[i], SLOT);
		client.hwkey_request.wrapping = 1;
		client.hwkey_request.length = actions[i] == HWKEY_DELETE ? 0 : 32;
		expect_failed(&bench, -PLUTON_ENODEVICE);
		EXPECT(client.callbacks == 0);
	}
	bench_close(&bench);
}

static void test_what_is_to_wrap_must_be_there_and_be_for_that(void)
{
	struct bench bench;
	size_t size = keyring_key(HWKEY_SECRET, key);

	bench_open(&bench);
	import_secret(&bench, key, size, HWKEY_THIS_BOOT);
	wants_wrap(KEY_WRAP_SIZE(size));
	expect_failed(&bench, -PLUTON_ENODEVICE);
	EXPECT(keyring_import(&bench, 1, HWKEY_AES256, HWKEY_THIS_BOOT) == 0);
	wants_wrap(KEY_WRAP_SIZE(size));
	expect_failed(&bench, -PLUTON_EINVAL);
	EXPECT(says("not for wrapping"));
	wants_wrap(KEY_WRAP_SIZE(size));
	client.hwkey_request.wrapping = SLOT;
	expect_failed(&bench, -PLUTON_EINVAL);
	type = HWKEY_AES128;
	policy = HWKEY_THIS_BOOT;
	for (uint32_t wrapping = 1; wrapping < SLOT; wrapping++) {
		keyring_wants_fill(&bench, &client, HWKEY_UNWRAP, 7, attributes());
		client.hwkey_request.wrapping = wrapping;
		expect_failed(&bench, wrapping == 1 ? -PLUTON_EINVAL : -PLUTON_ENODEVICE);
	}
	bench_close(&bench);
}

static void what_is_never_exported_is_not_wrapped(struct bench *bench)
{
	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy | HWKEY_NEVER_EXPORTED) == 0);
	import_wrapping(bench, HWKEY_AES256);
	wants_wrap(hwkey_wrapped_size(attributes().size));
	expect_failed(bench, -PLUTON_EINVAL);
	EXPECT(says("never exported"));
	EXPECT(client.callbacks == 0);
}
EACH(test_a_key_that_is_never_exported_is_not_wrapped, what_is_never_exported_is_not_wrapped)

static void other_lengths_than_the_keys_are_size(struct bench *bench)
{
	size_t wrapped = hwkey_wrapped_size(attributes().size), public = hwkey_public_size(type);

	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	import_wrapping(bench, HWKEY_AES256);
	for (unsigned more = 0; more < 2; more++) {
		wants_wrap(more ? wrapped + 8 : wrapped - 8);
		if (wrapped + 8 <= HWKEY_WRAPPED_MAX)
			expect_failed(bench, -PLUTON_ESIZE);
		wants_public(more ? public + 1 : public ? public - 1 : 7);
		expect_failed(bench, public ? -PLUTON_ESIZE : -PLUTON_EINVAL);
	}
}
EACH(test_other_lengths_than_the_key_in_the_slot_has_are_size, other_lengths_than_the_keys_are_size)

static void a_changed_wrapping_is_inval(struct bench *bench)
{
	struct hwkey_about about;
	size_t step;

	if (!can(bench, HWKEY_IMPORT))
		return;
	wants_fill(bench, HWKEY_UNWRAP);
	memcpy(input, client.input, client.hwkey_request.length);
	step = client.hwkey_request.length > 200 ? 97 : 1;
	for (size_t i = 0; i < client.hwkey_request.length; i += step) {
		client.input = input;
		input[i] ^= 0x40;
		expect_failed(bench, -PLUTON_EINVAL);
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
		input[i] ^= 0x40;
	}
	EXPECT(bench_run(bench, &client) == 0);
}
EACH(test_what_was_wrapped_and_changed_is_inval_and_fills_no_slot, a_changed_wrapping_is_inval)

static void test_what_was_wrapped_by_another_key_or_of_another_size_is_inval(void)
{
	struct bench bench;
	size_t size = keyring_key(HWKEY_SECRET, key);

	bench_open(&bench);
	keyring_need_wrapping(&bench, ALICE);
	import_wrapping(&bench, HWKEY_AES256);
	keyring_wrap(key, size, input);
	keyring_wants(&client, HWKEY_UNWRAP, SLOT);
	client.input = input;
	client.hwkey_request.attributes =
		(struct hwkey_attributes){HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT, size};
	client.hwkey_request.length = KEY_WRAP_SIZE(size);
	client.hwkey_request.wrapping = 1;
	expect_failed(&bench, -PLUTON_EINVAL);
	client.hwkey_request.wrapping = KEYRING_WRAPPING;
	for (client.hwkey_request.attributes.size = size - 7;
	     client.hwkey_request.attributes.size < size; client.hwkey_request.attributes.size++)
		expect_failed(&bench, -PLUTON_EINVAL);
	EXPECT(bench_run(&bench, &client) == 0);
	bench_close(&bench);
}

static void test_a_type_without_a_public_part_has_none_to_give(void)
{
	struct bench bench;

	bench_open(&bench);
	EXPECT(keyring_import(&bench, SLOT, HWKEY_SECRET, HWKEY_THIS_BOOT) == 0);
	wants_public(KEYRING_SECRET_SIZE);
	expect_failed(&bench, -PLUTON_EINVAL);
	EXPECT(says("public part"));
	EXPECT(client.callbacks == 0);
	bench_close(&bench);
}

/* Zeros are no scalar, ones are above every order; of RSA, one part is not of this key. */
static void make_bad_key(unsigned how)
{
	size_t size = keyring_key(type, input), modulus = hwkey_public_size(type) - 8;
	enum rsa_part part = (enum rsa_part)how;

	if (hwkey_family(type) == HWKEY_OF_RSA)
		input[rsa_part_offset(part, modulus) + rsa_part_size(part, modulus) - 1] ^= 0x02;
	else
		memset(input, how ? 0xff : 0, size);
}

static void what_is_no_key_is_inval(struct bench *bench)
{
	bool any_is_one = hwkey_family(type) == HWKEY_OF_AES || type == HWKEY_SECRET ||
			  type == HWKEY_ED25519 || type == HWKEY_X25519;
	unsigned hows = hwkey_family(type) == HWKEY_OF_RSA ? RSA_PARTS : 2;
	struct hwkey_about about;
	size_t size = attributes().size;

	if (!can(bench, HWKEY_IMPORT) || any_is_one)
		return;
	for (unsigned how = 0; how < hows; how++) {
		make_bad_key(how);
		keyring_wants(&client, HWKEY_IMPORT, SLOT);
		client.hwkey_request.attributes = attributes();
		client.hwkey_request.length = size;
		client.input = input;
		expect_failed(bench, -PLUTON_EINVAL);
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
		/* wrapped, it is none either */
		keyring_need_wrapping(bench, ALICE);
		keyring_wrap(input, size, output);
		client.hwkey_request.action = HWKEY_UNWRAP;
		client.hwkey_request.length = hwkey_wrapped_size(size);
		client.input = output;
		expect_failed(bench, -PLUTON_EINVAL);
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
		keyring_empty(bench);
	}
}
EACH(test_what_is_no_key_of_its_type_is_inval_and_fills_no_slot, what_is_no_key_is_inval)

/* --- whose they are --------------------------------------------------------------------------- */

static void another_owner_sees_nothing(struct bench *bench)
{
	static const enum hwkey_action actions[] = {HWKEY_WRAP, HWKEY_PUBLIC, HWKEY_DELETE};
	size_t length[] = {hwkey_wrapped_size(attributes().size), hwkey_public_size(type), 0};
	struct hwkey_about about;

	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	EXPECT(keyring_next(bench, BOB, 0) == 0);
	keyring_need_wrapping(bench, BOB);
	EXPECT(keyring_find(bench, BOB, SLOT, &about) == -PLUTON_ENODEVICE);
	EXPECT(keyring_next(bench, BOB, 0) == KEYRING_WRAPPING);
	EXPECT(keyring_next(bench, BOB, KEYRING_WRAPPING) == 0);
	EXPECT(keyring_unused(bench, BOB) == 1);
	for (size_t i = 0; i < 3; i++) {
		keyring_wants(&client, actions[i], SLOT);
		keyring_set_owner(&client, BOB);
		client.output = output;
		client.hwkey_request.length =
			actions[i] == HWKEY_PUBLIC && length[i] == 0 ? 32 : length[i];
		expect_failed(bench, -PLUTON_ENODEVICE);
	}
	wants_fill(bench, HWKEY_IMPORT);
	keyring_set_owner(&client, BOB);
	client.hwkey_request.attributes.policy |= HWKEY_NEVER_EXPORTED;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(keyring_delete(bench, BOB, SLOT) == 0);
	EXPECT(keyring_holds(bench, SLOT, attributes()));
}
EACH(test_another_owner_sees_nothing_and_may_have_the_same_number, another_owner_sees_nothing)

/* Alice's key wraps nothing of Bob's. */
static void test_another_owners_key_does_not_wrap(void)
{
	struct bench bench;
	size_t size = keyring_key(HWKEY_SECRET, key);

	bench_open(&bench);
	import_wrapping(&bench, HWKEY_AES256);
	keyring_wants(&client, HWKEY_IMPORT, SLOT);
	keyring_set_owner(&client, BOB);
	client.hwkey_request.attributes =
		(struct hwkey_attributes){HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT, size};
	client.hwkey_request.length = size;
	client.input = key;
	EXPECT(bench_run(&bench, &client) == 0);
	wants_wrap(KEY_WRAP_SIZE(size));
	keyring_set_owner(&client, BOB);
	expect_failed(&bench, -PLUTON_ENODEVICE);
	bench_close(&bench);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void test_slots_are_listed_in_the_order_of_their_numbers(void)
{
	static const uint32_t numbers[] = {HWKEY_NUMBER_MAX, 2, 700, 1};
	static const uint32_t in_order[] = {1, 2, 700, HWKEY_NUMBER_MAX, 0};
	struct bench bench;
	uint32_t last = 0;

	bench_open(&bench);
	EXPECT(keyring_next(&bench, ALICE, 0) == 0);
	for (size_t i = 0; i < 4; i++)
		EXPECT(keyring_import(&bench, numbers[i], HWKEY_SECRET, HWKEY_THIS_BOOT) == 0);
	for (size_t i = 0; i < 5; i++) {
		last = keyring_next(&bench, ALICE, last);
		EXPECT(last == in_order[i]);
	}
	EXPECT(keyring_next(&bench, ALICE, 3) == 700);
	EXPECT(keyring_next(&bench, ALICE, HWKEY_NUMBER_MAX) == 0);
	EXPECT(keyring_next(&bench, ALICE, UINT32_MAX) == 0);
	bench_close(&bench);
}

static void test_the_lowest_number_that_no_slot_has_is_unused(void)
{
	static const uint32_t numbers[] = {2, 3, 1, 5};
	static const uint32_t unused[] = {1, 1, 4, 4};
	struct bench bench;

	bench_open(&bench);
	EXPECT(keyring_unused(&bench, ALICE) == 1);
	for (size_t i = 0; i < 4; i++) {
		EXPECT(keyring_import(&bench, numbers[i], HWKEY_SECRET, HWKEY_THIS_BOOT) == 0);
		EXPECT(keyring_unused(&bench, ALICE) == unused[i]);
	}
	EXPECT(keyring_delete(&bench, ALICE, 2) == 0);
	EXPECT(keyring_unused(&bench, ALICE) == 2);
	bench_close(&bench);
}

/* A try at a slot and what it said: it is full now, or as empty as before. */
static void expect_full_or_empty(struct bench *bench, int result)
{
	struct hwkey_about about;

	if (result == 0)
		EXPECT(keyring_read(bench, ALICE, SLOT, key) == attributes().size);
	else
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
	if (result == 0)
		EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
}

/* Asks after each turn: what find says goes through the list, and not back; that is all. */
static void expect_order(struct bench *bench, const int order[3])
{
	struct hwkey_about about;
	size_t at = 0;

	EXPECT(client_start(&client, bench_engine(bench, HIL_HWKEY)) == 0);
	for (unsigned turns = 0; client.dones == 0 && turns < TURNS_MAX; turns++) {
		int found = keyring_find(bench, ALICE, SLOT, &about);

		while (at < 2 && found != order[at])
			at++;
		EXPECT(found == order[at]);
		bench_turn(bench, 1);
	}
	bench_finish(bench, &client);
	EXPECT(client.result == 0);
	EXPECT(keyring_find(bench, ALICE, SLOT, &about) == order[2]);
}

static void a_slot_is_taken_at_once(struct bench *bench)
{
	static const int order[] = {-PLUTON_EBUSY, 0, 0};
	struct hwkey_about about;

	for (size_t i = 0; i < FILLS; i++) {
		if (!can(bench, fills[i]))
			continue;
		wants_fill(bench, fills[i]);
		EXPECT(client_start(&client, bench_engine(bench, HIL_HWKEY)) == 0);
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_EBUSY);
		EXPECT(keyring_next(bench, ALICE, SLOT - 1) == SLOT);
		client_cancel(&client);
		bench_finish(bench, &client);
		expect_full_or_empty(bench, client.result);
		wants_fill(bench, fills[i]);
		expect_order(bench, order);
		EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
	}
}
EACH(test_a_slot_that_is_to_be_filled_is_taken_at_once_then_busy_then_there,
     a_slot_is_taken_at_once)

static void a_slot_that_is_emptied_is_there_busy_and_gone(struct bench *bench)
{
	static const int order[] = {0, -PLUTON_EBUSY, -PLUTON_ENODEVICE};

	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	keyring_wants(&client, HWKEY_DELETE, SLOT);
	expect_order(bench, order);
	EXPECT(keyring_unused(bench, ALICE) == 1);
}
EACH(test_a_slot_that_is_emptied_is_there_then_busy_then_gone,
     a_slot_that_is_emptied_is_there_busy_and_gone)

static void test_a_slots_id_is_never_anothers(void)
{
	uint32_t ids[8];
	struct hwkey_about about = {.ref.slot = 0};
	struct bench bench;

	bench_open(&bench);
	for (unsigned i = 0; i < 8; i++) {
		EXPECT(keyring_import(&bench, 1 + i % 2, HWKEY_SECRET,
				      i % 3 ? 0 : HWKEY_THIS_BOOT) == 0);
		EXPECT(keyring_find(&bench, ALICE, 1 + i % 2, &about) == 0);
		ids[i] = about.ref.slot;
		for (unsigned k = 0; k < i; k++)
			EXPECT(ids[k] != ids[i]);
		if (i > 0)
			EXPECT(keyring_delete(&bench, ALICE, 1 + (i + 1) % 2) == 0);
	}
	bench_close(&bench);
}

/* --- trouble ---------------------------------------------------------------------------------- */

/* false: it was over before. */
static bool cancels_fill(struct bench *bench, enum hwkey_action action, unsigned turns)
{
	bool was_under_way;

	wants_fill(bench, action);
	EXPECT(client_start(&client, bench_engine(bench, HIL_HWKEY)) == 0);
	for (unsigned i = 0; i < turns && client.dones == 0; i++)
		bench_turn(bench, 1);
	was_under_way = client.dones == 0;
	if (was_under_way)
		EXPECT(client_cancel(&client) == 0);
	bench_finish(bench, &client);
	EXPECT(client.dones == 1);
	EXPECT(client.result == 0 || client.result == -PLUTON_ECANCEL);
	expect_full_or_empty(bench, client.result);
	return was_under_way && turns < TURNS_MAX;
}

static void a_cancel_fills_or_leaves(struct bench *bench)
{
	for (size_t i = 0; i < FILLS; i++) {
		unsigned turns = 0;

		while (can(bench, fills[i]) && cancels_fill(bench, fills[i], turns))
			turns++;
	}
}
EACH(test_a_cancel_at_any_step_fills_the_slot_or_leaves_it_empty, a_cancel_fills_or_leaves)

static bool cancels_delete(struct bench *bench, unsigned turns)
{
	struct hwkey_about about;
	bool was_under_way;

	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	keyring_wants(&client, HWKEY_DELETE, SLOT);
	EXPECT(client_start(&client, bench_engine(bench, HIL_HWKEY)) == 0);
	for (unsigned i = 0; i < turns && client.dones == 0; i++)
		bench_turn(bench, 1);
	was_under_way = client.dones == 0;
	if (was_under_way)
		EXPECT(client_cancel(&client) == 0);
	bench_finish(bench, &client);
	if (client.result == -PLUTON_ECANCEL) {
		EXPECT(keyring_holds(bench, SLOT, attributes()));
		EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
	} else {
		EXPECT(client.result == 0);
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
	}
	return was_under_way && turns < TURNS_MAX;
}

static void a_cancelled_delete_deletes_or_leaves(struct bench *bench)
{
	unsigned turns = 0;

	while (can(bench, HWKEY_IMPORT) && cancels_delete(bench, turns))
		turns++;
}
EACH(test_a_cancel_of_a_delete_at_any_step_empties_the_slot_or_leaves_it,
     a_cancelled_delete_deletes_or_leaves)

static bool fails_at_callback(struct bench *bench, enum hwkey_action action, enum trouble trouble,
			      unsigned k)
{
	int error = trouble == TROUBLE_ERROR ? -PLUTON_ENOACK : -PLUTON_ESIZE;

	wants_fill(bench, action);
	client.pull_chunk = client.hwkey_request.length / 3 + 1;
	client.trouble = trouble;
	client.trouble_at = k;
	client.trouble_error = error;
	EXPECT(bench_run(bench, &client) == (client.troubled ? error : 0));
	EXPECT(!client.troubled || client.callbacks == k);
	expect_full_or_empty(bench, client.result);
	return client.troubled && k < TURNS_MAX;
}

static void trouble_of_the_client_leaves_the_slot_empty(struct bench *bench)
{
	static const enum trouble troubles[] = {TROUBLE_ERROR, TROUBLE_ZERO, TROUBLE_TOO_MUCH};

	for (size_t i = 0; i < 3 * FILLS; i++) {
		enum hwkey_action action = fills[i / 3];
		unsigned k = 1;

		while (can(bench, action) && fails_at_callback(bench, action, troubles[i % 3], k))
			k++;
		EXPECT(!can(bench, action) || k > 2 || action == HWKEY_GENERATE);
	}
}
EACH(test_trouble_of_the_client_at_any_callback_leaves_the_slot_empty,
     trouble_of_the_client_leaves_the_slot_empty)

static void what_cannot_be_stored_is_not_there(struct bench *bench)
{
	const struct bench_store *store = bench->maker->store;
	bool is_kept = !(policy & HWKEY_THIS_BOOT);

	if (!can(bench, HWKEY_IMPORT))
		return;
	for (size_t i = 0; i < FILLS; i++) {
		if (!can(bench, fills[i]))
			continue;
		wants_fill(bench, fills[i]);
		store->fail(-PLUTON_EFAIL);
		EXPECT(bench_run(bench, &client) == (is_kept ? -PLUTON_EFAIL : 0));
		EXPECT(!is_kept || strlen(client.why) > 10);
		store->fail(0);
		expect_full_or_empty(bench, client.result);
	}
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	store->fail(-PLUTON_EFAIL);
	EXPECT(keyring_delete(bench, ALICE, SLOT) == (is_kept ? -PLUTON_EFAIL : 0));
	store->fail(0);
	EXPECT(!is_kept || keyring_holds(bench, SLOT, attributes()));
}
EACH(test_what_cannot_be_stored_changes_nothing, what_cannot_be_stored_is_not_there)

/* --- power cuts ------------------------------------------------------------------------------- */

static void what_is_kept_survives(struct bench *bench)
{
	struct hwkey_about about;

	if (!can(bench, HWKEY_IMPORT))
		return;
	EXPECT(keyring_import(bench, SLOT, type, policy) == 0);
	bench_restart(bench);
	if (policy & HWKEY_THIS_BOOT) {
		EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
		EXPECT(keyring_next(bench, ALICE, 0) == 0);
		return;
	}
	EXPECT(keyring_holds(bench, SLOT, attributes()));
	EXPECT(keyring_delete(bench, ALICE, SLOT) == 0);
	bench_restart(bench);
	EXPECT(keyring_find(bench, ALICE, SLOT, &about) == -PLUTON_ENODEVICE);
	EXPECT(keyring_next(bench, ALICE, 0) == 0);
}
EACH(test_what_is_kept_survives_a_power_cut_and_what_is_of_this_boot_does_not,
     what_is_kept_survives)

static void test_a_damaged_slot_can_only_be_deleted(void)
{
	struct hwkey_about about;
	struct bench bench;

	bench_open(&bench);
	EXPECT(keyring_import(&bench, SLOT, HWKEY_SECRET, 0) == 0);
	EXPECT(keyring_import(&bench, 1, HWKEY_SECRET, 0) == 0);
	bench.maker->store->damage(ALICE, SLOT);
	bench_restart(&bench);
	type = HWKEY_SECRET;
	policy = 0;
	EXPECT(keyring_find(&bench, ALICE, SLOT, &about) == -PLUTON_EFAIL);
	EXPECT(keyring_next(&bench, ALICE, 1) == SLOT);
	EXPECT(keyring_holds(&bench, 1, attributes()));
	wants_fill(&bench, HWKEY_IMPORT);
	expect_failed(&bench, -PLUTON_EALREADY);
	keyring_need_wrapping(&bench, ALICE);
	keyring_wants(&client, HWKEY_WRAP, SLOT);
	client.hwkey_request.length = hwkey_wrapped_size(KEYRING_SECRET_SIZE);
	client.output = output;
	expect_failed(&bench, -PLUTON_ENODEVICE);
	EXPECT(keyring_delete(&bench, ALICE, SLOT) == 0);
	EXPECT(keyring_import(&bench, SLOT, HWKEY_SECRET, 0) == 0);
	bench_restart(&bench);
	EXPECT(keyring_holds(&bench, SLOT, attributes()));
	bench_close(&bench);
}

/* --- sharing ---------------------------------------------------------------------------------- */

static struct client clients[HIL_CONCURRENCY_MAX + 1];

static void test_slots_over_concurrency_are_busy_until_one_is_done(void)
{
	struct hil_engine *engine;
	struct hwkey_about about;
	struct bench bench;
	unsigned count;

	bench_open(&bench);
	engine = bench_engine(&bench, HIL_HWKEY);
	count = engine->concurrency;
	for (unsigned i = 0; i <= count; i++) {
		keyring_wants_fill(&bench, &clients[i], HWKEY_IMPORT, 1 + i,
				   keyring_attributes(HWKEY_SECRET, HWKEY_THIS_BOOT));
		EXPECT(client_start(&clients[i], engine) == (i < count ? 0 : -PLUTON_EBUSY));
	}
	EXPECT(keyring_find(&bench, ALICE, 1 + count, &about) == -PLUTON_ENODEVICE);
	for (unsigned i = 0; i < count; i++) {
		bench_finish(&bench, &clients[i]);
		EXPECT(clients[i].result == 0 && clients[i].dones == 1);
		EXPECT(keyring_find(&bench, ALICE, 1 + i, &about) == 0);
	}
	EXPECT(bench_run(&bench, &clients[count]) == 0);
	bench_close(&bench);
}

/* On an engine for one operation at a time, the second start comes after the first done. */
static void test_of_two_starts_for_one_number_the_second_is_already(void)
{
	struct bench bench;
	struct hil_engine *engine;
	int r;

	bench_open(&bench);
	engine = bench_engine(&bench, HIL_HWKEY);
	for (unsigned i = 0; i < 2; i++)
		keyring_wants_fill(&bench, &clients[i], HWKEY_IMPORT, SLOT,
				   keyring_attributes(HWKEY_SECRET, 0));
	EXPECT(client_start(&clients[0], engine) == 0);
	r = client_start(&clients[1], engine);
	EXPECT(r == (engine->concurrency > 1 ? 0 : -PLUTON_EBUSY));
	bench_finish(&bench, &clients[0]);
	if (r < 0)
		EXPECT(client_start(&clients[1], engine) == 0);
	bench_finish(&bench, &clients[1]);
	EXPECT(clients[0].result == 0);
	EXPECT(clients[1].result == -PLUTON_EALREADY && clients[1].callbacks == 0);
	bench_close(&bench);
}

#define RESTARTS 3u

static void fill_the_next(struct client *started)
{
	EXPECT(started->result == 0);
	if (started->hwkey_request.name.number > RESTARTS)
		return;
	started->hwkey_request.name.number++;
	EXPECT(client_start(started, started->engine) == 0);
}

static void test_the_next_slot_may_be_filled_from_done(void)
{
	struct hwkey_about about;
	struct bench bench;

	bench_open(&bench);
	keyring_wants_fill(&bench, &client, HWKEY_IMPORT, 1, keyring_attributes(HWKEY_SECRET, 0));
	client.on_done = fill_the_next;
	EXPECT(client_start(&client, bench_engine(&bench, HIL_HWKEY)) == 0);
	for (uint32_t number = 1; number <= RESTARTS + 1; number++)
		bench_finish(&bench, &client);
	for (uint32_t number = 1; number <= RESTARTS + 1; number++)
		EXPECT(keyring_find(&bench, ALICE, number, &about) == 0);
	bench_close(&bench);
}

static void test_a_slots_request_is_copied_by_start(void)
{
	struct bench bench;

	bench_open(&bench);
	type = HWKEY_SECRET;
	policy = 0;
	wants_fill(&bench, HWKEY_IMPORT);
	EXPECT(client_start(&client, bench_engine(&bench, HIL_HWKEY)) == 0);
	memset(&client.hwkey_request, 0xff, sizeof(client.hwkey_request));
	bench_finish(&bench, &client);
	EXPECT(client.result == 0);
	EXPECT(keyring_holds(&bench, SLOT, attributes()));
	bench_close(&bench);
}

static void test_slots_of_an_engine_that_is_absent_are_nodevice(void)
{
	struct bench bench;

	bench_open(&bench);
	type = HWKEY_SECRET;
	policy = HWKEY_THIS_BOOT;
	wants_fill(&bench, HWKEY_IMPORT);
	hil_engine_set_absent(bench.inner[HIL_HWKEY], true);
	EXPECT(bench_engine(&bench, HIL_HWKEY)->absent);
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENODEVICE);
	EXPECT(client.callbacks == 0 && client.dones == 0);
	hil_engine_set_absent(bench.inner[HIL_HWKEY], false);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(keyring_holds(&bench, SLOT, attributes()));
	bench_close(&bench);
}

const struct behaviour hwkey_behaviours[] = {
	BEHAVIOUR(HIL_HWKEY, test_a_generated_key_is_in_its_slot_as_it_was_asked_for),
	BEHAVIOUR(HIL_HWKEY, test_generated_keys_differ),
	BEHAVIOUR(HIL_HWKEY, test_an_imported_key_is_the_one_that_came_in_at_every_chunking),
	BEHAVIOUR(HIL_HWKEY, test_an_unwrapped_key_is_the_one_that_was_wrapped_at_every_chunking),
	BEHAVIOUR(HIL_HWKEY, test_a_secret_has_any_size_up_to_its_too_long),
	BEHAVIOUR(HIL_HWKEY, test_a_wrapped_key_is_that_of_rfc_5649_at_every_chunking),
	BEHAVIOUR(HIL_HWKEY, test_what_rfc_5649_wrapped_is_unwrapped),
	BEHAVIOUR(HIL_HWKEY, test_aes_keys_of_every_size_wrap),
	BEHAVIOUR(HIL_HWKEY,
		  test_a_public_key_is_that_of_the_second_implementation_at_every_chunking),
	BEHAVIOUR(HIL_HWKEY, test_a_derived_key_is_always_the_same_in_whatever_slot),
	BEHAVIOUR(HIL_HWKEY, test_a_derived_key_is_another_for_another_owner_attribute_or_input),
	BEHAVIOUR(HIL_HWKEY, test_a_request_without_a_name_or_an_action_is_refused),
	BEHAVIOUR(HIL_HWKEY, test_types_not_in_caps_are_nosupport),
	BEHAVIOUR(HIL_HWKEY, test_attributes_that_do_not_go_together_are_inval),
	BEHAVIOUR(HIL_HWKEY, test_sizes_and_lengths_that_a_key_has_not_are_size),
	BEHAVIOUR(HIL_HWKEY, test_lengths_that_no_key_has_are_size),
	BEHAVIOUR(HIL_HWKEY, test_a_number_that_is_taken_is_already_and_keeps_its_key),
	BEHAVIOUR(HIL_HWKEY, test_an_owner_over_its_slots_is_nomem),
	BEHAVIOUR(HIL_HWKEY, test_more_slots_than_caps_say_are_nomem),
	BEHAVIOUR(HIL_HWKEY, test_a_slot_that_is_empty_is_nodevice),
	BEHAVIOUR(HIL_HWKEY, test_what_is_to_wrap_must_be_there_and_be_for_that),
	BEHAVIOUR(HIL_HWKEY, test_a_key_that_is_never_exported_is_not_wrapped),
	BEHAVIOUR(HIL_HWKEY, test_other_lengths_than_the_key_in_the_slot_has_are_size),
	BEHAVIOUR(HIL_HWKEY, test_what_was_wrapped_and_changed_is_inval_and_fills_no_slot),
	BEHAVIOUR(HIL_HWKEY, test_what_was_wrapped_by_another_key_or_of_another_size_is_inval),
	BEHAVIOUR(HIL_HWKEY, test_a_type_without_a_public_part_has_none_to_give),
	BEHAVIOUR(HIL_HWKEY, test_what_is_no_key_of_its_type_is_inval_and_fills_no_slot),
	BEHAVIOUR(HIL_HWKEY, test_another_owner_sees_nothing_and_may_have_the_same_number),
	BEHAVIOUR(HIL_HWKEY, test_another_owners_key_does_not_wrap),
	BEHAVIOUR(HIL_HWKEY, test_slots_are_listed_in_the_order_of_their_numbers),
	BEHAVIOUR(HIL_HWKEY, test_the_lowest_number_that_no_slot_has_is_unused),
	BEHAVIOUR(HIL_HWKEY,
		  test_a_slot_that_is_to_be_filled_is_taken_at_once_then_busy_then_there),
	BEHAVIOUR(HIL_HWKEY, test_a_slot_that_is_emptied_is_there_then_busy_then_gone),
	BEHAVIOUR(HIL_HWKEY, test_a_slots_id_is_never_anothers),
	BEHAVIOUR(HIL_HWKEY, test_a_cancel_at_any_step_fills_the_slot_or_leaves_it_empty),
	BEHAVIOUR(HIL_HWKEY, test_a_cancel_of_a_delete_at_any_step_empties_the_slot_or_leaves_it),
	BEHAVIOUR(HIL_HWKEY, test_trouble_of_the_client_at_any_callback_leaves_the_slot_empty),
	BEHAVIOUR(HIL_HWKEY, test_what_cannot_be_stored_changes_nothing),
	BEHAVIOUR(HIL_HWKEY,
		  test_what_is_kept_survives_a_power_cut_and_what_is_of_this_boot_does_not),
	BEHAVIOUR(HIL_HWKEY, test_a_damaged_slot_can_only_be_deleted),
	BEHAVIOUR(HIL_HWKEY, test_slots_over_concurrency_are_busy_until_one_is_done),
	BEHAVIOUR(HIL_HWKEY, test_of_two_starts_for_one_number_the_second_is_already),
	BEHAVIOUR(HIL_HWKEY, test_the_next_slot_may_be_filled_from_done),
	BEHAVIOUR(HIL_HWKEY, test_a_slots_request_is_copied_by_start),
	BEHAVIOUR(HIL_HWKEY, test_slots_of_an_engine_that_is_absent_are_nodevice),
	{NULL, NULL, HIL_HWKEY, false, 0},
};
