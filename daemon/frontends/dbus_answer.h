/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers on D-Bus are made of: errors with a sentence, and rows as dictionaries. plutond and
 * its apps say them the same way, so nothing here knows of a frontend.
 */
#ifndef PLUTON_DBUS_ANSWER_H
#define PLUTON_DBUS_ANSWER_H

#include <systemd/sd-bus.h>

#include "client-lib/rows.h"

#define DBUS_ERROR_PREFIX "org.pluton1.Error."
#define DBUS_ERROR_SIZE 64u	/* of an error's name, terminated */
#define DBUS_SENTENCE_SIZE 400u /* of an error: the kernel's, or a list of names */
#define DBUS_ROW_SIZE_MAX 512u

/* The name of a Pluton error: "org.pluton1.Error.Busy". */
void dbus_error_name(int error, char ret[DBUS_ERROR_SIZE]);

/* What is not ASCII becomes a question mark: texts on D-Bus must be valid. */
void dbus_clean_text(char *text);

/* Refuses a live message: an error with a sentence. */
void dbus_refuse(sd_bus_message *message, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The fields of the struct at `row` as a{sv}. Negative errno. */
int dbus_append_row(sd_bus_message *reply, const struct row_layout *layout, const void *row);

#endif
