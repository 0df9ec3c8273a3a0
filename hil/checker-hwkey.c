/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for hardware keys: each callback asks, passes on, and tells. What slots
 * there are is asked of the engine itself.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(hwkey)
CHECKER_PULLS(hwkey, pull_input, CALL_PULL_INPUT)
CHECKER_PUSHES(hwkey, push_output, CALL_PUSH_OUTPUT)
CHECKER_ENDS(hwkey)

static void attach(struct checker_slot *slot)
{
	slot->ops.hwkey = (struct hwkey_client_ops){
		.pull_input = pull_input,
		.push_output = push_output,
		.done = done,
	};
	slot->client.hwkey.ops = &slot->ops.hwkey;
}

static void prepare(struct checker_slot *slot, const void *hwkey_request)
{
	const struct hwkey_request *request = hwkey_request;

	if (request->length == 0)
		return;
	if (request->action == HWKEY_TRY) {
		slot->input.length = request->length;
		slot->output.length = request->output_length;
		slot->steps[0] = STEP_INPUT;
		slot->steps[1] = STEP_OUTPUT;
	} else if (hwkey_fills(request->action)) {
		slot->input.length = request->length;
		slot->steps[0] = STEP_INPUT;
	} else {
		slot->output.length = request->length;
		slot->steps[0] = STEP_OUTPUT;
	}
}

CHECKER_TYPE(hwkey)

static struct hwkey_engine *inner_engine(struct hwkey_engine *engine)
{
	return inner_of((struct checker *)(void *)engine);
}

static const char *why(struct hwkey_engine *engine)
{
	struct hwkey_engine *inner = inner_engine(engine);

	return inner->ops->why(inner);
}

static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	struct hwkey_engine *inner = inner_engine(engine);

	return inner->ops->find(inner, name, ret);
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	struct hwkey_engine *inner = inner_engine(engine);

	return inner->ops->next(inner, owner, after);
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	struct hwkey_engine *inner = inner_engine(engine);

	return inner->ops->unused(inner, owner);
}

void checker_hwkey_open(struct checker *checker)
{
	static const struct hwkey_engine_ops ops = {
		.start = start,
		.cancel = cancel,
		.why = why,
		.find = find,
		.next = next,
		.unused = unused,
	};

	checker->engine.hwkey = *inner_of(checker);
	checker->engine.hwkey.ops = &ops;
}
