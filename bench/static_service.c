/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern of drivers whose caller owns static buffers (TakeCell<'static, [u8]> in Tock's older
 * HILs, one kernel thread with its buffers for each user thread in TOSThreads): every client that
 * the image is built for has its input and output buffer in every service, always. The engine is
 * handed a buffer and gives it back; what the client has goes into it and out of it by copying.
 *
 * To its advantage: it works at once, without deferred calls and turns at the engine, and its
 * engine needs no buffers of its own.
 */
#include "bench/static_service.h"

#include <stddef.h>

#include "backends/openssl/hash.h"
#include "bench/evp.h"
#include "bench/program.h"
#include "bench/residents.h"
#include "hil/aes.h"

enum { SLOT_KEY, SLOT_IV, SLOT_AAD, SLOT_INPUT, SLOT_OUTPUT, SLOT_TAG };
enum { SLOT_MESSAGE, SLOT_DIGEST };

/* What is between two pieces of a client's messages. */
struct static_context {
	uint8_t key[AES_KEY_SIZE_MAX];
	uint8_t iv[AES_GCM_IV_SIZE];
	uint8_t tag[AES_TAG_SIZE];
	union hash_state hash;
};

/* By process index, which begins at 1. */
#define CLIENTS (RESIDENTS_MAX + 1u)
#define SERVICE(name, size)                                                                        \
	static struct name##_client {                                                              \
		struct static_context context;                                                     \
		uint8_t aes_input[size];                                                           \
		uint8_t aes_output[size];                                                          \
		uint8_t digest_input[size];                                                        \
	} name##_clients[CLIENTS];                                                                 \
	static int name##_encrypt(struct operation *op)                                            \
	{                                                                                          \
		struct name##_client *client = &name##_clients[op_process(op).index];              \
                                                                                                   \
		return encrypt(op, &client->context, client->aes_input, client->aes_output, size); \
	}                                                                                          \
	static int name##_digest(struct operation *op)                                             \
	{                                                                                          \
		struct name##_client *client = &name##_clients[op_process(op).index];              \
                                                                                                   \
		return digest(op, &client->context, client->digest_input, size);                   \
	}

static struct evp engine;

/* One piece in, through the engine, and out. */
static int encrypt_piece(struct operation *op, size_t at, uint8_t *input, uint8_t *output,
			 size_t size)
{
	ssize_t n = op_read(op, SLOT_INPUT, at, input, size);
	int made;

	if (n < 0)
		return (int)n;
	if (EVP_EncryptUpdate(engine.encrypt, output, &made, input, (int)n) != 1)
		return -PLUTON_EFAIL;
	return (int)op_write(op, SLOT_OUTPUT, at, output, (size_t)made);
}

static int finish(struct static_context *context)
{
	int made;

	if (EVP_EncryptFinal_ex(engine.encrypt, context->tag, &made) == 1 &&
	    EVP_CIPHER_CTX_ctrl(engine.encrypt, EVP_CTRL_AEAD_GET_TAG, AES_TAG_SIZE,
				context->tag) == 1)
		return 0;
	return -PLUTON_EFAIL;
}

static int encrypt(struct operation *op, struct static_context *context, uint8_t *input,
		   uint8_t *output, size_t size)
{
	size_t length = op_length(op, SLOT_INPUT);
	int r = op_read_all(op, SLOT_KEY, context->key, sizeof(context->key));

	if (r == 0)
		r = op_read_all(op, SLOT_IV, context->iv, sizeof(context->iv));
	if (r == 0 &&
	    EVP_EncryptInit_ex2(engine.encrypt, NULL, context->key, context->iv, NULL) != 1)
		r = -PLUTON_EFAIL;
	for (size_t at = 0; r >= 0 && at < length; at += (size_t)r)
		r = encrypt_piece(op, at, input, output, size);
	if (r >= 0)
		r = finish(context);
	if (r == 0)
		r = op_write_all(op, SLOT_TAG, context->tag, sizeof(context->tag));
	op_done(op, r, 0, 0);
	return 0;
}

