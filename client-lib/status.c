/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States that are asked for: each has room for its row as it is sent and as the caller gets it, so
 * that a row which makes no sense leaves the caller's memory as it was.
 */
#include "client-lib/status.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"

struct asked {
	struct status status;
	uint8_t *row;	/* behind the wire bytes; as bytes, which need no alignment */
	uint8_t wire[]; /* as they are sent */
};

static struct asked *asked_new(const struct status *status)
{
	size_t size = status->layout->size;
	struct asked *asked = calloc(1, sizeof(*asked) + 2 * size);

	if (!asked)
		return NULL;
	asked->status = *status;
	asked->row = asked->wire + size;
	return asked;
}

static struct pluton_request whole_request(const struct pluton_request *request,
					   struct asked *asked)
{
	struct pluton_request whole = *request;

	whole.slots[STATUS_SLOT_ROW] =
		(struct pluton_slot){.out = asked->wire, .length = asked->status.layout->size};
	return whole;
}

/* `r` is what the daemon answered. */
static int take_row(struct pluton *pluton, struct asked *asked, int r)
{
	const struct row_layout *layout = asked->status.layout;

	if (r == 0 && row_decode(layout, asked->wire, asked->row) < 0)
		r = connection_fail(pluton, -PLUTON_EBADRVAL, "a row makes no sense");
	if (r == 0)
		memcpy(asked->status.ret, asked->row, layout->size);
	return r;
}

int status_perform(struct pluton *pluton, const struct pluton_request *request,
		   const struct row_layout *layout, void *ret)
{
	const struct status status = {.layout = layout, .ret = ret};
	struct asked *asked = asked_new(&status);
	struct pluton_request whole;
	int r;

	if (!asked)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a row");
	whole = whole_request(request, asked);
	r = operation_perform(pluton, &whole, REPEAT_ALWAYS, NULL);
	r = take_row(pluton, asked, r);
	free(asked);
	return r;
}

static void answered(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct asked *asked = userdata;
	const struct status status = asked->status;
	int r = take_row(pluton, asked, answer->status);

	free(asked);
	if (status.done)
		status.done(pluton, r, status.userdata);
}

int status_submit(struct pluton *pluton, const struct pluton_request *request,
		  const struct status *status, pluton_operation_id *ret_id)
{
	struct asked *asked = asked_new(status);
	const struct completion completion = {.told = answered, .drop = free, .userdata = asked};
	struct pluton_request whole;
	int r;

	if (!asked)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a row");
	whole = whole_request(request, asked);
	r = operation_submit(pluton, &whole, &completion, ret_id);
	if (r < 0)
		free(asked);
	return r;
}
