/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that prints errors. Names in a message may come from files and other programs, so
 * the whole line goes through text_printable.
 */
#include "cli/failure.h"

#include <pluton/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/text.h"

static void say(const char *prefix, const char *name, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void say(const char *prefix, const char *name, const char *format, va_list arguments)
{
	char *message = NULL;

	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	text_printable(message);
	progress_end();
	fprintf(stderr, "pluton-cli: %s (%s%s)\n", message ? message : "no memory, free some",
		prefix, name);
	free(message);
}

int fail_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("E", pluton_error_name(PLUTON_EINVAL), format, arguments);
	va_end(arguments);
	return CLI_USAGE;
}

int fail_system(int error, const char *format, ...)
{
	const char *name = strerrorname_np(error);
	va_list arguments;

	va_start(arguments, format);
	say("", name ? name : "EFAIL", format, arguments);
	va_end(arguments);
	return CLI_REFUSED;
}

int fail_pluton(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("E", pluton_error_name(error), format, arguments);
	va_end(arguments);
	return error == PLUTON_EOFF || error == -PLUTON_EOFF ? CLI_NO_DAEMON : CLI_REFUSED;
}
