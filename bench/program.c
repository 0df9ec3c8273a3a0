/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failing goes through exit, whose handlers stop the daemons; a forked child has none of its own
 * and must not run its parent's.
 */
#include "bench/program.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_BY_SIGNAL 128

enum { OPTION_QUICK = 0x100, OPTION_JSON, OPTION_RINGS, OPTION_NO_RINGS };

static const struct argp_option options[] = {
	{"quick", OPTION_QUICK, NULL, 0, "Run a few seconds only, to see that all works", 0},
	{"json", OPTION_JSON, NULL, 0, "Print one JSON object for each row, a row a line", 0},
	{"rings", OPTION_RINGS, NULL, 0, "Rings in shared memory from the first request on", 0},
	{"no-rings", OPTION_NO_RINGS, NULL, 0, "Sockets only (PLUTON_RINGS=0)", 0},
	{0},
};

static struct run_signals signals;
static const char *program_name;
static bool chooses;
static pid_t owner;

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct program *program = state->input;

	(void)argument;
	switch (key) {
	case OPTION_QUICK:
		program->quick = true;
		return 0;
	case OPTION_JSON:
		program->json = true;
		return 0;
	case OPTION_RINGS:
		return setenv("PLUTON_RINGS", "1", 1) < 0 ? ENOMEM : 0;
	case OPTION_NO_RINGS:
		return setenv("PLUTON_RINGS", "0", 1) < 0 ? ENOMEM : 0;
	case ARGP_KEY_ARGS:
		if (!chooses)
			return ARGP_ERR_UNKNOWN;
		program->words = state->argv + state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void program_start(struct program *ret, const char *name, const char *doc, int argc, char **argv)
{
	const struct argp argp = {.options = options,
				  .parser = parse,
				  .args_doc = chooses ? "[WORD...]" : NULL,
				  .doc = doc};

	program_name = name;
	owner = getpid();
	*ret = (struct program){.name = name};
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, ret);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_signals_take(&signals))
		program_fail("no signalfd");
}

void program_start_choosing(struct program *ret, const char *name, const char *doc, int argc,
			    char **argv)
{
	chooses = true;
	program_start(ret, name, doc, argc, argv);
}

bool program_chose(const struct program *program, const char *title)
{
	if (!program->words)
		return true;
	for (char **word = program->words; *word; word++) {
		if (strcasestr(title, *word))
			return true;
	}
	return false;
}

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", program_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void program_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	if (getpid() != owner)
		_exit(EXIT_FAILURE);
	exit(EXIT_FAILURE);
}

void program_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void program_check_signals(void)
{
	struct run_signal signal;

	while (run_signals_next(&signals, &signal)) {
		if (signal.number != SIGCHLD)
			exit(EXIT_BY_SIGNAL + signal.number);
	}
}

const struct run_signals *program_signals(void)
{
	return &signals;
}
