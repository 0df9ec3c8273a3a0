/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round robin over parties, and over a party's owners; first come first served within an owner. The
 * rule a newcomer would break first: `granted` runs from the deferred call only, one grant in each
 * run, so that asking, releasing and withdrawing never call anybody.
 */
#include "hil/arbiter.h"

#include <stdlib.h>
#include <time.h>

#define BITS_PER_WORD 64u

static size_t words_of(uint32_t parties_max)
{
	return ((size_t)parties_max + BITS_PER_WORD - 1) / BITS_PER_WORD;
}

static uint64_t bit_of(uint32_t party)
{
	return UINT64_C(1) << (party % BITS_PER_WORD);
}

/* --- a party's owners ------------------------------------------------------------------------ */

/* Behind the others of its party. */
static void append(struct arbiter *arbiter, uint32_t index)
{
	struct arbiter_place *place = &arbiter->places[index];
	struct arbiter_party *party = &arbiter->parties[place->party];

	place->next = 0;
	place->before = party->last;
	if (party->last)
		arbiter->places[party->last - 1].next = index + 1;
	else
		party->first = index + 1;
	party->last = index + 1;
}

static void take_out(struct arbiter *arbiter, uint32_t index)
{
	const struct arbiter_place *place = &arbiter->places[index];
	struct arbiter_party *party = &arbiter->parties[place->party];

	if (place->before)
		arbiter->places[place->before - 1].next = place->next;
	else
		party->first = place->next;
	if (place->next)
		arbiter->places[place->next - 1].before = place->before;
	else
		party->last = place->before;
}

static void unmark(struct arbiter *arbiter, uint32_t index)
{
	struct arbiter_place *place = &arbiter->places[index];

	if (!place->marked)
		return;
	take_out(arbiter, index);
	place->marked = false;
	arbiter->marked--;
	if (!arbiter->parties[place->party].first)
		arbiter->bits[place->party / BITS_PER_WORD] &= ~bit_of(place->party);
}

static void mark(struct arbiter *arbiter, uint32_t index, uint32_t party)
{
	struct arbiter_place *place = &arbiter->places[index];

	if (place->marked && place->party != party)
		unmark(arbiter, index); /* one at this index that is gone */
	if (place->marked)
		return;
	*place = (struct arbiter_place){.party = party, .marked = true};
	append(arbiter, index);
	arbiter->marked++;
	arbiter->bits[party / BITS_PER_WORD] |= bit_of(party);
}

/* --- whose turn it is ------------------------------------------------------------------------ */

/* The lowest marked party from `from` on; false: none up to parties_max. */
static bool find_marked(const struct arbiter *arbiter, uint32_t from, uint32_t *ret_party)
{
	uint64_t mask = UINT64_MAX << (from % BITS_PER_WORD);

	for (size_t word = from / BITS_PER_WORD; word < words_of(arbiter->parties_max); word++) {
		uint64_t bits = arbiter->bits[word] & mask;

		if (bits) {
			*ret_party =
				(uint32_t)word * BITS_PER_WORD + (uint32_t)__builtin_ctzll(bits);
			return true;
		}
		mask = UINT64_MAX;
	}
	return false;
}

/* Places that one party may hold; 0: all. */
static unsigned share_of(const struct arbiter *arbiter)
{
	return arbiter->is_slow ? 1 : arbiter->engine->share;
}

/* The engine may have been replaced by one with other numbers: they are read each time. */
static unsigned places_of(const struct arbiter *arbiter)
{
	const struct hil_engine *engine = arbiter->engine;

	if (arbiter->is_slow)
		return engine->slow;
	return engine->concurrency - (arbiter->slow ? engine->slow : 0);
}

/* false: it holds as many places as one party can. */
static bool may_hold_more(const struct arbiter *arbiter, uint32_t party)
{
	unsigned share = share_of(arbiter);

	return share == 0 || arbiter->parties[party].holders < share;
}

/* find_marked among those that may hold more; no more than HIL_CONCURRENCY_MAX may not. */
static bool find_eligible(const struct arbiter *arbiter, uint32_t from, uint32_t *ret_party)
{
	while (find_marked(arbiter, from, ret_party)) {
		if (may_hold_more(arbiter, *ret_party))
			return true;
		from = *ret_party + 1;
	}
	return false;
}

/* The next party in turn: after the one served last, else from the beginning. */
static bool find_next(const struct arbiter *arbiter, uint32_t *ret_party)
{
	return arbiter->marked > 0 &&
	       (find_eligible(arbiter, arbiter->last_served + 1, ret_party) ||
		find_eligible(arbiter, 0, ret_party));
}

