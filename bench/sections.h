/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of the sections that compiled objects bring into a program.
 */
#ifndef PLUTON_BENCH_SECTIONS_H
#define PLUTON_BENCH_SECTIONS_H

#include <stddef.h>

struct sections {
	size_t objects;
	size_t text;
	size_t rodata; /* with .data.rel.ro: read-only once it is loaded */
	size_t data;
	size_t bss;
	size_t other; /* unwind tables and notes that are loaded */
};

/*
 * Adds the objects of a folder of the source tree ("svc") whose sources begin with `prefix` ("":
 * all). What an older build left, of a source that is gone, does not count.
 */
void sections_add_folder(struct sections *sections, const char *folder, const char *prefix);

void sections_add(struct sections *sections, const struct sections *more);
size_t sections_total(const struct sections *sections);

#endif
