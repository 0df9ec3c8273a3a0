/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: one call of another library, or one allocation inside libcrypto, is made to fail. The
 * calls are those of fault_calls.h, which the linker (--wrap) sends here first; those that the
 * test's own files make are counted too while a fault is armed, so arm only what is to be tried.
 */
#ifndef PLUTON_TESTS_HIL_FAULTS_H
#define PLUTON_TESTS_HIL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum fault_layer {
	FAULT_IN_CALLS,	      /* one of the calls fails, and does nothing */
	FAULT_IN_ALLOCATIONS, /* one of libcrypto's own allocations fails, deep inside of a call */
};

/* Before anything else of libcrypto: takes over its memory. */
void faults_install(void);

/* From now on the n-th (from 1) fails; with `lasting` all behind it do, too. */
void fault_arm(enum fault_layer layer, unsigned nth, bool lasting);
/* Whether there was an n-th. */
bool fault_disarm(void);
/* The call that failed last; of an allocation, the call that it was in, or before. */
const char *fault_name(void);

/* Blocks that the engines and libcrypto have now; two equal runs leave the same number behind. */
size_t faults_blocks(void);

/*
 * A secret is not to be found in what was freed since, nor in what the engines still have. At most
 * FAULT_SECRETS_MAX; short ones (under 8 bytes) are not looked for.
 */
#define FAULT_SECRETS_MAX 12u
void faults_hide(const void *secret, size_t len);
/* What was found, then forgets the secrets. NULL: nothing. */
const char *faults_found(void);

/* Whether a worker came back with errors left in its thread's queue of libcrypto; forgets it. */
bool faults_queue_was_left(void);

/* One TAP comment for the whole; false: a call of the table was never made to fail. */
bool faults_report(void);
/* One line for each place in this program that was made to fail: its address in the file. */
void faults_list_sites(void);

#endif
