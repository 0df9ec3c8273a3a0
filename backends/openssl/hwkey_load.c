/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that cannot be read do not stop the others: the slot is there, and says what it is.
 */
#include "backends/openssl/hwkey_load.h"

#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 320u

static void say(const struct hwkey_load *load, const char *sentence)
{
	if (load->environment->report)
		load->environment->report(PLUTON_LOG_ERROR, NULL, 0, sentence);
}

void hwkey_load_give_up(struct hwkey_load *load, const char *why_not)
{
	char sentence[SENTENCE_MAX + 640];

	snprintf(sentence, sizeof(sentence), "there are no hardware keys: %s", why_not);
	say(load, sentence);
	hil_engine_set_absent(load->engine, true);
}

static struct hwkey_load *of_store(struct store_action *action)
{
	return (struct hwkey_load *)(void *)action;
}

static void read_next(struct hwkey_load *load);

/* Only what is no record of this slot's is damaged: whatever else went wrong, the key is whole. */
static enum vault_state open_record(struct hwkey_load *load, struct vault_slot *slot, int result)
{
	enum vault_state state = VAULT_DAMAGED;
	char sentence[SENTENCE_MAX];

	if (result == 0)
		result = record_open(load->vault, slot, load->bytes, load->store.length);
	if (result == 0)
		return VAULT_FULL;
	if (*load->store.why) { /* NV memory deletes no area that it cannot read */
		snprintf(sentence, sizeof(sentence), "the key %s cannot be read: %.160s",
			 load->area, load->store.why);
		if (result != -PLUTON_EFAIL) /* it lacked something, and the area is whole */
			state = VAULT_CLOSED;
	} else if (result == -PLUTON_EINVAL) {
		snprintf(sentence, sizeof(sentence),
			 "the key %s is damaged, and can only be deleted: its record was changed, "
			 "or it is another machine's",
			 load->area);
	} else {
		snprintf(sentence, sizeof(sentence),
			 "the key %s could not be opened, %s: it is kept, start plutond again",
			 load->area,
			 result == -PLUTON_ENOMEM ? "for lack of memory" : "for OpenSSL failed");
		state = VAULT_CLOSED;
	}
	say(load, sentence);
	return state;
}

static void load_record(struct hwkey_load *load, const struct hwkey_name *name, int result)
{
	struct vault_slot *slot = vault_reserve(load->vault, name);
	char sentence[SENTENCE_MAX];

	if (!slot) {
		load->crowded = true;
		snprintf(sentence, sizeof(sentence),
			 "the key %s is not there: all %u slots are taken, see hwkey.slots",
			 load->area, load->vault->slots_max);
		say(load, sentence);
		return;
	}
	slot->kept = true;
	slot->state = open_record(load, slot, result);
}

static void record_read(struct store_action *action, int result)
{
	struct hwkey_load *load = of_store(action);
	struct hwkey_name name;

	if (record_parse_name(load->area, &name))
		load_record(load, &name, result);
	load->index++;
	read_next(load);
}

static int begin_reading(struct hwkey_load *load, const struct nv_request *request,
			 void (*done)(struct store_action *action, int result))
{
	struct store_action *store = &load->store;

	store->request = *request;
	store->bytes = load->bytes;
	store->done = done;
	return store_begin(store, load->environment, load->owner, load->engine,
			   load->vault->slots_max);
}

static void listed(struct store_action *action, int result)
{
	struct hwkey_load *load = of_store(action);
	struct nv_request request = {.action = NV_READ, .length = sizeof(load->bytes)};

	if (result < 0)
		hwkey_load_give_up(load, action->why);
	load->done = result < 0 || action->length != NV_ROW_SIZE;
	if (load->done)
		return;
	memcpy(load->area, load->bytes, sizeof(load->area) - 1);
	memcpy(request.name, load->area, sizeof(request.name));
	if (begin_reading(load, &request, record_read) < 0)
		record_read(action, -PLUTON_EFAIL);
}

/* The list's next row, and the area in it. */
static void read_next(struct hwkey_load *load)
{
	const struct nv_request request = {
		.action = NV_LIST, .offset = load->index, .length = NV_ROW_SIZE};
	int r = begin_reading(load, &request, listed);

	if (r < 0 && r != -PLUTON_ENODEVICE)
		hwkey_load_give_up(load, "NV memory does not say which there are");
	load->done = r < 0;
}

static void begin(struct deferred_call *call)
{
	read_next((struct hwkey_load *)(void *)((char *)call - offsetof(struct hwkey_load, call)));
}

void hwkey_load_init(struct hwkey_load *load, const struct backend_environment *environment,
		     struct hil_owner *owner, struct hil_engine *engine, struct vault *vault)
{
	*load = (struct hwkey_load){.environment = environment,
				    .owner = owner,
				    .engine = engine,
				    .vault = vault,
				    .done = true};
	deferred_call_init(&load->call, environment->deferred, begin);
}

void hwkey_load_begin(struct hwkey_load *load)
{
	load->done = false;
	deferred_call_set(&load->call);
}

void hwkey_load_drop(struct hwkey_load *load)
{
	if (load->call.queue)
		deferred_call_drop(&load->call);
}
