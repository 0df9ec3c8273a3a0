/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hwkey capsule: fills, empties and lists the key slots of the app or user behind an operation.
 * Who that is only the kernel says; an owner's slots do not exist for anybody else. Keys are used
 * through the capsules of their algorithms, which ask for them by number.
 */
#include "hil/hwkey.h"
#include "svc/capsule-half.h"

enum { SLOT_ATTRIBUTES = 0, SLOT_ROWS = 0, SLOT_INPUT = 1, SLOT_OUTPUT = 1 };
enum { WORD_NUMBER = 0, WORD_WRAPPING = 1, WORD_FIRST = 0 };
enum { PARAMETER_SLOTS_PER_OWNER };

#define ROWS_PER_COMMAND 64u /* so that nobody else waits long */
#define WHY_MAX 320u

struct hwkey_operation {
	struct hwkey_client client;
	struct operation *op;
	struct hwkey_engine *engine;
	struct hwkey_request request;
};

static_assert(OP_OWNER_SIZE == HWKEY_OWNER_MAX + 8, "whoever keeps something is named");
static_assert(sizeof(struct hwkey_operation) <= WHY_MAX, "op_fail has room for a sentence");

CAPSULE_OF_CLIENT(hwkey)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(hwkey, pull_input, SLOT_INPUT)
CAPSULE_PUSHES(hwkey, push_output, SLOT_OUTPUT)

static uint32_t answer_of(const struct hwkey_request *request)
{
	if (hwkey_fills(request->action))
		return request->name.number;
	return request->action == HWKEY_DELETE ? 0 : (uint32_t)request->length;
}

static void done(struct hwkey_client *client, int result)
{
	struct hwkey_operation *state = of_client(client);

	if (result < 0)
		op_fail(state->op, result, "%s", state->engine->ops->why(state->engine));
	else
		op_done(state->op, 0, answer_of(&state->request), 0);
}

static const struct hwkey_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.done = done,
};

/* --- the request ----------------------------------------------------------------------------- */

static struct hwkey_operation *prepare(struct operation *op, enum hwkey_action action)
{
	struct hwkey_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.action = action;
	state->request.name.number = op_word(op, WORD_NUMBER);
	state->request.slots_per_owner = (uint32_t)op_parameter(op, PARAMETER_SLOTS_PER_OWNER);
	op_owner_name(op, state->request.name.owner);
	return state;
}

static int check_number(struct operation *op, uint32_t number)
{
	if (number <= HWKEY_NUMBER_MAX)
		return 0;
	return op_refuse(op, -PLUTON_EINVAL, "key slots have numbers up to %u, not %u",
			 HWKEY_NUMBER_MAX, number);
}

/* The engine that has, or is to have, the owner's slots. */
static int find_engine(struct hwkey_operation *state)
{
	const struct hil_port *port = op_port(state->op, 0);

	for (unsigned i = 0; i < port->count; i++) {
		if (port->engines[i]->absent)
			continue;
		state->engine = (struct hwkey_engine *)(void *)port->engines[i];
		return 0;
	}
	return op_refuse(state->op, -PLUTON_ENODEVICE,
			 port->count ? "the hardware keys cannot be read: plutond's log says why"
				     : "there are no hardware keys: see hil.hwkey in plutond.conf");
}

static int explain_size(const struct hwkey_operation *state)
{
	const struct hwkey_request *request = &state->request;
	size_t size = request->attributes.size, right = hwkey_size(request->attributes.type);

	if (right == 0 && (size == 0 || size > HWKEY_SECRET_MAX))
		return op_refuse(state->op, -PLUTON_ESIZE, "a secret has 1 to %u bytes, not %zu",
				 HWKEY_SECRET_MAX, size);
	if (right != 0 && size != right)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "a key of this type has %zu bytes, not %zu", right, size);
	if (request->action == HWKEY_UNWRAP)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "a wrapped key of %zu bytes has %zu bytes, not %zu", size,
				 hwkey_wrapped_size(size), request->length);
	return op_refuse(state->op, -PLUTON_ESIZE, "the key has %zu bytes, its attributes say %zu",
			 request->length, size);
}

