/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest capsule: hash functions in one shot or as streams. Between the updates of a stream no
 * engine is held: the engine's state lies, exported, in the client's grant.
 */
#include <assert.h>

#include "daemon/kernel/capsule.h"
#include "hil/digest.h"

enum { SLOT_INPUT = 0, SLOT_DIGEST = 1 };
enum { WORD_ALGORITHM = 0, WORD_STREAM = 0 };

static const struct enum_name algorithms[] = {
	{DIGEST_SHA1, "sha1"},	       {DIGEST_SHA224, "sha224"},     {DIGEST_SHA256, "sha256"},
	{DIGEST_SHA384, "sha384"},     {DIGEST_SHA512, "sha512"},     {DIGEST_SHA3_256, "sha3-256"},
	{DIGEST_SHA3_384, "sha3-384"}, {DIGEST_SHA3_512, "sha3-512"}, {0, NULL},
};

/* What every start of a stream has in common: kept with the stream. */
struct digest_shape {
	struct digest_engine *engine; /* the state is its own, no other engine can take it */
	enum digest_algorithm algorithm;
};
static_assert(sizeof(struct digest_shape) <= STREAM_ABOUT_MAX, "a stream has room for it");

struct digest_operation {
	struct digest_client client;
	struct operation *op;
	struct digest_engine *engine;
	struct digest_request request;
	uint32_t stream; /* in use unless one-shot */
};

static struct digest_operation *of_client(struct digest_client *client)
{
	return (struct digest_operation *)(void *)client;
}

/* --- what the engine calls ------------------------------------------------------------------- */

static ssize_t pull_input(struct digest_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	return op_read(of_client(client)->op, SLOT_INPUT, cursor, buf, len);
}

static const uint8_t *lend_input(struct digest_client *client, size_t cursor, size_t *ret_len)
{
	return op_lend_ro(of_client(client)->op, SLOT_INPUT, cursor, ret_len);
}

static int push_digest(struct digest_client *client, const uint8_t *digest, size_t len)
{
	return op_write_all(of_client(client)->op, SLOT_DIGEST, digest, len);
}

static int pull_state(struct digest_client *client, uint8_t *exported, size_t len)
{
	return stream_load(of_client(client)->op, of_client(client)->stream, exported, len);
}

static int push_state(struct digest_client *client, const uint8_t *exported, size_t len)
{
	return stream_store(of_client(client)->op, of_client(client)->stream, exported, len);
}

static void done(struct digest_client *client, int result)
{
	struct digest_operation *state = of_client(client);
	bool last = state->request.phase & HIL_LAST;

	stream_leave(state->op, state->stream, state->request.phase, result);
	op_done(state->op, result,
		last ? (uint32_t)digest_size(state->request.algorithm) : state->stream, 0);
}

static const struct digest_client_ops client_ops = {
	.pull_input = pull_input,
	.lend_input = lend_input,
	.push_digest = push_digest,
	.pull_state = pull_state,
	.push_state = push_state,
	.done = done,
};

/* --- commands -------------------------------------------------------------------------------- */

static void granted(struct operation *op)
{
	struct digest_operation *state = op_state(op);
	int r = state->engine->ops->start(state->engine, &state->request, &state->client);

	if (r < 0)
		done(&state->client, r);
}

static struct digest_operation *prepare(struct operation *op, enum hil_phase phase)
{
	struct digest_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.phase = phase;
	state->request.length = op_length(op, SLOT_INPUT);
	return state;
}

/* 0, or why this engine refuses the request. */
static int explain(struct digest_operation *state, const struct hil_engine *engine, int error)
{
	const struct digest_engine *asked = (const struct digest_engine *)(const void *)engine;
	const char *name = enum_name_of(algorithms, state->request.algorithm);

	if (error == -PLUTON_ENOSUPPORT)
		return op_refuse(state->op, error, "no digest engine does %s%s", name,
				 state->request.phase == HIL_ONE_SHOT ? "" : " in a stream");
	if (error == -PLUTON_ESIZE)
		return op_refuse(state->op, error,
				 "input has %zu bytes, the digest engine takes at most %zu at once",
				 state->request.length, asked->caps.length_max);
	return error;
}

static int select_engine(struct digest_operation *state)
{
	const struct hil_port *port = op_port(state->op, 0);
	struct hil_engine *engine;
	int r = hil_select(port, &state->request, digest_check, &engine);

	if (r == -PLUTON_ENODEVICE)
		return op_refuse(state->op, r, "there is no digest engine");
	if (r < 0) /* the last engine's */
		return explain(state, hil_last_asked(port), r);
	state->engine = (struct digest_engine *)(void *)engine;
	return 0;
}

