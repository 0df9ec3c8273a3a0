/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for clients who are not there yet are large and mostly untouched: as mappings of their own
 * they take no memory. malloc would put them on the heap, and clear parts of them, after the first
 * large block that anything gave back.
 */
#ifndef PLUTON_SPARSE_H
#define PLUTON_SPARSE_H

#include <malloc.h>

#define SPARSE_FROM (128 * 1024) /* bytes of a table */

/* Before anything is allocated. Where it cannot be asked for, tables take some memory. */
static inline void sparse_tables(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, SPARSE_FROM);
}

#endif
