/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a capsule that is a client of its HIL is made of, where nothing is peculiar to it: callbacks
 * that pass on what is in a slot, the choice of an engine, and turns at it. `hil` is the word in
 * struct hil##_client; struct hil##_operation, an operation's state, is the capsule's own and has
 * client (first), op, engine and request, with streams also stream.
 */
#ifndef PLUTON_SVC_CAPSULE_HALF_H
#define PLUTON_SVC_CAPSULE_HALF_H

#include <assert.h>
#include <stddef.h>

#include "daemon/kernel/capsule.h"

#define CAPSULE_OF_CLIENT(hil)                                                                     \
	static_assert(offsetof(struct hil##_operation, client) == 0, "one is the other");          \
	static struct hil##_operation *of_client(struct hil##_client *client)                      \
	{                                                                                          \
		return (struct hil##_operation *)(void *)client;                                   \
	}

/* Bytes of a slot, at a cursor. */
#define CAPSULE_PULLS(hil, name, slot)                                                             \
	static ssize_t name(struct hil##_client *client, uint8_t *buf, size_t len, size_t cursor)  \
	{                                                                                          \
		return op_read(of_client(client)->op, slot, cursor, buf, len);                     \
	}
#define CAPSULE_PUSHES(hil, name, slot)                                                            \
	static ssize_t name(struct hil##_client *client, const uint8_t *buf, size_t len,           \
			    size_t cursor)                                                         \
	{                                                                                          \
		return op_write(of_client(client)->op, slot, cursor, buf, len);                    \
	}

/* A slot's memory, to be read. */
#define CAPSULE_LENDS(hil, name, slot)                                                             \
	static const uint8_t *name(struct hil##_client *client, size_t cursor, size_t *ret_len)    \
	{                                                                                          \
		return op_lend_ro(of_client(client)->op, slot, cursor, ret_len);                   \
	}

/* A slot that moves whole. */
#define CAPSULE_PULLS_WHOLE(hil, name, slot)                                                       \
	static int name(struct hil##_client *client, uint8_t *buf, size_t len)                     \
	{                                                                                          \
		return op_read_all(of_client(client)->op, slot, buf, len);                         \
	}
#define CAPSULE_PUSHES_WHOLE(hil, name, slot)                                                      \
	static int name(struct hil##_client *client, const uint8_t *buf, size_t len)               \
	{                                                                                          \
		return op_write_all(of_client(client)->op, slot, buf, len);                        \
	}

/* pull_state and push_state: a stream's state lies in the client's grant. */
#define CAPSULE_KEEPS_STATE(hil)                                                                   \
	static int pull_state(struct hil##_client *client, uint8_t *exported, size_t len)          \
	{                                                                                          \
		return stream_load(of_client(client)->op, of_client(client)->stream, exported,     \
				   len);                                                           \
	}                                                                                          \
	static int push_state(struct hil##_client *client, const uint8_t *exported, size_t len)    \
	{                                                                                          \
		return stream_store(of_client(client)->op, of_client(client)->stream, exported,    \
				    len);                                                          \
	}

/*
 * Needs explain(state, caps, error), which gives an engine's refusal a sentence. The rest is the
 * sentence for a port without engines, printf-like.
 */
#define CAPSULE_SELECTS(hil, port_index, ...)                                                      \
	static int select_engine(struct hil##_operation *state)                                    \
	{                                                                                          \
		const struct hil_port *port = op_port(state->op, port_index);                      \
		struct hil_engine *engine;                                                         \
		int r = hil_select(port, &state->request, hil##_check, &engine);                   \
		const void *asked = hil_last_asked(port);                                          \
                                                                                                   \
		if (r == -PLUTON_ENODEVICE)                                                        \
			return op_refuse(state->op, r, __VA_ARGS__);                               \
		if (r < 0)                                                                         \
			return explain(state, &((const struct hil##_engine *)asked)->caps, r);     \
		state->engine = (struct hil##_engine *)(void *)engine;                             \
		return 0;                                                                          \
	}

/* Work of seconds has turns of its own. */
static inline int request_turn(struct operation *op, struct hil_engine *engine, const void *request,
			       void (*granted)(struct operation *op))
{
	return hil_is_slow(engine, request) ? op_engine_request_slow(op, engine, granted)
					    : op_engine_request(op, engine, granted);
}

/* granted and cancel. What no engine has begun ends in `end`, which is called as done is. */
#define CAPSULE_TURNS_ENDED_BY(hil, end)                                                           \
	static void granted(struct operation *op)                                                  \
	{                                                                                          \
		struct hil##_operation *state = op_state(op);                                      \
		int r = state->engine->ops->start(state->engine, &state->request, &state->client); \
                                                                                                   \
		if (r < 0)                                                                         \
			end(&state->client, r);                                                    \
	}                                                                                          \
	static void cancel(struct operation *op)                                                   \
	{                                                                                          \
		struct hil##_operation *state = op_state(op);                                      \
                                                                                                   \
		if (op_engine_withdraw(op))                                                        \
			end(&state->client, -PLUTON_ECANCEL);                                      \
		else                                                                               \
			state->engine->ops->cancel(state->engine, &state->client);                 \
	}

/* The same where that leaves nothing behind. */
#define CAPSULE_TURNS(hil)                                                                         \
	static void end_unbegun(struct hil##_client *client, int error)                            \
	{                                                                                          \
		op_done(of_client(client)->op, error, 0, 0);                                       \
	}                                                                                          \
	CAPSULE_TURNS_ENDED_BY(hil, end_unbegun)

/* The next piece of a claimed stream. `checked` is what the capsule thinks of it, 0 or a refusal.
 */
#define CAPSULE_GOES_ON(hil)                                                                       \
	static int run_on_stream(struct hil##_operation *state, int checked)                       \
	{                                                                                          \
		struct hil_engine *engine = &state->engine->head;                                  \
		int r = checked;                                                                   \
                                                                                                   \
		if (r == 0)                                                                        \
			r = hil##_check(engine, &state->request);                                  \
		if (r < 0 && checked == 0)                                                         \
			r = explain(state, &state->engine->caps, r);                               \
		return stream_engine_request(state->op, state->stream, r, engine, granted);        \
	}

#endif
