/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad capsule: it takes memory that is on nobody's book. isolation.sh finds the symbol.
 */
#include <stdlib.h>

#include "daemon/kernel/capsule.h"

static int run(struct operation *op)
{
	size_t length = op_length(op, 0);
	void *copy = malloc(length);
	int r = copy ? op_read_all(op, 0, copy, length) : -PLUTON_ENOMEM;

	free(copy);
	op_done(op, r, 0, 0);
	return 0;
}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Run",
		.doc = "reads its input into memory of its own",
		.slots = {{"input", SLOT_RO, 1, 0, false, ""}},
		.run = run,
	},
};

extern const struct capsule uses_malloc_capsule;
const struct capsule uses_malloc_capsule = {
	.name = "uses_malloc",
	.interface = "UsesMalloc",
	.doc = "Tests only.",
	.driver = 0x90013,
	.commands = commands,
	.command_count = 1,
};
