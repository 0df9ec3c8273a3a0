/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device secret's places: a systemd credential, which comes first where there is one, or the
 * file STATE/fuses, whose bits only go from 0 to 1. What is in the file:
 *
 *   0    "PLFUSES1"
 *   8    24 bytes of zeros
 *   32   the device secret, 32 bytes
 *   64   the same inverted: of each pair of fuses exactly one is burnt, so a bit that was burnt
 * later shows, and a secret of zeros is not one that is missing 96   160 bytes of zeros, room for
 * counters that are burnt bit by bit 256  the end
 */
#ifndef PLUTON_BACKENDS_FUSES_H
#define PLUTON_BACKENDS_FUSES_H

#include <stddef.h>

#include "hil/fuses.h"

#define FUSES_FILE "fuses"
#define FUSES_FILE_SIZE 256u
#define FUSES_CREDENTIAL "pluton.device-secret" /* exactly the 32 bytes of the secret */

struct fuses_file {
	struct fuses fuses;
	const char *state;	 /* the state folder, which must be there */
	const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
	char why[640];
};

/* Both strings stay valid as long as the fuses are used. Touches nothing yet. */
void fuses_file_init(struct fuses_file *file, const char *state, const char *credentials);

#endif
