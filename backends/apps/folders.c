/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition says what runs as the daemon's user: who can write the folder is asked first, and of
 * every file who can write that.
 */
#include "backends/apps/folders.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".conf"
#define APPS_MAX 256u

struct found {
	struct definition **list; /* room for APPS_MAX */
	size_t count;
	folders_complain_fn complain;
	void *context;
};

__attribute__((format(printf, 2, 3))) static void complain(struct found *found, const char *format,
							   ...)
{
	char sentence[320];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	found->complain(found->context, sentence);
}

static bool is_ours(struct found *found, const char *folder, DIR *directory, uint32_t trusted)
{
	struct stat st;

	if (fstat(dirfd(directory), &st) < 0)
		return false;
	if (st.st_mode & S_IWOTH) {
		complain(found, "%.200s: everybody can write there (mode %04o); chmod o-w it",
			 folder, (unsigned)st.st_mode & 07777);
		return false;
	}
	if (!definition_trusts(st.st_uid, trusted)) {
		complain(found, "%.200s: belongs to uid %u, who could make apps; chown it", folder,
			 (unsigned)st.st_uid);
		return false;
	}
	return true;
}

static bool is_known(const struct found *found, const char *name)
{
	for (size_t i = 0; i < found->count; i++) {
		if (strcmp(found->list[i]->name, name) == 0)
			return true;
	}
	return false;
}

static int add(struct found *found, const char *folder, const char *entry, uint32_t trusted)
{
	size_t length = strlen(entry);
	char name[APP_NAME_MAX + 1], *file;

	if (entry[0] == '.' || length <= strlen(SUFFIX) ||
	    strcmp(entry + length - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	length -= strlen(SUFFIX);
	if (!app_name_valid(entry, length)) {
		complain(found,
			 "%.150s/%.100s: is no name of an app; write 1 to %u letters, digits, _ or "
			 "-",
			 folder, entry, APP_NAME_MAX);
		return 0;
	}
	memcpy(name, entry, length);
	name[length] = '\0';
	if (is_known(found, name))
		return 0;
	if (found->count == APPS_MAX) {
		complain(found, "%.150s/%.100s: is one app too many; there may be %u", folder,
			 entry, APPS_MAX);
		return 0;
	}
	if (asprintf(&file, "%s/%s", folder, entry) < 0)
		return -PLUTON_ENOMEM;
	found->list[found->count] = definition_read(name, file, trusted);
	free(file);
	return found->list[found->count] ? (found->count++, 0) : -PLUTON_ENOMEM;
}

static int read_folder(struct found *found, const char *folder, uint32_t trusted)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!directory) {
		if (errno != ENOENT && errno != ENOTDIR)
			complain(found, "%.200s: cannot be read: %s; check its permissions", folder,
				 strerror(errno));
		return 0;
	}
	if (is_ours(found, folder, directory, trusted)) {
		while (r == 0 && (entry = readdir(directory)))
			r = add(found, folder, entry->d_name, trusted);
	}
	closedir(directory);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct definition *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

int folders_read(const char *const *folders, uint32_t trusted, folders_complain_fn complain_fn,
		 void *context, struct definition ***ret, size_t *ret_count)
{
	struct found found = {.list = calloc(APPS_MAX, sizeof(struct definition *)),
			      .complain = complain_fn,
			      .context = context};
	int r = found.list ? 0 : -PLUTON_ENOMEM;

	for (; r == 0 && *folders; folders++)
		r = read_folder(&found, *folders, trusted);
	if (r < 0) {
		while (found.count > 0)
			definition_release(found.list[--found.count]);
		free(found.list);
		return r;
	}
	if (found.count > 1)
		qsort(found.list, found.count, sizeof(struct definition *), by_name);
	*ret = found.list;
	*ret_count = found.count;
	return 0;
}
