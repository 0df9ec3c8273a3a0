/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aes capsule: encryption and decryption in one shot or as streams. Every byte goes between the
 * client's memory and the engine; between the updates of a stream the engine's state, which holds
 * the key, lies in the client's grant.
 */
#include <string.h>

#include "daemon/kernel/capsule.h"
#include "hil/aes.h"

enum { SLOT_KEY, SLOT_IV, SLOT_AAD, SLOT_INPUT, SLOT_OUTPUT, SLOT_TAG };
enum { WORD_MODE = 0, WORD_CTR_BITS = 1 };	       /* Encrypt, Decrypt */
enum { WORD_DIRECTION = 1, WORD_STREAM_CTR_BITS = 2 }; /* Begin; mode as above */
enum { WORD_STREAM = 0 };			       /* Update, Finish, Abort */

/* What of a request is the same for every start of a stream. */
struct aes_shape {
	enum aes_mode mode;
	enum aes_direction direction;
	unsigned ctr_bits;
	size_t key_size;
	size_t iv_size;
};

/* The grant: one stream. */
struct aes_stream {
	struct aes_engine *engine; /* the state is its own, no other engine can take it */
	struct aes_shape shape;
	bool busy; /* an operation is at work on it */
	uint8_t state[HIL_STATE_MAX];
};

struct aes_operation {
	struct aes_client client;
	struct operation *op;
	struct aes_engine *engine;
	struct aes_request request;
	uint32_t stream; /* in use unless one-shot */
};

static struct aes_operation *of_client(struct aes_client *client)
{
	return (struct aes_operation *)(void *)client;
}

/* --- streams --------------------------------------------------------------------------------- */

static struct aes_shape shape_of(const struct aes_request *request)
{
	return (struct aes_shape){request->mode, request->direction, request->ctr_bits,
				  request->key_size, request->iv_size};
}

static void apply_shape(struct aes_request *request, const struct aes_shape *shape)
{
	request->mode = shape->mode;
	request->direction = shape->direction;
	request->ctr_bits = shape->ctr_bits;
	request->key_size = shape->key_size;
	request->iv_size = shape->iv_size;
}

static int open_stream(void *grant, void *arg)
{
	const struct aes_operation *state = arg;
	struct aes_stream *stream = grant;

	stream->engine = state->engine;
	stream->shape = shape_of(&state->request);
	stream->busy = true;
	return 0;
}

static int take_stream(void *grant, void *arg)
{
	struct aes_operation *state = arg;
	struct aes_stream *stream = grant;

	if (stream->busy)
		return -PLUTON_EBUSY;
	stream->busy = true;
	state->engine = stream->engine;
	apply_shape(&state->request, &stream->shape);
	return 0;
}

static int give_stream(void *grant, void *arg)
{
	struct aes_stream *stream = grant;

	(void)arg;
	stream->busy = false;
	return 0;
}

static int load_state(void *grant, void *arg)
{
	memcpy(arg, ((struct aes_stream *)grant)->state, HIL_STATE_MAX);
	return 0;
}

static int store_state(void *grant, void *arg)
{
	memcpy(((struct aes_stream *)grant)->state, arg, HIL_STATE_MAX);
	return 0;
}

static int enter(const struct aes_operation *state, grant_fn fn, void *arg)
{
	return grant_enter(op_driver(state->op), op_process(state->op), state->stream, false, fn,
			   arg);
}

/* The engine may keep something that the state stands for (GCM): it is told first. */
static int forget_state(void *grant, void *arg)
{
	const struct aes_operation *state = arg;
	const struct aes_stream *stream = grant;

	if (stream->engine->ops->forget)
		stream->engine->ops->forget(stream->engine, state->request.owner, stream->state,
					    stream->engine->caps.state_bytes);
	return 0;
}

static void close_stream(struct aes_operation *state)
{
	enter(state, forget_state, state);
	grant_free(op_driver(state->op), op_process(state->op), state->stream);
}

/* --- what the engine calls ------------------------------------------------------------------- */

static ssize_t pull_input(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	return op_read(of_client(client)->op, SLOT_INPUT, cursor, buf, len);
}

static ssize_t push_output(struct aes_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	return op_write(of_client(client)->op, SLOT_OUTPUT, cursor, buf, len);
}

