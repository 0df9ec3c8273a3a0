/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware keys. Each request is made once for both ways of asking, waiting and not; what fills or
 * empties a slot is made again only where the daemon never saw it.
 */
#include <pluton/hwkey.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/list.h"
#include "client-lib/rows.h"
#include "client-lib/status.h"

enum {
	COMMAND_GENERATE = 1,
	COMMAND_IMPORT = 2,
	COMMAND_DERIVE = 3,
	COMMAND_WRAP = 4,
	COMMAND_UNWRAP = 5,
	COMMAND_DELETE = 6,
	COMMAND_PUBLIC = 7,
	COMMAND_STATUS = 8,
	COMMAND_LIST = 9,
};

enum {
	SLOT_ATTRIBUTES = 0,
	SLOT_INPUT = 1,
	SLOT_OUTPUT = STATUS_SLOT_ROW,
};

#define ATTRIBUTES 4u

/* A request, what it points to, and where word 1 of its answer goes. */
struct wire {
	struct pluton_request request;
	uint32_t attributes[ATTRIBUTES]; /* little-endian */
	uint32_t *number;
	size_t *length;
	size_t room; /* for *length */
};

static const struct {
	const char *name;
	enum pluton_hwkey_type type;
} types[] = {
	{"aes128", PLUTON_HWKEY_AES128},   {"aes192", PLUTON_HWKEY_AES192},
	{"aes256", PLUTON_HWKEY_AES256},   {"secret", PLUTON_HWKEY_SECRET},
	{"p256", PLUTON_HWKEY_P256},	   {"p384", PLUTON_HWKEY_P384},
	{"p521", PLUTON_HWKEY_P521},	   {"ed25519", PLUTON_HWKEY_ED25519},
	{"x25519", PLUTON_HWKEY_X25519},   {"rsa2048", PLUTON_HWKEY_RSA2048},
	{"rsa3072", PLUTON_HWKEY_RSA3072}, {"rsa4096", PLUTON_HWKEY_RSA4096},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

enum pluton_hwkey_type pluton_hwkey_type_by_name(const char *name)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return (enum pluton_hwkey_type)0;
}

const char *pluton_hwkey_type_name(enum pluton_hwkey_type type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct pluton_request request_of(uint32_t command, uint32_t word0, uint32_t word1)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_HWKEY,
		.command = command,
		.words = {word0, word1},
	};
}

/* What is wrong with the attributes the daemon says. */
static int filling(struct pluton *pluton, uint32_t command,
		   const struct pluton_hwkey_attributes *attributes, struct pluton_slot input,
		   uint32_t wrapping, uint32_t *number, struct wire *ret)
{
	if (!attributes || !number)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no %s",
					 attributes ? "number" : "attributes");
	if (input.length == 0 && command != COMMAND_GENERATE)
		return connection_refuse(pluton, -PLUTON_ESIZE, "there is nothing to put in");
	*ret = (struct wire){
		.request = request_of(command, *number, wrapping),
		.attributes = {htole32(attributes->type), htole32(attributes->usage),
			       htole32(attributes->policy), htole32(attributes->size)},
		.number = number,
	};
	ret->request.slots[SLOT_ATTRIBUTES] =
		(struct pluton_slot){.in = ret->attributes, .length = sizeof(ret->attributes)};
	ret->request.slots[SLOT_INPUT] = input;
	return 0;
}

static int giving(struct pluton *pluton, struct pluton_request request, void *output, size_t size,
		  size_t *ret_length, struct wire *ret)
{
	if (!output || !ret_length)
		return connection_refuse(pluton, -PLUTON_EINVAL, "nowhere to put it");
	*ret = (struct wire){.request = request, .length = ret_length, .room = size};
	ret->request.slots[SLOT_OUTPUT] = (struct pluton_slot){.out = output, .length = size};
	return 0;
}

