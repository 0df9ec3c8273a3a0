/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed patterns, and the answers to them from the second implementation.
 */
#include "tests/hil/material.h"

#include <nettle/nettle-meta.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#include "tests/hil/cipher.h"
#include "tests/hil/curves.h"
#include "tests/rsa_material.h"

static void fill(uint8_t *buf, size_t len, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		buf[i] = (uint8_t)(x >> 24);
	}
}

static void begin(struct material *material, struct client *client)
{
	fill(material->key, sizeof(material->key), 1);
	fill(material->iv, sizeof(material->iv), 2);
	fill(material->aad, sizeof(material->aad), 3);
	fill(material->input, sizeof(material->input), 4);
	fill(material->salt, sizeof(material->salt), 5);
	fill(material->label, sizeof(material->label), 6);
	fill(material->info, sizeof(material->info), 7);
	material_clear(material);
	client_init(client);
	client->key = material->key;
	client->iv = material->iv;
	client->aad = material->aad;
	client->salt = material->salt;
	client->label = material->label;
	client->info = material->info;
}

void material_clear(struct material *material)
{
	memset(material->output, UNTOUCHED, sizeof(material->output));
}

/* What the engine under test has from nettle, OpenSSL answers here, and the other way round. */
static void hash_by_openssl(const char *name, const uint8_t *input, size_t length, uint8_t *digest)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);

	EXPECT(md && EVP_Digest(input, length, digest, NULL, md, NULL) == 1);
	EVP_MD_free(md);
}

static void hash_by_nettle(const struct nettle_hash *hash, const uint8_t *input, size_t length,
			   uint8_t *digest)
{
	_Alignas(max_align_t) uint8_t context[512];

	EXPECT(hash->context_size <= sizeof(context));
	hash->init(context);
	hash->update(context, length, input);
	hash->digest(context, hash->digest_size, digest);
}

void material_hash(enum digest_algorithm algorithm, const uint8_t *input, size_t length,
		   uint8_t digest[DIGEST_SIZE_MAX])
{
	static const struct {
		const struct nettle_hash *nettle;
		const char *openssl;
	} hashes[DIGEST_ALGORITHMS] = {
		[DIGEST_SHA1] = {&nettle_sha1, NULL},	  [DIGEST_SHA224] = {&nettle_sha224, NULL},
		[DIGEST_SHA256] = {&nettle_sha256, NULL}, [DIGEST_SHA384] = {&nettle_sha384, NULL},
		[DIGEST_SHA512] = {&nettle_sha512, NULL}, [DIGEST_SHA3_256] = {NULL, "SHA3-256"},
		[DIGEST_SHA3_384] = {NULL, "SHA3-384"},	  [DIGEST_SHA3_512] = {NULL, "SHA3-512"},
	};

	if (hashes[algorithm].nettle)
		hash_by_nettle(hashes[algorithm].nettle, input, length, digest);
	else
		hash_by_openssl(hashes[algorithm].openssl, input, length, digest);
}

void material_random(struct material *material, struct client *client, size_t length)
{
	begin(material, client);
	client_wants_random(client, material->output, length);
}

void material_digest_by(struct material *material, struct client *client,
			enum digest_algorithm algorithm, size_t length)
{
	begin(material, client);
	client_wants_digest(client, HIL_ONE_SHOT, material->input, length);
	client->digest_request.algorithm = algorithm;
	material_hash(algorithm, material->input, length, material->expected);
}

void material_digest(struct material *material, struct client *client, size_t length)
{
	material_digest_by(material, client, DIGEST_SHA256, length);
}

void material_mac(struct material *material, struct client *client, enum mac_algorithm algorithm,
		  size_t length)
{
	bool is_cmac = algorithm == MAC_CMAC_AES;

	begin(material, client);
	client->mac_request = (struct mac_request){.algorithm = algorithm,
						   .phase = HIL_ONE_SHOT,
						   .key_size = is_cmac ? 32 : 20,
						   .mac_size = mac_size(algorithm)};
	client_wants_mac(client, is_cmac ? HIL_CMAC : HIL_HMAC, material->input, length);
	material_expect_mac(material, client);
}

