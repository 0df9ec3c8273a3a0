/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working call: a request becomes one record, its answer comes back by op_id. Data goes where
 * it costs least: pluton_alloc memory is named in place, what fits travels in the record, the rest
 * is copied through a block of shared memory.
 */
#include "client-lib/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PENDING_MAX 1023u /* entries; the low ID_BITS bits of an id are 1 + the index */
#define ID_BITS 10u
#define SERIAL_MASK 0x1fffffu /* the serial fills the id up to bit 30: bit 31 is taken */
#define ALONGSIDE_MAX 256u    /* bytes of a slot that still go inline when others do not fit */

enum place {
	PLACE_NONE = 0,
	PLACE_GIVEN,  /* where the user has it, in pluton_alloc memory */
	PLACE_INLINE, /* in the record */
	PLACE_BLOCK,  /* in a block of shared memory */
};

struct placed {
	enum place place;
	uint32_t length;
	void *out;		    /* where the output goes; NULL for an input */
	uint32_t inline_offset;	    /* in the record's inline bytes, or in the answer's output */
	struct memory_block *block; /* PLACE_BLOCK */
};

enum pending_state {
	PENDING_FREE = 0,
	PENDING_RUNNING,
	PENDING_DUE,
};

struct pending {
	struct due final;
	struct due more;
	enum pending_state state;
	pluton_operation_id id;
	bool cancelled; /* CANCEL was sent */
	bool unsent;	/* to nobody: the daemon had gone */
	bool by_ring;	/* and this is where it ends there */
	uint32_t ring_end;
	bool more_due;
	struct answer last;   /* what `final` tells */
	struct answer latest; /* what `more` tells */
	struct completion completion;
	uint16_t output_length; /* of the record's output area */
	uint16_t text_length;
	char text[RECORD_TEXT_MAX];
	struct placed slots[PLUTON_SLOTS_MAX];
};

static_assert(PLUTON_SLOTS_MAX == RECORD_RANGES_MAX, "a slot is an entry of the allow table");
static_assert(PLUTON_WORDS_MAX == RECORD_WORDS, "the request's words are the record's");

/* --- the table ------------------------------------------------------------------------------- */

static struct pending *find(struct pluton *pluton, pluton_operation_id id)
{
	uint32_t index = (id & PENDING_MAX) - 1; /* huge for 0 */
	struct pending *pending;

	if (index >= pluton->pending.count)
		return NULL;
	pending = &pluton->pending.entries[index];
	return pending->state != PENDING_FREE && pending->id == id ? pending : NULL;
}

static int make_table(struct pluton *pluton)
{
	uint32_t count = pluton->limits.operations_max;

	if (count > PENDING_MAX)
		count = PENDING_MAX;
	pluton->pending.entries = calloc(count, sizeof(struct pending));
	if (!pluton->pending.entries)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for operations");
	pluton->pending.count = count;
	return 0;
}

void operation_renew(struct pluton *pluton)
{
	struct pending_table *table = &pluton->pending;

	for (uint32_t i = 0; i < table->count; i++) {
		if (table->entries[i].state != PENDING_FREE)
			return; /* its callback is due: the table stays as large as it is */
	}
	free(table->entries);
	table->entries = NULL;
	table->count = 0;
}

static int take_entry(struct pluton *pluton, struct pending **ret)
{
	struct pending_table *table = &pluton->pending;
	uint32_t max = pluton->limits.operations_max;
	int r;

	if (!table->entries) {
		r = make_table(pluton);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < table->count && i < max; i++) {
		struct pending *pending = &table->entries[i];

		if (pending->state != PENDING_FREE)
			continue;
		table->serial = (table->serial + 1) & SERIAL_MASK;
		pending->id = table->serial << ID_BITS | (i + 1);
		*ret = pending;
		return 0;
	}
	return connection_refuse(pluton, -PLUTON_EBUSY, "%u operations are under way, which is all",
				 max < table->count ? max : table->count);
}

