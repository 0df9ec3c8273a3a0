/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation by an engine that has HMAC: HKDF (RFC 5869), the counter mode of SP 800-108r1 and
 * PBKDF2 (RFC 8018), each of whose calls of the pseudorandom function is one start of the engine
 * below. A round of PBKDF2 is one too, so there is an end to them: others have their turn between
 * any two, but who asked waits for all.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/stacked/engines.h"
#include "backends/stacked/stand.h"
#include "hil/kdf.h"
#include "hil/mac.h"

/* Label, a zero, context and L; or info. */
#define TEXT_MAX (KDF_LABEL_MAX + 1 + KDF_INFO_MAX + 4)

/* What one start below has to take: the longest key or text, a block and a number. */
#define LENGTH_NEEDED 2048u

/* Tens of milliseconds on a processor, and less than engine_deadline on a chip's own bus. */
#define ROUNDS_MAX 10000u

enum step {
	STEP_BEGIN = 0,
	STEP_EXTRACT,
	STEP_BLOCK,
	STEP_ROUND, /* PBKDF2: U_2 and on */
};

struct piece {
	const uint8_t *bytes;
	size_t len;
};

struct operation {
	struct turn turn;	   /* first */
	struct mac_client below;   /* as the engine below knows us */
	struct kdf_client *client; /* from here on wiped at the end */
	struct kdf_request request;
	enum step step;
	uint8_t key[KDF_KEY_SIZE_MAX]; /* the client's; HKDF: then the pseudorandom one */
	size_t key_size;
	uint8_t salt[KDF_SALT_MAX];
	uint8_t text[TEXT_MAX]; /* what every block has in it */
	size_t text_length;
	uint8_t number[sizeof(uint32_t)]; /* of the block, big-endian */
	uint32_t blocks;		  /* made, or the one that is being made */
	uint32_t rounds;		  /* of this block that are done */
	uint8_t block[MAC_SIZE_MAX];
	uint8_t round[MAC_SIZE_MAX]; /* PBKDF2: U_j */
	size_t cursor;		     /* bytes of output that were pushed */
};

struct stacked_kdf {
	struct kdf_engine engine; /* first */
	struct stand stand;
	struct operation operations[STACKED_CONCURRENCY];
};

static struct operation *of_turn(struct turn *turn)
{
	return (struct operation *)(void *)turn;
}

static struct operation *of_below(struct mac_client *client)
{
	return (struct operation *)(void *)((char *)client - offsetof(struct operation, below));
}

static struct mac_engine *below_of(const struct operation *op)
{
	return (struct mac_engine *)(void *)op->turn.below;
}

static size_t block_size(const struct operation *op)
{
	return kdf_block_size(op->request.prf);
}