static EVP_MAC_CTX *new_mac(const char *name)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	return context;
}

/* What OpenSSL calls the hash or the cipher of a MAC. */
static const char *name_below(enum mac_algorithm algorithm, size_t key_size)
{
	static const char *const hashes[DIGEST_ALGORITHMS] = {
		NULL,	  "SHA1",     "SHA224",	  "SHA256",   "SHA384",
		"SHA512", "SHA3-256", "SHA3-384", "SHA3-512",
	};
	static const char *const ciphers[] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};

	return algorithm == MAC_CMAC_AES ? ciphers[key_size / 8 - 2] : hashes[algorithm];
}

void material_expect_mac(struct material *material, const struct client *client)
{
	const struct mac_request *request = &client->mac_request;
	bool is_cmac = request->algorithm == MAC_CMAC_AES;
	const char *name = name_below(request->algorithm, request->key_size);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(is_cmac ? OSSL_MAC_PARAM_CIPHER : OSSL_MAC_PARAM_DIGEST,
				       (char *)(uintptr_t)name, strlen(name)),
		OSSL_PARAM_END,
	};
	EVP_MAC_CTX *context = new_mac(is_cmac ? "CMAC" : "HMAC");
	size_t size = 0;

	EXPECT(EVP_MAC_init(context, client->key, request->key_size, params) == 1);
	EXPECT(EVP_MAC_update(context, client->input, request->length) == 1);
	EXPECT(EVP_MAC_final(context, material->expected, &size, MAC_SIZE_MAX) == 1);
	EXPECT(size == mac_size(request->algorithm));
	EVP_MAC_CTX_free(context);
}

static const size_t iv_sizes[AES_MODES] = {
	[AES_CBC] = AES_BLOCK_SIZE, [AES_GCM] = AES_GCM_IV_SIZE, [AES_CCM] = 12};

static struct aes_request request_of(enum aes_mode mode, enum aes_direction direction)
{
	return (struct aes_request){
		.owner = bench_owner(),
		.mode = mode,
		.direction = direction,
		.phase = HIL_ONE_SHOT,
		.key_size = 32,
		.iv_size = iv_sizes[mode],
		.tag_size = aes_is_aead(mode) ? AES_TAG_SIZE : 0,
		.ctr_bits = mode == AES_CTR ? 128 : 0,
	};
}

void material_ctr(struct material *material, struct client *client, size_t length)
{
	begin(material, client);
	client->aes_request = request_of(AES_CTR, AES_ENCRYPT);
	client_wants_aes(client, material->input, material->output, length);
	material_expect_ctr(material, client);
}

void material_blocks(struct material *material, struct client *client, enum aes_mode mode,
		     size_t length)
{
	begin(material, client);
	client->aes_request = request_of(mode, AES_ENCRYPT);
	client_wants_aes(client, material->input, material->output, length);
	material_expect_blocks(material, client);
}

void material_aead_encrypt(struct material *material, struct client *client, enum aes_mode mode,
			   size_t aad_length, size_t length)
{
	begin(material, client);
	client->aes_request = request_of(mode, AES_ENCRYPT);
	client->aes_request.aad_length = aad_length;
	client_wants_aes(client, material->input, material->output, length);
	material_expect_aead(material, client);
}

void material_turn_around(struct material *material, struct client *client)
{
	uint8_t message[MATERIAL_MAX];

	client->aes_request.direction = AES_DECRYPT;
	memcpy(client->tag, material->tag, sizeof(client->tag));
	memcpy(message, material->input, sizeof(message));
	memcpy(material->input, material->expected, client->aes_request.length);
	memcpy(material->expected, message, sizeof(message));
}

void material_aead_decrypt(struct material *material, struct client *client, enum aes_mode mode,
			   size_t aad_length, size_t length)
{
	material_aead_encrypt(material, client, mode, aad_length, length);
	material_turn_around(material, client);
}

void material_gcm_encrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length)
{
	material_aead_encrypt(material, client, AES_GCM, aad_length, length);
}

