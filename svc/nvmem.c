/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nvmem capsule: named areas of the app or user behind an operation. Who that is only the
 * kernel says; an owner's areas do not exist for anybody else.
 */
#include "hil/nv.h"
#include "svc/capsule-half.h"

static_assert(OP_OWNER_SIZE == NV_OWNER_MAX + 8, "whoever keeps something is named");

enum { SLOT_NAME = 0, SLOT_CHANGES = 0, SLOT_ROWS = 0, SLOT_DATA = 1, SLOT_ROW = 1 };
enum { WORD_CAPACITY = 0, WORD_OFFSET = 0, WORD_LOCK = 0, WORD_FIRST = 0 };
enum { PARAMETER_AREAS_PER_OWNER, PARAMETER_BYTES_PER_OWNER, PARAMETER_AREA_MAX };

#define READ_MAX 4096u
#define ROWS_PER_COMMAND 64u /* so that nobody else waits long */

static const struct enum_name locks[] = {
	{NV_LOCK_WRITE_BOOT, "write-until-restart"},
	{NV_LOCK_WRITE, "write"},
	{NV_LOCK_READ_BOOT, "read-until-restart"},
	{0, NULL},
};

struct nv_operation {
	struct nv_client client;
	struct operation *op;
	struct nv_engine *engine;
	struct nv_request request;
	unsigned slot; /* of the data, in or out */
};

CAPSULE_OF_CLIENT(nv)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(nv, pull_input, of_client(client)->slot)
CAPSULE_PUSHES(nv, push_output, of_client(client)->slot)

/* Rows that filled the room may have been all there are; the next command says so with none. */
static void done_list(struct nv_operation *state, const struct nv_answer *answer)
{
	uint32_t rows = (uint32_t)(answer->length / NV_ROW_SIZE);
	bool more = answer->length == state->request.length;

	op_done(state->op, 0, rows, more ? state->request.offset + rows : 0);
}

static void done_status(struct nv_operation *state, const struct nv_answer *answer)
{
	uint8_t row[NV_ROW_SIZE];

	nv_status_encode(&answer->status, row);
	op_done(state->op, op_write_all(state->op, SLOT_ROW, row, sizeof(row)), 0, 0);
}

static void done(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct nv_operation *state = of_client(client);

	if (result < 0)
		op_fail(state->op, result, "%s", state->engine->ops->why(state->engine));
	else if (state->request.action == NV_LIST)
		done_list(state, answer);
	else if (state->request.action == NV_STATUS)
		done_status(state, answer);
	else if (state->request.action == NV_READ)
		op_done(state->op, 0, (uint32_t)answer->length, answer->status.generation);
	else
		op_done(state->op, 0, 0, 0);
}

static const struct nv_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.done = done,
};

/* --- the request ----------------------------------------------------------------------------- */

static int read_name(struct operation *op, char name[NV_NAME_MAX + 8])
{
	size_t length = op_length(op, SLOT_NAME);
	int r = length <= NV_NAME_MAX ? op_read_all(op, SLOT_NAME, name, length) : -PLUTON_ESIZE;

	if (r < 0)
		return r;
	if (!nv_name_valid(name, length))
		return op_refuse(op, -PLUTON_EINVAL,
				 "no name of an area: letters, digits, '.', '_' and '-', not '.' "
				 "first");
	return 0;
}

static struct nv_operation *prepare(struct operation *op, enum nv_action action)
{
	struct nv_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.action = action;
	state->request.quota = (struct nv_quota){
		.areas = (uint32_t)op_parameter(op, PARAMETER_AREAS_PER_OWNER),
		.area_bytes = (uint32_t)op_parameter(op, PARAMETER_AREA_MAX),
		.total_bytes = op_parameter(op, PARAMETER_BYTES_PER_OWNER),
	};
	op_owner_name(op, state->request.owner);
	return state;
}

CAPSULE_TURNS(nv)

static int explain(const struct nv_operation *state, int error)
{
	const struct nv_request *request = &state->request;

	if (error == -PLUTON_ENODEVICE)
		return op_refuse(state->op, error,
				 "there is no NV memory: see hil.nv in "
				 "plutond.conf");
	if (error != -PLUTON_ESIZE)
		return error;
	return op_refuse(state->op, error, "%zu bytes are too many for one area, area_max is %u",
			 request->action == NV_DEFINE ? request->size : request->length,
			 request->quota.area_bytes);
}

static int submit(struct nv_operation *state)
{
	struct hil_engine *engine;
	int r = hil_select(op_port(state->op, 0), &state->request, nv_check, &engine);

	if (r < 0)
		return explain(state, r);
	state->engine = (struct nv_engine *)(void *)engine;
	return op_engine_request(state->op, engine, granted);
}

/* --- commands -------------------------------------------------------------------------------- */

/* What acts on one area and moves `length` bytes through the slot. */
static int act(struct operation *op, enum nv_action action, unsigned slot, size_t length)
{
	struct nv_operation *state = prepare(op, action);
	int r = read_name(op, state->request.name);

	state->slot = slot;
	state->request.length = length;
	if (action == NV_DEFINE)
		state->request.size = op_word(op, WORD_CAPACITY);
	else if (action == NV_LOCK)
		state->request.lock = op_word(op, WORD_LOCK);
	else if (action == NV_READ || action == NV_WRITE)
		state->request.offset = op_word(op, WORD_OFFSET);
	return r < 0 ? r : submit(state);
}

static int define(struct operation *op)
{
	return act(op, NV_DEFINE, 0, 0);
}

static int delete (struct operation *op)
{
	return act(op, NV_DELETE, 0, 0);
}

