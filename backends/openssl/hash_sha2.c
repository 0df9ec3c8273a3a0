/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1 and SHA-2 (FIPS 180-4) by OpenSSL's SHA*_* calls. They are deprecated in favour of EVP, but
 * an EVP_MD_CTX cannot be exported, and these run the same assembler. Nothing else here may use
 * deprecated calls.
 *
 * The rest of a written state, little-endian:
 *   4 the chaining value, words of 32 bits, of 64 bits for SHA-384 and SHA-512, then zeros
 *   68 message bytes so far, 64 bits   76 the incomplete block, then zeros
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "backends/openssl/hash_family.h"

#define CHAIN_MAX 64u
#define BLOCK_MAX ((size_t)SHA512_CBLOCK)
#define MESSAGE_MAX (UINT64_MAX / 8) /* the length in bits of SHA-1 and SHA-256 has 64 bits */

enum state_field {
	STATE_CHAIN_AT = HASH_STATE_REST_AT,
	STATE_LENGTH_AT = STATE_CHAIN_AT + CHAIN_MAX,
	STATE_BLOCK_AT = STATE_LENGTH_AT + 8,
};
static_assert(STATE_BLOCK_AT + BLOCK_MAX == HASH_STATE_SIZE, "layout of a written state");

/* Where a context of OpenSSL's has what must be written down. */
struct inside {
	uint8_t *chain;
	uint8_t *block;
	unsigned *buffered;
};

struct sha_family {
	struct hash_family family; /* first */
	size_t word_size;	   /* bytes, of the chaining value */
	size_t chain_size;
	void (*look_inside)(union hash_state *state, struct inside *ret);
	void (*set_length)(union hash_state *state, uint64_t length);
};

static const struct sha_family *sha_family_of(const struct hash *hash)
{
	return (const struct sha_family *)(const void *)hash->family;
}

/* --- written states -------------------------------------------------------------------------- */

/* From the machine's order of bytes to little-endian, or back. */
static void copy_words(uint8_t *to, const uint8_t *from, const struct sha_family *family)
{
	for (size_t at = 0; at < family->chain_size; at += family->word_size) {
		uint64_t wide;
		uint32_t word;

		if (family->word_size == sizeof(wide)) {
			memcpy(&wide, from + at, sizeof(wide));
			wide = htole64(wide);
			memcpy(to + at, &wide, sizeof(wide));
		} else {
			memcpy(&word, from + at, sizeof(word));
			word = htole32(word);
			memcpy(to + at, &word, sizeof(word));
		}
	}
}

static void write_rest(const struct hash *hash, union hash_state *state,
		       uint8_t bytes[HASH_STATE_SIZE])
{
	const struct sha_family *family = sha_family_of(hash);
	uint64_t length = htole64(family->family.length(state));
	struct inside inside;

	family->look_inside(state, &inside);
	bytes[HASH_STATE_BUFFERED_AT] = (uint8_t)*inside.buffered;
	copy_words(bytes + STATE_CHAIN_AT, inside.chain, family);
	memcpy(bytes + STATE_LENGTH_AT, &length, sizeof(length));
	memcpy(bytes + STATE_BLOCK_AT, inside.block, *inside.buffered);
}

static bool is_sound(const struct hash *hash, const uint8_t bytes[HASH_STATE_SIZE], uint64_t length)
{
	size_t chain_size = sha_family_of(hash)->chain_size;
	size_t buffered = bytes[HASH_STATE_BUFFERED_AT];

	return length <= MESSAGE_MAX && buffered == length % hash->block_size &&
	       hash_all_zero(bytes + STATE_CHAIN_AT + chain_size, CHAIN_MAX - chain_size) &&
	       hash_all_zero(bytes + STATE_BLOCK_AT + buffered, BLOCK_MAX - buffered);
}

static int read_rest(const struct hash *hash, union hash_state *state,
		     const uint8_t bytes[HASH_STATE_SIZE])
{
	const struct sha_family *family = sha_family_of(hash);
	struct inside inside;
	uint64_t length;

	memcpy(&length, bytes + STATE_LENGTH_AT, sizeof(length));
	length = le64toh(length);
	if (!is_sound(hash, bytes, length))
		return -PLUTON_EINVAL;
	hash->begin(state);
	family->look_inside(state, &inside);
	copy_words(inside.chain, bytes + STATE_CHAIN_AT, family);
	family->set_length(state, length);
	*inside.buffered = bytes[HASH_STATE_BUFFERED_AT];
	memcpy(inside.block, bytes + STATE_BLOCK_AT, *inside.buffered);
	return 0;
}

/* --- SHA-1 ----------------------------------------------------------------------------------- */

static_assert(offsetof(SHA_CTX, h4) - offsetof(SHA_CTX, h0) == 16, "h0 to h4 lie in a row");

