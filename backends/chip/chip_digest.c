/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests by the chip: at most a buffer of input is pulled, goes out in one frame, and is forgotten
 * here when the chip has it. Between two frames the message is in the chip alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backends/chip/chip.h"
#include "backends/chip/conversation.h"
#include "hil/digest.h"

static_assert((int)WIRE_SHA256 == DIGEST_SHA256, "the wire's numbers are the HIL's");
static_assert((int)WIRE_FIRST == HIL_FIRST && (int)WIRE_LAST == HIL_LAST, "and these");

struct chip_digest_engine {
	struct digest_engine engine;
	struct conversation conversation;
	/* The operation under way. */
	enum { AT_BEGIN = 0, AT_STATE, AT_INPUT, AT_RESULT, AT_PUSH } at;
	struct digest_client *client;
	struct digest_request request;
	size_t taken;
};

static struct chip_digest_engine *of(struct conversation *conversation)
{
	return (struct chip_digest_engine *)(void *)((char *)conversation -
						     offsetof(struct chip_digest_engine,
							      conversation));
}

/* --- the steps ------------------------------------------------------------------------------- */

static int begin(struct chip_digest_engine *engine)
{
	uint8_t *out = engine->conversation.out;

	memset(out, 0, WIRE_BEGIN_DIGEST_SIZE);
	out[0] = (uint8_t)engine->request.algorithm;
	out[1] = (uint8_t)engine->request.phase;
	engine->conversation.out_length = WIRE_BEGIN_DIGEST_SIZE;
	engine->at = engine->request.phase & HIL_FIRST ? AT_INPUT : AT_STATE;
	return conversation_ask(&engine->conversation, WIRE_BEGIN, WIRE_ITEM_NONE);
}

static int take_state(struct chip_digest_engine *engine)
{
	size_t size = engine->engine.caps.state_bytes;
	uint8_t state[DIGEST_STATE_MAX];
	int r = engine->client->ops->pull_state(engine->client, state, size);

	engine->at = AT_INPUT;
	if (r >= 0)
		r = conversation_put_state(&engine->conversation, state, size);
	explicit_bzero(state, sizeof(state));
	return r;
}

/* One pull in each step, until a frame is full or the input is at its end. */
static int take_input(struct chip_digest_engine *engine)
{
	struct conversation *conversation = &engine->conversation;
	size_t left = engine->request.length - engine->taken;
	size_t room = conversation->link->caps.buffer - conversation->out_length;
	ssize_t n;

	if (left == 0) {
		engine->at = AT_RESULT;
		return CONVERSATION_AGAIN;
	}
	room = left < room ? left : room;
	n = hil_count(engine->client->ops->pull_input(engine->client,
						      conversation->out + conversation->out_length,
						      room, engine->taken),
		      room);
	if (n < 0)
		return (int)n;
	engine->taken += (size_t)n;
	conversation->out_length += (size_t)n;
	if ((size_t)n < room)
		return CONVERSATION_AGAIN;
	return conversation_ask(conversation, WIRE_PUT, WIRE_ITEM_INPUT);
}

static int ask_result(struct chip_digest_engine *engine)
{
	engine->at = AT_PUSH;
	return conversation_ask(&engine->conversation, WIRE_GET,
				engine->request.phase & HIL_LAST ? WIRE_ITEM_DIGEST
								 : WIRE_ITEM_STATE);
}

static int push_state(struct chip_digest_engine *engine)
{
	size_t size = engine->engine.caps.state_bytes;
	uint8_t state[DIGEST_STATE_MAX];
	int r = conversation_get_state(&engine->conversation, state, size);

	if (r == 0)
		r = engine->client->ops->push_state(engine->client, state, size);
	explicit_bzero(state, sizeof(state));
	return r;
}

static int push_result(struct chip_digest_engine *engine)
{
	struct conversation *conversation = &engine->conversation;

	conversation->begun = false; /* with its answer the chip has forgotten it */
	if (!(engine->request.phase & HIL_LAST))
		return push_state(engine);
	if (conversation->in_length != digest_size(engine->request.algorithm))
		return -PLUTON_EFAIL;
	return engine->client->ops->push_digest(engine->client, conversation->in,
						conversation->in_length);
}

static int step(struct conversation *conversation)
{
	struct chip_digest_engine *engine = of(conversation);
	int r;

	switch (engine->at) {
	case AT_BEGIN:
		return begin(engine);
	case AT_STATE:
		return take_state(engine);
	case AT_INPUT:
		return take_input(engine);
	case AT_RESULT:
		return ask_result(engine);
	case AT_PUSH:
		r = push_result(engine);
		return r < 0 ? r : CONVERSATION_DONE;
	}
	return -PLUTON_EFAIL;
}

static void finish(struct conversation *conversation, int result)
{
	struct chip_digest_engine *engine = of(conversation);
	struct digest_client *client = engine->client;

	engine->client = NULL;
	client->ops->done(client, result);
}

/* --- the engine ------------------------------------------------------------------------------ */

static int start(struct digest_engine *digest, const struct digest_request *request,
		 struct digest_client *client)
{
	struct chip_digest_engine *engine = (struct chip_digest_engine *)(void *)digest;
	int r = digest_check(&digest->head, request);

	if (r < 0)
		return r;
	if (engine->conversation.busy)
		return -PLUTON_EBUSY;
	engine->at = AT_BEGIN;
	engine->client = client;
	engine->request = *request;
	engine->taken = 0;
	conversation_begin(&engine->conversation);
	return 0;
}

static int cancel(struct digest_engine *digest, struct digest_client *client)
{
	struct chip_digest_engine *engine = (struct chip_digest_engine *)(void *)digest;

	return engine->client == client ? conversation_cancel(&engine->conversation)
					: -PLUTON_EINVAL;
}

void chip_digest_engine_set(struct hil_engine *head, const struct chip_caps *caps)
{
	struct chip_digest_engine *engine = (struct chip_digest_engine *)(void *)head;

	if (caps)
		engine->engine.caps = (struct digest_caps){
			.algorithms = caps->digests,
			.length_max = caps->length_max,
			.state_bytes =
				caps->digest_state ? WIRE_NONCE_SIZE + caps->digest_state : 0,
		};
	hil_engine_set_absent(head, caps == NULL);
}

int chip_digest_engine_open(struct link *link, struct deferred_queue *deferred,
			    struct hil_engine **ret_engine)
{
	static const struct digest_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_digest_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -PLUTON_ENOMEM;
	engine->engine = (struct digest_engine){
		.head = {.name = "chip",
			 .kind = HIL_DIGEST,
			 .level = HIL_LEVEL_DIGEST,
			 .concurrency = 1,
			 .absent = true},
		.ops = &ops,
	};
	conversation_init(&engine->conversation, link, deferred, WIRE_UNIT_DIGEST, step, finish);
	*ret_engine = &engine->engine.head;
	return 0;
}

void chip_digest_engine_close(struct hil_engine *head)
{
	struct chip_digest_engine *engine = (struct chip_digest_engine *)(void *)head;

	if (!engine)
		return;
	conversation_close(&engine->conversation);
	free(engine);
}
