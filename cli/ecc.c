/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli ecc: keys, signatures and agreements on elliptic curves, in the files of openssl(1).
 * Every private key that was read or made is wiped before the program ends, however it ends.
 */
#include <pluton/ecc.h>
#include <pluton/hwkey.h>
#include <stdlib.h>
#include <string.h>

#include "cli/buffer.h"
#include "cli/ecc_file.h"
#include "cli/failure.h"
#include "cli/hash.h"
#include "cli/hex.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/key.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/words.h"

#define CURVES "p256, p384, p521, ed25519 or x25519"
#define MESSAGE_MAX ((size_t)64 << 20) /* bytes of an Ed25519 message to be verified: a window */

enum {
	OPTION_CURVE,
	OPTION_KEY,
	OPTION_KEY_SLOT,
	OPTION_OTHER, /* --peer, --signature */
	OPTION_HASH,
	OPTION_FORMAT,
	OPTION_IN,
	OPTION_OUT,
};

#define OPTION(name, index, value, doc)                                                            \
	{                                                                                          \
		name, WORDS_OPTION(index), value, 0, doc, 0                                        \
	}
#define KEY_OPTION OPTION("key", OPTION_KEY, "FILE", "The private key: PKCS#8, in PEM or DER")
#define KEY_SLOT_OPTION                                                                            \
	OPTION("key-slot", OPTION_KEY_SLOT, "N",                                                   \
	       "The private key: the one in your slot N, see `pluton-cli key list'")
#define PUBLIC_OPTION                                                                              \
	OPTION("key", OPTION_KEY, "FILE", "The public key: SubjectPublicKeyInfo, in PEM or DER")
#define FORMAT_OPTION OPTION("format", OPTION_FORMAT, "FORMAT", "pem (default) or der")
#define HASH_OPTION                                                                                \
	OPTION("hash", OPTION_HASH, "ALGORITHM",                                                   \
	       "Not for ed25519: what hashes the file, as `pluton-cli hash' knows it (default: "   \
	       "sha256, for p384 sha384, for p521 sha512)")
#define SIGNATURE_FORMAT_OPTION                                                                    \
	OPTION("format", OPTION_FORMAT, "FORMAT",                                                  \
	       "Not for ed25519: der (default), as openssl dgst has it, or raw: r || s")
#define IN_OPTION OPTION("in", OPTION_IN, "FILE", "What to read (default: -, standard input)")
#define OUT_OPTION OPTION("out", OPTION_OUT, "FILE", "What to write (default: -, standard output)")

static const struct advice advice[] = {
	{PLUTON_ESIZE, "ed25519 signs", "sign a digest of it, or use a P curve"},
	{PLUTON_ENOSUPPORT, NULL, "use another curve, and see `pluton-cli engines'"},
	{0},
};

/* --- the command line ------------------------------------------------------------------------ */

static int need(const struct words *words, unsigned option, const char *what)
{
	if (words->option[option])
		return CLI_DONE;
	return fail_usage("%s is missing, give a file, see `pluton-cli ecc --help'", what);
}

/* One of two words. */
static int parse_format(const struct words *words, const char *yes, const char *no, bool *ret_yes)
{
	const char *word = words->option[OPTION_FORMAT];

	*ret_yes = strcmp(word, yes) == 0;
	if (*ret_yes || strcmp(word, no) == 0)
		return CLI_DONE;
	return fail_usage("no such format, %s, use %s or %s", word, yes, no);
}

/* The private key is in a file, or in a slot of the daemon. */
static int need_private(const struct words *words)
{
	if (words->option[OPTION_KEY] && words->option[OPTION_KEY_SLOT])
		return fail_usage("two keys, --key-slot and --key, leave out one");
	if (words->option[OPTION_KEY_SLOT])
		return CLI_DONE;
	return need(words, OPTION_KEY, "the private key, --key,");
}

