/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine table: one line for each folder here.
 */
#include "backends/table.h"

#include <string.h>

#include "backends/openssl/openssl.h"

const struct backend backend_table[] = {
	{"openssl", openssl_open, openssl_close},
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
