/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad capsule: it enters its grant while it is in it. It gets an error, and the kernel counts and
 * reports it. Word 1 of the answer is the error of the second enter.
 */
#include "daemon/kernel/capsule.h"

static int touch(void *grant, void *arg)
{
	(void)arg;
	++*(uint32_t *)grant;
	return 0;
}

static int enter_again(void *grant, void *arg)
{
	struct operation *op = arg;

	(void)grant;
	return grant_enter(op_driver(op), op_process(op), 0, true, touch, NULL);
}

static int run(struct operation *op)
{
	int r = grant_enter(op_driver(op), op_process(op), 0, true, enter_again, op);

	op_done(op, 0, (uint32_t)-r, 0);
	return 0;
}

static const struct command commands[] = {
	{.number = 1, .name = "Run", .doc = "enters twice", .run = run},
};

extern const struct capsule enters_twice_capsule;
const struct capsule enters_twice_capsule = {
	.name = "enters_twice",
	.interface = "EntersTwice",
	.doc = "Tests only.",
	.driver = 0x90012,
	.grant_size = 16,
	.commands = commands,
	.command_count = 1,
};
