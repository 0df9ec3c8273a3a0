/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker's judgement of one callback: may it come at all now, at this cursor, in
 * this step. The names and meanings of the rules are in hil/contract.h.
 */
#include "hil/checker-core.h"

#define STEP(step) (1u << (step))

/* Which callback belongs to which steps. */
static const struct {
	const char *name;
	uint32_t steps;
	bool is_push; /* the engine gives */
} calls[CHECKER_CALLS] = {
	[CALL_PULL_KEY] = {"pull_key", STEP(STEP_KEY), false},
	[CALL_PULL_IV] = {"pull_iv", STEP(STEP_IV_IN), false},
	[CALL_PUSH_IV] = {"push_iv", STEP(STEP_IV_OUT), true},
	[CALL_PULL_CTR] = {"pull_ctr", STEP(STEP_CTR), false},
	[CALL_PULL_AAD] = {"pull_aad", STEP(STEP_AAD), false},
	[CALL_PULL_TAG] = {"pull_tag", STEP(STEP_TAG_IN), false},
	[CALL_PULL_INPUT] = {"pull_input", STEP(STEP_DATA) | STEP(STEP_INPUT), false},
	[CALL_PULL_TEXT] = {"pull_text", STEP(STEP_INPUT), false},
	[CALL_LEND_INPUT] = {"lend_input", STEP(STEP_DATA) | STEP(STEP_INPUT), false},
	[CALL_PUSH_OUTPUT] = {"push_output", STEP(STEP_DATA) | STEP(STEP_OUTPUT), true},
	[CALL_LEND_OUTPUT] = {"lend_output", STEP(STEP_DATA) | STEP(STEP_OUTPUT), true},
	[CALL_PUSH_TAG] = {"push_tag", STEP(STEP_TAG_OUT), true},
	[CALL_PULL_MAC] = {"pull_mac", STEP(STEP_MAC_IN), false},
	[CALL_PUSH_MAC] = {"push_mac", STEP(STEP_MAC_OUT), true},
	[CALL_PUSH_DIGEST] = {"push_digest", STEP(STEP_DIGEST), true},
	[CALL_PULL_STATE] = {"pull_state", STEP(STEP_STATE_IN), false},
	[CALL_PUSH_STATE] = {"push_state", STEP(STEP_STATE_OUT), true},
	[CALL_PUSH_KEY] = {"push_key", STEP(STEP_KEY_OUT), true},
	[CALL_PULL_PUBLIC] = {"pull_public", STEP(STEP_PUBLIC_IN), false},
	[CALL_PUSH_PUBLIC] = {"push_public", STEP(STEP_PUBLIC_OUT), true},
	[CALL_PULL_SIGNATURE] = {"pull_signature", STEP(STEP_SIGNATURE_IN), false},
	[CALL_PUSH_SIGNATURE] = {"push_signature", STEP(STEP_SIGNATURE_OUT), true},
	[CALL_PUSH_SECRET] = {"push_secret", STEP(STEP_SECRET_OUT), true},
	[CALL_PULL_PART] = {"pull_part", STEP(STEP_PART_IN), false},
	[CALL_PUSH_PART] = {"push_part", STEP(STEP_PART_OUT), true},
	[CALL_PULL_LABEL] = {"pull_label", STEP(STEP_LABEL) | STEP(STEP_WHOLE_LABEL), false},
	[CALL_PULL_SALT] = {"pull_salt", STEP(STEP_SALT), false},
	[CALL_PULL_INFO] = {"pull_info", STEP(STEP_INFO), false},
	[CALL_DONE] = {"done", 0, false},
};

static struct checker_stream *stream_of(struct checker_slot *slot, enum checker_call call)
{
	if (call == CALL_PULL_AAD || call == CALL_PULL_LABEL)
		return &slot->aad;
	return calls[call].is_push ? &slot->output : &slot->input;
}

/* --- whether any callback may come now ------------------------------------------------------- */

/* Its operation has ended, or never began. */
static void judge_stray(struct checker_slot *slot, enum checker_call call)
{
	if (slot->start_failed)
		checker_violation(slot, HIL_START_FAILED_CALLBACK,
				  "%s after start returned an error", calls[call].name);
	else if (call == CALL_DONE)
		checker_violation(slot, HIL_DONE_TWICE, "done came again");
	else
		checker_violation(slot, HIL_CALLBACK_AFTER_DONE, "%s after done", calls[call].name);
}

