/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's hash unit: SHA-256 with a state that leaves it between updates.
 */
#include <assert.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/chip_unit.h"

#define CHIP_DIGEST_MAX (1u << 20)

struct operation {
	struct digest_client *client;
	struct digest_request request;
	size_t taken;
	bool has_state;
	struct sha256_ctx state;
	uint8_t buffer[CHIP_BUFFER_SIZE];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");
static_assert(sizeof(struct sha256_ctx) <= DIGEST_STATE_MAX, "the state is too big to be exported");

struct chip_digest {
	struct digest_engine engine;
	struct chip_unit unit;
	struct operation operation;
};

static struct chip_digest *of_unit(struct chip_unit *unit)
{
	return (struct chip_digest *)(void *)((char *)unit - offsetof(struct chip_digest, unit));
}

static int pull_state(struct operation *operation)
{
	struct digest_client *client = operation->client;
	int r = client->ops->pull_state(client, (uint8_t *)&operation->state,
					sizeof(operation->state));

	operation->has_state = true;
	return r < 0 ? r : CHIP_GOES_ON;
}

static int pull_input(struct operation *operation, size_t buffer)
{
	struct digest_client *client = operation->client;
	size_t left = operation->request.length - operation->taken;
	size_t len = left < buffer ? left : buffer;
	ssize_t n = client->ops->pull_input(client, operation->buffer, len, operation->taken);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	sha256_update(&operation->state, (size_t)n, operation->buffer);
	operation->taken += (size_t)n;
	return CHIP_GOES_ON;
}

static int push_result(struct operation *operation)
{
	struct digest_client *client = operation->client;
	uint8_t digest[SHA256_DIGEST_SIZE];

	if (!(operation->request.phase & HIL_LAST))
		return client->ops->push_state(client, (const uint8_t *)&operation->state,
					       sizeof(operation->state));
	sha256_digest(&operation->state, sizeof(digest), digest);
	return client->ops->push_digest(client, digest, sizeof(digest));
}

static int step(struct chip_unit *unit)
{
	struct operation *operation = &of_unit(unit)->operation;

	if (!operation->has_state)
		return pull_state(operation);
	if (operation->taken < operation->request.length)
		return pull_input(operation, unit->chip->options.buffer);
	return push_result(operation);
}

static void finish(struct chip_unit *unit, int result)
{
	struct operation *operation = &of_unit(unit)->operation;
	struct digest_client *client = operation->client;

	explicit_bzero(operation, sizeof(*operation));
	client->ops->done(client, result);
}

static int start(struct digest_engine *engine, const struct digest_request *request,
		 struct digest_client *client)
{
	struct chip_digest *digest = (struct chip_digest *)(void *)engine;
	int r = digest_check(&engine->head, request);

	if (r < 0)
		return r;
	if (digest->unit.busy)
		return -PLUTON_EBUSY;
	digest->operation = (struct operation){.client = client, .request = *request};
	digest->operation.has_state = request->phase & HIL_FIRST;
	sha256_init(&digest->operation.state);
	chip_unit_begin(&digest->unit);
	return 0;
}

static int cancel(struct digest_engine *engine, struct digest_client *client)
{
	struct chip_digest *digest = (struct chip_digest *)(void *)engine;

	return digest->operation.client == client ? chip_unit_cancel(&digest->unit)
						  : -PLUTON_EINVAL;
}

struct chip_digest *chip_digest_open(struct chip *chip)
{
	static const struct digest_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->engine = (struct digest_engine){
		.head = {.name = "chip",
			 .kind = HIL_DIGEST,
			 .level = HIL_LEVEL_DIGEST,
			 .concurrency = 1},
		.caps = {.algorithms = 1u << DIGEST_SHA256,
			 .length_max = CHIP_DIGEST_MAX,
			 .state_bytes = sizeof(struct sha256_ctx)},
		.ops = &ops,
	};
	chip_unit_init(&digest->unit, chip, step, finish);
	return digest;
}

struct hil_engine *chip_digest_engine(struct chip_digest *digest)
{
	return &digest->engine.head;
}

void chip_digest_close(struct chip_digest *digest)
{
	if (digest)
		deferred_call_drop(&digest->unit.tick);
	free(digest);
}
