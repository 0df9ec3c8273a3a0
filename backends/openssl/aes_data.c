/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data in, data out: all of ECB, CBC and CTR, and encryption in GCM and CCM. CTR and GCM use lent
 * memory in place; what is not lent goes through the host's two chunks, as everything does in the
 * other modes. They look at their data more than once (CCM), may chain with what they wrote or read
 * before (CBC), or move whole blocks where the client lends and pulls what it likes.
 *
 * GCM encryption into lent output: OpenSSL writes ciphertext and reads it back for GHASH, each
 * byte once, and the client may change it in between (contract rule 8). Then the tag fits the
 * changed ciphertext C' instead of C. That is the answer to another request that this client could
 * have made, the one for the plaintext P ^ C ^ C' under the same key and IV: both differences are
 * known to it. There is one tag for this IV as ever, over a message that the client may choose,
 * and choosing it late gains nothing: C tells about the counter blocks behind the first, not about
 * the hash key or the block that masks the tag. Nor is anything else read back: the key stream
 * depends on key, IV and position alone.
 */
#include <string.h>

#include "backends/openssl/aes_operation.h"

size_t aes_input_left(const struct aes_operation *op)
{
	return op->request.length - op->input_cursor;
}

size_t aes_output_left(const struct aes_operation *op)
{
	return op->request.length - op->output_cursor;
}

int aes_borrow_input(struct aes_operation *op)
{
	size_t len = 0;

	if (op->input.length > 0 || !op->client->ops->lend_input)
		return 0;
	op->input.at = op->client->ops->lend_input(op->client, op->input_cursor, &len);
	if (!op->input.at)
		return 0;
	op->input.length = len;
	return task_check_lent(len, aes_input_left(op));
}

int aes_borrow_output(struct aes_operation *op)
{
	size_t len = 0;

	if (op->output.length > 0 || !op->client->ops->lend_output)
		return 0;
	op->output.at = op->client->ops->lend_output(op->client, op->output_cursor, &len);
	if (!op->output.at)
		return 0;
	op->output.length = len;
	return task_check_lent(len, aes_output_left(op));
}

void aes_used_input(struct aes_operation *op, size_t len)
{
	op->input.at += len;
	op->input.length -= len;
	op->input_cursor += len;
}

void aes_used_output(struct aes_operation *op, size_t len)
{
	op->output.at += len;
	op->output.length -= len;
	op->output_cursor += len;
}

ssize_t aes_pull(struct aes_operation *op, uint8_t *buf, size_t len)
{
	ssize_t n =
		hil_count(op->client->ops->pull_input(op->client, buf, len, op->input_cursor), len);

	task_spend(&op->task, 0);
	if (n > 0)
		op->input_cursor += (size_t)n;
	return n;
}

static ssize_t push(struct aes_operation *op, const uint8_t *buf, size_t len)
{
	ssize_t n = hil_count(op->client->ops->push_output(op->client, buf, len, op->output_cursor),
			      len);

	task_spend(&op->task, 0);
	if (n > 0)
		op->output_cursor += (size_t)n;
	return n;
}

int aes_give(struct aes_operation *op, const uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = aes_borrow_output(op);

		if (n == 0 && op->output.length > 0) {
			n = (ssize_t)(len < op->output.length ? len : op->output.length);
			memcpy(op->output.at, buf, (size_t)n);
			aes_used_output(op, (size_t)n);
		} else if (n == 0) {
			n = push(op, buf, len);
		}
		if (n < 0)
			return (int)n;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

/* From the loan straight to the loan. */
static int transform_lent(struct aes_operation *op, size_t len)
{
	int r = aes_update(op, op->output.at, op->input.at, len);

	if (r == 0) {
		aes_used_input(op, len);
		aes_used_output(op, len);
	}
	return r;
}

static int transform_on_worker(struct work *work)
{
	struct aes_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct aes_operation);
	int r = transform_lent(op, op->input.length < WORK_SLICE ? op->input.length : WORK_SLICE);

	return work_goes_on(r, op->input.length > 0);
}

/* The next bytes of the loan; `len` is no more than it has. */
static void copy_lent(struct aes_operation *op, uint8_t *buf, size_t len)
{
	memcpy(buf, op->input.at, len);
	aes_used_input(op, len);
}

