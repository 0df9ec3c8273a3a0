/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of one rig test: opened one by one, and at the end all closed and accounted for.
 */
#ifndef PLUTON_TESTS_GUESTS_H
#define PLUTON_TESTS_GUESTS_H

#include "tests/rig.h"

extern struct rig rig;

/* rig_open. */
void guests_open(const char *const *settings);

/* Connected, and greeted or not. The descriptor is closed by guests_close or guest_leave. */
int guest_connect(void);
int guest_connect_raw(void);

/* The same, and its turns at engines are from then on those of the user `uid`. */
int guest_connect_as(uint32_t uid);

/* Takes over a connected descriptor that the test made. */
int guest_adopt(int fd);

/* Hangs up. The daemon learns it at the next pass. */
void guest_leave(int fd);

/* Passes of the loop while a test holds operations back on purpose: rig_settle would wait. */
void guests_turn(void);

/* Whether a record or the end is there to be read, now. */
bool guest_has_answer(int fd);

/* What was sent without waiting: the next answer must be there by now. false: it is not. */
bool guest_read(int fd, struct record *ret);

/*
 * Walks every process and asserts that counter and walk agree.
 */
void guests_check_books(void);

/* All hang up; asserts that the pool is back to the exact byte and nobody is left; rig_close. */
void guests_close(void);

#endif
