/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aes capsule: encryption and decryption in one shot or as streams. Every byte goes between the
 * client's memory and the engine; between the updates of a stream the engine's state, which holds
 * the key, lies in the client's grant.
 */
#include <string.h>

#include "hil/aes.h"
#include "hil/hwkey-slot.h"
#include "svc/capsule-half.h"

enum { SLOT_KEY, SLOT_IV, SLOT_AAD, SLOT_INPUT, SLOT_OUTPUT, SLOT_TAG };
enum { WORD_MODE = 0, WORD_DIRECTION = 1 }; /* Begin */
enum { WORD_KEY_SLOT = 1 };		    /* Encrypt, Decrypt, BeginEncrypt … */
enum { WORD_STREAM = 0 };		    /* Update, Finish, Abort */
enum { PORT_AES = 0, PORT_HWKEY = 1 };

/* Commands name CTR's width in the mode, so that two words are enough. Never renumber. */
enum { MODE_CTR = AES_CTR, MODE_CTR32 = 6 };

static const struct enum_name modes[] = {
	{AES_ECB, "ecb"}, {AES_CBC, "cbc"},	 {MODE_CTR, "ctr"}, {AES_GCM, "gcm"},
	{AES_CCM, "ccm"}, {MODE_CTR32, "ctr32"}, {0, NULL},
};

/* What every start of a stream has in common: kept with the stream. */
struct aes_shape {
	struct aes_engine *engine; /* the state is its own, no other engine can take it */
	uint8_t mode;
	uint8_t direction;
	uint8_t ctr_bits;
	uint8_t key_size;
	uint8_t iv_size;
	struct hil_key_ref key;
};
static_assert(sizeof(struct aes_shape) <= STREAM_ABOUT_MAX, "a stream has room for it");

struct aes_operation {
	struct aes_client client;
	struct operation *op;
	struct aes_engine *engine;
	struct aes_request request;
	uint32_t stream; /* in use unless one-shot */
};

CAPSULE_OF_CLIENT(aes)

/* --- streams --------------------------------------------------------------------------------- */

static int open_stream(struct aes_operation *state)
{
	const struct aes_request *request = &state->request;
	const struct aes_shape shape = {
		.engine = state->engine,
		.mode = (uint8_t)request->mode,
		.direction = (uint8_t)request->direction,
		.ctr_bits = (uint8_t)request->ctr_bits,
		.key_size = (uint8_t)request->key_size,
		.iv_size = (uint8_t)request->iv_size,
		.key = request->key,
	};

	return stream_open(state->op, &shape, sizeof(shape), state->engine->caps.state_bytes,
			   &state->stream);
}

static int claim_stream(struct aes_operation *state)
{
	struct aes_shape shape;
	int r;

	state->stream = op_word(state->op, WORD_STREAM);
	r = stream_claim(state->op, state->stream, &shape, sizeof(shape));
	if (r < 0)
		return r;
	state->engine = shape.engine;
	state->request.mode = shape.mode;
	state->request.direction = shape.direction;
	state->request.ctr_bits = shape.ctr_bits;
	state->request.key = shape.key;
	state->request.key_size = shape.key_size;
	state->request.iv_size = shape.iv_size;
	state->request.tag_size = aes_is_aead(shape.mode) ? AES_TAG_SIZE : 0;
	return 0;
}

/* The engine may keep something that the state stands for (GCM): it is told first. */
static void close_stream(struct aes_operation *state)
{
	struct aes_engine *engine = state->engine;
	uint8_t exported[AES_STATE_MAX];

	if (engine->ops->forget &&
	    stream_load(state->op, state->stream, exported, engine->caps.state_bytes) == 0)
		engine->ops->forget(engine, state->request.owner, exported,
				    engine->caps.state_bytes);
	explicit_bzero(exported, sizeof(exported));
	stream_close(state->op, state->stream);
}

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(aes, pull_input, SLOT_INPUT)
CAPSULE_PUSHES(aes, push_output, SLOT_OUTPUT)
CAPSULE_PULLS(aes, pull_aad, SLOT_AAD)
CAPSULE_PULLS_WHOLE(aes, pull_key, SLOT_KEY)
CAPSULE_PULLS_WHOLE(aes, pull_iv, SLOT_IV)
CAPSULE_PULLS_WHOLE(aes, pull_tag, SLOT_TAG)
CAPSULE_PUSHES_WHOLE(aes, push_iv, SLOT_IV)
CAPSULE_PUSHES_WHOLE(aes, push_tag, SLOT_TAG)
CAPSULE_KEEPS_STATE(aes)

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

