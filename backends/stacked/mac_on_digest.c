/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC (FIPS 198-1) by an engine that can only hash: the digest of the padded key and the message,
 * then that of the key padded in the other way and the first digest; each is one start of the
 * engine below. The state of a stream is the two states that the engine below exports. It has the
 * key's part in it and no key: the key is here from a first start's pull to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/stacked/engines.h"
#include "backends/stacked/stand.h"
#include "hil/digest.h"
#include "hil/mac.h"

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

enum step {
	STEP_BEGIN = 0,
	STEP_KEY, /* one that is longer than a block is hashed */
	STEP_INNER,
	STEP_OUTER,
};

struct operation {
	struct turn turn;	    /* first */
	struct digest_client below; /* as the engine below knows us */
	struct mac_client *client;  /* from here on wiped at the end */
	struct mac_request request;
	enum step step;
	size_t prefix;			 /* bytes of padded key before the input of a step */
	size_t state_bytes;		 /* of one state */
	uint8_t key[HMAC_KEY_SIZE_MAX];	 /* then the block it is fitted to; zeros follow */
	uint8_t state[HMAC_STATE_MAX];	 /* inner, outer */
	uint8_t digest[DIGEST_SIZE_MAX]; /* the inner one, then the MAC */
};

struct stacked_mac {
	struct mac_engine engine; /* first */
	struct stand stand;
	struct operation operations[STACKED_CONCURRENCY];
};

static struct operation *of_turn(struct turn *turn)
{
	return (struct operation *)(void *)turn;
}

static struct operation *of_below(struct digest_client *client)
{
	return (struct operation *)(void *)((char *)client - offsetof(struct operation, below));
}

static struct digest_engine *below_of(const struct operation *op)
{
	return (struct digest_engine *)(void *)op->turn.below;
}

/* --- what the engine below calls ------------------------------------------------------------- */

static size_t copy_some(uint8_t *buf, size_t len, const uint8_t *from, size_t left)
{
	size_t n = len < left ? len : left;

	memcpy(buf, from, n);
	return n;
}

static size_t copy_padded(const struct operation *op, uint8_t *buf, size_t len, size_t cursor)
{
	uint8_t pad = op->step == STEP_INNER ? INNER_PAD : OUTER_PAD;
	size_t n = copy_some(buf, len, op->key + cursor, op->prefix - cursor);

	for (size_t i = 0; i < n; i++)
		buf[i] ^= pad;
	return n;
}

static ssize_t pull_input(struct digest_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct operation *op = of_below(client);
	size_t at = cursor - op->prefix;

	if (cursor < op->prefix)
		return (ssize_t)copy_padded(op, buf, len, cursor);
	if (op->step == STEP_INNER)
		return op->client->ops->pull_input(op->client, buf, len, at);
	if (op->step == STEP_KEY)
		return (ssize_t)copy_some(buf, len, op->key + at, op->request.key_size - at);
	return (ssize_t)copy_some(buf, len, op->digest + at,
				  digest_size(op->request.algorithm) - at);
}

/* Of the client's memory only: what is ours is short. */
static const uint8_t *lend_input(struct digest_client *client, size_t cursor, size_t *ret_len)
{
	struct operation *op = of_below(client);

	if (cursor < op->prefix || op->step != STEP_INNER || !op->client->ops->lend_input)
		return NULL;
	return op->client->ops->lend_input(op->client, cursor - op->prefix, ret_len);
}

static int push_digest(struct digest_client *client, const uint8_t *digest, size_t len)
{
	struct operation *op = of_below(client);

	if (op->step == STEP_KEY) {
		explicit_bzero(op->key, sizeof(op->key));
		memcpy(op->key, digest, len);
	} else {
		memcpy(op->digest, digest, len);
	}
	return 0;
}

static uint8_t *state_of(struct operation *op)
{
	return op->step == STEP_INNER ? op->state : op->state + op->state_bytes;
}

static int pull_state(struct digest_client *client, uint8_t *state, size_t len)
{
	memcpy(state, state_of(of_below(client)), len);
	return 0;
}

static int push_state(struct digest_client *client, const uint8_t *state, size_t len)
{
	memcpy(state_of(of_below(client)), state, len);
	return 0;
}

static void done_below(struct digest_client *client, int result)
{
	turn_ended(&of_below(client)->turn, result);
}

static const struct digest_client_ops below_ops = {
	.pull_input = pull_input,
	.lend_input = lend_input,
	.push_digest = push_digest,
	.pull_state = pull_state,
	.push_state = push_state,
	.done = done_below,
};

/* --- an operation ---------------------------------------------------------------------------- */

static int take_key(struct operation *op)
{
	size_t size = op->request.key_size;
	int r = hil_answer(op->client->ops->pull_key(op->client, op->key, size));

	op->step = size > digest_block_size(op->request.algorithm) ? STEP_KEY : STEP_INNER;
	return r;
}

static int take_state(struct operation *op)
{
	op->step = STEP_INNER;
	return hil_answer(op->client->ops->pull_state(op->client, op->state, 2 * op->state_bytes));
}