/* --- placing data ---------------------------------------------------------------------------- */

static int check_slots(struct pluton *pluton, const struct pluton_request *request)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		const struct pluton_slot *slot = &request->slots[i];

		if (slot->in && slot->out)
			return connection_refuse(pluton, -PLUTON_EINVAL,
						 "slot %u is both read and written", i);
		if (slot->length > 0 && !slot->in && !slot->out)
			return connection_refuse(pluton, -PLUTON_EINVAL,
						 "slot %u has %zu bytes at NULL", i, slot->length);
		if (slot->length > pluton->limits.window_size_max &&
		    slot->length > pluton->limits.inline_max)
			return connection_refuse(pluton, -PLUTON_ESIZE,
						 "slot %u has %zu bytes, window_size_max is %u", i,
						 slot->length, pluton->limits.window_size_max);
	}
	return 0;
}

/* What is in pluton_alloc memory is used there; says how many bytes are elsewhere. */
static size_t place_given(struct pluton *pluton, const struct pluton_request *request,
			  struct placed *slots, struct record_range *ranges)
{
	struct pluton_range range;
	size_t elsewhere = 0;

	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		const struct pluton_slot *slot = &request->slots[i];
		const void *memory = slot->in ? slot->in : slot->out;

		slots[i] = (struct placed){.length = (uint32_t)slot->length, .out = slot->out};
		if (slot->length == 0)
			continue;
		if (pluton_range_of(pluton, memory, slot->length, &range) < 0) {
			elsewhere += slot->length;
			continue;
		}
		slots[i].place = PLACE_GIVEN;
		ranges[i] = (struct record_range){range.window, range.offset, range.length};
	}
	return elsewhere;
}

/* Decides what of the rest travels in the record: all of it, or the small slots. */
static void place_inline(struct pluton *pluton, struct placed *slots, size_t elsewhere)
{
	size_t room = pluton->limits.inline_max;
	bool all_fit = elsewhere <= room;

	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		struct placed *slot = &slots[i];

		if (slot->place != PLACE_NONE || slot->length == 0 || slot->length > room)
			continue;
		if (!all_fit && slot->length > ALONGSIDE_MAX)
			continue;
		slot->place = PLACE_INLINE;
		room -= slot->length;
	}
}

/* Gives inline slots their offsets and copies the inputs; outputs lie behind all inputs. */
static void fill_inline(const struct pluton_request *request, struct placed *slots,
			struct record_operation *operation, uint8_t *inline_bytes)
{
	uint32_t in = 0, out = 0;

	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		if (slots[i].place != PLACE_INLINE || slots[i].out)
			continue;
		slots[i].inline_offset = in;
		memcpy(inline_bytes + in, request->slots[i].in, slots[i].length);
		operation->ranges[i] = (struct record_range){0, in, slots[i].length};
		in += slots[i].length;
	}
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		if (slots[i].place != PLACE_INLINE || !slots[i].out)
			continue;
		slots[i].inline_offset = out;
		operation->ranges[i] = (struct record_range){0, in + out, slots[i].length};
		out += slots[i].length;
	}
	operation->inline_bytes = inline_bytes;
	operation->inline_length = (uint16_t)in;
	operation->output_length = (uint16_t)out;
}

static void give_blocks(struct pluton *pluton, struct placed *slots)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		struct memory_block *block = slots[i].block;

		slots[i].block = NULL;
		if (block)
			memory_give(pluton, block);
	}
}

/* The rest goes through shared memory. On failure the caller gives the blocks back. */
static int fill_blocks(struct pluton *pluton, const struct pluton_request *request,
		       struct placed *slots, struct record_range *ranges)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		struct placed *slot = &slots[i];
		struct pluton_range range;
		int r;

		if (slot->place != PLACE_NONE || slot->length == 0)
			continue;
		slot->place = PLACE_BLOCK;
		r = memory_take(pluton, slot->length, &slot->block);
		if (r < 0)
			return r;
		if (!slot->out)
			memcpy(memory_bytes(slot->block), request->slots[i].in, slot->length);
		range = memory_range(slot->block, slot->length);
		ranges[i] = (struct record_range){range.window, range.offset, range.length};
	}
	return 0;
}

