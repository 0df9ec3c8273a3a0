/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's half of the engine: pulls the input into the operation's own memory, gives the job to
 * a worker, pushes what came out. One owner's jobs run one after the other in the order in which
 * their input was complete; those of several owners at once, so that a slow write of one owner does
 * not hold up the reads of another. An owner is a party at the arbiter, which gives it no more than
 * SHARE of the places here; what waits beyond that holds none.
 *
 * The rule a newcomer would break first: a job that a worker has belongs to the worker, but for
 * work.cancelled.
 */
#include "backends/files/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/files/boot_locks.h"
#include "backends/files/job.h"
#include "backends/worker.h"

#define OPERATIONS 8u
#define SHARE 2u /* of one owner: one works, one moves its bytes */
#define THREADS 4u

/* Bytes of one deferred call, and what one callback weighs: a client may move one at a time. */
#define SLICE (64u * 1024)
#define CALLBACK_COST 512u

enum phase {
	PHASE_PULL = 0,
	PHASE_WAIT, /* for other jobs of the same owner */
	PHASE_WORK,
	PHASE_WIPE, /* a worker wipes what was pulled: it failed before it was a job */
	PHASE_PUSH,
	PHASE_END,
};

struct files_operation {
	struct deferred_call call;
	struct work work;
	struct files_unit *unit;
	struct nv_client *client; /* NULL: idle */
	enum phase phase;
	bool cancelled;
	uint64_t ready; /* when it began to wait: a counter */
	size_t cursor;
	int result;
	struct job job;
	struct owed *spare; /* so that what is owed can be noted when there is no memory */
};

/* A repair that an owner's next job has to make first. */
struct owed {
	struct owed *next;
	struct repair repair;
};

struct files_unit {
	struct nv_engine engine;
	const struct backend_environment *environment;
	const struct files_options *options;
	struct worker_pool workers; /* opened by the first job */
	struct files_operation operations[OPERATIONS];
	struct boot_locks boot_locks;
	struct owed *owed;
	uint64_t ticket;
	uint64_t ready;
	bool settled;
	char broken[DISK_WHY_SIZE]; /* why nothing may be touched; "": all is well */
	char why[DISK_WHY_SIZE];    /* valid inside done */
};

/* --- what is owed ---------------------------------------------------------------------------- */

static const struct owed *find_owed(const struct files_unit *unit, const char *owner)
{
	const struct owed *owed = unit->owed;

	while (owed && strcmp(owed->repair.owner, owner) != 0)
		owed = owed->next;
	return owed;
}

static void drop_owed(struct files_unit *unit, const char *owner)
{
	struct owed **link = &unit->owed, *owed;

	while (*link && strcmp((*link)->repair.owner, owner) != 0)
		link = &(*link)->next;
	owed = *link;
	if (!owed)
		return;
	*link = owed->next;
	free(owed);
}

static void note_owed(struct files_unit *unit, struct owed *owed, const struct repair *repair)
{
	owed->repair = *repair;
	owed->next = unit->owed;
	unit->owed = owed;
}

/* A worker is done: what it found owed was made, or still is, or something new is. */
static void settle_repair(struct files_operation *op)
{
	const char *owner = op->job.request.owner;
	const struct owed *owed = find_owed(op->unit, owner);

	if (op->job.repair.kind == REPAIR_NOTHING) {
		drop_owed(op->unit, owner);
	} else if (!owed) {
		note_owed(op->unit, op->spare, &op->job.repair);
		op->spare = NULL;
	} else {
		drop_owed(op->unit, owner);
		note_owed(op->unit, op->spare, &op->job.repair);
		op->spare = NULL;
	}
}

/* --- the end --------------------------------------------------------------------------------- */

