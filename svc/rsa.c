/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rsa capsule: keys made, and signatures and ciphers by keys that the client has. A key is one
 * slot: its parts, one behind the other at their fixed widths, go straight to the engine, which
 * pulls each once. Sizes are checked before the engine runs. Commands with a key in a slot are some
 * of their own: padding and hash take both words of the others.
 */
#include "hil/hwkey-slot.h"
#include "hil/rsa.h"
#include "svc/capsule-half.h"

enum { SLOT_KEY, SLOT_PARAMETERS, SLOT_LABEL, SLOT_INPUT, SLOT_OUTPUT, SLOT_SIGNATURE };
enum { WORD_BITS = 0, WORD_EXPONENT = 1 }; /* Generate */
enum { WORD_PADDING = 0, WORD_HASH = 1 };
enum { WORD_KEY_SLOT = 0 }; /* and WORD_HASH: with a key in a slot */
enum { PORT_RSA = 0, PORT_HWKEY = 1 };

#define HASH_NONE 0u
#define LABEL_MAX 1024u
#define PARAMETERS_SIZE 8u
#define KEY_MIN (128u + RSA_EXPONENT_SIZE)
#define KEY_MAX (RSA_SIZE_MAX * 9u / 2u + RSA_EXPONENT_SIZE)
#define SALT_ANY_WORD UINT32_MAX

static const struct enum_name hashes[] = {
	{HASH_NONE, "none"},	       {DIGEST_SHA1, "sha1"},
	{DIGEST_SHA224, "sha224"},     {DIGEST_SHA256, "sha256"},
	{DIGEST_SHA384, "sha384"},     {DIGEST_SHA512, "sha512"},
	{DIGEST_SHA3_256, "sha3-256"}, {DIGEST_SHA3_384, "sha3-384"},
	{DIGEST_SHA3_512, "sha3-512"}, {0, NULL},
};

static const struct enum_name signature_paddings[] = {
	{RSA_PKCS1, "pkcs1"}, {RSA_PSS, "pss"}, {0, NULL}};
static const struct enum_name cipher_paddings[] = {
	{RSA_PKCS1, "pkcs1"}, {RSA_OAEP, "oaep"}, {0, NULL}};
static const struct enum_name paddings[] = {
	{RSA_BARE, "none"}, {RSA_PKCS1, "pkcs1"}, {RSA_PSS, "pss"}, {RSA_OAEP, "oaep"}, {0, NULL}};

static const char *const verbs[RSA_ACTIONS] = {
	[RSA_GENERATE] = "makes",	    [RSA_SIGN] = "signs by",
	[RSA_VERIFY] = "verifies by",	    [RSA_ENCRYPT] = "encrypts by",
	[RSA_DECRYPT] = "decrypts by",	    [RSA_PUBLIC] = "exponentiates by",
	[RSA_PRIVATE] = "exponentiates by",
};

struct rsa_operation {
	struct rsa_client client;
	struct operation *op;
	struct rsa_engine *engine;
	struct rsa_request request;
	uint32_t pushed; /* bytes of output */
};

CAPSULE_OF_CLIENT(rsa)

/* --- what the engine calls ------------------------------------------------------------------- */

/* A range may have become shorter than it was when its size was checked. */
static int whole(ssize_t n, size_t len)
{
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -PLUTON_ESIZE;
}

static int pull_part(struct rsa_client *client, enum rsa_part part, uint8_t *number, size_t len)
{
	const struct rsa_operation *state = of_client(client);
	size_t offset = rsa_part_offset(part, state->request.size);

	return whole(op_read(state->op, SLOT_KEY, offset, number, len), len);
}

static int push_part(struct rsa_client *client, enum rsa_part part, const uint8_t *number,
		     size_t len)
{
	struct rsa_operation *state = of_client(client);
	size_t offset = rsa_part_offset(part, state->request.size);

	state->pushed += (uint32_t)len;
	return whole(op_write(state->op, SLOT_KEY, offset, number, len), len);
}

CAPSULE_PULLS(rsa, pull_label, SLOT_LABEL)
CAPSULE_PULLS(rsa, pull_input, SLOT_INPUT)
CAPSULE_PULLS_WHOLE(rsa, pull_signature, SLOT_SIGNATURE)