bool checker_admit(struct checker_slot *slot, enum checker_call call)
{
	const struct checker *checker = slot->checker;
	const char *name = calls[call].name;

	if (!pthread_equal(pthread_self(), checker->thread))
		checker_violation(slot, HIL_WRONG_THREAD, "%s on another thread", name);
	else if (slot->state == SLOT_FREE)
		judge_stray(slot, call);
	else if (slot->done_waits)
		checker_violation(slot, HIL_CALLBACK_AFTER_DONE, "%s after done", name);
	else if (checker->inside)
		checker_violation(slot, HIL_NESTED_CALLBACK, "%s inside another callback", name);
	else if (checker->calling)
		checker_violation(slot, HIL_SYNCHRONOUS_CALLBACK,
				  "%s before start or cancel returned", name);
	else if (slot->owed && call != CALL_DONE)
		checker_violation(slot, slot->owed_rule, "%s instead of done(%s)", name,
				  pluton_error_name(slot->owed));
	return !slot->poisoned;
}

/* --- the cursor ------------------------------------------------------------------------------ */

static void judge_backward(struct checker_slot *slot, enum checker_call call,
			   const struct checker_stream *stream, size_t cursor)
{
	bool was_lent = cursor >= stream->lent_from && cursor < stream->lent_to;
	bool is_lend = call == CALL_LEND_INPUT;
	enum hil_rule rule = HIL_PULLED_TWICE;

	if (calls[call].is_push)
		rule = HIL_WRONG_CURSOR;
	if (is_lend || slot->signs)
		rule = HIL_READ_TWICE;
	else if (was_lent)
		rule = HIL_LENT_AND_PULLED;
	checker_violation(slot, rule, "%s at %zu, should be %zu", calls[call].name, cursor,
			  stream->cursor);
}

static void judge_cursor(struct checker_slot *slot, enum checker_call call, size_t len,
			 size_t cursor)
{
	const struct checker_stream *stream = stream_of(slot, call);
	const char *name = calls[call].name;

	if (stream->length == 0)
		checker_violation(slot, HIL_EMPTY_PULL, "%s of an empty message", name);
	else if (len == 0)
		checker_violation(slot, HIL_EMPTY_PULL, "%s of no bytes", name);
	else if (cursor < stream->cursor)
		judge_backward(slot, call, stream, cursor);
	else if (cursor > stream->cursor)
		checker_violation(slot, HIL_WRONG_CURSOR, "%s at %zu, should be %zu", name, cursor,
				  stream->cursor);
	else if (len > stream->length - cursor)
		checker_violation(slot, HIL_PULLED_TOO_MUCH, "%s of %zu at %zu of %zu", name, len,
				  cursor, stream->length);
}

/* --- the step -------------------------------------------------------------------------------- */

static bool is_taken(const struct checker_stream *stream)
{
	return stream->cursor == stream->length;
}

static bool is_complete(const struct checker_slot *slot, enum checker_step step)
{
	switch (step) {
	case STEP_AAD:
	case STEP_LABEL:
		return is_taken(&slot->aad);
	case STEP_DATA:
		return is_taken(&slot->input) && is_taken(&slot->output);
	case STEP_INPUT:
		return is_taken(&slot->input);
	case STEP_OUTPUT:
		return is_taken(&slot->output);
	default:
		return false; /* what moves whole goes on to the next step itself */
	}
}

static void skip_complete(struct checker_slot *slot, uint32_t wanted)
{
	while (!(wanted & STEP(slot->steps[slot->at])) && is_complete(slot, slot->steps[slot->at]))
		slot->at++;
}

static bool is_state(enum checker_step step)
{
	return step == STEP_STATE_IN || step == STEP_STATE_OUT;
}

static bool is_output(enum checker_call call)
{
	return call == CALL_PUSH_OUTPUT || call == CALL_LEND_OUTPUT;
}

static void judge_wrong_step(struct checker_slot *slot, enum checker_call call)
{
	enum hil_rule rule = HIL_WRONG_STEP;

	if (is_state(slot->steps[slot->at]))
		rule = HIL_STATE_MISSING;
	if (!calls[call].is_push && slot->seen & (1u << call))
		rule = HIL_READ_TWICE;
	if (slot->verifies && is_output(call))
		rule = HIL_UNVERIFIED_PLAINTEXT;
	if (slot->slot_key && (call == CALL_PULL_KEY || call == CALL_PULL_PART))
		rule = HIL_KEY_CROSSED;
	checker_violation(slot, rule, "%s in step %u of its operation", calls[call].name,
			  slot->at + 1);
}

