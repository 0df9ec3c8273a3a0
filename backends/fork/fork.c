/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: the list of apps, the requests that wait for them, and the socket on which they say
 * how they are. Until apps_open it has no apps: only a daemon with a socket can have some.
 */
#include "backends/fork/fork.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/fork/app.h"
#include "backends/fork/folders.h"
#include "backends/fork/place.h"
#include "backends/fork/runfile.h"
#include "hil/app.h"

#define MESSAGES_PER_PASS 16 /* notifications that are read before it is others' turn */
#define MESSAGES_QUEUED 512  /* more than Linux queues (net.unix.max_dgram_qlen) */
#define NOTIFY_MODE 0600
#define NOTIFY_MODE_ROOT                                                                           \
	0666 /* apps may run as other users then; who sends is looked at anyway                    \
	      */

/* A request that waits, or whose answer is on its way. */
struct request {
	struct app_client *client; /* NULL: free */
	struct app *app;
	enum app_action action;
	bool settled;
	int result;
};

struct fork_engine {
	struct backend_instance instance; /* first: the backend table knows it by this */
	struct app_engine engine;
	struct fork_host host;
	struct app **apps; /* in name order */
	size_t count;
	struct request requests[HIL_CONCURRENCY_MAX];
	struct deferred_call answer;
	struct event notified;
	int notify_fd;
	void (*ended)(void *context); /* apps_end's; NULL: nobody waits */
	void *ended_context;
};

static struct fork_engine *of_engine(struct app_engine *engine)
{
	return (struct fork_engine *)(void *)((char *)engine -
					      offsetof(struct fork_engine, engine));
}

static struct fork_engine *of_host(struct fork_host *host)
{
	return (struct fork_engine *)(void *)((char *)host - offsetof(struct fork_engine, host));
}

static struct fork_engine *of_instance(struct backend_instance *instance)
{
	return (struct fork_engine *)(void *)instance;
}

/* --- requests -------------------------------------------------------------------------------- */

static void settle(struct fork_engine *engine, struct request *request, int result)
{
	request->settled = true;
	request->result = result;
	deferred_call_set(&engine->answer);
}

static void on_answer(struct deferred_call *call)
{
	struct fork_engine *engine =
		(struct fork_engine *)(void *)((char *)call - offsetof(struct fork_engine, answer));

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct request request = engine->requests[i];

		if (!request.client || !request.settled)
			continue;
		engine->requests[i] = (struct request){0};
		request.client->ops->done(request.client, request.result);
	}
}

static bool waits_for_start(const struct request *request)
{
	return request->action != APP_STOP;
}

/* What an event means to a request; 1: nothing. */
static int outcome(const struct request *request, enum app_event event)
{
	switch (event) {
	case APP_RUNS:
		return waits_for_start(request) ? 0 : 1;
	case APP_STARTS_NOT:
		return waits_for_start(request) ? -PLUTON_EFAIL : 1;
	case APP_ENDED:
		return waits_for_start(request) ? 1 : 0;
	case APP_OVERTAKEN:
		return waits_for_start(request) ? -PLUTON_ECANCEL : 1;
	}
	return 1;
}

static bool any_process(const struct fork_engine *engine)
{
	for (size_t i = 0; i < engine->count; i++) {
		if (engine->apps[i]->process.pid)
			return true;
	}
	return false;
}

static void on_changed(struct fork_host *host, struct app *app, enum app_event event)
{
	struct fork_engine *engine = of_host(host);

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct request *request = &engine->requests[i];
		int result;

		if (!request->client || request->settled || request->app != app)
			continue;
		result = outcome(request, event);
		if (result <= 0)
			settle(engine, request, result);
	}
	if (engine->ended && !any_process(engine)) {
		void (*ended)(void *context) = engine->ended;

		engine->ended = NULL;
		ended(engine->ended_context);
	}
}

static void act(struct app *app, enum app_action action)
{
	switch (action) {
	case APP_START:
		app_start(app);
		break;
	case APP_STOP:
		app_stop(app);
		break;
	case APP_RESTART:
		app_restart(app);
		break;
	case APP_DEMAND:
		app_demand(app);
		break;
	}
}

/* --- the HIL --------------------------------------------------------------------------------- */

