/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capsule kdf: keys from keys and passwords. Each method of its HIL is a command, so that the
 * command table says what a method takes; what comes out goes straight to the client.
 */
#include <assert.h>
#include <endian.h>

#include "hil/hwkey-slot.h"
#include "hil/kdf.h"
#include "svc/capsule-half.h"

/* The same part has the same slot in every command. */
enum { SLOT_KEY, SLOT_SALT, SLOT_LABEL, SLOT_INFO, SLOT_OUTPUT, SLOT_ITERATIONS };
enum { WORD_PRF = 0, WORD_ITERATIONS = 1, WORD_KEY_SLOT = 1 };
enum { PORT_KDF = 0, PORT_HWKEY = 1 };

/* Commands have the numbers of their methods, but for this one. */
#define COMMAND_SLOT_PBKDF2 7u
static_assert(COMMAND_SLOT_PBKDF2 >= KDF_METHODS, "no method has its number");

#define HASHES                                                                                     \
	{MAC_HMAC_SHA1, "sha1"}, {MAC_HMAC_SHA224, "sha224"}, {MAC_HMAC_SHA256, "sha256"},         \
		{MAC_HMAC_SHA384, "sha384"}, {MAC_HMAC_SHA512, "sha512"},                          \
		{MAC_HMAC_SHA3_256, "sha3-256"}, {MAC_HMAC_SHA3_384, "sha3-384"},                  \
	{                                                                                          \
		MAC_HMAC_SHA3_512, "sha3-512"                                                      \
	}

static const struct enum_name hashes[] = {HASHES, {0, NULL}};
static const struct enum_name prfs[] = {HASHES, {MAC_CMAC_AES, "cmac"}, {0, NULL}};

static const struct enum_name methods[] = {
	{KDF_HKDF, "HKDF"},
	{KDF_HKDF_EXTRACT, "HKDF's extraction"},
	{KDF_HKDF_EXPAND, "HKDF's expansion"},
	{KDF_COUNTER, "SP 800-108's counter mode"},
	{KDF_COUNTER_FIXED, "SP 800-108's counter mode"},
	{KDF_PBKDF2, "PBKDF2"},
	{0, NULL},
};

struct kdf_operation {
	struct kdf_client client;
	struct operation *op;
	struct kdf_engine *engine;
	struct kdf_request request;
};

CAPSULE_OF_CLIENT(kdf)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS_WHOLE(kdf, pull_salt, SLOT_SALT)
CAPSULE_PULLS_WHOLE(kdf, pull_key, SLOT_KEY)
CAPSULE_PULLS_WHOLE(kdf, pull_label, SLOT_LABEL)
CAPSULE_PULLS_WHOLE(kdf, pull_info, SLOT_INFO)
CAPSULE_PUSHES(kdf, push_output, SLOT_OUTPUT)

static void done(struct kdf_client *client, int result)
{
	const struct kdf_operation *state = of_client(client);

	if (hwkey_slot_is_gone(&state->engine->head, &state->request.key, result))
		op_fail(state->op, result, KEY_SLOT_EMPTIED);
	else
		op_done(state->op, result, (uint32_t)state->request.length, 0);
}

static const struct kdf_client_ops client_ops = {
	.pull_salt = pull_salt,
	.pull_key = pull_key,
	.pull_label = pull_label,
	.pull_info = pull_info,
	.push_output = push_output,
	.done = done,
};

/* --- the request ----------------------------------------------------------------------------- */

static const char *method_name(const struct kdf_operation *state)
{
	return enum_name_of(methods, state->request.method);
}

static int explain_nosupport(const struct kdf_operation *state, const struct kdf_caps *caps)
{
	const struct kdf_request *request = &state->request;

	if (!(caps->prfs[request->method] >> request->prf & 1))
		return op_refuse(state->op, -PLUTON_ENOSUPPORT, "no kdf engine does %s with %s",
				 method_name(state), enum_name_of(prfs, request->prf));
	if (request->key.kind == HIL_KEY_SLOT)
		return op_refuse(state->op, -PLUTON_ENOSUPPORT, KEY_SLOT_NOT_REACHED, "kdf");
	return op_refuse(state->op, -PLUTON_ENOSUPPORT, "no kdf engine takes a key of %zu bytes",
			 request->key_size);
}