static ssize_t push_output(struct rsa_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct rsa_operation *state = of_client(client);
	bool signs = state->request.action == RSA_SIGN;
	ssize_t n = op_write(state->op, signs ? SLOT_SIGNATURE : SLOT_OUTPUT, cursor, buf, len);

	if (n > 0)
		state->pushed += (uint32_t)n;
	return n;
}

static void done(struct rsa_client *client, int result)
{
	struct rsa_operation *state = of_client(client);
	const char *why = result < 0 ? state->engine->ops->why(state->engine) : "";

	if (*why)
		op_fail(state->op, result, "%s", why);
	else
		op_done(state->op, result, state->pushed, 0);
}

static const struct rsa_client_ops client_ops = {
	.pull_part = pull_part,
	.push_part = push_part,
	.pull_label = pull_label,
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_signature = pull_signature,
	.done = done,
};

/* --- what the words and slots say ------------------------------------------------------------ */

/* What the key's length says of it: n e, or n e d, or all parts. */
static int describe_key(struct operation *op, struct rsa_request *request)
{
	size_t length = op_length(op, SLOT_KEY);
	bool is_private = rsa_is_private(request->action);

	for (size_t size = 128; size <= RSA_SIZE_MAX; size += 128) {
		request->size = size;
		request->crt = is_private && length == rsa_part_offset(RSA_PARTS, size);
		if (request->crt || length == rsa_part_offset(is_private ? RSA_P : RSA_D, size))
			return 0;
	}
	return op_refuse(op, -PLUTON_ESIZE, "key has %zu bytes, which no %s key has", length,
			 is_private ? "private" : "public");
}

static uint32_t get32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* Of a slot's key; it has all parts. */
static int find_key(struct operation *op, struct rsa_request *request)
{
	bool signs = request->action == RSA_SIGN, decrypts = request->action == RSA_DECRYPT;
	const struct hwkey_wish wish = {.number = op_word(op, WORD_KEY_SLOT),
					.bytes = SLOT_KEY,
					.port = PORT_HWKEY,
					.family = HWKEY_OF_RSA,
					.usage = signs	    ? HWKEY_SIGN
						 : decrypts ? HWKEY_DECRYPT
							    : HWKEY_SIGN | HWKEY_DECRYPT};
	struct hwkey_attributes attributes;
	int r;

	if (wish.number == 0)
		return op_refuse(op, -PLUTON_ESIZE, "key_slot is 0: slots have numbers from 1");
	r = hwkey_take_wish(op, &wish, &request->key, &attributes);
	if (r < 0)
		return r;
	request->size = hwkey_public_size(attributes.type) - RSA_EXPONENT_SIZE;
	request->crt = true;
	return 0;
}

/* What a padding does not have is refused: who names it expects that it does something. */
static int take_parameters(struct operation *op, struct rsa_request *request)
{
	uint8_t parameters[PARAMETERS_SIZE];
	uint32_t salt;
	int r;

	if (request->padding == RSA_PKCS1)
		return op_refuse(op, -PLUTON_EINVAL, "pkcs1 has no parameters: leave them out");
	r = op_read_all(op, SLOT_PARAMETERS, parameters, sizeof(parameters));
	if (r < 0)
		return r;
	salt = get32(parameters + 4);
	request->mgf_hash = get32(parameters);
	if (request->padding == RSA_PSS)
		request->salt_size = salt == SALT_ANY_WORD ? RSA_SALT_ANY : salt;
	else if (salt != 0)
		return op_refuse(op, -PLUTON_EINVAL,
				 "parameters name a salt of %u bytes, oaep has none: write 0",
				 salt);
	return 0;
}

/* Without parameters: MGF1 with the same hash, and a salt as long as it. */
static int describe_padding(struct operation *op, struct rsa_request *request)
{
	request->hash = op_word(op, WORD_HASH);
	if (request->padding != RSA_PKCS1)
		request->mgf_hash = request->hash;
	if (request->padding == RSA_PSS)
		request->salt_size = digest_size(request->hash);
	return op_length(op, SLOT_PARAMETERS) ? take_parameters(op, request) : 0;
}

