/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TPM: runs clients' commands one after the other, and sees to it that none of them is
 * forgotten or run twice, whenever the process is killed. The order in which that happens, and why
 * it suffices, stands in resume.c.
 *
 * The rule a newcomer would break first: a response is handed to the clients only after the
 * snapshot that contains it, and leaves only after the permanent state that it depends on.
 */
#ifndef PLUTON_TPMD_TPM_H
#define PLUTON_TPMD_TPM_H

#include <stdatomic.h>

#include "apps/tpm/clients.h"
#include "apps/tpm/library.h"
#include "apps/tpm/resume.h"
#include "apps/tpm/store.h"

/* How long a client that was cut off by a crash may take to come back. */
#define TPM_AWAIT_MS 30000

struct tpm_options {
	const char *instance;
	unsigned connections_max;
	unsigned per_user_max;
	unsigned locality_max;
};

struct tpm {
	struct tpm_options options;
	struct snapshot *snapshot;
	struct clients *clients;
	struct store *store;
	struct snapshot_state state; /* what the next snapshot says */
	struct permanent permanent;  /* the header of the newest one */
	const uint8_t *blob;	     /* the library's permanent state before anything was kept */
	size_t blob_size;
	bool staged; /* the library has handed over a permanent state since the last snapshot */
	uint32_t staged_size;
	uint8_t own_handles[TPM_BUFFER_SIZE]; /* a response with others' left out */
	bool failed;			      /* the library answers nothing but TPM_RC_FAILURE */
	uint64_t durable;		      /* as the store last said */
	uint64_t begin_at; /* the generation that must be durable before anybody is served */
	enum library_outcome outcome;
	atomic_uint_least64_t
		await_until; /* CLOCK_BOOTTIME, ms: who was cut off comes until then */
	atomic_bool stopping;
	atomic_uint_least64_t turns;	   /* of the loop: grows while it is alive */
	atomic_uint_least64_t long_since;  /* CLOCK_BOOTTIME, ms; 0: no long command runs */
	atomic_uint_least64_t alone_since; /* CLOCK_BOOTTIME, ms: plutond is gone; 0: it is there */
	struct clients_work work;
};

/*
 * Starts the TPM from what resume_decide said and makes everything ready for tpm_run. Takes
 * `snapshot` (may be NULL) on success. On failure it has logged why: -PLUTON_ENOSUPPORT or
 * -PLUTON_EINVAL: the state cannot be used, and was not touched; -PLUTON_ENOMEM, -PLUTON_EFAIL.
 */
int tpm_start(struct tpm *tpm, const struct tpm_options *options, const struct resume *resume,
	      struct snapshot *snapshot, struct store *store);

/*
 * Serves until tpm_stop. `ready` runs once, as soon as the TPM's state is durable. A negative
 * error: the TPM cannot go on; it has logged why.
 */
int tpm_run(struct tpm *tpm, void (*ready)(void *context), void *context);

/*
 * After tpm_run: the orderly end. Waits up to `timeout_ms` until all that was answered or is to be
 * answered is durable. -PLUTON_EFAIL: it is not; it has logged that.
 */
int tpm_shut_down(struct tpm *tpm, unsigned timeout_ms);
void tpm_free(struct tpm *tpm);

/* Any thread: tpm_run returns; a long command is cancelled. */
void tpm_stop(struct tpm *tpm);

/* CLOCK_BOOTTIME. */
uint64_t tpm_now_ms(void);

#endif
