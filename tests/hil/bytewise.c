/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine that moves single bytes. Loops and nothing else: the shortest way to serve the
 * HILs, and the longest way through their callbacks.
 */
#include "tests/hil/bytewise.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/mac.h"
#include "hil/rng.h"
#include "tests/hil/authenticator.h"
#include "tests/hil/cipher.h"

#define LENGTH_MAX (1u << 20)
#define STREAM_MODES (1u << AES_ECB | 1u << AES_CBC | 1u << AES_CTR | 1u << AES_GCM)

struct bytewise_operation {
	struct deferred_call call;
	struct bytewise *bytewise;
	void *client; /* NULL: idle */
	bool cancelled;
	union {
		struct rng_request rng;
		struct digest_request digest;
		struct aes_request aes;
		struct mac_request mac;
	} request;
	struct cipher cipher;
	struct sha256_ctx hash;
	struct authenticator mac;
	uint8_t tag[AES_TAG_SIZE];
	uint8_t scratch[BYTEWISE_SCRATCH];
};

struct bytewise {
	struct rng_engine rng;
	struct digest_engine digest;
	struct aes_engine aes;
	struct mac_engine hmac;
	struct mac_engine cmac;
	struct cipher generator;
	struct bytewise_operation operations[HIL_KINDS][BYTEWISE_CONCURRENCY];
};

static struct bytewise_operation *of_call(struct deferred_call *call)
{
	return (struct bytewise_operation *)(void *)((char *)call -
						     offsetof(struct bytewise_operation, call));
}

/* After any callback: an answer of 1 is the only good one, and a cancel ends the loops. */
static int moved_one(const struct bytewise_operation *operation, ssize_t n)
{
	if (n < 0)
		return (int)n;
	if (n != 1)
		return -PLUTON_ESIZE;
	return operation->cancelled ? -PLUTON_ECANCEL : 0;
}

static int moved_whole(const struct bytewise_operation *operation, int r)
{
	if (r < 0)
		return r;
	return operation->cancelled ? -PLUTON_ECANCEL : 0;
}

/* Idle before done, because the client may start again from there. */
static void *retire(struct bytewise_operation *operation)
{
	void *client = operation->client;

	operation->client = NULL;
	deferred_call_drop(&operation->call); /* a cancel from inside a callback has set it */
	explicit_bzero(&operation->cipher, sizeof(operation->cipher));
	explicit_bzero(&operation->mac, sizeof(operation->mac));
	explicit_bzero(operation->scratch, sizeof(operation->scratch));
	return client;
}

static struct bytewise_operation *accept(struct bytewise *bytewise, enum hil_kind kind,
					 void *client)
{
	for (unsigned i = 0; i < BYTEWISE_CONCURRENCY; i++) {
		struct bytewise_operation *operation = &bytewise->operations[kind][i];

		if (operation->client)
			continue;
		operation->client = client;
		operation->cancelled = false;
		deferred_call_set(&operation->call);
		return operation;
	}
	return NULL;
}

static int cancel(struct bytewise *bytewise, enum hil_kind kind, const void *client)
{
	for (unsigned i = 0; i < BYTEWISE_CONCURRENCY; i++) {
		struct bytewise_operation *operation = &bytewise->operations[kind][i];

		if (operation->client != client)
			continue;
		operation->cancelled = true;
		deferred_call_set(&operation->call);
		return 0;
	}
	return -PLUTON_EINVAL;
}

/* --- rng ------------------------------------------------------------------------------------- */

static int generate(struct bytewise_operation *operation)
{
	struct rng_client *client = operation->client;

	for (size_t i = 0; i < operation->request.rng.length; i++) {
		uint8_t byte = 0;
		int r;

		cipher_crypt(&operation->bytewise->generator, &byte, 1);
		r = moved_one(operation, client->ops->push_output(client, &byte, 1, i));
		if (r < 0)
			return r;
	}
	return 0;
}

static void run_rng(struct deferred_call *call)
{
	struct bytewise_operation *operation = of_call(call);
	int r = operation->cancelled ? -PLUTON_ECANCEL : generate(operation);
	struct rng_client *client = retire(operation);

	client->ops->done(client, r);
}

static int start_rng(struct rng_engine *engine, const struct rng_request *request,
		     struct rng_client *client)
{
	struct bytewise *bytewise =
		(struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, rng));
	int r = rng_check(&engine->head, request);
	struct bytewise_operation *operation = r < 0 ? NULL : accept(bytewise, HIL_RNG, client);

	if (!operation)
		return r < 0 ? r : -PLUTON_EBUSY;
	operation->request.rng = *request;
	return 0;
}