static int check_inputs(const struct words *words)
{
	const char *const paths[] = {words->option[OPTION_KEY], words->option[OPTION_OTHER],
				     words->option[OPTION_IN]};

	return input_check(paths, sizeof(paths) / sizeof(paths[0]));
}

/* json-c would keep a copy of it that nobody wipes. */
static int need_file(const struct words *words)
{
	if (!words->session->json || strcmp(words->option[OPTION_OUT], "-") != 0)
		return CLI_DONE;
	return fail_usage("--json with a secret on standard output, --out -, name a file");
}

static int open_session(const struct words *words)
{
	words->session->advice = advice;
	return session_open(words->session);
}

static int failed(const struct words *words, int error, const char *what, const char *value)
{
	return session_failed(words->session, error, what, value);
}

/* --- the private key ------------------------------------------------------------------------- */

struct own_key {
	struct pluton_ecc_private file; /* unless slot */
	uint32_t slot;
	enum pluton_ecc_curve curve; /* of a key in a slot only once it was asked for */
};

static int take_own(const struct words *words, struct own_key *ret)
{
	const char *slot = words->option[OPTION_KEY_SLOT];
	struct key key = {.slot = 0};
	int status;

	if (!slot) {
		status = ecc_file_read_private(words->option[OPTION_KEY], &ret->file);
		ret->curve = ret->file.curve;
		return status;
	}
	status = key_take_slot(slot, &key);
	ret->slot = key.slot;
	return status;
}

/* In a session. */
static int find_curve(const struct words *words, struct own_key *key)
{
	const char *slot = words->option[OPTION_KEY_SLOT], *type;
	struct pluton_hwkey_row row;
	int status;

	if (!key->slot)
		return CLI_DONE;
	status = key_slot_row(words->session, key->slot, slot, &row);
	if (status != CLI_DONE)
		return status;
	type = pluton_hwkey_type_name((enum pluton_hwkey_type)row.type);
	if (type)
		key->curve = pluton_ecc_by_name(type);
	if (key->curve)
		return CLI_DONE;
	return fail_pluton(-PLUTON_EINVAL,
			   "no key of a curve in slot, %s: it holds another, see `pluton-cli key "
			   "list'",
			   slot);
}

static const char *name_of(const struct words *words)
{
	const char *file = words->option[OPTION_KEY];

	return file ? file : words->option[OPTION_KEY_SLOT];
}

/* --- answers --------------------------------------------------------------------------------- */

struct answer {
	enum pluton_ecc_curve curve;
	const char
		*member; /* of the JSON object, where it is on standard output; not of a secret */
	const void *bytes;
	size_t length;
	bool text;
	bool secret;
};

static struct json_object *json_bytes(const struct answer *answer)
{
	char digits[2 * ECC_FILE_MAX];

	if (answer->text)
		return json_object_new_string_len(answer->bytes, (int)answer->length);
	hex_encode(answer->bytes, answer->length, digits);
	return json_object_new_string_len(digits, (int)(2 * answer->length));
}

static int print_json(const struct answer *answer, const char *out)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "curve",
				       json_object_new_string(pluton_ecc_name(answer->curve)));
		if (strcmp(out, "-") == 0)
			json_object_object_add(object, answer->member, json_bytes(answer));
		else
			json_object_object_add(object, "out", json_text(out));
	}
	return json_print(object);
}

static int give(const struct words *words, const struct answer *answer)
{
	const char *out = words->option[OPTION_OUT];
	bool json = words->session->json;
	int status = CLI_DONE;

	if (!json || strcmp(out, "-") != 0)
		status = answer->secret ? output_whole_secret(out, answer->bytes, answer->length)
					: output_whole(out, answer->bytes, answer->length);
	return status == CLI_DONE && json ? print_json(answer, out) : status;
}

/* --- generate -------------------------------------------------------------------------------- */

