/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli random: N random bytes, as one line of hexadecimal unless asked for raw, in pieces of
 * constant size.
 */
#include <errno.h>
#include <inttypes.h>
#include <pluton/random.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/progress.h"

#define PIECE_SIZE ((size_t)256 << 10) /* bytes */
#define NO_BYTES "no random bytes"

struct arguments {
	struct session *session;
	const char *count_text; /* NULL: not given yet */
	uint64_t count;		/* bytes */
	bool raw;
};

/* A number below zero looks like an option: it gets our sentence, not getopt's. */
#define NEGATIVE(digit)                                                                            \
	{                                                                                          \
		NULL, (digit), "N", OPTION_HIDDEN | OPTION_ARG_OPTIONAL, NULL, 0                   \
	}

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Print the bytes themselves, not hexadecimal", 0},
	NEGATIVE('0'),
	NEGATIVE('1'),
	NEGATIVE('2'),
	NEGATIVE('3'),
	NEGATIVE('4'),
	NEGATIVE('5'),
	NEGATIVE('6'),
	NEGATIVE('7'),
	NEGATIVE('8'),
	NEGATIVE('9'),
	{0},
};

static void refuse_count(const char *sign, const char *text, const char *name)
	__attribute__((noreturn));

static void refuse_count(const char *sign, const char *text, const char *name)
{
	exit(fail_usage("not a number of bytes, %s%s, write a decimal number, see `%s --help'",
			sign, text, name));
}

static uint64_t parse_count(const char *text, const char *name)
{
	unsigned long long count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (strspn(text, "0123456789") == 0 || *end || errno == ERANGE)
		refuse_count("", text, name);
	return count;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key >= '0' && key <= '9') {
		char sign[] = {'-', (char)key, '\0'};

		refuse_count(sign, argument ? argument : "", state->name);
	}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->session;
		return 0;
	case 'r':
		arguments->raw = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->count_text)
			exit(fail_usage("one argument too many, %s, see `%s --help'", argument,
					state->name));
		arguments->count_text = argument;
		arguments->count = parse_count(argument, state->name);
		return 0;
	case ARGP_KEY_NO_ARGS:
		exit(fail_usage("how many bytes is missing, N, see `%s --help'", state->name));
	case ARGP_KEY_END:
		if (arguments->raw && arguments->session->json)
			exit(fail_usage("--raw with --json, JSON has no raw bytes, leave out one"));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "N",
	.doc = "Prints N random bytes from the secure processor, as one line of lower-case "
	       "hexadecimal.\v"
	       "Examples:\n"
	       "  pluton-cli random 32\n"
	       "  pluton-cli random --raw 1048576 > FILE\n",
	.children = session_options,
};

static int write_bytes(const struct arguments *arguments, const struct output *output,
		       const void *bytes, char *digits, size_t length)
{
	if (arguments->raw)
		return output_write(output, bytes, length);
	hex_encode(bytes, length, digits);
	return output_write(output, digits, 2 * length);
}

/* `bytes` has room for a piece, `digits` for twice as much. */
static int write_random(const struct arguments *arguments, const struct output *output, void *bytes,
			char *digits)
{
	struct session *session = arguments->session;
	int r, status = CLI_DONE;

	for (uint64_t done = 0; done < arguments->count && status == CLI_DONE;) {
		uint64_t left = arguments->count - done;
		size_t length = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;

		r = pluton_random(session->pluton, bytes, length);
		if (r < 0)
			return session_failed(session, r, NO_BYTES, arguments->count_text);
		status = write_bytes(arguments, output, bytes, digits, length);
		done += length;
		progress_show(done);
	}
	return status;
}

static int write_framed(const struct arguments *arguments, const struct output *output, void *bytes,
			char *digits)
{
	bool json = arguments->session->json;
	const char *before = json ? "{\"random\":\"" : "";
	const char *after = json ? "\"}\n" : arguments->raw ? "" : "\n";
	int status = output_write(output, before, strlen(before));

	if (status == CLI_DONE)
		status = write_random(arguments, output, bytes, digits);
	if (status == CLI_DONE)
		status = output_write(output, after, strlen(after));
	return status;
}

static int run_with(const struct arguments *arguments, void *bytes, char *digits)
{
	struct output output = OUTPUT_NONE;
	int status = output_open(&output, "-");

	/* A bar would be drawn through what is printed. */
	progress_begin(!arguments->session->quiet && !isatty(output.fd), arguments->count);
	if (status == CLI_DONE)
		status = write_framed(arguments, &output, bytes, digits);
	progress_end();
	explicit_bzero(digits, 2 * PIECE_SIZE);
	return status;
}

static int run(const struct arguments *arguments)
{
	const struct session *session = arguments->session;
	void *bytes = pluton_alloc(session->pluton, PIECE_SIZE);
	char *digits = malloc(2 * PIECE_SIZE);
	int status;

	if (!bytes)
		status = session_failed(session, pluton_alloc_error(session->pluton), NO_BYTES,
					arguments->count_text);
	else if (!digits)
		status = fail_system(ENOMEM, "no memory, %s, free some", arguments->count_text);
	else
		status = run_with(arguments, bytes, digits);
	free(digits);
	pluton_free(session->pluton, bytes);
	return status;
}

int noun_random(struct session *session, int argc, char **argv)
{
	struct arguments arguments = {.session = session};
	int status = session_parse(&argp, argc, argv, &arguments);

	if (status == CLI_DONE)
		status = session_open(session);
	return status == CLI_DONE ? run(&arguments) : status;
}
