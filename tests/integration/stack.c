/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine is OpenSSL's, told that it can do one thing at a time. Who has its turn is known from
 * its arbiter when it is started; who waits is looked at then too, so one who asked since the last
 * turn counts from this one on.
 */
#include "tests/integration/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/stacked/stacked.h"
#include "hil/checker.h"
#include "tests/integration/forced.h"
#include "tests/suite.h"

/* --- books ----------------------------------------------------------------------------------- */

static void book_open(struct turn_book *book, uint32_t count)
{
	*book = (struct turn_book){.count = count,
				   .last = calloc(count, sizeof(uint64_t)),
				   .since = calloc(count, sizeof(uint64_t)),
				   .turns = calloc(count, sizeof(uint64_t))};
	if (!book->last || !book->since || !book->turns)
		abort();
}

static void book_close(struct turn_book *book)
{
	free(book->last);
	free(book->since);
	free(book->turns);
}

/* One that may be compared with `me` waits, or does not, at this turn of mine. */
static void book_waiting(struct turn_book *book, uint32_t me, uint32_t other, bool waits)
{
	if (!waits)
		book->since[other] = 0;
	else if (book->since[other] == 0)
		book->since[other] = book->now;
	book->unfair +=
		waits && other != me && book->last[me] > 0 && book->since[other] <= book->last[me];
}

static void book_turn(struct turn_book *book, uint32_t me, bool waits_again)
{
	book->last[me] = book->now;
	book->since[me] = waits_again ? book->now : 0;
	book->turns[me]++;
}

static bool party_waits(const struct arbiter *arbiter, uint32_t party)
{
	return arbiter->bits[party / 64] >> (party % 64) & 1;
}

/* As long as three want it all the time, each three turns in a row are one of each. */
static void note_trio(struct stack *stack, uint32_t party)
{
	const struct arbiter *arbiter = &stack->arbiters[HIL_DIGEST];
	unsigned at = stack->contended % 3, wanting = 0;

	for (uint32_t i = 0; i < stack->parties.count; i++)
		wanting += i == party || party_waits(arbiter, i);
	if (wanting < 3) {
		stack->contended -= at;
		return;
	}
	stack->trio[at] = party;
	stack->contended++;
	stack->uneven +=
		at == 2 && (stack->trio[0] == stack->trio[1] || stack->trio[1] == stack->trio[2] ||
			    stack->trio[0] == stack->trio[2]);
}

static void note(struct stack *stack)
{
	const struct arbiter *arbiter = &stack->arbiters[HIL_DIGEST];
	const struct hil_waiter *holder = arbiter->holding[0];
	uint32_t party, index;

	if (arbiter->holders != 1 || !holder) {
		stack->without_a_turn++;
		return;
	}
	party = holder->party;
	index = holder->owner->index;
	stack->parties.now++;
	stack->owners.now++;
	for (uint32_t i = 0; i < stack->parties.count; i++)
		book_waiting(&stack->parties, party, i, party_waits(arbiter, i));
	for (uint32_t i = 0; i < stack->owners.count; i++)
		book_waiting(&stack->owners, index, i,
			     arbiter->places[i].marked && arbiter->places[i].party == party);
	note_trio(stack, party);
	book_turn(&stack->parties, party, party_waits(arbiter, party));
	book_turn(&stack->owners, index, arbiter->places[index].marked);
}

/* --- the one engine -------------------------------------------------------------------------- */

static struct stack *of_digest(struct digest_engine *engine)
{
	return (struct stack *)(void *)((char *)engine - offsetof(struct stack, digest));
}

static struct digest_engine *inner_of(struct stack *stack)
{
	return (struct digest_engine *)(void *)stack->checked[HIL_DIGEST];
}

static int start(struct digest_engine *engine, const struct digest_request *request,
		 struct digest_client *client)
{
	struct stack *stack = of_digest(engine);

