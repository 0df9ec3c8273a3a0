/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of one daemon: which backends the configuration names for each HIL, opened, checked
 * if it says so, and each behind its arbiter.
 */
#ifndef PLUTON_ENGINES_H
#define PLUTON_ENGINES_H

#include "backends/fuses/fuses.h"
#include "backends/table.h"
#include "daemon/config.h"
#include "daemon/kernel/kernel.h"
#include "hil/arbiter.h"
#include "hil/selftest.h"

#define BACKENDS_MAX 16u

struct event_base;

struct engines {
	struct backend_environment environment;
	struct fuses_file fuses;
	struct backend_instance *instances[BACKENDS_MAX];
	unsigned instance_count;
	struct hil_port ports[HIL_KINDS];
	struct backend_instance *sources[HIL_KINDS][HIL_ENGINES_MAX]; /* of the ports' engines */
	struct arbiter arbiters[HIL_KINDS][HIL_ENGINES_MAX];
	struct arbiter slow[HIL_KINDS][HIL_ENGINES_MAX]; /* behind those whose engine needs it */
	const struct selftest_options *selftests;	 /* of the engines' */
	bool checked;					 /* every engine has a checker before it */
};

/*
 * Before each engine that has known answers stands its self test (engine->gate is set), with these
 * options; nothing is tested yet.
 * -PLUTON_EINVAL: the configuration names a backend there is not, or none that has the HIL.
 * Otherwise what a backend's open returns. The reason has been logged. Opened parts are closed.
 */
int engines_open(struct engines *engines, const struct config *config, struct kernel *kernel,
		 const struct selftest_options *selftests, struct event_base *base);

/* false: a backend has still something to do before anybody may be served. */
bool engines_settled(const struct engines *engines);

/* Nothing may be under way. */
void engines_close(struct engines *engines);

/* "rng", "digest", "aes". */
const char *hil_name(enum hil_kind kind);

#endif
