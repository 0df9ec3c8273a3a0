/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing by copies, so that no realloc leaves a secret behind.
 */
#include "cli/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "cli/failure.h"

#define ROOM_FIRST ((size_t)64 << 10) /* bytes for an input of unknown size */

void buffer_free(struct buffer *buffer)
{
	if (buffer->data)
		explicit_bzero(buffer->data, buffer->room);
	free(buffer->data);
	*buffer = (struct buffer){0};
}

static bool buffer_grow(struct buffer *buffer, size_t room)
{
	struct buffer larger = {malloc(room), room, buffer->length};

	if (!larger.data)
		return false;
	if (buffer->data)
		memcpy(larger.data, buffer->data, buffer->length);
	buffer_free(buffer);
	*buffer = larger;
	return true;
}

int buffer_read(const struct input *input, size_t max, struct buffer *ret, bool *ret_fits)
{
	size_t room = MIN(input->size > 0 ? (size_t)input->size + 1 : ROOM_FIRST, max + 1);
	size_t piece = 0;
	int status;

	*ret_fits = input->size <= max;
	while (*ret_fits) {
		if (!buffer_grow(ret, room))
			return fail_system(ENOMEM, "no memory, %s, free some", input->name);
		status = input_read(input, ret->data + ret->length, room - ret->length, &piece);
		if (status != CLI_DONE)
			return status;
		ret->length += piece;
		*ret_fits = ret->length <= max;
		if (ret->length < ret->room)
			break;
		room = MIN(2 * room, max + 1);
	}
	return CLI_DONE;
}

int buffer_read_file(const char *path, size_t max, struct buffer *ret, bool *ret_fits)
{
	struct input input = INPUT_NONE;
	int status = input_open(&input, path);

	*ret_fits = true;
	if (status == CLI_DONE)
		status = buffer_read(&input, max, ret, ret_fits);
	input_close(&input);
	return status;
}
