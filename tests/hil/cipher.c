/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES's modes on nettle's block function. The key schedule is made anew for every call:
 * between calls a stream is nothing but struct cipher.
 */
#include "tests/hil/cipher.h"

#include <nettle/aes.h>
#include <string.h>

union schedule {
	struct aes128_ctx aes128;
	struct aes192_ctx aes192;
	struct aes256_ctx aes256;
};

static void encrypt_block(const struct cipher *cipher, uint8_t out[16], const uint8_t in[16])
{
	union schedule schedule;

	switch (cipher->key_size) {
	case 16:
		aes128_set_encrypt_key(&schedule.aes128, cipher->key);
		aes128_encrypt(&schedule.aes128, 16, out, in);
		break;
	case 24:
		aes192_set_encrypt_key(&schedule.aes192, cipher->key);
		aes192_encrypt(&schedule.aes192, 16, out, in);
		break;
	default:
		aes256_set_encrypt_key(&schedule.aes256, cipher->key);
		aes256_encrypt(&schedule.aes256, 16, out, in);
		break;
	}
	explicit_bzero(&schedule, sizeof(schedule));
}

static void decrypt_block(const struct cipher *cipher, uint8_t out[16], const uint8_t in[16])
{
	union schedule schedule;

	switch (cipher->key_size) {
	case 16:
		aes128_set_decrypt_key(&schedule.aes128, cipher->key);
		aes128_decrypt(&schedule.aes128, 16, out, in);
		break;
	case 24:
		aes192_set_decrypt_key(&schedule.aes192, cipher->key);
		aes192_decrypt(&schedule.aes192, 16, out, in);
		break;
	default:
		aes256_set_decrypt_key(&schedule.aes256, cipher->key);
		aes256_decrypt(&schedule.aes256, 16, out, in);
		break;
	}
	explicit_bzero(&schedule, sizeof(schedule));
}

static void xor_block(uint8_t to[16], const uint8_t from[16])
{
	for (unsigned i = 0; i < 16; i++)
		to[i] ^= from[i];
}

void cipher_init(struct cipher *cipher, const uint8_t *key, size_t key_size)
{
	memset(cipher, 0, sizeof(*cipher));
	memcpy(cipher->key, key, key_size);
	cipher->key_size = (uint32_t)key_size;
}

/* --- the counter ----------------------------------------------------------------------------- */

/* Adds to the big-endian counter in the last `bits` bits of the block. */
static void add(uint8_t block[16], unsigned bits, uint64_t count)
{
	for (unsigned i = 16; i > 16 - bits / 8 && count; i--) {
		count += block[i - 1];
		block[i - 1] = (uint8_t)count;
		count >>= 8;
	}
}

void cipher_set_ctr(struct cipher *cipher, const uint8_t ctr[16], unsigned ctr_bits)
{
	memcpy(cipher->ctr, ctr, 16);
	cipher->ctr_bits = ctr_bits;
}

void cipher_set_gcm_iv(struct cipher *cipher, const uint8_t iv[12])
{
	memcpy(cipher->ctr, iv, 12);
	memcpy(cipher->ctr + 12, (const uint8_t[4]){0, 0, 0, 2}, 4);
	cipher->ctr_bits = 32;
}

static uint64_t low_bits(const uint8_t block[16], size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 16 - bytes; i < 16; i++)
		value = value << 8 | block[i];
	return value;
}

bool cipher_has_room(const struct cipher *cipher, uint64_t length)
{
	static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	uint64_t blocks = (cipher->crypted + length) / 16 + ((cipher->crypted + length) % 16 != 0);

	if (cipher->ctr_bits == 32)
		return blocks <= (UINT64_C(1) << 32) - low_bits(cipher->ctr, 4);
	if (memcmp(cipher->ctr, ones, sizeof(ones)) != 0)
		return true;
	return low_bits(cipher->ctr, 8) == 0 || blocks <= -low_bits(cipher->ctr, 8);
}

