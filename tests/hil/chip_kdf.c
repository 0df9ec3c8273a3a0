/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's key derivation unit: one callback or one block in each step, and of PBKDF2 a few
 * rounds. Salt, label and info must fit into what it keeps beside its buffer.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/authenticator.h"
#include "tests/hil/chip_unit.h"

#define CHIP_KDF_SALT_MAX 192u
#define CHIP_KDF_LABEL_MAX 64u
#define CHIP_KDF_INFO_MAX 128u
#define CHIP_KDF_LENGTH_MAX 8192u
#define CHIP_KDF_ROUNDS_MAX 100000u
#define CHIP_BLOCK_MAX 32u
#define ROUNDS_AT_ONCE 40u

struct operation {
	struct kdf_client *client;
	struct kdf_request request;
	unsigned stage; /* of those below */
	struct authenticator keyed;
	uint8_t text[CHIP_KDF_LABEL_MAX + 1 + CHIP_KDF_INFO_MAX + 4];
	size_t text_length;
	size_t given;
	size_t given_of_block;
	uint32_t blocks;
	uint32_t rounds;
	uint8_t block[CHIP_BLOCK_MAX];
	uint8_t round[CHIP_BLOCK_MAX];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");
static_assert(sizeof(((struct operation *)NULL)->text) >= CHIP_KDF_SALT_MAX, "a salt has room");

struct chip_kdf {
	struct kdf_engine engine;
	struct chip_unit unit;
	struct operation operation;
};

static struct chip_kdf *of_unit(struct chip_unit *unit)
{
	return (struct chip_kdf *)(void *)((char *)unit - offsetof(struct chip_kdf, unit));
}

static void add_number(struct authenticator *mac, uint32_t number)
{
	const uint8_t bytes[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
				 (uint8_t)(number >> 8), (uint8_t)number};

	authenticator_add(mac, bytes, sizeof(bytes));
}

/* --- what goes in: one stage each ------------------------------------------------------------- */

static int take_text(struct operation *op,
		     int (*pull)(struct kdf_client *client, uint8_t *bytes, size_t len), size_t len)
{
	int r = len ? pull(op->client, op->text + op->text_length, len) : 0;

	op->text_length += len;
	return r < 0 ? r : CHIP_GOES_ON;
}

static int take_salt(struct operation *op)
{
	return take_text(op, op->client->ops->pull_salt, op->request.salt_length);
}

/* RFC 5869: without a salt it is a block of zeros, for HMAC the same as one zero. */
static void extract(struct operation *op, const uint8_t *key)
{
	static const uint8_t zero;
	const uint8_t *salt = op->text_length ? op->text : &zero;
	uint8_t prk[MAC_SIZE_MAX];

	authenticator_begin(&op->keyed, op->request.prf, salt,
			    op->text_length ? op->text_length : 1);
	authenticator_add(&op->keyed, key, op->request.key_size);
	authenticator_end(&op->keyed, prk);
	authenticator_begin(&op->keyed, op->request.prf, prk, mac_size(op->request.prf));
	memcpy(op->block, prk, mac_size(op->request.prf));
	op->text_length = 0;
}

static int take_key(struct operation *op)
{
	uint8_t key[CHIP_BUFFER_SIZE];
	int r = op->client->ops->pull_key(op->client, key, op->request.key_size);

	if (r < 0)
		return r;
	if (op->request.method == KDF_HKDF || op->request.method == KDF_HKDF_EXTRACT)
		extract(op, key);
	else
		authenticator_begin(&op->keyed, op->request.prf, key, op->request.key_size);
	op->blocks = op->request.method == KDF_HKDF_EXTRACT;
	explicit_bzero(key, sizeof(key));
	return CHIP_GOES_ON;
}

static int take_label(struct operation *op)
{
	int r = take_text(op, op->client->ops->pull_label, op->request.label_length);

	if (op->request.method == KDF_COUNTER)
		op->text[op->text_length++] = 0;
	return r;
}

static int take_info(struct operation *op)
{
	return take_text(op, op->client->ops->pull_info, op->request.info_length);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void begin_block(struct operation *op)
{
	struct authenticator mac = op->keyed;
	uint8_t result[MAC_SIZE_MAX];
	uint8_t number = (uint8_t)++op->blocks;

	switch (op->request.method) {
	case KDF_PBKDF2:
		authenticator_add(&mac, op->text, op->text_length);
		add_number(&mac, op->blocks);
		break;
	case KDF_HKDF:
	case KDF_HKDF_EXPAND:
		if (op->blocks > 1)
			authenticator_add(&mac, op->block, mac_size(op->request.prf));
		authenticator_add(&mac, op->text, op->text_length);
		authenticator_add(&mac, &number, 1);
		break;
	default:
		add_number(&mac, op->blocks);
		authenticator_add(&mac, op->text, op->text_length);
		if (op->request.method == KDF_COUNTER)
			add_number(&mac, (uint32_t)op->request.length * 8);
	}
	authenticator_end(&mac, result);
	memcpy(op->block, result, mac_size(op->request.prf));
	memcpy(op->round, op->block, sizeof(op->round));
	op->rounds = 1;
	op->given_of_block = 0;
}

static void do_rounds(struct operation *op)
{
	size_t size = mac_size(op->request.prf);
	uint8_t result[MAC_SIZE_MAX];

	for (unsigned i = 0; i < ROUNDS_AT_ONCE && op->rounds < op->request.iterations; i++) {
		struct authenticator mac = op->keyed;

		authenticator_add(&mac, op->round, size);
		authenticator_end(&mac, result);
		memcpy(op->round, result, size);
		for (size_t k = 0; k < size; k++)
			op->block[k] ^= result[k];
		op->rounds++;
	}
}

static int give(struct operation *op, size_t buffer)
{
	size_t left = op->request.length - op->given;
	size_t len = mac_size(op->request.prf) - op->given_of_block;
	ssize_t n;

	len = len < left ? len : left;
	len = len < buffer ? len : buffer;
	n = chip_count(op->client->ops->push_output(op->client, op->block + op->given_of_block, len,
						    op->given),
		       len);
	if (n < 0)
		return (int)n;
	op->given += (size_t)n;
	op->given_of_block += (size_t)n;
	return op->given < op->request.length ? CHIP_GOES_ON : CHIP_DONE;
}

/* --- the unit --------------------------------------------------------------------------------- */

static int step(struct chip_unit *unit)
{
	static int (*const stages[])(struct operation * op) = {take_salt, take_key, take_label,
							       take_info};
	struct operation *op = &of_unit(unit)->operation;

	if (op->stage < sizeof(stages) / sizeof(stages[0]))
		return stages[op->stage++](op);
	if (op->blocks == 0 || op->given_of_block == mac_size(op->request.prf)) {
		begin_block(op);
		return CHIP_GOES_ON;
	}
	if (op->rounds < op->request.iterations) {
		do_rounds(op);
		return CHIP_GOES_ON;
	}
	return give(op, unit->chip->options.buffer);
}

static void finish(struct chip_unit *unit, int result)
{
	struct operation *op = &of_unit(unit)->operation;
	struct kdf_client *client = op->client;

	explicit_bzero(op, sizeof(*op));
	client->ops->done(client, result);
}

static int start(struct kdf_engine *engine, const struct kdf_request *request,
		 struct kdf_client *client)
{
	struct chip_kdf *kdf = (struct chip_kdf *)(void *)engine;
	int r = kdf_check(&engine->head, request);

	if (r < 0)
		return r;
	if (kdf->unit.busy)
		return -PLUTON_EBUSY;
	kdf->operation = (struct operation){.client = client, .request = *request};
	chip_unit_begin(&kdf->unit);
	return 0;
}

static int cancel(struct kdf_engine *engine, struct kdf_client *client)
{
	struct chip_kdf *kdf = (struct chip_kdf *)(void *)engine;

	return kdf->operation.client == client ? chip_unit_cancel(&kdf->unit) : -PLUTON_EINVAL;
}

struct chip_kdf *chip_kdf_open(struct chip *chip)
{
	static const struct kdf_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_kdf *kdf = calloc(1, sizeof(*kdf));

	if (!kdf)
		return NULL;
	kdf->engine = (struct kdf_engine){
		.head = {.name = "chip", .kind = HIL_KDF, .level = HIL_LEVEL_KDF, .concurrency = 1},
		.caps = {.prfs = {[KDF_HKDF] = AUTHENTICATOR_HMACS,
				  [KDF_HKDF_EXTRACT] = AUTHENTICATOR_HMACS,
				  [KDF_HKDF_EXPAND] = AUTHENTICATOR_HMACS,
				  [KDF_COUNTER] = AUTHENTICATOR_HMACS | AUTHENTICATOR_CMACS,
				  [KDF_COUNTER_FIXED] = AUTHENTICATOR_HMACS | AUTHENTICATOR_CMACS,
				  [KDF_PBKDF2] = AUTHENTICATOR_HMACS},
			 .key_size_max = CHIP_BUFFER_SIZE,
			 .key_sizes = AUTHENTICATOR_KEY_SIZES,
			 .salt_max = CHIP_KDF_SALT_MAX,
			 .label_max = CHIP_KDF_LABEL_MAX,
			 .info_max = CHIP_KDF_INFO_MAX,
			 .length_max = CHIP_KDF_LENGTH_MAX,
			 .rounds_max = CHIP_KDF_ROUNDS_MAX},
		.ops = &ops,
	};
	chip_unit_init(&kdf->unit, chip, step, finish);
	return kdf;
}

struct hil_engine *chip_kdf_engine(struct chip_kdf *kdf)
{
	return &kdf->engine.head;
}

void chip_kdf_close(struct chip_kdf *kdf)
{
	if (kdf)
		deferred_call_drop(&kdf->unit.tick);
	free(kdf);
}
