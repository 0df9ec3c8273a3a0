/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A build tree is known by the libpluton in it, beside our program.
 */
#include "backends/apps/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pluton/error.h>

#define DEFAULT_WORD "default"

char *place_join(const char *format, ...)
{
	char *path;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&path, format, args);
	va_end(args);
	return length < 0 ? NULL : path;
}

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

static char *find_libraries(const char *own_folder)
{
	char *library = place_join("%s/.libs/libpluton.so", own_folder);
	char *folder =
		library && access(library, F_OK) == 0 ? place_join("%s/.libs", own_folder) : NULL;

	free(library);
	return folder;
}

int place_add(char **folders, char *folder)
{
	size_t count = 0;

	while (folders[count])
		count++;
	if (!folder || count == PLACE_FOLDERS_MAX) {
		free(folder);
		return -PLUTON_ENOMEM;
	}
	folders[count] = folder;
	return 0;
}

static int add_default_definitions(struct place *place)
{
	int r = place_add(place->definition_folders, strdup(SYSCONFDIR "/pluton/app.d"));

	if (r < 0)
		return r;
	return place_add(place->definition_folders,
			 place->libraries ? place_join("%s/app.d", place->own_folder)
					  : strdup(PKGDATADIR "/app.d"));
}

int place_find(struct place *place, const char *const *folders)
{
	int r = 0;

	place->own_folder = find_own_folder(&place->own_uid);
	if (!place->own_folder)
		return -PLUTON_ENOMEM;
	place->libraries = find_libraries(place->own_folder);
	for (; r == 0 && *folders; folders++)
		r = strcmp(*folders, DEFAULT_WORD) == 0
			    ? add_default_definitions(place)
			    : place_add(place->definition_folders, strdup(*folders));
	return r;
}

void place_free_list(char **folders)
{
	for (; *folders; folders++) {
		free(*folders);
		*folders = NULL;
	}
}

void place_free(struct place *place)
{
	free(place->own_folder);
	free(place->libraries);
	place_free_list(place->definition_folders);
}

void place_split(char *list, const char *ret_folders[PLACE_FOLDERS_MAX + 1])
{
	size_t count = 0;

	while (list && count < PLACE_FOLDERS_MAX)
		ret_folders[count++] = strsep(&list, ",");
	ret_folders[count] = NULL;
}
