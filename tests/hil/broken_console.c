/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each broken engine is a short function in the place of one call; the table below says which one
 * breaks which rule.
 */
#include "tests/hil/broken_console.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct broken_console {
	struct console_engine engine;
	struct console_engine *inner;
	struct console_client client; /* the inner engine's */
	struct console_client *outer;
	struct console_request request;
	const struct sabotage *sabotage;
	struct deferred_call later;
	int later_result;
};

struct sabotage {
	int (*start)(struct broken_console *broken, const struct console_request *request);
	ssize_t (*pull)(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor);
	void (*done)(struct broken_console *broken, int result);
	size_t shorter; /* caps say so much less than the engine takes */
	bool breaks_none;
};

static struct broken_console *of_engine(struct console_engine *engine)
{
	return (struct broken_console *)(void *)engine;
}

static struct broken_console *of_client(struct console_client *client)
{
	return (struct broken_console *)(void *)((char *)client -
						 offsetof(struct broken_console, client));
}

/* --- passing on, as it should be ------------------------------------------------------------- */

static ssize_t pull(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor)
{
	return broken->outer->ops->pull_text(broken->outer, buf, len, cursor);
}

static void end(struct broken_console *broken, int result)
{
	broken->outer->ops->done(broken->outer, result);
}

static ssize_t pull_text(struct console_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct broken_console *broken = of_client(client);

	return broken->sabotage->pull ? broken->sabotage->pull(broken, buf, len, cursor)
				      : pull(broken, buf, len, cursor);
}

static void done(struct console_client *client, int result)
{
	struct broken_console *broken = of_client(client);

	if (broken->sabotage->done)
		broken->sabotage->done(broken, result);
	else
		end(broken, result);
}

static int start_inner(struct broken_console *broken, const struct console_request *request)
{
	return broken->inner->ops->start(broken->inner, request, &broken->client);
}

static int start(struct console_engine *engine, const struct console_request *request,
		 struct console_client *client)
{
	struct broken_console *broken = of_engine(engine);
	struct console_client *before = broken->outer;
	int r;

	broken->outer = client;
	r = broken->sabotage->start ? broken->sabotage->start(broken, request)
				    : start_inner(broken, request);
	if (r == 0)
		broken->request = *request;
	else if (r == -PLUTON_EBUSY)
		broken->outer = before;
	return r;
}

static int cancel(struct console_engine *engine, struct console_client *client)
{
	struct broken_console *broken = of_engine(engine);

	if (broken->outer != client)
		return -PLUTON_EINVAL;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

static int admit(struct console_engine *engine, const struct console_speaker *speaker,
		 const struct console_rate *rate)
{
	struct console_engine *inner = of_engine(engine)->inner;

	return inner->ops->admit(inner, speaker, rate);
}

/* --- breaking rules -------------------------------------------------------------------------- */

static int start_and_look(struct broken_console *broken, const struct console_request *request)
{
	int r = start_inner(broken, request);
	uint8_t byte;

	if (r == 0)
		pull(broken, &byte, 1, 0);
	return r;
}

struct errand {
	struct broken_console *broken;
	uint8_t *buf;
	size_t len;
	size_t cursor;
	ssize_t answer;
};

static void *run_errand(void *arg)
{
	struct errand *errand = arg;

	errand->answer = pull(errand->broken, errand->buf, errand->len, errand->cursor);
	return NULL;
}

static ssize_t pull_on_a_thread(struct broken_console *broken, uint8_t *buf, size_t len,
				size_t cursor)
{
	struct errand errand = {broken, buf, len, cursor, -PLUTON_EFAIL};
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_errand, &errand) == 0)
		pthread_join(thread, NULL);
	return errand.answer;
}

static void done_later(struct deferred_call *call)
{
	struct broken_console *broken =
		(struct broken_console *)(void *)((char *)call -
						  offsetof(struct broken_console, later));

	end(broken, broken->later_result);
}

static int fail_and_end(struct broken_console *broken, const struct console_request *request)
{
	int r = start_inner(broken, request);

	if (r == -PLUTON_ESIZE) {
		broken->later_result = r;
		deferred_call_set(&broken->later);
	}
	return r;
}

static void end_twice(struct broken_console *broken, int result)
{
	end(broken, result);
	end(broken, result);
}

static void end_and_pull(struct broken_console *broken, int result)
{
	uint8_t byte;

	end(broken, result);
	pull(broken, &byte, 1, 0);
}

