/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli aes encrypt|decrypt: the command line.
 */
#include "cli/aes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/noun.h"
#include "cli/verbs.h"

enum {
	OPTION_MODE = 'm',
	OPTION_IN = 'i',
	OPTION_OUT = 'o',
	OPTION_KEY_FILE = 'k',
	OPTION_KEY_HEX = 0x100,
	OPTION_IV_HEX,
	OPTION_AAD_HEX,
};

struct arguments {
	struct aes_job job;
	char *key_hex; /* NULL: not given, as the others */
	const char *key_file;
	const char *iv_hex;
	const char *aad_hex;
};

static const struct argp_option options[] = {
	{"mode", OPTION_MODE, "MODE", 0, "ctr or gcm", 1},
	{"key-file", OPTION_KEY_FILE, "FILE", 0, "The key: a file of 16, 24 or 32 bytes", 2},
	{"key-hex", OPTION_KEY_HEX, "HEX", 0,
	 "The key in hexadecimal; other users may see it in ps while the command starts", 3},
	{"iv-hex", OPTION_IV_HEX, "HEX", 0,
	 "ctr: the 16-byte initial counter block; gcm: the 12-byte nonce. Never use one twice "
	 "with a key",
	 4},
	{"aad-hex", OPTION_AAD_HEX, "HEX", 0, "gcm: data to authenticate, but not to encrypt", 5},
	{"in", OPTION_IN, "FILE", 0, "What to read (default: -, standard input)", 6},
	{"out", OPTION_OUT, "FILE", 0, "What to write (default: -, standard output)", 7},
	{0},
};

static const struct {
	const char *name;
	enum pluton_aes_mode mode;
	size_t iv_size; /* bytes */
	int (*run)(const struct aes_job *job);
} modes[] = {
	{"ctr", PLUTON_AES_CTR, 16, aes_ctr_run},
	{"gcm", PLUTON_AES_GCM, PLUTON_AES_GCM_IV_SIZE, aes_gcm_run},
};

#define MODE_COUNT (sizeof(modes) / sizeof(modes[0]))

static size_t mode_index(enum pluton_aes_mode mode)
{
	size_t i = 0;

	while (i < MODE_COUNT && modes[i].mode != mode)
		i++;
	return i;
}

static int parse_mode(const char *name, enum pluton_aes_mode *ret)
{
	for (size_t i = 0; i < MODE_COUNT; i++) {
		if (strcmp(modes[i].name, name) == 0) {
			*ret = modes[i].mode;
			return CLI_DONE;
		}
	}
	return fail_usage("no such mode, %s, use ctr or gcm", name);
}

static int take_option(struct arguments *arguments, int key, char *argument)
{
	switch (key) {
	case OPTION_MODE:
		return parse_mode(argument, &arguments->job.mode);
	case OPTION_KEY_FILE:
		arguments->key_file = argument;
		break;
	case OPTION_KEY_HEX:
		arguments->key_hex = argument;
		break;
	case OPTION_IV_HEX:
		arguments->iv_hex = argument;
		break;
	case OPTION_AAD_HEX:
		arguments->aad_hex = argument;
		break;
	case OPTION_IN:
		arguments->job.in = argument;
		break;
	case OPTION_OUT:
		arguments->job.out = argument;
		break;
	}
	return CLI_DONE;
}

