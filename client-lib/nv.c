/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-volatile memory. What changes an area is one operation, however long, and so all or nothing.
 * Reading is several: the driver gives PLUTON_NV_READ_MAX bytes at a time. Each request is made
 * once for both ways of asking, waiting and not.
 *
 * The rule a newcomer would break first: pieces of one read must tell the same generation, or a
 * writer came in between and the reading begins again.
 */
#include <pluton/nv.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/list.h"
#include "client-lib/rows.h"
#include "client-lib/status.h"

enum {
	COMMAND_DEFINE = 1,
	COMMAND_DELETE = 2,
	COMMAND_READ = 3,
	COMMAND_WRITE = 4,
	COMMAND_PUT = 5,
	COMMAND_COMMIT = 6,
	COMMAND_LOCK = 7,
	COMMAND_STATUS = 8,
	COMMAND_LIST = 9,
};

enum {
	SLOT_NAME = 0,
	SLOT_CHANGES = 0,
	SLOT_DATA = 1,
};

#define ATTEMPTS_MAX 1000u /* of reading what somebody changes meanwhile */

/* Of a commit's changes (hil/nv.h): u8 kind, u8 name length, u16 0, u32 data length. */
#define CHANGE_HEADER_SIZE 8u
enum {
	CHANGE_PUT = 1,
	CHANGE_DELETE = 2,
};

/* Which bytes a name may have is the daemon's to say. */
static int check_name(struct pluton *pluton, const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (length >= 1 && length <= PLUTON_NV_NAME_MAX)
		return 0;
	return connection_refuse(pluton, -PLUTON_EINVAL, "an area's name of %zu bytes: 1 to %d",
				 length, PLUTON_NV_NAME_MAX);
}

static int nv_request(struct pluton *pluton, uint32_t command, const char *name, uint32_t word,
		      struct pluton_request *ret)
{
	int r = check_name(pluton, name);

	if (r < 0)
		return r;
	*ret = (struct pluton_request){
		.driver = PLUTON_DRIVER_NV,
		.command = command,
		.words[0] = word,
		.slots[SLOT_NAME] = {.in = name, .length = strlen(name)},
	};
	return 0;
}

static int perform(struct pluton *pluton, uint32_t command, const char *name, uint32_t word)
{
	struct pluton_request request;
	int r = nv_request(pluton, command, name, word, &request);

	return r < 0 ? r : operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
}

static int submit(struct pluton *pluton, const struct pluton_request *request, pluton_done_fn done,
		  void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return operation_submit(pluton, request, &completion, ret_id);
}

int pluton_nv_define(struct pluton *pluton, const char *name, uint32_t capacity)
{
	return perform(pluton, COMMAND_DEFINE, name, capacity);
}

int pluton_nv_define_async(struct pluton *pluton, const char *name, uint32_t capacity,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_DEFINE, name, capacity, &request);

	return r < 0 ? r : submit(pluton, &request, done, userdata, ret_id);
}

int pluton_nv_delete(struct pluton *pluton, const char *name)
{
	return perform(pluton, COMMAND_DELETE, name, 0);
}

int pluton_nv_delete_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			   void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_DELETE, name, 0, &request);

	return r < 0 ? r : submit(pluton, &request, done, userdata, ret_id);
}

int pluton_nv_lock(struct pluton *pluton, const char *name, enum pluton_nv_lock lock)
{
	return perform(pluton, COMMAND_LOCK, name, lock);
}

int pluton_nv_lock_async(struct pluton *pluton, const char *name, enum pluton_nv_lock lock,
			 pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_LOCK, name, lock, &request);

	return r < 0 ? r : submit(pluton, &request, done, userdata, ret_id);
}

int pluton_nv_status(struct pluton *pluton, const char *name, struct pluton_nv_row *ret)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_STATUS, name, 0, &request);

	return r < 0 ? r : status_perform(pluton, &request, &row_nv, ret);
}

int pluton_nv_status_async(struct pluton *pluton, const char *name, struct pluton_nv_row *ret,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct status status = {&row_nv, ret, done, userdata};
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_STATUS, name, 0, &request);

	return r < 0 ? r : status_submit(pluton, &request, &status, ret_id);
}