void material_gcm_decrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length)
{
	material_aead_decrypt(material, client, AES_GCM, aad_length, length);
}

void material_expect_ctr(struct material *material, const struct client *client)
{
	struct cipher cipher;

	cipher_init(&cipher, client->key, client->aes_request.key_size);
	cipher_set_ctr(&cipher, client->iv, client->aes_request.ctr_bits);
	memcpy(material->expected, client->input, client->aes_request.length);
	cipher_crypt(&cipher, material->expected, client->aes_request.length);
}

void material_expect_blocks(struct material *material, const struct client *client)
{
	const struct aes_request *request = &client->aes_request;
	bool encrypts = request->direction == AES_ENCRYPT;
	struct cipher cipher;

	cipher_init(&cipher, client->key, request->key_size);
	memcpy(material->expected, client->input, request->length);
	if (request->mode == AES_ECB) {
		cipher_ecb(&cipher, encrypts, material->expected, request->length);
		return;
	}
	cipher_set_cbc_iv(&cipher, client->iv);
	cipher_cbc(&cipher, encrypts, material->expected, request->length);
}

static void set_iv(struct cipher *cipher, const struct client *client)
{
	const struct aes_request *request = &client->aes_request;
	const struct cipher_ccm about = {request->iv_size, request->tag_size, request->aad_length,
					 request->length};

	if (request->mode == AES_CCM)
		cipher_set_ccm_iv(cipher, client->iv, &about);
	else
		cipher_set_gcm_iv(cipher, client->iv);
}

void material_expect_aead(struct material *material, const struct client *client)
{
	const struct aes_request *request = &client->aes_request;
	struct cipher cipher;

	cipher_init(&cipher, client->key, request->key_size);
	set_iv(&cipher, client);
	cipher_hash_aad(&cipher, client->aad, request->aad_length);
	memcpy(material->expected, client->input, request->length);
	cipher_seal(&cipher, material->expected, request->length);
	cipher_tag(&cipher, material->tag);
}

void material_ecc_key(enum ecc_curve curve, unsigned seed, uint8_t *ret_key)
{
	fill(ret_key, ecc_key_size(curve), seed);
	if (curve == ECC_P521)
		ret_key[0] = 0;
}

#define OWN_KEY 10
#define PEERS_KEY 11

static bool takes_input(enum ecc_action action)
{
	return action == ECC_SIGN || action == ECC_VERIFY;
}

void material_ecc(struct material *material, struct client *client, enum ecc_curve curve,
		  enum ecc_action action, size_t length)
{
	uint8_t key[ECC_KEY_SIZE_MAX];

	begin(material, client);
	client_wants_ecc(client, curve, action, material->input, takes_input(action) ? length : 0);
	material_ecc_key(curve, OWN_KEY, client->ecc_key);
	material_ecc_key(curve, action == ECC_AGREE ? PEERS_KEY : OWN_KEY, key);
	curves_public(curve, key, client->ecc_public);
	if (action == ECC_VERIFY)
		curves_sign(curve, key, material->input, length, client->ecc_signature);
	if (action == ECC_PUBLIC || action == ECC_GENERATE)
		memset(client->ecc_public, UNTOUCHED, sizeof(client->ecc_public));
	if (action == ECC_GENERATE)
		memset(client->ecc_key, UNTOUCHED, sizeof(client->ecc_key));
}

bool material_ed25519_is(const struct client *client, const uint8_t *message)
{
	uint8_t signature[64];

	curves_sign(ECC_ED25519, client->ecc_key, message, client->ecc_request.length, signature);
	return memcmp(signature, client->ecc_signature, sizeof(signature)) == 0;
}

static bool public_fits_key(const struct client *client)
{
	enum ecc_curve curve = client->ecc_request.curve;
	uint8_t public[ECC_PUBLIC_SIZE_MAX];

	curves_public(curve, client->ecc_key, public);
	return memcmp(public, client->ecc_public, ecc_public_size(curve)) == 0;
}