static void done(struct aes_client *client, int result)
{
	struct aes_operation *state = of_client(client);
	bool streaming = state->request.phase != HIL_ONE_SHOT;
	bool lives = streaming && result == 0 && !(state->request.phase & HIL_LAST);

	if (lives)
		stream_park(state->op, state->stream);
	else if (streaming)
		close_stream(state);
	if (hwkey_slot_is_gone(&state->engine->head, &state->request.key, result))
		op_fail(state->op, result, KEY_SLOT_EMPTIED);
	else
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

/* Bytes of iv; CTR's is the initial counter block. ECB ignores the slot, as other modes do tags. */
static const struct {
	size_t min;
	size_t max;
} iv_sizes[AES_MODES] = {
	[AES_CBC] = {AES_BLOCK_SIZE, AES_BLOCK_SIZE},
	[AES_CTR] = {AES_BLOCK_SIZE, AES_BLOCK_SIZE},
	[AES_GCM] = {AES_GCM_IV_SIZE, AES_GCM_IV_SIZE},
	[AES_CCM] = {AES_CCM_IV_SIZE_MIN, AES_CCM_IV_SIZE_MAX},
};

static int check_lengths(struct operation *op)
{
	if (op_length(op, SLOT_INPUT) == op_length(op, SLOT_OUTPUT))
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes and output %zu",
			 op_length(op, SLOT_INPUT), op_length(op, SLOT_OUTPUT));
}

/* A tag that another command of a standing operation needs may stay: CTR has none. */
static int check_tag(struct operation *op, enum aes_mode mode)
{
	size_t size = op_length(op, SLOT_TAG);

	if (!aes_is_aead(mode) || aes_is_tag_size(mode, size))
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "tag has %zu bytes, %s needs %s", size,
			 enum_name_of(modes, mode),
			 mode == AES_CCM ? "4, 6, 8, 10, 12, 14 or 16" : "16");
}

static int check_iv(struct operation *op, enum aes_mode mode)
{
	const char *name = enum_name_of(modes, mode);
	size_t size = op_length(op, SLOT_IV);
	size_t min = iv_sizes[mode].min, max = iv_sizes[mode].max;

	if (max == 0 || (size >= min && size <= max))
		return 0;
	if (min == max)
		return op_refuse(op, -PLUTON_ESIZE, "iv has %zu bytes, %s needs %zu", size, name,
				 min);
	return op_refuse(op, -PLUTON_ESIZE, "iv has %zu bytes, %s needs %zu to %zu", size, name,
			 min, max);
}

static int check_key(struct operation *op, size_t size)
{
	if (size == 16 || size == 24 || size == 32)
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "key has %zu bytes, AES needs 16, 24 or 32", size);
}

static bool has(uint32_t mode_bits, enum aes_mode mode)
{
	return mode_bits >> mode & 1;
}

static int explain_nosupport(struct operation *op, const struct aes_caps *caps,
			     const struct aes_request *request)
{
	const char *mode = enum_name_of(modes, request->mode);
	bool streaming = request->phase != HIL_ONE_SHOT;

	if (!has(caps->modes, request->mode))
		return op_refuse(op, -PLUTON_ENOSUPPORT, "no aes engine does %s", mode);
	if (streaming && request->mode == AES_CCM)
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "ccm is no stream: its first block says how long the message is, "
				 "use Encrypt or Decrypt");
	if (streaming && aes_is_aead(request->mode) && request->direction == AES_DECRYPT)
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "%s decryption is no stream: its tag comes last, use Decrypt",
				 mode);
	if (request->engine_iv && !caps->engine_iv)
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "no aes engine makes an iv: use Encrypt with one of your own");
	if (streaming && !has(caps->stream_modes, request->mode))
		return op_refuse(op, -PLUTON_ENOSUPPORT, "no aes engine does %s in a stream", mode);
	if (request->key.kind == HIL_KEY_SLOT)
		return op_refuse(op, -PLUTON_ENOSUPPORT, KEY_SLOT_NOT_REACHED, "aes");
	return op_refuse(op, -PLUTON_ENOSUPPORT, "no aes engine takes a key of %zu bytes",
			 request->key_size);
}

