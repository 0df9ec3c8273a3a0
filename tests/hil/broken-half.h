/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What broken engines are made of, where nothing is peculiar to their HIL: somebody between a good
 * engine and its client who passes everything on, and the ways to break a rule that any HIL has.
 * `hil` is the word in struct hil##_client; what stands between has the members
 *
 *	engine (first), client, ops	what the client sees, what the good engine sees
 *	inner, outer			the good engine, the client of what is under way
 *	request, sabotage		of what is under way; the rule that is broken, and how
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_HALF_H
#define PLUTON_TESTS_HIL_BROKEN_HALF_H

#include <stddef.h>

#include "hil/contract.h"

/* --- passing on, as it should be ------------------------------------------------------------- */

#define BROKEN_OF(type, hil)                                                                       \
	static type *of_client(struct hil##_client *client)                                        \
	{                                                                                          \
		return (type *)(void *)((char *)client - offsetof(type, client));                  \
	}                                                                                          \
	static type *of_engine(struct hil##_engine *engine)                                        \
	{                                                                                          \
		return (type *)(void *)engine;                                                     \
	}

/* Bytes at a cursor, and what moves whole; `buffer` is uint8_t *, or const for a push. */
#define BROKEN_PASSES(hil, name, buffer)                                                           \
	static ssize_t name(struct hil##_client *client, buffer buf, size_t len, size_t cursor)    \
	{                                                                                          \
		struct hil##_client *outer = of_client(client)->outer;                             \
                                                                                                   \
		return outer->ops->name(outer, buf, len, cursor);                                  \
	}
#define BROKEN_PASSES_WHOLE(hil, name, buffer)                                                     \
	static int name(struct hil##_client *client, buffer buf, size_t len)                       \
	{                                                                                          \
		struct hil##_client *outer = of_client(client)->outer;                             \
                                                                                                   \
		return outer->ops->name(outer, buf, len);                                          \
	}
#define BROKEN_PASSES_DONE(hil)                                                                    \
	static void done(struct hil##_client *client, int result)                                  \
	{                                                                                          \
		struct hil##_client *outer = of_client(client)->outer;                             \
                                                                                                   \
		outer->ops->done(outer, result);                                                   \
	}

#define BROKEN_STARTS(hil)                                                                         \
	static int start(struct hil##_engine *engine, const struct hil##_request *request,         \
			 struct hil##_client *client)                                              \
	{                                                                                          \
		struct hil##_engine *inner = of_engine(engine)->inner;                             \
		int r = inner->ops->start(inner, request, &of_engine(engine)->client);             \
                                                                                                   \
		if (r < 0)                                                                         \
			return r;                                                                  \
		of_engine(engine)->outer = client;                                                 \
		of_engine(engine)->request = *request;                                             \
		return 0;                                                                          \
	}                                                                                          \
	static int cancel(struct hil##_engine *engine, struct hil##_client *client)                \
	{                                                                                          \
		struct hil##_engine *inner = of_engine(engine)->inner;                             \
                                                                                                   \
		if (of_engine(engine)->outer != client)                                            \
			return -PLUTON_EINVAL;                                                     \
		return inner->ops->cancel(inner, &of_engine(engine)->client);                      \
	}
#define BROKEN_EXPLAINS(hil)                                                                       \
	static const char *why(struct hil##_engine *engine)                                        \
	{                                                                                          \
		struct hil##_engine *inner = of_engine(engine)->inner;                             \
                                                                                                   \
		return inner->ops->why(inner);                                                     \
	}

/* --- breaking rules that any HIL has --------------------------------------------------------- */

#define BROKEN_BY(hil, alter, member, function)                                                    \
	static void alter(struct hil##_client_ops *ops)                                            \
	{                                                                                          \
		ops->member = function;                                                            \
	}

#define BROKEN_DONE_TWICE(hil)                                                                     \
	static void done_twice(struct hil##_client *client, int result)                            \
	{                                                                                          \
		struct hil##_client *outer = of_client(client)->outer;                             \
                                                                                                   \
		outer->ops->done(outer, result);                                                   \
		outer->ops->done(outer, result);                                                   \
	}                                                                                          \
	BROKEN_BY(hil, alter_done_twice, done, done_twice)

/* Takes any answer for all it asked for. */
#define BROKEN_OVERLONG_COUNT(hil)                                                                 \
	static ssize_t pull_input_unchecked(struct hil##_client *client, uint8_t *buf, size_t len, \
					    size_t cursor)                                         \
	{                                                                                          \
		ssize_t n = pull_input(client, buf, len, cursor);                                  \
                                                                                                   \
		return n == 0 || n > (ssize_t)len ? (ssize_t)len : n;                              \
	}                                                                                          \
	BROKEN_BY(hil, alter_overlong_count, pull_input, pull_input_unchecked)

#define BROKEN_WRONG_CURSOR(hil)                                                                   \
	static ssize_t push_output_ahead(struct hil##_client *client, const uint8_t *buf,          \
					 size_t len, size_t cursor)                                \
	{                                                                                          \
		return push_output(client, buf, len, cursor + 1);                                  \
	}                                                                                          \
	BROKEN_BY(hil, alter_wrong_cursor, push_output, push_output_ahead)

#define BROKEN_PULLED_TWICE(hil)                                                                   \
	static ssize_t pull_input_twice(struct hil##_client *client, uint8_t *buf, size_t len,     \
					size_t cursor)                                             \
	{                                                                                          \
		ssize_t n = pull_input(client, buf, len, cursor);                                  \
                                                                                                   \
		return n > 0 ? pull_input(client, buf, (size_t)n, cursor) : n;                     \
	}                                                                                          \
	BROKEN_BY(hil, alter_pulled_twice, pull_input, pull_input_twice)

#define BROKEN_ERROR_NOT_REPORTED(hil)                                                             \
	static void done_without_the_reason(struct hil##_client *client, int result)               \
	{                                                                                          \
		done(client, result == -PLUTON_ENOACK ? -PLUTON_EFAIL : result);                   \
	}                                                                                          \
	BROKEN_BY(hil, alter_error_not_reported, done, done_without_the_reason)

#define BROKEN_READ_TWICE(hil)                                                                     \
	static int pull_key_twice(struct hil##_client *client, uint8_t *key, size_t len)           \
	{                                                                                          \
		int r = pull_key(client, key, len);                                                \
                                                                                                   \
		return r < 0 ? r : pull_key(client, key, len);                                     \
	}                                                                                          \
	BROKEN_BY(hil, alter_read_twice, pull_key, pull_key_twice)

/* Takes the key of a slot for one that can be pulled. */
#define BROKEN_KEY_CROSSED(hil)                                                                    \
	static int start_without_slots(struct hil##_engine *engine,                                \
				       const struct hil##_request *request,                        \
				       struct hil##_client *client)                                \
	{                                                                                          \
		struct hil##_request as_bytes = *request;                                          \
                                                                                                   \
		as_bytes.key.kind = HIL_KEY_BYTES;                                                 \
		return start(engine, &as_bytes, client);                                           \
	}                                                                                          \
	static void alter_caps_with_slots(struct hil##_caps *caps)                                 \
	{                                                                                          \
		caps->key_slots = true;                                                            \
	}

#define BROKEN_DONE_MISSING(hil)                                                                   \
	static void done_unless_cancelled(struct hil##_client *client, int result)                 \
	{                                                                                          \
		if (result != -PLUTON_ECANCEL)                                                     \
			done(client, result);                                                      \
	}                                                                                          \
	BROKEN_BY(hil, alter_done_missing, done, done_unless_cancelled)

/* --- the engine ------------------------------------------------------------------------------ */

#define BROKEN_SABOTAGE(hil)                                                                       \
	struct sabotage {                                                                          \
		void (*alter_ops)(struct hil##_client_ops * ops);                                  \
		void (*alter_caps)(struct hil##_caps * caps);                                      \
		int (*start)(struct hil##_engine * engine, const struct hil##_request *request,    \
			     struct hil##_client *client);                                         \
		int (*cancel)(struct hil##_engine * engine, struct hil##_client *client);          \
	};

/* Needs good_ops, start and cancel. What the table tells is called through it, so ops are const. */
#define BROKEN_ENGINE(type, hil, ...)                                                              \
	static int start_as_told(struct hil##_engine *engine, const struct hil##_request *request, \
				 struct hil##_client *client)                                      \
	{                                                                                          \
		const struct sabotage *sabotage = of_engine(engine)->sabotage;                     \
                                                                                                   \
		return sabotage->start ? sabotage->start(engine, request, client)                  \
				       : start(engine, request, client);                           \
	}                                                                                          \
	static int cancel_as_told(struct hil##_engine *engine, struct hil##_client *client)        \
	{                                                                                          \
		const struct sabotage *sabotage = of_engine(engine)->sabotage;                     \
                                                                                                   \
		return sabotage->cancel ? sabotage->cancel(engine, client)                         \
					: cancel(engine, client);                                  \
	}                                                                                          \
	static void break_engine(type *broken, struct hil_engine *inner,                           \
				 const struct sabotage *sabotage)                                  \
	{                                                                                          \
		static const struct hil##_engine_ops ops = {                                       \
			.start = start_as_told, .cancel = cancel_as_told, __VA_ARGS__};            \
                                                                                                   \
		broken->sabotage = sabotage;                                                       \
		broken->inner = (struct hil##_engine *)(void *)inner;                              \
		broken->engine = *broken->inner;                                                   \
		broken->engine.head.name = "broken";                                               \
		broken->engine.head.concurrency = 1;                                               \
		broken->engine.ops = &ops;                                                         \
		broken->ops = good_ops;                                                            \
		broken->client.ops = &broken->ops;                                                 \
		if (sabotage->alter_ops)                                                           \
			sabotage->alter_ops(&broken->ops);                                         \
		if (sabotage->alter_caps)                                                          \
			sabotage->alter_caps(&broken->engine.caps);                                \
	}

/* In a table of sabotages by rule: true for a rule that no engine breaks. */
#define BROKEN_IS_EMPTY(sabotage)                                                                  \
	(!(sabotage)->alter_ops && !(sabotage)->alter_caps && !(sabotage)->start &&                \
	 !(sabotage)->cancel)

/* name_open, name_close and name_engine, of an engine that is another's but for the rule. */
#define BROKEN_OPENS(name, hil)                                                                    \
	int name##_open(enum hil_rule rule, struct hil##_engine *inner, struct name **ret_broken)  \
	{                                                                                          \
		if ((unsigned)rule > HIL_RULES || BROKEN_IS_EMPTY(&sabotages[rule]))               \
			return -PLUTON_ENOSUPPORT;                                                 \
		*ret_broken = calloc(1, sizeof(**ret_broken));                                     \
		if (!*ret_broken)                                                                  \
			return -PLUTON_ENOMEM;                                                     \
		break_engine(*ret_broken, &inner->head, &sabotages[rule]);                         \
		return 0;                                                                          \
	}                                                                                          \
	void name##_close(struct name *broken)                                                     \
	{                                                                                          \
		free(broken);                                                                      \
	}                                                                                          \
	struct hil_engine *name##_engine(struct name *broken)                                      \
	{                                                                                          \
		return &broken->engine.head;                                                       \
	}

#endif
