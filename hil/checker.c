/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker's operations: start, cancel, and the one done of each. The rule a newcomer
 * would break first: a done that the engine makes at a wrong moment must not reach the client at
 * that moment; it waits for the deferred call.
 */
#include "hil/checker-core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[HIL_RULES] = {
	[HIL_SYNCHRONOUS_CALLBACK] = "SYNCHRONOUS_CALLBACK",
	[HIL_NESTED_CALLBACK] = "NESTED_CALLBACK",
	[HIL_WRONG_THREAD] = "WRONG_THREAD",
	[HIL_START_FAILED_CALLBACK] = "START_FAILED_CALLBACK",
	[HIL_DONE_TWICE] = "DONE_TWICE",
	[HIL_CALLBACK_AFTER_DONE] = "CALLBACK_AFTER_DONE",
	[HIL_OVERLONG_COUNT] = "OVERLONG_COUNT",
	[HIL_WRONG_CURSOR] = "WRONG_CURSOR",
	[HIL_NOT_WHOLE] = "NOT_WHOLE",
	[HIL_WRONG_STEP] = "WRONG_STEP",
	[HIL_EMPTY_PULL] = "EMPTY_PULL",
	[HIL_PULLED_TWICE] = "PULLED_TWICE",
	[HIL_PULLED_TOO_MUCH] = "PULLED_TOO_MUCH",
	[HIL_INCOMPLETE] = "INCOMPLETE",
	[HIL_ERROR_NOT_REPORTED] = "ERROR_NOT_REPORTED",
	[HIL_LENT_AND_PULLED] = "LENT_AND_PULLED",
	[HIL_UNVERIFIED_PLAINTEXT] = "UNVERIFIED_PLAINTEXT",
	[HIL_READ_TWICE] = "READ_TWICE",
	[HIL_KEY_CROSSED] = "KEY_CROSSED",
	[HIL_STATE_MISSING] = "STATE_MISSING",
	[HIL_CAPS_IGNORED] = "CAPS_IGNORED",
	[HIL_BAD_SIZE] = "BAD_SIZE",
	[HIL_DONE_MISSING] = "DONE_MISSING",
};

static const struct {
	const struct checker_type *type;
	void (*open)(struct checker *checker);
} kinds[HIL_KINDS] = {
	[HIL_RNG] = {&checker_rng_type, checker_rng_open},
	[HIL_DIGEST] = {&checker_digest_type, checker_digest_open},
	[HIL_AES] = {&checker_aes_type, checker_aes_open},
	[HIL_HMAC] = {&checker_mac_type, checker_mac_open},
	[HIL_CMAC] = {&checker_mac_type, checker_mac_open},
	[HIL_NV] = {&checker_nv_type, checker_nv_open},
	[HIL_ALARM] = {&checker_alarm_type, checker_alarm_open},
	[HIL_CONSOLE] = {&checker_console_type, checker_console_open},
	[HIL_APP] = {&checker_app_type, checker_app_open},
	[HIL_ECC] = {&checker_ecc_type, checker_ecc_open},
	[HIL_RSA] = {&checker_rsa_type, checker_rsa_open},
	[HIL_KDF] = {&checker_kdf_type, checker_kdf_open},
	[HIL_HWKEY] = {&checker_hwkey_type, checker_hwkey_open},
};

const char *checker_rule_name(enum hil_rule rule)
{
	return (unsigned)rule < HIL_RULES ? rule_names[rule] : NULL;
}

static void report(struct checker *checker, enum hil_rule rule, const char *sentence)
{
	checker->violations++;
	if (checker->options.report)
		checker->options.report(checker->options.context, rule, checker->engine.head.name,
					sentence);
}

void checker_violation(struct checker_slot *slot, enum hil_rule rule, const char *format, ...)
{
	char sentence[160];
	va_list args;

	if (slot->poisoned)
		return;
	slot->poisoned = true;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	report(slot->checker, rule, sentence);
}