static int explain_nosupport(struct operation *op, const struct rsa_caps *caps,
			     const struct rsa_request *request)
{
	const char *verb = verbs[request->action];
	bool ciphers = request->action == RSA_ENCRYPT || request->action == RSA_DECRYPT;

	if (!(caps->sizes[request->action] >> (request->size / 128) & 1))
		return op_refuse(op, -PLUTON_ENOSUPPORT, "no rsa engine %s keys of %zu bits", verb,
				 request->size * 8);
	if (request->key.kind == HIL_KEY_SLOT && !caps->key_slots)
		return op_refuse(op, -PLUTON_ENOSUPPORT, KEY_SLOT_NOT_REACHED, "rsa");
	if (ciphers && request->padding == RSA_PKCS1 && request->hash != HASH_NONE)
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "pkcs1 encryption has no hash: leave it at none");
	if (request->padding != RSA_BARE && request->hash == HASH_NONE)
		return op_refuse(op, -PLUTON_ENOSUPPORT, "%s needs a hash",
				 enum_name_of(paddings, request->padding));
	return op_refuse(op, -PLUTON_ENOSUPPORT, "no rsa engine %s %s with that hash or salt", verb,
			 enum_name_of(paddings, request->padding));
}

static int explain_size(struct operation *op, const struct rsa_request *request)
{
	size_t max = rsa_message_max(request->padding, request->hash, request->size);
	bool signs = request->action == RSA_SIGN || request->action == RSA_VERIFY;

	if (signs && request->length == digest_size(request->hash))
		return op_refuse(op, -PLUTON_ESIZE, "a salt of %zu bytes does not fit the key",
				 request->salt_size);
	if (signs)
		return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes, %s has %zu",
				 request->length, enum_name_of(hashes, request->hash),
				 digest_size(request->hash));
	if (max == SIZE_MAX)
		return op_refuse(op, -PLUTON_ESIZE, "a key of %zu bits is too short for this hash",
				 request->size * 8);
	if (request->action == RSA_ENCRYPT && request->length > max)
		return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes, %s takes at most %zu",
				 request->length, enum_name_of(paddings, request->padding), max);
	if (request->label_length)
		return op_refuse(op, -PLUTON_ESIZE, "pkcs1 has no label: leave it out");
	return op_refuse(op, -PLUTON_ESIZE, "input has %zu bytes, the key needs %zu",
			 request->length, request->size);
}

/* 0, or why this engine refuses the request. */
static int explain(const struct rsa_operation *state, const struct rsa_caps *caps, int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		return explain_nosupport(state->op, caps, &state->request);
	if (error == -PLUTON_ESIZE)
		return explain_size(state->op, &state->request);
	if (error == -PLUTON_EINVAL)
		return op_refuse(state->op, error,
				 "a public exponent of %llu: it must be odd and at least %u",
				 (unsigned long long)state->request.exponent, RSA_EXPONENT_MIN);
	return error;
}

CAPSULE_SELECTS(rsa, PORT_RSA, "there is no rsa engine")

static int check_room(struct operation *op, unsigned slot, const char *name, size_t needed)
{
	if (op_length(op, slot) >= needed)
		return 0;
	return op_refuse(op, -PLUTON_ESIZE, "%s has %zu bytes, needs %zu", name,
			 op_length(op, slot), needed);
}

static int check_slots(const struct rsa_operation *state)
{
	const struct rsa_request *request = &state->request;
	struct operation *op = state->op;

	switch (request->action) {
	case RSA_GENERATE:
		return check_room(op, SLOT_KEY, "key", rsa_part_offset(RSA_PARTS, request->size));
	case RSA_SIGN:
		return check_room(op, SLOT_SIGNATURE, "signature", request->size);
	case RSA_VERIFY:
		if (op_length(op, SLOT_SIGNATURE) == request->size)
			return 0;
		return op_refuse(op, -PLUTON_ESIZE, "signature has %zu bytes, the key's have %zu",
				 op_length(op, SLOT_SIGNATURE), request->size);
	default:
		return check_room(op, SLOT_OUTPUT, "output", rsa_output_size(request));
	}
}

/* --- commands -------------------------------------------------------------------------------- */

CAPSULE_TURNS(rsa)

static struct rsa_operation *prepare(struct operation *op, enum rsa_action action)
{
	struct rsa_operation *state = op_state(op);

	state->client.ops = &client_ops;
	state->op = op;
	state->request.action = action;
	return state;
}

