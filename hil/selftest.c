/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for which test, and what came of it. The rule a newcomer would break first: an engine
 * that is busy with a test is so in somebody's turn, our own or that of a request that waits; no
 * turn may end before the test in it has.
 */
#include "hil/arbiter.h"
#include "hil/selftest-core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct selftest_kind *const kinds[HIL_KINDS] = {
	[HIL_RNG] = &selftest_rng_kind,	    [HIL_DIGEST] = &selftest_digest_kind,
	[HIL_AES] = &selftest_aes_kind,	    [HIL_HMAC] = &selftest_mac_kind,
	[HIL_CMAC] = &selftest_mac_kind,    [HIL_ECC] = &selftest_ecc_kind,
	[HIL_RSA] = &selftest_rsa_kind,	    [HIL_KDF] = &selftest_kdf_kind,
	[HIL_HWKEY] = &selftest_hwkey_kind,
};

const struct selftest_kind *selftest_kind_of(enum hil_kind kind)
{
	return (unsigned)kind < HIL_KINDS ? kinds[kind] : NULL;
}

static struct selftest *of_engine(struct hil_engine *engine)
{
	return (struct selftest *)(void *)engine;
}

static const struct selftest *of_engine_const(const struct hil_engine *engine)
{
	return (const struct selftest *)(const void *)engine;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_offered(const struct selftest *selftest, unsigned algorithm)
{
	return algorithm < SELFTEST_ALGORITHMS &&
	       selftest->kind->offered(selftest->inner) >> algorithm & 1;
}

/* --- what is known --------------------------------------------------------------------------- */

int known_pull(struct selftest_run *run, enum known_item item, uint8_t *buf, size_t len)
{
	const struct known *known = &run->items[item];

	if (known->length != len) {
		run->wrong = true;
		return -PLUTON_EFAIL;
	}
	memcpy(buf, known->bytes, len);
	return 0;
}

ssize_t known_pull_at(struct selftest_run *run, enum known_item item, uint8_t *buf, size_t len,
		      size_t cursor)
{
	const struct known *known = &run->items[item];

	if (cursor >= known->length) {
		run->wrong = true;
		return -PLUTON_EFAIL;
	}
	if (len > known->length - cursor)
		len = known->length - cursor;
	memcpy(buf, known->bytes + cursor, len);
	return (ssize_t)len;
}

static void keep(struct selftest_run *run, const uint8_t *buf, size_t len, size_t cursor)
{
	if (cursor > KEPT_MAX || len > KEPT_MAX - cursor) {
		run->wrong = true;
		return;
	}
	memcpy(run->kept + cursor, buf, len);
	run->kept_length = cursor + len;
}

static void compare(struct selftest_run *run, const struct known *known, const uint8_t *buf,
		    size_t len, size_t cursor)
{
	if (cursor > known->length || len > known->length - cursor ||
	    memcmp(known->bytes + cursor, buf, len) != 0)
		run->wrong = true;
}

ssize_t known_push_at(struct selftest_run *run, enum known_item item, const uint8_t *buf,
		      size_t len, size_t cursor)
{
	if (run->keeps && item == KNOWN_OUTPUT)
		keep(run, buf, len, cursor);
	else
		compare(run, &run->items[item], buf, len, cursor);
	run->moved[item] += len;
	return (ssize_t)len;
}

int known_push(struct selftest_run *run, enum known_item item, const uint8_t *buf, size_t len)
{
	known_push_at(run, item, buf, len, 0);
	return 0;
}

/* All that should have come out did, or nothing where nothing should. */
static bool is_complete(const struct selftest_run *run)
{
	for (unsigned item = KNOWN_OUTPUT; item < KNOWN_ITEMS; item++) {
		size_t wanted = run->expected < 0 ? 0 : run->items[item].length;

		if (run->keeps && item == KNOWN_OUTPUT)
			wanted = run->moved[item];
		if (run->moved[item] != wanted)
			return false;
	}
	return true;
}

/* --- refusals -------------------------------------------------------------------------------- */

int selftest_refuse(struct selftest *selftest, unsigned algorithm)
{
	selftest->refused = algorithm + 1;
	return -PLUTON_EFAIL;
}

/* What stands on another engine may have been refused there. */
static const char *refusal_below(const struct hil_engine *engine)
{
	struct hil_engine *below = engine->below;

	return below && below->gate ? below->gate->refusal(below) : NULL;
}

static int admit(struct hil_engine *engine, const void *request)
{
	struct selftest *selftest = of_engine(engine);
	unsigned algorithm = selftest->kind->algorithm_of(request);

	selftest->refused = 0;
	(void)refusal_below(engine);
	if (algorithm < SELFTEST_ALGORITHMS &&
	    selftest->algorithms[algorithm].state == SELFTEST_FAILED)
		return selftest_refuse(selftest, algorithm);
	return 0;
}

static bool binds(const struct hil_engine *engine, const void *request)
{
	const struct selftest_kind *kind = of_engine_const(engine)->kind;

	return kind->in_slot && kind->in_slot(request);
}

static const char *refusal(struct hil_engine *engine)
{
	struct selftest *selftest = of_engine(engine);
	unsigned algorithm = selftest->refused - 1;

	if (!selftest->refused)
		return refusal_below(engine);
	selftest->refused = 0;
	snprintf(selftest->why, sizeof(selftest->why),
		 "%s of engine %s failed its self test: it %s", selftest->kind->names[algorithm],
		 engine->name, selftest->algorithms[algorithm].why);
	return selftest->why;
}

/* --- the requests that wait ------------------------------------------------------------------ */

static struct selftest_parked *find_parked(struct selftest *selftest, const void *client)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (selftest->parked[i].client == client)
			return &selftest->parked[i];
	}
	return NULL;
}

