/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charges: library objects outside the pool that an engine keeps for a process (hil/contract.h has
 * the engine's side). They are on the process's book and released with it.
 */
#ifndef PLUTON_CHARGE_H
#define PLUTON_CHARGE_H

#include "daemon/kernel/process.h"

/* Bytes that a BLOCK_CHARGE stands for, besides its own block. */
size_t charge_cost(const struct block *block);

/* Releases all. Only when no engine works for the process any more. */
void charge_drop_all(struct process *process);

#endif
