/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw calls of Tock's TRD104 and the three yields. A raw call waits for its RETURN and runs no
 * callback meanwhile: upcalls that come are kept until a yield.
 */
#include "client-lib/connection.h"

#include <stdlib.h>
#include <string.h>

struct subscription {
	struct subscription *next;
	uint32_t driver;
	uint32_t number;
	uint32_t token; /* 0: nobody; upcalls then wait for pluton_yield_wait_for only */
	pluton_upcall_fn function;
	void *userdata;
};

struct upcall {
	struct due due;
	uint32_t driver;
	uint32_t number;
	uint32_t words[RECORD_RETURN_WORDS];
	pluton_upcall_fn function; /* that was subscribed when it came */
	void *userdata;
};

/* --- subscriptions --------------------------------------------------------------------------- */

static struct subscription *find(const struct pluton *pluton, uint32_t driver, uint32_t number)
{
	struct subscription *subscription = pluton->trd104.subscriptions;

	while (subscription && (subscription->driver != driver || subscription->number != number))
		subscription = subscription->next;
	return subscription;
}

static struct subscription *find_or_make(struct pluton *pluton, uint32_t driver, uint32_t number)
{
	struct subscription *subscription = find(pluton, driver, number);

	if (subscription)
		return subscription;
	subscription = malloc(sizeof(*subscription));
	if (!subscription)
		return NULL;
	*subscription = (struct subscription){
		.next = pluton->trd104.subscriptions,
		.driver = driver,
		.number = number,
	};
	pluton->trd104.subscriptions = subscription;
	return subscription;
}

/* --- upcalls --------------------------------------------------------------------------------- */

static bool run_upcall(struct pluton *pluton, struct due *due)
{
	struct upcall upcall = *(struct upcall *)due;

	free(due);
	pluton->trd104.upcalls_due--;
	if (!upcall.function)
		return false;
	upcall.function(pluton, upcall.words, upcall.userdata);
	return true;
}

int trd104_upcall(struct pluton *pluton, const struct record *record)
{
	const struct record_upcall *sent = &record->upcall;
	const struct subscription *subscription = find(pluton, record->header.driver, sent->number);
	struct upcall *upcall;

	if (sent->output_length != 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "an upcall that carries output");
	if (sent->subscription != (subscription ? subscription->token : 0))
		return 0;
	if (pluton->trd104.upcalls_due >= UPCALLS_MAX)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a flood of upcalls");
	upcall = malloc(sizeof(*upcall));
	if (!upcall)
		return connection_fail(pluton, -PLUTON_ENOMEM, "no memory for an upcall");
	*upcall = (struct upcall){
		.due = {.run = run_upcall},
		.driver = record->header.driver,
		.number = sent->number,
	};
	if (subscription) {
		upcall->function = subscription->function;
		upcall->userdata = subscription->userdata;
	}
	memcpy(upcall->words, sent->words, sizeof(upcall->words));
	pluton->trd104.upcalls_due++;
	due_push(pluton, &upcall->due);
	return 0;
}

static bool matches(const struct due *due, uint32_t driver, uint32_t number)
{
	const struct upcall *upcall = (const struct upcall *)due;

	return due->run == run_upcall && upcall->driver == driver && upcall->number == number;
}

/* Takes the first upcall of (driver, number) out of the queue; NULL if there is none. */
static struct upcall *take_upcall(struct pluton *pluton, uint32_t driver, uint32_t number)
{
	struct due **at = &pluton->due.head;
	struct due *due;

	while (*at && !matches(*at, driver, number))
		at = &(*at)->next;
	due = *at;
	if (!due)
		return NULL;
	*at = due->next;
	if (!due->next)
		pluton->due.tail = at;
	pluton->trd104.upcalls_due--;
	return (struct upcall *)due;
}

static void cancel_upcalls(struct pluton *pluton, uint32_t driver, uint32_t number)
{
	struct upcall *upcall = take_upcall(pluton, driver, number);

	while (upcall) {
		free(upcall);
		upcall = take_upcall(pluton, driver, number);
	}
}

void trd104_lost(struct pluton *pluton)
{
	struct subscription *subscription = pluton->trd104.subscriptions;

	while (subscription) {
		struct subscription *next = subscription->next;

		free(subscription);
		subscription = next;
	}
	pluton->trd104.subscriptions = NULL;
}

void trd104_close(struct pluton *pluton)
{
	struct due *due = pluton->due.head;

	while (due) {
		struct due *next = due->next;

		if (due->run == run_upcall)
			free((struct upcall *)due);
		due = next;
	}
	trd104_lost(pluton);
}

/* --- calls ----------------------------------------------------------------------------------- */

static bool known_variant(uint32_t variant)
{
	return variant <= VARIANT_FAILURE_2U32 ||
	       (variant >= VARIANT_SUCCESS && variant <= VARIANT_SUCCESS_2U32) ||
	       variant == VARIANT_SUCCESS_3U32;
}

static int call(struct pluton *pluton, uint32_t driver, const struct record_call *arguments,
		struct pluton_return *ret)
{
	const struct record record = {
		.header = {.type = RECORD_CALL, .driver = driver},
		.call = *arguments,
	};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = reconnect_raw(pluton);
	if (r < 0)
		return r;
	if (pluton->trd104.upcalls_due >= UPCALLS_SOFT_MAX)
		return connection_refuse(pluton, -PLUTON_EBUSY,
					 "%u upcalls wait to be run: yield first",
					 pluton->trd104.upcalls_due);
	r = connection_exchange(pluton, &record, -1, ret);
	if (r == -PLUTON_EOFF && reconnect_wanted(pluton))
		return reconnect_raw_lost(pluton);
	if (pluton->error == 0 && !known_variant(ret->variant))
		return connection_fail(pluton, -PLUTON_EBADRVAL, "return variant %u is none",
				       ret->variant);
	return r;
}

