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
	uint8_t key[HMAC_KEY_SIZE_MAX];
	uint8_t iv[AES_BLOCK_SIZE];
	uint8_t aad[MATERIAL_MAX];
	uint8_t salt[KDF_SALT_MAX];
	uint8_t label[KDF_LABEL_MAX];
	uint8_t info[KDF_INFO_MAX];
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
/* ECB or CBC, encryption; whole blocks. */
void material_blocks(struct material *material, struct client *client, enum aes_mode mode,
		     size_t length);
/* GCM, or CCM with a nonce of 12 bytes and a tag of 16. */
void material_aead_encrypt(struct material *material, struct client *client, enum aes_mode mode,
			   size_t aad_length, size_t length);
void material_aead_decrypt(struct material *material, struct client *client, enum aes_mode mode,
			   size_t aad_length, size_t length);
void material_gcm_encrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length);
/* With the key of tests/rsa_material.h and SHA-256; OAEP has a label. expected is the output, if
 * there is only one right one. */
void material_rsa(struct material *material, struct client *client, enum rsa_action action,
		  enum rsa_padding padding);
void material_gcm_decrypt(struct material *material, struct client *client, size_t aad_length,
			  size_t length);

/* One shot; CMAC of a 32-byte key, HMAC of one of 20. */
void material_mac(struct material *material, struct client *client, enum mac_algorithm algorithm,
		  size_t length);
/* Fills expected anew with the whole MAC of the client's key and input, by OpenSSL's EVP_MAC. */
void material_expect_mac(struct material *material, const struct client *client);

/*
 * With some of everything that the method has, and a few hundred iterations. The length is of the
 * output, but for HKDF_EXTRACT, which has only one.
 */
void material_kdf(struct material *material, struct client *client, enum kdf_method method,
		  enum mac_algorithm prf, size_t length);
/* Fills expected anew with what the client wants, by OpenSSL's EVP_KDF. */
void material_expect_kdf(struct material *material, const struct client *client);
bool material_kdf_came_out(const struct material *material, const struct client *client);

/*
 * Elliptic curves: everything that goes in, all of one key, by the second implementation. The input
 * is a digest of 32 bytes for P curves; an agreement is with material_ecc_peer's key.
 */
void material_ecc(struct material *material, struct client *client, enum ecc_curve curve,
		  enum ecc_action action, size_t length);
void material_ecc_key(enum ecc_curve curve, unsigned seed, uint8_t *ret_key);

/* Whether what came out is what the second implementation says. */
bool material_ecc_came_out(const struct client *client);

/*
 * Whether the client has the one signature that Ed25519 gives for this message of the request's
 * length. A valid one is not enough: one whose nonce comes from another message than its challenge
 * is valid too, and two of those give the key away.
 */
bool material_ed25519_is(const struct client *client, const uint8_t *message);

/* Fills expected and tag anew from the client's key, iv, aad and input. */
void material_expect_ctr(struct material *material, const struct client *client);
void material_expect_blocks(struct material *material, const struct client *client);
void material_expect_aead(struct material *material, const struct client *client);

/* Turns an encryption around: what came out is its input now, and its input is expected. */
void material_turn_around(struct material *material, struct client *client);

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

/* One start of it, of the next `length` octets; and on to what lies behind these. */
int material_start_of_stream(struct bench *bench, struct client *client, enum hil_phase phase,
			     size_t length);
void material_go_on(struct client *client, size_t length);

/* The longest AEAD message that the bench's engine decrypts without sealed input, up to `length`.
 */
size_t material_decryptable(const struct bench *bench, size_t length);

#endif