static int explain(const struct hwkey_operation *state, int error)
{
	const struct hwkey_request *request = &state->request;
	const char *fault = hwkey_fault(&request->attributes);

	if (error == -PLUTON_ENOSUPPORT)
		return op_refuse(state->op, error,
				 request->action == HWKEY_DERIVE
					 ? "keys of this type cannot be derived"
					 : "no hwkey engine has keys of this type");
	if (error == -PLUTON_EINVAL && hwkey_fills(request->action) && fault)
		return op_refuse(state->op, error, "%s", fault);
	return error == -PLUTON_ESIZE && hwkey_fills(request->action) ? explain_size(state) : error;
}

CAPSULE_TURNS(hwkey)

/* Only now, when nothing else of this engine can come between, a number is chosen. */
static void granted_any(struct operation *op)
{
	struct hwkey_operation *state = op_state(op);
	struct hwkey_name *name = &state->request.name;

	if (name->number == 0)
		name->number = hwkey_unused(state->engine, name->owner);
	granted(op);
}

static int submit(struct hwkey_operation *state)
{
	struct hwkey_request named = state->request;
	struct hil_engine *engine = &state->engine->head;
	int r;

	if (named.name.number == 0) /* any: there is one, or done says so */
		named.name.number = 1;
	r = hwkey_check(engine, &named);
	return r < 0 ? explain(state, r) : request_turn(state->op, engine, &named, granted_any);
}

/* --- filling slots ---------------------------------------------------------------------------- */

/* Types of one size need not say it. */
static int read_attributes(struct hwkey_operation *state)
{
	uint8_t bytes[HWKEY_ATTRIBUTES_SIZE];
	struct hwkey_attributes *attributes = &state->request.attributes;
	int r = op_read_all(state->op, SLOT_ATTRIBUTES, bytes, sizeof(bytes));

	if (r < 0)
		return r;
	hwkey_attributes_decode(bytes, attributes);
	if (attributes->size == 0)
		attributes->size = state->request.action == HWKEY_IMPORT
					   ? state->request.length
					   : hwkey_size(attributes->type);
	return 0;
}

static int fill(struct operation *op, enum hwkey_action action)
{
	struct hwkey_operation *state = prepare(op, action);
	int r = check_number(op, state->request.name.number);

	state->request.length = op_length(op, SLOT_INPUT);
	if (action == HWKEY_UNWRAP)
		state->request.wrapping = op_word(op, WORD_WRAPPING);
	if (r == 0)
		r = read_attributes(state);
	if (r == 0)
		r = find_engine(state);
	return r < 0 ? r : submit(state);
}

static int generate(struct operation *op)
{
	return fill(op, HWKEY_GENERATE);
}

static int import(struct operation *op)
{
	return fill(op, HWKEY_IMPORT);
}

static int derive(struct operation *op)
{
	return fill(op, HWKEY_DERIVE);
}

static int unwrap(struct operation *op)
{
	return fill(op, HWKEY_UNWRAP);
}

/* --- what is in slots ------------------------------------------------------------------------- */

/* What find said of a slot that should be there. */
static int explain_find(const struct hwkey_operation *state, int error)
{
	uint32_t number = state->request.name.number;

	if (error == -PLUTON_ENODEVICE || error == -PLUTON_EFAIL || error == -PLUTON_EBUSY ||
	    error == -PLUTON_ENOMEM)
		return op_refuse(state->op, error, "key slot %u %s", number,
				 hwkey_find_failure(error));
	return error;
}

static int find(struct hwkey_operation *state, struct hwkey_about *ret)
{
	int r = find_engine(state);

	return r < 0 ? r
		     : explain_find(state, state->engine->ops->find(state->engine,
								    &state->request.name, ret));
}

/* Exactly `size` bytes go out; there may be room for more. */
static int give(struct hwkey_operation *state, const char *name, size_t size)
{
	size_t room = op_length(state->op, SLOT_OUTPUT);

	if (room < size)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "%s has %zu bytes, there is room for %zu", name, size, room);
	state->request.length = size;
	return submit(state);
}

static int wrap(struct operation *op)
{
	struct hwkey_operation *state = prepare(op, HWKEY_WRAP);
	struct hwkey_about about;
	int r = find(state, &about);

	state->request.wrapping = op_word(op, WORD_WRAPPING);
	return r < 0 ? r
		     : give(state, "the wrapped key", hwkey_wrapped_size(about.attributes.size));
}

