/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's engines while what they stand on fails: every call that they make of another library,
 * one at a time and then all from one on, and every allocation inside of libcrypto. Whatever fails,
 * there is one done, with FAIL or NOMEM or with the right bytes; nothing leaks, and no secret stays
 * in what was freed or in the engines.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/chip/chip.h"
#include "backends/openssl/hwkey_record.h"
#include "tests/hil/charges.h"
#include "tests/hil/chip_line.h"
#include "tests/hil/faults.h"
#include "tests/hil/keyring.h"
#include "tests/hil/openssl_bench.h"
#include "tests/hil/scenarios.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

#define FAULTS_MAX 5000u    /* more than any operation has */
#define SEALED_LENGTH 5000u /* more than the scratch of openssl_bench.c */

static const struct bench_maker *maker_in_use;
static struct event_base *base;
static struct material m;
static struct client client;

/* --- shapes that scenarios.c has not -------------------------------------------------------------
 */

static void sealed(struct material *material, struct client *c, enum aes_mode mode)
{
	material_aead_decrypt(material, c, mode, 21, SEALED_LENGTH);
}

static void gcm_sealed(struct bench *bench, struct material *material, struct client *c)
{
	(void)bench;
	sealed(material, c, AES_GCM);
}

static void ccm_sealed(struct bench *bench, struct material *material, struct client *c)
{
	(void)bench;
	sealed(material, c, AES_CCM);
}

static void gcm_engine_iv(struct bench *bench, struct material *material, struct client *c)
{
	(void)bench;
	material_gcm_encrypt(material, c, 0, 90);
	c->aes_request.engine_iv = true;
}

static bool scenario_is_sealed(const struct scenario *scenario)
{
	return scenario->set_up == gcm_sealed || scenario->set_up == ccm_sealed;
}

#define SHAPE(name, call)                                                                          \
	static void name(struct bench *bench, struct material *material, struct client *c)         \
	{                                                                                          \
		(void)bench;                                                                       \
		call;                                                                              \
	}

SHAPE(pss_sign, material_rsa(material, c, RSA_SIGN, RSA_PSS))
SHAPE(pss_verify, material_rsa(material, c, RSA_VERIFY, RSA_PSS))
SHAPE(oaep_encrypt, material_rsa(material, c, RSA_ENCRYPT, RSA_OAEP))
SHAPE(pkcs1_decrypt, material_rsa(material, c, RSA_DECRYPT, RSA_PKCS1))
SHAPE(rsa_public, material_rsa(material, c, RSA_PUBLIC, RSA_BARE))
SHAPE(rsa_private, material_rsa(material, c, RSA_PRIVATE, RSA_BARE))
SHAPE(ed25519_generate, material_ecc(material, c, ECC_ED25519, ECC_GENERATE, 0))
SHAPE(ed25519_public, material_ecc(material, c, ECC_ED25519, ECC_PUBLIC, 0))

static void slot_import_rsa(struct bench *bench, struct material *material, struct client *c)
{
	(void)material;
	keyring_empty(bench);
	keyring_wants_fill(bench, c, HWKEY_IMPORT, 1, keyring_attributes(HWKEY_RSA2048, 0));
}

static const struct scenario more_scenarios[] = {
	{"GCM decryption in two passes", HIL_AES, gcm_sealed, 1u << AES_GCM},
	{"CCM decryption in two passes", HIL_AES, ccm_sealed, 1u << AES_CCM},
	{"GCM encryption with the engine's IV", HIL_AES, gcm_engine_iv, 1u << AES_GCM},
	{"RSA-PSS signature", HIL_RSA, pss_sign, 0},
	{"RSA-PSS verification", HIL_RSA, pss_verify, 0},
	{"RSA-OAEP encryption", HIL_RSA, oaep_encrypt, 0},
	{"RSA PKCS #1 v1.5 decryption", HIL_RSA, pkcs1_decrypt, 0},
	{"RSA public operation", HIL_RSA, rsa_public, 0},
	{"RSA private operation", HIL_RSA, rsa_private, 0},
	{"Ed25519 key", HIL_ECC, ed25519_generate, 0},
	{"Ed25519 public key", HIL_ECC, ed25519_public, 0},
	{"key slot, imported RSA", HIL_HWKEY, slot_import_rsa, 0},
	{NULL, HIL_KINDS, NULL, 0},
};

