/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: connected programs. Who one is comes from the frontend's own knowledge (SO_PEERCRED,
 * bus credentials), never from a message.
 *
 * The rule a newcomer would break first: process_kill may free the process. Whoever calls it
 * returns at once.
 */
#ifndef PLUTON_PROCESS_H
#define PLUTON_PROCESS_H

#include "daemon/kernel/arena.h"
#include "daemon/kernel/kernel.h"

struct process;
struct operation;
struct window_table;

struct frontend {
	const char *name;
	size_t state_size; /* bytes of what it keeps for a process, in the process's arena */
	size_t cost;	   /* bytes charged for what libraries allocate for a process */
	/* An upcall waits to be fetched with upcall_peek. Do not fetch it from inside this. */
	void (*upcalls_ready)(struct process *process);
	/* The process is over: drop everything that names it. Its state is freed afterwards. */
	void (*closing)(struct process *process);
	/*
	 * Asked about once a second while kernel->timed is not 0 (expiry.h). true: the process had
	 * a time limit, which is over, and the process is gone. NULL: the frontend has no limits.
	 */
	bool (*expire)(struct process *process, uint64_t now_ms);
	/* Bytes of its rings, also on its user's book as windows are. NULL: it never has any. */
	uint32_t (*ring_bytes)(const struct process *process);
};

struct credentials {
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	char command[16];  /* /proc/PID/comm when it connected */
	char app[32];	   /* the app that it is a part of, terminated; "": none */
	bool confined;	   /* an app, or what one forked: it administers nothing */
	bool accepts_only; /* may use the app capsule, but only to take its own channels */
	uint64_t allowed;  /* bit 1 << driver index; access_mask */
};

struct process {
	struct kernel *kernel;
	struct process_id id;
	struct arena arena;
	struct hil_owner owner;
	struct credentials who;
	const struct frontend *frontend;
	void *frontend_state;
	struct user *user;	      /* what all of this user's processes have */
	struct window_table *windows; /* NULL until the first window */
	struct operation *operations; /* oldest first */
	struct operation *upcalls;    /* waiting to be fetched, oldest first */
	uint64_t requests;
	uint32_t refusals; /* stays at UINT32_MAX; an idle process must fit into 512 bytes */
	bool dying;	   /* gone; waits for engines to let go of its operations */
	bool ending;	   /* process_kill is at work: nothing is freed under it */
};

/*
 * Makes a process. -PLUTON_ENOMEM with a sentence in kernel->why: the table is full, the user has
 * too many, or the promise cannot be kept.
 */
int process_make(struct kernel *kernel, const struct frontend *frontend,
		 const struct credentials *who, struct process **ret_process);

/*
 * Ends it: pending upcalls go, operations are cancelled, grants wiped and freed, windows unmapped.
 * What an engine still works on stays until the engine is done. Twice is once.
 */
void process_kill(struct process *process);

/* Frees a dying process that nothing holds any more. operation.c calls it when one ends. */
void process_reap(struct process *process);

/* NULL for a stale or dying one. */
struct process *process_find(struct kernel *kernel, struct process_id id);

bool process_allowed(const struct process *process, const struct driver *driver);

/* What it holds, counted by walking its blocks. */
struct process_account {
	size_t taken; /* bytes; equals arena.taken or the daemon has a bug */
	uint32_t operations;
	uint32_t grants;
	uint32_t windows;
	uint64_t window_bytes;
	uint32_t ring_bytes;
};
void process_measure(const struct process *process, struct process_account *ret);

#endif
