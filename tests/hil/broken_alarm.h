/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken alarm engines: the fake clock with somebody before it who breaks one rule of
 * hil/contract.h and no other.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_ALARM_H
#define PLUTON_TESTS_HIL_BROKEN_ALARM_H

#include "hil/checker.h"
#include "tests/fake_clock.h"

struct broken_alarm;

/* HIL_RULES breaks none. -PLUTON_ENOMEM; -PLUTON_ENOSUPPORT: an alarm cannot break this rule. */
int broken_alarm_open(enum hil_rule rule, struct fake_clock *clock, struct deferred_queue *deferred,
		      struct broken_alarm **ret_broken);
void broken_alarm_close(struct broken_alarm *broken);

struct hil_engine *broken_alarm_engine(struct broken_alarm *broken);

#endif
