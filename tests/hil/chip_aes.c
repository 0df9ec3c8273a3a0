/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's AES unit. It can hold one buffer of unverified plaintext; a longer message is
 * decrypted only from memory that cannot change any more, in two passes: the tag, then the
 * plaintext.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/chip_unit.h"
#include "tests/hil/cipher.h"

#define CHIP_AES_MAX (1u << 20)
#define CHIP_STREAM_MODES (1u << AES_ECB | 1u << AES_CBC | 1u << AES_CTR | 1u << AES_GCM)

struct operation {
	struct aes_client *client;
	struct aes_request request;
	enum aes_step steps[AES_STEPS_MAX];
	unsigned at;
	size_t aad_taken;
	size_t taken; /* bytes of input */
	size_t given; /* bytes of output */
	size_t filled;
	size_t drained;
	const uint8_t *sealed; /* all of the input, on loan for both passes */
	struct cipher state;
	uint8_t tag[AES_TAG_SIZE];
	uint8_t buffer[CHIP_BUFFER_SIZE];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");
static_assert(sizeof(struct cipher) <= AES_STATE_MAX, "the state is too big to be exported");

struct chip_aes {
	struct aes_engine engine;
	struct chip_unit unit;
	struct operation operation;
};

static struct chip_aes *of_unit(struct chip_unit *unit)
{
	return (struct chip_aes *)(void *)((char *)unit - offsetof(struct chip_aes, unit));
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Ends the step that moved something whole. */
static int next_step(struct operation *operation, int answer)
{
	operation->at++;
	return answer < 0 ? answer : CHIP_GOES_ON;
}

/* --- what moves whole ------------------------------------------------------------------------ */

static int pull_key(struct operation *operation)
{
	uint8_t key[AES_KEY_SIZE_MAX];
	size_t key_size = operation->request.key_size;
	int r = operation->client->ops->pull_key(operation->client, key, key_size);

	if (r >= 0)
		cipher_init(&operation->state, key, key_size);
	explicit_bzero(key, sizeof(key));
	return next_step(operation, r);
}

static void set_ccm_iv(struct operation *operation, const uint8_t *iv)
{
	const struct aes_request *request = &operation->request;
	const struct cipher_ccm about = {request->iv_size, request->tag_size, request->aad_length,
					 request->length};

	cipher_set_ccm_iv(&operation->state, iv, &about);
}

static int pull_iv(struct operation *operation)
{
	uint8_t iv[AES_BLOCK_SIZE];
	int r = operation->client->ops->pull_iv(operation->client, iv, operation->request.iv_size);

	if (r >= 0 && operation->request.mode == AES_CBC)
		cipher_set_cbc_iv(&operation->state, iv);
	else if (r >= 0 && operation->request.mode == AES_CCM)
		set_ccm_iv(operation, iv);
	else if (r >= 0)
		cipher_set_gcm_iv(&operation->state, iv);
	return next_step(operation, r);
}

/* A counter that would wrap is found before the first byte of data. */
static int check_room(const struct operation *operation)
{
	bool counts = operation->request.mode == AES_CTR || operation->request.mode == AES_GCM;
	bool has_room = cipher_has_room(&operation->state, operation->request.length);

	return !counts || has_room ? CHIP_GOES_ON : -PLUTON_ESIZE;
}

static int pull_ctr(struct operation *operation)
{
	uint8_t ctr[AES_BLOCK_SIZE];
	int r = operation->client->ops->pull_ctr(operation->client, ctr, sizeof(ctr));

	if (r < 0)
		return r;
	cipher_set_ctr(&operation->state, ctr, operation->request.ctr_bits);
	operation->at++;
	return check_room(operation);
}

static int pull_tag(struct operation *operation)
{
	return next_step(operation,
			 operation->client->ops->pull_tag(operation->client, operation->tag,
							  operation->request.tag_size));
}

static int push_tag(struct operation *operation)
{
	uint8_t tag[AES_TAG_SIZE];

	cipher_tag(&operation->state, tag);
	return next_step(operation, operation->client->ops->push_tag(operation->client, tag,
								     operation->request.tag_size));
}

static int pull_state(struct operation *operation)
{
	int r = operation->client->ops->pull_state(operation->client, (uint8_t *)&operation->state,
						   sizeof(operation->state));

	if (r < 0)
		return r;
	operation->at++;
	return check_room(operation);
}

static int push_state(struct operation *operation)
{
	return next_step(operation, operation->client->ops->push_state(
					    operation->client, (const uint8_t *)&operation->state,
					    sizeof(operation->state)));
}

/* --- what moves in pieces -------------------------------------------------------------------- */

static int pull_aad(struct operation *operation, size_t buffer)
{
	size_t left = operation->request.aad_length - operation->aad_taken;
	size_t len = smaller(left, buffer);
	ssize_t n = operation->client->ops->pull_aad(operation->client, operation->buffer, len,
						     operation->aad_taken);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	cipher_hash_aad(&operation->state, operation->buffer, (size_t)n);
	operation->aad_taken += (size_t)n;
	if (operation->aad_taken == operation->request.aad_length)
		operation->at++;
	return CHIP_GOES_ON;
}

/* Fills the buffer behind what is in it. */
static ssize_t pull_input(struct operation *operation, size_t len)
{
	ssize_t n = operation->client->ops->pull_input(
		operation->client, operation->buffer + operation->filled, len, operation->taken);

	n = chip_count(n, len);
	if (n < 0)
		return n;
	operation->filled += (size_t)n;
	operation->taken += (size_t)n;
	return n;
}

static int push_output(struct operation *operation)
{
	size_t len = operation->filled - operation->drained;
	ssize_t n = operation->client->ops->push_output(
		operation->client, operation->buffer + operation->drained, len, operation->given);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	operation->drained += (size_t)n;
	operation->given += (size_t)n;
	if (operation->given == operation->request.length)
		operation->at++;
	return CHIP_GOES_ON;
}

static void transform(struct operation *operation)
{
	bool encrypts = operation->request.direction == AES_ENCRYPT;
	struct cipher *state = &operation->state;

	switch (operation->request.mode) {
	case AES_ECB:
		cipher_ecb(state, encrypts, operation->buffer, operation->filled);
		break;
	case AES_CBC:
		cipher_cbc(state, encrypts, operation->buffer, operation->filled);
		break;
	case AES_CTR:
		cipher_crypt(state, operation->buffer, operation->filled);
		break;
	default:
		cipher_seal(state, operation->buffer, operation->filled);
		break;
	}
}

/* Bytes that belong together: ECB and CBC fill the buffer up to whole blocks. */
static size_t unit_of(const struct operation *operation)
{
	bool has_blocks = operation->request.mode == AES_ECB || operation->request.mode == AES_CBC;

	return has_blocks ? AES_BLOCK_SIZE : 1;
}

static int take_data(struct operation *operation, size_t buffer)
{
	size_t left = operation->request.length - operation->taken;
	size_t unit = unit_of(operation);
	ssize_t n = pull_input(operation, smaller(left, buffer - operation->filled));

	if (n < 0)
		return (int)n;
	if (operation->filled % unit == 0)
		transform(operation);
	else
		operation->drained = operation->filled; /* nothing to give yet */
	return CHIP_GOES_ON;
}

static int move_data(struct operation *operation, size_t buffer)
{
	if (operation->drained < operation->filled)
		return push_output(operation);
	if (operation->filled % unit_of(operation) == 0)
		operation->filled = 0;
	operation->drained = 0;
	return take_data(operation, buffer);
}

/* --- authenticated decryption ---------------------------------------------------------------- */

/* Constant time: how many bytes of a tag are right is nobody's business. */
static int check_tag(struct operation *operation)
{
	uint8_t tag[AES_TAG_SIZE], difference = 0;

	cipher_tag(&operation->state, tag);
	for (size_t i = 0; i < operation->request.tag_size; i++)
		difference |= tag[i] ^ operation->tag[i];
	operation->at++;
	return difference ? -PLUTON_EINVAL : CHIP_GOES_ON;
}

static bool fits_buffer(const struct operation *operation, size_t buffer)
{
	return operation->request.length <= buffer;
}

/* Whole, and once: what the second pass gives is what the first one verified. */
static const uint8_t *borrow_sealed(const struct operation *operation)
{
	struct aes_client *client = operation->client;
	const uint8_t *memory = NULL;
	size_t len = 0;

	if (client->ops->lend_input)
		memory = client->ops->lend_input(client, 0, &len);
	return len == operation->request.length ? memory : NULL;
}

/* The first pass: for the tag alone, a buffer's plaintext at a time is made and thrown away. */
static int open_lent(struct operation *operation, size_t buffer)
{
	size_t len = operation->request.length;

	operation->sealed = borrow_sealed(operation);
	if (!operation->sealed)
		return -PLUTON_ESIZE;
	for (size_t i = 0; i < len; i += buffer) {
		size_t piece = smaller(len - i, buffer);

		memcpy(operation->buffer, operation->sealed + i, piece);
		cipher_open(&operation->state, operation->buffer, piece);
	}
	explicit_bzero(operation->buffer, sizeof(operation->buffer));
	operation->taken = len;
	return CHIP_GOES_ON;
}

/* The tag is right; the second pass begins the key stream anew. */
static int end_of_input(struct operation *operation, size_t buffer)
{
	if (!fits_buffer(operation, buffer))
		operation->state.crypted = 0;
	return check_tag(operation);
}

static int take_ciphertext(struct operation *operation, size_t buffer)
{
	size_t left = operation->request.length - operation->taken;
	ssize_t n;

	if (left == 0)
		return end_of_input(operation, buffer);
	if (!fits_buffer(operation, buffer))
		return open_lent(operation, buffer);
	n = pull_input(operation, left);
	if (n < 0)
		return (int)n;
	cipher_open(&operation->state, operation->buffer + operation->filled - n, (size_t)n);
	return CHIP_GOES_ON;
}

/* The second pass: what comes next of the sealed input, into the buffer. */
static void refill(struct operation *operation, size_t buffer)
{
	operation->drained = 0;
	operation->filled = smaller(operation->request.length - operation->given, buffer);
	memcpy(operation->buffer, operation->sealed + operation->given, operation->filled);
	cipher_crypt(&operation->state, operation->buffer, operation->filled);
}

/* The tag is right: only from here on there is plaintext. */
static int give_plaintext(struct operation *operation, size_t buffer)
{
	if (operation->state.crypted == operation->given)
		refill(operation, buffer);
	return push_output(operation);
}

/* --- the engine ------------------------------------------------------------------------------ */

/* An empty message has no input step, but a tag to check all the same. */
static int end_of_steps(struct operation *operation)
{
	bool verifies =
		operation->request.direction == AES_DECRYPT && aes_is_aead(operation->request.mode);
	int r = verifies && operation->request.length == 0 ? check_tag(operation) : CHIP_DONE;

	return r < 0 ? r : CHIP_DONE;
}

static int step(struct chip_unit *unit)
{
	struct operation *operation = &of_unit(unit)->operation;
	size_t buffer = unit->chip->options.buffer;

	switch (operation->steps[operation->at]) {
	case AES_STEP_KEY:
		return pull_key(operation);
	case AES_STEP_IV_IN:
		return pull_iv(operation);
	case AES_STEP_CTR:
		return pull_ctr(operation);
	case AES_STEP_AAD:
		return pull_aad(operation, buffer);
	case AES_STEP_TAG_IN:
		return pull_tag(operation);
	case AES_STEP_DATA:
		return move_data(operation, buffer);
	case AES_STEP_INPUT:
		return take_ciphertext(operation, buffer);
	case AES_STEP_OUTPUT:
		return give_plaintext(operation, buffer);
	case AES_STEP_TAG_OUT:
		return push_tag(operation);
	case AES_STEP_STATE_IN:
		return pull_state(operation);
	case AES_STEP_STATE_OUT:
		return push_state(operation);
	default:
		return end_of_steps(operation);
	}
}

static void finish(struct chip_unit *unit, int result)
{
	struct operation *operation = &of_unit(unit)->operation;
	struct aes_client *client = operation->client;

	explicit_bzero(operation, sizeof(*operation));
	client->ops->done(client, result);
}

static int start(struct aes_engine *engine, const struct aes_request *request,
		 struct aes_client *client)
{
	struct chip_aes *aes = (struct chip_aes *)(void *)engine;
	int r = aes_check(&engine->head, request);

