/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of any length through the daemon in constant memory: while one piece is worked on, the
 * one before is written and the next is read. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_STREAM_H
#define PLUTON_CLI_STREAM_H

#include <pluton/pluton.h>
#include <stddef.h>

#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"

struct stream {
	struct session *session;
	struct input *input;
	struct output *output; /* NULL: the pieces give nothing out */
	const char *what;      /* for messages: "cannot hash" */
	const char *on_size;   /* for messages: what -PLUTON_ESIZE means; NULL: nothing special */
	/* Starts on one piece, as the library's …_update_async. `out` is NULL without output. */
	int (*start)(struct pluton *pluton, void *context, const void *in, void *out, size_t length,
		     pluton_done_fn done, void *userdata);
	void *context;
	/*
	 * Optional. The first may add up to 16 bytes to the end of the input; the second takes a
	 * part off the end of the output, which is all of its last piece, or fails with a status.
	 */
	size_t (*end_input)(void *piece, size_t length);
	int (*end_output)(const struct stream *stream, const void *piece, size_t *length);
};

int stream_run(const struct stream *stream);

#endif
