/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ecc capsule: keys, signatures and agreements on elliptic curves. It moves parts between the
 * client's slots and the engine, and sees to their sizes; what is in them the engine judges.
 */
#include "hil/ecc.h"
#include "hil/hwkey-slot.h"
#include "svc/capsule-half.h"

/* The same part has the same slot in every command. */
enum { SLOT_KEY, SLOT_PUBLIC, SLOT_INPUT, SLOT_SIGNATURE, SLOT_SECRET };
enum { WORD_CURVE = 0, WORD_KEY_SLOT = 1 };
enum { PORT_ECC = 0, PORT_HWKEY = 1 };

static const struct enum_name curves[] = {
	{ECC_P256, "p256"},	  {ECC_P384, "p384"},	  {ECC_P521, "p521"},
	{ECC_ED25519, "ed25519"}, {ECC_X25519, "x25519"}, {0, NULL},
};

static const struct enum_name actions[] = {
	{ECC_GENERATE, "makes keys"},	     {ECC_PUBLIC, "finds public keys"}, {ECC_SIGN, "signs"},
	{ECC_VERIFY, "verifies signatures"}, {ECC_AGREE, "agrees on secrets"},	{0, NULL},
};

struct ecc_operation {
	struct ecc_client client;
	struct operation *op;
	struct ecc_engine *engine;
	struct ecc_request request;
};

/* op_fail has room for a sentence in the state. */
static_assert(sizeof(struct ecc_operation) <= ECC_WHY_MAX, "an operation fits where why() does");

CAPSULE_OF_CLIENT(ecc)

/* --- what the engine calls ------------------------------------------------------------------- */

CAPSULE_PULLS(ecc, pull_input, SLOT_INPUT)
CAPSULE_LENDS(ecc, lend_input, SLOT_INPUT)
CAPSULE_PULLS_WHOLE(ecc, pull_key, SLOT_KEY)
CAPSULE_PULLS_WHOLE(ecc, pull_public, SLOT_PUBLIC)
CAPSULE_PULLS_WHOLE(ecc, pull_signature, SLOT_SIGNATURE)
CAPSULE_PUSHES_WHOLE(ecc, push_key, SLOT_KEY)
CAPSULE_PUSHES_WHOLE(ecc, push_public, SLOT_PUBLIC)
CAPSULE_PUSHES_WHOLE(ecc, push_signature, SLOT_SIGNATURE)
CAPSULE_PUSHES_WHOLE(ecc, push_secret, SLOT_SECRET)

static void done(struct ecc_client *client, int result)
{
	struct ecc_operation *state = of_client(client);

	if (result < 0)
		op_fail(state->op, result, "%s", state->engine->ops->why(state->engine));
	else
		op_done(state->op, 0, 0, 0);
}

static const struct ecc_client_ops client_ops = {
	.pull_input = pull_input,
	.lend_input = lend_input,
	.pull_key = pull_key,
	.pull_public = pull_public,
	.pull_signature = pull_signature,
	.push_key = push_key,
	.push_public = push_public,
	.push_signature = push_signature,
	.push_secret = push_secret,
	.done = done,
};

/* --- the request ----------------------------------------------------------------------------- */

static const char *curve_name(const struct ecc_operation *state)
{
	return enum_name_of(curves, state->request.curve);
}

static int check_part(const struct ecc_operation *state, unsigned slot, const char *name,
		      size_t size)
{
	size_t length = op_length(state->op, slot);

	if (length == size)
		return 0;
	return op_refuse(state->op, -PLUTON_ESIZE, "%s has %zu bytes, %s needs %zu", name, length,
			 curve_name(state), size);
}

