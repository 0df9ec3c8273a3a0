/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are: plutond's own folder and what lies in it, the folders of definitions and of
 * programs, our socket and run files.
 */
#ifndef PLUTON_FORK_PLACE_H
#define PLUTON_FORK_PLACE_H

#include "backends/fork/fork.h"
#include "backends/fork/host.h"

/* Fills in the host's paths; place_free is due also after an error. -PLUTON_ENOMEM. */
int place_find(struct fork_host *host, const struct fork_options *options);
void place_free(struct fork_host *host);

#endif
