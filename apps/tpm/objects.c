/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership rows. Handles: TPM 2.0 Library Part 2 section 7.2 (types) and Part 1 section 15.
 */
#include "apps/tpm/objects.h"

#include <string.h>

#define HANDLE_TYPE(handle) ((handle) >> 24)
#define TYPE_HMAC_SESSION 0x02u
#define TYPE_POLICY_SESSION 0x03u /* also what a saved session is called */
#define TYPE_TRANSIENT 0x80u
#define HANDLE_NUMBER 0x00ffffffu

static bool is_session(uint32_t handle)
{
	return HANDLE_TYPE(handle) == TYPE_HMAC_SESSION ||
	       HANDLE_TYPE(handle) == TYPE_POLICY_SESSION;
}

static bool is_owned_kind(uint32_t handle)
{
	return HANDLE_TYPE(handle) == TYPE_TRANSIENT || is_session(handle);
}

static bool is_same(uint32_t left, uint32_t right)
{
	if (is_session(left) && is_session(right))
		return (left & HANDLE_NUMBER) == (right & HANDLE_NUMBER);
	return left == right;
}

static const struct object_row *find(const struct objects *objects, uint32_t handle)
{
	for (uint32_t i = 0; i < objects->count; i++) {
		if (is_same(objects->rows[i].handle, handle))
			return &objects->rows[i];
	}
	return NULL;
}

/* What the TPM does not have either is left to the TPM to refuse. */
static bool belongs_to_another(const struct objects *objects, struct object_user user,
			       uint32_t handle)
{
	const struct object_row *row = is_owned_kind(handle) ? find(objects, handle) : NULL;

	return row && row->owner != user.owner;
}

/* FlushContext names it in its parameters. A saved session may be ended by the same user. */
static bool may_flush(const struct objects *objects, struct object_user user, uint32_t handle)
{
	const struct object_row *row = find(objects, handle);

	if (!row || row->owner == user.owner)
		return true;
	return row->state == OBJECT_SAVED && (row->uid == user.uid || user.uid == 0);
}

static uint32_t check_auths(const struct objects *objects, struct object_user user,
			    const struct command_parts *parts)
{
	const uint8_t *at = parts->auth;
	size_t left = parts->auth_size;
	struct command_auth auth;

	for (uint32_t i = 0; command_next_auth(&at, &left, &auth); i++) {
		if (belongs_to_another(objects, user, auth.handle))
			return TPM_RC_REFERENCE_S0 + (i < 7 ? i : 6);
	}
	return TPM_RC_SUCCESS;
}

uint32_t objects_check(const struct objects *objects, struct object_user user,
		       const struct command_parts *parts)
{
	if (!parts->command)
		return TPM_RC_SUCCESS;
	for (uint32_t i = 0; i < parts->command->handles; i++) {
		if (belongs_to_another(objects, user, parts->handles[i]))
			return TPM_RC_REFERENCE_H0 + i;
	}
	if (parts->command->code == TPM_CC_FLUSH_CONTEXT && parts->parameters_size >= 4 &&
	    !may_flush(objects, user, tpm_get32(parts->parameters)))
		return TPM_RC_HANDLE_P1;
	return check_auths(objects, user, parts);
}

/* --- changes --------------------------------------------------------------------------------- */

void objects_forget(struct objects *objects, uint32_t handle)
{
	for (uint32_t i = 0; i < objects->count; i++) {
		if (is_same(objects->rows[i].handle, handle)) {
			objects->rows[i] = objects->rows[--objects->count];
			return;
		}
	}
}

/* Whatever had the handle before is gone: the TPM gave it anew. */
static void set(struct objects *objects, struct object_user user, uint32_t handle,
		enum object_state state)
{
	if (!is_owned_kind(handle))
		return;
	objects_forget(objects, handle);
	if (objects->count == OBJECTS_MAX)
		return;
	objects->rows[objects->count++] = (struct object_row){
		.handle = handle,
		.uid = user.uid,
		.owner = user.owner,
		.state = (uint16_t)state,
	};
}

