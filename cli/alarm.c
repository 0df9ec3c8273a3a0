/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli alarm: waits by the daemon's clock, once or again and again.
 */
#include <inttypes.h>
#include <pluton/alarm.h>
#include <stdio.h>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/noun.h"
#include "cli/words.h"

enum { OPTION_EVERY, OPTION_COUNT };

struct series {
	struct session *session;
	pluton_operation_id id;
	uint64_t start_us;
	uint32_t left;
	int status; /* of what ended it: 0 or a negative error */
	bool over;
};

static void print_expiry(const struct session *session, uint64_t after_us, uint32_t missed)
{
	struct json_object *object;

	if (session->json) {
		object = json_object_new_object();
		json_object_object_add(object, "after_us", json_object_new_uint64(after_us));
		json_object_object_add(object, "missed", json_object_new_uint64(missed));
		(void)json_print(object);
	} else {
		printf("%" PRIu64 ".%06u s%s\n", after_us / 1000000, (unsigned)(after_us % 1000000),
		       missed ? ", and before it others" : "");
	}
	(void)fflush(stdout);
}

static void expired(struct pluton *pluton, int status, uint64_t now_us, uint32_t missed,
		    void *userdata)
{
	struct series *series = userdata;

	if (series->left == 0) { /* what crosses the CANCEL is no part of the series */
		series->over = status < 0;
		return;
	}
	if (status < 0) {
		series->over = true;
		series->status = status;
		return;
	}
	print_expiry(series->session, now_us - series->start_us, missed);
	if (--series->left == 0 && pluton_cancel(pluton, series->id) < 0)
		series->over = true;
}

static int run_series(struct session *session, uint32_t ms, uint32_t count)
{
	struct series series = {.session = session, .left = count};
	int r = pluton_alarm_now(session->pluton, &series.start_us);

	if (r == 0)
		r = pluton_alarm_every(session->pluton, ms, expired, &series, &series.id);
	while (r == 0 && !series.over)
		r = pluton_yield_wait(session->pluton);
	if (r == 0)
		r = series.status;
	return r < 0 ? session_failed(session, r, "no alarm", NULL) : CLI_DONE;
}

static int run_once(struct session *session, uint32_t ms)
{
	uint64_t start, end;
	int r = pluton_alarm_now(session->pluton, &start);

	if (r == 0)
		r = pluton_alarm_sleep(session->pluton, ms);
	if (r == 0)
		r = pluton_alarm_now(session->pluton, &end);
	if (r < 0)
		return session_failed(session, r, "no alarm", NULL);
	print_expiry(session, end - start, 0);
	return CLI_DONE;
}

/* What the line says; *ret_count stays as it is where the line does not give it. */
static int read_line(const struct words *words, uint32_t *ret_ms, uint32_t *ret_count)
{
	const char *count = words->option[OPTION_COUNT];
	bool every = words->option[OPTION_EVERY];
	int status = words_number(words->word[0], "MS", UINT32_MAX, ret_ms);

	if (status == CLI_DONE && count)
		status = words_number(count, "--count", UINT32_MAX, ret_count);
	if (status == CLI_DONE && count && !every)
		status = fail_usage("--count without --every, %s, give both or neither", count);
	if (status == CLI_DONE && every && (*ret_ms == 0 || *ret_count == 0))
		status = fail_usage("nothing to wait for, 0, give 1 or more");
	return status;
}

int noun_alarm(struct session *session, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"every", WORDS_OPTION(OPTION_EVERY), NULL, 0, "Again and again, every MS", 0},
		{"count", WORDS_OPTION(OPTION_COUNT), "N", 0,
		 "With --every: N times (default: until it is interrupted)", 0},
		{0}};
	static const struct words_form form = {
		.args_doc = "MS",
		.doc = "Waits for MS milliseconds by the daemon's clock, and prints how long it "
		       "was.\v"
		       "Example:\n"
		       "  pluton-cli alarm --every 500 --count 3\n",
		.names = {"the time in milliseconds, MS,"},
		.required = 1,
		.options = options,
	};
	struct words words;
	uint32_t ms = 0, count = UINT32_MAX;
	int status = words_parse(&form, session, argc, argv, &words);

	if (status == CLI_DONE)
		status = read_line(&words, &ms, &count);
	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	return words.option[OPTION_EVERY] ? run_series(session, ms, count) : run_once(session, ms);
}
