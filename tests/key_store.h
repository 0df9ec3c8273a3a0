/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What key slots are kept in, for tests of a backend alone: NV memory that is an array, with an
 * arbiter before it, and a device secret that is a constant. What is in it stays until it is wiped.
 */
#ifndef PLUTON_TESTS_KEY_STORE_H
#define PLUTON_TESTS_KEY_STORE_H

#include "backends/table.h"
#include "hil/arbiter.h"
#include "hil/nv.h"

#define KEY_STORE_AREAS 8u

struct key_area {
	char name[NV_NAME_MAX + 8];
	uint8_t bytes[4096];
	size_t length; /* 0: free */
};

struct key_store {
	struct nv_engine engine;
	struct deferred_call call;
	struct nv_request request;
	struct nv_client *client;
	struct arbiter arbiter;
	struct hil_port ports[HIL_KINDS];
	struct hil_owner *owner; /* the backend's */
	struct fuses fuses;
	struct key_area areas[KEY_STORE_AREAS];
	int failure;			/* of what changes something */
	int secret_failure;		/* of reading the device secret */
	int read_failure;		/* of reading an area */
	void (*on_read)(bool has_been); /* or NULL: an area was read; the next request came */
	bool holds;			/* nothing ends until it is let go */
	unsigned cancels;		/* that came */
};

/* Into the environment of a backend that is about to be opened; -PLUTON_ENOMEM. */
int key_store_open(struct key_store *store, struct backend_environment *environment);
/* After the backend. Areas stay. */
void key_store_close(struct key_store *store);

/* What `holds` held back comes now. */
void key_store_let_go(struct key_store *store);

/* NULL: there is no area of that name. */
struct key_area *key_store_find(struct key_store *store, const char *name);

#endif