static int generate(const struct words *words, enum pluton_ecc_curve curve, bool pem)
{
	struct pluton_ecc_private key;
	struct pluton_ecc_public public;
	unsigned char bytes[ECC_FILE_MAX];
	struct answer answer = {.curve = curve, .bytes = bytes, .secret = true};
	int status = CLI_DONE;
	int r = pluton_ecc_generate(words->session->pluton, curve, &key, &public);

	if (r < 0)
		status = failed(words, r, "no key", pluton_ecc_name(curve));
	if (status == CLI_DONE)
		status = ecc_file_private(&key, &public, pem, bytes, &answer.length);
	if (status == CLI_DONE)
		status = give(words, &answer);
	pluton_ecc_wipe(&key);
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}

static int parse_curve(const struct words *words, enum pluton_ecc_curve *ret)
{
	const char *name = words->option[OPTION_CURVE];

	if (!name)
		return fail_usage("the curve is missing, --curve, use " CURVES);
	*ret = pluton_ecc_by_name(name);
	return *ret ? CLI_DONE : fail_usage("no such curve, %s, use " CURVES, name);
}

static int verb_generate(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION("curve", OPTION_CURVE, "NAME", CURVES), FORMAT_OPTION, OUT_OPTION, {0}};
	static const struct words_form form = {
		.doc = "Makes a private key.\v"
		       "The file is PKCS#8 without a password; only you may read it.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli ecc generate --curve ed25519 --out KEY.pem\n"
		       "  openssl pkey -in KEY.pem -text\n",
		.options = options,
		.defaults = {[OPTION_FORMAT] = "pem", [OPTION_OUT] = "-"},
	};
	enum pluton_ecc_curve curve = 0;
	struct words words;
	bool pem = true;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = parse_curve(&words, &curve);
	if (status == CLI_DONE)
		status = need_file(&words);
	if (status == CLI_DONE)
		status = parse_format(&words, "pem", "der", &pem);
	if (status == CLI_DONE)
		status = open_session(&words);
	return status == CLI_DONE ? generate(&words, curve, pem) : status;
}

/* --- public ---------------------------------------------------------------------------------- */

static int write_public(const struct words *words, const struct own_key *key, bool pem)
{
	struct pluton *pluton = words->session->pluton;
	struct pluton_ecc_public public;
	unsigned char bytes[ECC_FILE_MAX];
	struct answer answer = {
		.curve = key->curve, .member = "public", .bytes = bytes, .text = pem};
	int r = key->slot ? pluton_ecc_public_of_slot(pluton, key->curve, key->slot, &public)
			  : pluton_ecc_public_of(pluton, &key->file, &public);
	int status;

	if (r < 0)
		return failed(words, r, "no public key of", name_of(words));
	status = ecc_file_public(&public, pem, bytes, &answer.length);
	return status == CLI_DONE ? give(words, &answer) : status;
}

static int verb_public(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTION, KEY_SLOT_OPTION, FORMAT_OPTION, OUT_OPTION, {0}};
	static const struct words_form form = {
		.doc = "Prints the public key of a private one.\v"
		       "It is a SubjectPublicKeyInfo, as openssl pkey -pubout prints it.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli ecc public --key KEY.pem --out PUBLIC.pem\n",
		.options = options,
		.defaults = {[OPTION_FORMAT] = "pem", [OPTION_OUT] = "-"},
	};
	struct own_key key = {0};
	struct words words;
	bool pem = true;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = need_private(&words);
	if (status == CLI_DONE)
		status = parse_format(&words, "pem", "der", &pem);
	if (status == CLI_DONE)
		status = take_own(&words, &key);
	if (status == CLI_DONE)
		status = open_session(&words);
	if (status == CLI_DONE)
		status = find_curve(&words, &key);
	if (status == CLI_DONE)
		status = write_public(&words, &key, pem);
	pluton_ecc_wipe(&key.file);
	return status;
}

/* --- what is signed -------------------------------------------------------------------------- */

/* The digest of the file, or the file. */
struct signed_input {
	unsigned char digest[PLUTON_DIGEST_SIZE_MAX];
	struct buffer message;
	const void *bytes;
	size_t length;
};

