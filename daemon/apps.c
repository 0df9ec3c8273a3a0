/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the machine and the backends that start apps. The rule a newcomer would break first: who
 * is an app is asked of the backend that started it, and never of who says so.
 */
#include "daemon/apps.h"

#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/machine.h"
#include "daemon/rules.h"

/* Beyond what an app's file allows: without it, it could not take its own channels. */
#define APPS_CAPSULE "app"

#define for_each_app_backend(machine, instance)                                                    \
	for (unsigned i_ = 0; i_ < (machine)->engines.instance_count; i_++)                        \
		for (struct backend_instance *instance = (machine)->engines.instances[i_];         \
		     instance && instance->apps; instance = NULL)

static struct machine *of_kernel(void *context)
{
	return context; /* the kernel is the machine's first member */
}

/* --- what backends ask ----------------------------------------------------------------------- */

static void dispose(void *context, int fd)
{
	struct machine *machine = of_kernel(context);

	closer_take(&machine->channel.closer, fd);
}

static bool knows_drivers(void *context, const char *list, char *ret_unknown, size_t size)
{
	const char *unknown;
	size_t length;
	uint64_t mask;

	if (rules_mask(&of_kernel(context)->kernel, list, &mask, &unknown, &length) == 0)
		return true;
	snprintf(ret_unknown, size, "%.*s", (int)length, unknown);
	return false;
}

/* --- what the channel asks ------------------------------------------------------------------- */

/* Where the list is wrong, the app was not started. */
static uint64_t mask_of(const struct machine *machine, const char *drivers)
{
	const char *unknown;
	uint64_t mask = 0;
	size_t length;

	(void)rules_mask(&machine->kernel, drivers, &mask, &unknown, &length);
	return mask;
}

static void confine(const struct machine *machine, const char *name, const char *drivers,
		    struct credentials *who)
{
	uint64_t with_apps = mask_of(machine, APPS_CAPSULE);

	who->allowed = mask_of(machine, drivers);
	if (!name) /* what an app forked takes no channels */
		return;
	snprintf(who->app, sizeof(who->app), "%s", name);
	who->accepts_only = (who->allowed & with_apps) != with_apps;
	who->allowed |= with_apps;
}

/* A pid that is not certain takes away what the app may not use, and gives nothing. */
static void identify(void *context, struct credentials *who, bool certain)
{
	struct machine *machine = context;
	uint64_t by_access = who->allowed;
	const char *name, *drivers;

	for_each_app_backend(machine, instance)
	{
		if (!instance->apps->identify(instance, (pid_t)who->pid, who->uid, certain, &name,
					      &drivers))
			continue;
		who->confined = true;
		confine(machine, name, drivers, who);
		if (!certain)
			who->allowed &= by_access;
		return;
	}
}

/* --- what the machine asks ------------------------------------------------------------------- */

int apps_open(struct machine *machine)
{
	int r = 0;

	machine->engines.environment.dispose = dispose;
	machine->engines.environment.knows_drivers = knows_drivers;
	machine->channel.identify_app = identify;
	machine->channel.app_context = machine;
	for_each_app_backend(machine, instance)
	{
		if (r == 0)
			r = instance->apps->open(instance);
	}
	if (r < 0)
		log_start_failed(LOG_NO_FIELDS, "the apps cannot be read (%s)",
				 pluton_error_name(r));
	return r;
}

void apps_begin(struct machine *machine)
{
	for_each_app_backend(machine, instance) instance->apps->begin(instance);
}

void apps_reload(struct machine *machine)
{
	for_each_app_backend(machine, instance)
	{
		if (instance->apps->reload(instance) < 0)
			log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS,
				  "no memory to read the apps again: they stay as they were");
	}
}

static void on_ended(void *context)
{
	struct machine *machine = context;

	if (--machine->apps_running == 0)
		machine_stop(machine);
}

void apps_end(struct machine *machine)
{
	bool again = machine->ending;

	machine->ending = true;
	if (again) {
		for_each_app_backend(machine, instance) instance->apps->kill(instance);
		return;
	}
	machine->apps_running = 1; /* ourselves, until all have been asked */
	for_each_app_backend(machine, instance)
	{
		machine->apps_running++;
		instance->apps->end(instance, on_ended, machine);
	}
	on_ended(machine);
}