int pluton_nv_list(struct pluton *pluton, struct pluton_nv_row **ret_rows, size_t *ret_count)
{
	struct list list = {.layout = &row_nv};
	int r = list_get(pluton, PLUTON_DRIVER_NV, COMMAND_LIST, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_nv_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A read of any length, from one state of the area. */
struct reading {
	const char *name;
	uint32_t offset;
	uint8_t *buffer;
	size_t length;	     /* wanted */
	size_t done;	     /* of them */
	uint32_t generation; /* that the pieces so far told */
	uint32_t connection; /* that they came by: another daemon may count generations anew */
};

/* 1: a whole piece came, so there may be more. 0: that was the end of the data. */
static int read_piece(struct pluton *pluton, struct reading *reading, uint32_t *ret_generation)
{
	size_t left = reading->length - reading->done;
	size_t piece = left < PLUTON_NV_READ_MAX ? left : PLUTON_NV_READ_MAX;
	uint32_t offset = reading->offset + (uint32_t)reading->done;
	struct pluton_request request;
	uint32_t words[3];
	int r = nv_request(pluton, COMMAND_READ, reading->name, offset, &request);

	if (r < 0)
		return r;
	request.slots[SLOT_DATA] =
		(struct pluton_slot){.out = reading->buffer + reading->done, .length = piece};
	r = operation_perform(pluton, &request, REPEAT_ALWAYS, words);
	if (r < 0)
		return r;
	if (words[1] > piece)
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "a read of %u bytes instead of %zu", words[1], piece);
	reading->done += words[1];
	*ret_generation = words[2];
	return words[1] == piece;
}

/*
 * 1: all is there. 0: somebody wrote in between, also where an error may only say that the area
 * has become shorter.
 */
static int read_once(struct pluton *pluton, struct reading *reading)
{
	uint32_t generation = 0;
	bool first = true;
	int r;

	reading->done = 0;
	do {
		r = read_piece(pluton, reading, &generation);
		if (r == -PLUTON_ESIZE && !first)
			return 0;
		if (r < 0)
			return r;
		if (!first && (generation != reading->generation ||
			       pluton->reconnect.connection != reading->connection))
			return 0;
		reading->generation = generation;
		reading->connection = pluton->reconnect.connection;
		first = false;
	} while (r == 1 && reading->done < reading->length);
	return 1;
}

static int too_often(struct pluton *pluton, const char *name)
{
	return connection_refuse(pluton, -PLUTON_EBUSY,
				 "%s was changed during each of %u attempts to read it", name,
				 ATTEMPTS_MAX);
}

static int check_reading(struct pluton *pluton, const struct reading *reading)
{
	if (reading->length == 0 || !reading->buffer)
		return connection_refuse(pluton, -PLUTON_ESIZE, "there is no room to read into");
	if (reading->length - 1 > UINT32_MAX - reading->offset)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "%zu bytes at %u: no area is so long", reading->length,
					 reading->offset);
	return 0;
}

int pluton_nv_read(struct pluton *pluton, const char *name, uint32_t offset, void *buffer,
		   size_t length, size_t *ret_length)
{
	struct reading reading = {
		.name = name, .offset = offset, .buffer = buffer, .length = length};
	int r = check_reading(pluton, &reading);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < ATTEMPTS_MAX && r == 0; i++)
		r = read_once(pluton, &reading);
	if (r == 0)
		return too_often(pluton, name);
	if (r < 0)
		return r;
	if (ret_length)
		*ret_length = reading.done;
	return 0;
}

/* A read under way, of one piece. */
struct nv_read {
	pluton_done_fn done;
	void *userdata;
	size_t *ret_length; /* may be NULL */
	size_t length;
};

static void read_answered(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	const struct nv_read read = *(const struct nv_read *)userdata;
	int r = answer->status;

	free(userdata);
	if (r == 0 && answer->words[1] > read.length)
		r = connection_fail(pluton, -PLUTON_EBADRVAL, "a read of %u bytes instead of %zu",
				    answer->words[1], read.length);
	if (r == 0 && read.ret_length)
		*read.ret_length = answer->words[1];
	if (read.done)
		read.done(pluton, r, read.userdata);
}