/* One whose file is gone is there as long as it runs. */
static bool is_there(const struct app *app)
{
	return !app->gone || app->process.pid;
}

static struct app *find_app(const struct fork_engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->count; i++) {
		if (is_there(engine->apps[i]) &&
		    strcmp(engine->apps[i]->definition->name, name) == 0)
			return engine->apps[i];
	}
	return NULL;
}

static int start(struct app_engine *app_engine, const struct app_request *asked,
		 struct app_client *client)
{
	struct fork_engine *engine = of_engine(app_engine);
	struct app *app = find_app(engine, asked->name);
	size_t at = 0;

	if (!app)
		return -PLUTON_ENODEVICE;
	while (at < HIL_CONCURRENCY_MAX && engine->requests[at].client)
		at++;
	if (at == HIL_CONCURRENCY_MAX)
		return -PLUTON_EBUSY;
	engine->requests[at] =
		(struct request){.client = client, .app = app, .action = asked->action};
	act(app, asked->action);
	return 0;
}

static int cancel(struct app_engine *app_engine, struct app_client *client)
{
	struct fork_engine *engine = of_engine(app_engine);

	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct request *request = &engine->requests[i];

		if (request->client != client)
			continue;
		if (!request->settled)
			settle(engine, request, -PLUTON_ECANCEL);
		return 0;
	}
	return -PLUTON_EINVAL;
}

static int status(struct app_engine *app_engine, uint32_t index, struct app_status *ret)
{
	struct fork_engine *engine = of_engine(app_engine);

	for (size_t i = 0; i < engine->count; i++) {
		if (is_there(engine->apps[i]) && index-- == 0) {
			app_describe(engine->apps[i], ret);
			return 0;
		}
	}
	return -PLUTON_ENODEVICE;
}

static int find(struct app_engine *app_engine, const char *name, uint32_t *ret_index)
{
	struct fork_engine *engine = of_engine(app_engine);
	uint32_t index = 0;

	for (size_t i = 0; i < engine->count; i++) {
		if (!is_there(engine->apps[i]))
			continue;
		if (strcmp(engine->apps[i]->definition->name, name) == 0) {
			*ret_index = index;
			return 0;
		}
		index++;
	}
	return -PLUTON_ENODEVICE;
}

static const struct app_engine_ops ops = {
	.start = start, .cancel = cancel, .status = status, .find = find};

/* --- notifications --------------------------------------------------------------------------- */

static struct app *app_of(const struct fork_engine *engine, pid_t pid)
{
	for (size_t i = 0; i < engine->count; i++) {
		if (app_is(engine->apps[i], pid))
			return engine->apps[i];
	}
	return NULL;
}

static void dispose_all(struct fork_engine *engine, const struct notification *notification)
{
	const struct fdstore_closer *closer = &engine->host.closer;

	for (unsigned i = 0; i < notification->count; i++) {
		if (notification->descriptors[i] >= 0)
			closer->close(closer->context, notification->descriptors[i]);
	}
}

static void listen_to(struct fork_engine *engine, int messages)
{
	struct notification notification;

	while (messages-- > 0 && notify_receive(engine->notify_fd, &notification)) {
		struct app *app = app_of(engine, notification.pid);

		if (app)
			app_notified(app, &notification);
		dispose_all(engine, &notification);
	}
}

static void on_notified(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	listen_to(context, MESSAGES_PER_PASS);
}

static void on_listen(struct fork_host *host)
{
	listen_to(of_host(host), MESSAGES_QUEUED);
}

static void listen_for_notifications(struct fork_engine *engine)
{
	struct fork_host *host = &engine->host;

	engine->notify_fd = notify_open(host->notify, geteuid() ? NOTIFY_MODE : NOTIFY_MODE_ROOT);
	if (engine->notify_fd < 0) {
		host->trouble = "plutond has no socket for it: see its log, and restart it";
		host_say(host, PLUTON_LOG_ERROR, NULL, 0,
			 "no app can be started: %s: %s; correct daemon.socket", host->notify,
			 strerror(-engine->notify_fd));
		engine->notify_fd = -1;
		return;
	}
	event_assign(&engine->notified, host->environment->base, engine->notify_fd,
		     EV_READ | EV_PERSIST, on_notified, engine);
	event_add(&engine->notified, NULL);
}

