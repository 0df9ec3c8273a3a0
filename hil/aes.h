/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for AES (FIPS 197) in the modes of NIST SP 800-38A (ECB, CBC, CTR), 38C (CCM), 38D (GCM).
 * Contract: hil/contract.h.
 *
 * Which callbacks come, in this order; aes_steps() below is the same table for the checker:
 *
 *   mode  encrypt                                      decrypt
 *   ECB   key data*                                    key data*
 *   CBC   key iv data*                                 key iv data*
 *   CTR   key ctr data*                                key ctr data*
 *   GCM   key iv aad* data* push_tag                   key iv aad* tag input* output*
 *   CCM   key iv aad* data* push_tag                   key iv aad* tag input* output*
 *
 * `iv` is pull_iv, or push_iv where request.engine_iv asks the engine to make one. `data` is any
 * interleaving of pull/lend_input and push/lend_output in which output never overtakes input.
 * In a stream, every start that is not the first has pull_state in place of key, iv, ctr and aad,
 * and every start that is not the last has push_state in place of the tag. CCM is no stream: its
 * first block says how long the whole message is.
 *
 * ECB and CBC take whole blocks, in every start of a stream too; padding is the client's. CBC and
 * CCM are worked on in private memory, a piece at a time: each byte of the client's is read once
 * (rule 8), and what CBC chains with is never read back from output.
 *
 * Two departures from the slides this interface comes from: CTR has no pull_iv, its whole 16-byte
 * initial counter block is what pull_ctr moves; and GCM has no pull_ctr, its counter travels in
 * exported state.
 */
#ifndef PLUTON_HIL_AES_H
#define PLUTON_HIL_AES_H

#include "hil/contract.h"

#define AES_BLOCK_SIZE 16u
#define AES_KEY_SIZE_MAX 32u
#define AES_GCM_IV_SIZE 12u
#define AES_CCM_IV_SIZE_MIN 7u
#define AES_CCM_IV_SIZE_MAX 13u
#define AES_TAG_SIZE 16u    /* GCM's, and the longest there is */
#define AES_TAG_SIZE_MIN 4u /* CCM's have 4, 6, 8, 10, 12, 14 or 16 bytes */
#define AES_STATE_MAX 256u

/* Numbers are part of the channel protocol: never renumber. */
enum aes_mode {
	AES_ECB = 1,
	AES_CBC = 2,
	AES_CTR = 3,
	AES_GCM = 4,
	AES_CCM = 5,
	AES_MODES, /* 6 is the protocol's ctr32 (svc/aes.c): the next mode is 7 */
};

enum aes_direction {
	AES_ENCRYPT = 1,
	AES_DECRYPT = 2,
};

/* mode, direction, key, key_size, tag_size and ctr_bits are the same in all of a stream. */
struct aes_request {
	struct hil_owner *owner; /* charged for what the engine must keep between starts */
	enum aes_mode mode;
	enum aes_direction direction;
	enum hil_phase phase;
	struct hil_key_ref key;
	size_t key_size;   /* bytes: 16, 24 or 32 */
	size_t iv_size;	   /* bytes: 16 for CBC, 12 for GCM, 7..13 for CCM, else 0; first only */
	size_t tag_size;   /* bytes: 16 for GCM, 4..16 and even for CCM, else 0 */
	unsigned ctr_bits; /* CTR: 32 or 128; the counter carries within these bits, never wraps */
	bool engine_iv;	   /* GCM encryption: the engine makes the IV and pushes it; first only */
	bool input_sealed; /* lent input cannot change any more (F_SEAL_WRITE) */
	size_t aad_length; /* bytes; 0 unless first */
	size_t length;	   /* bytes of data in this start */
};

struct aes_client;

