/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager: the driver that shows and sets what the daemon itself is. It looks like a capsule to
 * processes, but sees the whole machine, so it is not one and does not live in svc/.
 */
#ifndef PLUTON_MANAGER_DRIVER_H
#define PLUTON_MANAGER_DRIVER_H

#include "daemon/kernel/capsule.h"

#define MANAGER_SELF_TEST 13u  /* number of the command that daemon/selftests.c answers */
#define MANAGER_STATE_SIZE 32u /* of its operations: the name of an engine */

extern const struct capsule manager_capsule;

#endif
