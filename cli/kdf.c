/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli kdf: keys derived from keys and passwords. All that is secret lies in the job, which
 * is wiped before the program ends, however it ends.
 */
#include <pluton/digest.h>
#include <pluton/kdf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/key.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/waiting.h"
#include "cli/words.h"

#define TEXT_MAX 1024u /* bytes of a salt, a label or info */

enum {
	OPTION_ALGORITHM,
	OPTION_KEY_FILE,
	OPTION_KEY_HEX,
	OPTION_PASSWORD_FILE,
	OPTION_SALT_HEX,
	OPTION_LABEL,
	OPTION_LABEL_HEX,
	OPTION_INFO, /* or the context */
	OPTION_INFO_HEX,
	OPTION_STEP, /* or the fixed input */
	OPTION_ITERATIONS,
	OPTION_LENGTH,
	OPTION_OUT,
	OPTION_RAW,
	OPTION_KEY_SLOT,
};

struct text {
	uint8_t bytes[TEXT_MAX];
	size_t size;
};

struct job {
	const struct words *words;
	const char *noun; /* "pluton-cli kdf hkdf" */
	struct pluton_kdf_request request;
	struct key key;
	struct text salt, label, info;
	uint8_t output[PLUTON_KDF_LENGTH_MAX];
	char line[2 * PLUTON_KDF_LENGTH_MAX + 16]; /* digits, and what is around them */
};

#define OPTION(name, index, value, doc)                                                            \
	{                                                                                          \
		name, WORDS_OPTION(index), value, 0, doc, 0                                        \
	}
#define HASH_OPTION                                                                                \
	OPTION("hash", OPTION_ALGORITHM, "ALGORITHM",                                              \
	       "The hash function, as `pluton-cli hash' knows it (default: sha256)")
#define KEY_FILE_OPTION                                                                            \
	OPTION("key-file", OPTION_KEY_FILE, "FILE",                                                \
	       "The key to derive from: a file of 1 to 1024 bytes, - for standard input")
#define KEY_HEX_OPTION                                                                             \
	OPTION("key-hex", OPTION_KEY_HEX, "HEX",                                                   \
	       "The key in hexadecimal; other users may see it in ps while the command starts")
#define KEY_SLOT_OPTION                                                                            \
	OPTION("key-slot", OPTION_KEY_SLOT, "N",                                                   \
	       "The key: the one in your slot N, see `pluton-cli key list'")
#define SALT_OPTION                                                                                \
	OPTION("salt-hex", OPTION_SALT_HEX, "HEX", "The salt, up to 1024 bytes (default: none)")
#define LENGTH_OPTION                                                                              \
	OPTION("length", OPTION_LENGTH, "BYTES", "How many bytes to derive (default: 32)")
#define OUT_OPTION                                                                                 \
	OPTION("out", OPTION_OUT, "FILE",                                                          \
	       "Write the bytes to FILE, which only you may read, not hexadecimal to standard "    \
	       "output")
#define RAW_OPTION OPTION("raw", OPTION_RAW, NULL, "Print the bytes themselves, not hexadecimal")
#define DEFAULTS [OPTION_LENGTH] = "32", [OPTION_OUT] = "-"

static const struct advice advice[] = {
	{PLUTON_ESIZE, "pbkdf2_rounds_max", "ask for fewer, or raise it in plutond.conf"},
	{PLUTON_ESIZE, "iterations for all blocks",
	 "ask for fewer, or name another backend for kdf in plutond.conf"},
	{PLUTON_ENOSUPPORT, NULL, "use another algorithm, and see `pluton-cli engines'"},
	{0},
};

/* --- what goes in ---------------------------------------------------------------------------- */

static bool fits(size_t size)
{
	return size >= 1;
}

static const struct key_form key_form = {
	.max = PLUTON_KDF_KEY_MAX,
	.fits = fits,
	.digits = "give two for each of 1 to 1024 bytes",
	.bytes = "give 1 to 1024",
};

static int take_key(struct job *job)
{
	const char *hex = job->words->option[OPTION_KEY_HEX];
	const char *file = job->words->option[OPTION_KEY_FILE];
	const char *slot = job->words->option[OPTION_KEY_SLOT];
	const struct key_form *form =
		job->request.prf == PLUTON_CMAC_AES ? &key_form_aes : &key_form;
	int status = key_check(hex, file, slot, job->noun);

	if (status != CLI_DONE)
		return status;
	if (slot)
		return key_take_slot(slot, &job->key);
	return hex ? key_take_hex(form, (char *)(uintptr_t)hex, &job->key)
		   : key_take_file(form, file, &job->key);
}

