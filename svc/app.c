/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app capsule: brings a client that asks for an app, and the app that takes it, together. Both
 * wait in lists that their own process's grant heads; a pair leaves with a socket each. The rule a
 * newcomer would break first: an operation leaves its list before op_done, which frees it.
 */
#include <string.h>

#include "daemon/kernel/capsule.h"
#include "hil/app.h"

enum { SLOT_ROWS = 0, SLOT_NAME = 0, SLOT_ROW = 1, SLOT_PEER = 0 };
enum { WORD_FIRST = 0 };
enum { PARAMETER_CONNECT_TIMEOUT = 0 };

/* How an operation can end that waits for an app. */
enum outcome {
	OUTCOME_CANCELLED,
	OUTCOME_NOT_TAKEN, /* in time */
	OUTCOME_NOT_UP,	   /* it did not start, or runs no more */
};

#define ROWS_PER_COMMAND 64u /* so that nobody else waits long */
#define ENGINE_SHIFT 16u     /* where List goes on: the engine above, the app's index below */

/* "the app NAME: REASON" must fit into an operation's state, where op_fail keeps it. */
#define SENTENCE_MAX (sizeof("the app : ") + APP_NAME_MAX + APP_REASON_MAX)

enum waiting {
	WAITING_NOT = 0, /* a command of its own: Start, Stop, Restart */
	WAITING_CONNECT,
	WAITING_ACCEPT,
};

/* An operation's state; it lies in the same arena as the grant that lists it. */
struct app_operation {
	struct app_client client;
	struct operation *op;
	struct app_engine *engine;
	struct app_request request; /* its name is also the app's that takes */
	enum waiting waiting;
	bool starting;	/* Connect: has the app started, or waits for its turn to */
	bool cancelled; /* then its start is, and the operation ends with it */
	uint64_t order; /* lower ones waited longer */
	struct app_operation *next;
};

union app_state_room {
	struct app_operation operation;
	char sentence[SENTENCE_MAX];
};

struct app_lists {
	struct app_operation *waiting; /* oldest first */
};

static void match(struct driver *driver, const char *name);

static struct app_operation *of_client(struct app_client *client)
{
	return (struct app_operation *)(void *)client;
}

/* --- apps ------------------------------------------------------------------------------------ */

static struct app_engine *engine_at(const struct operation *op, uint32_t at)
{
	const struct hil_port *port = op_port(op, 0);

	return at < port->count ? (struct app_engine *)(void *)port->engines[at] : NULL;
}

/* The first engine that has the app. NULL: none has. */
static struct app_engine *find_engine(const struct operation *op, const char *name,
				      uint32_t *ret_index)
{
	struct app_engine *engine;

	for (uint32_t at = 0; (engine = engine_at(op, at)); at++) {
		if (engine->ops->find(engine, name, ret_index) == 0)
			return engine;
	}
	return NULL;
}

/* The app's status; all 0 if it is there no more. */
static void read_status(const struct app_operation *state, struct app_status *ret)
{
	uint32_t index;

	if (state->engine->ops->find(state->engine, state->request.name, &index) < 0 ||
	    state->engine->ops->status(state->engine, index, ret) < 0)
		*ret = (struct app_status){0};
}

static bool is_running(const struct app_operation *state)
{
	struct app_status status;

	read_status(state, &status);
	return status.state == APP_RUNNING;
}

/* An app has the capsule for its own channels; the rest its file must name. */
static int check_caller(struct operation *op)
{
	struct op_identity who;

	op_identity(op, &who);
	if (who.accepts_only)
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "the app %s only takes channels: app is not in its file's drivers",
				 who.app);
	return 0;
}

