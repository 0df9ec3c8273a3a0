/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: one operation under way in this backend, of whichever HIL. It moves on in deferred calls
 * of a bounded number of bytes, or on a worker; the HIL's file says what "moving on" is.
 *
 * The rule a newcomer would break first: a task is idle, and its set may give it to the next
 * operation, from when `finish` is called. What `finish` wipes must be wiped before the client's
 * done, because the client may start that next operation from there.
 */
#ifndef PLUTON_OPENSSL_TASK_H
#define PLUTON_OPENSSL_TASK_H

#include "backends/openssl/openssl.h"
#include "backends/worker.h"

#define TASKS_PER_ENGINE 8u
#define TASK_SHARE (TASKS_PER_ENGINE / 2) /* of one party: it holds up no other */

/* Bytes pulled or pushed at once where the client does not lend. */
#define TASK_CHUNK 4096u
#define CHUNKS_PER_SLICE (WORK_SLICE / TASK_CHUNK) /* of a worker */

struct vault;

/* What the engines of one instance share. Loop thread only, but for the pool. */
struct task_host {
	const struct backend_environment *environment;
	struct openssl_options options;
	struct worker_pool workers;
	/* Private bytes on their way in and out; wiped before the deferred call ends. */
	uint8_t chunk_in[TASK_CHUNK];
	uint8_t chunk_out[TASK_CHUNK];
	struct vault *vault; /* of slots, for the engines that are opened after it */
};

/* What `advance` answers, besides a negative error. */
enum task_progress {
	TASK_DONE = 0,
	TASK_AGAIN,	/* in the next deferred call */
	TASK_ELSEWHERE, /* a worker has it, or task_wake will come */
};

struct task {
	const void *client; /* of the HIL; NULL: idle */
	struct deferred_call call;
	struct work work;
	struct task_host *host;
	size_t slice;  /* bytes that one deferred call may move */
	size_t budget; /* what is left of them in this one */
	bool cancelled;
	bool on_worker; /* or held outside */
	int (*advance)(struct task *task);
	void (*finish)(struct task *task, int result);
};

/* The tasks of one engine. */
struct task_set {
	struct task *tasks[TASKS_PER_ENGINE];
};

#define TASK_OWNER(task_pointer, type)                                                             \
	((type *)(void *)((char *)(task_pointer)-offsetof(type, task)))
#define TASK_OF_WORK(work_pointer)                                                                 \
	((struct task *)(void *)((char *)(work_pointer)-offsetof(struct task, work)))

/* In the set for good, as the next of its TASKS_PER_ENGINE. `slice` is the HIL's own; the options
 * may replace it. */
void task_init(struct task *task, struct task_set *set, struct task_host *host, size_t slice,
	       int (*advance)(struct task *task), void (*finish)(struct task *task, int result));

/*
 * An idle task, which is the client's now until it finishes; its first advance comes from a
 * deferred call. -PLUTON_EBUSY: there is none.
 */
int task_begin(struct task_set *set, const void *client, struct task **ret_task);

/*
 * Leads to finish(-PLUTON_ECANCEL), or to the result if it was there already. -PLUTON_EINVAL: the
 * client has no task in the set.
 */
int task_cancel(struct task_set *set, const void *client);

/*
 * Something outside has the task, and must come to its end whatever happens: advance then returns
 * TASK_ELSEWHERE, and a cancel waits for task_resume.
 */
int task_hold(struct task *task);
void task_resume(struct task *task);

/* The counterpart of TASK_ELSEWHERE without a worker. */
void task_wake(struct task *task);

/* Whether `bytes` of lent data should go to a worker now. */
bool task_wants_worker(const struct task *task, size_t bytes);

/* Whether work that cannot be cut into slices should go to a worker: always but for tests. */
bool task_wants_worker_whole(const struct task *task);

/* Hands the task to a worker; advance then returns TASK_ELSEWHERE, and runs again afterwards. */
int task_to_worker(struct task *task, int (*run)(struct work *work));

/* The same in another pool than the one that all share. */
int task_to_pool(struct task *task, struct worker_pool *pool, int (*run)(struct work *work));

/* How many of `left` bytes may be moved next, at most `limit`; 0 only when the slice is used up. */
size_t task_piece(const struct task *task, size_t left, size_t limit);

/* Takes `bytes`, and what calling the client costs, off this deferred call's budget. */
void task_spend(struct task *task, size_t bytes);

/* Whether lent memory of this length is what the contract allows: 0 or -PLUTON_ESIZE. */
int task_check_lent(size_t len, size_t left);

#endif
