/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tock's raw system calls (TRD104) as calls on a standing operation: one for each process and
 * driver, made at the first call. Allow replaces one entry of its table, subscribe names its
 * upcall, command runs it.
 */
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"

#define UPCALL_NUMBER 0u /* drivers here have one upcall: the answer */

static int standing(struct process *process, struct driver *driver, struct operation **ret_op)
{
	struct operation *op = operation_find_standing(process, driver);

	if (!op)
		op = operation_make(process, driver, 0);
	if (!op)
		return kernel_refuse(process->kernel, -PLUTON_ENOMEM,
				     "no memory for the standing operation of %s",
				     driver->capsule->name);
	*ret_op = op;
	return 0;
}

static int run_command(struct operation *op, const struct record_call *call)
{
	const struct command *command;
	int r = request_command(op->process->kernel, op->driver, call->number, &command);

	if (r < 0)
		return r;
	if (op->state != OPERATION_IDLE)
		return kernel_refuse(op->process->kernel, -PLUTON_EBUSY,
				     "%s is running a command for this process",
				     op->driver->capsule->name);
	op->words[0] = call->args[0];
	op->words[1] = call->args[1];
	r = operation_check(op, command);
	return r < 0 ? r : operation_run(op, command);
}

static int do_command(struct process *process, struct driver *driver,
		      const struct record_call *call, struct record_return *ret)
{
	struct operation *op;
	int r;

	ret->variant = VARIANT_SUCCESS;
	if (call->number == 0) /* "exists": that we got here is the answer */
		return 0;
	r = standing(process, driver, &op);
	return r < 0 ? r : run_command(op, call);
}

/* true: some command of the driver takes such a range in this slot. */
static bool slot_exists(const struct driver *driver, uint32_t slot, bool writable)
{
	for (size_t i = 0; i < driver->capsule->command_count && slot < CAPSULE_SLOTS_MAX; i++) {
		const struct command_slot *entry = &driver->capsule->commands[i].slots[slot];

		if (entry->name && (entry->access == SLOT_RW) == writable)
			return true;
	}
	return false;
}

static int find_operation(struct process *process, struct driver *driver, uint32_t op_id,
			  struct operation **ret_op)
{
	if (op_id == 0)
		return standing(process, driver, ret_op);
	*ret_op = operation_find(process, op_id);
	if (!*ret_op || (*ret_op)->driver != driver)
		return kernel_refuse(process->kernel, -PLUTON_EINVAL,
				     "operation %u is not under way at %s", op_id,
				     driver->capsule->name);
	return 0;
}

/* A live operation keeps the access its command was checked for. */
static int check_access(const struct operation *op, uint32_t slot, bool writable)
{
	if (op->op_id != 0 && op->command->slots[slot].name &&
	    (op->command->slots[slot].access == SLOT_RW) == writable)
		return 0;
	if (op->op_id == 0 && slot_exists(op->driver, slot, writable))
		return 0;
	return kernel_refuse(op->process->kernel, -PLUTON_EINVAL, "%s has no %s slot %u",
			     op->driver->capsule->name, writable ? "rw" : "ro", slot);
}

static int do_allow(struct process *process, struct driver *driver, const struct record *record,
		    struct record_return *ret)
{
	const struct record_call *call = &record->call;
	const struct record_range range = {call->args[0], call->args[1], call->args[2]};
	bool writable = call->class == CLASS_ALLOW_RW;
	struct record_range old;
	struct operation *op;
	int r = find_operation(process, driver, record->header.op_id, &op);

	if (r < 0)
		return r;
	if (call->number >= RECORD_RANGES_MAX)
		return kernel_refuse(process->kernel, -PLUTON_EINVAL, "there is no slot %u",
				     call->number);
	r = check_access(op, call->number, writable);
	if (r < 0)
		return r;
	old = op->ranges[call->number];
	r = operation_set_range(op, call->number, &range, writable);
	if (r < 0)
		return r;
	*ret = (struct record_return){.variant = VARIANT_SUCCESS_3U32,
				      .words = {old.window, old.offset, old.length}};
	return 0;
}

static int do_subscribe(struct process *process, struct driver *driver,
			const struct record_call *call, struct record_return *ret)
{
	struct operation *op;
	int r;

	if (call->number != UPCALL_NUMBER)
		return kernel_refuse(process->kernel, -PLUTON_ENOSUPPORT, "%s has no upcall %u",
				     driver->capsule->name, call->number);
	r = standing(process, driver, &op);
	if (r < 0)
		return r;
	upcall_withdraw(op);
	ret->variant = VARIANT_SUCCESS_U32;
	ret->words[0] = op->subscription;
	op->subscription = call->args[0];
	return 0;
}

static int do_memop(struct process *process, const struct record_call *call,
		    struct record_return *ret)
{
	struct process_account account;

	process_measure(process, &account);
	ret->variant = VARIANT_SUCCESS_U32;
	switch (call->number) {
	case MEMOP_LIMIT:
		ret->words[0] = (uint32_t)process->arena.limit;
		return 0;
	case MEMOP_USED:
		ret->words[0] = (uint32_t)account.taken;
		return 0;
	case MEMOP_WINDOWS:
		ret->words[0] = account.windows;
		return 0;
	default:
		return kernel_refuse(process->kernel, -PLUTON_ENOSUPPORT, "there is no memop %u",
				     call->number);
	}
}

static int call_driver(struct process *process, const struct record *record,
		       struct record_return *ret)
{
	struct driver *driver;
	int r = request_driver(process, record->header.driver, &driver);

	if (r < 0)
		return r;
	switch (record->call.class) {
	case CLASS_COMMAND:
		r = do_command(process, driver, &record->call, ret);
		break;
	case CLASS_ALLOW_RO:
	case CLASS_ALLOW_RW:
		r = do_allow(process, driver, record, ret);
		break;
	case CLASS_SUBSCRIBE:
		r = do_subscribe(process, driver, &record->call, ret);
		break;
	default:
		return kernel_refuse(process->kernel, -PLUTON_ENOSUPPORT,
				     "there is no system call class %u", record->call.class);
	}
	if (r < 0)
		driver->refusals++;
	return r;
}

void trd104_call(struct process *process, const struct record *record, struct record_return *ret)
{
	struct record_return done = {0};
	int r;

	process->kernel->why[0] = '\0';
	r = record->call.class == CLASS_MEMOP ? do_memop(process, &record->call, &done)
					      : call_driver(process, record, &done);
	if (r < 0) {
		request_refused(process, NULL);
		done = (struct record_return){.variant = VARIANT_FAILURE, .words = {(uint32_t)-r}};
	}
	*ret = done;
}
