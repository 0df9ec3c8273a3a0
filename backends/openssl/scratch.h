/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch: private memory for plaintext whose tag is not verified yet. Locked where the limits
 * allow, never in a core dump, touched only where used, wiped after every use.
 */
#ifndef PLUTON_OPENSSL_SCRATCH_H
#define PLUTON_OPENSSL_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

struct scratch {
	uint8_t *memory;
	size_t size;
	size_t used; /* bytes from the start that may hold something */
};

/* -PLUTON_ENOMEM. A size of 0 is fine and holds nothing. */
int scratch_open(struct scratch *scratch, size_t size);

/* Wipes what was used. */
void scratch_wipe(struct scratch *scratch);

/* Wipes and unmaps; zeroed memory is fine too. */
void scratch_close(struct scratch *scratch);

#endif
