/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon is and does: its state, capsules, engines, processes and log level.
 * Threads and common errors: pluton/pluton.h.
 *
 * The daemon answers with rows of fixed layout: exactly these structs (docs/protocol.md).
 */
#ifndef PLUTON_MANAGER_H
#define PLUTON_MANAGER_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bit 31: not one of Tock's numbers. */
#define PLUTON_DRIVER_MANAGER 0x80000001u

#define PLUTON_NAME_SIZE 32 /* bytes of a name field, terminator included */

enum pluton_log_level {
	PLUTON_LOG_OFF = 0,
	PLUTON_LOG_ERROR = 1,
	PLUTON_LOG_WARNING = 2,
	PLUTON_LOG_INFO = 3,
	PLUTON_LOG_DEBUG = 4,
	PLUTON_LOG_TRACE = 5,
};

/* Of the D-Bus bus that the daemon is to be on besides its socket. */
enum pluton_bus_state {
	PLUTON_BUS_OFF = 0,  /* it is to be on none */
	PLUTON_BUS_AWAY = 1, /* it is not on it; it tries again, and its log says why */
	PLUTON_BUS_CONNECTING = 2,
	PLUTON_BUS_SERVING = 3,
};

struct pluton_status {
	char version[PLUTON_NAME_SIZE];
	uint32_t pid;
	uint32_t log_level;
	uint64_t uptime_ms;
	uint32_t processes; /* connected */
	uint32_t processes_max;
	uint64_t pool_size;	     /* bytes */
	uint64_t pool_taken;	     /* bytes in use by processes */
	uint64_t pool_committed;     /* bytes taken or promised */
	uint64_t operations;	     /* accepted since start */
	uint64_t refusals;	     /* refused since start */
	uint64_t upcalls;	     /* delivered since start */
	uint64_t grant_reentries;    /* second enters, each one a bug in a capsule */
	uint64_t processes_refused;  /* connections refused since start */
	uint64_t loop_passes;	     /* of the event loop */
	uint64_t handler_longest_us; /* the longest that one handler held the loop */
	uint32_t system;	     /* 1: it is the system's, by --system; 0: somebody's own */
	uint32_t bus;		     /* enum pluton_bus_state */
};

struct pluton_capsule_row {
	char name[PLUTON_NAME_SIZE];
	char interface[PLUTON_NAME_SIZE];
	uint32_t driver;
	uint32_t commands;   /* how many */
	uint32_t grant_size; /* bytes of a live grant, on average; without one, at most */
	uint32_t grants;     /* live ones */
	uint32_t state_size; /* bytes of an operation's state */
	uint32_t allowed;    /* 1: the asking process may use it */
	uint64_t operations; /* accepted since start */
	uint64_t refusals;   /* refused since start */
};

struct pluton_engine_row {
	char name[PLUTON_NAME_SIZE];
	char hil[PLUTON_NAME_SIZE];
	uint32_t priority;    /* 0 is asked first */
	uint32_t concurrency; /* operations at once; 0: its device is not there */
	uint32_t busy;	      /* operations under way */
	uint32_t waiting;     /* processes that wait for it */
	uint64_t grants;      /* turns given since start */
	uint64_t expirations; /* turns that passed their deadline */
};

struct pluton_process_row {
	char command[PLUTON_NAME_SIZE]; /* /proc/PID/comm */
	uint32_t index;
	uint32_t generation;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint32_t operations; /* under way */
	uint32_t grants;
	uint32_t windows;
	uint64_t window_bytes;
	uint64_t arena_taken; /* bytes, all that the daemon keeps for it */
	uint64_t arena_limit;
	uint64_t requests; /* operations accepted since it connected */
	uint64_t refusals;
	uint32_t dying;	     /* 1: gone, waits for an engine to let go of its memory */
	uint32_t ring_bytes; /* of its rings; 0: it has none */
};

/*
 * A configured limit, by its name in plutond.conf(5); one of a capsule's own is "CAPSULE.NAME", as
 * in "nvmem.area_max". Sizes in bytes, durations in milliseconds.
 */
struct pluton_limit_row {
	char name[PLUTON_NAME_SIZE];
	uint64_t value;
};

/* A kind of handler of the daemon's event loop: what it took from everybody else. */
struct pluton_handler_row {
	char name[PLUTON_NAME_SIZE];
	uint64_t calls;	     /* since start */
	uint64_t total_us;   /* microseconds, of all calls */
	uint64_t longest_us; /* microseconds, of the longest */
	uint64_t late;	     /* calls that took over 100 microseconds */
};

enum pluton_selftest_state {
	PLUTON_SELFTEST_UNTESTED = 0, /* the first use of the algorithm waits for its test */
	PLUTON_SELFTEST_RUNNING = 1,
	PLUTON_SELFTEST_PASSED = 2,
	PLUTON_SELFTEST_FAILED = 3, /* it is refused */
	PLUTON_SELFTEST_ABSENT = 4, /* the engine's device is not there */
};

/* What is known of one algorithm of one engine. */
struct pluton_selftest_row {
	char engine[PLUTON_NAME_SIZE];
	char hil[PLUTON_NAME_SIZE];
	char algorithm[PLUTON_NAME_SIZE];
	char why[48];	   /* failed: "gave a wrong answer"; else "" */
	uint32_t state;	   /* enum pluton_selftest_state */
	uint32_t runs;	   /* tests since start */
	uint32_t failures; /* of them */
	uint32_t reserved;
};

int pluton_get_status(struct pluton *pluton, struct pluton_status *ret);

/*
 * Lists. The caller frees *ret_rows with free(). pluton_list_processes shows processes of the
 * caller's own uid; all of them to root and to the daemon's own user.
 */
int pluton_list_capsules(struct pluton *pluton, struct pluton_capsule_row **ret_rows,
			 size_t *ret_count);
int pluton_list_engines(struct pluton *pluton, struct pluton_engine_row **ret_rows,
			size_t *ret_count);
int pluton_list_processes(struct pluton *pluton, struct pluton_process_row **ret_rows,
			  size_t *ret_count);
int pluton_list_limits(struct pluton *pluton, struct pluton_limit_row **ret_rows,
		       size_t *ret_count);
int pluton_list_handlers(struct pluton *pluton, struct pluton_handler_row **ret_rows,
			 size_t *ret_count);

int pluton_list_selftests(struct pluton *pluton, struct pluton_selftest_row **ret_rows,
			  size_t *ret_count);

/*
 * Tests all algorithms of the engines called `engine`, or of all engines where that is NULL, and
 * waits for it; how many passed and failed goes to the last two, which may be NULL. An algorithm
 * that failed is refused until it passes. Only root and the daemon's own user may: else
 * -PLUTON_ENOSUPPORT. -PLUTON_EINVAL: no engine of that name has self tests.
 */
int pluton_selftest(struct pluton *pluton, const char *engine, uint32_t *ret_passed,
		    uint32_t *ret_failed);

/* Only root and the daemon's own user may: else -PLUTON_ENOSUPPORT. */
int pluton_set_log_level(struct pluton *pluton, enum pluton_log_level level);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
