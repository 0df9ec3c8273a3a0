/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broken engines. Each is a short function in the place of one callback, of start or of done;
 * the table below says which one breaks which rule.
 */
#include "tests/hil/broken.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hil/aes.h"
#include "tests/hil/broken-half.h"
#include "tests/hil/chip.h"

#define ASKED_MAX 16384u

struct broken {
	struct aes_engine engine;
	struct aes_client client; /* the chip's */
	struct aes_client_ops ops;
	const struct sabotage *sabotage;
	struct chip *chip;
	struct aes_engine *inner;
	struct aes_client *outer; /* the operation under way */
	struct aes_request request;
	struct deferred_call later;
	int later_result;
	bool inside; /* a callback of the client */
	bool done_already;
	uint8_t state[HIL_STATE_MAX];
	uint8_t asked[ASKED_MAX];
};

BROKEN_SABOTAGE(aes)
BROKEN_OF(struct broken, aes)

/* --- passing on, as it should be ------------------------------------------------------------- */

static ssize_t pull_input(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct broken *broken = of_client(client);
	ssize_t n;

	broken->inside = true;
	n = broken->outer->ops->pull_input(broken->outer, buf, len, cursor);
	broken->inside = false;
	return n;
}

BROKEN_PASSES(aes, push_output, const uint8_t *)
BROKEN_PASSES(aes, pull_aad, uint8_t *)
BROKEN_PASSES_WHOLE(aes, pull_key, uint8_t *)
BROKEN_PASSES_WHOLE(aes, pull_iv, uint8_t *)
BROKEN_PASSES_WHOLE(aes, pull_ctr, uint8_t *)
BROKEN_PASSES_WHOLE(aes, pull_tag, uint8_t *)
BROKEN_PASSES_WHOLE(aes, push_tag, const uint8_t *)
BROKEN_PASSES_WHOLE(aes, pull_state, uint8_t *)

static const uint8_t *lend_input(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	struct aes_client *outer = of_client(client)->outer;

	return outer->ops->lend_input ? outer->ops->lend_input(outer, cursor, ret_len) : NULL;
}

static int push_state(struct aes_client *client, const uint8_t *state, size_t len)
{
	struct broken *broken = of_client(client);

	memcpy(broken->state, state, len);
	return broken->outer->ops->push_state(broken->outer, state, len);
}

static void done(struct aes_client *client, int result)
{
	struct broken *broken = of_client(client);

	if (broken->done_already)
		return;
	broken->outer->ops->done(broken->outer, result);
}

static const struct aes_client_ops good_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_aad = pull_aad,
	.lend_input = lend_input,
	.pull_key = pull_key,
	.pull_iv = pull_iv,
	.pull_ctr = pull_ctr,
	.pull_tag = pull_tag,
	.push_tag = push_tag,
	.pull_state = pull_state,
	.push_state = push_state,
	.done = done,
};

static int start(struct aes_engine *engine, const struct aes_request *request,
		 struct aes_client *client)
{
	struct broken *broken = of_engine(engine);
	int r = broken->inner->ops->start(broken->inner, request, &broken->client);

	if (r < 0)
		return r;
	broken->outer = client;
	broken->request = *request;
	broken->done_already = false;
	return 0;
}

static int cancel(struct aes_engine *engine, struct aes_client *client)
{
	struct broken *broken = of_engine(engine);

	if (broken->outer != client)
		return -PLUTON_EINVAL;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

/* --- rule 1: when and where callbacks run ---------------------------------------------------- */

static int start_and_pull_at_once(struct aes_engine *engine, const struct aes_request *request,
				  struct aes_client *client)
{
	uint8_t key[AES_KEY_SIZE_MAX];
	int r = start(engine, request, client);

	if (r == 0)
		client->ops->pull_key(client, key, request->key_size);
	return r;
}

/* "The client is waiting for us anyway." */
static int cancel_at_once_inside(struct aes_engine *engine, struct aes_client *client)
{
	struct broken *broken = of_engine(engine);
	int r = cancel(engine, client);

	if (r == 0 && broken->inside) {
		broken->done_already = true;
		client->ops->done(client, -PLUTON_ECANCEL);
	}
	return r;
}

struct errand {
	struct aes_client *client;
	uint8_t *buf;
	size_t len;
	size_t cursor;
	ssize_t answer;
};

static void *run_errand(void *arg)
{
	struct errand *errand = arg;

	errand->answer = pull_input(errand->client, errand->buf, errand->len, errand->cursor);
	return NULL;
}

static ssize_t pull_input_on_a_thread(struct aes_client *client, uint8_t *buf, size_t len,
				      size_t cursor)
{
	struct errand errand = {client, buf, len, cursor, -PLUTON_EFAIL};
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_errand, &errand) == 0)
		pthread_join(thread, NULL);
	return errand.answer;
}