/* --- what is right -------------------------------------------------------------------------------
 */

/* Where results of a client are. */
static const struct part {
	size_t at, size;
} parts[] = {
#define PART(field)                                                                                \
	{                                                                                          \
		offsetof(struct client, field), sizeof(((struct client *)NULL)->field)             \
	}
	PART(tag),	  PART(iv_out),	       PART(result_digest), PART(result_mac), PART(state),
	PART(ecc_public), PART(ecc_signature), PART(ecc_secret),    PART(ecc_key),
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* Everything that comes out of an operation without a fault, and what of it differs every time. */
struct reference {
	struct client client;
	uint8_t output[MATERIAL_MAX];
	size_t pushed;
	bool output_varies;
	bool varies[PARTS];
};

static struct reference reference;

static bool is_same_part(const struct part *part)
{
	return memcmp((const char *)&client + part->at, (const char *)&reference.client + part->at,
		      part->size) == 0;
}

static void set_up(struct bench *bench, const struct scenario *scenario, bool lends)
{
	static uint8_t serial;

	scenario_set_up(scenario, bench, &m, &client, lends);
	/* another message each time: what is left of the last signature is wrong for this one */
	if (client.kind == HIL_ECC && client.ecc_request.action == ECC_SIGN)
		m.input[0] = ++serial;
	if (scenario_is_sealed(scenario)) {
		client.aes_request.input_sealed = true;
		client.lend_chunk = 0;
	}
}

static void find_reference(struct bench *bench, const struct scenario *scenario, bool lends)
{
	reference = (struct reference){0};
	set_up(bench, scenario, lends);
	EXPECT(bench_run(bench, &client) == 0);
	reference.client = client;
	reference.pushed = client.pushed;
	memcpy(reference.output, m.output, sizeof(m.output));
	charges_drop_all();
	set_up(bench, scenario, lends);
	EXPECT(bench_run(bench, &client) == 0);
	for (size_t i = 0; i < PARTS; i++)
		reference.varies[i] = !is_same_part(&parts[i]);
	reference.output_varies = memcmp(reference.output, m.output, sizeof(m.output)) != 0;
	charges_drop_all();
}

/* What differs every time must be what the other half of the pair takes. */
static bool is_taken_back(struct bench *bench)
{
	static struct client other;
	static uint8_t message[MATERIAL_MAX];
	bool signs = client.rsa_request.action == RSA_SIGN;

	other = client;
	client_wants_rsa(&other, signs ? RSA_VERIFY : RSA_DECRYPT, client.output, message,
			 signs ? client.rsa_request.length : client.rsa_request.size);
	other.rsa_request.crt = !signs;
	other.rsa.ops = client.rsa.ops;
	if (signs) {
		memcpy(other.signature, client.output, client.rsa_request.size);
		other.input = client.input;
	}
	if (bench_run(bench, &other) != 0)
		return false;
	return signs || (other.pushed == client.rsa_request.length &&
			 memcmp(message, client.input, other.pushed) == 0);
}

static bool is_right(struct bench *bench)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (!reference.varies[i] && !is_same_part(&parts[i]))
			return false;
	}
	if (client.pushed != reference.pushed)
		return false;
	if (!reference.output_varies)
		return memcmp(m.output, reference.output, sizeof(m.output)) == 0;
	return client.kind != HIL_RSA || is_taken_back(bench);
}

static bool is_what_the_curve_says(void)
{
	return client.kind != HIL_ECC || material_ecc_came_out(&client);
}

/* --- secrets -------------------------------------------------------------------------------------
 */

static void hide_number(const uint8_t *big, size_t size)
{
	uint8_t native[16];

	for (size_t i = 0; i < 16; i++)
		native[i] = big[size - 1 - i];
	faults_hide(big, 16);
	faults_hide(native, 16);
}

