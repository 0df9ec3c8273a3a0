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
	bool more_due;
	int status;
	uint32_t words[RECORD_RETURN_WORDS];
	uint32_t more_words[RECORD_RETURN_WORDS];
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

static int take_entry(struct pluton *pluton, struct pending **ret)
{
	struct pending_table *table = &pluton->pending;
	int r;

	if (!table->entries) {
		r = make_table(pluton);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < table->count; i++) {
		struct pending *pending = &table->entries[i];

		if (pending->state != PENDING_FREE)
			continue;
		table->serial = (table->serial + 1) & SERIAL_MASK;
		pending->id = table->serial << ID_BITS | (i + 1);
		*ret = pending;
		return 0;
	}
	return connection_refuse(pluton, -PLUTON_EBUSY, "%u operations are under way, which is all",
				 table->count);
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
		if (slot->length > pluton->limits.window_size_max)
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
		if (slots[i].block)
			memory_give(pluton, slots[i].block);
		slots[i].block = NULL;
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
	int r = pluton->error;

	if (r == 0)
		r = check_slots(pluton, request);
	if (r == 0)
		r = take_entry(pluton, &pending);
	if (r == 0)
		r = send_request(pluton, pending, request);
	if (r < 0)
		return r;
	pending->state = PENDING_RUNNING;
	pending->cancelled = false;
	pending->completion = *completion;
	pending->text_length = 0;
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

static bool notify(struct pluton *pluton, const struct completion *completion, int status,
		   const uint32_t *words)
{
	if (completion->answer)
		completion->answer(pluton, status, words, completion->userdata);
	else if (completion->done)
		completion->done(pluton, status, completion->userdata);
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
	uint32_t words[RECORD_RETURN_WORDS];
	int status = pending->status;

	memcpy(words, pending->words, sizeof(words));
	if (status == -PLUTON_EINVAL && pending->text_length == 0 && completion.invalid)
		(void)connection_refuse(pluton, status, "%s", completion.invalid);
	else if (status < 0)
		connection_quote(pluton, status, pending->text, pending->text_length);
	pending->state = PENDING_FREE;
	return notify(pluton, &completion, status, words);
}

static bool run_more(struct pluton *pluton, struct due *due)
{
	struct pending *pending = pending_of_more(due);
	struct completion completion = pending->completion;
	uint32_t words[RECORD_RETURN_WORDS];

	memcpy(words, pending->more_words, sizeof(words));
	pending->more_due = false;
	return notify(pluton, &completion, 0, words);
}

static void finish(struct pluton *pluton, struct pending *pending, int status,
		   const uint32_t *words)
{
	give_blocks(pluton, pending->slots);
	pending->state = PENDING_DUE;
	pending->status = status;
	memset(pending->words, 0, sizeof(pending->words));
	if (words)
		memcpy(pending->words, words, sizeof(pending->words));
	pending->final.run = run_final;
	due_push(pluton, &pending->final);
}

static void copy_outputs(struct pending *pending, const uint8_t *inline_output)
{
	for (unsigned i = 0; i < PLUTON_SLOTS_MAX; i++) {
		const struct placed *slot = &pending->slots[i];

		if (!slot->out)
			continue;
		if (slot->place == PLACE_INLINE)
			memcpy(slot->out, inline_output + slot->inline_offset, slot->length);
		else if (slot->place == PLACE_BLOCK)
			memcpy(slot->out, memory_bytes(slot->block), slot->length);
	}
}

static void answered_more(struct pluton *pluton, struct pending *pending,
			  const struct record_upcall *upcall)
{
	memcpy(pending->more_words, upcall->words, sizeof(pending->more_words));
	if (pending->more_due)
		return;
	pending->more_due = true;
	pending->more.run = run_more;
	due_push(pluton, &pending->more);
}

int operation_answered(struct pluton *pluton, const struct record *record)
{
	const struct record_upcall *upcall = &record->upcall;
	struct pending *pending = find(pluton, record->header.op_id);
	uint32_t error = upcall->words[0];

	if (!pending || pending->state != PENDING_RUNNING || upcall->number != 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "an answer that nobody waits for");
	if (error >= PLUTON_EBADRVAL ||
	    upcall->output_length != (error == 0 ? pending->output_length : 0))
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "an answer with error %u and %u bytes of output", error,
				       upcall->output_length);
	if (error == 0)
		copy_outputs(pending, upcall->output);
	if (error == 0 && (record->header.flags & RECORD_MORE))
		answered_more(pluton, pending, upcall);
	else
		finish(pluton, pending, -(int)error, upcall->words);
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
	finish(pluton, pending, -(int)ret->words[0], NULL);
	return 0;
}

void operation_fail_all(struct pluton *pluton, int error)
{
	for (uint32_t i = 0; i < pluton->pending.count; i++) {
		struct pending *pending = &pluton->pending.entries[i];

		if (pending->state == PENDING_RUNNING)
			finish(pluton, pending, error, NULL);
	}
}

void operation_close(struct pluton *pluton)
{
	free(pluton->pending.entries);
}

/* --- waiting --------------------------------------------------------------------------------- */

struct outcome {
	bool known;
	int status;
	uint32_t words[RECORD_RETURN_WORDS];
};

static void note_outcome(struct pluton *pluton, int status, const uint32_t words[3], void *userdata)
{
	struct outcome *outcome = userdata;

	(void)pluton;
	outcome->known = true;
	outcome->status = status;
	memcpy(outcome->words, words, sizeof(outcome->words));
}

int operation_perform(struct pluton *pluton, const struct pluton_request *request,
		      const char *invalid, uint32_t ret_words[3])
{
	struct outcome outcome = {0};
	const struct completion completion = {
		.answer = note_outcome, .userdata = &outcome, .invalid = invalid};
	bool ran;
	int r = operation_submit(pluton, request, &completion, NULL);

	if (r < 0)
		return r;
	/* When the connection ends, the outcome becomes due as well: the loop ends either way. */
	while (!outcome.known) {
		if (!due_run(pluton, &ran))
			(void)connection_wait(pluton);
	}
	if (outcome.status == 0 && ret_words)
		memcpy(ret_words, outcome.words, sizeof(outcome.words));
	return outcome.status;
}

int pluton_perform(struct pluton *pluton, const struct pluton_request *request,
		   uint32_t ret_words[3])
{
	return operation_perform(pluton, request, NULL, ret_words);
}