/* --- the list -------------------------------------------------------------------------------- */

static void complain(void *context, const char *sentence)
{
	struct fork_engine *engine = context;

	host_say(&engine->host, PLUTON_LOG_ERROR, NULL, 0, "apps: %s", sentence);
}

static struct app *take_old(struct fork_engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->count; i++) {
		struct app *app = engine->apps[i];

		if (app && strcmp(app->definition->name, name) == 0) {
			engine->apps[i] = NULL;
			return app;
		}
	}
	return NULL;
}

static void check_definition(struct fork_engine *engine, struct definition *definition)
{
	const struct backend_environment *environment = engine->host.environment;
	char unknown[64];

	if (!definition->problem[0] && environment->knows_drivers &&
	    !environment->knows_drivers(environment->context, definition->drivers, unknown,
					sizeof(unknown)))
		definition_complain(definition,
				    "drivers: \"%s\" is no capsule; see pluton-cli capsules",
				    unknown);
	if (definition->problem_line)
		host_say(&engine->host, PLUTON_LOG_ERROR, definition->name, 0, "%s:%u: %s",
			 definition->file, definition->problem_line, definition->problem);
	else if (definition->problem[0])
		host_say(&engine->host, PLUTON_LOG_ERROR, definition->name, 0, "%s: %s",
			 definition->file, definition->problem);
}

/* The app of a definition: the one there was, or a new one. NULL: no memory. */
static struct app *app_for(struct fork_engine *engine, struct definition *definition)
{
	struct app *app = take_old(engine, definition->name);

	if (!app)
		return app_make(&engine->host, definition);
	app_redefine(app, definition);
	return app;
}

static bool has_requests(const struct fork_engine *engine, const struct app *app)
{
	for (size_t i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (engine->requests[i].client && engine->requests[i].app == app)
			return true;
	}
	return false;
}

/* Those whose files are gone stay while they run or somebody waits for them. */
static size_t keep_gone(struct fork_engine *engine, struct app **list, size_t count)
{
	for (size_t i = 0; i < engine->count; i++) {
		struct app *app = engine->apps[i];

		if (!app)
			continue;
		app_redefine(app, NULL);
		if (app->process.pid || has_requests(engine, app))
			list[count++] = app;
		else
			app_free(app);
	}
	return count;
}

static int by_name(const void *a, const void *b)
{
	const struct app *const *left = a, *const *right = b;

	return strcmp((*left)->definition->name, (*right)->definition->name);
}

static int use_definitions(struct fork_engine *engine, struct definition **definitions,
			   size_t defined)
{
	struct app **list = calloc(defined + engine->count + 1, sizeof(struct app *));
	size_t count = 0;

	if (!list)
		return -PLUTON_ENOMEM;
	for (size_t i = 0; i < defined; i++) {
		check_definition(engine, definitions[i]);
		list[count] = app_for(engine, definitions[i]);
		count += list[count] != NULL;
	}
	count = keep_gone(engine, list, count);
	if (count > 1)
		qsort(list, count, sizeof(struct app *), by_name);
	free(engine->apps);
	engine->apps = list;
	engine->count = count;
	return 0;
}

static int read_definitions(struct fork_engine *engine)
{
	struct fork_host *host = &engine->host;
	struct definition **definitions;
	size_t count;
	int r = folders_read((const char *const *)host->definition_folders, host->own_uid, complain,
			     engine, &definitions, &count);

	if (r < 0)
		return r;
	r = use_definitions(engine, definitions, count);
	for (size_t i = 0; i < count; i++)
		definition_release(definitions[i]);
	free(definitions);
	return r;
}

/* --- for the machine ------------------------------------------------------------------------- */

/* An app whose file is gone is nobody's; it would wait for a plutond that does not know it. */
static void forget_unknown(void *context, const char *name)
{
	struct fork_engine *engine = context;

	if (!find_app(engine, name))
		runfile_remove(engine->host.runs, name);
}

static int apps_open(struct backend_instance *instance)
{
	struct fork_engine *engine = of_instance(instance);
	int r;

	listen_for_notifications(engine);
	r = read_definitions(engine);
	if (r < 0)
		return r;
	for (size_t i = 0; i < engine->count; i++)
		app_adopt(engine->apps[i]);
	runfile_each(engine->host.runs, forget_unknown, engine);
	return 0;
}

