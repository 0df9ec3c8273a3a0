/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about streams: none goes to another connection than the one its stream was begun on.
 */
#include "client-lib/stream.h"

#include <string.h>

#include "client-lib/connection.h"

#define PIECE_SIZE ((size_t)1 << 20) /* of ordinary memory in one request */

bool stream_is_needless(const struct pluton *pluton, const void *input, size_t length)
{
	struct pluton_range range;

	return length <= PIECE_SIZE || pluton_range_of(pluton, input, length, &range) == 0;
}

int stream_begin(struct pluton *pluton, const struct pluton_request *request, uint32_t *ret_number,
		 uint32_t *ret_connection)
{
	struct answer answer;
	int r = operation_perform_answer(pluton, request, REPEAT_ALWAYS, &answer);

	if (r < 0)
		return r;
	pluton->streams_begun++;
	*ret_number = answer.words[1];
	*ret_connection = answer.connection;
	return 0;
}

static int check(struct pluton *pluton, uint32_t connection)
{
	if (pluton->error != 0 && !reconnect_wanted(pluton))
		return pluton->error;
	if (pluton->error == 0 && connection == pluton->reconnect.connection)
		return 0;
	return connection_refuse(pluton, -PLUTON_ERESERVE,
				 "the daemon was restarted: the stream is gone, begin again");
}

int stream_perform(struct pluton *pluton, const struct pluton_request *request, uint32_t connection)
{
	return stream_perform_explained(pluton, request, connection, NULL);
}

int stream_perform_explained(struct pluton *pluton, const struct pluton_request *request,
			     uint32_t connection, const char *invalid)
{
	int r = check(pluton, connection);

	return r < 0 ? r : operation_perform_explained(pluton, request, REPEAT_NEVER, invalid);
}

int stream_take_in(struct pluton *pluton, struct pluton_request *request, unsigned slot,
		   const void *input, size_t length, uint32_t connection)
{
	const uint8_t *at = input;
	int r;

	do {
		size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;

		request->slots[slot] = (struct pluton_slot){.in = at, .length = piece};
		r = stream_perform(pluton, request, connection);
		at = piece > 0 ? at + piece : at;
		length -= piece;
	} while (r == 0 && length > 0);
	return r;
}

int stream_submit(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		  const struct completion *completion, pluton_operation_id *ret_id)
{
	int r = check(pluton, connection);

	return r < 0 ? r : operation_submit(pluton, request, completion, ret_id);
}

void stream_drop(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		 uint32_t begun)
{
	char message[CONNECTION_MESSAGE_SIZE];

	if (pluton->error != 0 || connection != pluton->reconnect.connection)
		return; /* it went with its connection */
	if (begun != pluton->streams_begun)
		return;
	memcpy(message, pluton->message, sizeof(message));
	(void)stream_perform(pluton, request, connection);
	if (pluton->error == 0)
		memcpy(pluton->message, message, sizeof(message));
}