static size_t length_of(const struct operation *op)
{
	switch (op->step) {
	case STEP_KEY:
		return op->request.key_size;
	case STEP_INNER:
		return op->request.length;
	default:
		return op->request.phase & HIL_LAST ? digest_size(op->request.algorithm) : 0;
	}
}

static int start_below(struct turn *turn)
{
	struct operation *op = of_turn(turn);
	struct digest_engine *below = below_of(op);
	struct digest_request request = {.algorithm = (enum digest_algorithm)op->request.algorithm};
	bool first = op->request.phase & HIL_FIRST;
	int r = 0;

	if (op->step == STEP_BEGIN)
		r = first ? take_key(op) : take_state(op);
	if (r < 0)
		return r;
	op->prefix = first && op->step != STEP_KEY ? digest_block_size(op->request.algorithm) : 0;
	request.phase = op->step == STEP_KEY ? HIL_ONE_SHOT : op->request.phase;
	request.length = op->prefix + length_of(op);
	return below->ops->start(below, &request, &op->below);
}

static void cancel_below(struct turn *turn)
{
	struct digest_engine *below = below_of(of_turn(turn));

	below->ops->cancel(below, &of_turn(turn)->below);
}

static int give_state(struct operation *op)
{
	return hil_answer(op->client->ops->push_state(op->client, op->state, 2 * op->state_bytes));
}

/* In a time that says nothing about where they differ. */
static int compare(struct operation *op)
{
	uint8_t mac[MAC_SIZE_MAX];
	volatile uint8_t difference = 0;
	int r = hil_answer(op->client->ops->pull_mac(op->client, mac, op->request.mac_size));

	for (size_t i = 0; r == 0 && i < op->request.mac_size; i++)
		difference |= mac[i] ^ op->digest[i];
	return r == 0 && difference ? -PLUTON_EINVAL : r;
}

static int give_mac(struct operation *op)
{
	if (op->request.verify)
		return compare(op);
	return hil_answer(op->client->ops->push_mac(op->client, op->digest, op->request.mac_size));
}

static int next(struct turn *turn)
{
	struct operation *op = of_turn(turn);
	enum hil_phase phase = op->request.phase;

	if (op->step == STEP_KEY || (op->step == STEP_INNER && phase != HIL_MIDDLE)) {
		op->step++;
		return TURN_AGAIN;
	}
	return phase & HIL_LAST ? give_mac(op) : give_state(op);
}

static void finish(struct turn *turn, int result)
{
	struct operation *op = of_turn(turn);
	struct mac_client *client = op->client;

	explicit_bzero((char *)op + offsetof(struct operation, client),
		       sizeof(*op) - offsetof(struct operation, client));
	client->ops->done(client, result);
}

static const struct turn_type turn_type = {start_below, cancel_below, next, finish};

/* --- the engine ------------------------------------------------------------------------------ */

static struct stand *stand_of(struct mac_engine *engine)
{
	return &((struct stacked_mac *)(void *)engine)->stand;
}

static int start(struct mac_engine *engine, const struct mac_request *request,
		 struct mac_client *client)
{
	struct operation *op;
	struct turn *turn;
	int r = mac_check(&engine->head, request);

	if (r == 0)
		r = stand_begin(stand_of(engine), client, &turn);
	if (r < 0)
		return r;
	op = of_turn(turn);
	op->client = client;
	op->request = *request;
	op->state_bytes = engine->caps.state_bytes / 2;
	return 0;
}

static int cancel(struct mac_engine *engine, struct mac_client *client)
{
	return stand_cancel(stand_of(engine), client);
}

/* Each start below is of a message and of the padded key before it. */
static void adapt(struct stand *stand)
{
	struct mac_caps *caps = &((struct mac_engine *)(void *)stand->engine)->caps;
	const struct digest_caps *below = &((struct digest_engine *)(void *)stand->below)->caps;

	*caps = (struct mac_caps){.key_size_max = HMAC_KEY_SIZE_MAX};
	if (below->length_max < HMAC_KEY_SIZE_MAX)
		return; /* too small for anything: no algorithms */
	caps->algorithms = below->algorithms;
	caps->length_max = below->length_max - DIGEST_BLOCK_SIZE_MAX;
	if (2 * below->state_bytes <= HMAC_STATE_MAX)
		caps->state_bytes = 2 * below->state_bytes;
}

int mac_on_digest_open(const struct backend_environment *environment, struct stand **ret)
{
	static const struct mac_engine_ops ops = {start, cancel};
	struct stacked_mac *stacked = calloc(1, sizeof(*stacked));
	int r;

	if (!stacked)
		return -PLUTON_ENOMEM;
	stacked->engine = (struct mac_engine){
		.head = {.name = "stacked",
			 .kind = HIL_HMAC,
			 .level = HIL_LEVEL_HMAC,
			 .concurrency = STACKED_CONCURRENCY},
		.ops = &ops,
	};
	*ret = &stacked->stand;
	r = stand_open(*ret, environment, &stacked->engine.head, adapt);
	for (size_t i = 0; i < STACKED_CONCURRENCY; i++) {
		stacked->operations[i].below.ops = &below_ops;
		stand_add(*ret, &stacked->operations[i].turn, environment->deferred, &turn_type);
	}
	return r;
}
