/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule a newcomer would break first: an app that somebody waits for, or that runs, stays on the
 * list though its file is gone.
 */
#include "backends/apps/roster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/apps/folders.h"

static struct roster *of_engine(struct app_engine *engine)
{
	return (struct roster *)(void *)((char *)engine - offsetof(struct roster, engine));
}

void roster_say(const struct roster *roster, enum pluton_log_level level, const char *app,
		uint32_t pid, const char *format, ...)
{
	char sentence[480];
	va_list args;

	if (!roster->environment->report)
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	roster->environment->report(level, app, pid, sentence);
}

uint64_t roster_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

struct timeval roster_after(uint64_t ms)
{
	return (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
}

/* --- requests -------------------------------------------------------------------------------- */

static void settle(struct roster *roster, struct roster_request *request, int result)
{
	request->settled = true;
	request->result = result;
	deferred_call_set(&roster->answer);
}

static void on_answer(struct deferred_call *call)
{
	struct roster *roster =
		(struct roster *)(void *)((char *)call - offsetof(struct roster, answer));

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct roster_request request = roster->requests[i];

		if (!request.client || !request.settled)
			continue;
		roster->requests[i] = (struct roster_request){0};
		request.client->ops->done(request.client, request.result);
	}
}

static bool waits_for_start(const struct roster_request *request)
{
	return request->action != APP_STOP;
}

static bool waits_for_end(const struct roster_request *request)
{
	return request->action == APP_STOP || request->action == APP_RESTART;
}

/* What an event means to a request; 1: nothing. */
static int outcome(const struct roster_request *request, enum app_event event)
{
	switch (event) {
	case APP_RUNS:
		return waits_for_start(request) ? 0 : 1;
	case APP_STARTS_NOT:
		return waits_for_start(request) ? -PLUTON_EFAIL : 1;
	case APP_ENDED:
		return waits_for_start(request) ? 1 : 0;
	case APP_ENDS_NOT:
		return waits_for_end(request) ? -PLUTON_EFAIL : 1;
	case APP_OVERTAKEN:
		return waits_for_start(request) ? -PLUTON_ECANCEL : 1;
	}
	return 1;
}

void roster_tell(struct roster_entry *entry, enum app_event event)
{
	struct roster *roster = entry->roster;

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct roster_request *request = &roster->requests[i];
		int result;

		if (!request->client || request->settled || request->entry != entry)
			continue;
		result = outcome(request, event);
		if (result <= 0)
			settle(roster, request, result);
	}
}

static bool has_requests(const struct roster_entry *entry)
{
	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		const struct roster_request *request = &entry->roster->requests[i];

		if (request->client && request->entry == entry)
			return true;
	}
	return false;
}

static void act(struct roster_entry *entry, enum app_action action)
{
	const struct roster_ops *ops = entry->roster->ops;

	switch (action) {
	case APP_START:
		ops->start(entry);
		break;
	case APP_STOP:
		ops->stop(entry);
		break;
	case APP_RESTART:
		ops->restart(entry);
		break;
	case APP_DEMAND:
		ops->demand(entry);
		break;
	}
}

/* --- the HIL --------------------------------------------------------------------------------- */

static uint32_t pid_of(const struct roster_entry *entry)
{
	return entry->roster->ops->pid(entry);
}

/* One whose file is gone is there as long as it runs. */
static bool is_there(const struct roster_entry *entry)
{
	return !entry->gone || pid_of(entry);
}

struct roster_entry *roster_find(const struct roster *roster, const char *name)
{
	for (size_t i = 0; i < roster->count; i++) {
		if (is_there(roster->entries[i]) &&
		    strcmp(roster->entries[i]->definition->name, name) == 0)
			return roster->entries[i];
	}
	return NULL;
}

static int start(struct app_engine *engine, const struct app_request *asked,
		 struct app_client *client)
{
	struct roster *roster = of_engine(engine);
	struct roster_entry *entry = roster_find(roster, asked->name);
	size_t at = 0;

	if (!entry)
		return -PLUTON_ENODEVICE;
	while (at < HIL_CONCURRENCY_MAX && roster->requests[at].client)
		at++;
	if (at == HIL_CONCURRENCY_MAX)
		return -PLUTON_EBUSY;
	roster->requests[at] =
		(struct roster_request){.client = client, .entry = entry, .action = asked->action};
	act(entry, asked->action);
	return 0;
}

static int cancel(struct app_engine *engine, struct app_client *client)
{
	struct roster *roster = of_engine(engine);

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct roster_request *request = &roster->requests[i];

		if (request->client != client)
			continue;
		if (!request->settled)
			settle(roster, request, -PLUTON_ECANCEL);
		return 0;
	}
	return -PLUTON_EINVAL;
}

