/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite must fail on every engine with key slots that breaks the contract. Each test
 * is the behaviours of hil/hwkey.h on the test chip with somebody between it and its client who
 * breaks one rule: what the checker can see it names, and the rest the behaviours do not get what
 * they expect.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/chip.h"
#include "tests/hil/chip_bench.h"

struct broken {
	struct hwkey_engine engine;
	struct hwkey_client client; /* the chip's */
	struct hwkey_client_ops ops;
	struct hwkey_engine *inner;
	struct hwkey_client *outer; /* the operation under way */
	struct hwkey_request request;
	struct deferred_call later;
	bool waits;	 /* for later */
	uint32_t number; /* whatever it counts or remembers */
};

struct sabotage {
	void (*alter_ops)(struct hwkey_client_ops *ops);
	void (*alter_caps)(struct hwkey_caps *caps);
	/* What the chip is asked in place of this. */
	void (*alter_request)(struct broken *broken, struct hwkey_request *request);
	int (*start)(struct hwkey_engine *engine, const struct hwkey_request *request,
		     struct hwkey_client *client);
	int (*find)(struct broken *broken, const struct hwkey_name *name, struct hwkey_about *ret);
	uint32_t (*next)(struct broken *broken, const char *owner, uint32_t after);
	uint32_t (*unused)(struct broken *broken, const char *owner);
	const char *(*why)(struct broken *broken);
};

static const struct sabotage *sabotage_in_use;
static struct broken *latest;

static struct broken *of_client(struct hwkey_client *client)
{
	return (struct broken *)(void *)((char *)client - offsetof(struct broken, client));
}

static struct broken *of_engine(struct hwkey_engine *engine)
{
	return (struct broken *)(void *)engine;
}

/* --- passing on, as it should be ------------------------------------------------------------- */

static ssize_t pull_input(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct hwkey_client *outer = of_client(client)->outer;

	return outer->ops->pull_input(outer, buf, len, cursor);
}

static ssize_t push_output(struct hwkey_client *client, const uint8_t *buf, size_t len,
			   size_t cursor)
{
	struct hwkey_client *outer = of_client(client)->outer;

	return outer->ops->push_output(outer, buf, len, cursor);
}

static void done(struct hwkey_client *client, int result)
{
	struct hwkey_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result);
}

static const struct hwkey_client_ops good_ops = {pull_input, push_output, done};

static int start(struct hwkey_engine *engine, const struct hwkey_request *request,
		 struct hwkey_client *client)
{
	struct broken *broken = of_engine(engine);
	struct hwkey_request passed_on = *request;
	int r;

	if (engine->head.absent)
		return -PLUTON_ENODEVICE;
	if (sabotage_in_use->alter_request)
		sabotage_in_use->alter_request(broken, &passed_on);
	r = broken->inner->ops->start(broken->inner, &passed_on, &broken->client);
	if (r < 0)
		return r;
	broken->outer = client;
	broken->request = *request;
	return 0;
}

