/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as a file of the Trace Event Format, which Perfetto and chrome://tracing show: a track
 * for each client, capsule and engine, and one for the event loop.
 */
#ifndef PLUTON_CLI_TRACE_FILE_H
#define PLUTON_CLI_TRACE_FILE_H

#include "cli/trace_names.h"

struct trace_file;

/* "-" is standard output. The names must stay. Returns a status; without CLI_DONE there is nothing
 * to close. */
int trace_file_open(const char *path, const struct trace_names *names, struct trace_file **ret);

int trace_file_add(struct trace_file *file, const struct trace_step *step);

/*
 * With `commit` ends what is open, so that the file is whole, and puts it in its place. Without, or
 * when something could not be added, what was there stays. NULL is fine. Returns a status.
 */
int trace_file_close(struct trace_file *file, bool commit);

#endif