/* --- submitting ------------------------------------------------------------------------------ */

static uint16_t range_count(const struct placed *slots)
{
	uint16_t count = PLUTON_SLOTS_MAX;

	while (count > 0 && slots[count - 1].length == 0)
		count--;
	return count;
}

static int send_request(struct pluton *pluton, struct pending *pending,
			const struct pluton_request *request)
{
	uint8_t inline_bytes[RECORD_INLINE_LIMIT];
	struct record record = {
		.header = {.type = RECORD_OPERATION,
			   .op_id = pending->id,
			   .driver = request->driver},
		.operation = {.command = request->command},
	};
	struct record_operation *operation = &record.operation;
	size_t elsewhere;
	int r;

	memcpy(operation->words, request->words, sizeof(operation->words));
	elsewhere = place_given(pluton, request, pending->slots, operation->ranges);
	place_inline(pluton, pending->slots, elsewhere);
	r = fill_blocks(pluton, request, pending->slots, operation->ranges);
	if (r == 0) {
		fill_inline(request, pending->slots, operation, inline_bytes);
		operation->range_count = range_count(pending->slots);
		pending->output_length = operation->output_length;
		r = connection_send(pluton, &record);
		explicit_bzero(inline_bytes, operation->inline_length);
	}
	if (r < 0)
		give_blocks(pluton, pending->slots);
	return r;
}

int operation_submit(struct pluton *pluton, const struct pluton_request *request,
		     const struct completion *completion, pluton_operation_id *ret_id)
{
	struct pending *pending = NULL;
	int r = reconnect_try(pluton);

	if (r == 0)
		r = check_slots(pluton, request);
	if (r == 0)
		rings_count_operation(pluton);
	if (r == 0)
		r = take_entry(pluton, &pending);
	if (r == 0)
		r = send_request(pluton, pending, request);
	if (r < 0)
		return r;
	pending->state = PENDING_RUNNING;
	pending->cancelled = false;
	pending->unsent = pluton->unsent;
	pending->by_ring = pluton->by_ring;
	pending->ring_end = pluton->ring_end;
	pending->completion = *completion;
	pending->text_length = 0;
	pending->last = (struct answer){.fd = -1};
	if (ret_id)
		*ret_id = pending->id;
	return 0;
}

int pluton_submit(struct pluton *pluton, const struct pluton_request *request,
		  pluton_answer_fn function, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.answer = function, .userdata = userdata};

	return operation_submit(pluton, request, &completion, ret_id);
}

int pluton_cancel(struct pluton *pluton, pluton_operation_id id)
{
	struct pending *pending = find(pluton, id);
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = id}};
	int r;

	if (!pending)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no operation %u is under way",
					 id);
	if (pending->state == PENDING_DUE || pending->cancelled)
		return 0;
	r = connection_send(pluton, &cancel);
	pending->cancelled = r == 0;
	return r;
}

/* --- answers --------------------------------------------------------------------------------- */

static bool notify(struct pluton *pluton, const struct completion *completion,
		   const struct answer *answer)
{
	if (completion->told)
		completion->told(pluton, answer, completion->userdata);
	else if (completion->answer)
		completion->answer(pluton, answer->status, answer->words, completion->userdata);
	else if (completion->done)
		completion->done(pluton, answer->status, completion->userdata);
	else
		return false;
	return true;
}

static struct pending *pending_of_final(struct due *due)
{
	return (struct pending *)((char *)due - offsetof(struct pending, final));
}