static const char *usual_hash(enum pluton_ecc_curve curve)
{
	return curve == PLUTON_P384 ? "sha384" : curve == PLUTON_P521 ? "sha512" : "sha256";
}

static int take_digest(const struct words *words, enum pluton_ecc_curve curve,
		       struct signed_input *ret)
{
	const char *name = words->option[OPTION_HASH];
	enum pluton_digest_algorithm algorithm;

	if (!name)
		name = usual_hash(curve);
	algorithm = pluton_digest_by_name(name);
	if (algorithm == 0)
		return fail_usage("no such algorithm, %s, see `pluton-cli hash --help'", name);
	ret->bytes = ret->digest;
	ret->length = pluton_digest_size(algorithm);
	return hash_file(words->session, name, words->option[OPTION_IN], ret->digest);
}

static int take_message(const struct words *words, size_t max, struct signed_input *ret)
{
	const char *path = words->option[OPTION_IN];
	bool fits = true;
	int status = buffer_read_file(path, max, &ret->message, &fits);

	ret->bytes = ret->message.data;
	ret->length = ret->message.length;
	if (status != CLI_DONE || fits)
		return status;
	return fail_pluton(-PLUTON_ESIZE,
			   "too long, %s: ed25519 takes at most %zu bytes here, sign a digest of "
			   "it, or use a P curve",
			   path, max);
}

static int take_input(const struct words *words, enum pluton_ecc_curve curve, size_t max,
		      struct signed_input *ret)
{
	if (curve != PLUTON_ED25519)
		return take_digest(words, curve, ret);
	if (words->option[OPTION_HASH])
		return fail_usage("--hash with an ed25519 key, which signs the message itself, "
				  "leave it out");
	return take_message(words, max, ret);
}

/* --- sign ------------------------------------------------------------------------------------ */

static int give_signature(const struct words *words, enum pluton_ecc_curve curve, bool der,
			  const unsigned char *signature)
{
	unsigned char bytes[ECC_FILE_MAX];
	struct answer answer = {.curve = curve,
				.member = "signature",
				.bytes = signature,
				.length = pluton_ecc_signature_size(curve)};

	if (der && curve != PLUTON_ED25519) {
		if (!ecc_file_to_der(curve, signature, bytes, &answer.length))
			return fail_pluton(-PLUTON_ENOMEM, "no memory, for a signature, free some");
		answer.bytes = bytes;
	}
	return give(words, &answer);
}

static int sign(const struct words *words, const struct own_key *key, bool der)
{
	unsigned char signature[PLUTON_ECC_SIGNATURE_MAX];
	struct signed_input input = {.length = 0};
	struct pluton_ecc_sign_request request = {
		.key = key->slot ? NULL : &key->file,
		.key_slot = key->slot,
		.curve = key->curve,
		.signature = signature,
		.signature_size = sizeof(signature),
	};
	int r, status = take_input(words, key->curve, PLUTON_ED25519_MESSAGE_MAX, &input);

	request.input = input.bytes;
	request.length = input.length;
	if (status == CLI_DONE) {
		r = pluton_ecc_sign(words->session->pluton, &request);
		if (r < 0)
			status = failed(words, r, "cannot sign", words->option[OPTION_IN]);
	}
	if (status == CLI_DONE)
		status = give_signature(words, key->curve, der, signature);
	buffer_free(&input.message);
	return status;
}

