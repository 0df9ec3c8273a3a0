/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli nv: NV memory. Data goes from file to daemon and back without a stop in between.
 */
#include <errno.h>
#include <inttypes.h>
#include <pluton/nv.h>
#include <stdlib.h>
#include <string.h>

#include "cli/buffer.h"
#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/noun.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

enum { OPTION_OFFSET, OPTION_LENGTH, OPTION_IN, OPTION_OUT };

static const struct advice advice[] = {
	{PLUTON_ENODEVICE, "does not exist", "see `pluton-cli nv list'"},
	{PLUTON_EALREADY, "exists", "delete it first, or use another name"},
	{PLUTON_ERESERVE, "locked", "use another area"},
	{PLUTON_ESIZE, "ends before", "see `pluton-cli nv status NAME'"},
	{PLUTON_ESIZE, "less room", "see `pluton-cli nv status NAME'"},
	{PLUTON_ESIZE, "nothing", "give some data"},
	{PLUTON_ENOMEM, "_per_owner", "delete an area, or raise the limit in plutond.conf"},
	{0},
};

static const char *locks_word(uint64_t locks)
{
	static const char *const words[] = {
		"none",
		"write-until-restart",
		"write",
		"write",
		"read-until-restart",
		"read+write-until-restart",
		"write, read-until-restart",
		"write, read-until-restart",
	};

	if (locks & PLUTON_NV_DAMAGED)
		return "damaged";
	return locks < sizeof(words) / sizeof(words[0]) ? words[locks] : "unknown";
}

static const struct column columns[] = {
	{"name", "NAME", COLUMN_PLAIN, NULL},
	{"capacity", "CAPACITY", COLUMN_PLAIN, NULL},
	{"length", "LENGTH", COLUMN_PLAIN, NULL},
	{"generation", "GENERATION", COLUMN_PLAIN, NULL},
	{"locks", "LOCKS", COLUMN_WORD, locks_word},
};
static const struct table table = {&row_nv, columns, sizeof(columns) / sizeof(columns[0])};

static int failed(const struct words *words, int error, const char *what)
{
	return session_failed(words->session, error, what, words->word[0]);
}

/* --- verbs without data ---------------------------------------------------------------------- */

static int run_define(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME SIZE",
		.doc = "Makes the empty area NAME of SIZE bytes.",
		.names = {"the area's name, NAME,", "the size, SIZE,"},
		.required = 2,
	};
	struct words words;
	uint32_t size = 0;
	int r, status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = words_number(words.word[1], "SIZE", UINT32_MAX, &size);
	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_nv_define(session->pluton, words.word[0], size);
	return r < 0 ? failed(&words, r, "cannot define") : CLI_DONE;
}

static int run_delete(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Deletes the area NAME and what is in it.",
		.names = {"the area's name, NAME,"},
		.required = 1,
	};
	struct words words;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_nv_delete(session->pluton, words.word[0]);
	return r < 0 ? failed(&words, r, "cannot delete") : CLI_DONE;
}

static int lock_by_name(const char *name, enum pluton_nv_lock *ret)
{
	static const struct {
		const char *name;
		enum pluton_nv_lock lock;
	} locks[] = {
		{"write-until-restart", PLUTON_NV_LOCK_WRITE_BOOT},
		{"write", PLUTON_NV_LOCK_WRITE},
		{"read-until-restart", PLUTON_NV_LOCK_READ_BOOT},
	};

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		if (strcmp(locks[i].name, name) == 0) {
			*ret = locks[i].lock;
			return CLI_DONE;
		}
	}
	return fail_usage("no such lock, %s, use write-until-restart, write or read-until-restart",
			  name);
}

static int run_lock(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME LOCK",
		.doc = "Locks the area NAME.\v"
		       "LOCK: write-until-restart  no changes until the daemon starts again\n"
		       "      write                no changes ever again, and no deleting\n"
		       "      read-until-restart   no reading until the daemon starts again\n",
		.names = {"the area's name, NAME,", "the lock, LOCK,"},
		.required = 2,
	};
	enum pluton_nv_lock lock = PLUTON_NV_LOCK_WRITE_BOOT;
	struct words words;
	int r, status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = lock_by_name(words.word[1], &lock);
	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_nv_lock(session->pluton, words.word[0], lock);
	return r < 0 ? failed(&words, r, "cannot lock") : CLI_DONE;
}