/* The disk's failures go to the log: an answer has no room for a sentence. */
static void report(const struct files_unit *unit, const struct disk *disk, int result)
{
	const struct backend_environment *environment = unit->environment;
	bool is_the_disk = result == -PLUTON_EFAIL || result == 0;

	if (is_the_disk && disk->why[0] && environment->report)
		environment->report(PLUTON_LOG_WARNING, NULL, 0, disk->why);
}

static void finish(struct files_operation *op)
{
	struct nv_answer answer = {.length = op->job.output_length, .status = op->job.status};
	struct files_unit *unit = op->unit;
	struct nv_client *client = op->client;
	int result = op->result;

	report(unit, &op->job.disk, result);
	memcpy(unit->why, op->job.disk.why, sizeof(unit->why));
	explicit_bzero(op->job.input, op->job.output_length);
	deferred_call_drop(&op->call); /* a cancel from inside a callback has set it once more */
	op->client = NULL;
	client->ops->done(client, result, result == 0 ? &answer : NULL);
	unit->why[0] = '\0';
}

static void end(struct files_operation *op, int result)
{
	op->result = result;
	op->phase = PHASE_END;
	deferred_call_set(&op->call);
}

/* --- work ------------------------------------------------------------------------------------ */

static struct files_operation *of_work(struct work *work)
{
	return (struct files_operation *)(void *)((char *)work -
						  offsetof(struct files_operation, work));
}

static int run_job(struct work *work)
{
	struct job *job = &of_work(work)->job;

	if (!atomic_load(&work->cancelled))
		return job_run(job);
	job_wipe(job);
	return -PLUTON_ECANCEL;
}

static int run_wipe(struct work *work)
{
	job_wipe(&of_work(work)->job);
	return 0;
}

static int submit(struct files_operation *op, int (*run)(struct work *work))
{
	struct files_unit *unit = op->unit;
	int r = 0;

	if (!unit->workers.threads)
		r = worker_pool_open(&unit->workers, unit->environment->interrupts, THREADS);
	if (r < 0)
		return r;
	op->work.run = run;
	worker_pool_submit(&unit->workers, &op->work);
	return 0;
}

/* It fails before a worker saw it, and what was pulled is wiped; much of it not on the loop. */
static void abandon(struct files_operation *op, int result)
{
	op->result = result;
	op->job.request.length = op->cursor; /* no more than that was written */
	if (op->cursor > SLICE && submit(op, run_wipe) == 0) {
		op->phase = PHASE_WIPE;
		return;
	}
	job_wipe(&op->job);
	end(op, result);
}

static void look_up_boot_locks(struct files_operation *op)
{
	const struct boot_locks *locks = &op->unit->boot_locks;
	struct job *job = &op->job;

	job->boot_locks = boot_locks_find(locks, job->request.owner, job->request.name);
	for (unsigned i = 0; i < job->change_count; i++)
		job->change_locks[i] =
			boot_locks_find(locks, job->request.owner, job->changes[i].name);
}

static void begin_job(struct files_operation *op)
{
	struct files_unit *unit = op->unit;
	const struct owed *owed = find_owed(unit, op->job.request.owner);
	int r;

	if (unit->broken[0]) {
		abandon(op, disk_refuse(&op->job.disk, -PLUTON_EFAIL, "%s", unit->broken));
		return;
	}
	look_up_boot_locks(op);
	op->job.ticket = unit->ticket++;
	op->job.settled = unit->settled;
	if (owed)
		op->job.repair = owed->repair;
	op->phase = PHASE_WORK;
	r = submit(op, run_job);
	if (r < 0)
		abandon(op, r);
}

static bool is_owner_busy(const struct files_unit *unit, const char *owner)
{
	for (unsigned i = 0; i < OPERATIONS; i++) {
		const struct files_operation *op = &unit->operations[i];

		if (op->client && op->phase == PHASE_WORK &&
		    strcmp(op->job.request.owner, owner) == 0)
			return true;
	}
	return false;
}

/* The one that waits longest of those whose owner is not busy. */
static struct files_operation *next_ready(struct files_unit *unit)
{
	struct files_operation *next = NULL;

