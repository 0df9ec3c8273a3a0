/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an operation, and a capsule's only way to a client's bytes: op_read, op_write and
 * op_lend look the range up again at every access, because it may have been replaced meanwhile.
 */
#include "daemon/kernel/operation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/kernel/expiry.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"

#define STATE_ALIGN 16u

static size_t aligned(size_t size)
{
	return (size + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;
}

static void step_memory(const struct operation *op, enum kernel_step reached, unsigned slot,
			size_t offset, size_t len)
{
	STEP_REACHED(&op->process->kernel->step, reached, .process = op->process->id, .op = op,
		     .slot = slot, .offset = offset, .length = len);
}

static void step_ended(const struct operation *op, enum kernel_step reached, int error)
{
	STEP_REACHED(&op->process->kernel->step, reached, .process = op->process->id, .op = op,
		     .error = (uint32_t)error);
}

/* --- the capsule's side ---------------------------------------------------------------------- */

struct driver *op_driver(const struct operation *op)
{
	return op->driver;
}

struct process_id op_process(const struct operation *op)
{
	return op->process->id;
}

uint32_t op_word(const struct operation *op, unsigned word)
{
	return word < CAPSULE_WORDS_MAX ? op->words[word] : 0;
}

void *op_state(struct operation *op)
{
	return (uint8_t *)op + aligned(sizeof(*op));
}

uint8_t *operation_inline(struct operation *op)
{
	return (uint8_t *)op_state(op) + aligned(op->driver->capsule->state_size);
}

void op_identity(const struct operation *op, struct op_identity *ret)
{
	const struct credentials *who = &op->process->who;

	*ret = (struct op_identity){.uid = who->uid,
				    .gid = who->gid,
				    .pid = who->pid,
				    .accepts_only = who->accepts_only};
	memcpy(ret->command, who->command, sizeof(ret->command));
	memcpy(ret->app, who->app, sizeof(ret->app));
}

void op_owner_name(const struct operation *op, char ret_name[OP_OWNER_SIZE])
{
	const struct credentials *who = &op->process->who;

	memset(ret_name, 0, OP_OWNER_SIZE);
	if (who->app[0])
		snprintf(ret_name, OP_OWNER_SIZE, "app-%s", who->app);
	else
		snprintf(ret_name, OP_OWNER_SIZE, "uid-%u", who->uid);
}

bool op_administers(const struct operation *op)
{
	const struct credentials *who = &op->process->who;

	return !who->confined && (who->uid == 0 || who->uid == geteuid());
}

uint64_t op_parameter(const struct operation *op, unsigned index)
{
	return index < CAPSULE_PARAMETERS_MAX ? op->driver->parameters[index] : 0;
}

struct hil_owner *op_owner(struct operation *op)
{
	return &op->process->owner;
}

/*
 * NULL for a slot that the command does not have: a standing operation's table may hold what
 * another command needs. An idle one shows its whole table.
 */
static const struct record_range *find_range(const struct operation *op, unsigned slot)
{
	if (slot >= RECORD_RANGES_MAX || (op->command && !op->command->slots[slot].name))
		return NULL;
	return &op->ranges[slot];
}

size_t op_length(const struct operation *op, unsigned slot)
{
	const struct record_range *range = find_range(op, slot);

	return range ? range->length : 0;
}

bool op_sealed(const struct operation *op, unsigned slot)
{
	const struct record_range *range = find_range(op, slot);
	const struct window *window = range ? window_find(op->process, range->window) : NULL;

	return window && window->sealed;
}

/* The slot's memory from offset on: ranges were checked when they came, windows never shrink. */
static uint8_t *reach(struct operation *op, unsigned slot, size_t offset, size_t *ret_len)
{
	const struct record_range *range = find_range(op, slot);
	const struct window *window;

	if (!range || offset >= range->length)
		return NULL;
	*ret_len = range->length - offset;
	if (range->window == RECORD_WINDOW_INLINE)
		return operation_inline(op) + range->offset + offset;
	window = window_find(op->process, range->window);
	return window ? window->memory + range->offset + offset : NULL;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

ssize_t op_read(struct operation *op, unsigned slot, size_t offset, void *buf, size_t len)
{
	size_t there;
	const uint8_t *memory = reach(op, slot, offset, &there);

	if (op->process->dying)
		return -PLUTON_ECANCEL;
	if (!memory || !len)
		return -PLUTON_ESIZE;
	len = smaller(len, there);
	memcpy(buf, memory, len);
	step_memory(op, STEP_PULL, slot, offset, len);
	return (ssize_t)len;
}

ssize_t op_write(struct operation *op, unsigned slot, size_t offset, const void *buf, size_t len)
{
	size_t there;
	uint8_t *memory = reach(op, slot, offset, &there);

	if (op->process->dying)
		return -PLUTON_ECANCEL;
	if (slot < RECORD_RANGES_MAX && !(op->writable >> slot & 1))
		return -PLUTON_EINVAL;
	if (!memory || !len)
		return -PLUTON_ESIZE;
	len = smaller(len, there);
	memcpy(memory, buf, len);
	step_memory(op, STEP_PUSH, slot, offset, len);
	return (ssize_t)len;
}

int op_read_all(struct operation *op, unsigned slot, void *buf, size_t len)
{
	ssize_t n;

	if (op_length(op, slot) < len)
		return -PLUTON_ESIZE;
	n = op_read(op, slot, 0, buf, len);
	return n < 0 ? (int)n : 0;
}

int op_write_all(struct operation *op, unsigned slot, const void *buf, size_t len)
{
	ssize_t n;

	if (op_length(op, slot) < len)
		return -PLUTON_ESIZE;
	n = op_write(op, slot, 0, buf, len);
	return n < 0 ? (int)n : 0;
}

static uint8_t *lend(struct operation *op, unsigned slot, size_t offset, size_t *ret_len)
{
	uint8_t *memory;

	if (slot >= RECORD_RANGES_MAX || op->process->dying ||
	    op->ranges[slot].window == RECORD_WINDOW_INLINE)
		return NULL;
	memory = reach(op, slot, offset, ret_len);
	if (!memory)
		return NULL;
	op->lent |= (uint8_t)(1u << (op->ranges[slot].window - 1));
	step_memory(op, STEP_LEND, slot, offset, *ret_len);
	return memory;
}

const uint8_t *op_lend_ro(struct operation *op, unsigned slot, size_t offset, size_t *ret_len)
{
	return lend(op, slot, offset, ret_len);
}

uint8_t *op_lend_rw(struct operation *op, unsigned slot, size_t offset, size_t *ret_len)
{
	if (slot >= RECORD_RANGES_MAX || !(op->writable >> slot & 1))
		return NULL;
	return lend(op, slot, offset, ret_len);
}

/* --- its life -------------------------------------------------------------------------------- */

struct operation *operation_find(struct process *process, uint32_t op_id)
{
	for (struct operation *op = process->operations; op; op = op->next) {
		if (op->op_id == op_id && op_id != 0)
			return op;
	}
	return NULL;
}

struct operation *operation_find_standing(struct process *process, const struct driver *driver)
{
	for (struct operation *op = process->operations; op; op = op->next) {
		if (op->op_id == 0 && op->driver == driver)
			return op;
	}
	return NULL;
}

/* Bytes behind an operation: state and inline bytes, and then, in their place, a sentence. */
static size_t room_of(const struct driver *driver, size_t inline_size)
{
	size_t room = aligned(driver->capsule->state_size) + inline_size;

	return room < OPERATION_WHY_MIN ? OPERATION_WHY_MIN : room;
}

struct operation *operation_make(struct process *process, struct driver *driver, size_t inline_size)
{
	size_t size = aligned(sizeof(struct operation)) + room_of(driver, inline_size);
	struct operation *op = arena_take(&process->arena, BLOCK_OPERATION, size);
	struct operation **link = &process->operations;

	if (!op)
		return NULL;
	op->process = process;
	op->driver = driver;
	op->descriptor = -1;
	while (*link)
		link = &(*link)->next;
	*link = op;
	operation_step(op, STEP_OPERATION_MADE);
	return op;
}

void operation_free(struct operation *op)
{
	struct process *process = op->process;
	struct operation **link = &process->operations;

	while (*link != op)
		link = &(*link)->next;
	*link = op->next;
	op_expire(op, 0);
	operation_drop_descriptor(op);
	arena_give(&process->arena, op);
	process_reap(process);
}

void operation_reset(struct operation *op)
{
	op_expire(op, 0);
	operation_drop_descriptor(op);
	op->state = OPERATION_IDLE;
	op->command = NULL;
	op->lent = 0;
	op->why_length = 0;
	op->cancelled = false;
	op->expired = false;
	op->upcall_pending = false;
	explicit_bzero(op_state(op), op->driver->capsule->state_size);
}

/* false: a wrong capsule ended it all the same, and the answer is on its way. */
static bool refused(const struct operation *op)
{
	if (op->state == OPERATION_RUNNING)
		return true;
	kernel_report(op->process->kernel, &op->process->id,
		      "capsule %s refused an operation that it had ended: the refusal is ignored",
		      op->driver->capsule->name);
	return false;
}

static int tell_gate(const struct operation *op, int error)
{
	const char *why = error == -PLUTON_EFAIL ? operation_gate_refusal(op) : NULL;

	return why ? kernel_refuse(op->process->kernel, error, "%s", why) : error;
}

int operation_run(struct operation *op, const struct command *command)
{
	struct process *process = op->process;
	struct driver *driver = op->driver;
	int r;

	op->command = command;
	op->state = OPERATION_RUNNING;
	process->kernel->running += !command->waits;
	operation_step(op, STEP_OPERATION_ACCEPTED);
	r = command->run(op); /* where it returns 0 the operation may have ended already */
	if (r < 0 && refused(op)) {
		r = tell_gate(op, r);
		step_ended(op, STEP_OPERATION_REFUSED, -r);
		process->kernel->running -= !command->waits;
		op_engine_release(op);
		upcall_withdraw(op); /* what a wrong capsule sent before it refused */
		operation_reset(op);
		return r;
	}
	process->kernel->counters.operations++;
	driver->operations++;
	process->requests++;
	return 0;
}

static void answer(struct operation *op)
{
	if (op->process->dying) {
		operation_free(op);
		return;
	}
	op->state = OPERATION_ANSWERED;
	upcall_post(op);
}

/* What the process is told where the capsule says `status`. */
static int told_status(const struct operation *op, int status)
{
	if (status == -PLUTON_ECANCEL && op->expired)
		return -PLUTON_EBUSY;
	if (status != 0 || !op->command->gives || op->descriptor >= 0)
		return status;
	kernel_report(op->process->kernel, &op->process->id,
		      "capsule %s ended %s without the descriptor that it gives: it failed",
		      op->driver->capsule->name, op->command->name);
	return -PLUTON_EFAIL;
}

const char *operation_why(const struct operation *op)
{
	return (const char *)op + aligned(sizeof(*op));
}

/* The capsule is through with its state: what was there makes room for the sentence. */
static void keep_why(struct operation *op, const char *why)
{
	uint8_t *room = op_state(op);
	size_t size = room_of(op->driver, (size_t)op->inline_length + op->output_length);

	explicit_bzero(room, size);
	op->why_length = (uint16_t)smaller(strlen(why), size);
	memcpy(room, why, op->why_length);
}

/* `why` may be NULL. */
static void end(struct operation *op, int status, const uint32_t words[2], const char *why)
{
	const char *gate_says = NULL;

	if (op->state != OPERATION_RUNNING) {
		kernel_report(op->process->kernel, &op->process->id,
			      "capsule %s ended an operation twice: the second is ignored",
			      op->driver->capsule->name);
		return;
	}
	if (status == -PLUTON_EFAIL)
		gate_says = operation_gate_refusal(op);
	op_engine_release(op);
	op_expire(op, 0);
	status = told_status(op, status);
	if (status < 0)
		operation_drop_descriptor(op);
	if (gate_says || (status < 0 && why))
		keep_why(op, gate_says ? gate_says : why);
	op->process->kernel->running -= !op->command->waits;
	op->missed += op->upcall_pending;
	op->more = false;
	op->upcall_words[0] = (uint32_t)-status;
	op->upcall_words[1] = status == 0 ? words[0] : 0;
	op->upcall_words[2] = status == 0 ? words[1] : 0;
	step_ended(op, STEP_OPERATION_DONE, -status);
	answer(op);
}

void op_done(struct operation *op, int status, uint32_t word1, uint32_t word2)
{
	end(op, status, (const uint32_t[]){word1, word2}, NULL);
}

void op_fail(struct operation *op, int error, const char *format, ...)
{
	static const uint32_t none[2];
	char why[RECORD_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	end(op, error, none, why);
}

void op_more(struct operation *op, uint32_t word1, uint32_t word2)
{
	if (op->process->dying)
		return;
	if (op->state != OPERATION_RUNNING || !op->command->repeats) {
		kernel_report(op->process->kernel, &op->process->id,
			      "capsule %s sends more for an operation that does not repeat: "
			      "it is ignored",
			      op->driver->capsule->name);
		return;
	}
	op->missed += op->upcall_pending;
	op->more = true;
	op->upcall_words[0] = 0;
	op->upcall_words[1] = word1;
	op->upcall_words[2] = word2;
	upcall_post(op);
}

void op_missed(struct operation *op, uint32_t count)
{
	op->missed = count < UINT32_MAX - op->missed ? op->missed + count : UINT32_MAX;
}

void operation_cancel(struct operation *op)
{
	if (op->state != OPERATION_RUNNING || op->cancelled)
		return;
	op->cancelled = true;
	if (op->driver->capsule->cancel)
		op->driver->capsule->cancel(op);
}

/* One that a dying process no longer needs, or that was not told yet. */
static struct operation *next_to_end(struct process *process)
{
	for (struct operation *op = process->operations; op; op = op->next) {
		if (op->state != OPERATION_RUNNING || !op->cancelled)
			return op;
	}
	return NULL;
}

void operation_cancel_all(struct process *process)
{
	struct operation *op;

	while ((op = next_to_end(process))) {
		if (op->state == OPERATION_RUNNING)
			operation_cancel(op);
		else
			operation_free(op);
	}
}

bool operation_uses_window(const struct process *process, uint32_t number)
{
	for (struct operation *op = process->operations; op; op = op->next) {
		if (op->lent >> (number - 1) & 1)
			return true;
		for (unsigned i = 0; i < RECORD_RANGES_MAX; i++) {
			if (op->ranges[i].length && op->ranges[i].window == number)
				return true;
		}
	}
	return false;
}