/* What is missing, or does not go together. */
static int check_options(const struct arguments *arguments, const char *name)
{
	if (arguments->job.mode == 0)
		return fail_usage("the mode is missing, --mode, use ctr or gcm, see `%s --help'",
				  name);
	if (key_check(arguments->key_hex, arguments->key_file, name) != CLI_DONE)
		return CLI_USAGE;
	if (!arguments->iv_hex)
		return fail_usage("the iv is missing, --iv-hex, see `%s --help'", name);
	if (arguments->aad_hex && arguments->job.mode != PLUTON_AES_GCM)
		return fail_usage("--aad-hex without gcm, ctr authenticates nothing, leave it out "
				  "or use --mode gcm");
	if (arguments->job.session->json && strcmp(arguments->job.out, "-") == 0)
		return fail_usage("--json with the data on standard output, --out -, name a file");
	return CLI_DONE;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	int status = CLI_DONE;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->job.session;
		break;
	case OPTION_MODE:
	case OPTION_IN:
	case OPTION_OUT:
	case OPTION_KEY_FILE:
	case OPTION_KEY_HEX:
	case OPTION_IV_HEX:
	case OPTION_AAD_HEX:
		status = take_option(arguments, key, argument);
		break;
	case ARGP_KEY_ARG:
		status = fail_usage("one argument too many, %s, name files by --in and --out",
				    argument);
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

static int take_iv(struct aes_job *job, const char *text)
{
	size_t index = mode_index(job->mode), size = modes[index].iv_size;

	if (strlen(text) != 2 * size)
		return fail_usage("--iv-hex has a wrong length, %zu digits, give %zu for %s",
				  strlen(text), 2 * size, modes[index].name);
	if (!hex_decode(text, size, job->iv))
		return fail_usage("--iv-hex is not hexadecimal, %s, use 0 to 9 and a to f", text);
	return CLI_DONE;
}

static int take_aad(struct aes_job *job, const char *text)
{
	size_t digits = strlen(text);

	if (digits % 2 != 0)
		return fail_usage("--aad-hex has a wrong length, %zu digits, give two for each "
				  "byte",
				  digits);
	job->aad = malloc(digits / 2 + 1);
	if (!job->aad)
		return fail_system(ENOMEM, "no memory, for --aad-hex, free some");
	if (!hex_decode(text, digits / 2, job->aad))
		return fail_usage("--aad-hex is not hexadecimal, %s, use 0 to 9 and a to f", text);
	job->aad_length = digits / 2;
	return CLI_DONE;
}

static int take_values(struct arguments *arguments)
{
	struct aes_job *job = &arguments->job;
	int status = arguments->key_hex
			     ? key_take_hex(&key_form_aes, arguments->key_hex, &job->key)
			     : key_take_file(&key_form_aes, arguments->key_file, &job->key);

	if (status == CLI_DONE)
		status = take_iv(job, arguments->iv_hex);
	if (status == CLI_DONE && arguments->aad_hex)
		status = take_aad(job, arguments->aad_hex);
	return status;
}

const char *aes_job_what(const struct aes_job *job)
{
	return job->direction == PLUTON_AES_ENCRYPT ? "cannot encrypt" : "cannot decrypt";
}

static int print_json(const struct aes_job *job)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "mode",
				       json_object_new_string(modes[mode_index(job->mode)].name));
		json_object_object_add(object, "in", json_text(job->in));
		json_object_object_add(object, "out", json_text(job->out));
	}
	return json_print(object);
}

static int run(const struct argp *argp, struct session *session,
	       enum pluton_aes_direction direction, int argc, char **argv)
{
	struct arguments arguments = {
		.job = {.session = session, .direction = direction, .in = "-", .out = "-"}};
	struct aes_job *job = &arguments.job;
	int status = session_parse(argp, argc, argv, &arguments);

	if (status == CLI_DONE)
		status = take_values(&arguments);
	if (status == CLI_DONE)
		status = session_open(session);
	if (status == CLI_DONE)
		status = modes[mode_index(job->mode)].run(job);
	if (status == CLI_DONE && session->json)
		status = print_json(job);
	explicit_bzero(&job->key, sizeof(job->key));
	free(job->aad);
	return status;
}

#define EXAMPLES(verb, in, out)                                                                    \
	"Examples:\n"                                                                              \
	"  pluton-cli aes " verb " --mode gcm --key-file KEY --iv-hex 24-DIGITS \\\n"              \
	"      --in " in " --out " out "\n"                                                        \
	"  pluton-cli aes " verb " --mode ctr --key-hex 64-DIGITS --iv-hex 32-DIGITS \\\n"         \
	"      < " in " > " out "\n"

static int verb_encrypt(struct session *session, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Encrypts a file.\v"
		       "gcm writes the ciphertext and then a 16-byte tag, and takes messages up "
		       "to\n"
		       "aead_scratch (see `pluton-cli limits'). ctr takes any size, is what\n"
		       "`openssl enc -aes-256-ctr' does, and does not notice changes.\n"
		       "An output file appears whole or not at all.\n"
		       "\n" EXAMPLES("encrypt", "FILE", "FILE.enc"),
		.children = session_options,
	};

	return run(&argp, session, PLUTON_AES_ENCRYPT, argc, argv);
}

static int verb_decrypt(struct session *session, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Decrypts a file.\v"
		       "gcm reads the ciphertext and then a 16-byte tag. If the tag does not "
		       "match,\n"
		       "nothing is written and the status is 1. ctr decrypts any bytes.\n"
		       "An output file appears whole or not at all.\n"
		       "\n" EXAMPLES("decrypt", "FILE.enc", "FILE"),
		.children = session_options,
	};

	return run(&argp, session, PLUTON_AES_DECRYPT, argc, argv);
}

static const struct verb table[] = {
	{"encrypt", "", "Encrypt a file", verb_encrypt},
	{"decrypt", "", "Decrypt a file", verb_decrypt},
};

int noun_aes(struct session *session, int argc, char **argv)
{
	static const struct verbs verbs = {
		.kind = "command",
		.doc = "Encrypts and decrypts files by AES.\v"
		       "`pluton-cli aes encrypt --help' explains the options of both.\n",
		.table = table,
		.count = sizeof(table) / sizeof(table[0]),
	};

	return verbs_run(&verbs, session, argc, argv);
}
