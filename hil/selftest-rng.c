/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of random generators: there is no known answer, so it looks for what a broken one
 * does. The health tests of hil/rng-health.h on a kilobyte, which is what SP 800-90B (4.3) wants of
 * a start; and two requests must not begin alike.
 *
 * A generator can break later than that, so what clients are given goes through the health tests as
 * well, all of it, in the order in which the engine pushes it: a piece that does not pass reaches
 * nobody, and the generator has failed. The rule a newcomer would break first: a byte counts once,
 * when a client has taken it; what it leaves is pushed again.
 */
#include "hil/selftest-half.h"

#define TESTED 1024u  /* bytes of one request, where the engine gives so many at once */
#define HEAD_SIZE 32u /* bytes in which two requests differ */

/* Of the first bytes of two requests. */
static void compare_head(struct selftest_run *run, uint8_t byte, size_t at)
{
	if (at >= HEAD_SIZE)
		return;
	run->random.same += run->kept_length == HEAD_SIZE && run->kept[at] == byte;
	if (run->random.same == HEAD_SIZE) {
		run->wrong = true;
		run->why = "begins as it did before";
	}
	if (run->kept_length < HEAD_SIZE)
		run->kept[run->kept_length++] = byte;
}

static ssize_t push_output(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct selftest_run *run = (struct selftest_run *)(void *)client;
	bool second = run->random.second;
	const char *fault = rng_health_look(&run->random.health, buf, len);

	if (fault) {
		run->wrong = true;
		run->why = fault;
	}
	for (size_t i = 0; i < len; i++) {
		if (second || cursor + i >= run->kept_length)
			compare_head(run, buf[i], cursor + i);
	}
	run->moved[KNOWN_OUTPUT] += len;
	return (ssize_t)len;
}

SELFTEST_ENGINE(rng)

static const struct rng_client_ops client_ops = {.push_output = push_output, .done = rng_over};

/* --- what clients are given ------------------------------------------------------------------- */

static ssize_t watch_output(struct rng_client *client, const uint8_t *buf, size_t len,
			    size_t cursor)
{
	struct selftest_watch *watch = (struct selftest_watch *)(void *)client;
	struct selftest *selftest = watch->selftest;
	struct rng_health health = selftest->health;
	ssize_t n;

	if (!watch->fault && selftest->algorithms[0].state == SELFTEST_FAILED)
		watch->fault = selftest->algorithms[0].why;
	if (!watch->fault)
		watch->fault = rng_health_look(&health, buf, len);
	if (watch->fault) {
		selftest->health = (struct rng_health){0};
		selftest_fail(selftest, 0, watch->fault);
		return -PLUTON_EFAIL;
	}
	n = watch->outer->ops->push_output(watch->outer, buf, len, cursor);
	if (n == (ssize_t)len)
		selftest->health = health;
	else if (n > 0 && n < (ssize_t)len)
		rng_health_look(&selftest->health, buf, (size_t)n);
	return n;
}

static void watch_done(struct rng_client *client, int result)
{
	struct selftest_watch *watch = (struct selftest_watch *)(void *)client;
	struct rng_client *outer = watch->outer;

	if (watch->fault)
		result = selftest_refuse(watch->selftest, 0);
	*watch = (struct selftest_watch){0};
	outer->ops->done(outer, result);
}

static struct selftest_watch *find_watch(struct selftest *selftest, const void *outer)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (selftest->watches[i].outer == outer)
			return &selftest->watches[i];
	}
	return NULL;
}

static int serve(struct selftest *selftest, const void *request, void *client)
{
	static const struct rng_client_ops watch_ops = {.push_output = watch_output,
							.done = watch_done};
	struct selftest_watch *watch = find_watch(selftest, NULL);
	int r;

	if (!watch)
		return -PLUTON_EBUSY;
	*watch = (struct selftest_watch){
		.client = {&watch_ops}, .outer = client, .selftest = selftest};
	r = start_inner(selftest->inner, request, &watch->client);
	if (r < 0)
		*watch = (struct selftest_watch){0};
	return r;
}

static int withdraw(struct selftest *selftest, void *client)
{
	struct selftest_watch *watch = client ? find_watch(selftest, client) : NULL;

	return watch ? cancel_inner(selftest->inner, &watch->client) : -PLUTON_EINVAL;
}

/* --- the kind -------------------------------------------------------------------------------- */

static const char *const names[] = {"random"};

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
	(void)algorithm;
	if (step > 1)
		return KNOWN_END;
	run->client.rng.ops = &client_ops;
	run->random.second = step == 1;
	run->request.rng.length = run->items[KNOWN_OUTPUT].length = TESTED;
	return KNOWN_ASK;
}

SELFTEST_OPENS(rng, )
const struct selftest_kind selftest_rng_kind = {SELFTEST_MEMBERS(rng, NULL), .serve = serve,
						.withdraw = withdraw};
