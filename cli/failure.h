/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command of pluton-cli ends. Everywhere in cli/ a function that can fail says why, once,
 * where it happens, and returns one of these statuses; its callers only pass the status on.
 */
#ifndef PLUTON_CLI_FAILURE_H
#define PLUTON_CLI_FAILURE_H

enum cli_status {
	CLI_DONE = 0,
	CLI_REFUSED = 1, /* refused or failed */
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3, /* nobody listens, or the connection was lost */
};

/*
 * Each prints "pluton-cli: MESSAGE (ENAME)" to stderr, with bytes that a terminal could act on
 * replaced. A message says what was wrong, with which value, and what to do.
 */

/* The command line is wrong. Returns CLI_USAGE. */
int fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The system refused: `error` is an errno number. Returns CLI_REFUSED. */
int fail_system(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Pluton refused: `error` is a PLUTON_E…, of either sign. CLI_NO_DAEMON for EOFF, else REFUSED. */
int fail_pluton(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
