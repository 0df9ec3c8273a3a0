/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli mac: the message authentication code of a file, printed as `hash` prints a digest, or
 * compared with one that is known.
 */
#include <pluton/mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checksum.h"
#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/key.h"
#include "cli/noun.h"
#include "cli/stream.h"
#include "cli/words.h"

enum { WORD_ALGORITHM, WORD_FILE };
enum { OPTION_KEY_HEX, OPTION_KEY_FILE, OPTION_KEY_SLOT, OPTION_VERIFY };

struct job {
	struct session *session;
	const char *name; /* of the algorithm */
	enum pluton_mac_algorithm algorithm;
	struct key key;
	const char *file;
	uint8_t mac[PLUTON_MAC_SIZE_MAX]; /* in to verify, else out */
	size_t mac_size;
	bool verify;
};

static const struct argp_option options[] = {
	{"key-file", WORDS_OPTION(OPTION_KEY_FILE), "FILE", 0,
	 "The key: a file, - for standard input if the data comes from a file", 1},
	{"key-hex", WORDS_OPTION(OPTION_KEY_HEX), "HEX", 0,
	 "The key in hexadecimal; other users may see it in ps while the command starts", 2},
	{"key-slot", WORDS_OPTION(OPTION_KEY_SLOT), "N", 0,
	 "The key: the one in your slot N, see `pluton-cli key list'", 2},
	{"verify", WORDS_OPTION(OPTION_VERIFY), "HEX", 0,
	 "Compare with this MAC or its leftmost bytes, at least 4; status 1 if it is another", 3},
	{0},
};

static const struct words_form form = {
	.args_doc = "ALGORITHM [FILE]",
	.doc = "Prints the message authentication code of FILE, or of standard input if FILE is - "
	       "or missing, as hash prints a digest.\v"
	       "Algorithms: cmac, with AES and a key of 16, 24 or 32 bytes, and with one of 1\n"
	       "to 1024 bytes hmac-sha1 hmac-sha224 hmac-sha256 hmac-sha384 hmac-sha512\n"
	       "hmac-sha3-256 hmac-sha3-384 hmac-sha3-512.\n"
	       "A file may have any size.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli mac hmac-sha256 --key-file KEY FILE\n"
	       "  pluton-cli mac cmac --key-file KEY --verify HEX FILE\n",
	.names = {"the algorithm", "the file"},
	.required = 1,
	.options = options,
};

static bool fits_hmac(size_t size)
{
	return size >= 1;
}

static const struct key_form key_form_hmac = {
	.max = PLUTON_HMAC_KEY_SIZE_MAX,
	.fits = fits_hmac,
	.digits = "give two for each of 1 to 1024 bytes",
	.bytes = "give 1 to 1024",
};

static int take_key(struct job *job, const struct words *words)
{
	const struct key_form *keys =
		job->algorithm == PLUTON_CMAC_AES ? &key_form_aes : &key_form_hmac;
	const char *hex = words->option[OPTION_KEY_HEX], *file = words->option[OPTION_KEY_FILE];
	const char *slot = words->option[OPTION_KEY_SLOT];
	int status = key_check(hex, file, slot, "pluton-cli mac");

	if (status != CLI_DONE)
		return status;
	if (slot)
		return key_take_slot(slot, &job->key);
	if (hex)
		return key_take_hex(keys, (char *)(uintptr_t)hex, &job->key);
	if (strcmp(file, "-") == 0 && strcmp(job->file, "-") == 0)
		return fail_usage("key and data both from standard input, --key-file -, name a "
				  "file for one of them");
	return key_take_file(keys, file, &job->key);
}