static int submit(struct rsa_operation *state)
{
	int r = select_engine(state);

	if (r == 0)
		r = check_slots(state);
	if (r < 0)
		return r;
	return request_turn(state->op, &state->engine->head, &state->request, granted);
}

static int generate(struct operation *op)
{
	struct rsa_operation *state = prepare(op, RSA_GENERATE);
	uint32_t bits = op_word(op, WORD_BITS), exponent = op_word(op, WORD_EXPONENT);

	if (bits % 1024 != 0 || bits == 0 || bits > RSA_SIZE_MAX * 8)
		return op_refuse(op, -PLUTON_ESIZE,
				 "a key of %u bits: keys have 2048, 3072 or 4096", bits);
	state->request.size = bits / 8;
	state->request.exponent = exponent ? exponent : RSA_EXPONENT_MIN;
	return submit(state);
}

/* The rest of a request whose key and padding are known. */
static int describe(struct rsa_operation *state)
{
	struct operation *op = state->op;
	int r = state->request.padding == RSA_BARE ? 0 : describe_padding(op, &state->request);

	state->request.length = op_length(op, SLOT_INPUT);
	state->request.label_length = op_length(op, SLOT_LABEL);
	return r < 0 ? r : submit(state);
}

/* What the other commands have in common; only those with a padding have its words. */
static int with_key(struct operation *op, enum rsa_action action, bool has_padding)
{
	struct rsa_operation *state = prepare(op, action);
	int r = describe_key(op, &state->request);

	if (has_padding)
		state->request.padding = op_word(op, WORD_PADDING);
	return r < 0 ? r : describe(state);
}

static int with_slot(struct operation *op, enum rsa_action action, enum rsa_padding padding)
{
	struct rsa_operation *state = prepare(op, action);
	int r = find_key(op, &state->request);

	state->request.padding = padding;
	return r < 0 ? r : describe(state);
}

static int sign(struct operation *op)
{
	return with_key(op, RSA_SIGN, true);
}

static int verify(struct operation *op)
{
	return with_key(op, RSA_VERIFY, true);
}

static int encrypt(struct operation *op)
{
	return with_key(op, RSA_ENCRYPT, true);
}

static int decrypt(struct operation *op)
{
	return with_key(op, RSA_DECRYPT, true);
}

static int raise_public(struct operation *op)
{
	return with_key(op, RSA_PUBLIC, false);
}

/* Its words are free. */
static int raise_private(struct operation *op)
{
	if (op_word(op, WORD_KEY_SLOT) != 0)
		return with_slot(op, RSA_PRIVATE, RSA_BARE);
	return with_key(op, RSA_PRIVATE, false);
}

static int slot_sign_pkcs1(struct operation *op)
{
	return with_slot(op, RSA_SIGN, RSA_PKCS1);
}

static int slot_sign_pss(struct operation *op)
{
	return with_slot(op, RSA_SIGN, RSA_PSS);
}

static int slot_decrypt_pkcs1(struct operation *op)
{
	return with_slot(op, RSA_DECRYPT, RSA_PKCS1);
}

static int slot_decrypt_oaep(struct operation *op)
{
	return with_slot(op, RSA_DECRYPT, RSA_OAEP);
}

#define PUBLIC_KEY                                                                                 \
	{                                                                                          \
		"key", SLOT_RO, KEY_MIN, RSA_SIZE_MAX + RSA_EXPONENT_SIZE, false,                  \
			"modulus, and the exponent in 8 bytes"                                     \
	}
#define PRIVATE_KEY                                                                                \
	{                                                                                          \
		"key", SLOT_RO, KEY_MIN, KEY_MAX, false,                                           \
			"as Generate gave it, or its first three parts"                            \
	}
#define PARAMETERS                                                                                 \
	{                                                                                          \
		"parameters", SLOT_RO, PARAMETERS_SIZE, PARAMETERS_SIZE, true,                     \
			"of pss, pkcs1 has none: u32 hash of MGF1, u32 bytes of salt, "            \
			"little-endian; absent: the same hash, and as many as it has; to verify, " \
			"0xffffffff is any salt"                                                   \
	}
