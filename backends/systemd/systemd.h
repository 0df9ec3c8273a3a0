/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend "systemd": apps are services, each with a socket of its own by which it is started.
 */
#ifndef PLUTON_SYSTEMD_H
#define PLUTON_SYSTEMD_H

#include "backends/table.h"

/* What the configuration says, or a test. */
struct systemd_options {
	const char *const *definition_folders; /* ended by NULL; the first that has a name wins */
	/* As sd_pid_get_unit(3), which NULL stands for. */
	int (*get_unit)(pid_t pid, char **ret);
};

int systemd_open_with(const struct backend_environment *environment,
		      const struct systemd_options *options, struct backend_instance **ret);

int systemd_open(const struct backend_environment *environment, struct backend_instance **ret);
void systemd_close(struct backend_instance *instance);

#endif
