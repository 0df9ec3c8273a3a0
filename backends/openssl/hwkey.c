/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hwkey engine: fills slots of the vault and empties them, and keeps what outlives the daemon
 * as records in NV memory. At its start it makes the vault's roots from the device secret and reads
 * all records; without its secret the engine is absent, and nothing is written.
 *
 * The rule a newcomer would break first: a key goes straight into its slot's locked memory, which
 * is wiped where the operation fails; an operation itself holds nothing but what is wrapped, sealed
 * or public. (Arithmetic on key pairs is done on a copy, wiped at the end.)
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/curve.h"
#include "backends/openssl/engines.h"
#include "backends/openssl/failure.h"
#include "backends/openssl/hwkey_load.h"
#include "backends/openssl/hwkey_record.h"
#include "backends/openssl/hwkey_store.h"
#include "backends/openssl/hwkey_trial.h"
#include "backends/openssl/rsa_key.h"
#include "backends/openssl/rsa_run.h"
#include "daemon/config.h"

#define SLOTS_MAX_DEFAULT 256u
#define PROGRAM_MAX 7u
#define GENERATORS 2u /* threads that look for primes */
#define WHY_SIZE 320u

#define AES_TYPES (1u << HWKEY_AES128 | 1u << HWKEY_AES192 | 1u << HWKEY_AES256)
#define RSA_TYPES (1u << HWKEY_RSA2048 | 1u << HWKEY_RSA3072 | 1u << HWKEY_RSA4096)

struct hwkey_operation;
typedef int (*step_fn)(struct hwkey_operation *op);

struct hwkey_operation {
	struct task task;
	struct hwkey_unit *unit;
	struct store_action store;
	struct hwkey_client *client; /* NULL: idle. From here on wiped at the end */
	struct hwkey_request request;
	const step_fn *step;
	struct vault_slot *slot; /* that is being filled or emptied */
	enum vault_state before; /* of one that is being emptied */
	bool settled;		 /* the slot is what it should be, whatever comes */
	int failure;		 /* found out by start, or by the store */
	char why[WHY_SIZE];
	size_t cursor;
	uint8_t bytes[TRIAL_INPUT_MAX]; /* input that is no key, output, or a record */
	union {
		struct curve_parts curve;
		struct rsa_job rsa;
	};
};

struct hwkey_unit {
	struct hwkey_engine engine;
	struct task_set tasks;
	struct task_host *host;
	struct hil_owner owner; /* of its turns at the NV memory */
	struct vault *vault;
	bool has_secret;
	const char *why; /* inside done */
	struct worker_pool generators;
	unsigned generating; /* operations that need one of them */
	struct hwkey_load load;
	struct hwkey_operation operations[TASKS_PER_ENGINE];
};

__attribute__((format(printf, 3, 4))) static int refuse(struct hwkey_operation *op, int error,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(op->why, sizeof(op->why), format, args);
	va_end(args);
	return error;
}

static struct hwkey_operation *of_task(struct task *task)
{
	return TASK_OWNER(task, struct hwkey_operation);
}

/* --- moving ---------------------------------------------------------------------------------- */

static int take(struct hwkey_operation *op, uint8_t *to)
{
	size_t length = op->request.length;

	while (op->cursor < length) {
		size_t left = length - op->cursor;
		ssize_t n = hil_count(
			op->client->ops->pull_input(op->client, to + op->cursor, left, op->cursor),
			left);

		if (n < 0)
			return (int)n;
		op->cursor += (size_t)n;
	}
	return TASK_DONE;
}

static int take_key(struct hwkey_operation *op)
{
	return take(op, op->slot->key);
}

static int take_input(struct hwkey_operation *op)
{
	return take(op, op->bytes);
}

static int give(struct hwkey_operation *op)
{
	size_t length = op->request.length;

	while (op->cursor < length) {
		size_t left = length - op->cursor;
		ssize_t n = hil_count(op->client->ops->push_output(
					      op->client, op->bytes + op->cursor, left, op->cursor),
				      left);

		if (n < 0)
			return (int)n;
		op->cursor += (size_t)n;
	}
	return TASK_DONE;
}

/* --- key pairs ------------------------------------------------------------------------------- */

