/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIPS 180-4, section 6.2. Nothing here depends on the message but the number of its octets.
 */
#include "backends/chip/firmware/sha256.h"

#include <string.h>

/* clang-format off */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t get(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(uint8_t *at, uint32_t x)
{
	at[0] = (uint8_t)(x >> 24);
	at[1] = (uint8_t)(x >> 16);
	at[2] = (uint8_t)(x >> 8);
	at[3] = (uint8_t)x;
}

/* The schedule in a ring of 16 words, so that it needs no 256 octets of stack. */
static uint32_t schedule(uint32_t w[16], unsigned t)
{
	uint32_t a = w[(t + 1) % 16], b = w[(t + 14) % 16];

	w[t % 16] += (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[(t + 9) % 16] +
		     (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	return w[t % 16];
}

static void round_of(uint32_t v[8], uint32_t input)
{
	uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
		      ((v[4] & v[5]) ^ (~v[4] & v[6])) + input;
	uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
		      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

	memmove(v + 1, v, 7 * sizeof(*v));
	v[4] += t1;
	v[0] = t1 + t2;
}

static void compress(struct sha256 *sha256)
{
	uint32_t w[16], v[8];

	for (unsigned t = 0; t < 16; t++)
		w[t] = get(sha256->block + 4 * t);
	memcpy(v, sha256->hash, sizeof(v));
	for (unsigned t = 0; t < 64; t++)
		round_of(v, constants[t] + (t < 16 ? w[t] : schedule(w, t)));
	for (unsigned i = 0; i < 8; i++)
		sha256->hash[i] += v[i];
}

void sha256_begin(struct sha256 *sha256)
{
	static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memset(sha256, 0, sizeof(*sha256));
	memcpy(sha256->hash, initial, sizeof(initial));
}

void sha256_take(struct sha256 *sha256, const uint8_t *input, size_t length)
{
	while (length > 0) {
		size_t at = sha256->length % SHA256_BLOCK, n = SHA256_BLOCK - at;

		n = n < length ? n : length;
		memcpy(sha256->block + at, input, n);
		sha256->length += n;
		input += n;
		length -= n;
		if (at + n == SHA256_BLOCK)
			compress(sha256);
	}
}

void sha256_end(struct sha256 *sha256, uint8_t digest[SHA256_SIZE])
{
	static const uint8_t padding[SHA256_BLOCK] = {0x80};
	uint64_t bits = 8 * sha256->length;
	size_t at = sha256->length % SHA256_BLOCK;
	uint8_t length[8];

	put(length, (uint32_t)(bits >> 32));
	put(length + 4, (uint32_t)bits);
	sha256_take(sha256, padding, at < 56 ? 56 - at : 120 - at);
	sha256_take(sha256, length, sizeof(length));
	for (unsigned i = 0; i < 8; i++)
		put(digest + 4 * i, sha256->hash[i]);
}
