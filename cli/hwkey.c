/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli key: hardware keys. Private keys that are imported are wiped before the program ends,
 * however it ends.
 */
#include <errno.h>
#include <pluton/hwkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/buffer.h"
#include "cli/ecc_file.h"
#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/key.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/rsa.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/waiting.h"
#include "cli/words.h"

#define TYPES "aes128 aes192 aes256 secret p256 p384 p521 ed25519 x25519 rsa2048 rsa3072 rsa4096"
#define POLICY_UNKNOWN UINT32_MAX /* of a damaged slot: no policy is "exportable" */
#define EXPORTABLE "exportable"
#define RSA_EXPONENT_SIZE 8 /* bytes behind the modulus of a public key */
#define USAGES "encrypt, decrypt, sign, mac, derive, wrap"

/* What fills a slot has the first four; all that is not common has the rest. */
enum {
	OPTION_USAGE,
	OPTION_POLICY,
	OPTION_SLOT,
	OPTION_SIZE,
	OPTION_FILE,
	OPTION_OTHER, /* --key-hex, --with, --format */
	OPTION_OUT = OPTION_FILE,
};

static const struct advice advice[] = {
	{PLUTON_EALREADY, NULL, "leave out --slot, or delete it first"},
	{PLUTON_ENOMEM, "_per_owner", "delete a key, or raise the limit in plutond.conf"},
	{PLUTON_ENOMEM, "hwkey.slots", "delete a key, or raise the limit in plutond.conf"},
	{PLUTON_EINVAL, "usage", "see the manual, pluton-cli(1), for what a type may have"},
	{0},
};

/* --- words for numbers ------------------------------------------------------------------------ */

struct flag {
	const char *name;
	uint32_t bit;
};

static const struct flag usages[] = {
	{"encrypt", PLUTON_HWKEY_ENCRYPT},
	{"decrypt", PLUTON_HWKEY_DECRYPT},
	{"sign", PLUTON_HWKEY_SIGN},
	{"mac", PLUTON_HWKEY_MAC},
	{"derive", PLUTON_HWKEY_DERIVE},
	{"wrap", PLUTON_HWKEY_WRAP},
	{NULL, 0},
};

/* "exportable" takes away a bit that is there by default. */
static const struct flag policies[] = {
	{"never-exported", PLUTON_HWKEY_NEVER_EXPORTED},
	{"this-boot", PLUTON_HWKEY_THIS_BOOT},
	{"engine-iv", PLUTON_HWKEY_ENGINE_IV},
	{NULL, 0},
};

/* Commas between. Valid until the next call with the same text. */
static const char *name_flags(const struct flag *flags, uint64_t bits, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (; flags->name; flags++) {
		if (bits & flags->bit)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
						 flags->name);
	}
	return text;
}

static const char *usage_word(uint64_t bits)
{
	static char text[64];

	return name_flags(usages, bits, text, sizeof(text));
}

static const char *policy_word(uint64_t bits)
{
	static char text[64];

	if (bits == POLICY_UNKNOWN)
		return "unknown";
	if (bits & PLUTON_HWKEY_NEVER_EXPORTED)
		return name_flags(policies, bits, text, sizeof(text));
	strcpy(text, bits ? EXPORTABLE "," : EXPORTABLE);
	(void)name_flags(policies, bits, text + strlen(text), sizeof(text) - strlen(text));
	return text;
}

static const char *type_word(uint64_t type)
{
	const char *name = pluton_hwkey_type_name((enum pluton_hwkey_type)type);

	return name ? name : "unknown";
}

static const struct column columns[] = {
	{"number", "SLOT", COLUMN_PLAIN, NULL},		{"type", "TYPE", COLUMN_WORD, type_word},
	{"size", "BYTES", COLUMN_PLAIN, NULL},		{"usage", "USAGE", COLUMN_WORD, usage_word},
	{"policy", "POLICY", COLUMN_WORD, policy_word}, {"damaged", "DAMAGED", COLUMN_FLAG, NULL},
};
static const struct table table = {&row_hwkey, columns, sizeof(columns) / sizeof(columns[0])};

