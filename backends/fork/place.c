/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plutond that runs from a build tree uses the tree's apps and libraries, and no installed ones.
 */
#include "backends/fork/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"

#define DEFAULT_WORD "default"

/* Of a program in a build tree's .libs, the folder above. */
static char *find_own_folder(uint32_t *ret_uid)
{
	char *path = realpath("/proc/self/exe", NULL);
	struct stat st = {0};

	if (path && stat(path, &st) == 0)
		*ret_uid = st.st_uid;
	for (char *slash = path ? strrchr(path, '/') : NULL; slash; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (strcmp(strrchr(path, '/') ? strrchr(path, '/') : "", "/.libs") != 0)
			break;
	}
	return path;
}

__attribute__((format(printf, 1, 2))) static char *join(const char *format, ...)
{
	char *path;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&path, format, args);
	va_end(args);
	return length < 0 ? NULL : path;
}

static char *find_libraries(const char *own_folder)
{
	char *library = join("%s/.libs/libpluton.so", own_folder);
	char *folder = library && access(library, F_OK) == 0 ? join("%s/.libs", own_folder) : NULL;

	free(library);
	return folder;
}

static int add(char **folders, char *folder)
{
	size_t count = 0;

	while (folders[count])
		count++;
	if (!folder || count == HOST_FOLDERS_MAX) {
		free(folder);
		return -PLUTON_ENOMEM;
	}
	folders[count] = folder;
	return 0;
}

static int add_default_definitions(struct fork_host *host)
{
	int r = add(host->definition_folders, strdup(SYSCONFDIR "/pluton/app.d"));

	if (r < 0)
		return r;
	return add(host->definition_folders, host->libraries ? join("%s/app.d", host->own_folder)
							     : strdup(PKGDATADIR "/app.d"));
}

static int add_definitions(struct fork_host *host, const char *const *folders)
{
	int r = 0;

	for (; r == 0 && *folders; folders++)
		r = strcmp(*folders, DEFAULT_WORD) == 0
			    ? add_default_definitions(host)
			    : add(host->definition_folders, strdup(*folders));
	return r;
}

static int add_programs(struct fork_host *host)
{
	int r = 0;

	if (host->libraries)
		r = add(host->program_folders, strdup(host->libraries));
	if (r == 0)
		r = add(host->program_folders, strdup(host->own_folder));
	return r == 0 ? add(host->program_folders, strdup(PKGLIBEXECDIR)) : r;
}

int place_find(struct fork_host *host, const struct fork_options *options)
{
	int r;

	host->own_folder = find_own_folder(&host->own_uid);
	if (!host->own_folder)
		return -PLUTON_ENOMEM;
	host->libraries = find_libraries(host->own_folder);
	host->socket = strdup(options->socket);
	host->notify = join("%s.notify", options->socket);
	host->runs = join("%s/apps", options->state);
	host->bus = strdup(options->bus);
	if (!host->socket || !host->notify || !host->runs || !host->bus)
		return -PLUTON_ENOMEM;
	r = add_definitions(host, options->definition_folders);
	return r < 0 ? r : add_programs(host);
}

static void free_list(char **list)
{
	for (; *list; list++) {
		free(*list);
		*list = NULL;
	}
}

void place_free(struct fork_host *host)
{
	free(host->own_folder);
	free(host->libraries);
	free(host->socket);
	free(host->notify);
	free(host->runs);
	free(host->bus);
	free_list(host->definition_folders);
	free_list(host->program_folders);
}

/* --- from the configuration ------------------------------------------------------------------ */

int fork_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	const char *folders[HOST_FOLDERS_MAX + 1] = {NULL};
	const struct fork_options options = {.socket = environment->config->socket,
					     .state = environment->config->state,
					     .bus = environment->config->bus,
					     .definition_folders = folders};
	char *list = strdup(environment->config->app_folders), *rest = list;
	int r;

	for (size_t i = 0; rest && i < HOST_FOLDERS_MAX; i++)
		folders[i] = strsep(&rest, ",");
	r = list ? fork_open_with(environment, &options, ret) : -PLUTON_ENOMEM;
	free(list);
	return r;
}

/* --- the host's small ones ------------------------------------------------------------------- */

void host_say(const struct fork_host *host, enum pluton_log_level level, const char *app,
	      uint32_t pid, const char *format, ...)
{
	char sentence[480];
	va_list args;

	if (!host->environment->report)
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	host->environment->report(level, app, pid, sentence);
}

int host_fail(char *reason, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, size, format, args);
	va_end(args);
	return -PLUTON_EFAIL;
}

uint64_t host_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}