/* Reads the name and finds the engine. */
static int read_name(struct operation *op, struct app_operation *state, uint32_t *ret_index)
{
	char *name = state->request.name;
	size_t length = op_length(op, SLOT_NAME);
	int r = check_caller(op);

	if (r == 0)
		r = length <= APP_NAME_MAX ? op_read_all(op, SLOT_NAME, name, length)
					   : -PLUTON_ESIZE;
	if (r < 0)
		return r;
	if (!app_name_valid(name, length))
		return op_refuse(op, -PLUTON_EINVAL,
				 "an app's name has letters, digits, - and _ only");
	state->op = op;
	state->engine = find_engine(op, name, ret_index);
	if (!state->engine)
		return op_refuse(op, -PLUTON_ENODEVICE,
				 "there is no app %s; pluton-cli app list shows those there are",
				 name);
	return 0;
}

/* --- lists ----------------------------------------------------------------------------------- */

static int insert(void *grant, void *arg)
{
	struct app_lists *lists = grant;
	struct app_operation **link = &lists->waiting;

	while (*link)
		link = &(*link)->next;
	*link = arg;
	return 0;
}

/* 1: the list is empty now. */
static int take_out(void *grant, void *arg)
{
	struct app_lists *lists = grant;
	struct app_operation **link = &lists->waiting;

	while (*link && *link != arg)
		link = &(*link)->next;
	if (*link)
		*link = (*link)->next;
	return !lists->waiting;
}

/* A grant without a list is given back, so that a search visits only those who wait. */
static void leave_list(struct app_operation *state)
{
	struct driver *driver = op_driver(state->op);
	struct process_id process = op_process(state->op);

	if (grant_enter(driver, process, 0, false, take_out, state) == 1)
		grant_free(driver, process, 0);
}

/* What one look at all lists finds out about an app. */
struct search {
	const char *name;
	struct app_operation *connect; /* the oldest that can be taken */
	struct app_operation *accept;  /* the oldest */
	bool starting;		       /* a Connect is starting the app */
	uint64_t last;		       /* the highest order, of whatever app */
};

static bool is_older(const struct app_operation *a, const struct app_operation *b)
{
	return !b || a->order < b->order;
}

static void look_at(struct app_operation *state, struct search *search)
{
	if (state->order > search->last)
		search->last = state->order;
	if (strcmp(state->request.name, search->name) != 0)
		return;
	if (state->starting)
		search->starting = true;
	else if (state->waiting == WAITING_CONNECT && is_older(state, search->connect))
		search->connect = state;
	else if (state->waiting == WAITING_ACCEPT && is_older(state, search->accept))
		search->accept = state;
}

static int look(void *grant, void *arg)
{
	struct app_lists *lists = grant;

	for (struct app_operation *state = lists->waiting; state; state = state->next)
		look_at(state, arg);
	return 0;
}

static void search_all(struct driver *driver, const char *name, struct search *ret)
{
	*ret = (struct search){.name = name};
	grant_each(driver, look, ret);
}

/* Who comes now is the last. */
static int join_list(struct app_operation *state, enum waiting waiting, struct search *ret)
{
	struct driver *driver = op_driver(state->op);

	search_all(driver, state->request.name, ret);
	state->order = ret->last + 1;
	state->waiting = waiting;
	return grant_enter(driver, op_process(state->op), 0, true, insert, state);
}

/* --- pairs ----------------------------------------------------------------------------------- */

static void end(struct app_operation *state, int status)
{
	leave_list(state);
	op_done(state->op, status, 0, 0);
}

/* Says why the app is not up, as far as its engine knows. The operation is in no list any more. */
static void fail_start(struct app_operation *state)
{
	const char *name = state->request.name;
	struct app_status status;

	read_status(state, &status);
	if (status.reason[0])
		op_fail(state->op, -PLUTON_EFAIL, "the app %s: %s", name, status.reason);
	else
		op_fail(state->op, -PLUTON_EFAIL, "the app %s does not run now; try again", name);
}

static enum outcome outcome_of(const struct app_operation *state)
{
	if (!op_expired(state->op))
		return OUTCOME_CANCELLED;
	return is_running(state) ? OUTCOME_NOT_TAKEN : OUTCOME_NOT_UP;
}