static void key_stream(const struct cipher *cipher, uint64_t index, uint8_t out[16])
{
	uint8_t counter[16];

	memcpy(counter, cipher->ctr, 16);
	add(counter, cipher->ctr_bits, index);
	encrypt_block(cipher, out, counter);
}

void cipher_crypt(struct cipher *cipher, uint8_t *buf, size_t len)
{
	uint8_t stream[16];

	for (size_t i = 0; i < len; i++, cipher->crypted++) {
		if (i == 0 || cipher->crypted % 16 == 0)
			key_stream(cipher, cipher->crypted / 16, stream);
		buf[i] ^= stream[cipher->crypted % 16];
	}
}

/* --- ECB and CBC ----------------------------------------------------------------------------- */

void cipher_ecb(const struct cipher *cipher, bool encrypts, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i + 16 <= len; i += 16) {
		if (encrypts)
			encrypt_block(cipher, buf + i, buf + i);
		else
			decrypt_block(cipher, buf + i, buf + i);
	}
}

void cipher_set_cbc_iv(struct cipher *cipher, const uint8_t iv[16])
{
	memcpy(cipher->hash, iv, 16);
}

static void encrypt_chained(struct cipher *cipher, uint8_t block[16])
{
	xor_block(block, cipher->hash);
	encrypt_block(cipher, block, block);
	memcpy(cipher->hash, block, 16);
}

static void decrypt_chained(struct cipher *cipher, uint8_t block[16])
{
	uint8_t next[16];

	memcpy(next, block, 16);
	decrypt_block(cipher, block, block);
	xor_block(block, cipher->hash);
	memcpy(cipher->hash, next, 16);
}

void cipher_cbc(struct cipher *cipher, bool encrypts, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i + 16 <= len; i += 16) {
		if (encrypts)
			encrypt_chained(cipher, buf + i);
		else
			decrypt_chained(cipher, buf + i);
	}
}

/* --- CBC-MAC --------------------------------------------------------------------------------- */

/* SP 800-38C section A.2.1: the flags, the nonce and the length. */
static void set_first_block(struct cipher *cipher, const uint8_t *iv,
			    const struct cipher_ccm *about)
{
	uint8_t block[16] = {0};
	uint64_t length = about->length;

	block[0] = (uint8_t)((about->aad_length ? 0x40 : 0) | (about->tag_size - 2) / 2 << 3 |
			     (14 - about->iv_size));
	memcpy(block + 1, iv, about->iv_size);
	for (size_t i = 15; i > about->iv_size; i--, length >>= 8)
		block[i] = (uint8_t)length;
	encrypt_block(cipher, cipher->hash, block);
}

/* Section A.2.2; tests have no additional data of 4 GiB. */
static void hash_aad_length(struct cipher *cipher, size_t length)
{
	const uint8_t prefix[6] = {0xff,
				   0xfe,
				   (uint8_t)(length >> 24),
				   (uint8_t)(length >> 16),
				   (uint8_t)(length >> 8),
				   (uint8_t)length};

	if (length > 0 && length < 0xff00)
		cipher_hash_aad(cipher, prefix + 4, 2);
	else if (length > 0)
		cipher_hash_aad(cipher, prefix, 6);
}

void cipher_set_ccm_iv(struct cipher *cipher, const uint8_t *iv, const struct cipher_ccm *about)
{
	cipher->is_ccm = 1;
	memset(cipher->ctr, 0, 16);
	cipher->ctr[0] = (uint8_t)(14 - about->iv_size);
	memcpy(cipher->ctr + 1, iv, about->iv_size);
	cipher->ctr[15] = 1;
	cipher->ctr_bits = 128; /* it never leaves its bytes: the length was checked */
	set_first_block(cipher, iv, about);
	hash_aad_length(cipher, about->aad_length);
}

/* --- GHASH ----------------------------------------------------------------------------------- */

