/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation's turn at an engine: the capsule's calls, put to the engine's arbiter.
 */
#include "daemon/kernel/operation.h"

static struct operation *operation_of(struct hil_waiter *waiter)
{
	return (struct operation *)(void *)((char *)waiter - offsetof(struct operation, waiter));
}

static void on_granted(struct hil_waiter *waiter)
{
	struct operation *op = operation_of(waiter);

	operation_step(op, STEP_ENGINE_GRANTED);
	op->granted(op);
}

static void on_expired(struct hil_waiter *waiter)
{
	struct operation *op = operation_of(waiter);

	kernel_report(op->process->kernel, &op->process->id,
		      "%s held its engine past engine_deadline: cancelled",
		      op->driver->capsule->name);
	operation_cancel(op);
}

const struct hil_port *op_port(const struct operation *op, unsigned index)
{
	return index < op->driver->capsule->ports ? &op->driver->ports[index] : NULL;
}

typedef int (*request_fn)(struct hil_engine *engine, struct hil_waiter *waiter,
			  struct hil_owner *owner, const struct hil_engine *above);

static int ask(struct operation *op, struct hil_engine *engine, request_fn request,
	       void (*granted)(struct operation *op))
{
	int r;

	op->granted = granted;
	op->waiter.granted = on_granted;
	op->waiter.expired = on_expired;
	r = request(engine, &op->waiter, &op->process->owner, NULL);
	if (r == 0)
		operation_step(op, STEP_ENGINE_REQUESTED);
	return r;
}

int op_engine_request(struct operation *op, struct hil_engine *engine,
		      void (*granted)(struct operation *op))
{
	return ask(op, engine, arbiter_request, granted);
}

int op_engine_request_slow(struct operation *op, struct hil_engine *engine,
			   void (*granted)(struct operation *op))
{
	return ask(op, engine, arbiter_request_slow, granted);
}

bool op_engine_withdraw(struct operation *op)
{
	return arbiter_withdraw(&op->waiter);
}

static const char *port_refusal(const struct hil_port *port)
{
	const char *why = NULL;

	for (unsigned i = 0; i < port->count && !why; i++) {
		struct hil_engine *engine = port->engines[i];

		if (engine->gate)
			why = engine->gate->refusal(engine);
	}
	return why;
}

const char *operation_gate_refusal(const struct operation *op)
{
	const struct driver *driver = op->driver;
	const char *why = NULL;

	for (unsigned i = 0; i < driver->capsule->ports && !why; i++)
		why = port_refusal(&driver->ports[i]);
	return why;
}

void op_engine_release(struct operation *op)
{
	if (op->waiter.state == HIL_WAITING)
		arbiter_withdraw(&op->waiter);
	if (op->waiter.state != HIL_HOLDING)
		return;
	operation_step(op, STEP_ENGINE_RELEASED);
	arbiter_release(&op->waiter);
}