static int submit_read(struct pluton *pluton, const struct pluton_request *request,
		       const struct nv_read *read, pluton_operation_id *ret_id)
{
	struct nv_read *copy = malloc(sizeof(*copy));
	const struct completion completion = {
		.told = read_answered, .drop = free, .userdata = copy};
	int r;

	if (!copy)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a read");
	*copy = *read;
	r = operation_submit(pluton, request, &completion, ret_id);
	if (r < 0)
		free(copy);
	return r;
}

int pluton_nv_read_async(struct pluton *pluton, const char *name, uint32_t offset, void *buffer,
			 size_t length, size_t *ret_length, pluton_done_fn done, void *userdata,
			 pluton_operation_id *ret_id)
{
	const struct nv_read read = {done, userdata, ret_length, length};
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_READ, name, offset, &request);

	if (r < 0)
		return r;
	if (length == 0 || length > PLUTON_NV_READ_MAX || !buffer)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "room for %zu bytes: one read takes 1 to %d", length,
					 PLUTON_NV_READ_MAX);
	request.slots[SLOT_DATA] = (struct pluton_slot){.out = buffer, .length = length};
	return submit_read(pluton, &request, &read, ret_id);
}

static void wipe_and_free(void *bytes, size_t size)
{
	if (!bytes)
		return;
	explicit_bzero(bytes, size);
	free(bytes);
}

/* 1: *ret_data is all of the area. 0: it is another one than its status said by now. */
static int get_once(struct pluton *pluton, const char *name, uint8_t **ret_data, size_t *ret_length)
{
	struct reading reading = {.name = name};
	struct pluton_nv_row row;
	uint32_t connection;
	int r = pluton_nv_status(pluton, name, &row);

	if (r < 0)
		return r;
	connection = pluton->reconnect.connection;
	/* What callers free() is never NULL, and an empty area may be locked all the same. */
	reading.length = row.length > 0 ? row.length : 1;
	reading.buffer = malloc(reading.length);
	if (!reading.buffer)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for %u bytes of %s",
					 row.length, name);
	r = read_once(pluton, &reading);
	if (r == 1 && (reading.generation != row.generation || reading.done != row.length ||
		       reading.connection != connection))
		r = 0;
	if (r != 1) {
		wipe_and_free(reading.buffer, reading.length);
		return r;
	}
	*ret_data = reading.buffer;
	*ret_length = reading.done;
	return 1;
}

int pluton_nv_get(struct pluton *pluton, const char *name, void **ret_data, size_t *ret_length)
{
	uint8_t *data = NULL;
	size_t length = 0;
	int r = 0;

	for (unsigned i = 0; i < ATTEMPTS_MAX && r == 0; i++)
		r = get_once(pluton, name, &data, &length);
	if (r == 0)
		return too_often(pluton, name);
	if (r < 0)
		return r;
	*ret_data = data;
	*ret_length = length;
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static int write_request(struct pluton *pluton, const char *name, uint32_t offset,
			 const void *buffer, size_t length, struct pluton_request *ret)
{
	int r = nv_request(pluton, COMMAND_WRITE, name, offset, ret);

	if (r < 0)
		return r;
	if (length == 0)
		return connection_refuse(pluton, -PLUTON_ESIZE, "there is nothing to write");
	ret->slots[SLOT_DATA] = (struct pluton_slot){.in = buffer, .length = length};
	return 0;
}

int pluton_nv_write(struct pluton *pluton, const char *name, uint32_t offset, const void *buffer,
		    size_t length)
{
	struct pluton_request request;
	int r = write_request(pluton, name, offset, buffer, length, &request);

	return r < 0 ? r : operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
}

int pluton_nv_write_async(struct pluton *pluton, const char *name, uint32_t offset,
			  const void *buffer, size_t length, pluton_done_fn done, void *userdata,
			  pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = write_request(pluton, name, offset, buffer, length, &request);

	return r < 0 ? r : submit(pluton, &request, done, userdata, ret_id);
}

int pluton_nv_put(struct pluton *pluton, const char *name, const void *data, size_t length)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_PUT, name, 0, &request);

	if (r < 0)
		return r;
	request.slots[SLOT_DATA] = (struct pluton_slot){.in = data, .length = length};
	return operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
}

