/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rsa HIL: all that goes in is pulled into a job, a worker does it, what comes out is pushed.
 * Nothing in RSA can be sliced, so nothing of it runs on the loop. Keys are made on a thread of
 * their own: a generation takes seconds, and the workers are everybody's. No more are taken on than
 * there are such threads, for in the pool's queue a cancel would not reach them.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"
#include "backends/openssl/rsa_run.h"
#include "backends/openssl/vault.h"

#define RSA_SLICE (16u * 1024) /* bytes moved in one deferred call; 50 µs */
#define GENERATORS 1u	       /* threads, and keys that are made at once */

struct rsa_unit;

struct rsa_operation {
	struct task task;
	struct rsa_unit *unit;
	struct rsa_client *client; /* from here on wiped at the end */
	unsigned part;		   /* of the key, that moves next */
	size_t label_cursor;
	size_t input_cursor;
	size_t output_cursor;
	bool has_signature;
	bool computed;
	struct rsa_job job;
};

struct rsa_unit {
	struct rsa_engine engine;
	struct task_set tasks;
	struct task_host *host;
	const char *why;
	struct worker_pool generators; /* opened by the first generation */
	unsigned generating;	       /* operations that need one */
	struct rsa_operation operations[TASKS_PER_ENGINE];
};

/* --- in ----------------------------------------------------------------------------------------
 */

static int pull_parts(struct rsa_operation *op)
{
	struct rsa_job *job = &op->job;
	int r = 0;

	while (r == 0 && op->part < rsa_part_count(&job->request)) {
		enum rsa_part part = (enum rsa_part)op->part++;
		size_t size = rsa_part_size(part, job->request.size);

		r = hil_answer(op->client->ops->pull_part(op->client, part, rsa_job_part(job, part),
							  size));
		task_spend(&op->task, size);
	}
	return r;
}

/* What the capsule has checked; here it holds whoever asks. From here on the job has all parts. */
static int take_slot(struct rsa_operation *op)
{
	static const uint32_t usages[RSA_ACTIONS] = {
		[RSA_SIGN] = HWKEY_SIGN,
		[RSA_DECRYPT] = HWKEY_DECRYPT,
		[RSA_PRIVATE] = HWKEY_SIGN | HWKEY_DECRYPT, /* a bare power is both */
	};
	struct rsa_job *job = &op->job;
	struct rsa_request *request = &job->request;
	struct hwkey_attributes attributes;
	int r = vault_take(op->task.host->vault, &request->key, HWKEY_OF_RSA,
			   usages[request->action], job->key, sizeof(job->key), &attributes);

	if (r == 0 && attributes.size != rsa_part_offset(RSA_PARTS, request->size))
		r = -PLUTON_EINVAL;
	if (r == -PLUTON_ENODEVICE)
		job->why = KEY_SLOT_EMPTIED;
	request->key = (struct hil_key_ref){.kind = HIL_KEY_BYTES};
	request->crt = true;
	op->part = RSA_PARTS;
	return r;
}

typedef ssize_t (*pull_fn)(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor);

/* TASK_DONE: `bytes` is full. TASK_AGAIN: not yet. */
static int pull_all(struct rsa_operation *op, pull_fn pull, uint8_t *bytes, size_t length,
		    size_t *cursor)
{
	while (*cursor < length) {
		size_t piece = task_piece(&op->task, length - *cursor, TASK_CHUNK);
		ssize_t n;

		if (piece == 0)
			return TASK_AGAIN;
		n = hil_count(pull(op->client, bytes + *cursor, piece, *cursor), piece);
		if (n < 0)
			return (int)n;
		*cursor += (size_t)n;
		task_spend(&op->task, (size_t)n);
	}
	return TASK_DONE;
}

static int pull_signature(struct rsa_operation *op)
{
	struct rsa_job *job = &op->job;

	if (job->request.action != RSA_VERIFY || op->has_signature)
		return 0;
	op->has_signature = true;
	return hil_answer(
		op->client->ops->pull_signature(op->client, job->signature, job->request.size));
}

