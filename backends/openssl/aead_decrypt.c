/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decryption in GCM and CCM: nothing is handed out before the tag was checked (contract rule 8).
 * Both read their data twice, for the tag and for the counter mode, so they never run on memory
 * that a client can change. Two ways:
 *
 *	scratch		each byte is copied into private memory once and decrypted there; after the
 *			tag it is copied out.
 *	two passes	for longer input, which then is lent whole and sealed against writing: the
 *			first pass throws its plaintext away, the second one gives it.
 */
#include <string.h>

#include "backends/openssl/aes_operation.h"

/* Bytes asked of a client, or given to it, at once. */
#define AEAD_PULL (16u * 1024)
#define AEAD_PUSH (16u * 1024)

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

int aead_verify(struct aes_operation *op)
{
	int r = op->verified ? 0 : aes_check_tag(op);

	op->verified = r == 0;
	return r;
}

/* --- scratch ---------------------------------------------------------------------------------- */

static struct scratch *free_scratch(struct aes_unit *unit)
{
	for (size_t i = 0; i < unit->scratch_count; i++) {
		bool held = false;

		for (size_t j = 0; j < TASKS_PER_ENGINE; j++)
			held |= unit->operations[j].scratch == &unit->scratches[i];
		if (!held)
			return &unit->scratches[i];
	}
	return NULL;
}

static struct aes_operation *longest_waiting(struct aes_unit *unit)
{
	struct aes_operation *first = NULL;

	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		struct aes_operation *op = &unit->operations[i];

		if (op->ticket && (!first || op->ticket < first->ticket))
			first = op;
	}
	return first;
}

static void wake_longest_waiting(struct aes_unit *unit)
{
	struct aes_operation *op = longest_waiting(unit);

	if (op)
		task_wake(&op->task);
}

/* false: the operation waits in line, and is woken when its turn comes. */
static bool enter_scratch(struct aes_operation *op)
{
	struct aes_unit *unit = op->unit;

	if (op->scratch)
		return true;
	if (!op->ticket)
		op->ticket = ++unit->last_ticket;
	if (longest_waiting(unit) == op)
		op->scratch = free_scratch(unit);
	if (!op->scratch)
		return false;
	op->ticket = 0;
	wake_longest_waiting(unit); /* there may be scratch for it, too */
	return true;
}

void aead_leave_scratch(struct aes_operation *op)
{
	if (op->scratch)
		scratch_wipe(op->scratch);
	op->scratch = NULL;
	op->ticket = 0;
	wake_longest_waiting(op->unit);
}

static uint8_t *scratch_at(struct aes_operation *op, size_t cursor, size_t len)
{
	if (op->scratch->used < cursor + len)
		op->scratch->used = cursor + len;
	return op->scratch->memory + cursor;
}

/* `chunk` is private and has TASK_CHUNK bytes; ciphertext only. */
static int take_lent(struct aes_operation *op, uint8_t *chunk, size_t len)
{
	uint8_t *at = scratch_at(op, op->input_cursor, len);

	memcpy(chunk, op->input.at, len);
	aes_used_input(op, len);
	return aes_update(op, at, chunk, len);
}

static int take_pulled(struct aes_operation *op, size_t len)
{
	uint8_t *at = scratch_at(op, op->input_cursor, len);
	ssize_t n = aes_pull(op, at, len);

	return n < 0 ? (int)n : aes_update(op, at, at, (size_t)n);
}

static int into_scratch_on_worker(struct work *work)
{
	struct aes_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct aes_operation);
	uint8_t chunk[TASK_CHUNK];
	int r = 0;

	for (unsigned i = 0; r == 0 && op->input.length > 0 && i < CHUNKS_PER_SLICE; i++)
		r = take_lent(op, chunk, min_size(op->input.length, sizeof(chunk)));
	explicit_bzero(chunk, sizeof(chunk));
	return work_goes_on(r, op->input.length > 0);
}

static int into_scratch(struct aes_operation *op)
{
	uint8_t *chunk = op->task.host->chunk_in;
	size_t len = task_piece(&op->task, op->input.length, TASK_CHUNK);
	int r;

	if (op->input.length == 0)
		return take_pulled(op, task_piece(&op->task, aes_input_left(op), AEAD_PULL));
	r = take_lent(op, chunk, len);
	explicit_bzero(chunk, len);
	return r;
}

