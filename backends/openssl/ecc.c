/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECC HIL. An operation is a list of steps: small things move on the loop, and in between is
 * arithmetic, which cannot be cut into slices and so is a worker's.
 *
 * The rule a newcomer would break first: a message to be signed is copied before the arithmetic,
 * however it could be had. Ed25519 reads it twice, and the difference between two readings of what
 * its owner changes in between is the private key.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/curve.h"
#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"
#include "backends/openssl/scratch.h"
#include "backends/openssl/vault.h"

#define VERIFY_MAX ((size_t)1 << 30)
#define PROGRAM_MAX 6u

struct ecc_operation;
typedef int (*step_fn)(struct ecc_operation *op);

struct ecc_operation {
	struct task task;
	struct ecc_unit *unit;
	struct scratch copy;	   /* of the input */
	struct ecc_client *client; /* from here on wiped at the end */
	struct ecc_request request;
	const step_fn *step; /* the next one */
	size_t cursor;	     /* bytes of input taken */
	int (*arithmetic)(struct curve_parts *parts);
	struct curve_parts parts;
};

struct ecc_unit {
	struct ecc_engine engine;
	struct task_set tasks;
	const char *why; /* inside done */
	struct ecc_operation operations[TASKS_PER_ENGINE];
};

/* --- steps that move ------------------------------------------------------------------------- */

static int refuse(struct ecc_operation *op, const char *fault)
{
	op->parts.why = fault;
	return fault ? -PLUTON_EINVAL : TASK_DONE;
}

/* What the capsule has checked; here it holds whoever asks. */
static int take_slot(struct ecc_operation *op)
{
	static const uint32_t usages[ECC_ACTIONS] = {
		[ECC_SIGN] = HWKEY_SIGN, [ECC_AGREE] = HWKEY_AGREE};
	struct hwkey_attributes attributes;
	int r = vault_take(op->task.host->vault, &op->request.key, HWKEY_OF_ECC,
			   usages[op->request.action], op->parts.key, sizeof(op->parts.key),
			   &attributes);

	if (r == 0 && hwkey_curve(attributes.type) != op->request.curve)
		r = -PLUTON_EINVAL;
	if (r == -PLUTON_ENODEVICE)
		op->parts.why = KEY_SLOT_EMPTIED;
	return r;
}

static int take_key(struct ecc_operation *op)
{
	enum ecc_curve curve = op->request.curve;
	int r;

	if (op->request.key.kind == HIL_KEY_SLOT)
		return take_slot(op);
	r = hil_answer(op->client->ops->pull_key(op->client, op->parts.key, ecc_key_size(curve)));
	return r < 0 ? r : refuse(op, ecc_key_fault(curve, op->parts.key));
}

static int pull_public(struct ecc_operation *op)
{
	enum ecc_curve curve = op->request.curve;
	int r = hil_answer(
		op->client->ops->pull_public(op->client, op->parts.public, ecc_public_size(curve)));

	return r < 0 ? r : refuse(op, ecc_public_fault(curve, op->parts.public));
}

static int pull_signature(struct ecc_operation *op)
{
	enum ecc_curve curve = op->request.curve;
	int r = hil_answer(op->client->ops->pull_signature(op->client, op->parts.signature,
							   ecc_signature_size(curve)));

	return r < 0 ? r : refuse(op, ecc_signature_fault(curve, op->parts.signature));
}

static int push_key(struct ecc_operation *op)
{
	return hil_answer(op->client->ops->push_key(op->client, op->parts.key,
						    ecc_key_size(op->request.curve)));
}

static int push_public(struct ecc_operation *op)
{
	return hil_answer(op->client->ops->push_public(op->client, op->parts.public,
						       ecc_public_size(op->request.curve)));
}

static int push_signature(struct ecc_operation *op)
{
	return hil_answer(op->client->ops->push_signature(op->client, op->parts.signature,
							  ecc_signature_size(op->request.curve)));
}

static int push_secret(struct ecc_operation *op)
{
	return hil_answer(op->client->ops->push_secret(op->client, op->parts.secret,
						       ecc_secret_size(op->request.curve)));
}

/* --- input ----------------------------------------------------------------------------------- */

static int copy_piece(struct ecc_operation *op)
{
	size_t len = task_piece(&op->task, op->request.length - op->cursor, op->copy.size);
	ssize_t n;

	op->copy.used = op->cursor + len;
	n = hil_count(op->client->ops->pull_input(op->client, op->copy.memory + op->cursor, len,
						  op->cursor),
		      len);
	if (n < 0)
		return (int)n;
	op->cursor += (size_t)n;
	task_spend(&op->task, (size_t)n);
	return 0;
}

static int copy_input(struct ecc_operation *op)
{
	op->parts.input = op->copy.memory;
	op->parts.length = op->request.length;
	while (op->cursor < op->request.length) {
		int r;

		if (op->task.budget == 0)
			return TASK_AGAIN;
		r = copy_piece(op);
		if (r < 0)
			return r;
	}
	return TASK_DONE;
}

/* A message to be verified is read once and holds no secret: a long one stays where it is. */
static int take_input(struct ecc_operation *op)
{
	const struct ecc_client_ops *ops = op->client->ops;
	size_t len = 0;

	if (op->request.length <= op->copy.size)
		return copy_input(op);
	if (ops->lend_input)
		op->parts.input = ops->lend_input(op->client, 0, &len);
	if (len == op->request.length) {
		op->parts.length = len;
		return TASK_DONE;
	}
	op->parts.why = ECC_NOT_LENT;
	return -PLUTON_ESIZE;
}

