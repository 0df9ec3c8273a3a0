/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of random generators: there is no known answer, so it looks for what a broken one
 * does. The health tests of NIST SP 800-90B on a kilobyte: repetition count (4.4.1) and adaptive
 * proportion (4.4.2), for bytes of full entropy and with a chance of 2^-40 to find fault with a
 * good generator; and two requests must not begin alike.
 */
#include "hil/selftest-half.h"

#define TESTED 1024u	 /* bytes of one request, where the engine gives so many at once */
#define REPEATS_MAX 5u	 /* the cutoff is 1 + 40 bits / 8 bits = 6 in a row */
#define WINDOW_SIZE 512u /* bytes */
#define FOUND_MAX 18u	 /* the cutoff is 1 + critbinom(512, 2^-8, 1 - 2^-40) = 19 */
#define HEAD_SIZE 32u	 /* bytes in which two requests differ */

static void look_at(struct selftest_run *run, uint8_t byte)
{
	struct known_random *random = &run->random;

	if (random->at % WINDOW_SIZE == 0) {
		random->first = byte;
		random->found = 0;
	}
	random->repeats = random->at && byte == random->last ? random->repeats + 1 : 1;
	random->last = byte;
	random->found += byte == random->first;
	random->at++;
	if (random->repeats > REPEATS_MAX || random->found > FOUND_MAX)
		run->wrong = true;
}

/* Of the first bytes of two requests. */
static void compare_head(struct selftest_run *run, uint8_t byte, size_t at)
{
	if (at >= HEAD_SIZE)
		return;
	run->random.same += run->kept_length == HEAD_SIZE && run->kept[at] == byte;
	if (run->random.same == HEAD_SIZE)
		run->wrong = true;
	if (run->kept_length < HEAD_SIZE)
		run->kept[run->kept_length++] = byte;
}

static ssize_t push_output(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct selftest_run *run = (struct selftest_run *)(void *)client;
	bool second = run->random.second;

	for (size_t i = 0; i < len; i++) {
		look_at(run, buf[i]);
		if (second || cursor + i >= run->kept_length)
			compare_head(run, buf[i], cursor + i);
	}
	run->moved[KNOWN_OUTPUT] += len;
	return (ssize_t)len;
}

SELFTEST_ENGINE(rng)

static const struct rng_client_ops client_ops = {.push_output = push_output, .done = rng_over};

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

SELFTEST_KIND(rng, selftest_rng_kind, NULL)