static int cancel_rng(struct rng_engine *engine, struct rng_client *client)
{
	return cancel((struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, rng)),
		      HIL_RNG, client);
}

/* --- digest ---------------------------------------------------------------------------------- */

static int hash_input(struct bytewise_operation *operation)
{
	struct digest_client *client = operation->client;

	for (size_t i = 0; i < operation->request.digest.length; i++) {
		uint8_t byte;
		int r = moved_one(operation, client->ops->pull_input(client, &byte, 1, i));

		if (r < 0)
			return r;
		sha256_update(&operation->hash, 1, &byte);
	}
	return 0;
}

static int give_hash(struct bytewise_operation *operation)
{
	struct digest_client *client = operation->client;
	uint8_t digest[SHA256_DIGEST_SIZE];

	if (!(operation->request.digest.phase & HIL_LAST))
		return client->ops->push_state(client, (const uint8_t *)&operation->hash,
					       sizeof(operation->hash));
	sha256_digest(&operation->hash, sizeof(digest), digest);
	return client->ops->push_digest(client, digest, sizeof(digest));
}

static int hash(struct bytewise_operation *operation)
{
	struct digest_client *client = operation->client;
	int r = 0;

	sha256_init(&operation->hash);
	if (!(operation->request.digest.phase & HIL_FIRST))
		r = client->ops->pull_state(client, (uint8_t *)&operation->hash,
					    sizeof(operation->hash));
	r = moved_whole(operation, r);
	if (r == 0)
		r = hash_input(operation);
	return r == 0 ? give_hash(operation) : r;
}

static void run_digest(struct deferred_call *call)
{
	struct bytewise_operation *operation = of_call(call);
	int r = operation->cancelled ? -PLUTON_ECANCEL : hash(operation);
	struct digest_client *client = retire(operation);

	client->ops->done(client, r);
}

static int start_digest(struct digest_engine *engine, const struct digest_request *request,
			struct digest_client *client)
{
	struct bytewise *bytewise =
		(struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, digest));
	int r = digest_check(&engine->head, request);
	struct bytewise_operation *operation = r < 0 ? NULL : accept(bytewise, HIL_DIGEST, client);

	if (!operation)
		return r < 0 ? r : -PLUTON_EBUSY;
	operation->request.digest = *request;
	return 0;
}

static int cancel_digest(struct digest_engine *engine, struct digest_client *client)
{
	return cancel(
		(struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, digest)),
		HIL_DIGEST, client);
}

/* --- aes: what moves whole ------------------------------------------------------------------- */

static int pull_key(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	uint8_t key[AES_KEY_SIZE_MAX];
	size_t key_size = operation->request.aes.key_size;
	int r = client->ops->pull_key(client, key, key_size);

	if (r >= 0)
		cipher_init(&operation->cipher, key, key_size);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int pull_iv(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	const struct aes_request *request = &operation->request.aes;
	const struct cipher_ccm about = {request->iv_size, request->tag_size, request->aad_length,
					 request->length};
	uint8_t iv[AES_BLOCK_SIZE];
	int r = client->ops->pull_iv(client, iv, request->iv_size);

	if (r >= 0 && request->mode == AES_CBC)
		cipher_set_cbc_iv(&operation->cipher, iv);
	else if (r >= 0 && request->mode == AES_CCM)
		cipher_set_ccm_iv(&operation->cipher, iv, &about);
	else if (r >= 0)
		cipher_set_gcm_iv(&operation->cipher, iv);
	return r;
}

static int check_room(const struct bytewise_operation *operation)
{
	enum aes_mode mode = operation->request.aes.mode;
	bool counts = mode == AES_CTR || mode == AES_GCM;
	bool has_room = cipher_has_room(&operation->cipher, operation->request.aes.length);

	return !counts || has_room ? 0 : -PLUTON_ESIZE;
}

static int pull_ctr(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	uint8_t ctr[AES_BLOCK_SIZE];
	int r = client->ops->pull_ctr(client, ctr, sizeof(ctr));

	if (r < 0)
		return r;
	cipher_set_ctr(&operation->cipher, ctr, operation->request.aes.ctr_bits);
	return check_room(operation);
}

static int pull_state(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	int r = client->ops->pull_state(client, (uint8_t *)&operation->cipher,
					sizeof(operation->cipher));

	return r < 0 ? r : check_room(operation);
}

static int push_state(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;

	return client->ops->push_state(client, (const uint8_t *)&operation->cipher,
				       sizeof(operation->cipher));
}

static int pull_tag(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;

	return client->ops->pull_tag(client, operation->tag, operation->request.aes.tag_size);
}

static int push_tag(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	uint8_t tag[AES_TAG_SIZE];

	cipher_tag(&operation->cipher, tag);
	return client->ops->push_tag(client, tag, operation->request.aes.tag_size);
}

static int check_tag(struct bytewise_operation *operation)
{
	uint8_t tag[AES_TAG_SIZE], difference = 0;

	cipher_tag(&operation->cipher, tag);
	for (size_t i = 0; i < operation->request.aes.tag_size; i++)
		difference |= tag[i] ^ operation->tag[i];
	return difference ? -PLUTON_EINVAL : 0;
}

/* --- aes: what moves byte by byte ------------------------------------------------------------ */

static int pull_aad(struct bytewise_operation *operation)
{
	struct aes_client *client = operation->client;
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->request.aes.aad_length; i++) {
		uint8_t byte;

		r = moved_one(operation, client->ops->pull_aad(client, &byte, 1, i));
		if (r == 0)
			cipher_hash_aad(&operation->cipher, &byte, 1);
	}
	return r;
}

