/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for RSA: PKCS #1 v2.2 (RFC 8017), key generation by FIPS 186-5. Contract: hil/contract.h.
 *
 * Numbers are big-endian and of fixed width: leading zeros are there. What a digest is of is the
 * digest engine's business; here it comes as bytes.
 *
 * Order of the callbacks; rsa_steps() below is the same table for the checker:
 *
 *   generate  push_part: n e d p q dP dQ qInv
 *   sign      pull_part: n e d [p q dP dQ qInv]          input*  output*
 *   verify    pull_part: n e                             input*  pull_signature
 *   encrypt   pull_part: n e                      label* input*  output*
 *   decrypt   pull_part: n e d [p q dP dQ qInv]   label* input*  output*
 *   public    pull_part: n e                             input*  output*
 *   private   pull_part: n e d [p q dP dQ qInv]          input*  output*
 *
 * The parts in brackets come where the request says `crt`. Each part moves whole, once, at
 * rsa_part_size(). Of a key in a slot (rule 9) no part is pulled. A private part and what comes of
 * it stays private until all is computed: nothing is pushed before the result of a private
 * operation was checked with the public exponent, so that a fault on the way gives nothing away.
 *
 * A decryption gives as much output as the message has, which only the engine knows; it may be
 * none. With PKCS #1 v1.5 a wrong padding is no error (implicit rejection: "Implementation
 * Guidance for the PKCS #1 RSA Cryptography Specification", draft-irtf-cfrg-rsa-guidance): the
 * message is then one that depends on key and ciphertext only, and says nothing of the padding.
 */
#ifndef PLUTON_HIL_RSA_H
#define PLUTON_HIL_RSA_H

#include "hil/contract.h"
#include "hil/digest.h"

#define RSA_SIZE_MAX 512u	/* bytes of a modulus */
#define RSA_EXPONENT_SIZE 8u	/* bytes of a public exponent: larger ones only cost time */
#define RSA_EXPONENT_MIN 65537u /* for keys that are made here: FIPS 186-5, A.1.1 */
#define RSA_SALT_ANY SIZE_MAX	/* verification: whatever length the signature has */

/* Numbers of the next two are part of the channel protocol: never renumber. */
enum rsa_action {
	RSA_GENERATE = 1,
	RSA_SIGN = 2,
	RSA_VERIFY = 3,
	RSA_ENCRYPT = 4,
	RSA_DECRYPT = 5,
	RSA_PUBLIC = 6,	 /* input^e mod n */
	RSA_PRIVATE = 7, /* input^d mod n */
	RSA_ACTIONS,
};

enum rsa_padding {
	RSA_BARE = 0,  /* where an action has none */
	RSA_PKCS1 = 1, /* v1.5: signatures with a DigestInfo, encryption */
	RSA_PSS = 2,
	RSA_OAEP = 3,
	RSA_PADDINGS,
};

/* RFC 8017, section 3.2. */
enum rsa_part {
	RSA_N = 0,
	RSA_E,
	RSA_D,
	RSA_P,
	RSA_Q,
	RSA_DP,
	RSA_DQ,
	RSA_QINV,
	RSA_PARTS,
};

struct rsa_request {
	enum rsa_action action;
	size_t size; /* bytes of the modulus, whose highest bit is set */
	struct hil_key_ref key;
	bool crt;	   /* private actions: the parts from p on come as well */
	uint64_t exponent; /* of a generated key: odd, at least RSA_EXPONENT_MIN */
	enum rsa_padding padding;
	enum digest_algorithm hash;	/* 0 where the padding has none */
	enum digest_algorithm mgf_hash; /* of MGF1: PSS and OAEP, else 0 */
	size_t salt_size;		/* PSS: bytes, or RSA_SALT_ANY; else 0 */
	size_t label_length;		/* OAEP: bytes; else 0 */
	size_t length;			/* bytes of input */
};

struct rsa_client;