/* One line break at the end is the editor's, not the password's. */
static int take_password(struct job *job)
{
	const char *file = job->words->option[OPTION_PASSWORD_FILE];
	int status;

	if (strcmp(file, "-") == 0 && isatty(STDIN_FILENO))
		return fail_usage("a password from a terminal, which would show it, "
				  "--password-file -, give a file or a pipe");
	status = key_take_file(&key_form, file, &job->key);
	if (status != CLI_DONE)
		return status;
	if (job->key.bytes[job->key.size - 1] == '\n')
		job->key.size--;
	return job->key.size ? CLI_DONE
			     : fail_usage("the password is empty, %s, write one there", file);
}

static int take_hex(const char *hex, const char *name, size_t max, struct text *ret)
{
	size_t digits = strlen(hex);

	if (digits % 2 != 0 || digits / 2 > max)
		return fail_usage("%s-hex has a wrong length, %zu digits, give two for each of at "
				  "most %zu bytes",
				  name, digits, max);
	if (!hex_decode(hex, digits / 2, ret->bytes))
		return fail_usage("%s-hex is not hexadecimal, %s, use 0 to 9 and a to f", name,
				  hex);
	ret->size = digits / 2;
	return CLI_DONE;
}

/* As text or in hexadecimal; neither is an empty one. */
static int take_text(const struct job *job, unsigned as_text, unsigned as_hex, const char *name,
		     size_t max, struct text *ret)
{
	const char *text = job->words->option[as_text], *hex = job->words->option[as_hex];

	if (text && hex)
		return fail_usage("%s twice, %s and %s-hex, leave out one", name + 2, name, name);
	if (hex)
		return take_hex(hex, name, max, ret);
	if (!text)
		return CLI_DONE;
	if (strlen(text) > max)
		return fail_usage("%s is too long, %zu bytes, give at most %zu", name, strlen(text),
				  max);
	ret->size = strlen(text);
	memcpy(ret->bytes, text, ret->size);
	return CLI_DONE;
}

static int take_salt(struct job *job)
{
	const char *hex = job->words->option[OPTION_SALT_HEX];

	return hex ? take_hex(hex, "--salt", PLUTON_KDF_SALT_MAX, &job->salt) : CLI_DONE;
}

static int take_hash(struct job *job)
{
	const char *name = job->words->option[OPTION_ALGORITHM];
	enum pluton_digest_algorithm algorithm = pluton_digest_by_name(name);

	if (algorithm == 0)
		return fail_usage("no such algorithm, %s, see `%s --help'", name, job->noun);
	job->request.prf = (enum pluton_mac_algorithm)algorithm; /* the same numbers */
	return CLI_DONE;
}

static int take_length(struct job *job)
{
	size_t max = pluton_kdf_length_max(job->request.method, job->request.prf);
	uint32_t length;
	int status =
		words_number(job->words->option[OPTION_LENGTH], "--length", (uint32_t)max, &length);

	if (status == CLI_DONE && length == 0)
		status = fail_usage("--length of no bytes, 0, give at least 1");
	job->request.length = length;
	return status;
}

static int check_output(const struct job *job)
{
	const struct words *words = job->words;
	bool to_file = strcmp(words->option[OPTION_OUT], "-") != 0;

	if (words->option[OPTION_RAW] && to_file)
		return fail_usage("--raw with --out, a file has the bytes themselves, leave out "
				  "--raw");
	if (words->option[OPTION_RAW] && words->session->json)
		return fail_usage("--raw with --json, JSON has no raw bytes, leave out one");
	return CLI_DONE;
}

/* --- what comes out -------------------------------------------------------------------------- */

static int print_json_of_file(const struct job *job, const char *out)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_add_number(object, "length", job->request.length);
		json_add_text(object, "out", out);
	}
	return json_print(object);
}

/* Not by json-c: it would keep a copy of the key that nobody wipes. */
static int print_digits(struct job *job)
{
	bool json = job->words->session->json;
	const char *before = json ? "{\"key\":\"" : "", *after = json ? "\"}\n" : "\n";
	size_t digits = 2 * job->request.length;
	char *at = stpcpy(job->line, before);

	hex_encode(job->output, job->request.length, at);
	stpcpy(at + digits, after);
	return output_whole("-", job->line, strlen(job->line));
}