static int digest(struct operation *op, struct static_context *context, uint8_t *input, size_t size)
{
	const struct hash *sha256 = hash_find(DIGEST_SHA256);
	size_t length = op_length(op, SLOT_MESSAGE);
	uint8_t result[DIGEST_SIZE_MAX];
	ssize_t n = 0;

	hash_begin(sha256, &context->hash);
	for (size_t at = 0; n >= 0 && at < length; at += (size_t)n) {
		n = op_read(op, SLOT_MESSAGE, at, input, size);
		if (n > 0)
			hash_update(sha256, &context->hash, input, (size_t)n);
	}
	hash_end(sha256, &context->hash, result);
	if (n >= 0)
		n = op_write_all(op, SLOT_DIGEST, result, digest_size(DIGEST_SHA256));
	op_done(op, n < 0 ? (int)n : 0, 0, 0);
	return 0;
}

SERVICE(large, STATIC_LARGE)
SERVICE(small, STATIC_SMALL)

#define AES_COMMAND(function)                                                                      \
	{                                                                                          \
		.number = 1, .name = "Encrypt", .doc = "as aes", .words = {{"mode", NULL, ""}},    \
		.slots = {[SLOT_KEY] = {"key", SLOT_RO, 32, 32, false, ""},                        \
			  [SLOT_IV] = {"iv", SLOT_RO, 12, 12, false, ""},                          \
			  [SLOT_AAD] = {"aad", SLOT_RO, 1, 0, true, ""},                           \
			  [SLOT_INPUT] = {"input", SLOT_RO, 1, 0, false, ""},                      \
			  [SLOT_OUTPUT] = {"output", SLOT_RW, 1, 0, false, ""},                    \
			  [SLOT_TAG] = {"tag", SLOT_RW, 16, 16, false, ""}},                       \
		.run = (function)                                                                  \
	}
#define DIGEST_COMMAND(function)                                                                   \
	{                                                                                          \
		.number = 1, .name = "Digest", .doc = "as digest",                                 \
		.words = {{"algorithm", NULL, ""}},                                                \
		.slots = {[SLOT_MESSAGE] = {"input", SLOT_RO, 1, 0, false, ""},                    \
			  [SLOT_DIGEST] = {"digest", SLOT_RW, 32, 64, false, ""}},                 \
		.run = (function)                                                                  \
	}

static const struct command commands[] = {AES_COMMAND(large_encrypt), DIGEST_COMMAND(large_digest),
					  AES_COMMAND(small_encrypt), DIGEST_COMMAND(small_digest)};

#define CAPSULE(string, number, at)                                                                \
	{                                                                                          \
		.name = (string), .interface = (string), .doc = "", .driver = (number),            \
		.commands = &commands[at], .command_count = 1                                      \
	}
static const struct capsule capsules[] = {
	CAPSULE("static-large-aes", STATIC_LARGE_AES, 0),
	CAPSULE("static-large-digest", STATIC_LARGE_DIGEST, 1),
	CAPSULE("static-small-aes", STATIC_SMALL_AES, 2),
	CAPSULE("static-small-digest", STATIC_SMALL_DIGEST, 3),
};
const struct capsule *const static_capsules[] = {&capsules[0], &capsules[1], &capsules[2],
						 &capsules[3], NULL};

void static_service_open(void)
{
	evp_open_cipher(&engine, "AES-256-GCM");
}

void static_service_close(void)
{
	evp_close(&engine);
}

size_t static_service_per_client(size_t buffer)
{
	return buffer == STATIC_LARGE ? sizeof(large_clients[0]) : sizeof(small_clients[0]);
}

size_t static_service_hash_context(void)
{
	return sizeof(union hash_state);
}

size_t static_service_aes_context(void)
{
	return offsetof(struct static_context, hash);
}

size_t static_service_during(size_t buffer)
{
	return 2 * buffer;
}
