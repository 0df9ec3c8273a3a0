/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for elliptic curves: ECDSA (FIPS 186-5) and ECDH (NIST SP 800-56A rev. 3, section 5.7.1.2)
 * on P-256, P-384 and P-521; Ed25519 (RFC 8032); X25519 (RFC 7748). Contract: hil/contract.h.
 *
 * Which callbacks come, in this order; ecc_steps() below is the same table for the checker:
 *
 *   action    callbacks
 *   generate  push_key push_public
 *   public    pull_key push_public
 *   sign      pull_key input* push_signature
 *   verify    pull_public pull_signature input*
 *   agree     pull_public pull_key push_secret
 *
 * What a peer sent is judged before a secret is used: an agreement refuses a public key that is no
 * point of the curve without having pulled the private key.
 *
 * Numbers of the P curves are big-endian, as wide as the field (66 bytes for P-521). A point is
 * x || y, without a byte before it; a signature is r || s. Keys and signatures of Ed25519 and
 * X25519 are the byte strings of their RFCs. An agreement of a P curve gives the x coordinate.
 *
 * Rule 8: an Ed25519 signature needs two passes over the message, so an engine takes one private
 * copy of it and is never lent a message to be signed: two passes over bytes that change in
 * between give the private key away.
 */
#ifndef PLUTON_HIL_ECC_H
#define PLUTON_HIL_ECC_H

#include "hil/contract.h"

/* Numbers are part of the channel protocol: never renumber. */
enum ecc_curve {
	ECC_P256 = 1,
	ECC_P384 = 2,
	ECC_P521 = 3,
	ECC_ED25519 = 4,
	ECC_X25519 = 5,
	ECC_CURVES,
};

enum ecc_action {
	ECC_GENERATE = 1,
	ECC_PUBLIC = 2, /* the public key of a private one */
	ECC_SIGN = 3,	/* not X25519 */
	ECC_VERIFY = 4, /* not X25519 */
	ECC_AGREE = 5,	/* not Ed25519 */
	ECC_ACTIONS,
};

#define ECC_KEY_SIZE_MAX 66u
#define ECC_PUBLIC_SIZE_MAX 132u
#define ECC_SIGNATURE_SIZE_MAX 132u
#define ECC_SECRET_SIZE_MAX 66u
#define ECC_DIGEST_SIZE_MAX 64u
#define ECC_MESSAGE_MAX 16384u /* bytes that any engine signs by Ed25519 */

/* Bytes of a private key, a public key, a signature, a shared secret; 0: there is none. */
size_t ecc_key_size(enum ecc_curve curve);
size_t ecc_public_size(enum ecc_curve curve);
size_t ecc_signature_size(enum ecc_curve curve);
size_t ecc_secret_size(enum ecc_curve curve);

/* true: numbers modulo a prime of NIST's, and so ECDSA. */
bool ecc_is_prime_curve(enum ecc_curve curve);

struct ecc_request {
	enum ecc_curve curve;
	enum ecc_action action;
	struct hil_key_ref key; /* PUBLIC, SIGN, AGREE */
	/*
	 * SIGN and VERIFY, bytes of input. ECDSA: the digest, of which the leftmost bits count
	 * where it is longer than the order (FIPS 186-5, section 6.4); 28, 32, 48 or 64, and for
	 * VERIFY also SHA-1's 20 (SP 800-131A: legacy use). Ed25519: the message.
	 */
	size_t length;
};

struct ecc_client;

