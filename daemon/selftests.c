/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asked for tests waits until none of his engines has one to be made. There is no list of them:
 * that would tie arenas together, so the process table is walked when an engine is through.
 */
#include "daemon/selftests.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/kernel/operation.h"
#include "daemon/log.h"
#include "daemon/machine.h"
#include "daemon/manager.h"

/* In the state of an operation that waits. */
struct asked {
	char engine[PLUTON_NAME_SIZE]; /* "": all */
};
static_assert(sizeof(struct asked) <= MANAGER_STATE_SIZE, "the manager's operations have room");

/* --- all engines ----------------------------------------------------------------------------- */

/* The tested engine at a place among all; NULL: there is none. */
static struct hil_engine *engine_at(const struct machine *machine, uint32_t place)
{
	const struct hil_port *port = &machine->engines.ports[place / HIL_ENGINES_MAX];
	unsigned priority = place % HIL_ENGINES_MAX;

	if (priority >= port->count || !port->engines[priority]->gate)
		return NULL;
	return port->engines[priority];
}

#define PLACES (HIL_KINDS * HIL_ENGINES_MAX)
#define for_each_tested(machine, engine)                                                           \
	for (uint32_t place_ = 0; place_ < PLACES; place_++)                                       \
		for (struct hil_engine *engine = engine_at(machine, place_); engine; engine = NULL)

static bool is_meant(const struct asked *asked, const struct hil_engine *engine)
{
	return !*asked->engine || strcmp(asked->engine, engine->name) == 0;
}

/* --- what the observer is told --------------------------------------------------------------- */

static void add_failures(const struct hil_engine *engine, struct selftest_result *first,
			 const char **ret_engine, unsigned *ret_count)
{
	struct selftest_result result;

	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (!selftest_look(engine, i, &result) || result.state != SELFTEST_FAILED)
			continue;
		if ((*ret_count)++ == 0) {
			*first = result;
			*ret_engine = engine->name;
		}
	}
}

static void tell_observer(struct machine *machine)
{
	const struct machine_observer *observer = &machine->observer;
	struct selftest_result first = {0};
	char trouble[SELFTESTS_TROUBLE_SIZE];
	const char *name = NULL;
	unsigned count = 0;

	machine->selftests.untold = false;
	for_each_tested(machine, engine) add_failures(engine, &first, &name, &count);
	if (count == 1)
		snprintf(trouble, sizeof(trouble), "%s of engine %s failed its self test",
			 first.algorithm, name);
	else if (count)
		snprintf(trouble, sizeof(trouble),
			 "%s of engine %s and %u more failed their self tests", first.algorithm,
			 name, count - 1);
	machine->selftests.troubled = count > 0;
	if (observer->selftest_judged)
		observer->selftest_judged(observer->context, count ? trouble : NULL);
}

static bool is_pending(const struct machine *machine, const struct asked *asked);

/* The first failure at once; after that once all tests are through, for each word takes a message.
 */
static void tell_soon(struct machine *machine)
{
	static const struct asked all;

	if (machine->selftests.troubled && is_pending(machine, &all))
		machine->selftests.untold = true;
	else
		tell_observer(machine);
}

static void judged(void *context, struct hil_engine *engine, unsigned algorithm)
{
	struct machine *machine = ((const struct selftests *)context)->machine;
	struct selftest_result result;

	if (!selftest_look(engine, algorithm, &result))
		return;
	if (result.state == SELFTEST_FAILED)
		log_event(PLUTON_LOG_ERROR,
			  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_SELFTEST_FAILED),
				     LOG_TEXT("engine", engine->name),
				     LOG_TEXT("hil", hil_name(engine->kind)),
				     LOG_TEXT("algorithm", result.algorithm)),
			  "a self test failed: %s of engine %s %s; it is refused from now on",
			  result.algorithm, engine->name, result.why);
	else
		log_event(PLUTON_LOG_INFO,
			  LOG_FIELDS(LOG_TEXT("engine", engine->name),
				     LOG_TEXT("hil", hil_name(engine->kind)),
				     LOG_TEXT("algorithm", result.algorithm)),
			  "%s of engine %s passes its self test again", result.algorithm,
			  engine->name);
	tell_soon(machine);
}

static void timed(void *context, bool is_timed)
{
	struct expiry *expiry = &((struct selftests *)context)->machine->kernel.expiry;

	expiry->timed += is_timed ? 1u : -1u;
}

/* --- who waits ------------------------------------------------------------------------------- */

static bool is_pending(const struct machine *machine, const struct asked *asked)
{
	for_each_tested(machine, engine)
	{
		if (is_meant(asked, engine) && selftest_pending(engine))
			return true;
	}
	return false;
}

