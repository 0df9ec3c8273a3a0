/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is AES-256-GCM under a key of its own: derived (SP 800-108, counter mode, HMAC-SHA256)
 * from the vault's root and the record's header, which says whose slot it is, its number and all
 * its attributes. So a record opens for no other slot, and a nonce can repeat only for one slot.
 */
#include "backends/openssl/hwkey_record.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/failure.h"
#include "backends/openssl/nonce.h"

#define TAG_SIZE 16u
#define SEAL_KEY_SIZE 32u

#define LABEL_STORE "pluton store v1"
#define LABEL_DERIVE "pluton derive v1"
#define LABEL_RECORD "pluton record v1"
#define LABEL_KEY "pluton key v1"

enum field {
	MAGIC_AT = 0,
	VERSION_AT = 4,
	TYPE_AT = 5,
	USAGE_AT = 6, /* u16, all numbers little-endian */
	POLICY_AT = 8,
	SIZE_AT = 12,
	NUMBER_AT = 16,
	OWNER_AT = 20,
	NONCE_AT = OWNER_AT + sizeof(((struct hwkey_name *)NULL)->owner),
	BODY_AT = NONCE_AT + RECORD_NONCE_SIZE,
};
static_assert(NONCE_AT == RECORD_HEADER_SIZE, "all of the header is before the nonce");
#define MAGIC "PLHK"
#define VERSION 1u

/* --- keys from keys --------------------------------------------------------------------------- */

struct context {
	const uint8_t *bytes;
	size_t length;
};

static int kdf_with(EVP_KDF_CTX *kdf, const uint8_t *root, const char *label,
		    struct context context, uint8_t *ret_key, size_t size)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char[]){"counter"}, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char[]){"HMAC"}, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)root,
						  VAULT_ROOT_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)label,
						  strlen(label)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)(uintptr_t)context.bytes, context.length),
		OSSL_PARAM_construct_end(),
	};

	return EVP_KDF_derive(kdf, ret_key, size, params) == 1 ? 0 : crypto_failed(-PLUTON_EFAIL);
}

/* SP 800-108r1, section 4.1, r = 32, L = 32 bits. */
static int derive(const uint8_t *root, const char *label, struct context context, uint8_t *ret_key,
		  size_t size)
{
	EVP_KDF *method;
	EVP_KDF_CTX *kdf;
	int r;

	crypto_forget_failures();
	method = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	kdf = method ? EVP_KDF_CTX_new(method) : NULL;
	r = kdf ? kdf_with(kdf, root, label, context, ret_key, size) : crypto_failed(-PLUTON_EFAIL);

	EVP_KDF_CTX_free(kdf);
	EVP_KDF_free(method);
	return r;
}

int record_make_roots(struct vault *vault, const uint8_t secret[FUSES_SECRET_SIZE])
{
	const struct context none = {(const uint8_t *)"", 0};
	int r = derive(secret, LABEL_STORE, none, vault->store_root, VAULT_ROOT_SIZE);

	static_assert(FUSES_SECRET_SIZE == VAULT_ROOT_SIZE, "the secret is a root itself");
	return r < 0 ? r : derive(secret, LABEL_DERIVE, none, vault->derive_root, VAULT_ROOT_SIZE);
}

/* --- the header ------------------------------------------------------------------------------- */

static void store(uint8_t *bytes, size_t size, uint32_t value)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t load(const uint8_t *bytes, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint32_t)bytes[i] << 8 * i;
	return value;
}

static void write_header(const struct hwkey_name *name, const struct hwkey_attributes *attributes,
			 uint8_t ret_header[RECORD_HEADER_SIZE])
{
	memcpy(ret_header + MAGIC_AT, MAGIC, 4);
	ret_header[VERSION_AT] = VERSION;
	ret_header[TYPE_AT] = (uint8_t)attributes->type;
	store(ret_header + USAGE_AT, 2, attributes->usage);
	store(ret_header + POLICY_AT, 4, attributes->policy);
	store(ret_header + SIZE_AT, 4, (uint32_t)attributes->size);
	store(ret_header + NUMBER_AT, 4, name->number);
	memcpy(ret_header + OWNER_AT, name->owner, sizeof(name->owner));
}