static bool signature_is_right(const struct client *client)
{
	const struct ecc_request *request = &client->ecc_request;

	if (request->curve == ECC_ED25519)
		return material_ed25519_is(client, client->input);
	return curves_verify(request->curve, client->ecc_public, client->ecc_signature,
			     client->input, request->length) &&
	       curves_verify_by_openssl(request->curve, client->ecc_public, client->ecc_signature,
					client->input, request->length);
}

static bool secret_is_shared(const struct client *client)
{
	enum ecc_curve curve = client->ecc_request.curve;
	uint8_t secret[ECC_SECRET_SIZE_MAX];

	curves_agree(curve, client->ecc_key, client->ecc_public, secret);
	return memcmp(secret, client->ecc_secret, ecc_secret_size(curve)) == 0;
}

bool material_ecc_came_out(const struct client *client)
{
	switch (client->ecc_request.action) {
	case ECC_SIGN:
		return signature_is_right(client);
	case ECC_AGREE:
		return secret_is_shared(client);
	case ECC_VERIFY:
		return true;
	default:
		return public_fits_key(client);
	}
}

static bool is_filling(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] != UNTOUCHED)
			return false;
	}
	return true;
}

/* --- key derivation -------------------------------------------------------------------------- */

static bool has_salt(enum kdf_method method)
{
	return method == KDF_HKDF || method == KDF_HKDF_EXTRACT || method == KDF_PBKDF2;
}

static bool has_info(enum kdf_method method)
{
	return method != KDF_HKDF_EXTRACT && method != KDF_PBKDF2;
}

void material_kdf(struct material *material, struct client *client, enum kdf_method method,
		  enum mac_algorithm prf, size_t length)
{
	begin(material, client);
	client_wants_kdf(client, material->output,
			 method == KDF_HKDF_EXTRACT ? kdf_block_size(prf) : length);
	client->kdf_request.method = method;
	client->kdf_request.prf = prf;
	client->kdf_request.key_size = prf == MAC_CMAC_AES ? 32 : 20;
	client->kdf_request.salt_length = has_salt(method) ? 13 : 0;
	client->kdf_request.label_length = method == KDF_COUNTER ? 9 : 0;
	client->kdf_request.info_length = has_info(method) ? 21 : 0;
	client->kdf_request.iterations = method == KDF_PBKDF2 ? 300 : 0;
	material_expect_kdf(material, client);
}

static OSSL_PARAM text(const char *key, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static OSSL_PARAM octets(const char *key, const uint8_t *bytes, size_t len)
{
	return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)bytes, len);
}

static void describe_hkdf(OSSL_PARAM *params, const struct client *client)
{
	static const char *const modes[KDF_METHODS] = {
		[KDF_HKDF] = "EXTRACT_AND_EXPAND",
		[KDF_HKDF_EXTRACT] = "EXTRACT_ONLY",
		[KDF_HKDF_EXPAND] = "EXPAND_ONLY",
	};
	const struct kdf_request *request = &client->kdf_request;

	*params++ = text(OSSL_KDF_PARAM_DIGEST, name_below(request->prf, request->key_size));
	*params++ = text(OSSL_KDF_PARAM_MODE, modes[request->method]);
	*params++ = octets(OSSL_KDF_PARAM_KEY, client->key, request->key_size);
	*params++ = octets(OSSL_KDF_PARAM_SALT, client->salt, request->salt_length);
	*params++ = octets(OSSL_KDF_PARAM_INFO, client->info, request->info_length);
	*params = OSSL_PARAM_construct_end();
}

/* Without separator and L its fixed input is label and context, one behind the other. */
static void describe_counter(OSSL_PARAM *params, const struct client *client)
{
	static int no;
	const struct kdf_request *request = &client->kdf_request;
	bool is_cmac = request->prf == MAC_CMAC_AES;

	*params++ = text(OSSL_KDF_PARAM_MODE, "counter");
	*params++ = text(OSSL_KDF_PARAM_MAC, is_cmac ? "CMAC" : "HMAC");
	*params++ = text(is_cmac ? OSSL_KDF_PARAM_CIPHER : OSSL_KDF_PARAM_DIGEST,
			 name_below(request->prf, request->key_size));
	*params++ = octets(OSSL_KDF_PARAM_KEY, client->key, request->key_size);
	*params++ = octets(OSSL_KDF_PARAM_SALT, client->label, request->label_length);
	*params++ = octets(OSSL_KDF_PARAM_INFO, client->info, request->info_length);
	if (request->method == KDF_COUNTER_FIXED) {
		*params++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_KBKDF_USE_L, &no);
		*params++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_KBKDF_USE_SEPARATOR, &no);
	}
	*params = OSSL_PARAM_construct_end();
}

