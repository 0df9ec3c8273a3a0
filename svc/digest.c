/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest capsule: hash functions in one shot or as streams. Between the updates of a stream no
 * engine is held: the engine's state lies, exported, in the client's grant.
 */
#include "hil/digest.h"
#include "svc/capsule-half.h"

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

CAPSULE_OF_CLIENT(digest)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(digest, pull_input, SLOT_INPUT)
CAPSULE_LENDS(digest, lend_input, SLOT_INPUT)
CAPSULE_PUSHES_WHOLE(digest, push_digest, SLOT_DIGEST)
CAPSULE_KEEPS_STATE(digest)

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

CAPSULE_TURNS_ENDED_BY(digest, done)

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
static int explain(const struct digest_operation *state, const struct digest_caps *caps, int error)
{
	const char *name = enum_name_of(algorithms, state->request.algorithm);

	if (error == -PLUTON_ENOSUPPORT)
		return op_refuse(state->op, error, "no digest engine does %s%s", name,
				 state->request.phase == HIL_ONE_SHOT ? "" : " in a stream");
	if (error == -PLUTON_ESIZE)
		return op_refuse(state->op, error,
				 "input has %zu bytes, the digest engine takes at most %zu at once",
				 state->request.length, caps->length_max);
	return error;
}

CAPSULE_SELECTS(digest, 0, "there is no digest engine")

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

CAPSULE_GOES_ON(digest)

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
		.doc = "adds a piece; one that fails or is cancelled in its turn closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM_WORD},
		.slots = {[SLOT_INPUT] = INPUT},
		.run = update,
	},
	{
		.number = 4,
		.name = "Finish",
		.doc = "gives the digest and closes the stream",
		.answers = {"bytes of digest"},
		.words = {[WORD_STREAM] = STREAM_WORD},
		.slots = {[SLOT_DIGEST] = DIGEST},
		.run = finish,
	},
	{
		.number = 5,
		.name = "Abort",
		.doc = "closes the stream",
		.words = {[WORD_STREAM] = STREAM_WORD},
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