static int run_status(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Shows size, locks and generation of the area NAME. The generation changes "
		       "with every change of the data.",
		.names = {"the area's name, NAME,"},
		.required = 1,
	};
	struct pluton_nv_row row;
	struct words words;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_nv_status(session->pluton, words.word[0], &row);
	if (r < 0)
		return failed(&words, r, "cannot show");
	if (session->json)
		return json_print(table_json_row(&table, &row));
	table_print_row(&table, &row);
	return CLI_DONE;
}

static int run_list(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.doc = "Lists your areas. Those of other users and of apps are not shown to you.",
	};
	struct pluton_nv_row *rows = NULL;
	struct words words;
	size_t count = 0;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_nv_list(session->pluton, &rows, &count);
	if (r < 0)
		return session_failed(session, r, "cannot list", "areas");
	if (session->json)
		status = json_print_member("areas", table_json(&table, rows, count));
	else
		table_print(&table, rows, count);
	free(rows);
	return status;
}

/* --- data out -------------------------------------------------------------------------------- */

/* The data itself, in the one object that --json promises; without json-c's copies. */
static int write_hex(const void *data, size_t length)
{
	static const char before[] = "{\"data\":\"", after[] = "\"}\n";
	size_t size = sizeof(before) - 1 + 2 * length + sizeof(after) - 1;
	char *line = malloc(size), *at = line;
	int status;

	if (!line)
		return fail_system(ENOMEM, "no memory, for the answer, free some");
	at = mempcpy(at, before, sizeof(before) - 1);
	hex_encode(data, length, at);
	memcpy(at + 2 * length, after, sizeof(after) - 1);
	status = output_whole("-", line, size);
	explicit_bzero(line, size);
	free(line);
	return status;
}

/* Writes a whole file, or standard output; `data` is wiped and freed. */
static int write_out(const struct words *words, void *data, size_t length)
{
	const char *path = words->option[OPTION_OUT];
	bool json = words->session->json, to_file = strcmp(path, "-") != 0;
	int status = json && !to_file ? write_hex(data, length) : output_whole(path, data, length);

	if (status == CLI_DONE && json && to_file)
		status = json_print_member("out", json_text(path));
	explicit_bzero(data, length);
	free(data);
	return status;
}

#define OUT_OPTION                                                                                 \
	{                                                                                          \
		"out", WORDS_OPTION(OPTION_OUT), "FILE", 0,                                        \
			"What to write (default: -, standard output)", 0                           \
	}
#define OFFSET_OPTION                                                                              \
	{                                                                                          \
		"offset", WORDS_OPTION(OPTION_OFFSET), "N", 0,                                     \
			"Begin at byte N of the area (default: 0)", 0                              \
	}

static int run_get(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {OUT_OPTION, {0}};
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Prints all that is in the area NAME, as it is.",
		.names = {"the area's name, NAME,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_OUT] = "-"},
	};
	struct words words;
	void *data = NULL;
	size_t length = 0;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_nv_get(session->pluton, words.word[0], &data, &length);
	return r < 0 ? failed(&words, r, "cannot read") : write_out(&words, data, length);
}

/* Bytes of the area from `offset` on, and at most `length` of them. */
static int read_part(const struct words *words, uint32_t offset, uint32_t length)
{
	struct pluton_nv_row row;
	size_t there = 0;
	void *data;
	int r = pluton_nv_status(words->session->pluton, words->word[0], &row);

	if (r < 0)
		return failed(words, r, "cannot read");
	if (length > row.length)
		length = row.length; /* never more, so no more room is needed */
	data = malloc((size_t)length + 1);
	if (!data)
		return fail_system(ENOMEM, "no memory, %s, free some", words->word[0]);
	r = pluton_nv_read(words->session->pluton, words->word[0], offset, data, length, &there);
	if (r == 0)
		return write_out(words, data, there);
	free(data);
	return failed(words, r, "cannot read");
}

