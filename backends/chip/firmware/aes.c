/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES without a table and without a branch or address that depends on a secret: SubBytes is
 * computed, as x^254 and the affine map of FIPS 197 section 5.1.1, four octets at a time in one
 * word. So time says nothing of key or data where the processor multiplies in constant time
 * (Cortex-M3 and later do for 32-bit results). Power and emanation are not defended against, and
 * faults are not found.
 */
#include "backends/chip/firmware/aes.h"

#include <string.h>

#define EACH(octet) ((octet)*0x01010101u)

static uint32_t load(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store(uint8_t *at, uint32_t x)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(x >> 8 * i);
}

/* Each octet times x, modulo x^8 + x^4 + x^3 + x + 1. */
static uint32_t twice(uint32_t a)
{
	return (a & EACH(0x7f)) << 1 ^ (a >> 7 & EACH(1)) * 0x1b;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		product ^= a & (b >> bit & EACH(1)) * 0xff;
		a = twice(a);
	}
	return product;
}

/* x^254: the inverse, and 0 for 0. */
static uint32_t invert(uint32_t x)
{
	uint32_t x2 = multiply(x, x);
	uint32_t x3 = multiply(x2, x);
	uint32_t x6 = multiply(x3, x3);
	uint32_t x12 = multiply(x6, x6);
	uint32_t x15 = multiply(x12, x3);
	uint32_t power = x15;

	for (unsigned i = 0; i < 4; i++)
		power = multiply(power, power); /* at last x^240 */
	return multiply(multiply(power, x12), x2);
}

static uint32_t rotate_each(uint32_t x, unsigned n)
{
	return (x << n & EACH((0xffu << n) & 0xffu)) | (x >> (8 - n) & EACH(0xffu >> (8 - n)));
}

static uint32_t substitute(uint32_t x)
{
	uint32_t y = invert(x);

	return y ^ rotate_each(y, 1) ^ rotate_each(y, 2) ^ rotate_each(y, 3) ^ rotate_each(y, 4) ^
	       EACH(0x63u);
}

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t mix(uint32_t column)
{
	uint32_t next = rotate(column, 8);

	return twice(column) ^ twice(next) ^ next ^ rotate(column, 16) ^ rotate(column, 24);
}

void aes_expand(struct aes_schedule *schedule, const uint8_t *key, size_t key_size)
{
	unsigned words = (unsigned)key_size / 4;
	uint32_t constant = 1;

	schedule->rounds = words + 6;
	for (unsigned i = 0; i < words; i++)
		schedule->words[i] = load(key + 4 * i);
	for (unsigned i = words; i < 4 * (schedule->rounds + 1); i++) {
		uint32_t word = schedule->words[i - 1];

		if (i % words == 0) {
			word = substitute(rotate(word, 8)) ^ constant;
			constant = twice(constant);
		} else if (words > 6 && i % words == 4) {
			word = substitute(word);
		}
		schedule->words[i] = schedule->words[i - words] ^ word;
	}
}

/* ShiftRows: row r of column c comes from column c + r. */
static void shift_rows(uint32_t state[4])
{
	uint32_t from[4];

	memcpy(from, state, sizeof(from));
	for (unsigned c = 0; c < 4; c++)
		state[c] = (from[c] & 0xffu) | (from[(c + 1) % 4] & 0xff00u) |
			   (from[(c + 2) % 4] & 0xff0000u) | (from[(c + 3) % 4] & 0xff000000u);
}

void aes_encrypt_block(const struct aes_schedule *schedule, uint8_t out[16], const uint8_t in[16])
{
	uint32_t state[4];

	for (unsigned c = 0; c < 4; c++)
		state[c] = load(in + 4 * c) ^ schedule->words[c];
	for (unsigned round = 1; round <= schedule->rounds; round++) {
		for (unsigned c = 0; c < 4; c++)
			state[c] = substitute(state[c]);
		shift_rows(state);
		for (unsigned c = 0; c < 4; c++) {
			if (round < schedule->rounds)
				state[c] = mix(state[c]);
			state[c] ^= schedule->words[4 * round + c];
		}
	}
	for (unsigned c = 0; c < 4; c++)
		store(out + 4 * c, state[c]);
}

/* --- GHASH ----------------------------------------------------------------------------------- */

static uint64_t load_big(const uint8_t *at)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < 8; i++)
		x = x << 8 | at[i];
	return x;
}

static void store_big(uint8_t *at, uint64_t x)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(x >> (56 - 8 * i));
}

/* Bit by bit and by masks, so that it takes the same time for every hash. */
void ghash_multiply(uint8_t hash[16], const uint8_t subkey[16])
{
	uint64_t high = load_big(subkey), low = load_big(subkey + 8);
	uint64_t product_high = 0, product_low = 0;

	for (unsigned bit = 0; bit < 128; bit++) {
		uint64_t chosen = 0 - (uint64_t)(hash[bit / 8] >> (7 - bit % 8) & 1);
		uint64_t carry = 0 - (low & 1);

		product_high ^= high & chosen;
		product_low ^= low & chosen;
		low = low >> 1 | high << 63;
		high = high >> 1 ^ (carry & UINT64_C(0xe100000000000000));
	}
	store_big(hash, product_high);
	store_big(hash + 8, product_low);
}