static int check_parts(const struct ecc_operation *state)
{
	enum ecc_curve curve = state->request.curve;
	enum ecc_action action = state->request.action;
	int r = 0;

	if (action != ECC_VERIFY && state->request.key.kind == HIL_KEY_BYTES)
		r = check_part(state, SLOT_KEY, "key", ecc_key_size(curve));
	if (r == 0 && action != ECC_SIGN)
		r = check_part(state, SLOT_PUBLIC, "public", ecc_public_size(curve));
	if (r == 0 && (action == ECC_SIGN || action == ECC_VERIFY))
		r = check_part(state, SLOT_SIGNATURE, "signature", ecc_signature_size(curve));
	if (r == 0 && action == ECC_AGREE)
		r = check_part(state, SLOT_SECRET, "secret", ecc_secret_size(curve));
	return r;
}

static int explain_size(const struct ecc_operation *state, const struct ecc_caps *caps)
{
	const struct ecc_request *request = &state->request;
	bool signs = request->action == ECC_SIGN;

	if (ecc_is_prime_curve(request->curve))
		return op_refuse(state->op, -PLUTON_ESIZE,
				 "input has %zu bytes, a digest has 28, 32, 48 or 64%s",
				 request->length, signs ? "" : ", or 20");
	return op_refuse(state->op, -PLUTON_ESIZE, "input has %zu bytes, ed25519 %s at most %zu",
			 request->length, signs ? "signs" : "verifies",
			 signs ? caps->message_max : caps->verify_max);
}

/* Why this engine refuses the request. */
static int explain(const struct ecc_operation *state, const struct ecc_caps *caps, int error)
{
	if (error == -PLUTON_ENOSUPPORT && state->request.key.kind == HIL_KEY_SLOT &&
	    caps->curves >> state->request.curve & 1)
		return op_refuse(state->op, error, KEY_SLOT_NOT_REACHED, "ecc");
	if (error == -PLUTON_ENOSUPPORT)
		return op_refuse(state->op, error, "no ecc engine %s with %s",
				 enum_name_of(actions, state->request.action), curve_name(state));
	if (error == -PLUTON_ESIZE)
		return explain_size(state, caps);
	return error;
}

CAPSULE_SELECTS(ecc, PORT_ECC, "there is no ecc engine: see hil.ecc in plutond.conf")

/* --- commands -------------------------------------------------------------------------------- */

CAPSULE_TURNS(ecc)

/* The key's bytes, or the slot it is in; that of a public key is for anything. */
static int find_key(struct ecc_operation *state)
{
	const struct ecc_request *request = &state->request;
	const struct hwkey_wish wish = {
		.number = op_word(state->op, WORD_KEY_SLOT),
		.bytes = SLOT_KEY,
		.port = PORT_HWKEY,
		.family = HWKEY_OF_ECC,
		.usage = request->action == ECC_SIGN	? HWKEY_SIGN
			 : request->action == ECC_AGREE ? HWKEY_AGREE
							: 0,
	};
	struct hwkey_attributes attributes;
	int r = hwkey_take_wish(state->op, &wish, &state->request.key, &attributes);

	if (r < 0 || request->key.kind == HIL_KEY_BYTES)
		return r;
	if (hwkey_curve(attributes.type) != request->curve)
		return op_refuse(state->op, -PLUTON_EINVAL,
				 "key slot %u holds a key of another curve than %s", wish.number,
				 curve_name(state));
	return 0;
}

static int act(struct operation *op, enum ecc_action action)
{
	struct ecc_operation *state = op_state(op);
	int r = 0;

	state->client.ops = &client_ops;
	state->op = op;
	state->request.curve = op_word(op, WORD_CURVE);
	state->request.action = action;
	state->request.length = op_length(op, SLOT_INPUT);
	if (action != ECC_GENERATE && action != ECC_VERIFY)
		r = find_key(state);
	if (r == 0)
		r = select_engine(state);
	if (r == 0)
		r = check_parts(state);
	return r < 0 ? r : op_engine_request(op, &state->engine->head, granted);
}

static int generate(struct operation *op)
{
	return act(op, ECC_GENERATE);
}

static int public_key(struct operation *op)
{
	return act(op, ECC_PUBLIC);
}

static int sign(struct operation *op)
{
	return act(op, ECC_SIGN);
}

