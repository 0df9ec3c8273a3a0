/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elliptic curves: ECDSA (FIPS 186-5) and ECDH (SP 800-56A) on P-256, P-384 and P-521, Ed25519
 * (RFC 8032), X25519 (RFC 7748). Threads and common errors: pluton/pluton.h.
 *
 * Numbers of the P curves are big-endian and as wide as the field (66 bytes for P-521); a public
 * key is x || y, a signature r || s, a shared secret x. Those of Ed25519 and X25519 are the byte
 * strings of their RFCs.
 *
 * In place of a private key a request may name one of the caller's slots (pluton/hwkey.h), with
 * the curve of the key in it: `key` is NULL then.
 */
#ifndef PLUTON_ECC_H
#define PLUTON_ECC_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_ECC 0x80000005u

enum pluton_ecc_curve {
	PLUTON_P256 = 1,
	PLUTON_P384 = 2,
	PLUTON_P521 = 3,
	PLUTON_ED25519 = 4, /* signs */
	PLUTON_X25519 = 5,  /* agrees */
};

#define PLUTON_ECC_KEY_MAX 66
#define PLUTON_ECC_PUBLIC_MAX 132
#define PLUTON_ECC_SIGNATURE_MAX 132
#define PLUTON_ECC_SECRET_MAX 66
#define PLUTON_ED25519_MESSAGE_MAX 16384 /* bytes that can be signed */

/* Bytes of a private key, a public key, a signature, a secret; 0: the curve has none. */
size_t pluton_ecc_key_size(enum pluton_ecc_curve curve);
size_t pluton_ecc_public_size(enum pluton_ecc_curve curve);
size_t pluton_ecc_signature_size(enum pluton_ecc_curve curve);
size_t pluton_ecc_secret_size(enum pluton_ecc_curve curve);

/* "p256", "p384", "p521", "ed25519", "x25519"; 0 for an unknown name, NULL for no curve. */
enum pluton_ecc_curve pluton_ecc_by_name(const char *name);
const char *pluton_ecc_name(enum pluton_ecc_curve curve);

/* The first pluton_ecc_key_size(curve) bytes count. Wipe it when it has done its work. */
struct pluton_ecc_private {
	enum pluton_ecc_curve curve;
	uint8_t bytes[PLUTON_ECC_KEY_MAX];
};

struct pluton_ecc_public {
	enum pluton_ecc_curve curve;
	uint8_t bytes[PLUTON_ECC_PUBLIC_MAX];
};

/* Overwrites the key, also where the compiler sees no use of it. */
void pluton_ecc_wipe(struct pluton_ecc_private *key);

/*
 * A new key pair. -PLUTON_ENOSUPPORT: no engine has the curve, here as everywhere.
 *
 * All functions: the asynchronous ones need the memory that is pointed to until `done` has run
 * (the request itself need not stay); they set the curve of what they give at once, and its bytes
 * in the end. -PLUTON_EBUSY: operations_max are under way.
 */
int pluton_ecc_generate(struct pluton *pluton, enum pluton_ecc_curve curve,
			struct pluton_ecc_private *ret_key, struct pluton_ecc_public *ret_public);
int pluton_ecc_generate_async(struct pluton *pluton, enum pluton_ecc_curve curve,
			      struct pluton_ecc_private *ret_key,
			      struct pluton_ecc_public *ret_public, pluton_done_fn done,
			      void *userdata, pluton_operation_id *ret_id);

/* The public key of a private one. -PLUTON_EINVAL: the number is 0, or too large for the curve. */
int pluton_ecc_public_of(struct pluton *pluton, const struct pluton_ecc_private *key,
			 struct pluton_ecc_public *ret_public);
int pluton_ecc_public_of_async(struct pluton *pluton, const struct pluton_ecc_private *key,
			       struct pluton_ecc_public *ret_public, pluton_done_fn done,
			       void *userdata, pluton_operation_id *ret_id);
/* The same of the private key in the caller's slot of that number. */
int pluton_ecc_public_of_slot(struct pluton *pluton, enum pluton_ecc_curve curve, uint32_t key_slot,
			      struct pluton_ecc_public *ret_public);
int pluton_ecc_public_of_slot_async(struct pluton *pluton, enum pluton_ecc_curve curve,
				    uint32_t key_slot, struct pluton_ecc_public *ret_public,
				    pluton_done_fn done, void *userdata,
				    pluton_operation_id *ret_id);

struct pluton_ecc_sign_request {
	const struct pluton_ecc_private *key;
	uint32_t key_slot;	     /* in place of key: the caller's slot of that number */
	enum pluton_ecc_curve curve; /* of the key in key_slot */
	/* ECDSA: a digest of 28, 32, 48 or 64 bytes; Ed25519: the message itself. */
	const void *input;
	size_t length;	       /* bytes */
	void *signature;       /* out: pluton_ecc_signature_size(curve) bytes */
	size_t signature_size; /* bytes there; at least as many */
};

/*
 * Two ECDSA signatures of a digest differ; those of Ed25519 do not. -PLUTON_ESIZE: a length that
 * no digest has, a message over PLUTON_ED25519_MESSAGE_MAX, or no room for the signature.
 * -PLUTON_EINVAL: no such private key. -PLUTON_ENOSUPPORT: X25519.
 */
int pluton_ecc_sign(struct pluton *pluton, const struct pluton_ecc_sign_request *request);
int pluton_ecc_sign_async(struct pluton *pluton, const struct pluton_ecc_sign_request *request,
			  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

struct pluton_ecc_verify_request {
	const struct pluton_ecc_public *key;
	const void *input; /* as for signing; a digest may also have SHA-1's 20 bytes */
	size_t length;	   /* bytes; a message may fill a window */
	const void *signature;
	size_t signature_size; /* bytes; pluton_ecc_signature_size(curve) */
};

/*
 * 0: the signature is valid. -PLUTON_EINVAL: it is not, or it or the key is none at all;
 * pluton_error_message() says which. -PLUTON_ESIZE, -PLUTON_ENOSUPPORT: as above.
 */
int pluton_ecc_verify(struct pluton *pluton, const struct pluton_ecc_verify_request *request);
int pluton_ecc_verify_async(struct pluton *pluton, const struct pluton_ecc_verify_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

struct pluton_ecc_agree_request {
	const struct pluton_ecc_private *key;
	uint32_t key_slot; /* in place of key: the caller's slot, of a key of the peer's curve */
	const struct pluton_ecc_public *peer; /* of the same curve */
	void *secret;	    /* out: pluton_ecc_secret_size(curve) bytes, to be hashed before use */
	size_t secret_size; /* bytes there; at least as many */
};

/*
 * The secret that two keys share. -PLUTON_EINVAL: the peer's key is no point of the curve, or
 * (X25519) makes a secret of zeros; or two curves. -PLUTON_ENOSUPPORT: Ed25519.
 */
int pluton_ecc_agree(struct pluton *pluton, const struct pluton_ecc_agree_request *request);
int pluton_ecc_agree_async(struct pluton *pluton, const struct pluton_ecc_agree_request *request,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