/* Of an RSA key, a piece of d. */
static void hide_slot(void)
{
	enum hwkey_type type = client.hwkey_request.attributes.type;
	uint8_t key[HWKEY_KEY_SIZE_MAX];

	if (!hwkey_fills(client.hwkey_request.action)) /* the slots' of all other scenarios */
		type = client.hwkey_request.action == HWKEY_PUBLIC ? HWKEY_P256 : HWKEY_SECRET;
	if (client.hwkey_request.action == HWKEY_GENERATE ||
	    client.hwkey_request.action == HWKEY_DERIVE || keyring_key(type, key) == 0)
		return;
	if (hwkey_family(type) == HWKEY_OF_RSA)
		hide_number(key + RSA_TEST_PUBLIC_SIZE, RSA_TEST_SIZE);
	else
		hide_number(key, keyring_attributes(type, 0).size);
}

static void hide_secrets(void)
{
	const struct rsa_request *rsa = &client.rsa_request;

	switch (client.kind) {
	case HIL_AES:
	case HIL_CMAC:
		faults_hide(client.key, 16);
		faults_hide(client.key + 16, 16);
		faults_hide(client.input, 16);
		if (client.aes_request.direction == AES_DECRYPT)
			faults_hide(m.expected, 16);
		break;
	case HIL_HMAC:
		faults_hide(client.key, 16);
		break;
	case HIL_ECC:
		hide_number(client.ecc_key, ecc_key_size(client.ecc_request.curve));
		break;
	case HIL_RSA:
		for (unsigned part = RSA_D; rsa->crt && part < RSA_PARTS; part++) {
			enum rsa_part p = (enum rsa_part)part;

			hide_number(client.rsa_key + rsa_part_offset(p, rsa->size),
				    rsa_part_size(p, rsa->size));
		}
		break;
	case HIL_HWKEY:
		hide_slot();
		break;
	default:
		break;
	}
}

/* --- one fault -----------------------------------------------------------------------------------
 */

static const struct scenario *current;

static void complain(unsigned nth, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s, fault %u in %s: %s", current->name, nth, fault_name(),
		 what);
	bench_expect(false, text, __FILE__, __LINE__);
}

static void judge(struct bench *bench, unsigned nth, int r)
{
	const char *secret;
	char text[64];

	if (r == 0 && !(is_right(bench) && is_what_the_curve_says()))
		complain(nth, "done, with wrong bytes");
	if (client.kind == HIL_HWKEY && !keyring_is_as_said(bench, &client, r))
		complain(nth, "the slot is not as done says");
	snprintf(text, sizeof(text), "done with %d", r);
	if (r != 0 && r != -PLUTON_EFAIL && r != -PLUTON_ENOMEM)
		complain(nth, text);
	if (client.dones > 1)
		complain(nth, "done twice");
	if (faults_queue_was_left())
		complain(nth, "an error stays in libcrypto's queue");
	if (client.kind == HIL_HWKEY) /* where it may be */
		keyring_empty(bench);
	secret = faults_found();
	if (secret)
		complain(nth, secret);
}

/* false: it has no n-th. */
static bool run_once(struct bench *bench, bool lends, enum fault_layer layer, unsigned nth,
		     bool lasting)
{
	bool failed;
	int r;

	set_up(bench, current, lends);
	fault_arm(layer, nth, lasting);
	hide_secrets();
	r = bench_run(bench, &client);
	failed = fault_disarm();
	charges_drop_all();
	judge(bench, nth, r);
	return failed && nth < FAULTS_MAX;
}

static void run_all(struct bench *bench, bool lends, enum fault_layer layer, bool lasting)
{
	unsigned nth = 1;

	while (run_once(bench, lends, layer, nth, lasting))
		nth++;
}

/* libcrypto keeps some things for later: what grows every time is a leak. */
static void fail_everywhere(struct bench *bench, bool lends, enum fault_layer layer, bool lasting)
{
	size_t before = faults_blocks(), leaked = SIZE_MAX;

	find_reference(bench, current, lends);
	for (unsigned tries = 0; leaked > 0 && tries < 3; tries++) {
		run_all(bench, lends, layer, lasting);
		leaked = faults_blocks() > before ? faults_blocks() - before : 0;
		before = faults_blocks();
	}
	if (leaked > 0)
		complain((unsigned)leaked, "blocks are lost each time");
}