static int cancel(struct hwkey_engine *engine, struct hwkey_client *client)
{
	struct broken *broken = of_engine(engine);

	if (broken->outer != client)
		return -PLUTON_EINVAL;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

/* --- steps of the contract -------------------------------------------------------------------- */

static int start_and_pull(struct hwkey_engine *engine, const struct hwkey_request *request,
			  struct hwkey_client *client)
{
	int r = start(engine, request, client);
	uint8_t byte;

	if (r == 0 && hwkey_fills(request->action) && request->length)
		client->ops->pull_input(client, &byte, 1, 0);
	return r;
}

static void done_twice(struct hwkey_client *client, int result)
{
	done(client, result);
	if (result == 0)
		done(client, result);
}

static void alter_done_twice(struct hwkey_client_ops *ops)
{
	ops->done = done_twice;
}

static void done_and_pull(struct hwkey_client *client, int result)
{
	const struct broken *broken = of_client(client);
	bool pulls = result == 0 && broken->request.action == HWKEY_IMPORT;
	uint8_t byte;

	done(client, result);
	if (pulls)
		pull_input(client, &byte, 1, 0);
}

static void alter_pull_after_done(struct hwkey_client_ops *ops)
{
	ops->done = done_and_pull;
}

static void *done_elsewhere(void *client)
{
	done(client, 0);
	return NULL;
}

static void done_on_another_thread(struct hwkey_client *client, int result)
{
	pthread_t thread;

	if (result < 0 || pthread_create(&thread, NULL, done_elsewhere, client) != 0) {
		done(client, result);
		return;
	}
	pthread_join(thread, NULL);
}

static void alter_thread(struct hwkey_client_ops *ops)
{
	ops->done = done_on_another_thread;
}

static int fail_and_pull(struct hwkey_engine *engine, const struct hwkey_request *request,
			 struct hwkey_client *client)
{
	struct broken *broken = of_engine(engine);
	int r = start(engine, request, client);

	if (r < 0 && !broken->waits) {
		broken->outer = client;
		broken->waits = true;
		deferred_call_set(&broken->later);
	}
	return r;
}

/* Of a request that was refused. */
static void done_later(struct deferred_call *call)
{
	struct broken *broken =
		(struct broken *)(void *)((char *)call - offsetof(struct broken, later));

	broken->waits = false;
	broken->outer->ops->done(broken->outer, -PLUTON_EFAIL);
}

static void done_unless_cancelled(struct hwkey_client *client, int result)
{
	if (result != -PLUTON_ECANCEL)
		done(client, result);
}

static void alter_done_missing(struct hwkey_client_ops *ops)
{
	ops->done = done_unless_cancelled;
}

/* --- moving ----------------------------------------------------------------------------------- */

static ssize_t pull_beyond(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	uint8_t room[CHIP_BUFFER_SIZE + 1];
	ssize_t n = pull_input(client, room, len + 1, cursor);

	if (n > 0)
		memcpy(buf, room, len);
	return n > (ssize_t)len ? (ssize_t)len : n;
}

static void alter_pull_beyond(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_beyond;
}

static ssize_t pull_twice(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n < 0 ? n : pull_input(client, buf, len, cursor);
}

static void alter_pull_twice(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_twice;
}

static ssize_t pull_ahead(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	return len > 1 ? pull_input(client, buf, len - 1, cursor + 1)
		       : pull_input(client, buf, len, cursor);
}

static void alter_gap(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_ahead;
}

/* One that has zeros for what did not come yet. */
static ssize_t pull_once(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n < 0 ? n : (ssize_t)len;
}

static void alter_impatient(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_once;
}

static ssize_t pull_the_wrong_way(struct hwkey_client *client, uint8_t *buf, size_t len,
				  size_t cursor)
{
	return push_output(client, buf, len, cursor);
}

static void alter_push_an_import(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_the_wrong_way;
}

static ssize_t pull_nothing_first(struct hwkey_client *client, uint8_t *buf, size_t len,
				  size_t cursor)
{
	(void)pull_input(client, buf, 0, cursor);
	return pull_input(client, buf, len, cursor);
}

static void alter_empty_pull(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_nothing_first;
}

static ssize_t pull_on(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	memset(buf, 0, n < 0 ? len : 0);
	return n < 0 ? (ssize_t)len : n;
}

static void alter_errors_forgotten(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_on;
}

static void done_with_fail(struct hwkey_client *client, int result)
{
	done(client, result == -PLUTON_ENOACK ? -PLUTON_EFAIL : result);
}

static void alter_another_error(struct hwkey_client_ops *ops)
{
	ops->done = done_with_fail;
}

static ssize_t pull_any_count(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n > (ssize_t)len ? (ssize_t)len : n;
}

static void alter_any_count(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_any_count;
}

static ssize_t keep_the_end(struct hwkey_client *client, const uint8_t *buf, size_t len,
			    size_t cursor)
{
	if (cursor + len == of_client(client)->request.length && cursor > 0)
		return (ssize_t)len;
	return push_output(client, buf, len, cursor);
}

static void alter_kept_end(struct hwkey_client_ops *ops)
{
	ops->push_output = keep_the_end;
}

/* --- slots ------------------------------------------------------------------------------------ */

static void fails_though_filled(struct hwkey_client *client, int result)
{
	bool fills = hwkey_fills(of_client(client)->request.action);

	done(client, fills && result == 0 ? -PLUTON_EFAIL : result);
}

static void alter_filled_and_failed(struct hwkey_client_ops *ops)
{
	ops->done = fails_though_filled;
}

static void fails_though_emptied(struct hwkey_client *client, int result)
{
	bool empties = of_client(client)->request.action == HWKEY_DELETE;

	done(client, empties && result == 0 ? -PLUTON_EFAIL : result);
}

static void alter_emptied_and_failed(struct hwkey_client_ops *ops)
{
	ops->done = fails_though_emptied;
}

static void succeeds_though_taken(struct hwkey_client *client, int result)
{
	done(client, result == -PLUTON_EALREADY ? 0 : result);
}

static void alter_taken_is_fine(struct hwkey_client_ops *ops)
{
	ops->done = succeeds_though_taken;
}

/* The flash memory did not take it, and nobody looked. */
static void succeeds_though_failed(struct hwkey_client *client, int result)
{
	done(client, result == -PLUTON_EFAIL ? 0 : result);
}

static void alter_failed_is_fine(struct hwkey_client_ops *ops)
{
	ops->done = succeeds_though_failed;
}

/* Which slot should have had it, it remembers. */
static void ask_without_never_exported(struct broken *broken, struct hwkey_request *request)
{
	struct hwkey_about about;

	if (broken->inner->ops->find(broken->inner, &request->name, &about) == 0)
		return;
	if (request->attributes.policy & HWKEY_NEVER_EXPORTED)
		broken->number = request->name.number;
	else if (hwkey_fills(request->action) && request->name.number == broken->number)
		broken->number = 0;
	request->attributes.policy &= ~(uint32_t)HWKEY_NEVER_EXPORTED;
}

static int find_never_exported(struct broken *broken, const struct hwkey_name *name,
			       struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0 && name->number == broken->number)
		ret->attributes.policy |= HWKEY_NEVER_EXPORTED;
	return r;
}

