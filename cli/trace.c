/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli trace: what the daemon does, step by step, as it happens: as lines, as JSON lines, or
 * into a file for Perfetto and Chrome (trace_file.c). It ends with Ctrl-C, --duration or --count,
 * and then completely: the file is whole, and what was lost is told.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/text.h"
#include "cli/trace_file.h"
#include "cli/trace_names.h"

#define ROOM 131072u /* steps that the daemon keeps for us: 8 MiB */
#define ROWS 1024u   /* read at once */

struct watch {
	struct session *session;
	const char *output;  /* NULL: lines */
	const char *capsule; /* NULL: all of them */
	double duration_s;   /* 0: until Ctrl-C */
	uint64_t count;	     /* 0: any number */
	struct trace_names names;
	struct trace_file *file;
	struct pluton_trace_row rows[ROWS];
	uint64_t first_ns; /* of the first step shown */
	uint64_t shown;
	uint64_t lost;
	size_t fresh; /* rows that were read and not shown yet */
	bool over;
	int status;
};

/* --- options --------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"output", 'o', "FILE", 0,
	 "Write FILE for Perfetto (ui.perfetto.dev) or chrome://tracing; - is standard output", 0},
	{"duration", 'd', "SECONDS", 0, "End after so long; else with Ctrl-C", 0},
	{"count", 'n', "N", 0, "End after N steps", 0},
	{"capsule", 'c', "NAME", 0, "Only operations of this capsule", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static double parse_seconds(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value <= 0 || value > 1e6)
		exit(fail_usage("no duration, %s, --duration takes seconds, more than 0", text));
	return value;
}

static uint64_t parse_count(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value == 0)
		exit(fail_usage("no count, %s, --count takes a number from 1 on", text));
	return value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct watch *watch = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = watch->session;
		return 0;
	case 'o':
		watch->output = argument;
		return 0;
	case 'd':
		watch->duration_s = parse_seconds(argument);
		return 0;
	case 'n':
		watch->count = parse_count(argument);
		return 0;
	case 'c':
		watch->capsule = argument;
		return 0;
	case ARGP_KEY_ARG:
		exit(fail_usage("one argument too many, %s, see `%s --help'", argument,
				state->name));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse,
	.doc = "Shows every step of every operation in the daemon as it happens: pulls and pushes "
	       "of\n"
	       "the engines, memory that is lent, turns at engines, handlers of the event loop; "
	       "with\n"
	       "client, sizes and times, but never a byte of data. For root and the daemon's own "
	       "user.\v"
	       "Columns: seconds since the first step; process; operation; step; what it is "
	       "about.\n"
	       "The daemon keeps 131072 steps that were not read yet; what it loses beyond is "
	       "told.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli trace --capsule aes\n"
	       "  pluton-cli trace --output trace.json --duration 5\n",
	.children = session_options,
};

/* --- showing --------------------------------------------------------------------------------- */

static void print_about(const struct trace_step *step)
{
	const struct pluton_trace_row *row = step->row;

	if (step->is_memory)
		printf("slot %" PRIu32 ", %" PRIu64 " bytes at %" PRIu64, row->slot, row->length,
		       row->offset);
	else if (row->status)
		printf("E%s", pluton_error_name(-(int)row->status));
	else if (step->engine)
		printf("%s/%s", step->engine->hil, step->engine->name);
	else if (step->handler)
		printf("%s, %" PRIu64 " us", step->handler->name, row->length);
}

static void print_line(const struct watch *watch, const struct trace_step *step)
{
	const struct pluton_trace_row *row = step->row;
	uint64_t since = row->time_ns - watch->first_ns;
	char process[32] = "-", operation[80] = "-";

	if (row->process_index)
		snprintf(process, sizeof(process), "%" PRIu32 ".%" PRIu32, row->process_index,
			 row->process_generation);
	if (step->command)
		snprintf(operation, sizeof(operation), "%s.%s#%" PRIu32, step->capsule->name,
			 step->command->name, row->op_id);
	else if (step->capsule)
		snprintf(operation, sizeof(operation), "%s", step->capsule->name);
	printf("%4" PRIu64 ".%06" PRIu64 "  %-7s %-24s %-19s ", since / 1000000000,
	       since % 1000000000 / 1000, process, operation, step->name);
	print_about(step);
	putchar('\n');
}

static int print_json(const struct trace_step *step)
{
	struct json_object *object = trace_step_json(step);

	return json_print(object);
}

static bool is_wanted(const struct watch *watch, const struct trace_step *step)
{
	return !watch->capsule ||
	       (step->capsule && strcmp(step->capsule->name, watch->capsule) == 0);
}

static int show(struct watch *watch, const struct pluton_trace_row *row)
{
	struct trace_step step;

	trace_names_step(&watch->names, row, &step);
	if (!is_wanted(watch, &step))
		return CLI_DONE;
	if (watch->shown++ == 0)
		watch->first_ns = row->time_ns;
	if (watch->shown == watch->count)
		watch->over = true;
	if (watch->file)
		return trace_file_add(watch->file, &step);
	if (watch->session->json)
		return print_json(&step);
	print_line(watch, &step);
	return CLI_DONE;
}