static struct pending *pending_of_more(struct due *due)
{
	return (struct pending *)((char *)due - offsetof(struct pending, more));
}

static bool run_final(struct pluton *pluton, struct due *due)
{
	struct pending *pending = pending_of_final(due);
	struct completion completion = pending->completion;
	struct answer answer = pending->last;

	if (answer.status == -PLUTON_EINVAL && pending->text_length == 0 && completion.invalid)
		(void)connection_refuse(pluton, answer.status, "%s", completion.invalid);
	else if (answer.status < 0)
		connection_quote(pluton, answer.status, pending->text, pending->text_length);
	pending->state = PENDING_FREE;
	return notify(pluton, &completion, &answer);
}

static bool run_more(struct pluton *pluton, struct due *due)
{
	struct pending *pending = pending_of_more(due);
	struct completion completion = pending->completion;
	struct answer answer = pending->latest;

	pending->more_due = false;
	return notify(pluton, &completion, &answer);
}

/* Giving blocks back may end the connection, which fails all that are RUNNING: this one is not. */
static void finish(struct pluton *pluton, struct pending *pending, const struct answer *answer)
{
	pending->state = PENDING_DUE;
	pending->last = *answer;
	pending->last.connection = pluton->reconnect.connection;
	pending->final.run = run_final;
	due_push(pluton, &pending->final);
	give_blocks(pluton, pending->slots);
}

static void finish_failed(struct pluton *pluton, struct pending *pending, int error)
{
	const struct answer answer = {.status = error, .fd = -1};

	finish(pluton, pending, &answer);
}

/* What nobody took out of the ring is as certainly unsent as what found nobody at the socket. */
static enum fate fate_of(const struct pluton *pluton, const struct pending *pending)
{
	bool untaken = pending->by_ring && rings_open(&pluton->rings) &&
		       !rings_was_taken(&pluton->rings, pending->ring_end);

	return pending->unsent || untaken ? FATE_UNSENT : FATE_UNKNOWN;
}

/* The connection is gone, which leaves the one question that a caller has. */
static void finish_lost(struct pluton *pluton, struct pending *pending, int error)
{
	static const char *const texts[] = {
		[FATE_UNKNOWN] = "the daemon went away: this may or may not have been done",
		[FATE_UNSENT] = "the daemon went away before it had this",
	};
	const struct answer answer = {.status = error, .fd = -1, .fate = fate_of(pluton, pending)};
	const char *text = texts[answer.fate];

	if (error == -PLUTON_EOFF) {
		pending->text_length = (uint16_t)strlen(text);
		memcpy(pending->text, text, pending->text_length);
	}
	finish(pluton, pending, &answer);
}

/* What came of the outputs; what a short one leaves out is not written. */
static void copy_outputs(struct pending *pending, const struct record_upcall *upcall)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		const struct placed *slot = &pending->slots[i];
		uint32_t length = slot->length;

		if (!slot->out)
			continue;
		if (slot->place == PLACE_BLOCK)
			memcpy(slot->out, memory_bytes(slot->block), length);
		if (slot->place != PLACE_INLINE || slot->inline_offset >= upcall->output_length)
			continue;
		if (length > upcall->output_length - slot->inline_offset)
			length = upcall->output_length - slot->inline_offset;
		memcpy(slot->out, upcall->output + slot->inline_offset, length);
	}
}

/* A later one stands for those that were not run yet. */
static void answered_more(struct pluton *pluton, struct pending *pending,
			  const struct answer *answer)
{
	uint32_t unseen = pending->more_due ? pending->latest.missed + 1 : 0;

	pending->latest = *answer;
	pending->latest.missed += unseen;
	if (pending->more_due)
		return;
	pending->more_due = true;
	pending->more.run = run_more;
	due_push(pluton, &pending->more);
}