/* false: no header that write_header can have written for this name. */
static bool read_header(const uint8_t *header, const struct hwkey_name *name,
			struct hwkey_attributes *ret)
{
	const struct hwkey_attributes attributes = {
		.type = header[TYPE_AT],
		.usage = load(header + USAGE_AT, 2),
		.policy = load(header + POLICY_AT, 4),
		.size = load(header + SIZE_AT, 4),
	};
	uint8_t again[RECORD_HEADER_SIZE];

	if (attributes.size == 0 || attributes.size > HWKEY_KEY_SIZE_MAX ||
	    hwkey_fault(&attributes))
		return false;
	write_header(name, &attributes, again);
	if (memcmp(again, header, sizeof(again)) != 0)
		return false;
	*ret = attributes;
	return true;
}

/* The number is left out: a key is the same in whatever slot it is derived. */
int record_derive(const struct vault *vault, struct vault_slot *slot, const uint8_t *input,
		  size_t length)
{
	uint8_t context[RECORD_HEADER_SIZE + HWKEY_INPUT_MAX];
	struct hwkey_name name = slot->name;

	name.number = 0;
	write_header(&name, &slot->attributes, context);
	memcpy(context + RECORD_HEADER_SIZE, input, length);
	return derive(vault->derive_root, LABEL_KEY,
		      (struct context){context, RECORD_HEADER_SIZE + length}, slot->key,
		      slot->attributes.size);
}

/* --- sealing ---------------------------------------------------------------------------------- */

static int begin(EVP_CIPHER_CTX *gcm, const struct vault *vault, uint8_t *record, int encrypt)
{
	uint8_t key[SEAL_KEY_SIZE];
	int out, r = derive(vault->store_root, LABEL_RECORD,
			    (struct context){record, RECORD_HEADER_SIZE}, key, sizeof(key));

	if (r == 0 && (EVP_CipherInit_ex2(gcm, EVP_aes_256_gcm(), key, record + NONCE_AT, encrypt,
					  NULL) != 1 ||
		       EVP_CipherUpdate(gcm, NULL, &out, record, RECORD_HEADER_SIZE) != 1))
		r = crypto_failed(-PLUTON_EFAIL);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int seal(EVP_CIPHER_CTX *gcm, const struct vault *vault, const struct vault_slot *slot,
		uint8_t *record)
{
	size_t size = slot->attributes.size;
	uint8_t *body = record + BODY_AT;
	int out, r = begin(gcm, vault, record, 1);

	if (r == 0 && (EVP_CipherUpdate(gcm, body, &out, slot->key, (int)size) != 1 ||
		       EVP_CipherFinal_ex(gcm, body + size, &out) != 1 ||
		       EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, body + size) != 1))
		r = crypto_failed(-PLUTON_EFAIL);
	return r;
}

int record_seal(const struct vault *vault, const struct vault_slot *slot,
		uint8_t ret_record[RECORD_SIZE_MAX])
{
	uint8_t nonce[RECORD_NONCE_SIZE];
	int r = nonce_make(nonce, sizeof(nonce));

	return r < 0 ? r : record_seal_with(vault, slot, nonce, ret_record);
}

int record_seal_with(const struct vault *vault, const struct vault_slot *slot,
		     const uint8_t nonce[RECORD_NONCE_SIZE], uint8_t ret_record[RECORD_SIZE_MAX])
{
	EVP_CIPHER_CTX *gcm;
	int r;

	crypto_forget_failures();
	gcm = EVP_CIPHER_CTX_new();
	write_header(&slot->name, &slot->attributes, ret_record);
	memcpy(ret_record + NONCE_AT, nonce, RECORD_NONCE_SIZE);
	r = gcm ? seal(gcm, vault, slot, ret_record) : crypto_failed(-PLUTON_ENOMEM);
	EVP_CIPHER_CTX_free(gcm);
	return r;
}

static int unseal(EVP_CIPHER_CTX *gcm, const struct vault *vault, struct vault_slot *slot,
		  uint8_t *record)
{
	size_t size = slot->attributes.size;
	uint8_t *body = record + BODY_AT;
	int out, r = begin(gcm, vault, record, 0);

	if (r == 0 && (EVP_CipherUpdate(gcm, slot->key, &out, body, (int)size) != 1 ||
		       EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, body + size) != 1))
		r = crypto_failed(-PLUTON_EFAIL);
	if (r == 0 && EVP_CipherFinal_ex(gcm, slot->key + size, &out) != 1)
		r = crypto_failed(-PLUTON_EINVAL);
	if (r < 0)
		explicit_bzero(slot->key, HWKEY_KEY_SIZE_MAX);
	return r;
}

