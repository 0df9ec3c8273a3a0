/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capsules hmac and cmac: message authentication codes, made or verified, in one shot or as
 * streams. They differ in their HIL's kind, algorithms and keys, so they are one file. Between the
 * updates of a stream the engine's state, which holds the key, lies in the client's grant.
 */
#include "hil/hwkey-slot.h"
#include "hil/mac.h"
#include "svc/capsule-half.h"

enum { SLOT_KEY = 0, SLOT_INPUT = 1, SLOT_MAC = 2 };
enum { WORD_ALGORITHM = 0, WORD_STREAM = 0, WORD_KEY_SLOT = 1 };
enum { PORT_MAC = 0, PORT_HWKEY = 1 };

static const struct enum_name hashes[] = {
	{MAC_HMAC_SHA1, "sha1"},
	{MAC_HMAC_SHA224, "sha224"},
	{MAC_HMAC_SHA256, "sha256"},
	{MAC_HMAC_SHA384, "sha384"},
	{MAC_HMAC_SHA512, "sha512"},
	{MAC_HMAC_SHA3_256, "sha3-256"},
	{MAC_HMAC_SHA3_384, "sha3-384"},
	{MAC_HMAC_SHA3_512, "sha3-512"},
	{0, NULL},
};
static const struct enum_name ciphers[] = {{MAC_CMAC_AES, "aes"}, {0, NULL}};

/* What every start of a stream has in common: kept with the stream. */
struct mac_shape {
	struct mac_engine *engine; /* the state is its own, no other engine can take it */
	enum mac_algorithm algorithm;
	struct hil_key_ref key;
	size_t key_size;
};
static_assert(sizeof(struct mac_shape) <= STREAM_ABOUT_MAX, "a stream has room for it");

struct mac_operation {
	struct mac_client client;
	struct operation *op;
	struct mac_engine *engine;
	struct mac_request request;
	uint32_t stream; /* in use unless one-shot */
};

CAPSULE_OF_CLIENT(mac)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(mac, pull_input, SLOT_INPUT)
CAPSULE_LENDS(mac, lend_input, SLOT_INPUT)
CAPSULE_PULLS_WHOLE(mac, pull_key, SLOT_KEY)
CAPSULE_PUSHES_WHOLE(mac, push_mac, SLOT_MAC)
CAPSULE_PULLS_WHOLE(mac, pull_mac, SLOT_MAC)
CAPSULE_KEEPS_STATE(mac)

static uint32_t answer_of(const struct mac_operation *state)
{
	if (!(state->request.phase & HIL_LAST))
		return state->stream;
	return state->request.verify ? 0 : (uint32_t)state->request.mac_size;
}

static void done(struct mac_client *client, int result)
{
	struct mac_operation *state = of_client(client);

	stream_leave(state->op, state->stream, state->request.phase, result);
	if (hwkey_slot_is_gone(&state->engine->head, &state->request.key, result))
		op_fail(state->op, result, KEY_SLOT_EMPTIED);
	else
		op_done(state->op, result, answer_of(state), 0);
}

static const struct mac_client_ops client_ops = {
	.pull_input = pull_input,
	.lend_input = lend_input,
	.pull_key = pull_key,
	.push_mac = push_mac,
	.pull_mac = pull_mac,
	.pull_state = pull_state,
	.push_state = push_state,
	.done = done,
};

/* --- choosing an engine ---------------------------------------------------------------------- */

static const char *name_of(const struct mac_operation *state)
{
	const struct hil_port *port = op_port(state->op, PORT_MAC);

	return port->kind == HIL_CMAC ? "cmac" : "hmac";
}