/* --- the command line ------------------------------------------------------------------------- */

static int failed(const struct words *words, int error, const char *what)
{
	const char *value = words->word[0];

	return session_failed(words->session, error, what, value);
}

static int parse_flag(const struct flag *flags, const char *name, size_t length, uint32_t *ret_bit)
{
	for (; flags->name; flags++) {
		if (strlen(flags->name) == length && strncmp(flags->name, name, length) == 0) {
			*ret_bit = flags->bit;
			return CLI_DONE;
		}
	}
	return CLI_USAGE;
}

static int parse_usage(const char *text, uint32_t *ret)
{
	*ret = 0;
	while (*text) {
		size_t length = strcspn(text, ",");
		uint32_t bit = 0;

		if (parse_flag(usages, text, length, &bit) != CLI_DONE)
			return fail_usage("no such usage, %.*s, use " USAGES " with commas between",
					  (int)length, text);
		*ret |= bit;
		text += length + (text[length] == ',');
	}
	return CLI_DONE;
}

static int parse_policy(const char *text, uint32_t *ret)
{
	bool exportable = false;

	*ret = 0;
	while (*text) {
		size_t length = strcspn(text, ",");
		uint32_t bit = 0;
		bool is_it = length == strlen(EXPORTABLE) && memcmp(text, EXPORTABLE, length) == 0;

		if (!is_it && parse_flag(policies, text, length, &bit) != CLI_DONE)
			return fail_usage("no such policy, %.*s, use exportable or never-exported, "
					  "this-boot, engine-iv with commas between",
					  (int)length, text);
		exportable |= is_it;
		*ret |= bit;
		text += length + (text[length] == ',');
	}
	if (!exportable)
		*ret |= PLUTON_HWKEY_NEVER_EXPORTED;
	else if (*ret & PLUTON_HWKEY_NEVER_EXPORTED)
		return fail_usage("exportable and never-exported, --policy, leave out one");
	return CLI_DONE;
}

/* What a key is mostly for. */
static uint32_t usual_usage(enum pluton_hwkey_type type)
{
	switch (type) {
	case PLUTON_HWKEY_AES128:
	case PLUTON_HWKEY_AES192:
	case PLUTON_HWKEY_AES256:
		return PLUTON_HWKEY_ENCRYPT | PLUTON_HWKEY_DECRYPT;
	case PLUTON_HWKEY_SECRET:
		return PLUTON_HWKEY_MAC;
	case PLUTON_HWKEY_X25519:
		return PLUTON_HWKEY_DERIVE;
	default:
		return PLUTON_HWKEY_SIGN;
	}
}

static int parse_type(const char *name, enum pluton_hwkey_type *ret)
{
	*ret = pluton_hwkey_type_by_name(name);
	return *ret ? CLI_DONE : fail_usage("no such type, %s, use one of " TYPES, name);
}

/* A slot that must be there. */
static int parse_slot(const char *text, const char *what, uint32_t *ret)
{
	int status = words_number(text, what, PLUTON_HWKEY_NUMBER_MAX, ret);

	if (status == CLI_DONE && *ret == 0)
		return fail_usage("%s is 0, slots have numbers from 1", what);
	return status;
}

/* What is about to come into a slot. */
struct filling {
	struct words words;
	struct pluton_hwkey_attributes attributes;
	uint32_t number;
};

static int parse_filling(struct filling *filling)
{
	const struct words *words = &filling->words;
	struct pluton_hwkey_attributes *attributes = &filling->attributes;
	int status = parse_type(words->word[0], &attributes->type);

	attributes->usage = usual_usage(attributes->type);
	if (status == CLI_DONE && words->option[OPTION_USAGE])
		status = parse_usage(words->option[OPTION_USAGE], &attributes->usage);
	if (status == CLI_DONE)
		status = parse_policy(words->option[OPTION_POLICY], &attributes->policy);
	if (status == CLI_DONE && words->option[OPTION_SLOT])
		status = parse_slot(words->option[OPTION_SLOT], "--slot", &filling->number);
	if (attributes->type == PLUTON_HWKEY_SECRET)
		attributes->size = 32;
	if (status == CLI_DONE && words->option[OPTION_SIZE])
		status = words_number(words->option[OPTION_SIZE], "--size", UINT32_MAX,
				      &attributes->size);
	return status;
}

