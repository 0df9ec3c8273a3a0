/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: who may use one now, and the bytes that lie in it between operations. Grants do the
 * rest, so this file sees of the kernel what a capsule does.
 */
#include <string.h>

#include "daemon/kernel/capsule.h"

/* What goes into a grant or comes out of one. */
struct transfer {
	const void *from;
	void *to;
	size_t size;
	size_t state_size; /* of a new one */
};

static int enter(struct operation *op, uint32_t stream, grant_fn fn, void *arg)
{
	return grant_enter(op_driver(op), op_process(op), stream, false, fn, arg);
}

static int open_one(void *grant, void *arg)
{
	const struct transfer *about = arg;
	struct stream *stream = grant;

	stream->busy = true;
	stream->state_size = (uint16_t)about->state_size;
	stream->about_size = (uint8_t)about->size;
	memcpy(stream->bytes, about->from, about->size);
	return 0;
}

int stream_open(struct operation *op, const void *about, size_t size, size_t state_size,
		uint32_t *ret_stream)
{
	struct transfer transfer = {.from = about, .size = size, .state_size = state_size};
	int r = grant_new(op_driver(op), op_process(op), sizeof(struct stream) + size + state_size,
			  ret_stream, open_one, &transfer);

	if (r == -PLUTON_EBUSY)
		return op_refuse(op, r, "grants_per_capsule streams are open");
	if (r == -PLUTON_ENOMEM)
		return op_refuse(op, r, "no memory for a stream");
	return r;
}

static int claim_one(void *grant, void *arg)
{
	const struct transfer *about = arg;
	struct stream *stream = grant;

	if (stream->busy)
		return -PLUTON_EBUSY;
	stream->busy = true;
	memcpy(about->to, stream->bytes, about->size);
	return 0;
}

int stream_claim(struct operation *op, uint32_t stream, void *ret_about, size_t size)
{
	struct transfer transfer = {.to = ret_about, .size = size};
	int r = enter(op, stream, claim_one, &transfer);

	if (r == -PLUTON_ERESERVE)
		return op_refuse(op, r, "stream %u is not open", stream);
	if (r == -PLUTON_EBUSY)
		return op_refuse(op, r, "stream %u is in use", stream);
	return r;
}

int stream_engine_request(struct operation *op, uint32_t stream, int checked,
			  struct hil_engine *engine, void (*granted)(struct operation *op))
{
	int r = checked < 0 ? checked : op_engine_request(op, engine, granted);

	if (r < 0)
		stream_park(op, stream);
	return r;
}

static int park_one(void *grant, void *arg)
{
	struct stream *stream = grant;

	(void)arg;
	stream->busy = false;
	return 0;
}

void stream_park(struct operation *op, uint32_t stream)
{
	(void)enter(op, stream, park_one, NULL);
}

void stream_close(struct operation *op, uint32_t stream)
{
	(void)grant_free(op_driver(op), op_process(op), stream);
}

int stream_abort(struct operation *op, uint32_t stream)
{
	uint8_t about;
	int r = stream_claim(op, stream, &about, sizeof(about));

	if (r < 0)
		return r;
	stream_close(op, stream);
	op_done(op, 0, 0, 0);
	return 0;
}

void stream_leave(struct operation *op, uint32_t stream, enum hil_phase phase, int result)
{
	if (phase == HIL_ONE_SHOT)
		return;
	if (result == 0 && !(phase & HIL_LAST))
		stream_park(op, stream);
	else
		stream_close(op, stream);
}

/* A device that came back may have states of another size than this stream was opened for. */
static int load_one(void *grant, void *arg)
{
	const struct transfer *state = arg;
	const struct stream *stream = grant;

	if (state->size != stream->state_size)
		return -PLUTON_ENODEVICE;
	memcpy(state->to, stream->bytes + stream->about_size, state->size);
	return 0;
}

int stream_load(struct operation *op, uint32_t stream, uint8_t *ret_state, size_t size)
{
	struct transfer transfer = {.to = ret_state, .size = size};

	return enter(op, stream, load_one, &transfer);
}

static int store_one(void *grant, void *arg)
{
	const struct transfer *state = arg;
	struct stream *stream = grant;

	if (state->size != stream->state_size)
		return -PLUTON_ENODEVICE;
	memcpy(stream->bytes + stream->about_size, state->from, state->size);
	return 0;
}

int stream_store(struct operation *op, uint32_t stream, const uint8_t *state, size_t size)
{
	struct transfer transfer = {.from = state, .size = size};

	return enter(op, stream, store_one, &transfer);
}