/* A Connect or an Accept that nobody waits for any more. */
static void give_up(struct app_operation *state)
{
	struct operation *op = state->op;

	leave_list(state);
	switch (outcome_of(state)) {
	case OUTCOME_CANCELLED:
		op_done(op, -PLUTON_ECANCEL, 0, 0);
		break;
	case OUTCOME_NOT_TAKEN:
		op_fail(op, -PLUTON_ECANCEL, "the app %s did not take the channel within %u ms",
			state->request.name, (unsigned)op_parameter(op, PARAMETER_CONNECT_TIMEOUT));
		break;
	case OUTCOME_NOT_UP:
		fail_start(state);
		break;
	}
}

static int introduce(const struct app_operation *connect, struct app_operation *accept)
{
	struct process_id process = op_process(connect->op);
	struct app_peer peer = {0};
	uint8_t row[APP_PEER_SIZE];
	struct op_identity who;

	op_identity(connect->op, &who);
	memcpy(peer.command, who.command, sizeof(peer.command));
	memcpy(peer.app, who.app, sizeof(peer.app));
	peer.uid = who.uid;
	peer.gid = who.gid;
	peer.pid = who.pid;
	peer.process_index = process.index;
	peer.process_generation = process.generation;
	app_peer_encode(&peer, row);
	return op_write_all(accept->op, SLOT_PEER, row, sizeof(row));
}

/* At least one of the two is answered. */
static void pair(struct app_operation *connect, struct app_operation *accept)
{
	int r = introduce(connect, accept);

	if (r < 0) { /* it took the memory for the answer away */
		end(accept, r);
		return;
	}
	r = op_connect(connect->op, accept->op);
	if (r == 0)
		end(accept, 0);
	end(connect, r);
}

static void match(struct driver *driver, const char *name)
{
	char wanted[APP_NAME_MAX + 1];
	struct search found;

	memcpy(wanted, name, sizeof(wanted)); /* the name may go with its operation */
	search_all(driver, wanted, &found);
	/* Who has the app started was there first: so the others wait for that too. */
	while (found.connect && found.accept && !found.starting) {
		pair(found.connect, found.accept);
		search_all(driver, wanted, &found);
	}
}

/* --- starting what is asked for -------------------------------------------------------------- */

static void granted(struct operation *op);

/* The app does not start: so nobody who waits for it need wait on. */
static int fail_waiting(void *grant, void *arg)
{
	struct app_lists *lists = grant;
	struct app_operation **link = &lists->waiting;
	const char *name = arg;

	while (*link) {
		struct app_operation *state = *link;

		if (state->waiting != WAITING_CONNECT || state->starting ||
		    strcmp(state->request.name, name) != 0) {
			link = &state->next;
			continue;
		}
		*link = state->next;
		fail_start(state);
	}
	return 0;
}

/* Whoever was starting the app has gone: the next who waits for it sees to that. */
static void succeed(struct driver *driver, char *name)
{
	struct search found;

	search_all(driver, name, &found);
	if (!found.connect || found.starting)
		return;
	if (is_running(found.connect)) {
		match(driver, name);
		return;
	}
	found.connect->starting = true;
	if (op_engine_request(found.connect->op, &found.connect->engine->head, granted) < 0)
		found.connect->starting = false;
}

static void end_start(struct app_operation *state, int result)
{
	struct driver *driver = op_driver(state->op);
	char name[APP_NAME_MAX + 1];
	bool cancelled = state->cancelled;

	memcpy(name, state->request.name, sizeof(name));
	state->starting = false;
	op_engine_release(state->op);
	if (cancelled) {
		give_up(state);
		succeed(driver, name);
	} else if (result < 0) {
		leave_list(state);
		fail_start(state);
		grant_each(driver, fail_waiting, name);
	} else {
		match(driver, name);
	}
}