static int explain_nosupport(const struct mac_operation *state, const struct mac_caps *caps)
{
	const struct mac_request *request = &state->request;
	bool is_cmac = request->algorithm == MAC_CMAC_AES;

	if (!(caps->algorithms >> request->algorithm & 1))
		return op_refuse(state->op, -PLUTON_ENOSUPPORT, "no %s engine does %s",
				 name_of(state),
				 enum_name_of(is_cmac ? ciphers : hashes, request->algorithm));
	if (request->phase != HIL_ONE_SHOT && caps->state_bytes == 0)
		return op_refuse(state->op, -PLUTON_ENOSUPPORT, "no %s engine does streams",
				 name_of(state));
	if (request->key.kind == HIL_KEY_SLOT)
		return op_refuse(state->op, -PLUTON_ENOSUPPORT, KEY_SLOT_NOT_REACHED,
				 name_of(state));
	return op_refuse(state->op, -PLUTON_ENOSUPPORT, "no %s engine takes a key of %zu bytes",
			 name_of(state), request->key_size);
}

static int explain_size(const struct mac_operation *state, const struct mac_caps *caps)
{
	const struct mac_request *request = &state->request;

	if (request->length > caps->length_max)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "input has %zu bytes, the %s engine takes at most %zu at once",
				 request->length, name_of(state), caps->length_max);
	if (request->algorithm == MAC_CMAC_AES)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "key has %zu bytes, AES needs 16, 24 or 32", request->key_size);
	return op_refuse(state->op, -PLUTON_ESIZE,
			 "key has %zu bytes, the hmac engine takes at most %zu", request->key_size,
			 caps->key_size_max);
}

/* 0, or why this engine refuses the request. */
static int explain(const struct mac_operation *state, const struct mac_caps *caps, int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		return explain_nosupport(state, caps);
	return error == -PLUTON_ESIZE ? explain_size(state, caps) : error;
}

CAPSULE_SELECTS(mac, PORT_MAC, "there is no %s engine", name_of(state))

/* --- commands -------------------------------------------------------------------------------- */

CAPSULE_TURNS_ENDED_BY(mac, done)

static struct mac_operation *prepare(struct operation *op, enum hil_phase phase)
{
	struct mac_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.phase = phase;
	state->request.length = op_length(op, SLOT_INPUT);
	return state;
}

/* For a first start: what the slots and words say. */
static struct mac_operation *describe(struct operation *op, enum hil_phase phase)
{
	struct mac_operation *state = prepare(op, phase);

	state->request.algorithm = op_word(op, WORD_ALGORITHM);
	state->request.key_size = op_length(op, SLOT_KEY);
	return state;
}

/* For a last start: how much of the MAC is wanted, or is to be compared. */
static int measure_mac(struct mac_operation *state, bool verify)
{
	size_t whole = mac_size(state->request.algorithm);
	size_t size = op_length(state->op, SLOT_MAC);

	if (verify && size > whole)
		return op_refuse(state->op, -PLUTON_ESIZE, "mac has %zu bytes, at most %zu can be",
				 size, whole);
	state->request.verify = verify;
	state->request.mac_size = size < whole ? size : whole;
	return 0;
}

/* The key's bytes, or the slot it is in. */
static int find_key(struct mac_operation *state)
{
	struct mac_request *request = &state->request;
	bool is_cmac = request->algorithm == MAC_CMAC_AES;
	const struct hwkey_wish wish = {.number = op_word(state->op, WORD_KEY_SLOT),
					.bytes = SLOT_KEY,
					.port = PORT_HWKEY,
					.family = is_cmac ? HWKEY_OF_AES : HWKEY_OF_SECRET,
					.usage = HWKEY_MAC};
	struct hwkey_attributes attributes;
	int r = hwkey_take_wish(state->op, &wish, &request->key, &attributes);

	if (r < 0 || request->key.kind == HIL_KEY_BYTES)
		return r;
	request->key_size = attributes.size;
	if (is_cmac && attributes.policy & HWKEY_ENGINE_IV)
		return op_refuse(state->op, -PLUTON_EINVAL,
				 "key slot %u is for gcm only: its policy forbids anything else",
				 wish.number);
	return 0;
}