	for (unsigned i = 0; i < OPERATIONS; i++) {
		struct files_operation *op = &unit->operations[i];

		if (op->client && op->phase == PHASE_WAIT && !op->cancelled &&
		    (!next || op->ready < next->ready) &&
		    !is_owner_busy(unit, op->job.request.owner))
			next = op;
	}
	return next;
}

static void dispatch(struct files_unit *unit)
{
	struct files_operation *op;

	while ((op = next_ready(unit)))
		begin_job(op);
}

/* What the disk does not keep. */
static int keep_boot_lock(struct files_operation *op)
{
	const struct nv_request *request = &op->job.request;

	if (request->lock == NV_LOCK_WRITE)
		return 0;
	return boot_locks_add(&op->unit->boot_locks, request->owner, request->name, request->lock);
}

static void forget_boot_locks(struct files_operation *op)
{
	struct boot_locks *locks = &op->unit->boot_locks;
	const struct job *job = &op->job;

	if (job->request.action == NV_DELETE)
		boot_locks_forget(locks, job->request.owner, job->request.name);
	for (unsigned i = 0; i < job->change_count; i++) {
		if (job->changes[i].kind == NV_CHANGE_DELETE)
			boot_locks_forget(locks, job->request.owner, job->changes[i].name);
	}
}

/* Rows as they lie in the output: the locks stand behind name, capacity and length. */
static void add_boot_locks_to_rows(struct files_operation *op)
{
	struct job *job = &op->job;

	for (size_t at = 0; at < job->output_length; at += NV_ROW_SIZE) {
		const char *name = (const char *)job->input + at;
		uint8_t *locks = job->input + at + NV_ROW_LOCKS;

		*locks |= (uint8_t)boot_locks_find(&op->unit->boot_locks, job->request.owner, name);
	}
}

static int conclude(struct files_operation *op, int result)
{
	struct job *job = &op->job;

	if (result < 0)
		return result;
	if (op->cancelled && !job_changes(job))
		return -PLUTON_ECANCEL;
	if (job->request.action == NV_LOCK)
		result = keep_boot_lock(op);
	forget_boot_locks(op);
	if (job->request.action == NV_LIST)
		add_boot_locks_to_rows(op);
	job->status.locks |=
		boot_locks_find(&op->unit->boot_locks, job->request.owner, job->request.name);
	return result;
}

static void worker_finished(struct interrupt *interrupt)
{
	struct files_operation *op = of_work(
		(struct work *)(void *)((char *)interrupt - offsetof(struct work, finished)));
	struct files_unit *unit = op->unit;

	if (op->phase == PHASE_WIPE) {
		end(op, op->result);
		return;
	}
	settle_repair(op);
	unit->settled |= op->job.settled;
	op->result = conclude(op, op->work.result);
	op->cursor = 0;
	op->phase = op->result == 0 && op->job.output_length ? PHASE_PUSH : PHASE_END;
	deferred_call_set(&op->call);
	dispatch(unit);
}

/* --- moving bytes ---------------------------------------------------------------------------- */

enum { MOVE_DONE = 0, MOVE_AGAIN };

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One pull or push; 1..len, or a negative error. */
static ssize_t move_piece(struct files_operation *op, size_t len)
{
	const struct nv_client_ops *ops = op->client->ops;
	uint8_t *bytes = op->job.input + op->cursor;
	ssize_t n;

	if (op->phase == PHASE_PULL)
		n = ops->pull_input(op->client, bytes, len, op->cursor);
	else
		n = ops->push_output(op->client, bytes, len, op->cursor);
	if (n == 0 || n > (ssize_t)len)
		n = -PLUTON_ESIZE;
	return n > 0 && op->cancelled ? -PLUTON_ECANCEL : n;
}