static ssize_t pull_aad(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	return op_read(of_client(client)->op, SLOT_AAD, cursor, buf, len);
}

/* What was promised to be sealed must still be: another range may have come in its place. */
static const uint8_t *lend_input(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	const struct aes_operation *state = of_client(client);

	if (state->request.input_sealed && !op_sealed(state->op, SLOT_INPUT))
		return NULL;
	return op_lend_ro(state->op, SLOT_INPUT, cursor, ret_len);
}

static uint8_t *lend_output(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	return op_lend_rw(of_client(client)->op, SLOT_OUTPUT, cursor, ret_len);
}

static int pull_key(struct aes_client *client, uint8_t *key, size_t len)
{
	return op_read_all(of_client(client)->op, SLOT_KEY, key, len);
}

static int pull_iv(struct aes_client *client, uint8_t *iv, size_t len)
{
	return op_read_all(of_client(client)->op, SLOT_IV, iv, len);
}

static int pull_tag(struct aes_client *client, uint8_t *tag, size_t len)
{
	return op_read_all(of_client(client)->op, SLOT_TAG, tag, len);
}

static int push_iv(struct aes_client *client, const uint8_t *iv, size_t len)
{
	return op_write_all(of_client(client)->op, SLOT_IV, iv, len);
}

static int push_tag(struct aes_client *client, const uint8_t *tag, size_t len)
{
	return op_write_all(of_client(client)->op, SLOT_TAG, tag, len);
}

static int pull_state(struct aes_client *client, uint8_t *state, size_t len)
{
	uint8_t whole[HIL_STATE_MAX];
	int r = enter(of_client(client), load_state, whole);

	if (r == 0)
		memcpy(state, whole, len);
	explicit_bzero(whole, sizeof(whole));
	return r;
}

static int push_state(struct aes_client *client, const uint8_t *state, size_t len)
{
	uint8_t whole[HIL_STATE_MAX] = {0};
	int r;

	memcpy(whole, state, len);
	r = enter(of_client(client), store_state, whole);
	explicit_bzero(whole, sizeof(whole));
	return r;
}

static void done(struct aes_client *client, int result)
{
	struct aes_operation *state = of_client(client);
	bool streaming = state->request.phase != HIL_ONE_SHOT;
	bool lives = streaming && result == 0 && !(state->request.phase & HIL_LAST);

	if (lives)
		enter(state, give_stream, NULL);
	else if (streaming)
		close_stream(state);
	op_done(state->op, result, state->stream, 0);
}

static const struct aes_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_aad = pull_aad,
	.lend_input = lend_input,
	.lend_output = lend_output,
	.pull_key = pull_key,
	.pull_iv = pull_iv,
	.pull_ctr = pull_iv, /* the initial counter block has the IV's slot */
	.pull_tag = pull_tag,
	.push_iv = push_iv,
	.push_tag = push_tag,
	.pull_state = pull_state,
	.push_state = push_state,
	.done = done,
};

/* --- checks that the command table cannot express -------------------------------------------- */

static int check_lengths(struct operation *op)
{
	if (op_length(op, SLOT_INPUT) == op_length(op, SLOT_OUTPUT))
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes and output %zu",
			 op_length(op, SLOT_INPUT), op_length(op, SLOT_OUTPUT));
}

static int check_tag(struct operation *op, enum aes_mode mode)
{
	size_t needed = aes_is_aead(mode) ? AES_TAG_SIZE : 0;

	if (op_length(op, SLOT_TAG) == needed)
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "tag has %zu bytes, this mode needs %zu",
			 op_length(op, SLOT_TAG), needed);
}

static int check_iv(struct operation *op, enum aes_mode mode)
{
	size_t needed = mode == AES_CTR ? AES_BLOCK_SIZE : AES_GCM_IV_SIZE;

	if ((mode != AES_CTR && mode != AES_GCM) || op_length(op, SLOT_IV) == needed)
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "iv has %zu bytes, this mode needs %zu",
			 op_length(op, SLOT_IV), needed);
}

static int explain(struct operation *op, const struct aes_request *request, int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		return op_refuse(op, error,
				 "no aes engine does mode %u this way with a key of %zu bytes",
				 (unsigned)request->mode, request->key_size);
	if (aes_is_aead(request->mode) && request->direction == AES_DECRYPT)
		return op_refuse(
			op, error,
			"%zu bytes is over aead_scratch: seal the input for writing, or send less",
			request->length);
	return op_refuse(op, error, "no aes engine takes these sizes (key %zu, input %zu)",
			 request->key_size, request->length);
}

