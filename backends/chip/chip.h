/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend for a chip on a serial line that speaks the native link (docs/chip-link.md):
 *
 *	frame.c		frames, the same on both ends
 *	link.c		the protocol: sessions, repeats, time limits; opens nothing
 *	transport.c	the tty
 *	backoff.c	when to try again what comes and goes
 *	news.c		what of it the journal is told
 *	conversation.c	one operation, in steps
 *	chip_digest.c, chip_aes.c	what the steps are, one file for each HIL
 *	chip.c		the backend: puts them together
 *	firmware/	the other end, and pluton-chipd
 *
 * Its engines are absent (hil/contract.h) until a chip has said what it can.
 */
#ifndef PLUTON_CHIP_CHIP_H
#define PLUTON_CHIP_CHIP_H

#include "backends/chip/link.h"
#include "backends/table.h"

struct chip_options {
	const char *device;  /* path of the tty; copied */
	uint64_t timeout_ms; /* for one answer */
	unsigned retries;
	unsigned backoff_max_ms; /* of a chip that comes and goes: at most so long until it is tried
				  */
};

/* As chip_backend_open, with these and not the configuration's. */
int chip_backend_open_with(const struct backend_environment *environment,
			   const struct chip_options *options, struct backend_instance **ret);

int chip_backend_open(const struct backend_environment *environment, struct backend_instance **ret);
void chip_backend_close(struct backend_instance *instance);

/* The protocol's state, for tests. */
const struct link *chip_backend_link(const struct backend_instance *instance);

/* --- inside the backend ---------------------------------------------------------------------- */

/* -PLUTON_ENOMEM. `scratch`: octets of ciphertext that wait here for their second pass. */
int chip_digest_engine_open(struct link *link, struct deferred_queue *deferred,
			    struct hil_engine **ret_engine);
int chip_aes_engine_open(struct link *link, struct deferred_queue *deferred, size_t scratch,
			 struct hil_engine **ret_engine);
void chip_digest_engine_close(struct hil_engine *engine);
void chip_aes_engine_close(struct hil_engine *engine);

/* A chip is there with these capabilities; NULL: none is. */
void chip_digest_engine_set(struct hil_engine *engine, const struct chip_caps *caps);
void chip_aes_engine_set(struct hil_engine *engine, const struct chip_caps *caps);

#endif
