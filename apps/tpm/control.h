/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread: the connection to plutond (new channels, storing the permanent state), the
 * service manager, signals, and cancelling while a long command runs.
 *
 * The rule a newcomer would break first: it never waits for the TPM's thread, and what it does with
 * the clients it does in clients_attend.
 */
#ifndef PLUTON_TPMD_CONTROL_H
#define PLUTON_TPMD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pluton;
struct control;
struct tpm;

/* Without plutond for so long, the app ends: nobody can reach it then. */
#define CONTROL_ORPHAN_MS 30000u

/*
 * Connects to plutond, trying for CONTROL_ORPHAN_MS, and reads the permanent state; the caller
 * wipes and frees *ret_area. A size of 0: there is none. On failure it has logged why:
 * -PLUTON_EOFF: no plutond. -PLUTON_EINVAL: the state is there and cannot be read, or plutond does
 * not know us as an app.
 * -PLUTON_ECANCEL: a signal asked it to end.
 */
int control_connect(const char *address, struct pluton **ret, uint8_t **ret_area, size_t *ret_size);

/* SIGTERM and SIGINT: to be blocked in every thread, before the first one is started. */
int control_block_signals(void);

/*
 * Starts the thread for a TPM that was started; takes `pluton` and `listener`, the socket of
 * words.h (-1: none). `address` must stay. -PLUTON_ENOMEM.
 */
int control_start(struct pluton *pluton, int listener, const char *address, struct tpm *tpm,
		  struct control **ret);

/* Any thread: what ends it asked it to begin anew. */
bool control_is_to_restart(struct control *control);

/* Runs on the TPM's thread: tpm_run's `ready`, with the control as context. */
void control_ready(void *control);

/* Ends the thread and the connection. NULL is allowed. */
void control_stop(struct control *control);

#endif
