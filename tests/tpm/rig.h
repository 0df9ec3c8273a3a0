/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TPM app in a child process, with a double of plutond around it: the test hands it channels,
 * decides what becomes of the permanent state that it stores, kills it, and starts it again with
 * the snapshot that it left.
 *
 * The rule a newcomer would break first: what child and test share lies in rig->shared; all else
 * is the test's own copy.
 */
#ifndef PLUTON_TESTS_TPM_RIG_H
#define PLUTON_TESTS_TPM_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "apps/tpm/permanent.h"
#include "apps/tpm/tpm.h"
#include "client-lib/tpm_channel.h"
#include "daemon/kernel/record.h"

/* What becomes of a store. */
enum rig_store {
	RIG_STORES = 0,	  /* durable, and the app is told */
	RIG_HOLDS,	  /* not stored, not answered, until something else is set */
	RIG_FAILS,	  /* not stored, and the app is told so */
	RIG_LOSES_ANSWER, /* durable, and the app is not told */
};

struct rig_shared {
	atomic_int store;     /* enum rig_store */
	atomic_uint stores;   /* that were durable */
	atomic_uint attempts; /* that were begun */
	atomic_uint cancels;  /* calls that asked libtpms to end a command */
	atomic_bool expire;   /* set: clients that were cut off are not waited for any more */
	atomic_int current;   /* which of the two areas is the durable one; -1: none */
	size_t sizes[2];
	uint8_t areas[2][PERMANENT_MAX];
	size_t first_size; /* what was stored first of all */
	uint8_t first_area[PERMANENT_MAX];
};

struct rig {
	struct rig_shared *shared;
	struct tpm_options options;
	pid_t child;  /* 0: none */
	int link;     /* to the child: channels go there, the snapshot comes from there */
	int snapshot; /* as the service manager would keep it; -1: none */
	bool quiet;   /* the child's log goes nowhere */
};

/* The double of plutond, empty; nothing runs yet. Fails the test program if it cannot. */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Starts the app as after a power cut (no snapshot), or with what it left. Waits until it is ready.
 */
void rig_start(struct rig *rig);

/* The same in two steps. */
void rig_begin(struct rig *rig);
void rig_await_ready(struct rig *rig);

/* Starts it and expects that it ends by itself: its exit status. */
int rig_start_refused(struct rig *rig);

/* SIGKILL; keeps the snapshot. */
void rig_kill(struct rig *rig);

/* SIGTERM and the end; keeps the snapshot. Its exit status. */
int rig_stop(struct rig *rig);

/* The snapshot is lost, as by a power cut. */
void rig_lose_snapshot(struct rig *rig);

/* The permanent state is what it was at first, as from a backup. */
void rig_restore_first_area(struct rig *rig);

/* Waits, without sleeping for long, until *counter is at least `value`. */
void rig_await(const atomic_uint *counter, unsigned value);

/* --- clients --------------------------------------------------------------------------------- */

struct rig_client {
	int fd;
	uint32_t sequence;
	uint32_t op_id;
	uint8_t token[TPM_TOKEN_SIZE];
	uint32_t words[3]; /* of the last answer */
	size_t size;	   /* of its output */
	uint8_t bytes[RECORD_SIZE_MAX];
	char text[RECORD_TEXT_MAX + 1]; /* of the last refusal */
};

/* A channel that plutond would have brokered for a process of `uid`. */
void rig_connect(struct rig *rig, struct rig_client *client, uint32_t uid);

/* The same, greeted and attached; `token` may be NULL. Returns word 1 of Attach: it goes on. */
bool rig_attach(struct rig *rig, struct rig_client *client, uint32_t uid, const uint8_t *token);
void rig_hang_up(struct rig_client *client);

/* One record as it is. */
void rig_send(struct rig_client *client, const void *bytes, size_t size);

/*
 * The next record: 0 for an upcall whose word 0 is 0, the negative error of an upcall or RETURN,
 * 1 for WELCOME, -PLUTON_EOFF at the end.
 */
int rig_receive(struct rig_client *client);

/* true: a record is there, or the end is. Does not wait. */
bool rig_has_answer(const struct rig_client *client);

/* An operation with one ro slot and room for one rw slot (0: none), not waiting. */
void rig_submit(struct rig_client *client, uint32_t command, uint32_t word, const void *in,
		size_t in_size, size_t room);
void rig_cancel(struct rig_client *client, uint32_t op_id);

/* Transmits with the next sequence number: the response is in client->bytes. */
void rig_transmit(struct rig_client *client, const void *command, size_t size);

/* The response's code after waiting for it. Fails the test if it is no response. */
uint32_t rig_response(struct rig_client *client);
uint32_t rig_run(struct rig_client *client, const void *command, size_t size);

#endif