static int verify(struct operation *op)
{
	return act(op, ECC_VERIFY);
}

static int agree(struct operation *op)
{
	return act(op, ECC_AGREE);
}

#define CURVE                                                                                      \
	{                                                                                          \
		"curve", curves, ""                                                                \
	}
#define PART(name, access, size_max, doc)                                                          \
	{                                                                                          \
		name, access, 32, size_max, false, doc                                             \
	}
#define KEY                                                                                        \
	{                                                                                          \
		"key", SLOT_RO, 32, ECC_KEY_SIZE_MAX, true,                                        \
			"the private key; absent: the one in key_slot"                             \
	}
#define KEY_SLOT                                                                                   \
	{                                                                                          \
		"key_slot", NULL, KEY_SLOT_WORD_DOC                                                \
	}
#define PUBLIC_OUT PART("public", SLOT_RW, ECC_PUBLIC_SIZE_MAX, "gets the public key")
#define INPUT                                                                                      \
	{                                                                                          \
		"input", SLOT_RO, 1, 0, true,                                                      \
			"ed25519: the message, absent if empty; else its digest"                   \
	}

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Generate",
		.doc = "makes a key pair",
		.words = {[WORD_CURVE] = CURVE},
		.slots = {[SLOT_KEY] =
				  PART("key", SLOT_RW, ECC_KEY_SIZE_MAX, "gets the private key"),
			  [SLOT_PUBLIC] = PUBLIC_OUT},
		.run = generate,
	},
	{
		.number = 2,
		.name = "PublicKey",
		.doc = "the public key of a private one",
		.words = {[WORD_CURVE] = CURVE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY, [SLOT_PUBLIC] = PUBLIC_OUT},
		.run = public_key,
	},
	{
		.number = 3,
		.name = "Sign",
		.doc = "signs a digest by ECDSA, or by Ed25519 a message of at most 16384 bytes; "
		       "not x25519",
		.words = {[WORD_CURVE] = CURVE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY,
			  [SLOT_INPUT] = INPUT,
			  [SLOT_SIGNATURE] = PART("signature", SLOT_RW, ECC_SIGNATURE_SIZE_MAX,
						  "gets the signature")},
		.run = sign,
	},
	{
		.number = 4,
		.name = "Verify",
		.doc = "succeeds if the signature is valid, else it is INVAL; not x25519",
		.words = {[WORD_CURVE] = CURVE},
		.slots = {[SLOT_PUBLIC] = PART("public", SLOT_RO, ECC_PUBLIC_SIZE_MAX,
					       "the signer's public key"),
			  [SLOT_INPUT] = INPUT,
			  [SLOT_SIGNATURE] = PART("signature", SLOT_RO, ECC_SIGNATURE_SIZE_MAX,
						  "the signature to check")},
		.run = verify,
	},
	{
		.number = 5,
		.name = "Agree",
		.doc = "the secret that two keys share (ECDH, X25519); not ed25519",
		.words = {[WORD_CURVE] = CURVE, [WORD_KEY_SLOT] = KEY_SLOT},
		.slots = {[SLOT_KEY] = KEY,
			  [SLOT_PUBLIC] = PART("public", SLOT_RO, ECC_PUBLIC_SIZE_MAX,
					       "the other's public key"),
			  [SLOT_SECRET] =
				  PART("secret", SLOT_RW, ECC_SECRET_SIZE_MAX, "gets the secret")},
		.run = agree,
	},
};

extern const struct capsule ecc_capsule;
const struct capsule ecc_capsule = {
	.name = "ecc",
	.interface = "Ecc",
	.doc = "Elliptic curves: FIPS 186-5, NIST SP 800-56A, RFC 8032, RFC 7748.",
	.driver = 0x80000005,
	.state_size = ECC_WHY_MAX,
	.ports = 2,
	.port_kinds = {HIL_ECC, HIL_HWKEY},
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.cancel = cancel,
};
