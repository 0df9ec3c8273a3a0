/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: its apps, and the socket on which they say how they are. Until apps_open it has no
 * apps: only a daemon with a socket can have some.
 */
#include "backends/fork/fork.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/fork/app.h"
#include "backends/fork/host.h"
#include "backends/fork/runfile.h"
#include "hil/app.h"

#define MESSAGES_PER_PASS 16 /* notifications that are read before it is others' turn */
#define MESSAGES_QUEUED 512  /* more than Linux queues (net.unix.max_dgram_qlen) */
#define NOTIFY_MODE 0600
#define NOTIFY_MODE_ROOT                                                                           \
	0666 /* apps may run as other users then; who sends is looked at anyway                    \
	      */

struct fork_engine {
	struct backend_instance instance; /* first: the backend table knows it by this */
	struct fork_host host;
	struct event notified;
	int notify_fd;
	void (*ended)(void *context); /* apps_end's; NULL: nobody waits */
	void *ended_context;
};

static struct fork_engine *of_host(struct fork_host *host)
{
	return (struct fork_engine *)(void *)((char *)host - offsetof(struct fork_engine, host));
}

static struct fork_engine *of_instance(struct backend_instance *instance)
{
	return (struct fork_engine *)(void *)instance;
}

/* --- its apps -------------------------------------------------------------------------------- */

#define for_each_app(engine, app)                                                                  \
	for (size_t i_ = 0; i_ < (engine)->host.roster.count; i_++)                                \
		for (struct app *app = of_entry((engine)->host.roster.entries[i_]); app; app = NULL)

static struct app *of_entry(struct roster_entry *entry)
{
	return (struct app *)(void *)entry;
}

static struct roster_entry *make(struct roster *roster, struct definition *definition)
{
	struct fork_host *host =
		(struct fork_host *)(void *)((char *)roster - offsetof(struct fork_host, roster));
	struct app *app = app_make(host, definition);

	return app ? &app->entry : NULL;
}

static void unmake(struct roster_entry *entry)
{
	app_free(of_entry(entry));
}

static void start(struct roster_entry *entry)
{
	app_start(of_entry(entry));
}

static void demand(struct roster_entry *entry)
{
	app_demand(of_entry(entry));
}

static void stop(struct roster_entry *entry)
{
	app_stop(of_entry(entry));
}

static void restart(struct roster_entry *entry)
{
	app_restart(of_entry(entry));
}

static uint32_t pid(const struct roster_entry *entry)
{
	return (uint32_t)((const struct app *)(const void *)entry)->process.pid;
}

static const struct roster_ops ops = {
	.make = make,
	.free = unmake,
	.check = definition_require_program,
	.start = start,
	.demand = demand,
	.stop = stop,
	.restart = restart,
	.pid = pid,
};

static bool any_process(const struct fork_engine *engine)
{
	for_each_app(engine, app)
	{
		if (app->process.pid)
			return true;
	}
	return false;
}

static void on_changed(struct fork_host *host)
{
	struct fork_engine *engine = of_host(host);
	void (*ended)(void *context) = engine->ended;

	if (!ended || any_process(engine))
		return;
	engine->ended = NULL;
	ended(engine->ended_context);
}

/* --- notifications --------------------------------------------------------------------------- */

static struct app *app_of(const struct fork_engine *engine, pid_t pid)
{
	for_each_app(engine, app)
	{
		if (app_is(app, pid))
			return app;
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
		host->roster.trouble = "plutond has no socket for it: see its log, and restart it";
		roster_say(&host->roster, PLUTON_LOG_ERROR, NULL, 0,
			   "no app can be started: %s: %s; correct daemon.socket", host->notify,
			   strerror(-engine->notify_fd));
		engine->notify_fd = -1;
		return;
	}
	event_assign(&engine->notified, host->roster.environment->base, engine->notify_fd,
		     EV_READ | EV_PERSIST, on_notified, engine);
	event_add(&engine->notified, NULL);
}

/* --- for the machine ------------------------------------------------------------------------- */

/* An app whose file is gone is nobody's; it would wait for a plutond that does not know it. */
static void forget_unknown(void *context, const char *name)
{
	struct fork_engine *engine = context;

	if (!roster_find(&engine->host.roster, name))
		runfile_remove(engine->host.runs, name);
}

static int apps_open(struct backend_instance *instance)
{
	struct fork_engine *engine = of_instance(instance);
	int r;

	listen_for_notifications(engine);
	r = roster_read(&engine->host.roster);
	if (r < 0)
		return r;
	for_each_app(engine, app) app_adopt(app);
	runfile_each(engine->host.runs, forget_unknown, engine);
	return 0;
}

static void apps_begin(struct backend_instance *instance)
{
	roster_begin(&of_instance(instance)->host.roster);
}

static int apps_reload(struct backend_instance *instance)
{
	return roster_read(&of_instance(instance)->host.roster);
}

static void apps_end(struct backend_instance *instance, void (*ended)(void *context), void *context)
{
	struct fork_engine *engine = of_instance(instance);

	engine->host.roster.closing = true;
	for_each_app(engine, app) app_stop(app);
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

	for_each_app(engine, app) app_kill(app);
}

/* Every app leads a session of its own: one look finds it, and what it forked. */
static const struct app *app_with_session(const struct fork_engine *engine, pid_t pid)
{
	for_each_app(engine, app)
	{
		if (app_has_in_session(app, pid))
			return app;
	}
	return NULL;
}

static bool apps_identify(struct backend_instance *instance, pid_t pid, uid_t uid, bool certain,
			  const char **ret_name, const char **ret_drivers)
{
	const struct app *app = app_with_session(of_instance(instance), pid);

	if (!app || app->process.uid != uid)
		return false;
	*ret_name = certain && app->process.pid == pid ? app->entry.definition->name : NULL;
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
	const struct backend_environment *environment = engine->host.roster.environment;

	if (environment->dispose)
		environment->dispose(environment->context, fd);
	else
		(void)close(fd);
}

int fork_open_with(const struct backend_environment *environment,
		   const struct fork_options *options, struct backend_instance **ret)
{
	struct fork_engine *engine = calloc(1, sizeof(*engine));
	struct fork_host *host;
	int r;

	if (!engine)
		return -PLUTON_ENOMEM;
	host = &engine->host;
	r = roster_init(&host->roster, "fork", environment, options->definition_folders, &ops);
	if (r == 0)
		r = host_find_paths(host, options);
	engine->instance.backend = backend_find("fork");
	engine->instance.engines[HIL_APP] = &host->roster.engine.head;
	engine->instance.apps = &apps;
	host->closer = (struct fdstore_closer){close_descriptor, engine};
	host->changed = on_changed;
	host->listen = on_listen;
	engine->notify_fd = -1;
	if (r < 0) {
		fork_close(&engine->instance);
		return r;
	}
	*ret = &engine->instance;
	return 0;
}

int fork_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	const char *folders[PLACE_FOLDERS_MAX + 1];
	const struct fork_options options = {.socket = environment->config->socket,
					     .state = environment->config->state,
					     .bus = environment->config->bus,
					     .definition_folders = folders};
	char *list = strdup(environment->config->app_folders);
	int r = -PLUTON_ENOMEM;

	place_split(list, folders);
	if (list)
		r = fork_open_with(environment, &options, ret);
	free(list);
	return r;
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

	for_each_app(engine, app) app_kill(app); /* all at once, then one after the other */
	roster_free(&engine->host.roster);
	close_notifications(engine);
	host_free_paths(&engine->host);
	free(engine);
}