static void deliver_done(struct checker_slot *slot)
{
	struct checker *checker = slot->checker;
	bool orphaned = slot->state == SLOT_ORPHANED;
	void *outer = slot->outer;

	slot->done_waits = false;
	slot->state = SLOT_FREE;
	slot->start_failed = false;
	if (orphaned)
		return;
	checker->inside = INSIDE_DONE;
	if (checker->type->done_with_answer)
		checker->type->done_with_answer(slot, slot->result);
	else
		checker->type->done(outer, slot->result);
	checker->inside = INSIDE_NOTHING;
}

static void deliver(struct deferred_call *call)
{
	struct checker *checker =
		(struct checker *)(void *)((char *)call - offsetof(struct checker, deliver));

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (checker->slots[i].done_waits)
			deliver_done(&checker->slots[i]);
	}
}

void checker_done(struct checker_slot *slot, int result)
{
	struct checker *checker = slot->checker;
	bool on_loop = pthread_equal(pthread_self(), checker->thread);

	if (checker_admit(slot, CALL_DONE))
		checker_judge_done(slot, result);
	if (slot->state == SLOT_FREE || slot->done_waits)
		return;
	slot->result = slot->poisoned && result >= 0 ? -PLUTON_EFAIL : result;
	if (on_loop && !checker->calling && !checker->inside) {
		deliver_done(slot);
		return;
	}
	slot->done_waits = true;
	if (on_loop)
		deferred_call_set(&checker->deliver);
}

static struct checker_slot *take_slot(struct checker *checker)
{
	for (unsigned i = 1; i <= HIL_CONCURRENCY_MAX; i++) {
		unsigned index = (checker->last_slot + i) % HIL_CONCURRENCY_MAX;

		if (checker->slots[index].state == SLOT_FREE) {
			checker->last_slot = index;
			return &checker->slots[index];
		}
	}
	return NULL;
}

static unsigned under_way(const struct checker *checker)
{
	unsigned count = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		count += checker->slots[i].state != SLOT_FREE;
	return count;
}

static unsigned slow_under_way(const struct checker *checker)
{
	unsigned count = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		count += checker->slots[i].state != SLOT_FREE && checker->slots[i].slow;
	return count;
}

/* What the engine should answer to start. It may also say that it has no room or is gone. */
static int expected_answer(const struct checker *checker, const void *request)
{
	const struct hil_engine *inner = checker->inner;
	int r = checker->type->check(inner, request);

	if (r < 0)
		return r;
	if (hil_is_slow(inner, request) && slow_under_way(checker) >= inner->slow)
		return -PLUTON_EBUSY;
	return under_way(checker) >= inner->concurrency ? -PLUTON_EBUSY : 0;
}

static enum hil_rule start_rule(int error)
{
	return error == -PLUTON_ESIZE ? HIL_BAD_SIZE : HIL_CAPS_IGNORED;
}

static int accepted(struct checker_slot *slot, int expected)
{
	if (expected == 0) {
		slot->state = SLOT_RUNNING;
		return 0;
	}
	checker_violation(slot, start_rule(expected), "start returned 0, should be %s",
			  pluton_error_name(expected));
	slot->state = SLOT_ORPHANED;
	return expected;
}

static int refused(struct checker_slot *slot, int expected, int r)
{
	bool has_room = r != -PLUTON_EBUSY && r != -PLUTON_ENODEVICE && r != -PLUTON_ENOMEM;
	bool is_about_request = r == -PLUTON_ENOSUPPORT || r == -PLUTON_ESIZE;

	if (expected == 0 && is_about_request)
		checker_violation(slot, start_rule(r), "start refused with %s what caps offers",
				  pluton_error_name(r));
	if (expected != 0 && expected != -PLUTON_EBUSY && r != expected && has_room)
		checker_violation(slot, start_rule(expected), "start returned %s, should be %s",
				  pluton_error_name(r), pluton_error_name(expected));
	slot->state = SLOT_FREE;
	slot->start_failed = true;
	slot->done_waits = false;
	return r;
}

/* A client that starts from a pull or push breaks the contract, not the engine. */
static int refuse_nested_start(struct checker *checker)
{
	report(checker, HIL_NESTED_CALLBACK, "the client starts from inside a pull or push");
	return -PLUTON_EBUSY;
}