static void count_results(const struct hil_engine *engine, uint32_t *passed, uint32_t *failed)
{
	struct selftest_result result;

	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (!selftest_look(engine, i, &result))
			continue;
		*passed += result.state == SELFTEST_PASSED;
		*failed += result.state == SELFTEST_FAILED;
	}
}

static void answer(struct machine *machine, struct operation *op)
{
	const struct asked *asked = op_state(op);
	uint32_t passed = 0, failed = 0;

	for_each_tested(machine, engine)
	{
		if (is_meant(asked, engine))
			count_results(engine, &passed, &failed);
	}
	machine->selftests.waiting--;
	op_done(op, 0, passed, failed);
}

static bool waits(const struct operation *op)
{
	return op->driver->capsule == &manager_capsule && op->state == OPERATION_RUNNING &&
	       op->command->number == MANAGER_SELF_TEST;
}

static void answer_process(struct machine *machine, struct process *process)
{
	struct operation *next;

	for (struct operation *op = process->operations; op; op = next) {
		next = op->next;
		if (waits(op) && !is_pending(machine, op_state(op)))
			answer(machine, op);
	}
}

static void ended(void *context, struct hil_engine *engine)
{
	struct machine *machine = ((struct selftests *)context)->machine;

	(void)engine;
	if (machine->selftests.untold)
		tell_soon(machine);
	if (!machine->selftests.waiting)
		return;
	kernel_for_each_process (&machine->kernel, process)
		answer_process(machine, process);
}

static int read_name(struct operation *op, unsigned slot, struct asked *asked)
{
	size_t length = op_length(op, slot);

	if (!length)
		return 0;
	if (length >= sizeof(asked->engine) || op_read_all(op, slot, asked->engine, length) < 0)
		return op_refuse(op, -PLUTON_EINVAL, "the engine's name cannot be read");
	return 0;
}

int selftests_run(struct machine *machine, struct operation *op, unsigned slot)
{
	struct asked *asked = op_state(op);
	bool any = false;
	int r = read_name(op, slot, asked);

	if (r < 0)
		return r;
	for_each_tested(machine, engine)
	{
		if (!is_meant(asked, engine))
			continue;
		any = true;
		selftest_begin(engine);
	}
	if (!any && *asked->engine)
		return op_refuse(op, -PLUTON_EINVAL,
				 "no engine of that name has a self test: see pluton-cli engines");
	machine->selftests.waiting++;
	if (!any)
		answer(machine, op);
	return 0;
}

void selftests_cancel(struct machine *machine, struct operation *op)
{
	machine->selftests.waiting--;
	op_done(op, -PLUTON_ECANCEL, 0, 0);
}

/* --- the machine's --------------------------------------------------------------------------- */

int selftests_init(struct machine *machine)
{
	struct selftests *selftests = &machine->selftests;

	*selftests = (struct selftests){.machine = machine,
					.options = {.deferred = &machine->kernel.deferred,
						    .owner = &selftests->owner,
						    .judged = judged,
						    .timed = timed,
						    .ended = ended,
						    .context = selftests}};
	return kernel_add_owner(&machine->kernel, &selftests->owner);
}

void selftests_begin(struct machine *machine)
{
	for_each_tested(machine, engine) selftest_begin(engine);
}

static bool are_busy(const void *context)
{
	const struct machine *machine = context;

	for_each_tested(machine, engine)
	{
		if (selftest_busy(engine))
			return true;
	}
	return false;
}

void selftests_end(struct machine *machine)
{
	for_each_tested(machine, engine) selftest_stop(engine);
	loop_run_while(&machine->loop, are_busy, machine);
}

static void fill_row(const struct hil_engine *engine, const struct selftest_result *result,
		     struct pluton_selftest_row *row)
{
	snprintf(row->engine, sizeof(row->engine), "%s", engine->name);
	snprintf(row->hil, sizeof(row->hil), "%s", hil_name(engine->kind));
	snprintf(row->algorithm, sizeof(row->algorithm), "%s", result->algorithm);
	snprintf(row->why, sizeof(row->why), "%s", result->why);
	row->state = result->state;
	row->runs = result->runs;
	row->failures = result->failures;
}

uint32_t selftests_row(const struct machine *machine, uint32_t index,
		       struct pluton_selftest_row *ret)
{
	struct selftest_result result;

	for (; index < PLACES * SELFTEST_ALGORITHMS; index++) {
		const struct hil_engine *engine = engine_at(machine, index / SELFTEST_ALGORITHMS);

		if (!engine || !selftest_look(engine, index % SELFTEST_ALGORITHMS, &result))
			continue;
		fill_row(engine, &result, ret);
		return index + 1;
	}
	return 0;
}