static int check_room(const struct digest_operation *state)
{
	size_t needed = digest_size(state->request.algorithm);

	if (op_length(state->op, SLOT_DIGEST) < needed)
		return op_refuse(state->op, -PLUTON_ESIZE, "digest has %zu bytes, needs %zu",
				 op_length(state->op, SLOT_DIGEST), needed);
	return 0;
}

static int whole_digest(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_ONE_SHOT);
	int r;

	state->request.algorithm = op_word(op, WORD_ALGORITHM);
	r = select_engine(state);
	if (r == 0)
		r = check_room(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int begin(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_FIRST);
	struct digest_shape shape;
	int r;

	state->request.algorithm = op_word(op, WORD_ALGORITHM);
	r = select_engine(state);
	if (r < 0)
		return r;
	shape = (struct digest_shape){state->engine, state->request.algorithm};
	r = stream_open(op, &shape, sizeof(shape), state->engine->caps.state_bytes, &state->stream);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int claim_stream(struct digest_operation *state)
{
	struct digest_shape shape;
	int r;

	state->stream = op_word(state->op, WORD_STREAM);
	r = stream_claim(state->op, state->stream, &shape, sizeof(shape));
	if (r < 0)
		return r;
	state->engine = shape.engine;
	state->request.algorithm = shape.algorithm;
	return 0;
}

static int run_on_stream(struct digest_operation *state, int checked)
{
	struct hil_engine *engine = &state->engine->head;
	int r = checked;

	if (r == 0)
		r = explain(state, engine, digest_check(engine, &state->request));
	return stream_engine_request(state->op, state->stream, r, engine, granted);
}

static int update(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_MIDDLE);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, 0);
}

static int finish(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_LAST);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, check_room(state));
}

static int abort_stream(struct operation *op)
{
	return stream_abort(op, op_word(op, WORD_STREAM));
}

static void cancel(struct operation *op)
{
	struct digest_operation *state = op_state(op);

	if (op_engine_withdraw(op))
		done(&state->client, -PLUTON_ECANCEL);
	else
		state->engine->ops->cancel(state->engine, &state->client);
}

#define INPUT                                                                                      \
	{                                                                                          \
		"input", SLOT_RO, 1, 0, true, "the message; absent: the empty one"                 \
	}
#define DIGEST                                                                                     \
	{                                                                                          \
		"digest", SLOT_RW, 20, DIGEST_SIZE_MAX, false, "gets the digest"                   \
	}
#define ALGORITHM                                                                                  \
	{                                                                                          \
		"algorithm", algorithms, "the hash function"                                       \
	}
#define STREAM                                                                                     \
	{                                                                                          \
		"stream", NULL, "as Begin returned it"                                             \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Digest",
		.doc = "the digest of one message",
		.answers = {"bytes of digest"},
		.words = {[WORD_ALGORITHM] = ALGORITHM},
		.slots = {[SLOT_INPUT] = INPUT, [SLOT_DIGEST] = DIGEST},
		.run = whole_digest,
	},
	{
		.number = 2,
		.name = "Begin",
		.doc = "opens a stream for a message in pieces",
		.answers = {"stream"},
		.words = {[WORD_ALGORITHM] = ALGORITHM},
		.run = begin,
	},
	{
		.number = 3,
		.name = "Update",
		.doc = "adds a piece; a failed or cancelled update closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM},
		.slots = {[SLOT_INPUT] = INPUT},
		.run = update,
	},
	{
		.number = 4,
		.name = "Finish",
		.doc = "gives the digest and closes the stream",
		.answers = {"bytes of digest"},
		.words = {[WORD_STREAM] = STREAM},
		.slots = {[SLOT_DIGEST] = DIGEST},
		.run = finish,
	},
	{
		.number = 5,
		.name = "Abort",
		.doc = "closes the stream",
		.words = {[WORD_STREAM] = STREAM},
		.run = abort_stream,
	},
};

extern const struct capsule digest_capsule;
const struct capsule digest_capsule = {
	.name = "digest",
	.interface = "Digest",
	.doc = "Hash functions: FIPS 180-4, FIPS 202.",
	.driver = 0x40005,
	.state_size = sizeof(struct digest_operation),
	.grant_size = STREAM_SIZE(DIGEST_STATE_MAX),
	.ports = 1,
	.port_kinds = {HIL_DIGEST},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
