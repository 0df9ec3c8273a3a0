/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarm capsule: any number of alarms for every process on the engine's one alarm, as in Tock's
 * book. A process's grant is the head of the list of its running alarms, soonest first; the engine
 * is set to the soonest of all. The rule a newcomer would break first: an alarm leaves its list
 * before op_done, which frees it.
 *
 * What it costs: every firing visits each connected process once, whether it has alarms or not,
 * for the capsule has no memory in which the soonest of all could stand in order. Of what is due
 * then no more than ALARMS_PER_ROUND answer, so that thousands due together do not hold up the
 * loop; the engine is set to what was left, which has passed, and fires again from the loop.
 *
 * Nobody starves: a round takes the soonest of all due alarms, wherever their processes stand in
 * the table. What is set later is due later, and so is the next time of a period; so only the
 * alarms that were due before it come before an alarm, and each of them comes once.
 */
#include "daemon/kernel/capsule.h"
#include "hil/alarm.h"

enum { WORD_MS = 0 };

#define US_PER_MS 1000u
#define ALARMS_PER_ROUND 64u

/* An operation's state; it lies in the same arena as the grant that lists it. */
struct alarm {
	struct alarm *next;
	struct operation *op;
	uint64_t when_us;
	uint64_t period_us; /* 0: once */
};

struct alarm_list {
	struct alarm *first;
};

/* An alarm that is due: the first in its process's list once those before it here have fired. */
struct due {
	uint64_t when_us;
	struct process_id process;
};

/* One visit of every list: what is due at `now_us`, soonest first, and the soonest of the rest. */
struct alarm_round {
	struct alarm_engine *engine; /* NULL: no alarm was seen yet */
	uint64_t now_us;
	uint64_t soonest_us;
	unsigned count;
	struct due due[ALARMS_PER_ROUND];
};

static struct alarm_engine *engine_of(const struct operation *op)
{
	const struct hil_port *port = op_port(op, 0);

	return port->count ? (struct alarm_engine *)(void *)port->engines[0] : NULL;
}

static uint32_t low(uint64_t us)
{
	return (uint32_t)us;
}

static uint32_t high(uint64_t us)
{
	return (uint32_t)(us >> 32);
}

/* --- the list, inside the grant -------------------------------------------------------------- */

/* Behind those of the same time: what was set first fires first. */
static int insert(void *grant, void *arg)
{
	struct alarm_list *list = grant;
	struct alarm *alarm = arg;
	struct alarm **link = &list->first;

	while (*link && (*link)->when_us <= alarm->when_us)
		link = &(*link)->next;
	alarm->next = *link;
	*link = alarm;
	return 0;
}

static int take_out(void *grant, void *arg)
{
	struct alarm_list *list = grant;
	struct alarm **link = &list->first;

	while (*link && *link != arg)
		link = &(*link)->next;
	if (*link)
		*link = (*link)->next;
	return 0;
}

/* --- firing ---------------------------------------------------------------------------------- */

static void fire_once(const struct alarm *alarm, uint64_t now_us)
{
	op_done(alarm->op, 0, low(now_us), high(now_us));
}

/* However late: one upcall, which counts the periods it stands for, and no drift. */
static void fire_again(struct alarm_list *list, struct alarm *alarm, uint64_t now_us)
{
	uint64_t periods = (now_us - alarm->when_us) / alarm->period_us + 1;

	alarm->when_us += periods * alarm->period_us;
	insert(list, alarm);
	op_missed(alarm->op, periods - 1 < UINT32_MAX ? (uint32_t)(periods - 1) : UINT32_MAX);
	op_more(alarm->op, low(now_us), high(now_us));
}

static void note_left(struct alarm_round *round, uint64_t when_us)
{
	if (when_us < round->soonest_us)
		round->soonest_us = when_us;
}

static int fire_first(void *grant, void *arg)
{
	struct alarm_list *list = grant;
	struct alarm_round *round = arg;
	struct alarm *alarm = list->first;

	if (!alarm || alarm->when_us > round->now_us)
		return 0;
	list->first = alarm->next;
	if (alarm->period_us) {
		fire_again(list, alarm, round->now_us);
		note_left(round, alarm->when_us);
	} else {
		fire_once(alarm, round->now_us);
	}
	return 0;
}

/* Behind those of the same time, so that a process's alarms stay in the order of its list. */
static void add_due(struct alarm_round *round, const struct alarm *alarm)
{
	unsigned at = round->count;

	if (round->count == ALARMS_PER_ROUND)
		note_left(round, round->due[--at].when_us);
	else
		round->count++;
	for (; at > 0 && round->due[at - 1].when_us > alarm->when_us; at--)
		round->due[at] = round->due[at - 1];
	round->due[at] = (struct due){alarm->when_us, op_process(alarm->op)};
}

