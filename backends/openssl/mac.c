/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engines of HMAC and CMAC have in common. A stream holds nothing here between its starts:
 * its state, and with it the key, leaves through push_state.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/mac_operation.h"

/* --- an operation ----------------------------------------------------------------------------- */

/* A slot's key comes from the vault at every start: no state has it. */
static int fetch_key(struct mac_operation *op, uint8_t *ret_key)
{
	bool is_cmac = op->request.algorithm == MAC_CMAC_AES;
	struct hwkey_attributes attributes;
	int r;

	if (op->request.key.kind == HIL_KEY_BYTES)
		return hil_answer(
			op->client->ops->pull_key(op->client, ret_key, op->request.key_size));
	r = vault_take(op->intake.task.host->vault, &op->request.key,
		       is_cmac ? HWKEY_OF_AES : HWKEY_OF_SECRET, HWKEY_MAC, ret_key,
		       HMAC_KEY_SIZE_MAX, &attributes);
	if (r == 0 && is_cmac && attributes.policy & HWKEY_ENGINE_IV)
		r = -PLUTON_EINVAL;
	if (r == 0)
		op->request.key_size = attributes.size;
	return r;
}

static int take_key(struct mac_operation *op)
{
	uint8_t key[HMAC_KEY_SIZE_MAX];
	int r = fetch_key(op, key);

	if (r == 0)
		r = op->method->set_key(op, key);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int take_state(struct mac_operation *op)
{
	bool has_slot = op->request.key.kind == HIL_KEY_SLOT;
	uint8_t state[HIL_STATE_MAX];
	uint8_t key[HMAC_KEY_SIZE_MAX];
	int r = has_slot ? fetch_key(op, key) : 0;

	if (r == 0)
		r = hil_answer(op->client->ops->pull_state(op->client, state,
							   op->method->caps.state_bytes));
	if (r == 0)
		r = op->method->read_state(op, state, has_slot ? key : NULL);
	explicit_bzero(state, sizeof(state));
	explicit_bzero(key, sizeof(key));
	return r;
}

static int begin(struct mac_operation *op)
{
	op->begun = true;
	return op->request.phase & HIL_FIRST ? take_key(op) : take_state(op);
}

static int give_state(struct mac_operation *op)
{
	uint8_t state[HIL_STATE_MAX];
	int r;

	op->method->write_state(op, state);
	r = hil_answer(
		op->client->ops->push_state(op->client, state, op->method->caps.state_bytes));
	explicit_bzero(state, sizeof(state));
	return r;
}

/* In a time that says nothing about where they differ. */
static int compare(struct mac_operation *op, const uint8_t *mac)
{
	uint8_t expected[MAC_SIZE_MAX];
	int r = hil_answer(op->client->ops->pull_mac(op->client, expected, op->request.mac_size));

	if (r == 0 && CRYPTO_memcmp(mac, expected, op->request.mac_size) != 0)
		r = -PLUTON_EINVAL;
	return r;
}

static int give_mac(struct mac_operation *op)
{
	uint8_t mac[MAC_SIZE_MAX];
	int r = op->method->end(op, mac);

	if (r == 0 && op->request.verify)
		r = compare(op, mac);
	else if (r == 0)
		r = hil_answer(op->client->ops->push_mac(op->client, mac, op->request.mac_size));
	explicit_bzero(mac, sizeof(mac));
	return r;
}

static int advance(struct task *task)
{
	struct mac_operation *op = mac_of_intake(intake_of_task(task));
	int r = op->begun ? 0 : begin(op);

	if (r == 0)
		r = intake_take(&op->intake);
	if (r == TASK_DONE)
		r = op->request.phase & HIL_LAST ? give_mac(op) : give_state(op);
	return r;
}

static void finish(struct task *task, int result)
{
	struct mac_operation *op = mac_of_intake(intake_of_task(task));
	struct mac_client *client = op->client;

	cmac_cipher_reset(&op->cipher);
	explicit_bzero((char *)op + offsetof(struct mac_operation, client),
		       sizeof(*op) - offsetof(struct mac_operation, client));
	client->ops->done(client, result);
}

static ssize_t pull(struct intake *intake, uint8_t *buf, size_t len, size_t cursor)
{
	struct mac_client *client = mac_of_intake(intake)->client;

	return client->ops->pull_input(client, buf, len, cursor);
}

static const uint8_t *lend(struct intake *intake, size_t cursor, size_t *ret_len)
{
	struct mac_client *client = mac_of_intake(intake)->client;

	return client->ops->lend_input ? client->ops->lend_input(client, cursor, ret_len) : NULL;
}

static int absorb(struct intake *intake, const uint8_t *buf, size_t len)
{
	return mac_of_intake(intake)->method->absorb(intake, buf, len);
}

static const struct intake_type intake_type = {pull, lend, absorb};

/* --- the engine ------------------------------------------------------------------------------- */

static struct mac_unit *unit_of(struct mac_engine *engine)
{
	return (struct mac_unit *)(void *)engine;
}

static int start(struct mac_engine *engine, const struct mac_request *request,
		 struct mac_client *client)
{
	struct mac_operation *op;
	struct task *task;
	int r = mac_check(&engine->head, request);

	if (r == 0)
		r = task_begin(&unit_of(engine)->tasks, client, &task);
	if (r < 0)
		return r;
	op = mac_of_intake(intake_of_task(task));
	op->client = client;
	op->request = *request;
	intake_begin(&op->intake, request->length);
	return 0;
}

static int cancel(struct mac_engine *engine, struct mac_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const struct mac_engine_ops ops = {start, cancel};

int mac_unit_open(struct task_host *host, const struct mac_method *method, struct mac_unit **ret)
{
	struct mac_unit *unit = calloc(1, sizeof(*unit));

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = (struct mac_engine){
		.head = {.name = "openssl",
			 .kind = method->kind,
			 .level = method->level,
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE},
		.caps = method->caps,
		.ops = &ops,
	};
	unit->engine.caps.key_slots = true;
	unit->engine.head.vault = &host->vault->vault;
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		struct mac_operation *op = &unit->operations[i];

		op->method = method;
		op->intake.type = &intake_type;
		task_init(&op->intake.task, &unit->tasks, host, method->slice, advance, finish);
	}
	*ret = unit;
	return 0;
}

void mac_unit_close(struct mac_unit *unit)
{
	if (!unit)
		return;
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++)
		cmac_cipher_close(&unit->operations[i].cipher);
	free(unit);
}

void mac_engine_close(struct hil_engine *engine)
{
	mac_unit_close((struct mac_unit *)(void *)engine);
}
