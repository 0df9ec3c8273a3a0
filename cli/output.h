/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file or standard output. A file appears whole, at output_commit, or not at all: it is written
 * under another name in the same folder. What is there and is no regular file (a pipe, /dev/null)
 * is written to directly. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_OUTPUT_H
#define PLUTON_CLI_OUTPUT_H

#include <stddef.h>

struct output {
	int fd;
	const char *name; /* as it was given, or "-" */
	char *target;	  /* with symbolic links resolved; NULL: written directly */
	char *temporary;  /* until committed */
};

#define OUTPUT_NONE                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * "-" is standard output. An existing file keeps its permissions, and must be writable. One output
 * at a time: an ending signal removes its temporary file.
 */
int output_open(struct output *output, const char *path);

/* The same for a secret: only its owner may read the file, also where one was there already. */
int output_open_secret(struct output *output, const char *path);

int output_write(const struct output *output, const void *bytes, size_t length);
int output_commit(struct output *output);

/* All of it at once: open, write, commit, close. */
int output_whole(const char *path, const void *bytes, size_t length);
int output_whole_secret(const char *path, const void *bytes, size_t length);

/* Removes what was not committed. */
void output_close(struct output *output);

#endif
