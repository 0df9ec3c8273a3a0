/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA in as few lines as it takes, without the parts for the Chinese remainder theorem: they are
 * pulled and left alone.
 */
#include "tests/hil/hogweed.h"

#include <nettle/bignum.h>
#include <nettle/nettle-meta.h>
#include <nettle/pkcs1.h>
#include <nettle/pss.h>
#include <stdlib.h>
#include <string.h>

struct hogweed_operation {
	struct deferred_call call;
	struct hogweed *hogweed;
	struct rsa_client *client; /* NULL: idle */
	bool cancelled;
	struct rsa_request request;
	mpz_t n, e, d;
	uint8_t input[RSA_SIZE_MAX];
	uint8_t signature[RSA_SIZE_MAX];
	uint8_t output[RSA_SIZE_MAX];
};

struct hogweed {
	struct rsa_engine engine;
	const char *why;
	uint32_t random;
	struct hogweed_operation operations[HOGWEED_CONCURRENCY];
};

/* --- moving ------------------------------------------------------------------------------------
 */

static int answered(const struct hogweed_operation *operation, int r)
{
	if (r < 0)
		return r;
	return operation->cancelled ? -PLUTON_ECANCEL : 0;
}

static int pull_parts(struct hogweed_operation *operation)
{
	struct rsa_client *client = operation->client;
	mpz_t *const numbers[] = {&operation->n, &operation->e, &operation->d};
	uint8_t bytes[RSA_SIZE_MAX];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < rsa_part_count(&operation->request); i++) {
		enum rsa_part part = (enum rsa_part)i;
		size_t size = rsa_part_size(part, operation->request.size);

		r = answered(operation, client->ops->pull_part(client, part, bytes, size));
		if (r == 0 && part == RSA_E) {
			uint8_t modulus[RSA_SIZE_MAX];

			nettle_mpz_get_str_256(operation->request.size, modulus, operation->n);
			operation->hogweed->why =
				rsa_public_fault(modulus, operation->request.size, bytes);
		}
		if (r == 0 && i < 3)
			nettle_mpz_set_str_256_u(*numbers[i], size, bytes);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

static int pull_input(struct hogweed_operation *operation)
{
	struct rsa_client *client = operation->client;

	for (size_t at = 0; at < operation->request.length;) {
		size_t left = operation->request.length - at;
		size_t piece = left < HOGWEED_PIECE ? left : HOGWEED_PIECE;
		ssize_t n = client->ops->pull_input(client, operation->input + at, piece, at);
		int r = answered(operation, n < 0 ? (int)n : 0);

		if (r < 0)
			return r;
		if (n == 0 || (size_t)n > piece)
			return -PLUTON_ESIZE;
		at += (size_t)n;
	}
	return 0;
}

static int push_output(struct hogweed_operation *operation)
{
	struct rsa_client *client = operation->client;

	for (size_t at = 0; at < rsa_output_size(&operation->request);) {
		size_t left = operation->request.size - at;
		size_t piece = left < HOGWEED_PIECE ? left : HOGWEED_PIECE;
		ssize_t n = client->ops->push_output(client, operation->output + at, piece, at);
		int r = answered(operation, n < 0 ? (int)n : 0);

		if (r < 0)
			return r;
		if (n == 0 || (size_t)n > piece)
			return -PLUTON_ESIZE;
		at += (size_t)n;
	}
	return 0;
}

/* --- computing ---------------------------------------------------------------------------------
 */

static const struct nettle_hash *hash_of(enum digest_algorithm algorithm)
{
	switch (algorithm) {
	case DIGEST_SHA224:
		return &nettle_sha224;
	case DIGEST_SHA256:
		return &nettle_sha256;
	case DIGEST_SHA384:
		return &nettle_sha384;
	default:
		return &nettle_sha512;
	}
}

/* No random numbers at all: salts and paddings that look like some. */
static void fill(void *context, size_t length, uint8_t *bytes)
{
	struct hogweed *hogweed = context;

	for (size_t i = 0; i < length; i++) {
		hogweed->random = hogweed->random * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(hogweed->random >> 24);
	}
}

static int encode_pkcs1(struct hogweed_operation *operation, mpz_t encoded)
{
	size_t size = operation->request.size;

	switch (operation->request.hash) {
	case DIGEST_SHA1:
		return pkcs1_rsa_sha1_encode_digest(encoded, size, operation->input);
	case DIGEST_SHA256:
		return pkcs1_rsa_sha256_encode_digest(encoded, size, operation->input);
	default:
		return pkcs1_rsa_sha512_encode_digest(encoded, size, operation->input);
	}
}

static int encode_pss(struct hogweed_operation *operation, mpz_t encoded)
{
	uint8_t salt[RSA_SIZE_MAX];

	fill(operation->hogweed, operation->request.salt_size, salt);
	return pss_encode_mgf1(encoded, operation->request.size * 8 - 1,
			       hash_of(operation->request.hash), operation->request.salt_size, salt,
			       operation->input);
}

static int fail(struct hogweed_operation *operation, const char *why)
{
	operation->hogweed->why = why;
	return -PLUTON_EINVAL;
}

static int raise_private(struct hogweed_operation *operation, mpz_t number)
{
	mpz_t back;
	int r = 0;

	if (mpz_cmp(number, operation->n) >= 0)
		return fail(operation, "the input is not smaller than the modulus");
	mpz_init(back);
	if (mpz_sgn(operation->d) > 0) /* GMP divides by zero otherwise */
		mpz_powm_sec(back, number, operation->d, operation->n);
	mpz_swap(back, number);
	if (mpz_sgn(operation->d) > 0) {
		mpz_t check;

		mpz_init(check);
		mpz_powm(check, number, operation->e, operation->n);
		r = mpz_cmp(check, back);
		mpz_clear(check);
	} else {
		r = -1;
	}
	mpz_clear(back);
	return r == 0 ? 0 : fail(operation, "the parts of the key do not belong together");
}

static int raise_public(struct hogweed_operation *operation, mpz_t number)
{
	if (mpz_cmp(number, operation->n) >= 0)
		return fail(operation, "the input is not smaller than the modulus");
	mpz_powm(number, number, operation->e, operation->n);
	return 0;
}

static int sign(struct hogweed_operation *operation, mpz_t number)
{
	int fits = operation->request.padding == RSA_PSS ? encode_pss(operation, number)
							 : encode_pkcs1(operation, number);

	return fits ? raise_private(operation, number) : fail(operation, "it does not fit");
}

static int verify(struct hogweed_operation *operation, mpz_t number)
{
	const struct rsa_request *request = &operation->request;
	bool good = false;
	mpz_t expected;

	nettle_mpz_set_str_256_u(number, request->size, operation->signature);
	if (raise_public(operation, number) == 0 && request->padding == RSA_PSS) {
		good = pss_verify_mgf1(number, request->size * 8 - 1, hash_of(request->hash),
				       request->salt_size, operation->input);
	} else {
		mpz_init(expected);
		good = encode_pkcs1(operation, expected) && mpz_cmp(expected, number) == 0;
		mpz_clear(expected);
	}
	return good ? 0 : fail(operation, "the signature does not match");
}

static int encrypt(struct hogweed_operation *operation, mpz_t number)
{
	if (!pkcs1_encrypt(operation->request.size, operation->hogweed, fill,
			   operation->request.length, operation->input, number))
		return fail(operation, "it does not fit");
	return raise_public(operation, number);
}

static int compute(struct hogweed_operation *operation)
{
	static int (*const actions[RSA_ACTIONS])(struct hogweed_operation * operation,
						 mpz_t number) = {
		[RSA_SIGN] = sign,	     [RSA_VERIFY] = verify,	    [RSA_ENCRYPT] = encrypt,
		[RSA_PUBLIC] = raise_public, [RSA_PRIVATE] = raise_private,
	};
	const struct rsa_request *request = &operation->request;
	mpz_t number;
	int r;

	nettle_mpz_init_set_str_256_u(number, request->length, operation->input);
	r = actions[request->action](operation, number);
	if (r == 0 && request->action != RSA_VERIFY)
		nettle_mpz_get_str_256(request->size, operation->output, number);
	mpz_clear(number);
	return r;
}

/* --- the operation -----------------------------------------------------------------------------
 */

static int work(struct hogweed_operation *operation)
{
	struct rsa_client *client = operation->client;
	int r = operation->cancelled ? -PLUTON_ECANCEL : pull_parts(operation);

	if (r == 0)
		r = pull_input(operation);
	if (r == 0 && operation->request.action == RSA_VERIFY)
		r = answered(operation, client->ops->pull_signature(client, operation->signature,
								    operation->request.size));
	if (r == 0 && operation->hogweed->why)
		r = -PLUTON_EINVAL;
	if (r == 0)
		r = compute(operation);
	return r == 0 ? push_output(operation) : r;
}

static void run(struct deferred_call *call)
{
	struct hogweed_operation *operation =
		(struct hogweed_operation *)(void *)((char *)call -
						     offsetof(struct hogweed_operation, call));
	struct rsa_client *client = operation->client;
	int r;

	operation->hogweed->why = NULL;
	r = work(operation);
	operation->client = NULL; /* idle before done, because the client may start again */
	deferred_call_drop(&operation->call);
	client->ops->done(client, r);
}

static struct hogweed_operation *find(struct rsa_engine *engine, const struct rsa_client *client)
{
	struct hogweed *hogweed = (struct hogweed *)(void *)engine;

	for (unsigned i = 0; i < HOGWEED_CONCURRENCY; i++) {
		if (hogweed->operations[i].client == client)
			return &hogweed->operations[i];
	}
	return NULL;
}

static int start(struct rsa_engine *engine, const struct rsa_request *request,
		 struct rsa_client *client)
{
	int r = rsa_check(&engine->head, request);
	struct hogweed_operation *operation = r < 0 ? NULL : find(engine, NULL);

	if (!operation)
		return r < 0 ? r : -PLUTON_EBUSY;
	operation->client = client;
	operation->cancelled = false;
	operation->request = *request;
	deferred_call_set(&operation->call);
	return 0;
}

static int cancel(struct rsa_engine *engine, struct rsa_client *client)
{
	struct hogweed_operation *operation = client ? find(engine, client) : NULL;

	if (!operation)
		return -PLUTON_EINVAL;
	operation->cancelled = true;
	deferred_call_set(&operation->call);
	return 0;
}

static const char *why(struct rsa_engine *engine)
{
	const char *sentence = ((struct hogweed *)(void *)engine)->why;

	return sentence ? sentence : "";
}

#define SIZES (1u << 1 | 1u << 2 | 1u << 3 | 1u << 4)

int hogweed_open(struct deferred_queue *deferred, struct hogweed **ret_hogweed)
{
	static const struct rsa_engine_ops ops = {.start = start, .cancel = cancel, .why = why};
	static const struct rsa_engine engine = {
		.head = {.name = "hogweed",
			 .kind = HIL_RSA,
			 .level = HIL_LEVEL_RSA,
			 .concurrency = HOGWEED_CONCURRENCY},
		.caps = {.paddings = {[RSA_SIGN] = 1u << RSA_PKCS1 | 1u << RSA_PSS,
				      [RSA_VERIFY] = 1u << RSA_PKCS1 | 1u << RSA_PSS,
				      [RSA_ENCRYPT] = 1u << RSA_PKCS1,
				      [RSA_PUBLIC] = 1u << RSA_BARE,
				      [RSA_PRIVATE] = 1u << RSA_BARE},
			 .sizes = {[RSA_SIGN] = SIZES,
				   [RSA_VERIFY] = SIZES,
				   [RSA_ENCRYPT] = SIZES,
				   [RSA_PUBLIC] = SIZES,
				   [RSA_PRIVATE] = SIZES},
			 .hashes = {[RSA_PKCS1] = 1u << DIGEST_SHA1 | 1u << DIGEST_SHA256 |
						  1u << DIGEST_SHA512,
				    [RSA_PSS] = 1u << DIGEST_SHA224 | 1u << DIGEST_SHA256 |
						1u << DIGEST_SHA384 | 1u << DIGEST_SHA512},
			 .salt_max = RSA_SIZE_MAX},
		.ops = &ops,
	};
	struct hogweed *hogweed = calloc(1, sizeof(*hogweed));

	if (!hogweed)
		return -PLUTON_ENOMEM;
	hogweed->engine = engine;
	for (unsigned i = 0; i < HOGWEED_CONCURRENCY; i++) {
		struct hogweed_operation *operation = &hogweed->operations[i];

		operation->hogweed = hogweed;
		deferred_call_init(&operation->call, deferred, run);
		mpz_inits(operation->n, operation->e, operation->d, NULL);
	}
	*ret_hogweed = hogweed;
	return 0;
}

void hogweed_close(struct hogweed *hogweed)
{
	for (unsigned i = 0; i < HOGWEED_CONCURRENCY; i++) {
		struct hogweed_operation *operation = &hogweed->operations[i];

		deferred_call_drop(&operation->call);
		mpz_clears(operation->n, operation->e, operation->d, NULL);
	}
	free(hogweed);
}

struct rsa_engine *hogweed_engine(struct hogweed *hogweed)
{
	return &hogweed->engine;
}