/* The answer's word 1 is what the caller wants to know. */
static int take_word(struct pluton *pluton, uint32_t *number, size_t *length, size_t room,
		     uint32_t word)
{
	if (length && word > room)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "%u bytes in room for %zu", word,
				       room);
	if (length)
		*length = word;
	if (number)
		*number = word;
	return 0;
}

static int perform(struct pluton *pluton, const struct wire *wire, enum repeat repeat)
{
	uint32_t words[3];
	int r = operation_perform(pluton, &wire->request, repeat, words);

	return r < 0 ? r : take_word(pluton, wire->number, wire->length, wire->room, words[1]);
}

/* What is kept until the answer comes. */
struct waiting {
	pluton_done_fn done;
	void *userdata;
	uint32_t *number;
	size_t *length;
	size_t room;
};

static void answered(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct waiting waiting = *(struct waiting *)userdata;
	int r = answer->status;

	free(userdata);
	if (r == 0)
		r = take_word(pluton, waiting.number, waiting.length, waiting.room,
			      answer->words[1]);
	if (waiting.done)
		waiting.done(pluton, r, waiting.userdata);
}

static int submit(struct pluton *pluton, const struct wire *wire, pluton_done_fn done,
		  void *userdata, pluton_operation_id *ret_id)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	const struct completion completion = {.told = answered, .drop = free, .userdata = waiting};
	int r;

	if (!waiting)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a request");
	*waiting = (struct waiting){done, userdata, wire->number, wire->length, wire->room};
	r = operation_submit(pluton, &wire->request, &completion, ret_id);
	if (r < 0)
		free(waiting);
	return r;
}

/* --- filling and emptying --------------------------------------------------------------------- */

static struct pluton_slot bytes_in(const void *bytes, size_t length)
{
	return (struct pluton_slot){.in = bytes, .length = length};
}

static int fill(struct pluton *pluton, uint32_t command,
		const struct pluton_hwkey_attributes *attributes, struct pluton_slot input,
		uint32_t wrapping, uint32_t *number)
{
	struct wire wire;
	int r = filling(pluton, command, attributes, input, wrapping, number, &wire);

	return r < 0 ? r : perform(pluton, &wire, REPEAT_UNSENT);
}

static int begin_fill(struct pluton *pluton, uint32_t command,
		      const struct pluton_hwkey_attributes *attributes, struct pluton_slot input,
		      uint32_t wrapping, uint32_t *number, pluton_done_fn done, void *userdata,
		      pluton_operation_id *ret_id)
{
	struct wire wire;
	int r = filling(pluton, command, attributes, input, wrapping, number, &wire);

	return r < 0 ? r : submit(pluton, &wire, done, userdata, ret_id);
}

int pluton_hwkey_generate(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			  uint32_t *number)
{
	return fill(pluton, COMMAND_GENERATE, attributes, bytes_in(NULL, 0), 0, number);
}

int pluton_hwkey_import(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			const void *key, size_t size, uint32_t *number)
{
	return fill(pluton, COMMAND_IMPORT, attributes, bytes_in(key, size), 0, number);
}

int pluton_hwkey_derive(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			const void *input, size_t length, uint32_t *number)
{
	return fill(pluton, COMMAND_DERIVE, attributes, bytes_in(input, length), 0, number);
}

int pluton_hwkey_unwrap(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			uint32_t wrapping, const void *wrapped, size_t length, uint32_t *number)
{
	return fill(pluton, COMMAND_UNWRAP, attributes, bytes_in(wrapped, length), wrapping,
		    number);
}

int pluton_hwkey_delete(struct pluton *pluton, uint32_t number)
{
	const struct wire wire = {.request = request_of(COMMAND_DELETE, number, 0)};

	return perform(pluton, &wire, REPEAT_UNSENT);
}

int pluton_hwkey_generate_async(struct pluton *pluton,
				const struct pluton_hwkey_attributes *attributes, uint32_t *number,
				pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return begin_fill(pluton, COMMAND_GENERATE, attributes, bytes_in(NULL, 0), 0, number, done,
			  userdata, ret_id);
}