static void in_all_scenarios(const struct scenario *scenario, enum fault_layer layer, bool lasting)
{
	struct bench bench;

	bench_open(&bench);
	for (; scenario->name; scenario++) {
		current = scenario;
		if (!scenario_is_sealed(scenario))
			fail_everywhere(&bench, false, layer, lasting);
		fail_everywhere(&bench, true, layer, lasting);
	}
	bench_close(&bench);
}

static void test_any_call_of_any_operation_may_fail(void)
{
	in_all_scenarios(scenarios, FAULT_IN_CALLS, false);
	in_all_scenarios(more_scenarios, FAULT_IN_CALLS, false);
}

static void test_from_any_call_of_any_operation_on_all_may_fail(void)
{
	in_all_scenarios(scenarios, FAULT_IN_CALLS, true);
	in_all_scenarios(more_scenarios, FAULT_IN_CALLS, true);
}

static void test_any_allocation_in_libcrypto_of_any_operation_may_fail(void)
{
	in_all_scenarios(scenarios, FAULT_IN_ALLOCATIONS, false);
	in_all_scenarios(more_scenarios, FAULT_IN_ALLOCATIONS, false);
}

/* --- keys that are made --------------------------------------------------------------------------
 */

/* The engine signs with it, and looks at what comes out. */
static bool is_good_key(struct bench *bench)
{
	static struct client signer;

	material_rsa(&m, &signer, RSA_SIGN, RSA_PSS);
	memcpy(signer.rsa_key, client.rsa_key, sizeof(client.rsa_key));
	return bench_run(bench, &signer) == 0;
}

/* The first one in an engine's life opens a thread for it. */
static bool generate_once(enum fault_layer layer, unsigned nth, bool lasting)
{
	struct bench bench;
	bool failed;
	int r;

	bench_open(&bench);
	material_rsa(&m, &client, RSA_GENERATE, RSA_BARE);
	memset(client.rsa_key, 0, sizeof(client.rsa_key));
	fault_arm(layer, nth, lasting);
	r = bench_run(&bench, &client);
	failed = fault_disarm();
	if (r == 0 && !is_good_key(&bench))
		complain(nth, "done, with a key that is none");
	if (r != 0 && r != -PLUTON_ENOMEM)
		complain(nth, "done with another error");
	if (faults_queue_was_left())
		complain(nth, "an error stays in libcrypto's queue");
	bench_close(&bench);
	return failed;
}

static const struct scenario generation = {"RSA key", HIL_RSA, NULL, 0};

static void test_any_call_of_a_key_generation_may_fail(void)
{
	unsigned nth = 1;

	current = &generation;
	while (generate_once(FAULT_IN_CALLS, nth, false))
		nth++;
	EXPECT(nth > 20);
}

/* There are thousands: the first, fourth, sixteenth … one. */
static void test_allocations_in_libcrypto_of_a_key_generation_may_fail(void)
{
	unsigned nth = 1;

	current = &generation;
	while (generate_once(FAULT_IN_ALLOCATIONS, nth, false))
		nth *= 4;
	EXPECT(nth > 100);
}

/* --- keys that are kept --------------------------------------------------------------------------
 */

#define SLOTS 3u
#define KEPT_SIZE 32u

static uint8_t device_secret[FUSES_SECRET_SIZE], kept_secret[KEPT_SIZE];

static struct vault_slot *make_slot(struct vault *vault, uint32_t number, enum hwkey_type type,
				    uint32_t usage)
{
	const struct hwkey_name name = {.owner = "uid-1000", .number = number};
	struct vault_slot *slot = vault_reserve(vault, &name);

	slot->attributes = (struct hwkey_attributes){type, usage, 0, KEPT_SIZE};
	return slot;
}