static unsigned count_parked(const struct selftest *selftest)
{
	unsigned count = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		count += selftest->parked[i].client != NULL;
	return count;
}

/* What waits needs its place all the same. */
static bool has_place(const struct selftest *selftest, const void *request)
{
	const struct hil_engine *inner = selftest->inner;
	unsigned slow = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		slow += selftest->parked[i].client != NULL &&
			hil_is_slow(inner, &selftest->parked[i].request);
	if (hil_is_slow(inner, request) && slow >= inner->slow)
		return false;
	return count_parked(selftest) < inner->concurrency;
}

static int park(struct selftest *selftest, unsigned algorithm, const void *request, void *client)
{
	struct selftest_parked *parked = find_parked(selftest, NULL);

	if (!parked || !has_place(selftest, request))
		return -PLUTON_EBUSY;
	*parked = (struct selftest_parked){.client = client, .algorithm = algorithm};
	memcpy(&parked->request, request, selftest->kind->request_size);
	deferred_call_set(&selftest->work);
	return 0;
}

/* Its one done. */
static void end_parked(struct selftest *selftest, struct selftest_parked *parked, int result)
{
	void *client = parked->client;

	*parked = (struct selftest_parked){0};
	selftest->kind->done(client, result);
}

static int serve(struct selftest *selftest, const void *request, void *client)
{
	const struct selftest_kind *kind = selftest->kind;

	return kind->serve ? kind->serve(selftest, request, client)
			   : kind->start(selftest->inner, request, client);
}

static int withdraw(struct selftest *selftest, void *client)
{
	const struct selftest_kind *kind = selftest->kind;

	return kind->withdraw ? kind->withdraw(selftest, client)
			      : kind->cancel(selftest->inner, client);
}

/* The engine has it from now on, or it ends here. */
static void let_go(struct selftest *selftest, struct selftest_parked *parked)
{
	struct selftest_parked going = *parked;
	int r = selftest->algorithms[going.algorithm].state == SELFTEST_PASSED
			? serve(selftest, &going.request, going.client)
			: selftest_refuse(selftest, going.algorithm);

	if (r < 0)
		end_parked(selftest, parked, r);
	else
		*parked = (struct selftest_parked){0};
}

/* Another one that would wait for the test in its turn; NULL: nobody does. */
static struct selftest_parked *find_place(struct selftest *selftest)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct selftest_parked *parked = &selftest->parked[i];

		if (parked->client && !parked->cancelled)
			return parked;
	}
	return NULL;
}

