/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES (FIPS 197) in the modes of NIST SP 800-38A, 38C and 38D. Threads and common errors:
 * pluton/pluton.h.
 *
 * A key is the caller's bytes, or one of its key slots (pluton/hwkey.h): then key is NULL, key_size
 * 0, and -PLUTON_ENODEVICE means that the slot is empty, -PLUTON_EINVAL that its usage or policy
 * forbids this.
 *
 * Only GCM and CCM notice that a message was changed. What was encrypted in CBC, ECB or CTR can be
 * changed by whoever passes it on; and whoever is told whether the padding of a changed message in
 * CBC was right can read it (a padding oracle). Use GCM where you can choose.
 */
#ifndef PLUTON_AES_H
#define PLUTON_AES_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_AES 0x40006u

enum pluton_aes_mode {
	PLUTON_AES_ECB = 1,
	PLUTON_AES_CBC = 2,
	PLUTON_AES_CTR = 3,
	PLUTON_AES_GCM = 4,
	PLUTON_AES_CCM = 5,
};

enum pluton_aes_direction {
	PLUTON_AES_ENCRYPT = 1,
	PLUTON_AES_DECRYPT = 2,
};

#define PLUTON_AES_GCM_IV_SIZE 12
#define PLUTON_AES_TAG_SIZE 16

/* GCM, SP 800-38D. input and output must not overlap. */
struct pluton_aes_gcm_request {
	const void *key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *iv;	   /* PLUTON_AES_GCM_IV_SIZE bytes; never twice with one key */
	const void *aad;
	size_t aad_length; /* bytes */
	const void *input;
	void *output;
	size_t length; /* bytes of input and of output */
	void *tag;     /* PLUTON_AES_TAG_SIZE bytes: out for encrypt, in for decrypt */
};

/*
 * One message. -PLUTON_ESIZE: longer than one window, or a wrong key size. Decryption of a message
 * whose tag does not match is -PLUTON_EINVAL, and not one byte of output is written. Input of more
 * than 1 MiB, or than `aead_scratch`, is decrypted from a copy in a window of its own, also if it
 * lies in memory of pluton_alloc; -PLUTON_ENOMEM: there is no room for another window.
 */
int pluton_aes_gcm_encrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request);
int pluton_aes_gcm_decrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request);

/*
 * The same; the memory that the request points to must stay until `done` has run (the request
 * itself need not). -PLUTON_EBUSY: operations_max are under way. -PLUTON_ESIZE of decryption as an
 * answer: longer than an `aead_scratch` that is less than 1 MiB.
 */
int pluton_aes_gcm_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);
int pluton_aes_gcm_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);

/*
 * Encryption with a random IV that the daemon makes, and that goes to ret_iv (request->iv is NULL):
 * what a slot whose policy is PLUTON_HWKEY_ENGINE_IV takes. No more than 2^32 messages with one
 * key.
 */
int pluton_aes_gcm_encrypt_fresh(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, void *ret_iv);
int pluton_aes_gcm_encrypt_fresh_async(struct pluton *pluton,
				       const struct pluton_aes_gcm_request *request, void *ret_iv,
				       pluton_done_fn done, void *userdata,
				       pluton_operation_id *ret_id);

/*
 * CCM, SP 800-38C. The longer the nonce, the shorter the message: fewer than 2^(8 (15 -
 * nonce_size)) bytes. A short tag is found by trying, one of 4 bytes in 2^32 attempts. input and
 * output must not overlap.
 */
struct pluton_aes_ccm_request {
	const void *key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *nonce; /* never twice with one key */
	size_t nonce_size; /* bytes: 7 to 13 */
	const void *aad;
	size_t aad_length; /* bytes */
	const void *input;
	void *output;
	size_t length;	 /* bytes of input and of output */
	void *tag;	 /* out for encrypt, in for decrypt */
	size_t tag_size; /* bytes: 4, 6, 8, 10, 12, 14 or 16 */
};

/* As those of GCM. -PLUTON_ESIZE also: another nonce or tag size, too long for its nonce. */
int pluton_aes_ccm_encrypt(struct pluton *pluton, const struct pluton_aes_ccm_request *request);
int pluton_aes_ccm_decrypt(struct pluton *pluton, const struct pluton_aes_ccm_request *request);
int pluton_aes_ccm_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ccm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);
int pluton_aes_ccm_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ccm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);

