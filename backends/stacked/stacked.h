/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacked backend: engines that are clients of engines below them. With it a chip that has
 * nothing but a hash function has HMAC too.
 *
 * The rule a newcomer would break first: it has no turn at the engine below but one that the
 * arbiter gave it, for one start, and it asks as an owner of its own: never in a process's name.
 */
#ifndef PLUTON_BACKENDS_STACKED_H
#define PLUTON_BACKENDS_STACKED_H

#include "backends/table.h"

/* The backend table's entry points. */
int stacked_open(const struct backend_environment *environment, struct backend_instance **ret);
void stacked_close(struct backend_instance *instance);

#endif
