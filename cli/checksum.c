/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's name may have any bytes; those that would break a line are escaped.
 */
#include "cli/checksum.h"

#include <stdio.h>
#include <string.h>

static const char *prefix_of(const char *file)
{
	return strpbrk(file, "\\\n\r") ? "\\" : "";
}

static void print_escaped(const char *file)
{
	for (; *file; file++) {
		switch (*file) {
		case '\\':
			fputs("\\\\", stdout);
			break;
		case '\n':
			fputs("\\n", stdout);
			break;
		case '\r':
			fputs("\\r", stdout);
			break;
		default:
			putchar(*file);
		}
	}
}

void checksum_print(const char *digits, const char *file)
{
	printf("%s%s  ", prefix_of(file), digits);
	print_escaped(file);
	putchar('\n');
}

void checksum_print_ok(const char *file)
{
	fputs(prefix_of(file), stdout);
	print_escaped(file);
	puts(": OK");
}