static int give(struct job *job)
{
	const char *out = job->words->option[OPTION_OUT];
	int status;

	if (job->words->option[OPTION_RAW])
		return output_whole("-", job->output, job->request.length);
	if (strcmp(out, "-") == 0)
		return print_digits(job);
	status = output_whole_secret(out, job->output, job->request.length);
	if (status == CLI_DONE && job->words->session->json)
		status = print_json_of_file(job, out);
	return status;
}

static int derive(struct job *job)
{
	struct session *session = job->words->session;
	struct pluton_kdf_request *request = &job->request;
	struct waiting waiting = {0};
	int status, r;

	request->key = job->key.slot ? NULL : job->key.bytes;
	request->key_slot = job->key.slot;
	request->key_size = job->key.size;
	request->salt = job->salt.bytes;
	request->salt_size = job->salt.size;
	request->label = job->label.bytes;
	request->label_size = job->label.size;
	request->info = job->info.bytes;
	request->info_size = job->info.size;
	request->output = job->output;
	session->advice = advice;
	status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_kdf_async(session->pluton, request, waiting_done, &waiting, NULL);
	r = waiting_end(session, &waiting, r, "deriving a key");
	return r < 0 ? session_failed(session, r, "no key", job->noun) : give(job);
}

/* --- the verbs ------------------------------------------------------------------------------- */

/* What the command line says, and how its words are understood. */
static int run(const struct words_form *form, struct session *session, int argc, char **argv,
	       int (*understand)(struct job *job))
{
	struct job job = {0};
	struct words words;
	int status = words_parse(form, session, argc, argv, &words);

	job.words = &words;
	job.noun = argv[0];
	if (status == CLI_DONE)
		status = check_output(&job);
	if (status == CLI_DONE)
		status = understand(&job);
	if (status == CLI_DONE)
		status = derive(&job);
	explicit_bzero(&job, sizeof(job));
	return status;
}

static int take_step(struct job *job)
{
	const char *step = job->words->option[OPTION_STEP];

	job->request.method = PLUTON_KDF_HKDF;
	if (!step)
		return CLI_DONE;
	if (strcmp(step, "extract") == 0)
		job->request.method = PLUTON_KDF_HKDF_EXTRACT;
	else if (strcmp(step, "expand") == 0)
		job->request.method = PLUTON_KDF_HKDF_EXPAND;
	else
		return fail_usage("no such step, %s, use extract or expand", step);
	return CLI_DONE;
}

static int check_step(const struct job *job)
{
	const char *const *option = job->words->option;

	if (job->request.method == PLUTON_KDF_HKDF_EXTRACT &&
	    (option[OPTION_INFO] || option[OPTION_INFO_HEX]))
		return fail_usage("--info with --step extract, it has none, leave it out");
	if (job->request.method == PLUTON_KDF_HKDF_EXPAND && option[OPTION_SALT_HEX])
		return fail_usage("--salt-hex with --step expand, it has none, leave it out");
	return CLI_DONE;
}

/* An extraction gives as much as the hash. */
static int take_hkdf_length(struct job *job)
{
	size_t max = pluton_kdf_length_max(job->request.method, job->request.prf);
	const char *length = job->words->option[OPTION_LENGTH];
	bool given = length != job->words->form->defaults[OPTION_LENGTH];
	int status;

	if (job->request.method != PLUTON_KDF_HKDF_EXTRACT)
		return take_length(job);
	if (!given) {
		job->request.length = max;
		return CLI_DONE;
	}
	status = take_length(job);
	if (status == CLI_DONE && job->request.length != max)
		status = fail_usage("--length of an extraction, %s, it is always %zu, leave it out",
				    length, max);
	return status;
}

static int understand_hkdf(struct job *job)
{
	int status = take_hash(job);

	if (status == CLI_DONE)
		status = take_step(job);
	if (status == CLI_DONE)
		status = check_step(job);
	if (status == CLI_DONE)
		status = take_hkdf_length(job);
	if (status == CLI_DONE)
		status = take_salt(job);
	if (status == CLI_DONE)
		status = take_text(job, OPTION_INFO, OPTION_INFO_HEX, "--info", PLUTON_KDF_INFO_MAX,
				   &job->info);
	return status == CLI_DONE ? take_key(job) : status;
}