static int verb_sign(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTION, KEY_SLOT_OPTION, HASH_OPTION, SIGNATURE_FORMAT_OPTION,
		IN_OPTION,  OUT_OPTION,	     {0}};
	static const struct words_form form = {
		.doc = "Signs a file.\v"
		       "A P curve signs the digest of a file of any size (ECDSA); ed25519 signs "
		       "the file\n"
		       "itself, of at most 16384 bytes, and its signature is 64 bytes.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli ecc sign --key KEY.pem --in FILE --out FILE.sig\n"
		       "  pluton-cli ecc sign --key-slot 1 --in FILE --out FILE.sig\n"
		       "  openssl dgst -sha256 -verify PUBLIC.pem -signature FILE.sig FILE\n",
		.options = options,
		.defaults = {[OPTION_FORMAT] = "der", [OPTION_IN] = "-", [OPTION_OUT] = "-"},
	};
	struct own_key key = {0};
	struct words words;
	bool der = true;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = need_private(&words);
	if (status == CLI_DONE)
		status = check_inputs(&words);
	if (status == CLI_DONE)
		status = parse_format(&words, "der", "raw", &der);
	if (status == CLI_DONE)
		status = take_own(&words, &key);
	if (status == CLI_DONE)
		status = open_session(&words);
	if (status == CLI_DONE)
		status = find_curve(&words, &key);
	if (status == CLI_DONE)
		status = sign(&words, &key, der);
	pluton_ecc_wipe(&key.file);
	return status;
}

/* --- verify ---------------------------------------------------------------------------------- */

static int read_signature(const struct words *words, enum pluton_ecc_curve curve, bool der,
			  unsigned char *ret)
{
	const char *path = words->option[OPTION_OTHER];
	size_t size = pluton_ecc_signature_size(curve);
	struct buffer file = {0};
	bool fits = true;
	int status = buffer_read_file(path, ECC_FILE_MAX, &file, &fits);

	if (status == CLI_DONE && der && curve != PLUTON_ED25519)
		fits = fits && ecc_file_from_der(curve, file.data, file.length, ret);
	else if (status == CLI_DONE && file.length == size)
		memcpy(ret, file.data, size);
	else
		fits = false;
	buffer_free(&file);
	if (status != CLI_DONE || fits)
		return status;
	return fail_pluton(
		-PLUTON_EINVAL, "no signature of %s, %s: %s, give another file or --format",
		pluton_ecc_name(curve), path,
		der && curve != PLUTON_ED25519 ? "it is no DER of one" : "it has a wrong length");
}

static int print_verified(const struct words *words)
{
	if (words->session->json)
		return json_print_member("verified", json_object_new_boolean(true));
	return output_whole("-", "verified\n", strlen("verified\n"));
}

static int verify(const struct words *words, const struct pluton_ecc_public *key, bool der)
{
	unsigned char signature[PLUTON_ECC_SIGNATURE_MAX] = {0};
	struct signed_input input = {.length = 0};
	struct pluton_ecc_verify_request request = {.key = key,
						    .signature = signature,
						    .signature_size =
							    pluton_ecc_signature_size(key->curve)};
	int r, status = read_signature(words, key->curve, der, signature);

	if (status == CLI_DONE)
		status = take_input(words, key->curve, MESSAGE_MAX, &input);
	request.input = input.bytes;
	request.length = input.length;
	if (status == CLI_DONE) {
		r = pluton_ecc_verify(words->session->pluton, &request);
		status = r < 0 ? failed(words, r, "not verified", words->option[OPTION_IN])
			       : print_verified(words);
	}
	buffer_free(&input.message);
	return status;
}