static int find_a_secret(struct broken *broken, const struct hwkey_name *name,
			 struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0 && broken->request.action == HWKEY_PUBLIC)
		ret->attributes =
			(struct hwkey_attributes){HWKEY_SECRET, HWKEY_MAC, 0, HWKEY_SECRET_MAX};
	return r;
}

static int find_a_longer_key(struct broken *broken, const struct hwkey_name *name,
			     struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0 && broken->request.action == HWKEY_WRAP)
		ret->attributes.size += 8;
	return r;
}

static int find_elsewhere(struct broken *broken, const struct hwkey_name *name,
			  struct hwkey_about *ret)
{
	static const struct hil_vault elsewhere = {"elsewhere"};
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0)
		ret->ref.vault = &elsewhere;
	return r;
}

static int find_bytes(struct broken *broken, const struct hwkey_name *name, struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0)
		ret->ref.kind = HIL_KEY_BYTES;
	return r;
}

static uint32_t next_is_the_same(struct broken *broken, const char *owner, uint32_t after)
{
	return broken->inner->ops->next(broken->inner, owner, after ? after - 1 : 0);
}

static uint32_t unused_is_one(struct broken *broken, const char *owner)
{
	(void)broken;
	(void)owner;
	return 1;
}

/* --- caps ------------------------------------------------------------------------------------- */

static void alter_caps_without_p256(struct hwkey_caps *caps)
{
	caps->types &= ~(1u << HWKEY_P256);
}

static void alter_caps_without_derived_secrets(struct hwkey_caps *caps)
{
	caps->derived_types &= ~(1u << HWKEY_SECRET);
}

static void alter_caps_with_p384(struct hwkey_caps *caps)
{
	caps->types |= 1u << HWKEY_P384;
}

static int start_without_a_check(struct hwkey_engine *engine, const struct hwkey_request *request,
				 struct hwkey_client *client)
{
	struct hwkey_request possible = *request;

	if (hwkey_check(&engine->head, request) == -PLUTON_ESIZE)
		possible = (struct hwkey_request){
			.action = HWKEY_DELETE, .name = request->name, .slots_per_owner = 1};
	return start(engine, &possible, client);
}

static int start_of_anything(struct hwkey_engine *engine, const struct hwkey_request *request,
			     struct hwkey_client *client)
{
	struct hwkey_request possible = *request;

	if (hwkey_check(&engine->head, request) == -PLUTON_EINVAL && request->name.number == 0)
		possible.name.number = 1;
	return start(engine, &possible, client);
}

/* --- what no rule forbids --------------------------------------------------------------------- */

