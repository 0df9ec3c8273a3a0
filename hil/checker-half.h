/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a typed half of the contract checker is made of, where nothing is peculiar to its HIL: each
 * callback asks, passes on, and tells. `hil` is the word in struct hil##_client, `call` is the
 * callback's enum checker_call.
 */
#ifndef PLUTON_HIL_CHECKER_HALF_H
#define PLUTON_HIL_CHECKER_HALF_H

#include "hil/checker-core.h"

#define CHECKER_OF_CLIENT(hil)                                                                     \
	static struct checker_slot *of_client(struct hil##_client *client)                         \
	{                                                                                          \
		return (struct checker_slot *)(void *)client;                                      \
	}

/* Bytes at a cursor; `buffer` is the type of what they are in: uint8_t *, or const for a push. */
#define CHECKER_MOVES(hil, name, call, buffer)                                                     \
	static ssize_t name(struct hil##_client *client, buffer buf, size_t len, size_t cursor)    \
	{                                                                                          \
		struct checker_slot *slot = of_client(client);                                     \
		struct hil##_client *outer = slot->outer;                                          \
                                                                                                   \
		if (!checker_may_move(slot, call, len, cursor))                                    \
			return -PLUTON_EFAIL;                                                      \
		return checker_moved(slot, call, len, outer->ops->name(outer, buf, len, cursor));  \
	}
#define CHECKER_PULLS(hil, name, call) CHECKER_MOVES(hil, name, call, uint8_t *)
#define CHECKER_PUSHES(hil, name, call) CHECKER_MOVES(hil, name, call, const uint8_t *)

/* Memory at a cursor. */
#define CHECKER_LENDS(hil, name, call, lent)                                                       \
	static lent name(struct hil##_client *client, size_t cursor, size_t *ret_len)              \
	{                                                                                          \
		struct checker_slot *slot = of_client(client);                                     \
		struct hil##_client *outer = slot->outer;                                          \
		lent memory;                                                                       \
                                                                                                   \
		if (!checker_may_lend(slot, call, cursor))                                         \
			return NULL;                                                               \
		memory = outer->ops->name(outer, cursor, ret_len);                                 \
		checker_lent(slot, call, cursor, memory, ret_len);                                 \
		return memory;                                                                     \
	}

/* What moves whole. */
#define CHECKER_MOVES_WHOLE(hil, name, call, buffer)                                               \
	static int name(struct hil##_client *client, buffer buf, size_t len)                       \
	{                                                                                          \
		struct checker_slot *slot = of_client(client);                                     \
		struct hil##_client *outer = slot->outer;                                          \
                                                                                                   \
		if (!checker_may_move_whole(slot, call, len))                                      \
			return -PLUTON_EFAIL;                                                      \
		return checker_moved_whole(slot, call, outer->ops->name(outer, buf, len));         \
	}
#define CHECKER_PULLS_WHOLE(hil, name, call) CHECKER_MOVES_WHOLE(hil, name, call, uint8_t *)
#define CHECKER_PUSHES_WHOLE(hil, name, call) CHECKER_MOVES_WHOLE(hil, name, call, const uint8_t *)

/* The end of an operation, and of the engine behind it what `prepare` may want to know. */
#define CHECKER_ENDS(hil)                                                                          \
	static void done(struct hil##_client *client, int result)                                  \
	{                                                                                          \
		checker_done(of_client(client), result);                                           \
	}                                                                                          \
	static struct hil##_engine *inner_of(const struct checker *checker)                        \
	{                                                                                          \
		return (struct hil##_engine *)(void *)checker->inner;                              \
	}

/* Needs attach() and prepare(): makes checker_hil_type, and start() and cancel() of its engine. */
#define CHECKER_TYPE(hil)                                                                          \
	static int start_inner(struct checker_slot *slot, const void *request)                     \
	{                                                                                          \
		struct hil##_engine *inner = inner_of(slot->checker);                              \
                                                                                                   \
		return inner->ops->start(inner, request, &slot->client.hil);                       \
	}                                                                                          \
	static int cancel_inner(struct checker_slot *slot)                                         \
	{                                                                                          \
		struct hil##_engine *inner = inner_of(slot->checker);                              \
                                                                                                   \
		return inner->ops->cancel(inner, &slot->client.hil);                               \
	}                                                                                          \
	static void done_outer(void *client, int result)                                           \
	{                                                                                          \
		struct hil##_client *outer = client;                                               \
                                                                                                   \
		outer->ops->done(outer, result);                                                   \
	}                                                                                          \
	const struct checker_type checker_##hil##_type = {                                         \
		.check = hil##_check,                                                              \
		.attach = attach,                                                                  \
		.prepare = prepare,                                                                \
		.start = start_inner,                                                              \
		.cancel = cancel_inner,                                                            \
		.done = done_outer,                                                                \
	};                                                                                         \
	static int start(struct hil##_engine *engine, const struct hil##_request *request,         \
			 struct hil##_client *client)                                              \
	{                                                                                          \
		return checker_start((struct checker *)(void *)engine, request, client);           \
	}                                                                                          \
	static int cancel(struct hil##_engine *engine, struct hil##_client *client)                \
	{                                                                                          \
		return checker_cancel((struct checker *)(void *)engine, client);                   \
	}

#endif