/* One is derived, one wrapped by it and unwrapped, one sealed and opened again. */
static int keep_keys(struct vault *vault)
{
	struct vault_slot *wrapping = make_slot(vault, 1, HWKEY_AES256, HWKEY_WRAPS);
	struct vault_slot *secret = make_slot(vault, 2, HWKEY_SECRET, HWKEY_MAC);
	struct vault_slot *again = make_slot(vault, 2, HWKEY_SECRET, HWKEY_MAC);
	uint8_t record[RECORD_SIZE_MAX] = {0}, wrapped[HWKEY_WRAPPED_MAX] = {0};
	int r = record_make_roots(vault, device_secret);

	memcpy(secret->key, kept_secret, KEPT_SIZE);
	if (r == 0)
		r = record_derive(vault, wrapping, device_secret, 5);
	if (r == 0)
		r = record_wrap(wrapping, secret->key, KEPT_SIZE, wrapped);
	if (r == 0)
		r = record_unwrap(wrapping, wrapped, again->key, KEPT_SIZE);
	EXPECT(r < 0 || memcmp(again->key, kept_secret, KEPT_SIZE) == 0);
	explicit_bzero(again->key, KEPT_SIZE);
	if (r == 0)
		r = record_seal(vault, secret, record);
	if (r == 0)
		r = record_open(vault, again, record, RECORD_OVERHEAD + KEPT_SIZE);
	EXPECT(r < 0 || memcmp(again->key, kept_secret, KEPT_SIZE) == 0);
	return r;
}

static bool keep_once(enum fault_layer layer, unsigned nth, bool lasting)
{
	struct vault *vault;
	bool failed;
	int r;

	EXPECT(vault_open(SLOTS, &vault) == 0);
	fault_arm(layer, nth, lasting);
	faults_hide(device_secret, sizeof(device_secret));
	faults_hide(kept_secret, sizeof(kept_secret));
	r = keep_keys(vault);
	failed = fault_disarm();
	vault_close(vault);
	if (r != 0 && r != -PLUTON_EFAIL && r != -PLUTON_ENOMEM)
		complain(nth, "failed with another error");
	if (r == 0 && failed && layer == FAULT_IN_CALLS)
		complain(nth, "nobody noticed");
	if (faults_queue_was_left())
		complain(nth, "an error stays in libcrypto's queue");
	if (faults_found())
		complain(nth, "a key is left in what was freed");
	return failed;
}

static void test_any_call_may_fail_where_keys_are_kept(void)
{
	static const struct scenario keeping = {"kept keys", HIL_HWKEY, NULL, 0};

	current = &keeping;
	for (size_t i = 0; i < KEPT_SIZE; i++) {
		device_secret[i] = (uint8_t)(17 * i + 3);
		kept_secret[i] = (uint8_t)(29 * i + 5);
	}
	for (unsigned nth = 1; keep_once(FAULT_IN_CALLS, nth, false); nth++)
		EXPECT(nth < FAULTS_MAX);
	for (unsigned nth = 1; keep_once(FAULT_IN_CALLS, nth, true); nth++)
		EXPECT(nth < FAULTS_MAX);
	for (unsigned nth = 1; keep_once(FAULT_IN_ALLOCATIONS, nth, false); nth++)
		EXPECT(nth < FAULTS_MAX);
}

/* --- opening -------------------------------------------------------------------------------------
 */

static const struct scenario opening = {"opening", HIL_KINDS, NULL, 0};

/* What the engines can do must not depend on what failed on the way. */
struct offer {
	struct ecc_caps ecc;
	struct rsa_caps rsa;
	struct aes_caps aes;
	struct digest_caps digest;
	struct mac_caps hmac, cmac;
	struct kdf_caps kdf;
	struct hwkey_caps hwkey;
};