static void describe_pbkdf2(OSSL_PARAM *params, const struct client *client)
{
	static int without_lower_bounds = 1;
	static unsigned iterations;
	const struct kdf_request *request = &client->kdf_request;

	iterations = request->iterations;
	*params++ = text(OSSL_KDF_PARAM_DIGEST, name_below(request->prf, request->key_size));
	*params++ = octets(OSSL_KDF_PARAM_PASSWORD, client->key, request->key_size);
	*params++ = octets(OSSL_KDF_PARAM_SALT, client->salt, request->salt_length);
	*params++ = OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations);
	*params++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &without_lower_bounds);
	*params = OSSL_PARAM_construct_end();
}

void material_expect_kdf(struct material *material, const struct client *client)
{
	const struct kdf_request *request = &client->kdf_request;
	const char *name = "HKDF";
	OSSL_PARAM params[10];
	EVP_KDF_CTX *context;
	EVP_KDF *kdf;

	if (request->method == KDF_PBKDF2) {
		name = "PBKDF2";
		describe_pbkdf2(params, client);
	} else if (request->method == KDF_COUNTER || request->method == KDF_COUNTER_FIXED) {
		name = "KBKDF";
		describe_counter(params, client);
	} else {
		describe_hkdf(params, client);
	}
	kdf = EVP_KDF_fetch(NULL, name, NULL);
	context = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	EXPECT(EVP_KDF_derive(context, material->expected, request->length, params) == 1);
	EVP_KDF_CTX_free(context);
}

bool material_kdf_came_out(const struct material *material, const struct client *client)
{
	size_t length = client->kdf_request.length;

	return client->pushed == length &&
	       memcmp(material->output, material->expected, length) == 0 &&
	       is_filling(material->output + length, sizeof(material->output) - length);
}

/* --- RSA ------------------------------------------------------------------------------------- */

static void rsa_sign(struct material *material, struct client *client)
{
	material_hash(DIGEST_SHA256, (const uint8_t *)"abc", 3, material->input);
	client->rsa_request.length = 32;
	if (client->rsa_request.padding == RSA_PSS)
		client->rsa_request.salt_size = 32;
	else
		material_hex(rsa_test_pkcs1_signature, material->expected);
}

static void rsa_verify(struct material *material, struct client *client)
{
	rsa_sign(material, client);
	material_hex(client->rsa_request.padding == RSA_PSS ? rsa_test_pss_signature
							    : rsa_test_pkcs1_signature,
		     client->signature);
}

static void rsa_decrypt(struct material *material, struct client *client)
{
	client->rsa_request.length = RSA_TEST_SIZE;
	if (client->rsa_request.padding == RSA_OAEP) {
		material_hex(rsa_test_oaep, material->input);
		strcpy((char *)material->expected, "Hello World");
	} else {
		material_hex(rsa_pkcs1_vectors[0].ciphertext, material->input);
		material_hex(rsa_pkcs1_vectors[0].message, material->expected);
	}
}

static void rsa_raise(struct material *material, struct client *client)
{
	const char *root = rsa_test_root_of_two;
	bool is_public = client->rsa_request.action == RSA_PUBLIC;
	uint8_t two[RSA_TEST_SIZE] = {[RSA_TEST_SIZE - 1] = 2};

	client->rsa_request.length = RSA_TEST_SIZE;
	material_hex(root, is_public ? material->input : material->expected);
	memcpy(is_public ? material->expected : material->input, two, sizeof(two));
}

