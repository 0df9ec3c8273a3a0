/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken nv engines: a good one with somebody between it and its client who breaks one rule of
 * hil/contract.h and no other.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_NV_H
#define PLUTON_TESTS_HIL_BROKEN_NV_H

#include "hil/checker.h"
#include "hil/nv.h"

struct broken_nv;

/* HIL_RULES breaks none. -PLUTON_ENOMEM; -PLUTON_ENOSUPPORT: no engine breaks this rule. */
int broken_nv_open(enum hil_rule rule, struct nv_engine *inner, struct broken_nv **ret_broken);
void broken_nv_close(struct broken_nv *broken);

struct hil_engine *broken_nv_engine(struct broken_nv *broken);

#endif