/* The link to an owner's oldest waiter at this arbiter; a link to NULL where there is none. */
static struct hil_waiter **oldest(const struct arbiter *arbiter, struct hil_owner *owner)
{
	struct hil_waiter **link = &owner->waiting;

	while (*link && (*link)->arbiter != arbiter)
		link = &(*link)->next;
	return link;
}

static void unlink_waiter(struct hil_waiter **link)
{
	struct hil_waiter *waiter = *link;
	struct hil_owner *owner = waiter->owner;

	*link = waiter->next;
	waiter->next = NULL;
	if (!*oldest(waiter->arbiter, owner))
		unmark(waiter->arbiter, owner->index);
}

/* The owner has had its turn, and goes behind the others of its party. */
static uint32_t rotate(struct arbiter *arbiter, uint32_t party)
{
	uint32_t index = arbiter->parties[party].first - 1;

	take_out(arbiter, index);
	append(arbiter, index);
	return index;
}

/* Takes out who is next; NULL: nobody waits who may hold more. Forgets the owners that are gone. */
static struct hil_waiter *take_next(struct arbiter *arbiter)
{
	uint32_t party;

	while (find_next(arbiter, &party)) {
		uint32_t index = rotate(arbiter, party);
		struct hil_owner *owner = arbiter->find_owner(arbiter->context, index);
		struct hil_waiter **link = owner ? oldest(arbiter, owner) : NULL;

		if (link && *link) {
			struct hil_waiter *waiter = *link;

			arbiter->last_served = party;
			unlink_waiter(link);
			return waiter;
		}
		unmark(arbiter, index);
	}
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool has_room(const struct arbiter *arbiter)
{
	return arbiter->holders < places_of(arbiter);
}

static void hold(struct arbiter *arbiter, struct hil_waiter *waiter)
{
	unsigned i = 0;

	while (arbiter->holding[i])
		i++;
	arbiter->holding[i] = waiter;
	arbiter->holders++;
	arbiter->parties[waiter->party].holders++;
	arbiter->grants++;
	waiter->state = HIL_HOLDING;
	waiter->deadline_ms = arbiter->deadline_ms ? now_ms() + arbiter->deadline_ms : 0;
}

/* One grant, then the loop's other calls get their turn before the next. */
static void serve(struct deferred_call *call)
{
	struct arbiter *arbiter =
		(struct arbiter *)(void *)((char *)call - offsetof(struct arbiter, serve));
	struct hil_waiter *waiter;

	if (!has_room(arbiter))
		return;
	waiter = take_next(arbiter);
	if (!waiter)
		return;
	hold(arbiter, waiter);
	if (has_room(arbiter) && arbiter->marked)
		deferred_call_set(call);
	waiter->granted(waiter);
}

static void free_tables(struct arbiter *arbiter)
{
	free(arbiter->places);
	free(arbiter->parties);
	free(arbiter->bits);
	arbiter->places = NULL;
	arbiter->parties = NULL;
	arbiter->bits = NULL;
}

static int make_tables(struct arbiter *arbiter)
{
	arbiter->bits = calloc(words_of(arbiter->parties_max), sizeof(uint64_t));
	arbiter->parties = calloc(arbiter->parties_max, sizeof(*arbiter->parties));
	arbiter->places = calloc(arbiter->owners_max, sizeof(*arbiter->places));
	if (arbiter->bits && arbiter->parties && arbiter->places)
		return 0;
	free_tables(arbiter);
	return -PLUTON_ENOMEM;
}

int arbiter_init(struct arbiter *arbiter, struct hil_engine *engine, struct deferred_queue *queue,
		 uint32_t owners_max, uint32_t parties_max, uint64_t deadline_ms,
		 struct hil_owner *(*find_owner)(void *context, uint32_t index), void *context)
{
	*arbiter = (struct arbiter){
		.engine = engine,
		.find_owner = find_owner,
		.context = context,
		.owners_max = owners_max,
		.parties_max = parties_max,
		.last_served = parties_max - 1, /* so that party 0 is the first in turn */
		.deadline_ms = deadline_ms,
	};
	if (engine->concurrency == 0 || engine->concurrency > HIL_CONCURRENCY_MAX)
		return -PLUTON_EINVAL;
	if (make_tables(arbiter) < 0)
		return -PLUTON_ENOMEM;
	deferred_call_init(&arbiter->serve, queue, serve);
	engine->arbiter = arbiter;
	return 0;
}

int arbiter_init_slow(struct arbiter *slow, struct arbiter *arbiter)
{
	const struct hil_engine *engine = arbiter->engine;

	*slow = (struct arbiter){
		.engine = arbiter->engine,
		.is_slow = true,
		.find_owner = arbiter->find_owner,
		.context = arbiter->context,
		.owners_max = arbiter->owners_max,
		.parties_max = arbiter->parties_max,
		.last_served = arbiter->parties_max - 1,
		.deadline_ms = arbiter->deadline_ms,
	};
	if (engine->slow == 0 || engine->slow >= engine->concurrency)
		return -PLUTON_EINVAL;
	if (make_tables(slow) < 0)
		return -PLUTON_ENOMEM;
	deferred_call_init(&slow->serve, arbiter->serve.queue, serve);
	arbiter->slow = slow;
	return 0;
}

void arbiter_close(struct arbiter *arbiter)
{
	if (arbiter->slow)
		arbiter_close(arbiter->slow);
	deferred_call_drop(&arbiter->serve);
	free_tables(arbiter);
	if (!arbiter->is_slow)
		arbiter->engine->arbiter = NULL;
}

void arbiter_measure(const struct arbiter *arbiter, struct arbiter_account *ret)
{
	struct arbiter_account slow = {0};

	if (arbiter->slow)
		arbiter_measure(arbiter->slow, &slow);
	*ret = (struct arbiter_account){.holders = arbiter->holders + slow.holders,
					.waiting = arbiter->marked + slow.waiting,
					.grants = arbiter->grants + slow.grants,
					.expirations = arbiter->expirations + slow.expirations};
}

/* A cycle of holders and askers would be a deadlock; levels make one impossible. */
static void assert_level(const struct hil_engine *engine, const struct hil_engine *above)
{
	if (above && engine->level >= above->level)
		abort();
}

static int ask(struct arbiter *arbiter, struct hil_waiter *waiter, struct hil_owner *owner,
	       const struct hil_engine *above)
{
	struct hil_waiter **link = &owner->waiting;

	assert_level(arbiter->engine, above);
	if (waiter->state != HIL_IDLE)
		return -PLUTON_EALREADY;
	if (owner->index >= arbiter->owners_max || owner->party >= arbiter->parties_max)
		abort();
	while (*link)
		link = &(*link)->next;
	*link = waiter;
	waiter->next = NULL;
	waiter->owner = owner;
	waiter->party = owner->party;
	waiter->arbiter = arbiter;
	waiter->state = HIL_WAITING;
	mark(arbiter, owner->index, owner->party);
	if (has_room(arbiter))
		deferred_call_set(&arbiter->serve);
	return 0;
}

int arbiter_request(struct hil_engine *engine, struct hil_waiter *waiter, struct hil_owner *owner,
		    const struct hil_engine *above)
{
	return ask(engine->arbiter, waiter, owner, above);
}

int arbiter_request_slow(struct hil_engine *engine, struct hil_waiter *waiter,
			 struct hil_owner *owner, const struct hil_engine *above)
{
	struct arbiter *slow = engine->arbiter->slow;

