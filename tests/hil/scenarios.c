/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of operations. Short ones: each is run once for every callback it makes.
 */
#include "tests/hil/scenarios.h"

#define LENGTH 90u /* some blocks and a bit */
#define AAD_LENGTH 21u

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

static void rsa_sign(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_rsa(material, client, RSA_SIGN, RSA_PKCS1);
}

static void rsa_verify(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_rsa(material, client, RSA_VERIFY, RSA_PKCS1);
}

static void rsa_encrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_rsa(material, client, RSA_ENCRYPT, RSA_PKCS1);
}

static void rsa_decrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_rsa(material, client, RSA_DECRYPT, RSA_OAEP);
}

static bool offers_decryption(const struct bench *bench)
{
	return bench_rsa_caps(bench)->paddings[RSA_DECRYPT] & 1u << RSA_OAEP;
}

const struct scenario scenarios[] = {
	{"random bytes", HIL_RNG, NULL, random_bytes},
	{"digest in one shot", HIL_DIGEST, NULL, digest},
	{"digest, first", HIL_DIGEST, NULL, digest_first},
	{"digest, middle", HIL_DIGEST, NULL, digest_middle},
	{"digest, last", HIL_DIGEST, NULL, digest_last},
	{"CTR in one shot", HIL_AES, NULL, ctr},
	{"CTR, first", HIL_AES, NULL, ctr_first},
	{"CTR, last", HIL_AES, NULL, ctr_last},
	{"GCM encryption in one shot", HIL_AES, NULL, gcm_encrypt},
	{"GCM decryption", HIL_AES, NULL, gcm_decrypt},
	{"GCM encryption, first", HIL_AES, NULL, gcm_first},
	{"GCM encryption, middle", HIL_AES, NULL, gcm_middle},
	{"GCM encryption, last", HIL_AES, NULL, gcm_last},
	{"RSA signature", HIL_RSA, NULL, rsa_sign},
	{"RSA verification", HIL_RSA, NULL, rsa_verify},
	{"RSA encryption", HIL_RSA, NULL, rsa_encrypt},
	{"RSA decryption with a label", HIL_RSA, offers_decryption, rsa_decrypt},
	{NULL, HIL_KINDS, NULL, NULL},
};

bool scenario_fits(const struct scenario *scenario, const struct bench *bench)
{
	return bench->inner[scenario->kind] && (!scenario->offered || scenario->offered(bench));
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
