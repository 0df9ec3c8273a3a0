/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli aes encrypt|decrypt: the command line.
 */
#include "cli/aes.h"

#include <errno.h>
#include <pluton/aes_gcm_stream.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/noun.h"
#include "cli/verbs.h"
#include "cli/words.h"

enum {
	OPTION_MODE = 'm',
	OPTION_IN = 'i',
	OPTION_OUT = 'o',
	OPTION_KEY_FILE = 'k',
	OPTION_KEY_HEX = 0x100,
	OPTION_KEY_SLOT,
	OPTION_IV_HEX,
	OPTION_NONCE_HEX,
	OPTION_AAD_HEX,
	OPTION_TAG_SIZE,
	OPTION_PADDING,
	OPTION_SEGMENT_SIZE,
	OPTION_HASH,
};

#define MODE_NAMES "gcm, gcm-stream, ccm, ctr, cbc or ecb"
#define SEGMENT_SIZE_DEFAULT PLUTON_AES_GCM_STREAM_SEGMENT_1M
#define SEGMENT_SIZE_MIN 57u /* holds the longest header, a tag and a byte */
#define SEGMENT_SIZE_MAX (16u << 20)

struct arguments {
	struct aes_job job;
	char *key_hex; /* NULL: not given, as the others */
	const char *key_file;
	const char *key_slot;
	const char *iv_hex;
	const char *aad_hex;
	const char *tag_size;
	const char *padding;
	const char *segment_size;
	const char *hash;
};

static const struct argp_option options[] = {
	{"mode", OPTION_MODE, "MODE", 0, MODE_NAMES, 1},
	{"key-file", OPTION_KEY_FILE, "FILE", 0, "The key: a file of 16, 24 or 32 bytes", 2},
	{"key-hex", OPTION_KEY_HEX, "HEX", 0,
	 "The key in hexadecimal; other users may see it in ps while the command starts", 3},
	{"key-slot", OPTION_KEY_SLOT, "N", 0,
	 "The key: the one in your slot N, see `pluton-cli key list'; not for gcm-stream", 3},
	{"iv-hex", OPTION_IV_HEX, "HEX", 0,
	 "gcm: the nonce, 12 bytes (default: one is made, and stands before the ciphertext); ccm: "
	 "the nonce, 7 to 13; ctr: the initial counter block, 16; cbc: 16 bytes that nobody can "
	 "foretell; gcm-stream and ecb have none. Never use one twice with a key",
	 4},
	{"nonce-hex", OPTION_NONCE_HEX, "HEX", 0,
	 "The same by the name that gcm and ccm have for it", 4},
	{"aad-hex", OPTION_AAD_HEX, "HEX", 0,
	 "gcm, gcm-stream, ccm: data to authenticate, but not to encrypt", 5},
	{"tag-size", OPTION_TAG_SIZE, "BYTES", 0, "ccm: 4, 6, 8, 10, 12, 14 or 16 (default: 16)",
	 6},
	{"padding", OPTION_PADDING, "PADDING", 0,
	 "cbc, ecb: pkcs7 (default), or none for whole blocks of 16 bytes", 7},
	{"segment-size", OPTION_SEGMENT_SIZE, "BYTES", 0,
	 "gcm-stream: of ciphertext in a segment (default: 1048576); the same to decrypt", 7},
	{"hash", OPTION_HASH, "ALGORITHM", 0,
	 "gcm-stream: sha256 (default), sha512 or sha1; the same to decrypt", 7},
	{"in", OPTION_IN, "FILE", 0, "What to read (default: -, standard input)", 8},
	{"out", OPTION_OUT, "FILE", 0, "What to write (default: -, standard output)", 9},
	{0},
};