static int public_key(struct operation *op)
{
	struct hwkey_operation *state = prepare(op, HWKEY_PUBLIC);
	struct hwkey_about about;
	int r = find(state, &about);

	if (r == 0 && hwkey_public_size(about.attributes.type) == 0)
		return op_refuse(op, -PLUTON_EINVAL, "key slot %u has no public part",
				 state->request.name.number);
	return r < 0 ? r : give(state, "the public key", hwkey_public_size(about.attributes.type));
}

/* A damaged one can be deleted, too. */
static int delete_key(struct operation *op)
{
	struct hwkey_operation *state = prepare(op, HWKEY_DELETE);
	struct hwkey_about about;
	int r = find_engine(state);

	if (r < 0)
		return r;
	r = state->engine->ops->find(state->engine, &state->request.name, &about);
	return r < 0 && r != -PLUTON_EFAIL ? explain_find(state, r) : submit(state);
}

static int write_row(struct hwkey_operation *state, unsigned slot, size_t offset)
{
	struct hwkey_about about = {0};
	uint8_t row[HWKEY_ROW_SIZE];
	int r = state->engine->ops->find(state->engine, &state->request.name, &about);
	ssize_t n;

	if (r < 0 && r != -PLUTON_EFAIL)
		return r; /* on its way in or out, or not opened: nobody knows what it is */
	hwkey_row_encode(state->request.name.number, &about.attributes, r == -PLUTON_EFAIL, row);
	for (size_t done = 0; done < sizeof(row); done += (size_t)n) {
		n = op_write(state->op, slot, offset + done, row + done, sizeof(row) - done);
		if (n < 0)
			return (int)n;
	}
	return 1;
}

static int list(struct operation *op)
{
	struct hwkey_operation *state = prepare(op, HWKEY_PUBLIC);
	size_t room = op_length(op, SLOT_ROWS) / HWKEY_ROW_SIZE, rows = 0;
	uint32_t *number = &state->request.name.number;
	uint32_t last = op_word(op, WORD_FIRST) ? op_word(op, WORD_FIRST) - 1 : 0;
	int r = find_engine(state);

	if (r < 0)
		return r;
	if (room > ROWS_PER_COMMAND)
		room = ROWS_PER_COMMAND;
	while (rows < room && (*number = state->engine->ops->next(
				       state->engine, state->request.name.owner, last)) != 0) {
		r = write_row(state, SLOT_ROWS, rows * HWKEY_ROW_SIZE);
		if (r == -PLUTON_ESIZE || r == -PLUTON_EINVAL || r == -PLUTON_ECANCEL)
			return r;
		rows += r == 1;
		last = *number;
	}
	op_done(op, 0, (uint32_t)rows, rows == room ? last + 1 : 0);
	return 0;
}

static int status(struct operation *op)
{
	struct hwkey_operation *state = prepare(op, HWKEY_PUBLIC);
	int r = find_engine(state);

	if (r < 0)
		return r;
	r = write_row(state, SLOT_OUTPUT, 0);
	if (r < 0)
		return explain_find(state, r);
	op_done(op, 0, 0, 0);
	return 0;
}

/* clang-format off */
#define NEW_NUMBER                                                                                 \
	{                                                                                          \
		"number", NULL, "of the slot; 0: the lowest that is free"                          \
	}
#define NUMBER                                                                                     \
	{                                                                                          \
		"number", NULL, "of the slot"                                                      \
	}
#define ATTRIBUTES                                                                                 \
	{                                                                                          \
		"attributes", SLOT_RO, HWKEY_ATTRIBUTES_SIZE, HWKEY_ATTRIBUTES_SIZE, false,        \
		"u32 type, u32 usage, u32 policy, u32 size of the key in bytes, 0: the type's"     \
	}
#define WRAPPING                                                                                   \
	{                                                                                          \
		"wrapping", NULL, "number of the AES key that wraps"                               \
	}