static int verb_hkdf(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		HASH_OPTION,
		KEY_FILE_OPTION,
		KEY_HEX_OPTION,
		KEY_SLOT_OPTION,
		SALT_OPTION,
		OPTION("info", OPTION_INFO, "TEXT", "What the key is for (default: nothing)"),
		OPTION("info-hex", OPTION_INFO_HEX, "HEX", "The same in hexadecimal"),
		OPTION("step", OPTION_STEP, "STEP", "Only extract, or only expand"),
		LENGTH_OPTION,
		OUT_OPTION,
		RAW_OPTION,
		{0}};
	static const struct words_form form = {
		.doc = "Derives a key from a key by HKDF (RFC 5869).\v"
		       "At most 255 times as many bytes as the hash has.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli kdf hkdf --key-file SECRET --info 'disk 1'\n"
		       "  pluton-cli kdf hkdf --key-slot 1 --info 'disk 1'\n"
		       "  pluton-cli kdf hkdf --hash sha512 --key-file SECRET --salt-hex HEX \\\n"
		       "      --length 64 --out KEY\n",
		.options = options,
		.defaults = {DEFAULTS, [OPTION_ALGORITHM] = "sha256"},
	};

	return run(&form, session, argc, argv, understand_hkdf);
}

static int take_prf(struct job *job)
{
	const char *name = job->words->option[OPTION_ALGORITHM];

	job->request.prf = pluton_mac_by_name(name);
	if (job->request.prf == 0)
		return fail_usage("no such algorithm, %s, use cmac or hmac-sha256, see `%s --help'",
				  name, job->noun);
	return CLI_DONE;
}

static int take_fixed(struct job *job, const char *fixed)
{
	const char *const *option = job->words->option;

	if (option[OPTION_LABEL] || option[OPTION_LABEL_HEX] || option[OPTION_INFO] ||
	    option[OPTION_INFO_HEX])
		return fail_usage("--fixed-hex with --label or --context, it is all there is, "
				  "leave out the others");
	job->request.method = PLUTON_KDF_SP800_108_FIXED;
	return take_hex(fixed, "--fixed", PLUTON_KDF_INFO_MAX, &job->info);
}

static int take_label_and_context(struct job *job)
{
	int status = take_text(job, OPTION_LABEL, OPTION_LABEL_HEX, "--label", PLUTON_KDF_LABEL_MAX,
			       &job->label);

	job->request.method = PLUTON_KDF_SP800_108;
	if (status == CLI_DONE)
		status = take_text(job, OPTION_INFO, OPTION_INFO_HEX, "--context",
				   PLUTON_KDF_INFO_MAX, &job->info);
	return status;
}

static int understand_sp800_108(struct job *job)
{
	const char *fixed = job->words->option[OPTION_STEP];
	int status = take_prf(job);

	if (status == CLI_DONE)
		status = fixed ? take_fixed(job, fixed) : take_label_and_context(job);
	if (status == CLI_DONE)
		status = take_length(job);
	return status == CLI_DONE ? take_key(job) : status;
}

static int verb_sp800_108(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION("prf", OPTION_ALGORITHM, "ALGORITHM",
		       "cmac or an hmac, as `pluton-cli mac' knows it (default: hmac-sha256)"),
		KEY_FILE_OPTION,
		KEY_HEX_OPTION,
		KEY_SLOT_OPTION,
		OPTION("label", OPTION_LABEL, "TEXT", "What the key is for (default: nothing)"),
		OPTION("label-hex", OPTION_LABEL_HEX, "HEX", "The same in hexadecimal"),
		OPTION("context", OPTION_INFO, "TEXT", "Whom the key is for (default: nobody)"),
		OPTION("context-hex", OPTION_INFO_HEX, "HEX", "The same in hexadecimal"),
		OPTION("fixed-hex", OPTION_STEP, "HEX",
		       "In place of both: all that stands behind the counter"),
		LENGTH_OPTION,
		OUT_OPTION,
		RAW_OPTION,
		{0}};
	static const struct words_form form = {
		.doc = "Derives a key from a key by NIST SP 800-108 in counter mode.\v"
		       "Each block is made of a counter of 32 bits, the label, a zero byte, the "
		       "context, and\n"
		       "the bits of the output in 32 bits, as openssl kdf KBKDF makes it.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli kdf sp800-108 --key-file SECRET --label disk --context 1\n"
		       "  pluton-cli kdf sp800-108 --prf cmac --key-file SECRET --label disk\n",
		.options = options,
		.defaults = {DEFAULTS, [OPTION_ALGORITHM] = "hmac-sha256"},
	};

	return run(&form, session, argc, argv, understand_sp800_108);
}