static int select_engine(struct aes_operation *state)
{
	struct hil_engine *engine;
	int r = hil_select(op_port(state->op, 0), &state->request, aes_check, &engine);

	if (r < 0)
		return explain(state->op, &state->request, r);
	state->engine = (struct aes_engine *)(void *)engine;
	return 0;
}

/* --- commands -------------------------------------------------------------------------------- */

static void granted(struct operation *op)
{
	struct aes_operation *state = op_state(op);
	int r = state->engine->ops->start(state->engine, &state->request, &state->client);

	if (r < 0)
		done(&state->client, r);
}

static struct aes_operation *prepare(struct operation *op, enum hil_phase phase)
{
	struct aes_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.owner = op_owner(op);
	state->request.phase = phase;
	state->request.length = op_length(op, SLOT_INPUT);
	state->request.input_sealed = op_sealed(op, SLOT_INPUT);
	return state;
}

/* For a first start: what the slots and words say. */
static int describe(struct aes_operation *state, enum aes_direction direction, uint32_t ctr_bits)
{
	struct operation *op = state->op;
	struct aes_request *request = &state->request;

	request->mode = op_word(op, WORD_MODE);
	request->direction = direction;
	request->ctr_bits = ctr_bits;
	request->key_size = op_length(op, SLOT_KEY);
	request->iv_size = request->mode == AES_CTR ? 0 : op_length(op, SLOT_IV);
	request->aad_length = op_length(op, SLOT_AAD);
	return check_iv(op, request->mode);
}

static int one_shot(struct operation *op, enum aes_direction direction)
{
	struct aes_operation *state = prepare(op, HIL_ONE_SHOT);
	int r = describe(state, direction, op_word(op, WORD_CTR_BITS));

	if (r == 0)
		r = check_lengths(op);
	if (r == 0)
		r = select_engine(state);
	if (r == 0)
		r = check_tag(op, state->request.mode);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int encrypt(struct operation *op)
{
	return one_shot(op, AES_ENCRYPT);
}

static int decrypt(struct operation *op)
{
	return one_shot(op, AES_DECRYPT);
}

static int begin(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_FIRST);
	int r = describe(state, op_word(op, WORD_DIRECTION), op_word(op, WORD_STREAM_CTR_BITS));

	/* Input a standing operation still holds from another command is not Begin's. */
	state->request.length = 0;
	if (r == 0)
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

static int take(struct aes_operation *state)
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

static int run_on_stream(struct aes_operation *state, int checked)
{
	int r = checked;

	if (r == 0)
		r = aes_check(&state->engine->head, &state->request);
	if (r == 0)
		r = op_engine_request(state->op, &state->engine->head, granted);
	if (r < 0)
		enter(state, give_stream, NULL);
	return r;
}

static int update(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_MIDDLE);
	int r = take(state);

	return r < 0 ? r : run_on_stream(state, check_lengths(op));
}

static int finish(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_LAST);
	int r = take(state);

	state->request.length = 0;
	return r < 0 ? r : run_on_stream(state, check_tag(op, state->request.mode));
}

static int abort_stream(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_LAST);
	int r = take(state);

	if (r < 0)
		return r;
	close_stream(state);
	op_done(op, 0, 0, 0);
	return 0;
}

static void cancel(struct operation *op)
{
	struct aes_operation *state = op_state(op);

	if (op_engine_withdraw(op))
		done(&state->client, -PLUTON_ECANCEL);
	else
		state->engine->ops->cancel(state->engine, &state->client);
}

static const struct enum_name modes[] = {
	{AES_ECB, "ecb"}, {AES_CBC, "cbc"}, {AES_CTR, "ctr"},
	{AES_GCM, "gcm"}, {AES_CCM, "ccm"}, {0, NULL},
};
static const struct enum_name directions[] = {
	{AES_ENCRYPT, "encrypt"},
	{AES_DECRYPT, "decrypt"},
	{0, NULL},
};
static const struct enum_name ctr_widths[] = {{0, "not CTR"}, {32, "32"}, {128, "128"}, {0, NULL}};

