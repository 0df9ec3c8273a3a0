/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One small daemon for all inputs of a fuzzer: whoever breaks it for the next input is found out by
 * the next input.
 */
#ifndef PLUTON_TESTS_FUZZ_DAEMON_H
#define PLUTON_TESTS_FUZZ_DAEMON_H

#include "tests/rig.h"

#define FUZZ_MESSAGE_MAX (RECORD_SIZE_MAX + 16)

/* What libFuzzer calls, and replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct rig *fuzz_daemon(void);

/* One message of at most FUZZ_MESSAGE_MAX bytes, with a window's memfd or without. */
void fuzz_send(int to, const uint8_t *bytes, size_t size, bool with_memfd);

/* Turns the loop until so many processes are left; aborts if that never comes about. */
void fuzz_await_processes(struct rig *rig, uint32_t count);

/* All have hung up: aborts unless the pool is back to the byte and nobody is left. */
void fuzz_check_forgotten(struct rig *rig);

#endif
