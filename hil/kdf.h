/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for key derivation: HKDF (RFC 5869), SP 800-108r1 in counter mode (section 4.1) and PBKDF2
 * (RFC 8018, section 5.2). Contract: hil/contract.h.
 *
 * Order of the callbacks, the same for all methods; what has length 0 in the request does not
 * come, nor does the key where it is in a slot:
 *   [pull_salt] [pull_key] [pull_label] [pull_info] (push_output)* done
 *
 * Which of them a method has; a length that it has not is 0:
 *
 *   method         key        salt      label     info              output
 *   HKDF           IKM        optional            optional          1..255 blocks
 *   HKDF_EXTRACT   IKM        optional                              PRK: one block
 *   HKDF_EXPAND    PRK                            optional          1..255 blocks
 *   COUNTER        K_IN                 optional  context, optional any
 *   COUNTER_FIXED  K_IN                           fixed input data  any
 *   PBKDF2         password   optional                              any
 *
 * "Block" is the output of the PRF, kdf_block_size(). Block i (from 1) of the counter mode is
 * PRF(K_IN, [i]32 || fixed input data): the counter has 32 bits, is big-endian and comes first. Of
 * COUNTER the fixed input data is label || 0x00 || context || [L]32, where L is the length of the
 * whole output in bits, big-endian: the first example of section 4, which OpenSSL's KBKDF has as
 * its default. Of COUNTER_FIXED it is info as it stands: for every other layout that begins with
 * the counter. With CMAC whoever chooses label or context and knows K_IN can bring about a block of
 * an output he wants (section 6.7): let it be a key that nobody else knows.
 *
 * Without a salt HKDF's is as many zeros as the block (RFC 5869, section 2.2), which are the same
 * as none for HMAC.
 *
 * Rule 8: each of the client's bytes is pulled once, so an engine keeps a private copy of what it
 * needs for every block, until done. Output that was pushed is never read back.
 */
#ifndef PLUTON_HIL_KDF_H
#define PLUTON_HIL_KDF_H

#include "hil/contract.h"
#include "hil/mac.h"

/* Numbers are part of the channel protocol: never renumber. */
enum kdf_method {
	KDF_HKDF = 1, /* extract, then expand */
	KDF_HKDF_EXTRACT = 2,
	KDF_HKDF_EXPAND = 3,
	KDF_COUNTER = 4,
	KDF_COUNTER_FIXED = 5,
	KDF_PBKDF2 = 6,
	KDF_METHODS,
};

/* Bytes; all move whole, so there must be an end. */
#define KDF_KEY_SIZE_MAX HMAC_KEY_SIZE_MAX
#define KDF_SALT_MAX 1024u
#define KDF_LABEL_MAX 256u
#define KDF_INFO_MAX 1024u

/* Bytes of output where the standard allows more. */
#define KDF_LENGTH_MAX 65536u

#define KDF_HKDF_BLOCKS_MAX 255u

struct kdf_request {
	enum kdf_method method;
	enum mac_algorithm prf; /* HMAC; also MAC_CMAC_AES for the counter mode */
	struct hil_key_ref key;
	size_t key_size; /* bytes: 1..caps.key_size_max; CMAC 16, 24 or 32; a slot's: ignored */
	size_t salt_length;
	size_t label_length;
	size_t info_length;
	uint32_t iterations; /* PBKDF2: from 1 on; else 0 */
	size_t length;	     /* bytes of output, from 1 on */
};

struct kdf_client;

struct kdf_client_ops {
	/* Whole, without a cursor: exactly the request's length; 0 or a negative error. */
	int (*pull_salt)(struct kdf_client *client, uint8_t *salt, size_t len);
	int (*pull_key)(struct kdf_client *client, uint8_t *key, size_t len);
	int (*pull_label)(struct kdf_client *client, uint8_t *label, size_t len);
	int (*pull_info)(struct kdf_client *client, uint8_t *info, size_t len);
	ssize_t (*push_output)(struct kdf_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	void (*done)(struct kdf_client *client, int result);
};

struct kdf_client {
	const struct kdf_client_ops *ops;
};

#define KDF_ROUNDS_KEY "pbkdf2_rounds_max"

struct kdf_caps {
	uint32_t prfs[KDF_METHODS]; /* bit 1 << mac_algorithm for each method; 0: not offered */
	size_t key_size_max;	    /* HMAC: bytes, <= KDF_KEY_SIZE_MAX */
	uint32_t key_sizes;	    /* CMAC: bit 1 << (bytes / 8): 2, 3, 4 */
	bool key_slots;		    /* takes HIL_KEY_SLOT */
	size_t salt_max;	    /* bytes, <= KDF_SALT_MAX */
	size_t label_max;	    /* bytes, <= KDF_LABEL_MAX */
	size_t info_max;	    /* bytes, <= KDF_INFO_MAX */
	size_t length_max;	    /* bytes of output, <= KDF_LENGTH_MAX */
	/*
	 * PBKDF2: the most that kdf_rounds() may be. What one request may ask for is bounded by
	 * this alone: a million rounds are 0.2 to 2 seconds of one processor.
	 */
	uint64_t rounds_max;
	const char *rounds_key; /* of the configuration; NULL: the limit is the engine's own */
};

struct kdf_engine {
	struct hil_engine head;
	struct kdf_caps caps;
	const struct kdf_engine_ops *ops;
};

struct kdf_engine_ops {
	/*
	 * 0: done will come. What kdf_check returns. -PLUTON_EBUSY: concurrency used up.
	 * -PLUTON_ENODEVICE: gone. *request is copied.
	 */
	int (*start)(struct kdf_engine *engine, const struct kdf_request *request,
		     struct kdf_client *client);
	/*
	 * 0: done is on its way, within milliseconds however many iterations there are to do.
	 * -PLUTON_EINVAL: this client has nothing under way.
	 */
	int (*cancel)(struct kdf_engine *engine, struct kdf_client *client);
};

/* Bytes of one block of output, 0 for a number that is no PRF. */
size_t kdf_block_size(uint32_t prf);

/* The longest output that standard and interface allow; HKDF_EXTRACT: the only one. */
size_t kdf_length_max(enum kdf_method method, uint32_t prf);

/* PBKDF2: iterations times blocks of output. This is the work that a request asks for. */
uint64_t kdf_rounds(const struct kdf_request *request);

/* So much of it that it may take seconds (hil/contract.h, slow). */
#define KDF_SLOW_ROUNDS 1000000u
bool kdf_is_slow(const void *kdf_request);

/*
 * Whether the request is well formed and caps allow it: 0, -PLUTON_ENOSUPPORT (method, PRF, key
 * kind, AES key size that the engine lacks) or -PLUTON_ESIZE (any other size, iterations, and
 * what the method has not); -PLUTON_ENODEVICE where the engine is absent.
 */
int kdf_check(const struct hil_engine *engine, const void *kdf_request);

#endif