/* CBC, SP 800-38A. Padding is the caller's: length is a multiple of 16. */
struct pluton_aes_cbc_request {
	const void *key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *iv;	   /* 16 bytes, which nobody can foretell */
	const void *input;
	void *output;  /* not overlapping input */
	size_t length; /* bytes; whole blocks of 16 */
};

/* Single blocks (ECB, SP 800-38A): equal blocks of input give equal blocks of output. */
struct pluton_aes_ecb_request {
	const void *key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *input;
	void *output;  /* not overlapping input */
	size_t length; /* bytes; whole blocks of 16 */
};

/*
 * A message of any length. -PLUTON_ESIZE: a wrong key size, or no whole blocks. After any other
 * failure the contents of output are undefined.
 */
int pluton_aes_cbc_encrypt(struct pluton *pluton, const struct pluton_aes_cbc_request *request);
int pluton_aes_cbc_decrypt(struct pluton *pluton, const struct pluton_aes_cbc_request *request);
int pluton_aes_ecb_encrypt(struct pluton *pluton, const struct pluton_aes_ecb_request *request);
int pluton_aes_ecb_decrypt(struct pluton *pluton, const struct pluton_aes_ecb_request *request);

/* The same in one operation, so at most one window long. Memory and errors as above. */
int pluton_aes_cbc_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_cbc_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);
int pluton_aes_cbc_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_cbc_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);
int pluton_aes_ecb_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ecb_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);
int pluton_aes_ecb_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ecb_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id);

/* CTR, SP 800-38A: encryption and decryption are the same. */
struct pluton_aes_ctr_request {
	const void *key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *ctr;   /* 16 bytes: the initial counter block */
	unsigned ctr_bits; /* 128 (as openssl enc) or 32: the part that counts, big-endian */
	const void *input;
	void *output;  /* not overlapping input */
	size_t length; /* bytes */
};

/*
 * A message of any length. -PLUTON_ESIZE: a wrong key size, or the counter would wrap. After any
 * other failure the contents of output are undefined.
 */
int pluton_aes_ctr(struct pluton *pluton, const struct pluton_aes_ctr_request *request);

/* The same in one operation, so at most one window long. Memory and errors as above. */
int pluton_aes_ctr_async(struct pluton *pluton, const struct pluton_aes_ctr_request *request,
			 pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/*
 * A message in pieces: CTR, CBC and ECB either way, and GCM encryption. GCM decryption would give
 * out plaintext before its tag is checked, CCM must know the length beforehand: both are
 * -PLUTON_ENOSUPPORT. Limits and loss of a stream as in
 * pluton/digest.h.
 */
struct pluton_aes_stream {
	uint32_t id;
	uint32_t connection; /* the library's own */
};
struct pluton_aes_begin_request {
	enum pluton_aes_mode mode;
	enum pluton_aes_direction direction;
	const void *key;
	size_t key_size;
	uint32_t key_slot; /* in place of key: the caller's slot of that number */
	const void *iv;	   /* GCM: 12 bytes; CBC: 16; CTR: the 16-byte initial counter block */
	unsigned ctr_bits; /* CTR: 32 or 128; else 0 */
	const void *aad;   /* GCM */
	size_t aad_length; /* bytes; else 0 */
};
/* -PLUTON_EINVAL: ctr_bits or an aad that does not go with the mode. */
int pluton_aes_begin(struct pluton *pluton, const struct pluton_aes_begin_request *request,
		     struct pluton_aes_stream *ret);
/* Pieces of any length, in CBC and ECB of whole blocks; output gets exactly `length` bytes,
 * undefined after a failure. */
int pluton_aes_update(struct pluton *pluton, const struct pluton_aes_stream *stream,
		      const void *input, void *output, size_t length);
int pluton_aes_update_async(struct pluton *pluton, const struct pluton_aes_stream *stream,
			    const void *input, void *output, size_t length, pluton_done_fn done,
			    void *userdata, pluton_operation_id *ret_id);
/* Ends the stream; for GCM gives the tag, else tag is NULL. */
int pluton_aes_finish(struct pluton *pluton, const struct pluton_aes_stream *stream, void *tag);
int pluton_aes_abort(struct pluton *pluton, const struct pluton_aes_stream *stream);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
