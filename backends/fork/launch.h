/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One start of an app: user, arguments and environment are put together, then it is forked, noted
 * in its run file, and let go.
 */
#ifndef PLUTON_FORK_LAUNCH_H
#define PLUTON_FORK_LAUNCH_H

#include "backends/fork/host.h"
#include "backends/fork/program.h"
#include "backends/fork/spawn.h"

/* -PLUTON_EFAIL with a sentence in `reason`: nothing runs. */
int launch(const struct fork_host *host, const struct definition *definition,
	   const struct program *program, const struct fdstore *store, struct spawned *ret,
	   char *reason, size_t size);

#endif