struct ecc_client_ops {
	ssize_t (*pull_input)(struct ecc_client *client, uint8_t *buf, size_t len, size_t cursor);
	/*
	 * Optional (NULL member), and for VERIFY only: memory from `cursor` on that stays valid
	 * until done, *ret_len of it. NULL: pull instead.
	 */
	const uint8_t *(*lend_input)(struct ecc_client *client, size_t cursor, size_t *ret_len);
	/* Whole, without a cursor: exactly the size above; 0 or a negative error. */
	int (*pull_key)(struct ecc_client *client, uint8_t *key, size_t len);
	int (*pull_public)(struct ecc_client *client, uint8_t *public, size_t len);
	int (*pull_signature)(struct ecc_client *client, uint8_t *signature, size_t len);
	int (*push_key)(struct ecc_client *client, const uint8_t *key, size_t len);
	int (*push_public)(struct ecc_client *client, const uint8_t *public, size_t len);
	int (*push_signature)(struct ecc_client *client, const uint8_t *signature, size_t len);
	int (*push_secret)(struct ecc_client *client, const uint8_t *secret, size_t len);
	/*
	 * 0: also the signature is valid. -PLUTON_EINVAL: a key, point or signature that is none,
	 * a signature that does not match, an X25519 secret of zeros; nothing was pushed then.
	 * -PLUTON_ESIZE: a message to be verified that is neither lent whole nor within
	 * caps.message_max. why() says which.
	 */
	void (*done)(struct ecc_client *client, int result);
};

struct ecc_client {
	const struct ecc_client_ops *ops;
};

struct ecc_caps {
	uint32_t curves;    /* bit 1 << curve */
	bool key_slots;	    /* has HIL_KEY_SLOT */
	size_t message_max; /* bytes of a message that Ed25519 signs, <= ECC_MESSAGE_MAX */
	size_t verify_max;  /* bytes of a message that Ed25519 verifies, if it is lent whole */
};

struct ecc_engine {
	struct hil_engine head;
	struct ecc_caps caps;
	const struct ecc_engine_ops *ops;
};

struct ecc_engine_ops {
	/*
	 * 0: done will come. What ecc_check returns. -PLUTON_EBUSY: concurrency used up.
	 * -PLUTON_ENODEVICE: gone. *request is copied.
	 */
	int (*start)(struct ecc_engine *engine, const struct ecc_request *request,
		     struct ecc_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct ecc_engine *engine, struct ecc_client *client);
	/* A sentence about the failure that done just reported, for a person; "" if there is none.
	 * Valid inside done. */
	const char *(*why)(struct ecc_engine *engine);
};

/*
 * Whether the request is well formed and caps allow it: 0, -PLUTON_ENOSUPPORT (curve, action that
 * the curve has not, key kind) or -PLUTON_ESIZE (length); -PLUTON_ENODEVICE where the engine is
 * absent.
 */
int ecc_check(const struct hil_engine *engine, const void *ecc_request);

/*
 * What any engine must refuse with -PLUTON_EINVAL, as far as the bytes alone tell: NULL, or the
 * sentence for why(). The time that ecc_key_fault takes does not depend on the key.
 */
const char *ecc_key_fault(enum ecc_curve curve, const uint8_t *key);
const char *ecc_public_fault(enum ecc_curve curve, const uint8_t *public);
const char *ecc_signature_fault(enum ecc_curve curve, const uint8_t *signature);

/* The sentences for what only arithmetic tells; none of any engine is longer. */
#define ECC_WHY_MAX 80u
#define ECC_NO_POINT "the public key is no point of the curve"
#define ECC_NO_MATCH "the signature does not match: another key or message, or it was changed"
#define ECC_ZERO_SECRET "the public key is of small order: the shared secret would be all zeros"
#define ECC_NOT_LENT "a message of this length is verified only in memory that is shared"

/* One callback of the order table above. */
enum ecc_step {
	ECC_STEP_END = 0,
	ECC_STEP_KEY_IN,
	ECC_STEP_KEY_OUT,
	ECC_STEP_PUBLIC_IN,
	ECC_STEP_PUBLIC_OUT,
	ECC_STEP_SIGNATURE_IN,
	ECC_STEP_SIGNATURE_OUT,
	ECC_STEP_SECRET_OUT,
	ECC_STEP_INPUT,
};

#define ECC_STEPS_MAX 4u /* with the end */

/*
 * The steps of a request in order, ending with ECC_STEP_END; without input if its length is 0, and
 * without the private key if it is in a slot.
 */
void ecc_steps(const struct ecc_request *request, enum ecc_step ret_steps[ECC_STEPS_MAX]);

#endif
