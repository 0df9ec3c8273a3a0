/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad capsule: it keeps the pointer to its grant and uses it after the enter. Sanitizer builds
 * poison a grant outside its enter, so this dies there.
 */
#include "daemon/kernel/capsule.h"

static int keep(void *grant, void *arg)
{
	*(volatile uint32_t **)arg = grant;
	return 0;
}

static int run(struct operation *op)
{
	volatile uint32_t *kept = NULL;
	int r = grant_enter(op_driver(op), op_process(op), 0, true, keep, &kept);

	if (r < 0)
		return r;
	op_done(op, 0, *kept, 0);
	return 0;
}

static const struct command commands[] = {
	{.number = 1, .name = "Run", .doc = "uses what it kept", .run = run},
};

extern const struct capsule keeps_pointer_capsule;
const struct capsule keeps_pointer_capsule = {
	.name = "keeps_pointer",
	.interface = "KeepsPointer",
	.doc = "Tests only.",
	.driver = 0x90011,
	.grant_size = 16,
	.commands = commands,
	.command_count = 1,
};