static int take_mac(struct job *job, const char *text)
{
	size_t whole = pluton_mac_size(job->algorithm);
	size_t digits = text ? strlen(text) : 0;

	job->mac_size = whole;
	if (!text)
		return CLI_DONE;
	if (digits % 2 != 0 || digits / 2 < PLUTON_MAC_SIZE_MIN || digits / 2 > whole)
		return fail_usage("--verify has a wrong length, %zu digits, give %d to %zu for %s",
				  digits, 2 * PLUTON_MAC_SIZE_MIN, 2 * whole, job->name);
	if (!hex_decode(text, digits / 2, job->mac))
		return fail_usage("--verify is not hexadecimal, %s, use 0 to 9 and a to f", text);
	job->mac_size = digits / 2;
	job->verify = true;
	return CLI_DONE;
}

static int take_words(struct job *job, const struct words *words)
{
	const char *file = words->word[WORD_FILE];
	int status;

	job->name = words->word[WORD_ALGORITHM];
	job->file = file ? file : "-";
	job->algorithm = pluton_mac_by_name(job->name);
	if (job->algorithm == 0)
		return fail_usage("no such algorithm, %s, see `pluton-cli mac --help'", job->name);
	status = take_key(job, words);
	return status == CLI_DONE ? take_mac(job, words->option[OPTION_VERIFY]) : status;
}

static int update(struct pluton *pluton, void *context, const void *in, void *out, size_t length,
		  pluton_done_fn done, void *userdata)
{
	(void)out;
	return pluton_mac_update_async(pluton, context, in, length, done, userdata, NULL);
}

static int finish(struct job *job, const struct stream *stream)
{
	struct pluton *pluton = job->session->pluton;
	int r;

	if (!job->verify)
		r = pluton_mac_finish(pluton, stream->context, job->mac, job->mac_size);
	else
		r = pluton_mac_finish_verify(pluton, stream->context, job->mac, job->mac_size);
	if (r == -PLUTON_EINVAL && job->verify)
		return fail_pluton(r,
				   "the MAC does not match, %s: the file is another or the key, do "
				   "not trust it",
				   job->file);
	return r < 0 ? session_failed(job->session, r, stream->what, job->file) : CLI_DONE;
}

static int authenticate(struct job *job, struct input *input)
{
	struct session *session = job->session;
	struct pluton_mac_stream mac_stream;
	const struct stream stream = {.session = session,
				      .input = input,
				      .what = "cannot authenticate",
				      .start = update,
				      .context = &mac_stream};
	int status, r;

	if (job->key.slot)
		r = pluton_mac_begin_slot(session->pluton, job->algorithm, job->key.slot,
					  &mac_stream);
	else
		r = pluton_mac_begin(session->pluton, job->algorithm, job->key.bytes, job->key.size,
				     &mac_stream);
	explicit_bzero(&job->key, sizeof(job->key));
	if (r < 0)
		return session_failed(session, r, "cannot authenticate with", job->name);
	status = stream_run(&stream);
	return status == CLI_DONE ? finish(job, &stream) : status;
}

static int print_json(const struct job *job, const char *digits)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "algorithm", json_object_new_string(job->name));
		if (job->verify)
			json_object_object_add(object, "verified", json_object_new_boolean(true));
		else
			json_object_object_add(object, "mac", json_object_new_string(digits));
		json_object_object_add(object, "file", json_text(job->file));
	}
	return json_print(object);
}

static int print(const struct job *job)
{
	char digits[2 * PLUTON_MAC_SIZE_MAX + 1] = "";

	hex_encode(job->mac, job->mac_size, digits);
	if (job->session->json)
		return print_json(job, digits);
	if (job->verify)
		checksum_print_ok(job->file);
	else
		checksum_print(digits, job->file);
	return CLI_DONE;
}

static int run(struct job *job)
{
	struct input input = INPUT_NONE;
	int status = input_open(&input, job->file);

	if (status == CLI_DONE)
		status = session_open(job->session);
	if (status == CLI_DONE)
		status = authenticate(job, &input);
	input_close(&input);
	return status == CLI_DONE ? print(job) : status;
}

int noun_mac(struct session *session, int argc, char **argv)
{
	struct job job = {.session = session};
	struct words words;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = take_words(&job, &words);
	if (status == CLI_DONE)
		status = run(&job);
	explicit_bzero(&job.key, sizeof(job.key));
	return status;
}
