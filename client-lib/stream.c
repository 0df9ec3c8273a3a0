/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about streams: none goes to another connection than the one its stream was begun on.
 */
#include "client-lib/stream.h"

#include "client-lib/connection.h"

int stream_begin(struct pluton *pluton, const struct pluton_request *request, uint32_t *ret_number,
		 uint32_t *ret_connection)
{
	struct answer answer;
	int r = operation_perform_answer(pluton, request, REPEAT_ALWAYS, &answer);

	if (r < 0)
		return r;
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
	int r = check(pluton, connection);

	return r < 0 ? r : operation_perform(pluton, request, REPEAT_NEVER, NULL);
}

int stream_submit(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		  const struct completion *completion, pluton_operation_id *ret_id)
{
	int r = check(pluton, connection);

	return r < 0 ? r : operation_submit(pluton, request, completion, ret_id);
}
