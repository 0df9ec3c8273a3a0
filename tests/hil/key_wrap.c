/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5649, sections 3 and 4; of more than one half-block RFC 3394, section 2.2, by indices.
 */
#include "tests/hil/key_wrap.h"

#include <string.h>

#include "tests/hil/cipher.h"

#define HALF 8u /* bytes of a half-block */

static const uint8_t magic[4] = {0xa6, 0x59, 0x59, 0xa6};

/* One step of the wrapping function: `block` is A and R[i], t the step's number. */
static void exchange(const struct cipher *aes, bool wraps, uint8_t *a, uint8_t *r, uint64_t t)
{
	uint8_t block[2 * HALF];

	for (unsigned i = 0; i < HALF && !wraps; i++)
		a[HALF - 1 - i] ^= (uint8_t)(t >> 8 * i);
	memcpy(block, a, HALF);
	memcpy(block + HALF, r, HALF);
	cipher_ecb(aes, wraps, block, sizeof(block));
	memcpy(a, block, HALF);
	memcpy(r, block + HALF, HALF);
	for (unsigned i = 0; i < HALF && wraps; i++)
		a[HALF - 1 - i] ^= (uint8_t)(t >> 8 * i);
}

void key_wrap(const uint8_t *kek, size_t kek_size, const uint8_t *key, size_t size,
	      uint8_t *ret_wrapped)
{
	size_t n = (size + HALF - 1) / HALF;
	struct cipher aes;

	cipher_init(&aes, kek, kek_size);
	memset(ret_wrapped, 0, KEY_WRAP_SIZE(size));
	memcpy(ret_wrapped, magic, sizeof(magic));
	for (unsigned i = 0; i < 4; i++)
		ret_wrapped[HALF - 1 - i] = (uint8_t)(size >> 8 * i);
	memcpy(ret_wrapped + HALF, key, size);
	if (n == 1)
		cipher_ecb(&aes, true, ret_wrapped, 2 * HALF);
	for (uint64_t t = 1; n > 1 && t <= 6 * n; t++)
		exchange(&aes, true, ret_wrapped, ret_wrapped + HALF * ((t - 1) % n + 1), t);
	explicit_bzero(&aes, sizeof(aes));
}

/* What stands before a key: its size; and behind it zeros. */
static bool take_apart(const uint8_t *plain, size_t length, uint8_t *ret_key, size_t *ret_size)
{
	size_t size = (size_t)plain[4] << 24 | (size_t)plain[5] << 16 | (size_t)plain[6] << 8 |
		      (size_t)plain[7];

	if (memcmp(plain, magic, sizeof(magic)) != 0 || size == 0 || KEY_WRAP_SIZE(size) != length)
		return false;
	for (size_t i = HALF + size; i < length; i++) {
		if (plain[i] != 0)
			return false;
	}
	memcpy(ret_key, plain + HALF, size);
	*ret_size = size;
	return true;
}

bool key_unwrap(const uint8_t *kek, size_t kek_size, const uint8_t *wrapped, size_t length,
		uint8_t *ret_key, size_t *ret_size)
{
	uint8_t plain[4096];
	size_t n = length / HALF - 1;
	struct cipher aes;
	bool is_ours;

	if (length < 2 * HALF || length % HALF || length > sizeof(plain))
		return false;
	memcpy(plain, wrapped, length);
	cipher_init(&aes, kek, kek_size);
	if (n == 1)
		cipher_ecb(&aes, false, plain, 2 * HALF);
	for (uint64_t t = 6 * n; n > 1 && t >= 1; t--)
		exchange(&aes, false, plain, plain + HALF * ((t - 1) % n + 1), t);
	is_ours = take_apart(plain, length, ret_key, ret_size);
	explicit_bzero(plain, sizeof(plain));
	explicit_bzero(&aes, sizeof(aes));
	return is_ours;
}
