/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of operations. Short ones: each is run once for every callback it makes.
 */
#include "tests/hil/scenarios.h"

#include <string.h>

#define LENGTH 90u /* some blocks and a bit */
#define BLOCKS_LENGTH 96u
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

/* Whole blocks; the pieces that they come and go in are none. */
static void blocks(struct material *material, struct client *client, enum aes_mode mode,
		   enum hil_phase phase)
{
	material_blocks(material, client, mode, BLOCKS_LENGTH);
	client->aes_request.phase = phase;
}

static void ecb(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	blocks(material, client, AES_ECB, HIL_ONE_SHOT);
}

static void cbc(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	blocks(material, client, AES_CBC, HIL_ONE_SHOT);
}

static void cbc_decrypt(struct bench *bench, struct material *material, struct client *client)
{
	cbc(bench, material, client);
	material_turn_around(material, client);
}

static void cbc_first(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	blocks(material, client, AES_CBC, HIL_FIRST);
}

static void cbc_middle(struct bench *bench, struct material *material, struct client *client)
{
	cbc_first(bench, material, client);
	bench_run(bench, client);
	client->aes_request.phase = HIL_MIDDLE;
}

static void ecb_last(struct bench *bench, struct material *material, struct client *client)
{
	blocks(material, client, AES_ECB, HIL_FIRST);
	bench_run(bench, client);
	client->aes_request.phase = HIL_LAST;
}

static void ccm_encrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_aead_encrypt(material, client, AES_CCM, AAD_LENGTH, LENGTH);
}

static void ccm_decrypt(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_aead_decrypt(material, client, AES_CCM, AAD_LENGTH, LENGTH);
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

/* --- MACs: HMAC-SHA-256 and CMAC -------------------------------------------------------------- */

static void hmac(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_mac(material, client, MAC_HMAC_SHA256, LENGTH);
}

static void cmac(struct bench *bench, struct material *material, struct client *client)
{
	(void)bench;
	material_mac(material, client, MAC_CMAC_AES, LENGTH);
}

static void hmac_first(struct bench *bench, struct material *material, struct client *client)
{
	hmac(bench, material, client);
	client->mac_request.phase = HIL_FIRST;
}

static void cmac_first(struct bench *bench, struct material *material, struct client *client)
{
	cmac(bench, material, client);
	client->mac_request.phase = HIL_FIRST;
}

static void hmac_middle(struct bench *bench, struct material *material, struct client *client)
{
	hmac_first(bench, material, client);
	bench_run(bench, client);
	client->mac_request.phase = HIL_MIDDLE;
}

static void cmac_last(struct bench *bench, struct material *material, struct client *client)
{
	cmac_first(bench, material, client);
	bench_run(bench, client);
	client->mac_request.phase = HIL_LAST;
}

static void hmac_verified(struct bench *bench, struct material *material, struct client *client)
{
	hmac(bench, material, client);
	client->mac_request.verify = true;
	memcpy(client->result_mac, material->expected, MAC_SIZE_MAX);
}

/* Of a message that came in two starts, the second of which is empty. */
static void cmac_verified_last(struct bench *bench, struct material *material,
			       struct client *client)
{
	cmac_last(bench, material, client);
	client->mac_request.length = 0;
	client->mac_request.verify = true;
	memcpy(client->result_mac, material->expected, MAC_SIZE_MAX);
}

/* --- elliptic curves ------------------------------------------------------------------------- */

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

/* --- RSA ------------------------------------------------------------------------------------- */

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
	{"ECB in one shot", HIL_AES, NULL, ecb},
	{"ECB, last", HIL_AES, NULL, ecb_last},
	{"CBC encryption in one shot", HIL_AES, NULL, cbc},
	{"CBC decryption in one shot", HIL_AES, NULL, cbc_decrypt},
	{"CBC, first", HIL_AES, NULL, cbc_first},
	{"CBC, middle", HIL_AES, NULL, cbc_middle},
	{"CCM encryption", HIL_AES, NULL, ccm_encrypt},
	{"CCM decryption", HIL_AES, NULL, ccm_decrypt},
	{"GCM encryption in one shot", HIL_AES, NULL, gcm_encrypt},
	{"GCM decryption", HIL_AES, NULL, gcm_decrypt},
	{"GCM encryption, first", HIL_AES, NULL, gcm_first},
	{"GCM encryption, middle", HIL_AES, NULL, gcm_middle},
	{"GCM encryption, last", HIL_AES, NULL, gcm_last},
	{"HMAC in one shot", HIL_HMAC, NULL, hmac},
	{"HMAC, first", HIL_HMAC, NULL, hmac_first},
	{"HMAC, middle", HIL_HMAC, NULL, hmac_middle},
	{"HMAC verified", HIL_HMAC, NULL, hmac_verified},
	{"CMAC in one shot", HIL_CMAC, NULL, cmac},
	{"CMAC, first", HIL_CMAC, NULL, cmac_first},
	{"CMAC, last", HIL_CMAC, NULL, cmac_last},
	{"CMAC, last, verified", HIL_CMAC, NULL, cmac_verified_last},
	{"P-256 key", HIL_ECC, NULL, p256_generate},
	{"P-256 public key", HIL_ECC, NULL, p256_public},
	{"P-256 signature", HIL_ECC, NULL, p256_sign},
	{"P-256 verification", HIL_ECC, NULL, p256_verify},
	{"P-256 agreement", HIL_ECC, NULL, p256_agree},
	{"Ed25519 signature", HIL_ECC, NULL, ed25519_sign},
	{"Ed25519 verification", HIL_ECC, NULL, ed25519_verify},
	{"X25519 agreement", HIL_ECC, NULL, x25519_agree},
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