static int move(struct files_operation *op, size_t length)
{
	size_t budget = SLICE;

	while (op->cursor < length) {
		ssize_t n;

		if (budget == 0)
			return MOVE_AGAIN;
		n = move_piece(op, smaller(length - op->cursor, budget));
		if (n < 0)
			return (int)n;
		op->cursor += (size_t)n;
		budget -= smaller(budget, (size_t)n + CALLBACK_COST);
	}
	return MOVE_DONE;
}

static bool has_input(const struct nv_request *request)
{
	return request->action == NV_WRITE || request->action == NV_PUT ||
	       request->action == NV_COMMIT;
}

static int parse_changes(struct job *job)
{
	uint32_t quota = job->request.quota.area_bytes;
	uint32_t area_bytes = quota < FILES_AREA_MAX ? quota : FILES_AREA_MAX;
	int r;

	if (job->request.action != NV_COMMIT)
		return 0;
	r = nv_changes_parse(job->input, job->request.length, area_bytes, job->changes,
			     &job->change_count);
	if (r == -PLUTON_EINVAL)
		return disk_refuse(&job->disk, r, "the list of changes is malformed");
	return r < 0 ? disk_refuse(&job->disk, r, "a change has more than %u bytes", area_bytes)
		     : 0;
}

static void pull(struct files_operation *op)
{
	int r = move(op, has_input(&op->job.request) ? op->job.request.length : 0);

	if (r == MOVE_AGAIN) {
		deferred_call_set(&op->call);
		return;
	}
	if (r == 0)
		r = parse_changes(&op->job);
	if (r < 0) {
		abandon(op, r);
		return;
	}
	op->phase = PHASE_WAIT;
	op->ready = op->unit->ready++;
	dispatch(op->unit);
}

static void push(struct files_operation *op)
{
	int r = move(op, op->job.output_length);

	if (r == MOVE_AGAIN) {
		deferred_call_set(&op->call);
		return;
	}
	op->result = r;
	finish(op);
}

static void run(struct deferred_call *call)
{
	struct files_operation *op =
		(struct files_operation *)(void *)((char *)call -
						   offsetof(struct files_operation, call));

	switch (op->phase) {
	case PHASE_PULL:
		if (op->cancelled)
			abandon(op, -PLUTON_ECANCEL);
		else
			pull(op);
		break;
	case PHASE_WAIT:
		if (op->cancelled)
			abandon(op, -PLUTON_ECANCEL);
		break;
	case PHASE_PUSH:
		if (op->cancelled)
			end(op, -PLUTON_ECANCEL);
		else
			push(op);
		break;
	case PHASE_END:
		finish(op);
		break;
	default: /* a worker has it, and will come back */
		break;
	}
}

/* --- start and cancel ------------------------------------------------------------------------ */

static struct files_operation *find(struct files_unit *unit, const struct nv_client *client)
{
	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (unit->operations[i].client == client)
			return &unit->operations[i];
	}
	return NULL;
}

/* Address space, not memory: pages come when they are written. */
static uint8_t *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_DONTDUMP);
	return memory;
}

static int equip(struct files_operation *op)
{
	if (!op->job.input)
		op->job.input = map(JOB_INPUT_SIZE);
	if (!op->job.image.bytes)
		op->job.image.bytes = map(FILES_AREA_MAX);
	if (!op->spare)
		op->spare = calloc(1, sizeof(*op->spare));
	return op->job.input && op->job.image.bytes && op->spare ? 0 : -PLUTON_ENOMEM;
}

static int start(struct nv_engine *engine, const struct nv_request *request,
		 struct nv_client *client)
{
	struct files_unit *unit = (struct files_unit *)(void *)engine;
	struct files_operation *op;
	int r = nv_check(&engine->head, request);

	if (r < 0)
		return r;
	op = find(unit, NULL);
	if (!op)
		return -PLUTON_EBUSY;
	r = equip(op);
	if (r < 0)
		return r;
	op->job = (struct job){.disk = {.options = unit->options},
			       .request = *request,
			       .input = op->job.input,
			       .image = {.bytes = op->job.image.bytes}};
	op->client = client;
	op->phase = PHASE_PULL;
	op->cancelled = false;
	op->cursor = 0;
	op->result = 0;
	atomic_store(&op->work.cancelled, false);
	deferred_call_set(&op->call);
	return 0;
}

