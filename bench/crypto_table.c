/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How every table of bench/crypto begins.
 */
#include <stdio.h>

#include "bench/crypto_parts.h"

bool crypto_begin(const struct crypto_bench *bench, struct crypto_table *table, const char *title,
		  const struct column *columns, size_t count)
{
	snprintf(table->title, sizeof(table->title), "%s, %s", title, bench->placement->name);
	table->table = (struct table){bench->program, table->title, columns, count};
	if (!program_chose(bench->program, table->title))
		return false;
	table_begin(&table->table);
	return true;
}
