/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli tpm: TPM commands as bytes, and what the TPM says of itself.
 */
#include <errno.h>
#include <pluton/tpm.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/input.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

enum { OPTION_INSTANCE, OPTION_LOCALITY, OPTION_IN, OPTION_OUT };

#define MESSAGE_SIZE 512 /* bytes */
#define INSTANCE_OPTION                                                                            \
	{                                                                                          \
		"instance", WORDS_OPTION(OPTION_INSTANCE), "NAME", 0,                              \
			"The TPM's name (default: " PLUTON_TPM_DEFAULT_INSTANCE ")", 0             \
	}

static const struct advice advice[] = {
	{PLUTON_EOFF, "the TPM ", "see `pluton-cli app list' and the daemon's log"},
	{PLUTON_EOFF, NULL, "start plutond, or run the command in `pluton-run -- ...'"},
	{PLUTON_EFAIL, NULL, "see `pluton-cli app list' and the daemon's log"},
	{PLUTON_ESIZE, "command", "send one whole command"},
	{PLUTON_ENODEVICE, "no app", "see `pluton-cli app list'"},
	{0},
};

static int open_tpm(const struct words *words, struct pluton_tpm **ret)
{
	const char *instance = words->option[OPTION_INSTANCE];
	char why[MESSAGE_SIZE] = "";
	int r = pluton_tpm_open(words->session->address, instance, ret, why, sizeof(why));

	return r < 0 ? session_explain(words->session, r, "no TPM", instance, why) : CLI_DONE;
}

static int failed(const struct words *words, const struct pluton_tpm *tpm, int error,
		  const char *what)
{
	return session_explain(words->session, error, what, words->option[OPTION_INSTANCE],
			       pluton_tpm_error_message(tpm));
}

/* --- send ------------------------------------------------------------------------------------ */

struct command {
	uint8_t bytes[PLUTON_TPM_COMMAND_MAX + 1]; /* one more: too long must show */
	size_t size;
};

static int command_from_hex(const char *text, struct command *ret)
{
	size_t digits = strlen(text);

	if (digits / 2 > PLUTON_TPM_COMMAND_MAX)
		return fail_usage("the command is too long, %zu bytes, give at most %d", digits / 2,
				  PLUTON_TPM_COMMAND_MAX);
	if (digits % 2 != 0 || !hex_decode(text, digits / 2, ret->bytes))
		return fail_usage(
			"not a command in hexadecimal, %s, use pairs of 0 to 9 and a to f", text);
	ret->size = digits / 2;
	return CLI_DONE;
}

static int command_from_file(const char *path, struct command *ret)
{
	struct input input = INPUT_NONE;
	int status = input_open(&input, path);

	if (status == CLI_DONE)
		status = input_read(&input, ret->bytes, sizeof(ret->bytes), &ret->size);
	input_close(&input);
	return status;
}

static int print_response(const struct words *words, const uint8_t *response, size_t size)
{
	char digits[2 * PLUTON_TPM_RESPONSE_MAX + 1];

	hex_encode(response, size, digits);
	digits[2 * size] = '\0';
	if (words->session->json)
		return json_print_member("response", json_object_new_string(digits));
	puts(digits);
	return CLI_DONE;
}

static int write_response(const char *path, const uint8_t *response, size_t size)
{
	struct output output = OUTPUT_NONE;
	int status = output_open(&output, path);

	if (status == CLI_DONE)
		status = output_write(&output, response, size);
	if (status == CLI_DONE)
		status = output_commit(&output);
	output_close(&output);
	return status;
}

static int give_response(const struct words *words, const uint8_t *response, size_t size)
{
	const char *path = words->option[OPTION_OUT];
	bool json = words->session->json;
	int status;

	/* JSON and bytes cannot share standard output: there --out - asks for nothing more. */
	if (!path || (json && strcmp(path, "-") == 0))
		return print_response(words, response, size);
	status = write_response(path, response, size);
	return status == CLI_DONE && json ? json_print_member("out", json_text(path)) : status;
}

static int send_command(const struct words *words, const struct command *command, uint32_t locality)
{
	uint8_t response[PLUTON_TPM_RESPONSE_MAX];
	size_t size = sizeof(response);
	struct pluton_tpm *tpm;
	int r, status = open_tpm(words, &tpm);

	if (status != CLI_DONE)
		return status;
	r = locality > 0 ? pluton_tpm_set_locality(tpm, locality) : 0;
	if (r == 0)
		r = pluton_tpm_transmit(tpm, command->bytes, command->size, response, &size);
	if (r < 0)
		status = failed(words, tpm, r, "cannot send a command to the TPM");
	else
		status = give_response(words, response, size);
	pluton_tpm_close(tpm);
	explicit_bzero(response, sizeof(response));
	return status;
}

static int read_command(const struct words *words, struct command *ret)
{
	const char *hex = words->word[0], *path = words->option[OPTION_IN];

	if (hex && path)
		return fail_usage("two commands, %s and --in %s, give one of them", hex, path);
	return hex ? command_from_hex(hex, ret) : command_from_file(path ? path : "-", ret);
}