static int explain_size(struct operation *op, const struct aes_caps *caps,
			const struct aes_request *request)
{
	if (request->aad_length > caps->aad_max)
		return op_refuse(op, -PLUTON_ESIZE,
				 "aad has %zu bytes, the aes engine takes at most %zu",
				 request->aad_length, caps->aad_max);
	if (request->length > caps->length_max)
		return op_refuse(op, -PLUTON_ESIZE,
				 "input has %zu bytes, the aes engine takes at most %zu at once",
				 request->length, caps->length_max);
	if (aes_is_aead(request->mode) && request->direction == AES_DECRYPT &&
	    request->length > caps->aead_scratch && !request->input_sealed)
		return op_refuse(op, -PLUTON_ESIZE,
				 "input has %zu bytes, aead_scratch is %zu: seal the input "
				 "against writing, or send less",
				 request->length, caps->aead_scratch);
	if (request->mode == AES_CCM)
		return op_refuse(
			op, -PLUTON_ESIZE,
			"input has %zu bytes, ccm with an iv of %zu takes fewer than 2^%zu",
			request->length, request->iv_size, 8 * (15 - request->iv_size));
	return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes, %s %s", request->length,
			 enum_name_of(modes, request->mode),
			 request->mode == AES_ECB || request->mode == AES_CBC
				 ? "needs whole blocks of 16"
				 : "does not take as many");
}

/* 0, or why this engine refuses the request. */
static int explain(const struct aes_operation *state, const struct aes_caps *caps, int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		return explain_nosupport(state->op, caps, &state->request);
	if (error == -PLUTON_ESIZE)
		return explain_size(state->op, caps, &state->request);
	return error;
}

CAPSULE_SELECTS(aes, PORT_AES, "there is no aes engine")

/* --- commands -------------------------------------------------------------------------------- */

CAPSULE_TURNS_ENDED_BY(aes, done)

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

/* Of a key whose IVs the engine makes, no other IV is ever used. */
static int check_policy(struct operation *op, const struct aes_request *request, uint32_t number)
{
	if (request->mode == AES_GCM && (request->direction == AES_DECRYPT || request->engine_iv))
		return 0;
	return op_refuse(op, -PLUTON_EINVAL,
			 request->mode == AES_GCM
				 ? "key slot %u takes no iv from outside: let the engine make "
				   "it (EncryptFresh)"
				 : "key slot %u is for gcm only: its policy forbids anything else",
			 number);
}

/* The key's bytes, or the slot it is in. */
static int find_key(struct aes_operation *state, uint32_t number)
{
	struct aes_request *request = &state->request;
	bool encrypts = request->direction == AES_ENCRYPT;
	const struct hwkey_wish wish = {.number = number,
					.bytes = SLOT_KEY,
					.port = PORT_HWKEY,
					.family = HWKEY_OF_AES,
					.usage = encrypts ? HWKEY_ENCRYPT : HWKEY_DECRYPT};
	struct hwkey_attributes attributes;
	int r = hwkey_take_wish(state->op, &wish, &request->key, &attributes);

	if (r < 0)
		return r;
	if (request->key.kind == HIL_KEY_BYTES) {
		request->key_size = op_length(state->op, SLOT_KEY);
		return check_key(state->op, request->key_size);
	}
	request->key_size = attributes.size;
	return attributes.policy & HWKEY_ENGINE_IV ? check_policy(state->op, request, number) : 0;
}

