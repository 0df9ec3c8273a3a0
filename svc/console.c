/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console capsule: a line of text into the machine's log, with who wrote it. How many lines an
 * app or user may write is the engine's to count: a grant would go with its connection, and the
 * next connection would begin anew. The rule a newcomer would break first: a line over the rate is
 * refused and counted, never kept for later.
 */
#include <string.h>

#include "hil/alarm.h"
#include "hil/console.h"
#include "svc/capsule-half.h"

enum { PORT_CONSOLE, PORT_CLOCK };
enum { PARAMETER_BURST, PARAMETER_LINES_PER_MINUTE };
enum { WORD_LEVEL = 0 };
enum { SLOT_LINE = 0 };

struct console_operation {
	struct console_client client;
	struct operation *op;
	struct console_engine *engine;
	struct console_request request;
};

CAPSULE_OF_CLIENT(console)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(console, pull_text, SLOT_LINE)

static void done(struct console_client *client, int result)
{
	op_done(of_client(client)->op, result, 0, 0);
}

static const struct console_client_ops client_ops = {
	.pull_text = pull_text,
	.done = done,
};

/* --- the command ----------------------------------------------------------------------------- */

CAPSULE_TURNS(console)

static void describe_speaker(const struct operation *op, struct console_speaker *ret)
{
	struct process_id process = op_process(op);
	struct op_identity who;

	op_identity(op, &who);
	*ret = (struct console_speaker){
		.uid = who.uid,
		.gid = who.gid,
		.pid = who.pid,
		.process_index = process.index,
		.process_generation = process.generation,
	};
	_Static_assert(sizeof(ret->command) == sizeof(who.command), "a command fits");
	_Static_assert(sizeof(ret->app) == sizeof(who.app), "an app's name fits");
	memcpy(ret->command, who.command, sizeof(ret->command));
	memcpy(ret->app, who.app, sizeof(ret->app));
}

static int select_engine(struct console_operation *state)
{
	struct hil_engine *engine;
	int r = hil_select(op_port(state->op, PORT_CONSOLE), &state->request, console_check,
			   &engine);

	if (r == -PLUTON_ENODEVICE)
		return op_refuse(state->op, r, "there is no console engine");
	if (r < 0)
		return op_refuse(state->op, r, "no console engine takes a line of %zu bytes",
				 state->request.length);
	state->engine = (struct console_engine *)(void *)engine;
	return 0;
}

static int refuse_line(struct operation *op, int error, const struct console_rate *rate)
{
	if (error == -PLUTON_EBUSY)
		return op_refuse(op, error,
				 "the line is over the rate: %llu at once, then %llu a minute",
				 (unsigned long long)rate->burst,
				 (unsigned long long)rate->lines_per_minute);
	return op_refuse(op, -PLUTON_EBUSY, "too many others write to the log; try again later");
}

static int ask_rate(const struct console_operation *state)
{
	struct operation *op = state->op;
	const struct hil_port *port = op_port(op, PORT_CLOCK);
	struct console_rate rate = {
		.burst = op_parameter(op, PARAMETER_BURST),
		.lines_per_minute = op_parameter(op, PARAMETER_LINES_PER_MINUTE),
	};
	struct alarm_engine *clock;
	int r;

	if (port->count == 0)
		return op_refuse(op, -PLUTON_ENODEVICE, "there is no clock to hold the rate with");
	clock = (struct alarm_engine *)(void *)port->engines[0];
	rate.now_us = clock->ops->now_us(clock);
	r = state->engine->ops->admit(state->engine, &state->request.speaker, &rate);
	return r < 0 ? refuse_line(op, r, &rate) : 0;
}

static int write_line(struct operation *op)
{
	struct console_operation *state = op_state(op);
	int r;

	state->client.ops = &client_ops;
	state->op = op;
	state->request.level = op_word(op, WORD_LEVEL);
	state->request.length = op_length(op, SLOT_LINE);
	describe_speaker(op, &state->request.speaker);
	r = select_engine(state);
	if (r == 0)
		r = ask_rate(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static const struct enum_name levels[] = {
	{CONSOLE_ERROR, "error"}, {CONSOLE_WARNING, "warning"}, {CONSOLE_NOTICE, "notice"},
	{CONSOLE_INFO, "info"},	  {CONSOLE_DEBUG, "debug"},	{0, NULL},
};

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Write",
		.doc = "one line into the log; control bytes and what is not UTF-8 are escaped",
		.words = {[WORD_LEVEL] = {"level", levels, "how important it is"}},
		.slots = {[SLOT_LINE] = {"line", SLOT_RO, 1, CONSOLE_LINE_MAX, false, "text"}},
		.run = write_line,
	},
};

extern const struct capsule console_capsule;
const struct capsule console_capsule = {
	.name = "console",
	.interface = "Console",
	.doc = "Lines of text in the machine's log.",
	.driver = 0x1,
	.state_size = sizeof(struct console_operation),
	.ports = 2,
	.port_kinds = {[PORT_CONSOLE] = HIL_CONSOLE, [PORT_CLOCK] = HIL_ALARM},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.parameters =
		{[PARAMETER_BURST] = "burst", [PARAMETER_LINES_PER_MINUTE] = "lines_per_minute"},
	.cancel = cancel,
};