static void describe(const struct roster_entry *entry, struct app_status *ret)
{
	uint64_t now = roster_now_ms();

	*ret = (struct app_status){.state = entry->state,
				   .pid = pid_of(entry),
				   .starts = entry->starts,
				   .failures = entry->failures,
				   .since_ms = now - entry->since_ms};
	if (entry->state == APP_WAITING && entry->not_before_ms > now)
		ret->retry_ms = entry->not_before_ms - now;
	snprintf(ret->name, sizeof(ret->name), "%s", entry->definition->name);
	snprintf(ret->reason, sizeof(ret->reason), "%s", entry->reason);
}

static int status(struct app_engine *engine, uint32_t index, struct app_status *ret)
{
	struct roster *roster = of_engine(engine);

	for (size_t i = 0; i < roster->count; i++) {
		if (is_there(roster->entries[i]) && index-- == 0) {
			describe(roster->entries[i], ret);
			return 0;
		}
	}
	return -PLUTON_ENODEVICE;
}

static int find(struct app_engine *engine, const char *name, uint32_t *ret_index)
{
	struct roster *roster = of_engine(engine);
	uint32_t index = 0;

	for (size_t i = 0; i < roster->count; i++) {
		if (!is_there(roster->entries[i]))
			continue;
		if (strcmp(roster->entries[i]->definition->name, name) == 0) {
			*ret_index = index;
			return 0;
		}
		index++;
	}
	return -PLUTON_ENODEVICE;
}

static const struct app_engine_ops engine_ops = {
	.start = start, .cancel = cancel, .status = status, .find = find};

/* --- the list -------------------------------------------------------------------------------- */

static void complain(void *context, const char *sentence)
{
	roster_say(context, PLUTON_LOG_ERROR, NULL, 0, "apps: %s", sentence);
}

static struct roster_entry *take_old(struct roster *roster, const char *name)
{
	for (size_t i = 0; i < roster->count; i++) {
		struct roster_entry *entry = roster->entries[i];

		if (entry && strcmp(entry->definition->name, name) == 0) {
			roster->entries[i] = NULL;
			return entry;
		}
	}
	return NULL;
}

static void check_definition(struct roster *roster, struct definition *definition)
{
	const struct backend_environment *environment = roster->environment;
	char unknown[64];

	roster->ops->check(definition);
	if (!definition->problem[0] && environment->knows_drivers &&
	    !environment->knows_drivers(environment->context, definition->drivers, unknown,
					sizeof(unknown)))
		definition_complain(definition,
				    "drivers: \"%s\" is no capsule; see pluton-cli capsules",
				    unknown);
	if (definition->problem_line)
		roster_say(roster, PLUTON_LOG_ERROR, definition->name, 0, "%s:%u: %s",
			   definition->file, definition->problem_line, definition->problem);
	else if (definition->problem[0])
		roster_say(roster, PLUTON_LOG_ERROR, definition->name, 0, "%s: %s",
			   definition->file, definition->problem);
}

/* What the file says now; NULL: there is none any more. */
static void redefine(struct roster_entry *entry, struct definition *definition)
{
	entry->gone = !definition;
	if (!definition || definition_equal(entry->definition, definition))
		return;
	definition_release(entry->definition);
	entry->definition = definition_hold(definition);
	if (entry->state != APP_STOPPED && entry->state != APP_FAILED)
		return;
	/* What was wrong with the old file is not what is wrong with the new one. */
	roster_forgive(entry);
	entry->reason[0] = '\0';
	roster_set_state(entry, roster_may_start(entry) ? APP_STOPPED : APP_FAILED);
}

/* The app of a definition: the one there was, or a new one. NULL: no memory. */
static struct roster_entry *entry_for(struct roster *roster, struct definition *definition)
{
	struct roster_entry *entry = take_old(roster, definition->name);

	if (!entry)
		return roster->ops->make(roster, definition);
	redefine(entry, definition);
	return entry;
}

/* Those whose files are gone stay while they run or somebody waits for them. */
static size_t keep_gone(struct roster *roster, struct roster_entry **list, size_t count)
{
	for (size_t i = 0; i < roster->count; i++) {
		struct roster_entry *entry = roster->entries[i];

		if (!entry)
			continue;
		redefine(entry, NULL);
		if (pid_of(entry) || has_requests(entry))
			list[count++] = entry;
		else
			roster->ops->free(entry);
	}
	return count;
}

