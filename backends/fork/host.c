/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that only apps which are forked need: programs, our socket and run files.
 */
#include "backends/fork/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_programs(struct fork_host *host)
{
	const struct place *place = &host->roster.place;
	int r = 0;

	if (place->libraries)
		r = place_add(host->program_folders, strdup(place->libraries));
	if (r == 0)
		r = place_add(host->program_folders, strdup(place->own_folder));
	return r == 0 ? place_add(host->program_folders, strdup(PKGLIBEXECDIR)) : r;
}

int host_find_paths(struct fork_host *host, const struct fork_options *options)
{
	host->socket = strdup(options->socket);
	host->notify = place_join("%s.notify", options->socket);
	host->runs = place_join("%s/apps", options->state);
	host->bus = strdup(options->bus);
	if (!host->socket || !host->notify || !host->runs || !host->bus)
		return -PLUTON_ENOMEM;
	return add_programs(host);
}

void host_free_paths(struct fork_host *host)
{
	free(host->socket);
	free(host->notify);
	free(host->runs);
	free(host->bus);
	place_free_list(host->program_folders);
}

int host_fail(char *reason, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, size, format, args);
	va_end(args);
	return -PLUTON_EFAIL;
}
