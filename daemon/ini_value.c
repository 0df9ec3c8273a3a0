/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing of values with units, and of lists.
 */
#include "daemon/ini_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pluton/error.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the first that divides a value evenly is the one it is written with. */
static const struct unit size_units[] = {{"G", (uint64_t)1 << 30},
					 {"M", (uint64_t)1 << 20},
					 {"K", (uint64_t)1 << 10},
					 {"", 1},
					 {NULL, 0}};
static const struct unit duration_units[] = {
	{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

static int parse_number(const char *text, int base, const char **ret_rest, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9') /* strtoull takes blanks and signs */
		return -PLUTON_EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, base);
	*ret_rest = end;
	return errno == 0 && end != text ? 0 : -PLUTON_EINVAL;
}

/* A number with one of the units, or alone, which is unit "" or, for durations, "ms". */
static int parse_with_unit(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t number;
	const char *rest;
	int r = parse_number(text, 10, &rest, &number);

	if (r < 0)
		return r;
	if (*rest == '\0') {
		*ret = number;
		return 0;
	}
	for (; units->name; units++) {
		if (strcmp(units->name, rest) == 0)
			return __builtin_mul_overflow(number, units->factor, ret) ? -PLUTON_EINVAL
										  : 0;
	}
	return -PLUTON_EINVAL;
}

int ini_number(const char *text, int base, uint64_t *ret)
{
	const char *rest;
	int r = parse_number(text, base, &rest, ret);

	return r < 0 || *rest != '\0' ? -PLUTON_EINVAL : 0;
}

int ini_size(const char *text, uint64_t *ret)
{
	return parse_with_unit(text, size_units, ret);
}

int ini_duration(const char *text, uint64_t *ret)
{
	return parse_with_unit(text, duration_units, ret);
}

static const char *text_with_unit(uint64_t number, const struct unit *units, char *buf)
{
	while (units[1].name && (number == 0 || number % units->factor != 0))
		units++;
	snprintf(buf, INI_VALUE_SIZE, "%" PRIu64 "%s", number / units->factor, units->name);
	return buf;
}

const char *ini_size_text(uint64_t bytes, char buf[INI_VALUE_SIZE])
{
	return text_with_unit(bytes, size_units, buf);
}

const char *ini_duration_text(uint64_t ms, char buf[INI_VALUE_SIZE])
{
	return text_with_unit(ms, duration_units, buf);
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int ini_list_copy(const char *text, char **ret)
{
	char *copy = malloc(strlen(text) + 1);
	size_t length = 0;
	bool in_name = false;
	bool ended = false; /* by a blank: only a comma may follow */

	if (!copy)
		return -PLUTON_ENOMEM;
	for (; *text; text++) {
		if (*text == ' ' || *text == '\t') {
			ended = in_name;
			continue;
		}
		if (*text == ',' ? !in_name : ended || !is_name_character(*text))
			break;
		in_name = *text != ',';
		ended = false;
		copy[length++] = *text;
	}
	copy[length] = '\0';
	if (*text != '\0' || !in_name) {
		free(copy);
		return -PLUTON_EINVAL;
	}
	*ret = copy;
	return 0;
}