/* A descriptor comes where one is expected and nowhere else. */
static int take_descriptor(struct pluton *pluton, struct pending *pending, struct answer *answer)
{
	static const char none_free[] = "this process has no descriptor left for the channel";
	bool expected = pending->completion.gives && answer->status == 0 && !answer->more;

	if (expected && pluton->in_lost) {
		memcpy(pending->text, none_free, sizeof(none_free) - 1);
		pending->text_length = sizeof(none_free) - 1;
		answer->status = -PLUTON_ENOMEM;
		pluton->in_lost = false;
		return 0;
	}
	if (expected != (pluton->in_fds[0] >= 0) || pluton->in_fds[1] >= 0 || pluton->in_lost)
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       expected ? "an answer without its descriptor"
						: "the daemon sent a descriptor");
	answer->fd = pluton->in_fds[0];
	pluton->in_fds[0] = -1;
	return 0;
}

/* The output of a failure is a sentence about it. */
static void quote_failure(struct pending *pending, const struct record_upcall *upcall)
{
	pending->text_length = upcall->output_length;
	memcpy(pending->text, upcall->output, upcall->output_length);
}

/* All of the outputs, or who asked would take for an answer what nobody wrote. */
static bool right_length(const struct pending *pending, const struct record_upcall *upcall)
{
	if (upcall->words[0] != 0)
		return upcall->output_length <= RECORD_TEXT_MAX;
	if (pending->completion.short_output)
		return upcall->output_length <= pending->output_length;
	return upcall->output_length == pending->output_length;
}

int operation_answered(struct pluton *pluton, const struct record *record)
{
	const struct record_upcall *upcall = &record->upcall;
	struct pending *pending = find(pluton, record->header.op_id);
	uint32_t error = upcall->words[0];
	struct answer answer = {
		.missed = upcall->missed,
		.more = error == 0 && (record->header.flags & RECORD_MORE),
		.fd = -1,
	};
	int r;

	if (!pending || pending->state != PENDING_RUNNING || upcall->number != 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "an answer that nobody waits for");
	if (error >= PLUTON_EBADRVAL || !right_length(pending, upcall))
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "an answer with error %u and %u bytes of output", error,
				       upcall->output_length);
	answer.status = -(int)error;
	r = take_descriptor(pluton, pending, &answer);
	if (r < 0)
		return r;
	memcpy(answer.words, upcall->words, sizeof(answer.words));
	if (answer.status == 0)
		copy_outputs(pending, upcall);
	else if (pending->text_length == 0)
		quote_failure(pending, upcall);
	if (answer.more)
		answered_more(pluton, pending, &answer);
	else
		finish(pluton, pending, &answer);
	return 0;
}

int operation_refused(struct pluton *pluton, const struct record *record)
{
	const struct record_return *ret = &record->ret;
	struct pending *pending = find(pluton, record->header.op_id);

	if (!pending || pending->state != PENDING_RUNNING || ret->variant != VARIANT_FAILURE ||
	    ret->words[0] == 0 || ret->words[0] >= PLUTON_EBADRVAL)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a return that nobody waits for");
	memcpy(pending->text, ret->text, ret->text_length);
	pending->text_length = ret->text_length;
	finish_failed(pluton, pending, -(int)ret->words[0]);
	return 0;
}

/* Whoever closed the connection may still be at work on what was shared with it. */
static void taint_blocks(const struct placed *slots)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		if (slots[i].block)
			memory_taint(slots[i].block);
	}
}

void operation_fail_all(struct pluton *pluton, int error)
{
	for (uint32_t i = 0; i < pluton->pending.count; i++) {
		struct pending *pending = &pluton->pending.entries[i];

		if (pending->state != PENDING_RUNNING)
			continue;
		taint_blocks(pending->slots);
		finish_lost(pluton, pending, error);
	}
}

