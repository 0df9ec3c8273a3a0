/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad capsule: it remembers something of one client where the next one can reach it.
 * isolation.sh finds the section.
 */
#include "daemon/kernel/capsule.h"

static uint32_t last_word;

static int run(struct operation *op)
{
	uint32_t before = last_word;

	last_word = op_word(op, 0);
	op_done(op, 0, before, 0);
	return 0;
}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Run",
		.doc = "gives what the last client said",
		.words = {{"word", NULL, ""}},
		.run = run,
	},
};

extern const struct capsule writable_global_capsule;
const struct capsule writable_global_capsule = {
	.name = "writable_global",
	.interface = "WritableGlobal",
	.doc = "Tests only.",
	.driver = 0x90015,
	.commands = commands,
	.command_count = 1,
};