static void end_cancelled(struct selftest *selftest)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct selftest_parked *parked = &selftest->parked[i];

		if (parked->client && parked->cancelled &&
		    (!selftest->test || parked != selftest->place))
			end_parked(selftest, parked, -PLUTON_ECANCEL);
	}
}

/* Those whose algorithm is judged; after an error, those who waited for that test. */
static void end_waiting(struct selftest *selftest, unsigned algorithm, int error)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct selftest_parked *parked = &selftest->parked[i];

		if (!parked->client || parked->cancelled || parked->algorithm != algorithm)
			continue;
		if (selftest->algorithms[algorithm].state != SELFTEST_UNTESTED)
			let_go(selftest, parked);
		else if (error < 0)
			end_parked(selftest, parked, error);
	}
}

/* --- a test ---------------------------------------------------------------------------------- */

static void tell_timed(const struct selftest *selftest, bool timed)
{
	if (selftest->options.timed)
		selftest->options.timed(selftest->options.context, timed);
}

/*
 * Half of what a turn may take: who waits for the test in his is told of it, and not cut off. What
 * stands on another engine has none: others' turns there take how long they take, and whoever
 * hangs is that engine, whose own turns end.
 */
static uint64_t find_deadline(const struct selftest *selftest)
{
	const struct hil_engine *head = &selftest->engine.head;
	uint64_t turn_ms = head->arbiter && !head->below ? head->arbiter->deadline_ms : 0;

	return turn_ms ? now_ms() + turn_ms / 2 : 0;
}

static void begin_test(struct selftest *selftest, unsigned algorithm, struct selftest_parked *place)
{
	selftest->test = TEST_ANSWERED;
	selftest->algorithm = algorithm;
	selftest->step = 0;
	selftest->answers = 0;
	selftest->place = place;
	selftest->stale = selftest->expired = false;
	selftest->outcome = 0;
	selftest->fault = NULL;
	selftest->deadline_ms = find_deadline(selftest);
	memset(&selftest->run, 0, sizeof(selftest->run));
	tell_timed(selftest, true);
}

static void empty(struct selftest_run *run)
{
	memset(&run->client, 0, sizeof(run->client));
	memset(&run->request, 0, sizeof(run->request));
	memset(run->items, 0, sizeof(run->items));
	memset(run->moved, 0, sizeof(run->moved));
	run->expected = 0;
	run->keeps = run->wrong = false;
	run->why = NULL;
}

/* The next operation that caps offer. false: there are no more, or it cannot be made. */
static bool ask_next(struct selftest *selftest)
{
	const struct selftest_kind *kind = selftest->kind;
	struct selftest_run *run = &selftest->run;
	enum known_step said;
	int r;

	do {
		empty(run);
		said = kind->prepare(run, selftest->algorithm, selftest->step++);
		if (said == KNOWN_ASK && kind->check(selftest->inner, &run->request) < 0)
			said = KNOWN_SKIP;
	} while (said == KNOWN_SKIP);
	if (said == KNOWN_END)
		return false;
	r = kind->start(selftest->inner, &run->request, &run->client);
	if (r < 0)
		selftest->outcome = r;
	else
		selftest->test = TEST_ASKED;
	return r == 0;
}

/* Errors that say nothing of the algorithm. */
static bool is_no_answer(int result)
{
	return result == -PLUTON_ENODEVICE || result == -PLUTON_ENOMEM || result == -PLUTON_EBUSY ||
	       result == -PLUTON_ECANCEL;
}

static const char *find_fault(const struct selftest_run *run, int result)
{
	if (run->wrong)
		return run->why ? run->why : "gave a wrong answer";
	if (result == 0 && run->expected < 0)
		return "took what is forged for genuine";
	if (result != run->expected)
		return "failed where it must not";
	return is_complete(run) ? NULL : "gave an answer of another length";
}

void selftest_done(struct selftest_run *run, int result)
{
	struct selftest *selftest =
		(struct selftest *)(void *)((char *)run - offsetof(struct selftest, run));

	selftest->test = TEST_ANSWERED;
	if (is_no_answer(result))
		selftest->outcome = result;
	else if (!selftest->fault)
		selftest->fault = find_fault(run, result);
	selftest->answers += result == run->expected;
	(void)refusal_below(&selftest->engine.head); /* was the test's alone */
	deferred_call_set(&selftest->work);
}

