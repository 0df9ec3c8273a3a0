/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kdf HIL on this backend's own HMAC and CMAC. libcrypto has all three functions too, but its
 * PBKDF2 can neither be cut nor be cancelled: here a request of many rounds goes to the workers in
 * pieces of a millisecond, so that other work has its turn between them, and a cancel too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/cmac.h"
#include "backends/openssl/engines.h"
#include "backends/openssl/hmac.h"
#include "backends/openssl/vault.h"

#define KDF_SLICE (16u * 1024)
#define KDF_SLOW 2u /* parties with many rounds at once; with one worker, one */

#define BLOCK_COST 512u	     /* of one block of output, in bytes of a slice: 1 to 2 µs */
#define ROUND_COST 128u	     /* of one round of PBKDF2: 0.3 to 0.7 µs */
#define ROUNDS_AT_ONCE 2048u /* on a worker */

/* Label, a zero, context and L; or info, or a salt. */
#define TEXT_MAX (KDF_LABEL_MAX + 1 + KDF_INFO_MAX + 4)
static_assert(TEXT_MAX >= KDF_SALT_MAX, "a salt has room");

/* What a block is made of, one behind the other. */
struct piece {
	const uint8_t *bytes;
	size_t len;
};

struct kdf_operation {
	struct task task;
	struct kdf_unit *unit;
	struct kdf_client *client; /* from here on wiped at the end */
	struct kdf_request request;
	bool taken; /* salt, key, label and info */
	union {	    /* with the key in it, and no message */
		struct hmac hmac;
		struct cmac cmac;
	} keyed;
	uint8_t text[TEXT_MAX]; /* what every block has in it */
	size_t text_length;
	size_t cursor;			  /* bytes of output that were pushed */
	uint32_t blocks;		  /* made so far, with the one in `block` */
	uint8_t block[MAC_SIZE_MAX];	  /* the last one */
	size_t pushed;			  /* bytes of it */
	uint8_t round[MAC_SIZE_MAX];	  /* PBKDF2: U_j of RFC 8018 */
	uint32_t rounds;		  /* of this block that are done */
	uint8_t number[sizeof(uint32_t)]; /* of the block, big-endian */
};

struct kdf_unit {
	struct kdf_engine engine;
	struct task_set tasks;
	struct cmac_cipher cipher; /* a block is made in one go, so one does for all */
	unsigned slow;		   /* operations that are */
	struct kdf_operation operations[TASKS_PER_ENGINE];
};

static size_t block_size(const struct kdf_operation *op)
{
	return kdf_block_size(op->request.prf);
}

