/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli rsa: the command lines. Each verb is its options, its help and what must be there.
 */
#include "cli/rsa.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/input.h"
#include "cli/noun.h"
#include "cli/verbs.h"

enum {
	OPTION_KEY = 'k',
	OPTION_IN = 'i',
	OPTION_OUT = 'o',
	OPTION_BITS = 'b',
	OPTION_SIGNATURE = 's',
	OPTION_PADDING = 'p',
	OPTION_EXPONENT = 0x100,
	OPTION_FORMAT,
	OPTION_HASH,
	OPTION_MGF_HASH,
	OPTION_SALT,
	OPTION_LABEL_HEX,
	OPTION_KEY_SLOT,
};

/* One verb: its help, and what must be there besides what has a default. */
struct form {
	const struct argp_option *options;
	const char *doc;
	bool needs_key;
	bool needs_signature;
	bool writes;	     /* to --out */
	const char *padding; /* the default */
	int (*run)(const struct rsa_job *job);
};

struct arguments {
	struct rsa_job job;
	const struct form *form;
};

/* --- the command line ------------------------------------------------------------------------- */

static int parse_format(const char *name, enum rsa_format *ret)
{
	if (strcmp(name, "pem") != 0 && strcmp(name, "der") != 0)
		return fail_usage("no such format, %s, use pem or der", name);
	*ret = strcmp(name, "der") == 0 ? RSA_FORMAT_DER : RSA_FORMAT_PEM;
	return CLI_DONE;
}

/* Where the text of an option goes; NULL: it is no text. */
static const char **text_of(struct rsa_job *job, int key)
{
	switch (key) {
	case OPTION_KEY:
		return &job->key;
	case OPTION_IN:
		return &job->in;
	case OPTION_OUT:
		return &job->out;
	case OPTION_BITS:
		return &job->bits;
	case OPTION_SIGNATURE:
		return &job->signature;
	case OPTION_PADDING:
		return &job->padding;
	case OPTION_EXPONENT:
		return &job->exponent;
	case OPTION_HASH:
		return &job->hash;
	case OPTION_MGF_HASH:
		return &job->mgf_hash;
	case OPTION_SALT:
		return &job->salt;
	case OPTION_LABEL_HEX:
		return &job->label_hex;
	case OPTION_KEY_SLOT:
		return &job->key_slot;
	default:
		return NULL;
	}
}

/* --in has a default also where nothing is read. */
static int check_inputs(const struct arguments *arguments)
{
	const struct rsa_job *job = &arguments->job;
	const char *const paths[] = {job->key, job->signature,
				     arguments->form->padding ? job->in : NULL};

	return input_check(paths, sizeof(paths) / sizeof(paths[0]));
}

