/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-run's folder: socket, readiness socket, empty configuration and, unless the user has
 * another place for it, the state. Failing, these say why on stderr and return false.
 */
#ifndef PLUTON_CLI_RUN_FOLDER_H
#define PLUTON_CLI_RUN_FOLDER_H

#include <stdbool.h>

struct run_folder {
	char *path;   /* mode 0700, new */
	char *socket; /* for the daemon to listen on */
	char *notify; /* for it to say that it is ready */
	char *config; /* an empty file */
	char *state;  /* an empty folder */
};

/* In $XDG_RUNTIME_DIR, $TMPDIR or /tmp: the first that is there, ours, and short enough. */
bool run_folder_make(struct run_folder *folder);

/* Removes it with all that is in it. */
void run_folder_remove(struct run_folder *folder);

/* Forgets it. */
void run_folder_free(struct run_folder *folder);

#endif
