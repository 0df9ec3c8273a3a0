/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test: an engine that stands before another engine and lets nobody use an algorithm of it
 * that has not given known answers. The daemon puts one before each engine that has any; what holds
 * for its clients holds without their knowing it.
 *
 * Known answers are one more client of the engine, with turns of its own at the arbiter. A request
 * that comes before its algorithm was tested has a turn already: in that turn the test is made
 * first. One test at a time; what somebody waits for comes before what nobody waits for.
 *
 * An algorithm is what one test covers: a hash function, an AES mode, a curve, an RSA padding. One
 * that fails is refused with -PLUTON_EFAIL and a sentence (struct hil_gate), the engine's others
 * are not. A test that cannot be made (no memory, the device is gone) leaves the algorithm
 * untested, and those who wait get the test's error.
 */
#ifndef PLUTON_HIL_SELFTEST_H
#define PLUTON_HIL_SELFTEST_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

#define SELFTEST_ALGORITHMS 32u /* numbers below it, each kind's own */

/* Numbers are part of the channel protocol: never renumber. */
enum selftest_state {
	SELFTEST_UNTESTED = 0,
	SELFTEST_RUNNING = 1, /* for the first time since it is there */
	SELFTEST_PASSED = 2,
	SELFTEST_FAILED = 3,
	SELFTEST_ABSENT = 4, /* the engine's device is not there */
};

struct selftest_options {
	struct deferred_queue *deferred;
	struct hil_owner *owner; /* whose turns the tests take */
	/* One has failed, or passes again. Both may be NULL, as the next two. */
	void (*judged)(void *context, struct hil_engine *engine, unsigned algorithm);
	/* true: a test is under way, so gate->expire should be called about once a second. */
	void (*timed)(void *context, bool timed);
	/* Nothing of what selftest_begin asked for is left. */
	void (*ended)(void *context, struct hil_engine *engine);
	void *context;
};

/* What is known of one algorithm. */
struct selftest_result {
	const char *algorithm; /* "sha256" */
	enum selftest_state state;
	uint32_t runs;	   /* tests that came to an end */
	uint32_t failures; /* of them */
	const char *why;   /* FAILED: "gave a wrong answer"; else "" */
};

/*
 * Makes an engine of the same kind, name, level, concurrency and caps as `inner`, which must have
 * no other client. -PLUTON_ENOMEM. -PLUTON_ENOSUPPORT: nothing is known of this kind.
 */
int selftest_open(struct hil_engine *inner, const struct selftest_options *options,
		  struct hil_engine **ret_engine);

/* Nothing may be under way. The inner engine may be gone already, or must not come or go any more.
 */
void selftest_close(struct hil_engine *engine);

/* The engine behind it. */
struct hil_engine *selftest_inner(const struct hil_engine *engine);

/*
 * Tests all algorithms, in turns of its own; what passed before is served meanwhile, what failed is
 * not. Also called when the engine's device comes. `engine` has an arbiter.
 */
void selftest_begin(struct hil_engine *engine);

/* true: something of that is left to do. */
bool selftest_pending(const struct hil_engine *engine);

/* Begins no test any more, and cancels the one under way. */
void selftest_stop(struct hil_engine *engine);

/* true: one is under way, or the arbiter may still give a turn. */
bool selftest_busy(const struct hil_engine *engine);

/* false: the engine does not offer an algorithm of that number. */
bool selftest_look(const struct hil_engine *engine, unsigned algorithm,
		   struct selftest_result *ret);

#endif
