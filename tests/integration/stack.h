/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rig with one digest engine that does one thing at a time, and all that stands on it: the
 * digest capsule, a stacked HMAC with its capsule, a stacked KDF; and the books of whose turns at
 * that engine were when.
 */
#ifndef PLUTON_TESTS_STACK_H
#define PLUTON_TESTS_STACK_H

#include "backends/openssl/openssl.h"
#include "hil/digest.h"
#include "hil/kdf.h"
#include "tests/rig.h"

/* Turns of parties, or of one party's owners. */
struct turn_book {
	uint32_t count;
	uint64_t now;	 /* turns so far */
	uint64_t *last;	 /* turn of each; 0: none yet */
	uint64_t *since; /* it waits, and did at this turn; 0: it does not */
	uint64_t *turns; /* of each */
	/* Somebody had two turns, and one who waited at both had none between. */
	unsigned unfair;
};

struct stack {
	struct rig *rig;
	struct backend_instance *openssl;
	struct backend_instance *stacked;
	struct digest_engine digest;	       /* the one engine, with its books */
	struct hil_engine *checked[HIL_KINDS]; /* what is before it, and before those on it */
	struct hil_engine *ports[HIL_KINDS];   /* what is asked: digest, HMAC, KDF */
	struct arbiter arbiters[HIL_KINDS];
	unsigned violations;
	unsigned without_a_turn; /* starts of the one engine while not exactly one holds it */
	struct turn_book parties;
	struct turn_book owners;
	unsigned contended; /* turns in a row at which three parties wanted one, in threes */
	unsigned uneven;    /* threes of which not each had one */
	uint32_t trio[3];
};

/* In place of the machine's own engines, before anything runs. `slice`: bytes a deferred call. */
void stack_open(struct stack *stack, struct rig *rig, size_t slice);

/* Before rig_close; nothing may be under way. Asserts that nothing is, and that all was fair. */
void stack_close(struct stack *stack);

#endif
