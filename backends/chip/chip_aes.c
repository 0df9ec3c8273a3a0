/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES by the chip. A buffer of input goes out in one frame and comes back in its answer. An
 * operation is the list of steps that hil/aes.h gives for its request, each with a handler here.
 *
 * Authenticated decryption: the chip keeps no message, so the ciphertext waits here, pulled once
 * into private memory (or lent whole and once, where it is sealed), and goes to the chip twice: for
 * the tag, and after that was right, to be decrypted. So nobody ever holds unverified plaintext.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backends/chip/chip.h"
#include "backends/chip/conversation.h"
#include "hil/aes.h"

static_assert((int)WIRE_AES_CTR == AES_CTR && (int)WIRE_AES_GCM == AES_GCM, "the HIL's numbers");
static_assert((int)WIRE_ENCRYPT == AES_ENCRYPT && (int)WIRE_DECRYPT == AES_DECRYPT, "and these");

#define SCRATCH_PIECE ((size_t)16 * 1024) /* pulled into scratch in one deferred call */

struct chip_aes_engine {
	struct aes_engine engine;
	struct conversation conversation;
	uint8_t *scratch; /* caps.aead_scratch octets */
	/* The operation under way, wiped at its end. */
	struct aes_client *client; /* NULL: none is */
	struct aes_request request;
	enum aes_step steps[AES_STEPS_MAX];
	unsigned at;
	bool begun;
	bool asked;	  /* what the step asked the chip has been answered */
	size_t aad_taken; /* cursors */
	size_t taken;
	size_t told; /* input that the chip has had in this pass */
	size_t given;
	size_t drained;	       /* of the answer, already pushed */
	const uint8_t *sealed; /* all of the input, on loan for both passes; NULL: not yet */
};