static int open_session(const struct words *words)
{
	words->session->advice = advice;
	return session_open(words->session);
}

/* The slot's number, which the caller may want to go on with. */
static int print_filled(const struct filling *filling)
{
	struct json_object *object;

	if (!filling->words.session->json) {
		printf("%u\n", filling->number);
		return CLI_DONE;
	}
	object = json_object_new_object();
	if (object)
		json_add_number(object, "slot", filling->number);
	return json_print(object);
}

#define OPTION(name, index, value, doc)                                                            \
	{                                                                                          \
		name, WORDS_OPTION(index), value, 0, doc, 0                                        \
	}
#define FILLING_OPTIONS                                                                            \
	OPTION("usage", OPTION_USAGE, "USAGES",                                                    \
	       USAGES                                                                              \
	       ", with commas between (default: encrypt,decrypt for AES, mac for a secret, "       \
	       "derive for x25519, else sign)"),                                                   \
		OPTION("policy", OPTION_POLICY, "POLICIES",                                        \
		       "never-exported (default) or exportable; this-boot: not kept; engine-iv: "  \
		       "AES only in GCM, with IVs that the daemon makes"),                         \
		OPTION("slot", OPTION_SLOT, "N",                                                   \
		       "The slot to fill (default: the lowest empty one)")
#define SIZE_OPTION OPTION("size", OPTION_SIZE, "BYTES", "Of a secret, 1 to 128 (default: 32)")
#define TYPE_NAME "the type of key, TYPE,"
#define TYPE_DOC "Types: " TYPES ".\n"

/* --- filling ---------------------------------------------------------------------------------- */

static int run_generate(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {FILLING_OPTIONS, SIZE_OPTION, {0}};
	static const struct words_form form = {
		.args_doc = "TYPE",
		.doc = "Makes a key in a slot, and prints the slot's number.\v" TYPE_DOC "\n"
		       "Examples:\n"
		       "  pluton-cli key generate aes256 --policy engine-iv\n"
		       "  pluton-cli key generate p256 --slot 7\n",
		.names = {TYPE_NAME},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_POLICY] = ""},
	};
	struct filling filling = {0};
	struct waiting waiting = {0};
	int r, status = words_parse(&form, session, argc, argv, &filling.words);

	if (status == CLI_DONE)
		status = parse_filling(&filling);
	if (status == CLI_DONE)
		status = open_session(&filling.words);
	if (status != CLI_DONE)
		return status;
	r = pluton_hwkey_generate_async(session->pluton, &filling.attributes, &filling.number,
					waiting_done, &waiting, NULL);
	r = waiting_end(session, &waiting, r, "making a key");
	return r < 0 ? failed(&filling.words, r, "no key") : print_filled(&filling);
}

static bool fits_any(size_t size)
{
	return size >= 1;
}

static const struct key_form key_form_slot = {
	.max = PLUTON_HWKEY_SECRET_MAX,
	.fits = fits_any,
	.digits = "give two for each byte, of 1 to 128",
	.bytes = "give 1 to 128, or as many as the type has",
};

/* The parts one behind the other, as a slot has them. */
static int read_rsa(const char *path, uint8_t *ret_bytes, size_t *ret_size)
{
	struct pluton_rsa_key key;
	int status = rsa_file_read(path, &key);

	if (status == CLI_DONE && key.kind != PLUTON_RSA_CRT)
		status = fail_usage(
			"no private key with its primes, %s, give one as openssl genpkey "
			"makes it",
			path);
	if (status == CLI_DONE)
		*ret_size = rsa_file_parts(&key, ret_bytes);
	pluton_rsa_key_wipe(&key);
	return status;
}