static ssize_t push_another(struct hwkey_client *client, const uint8_t *buf, size_t len,
			    size_t cursor)
{
	uint8_t changed[CHIP_BUFFER_SIZE];

	memcpy(changed, buf, len);
	if (cursor + len == of_client(client)->request.length)
		changed[len - 1] ^= 0x01;
	return push_output(client, changed, len, cursor);
}

static void alter_output(struct hwkey_client_ops *ops)
{
	ops->push_output = push_another;
}

static ssize_t pull_the_same(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	if (n > 0 && of_client(client)->request.action == HWKEY_DERIVE)
		memset(buf, 'd', (size_t)n);
	return n;
}

static void alter_derived_from_a_length(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_the_same;
}

static ssize_t pull_and_count(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct broken *broken = of_client(client);
	ssize_t n = pull_input(client, buf, len, cursor);

	if (n > 0 && broken->request.action == HWKEY_DERIVE)
		buf[0] = (uint8_t)++broken->number;
	return n;
}

static void alter_derived_anew(struct hwkey_client_ops *ops)
{
	ops->pull_input = pull_and_count;
}

/* Everything is everybody's. */
static void ask_for_alice(struct broken *broken, struct hwkey_request *request)
{
	(void)broken;
	if (!hwkey_fills(request->action) && strcmp(request->name.owner, "uid-1001") == 0)
		memcpy(request->name.owner, "uid-1000", 9);
}

static void ask_for_more_slots(struct broken *broken, struct hwkey_request *request)
{
	(void)broken;
	request->slots_per_owner = UINT32_MAX;
}

static int find_the_first_id(struct broken *broken, const struct hwkey_name *name,
			     struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0)
		ret->ref.slot = name->number;
	return r;
}

static int find_when_done(struct broken *broken, const struct hwkey_name *name,
			  struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	return r == -PLUTON_EBUSY ? -PLUTON_ENODEVICE : r;
}

static int find_nothing_damaged(struct broken *broken, const struct hwkey_name *name,
				struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	return r == -PLUTON_EFAIL ? -PLUTON_ENODEVICE : r;
}

static uint32_t next_of_all(struct broken *broken, const char *owner, uint32_t after)
{
	uint32_t number = broken->inner->ops->next(broken->inner, owner, after);

	return number ? number : broken->inner->ops->next(broken->inner, "uid-1000", after);
}

static uint32_t next_leaves_out(struct broken *broken, const char *owner, uint32_t after)
{
	uint32_t number = broken->inner->ops->next(broken->inner, owner, after);

	return after > 0 && number ? broken->inner->ops->next(broken->inner, owner, number)
				   : number;
}

static uint32_t unused_is_high(struct broken *broken, const char *owner)
{
	return broken->inner->ops->unused(broken->inner, owner) + 7;
}

static const char *why_nothing(struct broken *broken)
{
	(void)broken;
	return "";
}

static const char *why_always(struct broken *broken)
{
	(void)broken;
	return "something may be wrong";
}

/* Nothing that is kept survives, and what is of this boot does. */
static void ask_the_other_way_round(struct broken *broken, struct hwkey_request *request)
{
	(void)broken;
	if (hwkey_fills(request->action))
		request->attributes.policy ^= HWKEY_THIS_BOOT;
}

static int find_the_other_way_round(struct broken *broken, const struct hwkey_name *name,
				    struct hwkey_about *ret)
{
	int r = broken->inner->ops->find(broken->inner, name, ret);

	if (r == 0)
		ret->attributes.policy ^= HWKEY_THIS_BOOT;
	return r;
}

/* A shorter wait: it does not look whether the key is one. */
static void done_of_no_key(struct hwkey_client *client, int result)
{
	done(client, result == -PLUTON_EINVAL ? -PLUTON_ESIZE : result);
}

static void alter_errors(struct hwkey_client_ops *ops)
{
	ops->done = done_of_no_key;
}

/* --- the suite ------------------------------------------------------------------------------- */

static int start_as_told(struct hwkey_engine *engine, const struct hwkey_request *request,
			 struct hwkey_client *client)
{
	return sabotage_in_use->start ? sabotage_in_use->start(engine, request, client)
				      : start(engine, request, client);
}

