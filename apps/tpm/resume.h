/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TPM starts with: the permanent state that nvmem has, and the snapshot of the program that
 * ran before, if there is one and both belong together.
 */
#ifndef PLUTON_TPMD_RESUME_H
#define PLUTON_TPMD_RESUME_H

#include <stdbool.h>

#include "apps/tpm/snapshot.h"

/* nvmem's area "permanent"; size 0: there is none. */
struct resume_area {
	const uint8_t *bytes;
	size_t size;
};

enum resume_kind {
	RESUME_MANUFACTURE, /* no permanent state: a new TPM */
	RESUME_POWER_ON,    /* the area's permanent state alone */
	RESUME_GO_ON,	    /* the snapshot's permanent and volatile state */
};

struct resume {
	enum resume_kind kind;
	struct permanent permanent; /* of the state that is used; zeroes if it is a new TPM */
	const uint8_t *image;	    /* the same as bytes: in the area, or in the snapshot */
	const char *dropped;	    /* why a snapshot that was given is not used; NULL: it is */
	const char *refused;	    /* why nothing can be started */
};

/*
 * Decides; changes nothing. `snapshot` may be NULL. A negative error, with ret->refused: the area
 * is there and cannot be used, so nothing may be started, and nothing written over it:
 * -PLUTON_ENOSUPPORT: it is of a newer Pluton. -PLUTON_EINVAL: it is damaged.
 */
int resume_decide(struct resume_area area, struct snapshot *snapshot, struct resume *ret);

#endif