static int read_data(struct operation *op)
{
	return act(op, NV_READ, SLOT_DATA, op_length(op, SLOT_DATA));
}

static int write_data(struct operation *op)
{
	return act(op, NV_WRITE, SLOT_DATA, op_length(op, SLOT_DATA));
}

static int put(struct operation *op)
{
	return act(op, NV_PUT, SLOT_DATA, op_length(op, SLOT_DATA));
}

static int lock(struct operation *op)
{
	return act(op, NV_LOCK, 0, 0);
}

static int status(struct operation *op)
{
	return act(op, NV_STATUS, SLOT_ROW, 0);
}

static int commit(struct operation *op)
{
	struct nv_operation *state = prepare(op, NV_COMMIT);

	state->slot = SLOT_CHANGES;
	state->request.length = op_length(op, SLOT_CHANGES);
	return submit(state);
}

static int list(struct operation *op)
{
	struct nv_operation *state = prepare(op, NV_LIST);
	size_t room = op_length(op, SLOT_ROWS) / NV_ROW_SIZE;

	if (!room)
		return op_refuse(op, -PLUTON_ESIZE, "one row has %u bytes, there is room for %zu",
				 NV_ROW_SIZE, op_length(op, SLOT_ROWS));
	if (room > ROWS_PER_COMMAND)
		room = ROWS_PER_COMMAND;
	state->slot = SLOT_ROWS;
	state->request.offset = op_word(op, WORD_FIRST);
	state->request.length = room * NV_ROW_SIZE;
	return submit(state);
}

/* clang-format off */
#define NAME                                                                                       \
	{                                                                                          \
		"name", SLOT_RO, 1, NV_NAME_MAX, false,                                            \
		"of the area: letters, digits, '.', '_', '-'; not '.' first"                       \
	}
#define OFFSET                                                                                     \
	{                                                                                          \
		"offset", NULL, "bytes from the start of the area"                                 \
	}
/* clang-format on */

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Define",
		.doc = "makes an empty area",
		.words = {[WORD_CAPACITY] = {"capacity", NULL, "bytes, up to area_max"}},
		.slots = {[SLOT_NAME] = NAME},
		.run = define,
	},
	{
		.number = 2,
		.name = "Delete",
		.doc = "removes an area that is not locked against writing",
		.slots = {[SLOT_NAME] = NAME},
		.run = delete,
	},
	{
		.number = 3,
		.name = "Read",
		.doc = "reads from an area, less than asked for at the end of its data",
		.answers = {"bytes of output", "generation of the area"},
		.words = {[WORD_OFFSET] = OFFSET},
		.slots = {[SLOT_NAME] = NAME,
			  [SLOT_DATA] = {"output", SLOT_RW, 1, READ_MAX, false, "gets the data"}},
		.run = read_data,
	},
	{
		.number = 4,
		.name = "Write",
		.doc = "writes into an area; answered when it is on the disk, all of it or nothing",
		.words = {[WORD_OFFSET] = OFFSET},
		.slots = {[SLOT_NAME] = NAME,
			  [SLOT_DATA] =
				  {"data", SLOT_RO, 1, 0, false,
				   "up to the area's capacity; a gap before it reads as zeros"}},
		.run = write_data,
	},
	{
		.number = 5,
		.name = "Put",
		.doc = "replaces an area's data, and makes or enlarges the area if need be",
		.slots = {[SLOT_NAME] = NAME,
			  [SLOT_DATA] = {"data", SLOT_RO, 1, 0, true,
					 "up to area_max; absent: the area is empty then"}},
		.run = put,
	},
	{
		.number = 6,
		.name = "Commit",
		.doc = "puts and deletes several areas, all or none",
		.slots = {[SLOT_CHANGES] = {"changes", SLOT_RO, 1, 0, false,
					    "up to 16, each: u8 kind (1 put, 2 delete), u8 length "
					    "of the name, u16 0, u32 length of the data, name, "
					    "data"}},
		.run = commit,
	},
	{
		.number = 7,
		.name = "Lock",
		.doc = "locks an area against its own owner; no command unlocks it",
		.words = {[WORD_LOCK] = {"lock", locks, "against what, and how long"}},
		.slots = {[SLOT_NAME] = NAME},
		.run = lock,
	},
	{
		.number = 8,
		.name = "Status",
		.doc = "one area row",
		.slots = {[SLOT_NAME] = NAME,
			  [SLOT_ROW] = {"row", SLOT_RW, NV_ROW_SIZE, 0, false, "gets the row"}},
		.run = status,
	},
	{
		.number = 9,
		.name = "List",
		.doc = "area rows in the order of their names",
		.answers = {"rows", "first of the next command, 0: no more"},
		.words = {[WORD_FIRST] = {"first", NULL, "0, or as the last answer said"}},
		.slots = {[SLOT_ROWS] = {"rows", SLOT_RW, 1, 0, false, "as many rows as fit"}},
		.run = list,
	},
};

extern const struct capsule nvmem_capsule;
const struct capsule nvmem_capsule = {
	.name = "nvmem",
	.interface = "NvMem",
	.doc = "Non-volatile memory: named areas of an app or a user.",
	.driver = 0x50001,
	.state_size = sizeof(struct nv_operation),
	.ports = 1,
	.port_kinds = {HIL_NV},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.parameters = {[PARAMETER_AREAS_PER_OWNER] = "areas_per_owner",
		       [PARAMETER_BYTES_PER_OWNER] = "bytes_per_owner",
		       [PARAMETER_AREA_MAX] = "area_max"},
	.cancel = cancel,
};
