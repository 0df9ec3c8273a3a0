/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop is deferred calls first, then interrupts; it sleeps only when it has nothing to do.
 */
#include "tests/unit/openssl_machine.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/suite.h"

const struct openssl_options executions[EXECUTIONS] = {
	{OPENSSL_EXECUTION_AUTO, 0, NULL},
	{OPENSSL_EXECUTION_INLINE, 0, NULL},
	{OPENSSL_EXECUTION_SLICED, 1000, NULL},
	{OPENSSL_EXECUTION_WORKER, 0, NULL},
};

/* --- the machine -------------------------------------------------------------------------------
 */

static void report(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	(void)context;
	printf("# %s by %s: %s\n", checker_rule_name(rule), engine, sentence);
}

void machine_open(struct machine *machine, const struct openssl_options *options,
		  void (*change)(struct backend_environment *environment))
{
	struct checker_options checker = {.deferred = &machine->deferred, .report = report};

	memset(machine, 0, sizeof(*machine));
	deferred_queue_init(&machine->deferred);
	CU_ASSERT_EQUAL_FATAL(interrupt_queue_init(&machine->interrupts), 0);
	machine->environment = (struct backend_environment){
		.deferred = &machine->deferred,
		.interrupts = &machine->interrupts,
		.aead_scratch = MACHINE_SCRATCH,
		.pbkdf2_rounds_max = 4000000,
		.workers = 2,
	};
	if (change)
		change(&machine->environment);
	CU_ASSERT_EQUAL_FATAL(openssl_open_with(&machine->environment, options, &machine->instance),
			      0);
	for (size_t i = 0; i < HIL_KINDS; i++) {
		if (machine->instance->engines[i])
			CU_ASSERT_EQUAL_FATAL(checker_open(machine->instance->engines[i], &checker,
							   &machine->checkers[i]),
					      0);
	}
}

void machine_close(struct machine *machine)
{
	for (size_t i = 0; i < HIL_KINDS; i++) {
		if (!machine->checkers[i])
			continue;
		CU_ASSERT_EQUAL(checker_settle(machine->checkers[i]), 0);
		CU_ASSERT_EQUAL(checker_violations(machine->checkers[i]), 0);
		checker_close(machine->checkers[i]);
	}
	openssl_close(machine->instance);
	CU_ASSERT_PTR_NULL(machine->deferred.head);
	interrupt_queue_close(&machine->interrupts);
}

bool machine_step(struct machine *machine)
{
	struct pollfd fd = {.fd = machine->interrupts.fd, .events = POLLIN};

	if (deferred_queue_run(&machine->deferred, 1) > 0) {
		machine->calls++;
		if (machine->after_call)
			machine->after_call(machine);
		return true;
	}
	if (poll(&fd, 1, 10000) != 1)
		return false;
	machine->interrupts_taken += interrupt_queue_run(&machine->interrupts);
	return true;
}

void machine_run(struct machine *machine, const unsigned *flag)
{
	while (*flag == 0) {
		if (!machine_step(machine)) {
			CU_FAIL_FATAL("nothing is under way, and not done");
		}
	}
}

struct rng_engine *machine_rng(struct machine *machine)
{
	return (struct rng_engine *)(void *)machine->checkers[HIL_RNG];
}

struct digest_engine *machine_digest(struct machine *machine)
{
	return (struct digest_engine *)(void *)machine->checkers[HIL_DIGEST];
}

struct aes_engine *machine_aes(struct machine *machine)
{
	return (struct aes_engine *)(void *)machine->checkers[HIL_AES];
}

/* --- manners -----------------------------------------------------------------------------------
 */

/* The failure of this callback, if it is the one that fails. */
static int behave(const struct manners *manners, struct outcome *outcome)
{
	unsigned n = ++outcome->callbacks;

	if (manners->before)
		manners->before(manners->context, n);
	return n == manners->fail_at && !manners->overlong ? manners->failure : 0;
}

static size_t portion(const struct manners *manners, size_t len)
{
	return manners->most > 0 && len > manners->most ? manners->most : len;
}

static ssize_t answer(const struct manners *manners, const struct outcome *outcome, size_t asked,
		      size_t moved)
{
	if (manners->overlong && outcome->callbacks == manners->fail_at)
		return manners->failure ? 0 : (ssize_t)(asked + 1);
	return (ssize_t)moved;
}

static ssize_t take(const struct manners *manners, struct outcome *outcome, const uint8_t *from,
		    uint8_t *buf, size_t len, size_t cursor)
{
	int r = behave(manners, outcome);
	size_t n = portion(manners, len);

	if (r < 0)
		return r;
	memcpy(buf, from + cursor, n);
	outcome->pulled += n;
	return answer(manners, outcome, len, n);
}

static ssize_t give(const struct manners *manners, struct outcome *outcome, uint8_t *to,
		    const uint8_t *buf, size_t len, size_t cursor)
{
	int r = behave(manners, outcome);
	size_t n = portion(manners, len);

	if (r < 0)
		return r;
	memcpy(to + cursor, buf, n);
	outcome->pushed += n;
	return answer(manners, outcome, len, n);
}