static void describe_rsa(struct material *material, struct client *client)
{
	switch (client->rsa_request.action) {
	case RSA_SIGN:
		rsa_sign(material, client);
		break;
	case RSA_VERIFY:
		rsa_verify(material, client);
		break;
	case RSA_ENCRYPT:
		client->rsa_request.length = 60;
		break;
	case RSA_DECRYPT:
		rsa_decrypt(material, client);
		break;
	case RSA_GENERATE:
		client->rsa_request.exponent = RSA_EXPONENT_MIN;
		break;
	default:
		rsa_raise(material, client);
		break;
	}
}

void material_rsa(struct material *material, struct client *client, enum rsa_action action,
		  enum rsa_padding padding)
{
	bool ciphers = action == RSA_ENCRYPT || action == RSA_DECRYPT;
	struct rsa_request *request = &client->rsa_request;

	begin(material, client);
	client_wants_rsa(client, action, material->input, material->output, 0);
	rsa_test_key(client->rsa_key);
	request->size = RSA_TEST_SIZE;
	request->crt = rsa_is_private(action);
	request->padding = padding;
	if (padding != RSA_BARE && !(padding == RSA_PKCS1 && ciphers))
		request->hash = DIGEST_SHA256;
	if (padding == RSA_PSS || padding == RSA_OAEP)
		request->mgf_hash = DIGEST_SHA256;
	if (padding == RSA_OAEP) {
		memcpy(material->aad, "label", 5);
		request->label_length = 5;
	}
	describe_rsa(material, client);
}

bool material_rsa_came_out(const struct material *material, const struct client *client,
			   size_t length)
{
	return client->pushed == length &&
	       memcmp(material->output, material->expected, length) == 0 &&
	       is_filling(material->output + length, sizeof(material->output) - length);
}

bool material_came_out(const struct material *material, const struct client *client)
{
	const struct aes_request *request = &client->aes_request;
	size_t offset = (size_t)(client->output - material->output);
	size_t end = offset + request->length;

	if (memcmp(material->output, material->expected, end) != 0)
		return false;
	if (!is_filling(material->output + end, sizeof(material->output) - end))
		return false;
	if (!aes_is_aead(request->mode) || !(request->phase & HIL_LAST))
		return true;
	return memcmp(client->tag, material->tag, request->tag_size) == 0;
}

bool material_is_untouched(const struct material *material)
{
	return is_filling(material->output, sizeof(material->output));
}

size_t material_hex(const char *hex, uint8_t *ret_bytes)
{
	return rsa_hex(hex, ret_bytes);
}

static enum hil_phase phase_of(size_t i, size_t count)
{
	return (enum hil_phase)((i == 0 ? HIL_FIRST : 0) | (i == count - 1 ? HIL_LAST : 0));
}

static void set_piece(struct client *client, enum hil_phase phase, size_t length)
{
	client->digest_request.phase = phase;
	client->digest_request.length = length;
	client->aes_request.phase = phase;
	client->aes_request.length = length;
	client->mac_request.phase = phase;
	client->mac_request.length = length;
	if (!(phase & HIL_FIRST))
		client->aes_request.aad_length = 0;
}

int material_start_of_stream(struct bench *bench, struct client *client, enum hil_phase phase,
			     size_t length)
{
	int r;

	set_piece(client, phase, length);
	r = bench_run(bench, client);
	EXPECT(r < 0 || client->states_in == !(phase & HIL_FIRST));
	EXPECT(r < 0 || client->states_out == !(phase & HIL_LAST));
	return r;
}

void material_go_on(struct client *client, size_t length)
{
	client->input += length;
	if (client->kind == HIL_AES)
		client->output += length;
}

int material_stream(struct bench *bench, struct client *client, const size_t *pieces, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		if (i > 0)
			material_go_on(client, pieces[i - 1]);
		r = material_start_of_stream(bench, client, phase_of(i, count), pieces[i]);
	}
	return r;
}

size_t material_decryptable(const struct bench *bench, size_t length)
{
	size_t scratch = bench_aes_caps(bench)->aead_scratch;

	return length < scratch ? length : scratch;
}