static int run_read(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {OFFSET_OPTION,
						     {"length", WORDS_OPTION(OPTION_LENGTH), "N", 0,
						      "Read at most N bytes (default: all)", 0},
						     OUT_OPTION,
						     {0}};
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Prints a part of the area NAME, as it is.",
		.names = {"the area's name, NAME,"},
		.required = 1,
		.options = options,
		.defaults =
			{[OPTION_OFFSET] = "0", [OPTION_LENGTH] = "4294967295", [OPTION_OUT] = "-"},
	};
	struct words words;
	uint32_t offset = 0, length = 0;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = words_number(words.option[OPTION_OFFSET], "--offset", UINT32_MAX, &offset);
	if (status == CLI_DONE)
		status = words_number(words.option[OPTION_LENGTH], "--length", UINT32_MAX, &length);
	if (status == CLI_DONE)
		status = session_open(session);
	return status == CLI_DONE ? read_part(&words, offset, length) : status;
}

/* --- data in --------------------------------------------------------------------------------- */

static int too_long(const char *path, uint64_t max)
{
	return fail_pluton(-PLUTON_ESIZE,
			   "too long, %s: an area has at most %" PRIu64 " bytes, give less or "
			   "raise area_max in plutond.conf",
			   path, max);
}

/* All of a file or of standard input, if an area can have so much. */
static int read_in(const struct session *session, const char *path, struct buffer *ret)
{
	bool fits = true;
	uint64_t max = 0;
	int status = session_limit(session, "nvmem.area_max", &max);

	if (status == CLI_DONE)
		status = buffer_read_file(path, (size_t)max, ret, &fits);
	return status == CLI_DONE && !fits ? too_long(path, max) : status;
}

#define IN_OPTION                                                                                  \
	{                                                                                          \
		"in", WORDS_OPTION(OPTION_IN), "FILE", 0,                                          \
			"What to read (default: -, standard input)", 0                             \
	}

static int store(const struct words *words, uint32_t offset, bool whole)
{
	struct session *session = words->session;
	const char *name = words->word[0];
	struct buffer in = {0};
	int r, status = read_in(session, words->option[OPTION_IN], &in);

	if (status == CLI_DONE) {
		r = whole ? pluton_nv_put(session->pluton, name, in.data, in.length)
			  : pluton_nv_write(session->pluton, name, offset, in.data, in.length);
		status = r < 0 ? failed(words, r, "cannot write") : CLI_DONE;
	}
	buffer_free(&in);
	return status;
}

static int run_put(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {IN_OPTION, {0}};
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Puts a file into the area NAME, in place of what is there. The area is "
		       "made if it is missing.",
		.names = {"the area's name, NAME,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_IN] = "-"},
	};
	struct words words;
	int status = words_open(&form, session, argc, argv, &words);

	return status == CLI_DONE ? store(&words, 0, true) : status;
}

static int run_write(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {OFFSET_OPTION, IN_OPTION, {0}};
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Writes a file over a part of the area NAME.",
		.names = {"the area's name, NAME,"},
		.required = 1,
		.options = options,
		.defaults = {[OPTION_OFFSET] = "0", [OPTION_IN] = "-"},
	};
	struct words words;
	uint32_t offset = 0;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = words_number(words.option[OPTION_OFFSET], "--offset", UINT32_MAX, &offset);
	if (status == CLI_DONE)
		status = session_open(session);
	return status == CLI_DONE ? store(&words, offset, false) : status;
}

/* --- the noun -------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{"list", "", "Your areas", run_list},
	{"status", "NAME", "One of them", run_status},
	{"put", "NAME", "A file into an area, made if need be", run_put},
	{"get", "NAME", "All that is in an area", run_get},
	{"define", "NAME SIZE", "A new, empty area", run_define},
	{"write", "NAME", "A file over a part of an area", run_write},
	{"read", "NAME", "A part of an area", run_read},
	{"lock", "NAME LOCK", "No more changes, or no reading", run_lock},
	{"delete", "NAME", "An area and what is in it", run_delete},
};

static const struct verbs nv = {
	.kind = "verb",
	.doc = "Keeps data in NV memory: named areas that outlive program and daemon.\v"
	       "What changed is on the disk when the command ends. An area is its owner's alone:\n"
	       "the user's who made it.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli nv put token --in FILE\n"
	       "  pluton-cli nv get token\n",
	.table = verbs,
	.count = sizeof(verbs) / sizeof(verbs[0]),
};

int noun_nv(struct session *session, int argc, char **argv)
{
	session->advice = advice;
	return verbs_run(&nv, session, argc, argv);
}