	if (r < 0)
		return r;
	if (aes->unit.busy)
		return -PLUTON_EBUSY;
	aes->operation = (struct operation){.client = client, .request = *request};
	aes_steps(request, aes->operation.steps);
	chip_unit_begin(&aes->unit);
	return 0;
}

static int cancel(struct aes_engine *engine, struct aes_client *client)
{
	struct chip_aes *aes = (struct chip_aes *)(void *)engine;

	return aes->operation.client == client ? chip_unit_cancel(&aes->unit) : -PLUTON_EINVAL;
}

struct chip_aes *chip_aes_open(struct chip *chip)
{
	static const struct aes_engine_ops ops = {.start = start, .cancel = cancel};
	struct chip_aes *aes = calloc(1, sizeof(*aes));

	if (!aes)
		return NULL;
	aes->engine = (struct aes_engine){
		.head = {.name = "chip", .kind = HIL_AES, .level = HIL_LEVEL_AES, .concurrency = 1},
		.caps = {.modes = CHIP_STREAM_MODES | 1u << AES_CCM,
			 .stream_modes = CHIP_STREAM_MODES,
			 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
			 .length_max = CHIP_AES_MAX,
			 .aad_max = CHIP_AES_MAX,
			 .aead_scratch = chip->options.buffer,
			 .state_bytes = sizeof(struct cipher)},
		.ops = &ops,
	};
	chip_unit_init(&aes->unit, chip, step, finish);
	return aes;
}

struct hil_engine *chip_aes_engine(struct chip_aes *aes)
{
	return &aes->engine.head;
}

void chip_aes_close(struct chip_aes *aes)
{
	if (aes)
		deferred_call_drop(&aes->unit.tick);
	free(aes);
}