static int one_shot(struct operation *op, bool verify)
{
	struct mac_operation *state = describe(op, HIL_ONE_SHOT);
	int r = measure_mac(state, verify);

	if (r == 0)
		r = find_key(state);
	if (r == 0)
		r = select_engine(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int make(struct operation *op)
{
	return one_shot(op, false);
}

static int verify(struct operation *op)
{
	return one_shot(op, true);
}

static int begin(struct operation *op)
{
	struct mac_operation *state = describe(op, HIL_FIRST);
	struct mac_shape shape;
	int r = find_key(state);

	if (r == 0)
		r = select_engine(state);
	if (r < 0)
		return r;
	shape = (struct mac_shape){state->engine, state->request.algorithm, state->request.key,
				   state->request.key_size};
	r = stream_open(op, &shape, sizeof(shape), state->engine->caps.state_bytes, &state->stream);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int claim_stream(struct mac_operation *state)
{
	struct mac_shape shape;
	int r;

	state->stream = op_word(state->op, WORD_STREAM);
	r = stream_claim(state->op, state->stream, &shape, sizeof(shape));
	if (r < 0)
		return r;
	state->engine = shape.engine;
	state->request.algorithm = shape.algorithm;
	state->request.key = shape.key;
	state->request.key_size = shape.key_size;
	return 0;
}

CAPSULE_GOES_ON(mac)

static int update(struct operation *op)
{
	struct mac_operation *state = prepare(op, HIL_MIDDLE);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, 0);
}

static int finish_stream(struct operation *op, bool verify_it)
{
	struct mac_operation *state = prepare(op, HIL_LAST);
	int r = claim_stream(state);

	return r < 0 ? r : run_on_stream(state, measure_mac(state, verify_it));
}

static int finish(struct operation *op)
{
	return finish_stream(op, false);
}

static int finish_verify(struct operation *op)
{
	return finish_stream(op, true);
}

static int abort_stream(struct operation *op)
{
	return stream_abort(op, op_word(op, WORD_STREAM));
}

#define HASH                                                                                       \
	{                                                                                          \
		"algorithm", hashes, "the hash function"                                           \
	}
#define CIPHER                                                                                     \
	{                                                                                          \
		"algorithm", ciphers, "the block cipher"                                           \
	}
#define HMAC_KEY                                                                                   \
	{                                                                                          \
		"key", SLOT_RO, 1, HMAC_KEY_SIZE_MAX, true,                                        \
			"of any length up to that; absent: the one in key_slot"                    \
	}
#define CMAC_KEY                                                                                   \
	{                                                                                          \
		"key", SLOT_RO, 16, CMAC_KEY_SIZE_MAX, true,                                       \
			"16, 24 or 32 bytes; absent: the one in key_slot"                          \
	}
#define INPUT                                                                                      \
	{                                                                                          \
		"input", SLOT_RO, 1, 0, true, "the message; absent: the empty one"                 \
	}
#define KEY_SLOT                                                                                   \
	{                                                                                          \
		"key_slot", NULL, KEY_SLOT_WORD_DOC                                                \
	}
#define MAC_OUT                                                                                    \
	{                                                                                          \
		"mac", SLOT_RW, MAC_SIZE_MIN, MAC_SIZE_MAX, false,                                 \
			"gets the MAC, or as many of its leftmost bytes as there is room for"      \
	}
#define MAC_IN                                                                                     \
	{                                                                                          \
		"mac", SLOT_RO, MAC_SIZE_MIN, MAC_SIZE_MAX, false,                                 \
			"the MAC to check, or its leftmost bytes"                                  \
	}

/* clang-format off */
#define COMMANDS(algorithm, key)                                                                   \
	{                                                                                          \
		{                                                                                  \
			.number = 1,                                                               \
			.name = "Mac",                                                             \
			.doc = "the MAC of one message",                                           \
			.answers = {"bytes of mac"},                                               \
			.words = {[WORD_ALGORITHM] = algorithm, [WORD_KEY_SLOT] = KEY_SLOT},       \
			.slots = {[SLOT_KEY] = key, [SLOT_INPUT] = INPUT, [SLOT_MAC] = MAC_OUT},   \
			.run = make,                                                               \
		},                                                                                 \
		{                                                                                  \
			.number = 2,                                                               \
			.name = "Verify",                                                          \
			.doc = "checks the MAC of one message; one that does not match is INVAL",  \
			.words = {[WORD_ALGORITHM] = algorithm, [WORD_KEY_SLOT] = KEY_SLOT},       \
			.slots = {[SLOT_KEY] = key, [SLOT_INPUT] = INPUT, [SLOT_MAC] = MAC_IN},    \
			.run = verify,                                                             \
		},                                                                                 \
		{                                                                                  \
			.number = 3,                                                               \
			.name = "Begin",                                                           \
			.doc = "opens a stream for a message in pieces",                           \
			.answers = {"stream"},                                                     \
			.words = {[WORD_ALGORITHM] = algorithm, [WORD_KEY_SLOT] = KEY_SLOT},       \
			.slots = {[SLOT_KEY] = key},                                               \
			.run = begin,                                                              \
		},                                                                                 \
		{                                                                                  \
			.number = 4,                                                               \
			.name = "Update",                                                          \
			.doc = "adds a piece; one that fails or is cancelled in its turn closes "  \
			       "the stream",                                                       \
			.answers = {"stream"},                                                     \
			.words = {[WORD_STREAM] = STREAM_WORD},                                    \
			.slots = {[SLOT_INPUT] = INPUT},                                           \
			.run = update,                                                             \
		},                                                                                 \
		{                                                                                  \
			.number = 5,                                                               \
			.name = "Finish",                                                          \
			.doc = "gives the MAC and closes the stream",                              \
			.answers = {"bytes of mac"},                                               \
			.words = {[WORD_STREAM] = STREAM_WORD},                                    \
			.slots = {[SLOT_MAC] = MAC_OUT},                                           \
			.run = finish,                                                             \
		},                                                                                 \
		{                                                                                  \
			.number = 6,                                                               \
			.name = "FinishVerify",                                                    \
			.doc = "checks the MAC and closes the stream; one that does not match is " \
			       "INVAL",                                                            \
			.words = {[WORD_STREAM] = STREAM_WORD},                                    \
			.slots = {[SLOT_MAC] = MAC_IN},                                            \
			.run = finish_verify,                                                      \
		},                                                                                 \
		{                                                                                  \
			.number = 7,                                                               \
			.name = "Abort",                                                           \
			.doc = "closes the stream",                                                \
			.words = {[WORD_STREAM] = STREAM_WORD},                                    \
			.run = abort_stream,                                                       \
		},                                                                                 \
	}
/* clang-format on */

static const struct command hmac_commands[] = COMMANDS(HASH, HMAC_KEY);
static const struct command cmac_commands[] = COMMANDS(CIPHER, CMAC_KEY);

extern const struct capsule hmac_capsule;
const struct capsule hmac_capsule = {
	.name = "hmac",
	.interface = "Hmac",
	.doc = "HMAC: FIPS 198-1, over FIPS 180-4 and FIPS 202.",
	.driver = 0x40003,
	.state_size = sizeof(struct mac_operation),
	.grant_size = STREAM_SIZE(HMAC_STATE_MAX),
	.ports = 2,
	.port_kinds = {HIL_HMAC, HIL_HWKEY},
	.commands = hmac_commands,
	.command_count = sizeof(hmac_commands) / sizeof(hmac_commands[0]),
	.cancel = cancel,
};

extern const struct capsule cmac_capsule;
const struct capsule cmac_capsule = {
	.name = "cmac",
	.interface = "Cmac",
	.doc = "AES-CMAC: NIST SP 800-38B.",
	.driver = 0x80000003,
	.state_size = sizeof(struct mac_operation),
	.grant_size = STREAM_SIZE(CMAC_STATE_MAX),
	.ports = 2,
	.port_kinds = {HIL_CMAC, HIL_HWKEY},
	.commands = cmac_commands,
	.command_count = sizeof(cmac_commands) / sizeof(cmac_commands[0]),
	.cancel = cancel,
};
