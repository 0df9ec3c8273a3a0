/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for message authentication codes: HMAC (FIPS 198-1) over the hash functions of hil/digest.h,
 * and AES-CMAC (NIST SP 800-38B). One interface, two kinds: an engine is HIL_HMAC or HIL_CMAC, and
 * offers the algorithms of its kind. Contract: hil/contract.h.
 *
 * Order of the callbacks:
 *   [first: pull_key, unless it is in a slot; not first: pull_state]  (pull_input | lend_input)*
 *   [last: push_mac, or pull_mac to verify; not last: push_state]  done
 */
#ifndef PLUTON_HIL_MAC_H
#define PLUTON_HIL_MAC_H

#include "hil/contract.h"
#include "hil/digest.h"

/* Numbers are part of the channel protocol: never renumber. HMAC's are those of its hash. */
enum mac_algorithm {
	MAC_HMAC_SHA1 = DIGEST_SHA1,
	MAC_HMAC_SHA224 = DIGEST_SHA224,
	MAC_HMAC_SHA256 = DIGEST_SHA256,
	MAC_HMAC_SHA384 = DIGEST_SHA384,
	MAC_HMAC_SHA512 = DIGEST_SHA512,
	MAC_HMAC_SHA3_256 = DIGEST_SHA3_256,
	MAC_HMAC_SHA3_384 = DIGEST_SHA3_384,
	MAC_HMAC_SHA3_512 = DIGEST_SHA3_512,
	MAC_CMAC_AES = 24, /* beyond all hash functions to come */
	MAC_ALGORITHMS,
};

/*
 * FIPS 198-1 allows any key; one that is longer than the hash function's block (144 bytes at most)
 * is hashed first and gains nothing by it. It is pulled whole, so there must be an end.
 */
#define HMAC_KEY_SIZE_MAX 1024u
#define CMAC_KEY_SIZE_MAX 32u

#define MAC_SIZE_MAX DIGEST_SIZE_MAX
/* NIST SP 800-107, section 5.3.3: no MAC may be cut to less. */
#define MAC_SIZE_MIN 4u

/* HMAC: two running states of SHA-3, 204 bytes each as the OpenSSL backend writes them. */
#define HMAC_STATE_MAX 408u
#define CMAC_STATE_MAX 128u

/* algorithm, key and key_size are the same in every start of a stream. */
struct mac_request {
	enum mac_algorithm algorithm;
	enum hil_phase phase;
	struct hil_key_ref key;
	size_t key_size; /* bytes: HMAC 1..caps.key_size_max; CMAC 16, 24 or 32; a slot's: ignored
			  */
	size_t length;	 /* bytes of input in this start; 0: nothing is pulled */
	bool verify;	 /* pull_mac in place of push_mac; last only */
	/* bytes of the MAC that are wanted, the leftmost: MAC_SIZE_MIN..mac_size(); last only */
	size_t mac_size;
};

struct mac_client;

struct mac_client_ops {
	ssize_t (*pull_input)(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor);
	/*
	 * Optional (NULL member): memory from `cursor` on that stays valid until done, *ret_len
	 * of it (1..length - cursor). NULL: pull instead. The client can change it at any moment.
	 */
	const uint8_t *(*lend_input)(struct mac_client *client, size_t cursor, size_t *ret_len);
	/* Whole, without a cursor: exactly len bytes; 0 or a negative error. */
	int (*pull_key)(struct mac_client *client, uint8_t *key, size_t len);
	int (*push_mac)(struct mac_client *client, const uint8_t *mac, size_t len);
	int (*pull_mac)(struct mac_client *client, uint8_t *mac, size_t len);
	/* Whole: exactly caps.state_bytes. It holds the key, or does as well as the key. */
	int (*pull_state)(struct mac_client *client, uint8_t *state, size_t len);
	int (*push_state)(struct mac_client *client, const uint8_t *state, size_t len);
	/* -PLUTON_EINVAL for a MAC that does not match; how much of it did, time does not tell. */
	void (*done)(struct mac_client *client, int result);
};

struct mac_client {
	const struct mac_client_ops *ops;
};

struct mac_caps {
	uint32_t algorithms; /* bit 1 << algorithm */
	size_t key_size_max; /* HMAC: bytes, <= HMAC_KEY_SIZE_MAX */
	uint32_t key_sizes;  /* CMAC: bit 1 << (bytes / 8): 2, 3, 4 */
	bool key_slots;	     /* takes HIL_KEY_SLOT */
	size_t length_max;   /* bytes of input in one start */
	size_t state_bytes;  /* of exported state, <= HMAC_STATE_MAX or CMAC_STATE_MAX; 0: none */
};

struct mac_engine {
	struct hil_engine head; /* kind: HIL_HMAC or HIL_CMAC */
	struct mac_caps caps;
	const struct mac_engine_ops *ops;
};

struct mac_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ENOSUPPORT: not in caps. -PLUTON_ESIZE: a wrong or too large
	 * size. -PLUTON_EBUSY: concurrency used up. -PLUTON_ENODEVICE: gone. *request is copied.
	 */
	int (*start)(struct mac_engine *engine, const struct mac_request *request,
		     struct mac_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct mac_engine *engine, struct mac_client *client);
};

/* Bytes of a whole MAC, 0 for a number that is no algorithm. */
size_t mac_size(uint32_t algorithm);

/*
 * Whether a key of that many bytes is one: 0, -PLUTON_ESIZE, or -PLUTON_ENOSUPPORT where the AES
 * key sizes that an engine offers (bit 1 << (bytes / 8)) lack it. `hmac_max` is of HMAC's keys.
 */
int mac_check_key_size(uint32_t algorithm, size_t size, size_t hmac_max, uint32_t aes_sizes);

/*
 * Whether the request is well formed and caps allow it: 0, -PLUTON_ENOSUPPORT (algorithm, key kind,
 * AES key size that the engine lacks, streaming) or -PLUTON_ESIZE (any other size);
 * -PLUTON_ENODEVICE where the engine is absent.
 */
int mac_check(const struct hil_engine *engine, const void *mac_request);

#endif