int record_open(const struct vault *vault, struct vault_slot *slot, const uint8_t *record,
		size_t length)
{
	uint8_t copy[RECORD_SIZE_MAX];
	EVP_CIPHER_CTX *gcm;
	int r;

	if (length < RECORD_OVERHEAD || length > sizeof(copy))
		return -PLUTON_EINVAL;
	memcpy(copy, record, length);
	if (!read_header(copy, &slot->name, &slot->attributes) ||
	    length != RECORD_OVERHEAD + slot->attributes.size)
		return -PLUTON_EINVAL;
	crypto_forget_failures();
	gcm = EVP_CIPHER_CTX_new();
	r = gcm ? unseal(gcm, vault, slot, copy) : crypto_failed(-PLUTON_ENOMEM);
	EVP_CIPHER_CTX_free(gcm);
	return r;
}

/* --- names ------------------------------------------------------------------------------------ */

void record_name(const struct hwkey_name *name, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s.%u", name->owner, name->number);
}

bool record_parse_name(const char *text, struct hwkey_name *ret)
{
	const char *dot = strrchr(text, '.');
	size_t length = dot ? (size_t)(dot - text) : 0;
	struct hwkey_name name = {.number = dot ? (uint32_t)strtoul(dot + 1, NULL, 10) : 0};
	char again[2 * sizeof(name.owner)];

	if (length < 1 || length > HWKEY_OWNER_MAX || name.number < 1 ||
	    name.number > HWKEY_NUMBER_MAX)
		return false;
	memcpy(name.owner, text, length);
	record_name(&name, again, sizeof(again));
	if (strcmp(again, text) != 0)
		return false;
	*ret = name;
	return true;
}

/* --- wrapping --------------------------------------------------------------------------------- */

/* How many bytes came out. -PLUTON_EINVAL: OpenSSL refuses what is to be unwrapped. */
static int kwp(const struct vault_slot *wrapping, bool wraps, const uint8_t *in, size_t length,
	       uint8_t *out)
{
	static const char *const names[] = {"AES-128-WRAP-PAD", "AES-192-WRAP-PAD",
					    "AES-256-WRAP-PAD"};
	EVP_CIPHER_CTX *context;
	EVP_CIPHER *cipher;
	int made = 0, r = 0;

	crypto_forget_failures();
	cipher = EVP_CIPHER_fetch(NULL, names[wrapping->attributes.type - HWKEY_AES128], NULL);
	context = EVP_CIPHER_CTX_new();
	if (context)
		EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!cipher || !context ||
	    EVP_CipherInit_ex2(context, cipher, wrapping->key, NULL, wraps, NULL) != 1)
		r = crypto_failed(-PLUTON_EFAIL);
	else if (EVP_CipherUpdate(context, out, &made, in, (int)length) != 1)
		r = crypto_failed(wraps ? -PLUTON_EFAIL : -PLUTON_EINVAL);
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return r < 0 ? r : made;
}

int record_wrap(const struct vault_slot *wrapping, const uint8_t *key, size_t size,
		uint8_t *ret_out)
{
	int made = kwp(wrapping, true, key, size, ret_out);

	if (made < 0)
		return made;
	return made == (int)hwkey_wrapped_size(size) ? 0 : -PLUTON_EFAIL;
}

int record_unwrap(const struct vault_slot *wrapping, const uint8_t *wrapped, uint8_t *ret_key,
		  size_t size)
{
	uint8_t out[HWKEY_WRAPPED_MAX]; /* OpenSSL writes the padding as well */
	int made = kwp(wrapping, false, wrapped, hwkey_wrapped_size(size), out);

	if (made == (int)size)
		memcpy(ret_key, out, size);
	explicit_bzero(out, sizeof(out));
	if (made < 0)
		return made;
	return made == (int)size ? 0 : -PLUTON_EINVAL;
}
