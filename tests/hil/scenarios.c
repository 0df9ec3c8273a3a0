/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of operations. Short ones: each is run once for every callback it makes.
 */
#include "tests/hil/scenarios.h"

#include <string.h>

#include "tests/hil/keyring.h"

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

/* --- key derivation -------------------------------------------------------------------------- */

#define KDF(name, method, prf)                                                                     \
	static void name(struct bench *bench, struct material *material, struct client *client)    \
	{                                                                                          \
		(void)bench;                                                                       \
		material_kdf(material, client, method, prf, LENGTH);                               \
	}

KDF(hkdf, KDF_HKDF, MAC_HMAC_SHA256)
KDF(hkdf_extract, KDF_HKDF_EXTRACT, MAC_HMAC_SHA256)
KDF(hkdf_expand, KDF_HKDF_EXPAND, MAC_HMAC_SHA1)
KDF(counter_hmac, KDF_COUNTER, MAC_HMAC_SHA256)
KDF(counter_cmac, KDF_COUNTER_FIXED, MAC_CMAC_AES)
KDF(pbkdf2, KDF_PBKDF2, MAC_HMAC_SHA256)

/* --- key slots: none has anything in it before ------------------------------------------------ */

#define FILL(name, action, type, policy)                                                           \
	static void name(struct bench *bench, struct material *material, struct client *client)    \
	{                                                                                          \
		(void)material;                                                                    \
		keyring_empty(bench);                                                              \
		keyring_wants_fill(bench, client, action, 1, keyring_attributes(type, policy));    \
	}

FILL(slot_generate, HWKEY_GENERATE, HWKEY_SECRET, 0)
FILL(slot_generate_pair, HWKEY_GENERATE, HWKEY_P256, HWKEY_THIS_BOOT)
FILL(slot_import, HWKEY_IMPORT, HWKEY_AES256, 0)
FILL(slot_import_pair, HWKEY_IMPORT, HWKEY_P256, HWKEY_THIS_BOOT)
FILL(slot_derive, HWKEY_DERIVE, HWKEY_AES128, 0)
FILL(slot_unwrap, HWKEY_UNWRAP, HWKEY_SECRET, 0)

/* Of a slot that is filled. */
static void slot_use(struct bench *bench, struct client *client, enum hwkey_action action,
		     enum hwkey_type type)
{
	keyring_empty(bench);
	keyring_need_wrapping(bench, ALICE);
	EXPECT(keyring_import(bench, 1, type, 0) == 0);
	keyring_wants(client, action, 1);
}

static void slot_wrap(struct bench *bench, struct material *material, struct client *client)
{
	slot_use(bench, client, HWKEY_WRAP, HWKEY_SECRET);
	client->hwkey_request.length = hwkey_wrapped_size(KEYRING_SECRET_SIZE);
	client->output = material->output;
}

static void slot_public(struct bench *bench, struct material *material, struct client *client)
{
	slot_use(bench, client, HWKEY_PUBLIC, HWKEY_P256);
	client->hwkey_request.length = hwkey_public_size(HWKEY_P256);
	client->output = material->output;
}

static void slot_delete(struct bench *bench, struct material *material, struct client *client)
{
	(void)material;
	slot_use(bench, client, HWKEY_DELETE, HWKEY_SECRET);
}

