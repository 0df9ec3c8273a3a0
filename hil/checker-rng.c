/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for random number generators: each callback asks, passes on, and tells.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct rng_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t push_output(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct rng_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PUSH_OUTPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PUSH_OUTPUT, len,
			     outer->ops->push_output(outer, buf, len, cursor));
}

static void done(struct rng_client *client, int result)
{
	checker_done(of_client(client), result);
}

static void attach(struct checker_slot *slot)
{
	slot->ops.rng = (struct rng_client_ops){.push_output = push_output, .done = done};
	slot->client.rng.ops = &slot->ops.rng;
}

static void prepare(struct checker_slot *slot, const void *rng_request)
{
	const struct rng_request *request = rng_request;

	slot->output.length = request->length;
	slot->steps[0] = STEP_OUTPUT;
}

static struct rng_engine *inner_of(const struct checker *checker)
{
	return (struct rng_engine *)(void *)checker->inner;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct rng_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.rng);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct rng_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.rng);
}

static void done_outer(void *rng_client, int result)
{
	struct rng_client *outer = rng_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_rng_type = {
	.check = rng_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct rng_engine *engine, const struct rng_request *request,
		 struct rng_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct rng_engine *engine, struct rng_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

void checker_rng_open(struct checker *checker)
{
	static const struct rng_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.rng = *inner_of(checker);
	checker->engine.rng.ops = &ops;
}