static int run_curve(struct work *work)
{
	struct hwkey_operation *op = of_task(TASK_OF_WORK(work));
	int r;

	crypto_forget_failures();
	r = op->request.action == HWKEY_GENERATE ? curve_generate(&op->curve)
						 : curve_public(&op->curve);
	crypto_forget_failures();
	return r;
}

static int run_rsa(struct work *work)
{
	struct rsa_job *job = &of_task(TASK_OF_WORK(work))->rsa;
	int r;

	crypto_forget_failures();
	r = rsa_run(job);
	if (r == 0 && job->request.action == RSA_PRIVATE)
		r = rsa_key_judge(job);
	crypto_forget_failures();
	return r;
}

/* On a worker, or here where a test wants that. */
static int compute(struct hwkey_operation *op, int (*run)(struct work *work), bool is_long)
{
	struct worker_pool *pool = &op->task.host->workers;

	if (!task_wants_worker_whole(&op->task))
		return run(&op->task.work);
	if (is_long && !op->unit->generators.threads) {
		int r = worker_pool_open(&op->unit->generators,
					 op->task.host->environment->interrupts, GENERATORS);

		if (r < 0)
			return r;
	}
	return task_to_pool(&op->task, is_long ? &op->unit->generators : pool, run);
}

static void prepare_curve(struct hwkey_operation *op, enum hwkey_type type)
{
	op->curve.curve = hwkey_curve(type);
	op->curve.properties = op->task.host->options.properties;
}

static void prepare_rsa(struct hwkey_operation *op, enum hwkey_type type, enum rsa_action action)
{
	size_t size = (hwkey_public_size(type) - RSA_EXPONENT_SIZE);

	op->rsa.request = (struct rsa_request){.action = action,
					       .size = size,
					       .crt = true,
					       .exponent = RSA_EXPONENT_MIN,
					       .length = action == RSA_PRIVATE ? size : 0};
	op->rsa.cancelled = &op->task.work.cancelled;
}

static int make_key(struct hwkey_operation *op)
{
	struct vault_slot *slot = op->slot;

	switch (hwkey_family(slot->attributes.type)) {
	case HWKEY_OF_ECC:
		prepare_curve(op, slot->attributes.type);
		return compute(op, run_curve, false);
	case HWKEY_OF_RSA:
		prepare_rsa(op, slot->attributes.type, RSA_GENERATE);
		return compute(op, run_rsa, true);
	default:
		crypto_forget_failures();
		if (RAND_priv_bytes(slot->key, (int)slot->attributes.size) == 1)
			return TASK_DONE;
		return refuse(op, crypto_failed(-PLUTON_EFAIL), "there is no entropy");
	}
}

static int take_made(struct hwkey_operation *op)
{
	struct vault_slot *slot = op->slot;

	if (hwkey_family(slot->attributes.type) == HWKEY_OF_ECC)
		memcpy(slot->key, op->curve.key, slot->attributes.size);
	else if (hwkey_family(slot->attributes.type) == HWKEY_OF_RSA)
		memcpy(slot->key, op->rsa.key, slot->attributes.size);
	return TASK_DONE;
}

/* Whether what came from outside is a key at all. */
static int judge(struct hwkey_operation *op)
{
	const struct vault_slot *slot = op->slot;
	const char *fault = NULL;

	switch (hwkey_family(slot->attributes.type)) {
	case HWKEY_OF_ECC:
		fault = ecc_key_fault(hwkey_curve(slot->attributes.type), slot->key);
		return fault ? refuse(op, -PLUTON_EINVAL, "%s", fault) : TASK_DONE;
	case HWKEY_OF_RSA:
		/* 2 to the power of d, checked with e; then parts that this has not used. */
		prepare_rsa(op, slot->attributes.type, RSA_PRIVATE);
		memcpy(op->rsa.key, slot->key, slot->attributes.size);
		op->rsa.input[op->rsa.request.size - 1] = 2;
		return compute(op, run_rsa, false);
	default:
		return TASK_DONE;
	}
}

