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
	struct stand *stands[HIL_KINDS];
};

/* Empty for a HIL that stands on none. */
static const struct engine_kind {
	enum hil_kind below;
	int (*open)(const struct backend_environment *environment, struct stand **ret);
} engine_kinds[HIL_KINDS] = {
	[HIL_HMAC] = {HIL_DIGEST, mac_on_digest_open},
	[HIL_KDF] = {HIL_HMAC, kdf_on_mac_open},
};

static void join(struct backend_instance *instance, enum hil_kind kind,
		 const struct hil_port *ports)
{
	const struct stacked_instance *stacked = (struct stacked_instance *)(void *)instance;
	const struct hil_port *port = &ports[engine_kinds[kind].below];

	if (port->count > 0)
		stand_join(stacked->stands[kind], port->engines[0]);
}

static int open_all(struct stacked_instance *stacked, const struct backend_environment *environment)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < HIL_KINDS; i++) {
		if (!engine_kinds[i].open)
			continue;
		r = engine_kinds[i].open(environment, &stacked->stands[i]);
		if (r == 0)
			stacked->instance.engines[i] = stacked->stands[i]->engine;
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

	for (size_t i = 0; i < HIL_KINDS; i++)
		stand_close(stacked->stands[i]);
	free(stacked);
}
