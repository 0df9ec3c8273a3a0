/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rng HIL on OpenSSL's generator (NIST SP 800-90A CTR_DRBG, seeded by getrandom).
 *
 * RAND_bytes and not RAND_priv_bytes: what clients get to see never comes from the generator that
 * makes keys inside the daemon.
 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"

#define RNG_REQUEST_MAX (1024u * 1024)
#define RNG_SLICE (32u * 1024)

struct rng_operation {
	struct task task;
	struct rng_client *client;
	size_t length;
	size_t cursor;
};

struct rng_unit {
	struct rng_engine engine;
	struct task_set tasks;
	struct rng_operation operations[TASKS_PER_ENGINE];
};

static int push_all(struct rng_operation *op, const uint8_t *buf, size_t len)
{
	for (size_t given = 0; given < len;) {
		ssize_t n = hil_count(op->client->ops->push_output(op->client, buf + given,
								   len - given, op->cursor),
				      len - given);

		if (n < 0)
			return (int)n;
		task_spend(&op->task, 0);
		given += (size_t)n;
		op->cursor += (size_t)n;
	}
	return 0;
}

static int give_piece(struct rng_operation *op)
{
	uint8_t *chunk = op->task.host->chunk_out;
	size_t len = task_piece(&op->task, op->length - op->cursor, TASK_CHUNK);
	int r = RAND_bytes(chunk, (int)len) == 1 ? push_all(op, chunk, len)
						 : crypto_failed(-PLUTON_EFAIL);

	explicit_bzero(chunk, len);
	task_spend(&op->task, len);
	return r;
}

static int advance(struct task *task)
{
	struct rng_operation *op = TASK_OWNER(task, struct rng_operation);

	while (op->cursor < op->length) {
		int r;

		if (task->budget == 0)
			return TASK_AGAIN;
		r = give_piece(op);
		if (r < 0)
			return r;
	}
	return TASK_DONE;
}

static void finish(struct task *task, int result)
{
	struct rng_operation *op = TASK_OWNER(task, struct rng_operation);
	struct rng_client *client = op->client;

	client->ops->done(client, result);
}

static struct rng_unit *unit_of(struct rng_engine *engine)
{
	return (struct rng_unit *)(void *)engine;
}

static int start(struct rng_engine *engine, const struct rng_request *request,
		 struct rng_client *client)
{
	struct rng_operation *op;
	struct task *task;
	int r = rng_check(&engine->head, request);

	if (r == 0)
		r = task_begin(&unit_of(engine)->tasks, client, &task);
	if (r < 0)
		return r;
	op = TASK_OWNER(task, struct rng_operation);
	op->client = client;
	op->length = request->length;
	op->cursor = 0;
	return 0;
}

static int cancel(struct rng_engine *engine, struct rng_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const struct rng_engine_ops ops = {start, cancel};

int rng_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct rng_unit *unit;

	if (RAND_status() != 1)
		return crypto_failed(-PLUTON_ENODEVICE);
	unit = calloc(1, sizeof(*unit));
	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = (struct rng_engine){
		.head = {.name = "openssl",
			 .kind = HIL_RNG,
			 .level = HIL_LEVEL_RNG,
			 .concurrency = TASKS_PER_ENGINE},
		.caps = {.request_max = RNG_REQUEST_MAX},
		.ops = &ops,
	};
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++)
		task_init(&unit->operations[i].task, &unit->tasks, host, RNG_SLICE, advance,
			  finish);
	*ret_engine = &unit->engine.head;
	return 0;
}

void rng_engine_close(struct hil_engine *engine)
{
	free((struct rng_unit *)(void *)engine);
}
