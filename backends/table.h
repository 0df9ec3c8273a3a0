/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines there are. A new one is a folder here and a line in table.c.
 */
#ifndef PLUTON_BACKENDS_TABLE_H
#define PLUTON_BACKENDS_TABLE_H

#include "daemon/kernel/deferred.h"
#include "daemon/kernel/interrupt.h"
#include "hil/contract.h"

/* What a backend is given. It stays valid until close. */
struct backend_environment {
	struct deferred_queue *deferred;
	struct interrupt_queue *interrupts;
	size_t aead_scratch; /* bytes: authenticated decryption on private memory, per worker */
	unsigned workers;    /* threads, 1..HIL_CONCURRENCY_MAX */
	/* true: somebody waits for the loop, so long work belongs on a worker. May be NULL. */
	bool (*others_wait)(void *context);
	void *context;
};

/* One opened backend; the backend's own struct begins with it. */
struct backend_instance {
	const struct backend *backend;
	struct hil_engine *engines[HIL_KINDS]; /* NULL: it has none for this HIL */
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
