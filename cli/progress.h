/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress bar on stderr, for what takes long: only on a terminal, only after a moment, and gone
 * without a trace at the end. There is one terminal, so there is one bar.
 */
#ifndef PLUTON_CLI_PROGRESS_H
#define PLUTON_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* `total` bytes are to come; 0: unknown. Not wanted: the others do nothing. */
void progress_begin(bool wanted, uint64_t total);
void progress_show(uint64_t done);

/* In place of a bar, for what cannot tell how far it is: WHAT, and the seconds so far. */
void progress_wait(const char *what);

/* Takes the bar away, if there is one: before anything else is printed. */
void progress_end(void);

#endif
