/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client at a time, as the arbiter gives it turns; an action is done in one deferred call.
 */
#include "tests/key_store.h"

#include <stdio.h>
#include <string.h>

/* --- NV memory -------------------------------------------------------------------------------- */

static struct key_store *of_engine(struct nv_engine *engine)
{
	return (struct key_store *)(void *)engine;
}

struct key_area *key_store_find(struct key_store *store, const char *name)
{
	for (unsigned i = 0; i < KEY_STORE_AREAS; i++) {
		if (store->areas[i].length && strcmp(store->areas[i].name, name) == 0)
			return &store->areas[i];
	}
	return NULL;
}

static struct key_area *free_area(struct key_store *store)
{
	for (unsigned i = 0; i < KEY_STORE_AREAS; i++) {
		if (!store->areas[i].length)
			return &store->areas[i];
	}
	return NULL;
}

static int put_area(struct key_store *store, struct nv_client *client)
{
	struct key_area *area = key_store_find(store, store->request.name);

	if (!area)
		area = free_area(store);
	if (store->failure || !area)
		return store->failure ? store->failure : -PLUTON_ENOMEM;
	snprintf(area->name, sizeof(area->name), "%s", store->request.name);
	area->length = store->request.length;
	return client->ops->pull_input(client, area->bytes, area->length, 0) < 0 ? -PLUTON_EFAIL
										 : 0;
}

static int give_row(struct key_store *store, struct nv_client *client, struct nv_answer *answer)
{
	struct nv_status status = {0};
	uint8_t row[NV_ROW_SIZE];
	uint32_t at = 0;

	for (unsigned i = 0; i < KEY_STORE_AREAS; i++) {
		if (!store->areas[i].length || at++ != store->request.offset)
			continue;
		memcpy(status.name, store->areas[i].name, sizeof(status.name));
		nv_status_encode(&status, row);
		answer->length = sizeof(row);
		client->ops->push_output(client, row, sizeof(row), 0);
	}
	return 0;
}

static int carry_out(struct key_store *store, struct nv_client *client, struct nv_answer *answer)
{
	struct key_area *area = key_store_find(store, store->request.name);

	switch (store->request.action) {
	case NV_PUT:
		return put_area(store, client);
	case NV_DELETE:
		if (area && !store->failure)
			area->length = 0;
		return store->failure ? store->failure : area ? 0 : -PLUTON_ENODEVICE;
	case NV_LIST:
		return give_row(store, client, answer);
	default:
		if (!area || store->read_failure)
			return area ? store->read_failure : -PLUTON_ENODEVICE;
		answer->length = area->length;
		if (store->on_read)
			store->on_read(true);
		client->ops->push_output(client, area->bytes, area->length, 0);
		return 0;
	}
}

static void nv_run(struct deferred_call *call)
{
	struct key_store *store =
		(struct key_store *)(void *)((char *)call - offsetof(struct key_store, call));
	struct nv_client *client = store->client;
	struct nv_answer answer = {0};
	int r;

	if (store->holds || !client)
		return;
	store->client = NULL;
	r = carry_out(store, client, &answer);
	client->ops->done(client, r, r == 0 ? &answer : NULL);
}

static int nv_start(struct nv_engine *engine, const struct nv_request *request,
		    struct nv_client *client)
{
	struct key_store *store = of_engine(engine);

	if (store->on_read)
		store->on_read(false);
	store->request = *request;
	store->client = client;
	deferred_call_set(&store->call);
	return 0;
}

static int nv_cancel(struct nv_engine *engine, struct nv_client *client)
{
	(void)client;
	of_engine(engine)->cancels++;
	return 0;
}

static const char *nv_why(struct nv_engine *engine)
{
	(void)engine;
	return "the disk is full";
}

/* --- the device secret ------------------------------------------------------------------------ */

static int read_secret(struct fuses *fuses, uint8_t ret_secret[FUSES_SECRET_SIZE])
{
	const struct key_store *store =
		(const struct key_store *)(const void *)((const char *)fuses -
							 offsetof(struct key_store, fuses));

	memset(ret_secret, 0x5a, FUSES_SECRET_SIZE);
	return store->secret_failure;
}

static const char *secret_why(const struct fuses *fuses)
{
	(void)fuses;
	return "a fuse is blown";
}

/* --- a backend's environment ------------------------------------------------------------------ */

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	const struct key_store *store = context;

	return index == 0 ? store->owner : NULL;
}

static int add_owner(void *context, struct hil_owner *owner)
{
	struct key_store *store = context;

	*owner = (struct hil_owner){0};
	store->owner = owner;
	return 0;
}

int key_store_open(struct key_store *store, struct backend_environment *environment)
{
	static const struct nv_engine_ops ops = {nv_start, nv_cancel, nv_why};
	static const struct fuses_ops fuses_ops = {read_secret, secret_why};

	store->owner = NULL;
	store->client = NULL;
	store->fuses.ops = &fuses_ops;
	store->engine = (struct nv_engine){
		.head = {.name = "fake", .kind = HIL_NV, .level = HIL_LEVEL_NV, .concurrency = 1},
		.caps = {.read_max = 4096, .area_max = 4096, .commit_max = 4096},
		.ops = &ops,
	};
	deferred_call_init(&store->call, environment->deferred, nv_run);
	store->ports[HIL_NV] = (struct hil_port){HIL_NV, 1, {&store->engine.head}};
	environment->fuses = &store->fuses;
	environment->ports = store->ports;
	environment->add_owner = add_owner;
	environment->context = store;
	return arbiter_init(&store->arbiter, &store->engine.head, environment->deferred, 1, 1, 0,
			    find_owner, store);
}

void key_store_close(struct key_store *store)
{
	deferred_call_drop(&store->call);
	arbiter_close(&store->arbiter);
}

void key_store_let_go(struct key_store *store)
{
	store->holds = false;
	deferred_call_set(&store->call);
}
