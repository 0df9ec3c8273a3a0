/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for app engines: nothing moves, so that what there is to judge is the one
 * done of each request. Questions about apps go straight through.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct app_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static void done(struct app_client *client, int result)
{
	checker_done(of_client(client), result);
}

static void attach(struct checker_slot *slot)
{
	slot->ops.app = (struct app_client_ops){.done = done};
	slot->client.app.ops = &slot->ops.app;
}

static void prepare(struct checker_slot *slot, const void *app_request)
{
	(void)slot;
	(void)app_request;
}

static int check(const struct hil_engine *engine, const void *app_request)
{
	(void)engine;
	(void)app_request;
	return 0;
}

static struct app_engine *inner_of(const struct checker *checker)
{
	return (struct app_engine *)(void *)checker->inner;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct app_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.app);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct app_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.app);
}

static void done_outer(void *app_client, int result)
{
	struct app_client *outer = app_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_app_type = {
	.check = check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static struct checker *of_engine(struct app_engine *engine)
{
	return (struct checker *)(void *)engine;
}

static int start(struct app_engine *engine, const struct app_request *request,
		 struct app_client *client)
{
	return checker_start(of_engine(engine), request, client);
}

static int cancel(struct app_engine *engine, struct app_client *client)
{
	return checker_cancel(of_engine(engine), client);
}

static int status(struct app_engine *engine, uint32_t index, struct app_status *ret)
{
	struct app_engine *inner = inner_of(of_engine(engine));

	return inner->ops->status(inner, index, ret);
}

static int find(struct app_engine *engine, const char *name, uint32_t *ret_index)
{
	struct app_engine *inner = inner_of(of_engine(engine));

	return inner->ops->find(inner, name, ret_index);
}

void checker_app_open(struct checker *checker)
{
	static const struct app_engine_ops ops = {
		.start = start, .cancel = cancel, .status = status, .find = find};

	checker->engine.app = *inner_of(checker);
	checker->engine.app.ops = &ops;
}