static int explain_length(const struct kdf_operation *state, const struct kdf_caps *caps)
{
	const struct kdf_request *request = &state->request;
	size_t max = kdf_length_max(request->method, request->prf);

	if (request->method == KDF_HKDF_EXTRACT)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "output has %zu bytes, an extraction with %s gives %zu",
				 request->length, enum_name_of(hashes, request->prf), max);
	return op_refuse(state->op, -PLUTON_ESIZE, "output has %zu bytes, %s gives at most %zu",
			 request->length, method_name(state),
			 max < caps->length_max ? max : caps->length_max);
}

/* Of the engines with this PRF the one that does the most rounds: its limit is the one that holds.
 */
static const struct kdf_engine *find_most_rounds(const struct kdf_operation *state)
{
	const struct hil_port *port = op_port(state->op, PORT_KDF);
	const struct kdf_engine *most = NULL;

	for (unsigned i = 0; i < port->count; i++) {
		const struct kdf_engine *engine = (const void *)port->engines[i];

		if (engine->head.absent ||
		    !(engine->caps.prfs[KDF_PBKDF2] >> state->request.prf & 1))
			continue;
		if (!most || engine->caps.rounds_max > most->caps.rounds_max)
			most = engine;
	}
	return most;
}

static int explain_rounds(const struct kdf_operation *state)
{
	const struct kdf_engine *engine = find_most_rounds(state);
	unsigned long long rounds = kdf_rounds(&state->request);
	unsigned long long max = engine ? engine->caps.rounds_max : 0;

	if (state->request.iterations == 0)
		return op_refuse(state->op, -PLUTON_ESIZE, "0 iterations, PBKDF2 needs at least 1");
	if (engine && !engine->caps.rounds_key)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "%llu iterations for all blocks of output, the kdf engine %s does "
				 "%llu at most",
				 rounds, engine->head.name, max);
	return op_refuse(state->op, -PLUTON_ESIZE,
			 "%llu iterations for all blocks of output, the limit is %llu "
			 "(" KDF_ROUNDS_KEY ")",
			 rounds, max);
}

static int explain_size(const struct kdf_operation *state, const struct kdf_caps *caps)
{
	const struct kdf_request *request = &state->request;
	const struct {
		const char *name;
		size_t size, max;
	} parts[] = {
		{"salt", request->salt_length, caps->salt_max},
		{"label", request->label_length, caps->label_max},
		{"info", request->info_length, caps->info_max},
		{"key", request->prf == MAC_CMAC_AES ? 0 : request->key_size, caps->key_size_max},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].size > parts[i].max)
			return op_refuse(state->op, -PLUTON_ESIZE,
					 "%s has %zu bytes, the kdf engine takes at most %zu",
					 parts[i].name, parts[i].size, parts[i].max);
	}
	if (mac_check_key_size(request->prf, request->key_size, caps->key_size_max,
			       caps->key_sizes) < 0)
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "key has %zu bytes, AES needs 16, 24 or 32", request->key_size);
	if (request->method == KDF_PBKDF2 &&
	    (request->iterations == 0 || kdf_rounds(request) > caps->rounds_max))
		return explain_rounds(state);
	return explain_length(state, caps);
}

static int explain(const struct kdf_operation *state, const struct kdf_caps *caps, int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		return explain_nosupport(state, caps);
	return error == -PLUTON_ESIZE ? explain_size(state, caps) : error;
}

CAPSULE_SELECTS(kdf, PORT_KDF, "there is no kdf engine")

/* --- commands -------------------------------------------------------------------------------- */

CAPSULE_TURNS_ENDED_BY(kdf, done)

