/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second implementation of MACs for tests: nettle's HMAC-SHA-1 and HMAC-SHA-256, and its CMAC
 * with AES-128 and AES-256. What the test engines have of MACs.
 */
#ifndef PLUTON_TESTS_HIL_AUTHENTICATOR_H
#define PLUTON_TESTS_HIL_AUTHENTICATOR_H

#include <nettle/hmac.h>

#include "hil/mac.h"

/* A MAC under way. CMAC's key schedule is made anew in each start: a chip has little memory. */
struct authenticator {
	uint32_t algorithm;
	uint32_t key_size;
	union {
		struct hmac_sha1_ctx sha1;
		struct hmac_sha256_ctx sha256;
		struct {
			/* A struct cmac128_ctx: its header and hil/aes.h use one name for two
			 * things. */
			_Alignas(size_t) uint8_t chain[40];
			uint8_t key[CMAC_KEY_SIZE_MAX];
		} cmac;
	};
};

#define AUTHENTICATOR_HMACS (1u << MAC_HMAC_SHA1 | 1u << MAC_HMAC_SHA256)
#define AUTHENTICATOR_CMACS (1u << MAC_CMAC_AES)
#define AUTHENTICATOR_KEY_SIZES (1u << 2 | 1u << 4) /* of AES */

/* Bytes of one that make up its state. */
#define AUTHENTICATOR_HMAC_STATE sizeof(struct authenticator)
#define AUTHENTICATOR_CMAC_STATE                                                                   \
	(offsetof(struct authenticator, cmac) + sizeof(((struct authenticator *)NULL)->cmac))

void authenticator_begin(struct authenticator *a, uint32_t algorithm, const uint8_t *key,
			 size_t key_size);
void authenticator_add(struct authenticator *a, const uint8_t *buf, size_t len);
void authenticator_end(struct authenticator *a, uint8_t ret_mac[MAC_SIZE_MAX]);

/* The caps of an engine of this kind that can do just this. */
struct mac_caps authenticator_caps(enum hil_kind kind, size_t key_size_max, size_t length_max);

#endif
