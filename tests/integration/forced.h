/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rig whose OpenSSL engines run everything in one way, which no configuration can ask for.
 */
#ifndef PLUTON_TESTS_FORCED_H
#define PLUTON_TESTS_FORCED_H

#include "backends/openssl/openssl.h"
#include "tests/rig.h"

struct forced {
	struct rig *rig;
	struct backend_instance *instance;
	struct arbiter arbiters[HIL_KINDS];
};

/* Puts such engines in place of the machine's own, before anything runs. */
void forced_open(struct forced *forced, struct rig *rig, enum openssl_execution execution);

/* Before rig_close; nothing may be under way. */
void forced_close(struct forced *forced);

/* Hands capsules these engines as their ports' first, where one is not NULL; or their own again. */
void forced_hand_out(struct kernel *kernel, struct hil_engine *const engines[HIL_KINDS]);
void forced_take_back(struct rig *rig);

#endif
