/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nettle's MACs behind one set of functions.
 */
#include "tests/hil/authenticator.h"

#include <assert.h>
#include <nettle/aes.h>
#include <nettle/cmac.h>
#include <string.h>

static_assert(sizeof(((struct authenticator *)NULL)->cmac.chain) == sizeof(struct cmac128_ctx),
	      "the chain of a CMAC");
static_assert(AUTHENTICATOR_HMAC_STATE <= HMAC_STATE_MAX, "HMAC's state is too big to export");
static_assert(AUTHENTICATOR_CMAC_STATE <= CMAC_STATE_MAX, "CMAC's state is too big to export");

/* The block cipher with its schedule, for the time of one call. */
struct schedule {
	struct cmac128_key subkeys;
	union {
		struct aes128_ctx aes128;
		struct aes256_ctx aes256;
	};
	nettle_cipher_func *encrypt;
};

static struct cmac128_ctx *chain_of(struct authenticator *a)
{
	return (struct cmac128_ctx *)(void *)a->cmac.chain;
}

static void make_schedule(struct schedule *schedule, const struct authenticator *a)
{
	if (a->key_size == 16) {
		aes128_set_encrypt_key(&schedule->aes128, a->cmac.key);
		schedule->encrypt = (nettle_cipher_func *)aes128_encrypt;
	} else {
		aes256_set_encrypt_key(&schedule->aes256, a->cmac.key);
		schedule->encrypt = (nettle_cipher_func *)aes256_encrypt;
	}
	cmac128_set_key(&schedule->subkeys, &schedule->aes128, schedule->encrypt);
}

void authenticator_begin(struct authenticator *a, uint32_t algorithm, const uint8_t *key,
			 size_t key_size)
{
	memset(a, 0, sizeof(*a));
	a->algorithm = algorithm;
	a->key_size = (uint32_t)key_size;
	switch (algorithm) {
	case MAC_HMAC_SHA1:
		hmac_sha1_set_key(&a->sha1, key_size, key);
		break;
	case MAC_HMAC_SHA256:
		hmac_sha256_set_key(&a->sha256, key_size, key);
		break;
	default:
		memcpy(a->cmac.key, key, key_size);
		cmac128_init(chain_of(a));
	}
}

void authenticator_add(struct authenticator *a, const uint8_t *buf, size_t len)
{
	struct schedule schedule;

	switch (a->algorithm) {
	case MAC_HMAC_SHA1:
		hmac_sha1_update(&a->sha1, len, buf);
		break;
	case MAC_HMAC_SHA256:
		hmac_sha256_update(&a->sha256, len, buf);
		break;
	default:
		make_schedule(&schedule, a);
		cmac128_update(chain_of(a), &schedule.aes128, schedule.encrypt, len, buf);
		explicit_bzero(&schedule, sizeof(schedule));
	}
}

void authenticator_end(struct authenticator *a, uint8_t ret_mac[MAC_SIZE_MAX])
{
	struct schedule schedule;

	switch (a->algorithm) {
	case MAC_HMAC_SHA1:
		hmac_sha1_digest(&a->sha1, SHA1_DIGEST_SIZE, ret_mac);
		break;
	case MAC_HMAC_SHA256:
		hmac_sha256_digest(&a->sha256, SHA256_DIGEST_SIZE, ret_mac);
		break;
	default:
		make_schedule(&schedule, a);
		cmac128_digest(chain_of(a), &schedule.subkeys, &schedule.aes128, schedule.encrypt,
			       CMAC128_DIGEST_SIZE, ret_mac);
		explicit_bzero(&schedule, sizeof(schedule));
	}
}

struct mac_caps authenticator_caps(enum hil_kind kind, size_t key_size_max, size_t length_max)
{
	bool is_hmac = kind == HIL_HMAC;

	return (struct mac_caps){
		.algorithms = is_hmac ? AUTHENTICATOR_HMACS : AUTHENTICATOR_CMACS,
		.key_size_max = is_hmac ? key_size_max : 0,
		.key_sizes = is_hmac ? 0 : AUTHENTICATOR_KEY_SIZES,
		.length_max = length_max,
		.state_bytes = is_hmac ? AUTHENTICATOR_HMAC_STATE : AUTHENTICATOR_CMAC_STATE,
	};
}
