/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of operations. Short ones: each is run once for every callback it makes.
 */
#include "tests/hil/scenarios.h"

#define LENGTH 90u /* some blocks and a bit */
#define AAD_LENGTH 21u
#define DIGEST_LENGTH 32u

static void random_bytes(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_random(material, client, LENGTH);
}

static void digest(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_digest(material, client, LENGTH);
}

static void digest_first(struct bench *bench, struct material *material, struct client *client)
{
	digest(bench, material, client);
	client->digest_request.phase = HIL_FIRST;
}

static void digest_middle(struct bench *bench, struct material *material, struct client *client)
{
	digest_first(bench, material, client);
	bench_run(bench, client);
	client->digest_request.phase = HIL_MIDDLE;
}

static void digest_last(struct bench *bench, struct material *material, struct client *client)
{
	digest_first(bench, material, client);
	bench_run(bench, client);
	client->digest_request.phase = HIL_LAST;
}

static void ctr(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_ctr(material, client, LENGTH);
}

static void ctr_first(struct bench *bench, struct material *material, struct client *client)
{
	ctr(bench, material, client);
	client->aes_request.phase = HIL_FIRST;
}

static void ctr_last(struct bench *bench, struct material *material, struct client *client)
{
	ctr_first(bench, material, client);
	bench_run(bench, client);
	client->aes_request.phase = HIL_LAST;
}

static void gcm_encrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_gcm_encrypt(material, client, AAD_LENGTH, LENGTH);
}

static void gcm_decrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_gcm_decrypt(material, client, AAD_LENGTH, LENGTH);
}

static void gcm_first(struct bench *bench, struct material *material, struct client *client)
{
	gcm_encrypt(bench, material, client);
	client->aes_request.phase = HIL_FIRST;
}

static void gcm_later(struct bench *bench, struct material *material, struct client *client,
		      enum hil_phase phase)
{
	gcm_first(bench, material, client);
	bench_run(bench, client);
	client->aes_request.phase = phase;
	client->aes_request.aad_length = 0;
}

static void gcm_middle(struct bench *bench, struct material *material, struct client *client)
{
	gcm_later(bench, material, client, HIL_MIDDLE);
}

static void gcm_last(struct bench *bench, struct material *material, struct client *client)
{
	gcm_later(bench, material, client, HIL_LAST);
}

#define ECC(name, curve, action)                                                                   \
	static void name(struct bench *bench, struct material *material, struct client *client)    \
	{                                                                                          \
		(void)bench;                                                                       \
		material_ecc(material, client, curve, action, DIGEST_LENGTH);                      \
	}

ECC(p256_generate, ECC_P256, ECC_GENERATE)
ECC(p256_public, ECC_P256, ECC_PUBLIC)
ECC(p256_sign, ECC_P256, ECC_SIGN)
ECC(p256_verify, ECC_P256, ECC_VERIFY)
ECC(p256_agree, ECC_P256, ECC_AGREE)
ECC(ed25519_sign, ECC_ED25519, ECC_SIGN)
ECC(ed25519_verify, ECC_ED25519, ECC_VERIFY)
ECC(x25519_agree, ECC_X25519, ECC_AGREE)

const struct scenario scenarios[] = {
	{"random bytes", HIL_RNG, random_bytes},
	{"digest in one shot", HIL_DIGEST, digest},
	{"digest, first", HIL_DIGEST, digest_first},
	{"digest, middle", HIL_DIGEST, digest_middle},
	{"digest, last", HIL_DIGEST, digest_last},
	{"CTR in one shot", HIL_AES, ctr},
	{"CTR, first", HIL_AES, ctr_first},
	{"CTR, last", HIL_AES, ctr_last},
	{"GCM encryption in one shot", HIL_AES, gcm_encrypt},
	{"GCM decryption", HIL_AES, gcm_decrypt},
	{"GCM encryption, first", HIL_AES, gcm_first},
	{"GCM encryption, middle", HIL_AES, gcm_middle},
	{"GCM encryption, last", HIL_AES, gcm_last},
	{"P-256 key", HIL_ECC, p256_generate},
	{"P-256 public key", HIL_ECC, p256_public},
	{"P-256 signature", HIL_ECC, p256_sign},
	{"P-256 verification", HIL_ECC, p256_verify},
	{"P-256 agreement", HIL_ECC, p256_agree},
	{"Ed25519 signature", HIL_ECC, ed25519_sign},
	{"Ed25519 verification", HIL_ECC, ed25519_verify},
	{"X25519 agreement", HIL_ECC, x25519_agree},
	{NULL, HIL_KINDS, NULL},
};

bool scenario_fits(const struct scenario *scenario, const struct bench *bench)
{
	return bench->inner[scenario->kind] != NULL;
}

void scenario_set_up(const struct scenario *scenario, struct bench *bench,
		     struct material *material, struct client *client, bool lends)
{
	scenario->set_up(bench, material, client);
	client->pull_chunk = 23;
	client->push_chunk = 19;
	client->lend_chunk = 40;
	client->lends_input = client->lends_output = lends;
	material_clear(material);
}