static int find_public(struct hwkey_operation *op)
{
	const struct vault_slot *slot = vault_find(op->unit->vault, &op->request.name);
	enum hwkey_type type;

	if (!slot || slot->state != VAULT_FULL)
		return refuse(op, -PLUTON_ENODEVICE, "there is no such key of yours");
	type = slot->attributes.type;
	if (hwkey_public_size(type) == 0)
		return refuse(op, -PLUTON_EINVAL, "a key of this type has no public part");
	if (hwkey_public_size(type) != op->request.length)
		return refuse(op, -PLUTON_ESIZE, "the public key has %zu bytes, not %zu",
			      hwkey_public_size(type), op->request.length);
	if (hwkey_family(type) == HWKEY_OF_RSA) {
		memcpy(op->bytes, slot->key, op->request.length); /* n, e */
		return TASK_DONE;
	}
	prepare_curve(op, type);
	memcpy(op->curve.key, slot->key, slot->attributes.size);
	return compute(op, run_curve, false);
}

static int take_public(struct hwkey_operation *op)
{
	if (op->curve.curve != 0) /* of RSA nothing was computed */
		memcpy(op->bytes, op->curve.public, op->request.length);
	return TASK_DONE;
}

/* --- other ways into a slot, and out ---------------------------------------------------------- */

static int derive(struct hwkey_operation *op)
{
	return record_derive(op->unit->vault, op->slot, op->bytes, op->request.length);
}

/* The AES key that wraps. It is no secret to its owner that there is none. */
static int find_wrapping(struct hwkey_operation *op, const struct vault_slot **ret)
{
	struct hwkey_name name = op->request.name;
	const struct vault_slot *slot;

	name.number = op->request.wrapping;
	slot = vault_find(op->unit->vault, &name);
	if (!slot || slot->state != VAULT_FULL)
		return refuse(op, -PLUTON_ENODEVICE, "key slot %u, which is to wrap, is empty",
			      name.number);
	if (hwkey_family(slot->attributes.type) != HWKEY_OF_AES ||
	    !(slot->attributes.usage & HWKEY_WRAPS))
		return refuse(op, -PLUTON_EINVAL, "key slot %u is not for wrapping", name.number);
	*ret = slot;
	return 0;
}

static int wrap(struct hwkey_operation *op)
{
	const struct vault_slot *slot = vault_find(op->unit->vault, &op->request.name), *wrapping;
	int r;

	if (!slot || slot->state != VAULT_FULL)
		return refuse(op, -PLUTON_ENODEVICE, "key slot %u is empty",
			      op->request.name.number);
	r = find_wrapping(op, &wrapping);
	if (r < 0)
		return r;
	if (slot->attributes.policy & HWKEY_NEVER_EXPORTED)
		return refuse(op, -PLUTON_EINVAL,
			      "key slot %u is never exported: its policy forbids it",
			      slot->name.number);
	if (hwkey_wrapped_size(slot->attributes.size) != op->request.length)
		return refuse(op, -PLUTON_ESIZE, "the wrapped key has %zu bytes, not %zu",
			      hwkey_wrapped_size(slot->attributes.size), op->request.length);
	return record_wrap(wrapping, slot->key, slot->attributes.size, op->bytes);
}

static int unwrap(struct hwkey_operation *op)
{
	const struct vault_slot *wrapping;
	int r = find_wrapping(op, &wrapping);

	if (r == 0)
		r = record_unwrap(wrapping, op->bytes, op->slot->key, op->slot->attributes.size);
	if (r == -PLUTON_EINVAL && !*op->why)
		refuse(op, r,
		       "this was not wrapped by key slot %u, it was changed, or it is a key of "
		       "another size",
		       op->request.wrapping);
	return r;
}

/* From here on its length is that of what comes out. */
static int try_key(struct hwkey_operation *op)
{
	uint8_t output[RECORD_SIZE_MAX];
	int r = trial_run(&op->request, op->bytes, output);

	if (r < 0)
		return r;
	memcpy(op->bytes, output, op->request.output_length);
	op->request.length = op->request.output_length;
	op->cursor = 0;
	return TASK_DONE;
}

/* --- the store -------------------------------------------------------------------------------- */

static struct hwkey_operation *of_store(struct store_action *action)
{
	return (struct hwkey_operation *)(void *)((char *)action -
						  offsetof(struct hwkey_operation, store));
}