static void get_offer(struct bench *bench, struct offer *ret)
{
	memcpy(bench->engines, bench->inner, sizeof(bench->engines));
	memset(ret, 0, sizeof(*ret));
	memcpy(&ret->ecc, bench_ecc_caps(bench), sizeof(ret->ecc));
	memcpy(&ret->rsa, bench_rsa_caps(bench), sizeof(ret->rsa));
	memcpy(&ret->aes, bench_aes_caps(bench), sizeof(ret->aes));
	memcpy(&ret->digest, bench_digest_caps(bench), sizeof(ret->digest));
	memcpy(&ret->hmac, bench_mac_caps(bench, HIL_HMAC), sizeof(ret->hmac));
	memcpy(&ret->cmac, bench_mac_caps(bench, HIL_CMAC), sizeof(ret->cmac));
	memcpy(&ret->kdf, bench_kdf_caps(bench), sizeof(ret->kdf));
	memcpy(&ret->hwkey, &((const struct hwkey_engine *)(void *)bench->engines[HIL_HWKEY])->caps,
	       sizeof(ret->hwkey));
}

/* Opens and closes; what opening said. */
static int open_and_close(const struct bench_maker *maker, struct offer *ret)
{
	struct bench bench = {.maker = maker};
	int r;

	deferred_queue_init(&bench.deferred);
	r = interrupt_queue_init(&bench.interrupts);
	if (r < 0)
		return r;
	r = maker->open(&bench);
	if (r == 0 && ret)
		get_offer(&bench, ret);
	if (r == 0)
		maker->close(&bench);
	interrupt_queue_close(&bench.interrupts);
	return r;
}

static bool open_once(const struct bench_maker *maker, enum fault_layer layer, unsigned nth,
		      bool lasting, const struct offer *whole)
{
	struct offer offer;
	bool failed;
	int r;

	fault_arm(layer, nth, lasting);
	r = open_and_close(maker, whole ? &offer : NULL);
	failed = fault_disarm();
	if (r != 0 && r != -PLUTON_ENOMEM && r != -PLUTON_EFAIL)
		complain(nth, "refused for another reason");
	if (r == 0 && whole && memcmp(&offer, whole, sizeof(offer)) != 0)
		complain(nth, "opened with less than there is");
	if (faults_queue_was_left())
		complain(nth, "an error stays in libcrypto's queue");
	return failed;
}

static void open_everywhere(const struct bench_maker *maker, enum fault_layer layer, bool lasting,
			    const struct offer *whole)
{
	size_t before = faults_blocks(), leaked = SIZE_MAX;

	current = &opening;
	for (unsigned tries = 0; leaked > 0 && tries < 3; tries++) {
		for (unsigned nth = 1; open_once(maker, layer, nth, lasting, whole); nth++)
			EXPECT(nth < FAULTS_MAX);
		leaked = faults_blocks() > before ? faults_blocks() - before : 0;
		before = faults_blocks();
	}
	if (leaked > 0)
		complain((unsigned)leaked, "blocks are lost each time");
}

static void test_opening_may_fail_at_any_call_and_any_allocation(void)
{
	struct offer whole;

	EXPECT(open_and_close(maker_in_use, &whole) == 0);
	open_everywhere(maker_in_use, FAULT_IN_CALLS, false, &whole);
	open_everywhere(maker_in_use, FAULT_IN_CALLS, true, &whole);
	open_everywhere(maker_in_use, FAULT_IN_ALLOCATIONS, false, &whole);
}

/* Where no chip is, the backend waits for one. */
static int open_chip(struct bench *bench)
{
	static const struct chip_options options = {.device = "/nonexistent/chip",
						    .timeout_ms = 1000,
						    .retries = 1,
						    .backoff_max_ms = 1};
	static struct backend_environment environment;
	struct backend_instance *instance;
	int r;

	environment = (struct backend_environment){.deferred = &bench->deferred,
						   .interrupts = &bench->interrupts,
						   .aead_scratch = SEALED_LENGTH,
						   .workers = 1,
						   .base = base};
	r = chip_backend_open_with(&environment, &options, &instance);
	bench->backend = r == 0 ? instance : NULL;
	return r;
}

static void close_chip(struct bench *bench)
{
	chip_backend_close(bench->backend);
}

static void test_opening_a_chip_s_line_may_fail_at_any_allocation(void)
{
	static const struct bench_maker chip = {.open = open_chip, .close = close_chip};

	base = event_base_new();
	open_everywhere(&chip, FAULT_IN_CALLS, false, NULL);
	open_everywhere(&chip, FAULT_IN_CALLS, true, NULL);
	event_base_free(base);
}

