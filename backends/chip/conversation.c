/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/chip/conversation.h"

#include <string.h>

#include "pluton/error.h"

void conversation_close(struct conversation *conversation)
{
	deferred_call_drop(&conversation->tick); /* a cancel from inside a callback has set it */
	explicit_bzero(conversation->in, sizeof(conversation->in));
	explicit_bzero(conversation->out, sizeof(conversation->out));
}

/* The client may begin again from its done. */
static void end(struct conversation *conversation, int result)
{
	conversation_close(conversation);
	conversation->busy = false;
	conversation->finish(conversation, result);
}

static int submit(struct conversation *conversation, uint8_t type, uint8_t item)
{
	int r;

	conversation->request.type = type;
	conversation->request.unit = conversation->unit;
	conversation->request.item = item;
	conversation->request.data = conversation->out;
	conversation->request.length = (uint16_t)conversation->out_length;
	conversation->request.hurried = type == WIRE_ABORT;
	conversation->asked = true; /* before: a lost line can be answered at once */
	r = link_submit(conversation->link, &conversation->request, conversation->generation);
	if (r < 0)
		conversation->asked = false;
	return r;
}

/* A chip that is gone has forgotten already. */
static void end_early(struct conversation *conversation, int result)
{
	conversation->result = result;
	conversation->out_length = 0;
	conversation->ending =
		conversation->begun && submit(conversation, WIRE_ABORT, WIRE_ITEM_NONE) == 0;
	if (!conversation->ending)
		end(conversation, result);
}

/* It holds to what the chip could when it began: another one's buffer may be shorter. */
static bool is_outdated(const struct conversation *conversation)
{
	return conversation->generation != conversation->link->generation;
}

static void go_on(struct conversation *conversation)
{
	int r = conversation->answer;

	if (r == 0 && is_outdated(conversation))
		r = -PLUTON_ENODEVICE;
	if (r == 0)
		r = conversation->step(conversation);
	if (r == CONVERSATION_AGAIN)
		deferred_call_set(&conversation->tick);
	else if (r <= 0)
		end_early(conversation, r);
}

static void tick(struct deferred_call *call)
{
	struct conversation *conversation =
		(struct conversation *)(void *)((char *)call - offsetof(struct conversation, tick));

	if (conversation->asked)
		return; /* cancelled meanwhile: the answer comes first */
	if (conversation->ending)
		end(conversation, conversation->result);
	else if (conversation->cancelled)
		end_early(conversation, -PLUTON_ECANCEL);
	else
		go_on(conversation);
}

static void answered(struct link_request *request, int result, const uint8_t *data, size_t length)
{
	struct conversation *conversation =
		(struct conversation *)(void *)((char *)request -
						offsetof(struct conversation, request));

	conversation->asked = false;
	conversation->answer = result;
	conversation->in_length = length;
	if (length)
		memcpy(conversation->in, data, length);
	explicit_bzero(conversation->out, conversation->out_length);
	conversation->out_length = 0;
	deferred_call_set(&conversation->tick);
}

void conversation_init(struct conversation *conversation, struct link *link,
		       struct deferred_queue *deferred, uint8_t unit,
		       int (*step)(struct conversation *conversation),
		       void (*finish)(struct conversation *conversation, int result))
{
	*conversation =
		(struct conversation){.link = link, .unit = unit, .step = step, .finish = finish};
	conversation->request.answered = answered;
	deferred_call_init(&conversation->tick, deferred, tick);
}

void conversation_begin(struct conversation *conversation)
{
	conversation->generation = conversation->link->generation;
	conversation->busy = true;
	conversation->cancelled = false;
	conversation->begun = false;
	conversation->ending = false;
	conversation->answer = 0;
	conversation->in_length = 0;
	conversation->out_length = 0;
	deferred_call_set(&conversation->tick);
}

int conversation_cancel(struct conversation *conversation)
{
	if (!conversation->busy)
		return -PLUTON_EINVAL;
	conversation->cancelled = true;
	conversation->request.hurried = true;
	deferred_call_set(&conversation->tick);
	return 0;
}

int conversation_ask(struct conversation *conversation, uint8_t type, uint8_t item)
{
	int r;

	conversation->begun |= type == WIRE_BEGIN;
	r = submit(conversation, type, item);
	return r < 0 ? r : CONVERSATION_ASKED;
}

int conversation_put_state(struct conversation *conversation, const uint8_t *state, size_t size)
{
	if (memcmp(state, conversation->link->caps.boot, WIRE_NONCE_SIZE) != 0)
		return -PLUTON_ENODEVICE;
	conversation->out_length = size - WIRE_NONCE_SIZE;
	memcpy(conversation->out, state + WIRE_NONCE_SIZE, conversation->out_length);
	return conversation_ask(conversation, WIRE_PUT, WIRE_ITEM_STATE);
}

int conversation_get_state(const struct conversation *conversation, uint8_t *ret_state, size_t size)
{
	if (conversation->in_length != size - WIRE_NONCE_SIZE)
		return -PLUTON_EFAIL;
	memcpy(ret_state, conversation->link->caps.boot, WIRE_NONCE_SIZE);
	memcpy(ret_state + WIRE_NONCE_SIZE, conversation->in, conversation->in_length);
	return 0;
}