static int out_of_scratch_on_worker(struct work *work)
{
	struct aes_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct aes_operation);

	for (unsigned i = 0; op->output.length > 0 && i < CHUNKS_PER_SLICE; i++) {
		size_t len = min_size(op->output.length, TASK_CHUNK);

		memcpy(op->output.at, op->scratch->memory + op->output_cursor, len);
		aes_used_output(op, len);
		scratch_wipe_up_to(op->scratch, op->output_cursor);
	}
	return work_goes_on(0, op->output.length > 0);
}

static int give_piece(struct aes_operation *op)
{
	size_t limit = op->output.length > 0 ? TASK_CHUNK : AEAD_PUSH;
	size_t len = task_piece(&op->task, aes_output_left(op), limit);
	int r = aes_give(op, op->scratch->memory + op->output_cursor, len);

	if (r == 0)
		scratch_wipe_up_to(op->scratch, op->output_cursor);
	task_spend(&op->task, len);
	return r;
}

static int give_from_scratch(struct aes_operation *op)
{
	while (aes_output_left(op) > 0) {
		int r;

		if (op->task.budget == 0)
			return TASK_AGAIN;
		r = aes_borrow_output(op);
		if (r < 0)
			return r;
		if (op->output.length == aes_output_left(op) &&
		    task_wants_worker(&op->task, op->output.length))
			return task_to_worker(&op->task, out_of_scratch_on_worker);
		r = give_piece(op);
		if (r < 0)
			return r;
	}
	return TASK_DONE;
}

/* --- two passes ------------------------------------------------------------------------------- */

/* Plaintext of `len` bytes of input made, and thrown away. `sink` has TASK_CHUNK bytes. */
static int decrypt_unseen(struct aes_operation *op, uint8_t *sink, size_t len)
{
	int r = aes_update(op, sink, op->input.at, len);

	explicit_bzero(sink, len);
	aes_used_input(op, len);
	return r;
}

static int first_pass_on_worker(struct work *work)
{
	struct aes_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct aes_operation);
	uint8_t sink[TASK_CHUNK];
	int r = 0;

	for (unsigned i = 0; r == 0 && op->input.length > 0 && i < CHUNKS_PER_SLICE; i++)
		r = decrypt_unseen(op, sink, min_size(op->input.length, sizeof(sink)));
	return work_goes_on(r, op->input.length > 0);
}

static int first_pass(struct aes_operation *op)
{
	return decrypt_unseen(op, op->task.host->chunk_in,
			      task_piece(&op->task, op->input.length, TASK_CHUNK));
}

/*
 * Input that is too long for scratch must be lent whole, else SIZE: only the client knew that.
 * The memory is kept and not lent again: the client may have put another range in its place, and
 * what the second pass decrypts must be what the first one verified.
 */
static int begin_two_passes(struct aes_operation *op)
{
	if (op->input.length < op->request.length)
		return -PLUTON_ESIZE;
	op->sealed = op->input.at;
	return 0;
}

static int begin_second_pass(struct aes_operation *op)
{
	op->input = (struct lent_input){op->sealed, op->request.length};
	op->input_cursor = 0;
	return aes_begin(op);
}

/* --- the steps -------------------------------------------------------------------------------- */

static bool fits_scratch(const struct aes_operation *op)
{
	return op->request.length <= op->unit->engine.caps.aead_scratch;
}

/* 0: input may be taken. Or TASK_ELSEWHERE, or an error. */
static int prepare_input(struct aes_operation *op)
{
	int r;

	if (fits_scratch(op) && !enter_scratch(op))
		return TASK_ELSEWHERE;
	r = aes_borrow_input(op);
	if (r == 0 && !fits_scratch(op) && !op->sealed)
		r = begin_two_passes(op);
	return r;
}

static int take_input(struct aes_operation *op)
{
	size_t before = op->input_cursor;
	int r;

	if (op->input.length == aes_input_left(op) &&
	    task_wants_worker(&op->task, op->input.length))
		return task_to_worker(&op->task,
				      op->sealed ? first_pass_on_worker : into_scratch_on_worker);
	r = op->sealed ? first_pass(op) : into_scratch(op);
	task_spend(&op->task, aes_cost(op, op->input_cursor - before));
	return r;
}

int aead_step_input(struct aes_operation *op)
{
	int r;

	while (aes_input_left(op) > 0) {
		if (op->task.budget == 0)
			return TASK_AGAIN;
		r = prepare_input(op);
		if (r == 0)
			r = take_input(op);
		if (r != 0)
			return r;
	}
	r = aead_verify(op);
	return r == 0 && op->sealed ? begin_second_pass(op) : r;
}

int aead_step_output(struct aes_operation *op)
{
	return op->sealed ? aes_step_data(op) : give_from_scratch(op);
}