/* The key's bytes, or the slot it is in. */
static int find_key(struct kdf_operation *state)
{
	struct kdf_request *request = &state->request;
	bool is_cmac = request->prf == MAC_CMAC_AES;
	const struct hwkey_wish wish = {.number = op_word(state->op, WORD_KEY_SLOT),
					.bytes = SLOT_KEY,
					.port = PORT_HWKEY,
					.family = is_cmac ? HWKEY_OF_AES : HWKEY_OF_SECRET,
					.usage = HWKEY_AGREE};
	struct hwkey_attributes attributes;
	int r = hwkey_take_wish(state->op, &wish, &request->key, &attributes);

	if (r < 0 || request->key.kind == HIL_KEY_BYTES)
		return r;
	request->key_size = attributes.size;
	if (attributes.policy & HWKEY_ENGINE_IV)
		return op_refuse(state->op, -PLUTON_EINVAL,
				 "key slot %u is for gcm only: its policy forbids anything else",
				 wish.number);
	return 0;
}

static struct kdf_operation *describe(struct operation *op, enum kdf_method method)
{
	struct kdf_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request = (struct kdf_request){
		.method = method,
		.prf = op_word(op, WORD_PRF),
		.key_size = op_length(op, SLOT_KEY),
		.salt_length = op_length(op, SLOT_SALT),
		.label_length = op_length(op, SLOT_LABEL),
		.info_length = op_length(op, SLOT_INFO),
		.length = op_length(op, SLOT_OUTPUT),
	};
	return state;
}

/* `checked` is what was found wrong so far. */
static int ask_engine(struct kdf_operation *state, int checked)
{
	int r = checked;

	if (r == 0)
		r = select_engine(state);
	return r < 0 ? r : request_turn(state->op, &state->engine->head, &state->request, granted);
}

static int derive(struct operation *op, enum kdf_method method)
{
	struct kdf_operation *state = describe(op, method);

	return ask_engine(state, find_key(state));
}

static int hkdf(struct operation *op)
{
	return derive(op, KDF_HKDF);
}

static int hkdf_extract(struct operation *op)
{
	return derive(op, KDF_HKDF_EXTRACT);
}

static int hkdf_expand(struct operation *op)
{
	return derive(op, KDF_HKDF_EXPAND);
}

static int counter(struct operation *op)
{
	return derive(op, KDF_COUNTER);
}

static int counter_fixed(struct operation *op)
{
	return derive(op, KDF_COUNTER_FIXED);
}

static int pbkdf2(struct operation *op)
{
	struct kdf_operation *state = describe(op, KDF_PBKDF2);

	state->request.iterations = op_word(op, WORD_ITERATIONS);
	return ask_engine(state, 0);
}

static int slot_pbkdf2(struct operation *op)
{
	struct kdf_operation *state = describe(op, KDF_PBKDF2);
	uint32_t iterations;
	int r = op_read_all(op, SLOT_ITERATIONS, (uint8_t *)&iterations, sizeof(iterations));

	if (r < 0)
		return r;
	if (op_word(op, WORD_KEY_SLOT) == 0)
		return op_refuse(op, -PLUTON_ESIZE, "key_slot is 0: slots have numbers from 1");
	state->request.iterations = le32toh(iterations);
	return ask_engine(state, find_key(state));
}

/* clang-format off */
#define HASH {"hash", hashes, "the hash function of HMAC"}
#define PRF {"prf", prfs, "HMAC with this hash function, or AES-CMAC"}
#define KEY(doc) {"key", SLOT_RO, 1, KDF_KEY_SIZE_MAX, true, doc "; absent: the one in key_slot"}
#define PASSWORD {"password", SLOT_RO, 1, KDF_KEY_SIZE_MAX, false, "of any length up to that"}
#define KEY_SLOT {"key_slot", NULL, KEY_SLOT_WORD_DOC}
#define SALT {"salt", SLOT_RO, 1, KDF_SALT_MAX, true, "absent: none"}
#define LABEL {"label", SLOT_RO, 1, KDF_LABEL_MAX, true, "what the key is for; absent: an empty one"}
#define INFO(name, doc) {name, SLOT_RO, 1, KDF_INFO_MAX, true, doc}
#define OUTPUT(max, doc) {"output", SLOT_RW, 1, max, false, doc}
#define HKDF_MAX (KDF_HKDF_BLOCKS_MAX * MAC_SIZE_MAX)
#define INFO_OF_HKDF INFO("info", "what the key is for; absent: an empty one")
#define OUTPUT_OF_HKDF OUTPUT(HKDF_MAX, "up to 255 times as long as the hash")

