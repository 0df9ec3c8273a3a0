/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AES operation under way, as the files of the AES engine share it:
 *
 *	aes.c		the engine, and the steps that move small things
 *	aes_cipher.c	what each mode is to OpenSSL
 *	aes_evp.c	OpenSSL's contexts, of which the modes are made
 *	ccm.c		CCM, which is put together here
 *	aes_data.c	data that goes in and comes out again, piece by piece
 *	aead_decrypt.c	data that comes out only after its tag was checked
 *	aes_state.c	what a stream exports and takes back
 */
#ifndef PLUTON_OPENSSL_AES_OPERATION_H
#define PLUTON_OPENSSL_AES_OPERATION_H

#include <openssl/evp.h>

#include "backends/openssl/ctr_position.h"
#include "backends/openssl/gcm_stream.h"
#include "backends/openssl/scratch.h"
#include "backends/openssl/task.h"
#include "backends/openssl/vault.h"
#include "hil/aes.h"

#define AES_STATE_SIZE 56u

/* 15 to 25 µs with the AES instructions. */
#define AES_SLICE (64u * 1024)

struct aes_unit;

/* The client's memory at a cursor; a length of 0: none is on loan. */
struct lent_input {
	const uint8_t *at;
	size_t length;
};

struct lent_output {
	uint8_t *at;
	size_t length;
};

struct aes_operation {
	struct task task;
	struct aes_unit *unit;
	EVP_CIPHER_CTX *own_cipher;
	EVP_CIPHER_CTX *mac;	   /* CCM's CBC-MAC */
	struct aes_client *client; /* from here on wiped at the end */
	struct aes_request request;
	enum aes_step steps[AES_STEPS_MAX];
	size_t step;		/* the present one, in steps */
	EVP_CIPHER_CTX *cipher; /* own_cipher or the stream's */
	struct gcm_stream *stream;
	size_t aad_cursor;
	size_t input_cursor;
	size_t output_cursor;
	struct lent_input input;
	struct lent_output output;
	/* decryption in GCM and CCM */
	const uint8_t *sealed;	 /* all of the input, where it takes two passes */
	struct scratch *scratch; /* held from the first input to the last output */
	uint64_t ticket;	 /* != 0: waits for scratch, lowest first */
	bool verified;
	size_t mac_filled; /* CCM: bytes of an incomplete block */
	/* secrets */
	struct ctr_position ctr;
	uint8_t key[AES_KEY_SIZE_MAX];
	uint8_t iv[AES_BLOCK_SIZE];
	uint8_t mask[AES_BLOCK_SIZE]; /* CCM: of the tag */
	uint8_t tag[AES_TAG_SIZE];
};

enum aes_cipher_kind {
	AES_CIPHER_CTR = 0,
	AES_CIPHER_GCM,
	AES_CIPHER_ECB,
	AES_CIPHER_CBC,
	AES_CIPHER_KINDS,
};

struct aes_unit {
	struct aes_engine engine;
	struct task_set tasks;
	EVP_CIPHER *ciphers[AES_CIPHER_KINDS][3]; /* of 128, 192, 256 bits */
	struct scratch *scratches;		  /* one for each worker and one for the loop */
	size_t scratch_count;
	uint64_t last_ticket;
	uint64_t last_serial; /* of a GCM stream */
	struct aes_operation operations[TASKS_PER_ENGINE];
};

/* --- aes.c ------------------------------------------------------------------------------------ */

/* The key, if it is in a slot: -PLUTON_ENODEVICE: it is not there any more. */
int aes_take_slot(struct aes_operation *op);

/* --- aes_evp.c: -PLUTON_EFAIL is OpenSSL's refusal -------------------------------------------- */

/* Of all kinds and key sizes; -PLUTON_ENODEVICE: there is no provider for one of them. */
int aes_ciphers_fetch(struct aes_unit *unit, const char *properties);
void aes_ciphers_free(struct aes_unit *unit);

