/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that an app runs: looked up, opened once, and, where its definition says so, compared
 * with a hash a piece at a time. What is executed is the opened file, so that nothing can be put in
 * its place between the look and the start.
 */
#ifndef PLUTON_FORK_PROGRAM_H
#define PLUTON_FORK_PROGRAM_H

#include "backends/apps/definition.h"

#define PROGRAM_PIECE (16u * 1024) /* bytes that are hashed in one deferred call */

struct evp_md_ctx_st;

struct program {
	char *path; /* as it was found; NULL: nothing is open */
	int fd;
	struct evp_md_ctx_st *hash; /* under way; NULL: none */
};

/*
 * Opens the definition's program; one without '/' is looked up in `folders` (ended by NULL).
 * A negative error with a sentence of at most `size` bytes in `reason`.
 */
int program_open(struct program *program, const struct definition *definition,
		 const char *const *folders, char *reason, size_t size);

/* The next piece. 1: call again. 0: it is what the definition says. Negative as above. */
int program_check(struct program *program, const struct definition *definition, char *reason,
		  size_t size);

void program_close(struct program *program);

#endif