static const struct {
	const char *name;
	enum pluton_aes_mode mode;
	size_t iv_min, iv_max; /* bytes */
	size_t tag_size;       /* bytes, if no other is given; 0: nothing is authenticated */
	bool has_padding;
	bool has_segments;
	int (*run)(const struct aes_job *job);
} modes[] = {
	{"gcm", PLUTON_AES_GCM, PLUTON_AES_GCM_IV_SIZE, PLUTON_AES_GCM_IV_SIZE, 16, false, false,
	 aes_aead_run},
	{"gcm-stream", AES_MODE_GCM_STREAM, 0, 0, 16, false, true, aes_gcm_stream_run},
	{"ccm", PLUTON_AES_CCM, 7, 13, 16, false, false, aes_aead_run},
	{"ctr", PLUTON_AES_CTR, 16, 16, 0, false, false, aes_stream_run},
	{"cbc", PLUTON_AES_CBC, 16, 16, 0, true, false, aes_stream_run},
	{"ecb", PLUTON_AES_ECB, 0, 0, 0, true, false, aes_stream_run},
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
	return fail_usage("no such mode, %s, use " MODE_NAMES, name);
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
	case OPTION_KEY_SLOT:
		arguments->key_slot = argument;
		break;
	case OPTION_IV_HEX:
	case OPTION_NONCE_HEX:
		if (arguments->iv_hex)
			return fail_usage("two ivs, --iv-hex or --nonce-hex, leave out one");
		arguments->iv_hex = argument;
		break;
	case OPTION_AAD_HEX:
		arguments->aad_hex = argument;
		break;
	case OPTION_TAG_SIZE:
		arguments->tag_size = argument;
		break;
	case OPTION_PADDING:
		arguments->padding = argument;
		break;
	case OPTION_SEGMENT_SIZE:
		arguments->segment_size = argument;
		break;
	case OPTION_HASH:
		arguments->hash = argument;
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

static bool makes_iv(enum pluton_aes_mode mode)
{
	return mode == PLUTON_AES_GCM;
}

/* What the mode has no use for. */
static int check_mode(const struct arguments *arguments, const char *name)
{
	size_t mode = mode_index(arguments->job.mode);

	if (!arguments->iv_hex && modes[mode].iv_max > 0 && !makes_iv(arguments->job.mode))
		return fail_usage("the iv is missing, --iv-hex, see `%s --help'", name);
	if (arguments->iv_hex && modes[mode].iv_max == 0)
		return fail_usage("--iv-hex with %s, it has no iv, leave it out%s",
				  modes[mode].name,
				  modes[mode].has_segments ? "" : " or use --mode cbc");
	if (arguments->aad_hex && modes[mode].tag_size == 0)
		return fail_usage(
			"--aad-hex with %s, it authenticates nothing, leave it out or use "
			"--mode gcm",
			modes[mode].name);
	if (arguments->tag_size && arguments->job.mode != PLUTON_AES_CCM)
		return fail_usage("--tag-size with %s, only ccm has a choice, leave it out",
				  modes[mode].name);
	if (arguments->padding && !modes[mode].has_padding)
		return fail_usage("--padding with %s, it takes any number of bytes, leave it out",
				  modes[mode].name);
	if (arguments->key_slot && modes[mode].has_segments)
		return fail_usage("--key-slot with %s, whose key is bytes, use --key-file",
				  modes[mode].name);
	if ((arguments->segment_size || arguments->hash) && !modes[mode].has_segments)
		return fail_usage("%s with %s, only gcm-stream has a choice, leave it out",
				  arguments->hash ? "--hash" : "--segment-size", modes[mode].name);
	return CLI_DONE;
}

/* What is missing, or does not go together. */
static int check_options(const struct arguments *arguments, const char *name)
{
	if (arguments->job.mode == 0)
		return fail_usage(
			"the mode is missing, --mode, use " MODE_NAMES ", see `%s --help'", name);
	if (key_check(arguments->key_hex, arguments->key_file, arguments->key_slot, name) !=
	    CLI_DONE)
		return CLI_USAGE;
	if (arguments->key_file && strcmp(arguments->key_file, "-") == 0 &&
	    strcmp(arguments->job.in, "-") == 0)
		return fail_usage("key and data both from standard input, --key-file -, name a "
				  "file for one of them");
	if (arguments->job.session->json && strcmp(arguments->job.out, "-") == 0)
		return fail_usage("--json with the data on standard output, --out -, name a file");
	return check_mode(arguments, name);
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
	case OPTION_KEY_SLOT:
	case OPTION_IV_HEX:
	case OPTION_NONCE_HEX:
	case OPTION_AAD_HEX:
	case OPTION_TAG_SIZE:
	case OPTION_PADDING:
	case OPTION_SEGMENT_SIZE:
	case OPTION_HASH:
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
	size_t index = mode_index(job->mode), digits = strlen(text);
	size_t min = 2 * modes[index].iv_min, max = 2 * modes[index].iv_max;

	if (min == max && digits != max)
		return fail_usage("--iv-hex has a wrong length, %zu digits, give %zu for %s",
				  digits, max, modes[index].name);
	if (digits < min || digits > max || digits % 2 != 0)
		return fail_usage(
			"--iv-hex has a wrong length, %zu digits, give %zu to %zu for %s, "
			"two for each byte",
			digits, min, max, modes[index].name);
	if (!hex_decode(text, digits / 2, job->iv))
		return fail_usage("--iv-hex is not hexadecimal, %s, use 0 to 9 and a to f", text);
	job->iv_size = digits / 2;
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

static int take_tag_size(struct aes_job *job, const char *text)
{
	static const char *const sizes[] = {"4", "6", "8", "10", "12", "14", "16"};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (strcmp(sizes[i], text) == 0) {
			job->tag_size = 4 + 2 * i;
			return CLI_DONE;
		}
	}
	return fail_usage("no such --tag-size, %s, use 4, 6, 8, 10, 12, 14 or 16", text);
}

static int take_padding(struct aes_job *job, const char *text)
{
	if (strcmp(text, "pkcs7") != 0 && strcmp(text, "none") != 0)
		return fail_usage("no such --padding, %s, use pkcs7 or none", text);
	job->padded = strcmp(text, "pkcs7") == 0;
	return CLI_DONE;
}

static int take_segment_size(struct aes_job *job, const char *text)
{
	uint32_t size;
	int status = words_number(text, "--segment-size", SEGMENT_SIZE_MAX, &size);

	if (status == CLI_DONE && size < SEGMENT_SIZE_MIN)
		status = fail_usage("--segment-size is too small, %s, give at least %u", text,
				    SEGMENT_SIZE_MIN);
	job->segment_size = size;
	return status;
}

static int take_hash(struct aes_job *job, const char *text)
{
	job->hash = pluton_digest_by_name(text);
	if (job->hash == PLUTON_SHA1 || job->hash == PLUTON_SHA256 || job->hash == PLUTON_SHA512)
		return CLI_DONE;
	return fail_usage("no such --hash, %s, use sha256, sha512 or sha1", text);
}

/* What its format has. */
static bool fits_gcm_stream(size_t size)
{
	return size == 16 || size == 32;
}

static const struct key_form key_form_gcm_stream = {
	.max = 32,
	.fits = fits_gcm_stream,
	.digits = "give 32 or 64: gcm-stream has AES-128 and 256",
	.bytes = "give 16 or 32: gcm-stream has AES-128 and 256",
};

static int take_key(struct arguments *arguments)
{
	const struct key_form *form = modes[mode_index(arguments->job.mode)].has_segments
					      ? &key_form_gcm_stream
					      : &key_form_aes;
	struct key *key = &arguments->job.key;

	if (arguments->key_slot)
		return key_take_slot(arguments->key_slot, key);
	return arguments->key_hex ? key_take_hex(form, arguments->key_hex, key)
				  : key_take_file(form, arguments->key_file, key);
}

static int take_values(struct arguments *arguments)
{
	size_t mode = mode_index(arguments->job.mode);
	struct aes_job *job = &arguments->job;
	int status = take_key(arguments);

	job->tag_size = modes[mode].tag_size;
	job->segment_size = SEGMENT_SIZE_DEFAULT;
	job->hash = PLUTON_SHA256;
	job->padded = modes[mode].has_padding;
	job->iv_ahead = makes_iv(job->mode) && !arguments->iv_hex;
	job->iv_size = job->iv_ahead ? modes[mode].iv_max : 0;
	if (status == CLI_DONE && arguments->iv_hex)
		status = take_iv(job, arguments->iv_hex);
	if (status == CLI_DONE && arguments->aad_hex)
		status = take_aad(job, arguments->aad_hex);
	if (status == CLI_DONE && arguments->tag_size)
		status = take_tag_size(job, arguments->tag_size);
	if (status == CLI_DONE && arguments->padding)
		status = take_padding(job, arguments->padding);
	if (status == CLI_DONE && arguments->segment_size)
		status = take_segment_size(job, arguments->segment_size);
	if (status == CLI_DONE && arguments->hash)
		status = take_hash(job, arguments->hash);
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

/* What the daemon says of a slot's policy, in words of this command line. */
static const struct advice advice[] = {
	{PLUTON_EINVAL, "takes no iv from outside", "leave out --iv-hex"},
	{PLUTON_EINVAL, "is for gcm only", "use --mode gcm without --iv-hex"},
	{PLUTON_ENOSUPPORT, "makes an iv", "which is --iv-hex"},
	{0},
};

static int run(const struct argp *argp, struct session *session,
	       enum pluton_aes_direction direction, int argc, char **argv)
{
	struct arguments arguments = {
		.job = {.session = session, .direction = direction, .in = "-", .out = "-"}};
	struct aes_job *job = &arguments.job;
	int status = session_parse(argp, argc, argv, &arguments);

	session->advice = advice;
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
	"  pluton-cli aes " verb " --mode gcm --key-file KEY --in " in " --out " out "\n"          \
	"  pluton-cli aes " verb " --mode gcm-stream --key-file KEY \\\n"                          \
	"      --in " in " --out " out "\n"

static int verb_encrypt(struct session *session, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Encrypts a file.\v"
		       "gcm and ccm write the ciphertext and then the tag, gcm without --iv-hex "
		       "the 12\n"
		       "bytes of a random iv before them; and take messages up to aead_scratch "
		       "(see\n"
		       "`pluton-cli limits'). gcm-stream takes any size and is Tink's\n"
		       "AES-GCM-HKDF Streaming. ctr, cbc and ecb take any size, are what `openssl "
		       "enc'\n"
		       "does, and do not notice changes; ecb shows which blocks are equal.\n"
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
		       "gcm and ccm read the ciphertext and then the tag, gcm without --iv-hex "
		       "the iv's\n"
		       "12 bytes before them: what encrypt wrote. If the tag does not match,\n"
		       "nothing is written and the status is 1. So it is with gcm-stream, but on "
		       "a\n"
		       "pipe what came before is out, all of it right. ctr, cbc and ecb decrypt "
		       "any\n"
		       "bytes; cbc and ecb may then find that the padding is wrong.\n"
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