/* From the loan to the loan by way of two private chunks. */
static int transform_copied(struct aes_operation *op, uint8_t *in, uint8_t *out)
{
	size_t len = op->input.length < TASK_CHUNK ? op->input.length : TASK_CHUNK;
	ssize_t made;

	copy_lent(op, in, len);
	made = aes_transform(op, out, in, len);
	if (made < 0)
		return (int)made;
	memcpy(op->output.at, out, (size_t)made);
	aes_used_output(op, (size_t)made);
	return 0;
}

static int transform_copied_on_worker(struct work *work)
{
	struct aes_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct aes_operation);
	uint8_t in[TASK_CHUNK], out[TASK_CHUNK];
	int r = 0;

	for (unsigned i = 0; r == 0 && op->input.length > 0 && i < CHUNKS_PER_SLICE; i++)
		r = transform_copied(op, in, out);
	explicit_bzero(in, sizeof(in));
	explicit_bzero(out, sizeof(out));
	return work_goes_on(r, op->input.length > 0);
}

/* `len` bytes that are here already to the output, through the second chunk. */
static int transform_through_chunk(struct aes_operation *op, const uint8_t *in, size_t len)
{
	uint8_t *chunk = op->task.host->chunk_out;
	ssize_t made = aes_transform(op, chunk, in, len);
	int r = made > 0 ? aes_give(op, chunk, (size_t)made) : (int)made;

	/* A block that begins in the piece before ends in this one. */
	explicit_bzero(chunk,
		       len + AES_BLOCK_SIZE < TASK_CHUNK ? len + AES_BLOCK_SIZE : TASK_CHUNK);
	return r;
}

/* Pulled, or copied from the loan, into the first chunk. */
static int transform_taken(struct aes_operation *op)
{
	uint8_t *chunk = op->task.host->chunk_in;
	size_t left = op->input.length > 0 ? op->input.length : aes_input_left(op);
	size_t len = task_piece(&op->task, left, TASK_CHUNK);
	ssize_t n = (ssize_t)len;
	int r;

	if (op->input.length > 0)
		copy_lent(op, chunk, len);
	else
		n = aes_pull(op, chunk, len);
	r = (int)n;

	if (n > 0)
		r = transform_through_chunk(op, chunk, (size_t)n);
	explicit_bzero(chunk, len);
	return r;
}

static int transform_piece(struct aes_operation *op)
{
	size_t len;
	int r = aes_borrow_input(op);

	if (r < 0)
		return r;
	if (op->input.length == 0 || aes_needs_private_memory(op))
		return transform_taken(op);
	r = aes_borrow_output(op);
	if (r < 0)
		return r;
	if (op->output.length > 0) {
		len = op->input.length < op->output.length ? op->input.length : op->output.length;
		return transform_lent(op, task_piece(&op->task, len, WORK_SLICE));
	}
	len = task_piece(&op->task, op->input.length, TASK_CHUNK);
	r = transform_through_chunk(op, op->input.at, len);
	aes_used_input(op, len);
	return r;
}

/* 1: a worker does the rest. 0: the loop goes on. Or an error of lending. */
static int offer_to_worker(struct aes_operation *op)
{
	int r;

	if (!task_wants_worker(&op->task, aes_input_left(op)))
		return 0;
	r = aes_borrow_input(op);
	if (r < 0 || op->input.length < aes_input_left(op))
		return r;
	r = aes_borrow_output(op);
	if (r < 0 || op->output.length < aes_output_left(op))
		return r;
	task_to_worker(&op->task, aes_needs_private_memory(op) ? transform_copied_on_worker
							       : transform_on_worker);
	return 1;
}

int aes_step_data(struct aes_operation *op)
{
	while (aes_input_left(op) > 0) {
		size_t before = op->input_cursor;
		int r;

		if (op->task.budget == 0)
			return TASK_AGAIN;
		r = offer_to_worker(op);
		if (r != 0)
			return r < 0 ? r : TASK_ELSEWHERE;
		r = transform_piece(op);
		if (r < 0)
			return r;
		task_spend(&op->task, aes_cost(op, op->input_cursor - before));
	}
	return TASK_DONE;
}
