/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capsules there are. A new one is a file here and a line in table.c.
 */
#ifndef PLUTON_SVC_TABLE_H
#define PLUTON_SVC_TABLE_H

#include "daemon/kernel/capsule.h"

/* Ends with NULL. */
extern const struct capsule *const capsule_table[];

#endif