static void fill_slot(struct hwkey_operation *op)
{
	op->slot->state = VAULT_FULL;
	op->slot->kept = !(op->slot->attributes.policy & HWKEY_THIS_BOOT);
	op->settled = true;
}

static void empty_slot(struct hwkey_operation *op)
{
	vault_empty(op->slot);
	op->settled = true;
}

/* What is on the disk now decides, also if nobody waits for the answer any more. */
static void stored(struct store_action *action, int result)
{
	struct hwkey_operation *op = of_store(action);
	bool is_gone = result == 0 || result == -PLUTON_ENODEVICE;

	if (op->request.action == HWKEY_DELETE && is_gone)
		empty_slot(op);
	else if (result == 0)
		fill_slot(op);
	else
		op->failure = refuse(op, -PLUTON_EFAIL, "%s", action->why);
	task_resume(&op->task);
}

static int begin_store(struct hwkey_operation *op, enum nv_action action, size_t length)
{
	struct nv_request *request = &op->store.request;
	int r;

	*request = (struct nv_request){.action = action, .length = length};
	record_name(&op->slot->name, request->name, sizeof(request->name));
	op->store.bytes = op->bytes;
	op->store.done = stored;
	r = store_begin(&op->store, op->task.host->environment, &op->unit->owner,
			&op->unit->engine.head, op->unit->vault->slots_max);
	if (r == -PLUTON_ENODEVICE)
		return refuse(
			op, r,
			"there is nothing to keep keys in: see hil.nv in plutond.conf, or make "
			"it a key of this boot only");
	return r < 0 ? r : task_hold(&op->task);
}

static int keep(struct hwkey_operation *op)
{
	int r;

	if (op->slot->attributes.policy & HWKEY_THIS_BOOT) {
		fill_slot(op);
		return TASK_DONE;
	}
	if (!op->unit->has_secret)
		return refuse(
			op, -PLUTON_ENODEVICE,
			"there is no device secret to keep keys by: make it a key of this boot "
			"only");
	r = record_seal(op->unit->vault, op->slot, op->bytes);
	if (r < 0)
		return r;
	return begin_store(op, NV_PUT, RECORD_OVERHEAD + op->slot->attributes.size);
}

static int delete_record(struct hwkey_operation *op)
{
	struct vault_slot *slot = vault_find(op->unit->vault, &op->request.name);

	if (!slot || (slot->state != VAULT_FULL && slot->state != VAULT_DAMAGED))
		return refuse(op, -PLUTON_ENODEVICE, "there is no such key of yours");
	op->slot = slot;
	op->before = slot->state;
	slot->state = VAULT_EMPTYING;
	if (slot->kept)
		return begin_store(op, NV_DELETE, 0);
	empty_slot(op);
	return TASK_DONE;
}

static int look_at_failure(struct hwkey_operation *op)
{
	return op->failure;
}

/* --- an operation ---------------------------------------------------------------------------- */

static const step_fn programs[HWKEY_ACTIONS][PROGRAM_MAX] = {
	[HWKEY_GENERATE] = {look_at_failure, make_key, take_made, keep, look_at_failure},
	[HWKEY_IMPORT] = {look_at_failure, take_key, judge, keep, look_at_failure},
	[HWKEY_DERIVE] = {look_at_failure, take_input, derive, keep, look_at_failure},
	[HWKEY_WRAP] = {wrap, give},
	[HWKEY_UNWRAP] = {look_at_failure, take_input, unwrap, judge, keep, look_at_failure},
	[HWKEY_DELETE] = {delete_record, look_at_failure},
	[HWKEY_PUBLIC] = {find_public, take_public, give},
	[HWKEY_TRY] = {take_input, try_key, give},
};

static int advance(struct task *task)
{
	struct hwkey_operation *op = of_task(task);

	while (*op->step) {
		/* One that came inside a callback: nothing is begun any more, least of all a store.
		 */
		int r = task->cancelled && !op->settled ? -PLUTON_ECANCEL : (*op->step)(op);

		if (r == TASK_DONE || r == TASK_ELSEWHERE)
			op->step++;
		if (r != TASK_DONE)
			return r;
	}
	return TASK_DONE;
}

