/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that does one algorithm wrong, in a way that the contract allows: it stands before a
 * good engine and changes what that gives, says or does.
 */
#ifndef PLUTON_TESTS_HIL_WRONG_H
#define PLUTON_TESTS_HIL_WRONG_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

enum wrong_how {
	WRONG_NOT = 0,
	WRONG_BYTES,	  /* a bit of what it gives is another one */
	WRONG_VERDICT,	  /* what is forged is genuine to it */
	WRONG_ERROR,	  /* it fails, with FAIL */
	WRONG_NOMEM,	  /* it fails, with NOMEM */
	WRONG_SHORT,	  /* of what it gives, the last piece is missing */
	WRONG_STUCK,	  /* it gives zeros */
	WRONG_REPEATS,	  /* it gives the same every time */
	WRONG_HANGS,	  /* until it is cancelled, or right again */
	WRONG_LEFT_ALONE, /* it hangs, and cancel does nothing until it is right again */
};

struct wrong;

/* -PLUTON_ENOMEM. */
int wrong_open(struct hil_engine *inner, struct deferred_queue *deferred, struct wrong **ret);
void wrong_close(struct wrong *wrong);
struct hil_engine *wrong_engine(struct wrong *wrong);

/* From now on, for the algorithm by its number in the self test of its HIL. */
void wrong_set(struct wrong *wrong, enum wrong_how how, unsigned algorithm);

/* true: the engine behind has something under way. */
bool wrong_works(const struct wrong *wrong);

/* Requests that came to it since wrong_open. */
unsigned wrong_starts(const struct wrong *wrong);

#endif
