/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What behaviours work on: keys, messages, and what must come out, computed by cipher.c and nettle.
 */
#ifndef PLUTON_TESTS_HIL_MATERIAL_H
#define PLUTON_TESTS_HIL_MATERIAL_H

#include "tests/hil/bench.h"

#define MATERIAL_MAX CLIENT_LENGTH_MAX
#define UNTOUCHED 0xee /* what output memory is filled with before */

struct material {
	uint8_t key[AES_KEY_SIZE_MAX];
	uint8_t iv[AES_BLOCK_SIZE];
	uint8_t aad[MATERIAL_MAX];
	uint8_t input[MATERIAL_MAX];
	uint8_t output[MATERIAL_MAX];
	uint8_t expected[MATERIAL_MAX]; /* of output */
	uint8_t tag[AES_TAG_SIZE];	/* the true one */
};

/* Each sets up the client for one operation in one start; change client->… afterwards at will. */
void material_random(struct material *material, struct client *client, size_t length);
void material_digest(struct material *material, struct client *client, size_t length); /* SHA-256 */
void material_digest_by(struct material *material, struct client *client,
			enum digest_algorithm algorithm, size_t length);
void material_ctr(struct material *material, struct client *client, size_t length);
void material_gcm_encrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length);
/* With the key of tests/rsa_material.h and SHA-256; OAEP has a label. expected is the output, if
 * there is only one right one. */
void material_rsa(struct material *material, struct client *client, enum rsa_action action,
		  enum rsa_padding padding);
void material_gcm_decrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length);

/* Fills expected and tag anew from the client's key, iv, aad and input. */
void material_expect_ctr(struct material *material, const struct client *client);
void material_expect_gcm(struct material *material, const struct client *client);

/* Whether output (and the tag of an encryption) are as expected, and nothing follows. */
bool material_came_out(const struct material *material, const struct client *client);
bool material_is_untouched(const struct material *material);

/* Whether these bytes, and no more, are the output of an RSA operation, as expected. */
bool material_rsa_came_out(const struct material *material, const struct client *client,
			   size_t length);

/* Puts the filling back into the output. */
void material_clear(struct material *material);

/* Another implementation's digest of the same bytes. */
void material_hash(enum digest_algorithm algorithm, const uint8_t *input, size_t length,
		   uint8_t digest[DIGEST_SIZE_MAX]);

/* Bytes of a string of hex digits. */
size_t material_hex(const char *hex, uint8_t *ret_bytes);

/*
 * Runs what the client wants as a stream: one start for each piece. The pieces' lengths must add
 * up to the request's. The first error, or 0.
 */
int material_stream(struct bench *bench, struct client *client, const size_t *pieces, size_t count);

/* The longest GCM message that the bench's engine decrypts without sealed input, up to `length`. */
size_t material_decryptable(const struct bench *bench, size_t length);

#endif
