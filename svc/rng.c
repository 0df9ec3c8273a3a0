/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rng capsule: random bytes straight from the engine into the client's memory. It keeps
 * nothing for a client but the operation itself.
 */
#include "daemon/kernel/capsule.h"
#include "hil/rng.h"

#define SLOT_OUTPUT 0u
#define REQUEST_MAX (1024u * 1024u)
#define TURN_MAX (32u * 1024) /* bytes in one turn at the engine: others who wait come between */

struct rng_operation {
	struct rng_client client;
	struct operation *op;
	struct rng_engine *engine;
	struct rng_request request; /* this turn's */
	size_t length;		    /* bytes in all */
	size_t given;		    /* of them, in the turns before */
};

static int ask_turn(struct rng_operation *state);

static struct rng_operation *of_client(struct rng_client *client)
{
	return (struct rng_operation *)(void *)client;
}

static ssize_t push_output(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	const struct rng_operation *state = of_client(client);

	return op_write(state->op, SLOT_OUTPUT, state->given + cursor, buf, len);
}

static void done(struct rng_client *client, int result)
{
	struct rng_operation *state = of_client(client);

	op_engine_release(state->op);
	state->given += state->request.length;
	if (result == 0 && state->given < state->length) {
		result = ask_turn(state);
		if (result == 0)
			return;
	}
	op_done(state->op, result, 0, 0);
}

static const struct rng_client_ops client_ops = {
	.push_output = push_output,
	.done = done,
};

static void granted(struct operation *op)
{
	struct rng_operation *state = op_state(op);
	int r = state->engine->ops->start(state->engine, &state->request, &state->client);

	if (r < 0)
		op_done(op, r, 0, 0);
}

static int ask_turn(struct rng_operation *state)
{
	size_t left = state->length - state->given;

	state->request.length = left < TURN_MAX ? left : TURN_MAX;
	return op_engine_request(state->op, &state->engine->head, granted);
}

static int get(struct operation *op)
{
	struct rng_operation *state = op_state(op);
	struct hil_engine *engine;
	int r;

	state->client.ops = &client_ops;
	state->op = op;
	state->length = op_length(op, SLOT_OUTPUT);
	state->request.length = state->length;
	r = hil_select(op_port(op, 0), &state->request, rng_check, &engine);
	if (r < 0)
		return op_refuse(op, r, "no rng engine gives %zu bytes at once",
				 state->request.length);
	state->engine = (struct rng_engine *)(void *)engine;
	return ask_turn(state);
}

static void cancel(struct operation *op)
{
	struct rng_operation *state = op_state(op);

	if (op_engine_withdraw(op))
		op_done(op, -PLUTON_ECANCEL, 0, 0);
	else
		state->engine->ops->cancel(state->engine, &state->client);
}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Get",
		.doc = "random bytes",
		.slots = {[SLOT_OUTPUT] = {"output", SLOT_RW, 1, REQUEST_MAX, false,
					   "filled with random bytes"}},
		.run = get,
	},
};

extern const struct capsule rng_capsule;
const struct capsule rng_capsule = {
	.name = "rng",
	.interface = "Random",
	.doc = "Random numbers.",
	.driver = 0x40001,
	.state_size = sizeof(struct rng_operation),
	.ports = 1,
	.port_kinds = {HIL_RNG},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