static int cancel(struct nv_engine *engine, struct nv_client *client)
{
	struct files_unit *unit = (struct files_unit *)(void *)engine;
	struct files_operation *op = client ? find(unit, client) : NULL;

	if (!op)
		return -PLUTON_EINVAL;
	op->cancelled = true;
	atomic_store(&op->work.cancelled, true);
	deferred_call_set(&op->call);
	return 0;
}

static const char *why(struct nv_engine *engine)
{
	return ((struct files_unit *)(void *)engine)->why;
}

/* --- opening --------------------------------------------------------------------------------- */

static int owe_at_start(void *context, const struct repair *repair)
{
	struct owed *owed = calloc(1, sizeof(*owed));

	if (!owed)
		return -PLUTON_ENOMEM;
	note_owed(context, owed, repair);
	return 0;
}

/* What cannot be repaired now must not keep the daemon from starting: others need it. */
static int recover(struct files_unit *unit)
{
	struct scratch scratch = {.bytes = map(FILES_AREA_MAX)};
	struct disk disk = {.options = unit->options};
	int r;

	if (!scratch.bytes)
		return -PLUTON_ENOMEM;
	r = repair_all(&disk, &scratch, owe_at_start, unit, &unit->ticket);
	explicit_bzero(scratch.bytes, scratch.used);
	munmap(scratch.bytes, FILES_AREA_MAX);
	report(unit, &disk, r);
	if (r == -PLUTON_ENOMEM)
		return r;
	if (r < 0)
		snprintf(unit->broken, sizeof(unit->broken), "%.450s; then restart plutond",
			 disk.why);
	return 0;
}

static void prepare(struct files_unit *unit)
{
	static const struct nv_engine_ops ops = {.start = start, .cancel = cancel, .why = why};

	unit->engine = (struct nv_engine){
		.head = {.name = "files",
			 .kind = HIL_NV,
			 .level = HIL_LEVEL_NV,
			 .concurrency = OPERATIONS,
			 .share = SHARE},
		.caps = {.read_max = 4096,
			 .area_max = FILES_AREA_MAX,
			 .commit_max = JOB_INPUT_SIZE},
		.ops = &ops,
	};
	for (unsigned i = 0; i < OPERATIONS; i++) {
		struct files_operation *op = &unit->operations[i];

		op->unit = unit;
		op->work.finished.run = worker_finished;
		deferred_call_init(&op->call, unit->environment->deferred, run);
	}
}

int files_engine_open(const struct backend_environment *environment,
		      const struct files_options *options, struct hil_engine **ret_engine)
{
	struct files_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->environment = environment;
	unit->options = options;
	prepare(unit);
	r = recover(unit);
	if (r < 0)
		files_engine_close(&unit->engine.head);
	else
		*ret_engine = &unit->engine.head;
	return r;
}

static void free_operation(struct files_operation *op)
{
	deferred_call_drop(&op->call);
	if (op->job.input)
		munmap(op->job.input, JOB_INPUT_SIZE);
	if (op->job.image.bytes)
		munmap(op->job.image.bytes, FILES_AREA_MAX);
	free(op->spare);
}

void files_engine_close(struct hil_engine *engine)
{
	struct files_unit *unit = (struct files_unit *)(void *)engine;

	if (!unit)
		return;
	worker_pool_close(&unit->workers);
	for (unsigned i = 0; i < OPERATIONS; i++)
		free_operation(&unit->operations[i]);
	while (unit->owed) {
		struct owed *owed = unit->owed;

		unit->owed = owed->next;
		free(owed);
	}
	boot_locks_close(&unit->boot_locks);
	free(unit);
}
