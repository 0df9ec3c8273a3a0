/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program becomes pluton-run, which becomes the program.
 */
#include "tests/integration/privately.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_privately(char **argv, int argc)
{
	const char *build = getenv("PLUTON_BUILD");
	char path[4096], self[4096], **arguments = calloc((size_t)argc + 3, sizeof(*arguments));
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!build || !arguments || n < 0) {
		fprintf(stderr, "PLUTON_BUILD must name the build tree\n");
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/pluton-run", build);
	arguments[0] = path;
	arguments[1] = (char *)(uintptr_t) "--";
	memcpy(arguments + 2, argv, (size_t)argc * sizeof(*argv));
	self[n] = '\0'; /* not argv[0], which may be relative */
	arguments[2] = self;
	execv(path, arguments);
	perror(path);
	free(arguments);
	return EXIT_FAILURE;
}

int privately_main(int argc, char **argv, const char *name, const struct test *tests, size_t count)
{
	if (!getenv("PLUTON_ADDRESS"))
		return run_privately(argv, argc);
	return suite_main(argc, argv, name, tests, count);
}
