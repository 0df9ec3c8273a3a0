/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where plutond's own program is, and with it the folders of the apps' definitions: a plutond that
 * runs from a build tree uses the tree's apps and libraries, and no installed ones.
 */
#ifndef PLUTON_APPS_PLACE_H
#define PLUTON_APPS_PLACE_H

#include <stdint.h>

#include "daemon/config.h"

#define PLACE_FOLDERS_MAX CONFIG_APP_FOLDERS_MAX

struct place {
	char *own_folder;
	char *libraries;  /* where libpluton is in a build tree; NULL: installed */
	uint32_t own_uid; /* of our program's file: whose build tree it is */
	char *definition_folders[PLACE_FOLDERS_MAX + 1];
};

/*
 * `folders` (ended by NULL): those of the definitions, where "default" stands for two. place_free
 * is due also after an error. -PLUTON_ENOMEM.
 */
int place_find(struct place *place, const char *const *folders);
void place_free(struct place *place);

/* Cuts a list of the configuration, with commas between, into at most PLACE_FOLDERS_MAX folders. */
void place_split(char *list, const char *ret_folders[PLACE_FOLDERS_MAX + 1]);

/* For lists of folders: takes `folder`, also on failure, which NULL is. -PLUTON_ENOMEM. */
int place_add(char **folders, char *folder);
void place_free_list(char **folders);

/* As asprintf(3). NULL: no memory. */
char *place_join(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