/* clang-format on */

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Generate",
		.doc = "makes a key in a slot; answered when it is on the disk, unless it is of "
		       "this boot only",
		.answers = {"number"},
		.words = {[WORD_NUMBER] = NEW_NUMBER},
		.slots = {[SLOT_ATTRIBUTES] = ATTRIBUTES},
		.run = generate,
	},
	{
		.number = 2,
		.name = "Import",
		.doc = "puts a key into a slot",
		.answers = {"number"},
		.words = {[WORD_NUMBER] = NEW_NUMBER},
		.slots = {[SLOT_ATTRIBUTES] = ATTRIBUTES,
			  [SLOT_INPUT] = {"key", SLOT_RO, 1, HWKEY_KEY_SIZE_MAX, false,
					  "its bytes; RSA: n e d p q dP dQ qInv as Rsa has them"}},
		.run = import,
	},
	{
		.number = 3,
		.name = "Derive",
		.doc = "puts a key into a slot that follows from the device secret, whose it is, "
		       "its attributes and the input: always the same",
		.answers = {"number"},
		.words = {[WORD_NUMBER] = NEW_NUMBER},
		.slots = {[SLOT_ATTRIBUTES] = ATTRIBUTES,
			  [SLOT_INPUT] = {"input", SLOT_RO, 1, HWKEY_INPUT_MAX, false,
					  "anything; another key for another input"}},
		.run = derive,
	},
	{
		.number = 4,
		.name = "Wrap",
		.doc = "a slot's key, encrypted by another slot's: AES-KWP",
		.answers = {"bytes of wrapped"},
		.words = {[WORD_NUMBER] = NUMBER, [WORD_WRAPPING] = WRAPPING},
		.slots = {[SLOT_OUTPUT] =
				  {"wrapped", SLOT_RW, 16, HWKEY_WRAPPED_MAX, false,
				   "gets the key's size, rounded up to 8, and 8 bytes more"}},
		.run = wrap,
	},
	{
		.number = 5,
		.name = "Unwrap",
		.doc = "puts a wrapped key into a slot; one that was changed is INVAL",
		.answers = {"number"},
		.words = {[WORD_NUMBER] = NEW_NUMBER, [WORD_WRAPPING] = WRAPPING},
		.slots = {[SLOT_ATTRIBUTES] = ATTRIBUTES,
			  [SLOT_INPUT] = {"wrapped", SLOT_RO, 16, HWKEY_WRAPPED_MAX, false,
					  "as Wrap gives it"}},
		.run = unwrap,
	},
	{
		.number = 6,
		.name = "Delete",
		.doc = "empties a slot, for good",
		.words = {[WORD_NUMBER] = NUMBER},
		.run = delete_key,
	},
	{
		.number = 7,
		.name = "Public",
		.doc = "the public part of a key pair, as Ecc has it; RSA: n e",
		.answers = {"bytes of public"},
		.words = {[WORD_NUMBER] = NUMBER},
		.slots = {[SLOT_OUTPUT] = {"public", SLOT_RW, 32, 520, false,
					   "gets the public key"}},
		.run = public_key,
	},
	{
		.number = 8,
		.name = "Status",
		.doc = "one key row",
		.words = {[WORD_NUMBER] = NUMBER},
		.slots = {[SLOT_OUTPUT] = {"row", SLOT_RW, HWKEY_ROW_SIZE, 0, false,
					   "gets the row"}},
		.run = status,
	},
	{
		.number = 9,
		.name = "List",
		.doc = "key rows in the order of their numbers",
		.answers = {"rows", "first of the next command, 0: no more"},
		.words = {[WORD_FIRST] = {"first", NULL, "0, or as the last answer said"}},
		.slots = {[SLOT_ROWS] = {"rows", SLOT_RW, HWKEY_ROW_SIZE, 0, false,
					 "as many rows as fit"}},
		.run = list,
	},
};

extern const struct capsule hwkey_capsule;
const struct capsule hwkey_capsule = {
	.name = "hwkey",
	.interface = "HwKey",
	.doc = "Hardware keys: slots of an app or a user whose keys are used and never seen.",
	.driver = 0x80000007,
	.state_size = WHY_MAX,
	.ports = 1,
	.port_kinds = {HIL_HWKEY},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.parameters = {[PARAMETER_SLOTS_PER_OWNER] = "slots_per_owner"},
	.cancel = cancel,
};
