/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for NV memory: each callback asks, passes on, and tells. How much a read or
 * a list gives only the engine knows; what its answer says must be what it pushed.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct nv_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t pull_input(struct nv_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct nv_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_INPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_INPUT, len,
			     outer->ops->pull_input(outer, buf, len, cursor));
}

static ssize_t push_output(struct nv_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct nv_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PUSH_OUTPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PUSH_OUTPUT, len,
			     outer->ops->push_output(outer, buf, len, cursor));
}

/* Before the core judges: the output that was announced is all there is. */
static void judge_answer(struct checker_slot *slot, const struct nv_answer *answer)
{
	if (!answer)
		checker_violation(slot, HIL_INCOMPLETE, "done(0) without an answer");
	else if (answer->length != slot->output.cursor)
		checker_violation(slot, HIL_INCOMPLETE,
				  "%zu bytes were pushed, the answer says %zu", slot->output.cursor,
				  answer->length);
	else
		slot->output.length = slot->output.cursor;
}

static void done(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct checker_slot *slot = of_client(client);
	bool expected = slot->state == SLOT_RUNNING && !slot->done_waits;

	if (expected && result == 0 && !slot->owed)
		judge_answer(slot, answer);
	if (expected && answer)
		slot->answer = *answer;
	checker_done(slot, result);
}

static void attach(struct checker_slot *slot)
{
	slot->ops.nv = (struct nv_client_ops){
		.pull_input = pull_input,
		.push_output = push_output,
		.done = done,
	};
	slot->client.nv.ops = &slot->ops.nv;
}

static void prepare(struct checker_slot *slot, const void *nv_request)
{
	const struct nv_request *request = nv_request;

	switch (request->action) {
	case NV_READ:
	case NV_LIST:
		slot->output.length = request->length;
		slot->steps[0] = STEP_OUTPUT;
		break;
	case NV_WRITE:
	case NV_PUT:
	case NV_COMMIT:
		slot->input.length = request->length;
		slot->steps[0] = STEP_INPUT;
		break;
	default:
		break;
	}
}

static struct nv_engine *inner_of(const struct checker *checker)
{
	return (struct nv_engine *)(void *)checker->inner;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct nv_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.nv);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct nv_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.nv);
}

/* From done the client may start again, in this very slot. */
static void done_with_answer(struct checker_slot *slot, int result)
{
	struct nv_client *outer = slot->outer;
	struct nv_answer answer = slot->answer;

	outer->ops->done(outer, result, result == 0 ? &answer : NULL);
}

const struct checker_type checker_nv_type = {
	.check = nv_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done_with_answer = done_with_answer,
};

static int start(struct nv_engine *engine, const struct nv_request *request,
		 struct nv_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct nv_engine *engine, struct nv_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

static const char *why(struct nv_engine *engine)
{
	struct nv_engine *inner = inner_of((struct checker *)(void *)engine);

	return inner->ops->why(inner);
}

void checker_nv_open(struct checker *checker)
{
	static const struct nv_engine_ops ops = {.start = start, .cancel = cancel, .why = why};

	checker->engine.nv = *inner_of(checker);
	checker->engine.nv.ops = &ops;
}
