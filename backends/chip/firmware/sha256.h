/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4), small rather than fast. Freestanding.
 */
#ifndef PLUTON_FIRMWARE_SHA256_H
#define PLUTON_FIRMWARE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32u
#define SHA256_BLOCK 64u

/* All there is of a message between two pieces of it. No padding: it is exported as it lies. */
struct sha256 {
	uint64_t length; /* octets taken */
	uint32_t hash[8];
	uint8_t block[SHA256_BLOCK]; /* the first length % 64 of them are filled */
};

void sha256_begin(struct sha256 *sha256);
void sha256_take(struct sha256 *sha256, const uint8_t *input, size_t length);
void sha256_end(struct sha256 *sha256, uint8_t digest[SHA256_SIZE]);

#endif
