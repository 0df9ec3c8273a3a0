/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of one daemon: which backends the configuration names for each HIL, opened, checked
 * if it says so, and each behind its arbiter.
 */
#ifndef PLUTON_ENGINES_H
#define PLUTON_ENGINES_H

#include "backends/table.h"
#include "daemon/config.h"
#include "daemon/kernel/kernel.h"
#include "hil/arbiter.h"

#define BACKENDS_MAX 8u

struct event_base;
struct selftests;

struct engines {
	struct backend_environment environment;
	struct backend_instance *instances[BACKENDS_MAX];
	unsigned instance_count;
	struct hil_port ports[HIL_KINDS];
	struct arbiter arbiters[HIL_KINDS][HIL_ENGINES_MAX];
	bool checked; /* every engine has a checker before it */
	struct selftests *selftests; /* who hears of them, the machine's */
};

/*
 * -PLUTON_EINVAL: the configuration names a backend there is not, or none that has the HIL.
 * Otherwise what a backend's open returns. The reason has been logged. Opened parts are closed.
 */
int engines_open(struct engines *engines, const struct config *config, struct kernel *kernel,
		 struct event_base *base);

/* Nothing may be under way. */
void engines_close(struct engines *engines);

/* true: it has known answers, so a self test stands before it (and before its checker). */
bool engines_is_tested(const struct hil_engine *engine);

/* "rng", "digest", "aes". */
const char *hil_name(enum hil_kind kind);

#endif