/* Names with a comma are of what cannot be started twice. */
const struct scenario scenarios[] = {
	{"random bytes", HIL_RNG, random_bytes, 0},
	{"digest in one shot", HIL_DIGEST, digest, 0},
	{"digest, first", HIL_DIGEST, digest_first, 0},
	{"digest, middle", HIL_DIGEST, digest_middle, 0},
	{"digest, last", HIL_DIGEST, digest_last, 0},
	{"CTR in one shot", HIL_AES, ctr, 1u << AES_CTR},
	{"CTR, first", HIL_AES, ctr_first, 1u << AES_CTR},
	{"CTR, last", HIL_AES, ctr_last, 1u << AES_CTR},
	{"ECB in one shot", HIL_AES, ecb, 1u << AES_ECB},
	{"ECB, last", HIL_AES, ecb_last, 1u << AES_ECB},
	{"CBC encryption in one shot", HIL_AES, cbc, 1u << AES_CBC},
	{"CBC decryption in one shot", HIL_AES, cbc_decrypt, 1u << AES_CBC},
	{"CBC, first", HIL_AES, cbc_first, 1u << AES_CBC},
	{"CBC, middle", HIL_AES, cbc_middle, 1u << AES_CBC},
	{"CCM encryption", HIL_AES, ccm_encrypt, 1u << AES_CCM},
	{"CCM decryption", HIL_AES, ccm_decrypt, 1u << AES_CCM},
	{"GCM encryption in one shot", HIL_AES, gcm_encrypt, 1u << AES_GCM},
	{"GCM decryption", HIL_AES, gcm_decrypt, 1u << AES_GCM},
	{"GCM encryption, first", HIL_AES, gcm_first, 1u << AES_GCM},
	{"GCM encryption, middle", HIL_AES, gcm_middle, 1u << AES_GCM},
	{"GCM encryption, last", HIL_AES, gcm_last, 1u << AES_GCM},
	{"HMAC in one shot", HIL_HMAC, hmac, 0},
	{"HMAC, first", HIL_HMAC, hmac_first, 0},
	{"HMAC, middle", HIL_HMAC, hmac_middle, 0},
	{"HMAC verified", HIL_HMAC, hmac_verified, 0},
	{"CMAC in one shot", HIL_CMAC, cmac, 0},
	{"CMAC, first", HIL_CMAC, cmac_first, 0},
	{"CMAC, last", HIL_CMAC, cmac_last, 0},
	{"CMAC, last, verified", HIL_CMAC, cmac_verified_last, 0},
	{"P-256 key", HIL_ECC, p256_generate, 0},
	{"P-256 public key", HIL_ECC, p256_public, 0},
	{"P-256 signature", HIL_ECC, p256_sign, 0},
	{"P-256 verification", HIL_ECC, p256_verify, 0},
	{"P-256 agreement", HIL_ECC, p256_agree, 0},
	{"Ed25519 signature", HIL_ECC, ed25519_sign, 0},
	{"Ed25519 verification", HIL_ECC, ed25519_verify, 0},
	{"X25519 agreement", HIL_ECC, x25519_agree, 0},
	{"RSA signature", HIL_RSA, rsa_sign, 0},
	{"RSA verification", HIL_RSA, rsa_verify, 0},
	{"RSA encryption", HIL_RSA, rsa_encrypt, 0},
	{"RSA decryption with a label", HIL_RSA, rsa_decrypt, 1u << RSA_OAEP},
	{"HKDF", HIL_KDF, hkdf, 0},
	{"HKDF, extraction", HIL_KDF, hkdf_extract, 0},
	{"HKDF, expansion", HIL_KDF, hkdf_expand, 1u << MAC_HMAC_SHA1},
	{"SP 800-108 with HMAC", HIL_KDF, counter_hmac, 0},
	{"SP 800-108 with CMAC", HIL_KDF, counter_cmac, 1u << MAC_CMAC_AES},
	{"PBKDF2", HIL_KDF, pbkdf2, 0},
	{"key slot, generated", HIL_HWKEY, slot_generate, 0},
	{"key slot, generated pair", HIL_HWKEY, slot_generate_pair, 0},
	{"key slot, imported", HIL_HWKEY, slot_import, 0},
	{"key slot, imported pair", HIL_HWKEY, slot_import_pair, 0},
	{"key slot, derived", HIL_HWKEY, slot_derive, 1u << HWKEY_AES128},
	{"key slot, unwrapped", HIL_HWKEY, slot_unwrap, 0},
	{"key slot, emptied", HIL_HWKEY, slot_delete, 0},
	{"wrapped key", HIL_HWKEY, slot_wrap, 0},
	{"public key of a slot", HIL_HWKEY, slot_public, 0},
	{NULL, HIL_KINDS, NULL, 0},
};

static uint32_t offers(const struct bench *bench, enum hil_kind kind)
{
	if (kind == HIL_AES)
		return bench_aes_caps(bench)->modes;
	if (kind == HIL_KDF)
		return bench_kdf_caps(bench)->prfs[KDF_COUNTER_FIXED] |
		       bench_kdf_caps(bench)->prfs[KDF_HKDF_EXPAND];
	if (kind == HIL_HWKEY)
		return bench_hwkey_caps(bench)->derived_types;
	return kind == HIL_RSA ? bench_rsa_caps(bench)->paddings[RSA_DECRYPT] : 0;
}

bool scenario_fits(const struct scenario *scenario, const struct bench *bench)
{
	if (!bench->inner[scenario->kind])
		return false;
	return (offers(bench, scenario->kind) & scenario->needs) == scenario->needs;
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
