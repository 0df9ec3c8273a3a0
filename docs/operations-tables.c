/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the tables of limits of docs/operations.md from the configuration's keys and from the
 * constants themselves. `make update-docs` puts them in. A number is written nowhere else: a new
 * constant that a client can run into is a line here.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/apps/definition.h"
#include "backends/files/files.h"
#include "backends/journal/allowance.h"
#include "client-lib/trd104.h"
#include "daemon/config_keys.h"
#include "daemon/frontends/dbus_state.h"
#include "daemon/ini_value.h"
#include "daemon/kernel/record.h"
#include "daemon/log.h"
#include "docs/constants.h"
#include "hil/nv.h"

#include <pluton/alarm.h>
#include <pluton/nv.h>

/* --- what the configuration sets ------------------------------------------------------------- */

static const char *number_text(const struct config_key *key, uint64_t number,
			       char buf[INI_VALUE_SIZE])
{
	if (key->type == KEY_SIZE)
		return ini_size_text(number, buf);
	if (key->type == KEY_DURATION)
		return ini_duration_text(number, buf);
	snprintf(buf, INI_VALUE_SIZE, "%" PRIu64, number);
	return buf;
}

static bool is_limit(const struct config_key *key)
{
	return key->type == KEY_SIZE || key->type == KEY_NUMBER || key->type == KEY_DURATION;
}

static void print_key(const struct config_key *key)
{
	static const char *const reaches[] = {
		[CONFIG_REACH_RESTART] = "restart",
		[CONFIG_REACH_CONNECT] = "next connection",
		[CONFIG_REACH_AT_ONCE] = "at once",
	};
	char least[INI_VALUE_SIZE], most[INI_VALUE_SIZE];

	printf("| `[%s]` | `%s` | %s | %s | %s | %s | %s |\n", key->section, key->name,
	       key->fallback, number_text(key, key->min, least), number_text(key, key->max, most),
	       reaches[key->reach], key->doc);
}

static void print_limits(void)
{
	printf("\n| section | key | default | least | most | a change holds | what it limits |\n"
	       "|---|---|---|---|---|---|---|\n");
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (is_limit(key))
			print_key(key);
	}
}

/* --- what nothing sets ----------------------------------------------------------------------- */

static const struct constant constants[] = {
	{RECORD_SIZE_MAX, BYTES, "one record of the protocol, at most"},
	{RECORD_INLINE_LIMIT, BYTES, "data that a record can carry, whatever `inline_max` is"},
	{RECORD_RANGES_MAX, COUNT, "pieces of memory in one operation"},
	{RECORD_TEXT_MAX, BYTES, "the sentence with which plutond refuses something"},
	{HIL_CONCURRENCY_MAX, COUNT, "operations that one engine takes at once"},
	{HIL_ENGINES_MAX, COUNT, "engines in one list of `[hil]`"},
	{CONFIG_APP_FOLDERS_MAX, COUNT, "folders in `[app] folders`"},
	{APP_NAME_MAX, BYTES, "an app's name"},
	{DEFINITION_ARGUMENTS_MAX, COUNT, "words in an app's `exec`"},
	{DEFINITION_STORE_MAX, COUNT, "an app's `fd_store_max`, at most"},
	{NV_NAME_MAX, BYTES, "an area's name"},
	{NV_CHANGES_MAX, COUNT, "areas that one commit changes"},
	{FILES_AREA_MAX, BYTES, "one area, and the data of one commit, whatever `area_max` is"},
	{CONSOLE_LINE_MAX, BYTES, "a line that a program logs"},
	{ALLOWANCES_MAX, COUNT, "apps and users whose lines are counted at once"},
	{LOG_BURST, COUNT, "lines of a kind that clients can make plutond log at once"},
	{LOG_REFILL_MS, DURATION, "between further lines of that kind"},
	{DBUS_STRANGERS_MAX, COUNT,
	 "names on the bus of which plutond does not know yet who they are"},
	{DBUS_HELD_MAX, COUNT, "calls of theirs that wait"},
	{DBUS_HELD_BYTES, BYTES, "these calls together"},
	{DBUS_WIRE_FIELDS_MAX, BYTES, "header fields of one message on the bus"},
	{PLUTON_TIMERS_MAX, COUNT, "libpluton: numbered timers of one connection"},
	{UPCALLS_MAX, COUNT, "libpluton: upcalls of raw calls that wait for a yield"},
	{0, COUNT, NULL},
};

static void print_constant(const struct constant *constant)
{
	char text[INI_VALUE_SIZE];

	if (constant->unit == BYTES)
		ini_size_text(constant->value, text);
	else if (constant->unit == DURATION)
		ini_duration_text(constant->value, text);
	else
		snprintf(text, sizeof(text), "%" PRIu64, constant->value);
	/* A unit says that it is a size; a plain number could be anything. */
	printf("| %s%s | %s |\n", text,
	       constant->unit == BYTES && isdigit((unsigned char)text[strlen(text) - 1]) ? " bytes"
											 : "",
	       constant->doc);
}

static void print_constants(const struct constant *constant)
{
	for (; constant->doc; constant++)
		print_constant(constant);
}

static void print_all_constants(void)
{
	printf("\n| how much | of what |\n|---|---|\n");
	print_constants(constants);
	print_constants(tpm_constants);
}

int main(int argc, char **argv)
{
	const char *which = argc == 2 ? argv[1] : "";

	if (strcmp(which, "limits") == 0)
		print_limits();
	else if (strcmp(which, "constants") == 0)
		print_all_constants();
	else
		return fprintf(stderr, "usage: operations-tables limits|constants\n"), 2;
	return 0;
}
