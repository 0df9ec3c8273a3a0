/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files backend: NV memory as one file for each area, STATE/nv/OWNER/NAME. The format on disk
 * is written down in docs/nvmem-format.md.
 */
#ifndef PLUTON_BACKENDS_FILES_H
#define PLUTON_BACKENDS_FILES_H

#include "backends/table.h"

/*
 * What changes the disk, one name for each kind of system call. A process that dies before any of
 * them leaves what was before the operation, or what is after it.
 */
enum files_step {
	FILES_STEP_MAKE_FOLDER,
	FILES_STEP_MAKE_FILE,
	FILES_STEP_WRITE,
	FILES_STEP_SYNC_FILE,
	FILES_STEP_KEEP_OLD,	 /* the old file gets a second name */
	FILES_STEP_PUT_IN_PLACE, /* the new one gets its own */
	FILES_STEP_SYNC_FOLDER,
	FILES_STEP_TAKE_BACK, /* the old one is put back, after a failure */
	FILES_STEP_REMOVE,
	FILES_STEPS,
};

/* "make-folder"; NULL for a number that is none. */
const char *files_step_name(enum files_step step);

/*
 * Sees each step before its system call, on a worker thread. 0: go on. An errno: the call is not
 * made and has failed with it.
 */
struct files_hook {
	int (*run)(void *context, enum files_step step);
	void *context;
};

struct files_options {
	const char *state;	/* the state folder; it need not be there before it is written to */
	struct files_hook hook; /* run may be NULL */
};

#define FILES_AREA_MAX (4u * 1024 * 1024) /* bytes of one area, and of the data of one commit */

/* The backend table's entry points. open is open_with the configuration's state folder. */
int files_open(const struct backend_environment *environment, struct backend_instance **ret);
void files_close(struct backend_instance *instance);

/* -PLUTON_ENOMEM. What *options points to stays valid until close. */
int files_open_with(const struct backend_environment *environment,
		    const struct files_options *options, struct backend_instance **ret);

#endif