int checker_start(struct checker *checker, const void *request, void *outer)
{
	struct checker_slot *slot;
	int expected, r;

	if (checker->inside == INSIDE_MOVE)
		return refuse_nested_start(checker);
	expected = expected_answer(checker, request);
	slot = take_slot(checker);
	if (!slot)
		return -PLUTON_EBUSY;
	*slot = (struct checker_slot){.checker = checker,
				      .outer = outer,
				      .state = SLOT_STARTING,
				      .slow = hil_is_slow(checker->inner, request)};
	checker->type->attach(slot);
	if (expected == 0)
		checker->type->prepare(slot, request);
	checker->calling++;
	r = checker->type->start(slot, request);
	checker->calling--;
	return r == 0 ? accepted(slot, expected) : refused(slot, expected, r);
}

static struct checker_slot *find_running(struct checker *checker, const void *outer)
{
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		struct checker_slot *slot = &checker->slots[i];

		if (slot->state == SLOT_RUNNING && slot->outer == outer)
			return slot;
	}
	return NULL;
}

int checker_cancel(struct checker *checker, const void *outer)
{
	struct checker_slot *slot = find_running(checker, outer);
	int r;

	if (!slot)
		return -PLUTON_EINVAL;
	if (slot->done_waits) {
		deferred_call_set(&checker->deliver);
		return 0;
	}
	slot->cancelled = true;
	checker->calling++;
	r = checker->type->cancel(slot);
	checker->calling--;
	if (r < 0)
		checker_violation(slot, HIL_DONE_MISSING,
				  "cancel of what is under way was refused with %s",
				  pluton_error_name(r));
	return r;
}

/* The inner engine's head and caps, as they are now. */
static void copy_engine(struct checker *checker)
{
	struct hil_engine *head = &checker->engine.head;
	struct hil_engine own = *head;

	kinds[checker->inner->kind].open(checker);
	head->arbiter = own.arbiter;
	head->watchers = own.watchers;
	head->gate = NULL;
}

/* Whoever has a copy of the copy is told as well. */
static void changed(struct hil_watcher *watcher)
{
	struct checker *checker =
		(struct checker *)(void *)((char *)watcher - offsetof(struct checker, watcher));

	copy_engine(checker);
	hil_engine_changed(&checker->engine.head);
}

int checker_open(struct hil_engine *inner, const struct checker_options *options,
		 struct hil_engine **ret_engine)
{
	struct checker *checker;

	if ((unsigned)inner->kind >= HIL_KINDS || !kinds[inner->kind].type)
		return -PLUTON_ENOSUPPORT;
	checker = calloc(1, sizeof(*checker));
	if (!checker)
		return -PLUTON_ENOMEM;
	checker->inner = inner;
	checker->type = kinds[inner->kind].type;
	checker->options = *options;
	checker->thread = pthread_self();
	deferred_call_init(&checker->deliver, options->deferred, deliver);
	checker->watcher.changed = changed;
	copy_engine(checker);
	hil_engine_watch(inner, &checker->watcher);
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		checker->slots[i].checker = checker;
	*ret_engine = &checker->engine.head;
	return 0;
}

static struct checker *of_engine(struct hil_engine *engine)
{
	return (struct checker *)(void *)engine;
}

void checker_close(struct hil_engine *engine)
{
	struct checker *checker = of_engine(engine);

	deferred_call_drop(&checker->deliver);
	free(checker);
}

static void settle(struct checker_slot *slot)
{
	checker_violation(slot, HIL_DONE_MISSING, "no done came%s",
			  slot->cancelled ? " after cancel" : "");
	slot->result = -PLUTON_EFAIL;
	deliver_done(slot);
}

static bool may_go_on(const struct checker_slot *slot)
{
	const struct checker_type *type = slot->checker->type;

	return type->owes_nothing && type->owes_nothing(slot);
}

unsigned checker_settle(struct hil_engine *engine)
{
	struct checker *checker = of_engine(engine);
	unsigned count = 0;

	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		if (checker->slots[i].state == SLOT_FREE || may_go_on(&checker->slots[i]))
			continue;
		settle(&checker->slots[i]);
		count++;
	}
	return count;
}

uint64_t checker_violations(const struct hil_engine *engine)
{
	return ((const struct checker *)(const void *)engine)->violations;
}
