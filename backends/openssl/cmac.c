/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CMAC (NIST SP 800-38B): CBC whose last block is masked with a subkey. EVP's own CMAC cannot
 * be exported. What a stream exports:
 *
 *   0 version (1)   1 algorithm   2 key size   3 bytes of carry   4..7 zero
 *   8 chain   24 carry, then zeros   40 key, then zeros; of a slot's key only zeros
 */
#include <assert.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"
#include "backends/openssl/mac_operation.h"

#define CMAC_LENGTH_MAX ((size_t)1 << 30)
#define CMAC_SLICE (32u * 1024) /* about 30 µs with the AES instructions: CBC is serial */
#define PIECE 1024u		/* ciphertext that is made at once, for its last block */

#define STATE_VERSION 1u

enum state_field {
	STATE_VERSION_AT = 0,
	STATE_ALGORITHM_AT = 1,
	STATE_KEY_SIZE_AT = 2,
	STATE_CARRIED_AT = 3,
	STATE_ZERO_AT = 4,
	STATE_CHAIN_AT = 8,
	STATE_CARRY_AT = STATE_CHAIN_AT + CMAC_BLOCK_SIZE,
	STATE_KEY_AT = STATE_CARRY_AT + CMAC_BLOCK_SIZE,
	STATE_SIZE = STATE_KEY_AT + CMAC_KEY_SIZE_MAX,
};
static_assert(STATE_SIZE <= CMAC_STATE_MAX, "a state fits a grant's field");

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

/* --- an operation ----------------------------------------------------------------------------- */

static int set_key(struct mac_operation *op, const uint8_t *key)
{
	memcpy(op->cmac.key, key, op->request.key_size);
	op->cmac.key_size = op->request.key_size;
	return cmac_begin(&op->cmac, &op->cipher);
}

static int absorb(struct intake *intake, const uint8_t *buf, size_t len)
{
	struct mac_operation *op = mac_of_intake(intake);

	return cmac_update(&op->cmac, &op->cipher, buf, len);
}

static int end(struct mac_operation *op, uint8_t *ret_mac)
{
	return cmac_end(&op->cmac, &op->cipher, ret_mac);
}

/* --- what a stream exports -------------------------------------------------------------------- */

static void write_state(struct mac_operation *op, uint8_t *ret_state)
{
	const struct cmac *cmac = &op->cmac;

	memset(ret_state, 0, STATE_SIZE);
	ret_state[STATE_VERSION_AT] = STATE_VERSION;
	ret_state[STATE_ALGORITHM_AT] = (uint8_t)op->request.algorithm;
	ret_state[STATE_KEY_SIZE_AT] = (uint8_t)op->request.key_size;
	ret_state[STATE_CARRIED_AT] = (uint8_t)cmac->carried;
	memcpy(ret_state + STATE_CHAIN_AT, cmac->chain, CMAC_BLOCK_SIZE);
	memcpy(ret_state + STATE_CARRY_AT, cmac->carry, cmac->carried);
	if (op->request.key.kind == HIL_KEY_BYTES)
		memcpy(ret_state + STATE_KEY_AT, cmac->key, op->request.key_size);
}

/* Before the first block there is no chain. */
static bool is_sound(const struct mac_request *request, const uint8_t *state)
{
	size_t carried = state[STATE_CARRIED_AT];

	return state[STATE_VERSION_AT] == STATE_VERSION &&
	       state[STATE_ALGORITHM_AT] == request->algorithm &&
	       state[STATE_KEY_SIZE_AT] == request->key_size && carried <= CMAC_BLOCK_SIZE &&
	       hash_all_zero(state + STATE_ZERO_AT, STATE_CHAIN_AT - STATE_ZERO_AT) &&
	       (carried > 0 || hash_all_zero(state + STATE_CHAIN_AT, CMAC_BLOCK_SIZE)) &&
	       hash_all_zero(state + STATE_CARRY_AT + carried, CMAC_BLOCK_SIZE - carried) &&
	       hash_all_zero(state + STATE_KEY_AT + request->key_size,
			     CMAC_KEY_SIZE_MAX - request->key_size);
}

static int read_state(struct mac_operation *op, const uint8_t *state, const uint8_t *slot_key)
{
	struct cmac *cmac = &op->cmac;

	if (!is_sound(&op->request, state))
		return -PLUTON_EINVAL;
	cmac->carried = state[STATE_CARRIED_AT];
	memcpy(cmac->chain, state + STATE_CHAIN_AT, CMAC_BLOCK_SIZE);
	memcpy(cmac->carry, state + STATE_CARRY_AT, cmac->carried);
	memcpy(cmac->key, slot_key ? slot_key : state + STATE_KEY_AT, op->request.key_size);
	cmac->key_size = op->request.key_size;
	return cmac_begin(cmac, &op->cipher);
}

/* --- the engine ------------------------------------------------------------------------------- */

static const struct mac_method method = {
	.caps = {.algorithms = 1u << MAC_CMAC_AES,
		 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
		 .length_max = CMAC_LENGTH_MAX,
		 .state_bytes = STATE_SIZE},
	.kind = HIL_CMAC,
	.level = HIL_LEVEL_CMAC,
	.slice = CMAC_SLICE,
	.absorb = absorb,
	.set_key = set_key,
	.read_state = read_state,
	.write_state = write_state,
	.end = end,
};

int cmac_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct mac_unit *unit;
	int r = mac_unit_open(host, &method, &unit);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < TASKS_PER_ENGINE; i++)
		r = cmac_cipher_open(&unit->operations[i].cipher, host->options.properties);
	if (r < 0) {
		mac_unit_close(unit);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}