#define CIPHER_PARAMETERS                                                                          \
	{                                                                                          \
		"parameters", SLOT_RO, PARAMETERS_SIZE, PARAMETERS_SIZE, true,                     \
			"of oaep, pkcs1 has none: u32 hash of MGF1, little-endian, u32 0; "        \
			"absent: the same hash"                                                    \
	}
#define LABEL                                                                                      \
	{                                                                                          \
		"label", SLOT_RO, 1, LABEL_MAX, true, "of oaep; absent: the empty one"             \
	}
#define DIGEST                                                                                     \
	{                                                                                          \
		"input", SLOT_RO, 20, DIGEST_SIZE_MAX, false, "the digest of the message"          \
	}
#define NUMBER                                                                                     \
	{                                                                                          \
		"input", SLOT_RO, 128, RSA_SIZE_MAX, false,                                        \
			"a number less than the modulus, as long as it"                            \
	}
#define RESULT                                                                                     \
	{                                                                                          \
		"output", SLOT_RW, 128, RSA_SIZE_MAX, false, "gets as many bytes as the modulus"   \
	}
#define SIGNATURE                                                                                  \
	{                                                                                          \
		"signature", SLOT_RW, 128, RSA_SIZE_MAX, false,                                    \
			"gets as many bytes as the modulus"                                        \
	}
#define CIPHERTEXT                                                                                 \
	{                                                                                          \
		"input", SLOT_RO, 1, RSA_SIZE_MAX, false, "as many bytes as the modulus"           \
	}
#define MESSAGE                                                                                    \
	{                                                                                          \
		"output", SLOT_RW, 1, RSA_SIZE_MAX, true, "gets the message; room for the longest" \
	}
#define KEY_SLOT                                                                                   \
	{                                                                                          \
		"key_slot", NULL, "number of a key slot"                                           \
	}