static int take(struct rsa_operation *op)
{
	const struct rsa_client_ops *ops = op->client->ops;
	struct rsa_job *job = &op->job;
	int r = 0;

	if (job->request.key.kind == HIL_KEY_SLOT)
		r = take_slot(op);
	else if (job->request.action != RSA_GENERATE)
		r = pull_parts(op);

	if (r == 0)
		r = pull_all(op, ops->pull_label, job->label, job->request.label_length,
			     &op->label_cursor);
	if (r == TASK_DONE)
		r = pull_all(op, ops->pull_input, job->input, job->request.length,
			     &op->input_cursor);
	return r == TASK_DONE ? pull_signature(op) : r;
}

/* --- out ---------------------------------------------------------------------------------------
 */

static int push_parts(struct rsa_operation *op)
{
	struct rsa_job *job = &op->job;
	int r = 0;

	while (r == 0 && op->part < RSA_PARTS) {
		enum rsa_part part = (enum rsa_part)op->part++;
		size_t size = rsa_part_size(part, job->request.size);

		r = hil_answer(op->client->ops->push_part(op->client, part, rsa_job_part(job, part),
							  size));
	}
	return r;
}

static int push_output(struct rsa_operation *op)
{
	while (op->output_cursor < op->job.output_length) {
		const uint8_t *at = op->job.output + op->output_cursor;
		size_t left = op->job.output_length - op->output_cursor;
		size_t piece = task_piece(&op->task, left, TASK_CHUNK);
		ssize_t n;

		if (piece == 0)
			return TASK_AGAIN;
		n = hil_count(
			op->client->ops->push_output(op->client, at, piece, op->output_cursor),
			piece);
		if (n < 0)
			return (int)n;
		op->output_cursor += (size_t)n;
		task_spend(&op->task, (size_t)n);
	}
	return TASK_DONE;
}

/* --- the task ----------------------------------------------------------------------------------
 */

static int compute(struct work *work)
{
	struct rsa_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct rsa_operation);

	return rsa_run(&op->job);
}

static int open_generators(struct rsa_unit *unit)
{
	if (unit->generators.threads)
		return 0;
	return worker_pool_open(&unit->generators, unit->host->environment->interrupts, GENERATORS);
}

static int generate(struct rsa_operation *op)
{
	int r = open_generators(op->unit);

	if (r < 0)
		return r;
	op->computed = true;
	return task_to_pool(&op->task, &op->unit->generators, compute);
}

static int hand_over(struct rsa_operation *op)
{
	if (op->job.request.action == RSA_GENERATE)
		return generate(op);
	op->computed = true;
	return task_to_worker(&op->task, compute);
}

static int advance(struct task *task)
{
	struct rsa_operation *op = TASK_OWNER(task, struct rsa_operation);
	int r;

	if (op->computed)
		return op->job.request.action == RSA_GENERATE ? push_parts(op) : push_output(op);
	r = take(op);
	return r == TASK_DONE ? hand_over(op) : r;
}

static void wipe(struct rsa_operation *op)
{
	explicit_bzero((char *)op + offsetof(struct rsa_operation, client),
		       sizeof(*op) - offsetof(struct rsa_operation, client));
}

static void finish(struct task *task, int result)
{
	struct rsa_operation *op = TASK_OWNER(task, struct rsa_operation);
	struct rsa_client *client = op->client;

	op->unit->generating -= hil_is_slow(&op->unit->engine.head, &op->job.request);
	op->unit->why = op->job.why && result < 0 ? op->job.why : "";
	wipe(op);
	client->ops->done(client, result);
}

/* --- the engine --------------------------------------------------------------------------------
 */

static struct rsa_unit *unit_of(struct rsa_engine *engine)
{
	return (struct rsa_unit *)(void *)engine;
}

