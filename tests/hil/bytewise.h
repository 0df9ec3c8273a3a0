/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test engine that pulls and pushes one byte at a time, never lends, and does a whole operation
 * in one deferred call. It lacks 192-bit keys and takes several operations at once.
 */
#ifndef PLUTON_TESTS_HIL_BYTEWISE_H
#define PLUTON_TESTS_HIL_BYTEWISE_H

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

#define BYTEWISE_CONCURRENCY 4u
#define BYTEWISE_SCRATCH 2048u /* bytes of unverified plaintext it can hold */

struct bytewise;

/* -PLUTON_ENOMEM. */
int bytewise_open(struct deferred_queue *deferred, struct bytewise **ret_bytewise);
void bytewise_close(struct bytewise *bytewise);

struct hil_engine *bytewise_engine(struct bytewise *bytewise, enum hil_kind kind);

#endif
