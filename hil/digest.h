/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for hash functions: FIPS 180-4 (SHA-1, SHA-2) and FIPS 202 (SHA-3).
 * Contract: hil/contract.h.
 *
 * Order of the callbacks:
 *   [not first: pull_state]  (pull_input | lend_input)*  [last: push_digest, else: push_state] done
 */
#ifndef PLUTON_HIL_DIGEST_H
#define PLUTON_HIL_DIGEST_H

#include "hil/contract.h"

/* Numbers are part of the channel protocol: never renumber. */
enum digest_algorithm {
	DIGEST_SHA1 = 1,
	DIGEST_SHA224 = 2,
	DIGEST_SHA256 = 3,
	DIGEST_SHA384 = 4,
	DIGEST_SHA512 = 5,
	DIGEST_SHA3_256 = 6,
	DIGEST_SHA3_384 = 7,
	DIGEST_SHA3_512 = 8,
	DIGEST_ALGORITHMS,
};

#define DIGEST_SIZE_MAX 64u
#define DIGEST_STATE_MAX 256u

/* Bytes of a digest, 0 for a number that is no algorithm. */
size_t digest_size(uint32_t algorithm);

/* Bytes that it takes in at once, which is what HMAC pads a key to; 0 as above. */
#define DIGEST_BLOCK_SIZE_MAX 136u
size_t digest_block_size(uint32_t algorithm);

struct digest_request {
	enum digest_algorithm algorithm;
	enum hil_phase phase;
	size_t length; /* bytes of input in this start; 0: nothing is pulled */
};

struct digest_client;

struct digest_client_ops {
	ssize_t (*pull_input)(struct digest_client *client, uint8_t *buf, size_t len,
			      size_t cursor);
	/*
	 * Optional (NULL member): memory from `cursor` on that stays valid until done, *ret_len
	 * of it (1..length - cursor). NULL: pull instead.
	 */
	const uint8_t *(*lend_input)(struct digest_client *client, size_t cursor, size_t *ret_len);
	/* Whole: exactly digest_size(algorithm) bytes. 0 or a negative error. */
	int (*push_digest)(struct digest_client *client, const uint8_t *digest, size_t len);
	/* Whole: exactly caps.state_bytes. The state is the engine's business and secret. */
	int (*pull_state)(struct digest_client *client, uint8_t *state, size_t len);
	int (*push_state)(struct digest_client *client, const uint8_t *state, size_t len);
	void (*done)(struct digest_client *client, int result);
};

struct digest_client {
	const struct digest_client_ops *ops;
};

struct digest_caps {
	uint32_t algorithms; /* bit 1 << algorithm */
	size_t length_max;   /* bytes of input in one start */
	size_t state_bytes;  /* of exported state, <= DIGEST_STATE_MAX; 0: one-shot only */
};

struct digest_engine {
	struct hil_engine head;
	struct digest_caps caps;
	const struct digest_engine_ops *ops;
};

struct digest_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ENOSUPPORT: not in caps. -PLUTON_ESIZE: length over
	 * caps.length_max. -PLUTON_EBUSY: concurrency used up. -PLUTON_ENODEVICE: gone.
	 * *request is copied.
	 */
	int (*start)(struct digest_engine *engine, const struct digest_request *request,
		     struct digest_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct digest_engine *engine, struct digest_client *client);
};

/*
 * Whether caps allow the request: 0, -PLUTON_ENOSUPPORT or -PLUTON_ESIZE; -PLUTON_ENODEVICE where
 * the engine is absent.
 */
int digest_check(const struct hil_engine *engine, const void *digest_request);

#endif