int pluton_nv_put_async(struct pluton *pluton, const char *name, const void *data, size_t length,
			pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = nv_request(pluton, COMMAND_PUT, name, 0, &request);

	if (r < 0)
		return r;
	request.slots[SLOT_DATA] = (struct pluton_slot){.in = data, .length = length};
	return submit(pluton, &request, done, userdata, ret_id);
}

/* --- commits --------------------------------------------------------------------------------- */

static int check_change(struct pluton *pluton, const struct pluton_nv_change *change)
{
	int r = check_name(pluton, change->name);

	if (r < 0)
		return r;
	if (!change->data && change->length > 0)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "%s is to be deleted, and is to have %zu bytes",
					 change->name, change->length);
	if (change->length > pluton->limits.window_size_max)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "%zu bytes for %s, window_size_max is %u", change->length,
					 change->name, pluton->limits.window_size_max);
	return 0;
}

/* How many bytes the list of changes has; no sum of so few, checked lengths overflows. */
static int size_changes(struct pluton *pluton, const struct pluton_nv_change *changes, size_t count,
			size_t *ret_size)
{
	uint64_t size = 0;
	int r = 0;

	if (count == 0 || count > PLUTON_NV_CHANGES_MAX)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "a commit of %zu changes: 1 to %d are taken", count,
					 PLUTON_NV_CHANGES_MAX);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = check_change(pluton, &changes[i]);
		if (r == 0)
			size += CHANGE_HEADER_SIZE + strlen(changes[i].name) + changes[i].length;
	}
	if (r == 0 && size > pluton->limits.window_size_max)
		r = connection_refuse(pluton, -PLUTON_ESIZE,
				      "changes of %llu bytes, window_size_max is %u",
				      (unsigned long long)size, pluton->limits.window_size_max);
	*ret_size = (size_t)size;
	return r;
}

static uint8_t *put_change(uint8_t *at, const struct pluton_nv_change *change)
{
	size_t name_length = strlen(change->name);
	uint32_t length = htole32((uint32_t)change->length);

	at[0] = change->data ? CHANGE_PUT : CHANGE_DELETE;
	at[1] = (uint8_t)name_length;
	at[2] = at[3] = 0;
	memcpy(at + 4, &length, sizeof(length));
	at += CHANGE_HEADER_SIZE;
	memcpy(at, change->name, name_length);
	at += name_length;
	if (change->length > 0)
		memcpy(at, change->data, change->length);
	return at + change->length;
}

/* The changes as they are sent; the caller wipes and frees *ret_list. */
static int list_changes(struct pluton *pluton, const struct pluton_nv_change *changes, size_t count,
			struct pluton_slot *ret_slot, uint8_t **ret_list)
{
	uint8_t *list, *at;
	size_t size = 0;
	int r = size_changes(pluton, changes, count, &size);

	if (r < 0)
		return r;
	list = malloc(size);
	if (!list)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for %zu bytes", size);
	at = list;
	for (size_t i = 0; i < count; i++)
		at = put_change(at, &changes[i]);
	*ret_slot = (struct pluton_slot){.in = list, .length = size};
	*ret_list = list;
	return 0;
}

int pluton_nv_commit(struct pluton *pluton, const struct pluton_nv_change *changes, size_t count)
{
	struct pluton_request request = {.driver = PLUTON_DRIVER_NV, .command = COMMAND_COMMIT};
	struct pluton_slot *slot = &request.slots[SLOT_CHANGES];
	uint8_t *list;
	int r = list_changes(pluton, changes, count, slot, &list);

	if (r < 0)
		return r;
	r = operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
	wipe_and_free(list, slot->length);
	return r;
}

int pluton_nv_commit_async(struct pluton *pluton, const struct pluton_nv_change *changes,
			   size_t count, pluton_done_fn done, void *userdata,
			   pluton_operation_id *ret_id)
{
	struct pluton_request request = {.driver = PLUTON_DRIVER_NV, .command = COMMAND_COMMIT};
	struct pluton_slot *slot = &request.slots[SLOT_CHANGES];
	uint8_t *list;
	int r = list_changes(pluton, changes, count, slot, &list);

	if (r < 0)
		return r;
	r = submit(pluton, &request, done, userdata, ret_id);
	wipe_and_free(list, slot->length); /* it is sent, or copied */
	return r;
}