static int move_whole(const struct manners *manners, struct outcome *outcome, void *to,
		      const void *from, size_t len)
{
	int r = behave(manners, outcome);

	if (r == 0)
		memcpy(to, from, len);
	return r;
}

static size_t lend(const struct manners *manners, struct outcome *outcome, size_t left)
{
	behave(manners, outcome);
	return manners->lend_most > 0 && left > manners->lend_most ? manners->lend_most : left;
}

static void end(struct outcome *outcome, int result)
{
	outcome->done++;
	outcome->result = result;
}

/* --- rng ---------------------------------------------------------------------------------------
 */

static ssize_t rng_push(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct rng_test_client *c = (struct rng_test_client *)(void *)client;

	return give(&c->manners, &c->outcome, c->output, buf, len, cursor);
}

static void rng_done(struct rng_client *client, int result)
{
	end(&((struct rng_test_client *)(void *)client)->outcome, result);
}

void rng_test_client_arm(struct rng_test_client *client)
{
	static const struct rng_client_ops ops = {rng_push, rng_done};

	client->client.ops = &ops;
	client->outcome = (struct outcome){0};
}

int rng_test_run(struct machine *machine, struct rng_test_client *client, size_t length)
{
	struct rng_engine *engine = machine_rng(machine);
	struct rng_request request = {.length = length};
	int r;

	rng_test_client_arm(client);
	r = engine->ops->start(engine, &request, &client->client);
	if (r < 0)
		return r;
	CU_ASSERT_EQUAL(client->outcome.callbacks, 0);
	machine_run(machine, &client->outcome.done);
	return client->outcome.result;
}

/* --- digest ------------------------------------------------------------------------------------
 */

static struct digest_test_client *digest_of(struct digest_client *client)
{
	return (struct digest_test_client *)(void *)client;
}

static ssize_t digest_pull(struct digest_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct digest_test_client *c = digest_of(client);

	return take(&c->manners, &c->outcome, c->input, buf, len, cursor);
}

static const uint8_t *digest_lend(struct digest_client *client, size_t cursor, size_t *ret_len)
{
	struct digest_test_client *c = digest_of(client);

	*ret_len = lend(&c->manners, &c->outcome, c->length - cursor);
	c->outcome.pulled += *ret_len;
	return c->input + cursor;
}

static int digest_push(struct digest_client *client, const uint8_t *digest, size_t len)
{
	struct digest_test_client *c = digest_of(client);

	c->digests++;
	return move_whole(&c->manners, &c->outcome, c->digest, digest, len);
}

static int digest_pull_state(struct digest_client *client, uint8_t *state, size_t len)
{
	struct digest_test_client *c = digest_of(client);

	return move_whole(&c->manners, &c->outcome, state, c->state, len);
}

static int digest_push_state(struct digest_client *client, const uint8_t *state, size_t len)
{
	struct digest_test_client *c = digest_of(client);

	c->states++;
	return move_whole(&c->manners, &c->outcome, c->state, state, len);
}

static void digest_done(struct digest_client *client, int result)
{
	end(&digest_of(client)->outcome, result);
}

void digest_test_client_arm(struct digest_test_client *client)
{
	static const struct digest_client_ops pulls = {
		.pull_input = digest_pull,
		.push_digest = digest_push,
		.pull_state = digest_pull_state,
		.push_state = digest_push_state,
		.done = digest_done,
	};
	static const struct digest_client_ops lends = {
		.pull_input = digest_pull,
		.lend_input = digest_lend,
		.push_digest = digest_push,
		.pull_state = digest_pull_state,
		.push_state = digest_push_state,
		.done = digest_done,
	};

	client->client.ops = client->manners.lends_input ? &lends : &pulls;
	client->outcome = (struct outcome){0};
	client->digests = client->states = 0;
}

int digest_test_run(struct machine *machine, struct digest_test_client *client,
		    enum hil_phase phase)
{
	struct digest_engine *engine = machine_digest(machine);
	struct digest_request request = {DIGEST_SHA256, phase, client->length};
	int r;

	digest_test_client_arm(client);
	r = engine->ops->start(engine, &request, &client->client);
	if (r < 0)
		return r;
	CU_ASSERT_EQUAL(client->outcome.callbacks, 0);
	machine_run(machine, &client->outcome.done);
	return client->outcome.result;
}

/* --- AES ---------------------------------------------------------------------------------------
 */

static struct aes_test_client *aes_of(struct aes_client *client)
{
	return (struct aes_test_client *)(void *)client;
}

static ssize_t aes_pull_input(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct aes_test_client *c = aes_of(client);

	return take(&c->manners, &c->outcome, c->input, buf, len, cursor);
}

static ssize_t aes_push_output(struct aes_client *client, const uint8_t *buf, size_t len,
			       size_t cursor)
{
	struct aes_test_client *c = aes_of(client);

	return give(&c->manners, &c->outcome, c->output, buf, len, cursor);
}

