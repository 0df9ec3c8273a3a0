/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's random number generator: for tests, so a counter under AES and no entropy at all.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/chip_unit.h"
#include "tests/hil/cipher.h"

#define CHIP_RNG_MAX 8192u

struct operation {
	struct rng_client *client;
	size_t length;
	size_t given;
	size_t filled;
	size_t drained;
	uint8_t buffer[CHIP_BUFFER_SIZE];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");

struct chip_rng {
	struct rng_engine engine;
	struct chip_unit unit;
	struct operation operation;
	struct cipher generator;
};

static struct chip_rng *of_unit(struct chip_unit *unit)
{
	return (struct chip_rng *)(void *)((char *)unit - offsetof(struct chip_rng, unit));
}

static void generate(struct chip_rng *rng)
{
	struct operation *operation = &rng->operation;
	size_t left = operation->length - operation->given;
	size_t buffer = rng->unit.chip->options.buffer;

	operation->filled = left < buffer ? left : buffer;
	operation->drained = 0;
	memset(operation->buffer, 0, operation->filled);
	cipher_crypt(&rng->generator, operation->buffer, operation->filled);
}

static int push(struct operation *operation)
{
	size_t len = operation->filled - operation->drained;
	ssize_t n = operation->client->ops->push_output(
		operation->client, operation->buffer + operation->drained, len, operation->given);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	operation->drained += (size_t)n;
	operation->given += (size_t)n;
	return CHIP_GOES_ON;
}

static int step(struct chip_unit *unit)
{
	struct chip_rng *rng = of_unit(unit);
	struct operation *operation = &rng->operation;

	if (operation->given == operation->length)
		return CHIP_DONE;
	if (operation->drained == operation->filled)
		generate(rng);
	return push(operation);
}

static void finish(struct chip_unit *unit, int result)
{
	struct operation *operation = &of_unit(unit)->operation;
	struct rng_client *client = operation->client;

	explicit_bzero(operation, sizeof(*operation));
	client->ops->done(client, result);
}

static int start(struct rng_engine *engine, const struct rng_request *request,
		 struct rng_client *client)
{
	struct chip_rng *rng = (struct chip_rng *)(void *)engine;
	int r = rng_check(&engine->head, request);

	if (r < 0)
		return r;
	if (rng->unit.busy)
		return -PLUTON_EBUSY;
	rng->operation = (struct operation){.client = client, .length = request->length};
	chip_unit_begin(&rng->unit);
	return 0;
}

static int cancel(struct rng_engine *engine, struct rng_client *client)
{
	struct chip_rng *rng = (struct chip_rng *)(void *)engine;

	return rng->operation.client == client ? chip_unit_cancel(&rng->unit) : -PLUTON_EINVAL;
}

struct chip_rng *chip_rng_open(struct chip *chip)
{
	static const struct rng_engine_ops ops = {.start = start, .cancel = cancel};
	static const uint8_t key[16] = "random for tests";
	static const uint8_t ctr[16];
	struct chip_rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return NULL;
	rng->engine = (struct rng_engine){
		.head = {.name = "chip", .kind = HIL_RNG, .level = HIL_LEVEL_RNG, .concurrency = 1},
		.caps = {.request_max = CHIP_RNG_MAX},
		.ops = &ops,
	};
	cipher_init(&rng->generator, key, sizeof(key));
	cipher_set_ctr(&rng->generator, ctr, 128);
	chip_unit_init(&rng->unit, chip, step, finish);
	return rng;
}

struct hil_engine *chip_rng_engine(struct chip_rng *rng)
{
	return &rng->engine.head;
}

void chip_rng_close(struct chip_rng *rng)
{
	if (rng)
		deferred_call_drop(&rng->unit.tick);
	free(rng);
}