static int take_iterations(struct job *job)
{
	const char *text = job->words->option[OPTION_ITERATIONS];
	int status;

	if (!text)
		return fail_usage("how many iterations is missing, --iterations, give some hundred "
				  "thousand, see `%s --help'",
				  job->noun);
	status = words_number(text, "--iterations", UINT32_MAX, &job->request.iterations);
	if (status == CLI_DONE && job->request.iterations == 0)
		status = fail_usage("--iterations of none, 0, give at least 1");
	return status;
}

static int understand_pbkdf2(struct job *job)
{
	const char *const *option = job->words->option;
	int status = take_hash(job);

	job->request.method = PLUTON_KDF_PBKDF2;
	if (status == CLI_DONE)
		status = take_iterations(job);
	if (status == CLI_DONE)
		status = take_length(job);
	if (status == CLI_DONE)
		status = take_salt(job);
	if (status != CLI_DONE)
		return status;
	if (!option[OPTION_PASSWORD_FILE])
		return take_key(job);
	if (option[OPTION_KEY_FILE] || option[OPTION_KEY_HEX] || option[OPTION_KEY_SLOT])
		return fail_usage("two passwords, --password-file and --key-file, --key-hex or "
				  "--key-slot, leave out one");
	return take_password(job);
}

static int verb_pbkdf2(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		HASH_OPTION,
		OPTION("password-file", OPTION_PASSWORD_FILE, "FILE",
		       "The password: a file, - for standard input; a line break at its end does "
		       "not count"),
		OPTION("key-file", OPTION_KEY_FILE, "FILE",
		       "The password: a file of 1 to 1024 bytes, all of which count"),
		OPTION("key-hex", OPTION_KEY_HEX, "HEX",
		       "The password in hexadecimal; other users may see it in ps while the "
		       "command starts"),
		OPTION("key-slot", OPTION_KEY_SLOT, "N",
		       "The password: the secret in your slot N, see `pluton-cli key list'"),
		SALT_OPTION,
		OPTION("iterations", OPTION_ITERATIONS, "N",
		       "How often: the more, the slower are passwords tried"),
		LENGTH_OPTION,
		OUT_OPTION,
		RAW_OPTION,
		{0}};
	static const struct words_form form = {
		.doc = "Derives a key from a password by PBKDF2 (RFC 8018).\v"
		       "Have a salt of at least 16 random bytes, another for each password.\n"
		       "\n"
		       "Examples:\n"
		       "  pluton-cli kdf pbkdf2 --password-file PASSWORD --salt-hex HEX \\\n"
		       "      --iterations 600000\n"
		       "  pluton-cli kdf pbkdf2 --key-slot 1 --salt-hex HEX --iterations 600000\n",
		.options = options,
		.defaults = {DEFAULTS, [OPTION_ALGORITHM] = "sha256"},
	};

	return run(&form, session, argc, argv, understand_pbkdf2);
}

int noun_kdf(struct session *session, int argc, char **argv)
{
	static const struct verb table[] = {
		{"hkdf", "--key-file FILE [--info TEXT]", "A key from a key, by RFC 5869",
		 verb_hkdf},
		{"sp800-108", "--key-file FILE [--label TEXT]",
		 "A key from a key, by SP 800-108 in counter mode", verb_sp800_108},
		{"pbkdf2", "--password-file FILE --iterations N", "A key from a password",
		 verb_pbkdf2},
	};
	static const struct verbs verbs = {
		.kind = "verb",
		.doc = "Keys derived from keys and passwords.\v"
		       "Examples:\n"
		       "  pluton-cli kdf hkdf --key-file SECRET --info 'disk 1'\n"
		       "  pluton-cli kdf pbkdf2 --password-file PASSWORD --salt-hex HEX \\\n"
		       "      --iterations 600000\n",
		.table = table,
		.count = sizeof(table) / sizeof(table[0]),
	};

	return verbs_run(&verbs, session, argc, argv);
}
