/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine table: one line for each folder here.
 */
#include "backends/table.h"

#include <string.h>

#include "backends/chip/chip.h"
#include "backends/clock/clock.h"
#include "backends/fork/fork.h"
#include "backends/files/files.h"
#include "backends/journal/journal.h"
#include "backends/openssl/openssl.h"
#include "backends/stacked/stacked.h"
#include "backends/systemd/systemd.h"

const struct backend backend_table[] = {
	{"openssl", openssl_open, openssl_close},
	{"stacked", stacked_open, stacked_close},
	{"chip", chip_backend_open, chip_backend_close},
	{"clock", clock_backend_open, clock_backend_close},
	{"files", files_open, files_close},
	{"journal", journal_open, journal_close},
	{"fork", fork_open, fork_close},
	{"systemd", systemd_open, systemd_close},
	{NULL, NULL, NULL},
};

const struct backend *backend_find(const char *name)
{
	for (const struct backend *backend = backend_table; backend->name; backend++) {
		if (strcmp(backend->name, name) == 0)
			return backend;
	}
	return NULL;
}
