/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own engines stay open and idle: capsules are handed the forced ones instead.
 */
#include "tests/integration/forced.h"

#include <stdlib.h>

#define SMALL_SLICE 8192u /* bytes, so that there are many */

void forced_hand_out(struct kernel *kernel, struct hil_engine *const engines[HIL_KINDS])
{
	for (unsigned i = 0; i < kernel->driver_count; i++) {
		struct driver *driver = &kernel->drivers[i];

		for (unsigned p = 0; p < driver->capsule->ports; p++) {
			struct hil_port *port = &driver->ports[p];

			if (engines[port->kind])
				port->engines[0] = engines[port->kind];
		}
	}
}

void forced_open(struct forced *forced, struct rig *rig, enum openssl_execution execution)
{
	const struct openssl_options options = {
		.execution = execution,
		.slice = execution == OPENSSL_EXECUTION_SLICED ? SMALL_SLICE : 0};
	struct kernel *kernel = rig->kernel;

	if (openssl_open_with(&rig->machine->engines.environment, &options, &forced->instance) < 0)
		abort();
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (forced->instance->engines[kind] &&
		    arbiter_init(&forced->arbiters[kind], forced->instance->engines[kind],
				 &kernel->deferred, kernel_owners_max(kernel),
				 kernel_parties_max(kernel), 0, kernel_find_owner, kernel) < 0)
			abort();
	}
	forced->rig = rig;
	forced_hand_out(kernel, forced->instance->engines);
}

void forced_take_back(struct rig *rig)
{
	struct hil_engine *own[HIL_KINDS];

	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		own[kind] = rig->machine->engines.ports[kind].engines[0];
	forced_hand_out(rig->kernel, own);
}

void forced_close(struct forced *forced)
{
	forced_take_back(forced->rig);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (forced->instance->engines[kind])
			arbiter_close(&forced->arbiters[kind]);
	}
	openssl_close(forced->instance);
}