static int read_curve(const char *path, const char *type, uint8_t *ret_bytes, size_t *ret_size)
{
	struct pluton_ecc_private key = {0};
	int status = ecc_file_read_private(path, &key);

	if (status == CLI_DONE && strcmp(pluton_ecc_name(key.curve), type) != 0)
		status = fail_usage("a key of another curve, %s: %s, use that as the type", path,
				    pluton_ecc_name(key.curve));
	if (status == CLI_DONE) {
		*ret_size = pluton_ecc_key_size(key.curve);
		memcpy(ret_bytes, key.bytes, *ret_size);
	}
	pluton_ecc_wipe(&key);
	return status;
}

static int read_bytes(const struct words *words, uint8_t *ret_bytes, size_t *ret_size)
{
	const char *hex = words->option[OPTION_OTHER], *file = words->option[OPTION_FILE];
	struct key key = {0};
	int status = hex ? key_take_hex(&key_form_slot, (char *)(uintptr_t)hex, &key)
			 : key_take_file(&key_form_slot, file, &key);

	memcpy(ret_bytes, key.bytes, key.size);
	*ret_size = key.size;
	explicit_bzero(&key, sizeof(key));
	return status;
}

static int read_key(const struct filling *filling, uint8_t *ret_bytes, size_t *ret_size)
{
	const struct words *words = &filling->words;
	enum pluton_hwkey_type type = filling->attributes.type;
	const char *file = words->option[OPTION_FILE];
	int status = key_check(words->option[OPTION_OTHER], file, NULL, "pluton-cli key import");

	if (status != CLI_DONE)
		return status;
	if (type >= PLUTON_HWKEY_RSA2048 && file)
		return read_rsa(file, ret_bytes, ret_size);
	if (type >= PLUTON_HWKEY_P256 && file)
		return read_curve(file, words->word[0], ret_bytes, ret_size);
	return read_bytes(words, ret_bytes, ret_size);
}

static int import(struct filling *filling)
{
	uint8_t bytes[PLUTON_HWKEY_SIZE_MAX];
	size_t size = 0;
	int r, status = read_key(filling, bytes, &size);

	filling->attributes.size = (uint32_t)size;
	if (status == CLI_DONE)
		status = open_session(&filling->words);
	if (status == CLI_DONE) {
		r = pluton_hwkey_import(filling->words.session->pluton, &filling->attributes, bytes,
					size, &filling->number);
		status =
			r < 0 ? failed(&filling->words, r, "cannot import") : print_filled(filling);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}

static int run_import(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		FILLING_OPTIONS,
		OPTION("key-file", OPTION_FILE, "FILE",
		       "The key: for AES and a secret its bytes, for a curve or RSA a PKCS#8 file "
		       "in PEM or DER"),
		OPTION("key-hex", OPTION_OTHER, "HEX",
		       "The key in hexadecimal; other users may see it in ps while the command "
		       "starts"),
		{0}};
	static const struct words_form form = {
		.args_doc = "TYPE",
		.doc = "Puts a key into a slot, and prints the slot's number.\v" TYPE_DOC
		       "Whoever has the file can still use the key: wipe it.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli key import aes256 --key-file KEY\n"
		       "  pluton-cli key import p256 --key-file KEY.pem\n",
		.names = {TYPE_NAME},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_POLICY] = ""},
	};
	struct filling filling = {0};
	int status = words_parse(&form, session, argc, argv, &filling.words);

	if (status == CLI_DONE)
		status = parse_filling(&filling);
	return status == CLI_DONE ? import(&filling) : status;
}