#define KEY                                                                                        \
	{                                                                                          \
		"key", SLOT_RO, 16, AES_KEY_SIZE_MAX, false, "16, 24 or 32 bytes"                  \
	}
#define IV                                                                                         \
	{                                                                                          \
		"iv", SLOT_RO, 7, 16, true, "GCM: 12 bytes; CTR: the initial counter block"        \
	}
#define AAD                                                                                        \
	{                                                                                          \
		"aad", SLOT_RO, 1, 0, true, "what is authenticated but not encrypted"              \
	}
#define INPUT                                                                                      \
	{                                                                                          \
		"input", SLOT_RO, 1, 0, true, "absent: no data"                                    \
	}
#define OUTPUT                                                                                     \
	{                                                                                          \
		"output", SLOT_RW, 1, 0, true, "as long as input"                                  \
	}
#define TAG_OUT                                                                                    \
	{                                                                                          \
		"tag", SLOT_RW, AES_TAG_SIZE, AES_TAG_SIZE, true, "GCM: gets the tag"              \
	}
#define TAG_IN                                                                                     \
	{                                                                                          \
		"tag", SLOT_RO, AES_TAG_SIZE, AES_TAG_SIZE, true, "GCM: the tag to check"          \
	}
#define MODE                                                                                       \
	{                                                                                          \
		"mode", modes, "mode of operation"                                                 \
	}
#define DIRECTION                                                                                  \
	{                                                                                          \
		"direction", directions, ""                                                        \
	}
#define CTR_BITS                                                                                   \
	{                                                                                          \
		"ctr_bits", ctr_widths, "the part of the block that counts"                        \
	}
#define STREAM                                                                                     \
	{                                                                                          \
		"stream", NULL, "as Begin returned it"                                             \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Encrypt",
		.doc = "encrypts one message",
		.words = {[WORD_MODE] = MODE, [WORD_CTR_BITS] = CTR_BITS},
		.slots = {[SLOT_KEY] = KEY,
			  [SLOT_IV] = IV,
			  [SLOT_AAD] = AAD,
			  [SLOT_INPUT] = INPUT,
			  [SLOT_OUTPUT] = OUTPUT,
			  [SLOT_TAG] = TAG_OUT},
		.run = encrypt,
	},
	{
		.number = 2,
		.name = "Decrypt",
		.doc = "decrypts one message; a tag that does not match is INVAL and leaves the "
		       "output as it was",
		.words = {[WORD_MODE] = MODE, [WORD_CTR_BITS] = CTR_BITS},
		.slots = {[SLOT_KEY] = KEY,
			  [SLOT_IV] = IV,
			  [SLOT_AAD] = AAD,
			  [SLOT_INPUT] = INPUT,
			  [SLOT_OUTPUT] = OUTPUT,
			  [SLOT_TAG] = TAG_IN},
		.run = decrypt,
	},
	{
		.number = 3,
		.name = "Begin",
		.doc = "opens a stream for a message in pieces (not GCM decryption)",
		.answers = {"stream"},
		.words = {[WORD_MODE] = MODE,
			  [WORD_DIRECTION] = DIRECTION,
			  [WORD_STREAM_CTR_BITS] = CTR_BITS},
		.slots = {[SLOT_KEY] = KEY, [SLOT_IV] = IV, [SLOT_AAD] = AAD},
		.run = begin,
	},
	{
		.number = 4,
		.name = "Update",
		.doc = "one piece; a failed or cancelled update closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM},
		.slots = {[SLOT_INPUT] = INPUT, [SLOT_OUTPUT] = OUTPUT},
		.run = update,
	},
	{
		.number = 5,
		.name = "Finish",
		.doc = "gives the tag, if the mode has one, and closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM},
		.slots = {[SLOT_TAG] = TAG_OUT},
		.run = finish,
	},
	{
		.number = 6,
		.name = "Abort",
		.doc = "closes the stream",
		.words = {[WORD_STREAM] = STREAM},
		.run = abort_stream,
	},
};

extern const struct capsule aes_capsule;
const struct capsule aes_capsule = {
	.name = "aes",
	.interface = "Aes",
	.doc = "AES: FIPS 197, NIST SP 800-38A and 38D.",
	.driver = 0x40006,
	.state_size = sizeof(struct aes_operation),
	.grant_size = sizeof(struct aes_stream),
	.ports = 1,
	.port_kinds = {HIL_AES},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
