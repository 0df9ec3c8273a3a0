/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine is there when the one below is. Its caps are those that the one below had when it was
 * there last.
 */
#include "backends/stacked/stand.h"

static void below_changed(struct hil_watcher *watcher)
{
	struct stand *stand =
		(struct stand *)(void *)((char *)watcher - offsetof(struct stand, watcher));

	if (!stand->below->absent)
		stand->adapt(stand);
	hil_engine_set_absent(stand->engine, stand->below->absent);
}

int stand_open(struct stand *stand, const struct backend_environment *environment,
	       struct hil_engine *engine, void (*adapt)(struct stand *stand))
{
	*stand = (struct stand){
		.engine = engine, .watcher = {.changed = below_changed}, .adapt = adapt};
	engine->absent = true;
	return environment->add_owner(environment->context, &stand->owner);
}

void stand_join(struct stand *stand, struct hil_engine *below)
{
	stand->below = below;
	stand->engine->below = below;
	hil_engine_watch(below, &stand->watcher);
	below_changed(&stand->watcher);
}

void stand_begin(struct stand *stand, struct turn *turn)
{
	turn_begin(turn, stand->below, stand->engine, &stand->owner);
}