/* What stands on this engine rests on the algorithm, and is untested now. */
static void tell_judged(struct selftest *selftest, unsigned number)
{
	struct selftest_algorithm *algorithm = &selftest->algorithms[number];
	bool fails = algorithm->state == SELFTEST_FAILED, news = fails != algorithm->told;

	algorithm->told = fails;
	if ((fails || news) && selftest->options.judged)
		selftest->options.judged(selftest->options.context, &selftest->engine.head, number);
	if (news)
		hil_engine_changed(&selftest->engine.head);
}

static void judge(struct selftest *selftest)
{
	struct selftest_algorithm *algorithm = &selftest->algorithms[selftest->algorithm];

	if (selftest->expired)
		selftest->fault = "did not answer in time";
	else if (!selftest->fault && !selftest->answers)
		selftest->fault = "is offered in no way that there is a known answer for";
	algorithm->runs++;
	algorithm->failures += selftest->fault != NULL;
	algorithm->state = selftest->fault ? SELFTEST_FAILED : SELFTEST_PASSED;
	algorithm->why = selftest->fault ? selftest->fault : "";
	tell_judged(selftest, selftest->algorithm);
}

/* In a callback of the engine's; those who are told may not be. A test under way fails with it. */
void selftest_fail(struct selftest *selftest, unsigned number, const char *why)
{
	struct selftest_algorithm *algorithm = &selftest->algorithms[number];

	if (algorithm->state == SELFTEST_FAILED)
		return;
	algorithm->state = SELFTEST_FAILED;
	algorithm->why = why;
	algorithm->runs++;
	algorithm->failures++;
	algorithm->untold = true;
	if (selftest->test && selftest->algorithm == number)
		selftest->fault = why;
	deferred_call_set(&selftest->work);
}

static void tell_failed(struct selftest *selftest)
{
	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (!selftest->algorithms[i].untold)
			continue;
		selftest->algorithms[i].untold = false;
		tell_judged(selftest, i);
	}
}

/* Whoever it ran in the place of took it with him: that is no answer to us, who want it as well. */
static bool is_cut_short(const struct selftest *selftest)
{
	return selftest->place && selftest->outcome == -PLUTON_ECANCEL && !selftest->expired;
}

static void end_test(struct selftest *selftest)
{
	unsigned algorithm = selftest->algorithm;
	int error = selftest->outcome;
	bool judged = !selftest->stale && (selftest->expired || error == 0);

	selftest->test = TEST_NONE;
	if (!selftest->stale && !is_cut_short(selftest))
		selftest->algorithms[algorithm].wanted = false;
	explicit_bzero(&selftest->run, sizeof(selftest->run));
	if (judged)
		judge(selftest);
	tell_timed(selftest, false);
	/* Our own cancel is not the answer to anybody else who waits. */
	end_waiting(selftest, algorithm, error == -PLUTON_ECANCEL ? 0 : error);
	if (!selftest->place)
		arbiter_release(&selftest->turn);
	selftest->place = NULL;
}

/* The turn in which the test goes on is somebody else's now; false: nobody's, so it must end. */
static bool move_test(struct selftest *selftest)
{
	struct selftest_parked *other = find_place(selftest);

	if (other)
		selftest->place = other;
	return other != NULL;
}

static void find_outcome(struct selftest *selftest)
{
	bool ends = selftest->stopped ||
		    (selftest->place && selftest->place->cancelled && !move_test(selftest));

	if (selftest->outcome || selftest->fault)
		return;
	if (selftest->inner->absent)
		selftest->outcome = -PLUTON_ENODEVICE;
	else if (ends)
		selftest->outcome = -PLUTON_ECANCEL;
}

static void go_on(struct selftest *selftest)
{
	bool over;

	find_outcome(selftest);
	over = selftest->fault || selftest->outcome || selftest->stale || selftest->expired;
	if (over || !ask_next(selftest))
		end_test(selftest);
}

/* --- which test is next ---------------------------------------------------------------------- */

static int find_wanted(const struct selftest *selftest)
{
	if (selftest->stopped || selftest->inner->absent)
		return -1;
	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (selftest->algorithms[i].wanted)
			return (int)i;
	}
	return -1;
}