/* --- a chip at the end of a line -----------------------------------------------------------------
 */

/* Nothing can fail while it works: neither once nor for good. */
static void run_without_anything(struct bench *bench, bool lends)
{
	find_reference(bench, current, lends);
	if (run_once(bench, lends, FAULT_IN_CALLS, 1, true))
		complain(1, "it made a call that can fail");
	EXPECT(client.result == 0);
}

static void test_an_operation_of_a_chip_makes_no_call_that_can_fail(void)
{
	struct chipd chipd = {.pid = 0};
	struct bench_maker maker;
	unsigned fitting = 0;
	struct bench bench;

	chipd_start(&chipd, NULL);
	maker = chip_line_maker("hil faults, chip", &chipd);
	bench_use(&maker);
	bench_open(&bench);
	for (current = scenarios; current->name; current++) {
		if (!scenario_fits(current, &bench))
			continue;
		fitting++;
		run_without_anything(&bench, false);
		run_without_anything(&bench, true);
	}
	EXPECT(fitting > 5);
	bench_close(&bench);
	chipd_end(&chipd);
	bench_use(maker_in_use);
}

/* With its key on the line, and an answer on its way. */
static void test_a_chip_s_line_that_is_closed_in_the_middle_leaves_no_secret(void)
{
	struct bench bench = {.maker = NULL};
	struct chipd chipd = {.pid = 0};
	const char *secret;

	chipd_start(&chipd, NULL);
	deferred_queue_init(&bench.deferred);
	EXPECT(chip_line_open(&bench, chipd.path) == 0);
	current = &opening;
	for (unsigned turns = 1; turns < 8; turns++) { /* it has eight frames */
		material_gcm_encrypt(&m, &client, 20, 600);
		fault_arm(FAULT_IN_CALLS, FAULTS_MAX, false);
		EXPECT(client_start(&client, bench.inner[HIL_AES]) == 0);
		for (unsigned i = 0; i < turns; i++) {
			while (deferred_queue_run(&bench.deferred, 64) > 0)
				;
			event_base_loop(chip_line_base(), EVLOOP_ONCE);
		}
		while (deferred_queue_run(&bench.deferred, 64) > 0)
			;
		hide_secrets();
		chip_line_close(&bench);
		secret = faults_found();
		fault_disarm();
		if (secret)
			complain(turns, secret);
		EXPECT(chip_line_open(&bench, chipd.path) == 0);
	}
	chip_line_close(&bench);
	chipd_end(&chipd);
}

/* --- the table -----------------------------------------------------------------------------------
 */

/* The last test: it counts what the others did. */
static void test_every_call_of_the_table_was_made_to_fail(void)
{
	EXPECT(faults_report());
	if (getenv("PLUTON_FAULT_SITES"))
		faults_list_sites();
}

int main(int argc, char **argv)
{
	static const struct openssl_options options = {.execution = OPENSSL_EXECUTION_WORKER};
	static struct bench_maker maker;
	static const struct test tests[] = {
		TEST(test_any_call_of_any_operation_may_fail),
		TEST(test_from_any_call_of_any_operation_on_all_may_fail),
		TEST(test_any_allocation_in_libcrypto_of_any_operation_may_fail),
		TEST(test_any_call_of_a_key_generation_may_fail),
		TEST(test_allocations_in_libcrypto_of_a_key_generation_may_fail),
		TEST(test_any_call_may_fail_where_keys_are_kept),
		TEST(test_opening_may_fail_at_any_call_and_any_allocation),
		TEST(test_opening_a_chip_s_line_may_fail_at_any_allocation),
		TEST(test_an_operation_of_a_chip_makes_no_call_that_can_fail),
		TEST(test_a_chip_s_line_that_is_closed_in_the_middle_leaves_no_secret),
		TEST(test_every_call_of_the_table_was_made_to_fail),
	};

	faults_install();
	maker = openssl_bench_maker("hil faults", &options);
	maker_in_use = &maker;
	bench_use(maker_in_use);
	return suite_main(argc, argv, "hil faults", tests, TESTS_COUNT(tests));
}
