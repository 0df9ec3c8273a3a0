/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of key slots: what wraps keys, seals their records and derives them is tried with
 * keys and secrets that are known (HWKEY_TRY). It is one algorithm: all that a slot goes through
 * rests on all of it.
 */
#include <string.h>

#include "hil/known-hwkey.h"
#include "hil/selftest-half.h"

/* A key or device secret, a nonce, and what that is done to, one behind the other. */
static ssize_t pull_input(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct selftest_run *run = (struct selftest_run *)(void *)client;
	enum known_item item = KNOWN_KEY;

	while (item < KNOWN_INPUT && cursor >= run->items[item].length)
		cursor -= run->items[item++].length;
	return known_pull_at(run, item, buf, len, cursor);
}

SELFTEST_PUSHES(hwkey, push_output, KNOWN_OUTPUT)
SELFTEST_ENGINE(hwkey)

static const struct hwkey_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.done = hwkey_over,
};

/* --- the answers ------------------------------------------------------------------------------ */

struct hwkey_answer {
	enum hwkey_trial trial;
	enum hwkey_type type;
	struct known key; /* or a secret */
	struct known nonce;
	struct known input;
	struct known output;
	int expected;
};

#define NONE                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}
#define BOTH_WAYS(type, key, text, wrapped)                                                        \
	{HWKEY_TRY_WRAP, type, KNOWN(key), NONE, KNOWN(text), KNOWN(wrapped), 0},                  \
	{                                                                                          \
		HWKEY_TRY_UNWRAP, type, KNOWN(key), NONE, KNOWN(wrapped), KNOWN(text), 0           \
	}

static const struct hwkey_answer answers[] = {
	BOTH_WAYS(HWKEY_AES192, kwp_key192, kwp_twenty, kwp_twenty_wrapped),
	BOTH_WAYS(HWKEY_AES192, kwp_key192, kwp_seven, kwp_seven_wrapped),
	BOTH_WAYS(HWKEY_AES128, kwp_key128, kwp_text128, kwp_wrapped128),
	BOTH_WAYS(HWKEY_AES256, kwp_key256, kwp_text256, kwp_wrapped256),
	{HWKEY_TRY_UNWRAP, HWKEY_AES128, KNOWN(kwp_wrong_key128), NONE, KNOWN(kwp_wrong_wrapped128),
	 KNOWN(kwp_text128), -PLUTON_EINVAL},

	{HWKEY_TRY_DERIVE, HWKEY_AES256, KNOWN(slot_secret), NONE, KNOWN(slot_input),
	 KNOWN(slot_derived), 0},
	{HWKEY_TRY_SEAL, HWKEY_AES256, KNOWN(slot_secret), KNOWN(slot_nonce), KNOWN(slot_key),
	 KNOWN(slot_record), 0},
	{HWKEY_TRY_OPEN, HWKEY_AES256, KNOWN(slot_secret), NONE, KNOWN(slot_record),
	 KNOWN(slot_key), 0},
	{HWKEY_TRY_OPEN, HWKEY_AES256, KNOWN(slot_secret), NONE, KNOWN(slot_wrong_record),
	 KNOWN(slot_key), -PLUTON_EINVAL},
};

#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* --- the kind --------------------------------------------------------------------------------- */

static const char *const names[] = {"key-slots"};

static unsigned algorithm_of(const void *request)
{
	(void)request;
	return 0;
}

static uint32_t offered(const struct hil_engine *engine)
{
	(void)engine;
	return 1;
}

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	const struct hwkey_answer *answer = &answers[step];

	(void)algorithm;
	if (step >= ANSWERS)
		return KNOWN_END;
	run->client.hwkey.ops = &client_ops;
	run->expected = answer->expected;
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_IV] = answer->nonce;
	run->items[KNOWN_INPUT] = answer->input;
	run->items[KNOWN_OUTPUT] = answer->output;
	run->request.hwkey = (struct hwkey_request){
		.action = HWKEY_TRY,
		.name = {.owner = "uid-1000", .number = 7},
		.attributes = {.type = answer->type,
			       .usage = HWKEY_ENCRYPT | HWKEY_DECRYPT,
			       .size = hwkey_size(answer->type)},
		.trial = answer->trial,
		.length = answer->key.length + answer->nonce.length + answer->input.length,
		.output_length = answer->output.length,
	};
	return KNOWN_ASK;
}

/* --- what is read of slots -------------------------------------------------------------------- */

static struct hwkey_engine *inner_of(const struct hwkey_engine *engine)
{
	return (struct hwkey_engine *)(void *)selftest_inner(&engine->head);
}

static const char *why(struct hwkey_engine *engine)
{
	return inner_of(engine)->ops->why(inner_of(engine));
}

/* The lowest number above `after` that a request which waits for the test will fill; 0: none. */
static uint32_t next_parked(const struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	const struct selftest *selftest = (const struct selftest *)(const void *)engine;
	uint32_t lowest = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		const struct hwkey_request *request = &selftest->parked[i].request.hwkey;
		uint32_t number = request->name.number;

		if (selftest->parked[i].client && hwkey_fills(request->action) &&
		    strcmp(request->name.owner, owner) == 0 && number > after &&
		    (!lowest || number < lowest))
			lowest = number;
	}
	return lowest;
}

/* A slot that is to be filled is taken at once. */
static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	int r = inner_of(engine)->ops->find(inner_of(engine), name, ret);

	if (r == -PLUTON_ENODEVICE && name->number &&
	    next_parked(engine, name->owner, name->number - 1) == name->number)
		return -PLUTON_EBUSY;
	return r;
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	uint32_t there = inner_of(engine)->ops->next(inner_of(engine), owner, after);
	uint32_t parked = next_parked(engine, owner, after);

	return parked && (!there || parked < there) ? parked : there;
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	uint32_t number = inner_of(engine)->ops->unused(inner_of(engine), owner);

	if (next_parked(engine, owner, 0))
		while (next(engine, owner, number - 1) == number)
			number++;
	return number;
}

SELFTEST_KIND_WITH(hwkey, selftest_hwkey_kind, NULL, .why = why, .find = find, .next = next,
		   .unused = unused)
