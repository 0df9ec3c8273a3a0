/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest HIL. A stream holds nothing here between its starts: its state leaves through
 * push_state (see hash.h).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/hash.h"

#define DIGEST_LENGTH_MAX ((size_t)1 << 30)
/* 20 µs with the SHA instructions, under 100 µs without. */
#define DIGEST_SLICE (32u * 1024)

struct digest_operation {
	struct task task;
	struct digest_client *client; /* NULL: idle. From here on wiped at the end */
	struct digest_request request;
	const struct hash *hash;
	bool begun;
	size_t cursor;	     /* bytes taken and hashed */
	const uint8_t *lent; /* the client's memory at the cursor */
	size_t lent_length;
	union hash_state state;
};

struct digest_unit {
	struct digest_engine engine;
	struct digest_operation operations[TASKS_PER_ENGINE];
};

static int begin(struct digest_operation *op)
{
	uint8_t bytes[HASH_STATE_SIZE];
	int r;

	op->begun = true;
	if (op->request.phase & HIL_FIRST) {
		hash_begin(op->hash, &op->state);
		return 0;
	}
	r = task_answer(op->client->ops->pull_state(op->client, bytes, sizeof(bytes)));
	if (r == 0)
		r = hash_read_state(op->hash, &op->state, bytes);
	if (r == 0)
		r = hash_check_room(op->hash, &op->state, op->request.length);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

static size_t left(const struct digest_operation *op)
{
	return op->request.length - op->cursor;
}

/* Asks for memory at the cursor, unless some of the last is left. None: it must be pulled. */
static int borrow(struct digest_operation *op)
{
	size_t len = 0;

	if (op->lent_length > 0 || !op->client->ops->lend_input)
		return 0;
	op->lent = op->client->ops->lend_input(op->client, op->cursor, &len);
	if (!op->lent)
		return 0;
	op->lent_length = len;
	return task_check_lent(len, left(op));
}

static void hash_lent(struct digest_operation *op, size_t len)
{
	hash_update(op->hash, &op->state, op->lent, len);
	op->lent += len;
	op->lent_length -= len;
	op->cursor += len;
}

static int hash_pulled(struct digest_operation *op, size_t len)
{
	uint8_t *chunk = op->task.host->chunk_in;
	ssize_t n =
		task_count(op->client->ops->pull_input(op->client, chunk, len, op->cursor), len);

	if (n > 0) {
		hash_update(op->hash, &op->state, chunk, (size_t)n);
		op->cursor += (size_t)n;
	}
	explicit_bzero(chunk, len);
	return n < 0 ? (int)n : 0;
}

static int hash_on_worker(struct work *work)
{
	struct digest_operation *op = TASK_OWNER(TASK_OF_WORK(work), struct digest_operation);

	while (left(op) > 0 && !atomic_load(&work->cancelled))
		hash_lent(op, left(op) < WORK_SLICE ? left(op) : WORK_SLICE);
	return 0;
}

static int take_piece(struct digest_operation *op)
{
	size_t before = op->cursor;
	int r = borrow(op);

	if (r < 0)
		return r;
	if (op->lent_length > 0)
		hash_lent(op, task_piece(&op->task, op->lent_length, WORK_SLICE));
	else
		r = hash_pulled(op, task_piece(&op->task, left(op), TASK_CHUNK));
	task_spend(&op->task, op->cursor - before);
	return r;
}

static int take_input(struct digest_operation *op)
{
	while (left(op) > 0) {
		int r;

		if (op->task.budget == 0)
			return TASK_AGAIN;
		if (task_wants_worker(&op->task, left(op))) {
			r = borrow(op);
			if (r < 0)
				return r;
			if (op->lent_length == left(op))
				return task_to_worker(&op->task, hash_on_worker);
		}
		r = take_piece(op);
		if (r < 0)
			return r;
	}
	return TASK_DONE;
}

static int give(struct digest_operation *op)
{
	const struct digest_client_ops *ops = op->client->ops;
	uint8_t bytes[HASH_STATE_SIZE];
	int r;

	static_assert(HASH_STATE_SIZE >= DIGEST_SIZE_MAX, "it holds a digest too");
	if (op->request.phase & HIL_LAST) {
		hash_end(op->hash, &op->state, bytes);
		r = ops->push_digest(op->client, bytes, digest_size(hash_algorithm(op->hash)));
	} else {
		hash_write_state(op->hash, &op->state, bytes);
		r = ops->push_state(op->client, bytes, sizeof(bytes));
	}
	explicit_bzero(bytes, sizeof(bytes));
	return task_answer(r);
}

static int advance(struct task *task)
{
	struct digest_operation *op = TASK_OWNER(task, struct digest_operation);
	int r = op->begun ? 0 : begin(op);

	if (r == 0)
		r = take_input(op);
	if (r == TASK_DONE)
		r = give(op);
	return r;
}

static void wipe(struct digest_operation *op)
{
	explicit_bzero((char *)op + offsetof(struct digest_operation, client),
		       sizeof(*op) - offsetof(struct digest_operation, client));
}

static void finish(struct task *task, int result)
{
	struct digest_operation *op = TASK_OWNER(task, struct digest_operation);
	struct digest_client *client = op->client;

	wipe(op);
	client->ops->done(client, result);
}

static struct digest_operation *find(struct digest_engine *engine,
				     const struct digest_client *client)
{
	struct digest_unit *unit = (struct digest_unit *)(void *)engine;

	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		if (unit->operations[i].client == client)
			return &unit->operations[i];
	}
	return NULL;
}

static int start(struct digest_engine *engine, const struct digest_request *request,
		 struct digest_client *client)
{
	struct digest_operation *op;
	int r = digest_check(&engine->head, request);

	if (r < 0)
		return r;
	op = find(engine, NULL);
	if (!op)
		return -PLUTON_EBUSY;
	op->client = client;
	op->request = *request;
	op->hash = hash_find(request->algorithm);
	task_begin(&op->task);
	return 0;
}

static int cancel(struct digest_engine *engine, struct digest_client *client)
{
	struct digest_operation *op = find(engine, client);

	if (!op)
		return -PLUTON_EINVAL;
	task_cancel(&op->task);
	return 0;
}

static const struct digest_engine_ops ops = {start, cancel};

int digest_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct digest_unit *unit = calloc(1, sizeof(*unit));

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = (struct digest_engine){
		.head = {.name = "openssl",
			 .kind = HIL_DIGEST,
			 .level = HIL_LEVEL_DIGEST,
			 .concurrency = TASKS_PER_ENGINE},
		.caps = {.algorithms = hash_algorithms(),
			 .length_max = DIGEST_LENGTH_MAX,
			 .state_bytes = HASH_STATE_SIZE},
		.ops = &ops,
	};
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++)
		task_init(&unit->operations[i].task, host, DIGEST_SLICE, advance, finish);
	*ret_engine = &unit->engine.head;
	return 0;
}

void digest_engine_close(struct hil_engine *engine)
{
	free((struct digest_unit *)(void *)engine);
}
