/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel as a whole: limits, pool, process table, drivers and counters. Everything in this
 * folder works on one of these; nothing here knows a service.
 */
#ifndef PLUTON_KERNEL_H
#define PLUTON_KERNEL_H

#include "daemon/kernel/capsule.h"
#include "daemon/kernel/expiry.h"
#include "daemon/kernel/interrupt.h"
#include "daemon/kernel/pool.h"
#include "daemon/kernel/record.h"
#include "daemon/kernel/steps.h"
#include "daemon/kernel/users.h"

#define KERNEL_DRIVERS_MAX 64u /* one bit each in a process's access mask */
#define KERNEL_OWNERS_MAX 16u  /* that are no process: what acts for itself */

/* Every limit a client can reach. plutond.conf(5) has the same names. Sizes are bytes. */
struct kernel_limits {
	size_t pool;
	uint32_t processes_max;
	uint32_t processes_per_user;
	size_t arena_min;
	size_t arena_limit;
	uint32_t operations_per_process;
	uint32_t grants_per_capsule;
	uint32_t windows_per_process; /* at most WINDOWS_MAX */
	size_t window_max;
	size_t windows_per_user;
	uint32_t ring_size;  /* ring.h; 0: no process has rings */
	uint32_t inline_max; /* at most RECORD_INLINE_LIMIT */
	uint32_t deferred_budget;
	uint64_t engine_deadline_ms;
	uint64_t greeting_timeout_ms;
};

struct kernel_counters {
	uint64_t operations; /* accepted */
	uint64_t refusals;
	uint64_t upcalls; /* delivered */
	uint64_t grant_reentries;
	uint64_t processes_refused;
};

/* A registered capsule. */
struct driver {
	struct kernel *kernel;
	const struct capsule *capsule;
	unsigned index;
	uint32_t grants;      /* live ones, in all processes */
	uint64_t grant_bytes; /* of them */
	struct hil_port ports[4];
	uint64_t parameters[CAPSULE_PARAMETERS_MAX]; /* in the order of the capsule's names */
	uint64_t operations;
	uint64_t refusals;
};

/* What a person should know, with the process it is about. Set by the daemon; may be NULL. */
typedef void (*kernel_report_fn)(void *context, const struct process_id *process,
				 const char *message);

struct process;
struct process_slot {
	struct process *process;
	uint32_t generation;
};

struct kernel {
	struct kernel_limits limits;
	struct pool pool;
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	struct process_slot *slots; /* processes_max of them; index 0 is the daemon itself, empty */
	uint64_t *live;		    /* a bit per slot: in use, or a process is dying there */
	struct users users;	    /* of the limits */
	struct users parties; /* who takes turns at engines: an app, or a user's other programs */
	struct hil_owner *owners[KERNEL_OWNERS_MAX];
	unsigned owner_count;
	uint32_t processes;
	uint32_t slot_hint;
	uint32_t charge_handle; /* the last one given out */
	uint32_t running;	/* operations that a capsule works on; not those that wait */
	struct expiry expiry;
	struct driver drivers[KERNEL_DRIVERS_MAX];
	unsigned driver_count;
	struct kernel_counters counters;
	struct step_hook step;
	kernel_report_fn report;
	void *report_context;
	/*
	 * What can take longer than the loop should wait. Set by a frontend while it is open; NULL:
	 * done at once. `hang_up` closes a socket of op_connect that nobody was given.
	 */
	void (*hang_up)(void *context, int fd);
	void (*unmap)(void *context, void *memory, size_t size);
	void *disposal_context;
	char why[RECORD_TEXT_MAX]; /* the sentence of the refusal under way */
};

/* -PLUTON_ENOMEM. */
int kernel_open(struct kernel *kernel, const struct kernel_limits *limits);

/* No process may be left. */
void kernel_close(struct kernel *kernel);

/*
 * Makes the capsule reachable, with one port for each of its port_kinds.
 * -PLUTON_EINVAL: its table is not sound. -PLUTON_EALREADY: the number or name is taken.
 * -PLUTON_ENOMEM: KERNEL_DRIVERS_MAX.
 */
int kernel_register(struct kernel *kernel, const struct capsule *capsule,
		    const struct hil_port *ports, struct driver **ret_driver);

/*
 * Puts values into force for the capsule's parameters, as many as it names; before that they are 0.
 * Also while it has operations.
 */
void kernel_set_parameters(struct driver *driver, const uint64_t *values);

/* How many parameters the capsule names. */
unsigned kernel_count_parameters(const struct capsule *capsule);

/* NULL: no such driver. */
struct driver *kernel_driver(struct kernel *kernel, uint32_t number);

/* true while operations besides the asking one are under way. */
bool kernel_others_wait(void *kernel);

/* Notes the sentence for the refusal under way and returns `error`. */
int kernel_refuse(struct kernel *kernel, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void kernel_report(struct kernel *kernel, const struct process_id *process, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Owners, of processes and others, for arbiters: context is the kernel. */
struct hil_owner *kernel_find_owner(void *kernel, uint32_t index);

/* What all their indices and parties are below. */
uint32_t kernel_owners_max(const struct kernel *kernel);
uint32_t kernel_parties_max(const struct kernel *kernel);

/*
 * Makes `owner` one that acts for itself, with an index and a party of its own, for as long as the
 * kernel lasts. It has no memory to be charged. -PLUTON_ENOMEM: KERNEL_OWNERS_MAX. `kernel` is a
 * void pointer for backends, which do not know what it is.
 */
int kernel_add_owner(void *kernel, struct hil_owner *owner);

/* The first process at or after `index`, dying ones included; NULL: none. */
struct process *kernel_next_process(const struct kernel *kernel, uint32_t index);

/* `each` may be freed inside. */
#define kernel_for_each_process(kernel, each)                                                      \
	for (struct process *each = kernel_next_process(kernel, 1), *each##_next;                  \
	     each && (each##_next = kernel_next_process(kernel, process_index(each) + 1), true);   \
	     each = each##_next)
uint32_t process_index(const struct process *process);

#endif
