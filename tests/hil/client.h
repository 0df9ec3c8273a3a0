/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test client of HILs that move bytes, over plain memory. It answers in pieces of a chosen size,
 * lends or does not, gets into trouble at a chosen callback, and counts everything.
 */
#ifndef PLUTON_TESTS_HIL_CLIENT_H
#define PLUTON_TESTS_HIL_CLIENT_H

#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "hil/rng.h"
#include "hil/rsa.h"

#define CLIENT_RSA_KEY_MAX (RSA_SIZE_MAX * 9u / 2u + RSA_EXPONENT_SIZE)
#define CLIENT_WHY_MAX 400u
#define CLIENT_LENGTH_MAX 8192u /* bytes of input whose reads are counted */

/* What goes wrong at the chosen callback. */
enum trouble {
	TROUBLE_NONE = 0,
	TROUBLE_ERROR,	  /* it answers trouble_error */
	TROUBLE_ZERO,	  /* a pull, push or lend of 0 bytes */
	TROUBLE_TOO_MUCH, /* one byte more than was asked for */
	TROUBLE_CANCEL,	  /* it cancels, and answers well */
	TROUBLE_START,	  /* it starts `other` from inside */
	TROUBLE_CHANGE,	  /* it changes input[change_at] after this callback */
	TROUBLE_SCRIBBLE, /* it changes output[change_at] after this callback */
};

struct client {
	struct rng_client rng;
	struct digest_client digest;
	struct aes_client aes;
	struct mac_client mac;
	struct ecc_client ecc;
	struct rsa_client rsa;
	struct kdf_client kdf;
	struct hwkey_client hwkey;
	struct digest_client_ops digest_ops; /* own copies: without lends where it does not lend */
	struct aes_client_ops aes_ops;
	struct mac_client_ops mac_ops;
	struct ecc_client_ops ecc_ops;

	/* what is asked for */
	enum hil_kind kind;
	struct rng_request rng_request;
	struct digest_request digest_request;
	struct aes_request aes_request;
	struct mac_request mac_request;
	struct ecc_request ecc_request;
	struct rsa_request rsa_request;
	struct kdf_request kdf_request;
	struct hwkey_request hwkey_request;

	/* memory; lengths are the request's */
	const uint8_t *key;
	const uint8_t *iv;  /* or the counter block */
	const uint8_t *aad; /* or RSA's label */
	const uint8_t *salt;
	const uint8_t *label; /* of a key derivation */
	const uint8_t *info;
	const uint8_t *input;
	uint8_t *output;
	uint8_t tag[AES_TAG_SIZE]; /* in for decryption, else out */
	uint8_t iv_out[AES_BLOCK_SIZE];
	uint8_t result_digest[DIGEST_SIZE_MAX];
	uint8_t result_mac[MAC_SIZE_MAX]; /* in to verify, else out */
	uint8_t state[HIL_STATE_MAX];
	uint8_t ecc_key[ECC_KEY_SIZE_MAX]; /* in or out, as these */
	uint8_t ecc_public[ECC_PUBLIC_SIZE_MAX];
	uint8_t ecc_signature[ECC_SIGNATURE_SIZE_MAX];
	uint8_t ecc_secret[ECC_SECRET_SIZE_MAX];
	uint8_t rsa_key[CLIENT_RSA_KEY_MAX]; /* the parts, in or out */
	uint8_t signature[RSA_SIZE_MAX];     /* to verify */

	/* manners; 0: as much as is asked for */
	size_t pull_chunk;
	size_t push_chunk;
	bool lends_input;
	bool lends_output;
	size_t lend_chunk;
	const uint8_t *input_again; /* lent where input was read before; NULL: input once more */

	/* trouble */
	enum trouble trouble;
	unsigned trouble_at; /* from 1 */
	int trouble_error;
	struct client *other;
	size_t change_at;
	void (*on_done)(struct client *client);

	/* what happened */
	struct hil_engine *engine;
	unsigned callbacks; /* without done */
	bool troubled;	    /* it came to the trouble */
	int trouble_answer; /* what cancel or start returned there */
	unsigned dones;
	int result;
	size_t pulled;	 /* bytes, lent ones included */
	size_t pushed;	 /* bytes of output, lent ones included */
	const char *why; /* of ECC and hwkey, as done found it */
	char why_copy[CLIENT_WHY_MAX];
	unsigned tags_out;
	unsigned digests;
	unsigned macs; /* pushed or pulled */
	unsigned keys; /* of MACs, ECC and key derivations */
	unsigned salts, labels, infos;
	unsigned states_in;
	unsigned states_out;
	unsigned parts; /* of RSA keys, in or out */
	unsigned lends; /* that gave memory */
	bool read_twice;
	uint8_t reads[CLIENT_LENGTH_MAX];
};

/* All of it empty; then one of the next eight says what is asked for. */
void client_init(struct client *client);
void client_wants_random(struct client *client, uint8_t *output, size_t length);
void client_wants_digest(struct client *client, enum hil_phase phase, const void *input,
			 size_t length);
/* mode, direction, phase, key_size, ctr_bits … are to be set in client->aes_request. */
void client_wants_aes(struct client *client, const uint8_t *input, uint8_t *output, size_t length);

/* key is to be set, and algorithm, phase, key_size … in client->mac_request. */
void client_wants_mac(struct client *client, enum hil_kind kind, const uint8_t *input,
		      size_t length);

/* curve, action and length; the parts that go in are to be set. */
void client_wants_ecc(struct client *client, enum ecc_curve curve, enum ecc_action action,
		      const uint8_t *input, size_t length);

/* padding, hash … are to be set in client->rsa_request. */
void client_wants_rsa(struct client *client, enum rsa_action action, const uint8_t *input,
		      uint8_t *output, size_t length);

/* method, prf, key_size … are to be set in client->kdf_request, and what goes in. */
void client_wants_kdf(struct client *client, uint8_t *output, size_t length);

/* name, attributes, length … are to be set in client->hwkey_request, and input or output. */
void client_wants_hwkey(struct client *client, enum hwkey_action action);

/* Starts it on the engine (of its kind) and forgets what happened before. */
int client_start(struct client *client, struct hil_engine *engine);
int client_cancel(struct client *client);

#endif
