/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc(5): smaps_rollup, and status.
 */
#include "bench/memory.h"

#include <stdio.h>
#include <string.h>

#include "bench/program.h"

/* The number behind `name` in a file of "Name:  123 kB" lines; -1: cannot be had. */
static long read_line(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	long kib = -1;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	stream = fopen(path, "re");
	if (!stream)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), stream)) {
		if (strncmp(line, name, strlen(name)) == 0)
			(void)sscanf(line + strlen(name), "%ld", &kib);
	}
	fclose(stream);
	return kib;
}

struct memory memory_of(pid_t pid)
{
	struct memory memory = {"PSS", read_line(pid, "smaps_rollup", "Pss:")};

	if (memory.kib < 0)
		memory = (struct memory){"RSS", read_line(pid, "status", "VmRSS:")};
	if (memory.kib < 0)
		program_fail("process %d is not in /proc", (int)pid);
	return memory;
}