	note(stack);
	return inner_of(stack)->ops->start(inner_of(stack), request, client);
}

static int cancel(struct digest_engine *engine, struct digest_client *client)
{
	struct digest_engine *inner = inner_of(of_digest(engine));

	return inner->ops->cancel(inner, client);
}

/* --- the stack ------------------------------------------------------------------------------- */

static void violated(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	((struct stack *)context)->violations++;
	printf("# %s by %s: %s\n", checker_rule_name(rule), engine, sentence);
}

static void require(int r)
{
	if (r < 0)
		abort();
}

static void check(struct stack *stack, struct hil_engine *inner)
{
	const struct checker_options options = {
		.deferred = &stack->rig->kernel->deferred, .report = violated, .context = stack};

	require(checker_open(inner, &options, &stack->checked[inner->kind]));
}

static void share(struct stack *stack, struct hil_engine *engine)
{
	struct kernel *kernel = stack->rig->kernel;

	stack->ports[engine->kind] = engine;
	require(arbiter_init(&stack->arbiters[engine->kind], engine, &kernel->deferred,
			     kernel_owners_max(kernel), kernel_parties_max(kernel), 0,
			     kernel_find_owner, kernel));
}

static void open_digest(struct stack *stack, size_t slice)
{
	static const struct digest_engine_ops ops = {start, cancel};
	const struct openssl_options options = {OPENSSL_EXECUTION_SLICED, slice, NULL};

	require(openssl_open_with(&stack->rig->machine->engines.environment, &options,
				  &stack->openssl));
	stack->openssl->engines[HIL_DIGEST]->concurrency = 1;
	check(stack, stack->openssl->engines[HIL_DIGEST]);
	stack->digest = *inner_of(stack);
	stack->digest.ops = &ops;
	share(stack, &stack->digest.head);
}

static void open_on_top(struct stack *stack, enum hil_kind kind)
{
	struct hil_port ports[HIL_KINDS] = {0};

	for (enum hil_kind i = 0; i < HIL_KINDS; i++) {
		ports[i] = (struct hil_port){.kind = i, .count = stack->ports[i] != NULL};
		ports[i].engines[0] = stack->ports[i];
	}
	stack->stacked->join(stack->stacked, kind, ports);
	check(stack, stack->stacked->engines[kind]);
	share(stack, stack->checked[kind]);
}

void stack_open(struct stack *stack, struct rig *rig, size_t slice)
{
	struct kernel *kernel = rig->kernel;

	*stack = (struct stack){.rig = rig};
	open_digest(stack, slice);
	require(stacked_open(&rig->machine->engines.environment, &stack->stacked));
	open_on_top(stack, HIL_HMAC);
	open_on_top(stack, HIL_KDF);
	book_open(&stack->parties, kernel_parties_max(kernel));
	book_open(&stack->owners, kernel_owners_max(kernel));
	forced_hand_out(kernel, stack->ports);
}

void stack_close(struct stack *stack)
{
	forced_take_back(stack->rig);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (!stack->ports[kind])
			continue;
		CU_ASSERT_EQUAL(stack->arbiters[kind].holders, 0);
		CU_ASSERT_EQUAL(stack->arbiters[kind].marked, 0);
		CU_ASSERT_EQUAL(checker_settle(stack->checked[kind]), 0);
		arbiter_close(&stack->arbiters[kind]);
	}
	stacked_close(stack->stacked);
	openssl_close(stack->openssl);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (stack->checked[kind])
			checker_close(stack->checked[kind]);
	}
	CU_ASSERT_EQUAL(stack->violations, 0);
	CU_ASSERT_EQUAL(stack->without_a_turn, 0);
	CU_ASSERT_EQUAL(stack->parties.unfair, 0);
	CU_ASSERT_EQUAL(stack->owners.unfair, 0);
	CU_ASSERT_EQUAL(stack->uneven, 0);
	book_close(&stack->parties);
	book_close(&stack->owners);
}