static void write_be32(uint8_t *ret_bytes, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		ret_bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* --- what the engine below calls ------------------------------------------------------------- */

#define PIECES_MAX 3u

/* What the pseudorandom function gets: RFC 5869, 2.2 and 2.3; RFC 8018, 5.2; SP 800-108r1, 4.1. */
static size_t input_of(const struct operation *op, struct piece pieces[PIECES_MAX])
{
	const struct piece number = {op->number, sizeof(op->number)};
	const struct piece text = {op->text, op->text_length};

	if (op->step == STEP_EXTRACT || op->step == STEP_ROUND) {
		pieces[0] = op->step == STEP_ROUND ? (struct piece){op->round, block_size(op)}
						   : (struct piece){op->key, op->key_size};
		return 1;
	}
	switch (op->request.method) {
	case KDF_HKDF:
	case KDF_HKDF_EXPAND:
		pieces[0] = (struct piece){op->block, op->blocks > 1 ? block_size(op) : 0};
		pieces[1] = text;
		pieces[2] = (struct piece){op->number + sizeof(op->number) - 1, 1};
		return 3;
	case KDF_PBKDF2:
		pieces[0] = (struct piece){op->salt, op->request.salt_length};
		pieces[1] = number;
		return 2;
	default:
		pieces[0] = number;
		pieces[1] = text;
		return 2;
	}
}

static size_t length_of(const struct operation *op)
{
	struct piece pieces[PIECES_MAX];
	size_t count = input_of(op, pieces), length = 0;

	for (size_t i = 0; i < count; i++)
		length += pieces[i].len;
	return length;
}

static ssize_t pull_input(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct piece pieces[PIECES_MAX];
	size_t count = input_of(of_below(client), pieces), n;

	for (size_t i = 0; i < count; i++) {
		if (cursor < pieces[i].len) {
			n = len < pieces[i].len - cursor ? len : pieces[i].len - cursor;
			memcpy(buf, pieces[i].bytes + cursor, n);
			return (ssize_t)n;
		}
		cursor -= pieces[i].len;
	}
	return -PLUTON_ESIZE;
}

/* Without a salt a block of zeros (RFC 5869, 2.2), which op->salt then is. */
static size_t prf_key_size(const struct operation *op)
{
	if (op->step != STEP_EXTRACT)
		return op->key_size;
	return op->request.salt_length ? op->request.salt_length : block_size(op);
}

static int pull_key(struct mac_client *client, uint8_t *key, size_t len)
{
	const struct operation *op = of_below(client);

	memcpy(key, op->step == STEP_EXTRACT ? op->salt : op->key, len);
	return 0;
}

static int push_mac(struct mac_client *client, const uint8_t *mac, size_t len)
{
	struct operation *op = of_below(client);

	memcpy(op->step == STEP_ROUND ? op->round : op->block, mac, len);
	return 0;
}

static void done_below(struct mac_client *client, int result)
{
	turn_ended(&of_below(client)->turn, result);
}

/* One shots that make a MAC: there is no state, and nothing is verified. */
static const struct mac_client_ops below_ops = {
	.pull_input = pull_input,
	.pull_key = pull_key,
	.push_mac = push_mac,
	.done = done_below,
};

/* --- in -------------------------------------------------------------------------------------- */

static int pull(struct operation *op,
		int (*from)(struct kdf_client *client, uint8_t *bytes, size_t len), uint8_t *bytes,
		size_t len)
{
	return len ? hil_answer(from(op->client, bytes, len)) : 0;
}

static int pull_text(struct operation *op,
		     int (*from)(struct kdf_client *client, uint8_t *bytes, size_t len), size_t len)
{
	int r = pull(op, from, op->text + op->text_length, len);

	op->text_length += len;
	return r;
}

static int take(struct operation *op)
{
	const struct kdf_client_ops *ops = op->client->ops;
	const struct kdf_request *request = &op->request;
	int r = pull(op, ops->pull_salt, op->salt, request->salt_length);

	if (r == 0)
		r = pull(op, ops->pull_key, op->key, request->key_size);
	if (r == 0)
		r = pull_text(op, ops->pull_label, request->label_length);
	if (request->method == KDF_COUNTER)
		op->text[op->text_length++] = 0;
	if (r == 0)
		r = pull_text(op, ops->pull_info, request->info_length);
	if (request->method == KDF_COUNTER) {
		write_be32(op->text + op->text_length, (uint32_t)request->length * 8);
		op->text_length += sizeof(uint32_t);
	}
	return r;
}

/* --- an operation ---------------------------------------------------------------------------- */

static void begin_block(struct operation *op)
{
	op->step = STEP_BLOCK;
	write_be32(op->number, ++op->blocks);
	op->rounds = 0;
}

static int begin(struct operation *op)
{
	bool extracts = op->request.method == KDF_HKDF || op->request.method == KDF_HKDF_EXTRACT;
	int r = take(op);

	op->key_size = op->request.key_size;
	if (extracts)
		op->step = STEP_EXTRACT;
	else
		begin_block(op);
	return r;
}

static int start_below(struct turn *turn)
{
	struct operation *op = of_turn(turn);
	struct mac_engine *below = below_of(op);
	struct mac_request request = {.algorithm = op->request.prf, .phase = HIL_ONE_SHOT};
	int r = op->step == STEP_BEGIN ? begin(op) : 0;

	if (r < 0)
		return r;
	request.key_size = prf_key_size(op);
	request.length = length_of(op);
	request.mac_size = block_size(op);
	return below->ops->start(below, &request, &op->below);
}

static void cancel_below(struct turn *turn)
{
	struct mac_engine *below = below_of(of_turn(turn));

	below->ops->cancel(below, &of_turn(turn)->below);
}

/* The last block goes out, or as much of it as is wanted. */
static int push_block(struct operation *op)
{
	size_t left = op->request.length - op->cursor, sent = 0;
	size_t size = block_size(op) < left ? block_size(op) : left;

	while (sent < size && !op->turn.cancelled) {
		ssize_t n = op->client->ops->push_output(op->client, op->block + sent, size - sent,
							 op->cursor);

		if (n < 0)
			return (int)n;
		if (n == 0 || (size_t)n > size - sent)
			return -PLUTON_ESIZE;
		sent += (size_t)n;
		op->cursor += (size_t)n;
	}
	return op->turn.cancelled ? -PLUTON_ECANCEL : 0;
}

/* The pseudorandom key takes the place of the one it was made of. */
static void use_extracted(struct operation *op)
{
	explicit_bzero(op->key, sizeof(op->key));
	memcpy(op->key, op->block, block_size(op));
	op->key_size = block_size(op);
	begin_block(op);
}

/* Another U_j is there: they are added up. */
static void add_round(struct operation *op)
{
	if (op->rounds++ == 0) {
		memcpy(op->round, op->block, block_size(op));
		return;
	}
	for (size_t i = 0; i < block_size(op); i++)
		op->block[i] ^= op->round[i];
}

static int next(struct turn *turn)
{
	struct operation *op = of_turn(turn);
	int r;

	if (op->step == STEP_EXTRACT && op->request.method == KDF_HKDF) {
		use_extracted(op);
		return TURN_AGAIN;
	}
	add_round(op);
	if (op->rounds < op->request.iterations) {
		op->step = STEP_ROUND;
		return TURN_AGAIN;
	}
	r = push_block(op);
	if (r < 0 || op->cursor == op->request.length)
		return r;
	begin_block(op);
	return TURN_AGAIN;
}

static void finish(struct turn *turn, int result)
{
	struct operation *op = of_turn(turn);
	struct kdf_client *client = op->client;

	explicit_bzero((char *)op + offsetof(struct operation, client),
		       sizeof(*op) - offsetof(struct operation, client));
	client->ops->done(client, result);
}

static const struct turn_type turn_type = {start_below, cancel_below, next, finish};

/* --- the engine ------------------------------------------------------------------------------ */

static struct stand *stand_of(struct kdf_engine *engine)
{
	return &((struct stacked_kdf *)(void *)engine)->stand;
}

static int start(struct kdf_engine *engine, const struct kdf_request *request,
		 struct kdf_client *client)
{
	struct operation *op;
	struct turn *turn;
	int r = kdf_check(&engine->head, request);

	if (r == 0)
		r = stand_begin(stand_of(engine), client, &turn);
	if (r < 0)
		return r;
	op = of_turn(turn);
	op->client = client;
	op->request = *request;
	return 0;
}

static int cancel(struct kdf_engine *engine, struct kdf_client *client)
{
	return stand_cancel(stand_of(engine), client);
}

static void adapt(struct stand *stand)
{
	struct kdf_caps *caps = &((struct kdf_engine *)(void *)stand->engine)->caps;
	const struct mac_caps *below = &((struct mac_engine *)(void *)stand->below)->caps;
	size_t key_size_max = below->key_size_max;

	*caps = (struct kdf_caps){.rounds_max = caps->rounds_max, .rounds_key = caps->rounds_key};
	if (below->length_max < LENGTH_NEEDED || key_size_max < MAC_SIZE_MAX)
		return; /* too small for anything: no methods */
	for (unsigned method = 1; method < KDF_METHODS; method++)
		caps->prfs[method] = below->algorithms;
	caps->key_size_max = key_size_max < KDF_KEY_SIZE_MAX ? key_size_max : KDF_KEY_SIZE_MAX;
	caps->salt_max = key_size_max < KDF_SALT_MAX ? key_size_max : KDF_SALT_MAX;
	caps->label_max = KDF_LABEL_MAX;
	caps->info_max = KDF_INFO_MAX;
	caps->length_max = KDF_LENGTH_MAX;
}

int kdf_on_mac_open(const struct backend_environment *environment, struct stand **ret)
{
	static const struct kdf_engine_ops ops = {start, cancel};
	struct stacked_kdf *stacked = calloc(1, sizeof(*stacked));
	bool configured = environment->pbkdf2_rounds_max <= ROUNDS_MAX;
	int r;

	if (!stacked)
		return -PLUTON_ENOMEM;
	stacked->engine = (struct kdf_engine){
		.head = {.name = "stacked",
			 .kind = HIL_KDF,
			 .level = HIL_LEVEL_KDF,
			 .concurrency = STACKED_CONCURRENCY},
		.caps = {.rounds_max = configured ? environment->pbkdf2_rounds_max : ROUNDS_MAX,
			 .rounds_key = configured ? KDF_ROUNDS_KEY : NULL},
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