static void transform(struct bytewise_operation *operation, uint8_t *buf, size_t len)
{
	const struct aes_request *request = &operation->request.aes;
	bool encrypts = request->direction == AES_ENCRYPT;

	switch (request->mode) {
	case AES_ECB:
		cipher_ecb(&operation->cipher, encrypts, buf, len);
		break;
	case AES_CBC:
		cipher_cbc(&operation->cipher, encrypts, buf, len);
		break;
	case AES_CTR:
		cipher_crypt(&operation->cipher, buf, len);
		break;
	default:
		cipher_seal(&operation->cipher, buf, len);
		break;
	}
}

static int pull_bytes(struct bytewise_operation *operation, uint8_t *buf, size_t len, size_t cursor)
{
	struct aes_client *client = operation->client;
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++)
		r = moved_one(operation, client->ops->pull_input(client, buf + i, 1, cursor + i));
	return r;
}

static int push_bytes(struct bytewise_operation *operation, const uint8_t *buf, size_t len,
		      size_t cursor)
{
	struct aes_client *client = operation->client;
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++)
		r = moved_one(operation, client->ops->push_output(client, buf + i, 1, cursor + i));
	return r;
}

static int move_data(struct bytewise_operation *operation)
{
	enum aes_mode mode = operation->request.aes.mode;
	size_t unit = mode == AES_ECB || mode == AES_CBC ? AES_BLOCK_SIZE : 1;
	uint8_t buf[AES_BLOCK_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->request.aes.length; i += unit) {
		r = pull_bytes(operation, buf, unit, i);
		if (r < 0)
			return r;
		transform(operation, buf, unit);
		r = push_bytes(operation, buf, unit, i);
	}
	return r;
}

static int take_ciphertext(struct bytewise_operation *operation)
{
	size_t length = operation->request.aes.length;
	int r = 0;

	/* It has nowhere to put more, and cannot use what is lent. */
	if (length > BYTEWISE_SCRATCH)
		return -PLUTON_ESIZE;
	r = pull_bytes(operation, operation->scratch, length, 0);
	if (r == 0)
		cipher_open(&operation->cipher, operation->scratch, length);
	return r;
}

static int give_plaintext(struct bytewise_operation *operation)
{
	int r = check_tag(operation);

	if (r == 0)
		r = push_bytes(operation, operation->scratch, operation->request.aes.length, 0);
	return r;
}

static int (*const step_functions[])(struct bytewise_operation *operation) = {
	[AES_STEP_KEY] = pull_key,	    [AES_STEP_IV_IN] = pull_iv,
	[AES_STEP_CTR] = pull_ctr,	    [AES_STEP_AAD] = pull_aad,
	[AES_STEP_TAG_IN] = pull_tag,	    [AES_STEP_DATA] = move_data,
	[AES_STEP_INPUT] = take_ciphertext, [AES_STEP_OUTPUT] = give_plaintext,
	[AES_STEP_TAG_OUT] = push_tag,	    [AES_STEP_STATE_IN] = pull_state,
	[AES_STEP_STATE_OUT] = push_state,
};

static int encipher(struct bytewise_operation *operation)
{
	const struct aes_request *request = &operation->request.aes;
	enum aes_step steps[AES_STEPS_MAX];
	int r = 0;

	aes_steps(request, steps);
	for (size_t i = 0; r == 0 && steps[i] != AES_STEP_END; i++)
		r = moved_whole(operation, step_functions[steps[i]](operation));
	if (r == 0 && request->length == 0 && aes_is_aead(request->mode) &&
	    request->direction == AES_DECRYPT)
		r = check_tag(operation);
	return r;
}

