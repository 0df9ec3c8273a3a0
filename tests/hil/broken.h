/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One broken AES engine for each rule of hil/contract.h: a good engine (the test chip) with
 * somebody between it and its client who breaks that rule and no other.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_H
#define PLUTON_TESTS_HIL_BROKEN_H

#include "daemon/kernel/deferred.h"
#include "hil/checker.h"

struct broken;

/* HIL_RULES breaks none. -PLUTON_ENOMEM; -PLUTON_ENOSUPPORT: no engine breaks this rule. */
int broken_open(enum hil_rule rule, struct deferred_queue *deferred, struct broken **ret_broken);
void broken_close(struct broken *broken);

struct hil_engine *broken_engine(struct broken *broken);

#endif
