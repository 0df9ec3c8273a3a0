/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files from anywhere: refused with a message, or good enough to be printed, read
 * again and mean the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct config *load(int fd, struct config_error *error)
{
	struct config *config = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return config_load(path, false, &config, error) == 0 ? config : NULL;
}

static void check_dump(struct config *config)
{
	struct config_error error;
	int fd = memfd_create("dump", MFD_CLOEXEC);
	FILE *out = fdopen(dup(fd), "w");
	struct config *again;

	if (!out || config_dump(config, out) < 0)
		abort();
	again = load(fd, &error);
	if (!again || config_reloadable_changes(config, again, NULL, NULL) != 0)
		abort();
	config_free(again);
	fclose(out);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct config_error error = {""};
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct config *config;

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	config = load(fd, &error);
	if (config)
		check_dump(config);
	else if (!*error.message)
		abort();
	config_free(config);
	close(fd);
	return 0;
}
