/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of libpluton's to a plutond of the test's own, and a count of what was called
 * back.
 */
#ifndef PLUTON_TESTS_OWN_CLIENT_H
#define PLUTON_TESTS_OWN_CLIENT_H

#include <pluton/pluton.h>
#include <stdbool.h>

#include "tests/integration/own_plutond.h"

extern struct own_plutond own;
extern struct pluton *pluton;

/* Both start, the daemon with this text as its plutond.conf; nothing is done yet. */
void own_client_begin(const char *config);
void own_client_end(void);

/* Whether the last error's message has this text in it. */
bool said(const char *text);

extern unsigned done_count;

/* A callback: counts, and writes `status` to the int that userdata is. */
void note(struct pluton *of, int status, void *userdata);

/* Until so many were called back. */
void wait_for(unsigned count);

/*
 * How an asynchronous call ends, by its callback: ENDED(pluton_nv_delete_async, "area"). It must
 * have been taken.
 */
#define ENDED(call, ...) ended(call(pluton, __VA_ARGS__, note, ended_status(), NULL))
int *ended_status(void);
int ended(int r);

#endif