int pluton_command(struct pluton *pluton, uint32_t driver, uint32_t command, uint32_t arg0,
		   uint32_t arg1, struct pluton_return *ret)
{
	const struct record_call arguments = {
		.class = CLASS_COMMAND, .number = command, .args = {arg0, arg1}};

	return call(pluton, driver, &arguments, ret);
}

static int allow(struct pluton *pluton, enum record_class class, uint32_t driver, uint32_t slot,
		 const struct pluton_range *range, struct pluton_range *ret_old)
{
	const struct record_call arguments = {
		.class = class,
		.number = slot,
		.args = {range->window, range->offset, range->length},
	};
	struct pluton_return answer;
	int r = call(pluton, driver, &arguments, &answer);

	if (r < 0)
		return r;
	if (answer.variant != VARIANT_SUCCESS_3U32)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "allow returned no range");
	if (ret_old)
		*ret_old = (struct pluton_range){answer.words[0], answer.words[1], answer.words[2]};
	return 0;
}

int pluton_allow_ro(struct pluton *pluton, uint32_t driver, uint32_t slot,
		    const struct pluton_range *range, struct pluton_range *ret_old)
{
	return allow(pluton, CLASS_ALLOW_RO, driver, slot, range, ret_old);
}

int pluton_allow_rw(struct pluton *pluton, uint32_t driver, uint32_t slot,
		    const struct pluton_range *range, struct pluton_range *ret_old)
{
	return allow(pluton, CLASS_ALLOW_RW, driver, slot, range, ret_old);
}

int pluton_subscribe(struct pluton *pluton, uint32_t driver, uint32_t number,
		     pluton_upcall_fn function, void *userdata)
{
	struct subscription *subscription = find_or_make(pluton, driver, number);
	struct record_call arguments = {.class = CLASS_SUBSCRIBE, .number = number};
	struct pluton_return answer;
	uint32_t token = 0;
	int r;

	if (!subscription)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a subscription");
	if (function) {
		token = pluton->trd104.token + 1;
		token += token == 0;
	}
	arguments.args[0] = token;
	r = call(pluton, driver, &arguments, &answer);
	if (r < 0)
		return r;
	if (function)
		pluton->trd104.token = token;
	subscription->token = token;
	subscription->function = function;
	subscription->userdata = userdata;
	cancel_upcalls(pluton, driver, number);
	return 0;
}

int pluton_memop(struct pluton *pluton, uint32_t number, uint32_t argument, uint32_t *ret_value)
{
	const struct record_call arguments = {
		.class = CLASS_MEMOP, .number = number, .args = {argument}};
	struct pluton_return answer;
	int r = call(pluton, 0, &arguments, &answer);

	if (r < 0)
		return r;
	if (answer.variant != VARIANT_SUCCESS_U32)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "memop returned no value");
	*ret_value = answer.words[0];
	return 0;
}

int pluton_exit(struct pluton *pluton, uint32_t completion_code)
{
	const struct record record = {
		.header = {.type = RECORD_CALL},
		.call = {.class = CLASS_EXIT, .args = {completion_code}},
	};
	int r = connection_flush(pluton);

	reconnect_close(pluton); /* it has ended because it should */
	if (r == 0)
		r = connection_send(pluton, &record);
	if (r == 0)
		r = connection_flush(pluton);
	if (r == 0)
		(void)connection_fail(pluton, -PLUTON_EOFF, "this process has exited");
	return r;
}

/* --- yields ---------------------------------------------------------------------------------- */

/* Runs what is due until one function ran. */
static bool run_one(struct pluton *pluton)
{
	bool ran = false;

	while (!ran && due_run(pluton, &ran))
		;
	return ran;
}

int pluton_yield_no_wait(struct pluton *pluton, bool *ret_ran)
{
	bool ran = run_one(pluton);
	int r = 0;

	if (!ran && pluton->error == 0) {
		(void)connection_turn(pluton);
		ran = run_one(pluton);
	}
	if (!ran && pluton->error != 0)
		r = reconnect_yield(pluton, false);
	loop_settle(pluton);
	if (r < 0)
		return r;
	*ret_ran = ran;
	return 0;
}

int pluton_yield_wait(struct pluton *pluton)
{
	int r = 0;

	while (!run_one(pluton) && r == 0) {
		if (pluton->error == 0)
			(void)connection_wait(pluton);
		else
			r = reconnect_yield(pluton, true);
	}
	loop_settle(pluton);
	return r;
}

int pluton_yield_wait_for(struct pluton *pluton, uint32_t driver, uint32_t number,
			  uint32_t ret_words[3])
{
	struct upcall *upcall = take_upcall(pluton, driver, number);
	int r = 0;

	while (!upcall && r == 0) {
		if (pluton->error == 0)
			(void)connection_wait(pluton);
		upcall = take_upcall(pluton, driver, number);
		if (!upcall && pluton->error != 0)
			r = reconnect_yield(pluton, true);
	}
	loop_settle(pluton);
	if (!upcall)
		return r;
	memcpy(ret_words, upcall->words, sizeof(upcall->words));
	free(upcall);
	return 0;
}