static void run_aes(struct deferred_call *call)
{
	struct bytewise_operation *operation = of_call(call);
	int r = operation->cancelled ? -PLUTON_ECANCEL : encipher(operation);
	struct aes_client *client = retire(operation);

	client->ops->done(client, r);
}

static int start_aes(struct aes_engine *engine, const struct aes_request *request,
		     struct aes_client *client)
{
	struct bytewise *bytewise =
		(struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, aes));
	int r = aes_check(&engine->head, request);
	struct bytewise_operation *operation = r < 0 ? NULL : accept(bytewise, HIL_AES, client);

	if (!operation)
		return r < 0 ? r : -PLUTON_EBUSY;
	operation->request.aes = *request;
	return 0;
}

static int cancel_aes(struct aes_engine *engine, struct aes_client *client)
{
	return cancel((struct bytewise *)(void *)((char *)engine - offsetof(struct bytewise, aes)),
		      HIL_AES, client);
}

/* --- mac: HMAC and CMAC ---------------------------------------------------------------------- */

static struct bytewise *of_mac(struct mac_engine *engine)
{
	size_t offset = engine->head.kind == HIL_HMAC ? offsetof(struct bytewise, hmac)
						      : offsetof(struct bytewise, cmac);

	return (struct bytewise *)(void *)((char *)engine - offset);
}

static size_t mac_state_bytes(const struct bytewise_operation *operation)
{
	const struct bytewise *bytewise = operation->bytewise;

	return operation->request.mac.algorithm == MAC_CMAC_AES ? bytewise->cmac.caps.state_bytes
								: bytewise->hmac.caps.state_bytes;
}

