/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot: what the TPM needs to go on after it was killed, in a memfd that the service
 * manager keeps. It holds the volatile state in two slots, the permanent state in two more, and for
 * each connection its last response, in two halves.
 *
 * A SIGKILL can hit between any two instructions, and what was written before it is there, in
 * order. So nothing that is in use is ever written over: a slot or half is written beside it, ends
 * with its checksum, and is in use from then on.
 *
 * The rule a newcomer would break first: everything that belongs to one command carries the
 * generation of the slot that will be written last; writing that slot makes all of it valid at
 * once, and not writing it makes all of it never have been.
 */
#ifndef PLUTON_TPMD_SNAPSHOT_H
#define PLUTON_TPMD_SNAPSHOT_H

#include "apps/tpm/objects.h"
#include "apps/tpm/permanent.h"

#define SNAPSHOT_NAME "snapshot"     /* in the store of descriptors */
#define SNAPSHOT_VOLATILE_MAX 65536u /* bytes */
#define SNAPSHOT_ENTRIES_MAX                                                                       \
	1024u /* connections there is room for; untouched ones cost nothing                        \
	       */
#define SNAPSHOT_TOKEN_SIZE 16u

/* What goes with the volatile state. */
struct snapshot_state {
	uint64_t permanent_generation; /* the permanent state it belongs to */
	uint8_t permanent_digest[PERMANENT_DIGEST_SIZE];
	uint32_t permanent_index; /* where that one lies here */
	uint32_t audited;	  /* 1: something is audited, so that every command matters */
	uint64_t powered_on_ms;	  /* CLOCK_BOOTTIME */
	uint64_t commands;
	uint64_t cancelled;
	uint64_t resumes;
	struct objects objects;
};

enum snapshot_use {
	SNAPSHOT_FREE = 0,
	SNAPSHOT_CHANNEL = 1, /* its client keeps the token */
	SNAPSHOT_NAMED = 2,   /* the token is made of its client's name */
};

/* What is kept of a connection besides its last response. */
struct snapshot_entry {
	uint32_t in_use; /* enum snapshot_use */
	uint32_t uid;
	uint32_t locality;
	uint32_t sequence;	/* of the last response */
	uint32_t response_size; /* 0: none yet */
	uint8_t token[SNAPSHOT_TOKEN_SIZE];
};

struct snapshot;

/* A new, empty one. -PLUTON_ENOMEM. */
int snapshot_create(struct snapshot **ret);

/*
 * One that was kept. Takes `fd`, also on failure. -PLUTON_EINVAL: not a snapshot that this program
 * wrote, or nothing whole is in it; *ret_why (static text) says what.
 */
int snapshot_open(int fd, struct snapshot **ret, const char **ret_why);

/* NULL is allowed. */
void snapshot_close(struct snapshot *snapshot);
int snapshot_fd(const struct snapshot *snapshot);

/* --- the slot in use ------------------------------------------------------------------------- */

/* NULL: none was written yet. */
const struct snapshot_state *snapshot_state(const struct snapshot *snapshot);
const uint8_t *snapshot_volatile(const struct snapshot *snapshot, uint32_t *ret_length);

/*
 * Puts into use *state, the volatile state, and every half that was staged since the last time.
 * -PLUTON_ESIZE: over SNAPSHOT_VOLATILE_MAX.
 */
int snapshot_commit(struct snapshot *snapshot, const struct snapshot_state *state,
		    const uint8_t *volatile_state, uint32_t length);

/* --- permanent state ------------------------------------------------------------------------- */

/* The place (0, 1) that no slot in use refers to, and its PERMANENT_MAX bytes. */
uint32_t snapshot_spare(const struct snapshot *snapshot);
uint8_t *snapshot_permanent(struct snapshot *snapshot, uint32_t index);

/* The newest generation that nvmem is known to have. */
uint64_t snapshot_durable(const struct snapshot *snapshot);
void snapshot_set_durable(struct snapshot *snapshot, uint64_t generation);

/* --- connections ----------------------------------------------------------------------------- */

/* NULL: not in use. */
const struct snapshot_entry *snapshot_entry(const struct snapshot *snapshot, uint32_t index);
const uint8_t *snapshot_response(const struct snapshot *snapshot, uint32_t index);

/* The sequence number of the last command that was begun. Valid at once. */
uint32_t snapshot_accepted(const struct snapshot *snapshot, uint32_t index);
void snapshot_accept(struct snapshot *snapshot, uint32_t index, uint32_t sequence);

enum snapshot_when {
	SNAPSHOT_NOW,	 /* valid with the slot that is in use */
	SNAPSHOT_COMMIT, /* with the next one: snapshot_commit */
};

/*
 * Writes an entry's other half. `response` (entry->response_size bytes) may be the one it has. It
 * is what snapshot_entry and snapshot_response show from now on.
 */
void snapshot_put_entry(struct snapshot *snapshot, uint32_t index, enum snapshot_when when,
			const struct snapshot_entry *entry, const uint8_t *response);

#endif
