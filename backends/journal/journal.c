/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls a line, makes it harmless and hands it to the daemon's log. The rule a newcomer would break
 * first: what was pulled is a program's choice to the last byte; nothing but escape_text's output
 * leaves.
 */
#include "backends/journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "backends/journal/allowance.h"
#include "backends/journal/escape.h"
#include "hil/console.h"

struct console_unit {
	struct console_engine engine;
	const struct backend_environment *environment;
	struct deferred_call call;
	struct console_client *client; /* NULL: idle */
	struct console_request request;
	bool cancelled;
	struct allowances allowances;
	uint8_t text[CONSOLE_LINE_MAX];
	char escaped[CONSOLE_LINE_MAX * ESCAPE_GROWTH + 1];
};

struct journal_instance {
	struct backend_instance instance;
	struct console_unit console;
};

static struct console_unit *unit_of(struct console_engine *engine)
{
	return (struct console_unit *)(void *)engine;
}

static int pull_all(struct console_unit *unit)
{
	struct console_client *client = unit->client;
	size_t length = unit->request.length;

	for (size_t cursor = 0; cursor < length;) {
		size_t wanted = length - cursor;
		ssize_t n = client->ops->pull_text(client, unit->text + cursor, wanted, cursor);

		if (n < 0)
			return (int)n;
		if (n == 0 || (size_t)n > wanted)
			return -PLUTON_ESIZE;
		if (unit->cancelled) /* from inside the pull */
			return -PLUTON_ECANCEL;
		cursor += (size_t)n;
	}
	return 0;
}

static int write_line(struct console_unit *unit)
{
	struct console_request *request = &unit->request;

	request->speaker.suppressed = allowance_suppressed(&unit->allowances, &request->speaker);
	escape_text(unit->text, request->length, unit->escaped);
	unit->environment->emit(request->level, &request->speaker, unit->escaped);
	return 0;
}

static void run(struct deferred_call *call)
{
	struct console_unit *unit =
		(struct console_unit *)(void *)((char *)call - offsetof(struct console_unit, call));
	struct console_client *client = unit->client;
	int r = unit->cancelled ? -PLUTON_ECANCEL : pull_all(unit);

	if (r == 0)
		r = write_line(unit);
	unit->client = NULL;
	client->ops->done(client, r);
}

static int start(struct console_engine *engine, const struct console_request *request,
		 struct console_client *client)
{
	struct console_unit *unit = unit_of(engine);
	int r = console_check(&engine->head, request);

	if (r < 0)
		return r;
	if (unit->client)
		return -PLUTON_EBUSY;
	unit->client = client;
	unit->request = *request;
	unit->cancelled = false;
	deferred_call_set(&unit->call);
	return 0;
}

static int cancel(struct console_engine *engine, struct console_client *client)
{
	struct console_unit *unit = unit_of(engine);

	if (!client || unit->client != client)
		return -PLUTON_EINVAL;
	unit->cancelled = true;
	return 0;
}

static int admit(struct console_engine *engine, const struct console_speaker *speaker,
		 const struct console_rate *rate)
{
	return allowance_take(&unit_of(engine)->allowances, speaker, rate);
}

static const struct console_engine_ops ops = {.start = start, .cancel = cancel, .admit = admit};

int journal_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	struct journal_instance *journal;

	if (!environment->emit)
		return -PLUTON_ENODEVICE;
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return -PLUTON_ENOMEM;
	journal->console.environment = environment;
	journal->console.engine = (struct console_engine){
		.head = {.name = "journal",
			 .kind = HIL_CONSOLE,
			 .level = HIL_LEVEL_CONSOLE,
			 .concurrency = 1},
		.caps = {.line_max = CONSOLE_LINE_MAX},
		.ops = &ops,
	};
	deferred_call_init(&journal->console.call, environment->deferred, run);
	journal->instance.backend = backend_find("journal");
	journal->instance.engines[HIL_CONSOLE] = &journal->console.engine.head;
	*ret = &journal->instance;
	return 0;
}

void journal_close(struct backend_instance *instance)
{
	struct journal_instance *journal = (struct journal_instance *)(void *)instance;

	deferred_call_drop(&journal->console.call);
	free(journal);
}
