/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC (FIPS 198-1) on private memory. A struct hmac with a key in it can be copied, for many
 * messages under one key; whoever has one wipes it.
 */
#ifndef PLUTON_OPENSSL_HMAC_H
#define PLUTON_OPENSSL_HMAC_H

#include "backends/openssl/hash.h"

struct hmac {
	const struct hash *hash;
	union hash_state inner; /* of the key and the message so far */
	union hash_state outer; /* of the key */
};

/* Any key, also an empty one. */
void hmac_begin(struct hmac *hmac, const struct hash *hash, const uint8_t *key, size_t size);
void hmac_update(struct hmac *hmac, const uint8_t *buf, size_t len);
/* Writes as many bytes as a digest of the hash has. */
void hmac_end(struct hmac *hmac, uint8_t *ret_mac);

#endif
