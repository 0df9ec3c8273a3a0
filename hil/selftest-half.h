/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glue of the typed halves of the self test: callbacks that hand over what is known.
 */
#ifndef PLUTON_HIL_SELFTEST_HALF_H
#define PLUTON_HIL_SELFTEST_HALF_H

#include "hil/selftest-core.h"

#define SELFTEST_PULLS_WHOLE(hil, name, item)                                                      \
	static int name(struct hil##_client *client, uint8_t *buf, size_t len)                     \
	{                                                                                          \
		return known_pull((struct selftest_run *)(void *)client, item, buf, len);          \
	}
#define SELFTEST_PUSHES_WHOLE(hil, name, item)                                                     \
	static int name(struct hil##_client *client, const uint8_t *buf, size_t len)               \
	{                                                                                          \
		return known_push((struct selftest_run *)(void *)client, item, buf, len);          \
	}
#define SELFTEST_PULLS(hil, name, item)                                                            \
	static ssize_t name(struct hil##_client *client, uint8_t *buf, size_t len, size_t cursor)  \
	{                                                                                          \
		return known_pull_at((struct selftest_run *)(void *)client, item, buf, len,        \
				     cursor);                                                      \
	}
#define SELFTEST_PUSHES(hil, name, item)                                                           \
	static ssize_t name(struct hil##_client *client, const uint8_t *buf, size_t len,           \
			    size_t cursor)                                                         \
	{                                                                                          \
		return known_push_at((struct selftest_run *)(void *)client, item, buf, len,        \
				     cursor);                                                      \
	}

/* What the kind's table wants besides its answers. */
#define SELFTEST_ENGINE(hil)                                                                       \
	static void hil##_over(struct hil##_client *client, int result)                            \
	{                                                                                          \
		selftest_done((struct selftest_run *)(void *)client, result);                      \
	}                                                                                          \
	static int start(struct hil##_engine *engine, const struct hil##_request *request,         \
			 struct hil##_client *client)                                              \
	{                                                                                          \
		return selftest_start(&engine->head, request, client);                             \
	}                                                                                          \
	static int cancel(struct hil##_engine *engine, struct hil##_client *client)                \
	{                                                                                          \
		return selftest_cancel(&engine->head, client);                                     \
	}                                                                                          \
	static int start_inner(struct hil_engine *head, const void *request, void *client)         \
	{                                                                                          \
		struct hil##_engine *inner = (struct hil##_engine *)(void *)head;                  \
                                                                                                   \
		return inner->ops->start(inner, request, client);                                  \
	}                                                                                          \
	static int cancel_inner(struct hil_engine *head, void *client)                             \
	{                                                                                          \
		struct hil##_engine *inner = (struct hil##_engine *)(void *)head;                  \
                                                                                                   \
		return inner->ops->cancel(inner, client);                                          \
	}                                                                                          \
	static void done_outer(void *client, int result)                                           \
	{                                                                                          \
		struct hil##_client *outer = client;                                               \
                                                                                                   \
		outer->ops->done(outer, result);                                                   \
	}

/* Is the request's key in a slot? */
#define SELFTEST_KEYS(hil)                                                                         \
	static bool in_slot(const void *request)                                                   \
	{                                                                                          \
		return ((const struct hil##_request *)request)->key.kind == HIL_KEY_SLOT;          \
	}

/* Makes open_engine, of whose engine the ops are start, cancel and what is passed on besides. */
#define SELFTEST_OPENS(hil, ...)                                                                   \
	static void open_engine(struct selftest *selftest)                                         \
	{                                                                                          \
		static const struct hil##_engine_ops ops = {                                       \
			.start = start, .cancel = cancel, __VA_ARGS__};                            \
                                                                                                   \
		selftest->engine.hil =                                                             \
			*(const struct hil##_engine *)(const void *)selftest->inner;               \
		selftest->engine.hil.ops = &ops;                                                   \
	}
/* Needs names, algorithm_of, offered, prepare, open_engine. */
#define SELFTEST_MEMBERS(hil, slots)                                                               \
	.names = names, .algorithm_of = algorithm_of, .offered = offered, .in_slot = slots,        \
	.check = hil##_check, .request_size = sizeof(struct hil##_request), .prepare = prepare,    \
	.open = open_engine, .start = start_inner, .cancel = cancel_inner, .done = done_outer
#define SELFTEST_KIND_WITH(hil, kind, slots, ...)                                                  \
	SELFTEST_OPENS(hil, __VA_ARGS__)                                                           \
	const struct selftest_kind kind = {SELFTEST_MEMBERS(hil, slots)};
#define SELFTEST_KIND(hil, kind, slots) SELFTEST_KIND_WITH(hil, kind, slots, )

#endif
