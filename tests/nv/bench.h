/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An nv engine, the contract checker before it, a loop, a client over plain memory, and a state
 * folder of its own. A broken rule fails the test that it happens in.
 */
#ifndef PLUTON_TESTS_NV_BENCH_H
#define PLUTON_TESTS_NV_BENCH_H

#include "backends/files/files.h"
#include "hil/checker.h"
#include "hil/nv.h"

#define ALICE "uid-1000"
#define BOB "uid-1001"

/* What is noted of broken rules instead of failing the test, where an engine is broken on purpose.
 */
struct nv_trial {
	unsigned violations;
	enum hil_rule first; /* if there is one */
};

struct nv_bench {
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	struct backend_environment environment;
	struct backend_instance *instance;
	struct hil_engine *checker;
	struct nv_engine *engine; /* the checker */
	struct files_options options;
	struct nv_quota quota; /* of every request */
	char state[64];
	char why[512];	  /* of the last operation */
	unsigned reports; /* lines for the daemon's log */
	/* Puts somebody between the engine and the checker; NULL: nobody. */
	struct hil_engine *(*wrap)(struct nv_bench *bench, struct nv_engine *engine);
	struct nv_trial *trial;
};

/* Makes a state folder and opens the engine on it. `hook` may be NULL. */
void nv_bench_open(struct nv_bench *bench, const struct files_hook *hook);

/* The same for a bench that is zeroed but for wrap and trial. */
void nv_bench_open_wrapped(struct nv_bench *bench);

/* Closes the engine and asserts that nothing was under way. The folder stays. */
void nv_bench_stop(struct nv_bench *bench);
void nv_bench_start(struct nv_bench *bench);

/* nv_bench_stop, and removes the folder. */
void nv_bench_close(struct nv_bench *bench);

/* One deferred call, or what a worker brought; false: nothing is there to be done. */
bool nv_bench_step(struct nv_bench *bench);

/* Waits for a worker. Fails the test if none comes back. */
void nv_bench_wait(struct nv_bench *bench);

/* "STATE/nv/OWNER/NAME"; NULL: without that part. Good until the next call. */
const char *nv_bench_path(const struct nv_bench *bench, const char *owner, const char *name);

/* --- a client -------------------------------------------------------------------------------- */

struct nv_test_client {
	struct nv_client client;
	struct nv_bench *bench;
	const uint8_t *input;
	uint8_t *output;
	size_t piece;	    /* bytes it moves at once; 0: all */
	unsigned fail_at;   /* the n-th callback fails, from 1; 0: none */
	ssize_t failure;    /* with this */
	unsigned cancel_at; /* it cancels in the n-th */
	unsigned callbacks;
	unsigned dones;
	int result;
	struct nv_answer answer;
};

/* Starts it; what start returned. */
int nv_client_start(struct nv_bench *bench, struct nv_test_client *client,
		    const struct nv_request *request);

/* Until it is done; its result. */
int nv_client_finish(struct nv_test_client *client);

/* A request of that owner with the bench's quota. `name` may be NULL. */
struct nv_request nv_request(const struct nv_bench *bench, enum nv_action action, const char *owner,
			     const char *name);

/* --- whole actions --------------------------------------------------------------------------- */

int nv_define(struct nv_bench *bench, const char *owner, const char *name, uint32_t capacity);
int nv_delete(struct nv_bench *bench, const char *owner, const char *name);
int nv_put(struct nv_bench *bench, const char *owner, const char *name, const void *data,
	   size_t length);
int nv_write(struct nv_bench *bench, const char *owner, const char *name, uint32_t offset,
	     const void *data, size_t length);
/* Up to 4096 bytes; the count, or a negative error. */
ssize_t nv_read(struct nv_bench *bench, const char *owner, const char *name, uint32_t offset,
		void *data, size_t size);
int nv_lock(struct nv_bench *bench, const char *owner, const char *name, enum nv_lock lock);
int nv_status(struct nv_bench *bench, const char *owner, const char *name, struct nv_status *ret);

/* Up to `count` rows; how many, or a negative error. */
int nv_list(struct nv_bench *bench, const char *owner, uint32_t first, struct nv_status *rows,
	    unsigned count);

/* true: the area has exactly this text. */
bool nv_holds(struct nv_bench *bench, const char *owner, const char *name, const char *text);
int nv_put_text(struct nv_bench *bench, const char *owner, const char *name, const char *text);

/* A list of changes under construction. */
struct nv_list_of_changes {
	uint8_t bytes[16384];
	size_t length;
};
void nv_changes_put(struct nv_list_of_changes *changes, const char *name, const char *text);
void nv_changes_delete(struct nv_list_of_changes *changes, const char *name);
int nv_commit(struct nv_bench *bench, const char *owner, const struct nv_list_of_changes *changes);

#endif