static void write_be32(uint8_t *ret_bytes, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		ret_bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* --- the pseudorandom function ---------------------------------------------------------------- */

static void set_hmac_key(struct kdf_operation *op, const uint8_t *key, size_t size)
{
	const struct hash *hash = hash_find((enum digest_algorithm)op->request.prf);

	hmac_begin(&op->keyed.hmac, hash, key, size);
}

static void set_key(struct kdf_operation *op, const uint8_t *key, size_t size)
{
	if (op->request.prf != MAC_CMAC_AES) {
		set_hmac_key(op, key, size);
		return;
	}
	memcpy(op->keyed.cmac.key, key, size);
	op->keyed.cmac.key_size = size;
}

static void run_hmac(const struct hmac *keyed, const struct piece *pieces, size_t count,
		     uint8_t *ret_mac)
{
	struct hmac hmac = *keyed;

	for (size_t i = 0; i < count; i++)
		hmac_update(&hmac, pieces[i].bytes, pieces[i].len);
	hmac_end(&hmac, ret_mac);
	explicit_bzero(&hmac, sizeof(hmac));
}

static int run_cmac(struct kdf_operation *op, const struct piece *pieces, size_t count,
		    uint8_t *ret_mac)
{
	struct cmac_cipher *cipher = &op->unit->cipher;
	struct cmac cmac = op->keyed.cmac;
	int r = cmac_begin(&cmac, cipher);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = cmac_update(&cmac, cipher, pieces[i].bytes, pieces[i].len);
	if (r == 0)
		r = cmac_end(&cmac, cipher, ret_mac);
	cmac_cipher_reset(cipher);
	explicit_bzero(&cmac, sizeof(cmac));
	return r;
}

static int run_prf(struct kdf_operation *op, const struct piece *pieces, size_t count,
		   uint8_t *ret_mac)
{
	if (op->request.prf == MAC_CMAC_AES)
		return run_cmac(op, pieces, count, ret_mac);
	run_hmac(&op->keyed.hmac, pieces, count, ret_mac);
	return 0;
}

/* --- in --------------------------------------------------------------------------------------- */

static int pull_text(struct kdf_operation *op,
		     int (*pull)(struct kdf_client *client, uint8_t *bytes, size_t len), size_t len)
{
	int r = len ? hil_answer(pull(op->client, op->text + op->text_length, len)) : 0;

	op->text_length += len;
	return r;
}

/* RFC 5869, section 2.2: the salt is the key of the hash of the key. */
static void extract(struct kdf_operation *op, const uint8_t *key, uint8_t *ret_prk)
{
	struct piece piece = {key, op->request.key_size};

	set_hmac_key(op, op->text, op->text_length);
	run_hmac(&op->keyed.hmac, &piece, 1, ret_prk);
	explicit_bzero(op->text, op->text_length);
	op->text_length = 0;
}

static void use_key(struct kdf_operation *op, const uint8_t *key)
{
	uint8_t prk[MAC_SIZE_MAX];

	switch (op->request.method) {
	case KDF_HKDF:
		extract(op, key, prk);
		set_hmac_key(op, prk, block_size(op));
		explicit_bzero(prk, sizeof(prk));
		break;
	case KDF_HKDF_EXTRACT:
		extract(op, key, op->block);
		op->blocks = 1;
		break;
	default:
		set_key(op, key, op->request.key_size);
	}
}

/* What the capsule has checked; here it holds whoever asks. */
static int fetch_key(struct kdf_operation *op, uint8_t ret_key[KDF_KEY_SIZE_MAX])
{
	bool is_cmac = op->request.prf == MAC_CMAC_AES;
	struct hwkey_attributes attributes;
	int r;

	if (op->request.key.kind == HIL_KEY_BYTES)
		return hil_answer(
			op->client->ops->pull_key(op->client, ret_key, op->request.key_size));
	r = vault_take(op->task.host->vault, &op->request.key,
		       is_cmac ? HWKEY_OF_AES : HWKEY_OF_SECRET, HWKEY_AGREE, ret_key,
		       KDF_KEY_SIZE_MAX, &attributes);
	if (r == 0 && attributes.policy & HWKEY_ENGINE_IV)
		r = -PLUTON_EINVAL;
	if (r == 0)
		op->request.key_size = attributes.size;
	return r;
}

static int take_key(struct kdf_operation *op)
{
	uint8_t key[KDF_KEY_SIZE_MAX];
	int r = fetch_key(op, key);

	if (r == 0)
		use_key(op, key);
	explicit_bzero(key, sizeof(key));
	return r;
}

static void add_text(struct kdf_operation *op, const void *bytes, size_t len)
{
	memcpy(op->text + op->text_length, bytes, len);
	op->text_length += len;
}

static int take(struct kdf_operation *op)
{
	const struct kdf_client_ops *ops = op->client->ops;
	const struct kdf_request *request = &op->request;
	uint8_t bits[4];
	int r = pull_text(op, ops->pull_salt, request->salt_length);

	op->taken = true;
	if (r == 0)
		r = take_key(op);
	if (r == 0)
		r = pull_text(op, ops->pull_label, request->label_length);
	if (r == 0 && request->method == KDF_COUNTER)
		add_text(op, "", 1);
	if (r == 0)
		r = pull_text(op, ops->pull_info, request->info_length);
	if (r == 0 && request->method == KDF_COUNTER) {
		write_be32(bits, (uint32_t)request->length * 8);
		add_text(op, bits, sizeof(bits));
	}
	return r;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* RFC 5869, section 2.3. */
static int expand(struct kdf_operation *op)
{
	uint8_t number = (uint8_t)op->blocks;
	const struct piece pieces[] = {
		{op->block, op->blocks > 1 ? block_size(op) : 0},
		{op->text, op->text_length},
		{&number, 1},
	};

	return run_prf(op, pieces, 3, op->block);
}

/* SP 800-108r1, section 4.1. */
static int count(struct kdf_operation *op)
{
	const struct piece pieces[] = {
		{op->number, sizeof(op->number)},
		{op->text, op->text_length},
	};

	return run_prf(op, pieces, 2, op->block);
}

/* RFC 8018, section 5.2: U_1. */
static void begin_rounds(struct kdf_operation *op)
{
	const struct piece pieces[] = {
		{op->text, op->text_length},
		{op->number, sizeof(op->number)},
	};

	run_hmac(&op->keyed.hmac, pieces, 2, op->block);
	memcpy(op->round, op->block, block_size(op));
	op->rounds = 1;
}

/* U_j, each the PRF of the one before, added up. */
static void do_rounds(struct kdf_operation *op, uint32_t count_max)
{
	size_t size = block_size(op);
	uint32_t left = op->request.iterations - op->rounds;
	uint32_t todo = left < count_max ? left : count_max;
	struct hmac hmac;

	for (uint32_t i = 0; i < todo; i++) {
		hmac = op->keyed.hmac;
		hmac_update(&hmac, op->round, size);
		hmac_end(&hmac, op->round);
		for (size_t k = 0; k < size; k++)
			op->block[k] ^= op->round[k];
	}
	op->rounds += todo;
	explicit_bzero(&hmac, sizeof(hmac));
}

static int do_rounds_elsewhere(struct work *work)
{
	do_rounds(TASK_OWNER(TASK_OF_WORK(work), struct kdf_operation), ROUNDS_AT_ONCE);
	return 0;
}

static int stretch(struct kdf_operation *op)
{
	uint32_t left = op->request.iterations - op->rounds;
	size_t count_max = op->task.budget / ROUND_COST + 1;

	if (left == 0)
		return TASK_DONE;
	if (left > KDF_SLICE / ROUND_COST && task_wants_worker_whole(&op->task))
		return task_to_worker(&op->task, do_rounds_elsewhere);
	do_rounds(op, count_max < left ? (uint32_t)count_max : left);
	task_spend(&op->task, (size_t)ROUND_COST * (left < count_max ? left : count_max));
	return op->rounds < op->request.iterations ? TASK_AGAIN : TASK_DONE;
}

static int make_block(struct kdf_operation *op)
{
	task_spend(&op->task, BLOCK_COST);
	write_be32(op->number, ++op->blocks);
	op->pushed = 0;
	switch (op->request.method) {
	case KDF_HKDF:
	case KDF_HKDF_EXPAND:
		return expand(op);
	case KDF_PBKDF2:
		begin_rounds(op);
		return 0;
	default:
		return count(op);
	}
}

/* --- out -------------------------------------------------------------------------------------- */

static int push_block(struct kdf_operation *op)
{
	size_t size = block_size(op);

	while (op->pushed < size && op->cursor < op->request.length) {
		size_t left = op->request.length - op->cursor;
		size_t piece = task_piece(&op->task, left, size - op->pushed);
		ssize_t n;

		if (piece == 0)
			return TASK_AGAIN;
		n = hil_count(op->client->ops->push_output(op->client, op->block + op->pushed,
							   piece, op->cursor),
			      piece);
		if (n < 0)
			return (int)n;
		op->pushed += (size_t)n;
		op->cursor += (size_t)n;
		task_spend(&op->task, (size_t)n);
	}
	return TASK_DONE;
}

/* The next block where the last one is out. */
static int give(struct kdf_operation *op)
{
	int r = 0;

	if (op->blocks == 0 || op->pushed == block_size(op)) {
		if (task_piece(&op->task, 1, 1) == 0)
			return TASK_AGAIN;
		r = make_block(op);
	}
	if (r == 0 && op->request.method == KDF_PBKDF2)
		r = stretch(op);
	return r == TASK_DONE ? push_block(op) : r;
}

/* --- the task --------------------------------------------------------------------------------- */

static int advance(struct task *task)
{
	struct kdf_operation *op = TASK_OWNER(task, struct kdf_operation);
	int r = op->taken ? 0 : take(op);

	while (r == TASK_DONE && op->cursor < op->request.length)
		r = give(op);
	return r;
}

static void finish(struct task *task, int result)
{
	struct kdf_operation *op = TASK_OWNER(task, struct kdf_operation);
	struct kdf_client *client = op->client;

	op->unit->slow -= hil_is_slow(&op->unit->engine.head, &op->request);
	explicit_bzero((char *)op + offsetof(struct kdf_operation, client),
		       sizeof(*op) - offsetof(struct kdf_operation, client));
	client->ops->done(client, result);
}

/* --- the engine ------------------------------------------------------------------------------- */

static struct kdf_unit *unit_of(struct kdf_engine *engine)
{
	return (struct kdf_unit *)(void *)engine;
}

static int start(struct kdf_engine *engine, const struct kdf_request *request,
		 struct kdf_client *client)
{
	struct kdf_unit *unit = unit_of(engine);
	bool is_slow = hil_is_slow(&engine->head, request);
	struct kdf_operation *op;
	struct task *task;
	int r = kdf_check(&engine->head, request);

	if (r == 0 && is_slow && unit->slow == engine->head.slow)
		r = -PLUTON_EBUSY;
	if (r == 0)
		r = task_begin(&unit->tasks, client, &task);
	if (r < 0)
		return r;
	unit->slow += is_slow;
	op = TASK_OWNER(task, struct kdf_operation);
	op->client = client;
	op->request = *request;
	return 0;
}

static int cancel(struct kdf_engine *engine, struct kdf_client *client)
{
	return task_cancel(&unit_of(engine)->tasks, client);
}

static const struct kdf_engine_ops ops = {start, cancel};

static struct kdf_engine make_engine(uint64_t rounds_max)
{
	uint32_t hmacs = hash_algorithms(); /* the same numbers */
	uint32_t all = hmacs | 1u << MAC_CMAC_AES;

	return (struct kdf_engine){
		.head = {.name = "openssl",
			 .kind = HIL_KDF,
			 .level = HIL_LEVEL_KDF,
			 .concurrency = TASKS_PER_ENGINE,
			 .share = TASK_SHARE},
		.caps = {.prfs = {[KDF_HKDF] = hmacs,
				  [KDF_HKDF_EXTRACT] = hmacs,
				  [KDF_HKDF_EXPAND] = hmacs,
				  [KDF_COUNTER] = all,
				  [KDF_COUNTER_FIXED] = all,
				  [KDF_PBKDF2] = hmacs},
			 .key_slots = true,
			 .key_size_max = KDF_KEY_SIZE_MAX,
			 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
			 .salt_max = KDF_SALT_MAX,
			 .label_max = KDF_LABEL_MAX,
			 .info_max = KDF_INFO_MAX,
			 .length_max = KDF_LENGTH_MAX,
			 .rounds_max = rounds_max,
			 .rounds_key = KDF_ROUNDS_KEY},
		.ops = &ops,
	};
}

int kdf_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct kdf_unit *unit = calloc(1, sizeof(*unit));
	int r;

	if (!unit)
		return -PLUTON_ENOMEM;
	unit->engine = make_engine(host->environment->pbkdf2_rounds_max);
	unit->engine.head.slow = host->workers.count > 1 ? KDF_SLOW : 1;
	unit->engine.head.vault = &host->vault->vault;
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		unit->operations[i].unit = unit;
		task_init(&unit->operations[i].task, &unit->tasks, host, KDF_SLICE, advance,
			  finish);
	}
	r = cmac_cipher_open(&unit->cipher, host->options.properties);
	if (r < 0) {
		kdf_engine_close(&unit->engine.head);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}

void kdf_engine_close(struct hil_engine *engine)
{
	struct kdf_unit *unit = (struct kdf_unit *)(void *)engine;

	if (!unit)
		return;
	cmac_cipher_close(&unit->cipher);
	free(unit);
}