static void done(struct app_client *client, int result)
{
	struct app_operation *state = of_client(client);

	if (state->waiting == WAITING_CONNECT)
		end_start(state, result);
	else if (result == -PLUTON_EFAIL)
		fail_start(state);
	else
		op_done(state->op, result, 0, 0);
}

static const struct app_client_ops client_ops = {.done = done};

static void granted(struct operation *op)
{
	struct app_operation *state = op_state(op);
	int r;

	state->client.ops = &client_ops;
	r = state->engine->ops->start(state->engine, &state->request, &state->client);
	if (r < 0)
		done(&state->client, r);
}

/* --- commands -------------------------------------------------------------------------------- */

/* The app at `cursor` or, at an engine's end, the next engine's first; false: that was all. */
static bool next_app(const struct operation *op, uint32_t *cursor, struct app_status *ret)
{
	struct app_engine *engine;

	while ((engine = engine_at(op, *cursor >> ENGINE_SHIFT))) {
		uint32_t index = *cursor & ((1u << ENGINE_SHIFT) - 1);

		if (engine->ops->status(engine, index, ret) == 0) {
			++*cursor;
			return true;
		}
		*cursor = ((*cursor >> ENGINE_SHIFT) + 1) << ENGINE_SHIFT;
	}
	return false;
}

static int list(struct operation *op)
{
	size_t room = op_length(op, SLOT_ROWS) / APP_ROW_SIZE;
	uint32_t cursor = op_word(op, WORD_FIRST), count = 0;
	struct app_status status;
	uint8_t row[APP_ROW_SIZE];

	if (check_caller(op) < 0)
		return -PLUTON_ENOSUPPORT;
	if (!room)
		return op_refuse(op, -PLUTON_ESIZE, "one row has %zu bytes, there is room for %zu",
				 (size_t)APP_ROW_SIZE, op_length(op, SLOT_ROWS));
	for (; count < room && count < ROWS_PER_COMMAND; count++) {
		if (!next_app(op, &cursor, &status)) {
			cursor = 0;
			break;
		}
		app_status_encode(&status, row);
		if (op_write(op, SLOT_ROWS, count * sizeof(row), row, sizeof(row)) !=
		    (ssize_t)sizeof(row))
			return -PLUTON_ESIZE;
	}
	op_done(op, 0, count, cursor);
	return 0;
}

static int status(struct operation *op)
{
	struct app_operation *state = op_state(op);
	uint8_t row[APP_ROW_SIZE];
	struct app_status found;
	uint32_t index;
	int r = read_name(op, state, &index);

	if (r == 0)
		r = state->engine->ops->status(state->engine, index, &found);
	if (r < 0)
		return r;
	app_status_encode(&found, row);
	r = op_write_all(op, SLOT_ROW, row, sizeof(row));
	if (r < 0)
		return r;
	op_done(op, 0, 0, 0);
	return 0;
}

static int administer(struct operation *op, enum app_action action)
{
	struct app_operation *state = op_state(op);
	uint32_t index;
	int r;

	if (!op_administers(op))
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "only root and the daemon's own user start and stop apps");
	r = read_name(op, state, &index);
	if (r < 0)
		return r;
	state->request.action = action;
	return op_engine_request(op, &state->engine->head, granted);
}

static int start(struct operation *op)
{
	return administer(op, APP_START);
}

static int stop(struct operation *op)
{
	return administer(op, APP_STOP);
}

static int restart(struct operation *op)
{
	return administer(op, APP_RESTART);
}

/* Of those who wait for one app, one has it started: a turn at the engine can take long. */
static int start_or_match(struct app_operation *state, const struct search *found)
{
	int r = 0;

	if (is_running(state)) {
		match(op_driver(state->op), state->request.name);
	} else if (!found->starting) {
		state->starting = true;
		r = op_engine_request(state->op, &state->engine->head, granted);
	}
	return r;
}

