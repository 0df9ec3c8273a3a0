/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine. The rule a newcomer would break first: who is an app is what systemd says of its
 * unit, and never what somebody says who connects.
 */
#include "backends/systemd/systemd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "backends/systemd/service.h"

struct systemd_engine {
	struct backend_instance instance; /* first: the backend table knows it by this */
	struct roster roster;
	int (*get_unit)(pid_t pid, char **ret);
};

static struct systemd_engine *of_instance(struct backend_instance *instance)
{
	return (struct systemd_engine *)(void *)instance;
}

/* --- who is an app --------------------------------------------------------------------------- */

static bool is_of(const struct service *service, const char *unit)
{
	const char *own = service_unit(service);

	return own && strcmp(own, unit) == 0;
}

static struct service *service_of_unit(const struct systemd_engine *engine, const char *unit)
{
	for (size_t i = 0; i < engine->roster.count; i++) {
		struct service *service = (struct service *)(void *)engine->roster.entries[i];

		if (!is_of(service, unit))
			continue;
		service_notice_end(service); /* then its unit may be another, or nobody's */
		if (is_of(service, unit))
			return service;
	}
	return NULL;
}

/* The service in whose unit the process is; NULL: in none. */
static struct service *service_of(const struct systemd_engine *engine, pid_t pid)
{
	struct service *service;
	char *unit;

	if (engine->get_unit(pid, &unit) < 0)
		return NULL;
	service = service_of_unit(engine, unit);
	free(unit);
	return service;
}

/* A process that was given the pid of who connected has another user, or it has connected itself.
 */
static bool is_of_user(pid_t pid, uid_t uid)
{
	char path[32], line[128];
	unsigned real, effective;
	bool is = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && !is && fgets(line, sizeof(line), status))
		is = sscanf(line, "Uid: %u %u", &real, &effective) == 2 && effective == uid;
	if (status)
		fclose(status);
	return is;
}

static bool apps_identify(struct backend_instance *instance, pid_t pid, uid_t uid, bool certain,
			  const char **ret_name, const char **ret_drivers)
{
	struct systemd_engine *engine = of_instance(instance);
	struct service *service;
	int pidfd;

	if (engine->roster.count == 0)
		return false;
	/* While this is open and the process lives, the pid is nobody else's. */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return false;
	service = service_of(engine, pid);
	if (!service || !is_of_user(pid, uid) || !service_process_lives(pidfd)) {
		close(pidfd);
		return false;
	}
	*ret_name = NULL;
	if (!certain)
		close(pidfd);
	else if (service_meet(service, pid, uid, pidfd))
		*ret_name = service->entry.definition->name;
	*ret_drivers = service->in_force->drivers;
	return true;
}

/* --- for the machine ------------------------------------------------------------------------- */

static int apps_read(struct backend_instance *instance)
{
	return roster_read(&of_instance(instance)->roster);
}

static void apps_begin(struct backend_instance *instance)
{
	roster_begin(&of_instance(instance)->roster);
}

/* Its services outlive plutond, or systemd stops them with it. */
static void apps_end(struct backend_instance *instance, void (*ended)(void *context), void *context)
{
	of_instance(instance)->roster.closing = true;
	ended(context);
}

static void apps_kill(struct backend_instance *instance)
{
	(void)instance;
}

static const struct backend_apps apps = {
	.open = apps_read,
	.begin = apps_begin,
	.reload = apps_read,
	.end = apps_end,
	.kill = apps_kill,
	.identify = apps_identify,
};

/* --- opening and closing --------------------------------------------------------------------- */

int systemd_open_with(const struct backend_environment *environment,
		      const struct systemd_options *options, struct backend_instance **ret)
{
	struct systemd_engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return -PLUTON_ENOMEM;
	r = roster_init(&engine->roster, "systemd", environment, options->definition_folders,
			&service_ops);
	if (r < 0) {
		systemd_close(&engine->instance);
		return r;
	}
	engine->instance.backend = backend_find("systemd");
	engine->instance.engines[HIL_APP] = &engine->roster.engine.head;
	engine->instance.apps = &apps;
	engine->get_unit = options->get_unit ? options->get_unit : sd_pid_get_unit;
	*ret = &engine->instance;
	return 0;
}

int systemd_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	const char *folders[PLACE_FOLDERS_MAX + 1];
	const struct systemd_options options = {.definition_folders = folders};
	char *list = strdup(environment->config->app_folders);
	int r = -PLUTON_ENOMEM;

	place_split(list, folders);
	if (list)
		r = systemd_open_with(environment, &options, ret);
	free(list);
	return r;
}

void systemd_close(struct backend_instance *instance)
{
	struct systemd_engine *engine = of_instance(instance);

	roster_free(&engine->roster);
	free(engine);
}
