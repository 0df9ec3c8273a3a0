/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment is made from nothing: what plutond was started with is not the app's business,
 * but for what a build tree needs to work at all.
 */
#include "backends/fork/launch.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/fork/runfile.h"

#define VARIABLES_MAX 24u
#define PID_SIZE 12u
#define USER_SIZE 16384u /* bytes: a line of the user database */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct variables {
	char *list[VARIABLES_MAX + 1];
	unsigned count;
	bool failed;
};

/* --- environment ----------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static char *set(struct variables *variables,
						       const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (variables->count == VARIABLES_MAX || vasprintf(&text, format, args) < 0)
		variables->failed = true;
	else
		variables->list[variables->count++] = text;
	va_end(args);
	return text;
}

static void pass_on(struct variables *variables, const char *name)
{
	const char *value = getenv(name);

	if (value)
		set(variables, "%s=%s", name, value);
}

static void set_place(struct variables *variables, const struct fork_host *host)
{
	static const char *const sanitizers[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
						 "LSAN_OPTIONS"};

	if (!host->roster.place.libraries) {
		set(variables, "PATH=" SYSTEM_PATH);
		return;
	}
	set(variables, "PATH=%s:" SYSTEM_PATH, host->roster.place.own_folder);
	set(variables, "LD_LIBRARY_PATH=%s", host->roster.place.libraries);
	for (size_t i = 0; i < sizeof(sanitizers) / sizeof(sanitizers[0]); i++)
		pass_on(variables, sanitizers[i]);
}

static void set_watchdog(struct variables *variables, const struct definition *definition,
			 struct spawn *spawn)
{
	char *text;

	if (!definition->watchdog_ms)
		return;
	set(variables, "WATCHDOG_USEC=%" PRIu64, definition->watchdog_ms * 1000);
	text = set(variables, "WATCHDOG_PID=%*s", (int)PID_SIZE, "");
	spawn->watchdog_pid = text ? strchr(text, '=') + 1 : NULL;
}

static void set_stored(struct variables *variables, const struct fdstore *store,
		       struct spawn *spawn)
{
	char names[DEFINITION_STORE_MAX * (FDSTORE_NAME_MAX + 1) + 1] = "";
	size_t used = 0;
	char *text;

	if (!store->count)
		return;
	for (unsigned i = 0; i < store->count; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ":" : "",
					 store->entries[i].name);
	set(variables, "LISTEN_FDS=%u", store->count);
	set(variables, "LISTEN_FDNAMES=%s", names);
	text = set(variables, "LISTEN_PID=%*s", (int)PID_SIZE, "");
	spawn->listen_pid = text ? strchr(text, '=') + 1 : NULL;
}

static void set_all(struct variables *variables, const struct fork_host *host,
		    const struct definition *definition, const struct fdstore *store,
		    struct spawn *spawn)
{
	set(variables, "PLUTON_ADDRESS=unix:%s", host->socket);
	set(variables, "PLUTON_APP=%s", definition->name);
	set(variables, "PLUTON_BUS=%s", host->bus);
	if (host->roster.environment->log_level)
		set(variables, "PLUTON_LOG_LEVEL=%s", host->roster.environment->log_level());
	set(variables, "NOTIFY_SOCKET=%s", host->notify);
	if (strcmp(host->bus, "session") == 0) {
		pass_on(variables, "DBUS_SESSION_BUS_ADDRESS");
		pass_on(variables, "XDG_RUNTIME_DIR"); /* where that one is by default */
	}
	if (strcmp(host->bus, "system") == 0)
		pass_on(variables, "DBUS_SYSTEM_BUS_ADDRESS");
	set_place(variables, host);
	set_watchdog(variables, definition, spawn);
	set_stored(variables, store, spawn);
}

static void free_all(struct variables *variables)
{
	while (variables->count > 0)
		free(variables->list[--variables->count]);
}

/* --- user ------------------------------------------------------------------------------------ */

static int set_user_of(struct spawn *spawn, const struct passwd *user, char *reason, size_t size)
{
	int count = SPAWN_GROUPS_MAX;

	spawn->uid = user->pw_uid;
	spawn->gid = user->pw_gid;
	if (spawn->uid == geteuid())
		return 0;
	if (geteuid() != 0)
		return host_fail(reason, size,
				 "user: only root can run it as %.32s; leave user out",
				 user->pw_name);
	if (getgrouplist(user->pw_name, user->pw_gid, spawn->groups, &count) < 0)
		return host_fail(reason, size, "user: %.32s is in over %d groups; take another",
				 user->pw_name, SPAWN_GROUPS_MAX);
	spawn->group_count = (size_t)count;
	spawn->change_user = true;
	return 0;
}

static int set_user(struct spawn *spawn, const char *name, char *reason, size_t size)
{
	struct passwd entry, *found = NULL;
	char *buf;
	int r;

	if (!*name)
		return 0;
	buf = malloc(USER_SIZE);
	if (!buf || getpwnam_r(name, &entry, buf, USER_SIZE, &found) != 0 || !found)
		r = host_fail(reason, size,
			      "user: there is no user %.32s; make one, or correct user", name);
	else
		r = set_user_of(spawn, found, reason, size);
	free(buf);
	return r;
}

/* --- the start ------------------------------------------------------------------------------- */

static int start(const struct fork_host *host, const struct definition *definition,
		 const struct spawn *spawn, struct spawned *ret, char *reason, size_t size)
{
	int r = spawn_start(spawn, ret);

	if (r < 0)
		return host_fail(reason, size, "cannot fork: %s; end other processes",
				 strerror(-r));
	r = runfile_write(host->runs, definition->name, ret->pid, ret->uid);
	if (r < 0) {
		spawn_abandon(ret);
		return host_fail(reason, size, "its run file cannot be written: %s; make room",
				 strerror(-r));
	}
	spawn_go(ret);
	return 0;
}

int launch(const struct fork_host *host, const struct definition *definition,
	   const struct program *program, const struct fdstore *store, struct spawned *ret,
	   char *reason, size_t size)
{
	int stored[DEFINITION_STORE_MAX];
	struct variables variables = {0};
	struct spawn spawn = {.program = program->fd,
			      .path = program->path,
			      .by_descriptor_only = definition->hashed,
			      .arguments = definition->arguments,
			      .environment = variables.list,
			      .stored = stored,
			      .stored_count = store->count,
			      .memory_max = definition->memory_max};
	int r = set_user(&spawn, definition->user, reason, size);

	for (unsigned i = 0; i < store->count; i++)
		stored[i] = store->entries[i].fd;
	if (r == 0) {
		set_all(&variables, host, definition, store, &spawn);
		r = variables.failed
			    ? host_fail(reason, size, "no memory for its environment; free some")
			    : start(host, definition, &spawn, ret, reason, size);
	}
	free_all(&variables);
	return r;
}
