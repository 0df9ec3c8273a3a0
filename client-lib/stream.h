/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about streams. The daemon numbers a process's streams from 0, so after a restart the
 * number of a stream that is gone is that of another one: a stream is named by its number and the
 * connection it was begun on.
 */
#ifndef PLUTON_CLIENT_STREAM_H
#define PLUTON_CLIENT_STREAM_H

#include <stdint.h>

#include "client-lib/operation.h"

/* Performs a command that begins a stream, whose number is word 1 of the answer. */
int stream_begin(struct pluton *pluton, const struct pluton_request *request, uint32_t *ret_number,
		 uint32_t *ret_connection);

/* true: the message needs no stream, it is short or lies where the daemon sees it. */
bool stream_is_needless(const struct pluton *pluton, const void *input, size_t length);

/* Performs the command once for each piece of a message without output, at least once. */
int stream_take_in(struct pluton *pluton, struct pluton_request *request, unsigned slot,
		   const void *input, size_t length, uint32_t connection);

/* pluton_perform and operation_submit; -PLUTON_ERESERVE: the stream's connection is gone. */
int stream_perform(struct pluton *pluton, const struct pluton_request *request,
		   uint32_t connection);
int stream_perform_explained(struct pluton *pluton, const struct pluton_request *request,
			     uint32_t connection, const char *invalid);
int stream_submit(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		  const struct completion *completion, pluton_operation_id *ret_id);

/*
 * Performs the Abort of a stream after something failed on it: that has ended it if an engine had
 * begun, and not if it was refused before. The message is that of the failure still. `begun` is
 * streams_begun as it was with this stream: a callback may have begun another since, which may have
 * its number.
 */
void stream_drop(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		 uint32_t begun);

#endif