static ssize_t aes_pull_aad(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct aes_test_client *c = aes_of(client);

	return take(&c->manners, &c->outcome, c->aad, buf, len, cursor);
}

static const uint8_t *aes_lend_input(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	struct aes_test_client *c = aes_of(client);

	*ret_len = lend(&c->manners, &c->outcome, c->length - cursor);
	c->outcome.pulled += *ret_len;
	return c->input + cursor;
}

static uint8_t *aes_lend_output(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	struct aes_test_client *c = aes_of(client);

	*ret_len = lend(&c->manners, &c->outcome, c->length - cursor);
	return c->output + cursor;
}

static int aes_pull_key(struct aes_client *client, uint8_t *key, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, key, c->key, len);
}

static int aes_pull_iv(struct aes_client *client, uint8_t *iv, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, iv, c->iv, len);
}

static int aes_pull_ctr(struct aes_client *client, uint8_t *ctr, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, ctr, c->ctr, len);
}

static int aes_pull_tag(struct aes_client *client, uint8_t *tag, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, tag, c->tag, len);
}

static int aes_push_iv(struct aes_client *client, const uint8_t *iv, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, c->iv, iv, len);
}

static int aes_push_tag(struct aes_client *client, const uint8_t *tag, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	c->tags++;
	return move_whole(&c->manners, &c->outcome, c->tag, tag, len);
}

static int aes_pull_state(struct aes_client *client, uint8_t *state, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, state, c->state, len);
}

static int aes_push_state(struct aes_client *client, const uint8_t *state, size_t len)
{
	struct aes_test_client *c = aes_of(client);

	return move_whole(&c->manners, &c->outcome, c->state, state, len);
}

static void aes_done(struct aes_client *client, int result)
{
	end(&aes_of(client)->outcome, result);
}

#define AES_TEST_OPS(input, output)                                                                \
	{                                                                                          \
		.pull_input = aes_pull_input, .push_output = aes_push_output,                      \
		.pull_aad = aes_pull_aad, .lend_input = input, .lend_output = output,              \
		.pull_key = aes_pull_key, .pull_iv = aes_pull_iv, .pull_ctr = aes_pull_ctr,        \
		.pull_tag = aes_pull_tag, .push_iv = aes_push_iv, .push_tag = aes_push_tag,        \
		.pull_state = aes_pull_state, .push_state = aes_push_state, .done = aes_done,      \
	}

void aes_test_client_arm(struct aes_test_client *client)
{
	/* clang-format off */
	static const struct aes_client_ops ops[2][2] = {
		{AES_TEST_OPS(NULL, NULL), AES_TEST_OPS(NULL, aes_lend_output)},
		{AES_TEST_OPS(aes_lend_input, NULL), AES_TEST_OPS(aes_lend_input, aes_lend_output)},
	};
	/* clang-format on */

	client->client.ops = &ops[client->manners.lends_input][client->manners.lends_output];
	client->outcome = (struct outcome){0};
	client->tags = 0;
}

int aes_test_run(struct machine *machine, struct aes_test_client *client,
		 const struct aes_request *request)
{
	struct aes_engine *engine = machine_aes(machine);
	int r;

	aes_test_client_arm(client);
	r = engine->ops->start(engine, request, &client->client);
	if (r < 0)
		return r;
	CU_ASSERT_EQUAL(client->outcome.callbacks, 0);
	machine_run(machine, &client->outcome.done);
	return client->outcome.result;
}

/* --- charges -----------------------------------------------------------------------------------
 */

static struct test_owner *owner_of(struct hil_owner *owner)
{
	return (struct test_owner *)(void *)owner;
}

int hil_charge_take(struct hil_owner *owner, const struct hil_charge *charge, void *object,
		    uint32_t *ret_handle)
{
	struct test_owner *o = owner_of(owner);

	if (charge->cost > o->limit - o->charged)
		return -PLUTON_ENOMEM;
	for (uint32_t i = 0; i < OWNER_CHARGES; i++) {
		if (o->charges[i].charge)
			continue;
		o->charges[i].charge = charge;
		o->charges[i].object = object;
		o->charged += charge->cost;
		*ret_handle = i + 1;
		return 0;
	}
	return -PLUTON_ENOMEM;
}

void *hil_charge_find(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	struct test_owner *o = owner_of(owner);

	if (handle == 0 || handle > OWNER_CHARGES || o->charges[handle - 1].charge != charge)
		return NULL;
	return o->charges[handle - 1].object;
}

void hil_charge_drop(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	struct test_owner *o = owner_of(owner);
	void *object = hil_charge_find(owner, charge, handle);

	if (!object)
		return;
	o->charges[handle - 1].charge = NULL;
	o->charged -= charge->cost;
	charge->release(object);
}

void test_owner_die(struct test_owner *owner)
{
	for (uint32_t i = 0; i < OWNER_CHARGES; i++) {
		if (owner->charges[i].charge)
			hil_charge_drop(&owner->owner, owner->charges[i].charge, i + 1);
	}
}

void fill(uint8_t *buf, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf[i] = (uint8_t)(seed >> 24);
	}
}