static void sha1_begin(union hash_state *state)
{
	SHA1_Init(&state->sha1);
}

static void sha1_update(union hash_state *state, const uint8_t *buf, size_t len)
{
	SHA1_Update(&state->sha1, buf, len);
}

static void sha1_end(union hash_state *state, uint8_t *ret_digest)
{
	SHA1_Final(ret_digest, &state->sha1);
}

static void sha1_look_inside(union hash_state *state, struct inside *ret)
{
	*ret = (struct inside){(uint8_t *)state + offsetof(SHA_CTX, h0),
			       (uint8_t *)state->sha1.data, &state->sha1.num};
}

static uint64_t sha1_length(const union hash_state *state)
{
	return ((uint64_t)state->sha1.Nh << 32 | state->sha1.Nl) / 8;
}

static void sha1_set_length(union hash_state *state, uint64_t length)
{
	state->sha1.Nl = (uint32_t)(length * 8);
	state->sha1.Nh = (uint32_t)(length >> 29);
}

static const struct sha_family sha1_family = {
	.family = {sha1_update, sha1_length, MESSAGE_MAX, write_rest, read_rest},
	.word_size = 4,
	.chain_size = 20,
	.look_inside = sha1_look_inside,
	.set_length = sha1_set_length,
};

const struct hash hash_sha1 = {DIGEST_SHA1, SHA_CBLOCK, &sha1_family.family, sha1_begin, sha1_end};

/* --- SHA-224 and SHA-256 --------------------------------------------------------------------- */

static void sha224_begin(union hash_state *state)
{
	SHA224_Init(&state->sha256);
}

static void sha256_begin(union hash_state *state)
{
	SHA256_Init(&state->sha256);
}

static void sha256_update(union hash_state *state, const uint8_t *buf, size_t len)
{
	SHA256_Update(&state->sha256, buf, len);
}

/* It knows from the context how long the digest is. */
static void sha256_end(union hash_state *state, uint8_t *ret_digest)
{
	SHA256_Final(ret_digest, &state->sha256);
}

static void sha256_look_inside(union hash_state *state, struct inside *ret)
{
	*ret = (struct inside){(uint8_t *)state->sha256.h, (uint8_t *)state->sha256.data,
			       &state->sha256.num};
}

static uint64_t sha256_length(const union hash_state *state)
{
	return ((uint64_t)state->sha256.Nh << 32 | state->sha256.Nl) / 8;
}

static void sha256_set_length(union hash_state *state, uint64_t length)
{
	state->sha256.Nl = (uint32_t)(length * 8);
	state->sha256.Nh = (uint32_t)(length >> 29);
}

static const struct sha_family sha256_family = {
	.family = {sha256_update, sha256_length, MESSAGE_MAX, write_rest, read_rest},
	.word_size = 4,
	.chain_size = 32,
	.look_inside = sha256_look_inside,
	.set_length = sha256_set_length,
};

const struct hash hash_sha224 = {DIGEST_SHA224, SHA256_CBLOCK, &sha256_family.family, sha224_begin,
				 sha256_end};
const struct hash hash_sha256 = {DIGEST_SHA256, SHA256_CBLOCK, &sha256_family.family, sha256_begin,
				 sha256_end};

/* --- SHA-384 and SHA-512 --------------------------------------------------------------------- */

static void sha384_begin(union hash_state *state)
{
	SHA384_Init(&state->sha512);
}

static void sha512_begin(union hash_state *state)
{
	SHA512_Init(&state->sha512);
}

static void sha512_update(union hash_state *state, const uint8_t *buf, size_t len)
{
	SHA512_Update(&state->sha512, buf, len);
}

static void sha512_end(union hash_state *state, uint8_t *ret_digest)
{
	SHA512_Final(ret_digest, &state->sha512);
}

static void sha512_look_inside(union hash_state *state, struct inside *ret)
{
	*ret = (struct inside){(uint8_t *)state->sha512.h, state->sha512.u.p, &state->sha512.num};
}

static uint64_t sha512_length(const union hash_state *state)
{
	return state->sha512.Nl / 8; /* Nh stays 0: MESSAGE_MAX */
}

static void sha512_set_length(union hash_state *state, uint64_t length)
{
	state->sha512.Nl = length * 8;
	state->sha512.Nh = 0;
}

static const struct sha_family sha512_family = {
	.family = {sha512_update, sha512_length, MESSAGE_MAX, write_rest, read_rest},
	.word_size = 8,
	.chain_size = 64,
	.look_inside = sha512_look_inside,
	.set_length = sha512_set_length,
};

const struct hash hash_sha384 = {DIGEST_SHA384, SHA512_CBLOCK, &sha512_family.family, sha384_begin,
				 sha512_end};
const struct hash hash_sha512 = {DIGEST_SHA512, SHA512_CBLOCK, &sha512_family.family, sha512_begin,
				 sha512_end};
