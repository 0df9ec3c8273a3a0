/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capsule on strings: it does with an operation what the test at hand says. One puppet a program.
 */
#ifndef PLUTON_TESTS_PUPPET_H
#define PLUTON_TESTS_PUPPET_H

#include "daemon/kernel/kernel.h"

#define PUPPET_DRIVER 0x90001u
#define PUPPET_HELD_MAX 128u
#define PUPPET_STATE_SIZE 24u
#define PUPPET_GRANT_SIZE 40u

enum puppet_command {
	PUPPET_CALL = 1, /* words 0 and 1 are free; slots IN and OUT are optional */
	PUPPET_STRICT =
		2, /* word 0: 1 or 2, word 1: free; slots KEY 4..8, DATA optional, RESULT 2..16 */
	PUPPET_GIVE = 3, /* word 0 is free; gives an end of a connection */
};
enum puppet_slot { PUPPET_IN = 0, PUPPET_OUT = 1 };
enum puppet_strict_slot { STRICT_KEY = 0, STRICT_DATA = 1, STRICT_RESULT = 2 };

struct puppet {
	struct driver *driver;
	int (*run)(struct operation *op);     /* of all commands; NULL: puppet_answer */
	void (*cancel)(struct operation *op); /* NULL: nothing happens */
	struct operation *held[PUPPET_HELD_MAX];
	unsigned held_count;
	unsigned runs;
	unsigned cancels;
};
extern struct puppet puppet;

extern const struct capsule puppet_capsule;

/* Registers the capsule and forgets what an earlier test set. Aborts if that does not work. */
struct driver *puppet_register(struct kernel *kernel);

/* For puppet.run: answers at once with word 0 and word 1 of the request. */
int puppet_answer(struct operation *op);

/* Keeps it in puppet.held. */
int puppet_hold(struct operation *op);

/* Refuses with FAIL and the sentence "the puppet will not". */
int puppet_refuse(struct operation *op);

/* Copies slot IN to slot OUT and answers. */
int puppet_copy(struct operation *op);

/* Ends held[index] and closes the gap. */
void puppet_end(unsigned index, int status);
void puppet_end_all(void);

/* For puppet.cancel: ends a held operation with CANCEL. */
void puppet_end_cancelled(struct operation *op);

#endif