static int run_derive(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {FILLING_OPTIONS,
						     SIZE_OPTION,
						     OPTION("label", OPTION_FILE, "TEXT",
							    "What the key is derived from, besides "
							    "the device secret and its attributes"),
						     {0}};
	static const struct words_form form = {
		.args_doc = "TYPE",
		.doc = "Derives a key from the device secret into a slot, and prints the slot's "
		       "number.\v"
		       "Types: aes128 aes192 aes256 secret.\n"
		       "It is the same key each time for the same user, type, size, usage, policy "
		       "and label.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli key derive aes256 --label backup\n",
		.names = {TYPE_NAME},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_POLICY] = ""},
	};
	struct filling filling = {0};
	const char *label;
	int r, status = words_parse(&form, session, argc, argv, &filling.words);

	if (status == CLI_DONE)
		status = parse_filling(&filling);
	label = filling.words.option[OPTION_FILE];
	if (status == CLI_DONE && (!label || !*label))
		status = fail_usage("the label is missing, --label, give a text");
	if (status == CLI_DONE)
		status = open_session(&filling.words);
	if (status != CLI_DONE)
		return status;
	r = pluton_hwkey_derive(session->pluton, &filling.attributes, label, strlen(label),
				&filling.number);
	return r < 0 ? failed(&filling.words, r, "no key") : print_filled(&filling);
}

/* --- wrapping --------------------------------------------------------------------------------- */

static int need_with(const struct words *words, uint32_t *ret)
{
	if (!words->option[OPTION_OTHER])
		return fail_usage("the key that wraps is missing, --with, give its slot");
	return parse_slot(words->option[OPTION_OTHER], "--with", ret);
}

/* Bytes into a file; or on standard output, with --json as digits. */
static int write_out(const struct words *words, const char *member, const void *bytes,
		     size_t length)
{
	const char *out = words->option[OPTION_OUT];
	char digits[2 * PLUTON_HWKEY_WRAPPED_MAX + 1] = "";
	int status;

	if (words->session->json && strcmp(out, "-") == 0) {
		hex_encode(bytes, length, digits);
		return json_print_member(member, json_object_new_string(digits));
	}
	status = output_whole(out, bytes, length);
	if (status == CLI_DONE && words->session->json)
		status = json_print_member("out", json_text(out));
	return status;
}

static int run_wrap(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION("with", OPTION_OTHER, "N", "The slot of the AES key that wraps"),
		OPTION("out", OPTION_OUT, "FILE", "What to write (default: -, standard output)"),
		{0}};
	static const struct words_form form = {
		.args_doc = "SLOT",
		.doc = "Encrypts the key in a slot by the key in another (AES-KWP, RFC 5649).\v"
		       "Only keys with the policy exportable can be wrapped.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli key wrap 3 --with 1 --out KEY.wrapped\n",
		.names = {"the slot, SLOT,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_OUT] = "-"},
	};
	uint8_t wrapped[PLUTON_HWKEY_WRAPPED_MAX];
	uint32_t number = 0, with = 0;
	struct words words;
	size_t length = 0;
	int r, status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = parse_slot(words.word[0], "SLOT", &number);
	if (status == CLI_DONE)
		status = need_with(&words, &with);
	if (status == CLI_DONE)
		status = open_session(&words);
	if (status != CLI_DONE)
		return status;
	r = pluton_hwkey_wrap(session->pluton, number, with, wrapped, sizeof(wrapped), &length);
	return r < 0 ? failed(&words, r, "cannot wrap")
		     : write_out(&words, "wrapped", wrapped, length);
}

static int unwrap(struct filling *filling, uint32_t with)
{
	const char *path = filling->words.option[OPTION_FILE];
	struct buffer in = {0};
	bool fits = true;
	int r, status = buffer_read_file(path, PLUTON_HWKEY_WRAPPED_MAX, &in, &fits);

	if (status == CLI_DONE && !fits)
		status = fail_pluton(-PLUTON_ESIZE,
				     "too long, %s: no wrapped key has so many bytes", path);
	if (status == CLI_DONE)
		status = open_session(&filling->words);
	if (status == CLI_DONE) {
		r = pluton_hwkey_unwrap(filling->words.session->pluton, &filling->attributes, with,
					in.data, in.length, &filling->number);
		status =
			r < 0 ? failed(&filling->words, r, "cannot unwrap") : print_filled(filling);
	}
	buffer_free(&in);
	return status;
}

