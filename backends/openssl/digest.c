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
#include "backends/openssl/intake.h"

#define DIGEST_LENGTH_MAX ((size_t)1 << 30)
/* 20 µs with the SHA instructions, under 100 µs without. */
#define DIGEST_SLICE (32u * 1024)

struct digest_operation {
	struct intake intake;
	struct digest_client *client; /* from here on wiped at the end */
	struct digest_request request;
	const struct hash *hash;
	bool begun;
	union hash_state state;
};

struct digest_unit {
	struct digest_engine engine;
	struct task_set tasks;
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
	r = hil_answer(op->client->ops->pull_state(op->client, bytes, sizeof(bytes)));
	if (r == 0)
		r = hash_read_state(op->hash, &op->state, bytes);
	if (r == 0)
		r = hash_check_room(op->hash, &op->state, op->request.length);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

static struct digest_operation *of_intake(struct intake *intake)
{
	return (struct digest_operation *)(void *)intake;
}

static ssize_t pull(struct intake *intake, uint8_t *buf, size_t len, size_t cursor)
{
	struct digest_client *client = of_intake(intake)->client;

	return client->ops->pull_input(client, buf, len, cursor);
}

static const uint8_t *lend(struct intake *intake, size_t cursor, size_t *ret_len)
{
	struct digest_client *client = of_intake(intake)->client;

	return client->ops->lend_input ? client->ops->lend_input(client, cursor, ret_len) : NULL;
}

static int absorb(struct intake *intake, const uint8_t *buf, size_t len)
{
	struct digest_operation *op = of_intake(intake);

	hash_update(op->hash, &op->state, buf, len);
	return 0;
}

static const struct intake_type intake_type = {pull, lend, absorb};

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
	return hil_answer(r);
}

static int advance(struct task *task)
{
	struct digest_operation *op = of_intake(intake_of_task(task));
	int r = op->begun ? 0 : begin(op);

	if (r == 0)
		r = intake_take(&op->intake);
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
	struct digest_operation *op = of_intake(intake_of_task(task));
	struct digest_client *client = op->client;

	wipe(op);
	client->ops->done(client, result);
}

static struct digest_unit *unit_of(struct digest_engine *engine)
{
	return (struct digest_unit *)(void *)engine;
}

static int start(struct digest_engine *engine, const struct digest_request *request,
		 struct digest_client *client)
{
	struct digest_operation *op;
	struct task *task;
	int r = digest_check(&engine->head, request);

	if (r == 0)
		r = task_begin(&unit_of(engine)->tasks, client, &task);
	if (r < 0)
		return r;
	op = of_intake(intake_of_task(task));
	op->client = client;
	op->request = *request;
	op->hash = hash_find(request->algorithm);
	intake_begin(&op->intake, request->length);
	return 0;
}

static int cancel(struct digest_engine *engine, struct digest_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
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
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE},
		.caps = {.algorithms = hash_algorithms(),
			 .length_max = DIGEST_LENGTH_MAX,
			 .state_bytes = HASH_STATE_SIZE},
		.ops = &ops,
	};
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		unit->operations[i].intake.type = &intake_type;
		task_init(&unit->operations[i].intake.task, &unit->tasks, host, DIGEST_SLICE,
			  advance, finish);
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

void digest_engine_close(struct hil_engine *engine)
{
	free((struct digest_unit *)(void *)engine);
}