/* The computing halves have sentences of their own. */
static void take_why(struct hwkey_operation *op, int result)
{
	const char *why = NULL;

	if ((result != -PLUTON_EINVAL && result != -PLUTON_EFAIL) || *op->why || !op->slot)
		return;
	if (hwkey_family(op->slot->attributes.type) == HWKEY_OF_RSA)
		why = op->rsa.why;
	else if (hwkey_family(op->slot->attributes.type) == HWKEY_OF_ECC)
		why = op->curve.why;
	if (why)
		refuse(op, result, "%s", why);
}

static void leave_slot(struct hwkey_operation *op)
{
	if (!op->slot || op->settled)
		return;
	if (op->request.action == HWKEY_DELETE)
		op->slot->state = op->before;
	else
		vault_empty(op->slot);
}

static void finish(struct task *task, int result)
{
	struct hwkey_operation *op = of_task(task);
	struct hwkey_unit *unit = op->unit;
	struct hwkey_client *client = op->client;
	char why[WHY_SIZE];

	/* What is done cannot be cancelled. */
	if (result == -PLUTON_ECANCEL && op->settled)
		result = 0;
	take_why(op, result);
	memcpy(why, op->why, sizeof(why));
	leave_slot(op);
	unit->generating -= hil_is_slow(&unit->engine.head, &op->request);
	explicit_bzero((char *)op + offsetof(struct hwkey_operation, client),
		       sizeof(*op) - offsetof(struct hwkey_operation, client));
	unit->why = result < 0 ? why : NULL;
	client->ops->done(client, result);
	unit->why = NULL;
}

/* --- the engine ------------------------------------------------------------------------------- */

static struct hwkey_unit *unit_of(struct hwkey_engine *engine)
{
	return (struct hwkey_unit *)(void *)engine;
}

/* A slot for what comes. done tells of a failure, so start has no more answers than the rest. */
static void reserve(struct hwkey_operation *op)
{
	const struct hwkey_request *request = &op->request;
	struct vault *vault = op->unit->vault;

	if (vault_find(vault, &request->name))
		op->failure =
			refuse(op, -PLUTON_EALREADY, "key slot %u is taken", request->name.number);
	else if (op->unit->load.crowded) /* what is stored could replace one of them */
		op->failure = refuse(op, -PLUTON_ENOMEM,
				     "more keys are kept than there are slots, see hwkey.slots");
	else if (vault_count(vault, request->name.owner) >= request->slots_per_owner)
		op->failure = refuse(op, -PLUTON_ENOMEM,
				     "you have %u keys, hwkey.slots_per_owner allows no more",
				     request->slots_per_owner);
	else if ((op->slot = vault_reserve(vault, &request->name)) != NULL)
		op->slot->attributes = request->attributes;
	else
		op->failure =
			refuse(op, -PLUTON_ENOMEM, "all %u key slots are taken, see hwkey.slots",
			       vault->slots_max);
}

static int start(struct hwkey_engine *engine, const struct hwkey_request *request,
		 struct hwkey_client *client)
{
	struct hwkey_unit *unit = unit_of(engine);
	bool is_slow = hil_is_slow(&engine->head, request);
	struct hwkey_operation *op;
	struct task *task;
	int r = hwkey_check(&engine->head, request);

	if (r == 0 && is_slow && unit->generating == engine->head.slow)
		r = -PLUTON_EBUSY;
	if (r == 0)
		r = task_begin(&unit->tasks, client, &task);
	if (r < 0)
		return r;
	unit->generating += is_slow;
	op = of_task(task);
	op->client = client;
	op->request = *request;
	op->step = programs[request->action];
	if (hwkey_fills(request->action))
		reserve(op);
	return 0;
}

