/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants, the kernel's side; daemon/kernel/capsule.h has the capsule's.
 */
#ifndef PLUTON_GRANT_H
#define PLUTON_GRANT_H

#include "daemon/kernel/process.h"

/* Wipes and frees every grant of a process. */
void grant_free_all(struct process *process);

#endif
