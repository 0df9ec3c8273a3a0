/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console HIL on the daemon's own log: one entry for each line, with who wrote it.
 */
#ifndef PLUTON_BACKENDS_JOURNAL_H
#define PLUTON_BACKENDS_JOURNAL_H

#include "backends/table.h"

/* -PLUTON_ENODEVICE: the environment has nothing to emit lines with. */
int journal_open(const struct backend_environment *environment, struct backend_instance **ret);
void journal_close(struct backend_instance *instance);

#endif