static int start(struct rsa_engine *engine, const struct rsa_request *request,
		 struct rsa_client *client)
{
	struct rsa_unit *unit = unit_of(engine);
	bool is_slow = hil_is_slow(&engine->head, request);
	struct rsa_operation *op;
	struct task *task;
	int r = rsa_check(&engine->head, request);

	if (r == 0 && is_slow && unit->generating == engine->head.slow)
		r = -PLUTON_EBUSY;
	if (r == 0)
		r = task_begin(&unit->tasks, client, &task);
	if (r < 0)
		return r;
	unit->generating += is_slow;
	op = TASK_OWNER(task, struct rsa_operation);
	op->client = client;
	op->job.request = *request;
	op->job.cancelled = &op->task.work.cancelled;
	return 0;
}

static int cancel(struct rsa_engine *engine, struct rsa_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const char *why(struct rsa_engine *engine)
{
	return ((struct rsa_unit *)(void *)engine)->why;
}

#define SIZES (1u << 2 | 1u << 3 | 1u << 4) /* 2048, 3072 and 4096 bits */
#define OLD_SIZES (SIZES | 1u << 1)	    /* 1024 too: to read what others once made */
#define HASHES (((1u << DIGEST_ALGORITHMS) - 1) & ~1u)

static const struct rsa_engine_ops ops = {.start = start, .cancel = cancel, .why = why};

static const struct rsa_engine openssl_rsa = {
	.head = {.name = "openssl",
		 .kind = HIL_RSA,
		 .level = HIL_LEVEL_RSA,
		 .concurrency = TASKS_PER_ENGINE,
		 .share = TASK_SHARE,
		 .slow = GENERATORS},
	.caps = {.paddings = {[RSA_GENERATE] = 1u << RSA_BARE,
			      [RSA_SIGN] = 1u << RSA_PKCS1 | 1u << RSA_PSS,
			      [RSA_VERIFY] = 1u << RSA_PKCS1 | 1u << RSA_PSS,
			      [RSA_ENCRYPT] = 1u << RSA_PKCS1 | 1u << RSA_OAEP,
			      [RSA_DECRYPT] = 1u << RSA_PKCS1 | 1u << RSA_OAEP,
			      [RSA_PUBLIC] = 1u << RSA_BARE,
			      [RSA_PRIVATE] = 1u << RSA_BARE},
		 .sizes = {[RSA_GENERATE] = SIZES,
			   [RSA_SIGN] = SIZES,
			   [RSA_VERIFY] = OLD_SIZES,
			   [RSA_ENCRYPT] = SIZES,
			   [RSA_DECRYPT] = SIZES,
			   [RSA_PUBLIC] = OLD_SIZES,
			   [RSA_PRIVATE] = SIZES},
		 .hashes = {[RSA_PKCS1] = HASHES, [RSA_PSS] = HASHES, [RSA_OAEP] = HASHES},
		 .any_mgf_hash = true,
		 .salt_max = RSA_SIZE_MAX,
		 .salt_any = true,
		 .label_max = RSA_LABEL_MAX,
		 .key_slots = true},
	.ops = &ops,
};

static int find_rsa(void)
{
	EVP_KEYMGMT *keys = EVP_KEYMGMT_fetch(NULL, "RSA", NULL);

	EVP_KEYMGMT_free(keys);
	return keys ? 0 : crypto_failed(-PLUTON_ENODEVICE);
}

int rsa_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct rsa_unit *unit;
	int r = find_rsa();

	if (r < 0)
		return r;
	unit = calloc(1, sizeof(*unit));
	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = openssl_rsa;
	unit->engine.head.vault = &host->vault->vault;
	unit->host = host;
	unit->why = "";
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		unit->operations[i].unit = unit;
		task_init(&unit->operations[i].task, &unit->tasks, host, RSA_SLICE, advance,
			  finish);
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

void rsa_engine_close(struct hil_engine *engine)
{
	struct rsa_unit *unit = (struct rsa_unit *)(void *)engine;

	if (!unit)
		return;
	worker_pool_close(&unit->generators);
	free(unit);
}
