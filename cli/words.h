/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line of a few words, each with a name, and options that take a value or none. What is
 * wrong with it ends the program with CLI_USAGE, as argp does for unknown options.
 */
#ifndef PLUTON_CLI_WORDS_H
#define PLUTON_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/session.h"

#define WORDS_MAX 2
#define WORDS_OPTIONS_MAX 15
#define WORDS_OPTION(index) (0x100 + (index)) /* an option's key in words_form.options */

struct words_form {
	const char *args_doc;
	const char *doc;
	const char *names[WORDS_MAX]; /* what a word is, for who leaves it out */
	size_t required;	      /* how many of them must be there */
	const struct argp_option *options;
	const char *defaults[WORDS_OPTIONS_MAX]; /* of the options; NULL: none */
};

struct words {
	struct session *session;
	const struct words_form *form;
	const char *word[WORDS_MAX];	       /* NULL: not given */
	const char *option[WORDS_OPTIONS_MAX]; /* its value, "" if it takes none; or the default */
};

int words_parse(const struct words_form *form, struct session *session, int argc, char **argv,
		struct words *ret);

/* The same, and connects. */
int words_open(const struct words_form *form, struct session *session, int argc, char **argv,
	       struct words *ret);

/* A decimal number up to `max`; `what` is its name for a person. */
int words_number(const char *text, const char *what, uint32_t max, uint32_t *ret);

#endif