void operation_close(struct pluton *pluton)
{
	for (uint32_t i = 0; i < pluton->pending.count; i++) {
		struct pending *pending = &pluton->pending.entries[i];

		if (pending->state == PENDING_FREE)
			continue;
		if (pending->last.fd >= 0)
			close(pending->last.fd);
		if (pending->completion.drop)
			pending->completion.drop(pending->completion.userdata);
	}
	free(pluton->pending.entries);
}

/* --- waiting --------------------------------------------------------------------------------- */

struct outcome {
	bool known;
	struct answer answer;
};

static void note_outcome(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct outcome *outcome = userdata;

	(void)pluton;
	if (answer->more)
		return;
	outcome->known = true;
	outcome->answer = *answer;
}

static int perform_once(struct pluton *pluton, const struct pluton_request *request,
			const struct completion *how, struct answer *ret)
{
	struct outcome outcome = {0};
	struct completion completion = *how;
	bool ran;
	int r;

	*ret = (struct answer){.fd = -1, .fate = FATE_UNSENT};
	completion.told = note_outcome;
	completion.userdata = &outcome;
	r = operation_submit(pluton, request, &completion, NULL);
	if (r < 0)
		return r;
	/* When the connection ends, the outcome becomes due as well: the loop ends either way. */
	while (!outcome.known) {
		if (!due_run(pluton, &ran))
			(void)connection_wait(pluton);
	}
	*ret = outcome.answer;
	return ret->status;
}

static bool may_repeat(enum fate fate, enum repeat repeat)
{
	return (fate == FATE_UNSENT && repeat != REPEAT_NEVER) ||
	       (fate == FATE_UNKNOWN && repeat == REPEAT_ALWAYS);
}

/* Once more if the daemon went away during it; not if there was none to begin with. */
static int perform(struct pluton *pluton, const struct pluton_request *request,
		   const struct completion *how, enum repeat repeat, struct answer *ret)
{
	int r = reconnect_wait(pluton);

	if (r < 0)
		return r;
	r = perform_once(pluton, request, how, ret);
	if (r == -PLUTON_EOFF && may_repeat(ret->fate, repeat)) {
		r = reconnect_wait(pluton);
		if (r == 0)
			r = perform_once(pluton, request, how, ret);
	}
	loop_settle(pluton); /* callbacks may have become due meanwhile */
	return r;
}

int operation_perform_answer(struct pluton *pluton, const struct pluton_request *request,
			     enum repeat repeat, struct answer *ret)
{
	const struct completion how = {0};

	return perform(pluton, request, &how, repeat, ret);
}

int operation_perform(struct pluton *pluton, const struct pluton_request *request,
		      enum repeat repeat, uint32_t ret_words[3])
{
	struct answer answer;
	int r = operation_perform_answer(pluton, request, repeat, &answer);

	if (r == 0 && ret_words)
		memcpy(ret_words, answer.words, sizeof(answer.words));
	return r;
}

int operation_perform_explained(struct pluton *pluton, const struct pluton_request *request,
				enum repeat repeat, const char *invalid)
{
	const struct completion how = {.invalid = invalid};
	struct answer answer;

	return perform(pluton, request, &how, repeat, &answer);
}

int operation_perform_giving(struct pluton *pluton, const struct pluton_request *request,
			     int *ret_fd)
{
	const struct completion how = {.gives = true};
	struct answer answer;
	int r = perform(pluton, request, &how, REPEAT_ALWAYS, &answer);

	if (r == 0)
		*ret_fd = answer.fd;
	return r;
}

int pluton_wait_all(struct pluton *pluton, const pluton_operation_id *ids, size_t count)
{
	bool ran;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		/* When the connection ends they all become due: this ends either way. */
		while (find(pluton, ids[i])) {
			if (!due_run(pluton, &ran))
				r = connection_wait(pluton);
		}
	}
	loop_settle(pluton);
	return r;
}

int pluton_perform(struct pluton *pluton, const struct pluton_request *request,
		   uint32_t ret_words[3])
{
	return operation_perform(pluton, request, REPEAT_NEVER, ret_words);
}
