/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program here does the same: its options, its way to fail, and an end by signal that
 * leaves no daemon and no folder behind.
 */
#ifndef PLUTON_BENCH_PROGRAM_H
#define PLUTON_BENCH_PROGRAM_H

#include <stdbool.h>

#include "cli/run_signals.h"

struct program {
	const char *name; /* "crypto" */
	bool quick;	  /* a few seconds: does it still work? The figures mean little */
	bool json;	  /* one object for each row, a row a line */
	char **words;	  /* what is to be measured, ended by NULL; NULL: all */
};

/* Reads the command line into *ret. Does not return for --help or a wrong option. */
void program_start(struct program *ret, const char *name, const char *doc, int argc, char **argv);

/* The same where words on the command line choose what is measured. */
void program_start_choosing(struct program *ret, const char *name, const char *doc, int argc,
			    char **argv);

/* Whether a word chose it; without words everything is. */
bool program_chose(const struct program *program, const char *title);

/* Says on stderr what did not work, and ends with status 1. */
void program_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Says on stderr what is left out and why. */
void program_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program if a signal asked for it: between two measurements. */
void program_check_signals(void);

/* The signals, taken as records since program_start. */
const struct run_signals *program_signals(void);

#endif
