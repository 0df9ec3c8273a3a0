/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AES engine. An operation is the list of steps that hil/aes.h gives for its
 * request, each with a handler here or in the files that aes_operation.h names.
 *
 * No key stays behind: contexts are reset after every operation, and its memory is wiped.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/aes_operation.h"
#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"
#include "backends/openssl/nonce.h"

#define AES_LENGTH_MAX ((size_t)1 << 30)
#define AES_AAD_MAX (1024u * 1024)
#define STREAM_MODES (1u << AES_ECB | 1u << AES_CBC | 1u << AES_CTR | 1u << AES_GCM)

/* --- steps that move small things ------------------------------------------------------------- */

/* What the capsule has checked; here it holds whoever asks. */
int aes_take_slot(struct aes_operation *op)
{
	const struct aes_request *request = &op->request;
	bool encrypts = request->direction == AES_ENCRYPT;
	bool first = request->phase & HIL_FIRST;
	struct hwkey_attributes attributes;
	int r;

	if (request->key.kind == HIL_KEY_BYTES)
		return 0;
	r = vault_take(op->task.host->vault, &request->key, HWKEY_OF_AES,
		       encrypts ? HWKEY_ENCRYPT : HWKEY_DECRYPT, op->key, sizeof(op->key),
		       &attributes);
	if (r < 0)
		return r;
	if (attributes.size != request->key_size)
		return -PLUTON_ESIZE;
	if (!(attributes.policy & HWKEY_ENGINE_IV))
		return 0;
	return request->mode == AES_GCM && (!encrypts || !first || request->engine_iv)
		       ? 0
		       : -PLUTON_EINVAL;
}

static int take_key(struct aes_operation *op)
{
	struct aes_client *client = op->client;
	int r;

	if (op->request.key.kind == HIL_KEY_BYTES)
		return hil_answer(client->ops->pull_key(client, op->key, op->request.key_size));
	r = aes_take_slot(op);
	if (r == 0 && op->stream)
		gcm_stream_hold(op->stream, op->task.host->vault, &op->request.key);
	return r;
}

static int step_key(struct aes_operation *op)
{
	int r = 0;

	/* First of all, so that a client over its limit learns it before anything has moved. */
	if (op->request.phase != HIL_ONE_SHOT && op->request.mode == AES_GCM) {
		r = gcm_stream_open(op->request.owner, ++op->unit->last_serial,
				    op->request.key_size, &op->stream);
		if (r == 0)
			op->cipher = op->stream->cipher;
	}
	if (r == 0)
		r = take_key(op);
	return r == 0 && op->request.mode == AES_ECB ? aes_begin(op) : r;
}

static int step_iv_in(struct aes_operation *op)
{
	int r = hil_answer(op->client->ops->pull_iv(op->client, op->iv, op->request.iv_size));

	return r < 0 ? r : aes_begin(op);
}

/* Random: SP 800-38D, section 8.2.2. No more than 2^32 messages under one key is the client's. */
static int step_iv_out(struct aes_operation *op)
{
	int r = nonce_make(op->iv, AES_GCM_IV_SIZE);

	if (r == 0)
		r = hil_answer(op->client->ops->push_iv(op->client, op->iv, AES_GCM_IV_SIZE));
	return r < 0 ? r : aes_begin(op);
}

static int step_ctr(struct aes_operation *op)
{
	int r = hil_answer(op->client->ops->pull_ctr(op->client, op->ctr.block, AES_BLOCK_SIZE));

	if (r < 0)
		return r;
	op->ctr.bits = op->request.ctr_bits;
	if (!ctr_position_has_room(&op->ctr, op->request.length))
		return -PLUTON_ESIZE;
	return aes_begin(op);
}

static int take_aad(struct aes_operation *op)
{
	uint8_t *chunk = op->task.host->chunk_in;
	size_t len = task_piece(&op->task, op->request.aad_length - op->aad_cursor,
				sizeof(op->task.host->chunk_in));
	ssize_t n =
		hil_count(op->client->ops->pull_aad(op->client, chunk, len, op->aad_cursor), len);
	int r = (int)n;

	if (n > 0) {
		op->aad_cursor += (size_t)n;
		task_spend(&op->task, (size_t)n);
		r = aes_authenticate(op, chunk, (size_t)n);
	}
	explicit_bzero(chunk, len);
	return r;
}

static int step_aad(struct aes_operation *op)
{
	while (op->aad_cursor < op->request.aad_length) {
		int r;

		if (op->task.budget == 0)
			return TASK_AGAIN;
		r = take_aad(op);
		if (r < 0)
			return r;
	}
	return aes_end_of_aad(op);
}

static int step_tag_in(struct aes_operation *op)
{
	return hil_answer(op->client->ops->pull_tag(op->client, op->tag, op->request.tag_size));
}

static int step_tag_out(struct aes_operation *op)
{
	int r = aes_make_tag(op);

	if (r < 0)
		return r;
	return hil_answer(op->client->ops->push_tag(op->client, op->tag, op->request.tag_size));
}

/* Empty messages have no input step, but a tag all the same. */
static int step_end(struct aes_operation *op)
{
	if (aes_is_aead(op->request.mode) && op->request.direction == AES_DECRYPT)
		return aead_verify(op);
	return TASK_DONE;
}

/* --- an operation ----------------------------------------------------------------------------- */

