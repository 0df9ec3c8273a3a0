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
	size_t wiped; /* bytes from the start that hold nothing any more */
	size_t used;  /* bytes from the start that may hold something, but for those */
};

/* -PLUTON_ENOMEM. A size of 0 is fine and holds nothing. */
int scratch_open(struct scratch *scratch, size_t size);

/* Wipes the first `end` bytes, while they are still in the nearest cache. */
void scratch_wipe_up_to(struct scratch *scratch, size_t end);

/* Wipes what was used; it is as new then. */
void scratch_wipe(struct scratch *scratch);

/* Wipes and unmaps; zeroed memory is fine too. */
void scratch_close(struct scratch *scratch);

#endif