/* Between two tests of ours others have their turn. */
static void begin_wanted(struct selftest *selftest)
{
	int wanted = find_wanted(selftest);

	if (wanted < 0) {
		if (!arbiter_withdraw(&selftest->turn))
			arbiter_release(&selftest->turn);
	} else if (selftest->turn.state == HIL_HOLDING) {
		begin_test(selftest, (unsigned)wanted, NULL);
	} else {
		arbiter_request(&selftest->engine.head, &selftest->turn, selftest->options.owner,
				NULL);
	}
}

static void begin_next(struct selftest *selftest)
{
	struct selftest_parked *parked = find_place(selftest);

	if (parked)
		begin_test(selftest, parked->algorithm, parked);
	else
		begin_wanted(selftest);
}

static void tell_ended(struct selftest *selftest)
{
	if (!selftest->asked || selftest_pending(&selftest->engine.head))
		return;
	selftest->asked = false;
	if (selftest->options.ended)
		selftest->options.ended(selftest->options.context, &selftest->engine.head);
}

static void work(struct deferred_call *call)
{
	struct selftest *selftest =
		(struct selftest *)(void *)((char *)call - offsetof(struct selftest, work));

	tell_failed(selftest);
	if (selftest->test == TEST_ANSWERED)
		go_on(selftest);
	end_cancelled(selftest);
	if (selftest->test == TEST_NONE)
		begin_next(selftest);
	if (selftest->test == TEST_ANSWERED)
		deferred_call_set(call);
	tell_ended(selftest);
}

static void granted(struct hil_waiter *turn)
{
	struct selftest *selftest =
		(struct selftest *)(void *)((char *)turn - offsetof(struct selftest, turn));

	deferred_call_set(&selftest->work);
}

/* Ours is earlier. */
static void turn_expired(struct hil_waiter *turn)
{
	(void)turn;
}

static void expire(struct hil_engine *engine, uint64_t at_ms)
{
	struct selftest *selftest = of_engine(engine);

	if (selftest->test != TEST_ASKED || selftest->expired || !selftest->deadline_ms ||
	    selftest->deadline_ms > at_ms)
		return;
	selftest->expired = true;
	selftest->algorithms[selftest->algorithm].state = SELFTEST_FAILED;
	selftest->algorithms[selftest->algorithm].why = "did not answer in time";
	selftest->kind->cancel(selftest->inner, &selftest->run.client);
}

/* --- the engine ------------------------------------------------------------------------------ */

int selftest_start(struct hil_engine *engine, const void *request, void *client)
{
	struct selftest *selftest = of_engine(engine);
	const struct selftest_kind *kind = selftest->kind;
	unsigned algorithm;
	int r = engine->absent ? -PLUTON_ENODEVICE : kind->check(selftest->inner, request);

	if (r < 0)
		return r;
	algorithm = kind->algorithm_of(request);
	selftest->refused = 0;
	switch (selftest->algorithms[algorithm].state) {
	case SELFTEST_PASSED:
		return serve(selftest, request, client);
	case SELFTEST_FAILED:
		return selftest_refuse(selftest, algorithm);
	default:
		return park(selftest, algorithm, request, client);
	}
}

int selftest_cancel(struct hil_engine *engine, void *client)
{
	struct selftest *selftest = of_engine(engine);
	struct selftest_parked *parked = client ? find_parked(selftest, client) : NULL;

	if (!parked)
		return withdraw(selftest, client);
	if (parked->cancelled)
		return 0;
	parked->cancelled = true;
	if (selftest->test == TEST_ASKED && selftest->place == parked && !move_test(selftest))
		selftest->kind->cancel(selftest->inner, &selftest->run.client);
	deferred_call_set(&selftest->work);
	return 0;
}

static const struct hil_gate gate = {
	.admit = admit, .binds = binds, .refusal = refusal, .expire = expire};

/* The inner engine's head and caps, as they are now. */
static void copy_engine(struct selftest *selftest)
{
	struct hil_engine *head = &selftest->engine.head;
	struct hil_engine own = *head;

	selftest->kind->open(selftest);
	head->arbiter = own.arbiter;
	head->watchers = own.watchers;
	head->gate = &gate;
}