static int check_options(const struct arguments *arguments, const char *name)
{
	const struct rsa_job *job = &arguments->job;
	const struct form *form = arguments->form;

	if (job->key && job->key_slot)
		return fail_usage("two keys, --key-slot and --key, leave out one");
	if (form->needs_key && !job->key && !job->key_slot)
		return fail_usage("the key is missing, --key, give a PEM or DER file, see `%s "
				  "--help'",
				  name);
	if (form->needs_signature && !job->signature)
		return fail_usage("the signature is missing, --signature, give its file, see `%s "
				  "--help'",
				  name);
	if (check_inputs(arguments) != CLI_DONE)
		return CLI_USAGE;
	if (form->writes && job->session->json && strcmp(job->out, "-") == 0)
		return fail_usage("--json with the data on standard output, --out -, name a file");
	return CLI_DONE;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	const char **text = text_of(&arguments->job, key);
	int status = CLI_DONE;

	if (text) {
		*text = argument;
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->job.session;
		break;
	case OPTION_FORMAT:
		status = parse_format(argument, &arguments->job.format);
		break;
	case ARGP_KEY_ARG:
		status = fail_usage("one argument too many, %s, name files by options, see `%s "
				    "--help'",
				    argument, state->name);
		break;
	case ARGP_KEY_END:
		status = check_options(arguments, state->name);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (status != CLI_DONE)
		exit(status);
	return 0;
}

static int run(const struct form *form, struct session *session, int argc, char **argv)
{
	const struct argp argp = {.options = form->options,
				  .parser = parse,
				  .doc = form->doc,
				  .children = session_options};
	struct arguments arguments = {
		.job = {.session = session, .in = "-", .out = "-", .padding = form->padding},
		.form = form,
	};
	int status = session_parse(&argp, argc, argv, &arguments);

	return status == CLI_DONE ? form->run(&arguments.job) : status;
}

/* --- verbs ------------------------------------------------------------------------------------ */

#define KEY_OPTION(doc)                                                                            \
	{                                                                                          \
		"key", OPTION_KEY, "FILE", 0, (doc), 1                                             \
	}
#define PRIVATE_KEY_OPTIONS                                                                        \
	KEY_OPTION("The private key, in PEM or DER"),                                              \
	{                                                                                          \
		"key-slot", OPTION_KEY_SLOT, "N", 0,                                               \
			"The private key: the one in your slot N, see `pluton-cli key list'", 1    \
	}
#define PUBLIC_KEY_OPTION KEY_OPTION("The public or private key, in PEM or DER")
#define FORMAT_OPTION                                                                              \
	{                                                                                          \
		"format", OPTION_FORMAT, "FORMAT", 0, "pem (the default) or der", 6                \
	}
#define HASH_OPTIONS                                                                               \
	{"hash", OPTION_HASH, "ALGORITHM", 0, "The hash (default: sha256)", 3},                    \
	{                                                                                          \
		"mgf-hash", OPTION_MGF_HASH, "ALGORITHM", 0,                                       \
			"pss, oaep: the hash of MGF1 (default: that of --hash)", 4                 \
	}
#define SIGNATURE_PADDING_OPTIONS                                                                  \
	{"padding", OPTION_PADDING, "PADDING", 0, "pss (the default) or pkcs1", 2}, HASH_OPTIONS
#define CIPHER_PADDING_OPTIONS                                                                     \
	{"padding", OPTION_PADDING, "PADDING", 0, "oaep (the default) or pkcs1", 2}, HASH_OPTIONS, \
	{                                                                                          \
		"label-hex", OPTION_LABEL_HEX, "HEX", 0, "oaep: the label (default: none)", 5      \
	}
#define IN_OPTION(doc)                                                                             \
	{                                                                                          \
		"in", OPTION_IN, "FILE", 0, (doc " (default: -, standard input)"), 7               \
	}
#define OUT_OPTION                                                                                 \
	{                                                                                          \
		"out", OPTION_OUT, "FILE", 0, "What to write (default: -, standard output)", 8     \
	}

static int verb_generate(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"bits", OPTION_BITS, "N", 0, "2048, 3072 (the default) or 4096", 1},
		{"exponent", OPTION_EXPONENT, "E", 0, "The public exponent (default: 65537)", 2},
		FORMAT_OPTION,
		OUT_OPTION,
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "Makes an RSA key.\v"
		       "The key is written as PKCS #8, not encrypted, into a file that nobody else "
		       "may read.\n"
		       "It takes from a tenth of a second to many; Ctrl-C ends it, in the daemon "
		       "too.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli rsa generate --bits 3072 --out KEY.pem\n",
		.writes = true,
		.run = rsa_key_generate,
	};

	return run(&form, session, argc, argv);
}

static int verb_public(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PUBLIC_KEY_OPTION,
		FORMAT_OPTION,
		OUT_OPTION,
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "The public half of a key, as SubjectPublicKeyInfo.\v"
		       "Examples:\n"
		       "  pluton-cli rsa public --key KEY.pem --out PUBLIC.pem\n",
		.needs_key = true,
		.writes = true,
		.run = rsa_key_public,
	};

	return run(&form, session, argc, argv);
}