/* A session that was used without continueSession ended with the successful command. */
static void note_ended_sessions(struct objects *objects, const struct command_parts *parts)
{
	const uint8_t *at = parts->auth;
	size_t left = parts->auth_size;
	struct command_auth auth;

	while (command_next_auth(&at, &left, &auth)) {
		if (is_session(auth.handle) && !(auth.attributes & TPMA_SESSION_CONTINUE))
			objects_forget(objects, auth.handle);
	}
}

void objects_note(struct objects *objects, struct object_user user,
		  const struct command_parts *parts, const uint8_t *response, size_t size)
{
	const struct command *command = parts->command;

	if (!command || size < TPM_HEADER_SIZE || tpm_code(response, size) != TPM_RC_SUCCESS)
		return;
	note_ended_sessions(objects, parts);
	if (command->flags & COMMAND_FLUSHES)
		objects_forget(objects, parts->handles[command->handles - 1u]);
	if (command->code == TPM_CC_FLUSH_CONTEXT && parts->parameters_size >= 4)
		objects_forget(objects, tpm_get32(parts->parameters));
	if (command->code == TPM_CC_CONTEXT_SAVE && is_session(parts->handles[0]))
		set(objects, user, parts->handles[0], OBJECT_SAVED);
	if ((command->flags & COMMAND_MAKES_HANDLE) && size >= TPM_HEADER_SIZE + 4)
		set(objects, user, tpm_get32(response + TPM_HEADER_SIZE), OBJECT_LOADED);
}

/* Part 3 section 30.2: header, moreData, capability, count, handles. */
#define LIST_MORE TPM_HEADER_SIZE
#define LIST_CAPABILITY (LIST_MORE + 1u)
#define LIST_COUNT (LIST_CAPABILITY + 4u)
#define LIST_HANDLES (LIST_COUNT + 4u)
#define TPM_CAP_HANDLES 1u

static bool is_list_of_handles(const uint8_t *response, size_t size)
{
	return size >= LIST_HANDLES && tpm_code(response, size) == TPM_RC_SUCCESS &&
	       tpm_get16(response) == TPM_ST_NO_SESSIONS &&
	       tpm_get32(response + LIST_CAPABILITY) == TPM_CAP_HANDLES &&
	       size == LIST_HANDLES + 4 * (size_t)tpm_get32(response + LIST_COUNT);
}

static bool may_see(const struct objects *objects, struct object_user user, uint32_t handle)
{
	const struct object_row *row = is_owned_kind(handle) ? find(objects, handle) : NULL;

	if (!row || row->owner == user.owner)
		return true;
	return row->state == OBJECT_SAVED && row->uid == user.uid;
}

size_t objects_hide(const struct objects *objects, struct object_user user, uint8_t *response,
		    size_t size)
{
	uint32_t kept = 0;

	if (!is_list_of_handles(response, size))
		return size;
	for (size_t at = LIST_HANDLES; at < size; at += 4) {
		uint32_t handle = tpm_get32(response + at);

		if (may_see(objects, user, handle))
			tpm_put32(response + LIST_HANDLES + 4 * (size_t)kept++, handle);
	}
	tpm_put32(response + LIST_COUNT, kept);
	size = LIST_HANDLES + 4 * (size_t)kept;
	tpm_put32(response + 2, (uint32_t)size);
	return size;
}

bool objects_next(const struct objects *objects, uint16_t owner, uint32_t *ret_handle)
{
	for (uint32_t i = 0; i < objects->count; i++) {
		const struct object_row *row = &objects->rows[i];

		if (row->owner == owner && row->state == OBJECT_LOADED) {
			*ret_handle = row->handle;
			return true;
		}
	}
	return false;
}

void objects_leave(struct objects *objects, uint16_t owner)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < objects->count; i++) {
		struct object_row row = objects->rows[i];

		if (row.owner == owner && row.state == OBJECT_LOADED)
			continue;
		if (row.owner == owner)
			row.owner = OBJECTS_NOBODY;
		objects->rows[kept++] = row;
	}
	objects->count = kept;
}