static void alter_wrong_thread(struct aes_client_ops *ops)
{
	ops->pull_input = pull_input_on_a_thread;
}

/* --- rule 2: exactly one done ---------------------------------------------------------------- */

static void done_later(struct deferred_call *call)
{
	struct broken *broken =
		(struct broken *)(void *)((char *)call - offsetof(struct broken, later));

	broken->outer->ops->done(broken->outer, broken->later_result);
}

static int start_that_fails_twice(struct aes_engine *engine, const struct aes_request *request,
				  struct aes_client *client)
{
	struct broken *broken = of_engine(engine);
	int r = start(engine, request, client);

	if (r < 0) {
		broken->outer = client;
		broken->later_result = r;
		deferred_call_set(&broken->later);
	}
	return r;
}

BROKEN_DONE_TWICE(aes)

static void done_and_pull(struct aes_client *client, int result)
{
	struct aes_client *outer = of_client(client)->outer;
	uint8_t byte;

	outer->ops->done(outer, result);
	outer->ops->pull_input(outer, &byte, 1, 0);
}

static void alter_callback_after_done(struct aes_client_ops *ops)
{
	ops->done = done_and_pull;
}

/* --- rule 4: counts, cursors, steps ---------------------------------------------------------- */

BROKEN_OVERLONG_COUNT(aes)
BROKEN_WRONG_CURSOR(aes)

static int push_short_tag(struct aes_client *client, const uint8_t *tag, size_t len)
{
	return push_tag(client, tag, len - 4);
}

static void alter_not_whole(struct aes_client_ops *ops)
{
	ops->push_tag = push_short_tag;
}

static int pull_key_after_counter(struct aes_client *client, uint8_t *key, size_t len)
{
	uint8_t ctr[AES_BLOCK_SIZE];
	int r = pull_ctr(client, ctr, sizeof(ctr));

	return r < 0 ? r : pull_key(client, key, len);
}

static void alter_wrong_step(struct aes_client_ops *ops)
{
	ops->pull_key = pull_key_after_counter;
}

/* --- rule 5: all of the input, once ---------------------------------------------------------- */

static void done_after_a_look(struct aes_client *client, int result)
{
	struct broken *broken = of_client(client);
	uint8_t byte;

	if (result == 0 && broken->request.length == 0)
		broken->outer->ops->pull_input(broken->outer, &byte, 1, 0);
	done(client, result);
}

static void alter_empty_pull(struct aes_client_ops *ops)
{
	ops->done = done_after_a_look;
}

BROKEN_PULLED_TWICE(aes)

static ssize_t pull_input_and_more(struct aes_client *client, uint8_t *buf, size_t len,
				   size_t cursor)
{
	struct broken *broken = of_client(client);
	size_t more = broken->request.length - cursor + 1;
	ssize_t n = pull_input(client, broken->asked, more < ASKED_MAX ? more : ASKED_MAX, cursor);

	if (n > (ssize_t)len)
		n = (ssize_t)len;
	if (n > 0)
		memcpy(buf, broken->asked, (size_t)n);
	return n;
}

static void alter_pulled_too_much(struct aes_client_ops *ops)
{
	ops->pull_input = pull_input_and_more;
}

static int keep_tag(struct aes_client *client, const uint8_t *tag, size_t len)
{
	(void)client;
	(void)tag;
	(void)len;
	return 0;
}

static void alter_incomplete(struct aes_client_ops *ops)
{
	ops->push_tag = keep_tag;
}

/* --- rules 6 and 7: errors and lending ------------------------------------------------------- */

BROKEN_ERROR_NOT_REPORTED(aes)

static ssize_t lend_and_pull_input(struct aes_client *client, uint8_t *buf, size_t len,
				   size_t cursor)
{
	size_t lent;

	lend_input(client, cursor, &lent);
	return pull_input(client, buf, len, cursor);
}

static void alter_lent_and_pulled(struct aes_client_ops *ops)
{
	ops->pull_input = lend_and_pull_input;
}

/* --- rule 8: secrets ------------------------------------------------------------------------- */

static bool verifies(struct aes_client *client)
{
	const struct aes_request *request = &of_client(client)->request;

	return aes_is_aead(request->mode) && request->direction == AES_DECRYPT;
}

/* Gives out what it has before it knows the tag, and leaves it at that. */
static ssize_t pull_input_and_show(struct aes_client *client, uint8_t *buf, size_t len,
				   size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor), shown = 0;

	while (verifies(client) && shown < n) {
		ssize_t pushed = push_output(client, buf + shown, (size_t)(n - shown),
					     cursor + (size_t)shown);

		if (pushed <= 0)
			break;
		shown += pushed;
	}
	return n;
}

