/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/app_rig.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hil/checker.h"
#include "tests/suite.h"

#define TURN_US 20000 /* the loop sleeps no longer, so that other processes' doings are seen */

struct app_rig rig;

static void record_line(enum pluton_log_level level, const char *app, uint32_t pid,
			const char *sentence)
{
	size_t used = strlen(rig.log);

	(void)level;
	(void)pid;
	snprintf(rig.log + used, sizeof(rig.log) - used, "%s: %s\n", app ? app : "-", sentence);
}

static bool knows_drivers(void *context, const char *list, char *ret_unknown, size_t size)
{
	(void)context;
	snprintf(ret_unknown, size, "bogus");
	return !strstr(list, "bogus");
}

void must(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

static void report_violation(void *context, enum hil_rule rule, const char *engine,
			     const char *sentence)
{
	(void)context;
	(void)engine;
	fprintf(stderr, "%s: %s\n", checker_rule_name(rule), sentence);
	CU_FAIL("the engine breaks the HIL contract");
}

static const char *level_of_daemon(void)
{
	return "warning";
}

void rig_begin(void)
{
	umask(022); /* definitions that a group can write are not believed */
	memset(&rig, 0, sizeof(rig));
	strcpy(rig.folder, "/tmp/app-test-XXXXXX");
	must(mkdtemp(rig.folder) && chmod(rig.folder, 0755) == 0, "mkdtemp");
	snprintf(rig.definitions, sizeof(rig.definitions), "%s/app.d", rig.folder);
	must(mkdir(rig.definitions, 0755) == 0, "mkdir");
}

void rig_remove(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", rig.folder);
	must(system(command) == 0, "rm");
}

void rig_open(int (*open)(const struct backend_environment *environment,
			  struct backend_instance **ret))
{
	const struct checker_options checks = {.deferred = &rig.deferred,
					       .report = report_violation};
	struct hil_engine *checked;

	rig.base = event_base_new();
	deferred_queue_init(&rig.deferred);
	rig.environment = (struct backend_environment){.deferred = &rig.deferred,
						       .base = rig.base,
						       .log_level = level_of_daemon,
						       .report = record_line,
						       .knows_drivers = knows_drivers};
	must(open(&rig.environment, &rig.instance) == 0, "open");
	must(checker_open(rig.instance->engines[HIL_APP], &checks, &checked) == 0, "checker");
	rig.engine = (struct app_engine *)(void *)checked;
	must(rig.instance->apps->open(rig.instance) == 0, "apps");
}

void rig_close(void (*close)(struct backend_instance *instance))
{
	checker_close(&rig.engine->head);
	close(rig.instance);
	event_base_free(rig.base);
}

void rig_on_ended(void *context)
{
	(void)context;
	rig.ended = true;
}

void turn(void)
{
	struct timeval soon = {0, TURN_US};

	deferred_queue_run(&rig.deferred, 100);
	if (!rig.deferred.head)
		event_base_loopexit(rig.base, &soon);
	event_base_loop(rig.base, EVLOOP_ONCE | (rig.deferred.head ? EVLOOP_NONBLOCK : 0));
}

void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

void assert_contains(const char *text, const char *part)
{
	bool contains = strstr(text, part) != NULL;

	if (!contains)
		fprintf(stderr, "\"%s\" is not in:\n%s\n", part, text);
	CU_ASSERT_TRUE(contains);
}

/* --- requests -------------------------------------------------------------------------------- */

static void on_done(struct app_client *client, int result)
{
	struct asked *asked = (struct asked *)(void *)client;

	asked->answers++;
	asked->result = result;
}

static const struct app_client_ops client_ops = {.done = on_done};

int ask(struct asked *asked, enum app_action action, const char *name)
{
	struct app_request request = {.action = action};
	int r;

	snprintf(request.name, sizeof(request.name), "%s", name);
	*asked = (struct asked){.client = {&client_ops}};
	r = rig.engine->ops->start(rig.engine, &request, &asked->client);
	CU_ASSERT_EQUAL(asked->answers, 0); /* never before start has returned */
	return r;
}

int await_answer(struct asked *asked)
{
	while (!asked->answers)
		turn();
	CU_ASSERT_EQUAL(asked->answers, 1);
	return asked->result;
}

int perform(enum app_action action, const char *name)
{
	struct asked asked;
	int r = ask(&asked, action, name);

	return r < 0 ? r : await_answer(&asked);
}

struct app_status status_of(const char *name)
{
	struct app_status status = {0};
	uint32_t index;

	CU_ASSERT_EQUAL_FATAL(rig.engine->ops->find(rig.engine, name, &index), 0);
	CU_ASSERT_EQUAL_FATAL(rig.engine->ops->status(rig.engine, index, &status), 0);
	CU_ASSERT_STRING_EQUAL(status.name, name);
	return status;
}

void await_state(const char *name, enum app_state state)
{
	while (status_of(name).state != state)
		turn();
}

void await_starts(const char *name, uint32_t starts)
{
	while (status_of(name).starts < starts)
		turn();
}
