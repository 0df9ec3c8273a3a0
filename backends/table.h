/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines there are. A new one is a folder here and a line in table.c.
 */
#ifndef PLUTON_BACKENDS_TABLE_H
#define PLUTON_BACKENDS_TABLE_H

#include <pluton/manager.h>
#include <sys/types.h>

#include "daemon/kernel/deferred.h"
#include "daemon/kernel/interrupt.h"
#include "hil/console.h"
#include "hil/contract.h"
#include "hil/fuses.h"

struct event_base;
struct config;

/* What a backend is given. It stays valid until close. */
struct backend_environment {
	struct deferred_queue *deferred;
	struct interrupt_queue *interrupts;
	size_t aead_scratch; /* bytes: authenticated decryption on private memory, per worker */
	uint64_t pbkdf2_rounds_max; /* iterations times blocks of output in one request */
	unsigned workers;	    /* threads, 1..HIL_CONCURRENCY_MAX */
	/* true: somebody waits for the loop, so long work belongs on a worker. May be NULL. */
	bool (*others_wait)(void *context);
	/*
	 * Makes a party of its own of who asks for turns at other engines. -PLUTON_ENOMEM. NULL
	 * where no backend does.
	 */
	int (*add_owner)(void *context, struct hil_owner *owner);
	void *context;
	struct event_base *base;     /* the loop's, for timers and descriptors; NULL: none */
	const struct config *config; /* for what only one backend wants to know; NULL: none */
	/*
	 * Puts a program's line where the daemon's log goes. The text is harmless already; what is
	 * in `speaker` need not be. NULL: there is no log.
	 */
	void (*emit)(enum console_level level, const struct console_speaker *speaker,
		     const char *text);
	/* The name of the log level in force, for programs of ours; NULL: they have their own. */
	const char *(*log_level)(void);
	/*
	 * Engines of other HILs, by kind, for an engine that is a client itself; filled when all
	 * backends are open. NULL: there are none.
	 */
	const struct hil_port *ports;
	struct fuses *fuses; /* NULL: there is no device secret */
	/* A line of the backend's own, about an app and a pid if they are not NULL and 0. */
	void (*report)(enum pluton_log_level level, const char *app, uint32_t pid,
		       const char *sentence);
	/* A line about a device, by its path; how many there are of them, is the backend's care. */
	void (*report_device)(enum pluton_log_level level, const char *device,
			      const char *sentence);
	/* Closes a descriptor that somebody sent, however long that takes. NULL: close(2) does. */
	void (*dispose)(void *context, int fd);
	/*
	 * false: not all names of the list (commas between) are capsules; which is not goes to
	 * ret_unknown. NULL: nobody knows.
	 */
	bool (*knows_drivers)(void *context, const char *list, char *ret_unknown, size_t size);
};

struct backend_instance;

/*
 * What the machine asks of a backend that starts apps, besides its engine. All on the loop; nothing
 * waits. open comes first, and with it requests and identify; after begin, anything; end may come
 * before begin, which then starts nothing.
 */
struct backend_apps {
	/*
	 * Programs can connect now. Reads what apps there are, and takes those over that run
	 * already; nothing is started. -PLUTON_ENOMEM.
	 */
	int (*open)(struct backend_instance *instance);
	void (*begin)(struct backend_instance *instance); /* starts those that start at boot */
	int (*reload)(struct backend_instance *instance); /* reads again; -PLUTON_ENOMEM */
	/* Asks all to stop and starts none any more; calls `ended` once when none runs. */
	void (*end)(struct backend_instance *instance, void (*ended)(void *context), void *context);
	void (*kill)(struct backend_instance *instance); /* what has not ended by then */
	/*
	 * true: this living process, whose user is `uid`, is an app, or in the session of one,
	 * which it cannot have come into but by being forked there: then *ret_name is NULL. The
	 * capsules that the app may use. Not `certain`: who it was that connected is gone perhaps,
	 * and the pid another's; then nobody is an app, and *ret_name is NULL.
	 */
	bool (*identify)(struct backend_instance *instance, pid_t pid, uid_t uid, bool certain,
			 const char **ret_name, const char **ret_drivers);
};

/* One opened backend; the backend's own struct begins with it. */
struct backend_instance {
	const struct backend *backend;
	struct hil_engine *engines[HIL_KINDS]; /* NULL: it has none for this HIL */
	const struct backend_apps *apps;       /* NULL: it starts none */
	/*
	 * For a backend whose engines stand on others': all ports (HIL_KINDS of them) are filled,
	 * and its engine of `kind` is in one. NULL: its engines stand on none.
	 */
	void (*join)(struct backend_instance *instance, enum hil_kind kind,
		     const struct hil_port *ports);
	/* false: it has still something to do before anybody is served. NULL: it never has. */
	bool (*settled)(const struct backend_instance *instance);
};

struct backend {
	const char *name;
	/* -PLUTON_ENOMEM, -PLUTON_ENODEVICE. */
	int (*open)(const struct backend_environment *environment, struct backend_instance **ret);
	/* Nothing may be under way. Wipes and frees. */
	void (*close)(struct backend_instance *instance);
};

/* Ends with a NULL name. */
extern const struct backend backend_table[];

/* NULL: no such backend. */
const struct backend *backend_find(const char *name);

#endif
