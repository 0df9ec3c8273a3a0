/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CMAC (NIST SP 800-38B): CBC whose last block is masked with a subkey. EVP's own CMAC cannot
 * be exported.
 */
#include "backends/openssl/cmac.h"

#include <string.h>

#include "backends/openssl/failure.h"

#define PIECE 1024u /* ciphertext that is made at once, for its last block */

/* --- OpenSSL ---------------------------------------------------------------------------------- */

/* The next block is encrypted as if `chain` were the ciphertext before it. */
static int set_chain(struct cmac_cipher *cipher, const uint8_t chain[CMAC_BLOCK_SIZE])
{
	return EVP_EncryptInit_ex2(cipher->context, NULL, NULL, chain, NULL) == 1
		       ? 0
		       : crypto_failed(-PLUTON_EFAIL);
}

static int encrypt(struct cmac_cipher *cipher, uint8_t *out, const uint8_t *in, size_t len)
{
	int made = 0;

	if (EVP_EncryptUpdate(cipher->context, out, &made, in, (int)len) == 1 &&
	    (size_t)made == len)
		return 0;
	return crypto_failed(-PLUTON_EFAIL);
}

int cmac_cipher_open(struct cmac_cipher *cipher, const char *properties)
{
	static const char *const names[3] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};

	for (size_t i = 0; i < 3; i++) {
		cipher->ciphers[i] = EVP_CIPHER_fetch(NULL, names[i], properties);
		if (!cipher->ciphers[i])
			return crypto_failed(-PLUTON_ENODEVICE);
	}
	cipher->context = EVP_CIPHER_CTX_new();
	return cipher->context ? 0 : crypto_failed(-PLUTON_ENOMEM);
}

void cmac_cipher_reset(struct cmac_cipher *cipher)
{
	if (cipher->context)
		EVP_CIPHER_CTX_reset(cipher->context);
}

void cmac_cipher_close(struct cmac_cipher *cipher)
{
	EVP_CIPHER_CTX_free(cipher->context);
	for (size_t i = 0; i < 3; i++)
		EVP_CIPHER_free(cipher->ciphers[i]);
}

/* --- CMAC ------------------------------------------------------------------------------------- */

/* Whole blocks, none of which is the last. */
static int chain_blocks(struct cmac *cmac, struct cmac_cipher *cipher, const uint8_t *buf,
			size_t len)
{
	uint8_t out[PIECE];
	int r = 0;

	for (size_t done = 0; r == 0 && done < len;) {
		size_t piece = len - done < PIECE ? len - done : PIECE;

		r = encrypt(cipher, out, buf + done, piece);
		if (r == 0)
			memcpy(cmac->chain, out + piece - CMAC_BLOCK_SIZE, CMAC_BLOCK_SIZE);
		done += piece;
	}
	explicit_bzero(out, sizeof(out));
	return r;
}

static void carry(struct cmac *cmac, const uint8_t *buf, size_t len)
{
	memcpy(cmac->carry + cmac->carried, buf, len);
	cmac->carried += len;
}

int cmac_begin(const struct cmac *cmac, struct cmac_cipher *cipher)
{
	const EVP_CIPHER *aes = cipher->ciphers[cmac->key_size / 8 - 2];

	if (EVP_EncryptInit_ex2(cipher->context, aes, cmac->key, cmac->chain, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(cipher->context, 0) != 1)
		return crypto_failed(-PLUTON_EFAIL);
	return 0;
}

int cmac_update(struct cmac *cmac, struct cmac_cipher *cipher, const uint8_t *buf, size_t len)
{
	size_t room = CMAC_BLOCK_SIZE - cmac->carried;
	int r = 0;

	if (len > room) {
		size_t whole = (len - room - 1) / CMAC_BLOCK_SIZE * CMAC_BLOCK_SIZE;

		carry(cmac, buf, room);
		r = chain_blocks(cmac, cipher, cmac->carry, CMAC_BLOCK_SIZE);
		if (r == 0)
			r = chain_blocks(cmac, cipher, buf + room, whole);
		cmac->carried = 0;
		buf += room + whole;
		len -= room + whole;
	}
	carry(cmac, buf, len);
	return r;
}

/* Section 6.1: a multiplication by x in GF(2^128). No branch on the subkey. */
static void double_block(uint8_t block[CMAC_BLOCK_SIZE])
{
	uint8_t polynomial = (uint8_t)(0x87 & -(block[0] >> 7));

	for (size_t i = 0; i < CMAC_BLOCK_SIZE - 1; i++)
		block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
	block[CMAC_BLOCK_SIZE - 1] = (uint8_t)(block[CMAC_BLOCK_SIZE - 1] << 1 ^ polynomial);
}

/* K1 for a whole last block, K2 for another. Moves the cipher away from its chain. */
static int derive_subkey(struct cmac_cipher *cipher, bool whole, uint8_t ret[CMAC_BLOCK_SIZE])
{
	static const uint8_t zeros[CMAC_BLOCK_SIZE];
	int r = set_chain(cipher, zeros);

	if (r == 0)
		r = encrypt(cipher, ret, zeros, CMAC_BLOCK_SIZE);
	if (r < 0)
		return r;
	double_block(ret);
	if (!whole)
		double_block(ret);
	return 0;
}

/* What the carry makes of a subkey: the last block, complete or not. */
static void mask_carry(const struct cmac *cmac, uint8_t subkey[CMAC_BLOCK_SIZE])
{
	for (size_t i = 0; i < cmac->carried; i++)
		subkey[i] ^= cmac->carry[i];
	if (cmac->carried < CMAC_BLOCK_SIZE)
		subkey[cmac->carried] ^= 0x80;
}

/* Section 6.2, steps 4 to 7. */
int cmac_end(struct cmac *cmac, struct cmac_cipher *cipher, uint8_t *ret_mac)
{
	uint8_t last[CMAC_BLOCK_SIZE];
	int r = derive_subkey(cipher, cmac->carried == CMAC_BLOCK_SIZE, last);

	if (r == 0) {
		mask_carry(cmac, last);
		r = set_chain(cipher, cmac->chain);
	}
	if (r == 0)
		r = encrypt(cipher, ret_mac, last, sizeof(last));
	explicit_bzero(last, sizeof(last));
	return r;
}
