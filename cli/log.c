/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli log: a line in the log of the machine, with the caller's name on it.
 */
#include <pluton/console.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/words.h"

enum { OPTION_LEVEL };

static const struct advice advice[] = {
	{PLUTON_EBUSY, "over the rate", "wait a while, or raise it in [console] of plutond.conf"},
	{PLUTON_ESIZE, NULL, "write a line of such a length"},
	{0},
};

static int level_by_word(const char *word, enum pluton_console_level *ret)
{
	static const struct {
		const char *word;
		enum pluton_console_level level;
	} levels[] = {
		{"error", PLUTON_CONSOLE_ERROR},   {"warning", PLUTON_CONSOLE_WARNING},
		{"notice", PLUTON_CONSOLE_NOTICE}, {"info", PLUTON_CONSOLE_INFO},
		{"debug", PLUTON_CONSOLE_DEBUG},
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].word, word) == 0) {
			*ret = levels[i].level;
			return CLI_DONE;
		}
	}
	return fail_usage("no such level, %s, use error, warning, notice, info or debug", word);
}

int noun_log(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"level", WORDS_OPTION(OPTION_LEVEL), "LEVEL", 0,
		 "error, warning, notice, info or debug (default: info)", 0},
		{0}};
	static const struct words_form form = {
		.args_doc = "TEXT",
		.doc = "Writes TEXT into the log of the secure processor, with your name on it.",
		.names = {"what to write, TEXT,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_LEVEL] = "info"},
	};
	enum pluton_console_level level = PLUTON_CONSOLE_INFO;
	struct words words;
	int r, status;

	session->advice = advice;
	status = words_parse(&form, session, argc, argv, &words);
	if (status == CLI_DONE)
		status = level_by_word(words.option[OPTION_LEVEL], &level);
	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_console_write(session->pluton, level, words.word[0], strlen(words.word[0]));
	return r < 0 ? session_failed(session, r, "cannot log", NULL) : CLI_DONE;
}
