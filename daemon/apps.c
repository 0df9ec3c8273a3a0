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

/* Beyond what an app's file allows: without it, it could not take channels. */
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

	if (!closer_take(&machine->channel.closer, fd))
		kernel_report(&machine->kernel, NULL,
			      "a descriptor that an app sent stays open: too many hang in closing");
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

static uint64_t mask_of(const struct machine *machine, const char *drivers)
{
	const char *unknown;
	uint64_t mask = 0, always = 0;
	size_t length;

	/* Where the list is wrong, the app was not started. */
	(void)rules_mask(&machine->kernel, drivers, &mask, &unknown, &length);
	(void)rules_mask(&machine->kernel, APPS_CAPSULE, &always, &unknown, &length);
	return mask | always;
}

static bool identify(void *context, pid_t pid, uid_t uid, char name[32], uint64_t *ret_allowed)
{
	struct machine *machine = context;
	const char *found, *drivers;

	(void)uid;
	for_each_app_backend(machine, instance)
	{
		if (!instance->apps->identify(instance, pid, &found, &drivers))
			continue;
		snprintf(name, 32, "%s", found);
		*ret_allowed = mask_of(machine, drivers);
		return true;
	}
	return false;
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
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "the apps cannot be read (%s)",
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