/* Nothing is known of a device that has just come. */
static void forget(struct selftest *selftest)
{
	bool absent = selftest->inner->absent;

	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		struct selftest_algorithm *algorithm = &selftest->algorithms[i];

		*algorithm =
			(struct selftest_algorithm){.runs = algorithm->runs,
						    .failures = algorithm->failures,
						    .told = algorithm->told,
						    .wanted = !absent && is_offered(selftest, i),
						    .why = ""};
	}
	selftest->health = (struct rng_health){0};
	selftest->stale = true;
	selftest->asked = selftest->asked || !absent;
}

static void changed(struct hil_watcher *watcher)
{
	struct selftest *selftest =
		(struct selftest *)(void *)((char *)watcher - offsetof(struct selftest, watcher));

	copy_engine(selftest);
	forget(selftest);
	if (selftest->engine.head.arbiter)
		deferred_call_set(&selftest->work);
	hil_engine_changed(&selftest->engine.head);
}

/* --- what the daemon asks -------------------------------------------------------------------- */

int selftest_open(struct hil_engine *inner, const struct selftest_options *options,
		  struct hil_engine **ret_engine)
{
	struct selftest *selftest;

	if (!selftest_kind_of(inner->kind))
		return -PLUTON_ENOSUPPORT;
	selftest = calloc(1, sizeof(*selftest));
	if (!selftest)
		return -PLUTON_ENOMEM;
	selftest->inner = inner;
	selftest->kind = kinds[inner->kind];
	selftest->options = *options;
	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++)
		selftest->algorithms[i].why = "";
	selftest->turn.granted = granted;
	selftest->turn.expired = turn_expired;
	deferred_call_init(&selftest->work, options->deferred, work);
	copy_engine(selftest);
	selftest->watcher.changed = changed;
	hil_engine_watch(inner, &selftest->watcher);
	*ret_engine = &selftest->engine.head;
	return 0;
}

void selftest_close(struct hil_engine *engine)
{
	struct selftest *selftest = of_engine(engine);

	deferred_call_drop(&selftest->work);
	explicit_bzero(selftest, sizeof(*selftest));
	free(selftest);
}

struct hil_engine *selftest_inner(const struct hil_engine *engine)
{
	return of_engine_const(engine)->inner;
}

void selftest_begin(struct hil_engine *engine)
{
	struct selftest *selftest = of_engine(engine);

	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++)
		selftest->algorithms[i].wanted = is_offered(selftest, i);
	selftest->asked = true;
	deferred_call_set(&selftest->work);
}

bool selftest_pending(const struct hil_engine *engine)
{
	const struct selftest *selftest = of_engine_const(engine);

	return find_wanted(selftest) >= 0 || (selftest->test && !selftest->place);
}

void selftest_stop(struct hil_engine *engine)
{
	struct selftest *selftest = of_engine(engine);

	selftest->stopped = true;
	if (selftest->test == TEST_ASKED)
		selftest->kind->cancel(selftest->inner, &selftest->run.client);
	deferred_call_set(&selftest->work);
}

bool selftest_busy(const struct hil_engine *engine)
{
	const struct selftest *selftest = of_engine_const(engine);

	return selftest->test || selftest->turn.state != HIL_IDLE;
}

static enum selftest_state state_of(const struct selftest *selftest, unsigned algorithm)
{
	enum selftest_state state = selftest->algorithms[algorithm].state;

	if (selftest->inner->absent)
		return SELFTEST_ABSENT;
	if (state == SELFTEST_UNTESTED && selftest->test && selftest->algorithm == algorithm)
		return SELFTEST_RUNNING;
	return state;
}

bool selftest_look(const struct hil_engine *engine, unsigned algorithm, struct selftest_result *ret)
{
	const struct selftest *selftest = of_engine_const(engine);

	if (!is_offered(selftest, algorithm))
		return false;
	*ret = (struct selftest_result){
		.algorithm = selftest->kind->names[algorithm],
		.state = state_of(selftest, algorithm),
		.runs = selftest->algorithms[algorithm].runs,
		.failures = selftest->algorithms[algorithm].failures,
		.why = selftest->algorithms[algorithm].why,
	};
	return true;
}