#define HASH                                                                                       \
	{                                                                                          \
		"hash", hashes, ""                                                                 \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Generate",
		.doc = "makes a key; takes seconds, and can be cancelled",
		.answers = {"bytes of key"},
		.words = {[WORD_BITS] = {"bits", NULL, "2048, 3072 or 4096"},
			  [WORD_EXPONENT] = {"exponent", NULL, "the public one; 0: 65537"}},
		.slots = {[SLOT_KEY] = {"key", SLOT_RW, KEY_MIN, KEY_MAX, false,
					"gets n e d p q dP dQ qInv, big-endian: n and d as long as "
					"bits / 8 says, e 8 bytes, the others half as long as n"}},
		.run = generate,
	},
	{
		.number = 2,
		.name = "Sign",
		.doc = "signs a digest",
		.answers = {"bytes of signature"},
		.words = {[WORD_PADDING] = {"padding", signature_paddings, ""}, [WORD_HASH] = HASH},
		.slots = {[SLOT_KEY] = PRIVATE_KEY,
			  [SLOT_PARAMETERS] = PARAMETERS,
			  [SLOT_INPUT] = DIGEST,
			  [SLOT_SIGNATURE] = SIGNATURE},
		.run = sign,
	},
	{
		.number = 3,
		.name = "Verify",
		.doc = "whether a signature is this key's of this digest; if not: INVAL",
		.words = {[WORD_PADDING] = {"padding", signature_paddings, ""}, [WORD_HASH] = HASH},
		.slots = {[SLOT_KEY] = PUBLIC_KEY,
			  [SLOT_PARAMETERS] = PARAMETERS,
			  [SLOT_INPUT] = DIGEST,
			  [SLOT_SIGNATURE] = {"signature", SLOT_RO, 1, RSA_SIZE_MAX, false,
					      "as many bytes as the modulus"}},
		.run = verify,
	},
	{
		.number = 4,
		.name = "Encrypt",
		.doc = "encrypts a short message; pkcs1 has the hash none",
		.answers = {"bytes of output"},
		.words = {[WORD_PADDING] = {"padding", cipher_paddings, ""}, [WORD_HASH] = HASH},
		.slots = {[SLOT_KEY] = PUBLIC_KEY,
			  [SLOT_PARAMETERS] = CIPHER_PARAMETERS,
			  [SLOT_LABEL] = LABEL,
			  [SLOT_INPUT] = {"input", SLOT_RO, 1, RSA_SIZE_MAX, true,
					  "the message; absent: the empty one"},
			  [SLOT_OUTPUT] = RESULT},
		.run = encrypt,
	},
	{
		.number = 5,
		.name = "Decrypt",
		.doc = "decrypts a message; with oaep INVAL if it was changed; with pkcs1 that "
		       "gives a message too, another one",
		.answers = {"bytes of message"},
		.words = {[WORD_PADDING] = {"padding", cipher_paddings, ""}, [WORD_HASH] = HASH},
		.slots = {[SLOT_KEY] = PRIVATE_KEY,
			  [SLOT_PARAMETERS] = CIPHER_PARAMETERS,
			  [SLOT_LABEL] = LABEL,
			  [SLOT_INPUT] = CIPHERTEXT,
			  [SLOT_OUTPUT] = MESSAGE},
		.run = decrypt,
	},
	{
		.number = 6,
		.name = "Public",
		.doc = "input to the power of the public exponent, without padding",
		.answers = {"bytes of output"},
		.slots = {[SLOT_KEY] = PUBLIC_KEY, [SLOT_INPUT] = NUMBER, [SLOT_OUTPUT] = RESULT},
		.run = raise_public,
	},
	{
		.number = 7,
		.name = "Private",
		.doc = "input to the power of the private exponent, without padding",
		.answers = {"bytes of output"},
		.words = {[WORD_KEY_SLOT] = {"key_slot", NULL,
					     KEY_SLOT_WORD_DOC
					     "; it has to be for signing and decrypting"}},
		.slots = {[SLOT_KEY] = {"key", SLOT_RO, KEY_MIN, KEY_MAX, true,
					"as Generate gave it, or its first three parts; absent: "
					"the one in key_slot"},
			  [SLOT_INPUT] = NUMBER,
			  [SLOT_OUTPUT] = RESULT},
		.run = raise_private,
	},
	{
		.number = 8,
		.name = "SlotSignPkcs1",
		.doc = "Sign with the padding pkcs1 and a key in a slot",
		.answers = {"bytes of signature"},
		.words = {[WORD_KEY_SLOT] = KEY_SLOT, [WORD_HASH] = HASH},
		.slots = {[SLOT_INPUT] = DIGEST, [SLOT_SIGNATURE] = SIGNATURE},
		.run = slot_sign_pkcs1,
	},
	{
		.number = 9,
		.name = "SlotSignPss",
		.doc = "Sign with the padding pss and a key in a slot",
		.answers = {"bytes of signature"},
		.words = {[WORD_KEY_SLOT] = KEY_SLOT, [WORD_HASH] = HASH},
		.slots = {[SLOT_PARAMETERS] = PARAMETERS,
			  [SLOT_INPUT] = DIGEST,
			  [SLOT_SIGNATURE] = SIGNATURE},
		.run = slot_sign_pss,
	},
	{
		.number = 10,
		.name = "SlotDecryptPkcs1",
		.doc = "Decrypt with the padding pkcs1 and a key in a slot; the hash is none",
		.answers = {"bytes of message"},
		.words = {[WORD_KEY_SLOT] = KEY_SLOT, [WORD_HASH] = HASH},
		.slots = {[SLOT_INPUT] = CIPHERTEXT, [SLOT_OUTPUT] = MESSAGE},
		.run = slot_decrypt_pkcs1,
	},
	{
		.number = 11,
		.name = "SlotDecryptOaep",
		.doc = "Decrypt with the padding oaep and a key in a slot",
		.answers = {"bytes of message"},
		.words = {[WORD_KEY_SLOT] = KEY_SLOT, [WORD_HASH] = HASH},
		.slots = {[SLOT_PARAMETERS] = CIPHER_PARAMETERS,
			  [SLOT_LABEL] = LABEL,
			  [SLOT_INPUT] = CIPHERTEXT,
			  [SLOT_OUTPUT] = MESSAGE},
		.run = slot_decrypt_oaep,
	},
};

extern const struct capsule rsa_capsule;
const struct capsule rsa_capsule = {
	.name = "rsa",
	.interface = "Rsa",
	.doc = "RSA: PKCS #1 v2.2 (RFC 8017).",
	.driver = 0x80000004,
	.state_size = sizeof(struct rsa_operation),
	.ports = 2,
	.port_kinds = {HIL_RSA, HIL_HWKEY},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