static int connect(struct operation *op)
{
	struct app_operation *state = op_state(op);
	struct search found;
	uint32_t index;
	int r = read_name(op, state, &index);

	if (r < 0)
		return r;
	state->request.action = APP_DEMAND;
	r = join_list(state, WAITING_CONNECT, &found);
	if (r < 0)
		return r;
	op_expire(op, (uint32_t)op_parameter(op, PARAMETER_CONNECT_TIMEOUT));
	r = start_or_match(state, &found);
	if (r < 0)
		leave_list(state);
	return r;
}

static int accept(struct operation *op)
{
	struct app_operation *state = op_state(op);
	struct op_identity who;
	struct search found;
	int r;

	op_identity(op, &who);
	if (!who.app[0])
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "only an app that the daemon has started takes channels");
	state->op = op;
	memcpy(state->request.name, who.app, sizeof(state->request.name));
	r = join_list(state, WAITING_ACCEPT, &found);
	if (r == 0)
		match(op_driver(op), who.app);
	return r;
}

static void cancel_turn(struct app_operation *state)
{
	if (op_engine_withdraw(state->op))
		done(&state->client, -PLUTON_ECANCEL);
	else
		state->engine->ops->cancel(state->engine, &state->client);
}

static void cancel(struct operation *op)
{
	struct app_operation *state = op_state(op);

	state->cancelled = true;
	if (state->waiting == WAITING_NOT || state->starting)
		cancel_turn(state);
	else
		give_up(state);
}

/* clang-format off */
#define NAME {"name", SLOT_RO, 1, APP_NAME_MAX, false, "of the app"}
#define ADMINISTER(number_, name_, doc_, run_)                                                     \
	{                                                                                          \
		.number = (number_), .name = (name_), .doc = (doc_), .waits = true,                \
		.slots = {[SLOT_NAME] = NAME},                                                     \
		.run = (run_),                                                                     \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "List",
		.doc = "app rows, in the order of their names",
		.answers = {"rows", "first of the next command, 0: no more"},
		.words = {[WORD_FIRST] = {"first", NULL, "0, or as the last answer said"}},
		.slots = {[SLOT_ROWS] = {"rows", SLOT_RW, 1, 0, false, "as many rows as fit"}},
		.run = list,
	},
	{
		.number = 2,
		.name = "Status",
		.doc = "one app row",
		.slots = {[SLOT_NAME] = NAME,
			  [SLOT_ROW] = {"row", SLOT_RW, APP_ROW_SIZE, 0, false,
					"gets the row"}},
		.run = status,
	},
	ADMINISTER(3, "Start", "starts an app and answers when it runs; root and the daemon's own "
		   "user only", start),
	ADMINISTER(4, "Stop", "stops an app and answers when it has; root and the daemon's own user "
		   "only", stop),
	ADMINISTER(5, "Restart", "stops and starts an app; root and the daemon's own user only",
		   restart),
	{
		.number = 6,
		.name = "Connect",
		.doc = "a channel straight to an app, which is started if need be",
		.gives = "channel",
		.waits = true,
		.slots = {[SLOT_NAME] = NAME},
		.run = connect,
	},
	{
		.number = 7,
		.name = "Accept",
		.doc = "for apps: the next channel that a client asks for",
		.gives = "channel",
		.waits = true,
		.slots = {[SLOT_PEER] = {"peer", SLOT_RW, APP_PEER_SIZE, 0, false,
					 "gets an app_peer row: who is at the other end"}},
		.run = accept,
	},
};
/* clang-format on */

extern const struct capsule app_capsule;
const struct capsule app_capsule = {
	.name = "app",
	.interface = "App",
	.doc = "Apps: programs that the daemon starts and that serve others.",
	.driver = 0x80000002,
	.state_size = sizeof(union app_state_room),
	.grant_size = sizeof(struct app_lists),
	.ports = 1,
	.port_kinds = {HIL_APP},
	.parameters = {[PARAMETER_CONNECT_TIMEOUT] = "connect_timeout"},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
