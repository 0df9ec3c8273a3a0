/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request as a worker carries it out, from the input that was pulled to the output that will be
 * pushed. It touches this struct, its two buffers and the disk, and nothing else.
 */
#ifndef PLUTON_FILES_JOB_H
#define PLUTON_FILES_JOB_H

#include "backends/files/change.h"

/* A list of changes: the data of FILES_AREA_MAX, and what stands around it. */
#define JOB_INPUT_SIZE (FILES_AREA_MAX + NV_CHANGES_MAX * (NV_CHANGE_HEADER_SIZE + NV_NAME_MAX))

struct job {
	struct disk disk;
	struct nv_request request;
	uint64_t ticket;
	struct repair repair;  /* to be made first; what is owed afterwards */
	uint32_t boot_locks;   /* of the area in the request */
	bool settled;	       /* place_settle has succeeded since the start */
	uint8_t *input;	       /* JOB_INPUT_SIZE; request.length bytes of it were pulled */
	struct scratch image;  /* an area's data */
	unsigned change_count; /* NV_COMMIT */
	struct nv_change changes[NV_CHANGES_MAX];
	uint32_t change_locks[NV_CHANGES_MAX]; /* those of them until the next start */

	/* what came out; the output is at the start of `input` */
	size_t output_length;
	struct nv_status status;
};

/* What the HIL's done reports. Both buffers are wiped but for the output. */
int job_run(struct job *job);

/* Wipes image and input, but for the output; for a job that is not to be run after all. */
void job_wipe(struct job *job);

/* true: it changes what is on the disk. */
bool job_changes(const struct job *job);

#endif
