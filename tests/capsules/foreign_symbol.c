/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad capsule: it reaches into another one. isolation.sh finds the symbol.
 */
#include "daemon/kernel/capsule.h"

extern const struct capsule aes_capsule;

static int run(struct operation *op)
{
	return aes_capsule.commands[0].run(op);
}

static const struct command commands[] = {
	{.number = 1, .name = "Run", .doc = "does what another capsule does", .run = run},
};

extern const struct capsule foreign_symbol_capsule;
const struct capsule foreign_symbol_capsule = {
	.name = "foreign_symbol",
	.interface = "ForeignSymbol",
	.doc = "Tests only.",
	.driver = 0x90014,
	.commands = commands,
	.command_count = 1,
};