	return ask(slow ? slow : engine->arbiter, waiter, owner, above);
}

bool arbiter_withdraw(struct hil_waiter *waiter)
{
	struct hil_waiter **link;

	if (waiter->state != HIL_WAITING)
		return false;
	link = &waiter->owner->waiting;
	while (*link != waiter)
		link = &(*link)->next;
	unlink_waiter(link);
	waiter->state = HIL_IDLE;
	return true;
}

void arbiter_release(struct hil_waiter *waiter)
{
	struct arbiter *arbiter = waiter->arbiter;

	if (waiter->state != HIL_HOLDING)
		return;
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (arbiter->holding[i] == waiter)
			arbiter->holding[i] = NULL;
	}
	arbiter->holders--;
	arbiter->parties[waiter->party].holders--;
	waiter->state = HIL_IDLE;
	if (arbiter->marked)
		deferred_call_set(&arbiter->serve);
}

static void expire_holders(struct arbiter *arbiter, uint64_t at_ms)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct hil_waiter *waiter = arbiter->holding[i];

		if (!waiter || waiter->deadline_ms == 0 || waiter->deadline_ms > at_ms)
			continue;
		waiter->deadline_ms = 0; /* once */
		arbiter->expirations++;
		waiter->expired(waiter);
	}
}

void arbiter_expire(struct arbiter *arbiter, uint64_t at_ms)
{
	struct hil_engine *engine = arbiter->engine;

	if (engine->gate)
		engine->gate->expire(engine, at_ms);
	expire_holders(arbiter, at_ms);
	if (arbiter->slow)
		expire_holders(arbiter->slow, at_ms);
}