struct rsa_client_ops {
	/* Whole: exactly rsa_part_size(part, size) bytes; 0 or a negative error. */
	int (*pull_part)(struct rsa_client *client, enum rsa_part part, uint8_t *number,
			 size_t len);
	int (*push_part)(struct rsa_client *client, enum rsa_part part, const uint8_t *number,
			 size_t len);
	ssize_t (*pull_label)(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor);
	ssize_t (*pull_input)(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor);
	ssize_t (*push_output)(struct rsa_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	/* Whole: as long as the modulus. */
	int (*pull_signature)(struct rsa_client *client, uint8_t *signature, size_t len);
	/* -PLUTON_EINVAL: why() says what of the key or the data is wrong. */
	void (*done)(struct rsa_client *client, int result);
};

struct rsa_client {
	const struct rsa_client_ops *ops;
};

struct rsa_caps {
	uint32_t paddings[RSA_ACTIONS]; /* bit 1 << padding for each action; 0: not offered */
	uint32_t sizes[RSA_ACTIONS];	/* bit 1 << (bytes of modulus / 128) */
	uint32_t hashes[RSA_PADDINGS];	/* bit 1 << algorithm */
	bool any_mgf_hash;		/* MGF1's hash may be another than the padding's */
	size_t salt_max;		/* bytes */
	bool salt_any;			/* takes RSA_SALT_ANY */
	size_t label_max;		/* bytes */
	bool key_slots;			/* private actions take HIL_KEY_SLOT */
};

struct rsa_engine {
	struct hil_engine head;
	struct rsa_caps caps;
	const struct rsa_engine_ops *ops;
};

struct rsa_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ENOSUPPORT: not in caps. -PLUTON_ESIZE: a size that does not
	 * go with the others. -PLUTON_EINVAL: an exponent that no key is made with.
	 * -PLUTON_EBUSY: concurrency used up. -PLUTON_ENODEVICE: gone. *request is copied.
	 */
	int (*start)(struct rsa_engine *engine, const struct rsa_request *request,
		     struct rsa_client *client);
	/* 0: done is on its way, of a generation within milliseconds. -PLUTON_EINVAL: of nothing.
	 */
	int (*cancel)(struct rsa_engine *engine, struct rsa_client *client);
	/* A sentence about the failure of which done tells; valid inside done. */
	const char *(*why)(struct rsa_engine *engine);
};

/*
 * Whether the request is well formed and caps allow it: 0, -PLUTON_ENOSUPPORT, -PLUTON_ESIZE or
 * -PLUTON_EINVAL, as start answers; -PLUTON_ENODEVICE where the engine is absent.
 */
int rsa_check(const struct hil_engine *engine, const void *rsa_request);

/* true for sign, decrypt and private. */
bool rsa_is_private(enum rsa_action action);

/* A key is made: that takes seconds (hil/contract.h, slow). */
bool rsa_is_slow(const void *rsa_request);

/* Bytes of one part of a key with a modulus of `size` bytes. */
size_t rsa_part_size(enum rsa_part part, size_t size);

/* How many parts of the key move: none of a slot's. */
unsigned rsa_part_count(const struct rsa_request *request);

/* Bytes of the parts before this one, when they stand one behind the other. */
size_t rsa_part_offset(enum rsa_part part, size_t size);

/* The longest message that the padding takes, or gives; SIZE_MAX: not even an empty one. */
size_t rsa_message_max(enum rsa_padding padding, enum digest_algorithm hash, size_t size);

/* Bytes of output, for a decryption the most there can be. */
size_t rsa_output_size(const struct rsa_request *request);

/*
 * What is wrong with a public key, as a sentence; NULL: nothing that can be seen. `modulus` has
 * `size` bytes, `exponent` RSA_EXPONENT_SIZE.
 */
const char *rsa_public_fault(const uint8_t *modulus, size_t size, const uint8_t *exponent);

#endif
