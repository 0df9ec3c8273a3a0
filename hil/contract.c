/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an engine is there, which engine of a HIL serves a request, and what a client's answer
 * means to it. The order of the port is the configuration's: the first engine whose capabilities
 * allow the request gets it, also where a later one would be faster.
 */
#include "hil/contract.h"

#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/rsa.h"

bool hil_is_slow(const struct hil_engine *engine, const void *request)
{
	static bool (*const kinds[HIL_KINDS])(const void *request) = {
		[HIL_RSA] = rsa_is_slow, [HIL_KDF] = kdf_is_slow, [HIL_HWKEY] = hwkey_is_slow};

	return engine->slow && kinds[engine->kind] && kinds[engine->kind](request);
}

void hil_engine_set_absent(struct hil_engine *engine, bool absent)
{
	engine->absent = absent;
	hil_engine_changed(engine);
}

void hil_engine_changed(struct hil_engine *engine)
{
	for (struct hil_watcher *each = engine->watchers; each; each = each->next)
		each->changed(each);
}

void hil_engine_watch(struct hil_engine *engine, struct hil_watcher *watcher)
{
	watcher->next = engine->watchers;
	engine->watchers = watcher;
}

static int admit(struct hil_engine *engine, const void *request)
{
	return engine->gate ? engine->gate->admit(engine, request) : 0;
}

/* What another engine does is no refusal. */
static void forget_refusals(const struct hil_port *port)
{
	for (unsigned i = 0; i < port->count; i++) {
		struct hil_engine *engine = port->engines[i];

		if (engine->gate)
			engine->gate->refusal(engine);
	}
}

int hil_select(const struct hil_port *port, const void *request,
	       int (*check)(const struct hil_engine *engine, const void *request),
	       struct hil_engine **ret_engine)
{
	int r = -PLUTON_ENODEVICE;
	bool failed = false;

	for (unsigned i = 0; i < port->count; i++) {
		struct hil_engine *engine = port->engines[i];

		if (engine->absent)
			continue;
		r = check(engine, request);
		if (r < 0)
			continue;
		r = admit(engine, request);
		if (r == 0) {
			if (failed)
				forget_refusals(port);
			*ret_engine = engine;
			return 0;
		}
		failed = true;
		if (engine->gate->binds(engine, request))
			break;
	}
	return failed ? -PLUTON_EFAIL : r;
}

const struct hil_engine *hil_last_asked(const struct hil_port *port)
{
	for (unsigned i = port->count; i > 0; i--) {
		if (!port->engines[i - 1]->absent)
			return port->engines[i - 1];
	}
	return NULL;
}

ssize_t hil_count(ssize_t answer, size_t asked)
{
	if (answer < 0)
		return answer;
	return answer == 0 || (size_t)answer > asked ? -PLUTON_ESIZE : answer;
}

int hil_answer(int answer)
{
	return answer > 0 ? -PLUTON_ESIZE : answer;
}
