/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for hardware keys: each callback asks, passes on, and tells; and the engine
 * is asked whether its slots are what done says. Here INCOMPLETE is a done(0) whose slot is not
 * full or empty as it should be, STATE_MISSING a slot that is another one although nobody changed
 * it, KEY_CROSSED a key that comes out as it is, BAD_SIZE one that comes out at another length, and
 * WRONG_CURSOR a list of slots that does not go on.
 */
#include <string.h>

#include "hil/checker-half.h"

CHECKER_OF_CLIENT(hwkey)
CHECKER_PULLS(hwkey, pull_input, CALL_PULL_INPUT)

static struct hwkey_engine *inner_of(const struct checker *checker)
{
	return (struct hwkey_engine *)(void *)checker->inner;
}

/* --- slots ------------------------------------------------------------------------------------ */

static int look(const struct checker_slot *slot, struct hwkey_about *ret)
{
	struct hwkey_engine *inner = inner_of(slot->checker);

	*ret = (struct hwkey_about){.attributes.type = 0};
	return inner->ops->find(inner, &slot->keys.request.name, ret);
}

static bool is_same(const struct hwkey_attributes *a, const struct hwkey_attributes *b)
{
	return a->type == b->type && a->usage == b->usage && a->policy == b->policy &&
	       a->size == b->size;
}

static bool changes(const struct checker_slot *slot)
{
	return hwkey_fills(slot->keys.request.action) || slot->keys.request.action == HWKEY_DELETE;
}

static bool is_one_slot(const struct hwkey_name *a, const struct hwkey_name *b)
{
	return a->number == b->number && strcmp(a->owner, b->owner) == 0;
}

/* Whose slot another operation changes meanwhile is not judged: who was first is the engine's. */
static void look_for_others(struct checker_slot *slot)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct checker_slot *other = &slot->checker->slots[i];

		if (other == slot || other->state == SLOT_FREE ||
		    !is_one_slot(&other->keys.request.name, &slot->keys.request.name))
			continue;
		slot->keys.shared |= changes(other);
		other->keys.shared |= changes(slot);
	}
}

/* --- what the engine calls -------------------------------------------------------------------- */

static void judge_push(struct checker_slot *slot)
{
	const struct hwkey_request *request = &slot->keys.request;
	bool wraps = request->action == HWKEY_WRAP;
	struct hwkey_about about;
	size_t size;

	/* What is tried comes from no slot. */
	if (hwkey_fills(request->action) || request->action == HWKEY_TRY || look(slot, &about) < 0)
		return;
	size = wraps ? hwkey_wrapped_size(about.attributes.size)
		     : hwkey_public_size(about.attributes.type);
	if (wraps && about.attributes.policy & HWKEY_NEVER_EXPORTED)
		checker_violation(slot, HIL_KEY_CROSSED, "push_output of what is never exported");
	else if (size == 0)
		checker_violation(slot, HIL_KEY_CROSSED,
				  "push_output of a key without a public part");
	else if (size != request->length)
		checker_violation(slot, HIL_BAD_SIZE, "push_output of %zu bytes, the key has %zu",
				  request->length, size);
}

static ssize_t push_output(struct hwkey_client *client, const uint8_t *buf, size_t len,
			   size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct hwkey_client *outer = slot->outer;

	if (slot->state == SLOT_RUNNING)
		judge_push(slot);
	if (!checker_may_move(slot, CALL_PUSH_OUTPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PUSH_OUTPUT, len,
			     outer->ops->push_output(outer, buf, len, cursor));
}

static void judge_success(struct checker_slot *slot, int now, const struct hwkey_about *about)
{
	const struct hwkey_request *request = &slot->keys.request;

	if (request->action == HWKEY_DELETE && now != -PLUTON_ENODEVICE)
		checker_violation(slot, HIL_INCOMPLETE, "done(0), and the slot is not empty");
	else if (hwkey_fills(request->action) && slot->keys.before != -PLUTON_ENODEVICE)
		checker_violation(slot, HIL_INCOMPLETE, "done(0), and the slot was not empty");
	else if (hwkey_fills(request->action) &&
		 (now < 0 || !is_same(&about->attributes, &request->attributes)))
		checker_violation(slot, HIL_INCOMPLETE, "done(0), and the slot is not full of it");
}

static void judge_slot(struct checker_slot *slot, int result)
{
	struct hwkey_about about;
	int now;

	if (slot->keys.shared || slot->checker->inner->absent)
		return;
	now = look(slot, &about);
	if (result == 0 && changes(slot))
		judge_success(slot, now, &about);
	else if (now != slot->keys.before ||
		 (now == 0 && (about.ref.slot != slot->keys.about.ref.slot ||
			       !is_same(&about.attributes, &slot->keys.about.attributes))))
		checker_violation(slot, HIL_STATE_MISSING,
				  "done(%d), and the slot is not as it was", result);
}

/* A done that breaks a rule itself is judged by that alone. */
static void done(struct hwkey_client *client, int result)
{
	struct checker_slot *slot = of_client(client);
	const struct checker *checker = slot->checker;

	if (pthread_equal(pthread_self(), checker->thread) && slot->state == SLOT_RUNNING &&
	    !slot->done_waits && !checker->inside && !checker->calling &&
	    (result < 0 || !slot->owed))
		judge_slot(slot, result);
	checker_done(slot, result);
}

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

	slot->keys.request = *request;
	slot->keys.before = look(slot, &slot->keys.about);
	look_for_others(slot);
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

/* --- what the client asks --------------------------------------------------------------------- */

/* What it says belongs to no operation. */
static struct checker_slot nobody_of(struct hwkey_engine *engine)
{
	return (struct checker_slot){.checker = (struct checker *)(void *)engine};
}

static const char *why(struct hwkey_engine *engine)
{
	struct hwkey_engine *inner = inner_of((struct checker *)(void *)engine);

	return inner->ops->why(inner);
}

static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	struct hwkey_engine *inner = inner_of((struct checker *)(void *)engine);
	struct checker_slot nobody = nobody_of(engine);
	int r = inner->ops->find(inner, name, ret);

	if (r == 0 && (ret->ref.kind != HIL_KEY_SLOT || !ret->ref.vault ||
		       ret->ref.vault != inner->head.vault))
		checker_violation(&nobody, HIL_KEY_CROSSED, "a slot that is not in its vault");
	else if (r == 0 && (!(inner->caps.types >> ret->attributes.type & 1) ||
			    hwkey_fault(&ret->attributes)))
		checker_violation(&nobody, HIL_CAPS_IGNORED, "a slot with a key of type %d",
				  (int)ret->attributes.type);
	return r;
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	struct hwkey_engine *inner = inner_of((struct checker *)(void *)engine);
	struct checker_slot nobody = nobody_of(engine);
	uint32_t number = inner->ops->next(inner, owner, after);

	if (number != 0 && number <= after)
		checker_violation(&nobody, HIL_WRONG_CURSOR, "slot %u is next to %u", number,
				  after);
	return number;
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	struct hwkey_engine *inner = inner_of((struct checker *)(void *)engine);
	struct checker_slot nobody = nobody_of(engine);
	uint32_t number = inner->ops->unused(inner, owner);

	if (number == 0 || inner->ops->next(inner, owner, number - 1) == number)
		checker_violation(&nobody, HIL_STATE_MISSING, "slot %u is none that is unused",
				  number);
	return number;
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
