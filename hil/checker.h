/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker: an engine that stands before another engine and asserts every rule of
 * hil/contract.h on what passes between it and its clients. Tests run everything through it; the
 * daemon puts one before each engine where the configuration says `hil_checker`.
 *
 * After a violation it reports, lets nothing more of that operation through to the client, answers
 * the engine with -PLUTON_EFAIL, and gives the client its one done.
 */
#ifndef PLUTON_HIL_CHECKER_H
#define PLUTON_HIL_CHECKER_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

/* In the order of the list in hil/contract.h. */
enum hil_rule {
	HIL_SYNCHRONOUS_CALLBACK = 0,
	HIL_NESTED_CALLBACK,
	HIL_WRONG_THREAD,
	HIL_START_FAILED_CALLBACK,
	HIL_DONE_TWICE,
	HIL_CALLBACK_AFTER_DONE,
	HIL_OVERLONG_COUNT,
	HIL_WRONG_CURSOR,
	HIL_NOT_WHOLE,
	HIL_WRONG_STEP,
	HIL_EMPTY_PULL,
	HIL_PULLED_TWICE,
	HIL_PULLED_TOO_MUCH,
	HIL_INCOMPLETE,
	HIL_ERROR_NOT_REPORTED,
	HIL_LENT_AND_PULLED,
	HIL_UNVERIFIED_PLAINTEXT,
	HIL_READ_TWICE,
	HIL_KEY_CROSSED,
	HIL_STATE_MISSING,
	HIL_CAPS_IGNORED,
	HIL_BAD_SIZE,
	HIL_DONE_MISSING,
	HIL_RULES,
};

/* "WRONG_CURSOR"; NULL for a number that is no rule. */
const char *checker_rule_name(enum hil_rule rule);

struct checker_options {
	struct deferred_queue *deferred;
	/*
	 * One violation; the first of an operation only, what follows from it is not reported.
	 * `sentence` says what happened, without payload. NULL: violations are only counted.
	 * Runs on the loop's thread, but for WRONG_THREAD.
	 */
	void (*report)(void *context, enum hil_rule rule, const char *engine, const char *sentence);
	void *context;
};

/*
 * Makes an engine of the same kind, name, level, concurrency and caps as `inner`, which must have
 * no other client. To be called on the loop's thread. -PLUTON_ENOMEM, -PLUTON_ENOSUPPORT: kind.
 */
int checker_open(struct hil_engine *inner, const struct checker_options *options,
		 struct hil_engine **ret_engine);

/*
 * Frees it. The inner engine must have nothing under way any more, and may be gone already; if it
 * is not, it must not come or go any more.
 */
void checker_close(struct hil_engine *checker);

/*
 * For a caller that knows that no callback can be on its way: reports DONE_MISSING for every
 * operation that is still under way, ends it with done(-PLUTON_EFAIL), and returns how many.
 */
unsigned checker_settle(struct hil_engine *checker);

/* Violations since it was opened. */
uint64_t checker_violations(const struct hil_engine *checker);

#endif