static struct chip_aes_engine *of(struct conversation *conversation)
{
	return (struct chip_aes_engine *)(void *)((char *)conversation -
						  offsetof(struct chip_aes_engine, conversation));
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int next(struct chip_aes_engine *engine)
{
	engine->at++;
	engine->asked = false;
	return CONVERSATION_AGAIN;
}

/* --- what moves whole ------------------------------------------------------------------------ */

/* The client's `pulled` octets are in `out`; the chip's answer ends the step. */
static int put_whole(struct chip_aes_engine *engine, int pulled, size_t length, uint8_t item)
{
	if (pulled < 0)
		return pulled;
	engine->conversation.out_length = length;
	engine->at++;
	return conversation_ask(&engine->conversation, WIRE_PUT, item);
}

static int step_key(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;
	size_t size = engine->request.key_size;

	return put_whole(engine, client->ops->pull_key(client, engine->conversation.out, size),
			 size, WIRE_ITEM_KEY);
}

static int step_iv(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;
	size_t size = engine->request.iv_size;

	return put_whole(engine, client->ops->pull_iv(client, engine->conversation.out, size), size,
			 WIRE_ITEM_IV);
}

static int step_ctr(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;

	return put_whole(engine,
			 client->ops->pull_ctr(client, engine->conversation.out, AES_BLOCK_SIZE),
			 AES_BLOCK_SIZE, WIRE_ITEM_COUNTER);
}

static int step_tag_in(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;

	return put_whole(engine,
			 client->ops->pull_tag(client, engine->conversation.out, AES_TAG_SIZE),
			 AES_TAG_SIZE, WIRE_ITEM_TAG);
}

static int step_state_in(struct chip_aes_engine *engine)
{
	size_t size = engine->engine.caps.state_bytes;
	uint8_t state[AES_STATE_MAX];
	int r = engine->client->ops->pull_state(engine->client, state, size);

	engine->at++;
	if (r >= 0)
		r = conversation_put_state(&engine->conversation, state, size);
	explicit_bzero(state, sizeof(state));
	return r;
}

/* Asks, and when the answer is there goes on with it: false. */
static bool get_whole(struct chip_aes_engine *engine, uint8_t item, int *ret)
{
	if (engine->asked) {
		engine->conversation.begun = false; /* the chip has forgotten it */
		return false;
	}
	engine->asked = true;
	*ret = conversation_ask(&engine->conversation, WIRE_GET, item);
	return true;
}

static int step_tag_out(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;
	int r;

	if (get_whole(engine, WIRE_ITEM_TAG, &r))
		return r;
	if (engine->conversation.in_length != AES_TAG_SIZE)
		return -PLUTON_EFAIL;
	r = client->ops->push_tag(client, engine->conversation.in, AES_TAG_SIZE);
	return r < 0 ? r : next(engine);
}

static int step_state_out(struct chip_aes_engine *engine)
{
	size_t size = engine->engine.caps.state_bytes;
	uint8_t state[AES_STATE_MAX];
	int r;

	if (get_whole(engine, WIRE_ITEM_STATE, &r))
		return r;
	r = conversation_get_state(&engine->conversation, state, size);
	if (r == 0)
		r = engine->client->ops->push_state(engine->client, state, size);
	explicit_bzero(state, sizeof(state));
	return r < 0 ? r : next(engine);
}

/* --- what moves in pieces -------------------------------------------------------------------- */

/*
 * One pull in each step, until a frame is full or `length` is reached: the frame then goes out as
 * `item`.
 */
static int pull_frame(struct chip_aes_engine *engine,
		      ssize_t (*pull)(struct aes_client *client, uint8_t *buf, size_t len,
				      size_t cursor),
		      size_t *cursor, size_t length, uint8_t item)
{
	struct conversation *conversation = &engine->conversation;
	size_t room = smaller(length - *cursor,
			      conversation->link->caps.buffer - conversation->out_length);
	ssize_t n =
		pull(engine->client, conversation->out + conversation->out_length, room, *cursor);

	n = hil_count(n, room);
	if (n < 0)
		return (int)n;
	*cursor += (size_t)n;
	conversation->out_length += (size_t)n;
	return (size_t)n < room ? CONVERSATION_AGAIN
				: conversation_ask(conversation, WIRE_PUT, item);
}

static int step_aad(struct chip_aes_engine *engine)
{
	if (engine->aad_taken == engine->request.aad_length)
		return next(engine);
	return pull_frame(engine, engine->client->ops->pull_aad, &engine->aad_taken,
			  engine->request.aad_length, WIRE_ITEM_AAD);
}

/* A piece of the answer, which reaches up to `end` of the output. */
static int push_answer(struct chip_aes_engine *engine, size_t end)
{
	struct conversation *conversation = &engine->conversation;
	struct aes_client *client = engine->client;
	size_t left = end - engine->given;
	ssize_t n;

	if (conversation->in_length != engine->drained + left)
		return -PLUTON_EFAIL;
	n = client->ops->push_output(client, conversation->in + engine->drained, left,
				     engine->given);
	n = hil_count(n, left);
	if (n < 0)
		return (int)n;
	engine->drained += (size_t)n;
	engine->given += (size_t)n;
	if (engine->drained == conversation->in_length)
		engine->drained = conversation->in_length = 0;
	return engine->given == engine->request.length ? next(engine) : CONVERSATION_AGAIN;
}

static int step_data(struct chip_aes_engine *engine)
{
	struct conversation *conversation = &engine->conversation;
	bool mid_frame = conversation->out_length > 0;

	if (!mid_frame && engine->given < engine->taken)
		return push_answer(engine, engine->taken);
	return pull_frame(engine, engine->client->ops->pull_input, &engine->taken,
			  engine->request.length, WIRE_ITEM_INPUT);
}

/* --- authenticated decryption ---------------------------------------------------------------- */

static bool fits_scratch(const struct chip_aes_engine *engine)
{
	return engine->request.length <= engine->engine.caps.aead_scratch;
}

/*
 * Input that is too long for scratch must be lent whole, else SIZE. It is not lent again: the
 * client may have put another range in its place, and the second pass is over what the first one
 * verified.
 */
static int borrow_sealed(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;
	const uint8_t *memory = NULL;
	size_t length = 0;

	if (client->ops->lend_input)
		memory = client->ops->lend_input(client, 0, &length);
	if (!memory || length != engine->request.length)
		return -PLUTON_ESIZE;
	engine->sealed = memory;
	return 0;
}

/* The next piece of the message, from where it waits: at most a frame of it. */
static int find_piece(struct chip_aes_engine *engine, size_t cursor, const uint8_t **ret_piece,
		      size_t *ret_length)
{
	const uint8_t *message = engine->scratch;

	if (!fits_scratch(engine)) {
		int r = engine->sealed ? 0 : borrow_sealed(engine);

		if (r < 0)
			return r;
		message = engine->sealed;
	}
	*ret_piece = message + cursor;
	*ret_length =
		smaller(engine->request.length - cursor, engine->conversation.link->caps.buffer);
	return 0;
}

static int tell_piece(struct chip_aes_engine *engine, size_t *cursor, uint8_t item)
{
	struct conversation *conversation = &engine->conversation;
	const uint8_t *piece;
	size_t length;
	int r = find_piece(engine, *cursor, &piece, &length);

	if (r < 0)
		return r;
	memcpy(conversation->out, piece, length);
	conversation->out_length = length;
	*cursor += length;
	return conversation_ask(conversation, WIRE_PUT, item);
}

static int fill_scratch(struct chip_aes_engine *engine)
{
	struct aes_client *client = engine->client;
	size_t room = smaller(engine->request.length - engine->taken, SCRATCH_PIECE);
	ssize_t n = client->ops->pull_input(client, engine->scratch + engine->taken, room,
					    engine->taken);

	n = hil_count(n, room);
	if (n < 0)
		return (int)n;
	engine->taken += (size_t)n;
	return CONVERSATION_AGAIN;
}

/* With its last piece the chip says whether the tag is right. */
static int step_input(struct chip_aes_engine *engine)
{
	if (fits_scratch(engine) && engine->taken < engine->request.length)
		return fill_scratch(engine);
	if (engine->told < engine->request.length)
		return tell_piece(engine, &engine->told, WIRE_ITEM_INPUT);
	engine->told = 0;
	return next(engine);
}

/* Only from here on there is plaintext. */
static int step_output(struct chip_aes_engine *engine)
{
	if (engine->given == engine->told)
		return tell_piece(engine, &engine->told, WIRE_ITEM_AGAIN);
	return push_answer(engine, engine->told);
}

/* --- an operation ---------------------------------------------------------------------------- */

static int step_begin(struct chip_aes_engine *engine)
{
	const struct aes_request *request = &engine->request;
	uint8_t *out = engine->conversation.out;

	memset(out, 0, WIRE_BEGIN_AES_SIZE);
	out[0] = (uint8_t)request->mode;
	out[1] = (uint8_t)request->direction;
	out[2] = (uint8_t)request->phase;
	out[3] = (uint8_t)request->key_size;
	out[4] = (uint8_t)request->ctr_bits;
	frame_put64(out + WIRE_BEGIN_AES_AAD_LENGTH, request->aad_length);
	frame_put64(out + WIRE_BEGIN_AES_LENGTH, request->length);
	engine->conversation.out_length = WIRE_BEGIN_AES_SIZE;
	engine->begun = true;
	return conversation_ask(&engine->conversation, WIRE_BEGIN, WIRE_ITEM_NONE);
}

static int (*const handlers[])(struct chip_aes_engine *engine) = {
	[AES_STEP_KEY] = step_key,
	[AES_STEP_IV_IN] = step_iv,
	[AES_STEP_CTR] = step_ctr,
	[AES_STEP_AAD] = step_aad,
	[AES_STEP_TAG_IN] = step_tag_in,
	[AES_STEP_DATA] = step_data,
	[AES_STEP_INPUT] = step_input,
	[AES_STEP_OUTPUT] = step_output,
	[AES_STEP_TAG_OUT] = step_tag_out,
	[AES_STEP_STATE_IN] = step_state_in,
	[AES_STEP_STATE_OUT] = step_state_out,
};

static int step(struct conversation *conversation)
{
	struct chip_aes_engine *engine = of(conversation);
	enum aes_step step = engine->steps[engine->at];

	if (!engine->begun)
		return step_begin(engine);
	return step == AES_STEP_END ? CONVERSATION_DONE : handlers[step](engine);
}

static void finish(struct conversation *conversation, int result)
{
	struct chip_aes_engine *engine = of(conversation);
	struct aes_client *client = engine->client;

	if (result == -PLUTON_EINVAL && engine->given > 0)
		result = -PLUTON_EFAIL; /* the tag was right: this says something else */
	explicit_bzero(engine->scratch, fits_scratch(engine) ? engine->taken : 0);
	explicit_bzero((char *)engine + offsetof(struct chip_aes_engine, client),
		       sizeof(*engine) - offsetof(struct chip_aes_engine, client));
	client->ops->done(client, result);
}

/* --- the engine ------------------------------------------------------------------------------ */

static int start(struct aes_engine *aes, const struct aes_request *request,
		 struct aes_client *client)
{
	struct chip_aes_engine *engine = (struct chip_aes_engine *)(void *)aes;
	int r = aes_check(&aes->head, request);

