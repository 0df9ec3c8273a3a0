/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection owns which transient object or session of the TPM, as far as commands and
 * responses tell. It is part of the snapshot, so it holds numbers only.
 *
 * The rule a newcomer would break first: a row follows what the TPM did, not what was asked for;
 * only a successful response changes rows.
 */
#ifndef PLUTON_TPMD_OBJECTS_H
#define PLUTON_TPMD_OBJECTS_H

#include "apps/tpm/commands.h"

/* libtpms has 3 transient objects and 64 sessions; a session's two kinds of handle count as one. */
#define OBJECTS_MAX 96u
#define OBJECTS_NOBODY 0xffffu

enum object_state {
	OBJECT_LOADED = 1,
	OBJECT_SAVED = 2, /* a session whose context was saved: it outlives its connection */
};

struct object_row {
	uint32_t handle;
	uint32_t uid;	/* of its owner */
	uint16_t owner; /* number of the connection's entry, or OBJECTS_NOBODY */
	uint16_t state; /* enum object_state */
};

struct objects {
	uint32_t count;
	struct object_row rows[OBJECTS_MAX];
};

/* Who asks. */
struct object_user {
	uint16_t owner;
	uint32_t uid;
};

/*
 * TPM_RC_SUCCESS if the command names nothing that belongs to another connection; else the code of
 * a handle or session that is not loaded (Part 2 section 6.6.3), as if there were nothing.
 */
uint32_t objects_check(const struct objects *objects, struct object_user user,
		       const struct command_parts *parts);

/* Takes down what a command and its response made, loaded, saved and ended. */
void objects_note(struct objects *objects, struct object_user user,
		  const struct command_parts *parts, const uint8_t *response, size_t size);

/*
 * A list of handles that TPM2_GetCapability gave, without those that are somebody else's: what is
 * loaded by another connection, and saved sessions of other users. `response` is changed in place;
 * returns its new size. One that a session protects stays as it is: its HMAC is the TPM's.
 */
size_t objects_hide(const struct objects *objects, struct object_user user, uint8_t *response,
		    size_t size);

/* The next loaded thing of `owner`. false: there is none. */
bool objects_next(const struct objects *objects, uint16_t owner, uint32_t *ret_handle);

/* It is no longer loaded, or was not. */
void objects_forget(struct objects *objects, uint32_t handle);

/* The owner goes: nothing of it is loaded any more, and its saved sessions are nobody's. */
void objects_leave(struct objects *objects, uint16_t owner);

#endif
