/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's engines while what they stand on fails: every call that they make of another library,
 * one at a time and then all from one on, and every allocation inside of libcrypto. Whatever fails,
 * there is one done, with FAIL or NOMEM or with the right bytes; nothing leaks, and no secret stays
 * in what was freed or in the engines.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/hil/charges.h"
#include "tests/hil/faults.h"
#include "tests/hil/openssl_bench.h"
#include "tests/hil/scenarios.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

#define FAULTS_MAX 5000u /* more than any operation has */
#define SEALED_LENGTH 5000u /* more than the scratch of openssl_bench.c */

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
	{NULL, HIL_KINDS, NULL, 0},
};

/* --- what is right -------------------------------------------------------------------------------
 */

/* Where results of a client are. */
static const struct part {
	size_t at, size;
} parts[] = {
#define PART(field) {offsetof(struct client, field), sizeof(((struct client *)NULL)->field)}
	PART(tag),	  PART(iv_out),	      PART(result_digest), PART(result_mac), PART(state),
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
	return memcmp((const char *)&client + part->at,
		      (const char *)&reference.client + part->at, part->size) == 0;
}

static void set_up(struct bench *bench, const struct scenario *scenario, bool lends)
{
	scenario_set_up(scenario, bench, &m, &client, lends);
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
	snprintf(text, sizeof(text), "done with %d", r);
	if (r != 0 && r != -PLUTON_EFAIL && r != -PLUTON_ENOMEM)
		complain(nth, text);
	if (client.dones > 1)
		complain(nth, "done twice");
	if (faults_queue_was_left())
		complain(nth, "an error stays in libcrypto's queue");
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

int main(int argc, char **argv)
{
	static const struct openssl_options options = {.execution = OPENSSL_EXECUTION_WORKER};
	static const struct test tests[] = {
		TEST(test_any_call_of_any_operation_may_fail),
		TEST(test_from_any_call_of_any_operation_on_all_may_fail),
		TEST(test_any_allocation_in_libcrypto_of_any_operation_may_fail),
	};

	faults_install();
	bench_use(openssl_bench_maker("hil faults", &options));
	return suite_main(argc, argv, "hil faults", tests, TESTS_COUNT(tests));
}