static void judge_step(struct checker_slot *slot, enum checker_call call)
{
	skip_complete(slot, calls[call].steps);
	if (!(calls[call].steps & STEP(slot->steps[slot->at])))
		judge_wrong_step(slot, call);
}

static void judge_overtaking(struct checker_slot *slot, size_t len, size_t cursor)
{
	if (slot->steps[slot->at] == STEP_DATA && cursor + len > slot->input.cursor)
		checker_violation(slot, HIL_WRONG_STEP,
				  "push_output up to %zu, input only up to %zu", cursor + len,
				  slot->input.cursor);
}

/* --- asking and telling ---------------------------------------------------------------------- */

static bool enter(struct checker_slot *slot)
{
	if (slot->poisoned)
		return false;
	slot->checker->inside = INSIDE_MOVE;
	return true;
}

static void leave(struct checker_slot *slot)
{
	slot->checker->inside = INSIDE_NOTHING;
}

static void owe(struct checker_slot *slot, int error, enum hil_rule rule)
{
	slot->owed = error;
	slot->owed_rule = rule;
}

bool checker_may_move(struct checker_slot *slot, enum checker_call call, size_t len, size_t cursor)
{
	if (!checker_admit(slot, call))
		return false;
	judge_cursor(slot, call, len, cursor);
	if (!slot->poisoned)
		judge_step(slot, call);
	if (!slot->poisoned && call == CALL_PUSH_OUTPUT)
		judge_overtaking(slot, len, cursor);
	return enter(slot);
}

ssize_t checker_moved(struct checker_slot *slot, enum checker_call call, size_t len, ssize_t n)
{
	leave(slot);
	if (n < 0)
		owe(slot, (int)n, HIL_ERROR_NOT_REPORTED);
	else if (n == 0 || (size_t)n > len)
		owe(slot, -PLUTON_ESIZE, HIL_OVERLONG_COUNT);
	else
		stream_of(slot, call)->cursor += (size_t)n;
	return n;
}

bool checker_may_move_whole(struct checker_slot *slot, enum checker_call call, size_t len)
{
	if (!checker_admit(slot, call))
		return false;
	judge_step(slot, call);
	if (!slot->poisoned && len != slot->whole[call])
		checker_violation(slot, HIL_NOT_WHOLE, "%s of %zu bytes, should be %zu",
				  calls[call].name, len, slot->whole[call]);
	return enter(slot);
}

int checker_moved_whole(struct checker_slot *slot, enum checker_call call, int r)
{
	leave(slot);
	if (r < 0) {
		owe(slot, r, HIL_ERROR_NOT_REPORTED);
		return r;
	}
	slot->seen |= 1u << call;
	slot->at++;
	return r;
}

bool checker_may_lend(struct checker_slot *slot, enum checker_call call, size_t cursor)
{
	if (!checker_admit(slot, call))
		return false;
	judge_cursor(slot, call, 1, cursor);
	if (!slot->poisoned)
		judge_step(slot, call);
	return enter(slot);
}

void checker_lent(struct checker_slot *slot, enum checker_call call, size_t cursor,
		  const void *memory, const size_t *len)
{
	struct checker_stream *stream = stream_of(slot, call);

	leave(slot);
	if (!memory)
		return;
	if (*len == 0 || *len > stream->length - cursor) {
		owe(slot, -PLUTON_ESIZE, HIL_OVERLONG_COUNT);
		return;
	}
	stream->lent_from = cursor;
	stream->lent_to = stream->cursor = cursor + *len;
}

/* --- done ------------------------------------------------------------------------------------ */

static void judge_owed(struct checker_slot *slot, int result)
{
	if (result == slot->owed || (slot->cancelled && result == -PLUTON_ECANCEL))
		return;
	checker_violation(slot, slot->owed_rule, "done(%d), should be done(%s)", result,
			  pluton_error_name(slot->owed));
}

void checker_judge_done(struct checker_slot *slot, int result)
{
	enum checker_step step;

	if (slot->owed) {
		judge_owed(slot, result);
		return;
	}
	if (result < 0) {
		if (slot->verifies && result == -PLUTON_EINVAL && slot->output.cursor > 0)
			checker_violation(slot, HIL_UNVERIFIED_PLAINTEXT,
					  "output was given, then the tag did not match");
		return;
	}
	skip_complete(slot, 0);
	step = slot->steps[slot->at];
	if (step != STEP_END || result > 0)
		checker_violation(slot, is_state(step) ? HIL_STATE_MISSING : HIL_INCOMPLETE,
				  "done(%d) in step %u of its operation", result, slot->at + 1);
}
