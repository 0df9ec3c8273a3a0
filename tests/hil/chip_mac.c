/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's MAC units, one for HMAC and one for CMAC. A key must fit the buffer.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/authenticator.h"
#include "tests/hil/chip_unit.h"

#define CHIP_MAC_MAX (1u << 20)

struct operation {
	struct mac_client *client;
	struct mac_request request;
	size_t taken;
	bool has_state;
	struct authenticator state;
	uint8_t buffer[CHIP_BUFFER_SIZE];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");

struct chip_mac {
	struct mac_engine engine;
	struct chip_unit unit;
	struct operation operation;
};

static struct chip_mac *of_unit(struct chip_unit *unit)
{
	return (struct chip_mac *)(void *)((char *)unit - offsetof(struct chip_mac, unit));
}

static int pull_key(struct operation *operation)
{
	const struct mac_request *request = &operation->request;
	int r = operation->client->ops->pull_key(operation->client, operation->buffer,
						 request->key_size);

	if (r >= 0)
		authenticator_begin(&operation->state, request->algorithm, operation->buffer,
				    request->key_size);
	return r;
}

/* The key, or what became of it. */
static int pull_state(struct chip_mac *mac)
{
	struct operation *operation = &mac->operation;
	struct mac_client *client = operation->client;
	int r;

	operation->has_state = true;
	if (operation->request.phase & HIL_FIRST)
		r = pull_key(operation);
	else
		r = client->ops->pull_state(client, (uint8_t *)&operation->state,
					    mac->engine.caps.state_bytes);
	return r < 0 ? r : CHIP_GOES_ON;
}

static int pull_input(struct operation *operation, size_t buffer)
{
	struct mac_client *client = operation->client;
	size_t left = operation->request.length - operation->taken;
	size_t len = left < buffer ? left : buffer;
	ssize_t n = client->ops->pull_input(client, operation->buffer, len, operation->taken);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	authenticator_add(&operation->state, operation->buffer, (size_t)n);
	operation->taken += (size_t)n;
	return CHIP_GOES_ON;
}

static int compare(struct operation *operation, const uint8_t *mac)
{
	struct mac_client *client = operation->client;
	size_t size = operation->request.mac_size;
	uint8_t difference = 0;
	int r = client->ops->pull_mac(client, operation->buffer, size);

	for (size_t i = 0; i < size; i++)
		difference |= mac[i] ^ operation->buffer[i];
	return r == 0 && difference ? -PLUTON_EINVAL : r;
}

static int push_result(struct chip_mac *unit)
{
	struct operation *operation = &unit->operation;
	struct mac_client *client = operation->client;
	uint8_t mac[MAC_SIZE_MAX];

	if (!(operation->request.phase & HIL_LAST))
		return client->ops->push_state(client, (const uint8_t *)&operation->state,
					       unit->engine.caps.state_bytes);
	authenticator_end(&operation->state, mac);
	if (operation->request.verify)
		return compare(operation, mac);
	return client->ops->push_mac(client, mac, operation->request.mac_size);
}

static int step(struct chip_unit *unit)
{
	struct chip_mac *mac = of_unit(unit);

	if (!mac->operation.has_state)
		return pull_state(mac);
	if (mac->operation.taken < mac->operation.request.length)
		return pull_input(&mac->operation, unit->chip->options.buffer);
	return push_result(mac);
}

static void finish(struct chip_unit *unit, int result)
{
	struct operation *operation = &of_unit(unit)->operation;
	struct mac_client *client = operation->client;

	explicit_bzero(operation, sizeof(*operation));
	client->ops->done(client, result);
}

static int start(struct mac_engine *engine, const struct mac_request *request,
		 struct mac_client *client)
{
	struct chip_mac *mac = (struct chip_mac *)(void *)engine;
	int r = mac_check(&engine->head, request);

	if (r < 0)
		return r;
	if (mac->unit.busy)
		return -PLUTON_EBUSY;
	mac->operation = (struct operation){.client = client, .request = *request};
	chip_unit_begin(&mac->unit);
	return 0;
}

static int cancel(struct mac_engine *engine, struct mac_client *client)
{
	struct chip_mac *mac = (struct chip_mac *)(void *)engine;

	return mac->operation.client == client ? chip_unit_cancel(&mac->unit) : -PLUTON_EINVAL;
}

struct chip_mac *chip_mac_open(struct chip *chip, enum hil_kind kind, enum hil_level level)
{
	static const struct mac_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_mac *mac = calloc(1, sizeof(*mac));

	if (!mac)
		return NULL;
	mac->engine = (struct mac_engine){
		.head = {.name = "chip", .kind = kind, .level = level, .concurrency = 1},
		.caps = authenticator_caps(kind, CHIP_BUFFER_SIZE, CHIP_MAC_MAX),
		.ops = &ops,
	};
	chip_unit_init(&mac->unit, chip, step, finish);
	return mac;
}

struct hil_engine *chip_mac_engine(struct chip_mac *mac)
{
	return &mac->engine.head;
}

void chip_mac_close(struct chip_mac *mac)
{
	if (mac)
		deferred_call_drop(&mac->unit.tick);
	free(mac);
}
