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

/* pluton_perform and operation_submit; -PLUTON_ERESERVE: the stream's connection is gone. */
int stream_perform(struct pluton *pluton, const struct pluton_request *request,
		   uint32_t connection);
int stream_submit(struct pluton *pluton, const struct pluton_request *request, uint32_t connection,
		  const struct completion *completion, pluton_operation_id *ret_id);

#endif