/* SP 800-38D section 6.3: hash = hash · subkey, in the field with x^128 + x^7 + x^2 + x + 1. */
static void multiply(uint8_t hash[16], const uint8_t subkey[16])
{
	uint8_t product[16] = {0}, v[16];

	memcpy(v, subkey, 16);
	for (unsigned bit = 0; bit < 128; bit++) {
		uint8_t carry = v[15] & 1;

		for (unsigned i = 0; i < 16 && hash[bit / 8] >> (7 - bit % 8) & 1; i++)
			product[i] ^= v[i];
		for (unsigned i = 15; i > 0; i--)
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		v[0] = (uint8_t)(v[0] >> 1 ^ (carry ? 0xe1 : 0));
	}
	memcpy(hash, product, 16);
}

static void subkey_of(const struct cipher *cipher, uint8_t subkey[16])
{
	static const uint8_t zero[16];

	encrypt_block(cipher, subkey, zero);
}

static void chain(struct cipher *cipher, const uint8_t subkey[16])
{
	if (cipher->is_ccm)
		encrypt_block(cipher, cipher->hash, cipher->hash);
	else
		multiply(cipher->hash, subkey);
}

static void absorb(struct cipher *cipher, uint64_t position, const uint8_t *buf, size_t len)
{
	uint8_t subkey[16];

	subkey_of(cipher, subkey);
	for (size_t i = 0; i < len; i++, position++) {
		cipher->hash[position % 16] ^= buf[i];
		if (position % 16 == 15)
			chain(cipher, subkey);
	}
}

/* The rest of a block is zeros. */
static void close_block(struct cipher *cipher, uint64_t length)
{
	uint8_t subkey[16];

	subkey_of(cipher, subkey);
	if (length % 16)
		chain(cipher, subkey);
}

static void close_aad(struct cipher *cipher)
{
	if (!cipher->aad_closed)
		close_block(cipher, cipher->aad_length);
	cipher->aad_closed = 1;
}

void cipher_hash_aad(struct cipher *cipher, const uint8_t *aad, size_t len)
{
	absorb(cipher, cipher->aad_length, aad, len);
	cipher->aad_length += len;
}

static void hash_data(struct cipher *cipher, const uint8_t *data, size_t len)
{
	close_aad(cipher);
	absorb(cipher, cipher->hashed, data, len);
	cipher->hashed += len;
}

/* GCM's tag is of the ciphertext, CCM's of the plaintext. */
void cipher_seal(struct cipher *cipher, uint8_t *buf, size_t len)
{
	if (cipher->is_ccm)
		hash_data(cipher, buf, len);
	cipher_crypt(cipher, buf, len);
	if (!cipher->is_ccm)
		hash_data(cipher, buf, len);
}

void cipher_open(struct cipher *cipher, uint8_t *buf, size_t len)
{
	if (!cipher->is_ccm)
		hash_data(cipher, buf, len);
	cipher_crypt(cipher, buf, len);
	if (cipher->is_ccm)
		hash_data(cipher, buf, len);
}

static void store_bits(uint8_t out[8], uint64_t bytes)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(bytes * 8 >> (56 - 8 * i));
}

static void hash_lengths(struct cipher *cipher)
{
	uint8_t lengths[16];

	store_bits(lengths, cipher->aad_length);
	store_bits(lengths + 8, cipher->hashed);
	absorb(cipher, 0, lengths, sizeof(lengths));
}

void cipher_tag(struct cipher *cipher, uint8_t tag[16])
{
	uint8_t before_data[16];

	close_aad(cipher);
	close_block(cipher, cipher->hashed);
	if (!cipher->is_ccm)
		hash_lengths(cipher);
	memcpy(before_data, cipher->ctr, 16);
	before_data[15]--; /* from 1 or 2 */
	encrypt_block(cipher, tag, before_data);
	xor_block(tag, cipher->hash);
}