static ssize_t push_output_unless_shown(struct aes_client *client, const uint8_t *buf, size_t len,
					size_t cursor)
{
	return verifies(client) ? (ssize_t)len : push_output(client, buf, len, cursor);
}

static void alter_unverified_plaintext(struct aes_client_ops *ops)
{
	ops->pull_input = pull_input_and_show;
	ops->push_output = push_output_unless_shown;
}

BROKEN_READ_TWICE(aes)

/* --- rules 9 and 10: keys and state ---------------------------------------------------------- */

BROKEN_KEY_CROSSED(aes)

static int remember_state(struct aes_client *client, uint8_t *state, size_t len)
{
	memcpy(state, of_client(client)->state, len);
	return 0;
}

static void alter_state_missing(struct aes_client_ops *ops)
{
	ops->pull_state = remember_state;
}

/* --- rules 11 to 13: caps, sizes, cancel ----------------------------------------------------- */

/* The engine takes more than these say: it does not look at them. */
static void alter_caps_with_one_key_size(struct aes_caps *caps)
{
	caps->key_sizes = 1u << 4;
}

static void alter_caps_with_a_shorter_message(struct aes_caps *caps)
{
	caps->length_max--;
}

BROKEN_DONE_MISSING(aes)

/* --- the table ------------------------------------------------------------------------------- */

static const struct sabotage sabotages[HIL_RULES + 1] = {
	[HIL_SYNCHRONOUS_CALLBACK] = {.start = start_and_pull_at_once},
	[HIL_NESTED_CALLBACK] = {.cancel = cancel_at_once_inside},
	[HIL_WRONG_THREAD] = {.alter_ops = alter_wrong_thread},
	[HIL_START_FAILED_CALLBACK] = {.start = start_that_fails_twice},
	[HIL_DONE_TWICE] = {.alter_ops = alter_done_twice},
	[HIL_CALLBACK_AFTER_DONE] = {.alter_ops = alter_callback_after_done},
	[HIL_OVERLONG_COUNT] = {.alter_ops = alter_overlong_count},
	[HIL_WRONG_CURSOR] = {.alter_ops = alter_wrong_cursor},
	[HIL_NOT_WHOLE] = {.alter_ops = alter_not_whole},
	[HIL_WRONG_STEP] = {.alter_ops = alter_wrong_step},
	[HIL_EMPTY_PULL] = {.alter_ops = alter_empty_pull},
	[HIL_PULLED_TWICE] = {.alter_ops = alter_pulled_twice},
	[HIL_PULLED_TOO_MUCH] = {.alter_ops = alter_pulled_too_much},
	[HIL_INCOMPLETE] = {.alter_ops = alter_incomplete},
	[HIL_ERROR_NOT_REPORTED] = {.alter_ops = alter_error_not_reported},
	[HIL_LENT_AND_PULLED] = {.alter_ops = alter_lent_and_pulled},
	[HIL_UNVERIFIED_PLAINTEXT] = {.alter_ops = alter_unverified_plaintext},
	[HIL_READ_TWICE] = {.alter_ops = alter_read_twice},
	[HIL_KEY_CROSSED] = {.alter_caps = alter_caps_with_slots, .start = start_without_slots},
	[HIL_STATE_MISSING] = {.alter_ops = alter_state_missing},
	[HIL_CAPS_IGNORED] = {.alter_caps = alter_caps_with_one_key_size},
	[HIL_BAD_SIZE] = {.alter_caps = alter_caps_with_a_shorter_message},
	[HIL_DONE_MISSING] = {.alter_ops = alter_done_missing},
	[HIL_RULES] = {.start = start}, /* breaks none */
};

BROKEN_ENGINE(struct broken, aes, )

int broken_open(enum hil_rule rule, struct deferred_queue *deferred, struct broken **ret_broken)
{
	const struct chip_options options = {.deferred = deferred, .buffer = CHIP_BUFFER_SIZE};
	struct broken *broken;

	if ((unsigned)rule > HIL_RULES || BROKEN_IS_EMPTY(&sabotages[rule]))
		return -PLUTON_ENOSUPPORT;
	broken = calloc(1, sizeof(*broken));
	if (!broken || chip_open(&options, &broken->chip) < 0) {
		free(broken);
		return -PLUTON_ENOMEM;
	}
	break_engine(broken, chip_engine(broken->chip, HIL_AES), &sabotages[rule]);
	deferred_call_init(&broken->later, deferred, done_later);
	*ret_broken = broken;
	return 0;
}

void broken_close(struct broken *broken)
{
	deferred_call_drop(&broken->later);
	chip_close(broken->chip);
	free(broken);
}

struct hil_engine *broken_engine(struct broken *broken)
{
	return &broken->engine.head;
}