static int verb_verify(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PUBLIC_OPTION, OPTION("signature", OPTION_OTHER, "FILE", "The signature to check"),
		HASH_OPTION,   SIGNATURE_FORMAT_OPTION,
		IN_OPTION,     {0}};
	static const struct words_form form = {
		.doc = "Verifies the signature of a file.\v"
		       "If it is right, prints `verified'; if not, says so and the exit status is "
		       "1.\n"
		       "\n"
		       "Examples:\n"
		       "  openssl dgst -sha256 -sign KEY.pem -out FILE.sig FILE\n"
		       "  pluton-cli ecc verify --key PUBLIC.pem --signature FILE.sig --in FILE\n",
		.options = options,
		.defaults = {[OPTION_FORMAT] = "der", [OPTION_IN] = "-"},
	};
	struct pluton_ecc_public key = {0};
	struct words words;
	bool der = true;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = need(&words, OPTION_KEY, "the public key, --key,");
	if (status == CLI_DONE)
		status = need(&words, OPTION_OTHER, "the signature, --signature,");
	if (status == CLI_DONE)
		status = check_inputs(&words);
	if (status == CLI_DONE)
		status = parse_format(&words, "der", "raw", &der);
	if (status == CLI_DONE)
		status = ecc_file_read_public(words.option[OPTION_KEY], &key);
	if (status == CLI_DONE && pluton_ecc_signature_size(key.curve) == 0)
		status = fail_pluton(-PLUTON_ENOSUPPORT,
				     "no signatures, %s: x25519 has none, use another key",
				     words.option[OPTION_KEY]);
	if (status == CLI_DONE)
		status = open_session(&words);
	return status == CLI_DONE ? verify(&words, &key, der) : status;
}

/* --- ecdh ------------------------------------------------------------------------------------ */

static int agree(const struct words *words, const struct own_key *key,
		 const struct pluton_ecc_public *peer)
{
	unsigned char secret[PLUTON_ECC_SECRET_MAX];
	const struct pluton_ecc_agree_request request = {
		.key = key->slot ? NULL : &key->file,
		.key_slot = key->slot,
		.peer = peer,
		.secret = secret,
		.secret_size = sizeof(secret),
	};
	const struct answer answer = {.curve = peer->curve,
				      .bytes = secret,
				      .length = pluton_ecc_secret_size(peer->curve),
				      .secret = true};
	int r = pluton_ecc_agree(words->session->pluton, &request);
	int status = r < 0 ? failed(words, r, "no shared secret", words->option[OPTION_OTHER])
			   : give(words, &answer);

	explicit_bzero(secret, sizeof(secret));
	return status;
}

static int verb_ecdh(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTION,
		KEY_SLOT_OPTION,
		OPTION("peer", OPTION_OTHER, "FILE", "The other's public key"),
		OUT_OPTION,
		{0}};
	static const struct words_form form = {
		.doc = "Prints the secret that two keys share, as it is.\v"
		       "It is what openssl pkeyutl -derive prints: hash it before use.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli ecc ecdh --key KEY.pem --peer PUBLIC.pem --out SECRET\n",
		.options = options,
		.defaults = {[OPTION_OUT] = "-"},
	};
	struct own_key key = {0};
	struct pluton_ecc_public peer = {0};
	struct words words;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = need_private(&words);
	if (status == CLI_DONE)
		status = need(&words, OPTION_OTHER, "the other's public key, --peer,");
	if (status == CLI_DONE)
		status = check_inputs(&words);
	if (status == CLI_DONE)
		status = need_file(&words);
	if (status == CLI_DONE)
		status = take_own(&words, &key);
	if (status == CLI_DONE)
		status = ecc_file_read_public(words.option[OPTION_OTHER], &peer);
	if (status == CLI_DONE)
		status = open_session(&words);
	if (status == CLI_DONE)
		status = agree(&words, &key, &peer);
	pluton_ecc_wipe(&key.file);
	return status;
}

static const struct verb table[] = {
	{"generate", "", "Make a private key", verb_generate},
	{"public", "", "The public key of a private one", verb_public},
	{"sign", "", "Sign a file", verb_sign},
	{"verify", "", "Verify the signature of a file", verb_verify},
	{"ecdh", "", "The secret that two keys share", verb_ecdh},
};

int noun_ecc(struct session *session, int argc, char **argv)
{
	static const struct verbs verbs = {
		.kind = "command",
		.doc = "Keys and signatures on elliptic curves: p256, p384, p521, ed25519, "
		       "x25519.\v"
		       "Keys and signatures are the files of openssl(1).\n",
		.table = table,
		.count = sizeof(table) / sizeof(table[0]),
	};

	return verbs_run(&verbs, session, argc, argv);
}
