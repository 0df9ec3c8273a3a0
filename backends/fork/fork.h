/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend "fork": apps are children of plutond, or of one that was killed.
 */
#ifndef PLUTON_FORK_H
#define PLUTON_FORK_H

#include "backends/table.h"

/* What the configuration says, or a test. All is copied; lists are ended by NULL. */
struct fork_options {
	const char *socket;		       /* plutond's; our own is beside it */
	const char *state;		       /* plutond's state folder */
	const char *bus;		       /* for apps: PLUTON_BUS */
	const char *const *definition_folders; /* the first that has a name wins */
};

int fork_open_with(const struct backend_environment *environment,
		   const struct fork_options *options, struct backend_instance **ret);

int fork_open(const struct backend_environment *environment, struct backend_instance **ret);
void fork_close(struct backend_instance *instance);

#endif
