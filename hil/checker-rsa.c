/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for RSA: each callback asks, passes on, and tells. The parts of a key come
 * one after the other, each in a step of its own. How long a decrypted message is only the engine
 * knows, so any output up to the longest is complete.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct rsa_client *client)
{
	return (struct checker_slot *)(void *)client;
}

/* Whether it is this part's turn. Parts in a wrong step are judged as everything else is. */
static bool may_move_part(struct checker_slot *slot, enum checker_call call, enum rsa_part part,
			  size_t len)
{
	enum checker_step step = slot->steps[slot->at];
	bool in_step = step == STEP_PART_IN || step == STEP_PART_OUT;

	if (!checker_admit(slot, call))
		return false;
	if (in_step && part != slot->part)
		checker_violation(slot,
				  part < slot->part && call == CALL_PULL_PART ? HIL_READ_TWICE
									      : HIL_WRONG_STEP,
				  "part %u of the key, should be %u", (unsigned)part, slot->part);
	slot->whole[call] = rsa_part_size(part, slot->rsa_size);
	return !slot->poisoned && checker_may_move_whole(slot, call, len);
}

static int moved_part(struct checker_slot *slot, enum checker_call call, int r)
{
	r = checker_moved_whole(slot, call, r);
	if (r == 0)
		slot->part++;
	return r;
}

static int pull_part(struct rsa_client *client, enum rsa_part part, uint8_t *number, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!may_move_part(slot, CALL_PULL_PART, part, len))
		return -PLUTON_EFAIL;
	return moved_part(slot, CALL_PULL_PART, outer->ops->pull_part(outer, part, number, len));
}

static int push_part(struct rsa_client *client, enum rsa_part part, const uint8_t *number,
		     size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!may_move_part(slot, CALL_PUSH_PART, part, len))
		return -PLUTON_EFAIL;
	return moved_part(slot, CALL_PUSH_PART, outer->ops->push_part(outer, part, number, len));
}

static ssize_t pull_label(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_LABEL, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_LABEL, len,
			     outer->ops->pull_label(outer, buf, len, cursor));
}

static ssize_t pull_input(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_INPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_INPUT, len,
			     outer->ops->pull_input(outer, buf, len, cursor));
}

static ssize_t push_output(struct rsa_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PUSH_OUTPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PUSH_OUTPUT, len,
			     outer->ops->push_output(outer, buf, len, cursor));
}

static int pull_signature(struct rsa_client *client, uint8_t *signature, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct rsa_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_SIGNATURE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_SIGNATURE,
				   outer->ops->pull_signature(outer, signature, len));
}

static void done(struct rsa_client *client, int result)
{
	struct checker_slot *slot = of_client(client);

	if (slot->state == SLOT_RUNNING && slot->open_ended && result == 0 &&
	    slot->input.cursor == slot->input.length)
		slot->output.length = slot->output.cursor;
	checker_done(slot, result);
}

static void attach(struct checker_slot *slot)
{
	slot->ops.rsa = (struct rsa_client_ops){
		.pull_part = pull_part,
		.push_part = push_part,
		.pull_label = pull_label,
		.pull_input = pull_input,
		.push_output = push_output,
		.pull_signature = pull_signature,
		.done = done,
	};
	slot->client.rsa.ops = &slot->ops.rsa;
}

static struct rsa_engine *inner_of(const struct checker *checker)
{
	return (struct rsa_engine *)(void *)checker->inner;
}

static void prepare(struct checker_slot *slot, const void *rsa_request)
{
	const struct rsa_request *request = rsa_request;
	bool makes_key = request->action == RSA_GENERATE;
	size_t n = 0;

	while (n < rsa_part_count(request))
		slot->steps[n++] = makes_key ? STEP_PART_OUT : STEP_PART_IN;
	if (request->label_length)
		slot->steps[n++] = STEP_LABEL;
	if (request->length)
		slot->steps[n++] = STEP_INPUT;
	if (request->action == RSA_VERIFY)
		slot->steps[n++] = STEP_SIGNATURE_IN;
	if (rsa_output_size(request))
		slot->steps[n++] = STEP_OUTPUT;
	slot->steps[n] = STEP_END;
	slot->input.length = request->length;
	slot->output.length = rsa_output_size(request);
	slot->aad.length = request->label_length;
	slot->slot_key = request->key.kind == HIL_KEY_SLOT;
	slot->open_ended = request->action == RSA_DECRYPT;
	slot->rsa_size = request->size;
	slot->whole[CALL_PULL_SIGNATURE] = request->size;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct rsa_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.rsa);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct rsa_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.rsa);
}

static void done_outer(void *rsa_client, int result)
{
	struct rsa_client *outer = rsa_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_rsa_type = {
	.check = rsa_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct rsa_engine *engine, const struct rsa_request *request,
		 struct rsa_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct rsa_engine *engine, struct rsa_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

static const char *why(struct rsa_engine *engine)
{
	struct rsa_engine *inner = inner_of((struct checker *)(void *)engine);

	return inner->ops->why(inner);
}

void checker_rsa_open(struct checker *checker)
{
	static const struct rsa_engine_ops ops = {.start = start, .cancel = cancel, .why = why};

	checker->engine.rsa = *inner_of(checker);
	checker->engine.rsa.ops = &ops;
}
