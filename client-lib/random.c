/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers: the driver's one command, in pieces where more is wanted than it gives at once.
 */
#include <pluton/random.h>

#include "client-lib/operation.h"

#define COMMAND_GET 1u
#define SLOT_OUTPUT 0
#define PIECE_SIZE ((size_t)1 << 20) /* the driver's limit for one request */

static struct pluton_request get_request(void *buffer, size_t length)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_RANDOM,
		.command = COMMAND_GET,
		.slots[SLOT_OUTPUT] = {.out = buffer, .length = length},
	};
}

int pluton_random(struct pluton *pluton, void *buffer, size_t length)
{
	uint8_t *at = buffer;
	int r = 0;

	while (length > 0 && r == 0) {
		size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;
		struct pluton_request request = get_request(at, piece);

		r = operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
		at += piece;
		length -= piece;
	}
	return r;
}

int pluton_random_async(struct pluton *pluton, void *buffer, size_t length, pluton_done_fn done,
			void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = get_request(buffer, length);

	return operation_submit(pluton, &request, &completion, ret_id);
}