static int verb_sign(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PRIVATE_KEY_OPTIONS,
		SIGNATURE_PADDING_OPTIONS,
		{"salt", OPTION_SALT, "N", 0, "pss: bytes of salt, or digest (the default)", 5},
		IN_OPTION("What to sign"),
		OUT_OPTION,
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "Signs a file of any size.\v"
		       "The signature has as many bytes as the key's modulus; `openssl dgst "
		       "-verify' takes it.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli rsa sign --key KEY.pem --in FILE --out FILE.sig\n"
		       "  pluton-cli rsa sign --key-slot 1 --in FILE --out FILE.sig\n"
		       "  pluton-cli rsa sign --key KEY.pem --padding pkcs1 --hash sha512 \\\n"
		       "      < FILE > FILE.sig\n",
		.needs_key = true,
		.writes = true,
		.padding = "pss",
		.run = rsa_data_sign,
	};

	return run(&form, session, argc, argv);
}

static int verb_verify(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PUBLIC_KEY_OPTION,
		{"signature", OPTION_SIGNATURE, "FILE", 0, "The signature", 1},
		SIGNATURE_PADDING_OPTIONS,
		{"salt", OPTION_SALT, "N", 0, "pss: bytes of salt, digest (the default), or any",
		 5},
		IN_OPTION("What was signed"),
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "Whether a signature is a key's, of a file.\v"
		       "If it is, prints `verified'; if not, says so and the exit status is 1.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli rsa verify --key PUBLIC.pem --signature FILE.sig --in FILE\n",
		.needs_key = true,
		.needs_signature = true,
		.padding = "pss",
		.run = rsa_data_verify,
	};

	return run(&form, session, argc, argv);
}

static int verb_encrypt(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PUBLIC_KEY_OPTION,
		CIPHER_PADDING_OPTIONS,
		IN_OPTION("What to encrypt"),
		OUT_OPTION,
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "Encrypts a short message, such as another key.\v"
		       "With a key of 3072 bits oaep and sha256 take up to 318 bytes.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli rsa encrypt --key PUBLIC.pem --in AESKEY --out AESKEY.enc\n",
		.needs_key = true,
		.writes = true,
		.padding = "oaep",
		.run = rsa_data_encrypt,
	};

	return run(&form, session, argc, argv);
}

static int verb_decrypt(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		PRIVATE_KEY_OPTIONS,
		CIPHER_PADDING_OPTIONS,
		IN_OPTION("What to decrypt"),
		OUT_OPTION,
		{0},
	};
	static const struct form form = {
		.options = options,
		.doc = "Decrypts what `rsa encrypt' or others encrypted.\v"
		       "With oaep, what was changed is refused. With pkcs1 it gives another "
		       "message, of any\n"
		       "length: that is meant so, for a refusal would help an attacker to "
		       "decrypt.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli rsa decrypt --key KEY.pem --in AESKEY.enc --out AESKEY\n",
		.needs_key = true,
		.writes = true,
		.padding = "oaep",
		.run = rsa_data_decrypt,
	};

	return run(&form, session, argc, argv);
}

static const struct verb table[] = {
	{"generate", "", "Make a key", verb_generate},
	{"public", "", "The public half of a key", verb_public},
	{"sign", "", "Sign a file", verb_sign},
	{"verify", "", "Check a file's signature", verb_verify},
	{"encrypt", "", "Encrypt a short message", verb_encrypt},
	{"decrypt", "", "Decrypt one", verb_decrypt},
};

int noun_rsa(struct session *session, int argc, char **argv)
{
	static const struct verbs verbs = {
		.kind = "command",
		.doc = "RSA: makes keys, signs and verifies files, encrypts and decrypts short "
		       "messages.\v"
		       "Keys are PEM or DER files, which openssl(1) takes too.\n"
		       "`pluton-cli rsa sign --help' explains a command.\n",
		.table = table,
		.count = sizeof(table) / sizeof(table[0]),
	};

	return verbs_run(&verbs, session, argc, argv);
}
