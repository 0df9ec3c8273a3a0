/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file or standard input, read forward. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_INPUT_H
#define PLUTON_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	int fd;
	const char *name; /* the path, or "-" */
	uint64_t size;	  /* bytes still to come, for a progress bar; 0: unknown */
};

#define INPUT_NONE                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * What one command reads, NULL for what it does not: standard input ends only once, and who read
 * it again would find nothing. CLI_USAGE if more than one is "-".
 */
int input_check(const char *const *paths, size_t count);

/* "-" is standard input. */
int input_open(struct input *input, const char *path);
void input_close(struct input *input);

/* Fills the buffer, if there is so much: *ret_length < size only at the end. */
int input_read(const struct input *input, void *buffer, size_t size, size_t *ret_length);

#endif