/* Of Pbkdf2 word 1 is taken: a password in a slot has a command of its own. */
static const struct command commands[] = {
	{
		.number = KDF_HKDF,
		.name = "Hkdf",
		.doc = "a key from a key, by RFC 5869",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = HASH, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY("of any length up to that"),
			  [SLOT_SALT] = SALT, [SLOT_INFO] = INFO_OF_HKDF,
			  [SLOT_OUTPUT] = OUTPUT_OF_HKDF},
		.run = hkdf,
	},
	{
		.number = KDF_HKDF_EXTRACT,
		.name = "HkdfExtract",
		.doc = "the first step of Hkdf alone: a pseudorandom key",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = HASH, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY("of any length up to that"),
			  [SLOT_SALT] = SALT,
			  [SLOT_OUTPUT] = OUTPUT(MAC_SIZE_MAX, "as long as the hash")},
		.run = hkdf_extract,
	},
	{
		.number = KDF_HKDF_EXPAND,
		.name = "HkdfExpand",
		.doc = "the second step of Hkdf alone, from what HkdfExtract gave",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = HASH, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY("should have at least as many bytes as the hash"),
			  [SLOT_INFO] = INFO_OF_HKDF, [SLOT_OUTPUT] = OUTPUT_OF_HKDF},
		.run = hkdf_expand,
	},
	{
		.number = KDF_COUNTER,
		.name = "Counter",
		.doc = "a key from a key, by SP 800-108r1 in counter mode: label, a zero byte, "
		       "context and the output's bits in 32 bits behind a counter of 32 bits",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = PRF, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY("for cmac 16, 24 or 32 bytes"),
			  [SLOT_LABEL] = LABEL,
			  [SLOT_INFO] = INFO("context", "whom the key is for; absent: an empty one"),
			  [SLOT_OUTPUT] = OUTPUT(KDF_LENGTH_MAX, "the key")},
		.run = counter,
	},
	{
		.number = KDF_COUNTER_FIXED,
		.name = "CounterFixed",
		.doc = "the same with fixed input data of one's own behind the counter",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = PRF, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY("for cmac 16, 24 or 32 bytes"),
			  [SLOT_INFO] = INFO("fixed", "all that stands behind the counter"),
			  [SLOT_OUTPUT] = OUTPUT(KDF_LENGTH_MAX, "the key")},
		.run = counter_fixed,
	},
	{
		.number = KDF_PBKDF2,
		.name = "Pbkdf2",
		.doc = "a key from a password, by RFC 8018",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = HASH,
			  [WORD_ITERATIONS] = {"iterations", NULL,
					       "times the blocks of output at most "
					       "pbkdf2_rounds_max"}},
		.slots = {[SLOT_KEY] = PASSWORD,
			  [SLOT_SALT] = SALT, [SLOT_OUTPUT] = OUTPUT(KDF_LENGTH_MAX, "the key")},
		.run = pbkdf2,
	},
	{
		.number = COMMAND_SLOT_PBKDF2,
		.name = "SlotPbkdf2",
		.doc = "Pbkdf2 with a password in a slot",
		.answers = {"bytes of output"},
		.words = {[WORD_PRF] = HASH,
			  [WORD_KEY_SLOT] = {"key_slot", NULL, "number of a key slot"}},
		.slots = {[SLOT_SALT] = SALT,
			  [SLOT_OUTPUT] = OUTPUT(KDF_LENGTH_MAX, "the key"),
			  [SLOT_ITERATIONS] = {"iterations", SLOT_RO, 4, 4, false,
					       "32 bits, little-endian; times the blocks of output "
					       "at most pbkdf2_rounds_max"}},
		.run = slot_pbkdf2,
	},
};
/* clang-format on */

extern const struct capsule kdf_capsule;
const struct capsule kdf_capsule = {
	.name = "kdf",
	.interface = "Kdf",
	.doc = "Key derivation: HKDF (RFC 5869), SP 800-108 in counter mode, PBKDF2 (RFC 8018).",
	.driver = 0x80000006,
	.state_size = sizeof(struct kdf_operation),
	.ports = 2,
	.port_kinds = {HIL_KDF, HIL_HWKEY},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