static int run_unwrap(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		FILLING_OPTIONS,
		SIZE_OPTION,
		OPTION("with", OPTION_OTHER, "N", "The slot of the AES key that wrapped it"),
		OPTION("in", OPTION_FILE, "FILE", "What to read (default: -, standard input)"),
		{0}};
	static const struct words_form form = {
		.args_doc = "TYPE",
		.doc = "Puts a wrapped key into a slot, and prints the slot's number.\v" TYPE_DOC
		       "\n"
		       "Examples:\n"
		       "  pluton-cli key unwrap aes256 --with 1 --in KEY.wrapped\n",
		.names = {TYPE_NAME},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_POLICY] = "", [OPTION_FILE] = "-"},
	};
	struct filling filling = {0};
	uint32_t with = 0;
	int status = words_parse(&form, session, argc, argv, &filling.words);

	if (status == CLI_DONE)
		status = parse_filling(&filling);
	if (status == CLI_DONE)
		status = need_with(&filling.words, &with);
	return status == CLI_DONE ? unwrap(&filling, with) : status;
}

/* --- slots ------------------------------------------------------------------------------------ */

static int open_slot(const struct words_form *form, struct session *session, int argc, char **argv,
		     struct words *words, uint32_t *ret_number)
{
	int status = words_parse(form, session, argc, argv, words);

	if (status == CLI_DONE)
		status = parse_slot(words->word[0], "SLOT", ret_number);
	return status == CLI_DONE ? open_session(words) : status;
}

static int run_delete(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "SLOT",
		.doc = "Empties a slot, for good.",
		.names = {"the slot, SLOT,"},
		.required = 1,
	};
	struct words words;
	uint32_t number = 0;
	int r, status = open_slot(&form, session, argc, argv, &words, &number);

	if (status != CLI_DONE)
		return status;
	r = pluton_hwkey_delete(session->pluton, number);
	return r < 0 ? failed(&words, r, "cannot delete") : CLI_DONE;
}

static int run_list(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.doc = "Lists your keys. Those of other users and of apps are not shown to you.",
	};
	struct pluton_hwkey_row *rows = NULL;
	struct words words;
	size_t count = 0;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_hwkey_list(session->pluton, &rows, &count);
	if (r < 0)
		return session_failed(session, r, "cannot list", "keys");
	for (size_t i = 0; i < count; i++) {
		if (rows[i].damaged)
			rows[i].policy = POLICY_UNKNOWN;
	}
	if (session->json)
		status = json_print_member("keys", table_json(&table, rows, count));
	else
		table_print(&table, rows, count);
	free(rows);
	return status;
}

/* 0: it has none. */
static size_t public_size(uint32_t type)
{
	switch (type) {
	case PLUTON_HWKEY_RSA2048:
		return 2048 / 8 + RSA_EXPONENT_SIZE;
	case PLUTON_HWKEY_RSA3072:
		return 3072 / 8 + RSA_EXPONENT_SIZE;
	case PLUTON_HWKEY_RSA4096:
		return 4096 / 8 + RSA_EXPONENT_SIZE;
	default:
		return pluton_ecc_public_size(pluton_ecc_by_name(type_word(type)));
	}
}

static int print_rsa(const struct words *words, const uint8_t *bytes, size_t length, bool pem)
{
	struct pluton_rsa_key key = {.kind = PLUTON_RSA_PUBLIC, .size = length - RSA_EXPONENT_SIZE};
	const char *out = words->option[OPTION_OUT];

	memcpy(key.modulus, bytes, key.size);
	for (size_t i = 0; i < RSA_EXPONENT_SIZE; i++)
		key.exponent = key.exponent << 8 | bytes[key.size + i];
	return rsa_file_write_public(out, pem ? RSA_FORMAT_PEM : RSA_FORMAT_DER, &key);
}

static int print_curve(const struct words *words, const char *type, const uint8_t *bytes,
		       size_t length, bool pem)
{
	struct pluton_ecc_public public = {.curve = pluton_ecc_by_name(type)};
	unsigned char file[ECC_FILE_MAX];
	size_t size = 0;
	int status;

	memcpy(public.bytes, bytes, length);
	status = ecc_file_public(&public, pem, file, &size);
	return status == CLI_DONE ? output_whole(words->option[OPTION_OUT], file, size) : status;
}

