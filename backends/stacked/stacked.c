/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which engine stands on which HIL: always on the first engine of that HIL's list, so that the
 * states which both export stay each other's.
 */
#include "backends/stacked/stacked.h"

#include <stdlib.h>

#include "backends/stacked/engines.h"

struct stacked_instance {
	struct backend_instance instance;
};

/* Empty for a HIL that stands on none. */
static const struct engine_kind {
	enum hil_kind below;
	int (*open)(const struct backend_environment *environment, struct hil_engine **ret_engine);
	void (*join)(struct hil_engine *engine, struct hil_engine *below);
	void (*close)(struct hil_engine *engine);
} engine_kinds[HIL_KINDS] = {
	[HIL_HMAC] = {HIL_DIGEST, mac_on_digest_open, mac_on_digest_join, mac_on_digest_close},
	[HIL_KDF] = {HIL_HMAC, kdf_on_mac_open, kdf_on_mac_join, kdf_on_mac_close},
};

static void join(struct backend_instance *instance, enum hil_kind kind,
		 const struct hil_port *ports)
{
	const struct hil_port *port = &ports[engine_kinds[kind].below];

	if (port->count > 0)
		engine_kinds[kind].join(instance->engines[kind], port->engines[0]);
}

static int open_all(struct stacked_instance *stacked, const struct backend_environment *environment)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < HIL_KINDS; i++) {
		if (engine_kinds[i].open)
			r = engine_kinds[i].open(environment, &stacked->instance.engines[i]);
	}
	return r;
}

int stacked_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	struct stacked_instance *stacked = calloc(1, sizeof(*stacked));
	int r;

	if (!stacked)
		return -PLUTON_ENOMEM;
	stacked->instance.backend = backend_find("stacked");
	stacked->instance.join = join;
	r = open_all(stacked, environment);
	if (r < 0) {
		stacked_close(&stacked->instance);
		return r;
	}
	*ret = &stacked->instance;
	return 0;
}

void stacked_close(struct backend_instance *instance)
{
	struct stacked_instance *stacked = (struct stacked_instance *)(void *)instance;

	for (size_t i = 0; i < HIL_KINDS; i++) {
		if (engine_kinds[i].close)
			engine_kinds[i].close(instance->engines[i]);
	}
	free(stacked);
}
