/* SPDX-License-Identifier: Apache-2.0 */
/*
 * argp with a table: words go where they stand, options where their key says.
 */
#include "cli/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"

static size_t words_of(const struct words_form *form)
{
	size_t count = 0;

	while (count < WORDS_MAX && form->names[count])
		count++;
	return count;
}

static void take_word(struct words *words, const struct argp_state *state, const char *argument)
{
	if (state->arg_num >= words_of(words->form))
		exit(fail_usage("one argument too many, %s, see `%s --help'", argument,
				state->name));
	words->word[state->arg_num] = argument;
}

static void check_words(const struct words *words, const struct argp_state *state)
{
	if (state->arg_num < words->form->required)
		exit(fail_usage("%s is missing, see `%s --help'",
				words->form->names[state->arg_num], state->name));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct words *words = state->input;

	if (key >= WORDS_OPTION(0) && key < WORDS_OPTION(WORDS_OPTIONS_MAX)) {
		words->option[key - WORDS_OPTION(0)] = argument ? argument : "";
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = words->session;
		return 0;
	case ARGP_KEY_ARG:
		take_word(words, state, argument);
		return 0;
	case ARGP_KEY_END:
		check_words(words, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int words_parse(const struct words_form *form, struct session *session, int argc, char **argv,
		struct words *ret)
{
	const struct argp argp = {.options = form->options,
				  .parser = parse,
				  .args_doc = form->args_doc,
				  .doc = form->doc,
				  .children = session_options};

	*ret = (struct words){.session = session, .form = form};
	memcpy(ret->option, form->defaults, sizeof(ret->option));
	return session_parse(&argp, argc, argv, ret);
}

int words_open(const struct words_form *form, struct session *session, int argc, char **argv,
	       struct words *ret)
{
	int status = words_parse(form, session, argc, argv, ret);

	return status == CLI_DONE ? session_open(session) : status;
}

int words_number(const char *text, const char *what, uint32_t max, uint32_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (strspn(text, "0123456789") == 0 || *end || errno == ERANGE)
		return fail_usage("%s is not a number, %s, write a decimal number", what, text);
	if (number > max)
		return fail_usage("%s is too large, %s, give at most %" PRIu32, what, text, max);
	*ret = (uint32_t)number;
	return CLI_DONE;
}