static int cancel(struct hwkey_engine *engine, struct hwkey_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const char *why(struct hwkey_engine *engine)
{
	const struct hwkey_unit *unit = unit_of(engine);

	return unit->why ? unit->why : "";
}

static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	struct vault *vault = unit_of(engine)->vault;
	const struct vault_slot *slot = vault_find(vault, name);

	if (!slot)
		return -PLUTON_ENODEVICE;
	if (slot->state == VAULT_DAMAGED)
		return -PLUTON_EFAIL;
	if (slot->state == VAULT_CLOSED)
		return -PLUTON_ENOMEM;
	if (slot->state != VAULT_FULL)
		return -PLUTON_EBUSY;
	*ret = (struct hwkey_about){
		.ref = {.kind = HIL_KEY_SLOT, .slot = slot->id, .vault = &vault->vault},
		.attributes = slot->attributes,
	};
	return 0;
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	return vault_next(unit_of(engine)->vault, owner, after);
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	return vault_unused(unit_of(engine)->vault, owner);
}

static const struct hwkey_engine_ops ops = {start, cancel, why, find, next, unused};

/* --- starting --------------------------------------------------------------------------------- */

static int make_roots(struct hwkey_unit *unit, struct fuses *fuses)
{
	uint8_t secret[FUSES_SECRET_SIZE];
	int r = fuses->ops->read_secret(fuses, secret);

	if (r < 0)
		hwkey_load_give_up(&unit->load, fuses->ops->why(fuses));
	else
		r = record_make_roots(unit->vault, secret);
	explicit_bzero(secret, sizeof(secret));
	unit->has_secret = r == 0;
	return r == -PLUTON_EFAIL && unit->engine.head.absent ? 0 : r;
}

static uint32_t slots_max(const struct backend_environment *environment)
{
	return environment->config ? environment->config->hwkey_slots : SLOTS_MAX_DEFAULT;
}

static int open_parts(struct hwkey_unit *unit, struct task_host *host)
{
	const struct backend_environment *environment = host->environment;
	int r = environment->add_owner ? environment->add_owner(environment->context, &unit->owner)
				       : 0;

	if (r == 0)
		r = vault_open(slots_max(environment), &unit->vault);
	if (r < 0)
		return r;
	host->vault = unit->vault;
	unit->engine.head.vault = &unit->vault->vault;
	unit->engine.caps.slots_max = unit->vault->slots_max;
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		task_init(&unit->operations[i].task, &unit->tasks, host, HWKEY_KEY_SIZE_MAX,
			  advance, finish);
		unit->operations[i].unit = unit;
	}
	hwkey_load_init(&unit->load, environment, &unit->owner, &unit->engine.head, unit->vault);
	if (environment->fuses)
		r = make_roots(unit, environment->fuses);
	if (unit->has_secret) {
		unit->engine.caps.derived_types = AES_TYPES | 1u << HWKEY_SECRET;
		hwkey_load_begin(&unit->load);
	}
	return r;
}

static int find_types(struct hwkey_unit *unit)
{
	uint32_t types = AES_TYPES | 1u << HWKEY_SECRET | RSA_TYPES;

	for (enum hwkey_type type = HWKEY_P256; type <= HWKEY_X25519; type++) {
		int r = curve_available(hwkey_curve(type), unit->host->options.properties);

		if (r == 0)
			types |= 1u << type;
		else if (r != -PLUTON_ENODEVICE)
			return r;
	}
	unit->engine.caps.types = types;
	unit->engine.caps.trials = TRIALS;
	return 0;
}

static void close_unit(struct hwkey_unit *unit)
{
	hwkey_load_drop(&unit->load);
	worker_pool_close(&unit->generators);
	if (unit->vault)
		vault_close(unit->vault);
	explicit_bzero(unit, sizeof(*unit));
	free(unit);
}

int hwkey_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct hwkey_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->host = host;
	unit->engine = (struct hwkey_engine){
		.head = {.name = "openssl",
			 .kind = HIL_HWKEY,
			 .level = HIL_LEVEL_HWKEY,
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE,
			 .slow = GENERATORS},
		.ops = &ops,
	};
	r = find_types(unit);
	if (r == 0)
		r = open_parts(unit, host);
	if (r < 0) {
		close_unit(unit);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

bool hwkey_engine_settled(const struct hil_engine *engine)
{
	return ((const struct hwkey_unit *)(const void *)engine)->load.done;
}

void hwkey_engine_close(struct hil_engine *engine)
{
	if (engine)
		close_unit((struct hwkey_unit *)(void *)engine);
}
