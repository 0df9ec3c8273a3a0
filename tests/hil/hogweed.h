/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test engine that has RSA and nothing else, on nettle and GMP: everything but making keys and
 * decrypting. It pulls and pushes a few bytes at a time, one operation after the other.
 */
#ifndef PLUTON_TESTS_HIL_HOGWEED_H
#define PLUTON_TESTS_HIL_HOGWEED_H

#include "daemon/kernel/deferred.h"
#include "hil/rsa.h"

#define HOGWEED_CONCURRENCY 2u
#define HOGWEED_PIECE 48u /* bytes that it moves at once */

struct hogweed;

/* -PLUTON_ENOMEM. */
int hogweed_open(struct deferred_queue *deferred, struct hogweed **ret_hogweed);
void hogweed_close(struct hogweed *hogweed);

struct rsa_engine *hogweed_engine(struct hogweed *hogweed);

#endif
