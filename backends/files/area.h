/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of one area: a header of 256 bytes, then the data. docs/nvmem-format.md has its layout.
 * What is not exactly as it was written is refused, never taken for missing.
 */
#ifndef PLUTON_FILES_AREA_H
#define PLUTON_FILES_AREA_H

#include "backends/files/place.h"
#include "hil/nv.h"

#define AREA_VERSION 1u
#define AREA_HEADER_SIZE 256u
#define AREA_DIGEST_SIZE 32u

/* What the header says. */
struct area {
	uint32_t capacity; /* bytes */
	uint32_t length;   /* bytes of data that follow */
	uint32_t locks;	   /* those that last */
	uint32_t generation;
	uint8_t digest[AREA_DIGEST_SIZE]; /* of the header, and so of everything */
};

/* Private memory for the data of one area at a time; to be wiped by who has it. */
struct scratch {
	uint8_t *bytes; /* FILES_AREA_MAX of them */
	size_t used;	/* that may have been written since it was wiped */
};

/* Says that the first `size` bytes are written now. */
void scratch_use(struct scratch *scratch, size_t size);

/*
 * Reads the file `file` in `folder`, which must be that owner's area of that name. `data` gets the
 * data from its start, or is NULL: then only the header is read and checked.
 * -PLUTON_ENODEVICE: there is none. -PLUTON_EFAIL, with a sentence: it is not to be trusted, or
 * cannot be read.
 */
int area_load(struct disk *disk, int folder, const char *file, const char *owner, const char *name,
	      struct area *ret, struct scratch *data);

/*
 * Makes the file `file` in `folder` with that content and syncs it; area->digest is filled in.
 * -PLUTON_EFAIL: there is no such file then.
 */
int area_store(struct disk *disk, int folder, const char *file, const char *owner, const char *name,
	       struct area *area, const uint8_t *data);

/* The same for the names of all files that could be areas'. `folder` -1: there are none. */
int areas_each(struct disk *disk, int folder, const char *owner,
	       int (*visit)(void *context, const char *name), void *context);

/* SHA-256. false: the library failed. */
bool area_hash(const void *bytes, size_t size, uint8_t ret_digest[AREA_DIGEST_SIZE]);

#endif
