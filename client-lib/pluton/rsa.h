/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA: PKCS #1 v2.2 (RFC 8017). Threads and common errors: pluton/pluton.h.
 *
 * Numbers are big-endian and of fixed width, with leading zeros. What is signed is a digest: hash
 * the message with pluton/digest.h first.
 */
#ifndef PLUTON_RSA_H
#define PLUTON_RSA_H

#include <pluton/digest.h>
#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_RSA 0x80000004u

#define PLUTON_RSA_SIZE_MAX 512 /* bytes of a modulus, a signature, a ciphertext */
#define PLUTON_RSA_LABEL_MAX 1024

enum pluton_rsa_key_kind {
	PLUTON_RSA_PUBLIC = 1,	/* modulus and exponent */
	PLUTON_RSA_PRIVATE = 2, /* and private_exponent */
	PLUTON_RSA_CRT = 3,	/* and all the others: what generation gives, and faster */
};

/*
 * A key: plain memory of the caller's, without pointers. `size` is 256, 384 or 512 (for
 * pluton_rsa_verify and pluton_rsa_public also 128); the modulus has its highest bit set. Each
 * number lies at the start of its array: modulus and private_exponent have `size` bytes, the others
 * half as many. Overwrite a private key with pluton_rsa_key_wipe when it has done its work.
 */
struct pluton_rsa_key {
	enum pluton_rsa_key_kind kind;
	size_t size;	   /* bytes of the modulus */
	uint64_t exponent; /* the public one: odd, at least 3 */
	uint8_t modulus[PLUTON_RSA_SIZE_MAX];
	uint8_t private_exponent[PLUTON_RSA_SIZE_MAX];
	uint8_t prime1[PLUTON_RSA_SIZE_MAX / 2];
	uint8_t prime2[PLUTON_RSA_SIZE_MAX / 2];
	uint8_t exponent1[PLUTON_RSA_SIZE_MAX / 2];
	uint8_t exponent2[PLUTON_RSA_SIZE_MAX / 2];
	uint8_t coefficient[PLUTON_RSA_SIZE_MAX / 2];
};

/* All zeros, whatever the compiler thinks of it. NULL is allowed. */
void pluton_rsa_key_wipe(struct pluton_rsa_key *key);

/*
 * Makes a key of 2048, 3072 or 4096 bits; `exponent` 0 is 65537. It takes from a tenth of a second
 * to many; after pluton_cancel it ends within milliseconds. -PLUTON_ENOSUPPORT: other bits.
 * -PLUTON_EINVAL: an exponent that is even or less than 65537.
 */
int pluton_rsa_generate(struct pluton *pluton, unsigned bits, uint32_t exponent,
			struct pluton_rsa_key *ret_key);
int pluton_rsa_generate_async(struct pluton *pluton, unsigned bits, uint32_t exponent,
			      struct pluton_rsa_key *ret_key, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id);

enum pluton_rsa_padding {
	PLUTON_RSA_PKCS1 = 1, /* v1.5, for signatures and to encrypt */
	PLUTON_RSA_PSS = 2,   /* signatures */
	PLUTON_RSA_OAEP = 3,  /* to encrypt */
};

enum pluton_rsa_salt {
	PLUTON_RSA_SALT_DIGEST = 0, /* as many bytes as the digest has */
	PLUTON_RSA_SALT_NONE = -1,
	PLUTON_RSA_SALT_ANY = -2, /* verification: as many as the signature has */
};

/* What is not used stays 0. Outputs must not overlap inputs. */
struct pluton_rsa_request {
	const struct pluton_rsa_key *key;
	/*
	 * To sign, to decrypt and pluton_rsa_private, in place of key: the caller's slot of that
	 * number (pluton/hwkey.h). What is said of key->size is the size of the key in it.
	 */
	uint32_t key_slot;
	enum pluton_rsa_padding padding;
	enum pluton_digest_algorithm hash;     /* not for PKCS #1 encryption */
	enum pluton_digest_algorithm mgf_hash; /* PSS, OAEP: of MGF1; 0: the same */
	int salt;			       /* PSS: bytes, or one of enum pluton_rsa_salt */
	const void *label;		       /* OAEP */
	size_t label_length;		       /* bytes, at most PLUTON_RSA_LABEL_MAX */
	const void *input;
	size_t length; /* bytes of input */
	void *output;
	size_t output_size;    /* bytes there */
	const void *signature; /* verification: key->size bytes */
	size_t signature_size;
};

/*
 * Errors of all of these: -PLUTON_ENOSUPPORT: no engine has this padding, hash or size of key.
 * -PLUTON_ESIZE: a size that does not go with the others. -PLUTON_EINVAL: the key is none (an even
 * modulus, parts that do not belong together), input is not less than the modulus, or the request
 * has a salt or mgf_hash that its padding does not have.
 *
 * The key's private parts are in use here and in the daemon until the call returns, and wiped.
 */

/* input: a digest of `hash`. output gets key->size bytes. */
int pluton_rsa_sign(struct pluton *pluton, const struct pluton_rsa_request *request);

/* input: a digest of `hash`. 0: the signature is this key's. -PLUTON_EINVAL also: it is not. */
int pluton_rsa_verify(struct pluton *pluton, const struct pluton_rsa_request *request);

/*
 * input: the message, at most key->size - 11 bytes, with OAEP key->size - 2 - 2 digests. output
 * gets key->size bytes.
 */
int pluton_rsa_encrypt(struct pluton *pluton, const struct pluton_rsa_request *request);

/*
 * input: key->size bytes. output must have room for the longest message (key->size bytes always
 * are enough); *ret_length says how long it is, and the rest of output is undefined.
 * -PLUTON_EINVAL also: OAEP, and it was changed. PKCS #1 cannot tell: the message is another then,
 * of any length, always the same for the same key and input; so no answer helps an attacker.
 */
int pluton_rsa_decrypt(struct pluton *pluton, const struct pluton_rsa_request *request,
		       size_t *ret_length);

/*
 * Without padding: input^exponent and input^private_exponent mod modulus. input and output have
 * key->size bytes. For protocols with a padding of their own; it is no encryption.
 */
int pluton_rsa_public(struct pluton *pluton, const struct pluton_rsa_request *request);
int pluton_rsa_private(struct pluton *pluton, const struct pluton_rsa_request *request);

/*
 * The same; output, *ret_length and inputs in memory of pluton_alloc must stay until `done` has
 * run, the request and its key need not. -PLUTON_EBUSY: operations_max are under way.
 */
int pluton_rsa_sign_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_rsa_verify_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_rsa_encrypt_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_rsa_decrypt_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     size_t *ret_length, pluton_done_fn done, void *userdata,
			     pluton_operation_id *ret_id);
int pluton_rsa_public_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_rsa_private_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