/* For a first start: what the slots and words say. Slots that the mode has no use for are not. */
static int describe(struct aes_operation *state, enum aes_direction direction, uint32_t key_slot)
{
	struct operation *op = state->op;
	struct aes_request *request = &state->request;
	uint32_t mode = op_word(op, WORD_MODE);
	int r;

	request->mode = mode == MODE_CTR32 ? AES_CTR : mode;
	request->ctr_bits = mode == MODE_CTR32 ? 32 : mode == MODE_CTR ? 128 : 0;
	request->direction = direction;
	if (request->mode != AES_ECB && request->mode != AES_CTR)
		request->iv_size = op_length(op, SLOT_IV);
	if (aes_is_aead(request->mode)) {
		request->aad_length = op_length(op, SLOT_AAD);
		request->tag_size = AES_TAG_SIZE;
	}
	r = find_key(state, key_slot);
	return r < 0 ? r : check_iv(op, request->mode);
}

static int run_one_shot(struct aes_operation *state, enum aes_direction direction)
{
	struct operation *op = state->op;
	int r = describe(state, direction, op_word(op, WORD_KEY_SLOT));

	if (r == 0)
		r = check_lengths(op);
	if (r == 0)
		r = check_tag(op, state->request.mode);
	if (r == 0 && aes_is_aead(state->request.mode))
		state->request.tag_size = op_length(op, SLOT_TAG);
	if (r == 0)
		r = select_engine(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int one_shot(struct operation *op, enum aes_direction direction)
{
	return run_one_shot(prepare(op, HIL_ONE_SHOT), direction);
}

static int encrypt(struct operation *op)
{
	return one_shot(op, AES_ENCRYPT);
}

static int decrypt(struct operation *op)
{
	return one_shot(op, AES_DECRYPT);
}

/* The engine makes the IV: nobody can say one twice. */
static int encrypt_fresh(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_ONE_SHOT);

	if (op_word(op, WORD_MODE) != AES_GCM)
		return op_refuse(op, -PLUTON_ENOSUPPORT, "only gcm has ivs that the engine makes");
	state->request.engine_iv = true;
	return run_one_shot(state, AES_ENCRYPT);
}

static int begin_stream(struct operation *op, enum aes_direction direction, uint32_t key_slot)
{
	struct aes_operation *state = prepare(op, HIL_FIRST);
	int r = describe(state, direction, key_slot);

	if (r == 0)
		r = select_engine(state);
	if (r == 0)
		r = open_stream(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int begin(struct operation *op)
{
	return begin_stream(op, op_word(op, WORD_DIRECTION), 0);
}

static int begin_encrypt(struct operation *op)
{
	return begin_stream(op, AES_ENCRYPT, op_word(op, WORD_KEY_SLOT));
}

static int begin_decrypt(struct operation *op)
{
	return begin_stream(op, AES_DECRYPT, op_word(op, WORD_KEY_SLOT));
}

CAPSULE_GOES_ON(aes)

static int update(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_MIDDLE);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, check_lengths(op));
}

static int finish(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_LAST);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, check_tag(op, state->request.mode));
}

static int abort_stream(struct operation *op)
{
	struct aes_operation *state = prepare(op, HIL_LAST);
	int r = claim_stream(state);

	if (r < 0)
		return r;
	close_stream(state);
	op_done(op, 0, 0, 0);
	return 0;
}

static const struct enum_name directions[] = {
	{AES_ENCRYPT, "encrypt"},
	{AES_DECRYPT, "decrypt"},
	{0, NULL},
};

#define KEY                                                                                        \
	{                                                                                          \
		"key", SLOT_RO, 16, AES_KEY_SIZE_MAX, true,                                        \
			"16, 24 or 32 bytes; absent: the one in key_slot"                          \
	}
#define IV                                                                                         \
	{                                                                                          \
		"iv", SLOT_RO, 7, 16, true,                                                        \
			"CBC, CTR (the initial counter block): 16 bytes; GCM: 12; CCM: 7 to 13"    \
	}
#define AAD                                                                                        \
	{                                                                                          \
		"aad", SLOT_RO, 1, 0, true, "what is authenticated but not encrypted"              \
	}
#define INPUT                                                                                      \
	{                                                                                          \
		"input", SLOT_RO, 1, 0, true,                                                      \
			"absent: no data; ECB and CBC: whole blocks of 16 bytes"                   \
	}
#define OUTPUT                                                                                     \
	{                                                                                          \
		"output", SLOT_RW, 1, 0, true, "as long as input"                                  \
	}