/* For the modes themselves: one context, and what it chains the next block with. */
int aes_evp_begin(struct aes_operation *op, EVP_CIPHER_CTX *context, enum aes_cipher_kind kind,
		  bool encrypt, const uint8_t *iv);
ssize_t aes_evp_update(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *in, size_t len);
int aes_evp_chain(EVP_CIPHER_CTX *context, uint8_t ret_block[AES_BLOCK_SIZE]);

/* --- aes_cipher.c: as above ------------------------------------------------------------------- */

/* Sets up the mode from op->key and the IV or counter. */
int aes_begin(struct aes_operation *op);

/*
 * In-place or not, but for ECB and CBC. Any thread that holds the operation. `len` fits an int.
 * In a mode that needs private memory neither `out` nor `in` is a client's: the mode looks at them
 * as often as it likes.
 */
int aes_update(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len);

/* The same for all modes: how many bytes came out, in ECB and CBC whole blocks, up to len + 15. */
ssize_t aes_transform(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len);

bool aes_needs_private_memory(const struct aes_operation *op);

/* What the work on `len` bytes weighs against the bytes of a slice. */
size_t aes_cost(const struct aes_operation *op, size_t len);

/* Additional data, and its end. */
int aes_authenticate(struct aes_operation *op, const uint8_t *aad, size_t len);
int aes_end_of_aad(struct aes_operation *op);

/* Writes op->tag, or compares it: -PLUTON_EINVAL. */
int aes_make_tag(struct aes_operation *op);
int aes_check_tag(struct aes_operation *op);

/* --- ccm.c ------------------------------------------------------------------------------------ */

int ccm_begin(struct aes_operation *op);
int ccm_absorb(struct aes_operation *op, const uint8_t *buf, size_t len);

/* Fills the block under way up with zeros: after the additional data, and after the message. */
int ccm_close_block(struct aes_operation *op);

/* Reads `in` twice. */
int ccm_update(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len);

/* All 16 bytes; the tag is the first of them. */
int ccm_make_tag(struct aes_operation *op, uint8_t ret_tag[AES_TAG_SIZE]);

/* --- aes_data.c ------------------------------------------------------------------------------ */

size_t aes_input_left(const struct aes_operation *op);
size_t aes_output_left(const struct aes_operation *op);

/* Asks for memory at the cursor, unless some is on loan. None: pull or push. */
int aes_borrow_input(struct aes_operation *op);
int aes_borrow_output(struct aes_operation *op);

/* Cursors and loans go on by `len`. */
void aes_used_input(struct aes_operation *op, size_t len);
void aes_used_output(struct aes_operation *op, size_t len);

/* Pulls 1..len bytes at the cursor into `buf`, moves on, returns how many. */
ssize_t aes_pull(struct aes_operation *op, uint8_t *buf, size_t len);

/* Gives all of `len` bytes from the output cursor on, lent or pushed. */
int aes_give(struct aes_operation *op, const uint8_t *buf, size_t len);

/* The step of the same name. */
int aes_step_data(struct aes_operation *op);

/* --- aead_decrypt.c -------------------------------------------------------------------------- */

int aead_step_input(struct aes_operation *op);
int aead_step_output(struct aes_operation *op);

/*
 * The last word on a message: -PLUTON_EINVAL for a tag that does not match. Does nothing if it was
 * said already.
 */
int aead_verify(struct aes_operation *op);

/* At the end of the operation, however it ended: wipes, and gives to who waits longest. */
void aead_leave_scratch(struct aes_operation *op);

/* --- aes_state.c ----------------------------------------------------------------------------- */

int aes_step_state_in(struct aes_operation *op);
int aes_step_state_out(struct aes_operation *op);

/* The engine's forget. */
void aes_forget(struct aes_engine *engine, struct hil_owner *owner, const uint8_t *state,
		size_t len);

#endif
