/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console: a line in the machine's log, with the caller's identity. Tock's console driver
 * (number 1), print only. Threads and common errors: pluton/pluton.h.
 */
#ifndef PLUTON_CONSOLE_H
#define PLUTON_CONSOLE_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_CONSOLE 0x1u
#define PLUTON_CONSOLE_LINE_MAX 1024 /* bytes */

/* Numbered as syslog's (RFC 5424 section 6.2.1). */
enum pluton_console_level {
	PLUTON_CONSOLE_ERROR = 3,
	PLUTON_CONSOLE_WARNING = 4,
	PLUTON_CONSOLE_NOTICE = 5,
	PLUTON_CONSOLE_INFO = 6,
	PLUTON_CONSOLE_DEBUG = 7,
};

/*
 * Logs one line. Control bytes and what is not UTF-8 are escaped. -PLUTON_ESIZE: length 0 or over
 * PLUTON_CONSOLE_LINE_MAX. -PLUTON_EBUSY: over the rate that the configuration allows; the line is
 * lost, and the next one that is logged says how many were.
 */
int pluton_console_write(struct pluton *pluton, enum pluton_console_level level, const char *text,
			 size_t length);
int pluton_console_write_async(struct pluton *pluton, enum pluton_console_level level,
			       const char *text, size_t length, pluton_done_fn done, void *userdata,
			       pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
