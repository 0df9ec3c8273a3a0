/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of HIL nv inside a backend. It holds no engine but NV memory's, which is below its own.
 */
#include "backends/openssl/hwkey_store.h"

#include <stdio.h>
#include <string.h>

static struct store_action *of_client(struct nv_client *client)
{
	return (struct store_action *)(void *)client;
}

static struct store_action *of_waiter(struct hil_waiter *waiter)
{
	return (struct store_action *)(void *)((char *)waiter -
					       offsetof(struct store_action, waiter));
}

static ssize_t pull_input(struct nv_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	const struct store_action *action = of_client(client);

	memcpy(buf, action->bytes + cursor, len);
	return (ssize_t)len;
}

static ssize_t push_output(struct nv_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct store_action *action = of_client(client);

	memcpy(action->bytes + cursor, buf, len);
	return (ssize_t)len;
}

static void end(struct store_action *action, int result, const char *why)
{
	snprintf(action->why, sizeof(action->why), "%s", result < 0 ? why : "");
	arbiter_release(&action->waiter);
	action->engine = NULL;
	action->done(action, result);
}

static void done(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct store_action *action = of_client(client);

	action->length = answer ? answer->length : 0;
	end(action, result, action->engine->ops->why(action->engine));
}

static const struct nv_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.done = done,
};

static void granted(struct hil_waiter *waiter)
{
	struct store_action *action = of_waiter(waiter);
	int r = action->engine->ops->start(action->engine, &action->request, &action->client);

	if (r < 0)
		end(action, r, "the NV memory does not take it");
}

/* What it has begun it completes. */
static void expired(struct hil_waiter *waiter)
{
	struct store_action *action = of_waiter(waiter);

	action->engine->ops->cancel(action->engine, &action->client);
}

/* No client's quota: how many there can be, the engine's own limit says. */
static void fill_in(struct store_action *action, uint32_t records_max)
{
	action->client.ops = &client_ops;
	action->waiter.granted = granted;
	action->waiter.expired = expired;
	action->length = 0;
	memset(action->request.owner, 0, sizeof(action->request.owner));
	memcpy(action->request.owner, HWKEY_STORE_OWNER, sizeof(HWKEY_STORE_OWNER));
	action->request.quota = (struct nv_quota){
		.areas = records_max, .area_bytes = UINT32_MAX, .total_bytes = UINT64_MAX};
}

int store_begin(struct store_action *action, const struct backend_environment *environment,
		struct hil_owner *owner, const struct hil_engine *above, uint32_t records_max)
{
	struct hil_engine *engine;
	int r;

	if (!environment->ports || environment->ports[HIL_NV].count == 0)
		return -PLUTON_ENODEVICE;
	fill_in(action, records_max);
	r = hil_select(&environment->ports[HIL_NV], &action->request, nv_check, &engine);
	if (r < 0)
		return r;
	action->engine = (struct nv_engine *)(void *)engine;
	r = arbiter_request(engine, &action->waiter, owner, above);
	if (r < 0)
		action->engine = NULL;
	return r;
}