/*
 * The type and the bytes are two answers, between which another program of the owner may have
 * filled the slot anew, and the daemon is not trusted with our memory.
 */
static int print_public(const struct words *words, uint32_t number, bool pem)
{
	struct pluton *pluton = words->session->pluton;
	uint8_t bytes[PLUTON_HWKEY_PUBLIC_MAX];
	struct pluton_hwkey_row row;
	size_t length = 0;
	int status, r = pluton_hwkey_status(pluton, number, &row);

	if (r == 0)
		r = pluton_hwkey_public(pluton, number, bytes, sizeof(bytes), &length);
	if (r < 0)
		return failed(words, r, "no public key");
	if (length == 0 || length != public_size(row.type))
		return fail_pluton(-PLUTON_EBADRVAL,
				   "no public key, %s: the key changed while it was read, or the "
				   "daemon's answer is damaged, try again",
				   words->word[0]);
	if (row.type >= PLUTON_HWKEY_RSA2048)
		status = print_rsa(words, bytes, length, pem);
	else
		status = print_curve(words, type_word(row.type), bytes, length, pem);
	if (status == CLI_DONE && words->session->json)
		status = json_print_member("out", json_text(words->option[OPTION_OUT]));
	return status;
}

static int run_public(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION("format", OPTION_OTHER, "FORMAT", "pem (default) or der"),
		OPTION("out", OPTION_OUT, "FILE", "What to write (default: -, standard output)"),
		{0}};
	static const struct words_form form = {
		.args_doc = "SLOT",
		.doc = "Prints the public key of the key pair in a slot.\v"
		       "It is a SubjectPublicKeyInfo, as openssl pkey -pubout prints it.\n",
		.names = {"the slot, SLOT,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_OTHER] = "pem", [OPTION_OUT] = "-"},
	};
	struct words words;
	uint32_t number = 0;
	bool pem;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = parse_slot(words.word[0], "SLOT", &number);
	pem = status == CLI_DONE && strcmp(words.option[OPTION_OTHER], "pem") == 0;
	if (status == CLI_DONE && !pem && strcmp(words.option[OPTION_OTHER], "der") != 0)
		status = fail_usage("no such format, %s, use pem or der",
				    words.option[OPTION_OTHER]);
	if (status == CLI_DONE && session->json && strcmp(words.option[OPTION_OUT], "-") == 0)
		status = fail_usage("--json with the key on standard output, --out -, name a file");
	if (status == CLI_DONE)
		status = open_session(&words);
	return status == CLI_DONE ? print_public(&words, number, pem) : status;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{"list", "", "Your keys", run_list},
	{"generate", "TYPE", "A new key in a slot", run_generate},
	{"import", "TYPE", "A key of yours into a slot", run_import},
	{"derive", "TYPE", "A key from the device secret into a slot", run_derive},
	{"public", "SLOT", "The public part of a key pair", run_public},
	{"wrap", "SLOT", "A slot's key, encrypted by another slot's", run_wrap},
	{"unwrap", "TYPE", "What was wrapped into a slot", run_unwrap},
	{"delete", "SLOT", "Empty a slot", run_delete},
};

static const struct verbs hwkey = {
	.kind = "verb",
	.doc = "Keeps keys in slots of the daemon, where they are used by number and never seen.\v"
	       "What changed is on the disk when the command ends. A slot is its owner's alone: "
	       "the\n"
	       "user's who filled it. aes, mac, ecc, rsa and kdf take --key-slot N.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli key generate secret\n"
	       "  pluton-cli mac hmac-sha256 --key-slot 1 FILE\n",
	.table = verbs,
	.count = sizeof(verbs) / sizeof(verbs[0]),
};

int noun_key(struct session *session, int argc, char **argv)
{
	session->advice = advice;
	return verbs_run(&hwkey, session, argc, argv);
}