static void apps_begin(struct backend_instance *instance)
{
	struct fork_engine *engine = of_instance(instance);

	for (size_t i = 0; i < engine->count; i++) {
		struct app *app = engine->apps[i];

		if (app->definition->start == DEFINITION_START_BOOT && app->state == APP_STOPPED)
			app_start(app);
	}
}

static int apps_reload(struct backend_instance *instance)
{
	return read_definitions(of_instance(instance));
}

static void apps_end(struct backend_instance *instance, void (*ended)(void *context), void *context)
{
	struct fork_engine *engine = of_instance(instance);

	engine->host.closing = true;
	for (size_t i = 0; i < engine->count; i++)
		app_stop(engine->apps[i]);
	if (!any_process(engine)) {
		ended(context);
		return;
	}
	engine->ended = ended;
	engine->ended_context = context;
}

static void apps_kill(struct backend_instance *instance)
{
	struct fork_engine *engine = of_instance(instance);

	for (size_t i = 0; i < engine->count; i++)
		app_kill(engine->apps[i]);
}

/* Every app leads a session of its own: one look finds it, and what it forked. */
static const struct app *app_with_session(const struct fork_engine *engine, pid_t pid)
{
	for (size_t i = 0; i < engine->count; i++) {
		if (app_has_in_session(engine->apps[i], pid))
			return engine->apps[i];
	}
	return NULL;
}

static bool apps_identify(struct backend_instance *instance, pid_t pid, uid_t uid,
			  const char **ret_name, const char **ret_drivers)
{
	const struct app *app = app_with_session(of_instance(instance), pid);
	bool is_leader = app && app->process.pid == pid;

	if (!app)
		return false;
	*ret_name = is_leader && app->process.uid == uid ? app->definition->name : NULL;
	*ret_drivers = app->in_force->drivers;
	return true;
}

static const struct backend_apps apps = {
	.open = apps_open,
	.begin = apps_begin,
	.reload = apps_reload,
	.end = apps_end,
	.kill = apps_kill,
	.identify = apps_identify,
};

/* --- opening and closing --------------------------------------------------------------------- */

static void close_descriptor(void *context, int fd)
{
	const struct fork_engine *engine = context;
	const struct backend_environment *environment = engine->host.environment;

	if (environment->dispose)
		environment->dispose(environment->context, fd);
	else
		(void)close(fd);
}

int fork_open_with(const struct backend_environment *environment,
		   const struct fork_options *options, struct backend_instance **ret)
{
	struct fork_engine *engine = calloc(1, sizeof(*engine));
	int r = engine ? place_find(&engine->host, options) : -PLUTON_ENOMEM;

	if (r < 0) {
		if (engine)
			place_free(&engine->host);
		free(engine);
		return r;
	}
	engine->instance.backend = backend_find("fork");
	engine->instance.engines[HIL_APP] = &engine->engine.head;
	engine->instance.apps = &apps;
	engine->engine = (struct app_engine){.head = {.name = "fork",
						      .kind = HIL_APP,
						      .level = HIL_LEVEL_APP,
						      .concurrency = HIL_CONCURRENCY_MAX},
					     .ops = &ops};
	engine->host.environment = environment;
	engine->host.closer = (struct fdstore_closer){close_descriptor, engine};
	engine->host.changed = on_changed;
	engine->host.listen = on_listen;
	engine->notify_fd = -1;
	deferred_call_init(&engine->answer, environment->deferred, on_answer);
	*ret = &engine->instance;
	return 0;
}

static void close_notifications(struct fork_engine *engine)
{
	if (engine->notify_fd < 0)
		return;
	event_del(&engine->notified);
	(void)close(engine->notify_fd);
	(void)unlink(engine->host.notify);
}

void fork_close(struct backend_instance *instance)
{
	struct fork_engine *engine = of_instance(instance);

	for (size_t i = 0; i < engine->count; i++)
		app_kill(engine->apps[i]); /* all at once, then one after the other */
	for (size_t i = 0; i < engine->count; i++)
		app_free(engine->apps[i]);
	free(engine->apps);
	close_notifications(engine);
	deferred_call_drop(&engine->answer);
	place_free(&engine->host);
	free(engine);
}