static const char *why(struct hwkey_engine *engine)
{
	struct broken *broken = of_engine(engine);

	return sabotage_in_use->why ? sabotage_in_use->why(broken)
				    : broken->inner->ops->why(broken->inner);
}

static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	struct broken *broken = of_engine(engine);

	return sabotage_in_use->find ? sabotage_in_use->find(broken, name, ret)
				     : broken->inner->ops->find(broken->inner, name, ret);
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	struct broken *broken = of_engine(engine);

	return sabotage_in_use->next ? sabotage_in_use->next(broken, owner, after)
				     : broken->inner->ops->next(broken->inner, owner, after);
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	struct broken *broken = of_engine(engine);

	return sabotage_in_use->unused ? sabotage_in_use->unused(broken, owner)
				       : broken->inner->ops->unused(broken->inner, owner);
}

static int open_broken(struct bench *bench)
{
	static const struct hwkey_engine_ops ops = {start_as_told, cancel, why, find, next, unused};
	struct broken *broken = calloc(1, sizeof(*broken));

	if (!broken || chip_bench_maker.open(bench) < 0)
		abort();
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (kind != HIL_HWKEY)
			bench->inner[kind] = NULL;
	}
	broken->inner = (struct hwkey_engine *)(void *)bench->inner[HIL_HWKEY];
	broken->engine = *broken->inner;
	broken->engine.ops = &ops;
	broken->ops = good_ops;
	broken->client.ops = &broken->ops;
	deferred_call_init(&broken->later, &bench->deferred, done_later);
	if (sabotage_in_use->alter_ops)
		sabotage_in_use->alter_ops(&broken->ops);
	if (sabotage_in_use->alter_caps)
		sabotage_in_use->alter_caps(&broken->engine.caps);
	bench->inner[HIL_HWKEY] = &broken->engine.head;
	latest = broken;
	return 0;
}

static void close_broken(struct bench *bench)
{
	deferred_call_drop(&latest->later);
	chip_bench_maker.close(bench);
	free(latest);
	latest = NULL;
}

static void run_suite(const struct sabotage *sabotage, struct bench_trial *trial, bool by_checker)
{
	static struct bench_maker maker;

	maker = (struct bench_maker){.name = "hil hwkey broken",
				     .open = open_broken,
				     .close = close_broken,
				     .store = chip_bench_maker.store};
	sabotage_in_use = sabotage;
	bench_use(&maker);
	bench_trial_begin(trial);
	for (const struct behaviour *behaviour = hwkey_behaviours;
	     behaviour->name && trial->violations == 0 && (by_checker || trial->failures == 0);
	     behaviour++)
		behaviour->run();
	bench_trial_end();
}

/* clang-format off */
#define BREAKS(test, rule, ...)                                                                    \
	static void test(void)                                                                     \
	{                                                                                          \
		static const struct sabotage sabotage = {__VA_ARGS__};                             \
		struct bench_trial trial;                                                          \
                                                                                                   \
		run_suite(&sabotage, &trial, true);                                                \
		bench_trial_expect(&trial, rule);                                                  \
	}
/* No rule is broken, and the behaviours expect something else. */
#define IS_WRONG(test, ...)                                                                        \
	static void test(void)                                                                     \
	{                                                                                          \
		static const struct sabotage sabotage = {__VA_ARGS__};                             \
		struct bench_trial trial;                                                          \
                                                                                                   \
		run_suite(&sabotage, &trial, false);                                               \
		CU_ASSERT_EQUAL(trial.violations, 0);                                              \
		CU_ASSERT(trial.failures > 0);                                                     \
	}

