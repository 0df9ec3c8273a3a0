/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AES block function (FIPS 197), forward only: CTR and GCM need no other. Freestanding, without
 * tables: see aes.c for what it gives away and what not.
 */
#ifndef PLUTON_FIRMWARE_AES_H
#define PLUTON_FIRMWARE_AES_H

#include <stddef.h>
#include <stdint.h>

#define AES_ROUNDS_MAX 14u

struct aes_schedule {
	uint32_t words[4 * (AES_ROUNDS_MAX + 1)]; /* octet 0 of a column in the lowest bits */
	unsigned rounds;
};

/* key_size: 16, 24 or 32 octets. */
void aes_expand(struct aes_schedule *schedule, const uint8_t *key, size_t key_size);
void aes_encrypt_block(const struct aes_schedule *schedule, uint8_t out[16], const uint8_t in[16]);

/* hash = hash * subkey in GHASH's field (SP 800-38D, section 6.3). */
void ghash_multiply(uint8_t hash[16], const uint8_t subkey[16]);

#endif