struct aes_client_ops {
	ssize_t (*pull_input)(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor);
	ssize_t (*push_output)(struct aes_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	ssize_t (*pull_aad)(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor);
	/*
	 * Optional (NULL members): memory from `cursor` on that stays valid until done, *ret_len
	 * of it. NULL: pull or push instead. The client can change lent memory at any moment.
	 */
	const uint8_t *(*lend_input)(struct aes_client *client, size_t cursor, size_t *ret_len);
	uint8_t *(*lend_output)(struct aes_client *client, size_t cursor, size_t *ret_len);
	/* Whole, without a cursor: exactly len bytes; 0 or a negative error. */
	int (*pull_key)(struct aes_client *client, uint8_t *key, size_t len);
	int (*pull_iv)(struct aes_client *client, uint8_t *iv, size_t len);
	int (*pull_ctr)(struct aes_client *client, uint8_t *ctr, size_t len);
	int (*pull_tag)(struct aes_client *client, uint8_t *tag, size_t len);
	int (*push_iv)(struct aes_client *client, const uint8_t *iv, size_t len);
	int (*push_tag)(struct aes_client *client, const uint8_t *tag, size_t len);
	/* Whole: exactly caps.state_bytes. It holds the key: it is as secret as the key. */
	int (*pull_state)(struct aes_client *client, uint8_t *state, size_t len);
	int (*push_state)(struct aes_client *client, const uint8_t *state, size_t len);
	/* -PLUTON_EINVAL for a tag that does not match; then no output was given. */
	void (*done)(struct aes_client *client, int result);
};

struct aes_client {
	const struct aes_client_ops *ops;
};

struct aes_caps {
	uint32_t modes;	       /* bit 1 << mode */
	uint32_t stream_modes; /* encryption in several starts, decryption unless GCM; never CCM */
	uint32_t key_sizes;    /* bit 1 << (bytes / 8): 2, 3, 4 */
	bool key_slots;	       /* takes HIL_KEY_SLOT */
	bool engine_iv;	       /* can make GCM IVs */
	size_t length_max;     /* bytes of data in one start */
	size_t aad_max;	       /* bytes */
	size_t aead_scratch;   /* AEAD decryption of more than this needs input_sealed, else SIZE */
	size_t state_bytes;    /* of exported state, <= AES_STATE_MAX */
};

struct aes_engine {
	struct hil_engine head;
	struct aes_caps caps;
	const struct aes_engine_ops *ops;
};

struct aes_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ENOSUPPORT: not in caps. -PLUTON_ESIZE: a wrong or too large
	 * size. -PLUTON_EBUSY: concurrency used up. -PLUTON_ENODEVICE: gone. *request is copied.
	 */
	int (*start)(struct aes_engine *engine, const struct aes_request *request,
		     struct aes_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct aes_engine *engine, struct aes_client *client);
	/*
	 * A stream of the owner's is given up between two starts: let go of whatever its exported
	 * state stands for (a charged context, rule 10). Calls nothing back. A state that was let
	 * go of already is ignored. NULL: this engine's states stand for nothing but themselves.
	 */
	void (*forget)(struct aes_engine *engine, struct hil_owner *owner, const uint8_t *state,
		       size_t len);
};

/*
 * Whether the request is well formed and caps allow it: 0, -PLUTON_ENOSUPPORT (mode, key kind,
 * AES key size that the engine lacks, engine_iv, streaming) or -PLUTON_ESIZE (any other size);
 * -PLUTON_ENODEVICE where the engine is absent.
 * Streaming AEAD decryption is always -PLUTON_ENOSUPPORT: it would release unverified plaintext.
 * So is CCM in a stream.
 */
int aes_check(const struct hil_engine *engine, const void *aes_request);

/* true for GCM and CCM */
bool aes_is_aead(enum aes_mode mode);

/*
 * Whether a tag of the mode, GCM or CCM, can have this many bytes. Here, and not in aes.c, because
 * the capsule needs nothing of the daemon's to know it.
 */
static inline bool aes_is_tag_size(enum aes_mode mode, size_t size)
{
	if (mode == AES_GCM)
		return size == AES_TAG_SIZE;
	return mode == AES_CCM && size >= AES_TAG_SIZE_MIN && size <= AES_TAG_SIZE && size % 2 == 0;
}

/* One callback of the order table above. */
enum aes_step {
	AES_STEP_END = 0,
	AES_STEP_KEY,
	AES_STEP_IV_IN,
	AES_STEP_IV_OUT,
	AES_STEP_CTR,
	AES_STEP_AAD,
	AES_STEP_TAG_IN,
	AES_STEP_DATA,	 /* input and output interleaved, output never ahead */
	AES_STEP_INPUT,	 /* input only */
	AES_STEP_OUTPUT, /* output only, after all input */
	AES_STEP_TAG_OUT,
	AES_STEP_STATE_IN,
	AES_STEP_STATE_OUT,
};

#define AES_STEPS_MAX 8u

/* The steps of a request in order, ending with AES_STEP_END. */
void aes_steps(const struct aes_request *request, enum aes_step ret_steps[AES_STEPS_MAX]);

#endif