static int by_name(const void *a, const void *b)
{
	const struct roster_entry *const *left = a, *const *right = b;

	return strcmp((*left)->definition->name, (*right)->definition->name);
}

static int use_definitions(struct roster *roster, struct definition **definitions, size_t defined)
{
	struct roster_entry **list = calloc(defined + roster->count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return -PLUTON_ENOMEM;
	for (size_t i = 0; i < defined; i++) {
		check_definition(roster, definitions[i]);
		list[count] = entry_for(roster, definitions[i]);
		count += list[count] != NULL;
	}
	count = keep_gone(roster, list, count);
	if (count > 1)
		qsort(list, count, sizeof(*list), by_name);
	free(roster->entries);
	roster->entries = list;
	roster->count = count;
	return 0;
}

int roster_read(struct roster *roster)
{
	const struct place *place = &roster->place;
	struct definition **definitions;
	size_t count;
	int r = folders_read((const char *const *)place->definition_folders, place->own_uid,
			     complain, roster, &definitions, &count);

	if (r < 0)
		return r;
	r = use_definitions(roster, definitions, count);
	for (size_t i = 0; i < count; i++)
		definition_release(definitions[i]);
	free(definitions);
	return r;
}

void roster_begin(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++) {
		struct roster_entry *entry = roster->entries[i];

		if (entry->definition->start == DEFINITION_START_BOOT &&
		    entry->state == APP_STOPPED)
			roster->ops->start(entry);
	}
}

/* --- an app ---------------------------------------------------------------------------------- */

void roster_set_state(struct roster_entry *entry, enum app_state state)
{
	entry->state = state;
	entry->since_ms = roster_now_ms();
}

bool roster_may_start(struct roster_entry *entry)
{
	const struct definition *definition = entry->definition;
	const char *trouble = entry->roster->trouble;
	const char *file = strrchr(definition->file, '/');
	size_t size = sizeof(entry->reason);

	if (entry->gone)
		snprintf(entry->reason, size, "its file is gone; write it again, and reload");
	else if (trouble)
		snprintf(entry->reason, size, "%s", trouble);
	else if (definition->problem[0] && definition->problem_line)
		snprintf(entry->reason, size, "%s:%u: %.80s", file ? file + 1 : "",
			 definition->problem_line, definition->problem);
	else if (definition->problem[0])
		snprintf(entry->reason, size, "%s: %.90s", file ? file + 1 : "",
			 definition->problem);
	else
		return true;
	return false;
}

bool roster_may_demand(struct roster_entry *entry)
{
	bool manual = entry->definition->start == DEFINITION_START_MANUAL;

	if (!entry->roster->closing && !entry->gone && !entry->definition->problem[0] && !manual)
		return true;
	if (!entry->reason[0] && manual)
		snprintf(entry->reason, sizeof(entry->reason),
			 "is started by an administrator only, start = manual");
	return false;
}

uint64_t roster_back_off_ms(const struct roster_entry *entry, const struct definition *definition)
{
	uint64_t delay = definition->restart_delay_ms;

	for (uint32_t i = 1; i < entry->failures && delay < definition->restart_delay_max_ms; i++)
		delay *= 2;
	return delay < definition->restart_delay_max_ms ? delay : definition->restart_delay_max_ms;
}

void roster_forgive(struct roster_entry *entry)
{
	entry->failures = 0;
	entry->not_before_ms = 0;
}

void roster_enter(struct roster_entry *entry, struct roster *roster, struct definition *definition)
{
	entry->roster = roster;
	entry->definition = definition_hold(definition);
	roster_set_state(entry, APP_STOPPED);
	if (!roster_may_start(entry) && definition->problem[0])
		entry->state = APP_FAILED;
	else
		entry->reason[0] = '\0';
}

void roster_leave(struct roster_entry *entry)
{
	definition_release(entry->definition);
}

/* --- all of it ------------------------------------------------------------------------------- */

int roster_init(struct roster *roster, const char *name,
		const struct backend_environment *environment, const char *const *folders,
		const struct roster_ops *ops)
{
	*roster = (struct roster){.engine = {.head = {.name = name,
						      .kind = HIL_APP,
						      .level = HIL_LEVEL_APP,
						      .concurrency = HIL_CONCURRENCY_MAX},
					     .ops = &engine_ops},
				  .ops = ops,
				  .environment = environment};
	deferred_call_init(&roster->answer, environment->deferred, on_answer);
	return place_find(&roster->place, folders);
}

void roster_free(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		roster->ops->free(roster->entries[i]);
	free(roster->entries);
	deferred_call_drop(&roster->answer);
	place_free(&roster->place);
}