#define TAG_DOC "GCM: 16 bytes; CCM: 4, 6, 8, 10, 12, 14 or 16"
#define TAG_OUT                                                                                    \
	{                                                                                          \
		"tag", SLOT_RW, AES_TAG_SIZE_MIN, AES_TAG_SIZE, true, TAG_DOC                      \
	}
#define TAG_IN                                                                                     \
	{                                                                                          \
		"tag", SLOT_RO, AES_TAG_SIZE_MIN, AES_TAG_SIZE, true, TAG_DOC                      \
	}
#define MODE                                                                                       \
	{                                                                                          \
		"mode", modes, "ctr counts in the whole block, ctr32 in its last 32 bits"          \
	}
#define DIRECTION                                                                                  \
	{                                                                                          \
		"direction", directions, ""                                                        \
	}
#define KEY_SLOT                                                                                   \
	{                                                                                          \
		"key_slot", NULL, KEY_SLOT_WORD_DOC                                                \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Encrypt",
		.doc = "encrypts one message",
		.words = {[WORD_MODE] = MODE, [WORD_KEY_SLOT] = KEY_SLOT},
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
		.words = {[WORD_MODE] = MODE, [WORD_KEY_SLOT] = KEY_SLOT},
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
		.doc = "opens a stream for a message in pieces (not GCM decryption, not CCM)",
		.answers = {"stream"},
		.words = {[WORD_MODE] = MODE, [WORD_DIRECTION] = DIRECTION},
		.slots = {[SLOT_KEY] = KEY, [SLOT_IV] = IV, [SLOT_AAD] = AAD},
		.run = begin,
	},
	{
		.number = 4,
		.name = "Update",
		.doc = "one piece; one that fails or is cancelled in its turn closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM_WORD},
		.slots = {[SLOT_INPUT] = INPUT, [SLOT_OUTPUT] = OUTPUT},
		.run = update,
	},
	{
		.number = 5,
		.name = "Finish",
		.doc = "gives the tag, if the mode has one, and closes the stream",
		.answers = {"stream"},
		.words = {[WORD_STREAM] = STREAM_WORD},
		.slots = {[SLOT_TAG] = TAG_OUT},
		.run = finish,
	},
	{
		.number = 6,
		.name = "Abort",
		.doc = "closes the stream",
		.words = {[WORD_STREAM] = STREAM_WORD},
		.run = abort_stream,
	},
	{
		.number = 7,
		.name = "BeginEncrypt",
		.doc = "Begin, with a key that may be in a slot",
		.answers = {"stream"},
		.words = {[WORD_MODE] = MODE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY, [SLOT_IV] = IV, [SLOT_AAD] = AAD},
		.run = begin_encrypt,
	},
	{
		.number = 8,
		.name = "BeginDecrypt",
		.doc = "Begin, with a key that may be in a slot (not GCM, not CCM)",
		.answers = {"stream"},
		.words = {[WORD_MODE] = MODE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY, [SLOT_IV] = IV, [SLOT_AAD] = AAD},
		.run = begin_decrypt,
	},
	{
		.number = 9,
		.name = "EncryptFresh",
		.doc = "encrypts one message in GCM with a random iv that the engine makes",
		.words = {[WORD_MODE] = MODE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY,
			  [SLOT_IV] = {"iv", SLOT_RW, AES_GCM_IV_SIZE, AES_GCM_IV_SIZE, false,
				       "gets the iv"},
			  [SLOT_AAD] = AAD,
			  [SLOT_INPUT] = INPUT,
			  [SLOT_OUTPUT] = OUTPUT,
			  [SLOT_TAG] = TAG_OUT},
		.run = encrypt_fresh,
	},
};

extern const struct capsule aes_capsule;
const struct capsule aes_capsule = {
	.name = "aes",
	.interface = "Aes",
	.doc = "AES: FIPS 197, NIST SP 800-38A, 38C and 38D.",
	.driver = 0x40006,
	.state_size = sizeof(struct aes_operation),
	.grant_size = STREAM_SIZE(AES_STATE_MAX),
	.ports = 2,
	.port_kinds = {HIL_AES, HIL_HWKEY},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