static int run_send(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		INSTANCE_OPTION,
		{"locality", WORDS_OPTION(OPTION_LOCALITY), "N", 0, "From locality N (default: 0)",
		 0},
		{"in", WORDS_OPTION(OPTION_IN), "FILE", 0,
		 "The command, as it is, if it is not on the command line (default: -, standard "
		 "input)",
		 0},
		{"out", WORDS_OPTION(OPTION_OUT), "FILE", 0,
		 "Where to write the response, as it is (default: as hexadecimal, to standard "
		 "output)",
		 0},
		{0}};
	static const struct words_form form = {
		.args_doc = "[HEX]",
		.doc = "Sends one command to the TPM and prints the response.\v"
		       "Example: TPM2_GetRandom of 8 bytes\n"
		       "  pluton-cli tpm send 80010000000c0000017b0008\n",
		.names = {"the command, HEX,"},
		.options = options,
		.defaults =
			{[OPTION_INSTANCE] = PLUTON_TPM_DEFAULT_INSTANCE, [OPTION_LOCALITY] = "0"},
	};
	struct command command = {.size = 0};
	struct words words;
	uint32_t locality = 0;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = words_number(words.option[OPTION_LOCALITY], "--locality", 4, &locality);
	if (status == CLI_DONE)
		status = read_command(&words, &command);
	if (status == CLI_DONE)
		status = send_command(&words, &command, locality);
	explicit_bzero(&command, sizeof(command));
	return status;
}

/* --- info ------------------------------------------------------------------------------------ */

static const struct column columns[] = {
	{"instance", "instance", COLUMN_PLAIN, NULL},
	{"version", "version", COLUMN_PLAIN, NULL},
	{"library", "library", COLUMN_PLAIN, NULL},
	{"pid", "pid", COLUMN_PLAIN, NULL},
	{"uptime_ms", "switched on for", COLUMN_MILLISECONDS, NULL},
	{"resumes", "resumed", COLUMN_PLAIN, NULL},
	{"connections", "clients", COLUMN_PLAIN, NULL},
	{"connections_max", "clients at most", COLUMN_PLAIN, NULL},
	{"locality_max", "highest locality", COLUMN_PLAIN, NULL},
	{"commands", "commands", COLUMN_PLAIN, NULL},
	{"cancelled", "commands cancelled", COLUMN_PLAIN, NULL},
	{"nv_commits", "state stored", COLUMN_PLAIN, NULL},
	{"nv_bytes", "state bytes", COLUMN_PLAIN, NULL},
	{"manufactured", "manufactured", COLUMN_DATE, NULL},
};
static const struct table info_table = {&row_tpm_info, columns,
					sizeof(columns) / sizeof(columns[0])};

static int run_info(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {INSTANCE_OPTION, {0}};
	static const struct words_form form = {
		.doc = "Shows what the TPM is and how it fares.\v"
		       "\"Switched on\" is since its last orderly stop: crashes do not count, it "
		       "resumes.\n",
		.options = options,
		.defaults = {[OPTION_INSTANCE] = PLUTON_TPM_DEFAULT_INSTANCE},
	};
	struct pluton_tpm_info info;
	struct pluton_tpm *tpm;
	struct words words;
	int r, status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = open_tpm(&words, &tpm);
	if (status != CLI_DONE)
		return status;
	r = pluton_tpm_get_info(tpm, &info);
	if (r < 0)
		status = failed(&words, tpm, r, "cannot ask the TPM");
	pluton_tpm_close(tpm);
	if (status != CLI_DONE)
		return status;
	if (session->json)
		return json_print(table_json_row(&info_table, &info));
	table_print_row(&info_table, &info);
	return CLI_DONE;
}

/* --- cancel ---------------------------------------------------------------------------------- */

static int run_cancel(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {INSTANCE_OPTION, {0}};
	static const struct words_form form = {
		.doc = "Asks for an early end of the command that the TPM runs now, if it is one "
		       "of yours. Root may cancel anybody's.",
		.options = options,
		.defaults = {[OPTION_INSTANCE] = PLUTON_TPM_DEFAULT_INSTANCE},
	};
	struct pluton_tpm *tpm;
	struct words words;
	bool cancelled = false;
	int r, status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = open_tpm(&words, &tpm);
	if (status != CLI_DONE)
		return status;
	r = pluton_tpm_cancel_running(tpm, &cancelled);
	if (r < 0)
		status = failed(&words, tpm, r, "cannot cancel");
	pluton_tpm_close(tpm);
	if (status != CLI_DONE)
		return status;
	if (session->json)
		return json_print_member("cancelled", json_object_new_boolean(cancelled));
	puts(cancelled ? "cancelled" : "nothing of yours was running");
	return CLI_DONE;
}

static const struct verb verbs[] = {
	{"info", "", "What it is and how it fares", run_info},
	{"send", "[HEX]", "One command, one response", run_send},
	{"cancel", "", "An early end for the command under way", run_cancel},
};

static const struct verbs tpm = {
	.kind = "verb",
	.doc = "Talks to a TPM 2.0 as bytes. tpm2-tools do so by name: TPM2TOOLS_TCTI=pluton.\v"
	       "Examples:\n"
	       "  pluton-cli tpm info\n"
	       "  pluton-cli tpm send 80010000000c0000017b0008\n",
	.table = verbs,
	.count = sizeof(verbs) / sizeof(verbs[0]),
};

int noun_tpm(struct session *session, int argc, char **argv)
{
	session->advice = advice;
	return verbs_run(&tpm, session, argc, argv);
}
