/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest capsule: hash functions in one shot or as streams. Between the updates of a stream no
 * engine is held: the engine's state lies, exported, in the client's grant.
 */
#include <string.h>

#include "daemon/kernel/capsule.h"
#include "hil/digest.h"

enum { SLOT_INPUT = 0, SLOT_DIGEST = 1 };
enum { WORD_ALGORITHM = 0, WORD_STREAM = 0 };

/* The grant: one stream. */
struct digest_stream {
	struct digest_engine *engine; /* the state is its own, no other engine can take it */
	enum digest_algorithm algorithm;
	bool busy; /* an operation is at work on it */
	uint8_t state[HIL_STATE_MAX];
};

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

/* --- streams --------------------------------------------------------------------------------- */

static int open_stream(void *grant, void *arg)
{
	const struct digest_operation *state = arg;
	struct digest_stream *stream = grant;

	stream->engine = state->engine;
	stream->algorithm = state->request.algorithm;
	stream->busy = true;
	return 0;
}

static int take_stream(void *grant, void *arg)
{
	struct digest_operation *state = arg;
	struct digest_stream *stream = grant;

	if (stream->busy)
		return -PLUTON_EBUSY;
	stream->busy = true;
	state->engine = stream->engine;
	state->request.algorithm = stream->algorithm;
	return 0;
}

static int give_stream(void *grant, void *arg)
{
	struct digest_stream *stream = grant;

	(void)arg;
	stream->busy = false;
	return 0;
}

static int load_state(void *grant, void *arg)
{
	memcpy(arg, ((struct digest_stream *)grant)->state, HIL_STATE_MAX);
	return 0;
}

static int store_state(void *grant, void *arg)
{
	memcpy(((struct digest_stream *)grant)->state, arg, HIL_STATE_MAX);
	return 0;
}

static int enter(const struct digest_operation *state, grant_fn fn, void *arg)
{
	return grant_enter(op_driver(state->op), op_process(state->op), state->stream, false, fn,
			   arg);
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

static int pull_state(struct digest_client *client, uint8_t *state, size_t len)
{
	uint8_t whole[HIL_STATE_MAX];
	int r = enter(of_client(client), load_state, whole);

	if (r == 0)
		memcpy(state, whole, len);
	explicit_bzero(whole, sizeof(whole));
	return r;
}

static int push_state(struct digest_client *client, const uint8_t *state, size_t len)
{
	uint8_t whole[HIL_STATE_MAX] = {0};
	int r;

	memcpy(whole, state, len);
	r = enter(of_client(client), store_state, whole);
	explicit_bzero(whole, sizeof(whole));
	return r;
}

static void done(struct digest_client *client, int result)
{
	struct digest_operation *state = of_client(client);
	struct operation *op = state->op;
	bool lives = result == 0 && !(state->request.phase & HIL_LAST);

	if (state->request.phase == HIL_ONE_SHOT || state->request.phase == HIL_LAST) {
		uint32_t size = (uint32_t)digest_size(state->request.algorithm);

		if (state->request.phase == HIL_LAST)
			grant_free(op_driver(op), op_process(op), state->stream);
		op_done(op, result, size, 0);
		return;
	}
	if (lives)
		enter(state, give_stream, NULL);
	else
		grant_free(op_driver(op), op_process(op), state->stream);
	op_done(op, result, state->stream, 0);
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
	return state;
}

static int select_engine(struct digest_operation *state)
{
	struct hil_engine *engine;
	int r = hil_select(op_port(state->op, 0), &state->request, digest_check, &engine);

	if (r < 0)
		return op_refuse(state->op, r, "no digest engine takes algorithm %u with %zu bytes",
				 (unsigned)state->request.algorithm, state->request.length);
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
	state->request.length = op_length(op, SLOT_INPUT);
	r = select_engine(state);
	if (r == 0)
		r = check_room(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int begin(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_FIRST);
	int r;

	state->request.algorithm = op_word(op, WORD_ALGORITHM);
	r = select_engine(state);
	if (r < 0)
		return r;
	r = grant_new(op_driver(op), op_process(op), &state->stream, open_stream, state);
	if (r < 0)
		return op_refuse(op, r,
				 r == -PLUTON_EBUSY ? "grants_per_capsule streams are open"
						    : "no memory for a stream");
	return op_engine_request(op, &state->engine->head, granted);
}

static int take(struct digest_operation *state)
{
	int r;

	state->stream = op_word(state->op, WORD_STREAM);
	r = enter(state, take_stream, state);
	if (r == -PLUTON_ERESERVE)
		return op_refuse(state->op, r, "stream %u is not open", state->stream);
	if (r == -PLUTON_EBUSY)
		return op_refuse(state->op, r, "stream %u is in use", state->stream);
	return r;
}

static int run_on_stream(struct digest_operation *state)
{
	int r = digest_check(&state->engine->head, &state->request);

	if (r == 0)
		r = op_engine_request(state->op, &state->engine->head, granted);
	if (r < 0)
		enter(state, give_stream, NULL);
	return r;
}

static int update(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_MIDDLE);
	int r;

	state->request.length = op_length(op, SLOT_INPUT);
	r = take(state);
	return r < 0 ? r : run_on_stream(state);
}

static int finish(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_LAST);
	int r = take(state);

	if (r < 0)
		return r;
	r = check_room(state);
	if (r < 0) {
		enter(state, give_stream, NULL);
		return r;
	}
	return run_on_stream(state);
}

static int abort_stream(struct operation *op)
{
	struct digest_operation *state = prepare(op, HIL_LAST);
	int r = take(state);

	if (r < 0)
		return r;
	grant_free(op_driver(op), op_process(op), state->stream);
	op_done(op, 0, 0, 0);
	return 0;
}

static void cancel(struct operation *op)
{
	struct digest_operation *state = op_state(op);

	if (op_engine_withdraw(op))
		done(&state->client, -PLUTON_ECANCEL);
	else
		state->engine->ops->cancel(state->engine, &state->client);
}

static const struct enum_name algorithms[] = {
	{DIGEST_SHA1, "sha1"},	       {DIGEST_SHA224, "sha224"},     {DIGEST_SHA256, "sha256"},
	{DIGEST_SHA384, "sha384"},     {DIGEST_SHA512, "sha512"},     {DIGEST_SHA3_256, "sha3-256"},
	{DIGEST_SHA3_384, "sha3-384"}, {DIGEST_SHA3_512, "sha3-512"}, {0, NULL},
};

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
	.grant_size = sizeof(struct digest_stream),
	.ports = 1,
	.port_kinds = {HIL_DIGEST},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
