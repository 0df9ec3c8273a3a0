/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine is there when the one below is. Its caps are those that the one below had when it was
 * there last.
 */
#include "backends/stacked/stand.h"

#include <stdlib.h>

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

void stand_add(struct stand *stand, struct turn *turn, struct deferred_queue *queue,
	       const struct turn_type *type)
{
	size_t i = 0;

	while (stand->turns[i])
		i++;
	stand->turns[i] = turn;
	turn_init(turn, queue, type);
}

void stand_close(struct stand *stand)
{
	if (!stand)
		return;
	for (size_t i = 0; i < STACKED_CONCURRENCY && stand->turns[i]; i++)
		turn_drop(stand->turns[i]);
	free(stand->engine);
}

static struct turn *find(const struct stand *stand, const void *client)
{
	for (size_t i = 0; i < STACKED_CONCURRENCY; i++) {
		if (stand->turns[i]->client == client)
			return stand->turns[i];
	}
	return NULL;
}

int stand_begin(struct stand *stand, const void *client, struct turn **ret_turn)
{
	struct turn *turn = find(stand, NULL);

	if (!turn)
		return -PLUTON_EBUSY;
	turn_begin(turn, client, stand->below, stand->engine, &stand->owner);
	*ret_turn = turn;
	return 0;
}

int stand_cancel(struct stand *stand, const void *client)
{
	struct turn *turn = client ? find(stand, client) : NULL;

	if (!turn)
		return -PLUTON_EINVAL;
	turn_cancel(turn);
	return 0;
}
