/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The puppet capsule. It keeps operations in a global array, as no real capsule may.
 */
#include "tests/puppet.h"

#include <stdlib.h>
#include <string.h>

struct puppet puppet;

static int run(struct operation *op)
{
	puppet.runs++;
	return puppet.run ? puppet.run(op) : puppet_answer(op);
}

static void cancel(struct operation *op)
{
	puppet.cancels++;
	if (puppet.cancel)
		puppet.cancel(op);
}

struct driver *puppet_register(struct kernel *kernel)
{
	puppet = (struct puppet){0};
	if (kernel_register(kernel, &puppet_capsule, NULL, &puppet.driver) < 0)
		abort();
	return puppet.driver;
}

int puppet_answer(struct operation *op)
{
	op_done(op, 0, op_word(op, 0), op_word(op, 1));
	return 0;
}

int puppet_hold(struct operation *op)
{
	if (puppet.held_count == PUPPET_HELD_MAX)
		abort();
	puppet.held[puppet.held_count++] = op;
	return 0;
}

int puppet_refuse(struct operation *op)
{
	return op_refuse(op, -PLUTON_EFAIL, "the puppet will not");
}

int puppet_copy(struct operation *op)
{
	uint8_t bytes[RECORD_INLINE_LIMIT];
	size_t length = op_length(op, PUPPET_IN);
	int r = op_read_all(op, PUPPET_IN, bytes, length);

	if (r == 0)
		r = op_write_all(op, PUPPET_OUT, bytes, length);
	op_done(op, r, 0, 0);
	return 0;
}

void puppet_end(unsigned index, int status)
{
	struct operation *op = puppet.held[index];

	puppet.held_count--;
	memmove(&puppet.held[index], &puppet.held[index + 1],
		(puppet.held_count - index) * sizeof(puppet.held[0]));
	op_done(op, status, op_word(op, 0), op_word(op, 1));
}

void puppet_end_all(void)
{
	while (puppet.held_count)
		puppet_end(0, 0);
}

void puppet_end_cancelled(struct operation *op)
{
	for (unsigned i = 0; i < puppet.held_count; i++) {
		if (puppet.held[i] == op) {
			puppet_end(i, -PLUTON_ECANCEL);
			return;
		}
	}
}

static const struct enum_name kinds[] = {{1, "one"}, {2, "two"}, {0, NULL}};

static const struct command commands[] = {
	{
		.number = PUPPET_CALL,
		.name = "Call",
		.doc = "whatever the test says",
		.answers = {"word 0", "word 1"},
		.repeats = true,
		.words = {{"first", NULL, ""}, {"second", NULL, ""}},
		.slots = {[PUPPET_IN] = {"in", SLOT_RO, 1, 0, true, ""},
			  [PUPPET_OUT] = {"out", SLOT_RW, 1, 0, true, ""}},
		.run = run,
	},
	{
		.number = PUPPET_STRICT,
		.name = "Strict",
		.doc = "the same with a table that wants something",
		.words = {{"kind", kinds, ""}, {"second", NULL, ""}},
		.slots = {[STRICT_KEY] = {"key", SLOT_RO, 4, 8, false, ""},
			  [STRICT_DATA] = {"data", SLOT_RO, 1, 0, true, ""},
			  [STRICT_RESULT] = {"result", SLOT_RW, 2, 16, false, ""}},
		.run = run,
	},
	{
		.number = PUPPET_GIVE,
		.name = "Give",
		.doc = "a connection to whoever the test says",
		.gives = "one end of it",
		.words = {{"first", NULL, ""}},
		.run = run,
	},
};

const struct capsule puppet_capsule = {
	.name = "puppet",
	.interface = "Puppet",
	.doc = "Tests only.",
	.driver = PUPPET_DRIVER,
	.state_size = PUPPET_STATE_SIZE,
	.grant_size = PUPPET_GRANT_SIZE,
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
