/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channels: Pluton's protocol towards each client (client-lib/tpm_channel.h), up to the point
 * where a TPM command waits to be run, and from its response on. Nothing here runs a command.
 *
 * One thread owns all of it at a time. That is the TPM's, but for the time of a long command: then
 * the TPM's thread delegates it to the control thread, so that cancelling, greeting and hanging up
 * go on.
 *
 * The rule a newcomer would break first: a client is read from only while nothing waits to be sent
 * to it, and whatever it sends then is answered with what one buffer holds.
 */
#ifndef PLUTON_TPMD_CLIENTS_H
#define PLUTON_TPMD_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/app.h>
#include <pluton/tpm.h>

#include "apps/tpm/commands.h"
#include "apps/tpm/snapshot.h"

#define CLIENTS_MAX SNAPSHOT_ENTRIES_MAX

struct clients;

/* What of it is asked for. The functions run on the thread that owns the clients. */
struct clients_options {
	unsigned connections_max; /* 1..CLIENTS_MAX */
	unsigned per_user_max;	  /* of one user who is not root */
	unsigned locality_max;
	struct snapshot *snapshot;
	void (*fill_info)(void *context, struct pluton_tpm_info *info);
	void *context;
};

/* -PLUTON_ENOMEM. */
int clients_new(const struct clients_options *options, struct clients **ret);

/* Closes all channels; entries in the snapshot stay. NULL is allowed. */
void clients_free(struct clients *clients);

/* --- any thread ------------------------------------------------------------------------------ */

/* Hands over a channel: takes `fd`. A peer for whom there is no room is told so and closed. */
void clients_add(struct clients *clients, int fd, const struct pluton_app_peer *peer);

/*
 * The same for somebody who has a name that nobody else has as long as it is there: the token made
 * of it is their connection's, so that after a crash the same name finds it without having kept
 * anything. No token that a peer presents leads there.
 */
void clients_add_named(struct clients *clients, int fd, const struct pluton_app_peer *peer,
		       const uint8_t token[SNAPSHOT_TOKEN_SIZE]);

/* Ends a clients_wait that is going on, or the next one. */
void clients_wake(struct clients *clients);

/* How many clients there are. */
unsigned clients_count(const struct clients *clients);

/* --- the owning thread ----------------------------------------------------------------------- */

/*
 * Waits up to `timeout_ms` (-1: for ever) until something happened on the channels, or
 * clients_wake, and deals with it.
 */
void clients_wait(struct clients *clients, int timeout_ms);

/* A command that waited to be run; a copy, as its client may go at any time. */
struct clients_work {
	uint32_t entry; /* of its connection */
	uint32_t uid;
	uint32_t locality;
	uint32_t sequence;
	bool cancelled; /* before it began */
	size_t size;
	uint8_t command[TPM_BUFFER_SIZE];
};

/* The next one, connections in turn. false: none waits. The caller wipes the command. */
bool clients_next(struct clients *clients, struct clients_work *ret);

/*
 * The command that clients_next gave last has its response: the entry's, in the snapshot. It is
 * sent once `hold`, a generation of the permanent state, is durable.
 */
void clients_answer(struct clients *clients, uint64_t hold);

/* Permanent states up to `durable` are durable: sends the responses that waited for it. */
void clients_release(struct clients *clients, uint64_t durable);

/* An entry whose connection has ended, and that nobody will come back for. false: none. */
bool clients_next_leaver(struct clients *clients, uint32_t *ret_entry);

/*
 * Entries in use whose connections did not come back since the start (clients_new) now count as
 * ended. Returns how many there were.
 */
unsigned clients_expire(struct clients *clients);

/* How many of them may still come back. */
unsigned clients_awaited(const struct clients *clients);

/* The tokens of those of them that clients_add_named made: up to `max` of them. */
unsigned clients_awaited_names(const struct clients *clients,
			       uint8_t (*ret_tokens)[SNAPSHOT_TOKEN_SIZE], unsigned max);

/* --- while a long command runs --------------------------------------------------------------- */

/* The TPM's thread: from here to clients_reclaim the control thread owns the clients. */
void clients_delegate(struct clients *clients);

/* true: the command that runs was asked to end early. */
bool clients_reclaim(struct clients *clients);

/* Becomes readable when the clients are delegated, or reclaimed; the control thread reads it. */
int clients_delegation_fd(const struct clients *clients);

/* Readable when there is something for clients_attend. */
int clients_event_fd(const struct clients *clients);

enum clients_attention {
	CLIENTS_NOT_OURS, /* the TPM's thread has them */
	CLIENTS_ATTENDED, /* what there was to do is done */
	CLIENTS_CANCEL,	  /* that too, and `cancel` was called: call again in a millisecond */
};

/*
 * The control thread: deals with what happened on the channels, without waiting. `cancel` runs if
 * the command is to end early, and only while it runs.
 */
enum clients_attention clients_attend(struct clients *clients, void (*cancel)(void));

/* The control thread: the command that runs, if any, is to end early. */
void clients_cancel_all(struct clients *clients);

#endif
