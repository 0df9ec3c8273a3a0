/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the folder lies decides whether a socket's name fits: it may have 107 bytes.
 */
#include "cli/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TEMPLATE "/pluton-run.XXXXXX"
#define LONGEST_NAME "/pluton.sock"
#define DESCRIPTORS 16 /* for nftw */

static bool is_usable(const char *base)
{
	size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	struct stat st;

	return base && base[0] == '/' && stat(base, &st) == 0 && S_ISDIR(st.st_mode) &&
	       access(base, W_OK | X_OK) == 0 &&
	       strlen(base) + strlen(TEMPLATE) + strlen(LONGEST_NAME) < room;
}

static const char *base_folder(void)
{
	const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (is_usable(bases[i]))
			return bases[i];
	}
	return NULL;
}

static char *join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s", folder, name) < 0 ? NULL : path;
}

static bool fill(struct run_folder *folder)
{
	int fd;

	folder->socket = join(folder->path, LONGEST_NAME);
	folder->notify = join(folder->path, "/notify");
	folder->config = join(folder->path, "/conf");
	folder->state = join(folder->path, "/state");
	if (!folder->socket || !folder->notify || !folder->config || !folder->state)
		return false;
	fd = open(folder->config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 && close(fd) == 0 && mkdir(folder->state, 0700) == 0;
}

bool run_folder_make(struct run_folder *folder)
{
	const char *base = base_folder();

	*folder = (struct run_folder){0};
	if (!base) {
		fprintf(stderr, "pluton-run: no folder for the socket, $XDG_RUNTIME_DIR, $TMPDIR "
				"and /tmp, make one of them writable and short (ENOENT)\n");
		return false;
	}
	folder->path = join(base, TEMPLATE);
	if (folder->path && mkdtemp(folder->path) && fill(folder))
		return true;
	fprintf(stderr, "pluton-run: cannot make a folder, in %s: %s, make room (%s)\n", base,
		strerror(errno), strerrorname_np(errno));
	return false;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void run_folder_remove(struct run_folder *folder)
{
	if (folder->path && nftw(folder->path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) < 0)
		fprintf(stderr, "pluton-run: cannot remove, %s: %s, remove it (%s)\n", folder->path,
			strerror(errno), strerrorname_np(errno));
}

void run_folder_free(struct run_folder *folder)
{
	free(folder->path);
	free(folder->socket);
	free(folder->notify);
	free(folder->config);
	free(folder->state);
	*folder = (struct run_folder){0};
}