/* --- arithmetic ------------------------------------------------------------------------------ */

static int run_arithmetic(struct ecc_operation *op)
{
	int r;

	crypto_forget_failures();
	r = op->arithmetic(&op->parts);
	crypto_forget_failures();
	return r;
}

static int calculate_on_worker(struct work *work)
{
	return run_arithmetic(TASK_OWNER(TASK_OF_WORK(work), struct ecc_operation));
}

static int calculate(struct ecc_operation *op, int (*arithmetic)(struct curve_parts *parts))
{
	op->arithmetic = arithmetic;
	if (!task_wants_worker_whole(&op->task))
		return run_arithmetic(op);
	return task_to_worker(&op->task, calculate_on_worker);
}

static int generate(struct ecc_operation *op)
{
	return calculate(op, curve_generate);
}

static int find_public(struct ecc_operation *op)
{
	return calculate(op, curve_public);
}

static int check_public(struct ecc_operation *op)
{
	return calculate(op, curve_check_public);
}

static int sign(struct ecc_operation *op)
{
	return calculate(op, curve_sign);
}

static int verify(struct ecc_operation *op)
{
	return calculate(op, curve_verify);
}

static int agree(struct ecc_operation *op)
{
	return calculate(op, curve_agree);
}

/* --- an operation ---------------------------------------------------------------------------- */

/* The order of hil/ecc.h, with the arithmetic. */
static const step_fn programs[ECC_ACTIONS][PROGRAM_MAX] = {
	[ECC_GENERATE] = {generate, push_key, push_public},
	[ECC_PUBLIC] = {take_key, find_public, push_public},
	[ECC_SIGN] = {take_key, copy_input, sign, push_signature},
	[ECC_VERIFY] = {pull_public, pull_signature, take_input, verify},
	[ECC_AGREE] = {pull_public, check_public, take_key, agree, push_secret},
};

static int advance(struct task *task)
{
	struct ecc_operation *op = TASK_OWNER(task, struct ecc_operation);

	while (*op->step) {
		int r = (*op->step)(op);

		if (r == TASK_DONE || r == TASK_ELSEWHERE)
			op->step++;
		if (r != TASK_DONE)
			return r;
	}
	return TASK_DONE;
}

static void wipe(struct ecc_operation *op)
{
	scratch_wipe(&op->copy);
	explicit_bzero((char *)op + offsetof(struct ecc_operation, client),
		       sizeof(*op) - offsetof(struct ecc_operation, client));
}

static void finish(struct task *task, int result)
{
	struct ecc_operation *op = TASK_OWNER(task, struct ecc_operation);
	struct ecc_unit *unit = op->unit;
	struct ecc_client *client = op->client;

	unit->why = op->parts.why;
	wipe(op);
	client->ops->done(client, result);
	unit->why = NULL;
}

/* --- the engine ------------------------------------------------------------------------------ */

static struct ecc_unit *unit_of(struct ecc_engine *engine)
{
	return (struct ecc_unit *)(void *)engine;
}

static int start(struct ecc_engine *engine, const struct ecc_request *request,
		 struct ecc_client *client)
{
	struct ecc_operation *op;
	struct task *task;
	int r = ecc_check(&engine->head, request);

	if (r == 0)
		r = task_begin(&unit_of(engine)->tasks, client, &task);
	if (r < 0)
		return r;
	op = TASK_OWNER(task, struct ecc_operation);
	op->client = client;
	op->request = *request;
	op->step = programs[request->action];
	op->parts.curve = request->curve;
	op->parts.properties = op->task.host->options.properties;
	return 0;
}

static int cancel(struct ecc_engine *engine, struct ecc_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const char *why(struct ecc_engine *engine)
{
	const struct ecc_unit *unit = (const struct ecc_unit *)(const void *)engine;

	return unit->why ? unit->why : "";
}

static const struct ecc_engine_ops ops = {start, cancel, why};

static int find_curves(struct ecc_unit *unit, const char *properties)
{
	uint32_t curves = 0;

	for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
		int r = curve_available(curve, properties);

		if (r == 0)
			curves |= 1u << curve;
		else if (r != -PLUTON_ENODEVICE)
			return r;
	}
	unit->engine.caps.curves = curves;
	return curves ? 0 : -PLUTON_ENODEVICE;
}

static int open_operations(struct ecc_unit *unit, struct task_host *host)
{
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		struct ecc_operation *op = &unit->operations[i];
		int r = scratch_open(&op->copy, ECC_MESSAGE_MAX);

		if (r < 0)
			return r;
		task_init(&op->task, &unit->tasks, host, ECC_MESSAGE_MAX, advance, finish);
		op->unit = unit;
	}
	return 0;
}

int ecc_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct ecc_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = (struct ecc_engine){
		.head = {.name = "openssl",
			 .kind = HIL_ECC,
			 .level = HIL_LEVEL_ECC,
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE,
			 .vault = &host->vault->vault},
		.caps = {.key_slots = true,
			 .message_max = ECC_MESSAGE_MAX,
			 .verify_max = VERIFY_MAX},
		.ops = &ops,
	};
	r = open_operations(unit, host);
	if (r == 0)
		r = find_curves(unit, host->options.properties);
	if (r < 0) {
		ecc_engine_close(&unit->engine.head);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

void ecc_engine_close(struct hil_engine *engine)
{
	struct ecc_unit *unit = (struct ecc_unit *)(void *)engine;

	if (!unit)
		return;
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++)
		scratch_close(&unit->operations[i].copy);
	free(unit);
}
