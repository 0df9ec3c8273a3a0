/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a file or of standard input. It may be a secret: buffer_free wipes it. Fails as
 * cli/failure.h says.
 */
#ifndef PLUTON_CLI_BUFFER_H
#define PLUTON_CLI_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/input.h"

struct buffer {
	uint8_t *data;
	size_t room;   /* bytes */
	size_t length; /* of them that are filled */
};

void buffer_free(struct buffer *buffer);

/*
 * All of it, but never more than one byte over `max`, by which it is known to be too long:
 * *ret_fits is false then, and what to say about it is the caller's.
 */
int buffer_read(const struct input *input, size_t max, struct buffer *ret, bool *ret_fits);

/* The same of a file by its name, "-" is standard input. */
int buffer_read_file(const char *path, size_t max, struct buffer *ret, bool *ret_fits);

#endif
