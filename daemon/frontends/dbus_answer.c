/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and rows on D-Bus. The rule a newcomer would break first: a text that somebody else made
 * goes through dbus_clean_text, or the bus hangs up on us.
 */
#include "daemon/frontends/dbus_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- errors ---------------------------------------------------------------------------------- */

/* "NOMEM" is NoMem, "BUSY" is Busy. */
void dbus_error_name(int error, char ret[DBUS_ERROR_SIZE])
{
	const char *name = pluton_error_name(error);
	bool negated = strncmp(name, "NO", 2) == 0;
	int n = snprintf(ret, DBUS_ERROR_SIZE, DBUS_ERROR_PREFIX "%s", name);

	for (char *at = ret + sizeof(DBUS_ERROR_PREFIX) - 1; at < ret + n; at++) {
		size_t index = (size_t)(at - ret) - (sizeof(DBUS_ERROR_PREFIX) - 1);

		if (index != 0 && !(negated && index == 2))
			*at = (char)(*at | 0x20);
	}
}

void dbus_clean_text(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

void dbus_refuse(sd_bus_message *message, int error, const char *format, ...)
{
	char name[DBUS_ERROR_SIZE], sentence[DBUS_SENTENCE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	dbus_clean_text(sentence); /* it may quote half a character */
	dbus_error_name(error, name);
	sd_bus_reply_method_errorf(message, name, "%s",
				   sentence[0] ? sentence : pluton_error_text(error));
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Names of processes are any bytes; texts on D-Bus are not. */
static int append_text(sd_bus_message *reply, const char *name, const char *text)
{
	char copy[DBUS_ROW_SIZE_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	dbus_clean_text(copy);
	return sd_bus_message_append(reply, "{sv}", name, "s", copy);
}

static int append_field(sd_bus_message *reply, const struct row_field *field, const void *row)
{
	const char *text = row_text(field, row);
	uint64_t number = row_number(field, row);

	if (text)
		return append_text(reply, field->name, text);
	if (field->type == ROW_U32)
		return sd_bus_message_append(reply, "{sv}", field->name, "u", (uint32_t)number);
	return sd_bus_message_append(reply, "{sv}", field->name, "t", number);
}

int dbus_append_row(sd_bus_message *reply, const struct row_layout *layout, const void *row)
{
	int r = sd_bus_message_open_container(reply, 'a', "{sv}");

	for (size_t i = 0; i < layout->field_count && r >= 0; i++)
		r = append_field(reply, &layout->fields[i], row);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}