/* Takes any answer for all it asked for. */
static ssize_t pull_unchecked(struct broken_console *broken, uint8_t *buf, size_t len,
			      size_t cursor)
{
	ssize_t n = pull(broken, buf, len, cursor);

	return n == 0 || n > (ssize_t)len ? (ssize_t)len : n;
}

static ssize_t pull_ahead(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(broken, buf, len, cursor + 1);
}

static ssize_t pull_nothing_first(struct broken_console *broken, uint8_t *buf, size_t len,
				  size_t cursor)
{
	ssize_t n = pull(broken, buf, 0, cursor);

	return n < 0 ? n : pull(broken, buf, len, cursor);
}

static ssize_t pull_twice(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull(broken, buf, len, cursor);

	return n > 0 ? pull(broken, buf, (size_t)n, cursor) : n;
}

static ssize_t pull_and_more(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor)
{
	uint8_t asked[CONSOLE_LINE_MAX + 1];
	ssize_t n = pull(broken, asked, broken->request.length - cursor + 1, cursor);

	if (n > (ssize_t)len)
		n = (ssize_t)len;
	if (n > 0)
		memcpy(buf, asked, (size_t)n);
	return n;
}

/* "The rest will be blanks." */
static ssize_t make_it_up(struct broken_console *broken, uint8_t *buf, size_t len, size_t cursor)
{
	if (cursor == 0 && len > 1)
		return pull(broken, buf, 1, cursor);
	memset(buf, ' ', len);
	return (ssize_t)len;
}

static void end_without_the_reason(struct broken_console *broken, int result)
{
	end(broken, result == -PLUTON_ENOACK ? -PLUTON_EFAIL : result);
}

static void end_unless_cancelled(struct broken_console *broken, int result)
{
	if (result != -PLUTON_ECANCEL)
		end(broken, result);
}

static const struct sabotage sabotages[HIL_RULES + 1] = {
	[HIL_SYNCHRONOUS_CALLBACK] = {.start = start_and_look},
	[HIL_WRONG_THREAD] = {.pull = pull_on_a_thread},
	[HIL_START_FAILED_CALLBACK] = {.start = fail_and_end},
	[HIL_DONE_TWICE] = {.done = end_twice},
	[HIL_CALLBACK_AFTER_DONE] = {.done = end_and_pull},
	[HIL_OVERLONG_COUNT] = {.pull = pull_unchecked},
	[HIL_WRONG_CURSOR] = {.pull = pull_ahead},
	[HIL_EMPTY_PULL] = {.pull = pull_nothing_first},
	[HIL_PULLED_TWICE] = {.pull = pull_twice},
	[HIL_PULLED_TOO_MUCH] = {.pull = pull_and_more},
	[HIL_INCOMPLETE] = {.pull = make_it_up},
	[HIL_ERROR_NOT_REPORTED] = {.done = end_without_the_reason},
	[HIL_BAD_SIZE] = {.shorter = 1},
	[HIL_DONE_MISSING] = {.done = end_unless_cancelled},
	[HIL_RULES] = {.breaks_none = true},
};

static bool is_empty(const struct sabotage *sabotage)
{
	return !sabotage->start && !sabotage->pull && !sabotage->done && !sabotage->shorter &&
	       !sabotage->breaks_none;
}

int broken_console_open(enum hil_rule rule, struct console_engine *inner,
			struct deferred_queue *deferred, struct broken_console **ret_broken)
{
	static const struct console_engine_ops ops = {
		.start = start, .cancel = cancel, .admit = admit};
	static const struct console_client_ops client_ops = {.pull_text = pull_text, .done = done};
	struct broken_console *broken;

	if ((unsigned)rule > HIL_RULES || is_empty(&sabotages[rule]))
		return -PLUTON_ENOSUPPORT;
	broken = calloc(1, sizeof(*broken));
	if (!broken)
		return -PLUTON_ENOMEM;
	broken->sabotage = &sabotages[rule];
	broken->engine = *inner;
	broken->engine.head.name = "broken";
	broken->engine.caps.line_max -= broken->sabotage->shorter;
	broken->engine.ops = &ops;
	broken->inner = inner;
	broken->client.ops = &client_ops;
	deferred_call_init(&broken->later, deferred, done_later);
	*ret_broken = broken;
	return 0;
}

void broken_console_close(struct broken_console *broken)
{
	deferred_call_drop(&broken->later);
	free(broken);
}

struct hil_engine *broken_console_engine(struct broken_console *broken)
{
	return &broken->engine.head;
}