/* true: it has a place among the soonest so far. */
static bool is_wanted(const struct alarm_round *round, const struct alarm *alarm)
{
	return alarm->when_us <= round->now_us &&
	       (round->count < ALARMS_PER_ROUND ||
		alarm->when_us < round->due[ALARMS_PER_ROUND - 1].when_us);
}

static void begin_round(struct alarm_round *round, const struct alarm *alarm)
{
	round->engine = engine_of(alarm->op);
	round->now_us = round->engine->ops->now_us(round->engine);
}

static int look(void *grant, void *arg)
{
	const struct alarm_list *list = grant;
	const struct alarm *alarm = list->first;
	struct alarm_round *round = arg;

	if (alarm && !round->engine)
		begin_round(round, alarm);
	for (; alarm && is_wanted(round, alarm); alarm = alarm->next)
		add_due(round, alarm);
	if (alarm)
		note_left(round, alarm->when_us);
	return 0;
}

static void fired(void *driver);

static const struct alarm_client_ops client_ops = {.fired = fired};

static void fired(void *driver)
{
	struct alarm_round round = {.soonest_us = UINT64_MAX};

	grant_each(driver, look, &round);
	for (unsigned i = 0; i < round.count; i++)
		grant_enter(driver, round.due[i].process, 0, false, fire_first, &round);
	if (round.soonest_us != UINT64_MAX)
		round.engine->ops->set(round.engine, round.soonest_us, &client_ops, driver);
}

/* --- commands -------------------------------------------------------------------------------- */

static int find_engine(struct operation *op, struct alarm_engine **ret_engine)
{
	*ret_engine = engine_of(op);
	return *ret_engine ? 0 : op_refuse(op, -PLUTON_ENODEVICE, "there is no alarm engine");
}

static int get_now(struct operation *op)
{
	struct alarm_engine *engine;
	uint64_t now_us;
	int r = find_engine(op, &engine);

	if (r < 0)
		return r;
	now_us = engine->ops->now_us(engine);
	op_done(op, 0, low(now_us), high(now_us));
	return 0;
}

static int set_engine(struct alarm_engine *engine, const struct alarm *alarm)
{
	if (alarm->when_us >= engine->ops->armed_us(engine))
		return 0;
	return engine->ops->set(engine, alarm->when_us, &client_ops, op_driver(alarm->op));
}

static int start(struct operation *op, bool repeats)
{
	uint64_t delay_us = (uint64_t)op_word(op, WORD_MS) * US_PER_MS;
	struct alarm *alarm = op_state(op);
	struct alarm_engine *engine;
	int r = find_engine(op, &engine);

	if (r < 0)
		return r;
	alarm->op = op;
	alarm->when_us = engine->ops->now_us(engine) + delay_us;
	alarm->period_us = repeats ? delay_us : 0;
	r = grant_enter(op_driver(op), op_process(op), 0, true, insert, alarm);
	if (r < 0)
		return op_refuse(op, r, "no memory for the list of alarms");
	r = set_engine(engine, alarm);
	if (r < 0)
		grant_enter(op_driver(op), op_process(op), 0, false, take_out, alarm);
	return r;
}

static int after(struct operation *op)
{
	return start(op, false);
}

static int every(struct operation *op)
{
	if (op_word(op, WORD_MS) == 0)
		return op_refuse(op, -PLUTON_EINVAL, "ms is 0, a period has at least 1");
	return start(op, true);
}

/*
 * The engine stays set: at worst it fires once for nobody. A process that dies is not entered any
 * more, and its list goes with it before anybody looks at it.
 */
static void cancel(struct operation *op)
{
	grant_enter(op_driver(op), op_process(op), 0, false, take_out, op_state(op));
	op_done(op, -PLUTON_ECANCEL, 0, 0);
}

/* clang-format off */
#define TIME {"low", "high"}
/* clang-format on */

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Now",
		.doc = "microseconds of a clock that never goes back and does not stop in suspend",
		.answers = TIME,
		.run = get_now,
	},
	{
		.number = 2,
		.name = "After",
		.doc = "answers when the time has passed, with what Now answers then",
		.answers = TIME,
		.waits = true,
		.words = {[WORD_MS] = {"ms", NULL, "milliseconds from now"}},
		.run = after,
	},
	{
		.number = 3,
		.name = "Every",
		.doc = "answers each time the period has passed, with what Now answers then",
		.answers = TIME,
		.repeats = true,
		.waits = true,
		.words = {[WORD_MS] = {"ms", NULL, "milliseconds of a period, at least 1"}},
		.run = every,
	},
};

extern const struct capsule alarm_capsule;
const struct capsule alarm_capsule = {
	.name = "alarm",
	.interface = "Alarm",
	.doc = "The clock, alarms and periods.",
	.driver = 0x0,
	.state_size = sizeof(struct alarm),
	.grant_size = sizeof(struct alarm_list),
	.ports = 1,
	.port_kinds = {HIL_ALARM},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
