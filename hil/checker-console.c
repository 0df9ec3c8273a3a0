/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for consoles: each callback asks, passes on, and tells.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct console_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t pull_text(struct console_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct console_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_TEXT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_TEXT, len,
			     outer->ops->pull_text(outer, buf, len, cursor));
}

static void done(struct console_client *client, int result)
{
	checker_done(of_client(client), result);
}

static void attach(struct checker_slot *slot)
{
	slot->ops.console = (struct console_client_ops){.pull_text = pull_text, .done = done};
	slot->client.console.ops = &slot->ops.console;
}

static void prepare(struct checker_slot *slot, const void *console_request)
{
	const struct console_request *request = console_request;

	slot->input.length = request->length;
	slot->steps[0] = STEP_INPUT;
}

static struct console_engine *inner_of(const struct checker *checker)
{
	return (struct console_engine *)(void *)checker->inner;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct console_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.console);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct console_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.console);
}

static void done_outer(void *console_client, int result)
{
	struct console_client *outer = console_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_console_type = {
	.check = console_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct console_engine *engine, const struct console_request *request,
		 struct console_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct console_engine *engine, struct console_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

/* No operation, and nothing is called: there is no rule to break. */
static int admit(struct console_engine *engine, const struct console_speaker *speaker,
		 const struct console_rate *rate)
{
	struct console_engine *inner = inner_of((struct checker *)(void *)engine);

	return inner->ops->admit(inner, speaker, rate);
}

void checker_console_open(struct checker *checker)
{
	static const struct console_engine_ops ops = {
		.start = start, .cancel = cancel, .admit = admit};

	checker->engine.console = *inner_of(checker);
	checker->engine.console.ops = &ops;
}