/* Processes come and go while we look, and the loop gets handlers: asked once for all rows. */
static int learn_names(struct watch *watch, size_t count)
{
	bool asked = false;
	int r = CLI_DONE;

	for (size_t i = 0; i < count && r == CLI_DONE; i++) {
		if (trace_names_knows(&watch->names, &watch->rows[i]))
			continue;
		if (!asked)
			r = trace_names_refresh(&watch->names, watch->session);
		asked = true;
		trace_names_settle(&watch->names, &watch->rows[i]);
	}
	return r;
}

static int show_all(struct watch *watch)
{
	int r = learn_names(watch, watch->fresh);

	for (size_t i = 0; i < watch->fresh && r == CLI_DONE && !watch->over; i++)
		r = show(watch, &watch->rows[i]);
	if (!watch->file && fflush(stdout) != 0)
		watch->over = true; /* main says why */
	return r;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* What is to be asked before the rows can be shown is not asked in here. */
static void on_rows(struct pluton *pluton, int status, size_t count, uint32_t lost, void *userdata)
{
	struct watch *watch = userdata;

	(void)pluton;
	if (status < 0)
		watch->status = session_failed(watch->session, status, "cannot trace", NULL);
	watch->lost += lost;
	watch->fresh = count;
}

static int ask(struct watch *watch)
{
	int r = pluton_trace_read_async(watch->session->pluton, watch->rows, ROWS, on_rows, watch,
					NULL);

	return r < 0 ? session_failed(watch->session, r, "cannot trace", NULL) : CLI_DONE;
}

static int open_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC);
}

/* -1 as a descriptor: never. */
static int open_timer(double seconds)
{
	struct itimerspec when = {.it_value.tv_sec = (time_t)seconds};
	int fd;

	if (seconds <= 0)
		return -1;
	when.it_value.tv_nsec = (long)((seconds - (double)when.it_value.tv_sec) * 1e9) + 1;
	if (when.it_value.tv_nsec > 999999999)
		when.it_value.tv_nsec = 999999999;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd >= 0)
		timerfd_settime(fd, 0, &when, NULL);
	return fd;
}

/* true: it is time to end. */
static bool wait_for_rows(struct watch *watch, struct pollfd sources[3])
{
	struct pluton *pluton = watch->session->pluton;
	int r;

	sources[0].events = pluton_get_events(pluton);
	if (poll(sources, 3, -1) < 0)
		return errno != EINTR;
	r = sources[0].revents ? pluton_dispatch(pluton) : 0;
	if (r < 0 && watch->status == CLI_DONE)
		watch->status = session_failed(watch->session, r, "cannot trace", NULL);
	return sources[1].revents || sources[2].revents;
}

/* Shows what was read, and asks for more. */
static void take(struct watch *watch)
{
	watch->status = show_all(watch);
	watch->fresh = 0;
	if (watch->status == CLI_DONE && !watch->over)
		watch->status = ask(watch);
}

/* What had happened when the end came is shown, too: an answer to anything is behind it. */
static void take_rest(struct watch *watch)
{
	struct pluton *pluton = watch->session->pluton;
	struct pluton_status any;

	while (watch->status == CLI_DONE && !watch->over) {
		if (pluton_get_status(pluton, &any) < 0 || pluton_dispatch(pluton) < 0 ||
		    !watch->fresh)
			return;
		take(watch);
	}
}

static int follow(struct watch *watch)
{
	struct pollfd sources[] = {{.fd = pluton_get_fd(watch->session->pluton)},
				   {.fd = open_signals(), .events = POLLIN},
				   {.fd = open_timer(watch->duration_s), .events = POLLIN}};
	bool last = false;

	watch->status = ask(watch);
	while (watch->status == CLI_DONE && !watch->over && !last) {
		last = wait_for_rows(watch, sources);
		if (watch->status == CLI_DONE && watch->fresh)
			take(watch);
	}
	if (last && watch->status == CLI_DONE && !watch->over)
		take_rest(watch);
	close(sources[1].fd);
	if (sources[2].fd >= 0)
		close(sources[2].fd);
	return watch->status;
}

static void tell_lost(const struct watch *watch)
{
	if (watch->lost && !watch->session->quiet)
		fprintf(stderr,
			"pluton-cli: %" PRIu64 " steps were lost: they came faster than they were "
			"read; trace one capsule, or less work\n",
			watch->lost);
}

static int trace(struct watch *watch)
{
	int r = trace_names_refresh(&watch->names, watch->session);
	bool begun;
	int written;

	if (r != CLI_DONE)
		return r;
	if (watch->capsule && !trace_names_has(&watch->names, watch->capsule))
		return fail_usage("no such capsule, %s, `pluton-cli capsules' shows them",
				  watch->capsule);
	if (watch->output) {
		r = trace_file_open(watch->output, &watch->names, &watch->file);
		if (r != CLI_DONE)
			return r;
	}
	r = pluton_trace_begin(watch->session->pluton, ROOM);
	begun = r >= 0;
	r = begun ? follow(watch) : session_failed(watch->session, r, "cannot trace", NULL);
	written = trace_file_close(watch->file, begun);
	tell_lost(watch);
	return r ? r : written;
}

int noun_trace(struct session *session, int argc, char **argv)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return fail_system(ENOMEM, "no memory for a trace");
	watch->session = session;
	r = session_parse(&argp, argc, argv, watch);
	if (r == CLI_DONE)
		r = session_open(session);
	if (r == CLI_DONE)
		r = trace(watch);
	trace_names_free(&watch->names);
	free(watch);
	return r;
}
