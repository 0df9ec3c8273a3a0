/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli hash: the digest of a file, printed as sha256sum and its siblings print it, so that
 * `sha256sum --check` reads it.
 */
#include "cli/hash.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/checksum.h"
#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/noun.h"
#include "cli/stream.h"

struct arguments {
	struct session *session;
	const char *name; /* of the algorithm */
	enum pluton_digest_algorithm algorithm;
	const char *file;
};

static error_t take_argument(struct arguments *arguments, const struct argp_state *state,
			     const char *argument)
{
	switch (state->arg_num) {
	case 0:
		arguments->name = argument;
		arguments->algorithm = pluton_digest_by_name(argument);
		if (arguments->algorithm == 0)
			exit(fail_usage("no such algorithm, %s, see `%s --help'", argument,
					state->name));
		return 0;
	case 1:
		arguments->file = argument;
		return 0;
	default:
		exit(fail_usage("one argument too many, %s, hash one file at a time", argument));
	}
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->session;
		return 0;
	case ARGP_KEY_ARG:
		return take_argument(arguments, state, argument);
	case ARGP_KEY_NO_ARGS:
		exit(fail_usage("the algorithm is missing, ALGORITHM, see `%s --help'",
				state->name));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "ALGORITHM [FILE]",
	.doc = "Prints the digest of FILE, or of standard input if FILE is - or missing, as "
	       "sha256sum does.\v"
	       "Algorithms: sha1 sha224 sha256 sha384 sha512 sha3-256 sha3-384 sha3-512.\n"
	       "A file may have any size.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli hash sha256 FILE\n"
	       "  tar c FOLDER | pluton-cli hash sha256\n",
	.children = session_options,
};

static int update(struct pluton *pluton, void *context, const void *in, void *out, size_t length,
		  pluton_done_fn done, void *userdata)
{
	(void)out;
	return pluton_digest_update_async(pluton, context, in, length, done, userdata, NULL);
}

static int digest_input(struct session *session, const char *name, struct input *input,
			unsigned char *digest)
{
	struct pluton_digest_stream digest_stream;
	struct stream stream = {.session = session,
				.input = input,
				.what = "cannot hash",
				.start = update,
				.context = &digest_stream};
	int status, r;

	r = pluton_digest_begin(session->pluton, pluton_digest_by_name(name), &digest_stream);
	if (r < 0)
		return session_failed(session, r, "cannot hash with", name);
	status = stream_run(&stream);
	if (status != CLI_DONE)
		return status;
	r = pluton_digest_finish(session->pluton, &digest_stream, digest, PLUTON_DIGEST_SIZE_MAX);
	return r < 0 ? session_failed(session, r, stream.what, input->name) : CLI_DONE;
}

int hash_file(struct session *session, const char *name, const char *path,
	      unsigned char ret_digest[PLUTON_DIGEST_SIZE_MAX])
{
	struct input input = INPUT_NONE;
	int status = input_open(&input, path);

	if (status == CLI_DONE)
		status = digest_input(session, name, &input, ret_digest);
	input_close(&input);
	return status;
}

static int print_json(const struct arguments *arguments, const char *digits)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "algorithm",
				       json_object_new_string(arguments->name));
		json_object_object_add(object, "digest", json_object_new_string(digits));
		json_object_object_add(object, "file", json_text(arguments->file));
	}
	return json_print(object);
}

static int run(const struct arguments *arguments)
{
	unsigned char digest[PLUTON_DIGEST_SIZE_MAX];
	char digits[2 * PLUTON_DIGEST_SIZE_MAX + 1] = "";
	int status = hash_file(arguments->session, arguments->name, arguments->file, digest);

	if (status != CLI_DONE)
		return status;
	hex_encode(digest, pluton_digest_size(arguments->algorithm), digits);
	if (arguments->session->json)
		return print_json(arguments, digits);
	checksum_print(digits, arguments->file);
	return CLI_DONE;
}

int noun_hash(struct session *session, int argc, char **argv)
{
	struct arguments arguments = {.session = session, .file = "-"};
	int status = session_parse(&argp, argc, argv, &arguments);

	if (status == CLI_DONE)
		status = session_open(session);
	return status == CLI_DONE ? run(&arguments) : status;
}
