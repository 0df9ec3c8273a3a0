/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarm HIL on the machine's own clock.
 */
#ifndef PLUTON_BACKENDS_CLOCK_H
#define PLUTON_BACKENDS_CLOCK_H

#include "backends/table.h"

/* -PLUTON_ENODEVICE: no loop to wait in, or no timer to be had. */
int clock_backend_open(const struct backend_environment *environment,
		       struct backend_instance **ret);
void clock_backend_close(struct backend_instance *instance);

#endif