static int (*const handlers[])(struct aes_operation *op) = {
	[AES_STEP_END] = step_end,
	[AES_STEP_KEY] = step_key,
	[AES_STEP_IV_IN] = step_iv_in,
	[AES_STEP_IV_OUT] = step_iv_out,
	[AES_STEP_CTR] = step_ctr,
	[AES_STEP_AAD] = step_aad,
	[AES_STEP_TAG_IN] = step_tag_in,
	[AES_STEP_DATA] = aes_step_data,
	[AES_STEP_INPUT] = aead_step_input,
	[AES_STEP_OUTPUT] = aead_step_output,
	[AES_STEP_TAG_OUT] = step_tag_out,
	[AES_STEP_STATE_IN] = aes_step_state_in,
	[AES_STEP_STATE_OUT] = aes_step_state_out,
};

static int advance(struct task *task)
{
	struct aes_operation *op = TASK_OWNER(task, struct aes_operation);
	enum aes_step step;

	do {
		int r;

		step = op->steps[op->step];
		r = handlers[step](op);
		if (r != TASK_DONE)
			return r;
		op->step++;
	} while (step != AES_STEP_END);
	return TASK_DONE;
}

static void leave_stream(struct aes_operation *op, int result)
{
	if (!op->stream)
		return;
	if (result == 0 && !(op->request.phase & HIL_LAST))
		gcm_stream_park(op->stream);
	else
		gcm_stream_close(op->request.owner, op->stream);
}

static void finish(struct task *task, int result)
{
	struct aes_operation *op = TASK_OWNER(task, struct aes_operation);
	struct aes_client *client = op->client;

	leave_stream(op, result);
	aead_leave_scratch(op);
	EVP_CIPHER_CTX_reset(op->own_cipher);
	EVP_CIPHER_CTX_reset(op->mac);
	explicit_bzero((char *)op + offsetof(struct aes_operation, client),
		       sizeof(*op) - offsetof(struct aes_operation, client));
	client->ops->done(client, result);
}

/* --- the engine ------------------------------------------------------------------------------- */

static struct aes_unit *unit_of(struct aes_engine *engine)
{
	return (struct aes_unit *)(void *)engine;
}

/* Those of hil/aes.h; a key that nobody is asked for needs its step here all the same. */
static void take_steps(struct aes_operation *op)
{
	const struct aes_request *request = &op->request;

	aes_steps(request, op->steps);
	if (request->key.kind == HIL_KEY_BYTES || !(request->phase & HIL_FIRST))
		return;
	memmove(op->steps + 1, op->steps, sizeof(op->steps) - sizeof(op->steps[0]));
	op->steps[0] = AES_STEP_KEY;
}

static int start(struct aes_engine *engine, const struct aes_request *request,
		 struct aes_client *client)
{
	struct aes_operation *op;
	struct task *task;
	int r = aes_check(&engine->head, request);

	if (r == 0)
		r = task_begin(&unit_of(engine)->tasks, client, &task);
	if (r < 0)
		return r;
	op = TASK_OWNER(task, struct aes_operation);
	op->client = client;
	op->request = *request;
	op->cipher = op->own_cipher;
	take_steps(op);
	return 0;
}

static int cancel(struct aes_engine *engine, struct aes_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const struct aes_engine_ops ops = {start, cancel, aes_forget};

static int open_operations(struct aes_unit *unit, struct task_host *host)
{
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		struct aes_operation *op = &unit->operations[i];

		task_init(&op->task, &unit->tasks, host, AES_SLICE, advance, finish);
		op->unit = unit;
		op->own_cipher = EVP_CIPHER_CTX_new();
		op->mac = EVP_CIPHER_CTX_new();
		if (!op->own_cipher || !op->mac)
			return crypto_failed(-PLUTON_ENOMEM);
	}
	return 0;
}

static int open_scratches(struct aes_unit *unit, const struct backend_environment *environment)
{
	size_t count = environment->workers + 1;

	unit->scratches = calloc(count, sizeof(*unit->scratches));
	if (!unit->scratches)
		return -PLUTON_ENOMEM;
	while (unit->scratch_count < count) {
		int r = scratch_open(&unit->scratches[unit->scratch_count++],
				     environment->aead_scratch);

		if (r < 0)
			return r;
	}
	return 0;
}

static int open_parts(struct aes_unit *unit, struct task_host *host)
{
	int r = aes_ciphers_fetch(unit, host->options.properties);

	if (r == 0)
		r = open_operations(unit, host);
	if (r == 0)
		r = open_scratches(unit, host->environment);
	return r;
}

int aes_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct aes_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = (struct aes_engine){
		.head = {.name = "openssl",
			 .kind = HIL_AES,
			 .level = HIL_LEVEL_AES,
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE,
			 .vault = &host->vault->vault},
		.caps = {.key_slots = true,
			 .modes = STREAM_MODES | 1u << AES_CCM,
			 .stream_modes = STREAM_MODES,
			 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
			 .engine_iv = true,
			 .length_max = AES_LENGTH_MAX,
			 .aad_max = AES_AAD_MAX,
			 .aead_scratch = host->environment->aead_scratch,
			 .state_bytes = AES_STATE_SIZE},
		.ops = &ops,
	};
	r = open_parts(unit, host);
	if (r < 0) {
		aes_engine_close(&unit->engine.head);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

void aes_engine_close(struct hil_engine *engine)
{
	struct aes_unit *unit = (struct aes_unit *)(void *)engine;

	if (!unit)
		return;
	for (size_t i = 0; i < unit->scratch_count; i++)
		scratch_close(&unit->scratches[i]);
	free(unit->scratches);
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		EVP_CIPHER_CTX_free(unit->operations[i].own_cipher);
		EVP_CIPHER_CTX_free(unit->operations[i].mac);
	}
	aes_ciphers_free(unit);
	free(unit);
}