static int pull_mac_key(struct bytewise_operation *operation)
{
	struct mac_client *client = operation->client;
	const struct mac_request *request = &operation->request.mac;
	uint8_t key[HMAC_KEY_SIZE_MAX];
	int r;

	if (!(request->phase & HIL_FIRST))
		return client->ops->pull_state(client, (uint8_t *)&operation->mac,
					       mac_state_bytes(operation));
	r = client->ops->pull_key(client, key, request->key_size);
	if (r == 0)
		authenticator_begin(&operation->mac, request->algorithm, key, request->key_size);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int add_input(struct bytewise_operation *operation)
{
	struct mac_client *client = operation->client;

	for (size_t i = 0; i < operation->request.mac.length; i++) {
		uint8_t byte;
		int r = moved_one(operation, client->ops->pull_input(client, &byte, 1, i));

		if (r < 0)
			return r;
		authenticator_add(&operation->mac, &byte, 1);
	}
	return 0;
}

static int check_mac(struct bytewise_operation *operation, const uint8_t *mac)
{
	struct mac_client *client = operation->client;
	uint8_t expected[MAC_SIZE_MAX], difference = 0;
	size_t size = operation->request.mac.mac_size;
	int r = client->ops->pull_mac(client, expected, size);

	for (size_t i = 0; r == 0 && i < size; i++)
		difference |= mac[i] ^ expected[i];
	return difference ? -PLUTON_EINVAL : r;
}

static int give_mac(struct bytewise_operation *operation)
{
	struct mac_client *client = operation->client;
	const struct mac_request *request = &operation->request.mac;
	uint8_t mac[MAC_SIZE_MAX];

	if (!(request->phase & HIL_LAST))
		return client->ops->push_state(client, (const uint8_t *)&operation->mac,
					       mac_state_bytes(operation));
	authenticator_end(&operation->mac, mac);
	return request->verify ? check_mac(operation, mac)
			       : client->ops->push_mac(client, mac, request->mac_size);
}

static int authenticate(struct bytewise_operation *operation)
{
	int r = moved_whole(operation, pull_mac_key(operation));

	if (r == 0)
		r = add_input(operation);
	return r == 0 ? give_mac(operation) : r;
}

static void run_mac(struct deferred_call *call)
{
	struct bytewise_operation *operation = of_call(call);
	int r = operation->cancelled ? -PLUTON_ECANCEL : authenticate(operation);
	struct mac_client *client = retire(operation);

	client->ops->done(client, r);
}

static int start_mac(struct mac_engine *engine, const struct mac_request *request,
		     struct mac_client *client)
{
	int r = mac_check(&engine->head, request);
	struct bytewise_operation *operation =
		r < 0 ? NULL : accept(of_mac(engine), engine->head.kind, client);

	if (!operation)
		return r < 0 ? r : -PLUTON_EBUSY;
	operation->request.mac = *request;
	return 0;
}

static int cancel_mac(struct mac_engine *engine, struct mac_client *client)
{
	return cancel(of_mac(engine), engine->head.kind, client);
}

/* --- opening --------------------------------------------------------------------------------- */

static const struct rng_engine_ops rng_ops = {.start = start_rng, .cancel = cancel_rng};
static const struct digest_engine_ops digest_ops = {.start = start_digest, .cancel = cancel_digest};
static const struct aes_engine_ops aes_ops = {.start = start_aes, .cancel = cancel_aes};
static const struct mac_engine_ops mac_ops = {.start = start_mac, .cancel = cancel_mac};

static struct hil_engine head_of(enum hil_kind kind, enum hil_level level)
{
	return (struct hil_engine){.name = "bytewise",
				   .kind = kind,
				   .level = level,
				   .concurrency = BYTEWISE_CONCURRENCY};
}

static struct mac_engine mac_engine_of(enum hil_kind kind, enum hil_level level)
{
	return (struct mac_engine){
		.head = head_of(kind, level),
		.caps = authenticator_caps(kind, HMAC_KEY_SIZE_MAX, LENGTH_MAX),
		.ops = &mac_ops,
	};
}

static void describe(struct bytewise *bytewise)
{
	bytewise->rng = (struct rng_engine){
		.head = head_of(HIL_RNG, HIL_LEVEL_RNG),
		.caps = {.request_max = LENGTH_MAX},
		.ops = &rng_ops,
	};
	bytewise->digest = (struct digest_engine){
		.head = head_of(HIL_DIGEST, HIL_LEVEL_DIGEST),
		.caps = {.algorithms = 1u << DIGEST_SHA256,
			 .length_max = LENGTH_MAX,
			 .state_bytes = sizeof(struct sha256_ctx)},
		.ops = &digest_ops,
	};
	bytewise->aes = (struct aes_engine){
		.head = head_of(HIL_AES, HIL_LEVEL_AES),
		.caps = {.modes = STREAM_MODES | 1u << AES_CCM,
			 .stream_modes = STREAM_MODES,
			 .key_sizes = 1u << 2 | 1u << 4,
			 .length_max = LENGTH_MAX,
			 .aad_max = LENGTH_MAX,
			 .aead_scratch = BYTEWISE_SCRATCH,
			 .state_bytes = sizeof(struct cipher)},
		.ops = &aes_ops,
	};
	bytewise->hmac = mac_engine_of(HIL_HMAC, HIL_LEVEL_HMAC);
	bytewise->cmac = mac_engine_of(HIL_CMAC, HIL_LEVEL_CMAC);
}

int bytewise_open(struct deferred_queue *deferred, struct bytewise **ret_bytewise)
{
	static void (*const runs[HIL_KINDS])(struct deferred_call * call) = {
		[HIL_RNG] = run_rng,  [HIL_DIGEST] = run_digest, [HIL_AES] = run_aes,
		[HIL_HMAC] = run_mac, [HIL_CMAC] = run_mac,
	};
	static const uint8_t key[16] = "bytes for tests.", ctr[16];
	struct bytewise *bytewise = calloc(1, sizeof(*bytewise));

	if (!bytewise)
		return -PLUTON_ENOMEM;
	describe(bytewise);
	cipher_init(&bytewise->generator, key, sizeof(key));
	cipher_set_ctr(&bytewise->generator, ctr, 128);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		for (unsigned i = 0; i < BYTEWISE_CONCURRENCY; i++) {
			bytewise->operations[kind][i].bytewise = bytewise;
			deferred_call_init(&bytewise->operations[kind][i].call, deferred,
					   runs[kind]);
		}
	}
	*ret_bytewise = bytewise;
	return 0;
}

void bytewise_close(struct bytewise *bytewise)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		for (unsigned i = 0; i < BYTEWISE_CONCURRENCY; i++)
			deferred_call_drop(&bytewise->operations[kind][i].call);
	}
	free(bytewise);
}

struct hil_engine *bytewise_engine(struct bytewise *bytewise, enum hil_kind kind)
{
	struct hil_engine *const engines[HIL_KINDS] = {
		[HIL_RNG] = &bytewise->rng.head,   [HIL_DIGEST] = &bytewise->digest.head,
		[HIL_AES] = &bytewise->aes.head,   [HIL_HMAC] = &bytewise->hmac.head,
		[HIL_CMAC] = &bytewise->cmac.head,
	};

	return engines[kind];
}
