/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a task: begin, deferred calls or a worker, finish. Exactly one finish per begin.
 */
#include "backends/openssl/task.h"

/* What one callback weighs against the bytes of a slice: a client may move one byte at a time. */
#define CALLBACK_COST 512u

static struct task *find(const struct task_set *set, const void *client)
{
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		if (set->tasks[i]->client == client)
			return set->tasks[i];
	}
	return NULL;
}

static void settle(struct task *task, int progress)
{
	if (progress == TASK_AGAIN) {
		deferred_call_set(&task->call);
	} else if (progress != TASK_ELSEWHERE) {
		/* A cancel from inside a callback has queued the call once more. */
		deferred_call_drop(&task->call);
		task->client = NULL;
		task->finish(task, progress);
	}
}

static void run(struct deferred_call *call)
{
	struct task *task = (struct task *)(void *)((char *)call - offsetof(struct task, call));

	task->budget = task->slice;
	settle(task, task->cancelled ? -PLUTON_ECANCEL : task->advance(task));
}

static void worker_finished(struct interrupt *interrupt)
{
	struct work *work =
		(struct work *)(void *)((char *)interrupt - offsetof(struct work, finished));
	struct task *task = TASK_OF_WORK(work);

	task->on_worker = false;
	settle(task, task->cancelled	? -PLUTON_ECANCEL
		     : work->result < 0 ? work->result
					: TASK_AGAIN);
}

static void add(struct task_set *set, struct task *task)
{
	size_t i = 0;

	while (set->tasks[i])
		i++;
	set->tasks[i] = task;
}

void task_init(struct task *task, struct task_set *set, struct task_host *host, size_t slice,
	       int (*advance)(struct task *task), void (*finish)(struct task *task, int result))
{
	*task = (struct task){
		.host = host,
		.slice = host->options.slice ? host->options.slice : slice,
		.work.finished.run = worker_finished,
		.advance = advance,
		.finish = finish,
	};
	if (host->options.execution == OPENSSL_EXECUTION_INLINE)
		task->slice = SIZE_MAX;
	deferred_call_init(&task->call, host->environment->deferred, run);
	add(set, task);
}

int task_begin(struct task_set *set, const void *client, struct task **ret_task)
{
	struct task *task = find(set, NULL);

	if (!task)
		return -PLUTON_EBUSY;
	task->client = client;
	task->cancelled = false;
	atomic_store(&task->work.cancelled, false);
	deferred_call_set(&task->call);
	*ret_task = task;
	return 0;
}

int task_cancel(struct task_set *set, const void *client)
{
	struct task *task = client ? find(set, client) : NULL;

	if (!task)
		return -PLUTON_EINVAL;
	task->cancelled = true;
	atomic_store(&task->work.cancelled, true);
	if (!task->on_worker)
		deferred_call_set(&task->call);
	return 0;
}

int task_hold(struct task *task)
{
	deferred_call_drop(&task->call); /* a cancel from inside a callback: it waits now */
	task->on_worker = true;
	return TASK_ELSEWHERE;
}

void task_resume(struct task *task)
{
	task->on_worker = false;
	deferred_call_set(&task->call);
}

void task_wake(struct task *task)
{
	deferred_call_set(&task->call);
}

bool task_wants_worker(const struct task *task, size_t bytes)
{
	const struct backend_environment *environment = task->host->environment;

	switch (task->host->options.execution) {
	case OPENSSL_EXECUTION_INLINE:
	case OPENSSL_EXECUTION_SLICED:
		return false;
	case OPENSSL_EXECUTION_WORKER:
		return bytes > 0;
	case OPENSSL_EXECUTION_AUTO:
		break;
	}
	if (!environment->others_wait)
		return bytes >= OPENSSL_WORKER_BYTES_UNKNOWN;
	return bytes >= OPENSSL_WORKER_BYTES_WAITED_FOR &&
	       environment->others_wait(environment->context);
}

bool task_wants_worker_whole(const struct task *task)
{
	return task->host->options.execution != OPENSSL_EXECUTION_INLINE &&
	       task->host->options.execution != OPENSSL_EXECUTION_SLICED;
}

int task_to_pool(struct task *task, struct worker_pool *pool, int (*work)(struct work *work))
{
	/* A cancel from inside a callback queued the call: the worker's end settles the task now.
	 */
	deferred_call_drop(&task->call);
	task->on_worker = true;
	task->work.run = work;
	worker_pool_submit(pool, &task->work);
	return TASK_ELSEWHERE;
}

int task_to_worker(struct task *task, int (*work)(struct work *work))
{
	return task_to_pool(task, &task->host->workers, work);
}

size_t task_piece(const struct task *task, size_t left, size_t limit)
{
	size_t piece = left < limit ? left : limit;

	return piece < task->budget ? piece : task->budget;
}

void task_spend(struct task *task, size_t bytes)
{
	size_t cost = bytes + CALLBACK_COST;

	task->budget = task->budget > cost ? task->budget - cost : 0;
}

int task_check_lent(size_t len, size_t left)
{
	return len == 0 || len > left ? -PLUTON_ESIZE : 0;
}
