/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken rsa engines: a good one with somebody between it and its client who breaks one rule of
 * hil/contract.h and no other.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_RSA_H
#define PLUTON_TESTS_HIL_BROKEN_RSA_H

#include "hil/checker.h"
#include "hil/rsa.h"

struct broken_rsa;

/* HIL_RULES breaks none. -PLUTON_ENOMEM; -PLUTON_ENOSUPPORT: no engine breaks this rule. */
int broken_rsa_open(enum hil_rule rule, struct rsa_engine *inner, struct broken_rsa **ret_broken);
void broken_rsa_close(struct broken_rsa *broken);

struct hil_engine *broken_rsa_engine(struct broken_rsa *broken);

#endif
