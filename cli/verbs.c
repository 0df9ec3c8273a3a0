/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the next word in its table, or says which one was probably meant. --help is made from the
 * same table.
 */
#include "cli/verbs.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "cli/failure.h"

#define WORD_MAX 31    /* bytes of a mistyped word that we look at */
#define DISTANCE_MAX 2 /* changes that make one word another, up to which they are similar */

struct line {
	const struct verbs *verbs;
	struct session *session;
	int word; /* index of the next word in argv */
};

static error_t parse_word(int key, char *argument, struct argp_state *state)
{
	struct line *line = state->input;

	(void)argument;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = line->session;
		return 0;
	case ARGP_KEY_ARG:
		line->word = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_state_help(state, stderr,
				ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_SEE |
					ARGP_HELP_EXIT_ERR);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Puts the table into --help. argp frees what this returns. */
static char *add_table(int key, const char *text, void *input)
{
	const struct line *line = input;
	char *help = NULL;
	size_t size;
	FILE *out;

	if (key != ARGP_KEY_HELP_PRE_DOC || !line)
		return (char *)(uintptr_t)text;
	out = open_memstream(&help, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s\n\n", text);
	for (size_t i = 0; i < line->verbs->count; i++) {
		const struct verb *verb = &line->verbs->table[i];

		fprintf(out, "  %-9s %-16s %s\n", verb->name, verb->arguments, verb->summary);
	}
	if (fclose(out) == 0)
		return help;
	free(help);
	return NULL;
}

/* Levenshtein's distance of two words, of which only the first WORD_MAX bytes count. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], b_length = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] && i <= WORD_MAX; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(replaced, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_length];
}

static const struct verb *most_similar(const struct verbs *verbs, const char *word)
{
	const struct verb *best = NULL;
	size_t best_distance = DISTANCE_MAX + 1;

	for (size_t i = 0; i < verbs->count; i++) {
		const char *name = verbs->table[i].name;
		size_t d = strncmp(name, word, strlen(word)) == 0 ? 0 : distance(word, name);

		if (d < best_distance && d < strlen(name)) {
			best = &verbs->table[i];
			best_distance = d;
		}
	}
	return best;
}

static int unknown(const struct verbs *verbs, const char *name, const char *word)
{
	const struct verb *meant = *word ? most_similar(verbs, word) : NULL;

	if (meant)
		return fail_usage("no such %s, %s, did you mean %s? See `%s --help'", verbs->kind,
				  word, meant->name, name);
	return fail_usage("no such %s, %s, see `%s --help'", verbs->kind, word, name);
}

static int run_word(const struct verbs *verbs, struct session *session, int argc, char **argv,
		    const char *before)
{
	for (size_t i = 0; i < verbs->count; i++) {
		char *name;
		int status;

		if (strcmp(verbs->table[i].name, argv[0]) != 0)
			continue;
		if (asprintf(&name, "%s %s", before, argv[0]) < 0)
			return fail_system(ENOMEM, "no memory, %s, free some", argv[0]);
		argv[0] = name;
		status = verbs->table[i].run(session, argc, argv);
		free(name);
		return status;
	}
	return unknown(verbs, before, argv[0]);
}

/* `help` is --help, and `help WORD...` is WORD... --help. */
static int run_help(const struct verbs *verbs, struct session *session, int argc, char **argv,
		    const char *before)
{
	static char help[] = "--help";
	char *line[] = {argc > 1 ? argv[1] : NULL, help, NULL};
	char *own[] = {(char *)(uintptr_t)before, help, NULL};

	return line[0] ? run_word(verbs, session, 2, line, before)
		       : verbs_run(verbs, session, 2, own);
}

int verbs_run(const struct verbs *verbs, struct session *session, int argc, char **argv)
{
	struct line line = {.verbs = verbs, .session = session};
	const struct argp argp = {.parser = parse_word,
				  .args_doc = "COMMAND [ARGUMENT...]",
				  .doc = verbs->doc,
				  .children = session_options,
				  .help_filter = add_table};
	error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line);

	if (error)
		return fail_system(error, "cannot read the command line, %s", strerror(error));
	argc -= line.word;
	if (strcmp(argv[line.word], "help") == 0)
		return run_help(verbs, session, argc, argv + line.word, argv[0]);
	return run_word(verbs, session, argc, argv + line.word, argv[0]);
}
