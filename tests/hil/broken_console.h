/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken console engines: a good one with somebody between it and its client who breaks one rule of
 * hil/contract.h and no other.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_CONSOLE_H
#define PLUTON_TESTS_HIL_BROKEN_CONSOLE_H

#include "daemon/kernel/deferred.h"
#include "hil/checker.h"
#include "hil/console.h"

struct broken_console;

/* HIL_RULES breaks none. -PLUTON_ENOMEM; -PLUTON_ENOSUPPORT: a console cannot break this rule. */
int broken_console_open(enum hil_rule rule, struct console_engine *inner,
			struct deferred_queue *deferred, struct broken_console **ret_broken);
void broken_console_close(struct broken_console *broken);

struct hil_engine *broken_console_engine(struct broken_console *broken);

#endif