	if (r < 0)
		return r;
	if (engine->conversation.busy)
		return -PLUTON_EBUSY;
	engine->client = client;
	engine->request = *request;
	aes_steps(request, engine->steps);
	conversation_begin(&engine->conversation);
	return 0;
}

static int cancel(struct aes_engine *aes, struct aes_client *client)
{
	struct chip_aes_engine *engine = (struct chip_aes_engine *)(void *)aes;

	return engine->client == client ? conversation_cancel(&engine->conversation)
					: -PLUTON_EINVAL;
}

void chip_aes_engine_set(struct hil_engine *head, const struct chip_caps *caps)
{
	struct aes_engine *aes = (struct aes_engine *)(void *)head;

	if (caps) {
		aes->caps.modes = caps->aes_modes & (1u << AES_CTR | 1u << AES_GCM);
		aes->caps.stream_modes = caps->aes_state ? caps->aes_stream_modes : 0;
		aes->caps.key_sizes = caps->aes_key_sizes;
		aes->caps.length_max = caps->length_max;
		aes->caps.aad_max = caps->aad_max;
		aes->caps.state_bytes = caps->aes_state ? WIRE_NONCE_SIZE + caps->aes_state : 0;
	}
	hil_engine_set_absent(head, caps == NULL);
}

int chip_aes_engine_open(struct link *link, struct deferred_queue *deferred, size_t scratch,
			 struct hil_engine **ret_engine)
{
	static const struct aes_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_aes_engine *engine = calloc(1, sizeof(*engine));
	uint8_t *memory = engine ? malloc(scratch) : NULL;

	if (!memory) {
		free(engine);
		return -PLUTON_ENOMEM;
	}
	engine->scratch = memory;
	engine->engine = (struct aes_engine){
		.head = {.name = "chip",
			 .kind = HIL_AES,
			 .level = HIL_LEVEL_AES,
			 .concurrency = 1,
			 .absent = true},
		.caps = {.aead_scratch = scratch},
		.ops = &ops,
	};
	conversation_init(&engine->conversation, link, deferred, WIRE_UNIT_AES, step, finish);
	*ret_engine = &engine->engine.head;
	return 0;
}

void chip_aes_engine_close(struct hil_engine *head)
{
	struct chip_aes_engine *engine = (struct chip_aes_engine *)(void *)head;

	if (!engine)
		return;
	conversation_close(&engine->conversation);
	free(engine->scratch); /* ciphertext */
	free(engine);
}