#define TESTS(breaks, is_wrong)                                                                    \
	breaks(test_an_engine_that_pulls_before_start_returns_breaks_SYNCHRONOUS_CALLBACK,         \
	       HIL_SYNCHRONOUS_CALLBACK, .start = start_and_pull)                                  \
	breaks(test_an_engine_that_says_done_on_another_thread_breaks_WRONG_THREAD,                \
	       HIL_WRONG_THREAD, .alter_ops = alter_thread)                                        \
	breaks(test_an_engine_that_ends_what_it_refused_breaks_START_FAILED_CALLBACK,              \
	       HIL_START_FAILED_CALLBACK, .start = fail_and_pull)                                  \
	breaks(test_an_engine_that_says_done_twice_breaks_DONE_TWICE,                              \
	       HIL_DONE_TWICE, .alter_ops = alter_done_twice)                                      \
	breaks(test_an_engine_that_pulls_after_done_breaks_CALLBACK_AFTER_DONE,                    \
	       HIL_CALLBACK_AFTER_DONE, .alter_ops = alter_pull_after_done)                        \
	breaks(test_an_engine_that_says_nothing_of_a_cancelled_request_breaks_DONE_MISSING,        \
	       HIL_DONE_MISSING, .alter_ops = alter_done_missing)                                  \
	breaks(test_an_engine_that_pulls_beyond_the_length_breaks_PULLED_TOO_MUCH,                 \
	       HIL_PULLED_TOO_MUCH, .alter_ops = alter_pull_beyond)                                \
	breaks(test_an_engine_that_pulls_a_key_twice_breaks_PULLED_TWICE,                          \
	       HIL_PULLED_TWICE, .alter_ops = alter_pull_twice)                                    \
	breaks(test_an_engine_that_leaves_a_gap_in_a_key_breaks_WRONG_CURSOR,                      \
	       HIL_WRONG_CURSOR, .alter_ops = alter_gap)                                           \
	breaks(test_an_engine_that_is_done_before_the_key_is_in_breaks_INCOMPLETE,                 \
	       HIL_INCOMPLETE, .alter_ops = alter_impatient)                                       \
	breaks(test_an_engine_that_pushes_an_import_breaks_EMPTY_PULL,                             \
	       HIL_EMPTY_PULL, .alter_ops = alter_push_an_import)                                  \
	breaks(test_an_engine_that_pulls_no_bytes_breaks_EMPTY_PULL,                               \
	       HIL_EMPTY_PULL, .alter_ops = alter_empty_pull)                                      \
	breaks(test_an_engine_that_goes_on_after_an_error_breaks_ERROR_NOT_REPORTED,               \
	       HIL_ERROR_NOT_REPORTED, .alter_ops = alter_errors_forgotten)                        \
	breaks(test_an_engine_that_reports_another_error_breaks_ERROR_NOT_REPORTED,                \
	       HIL_ERROR_NOT_REPORTED, .alter_ops = alter_another_error)                           \
	breaks(test_an_engine_that_takes_too_many_bytes_breaks_OVERLONG_COUNT,                     \
	       HIL_OVERLONG_COUNT, .alter_ops = alter_any_count)                                   \
	breaks(test_an_engine_that_keeps_the_end_of_the_output_breaks_INCOMPLETE,                  \
	       HIL_INCOMPLETE, .alter_ops = alter_kept_end)                                        \
	breaks(test_an_engine_that_fails_and_fills_the_slot_breaks_STATE_MISSING,                  \
	       HIL_STATE_MISSING, .alter_ops = alter_filled_and_failed)                            \
	breaks(test_an_engine_that_fails_and_empties_the_slot_breaks_STATE_MISSING,                \
	       HIL_STATE_MISSING, .alter_ops = alter_emptied_and_failed)                           \
	breaks(test_an_engine_that_fills_what_is_full_breaks_INCOMPLETE,                           \
	       HIL_INCOMPLETE, .alter_ops = alter_taken_is_fine)                                   \
	breaks(test_an_engine_that_says_nothing_of_a_store_that_failed_breaks_INCOMPLETE,          \
	       HIL_INCOMPLETE, .alter_ops = alter_failed_is_fine)                                  \
	breaks(test_an_engine_that_forgets_a_policy_breaks_INCOMPLETE,                             \
	       HIL_INCOMPLETE, .alter_request = ask_without_never_exported)                        \
	breaks(test_an_engine_that_wraps_what_is_never_exported_breaks_KEY_CROSSED,                \
	       HIL_KEY_CROSSED, .alter_request = ask_without_never_exported,                       \
	       .find = find_never_exported)                                                        \
	breaks(test_an_engine_that_gives_the_public_part_of_a_secret_breaks_KEY_CROSSED,           \
	       HIL_KEY_CROSSED, .find = find_a_secret)                                             \
	breaks(test_an_engine_that_wraps_a_piece_of_a_key_breaks_BAD_SIZE,                         \
	       HIL_BAD_SIZE, .find = find_a_longer_key)                                            \
	breaks(test_an_engine_whose_slots_are_in_another_vault_breaks_KEY_CROSSED,                 \
	       HIL_KEY_CROSSED, .find = find_elsewhere)                                            \
	breaks(test_an_engine_whose_slots_are_bytes_breaks_KEY_CROSSED,                            \
	       HIL_KEY_CROSSED, .find = find_bytes)                                                \
	breaks(test_an_engine_whose_list_does_not_go_on_breaks_WRONG_CURSOR,                       \
	       HIL_WRONG_CURSOR, .next = next_is_the_same)                                         \
	breaks(test_an_engine_whose_unused_number_is_taken_breaks_STATE_MISSING,                   \
	       HIL_STATE_MISSING, .unused = unused_is_one)                                         \
	breaks(test_an_engine_that_takes_a_type_that_it_has_not_breaks_CAPS_IGNORED,               \
	       HIL_CAPS_IGNORED, .alter_caps = alter_caps_without_p256)                            \
	breaks(test_an_engine_that_derives_a_type_that_it_does_not_breaks_CAPS_IGNORED,            \
	       HIL_CAPS_IGNORED, .alter_caps = alter_caps_without_derived_secrets)                 \
	breaks(test_an_engine_that_has_not_what_it_offers_breaks_CAPS_IGNORED,                     \
	       HIL_CAPS_IGNORED, .alter_caps = alter_caps_with_p384)                               \
	breaks(test_an_engine_that_takes_any_length_breaks_BAD_SIZE,                               \
	       HIL_BAD_SIZE, .start = start_without_a_check)                                       \
	breaks(test_an_engine_that_takes_what_has_no_number_breaks_CAPS_IGNORED,                   \
	       HIL_CAPS_IGNORED, .start = start_of_anything)                                       \
	is_wrong(test_an_engine_that_wraps_wrongly_is_noticed, .alter_ops = alter_output)          \
	is_wrong(test_an_engine_that_derives_without_the_input_is_noticed,                         \
		 .alter_ops = alter_derived_from_a_length)                                         \
	is_wrong(test_an_engine_that_derives_another_key_each_time_is_noticed,                     \
		 .alter_ops = alter_derived_anew)                                                  \
	is_wrong(test_an_engine_that_gives_one_owners_keys_to_another_is_noticed,                  \
		 .alter_request = ask_for_alice)                                                   \
	is_wrong(test_an_engine_that_knows_no_limit_of_an_owner_is_noticed,                        \
		 .alter_request = ask_for_more_slots)                                              \
	is_wrong(test_an_engine_that_gives_an_id_again_is_noticed, .find = find_the_first_id)      \
	is_wrong(test_an_engine_that_does_not_say_what_is_busy_is_noticed, .find = find_when_done) \
	is_wrong(test_an_engine_that_does_not_say_what_is_damaged_is_noticed,                      \
		 .find = find_nothing_damaged)                                                     \
	is_wrong(test_an_engine_that_lists_others_slots_is_noticed, .next = next_of_all)           \
	is_wrong(test_an_engine_that_leaves_out_slots_is_noticed, .next = next_leaves_out)         \
	is_wrong(test_an_engine_that_leaves_out_numbers_is_noticed, .unused = unused_is_high)      \
	is_wrong(test_an_engine_that_never_says_why_is_noticed, .why = why_nothing)                \
	is_wrong(test_an_engine_that_always_says_why_is_noticed, .why = why_always)                \
	is_wrong(test_an_engine_that_keeps_what_is_of_this_boot_is_noticed,                        \
		 .alter_request = ask_the_other_way_round, .find = find_the_other_way_round)       \
	is_wrong(test_an_engine_that_says_size_for_what_is_no_key_is_noticed,                      \
		 .alter_ops = alter_errors)
TESTS(BREAKS, IS_WRONG)
#define LISTED(test, ...) TEST(test),
/* clang-format on */

static void test_the_same_hwkey_engine_passes_when_it_breaks_nothing(void)
{
	static const struct sabotage none;
	struct bench_trial trial;

	run_suite(&none, &trial, false);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

static const struct test tests[] = {
	TESTS(LISTED, LISTED) TEST(test_the_same_hwkey_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hil hwkey broken", tests, TESTS_COUNT(tests));
}