int pluton_hwkey_import_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, const void *key,
			      size_t size, uint32_t *number, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id)
{
	return begin_fill(pluton, COMMAND_IMPORT, attributes, bytes_in(key, size), 0, number, done,
			  userdata, ret_id);
}

int pluton_hwkey_derive_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, const void *input,
			      size_t length, uint32_t *number, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id)
{
	return begin_fill(pluton, COMMAND_DERIVE, attributes, bytes_in(input, length), 0, number,
			  done, userdata, ret_id);
}

int pluton_hwkey_unwrap_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, uint32_t wrapping,
			      const void *wrapped, size_t length, uint32_t *number,
			      pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return begin_fill(pluton, COMMAND_UNWRAP, attributes, bytes_in(wrapped, length), wrapping,
			  number, done, userdata, ret_id);
}

int pluton_hwkey_delete_async(struct pluton *pluton, uint32_t number, pluton_done_fn done,
			      void *userdata, pluton_operation_id *ret_id)
{
	const struct wire wire = {.request = request_of(COMMAND_DELETE, number, 0)};

	return submit(pluton, &wire, done, userdata, ret_id);
}

/* --- what comes out --------------------------------------------------------------------------- */

int pluton_hwkey_wrap(struct pluton *pluton, uint32_t number, uint32_t wrapping, void *wrapped,
		      size_t size, size_t *ret_length)
{
	struct wire wire;
	int r = giving(pluton, request_of(COMMAND_WRAP, number, wrapping), wrapped, size,
		       ret_length, &wire);

	return r < 0 ? r : perform(pluton, &wire, REPEAT_ALWAYS);
}

int pluton_hwkey_wrap_async(struct pluton *pluton, uint32_t number, uint32_t wrapping,
			    void *wrapped, size_t size, size_t *ret_length, pluton_done_fn done,
			    void *userdata, pluton_operation_id *ret_id)
{
	struct wire wire;
	int r = giving(pluton, request_of(COMMAND_WRAP, number, wrapping), wrapped, size,
		       ret_length, &wire);

	return r < 0 ? r : submit(pluton, &wire, done, userdata, ret_id);
}

int pluton_hwkey_public(struct pluton *pluton, uint32_t number, void *public_key, size_t size,
			size_t *ret_length)
{
	struct wire wire;
	int r = giving(pluton, request_of(COMMAND_PUBLIC, number, 0), public_key, size, ret_length,
		       &wire);

	return r < 0 ? r : perform(pluton, &wire, REPEAT_ALWAYS);
}

int pluton_hwkey_public_async(struct pluton *pluton, uint32_t number, void *public_key, size_t size,
			      size_t *ret_length, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id)
{
	struct wire wire;
	int r = giving(pluton, request_of(COMMAND_PUBLIC, number, 0), public_key, size, ret_length,
		       &wire);

	return r < 0 ? r : submit(pluton, &wire, done, userdata, ret_id);
}

int pluton_hwkey_status(struct pluton *pluton, uint32_t number, struct pluton_hwkey_row *ret)
{
	const struct pluton_request request = request_of(COMMAND_STATUS, number, 0);

	return status_perform(pluton, &request, &row_hwkey, ret);
}

int pluton_hwkey_status_async(struct pluton *pluton, uint32_t number, struct pluton_hwkey_row *ret,
			      pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct status status = {&row_hwkey, ret, done, userdata};
	const struct pluton_request request = request_of(COMMAND_STATUS, number, 0);

	return status_submit(pluton, &request, &status, ret_id);
}

int pluton_hwkey_list(struct pluton *pluton, struct pluton_hwkey_row **ret_rows, size_t *ret_count)
{
	struct list list = {.layout = &row_hwkey};
	int r = list_get(pluton, PLUTON_DRIVER_HWKEY, COMMAND_LIST, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_hwkey_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}
