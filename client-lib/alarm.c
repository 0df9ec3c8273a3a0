/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms, each one operation, and on top of them timers by number: a timer is whatever alarm was
 * started for it last.
 *
 * The rule a newcomer would break first: an alarm that was replaced may still answer. Answers name
 * the start they belong to, and those of an earlier start change nothing.
 */
#include <pluton/alarm.h>

#include <assert.h>
#include <stdlib.h>

#include "client-lib/connection.h"

enum {
	COMMAND_NOW = 1,
	COMMAND_AFTER = 2,
	COMMAND_EVERY = 3,
};

static struct pluton_request alarm_request(uint32_t command, uint32_t ms)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_ALARM,
		.command = command,
		.words[0] = ms,
	};
}

static uint64_t time_in(const uint32_t words[3])
{
	return (uint64_t)words[2] << 32 | words[1];
}

static int check_period(struct pluton *pluton, uint32_t ms)
{
	if (ms > 0)
		return 0;
	return connection_refuse(pluton, -PLUTON_EINVAL, "a period of 0 ms: at least 1");
}

int pluton_alarm_now(struct pluton *pluton, uint64_t *ret_us)
{
	struct pluton_request request = alarm_request(COMMAND_NOW, 0);
	uint32_t words[3];
	int r = operation_perform(pluton, &request, REPEAT_ALWAYS, words);

	if (r == 0)
		*ret_us = time_in(words);
	return r;
}

int pluton_alarm_sleep(struct pluton *pluton, uint32_t ms)
{
	struct pluton_request request = alarm_request(COMMAND_AFTER, ms);

	return operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
}

/* --- with functions -------------------------------------------------------------------------- */

/* An alarm under way: whom it wakes. */
struct alarm {
	pluton_alarm_fn function;
	void *userdata;
};

static void expired(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct alarm alarm = *(struct alarm *)userdata;
	uint64_t now_us = answer->status == 0 ? time_in(answer->words) : 0;

	if (!answer->more)
		free(userdata);
	if (alarm.function)
		alarm.function(pluton, answer->status, now_us, answer->missed, alarm.userdata);
}

static int start(struct pluton *pluton, const struct pluton_request *request,
		 pluton_alarm_fn function, void *userdata, pluton_operation_id *ret_id)
{
	struct alarm *alarm = malloc(sizeof(*alarm));
	const struct completion completion = {.told = expired, .userdata = alarm, .drop = free};
	int r;

	if (!alarm)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for an alarm");
	*alarm = (struct alarm){function, userdata};
	r = operation_submit(pluton, request, &completion, ret_id);
	if (r < 0)
		free(alarm);
	return r;
}

int pluton_alarm_after(struct pluton *pluton, uint32_t ms, pluton_alarm_fn function, void *userdata,
		       pluton_operation_id *ret_id)
{
	struct pluton_request request = alarm_request(COMMAND_AFTER, ms);

	return start(pluton, &request, function, userdata, ret_id);
}

int pluton_alarm_every(struct pluton *pluton, uint32_t ms, pluton_alarm_fn function, void *userdata,
		       pluton_operation_id *ret_id)
{
	struct pluton_request request = alarm_request(COMMAND_EVERY, ms);
	int r = check_period(pluton, ms);

	return r < 0 ? r : start(pluton, &request, function, userdata, ret_id);
}

/* --- timers ---------------------------------------------------------------------------------- */

#define TIMER_BITS 3u
#define SERIAL_MAX (UINT32_MAX >> TIMER_BITS)

static_assert(PLUTON_TIMERS_MAX <= 1u << TIMER_BITS, "a start is named by serial and timer");

struct timer {
	pluton_operation_id id; /* of the alarm; 0: it does not run */
	uint32_t serial;	/* of the start that answers must belong to */
	uint32_t missed;
};

struct timers {
	struct timer timer[PLUTON_TIMERS_MAX];
	uint32_t serial;  /* of the last start */
	uint32_t expired; /* bit n: timer n, and nobody has fetched it */
	int error;	  /* ended a timer, and nobody has been told */
};

static void timer_answered(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	uintptr_t name = (uintptr_t)userdata;
	unsigned index = name & ((1u << TIMER_BITS) - 1);
	struct timers *timers = pluton->timers;
	struct timer *timer = &timers->timer[index];

	if (timer->serial != name >> TIMER_BITS)
		return;
	if (!answer->more)
		timer->id = 0;
	if (answer->status < 0) {
		timers->error = answer->status;
		return;
	}
	timer->missed += answer->missed + (timers->expired >> index & 1);
	timers->expired |= 1u << index;
}

static int find_timer(struct pluton *pluton, unsigned index, struct timer **ret)
{
	if (index >= PLUTON_TIMERS_MAX)
		return connection_refuse(pluton, -PLUTON_EINVAL, "there is no timer %u: 0 to %d",
					 index, PLUTON_TIMERS_MAX - 1);
	if (!pluton->timers)
		pluton->timers = calloc(1, sizeof(*pluton->timers));
	if (!pluton->timers)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for timers");
	*ret = &pluton->timers->timer[index];
	return 0;
}

/* The alarm before keeps running until the new one is under way. */
static int start_timer(struct pluton *pluton, unsigned index, const struct pluton_request *request)
{
	struct completion completion = {.told = timer_answered};
	pluton_operation_id before, id;
	struct timer *timer = NULL;
	uint32_t serial;
	int r = find_timer(pluton, index, &timer);

	if (r < 0)
		return r;
	serial = pluton->timers->serial % SERIAL_MAX + 1;
	completion.userdata = (void *)((uintptr_t)serial << TIMER_BITS | index);
	r = operation_submit(pluton, request, &completion, &id);
	if (r < 0)
		return r;
	before = timer->id;
	*timer = (struct timer){.id = id, .serial = serial};
	pluton->timers->serial = serial;
	pluton->timers->expired &= ~(1u << index);
	return before ? pluton_cancel(pluton, before) : 0;
}

int pluton_timer_oneshot(struct pluton *pluton, unsigned timer, uint32_t ms)
{
	struct pluton_request request = alarm_request(COMMAND_AFTER, ms);

	return start_timer(pluton, timer, &request);
}

int pluton_timer_periodic(struct pluton *pluton, unsigned timer, uint32_t ms)
{
	struct pluton_request request = alarm_request(COMMAND_EVERY, ms);
	int r = check_period(pluton, ms);

	return r < 0 ? r : start_timer(pluton, timer, &request);
}

int pluton_timer_cancel(struct pluton *pluton, unsigned index)
{
	pluton_operation_id id;
	struct timer *timer = NULL;
	int r = find_timer(pluton, index, &timer);

	if (r < 0)
		return r;
	id = timer->id;
	*timer = (struct timer){0};
	pluton->timers->expired &= ~(1u << index);
	return id ? pluton_cancel(pluton, id) : 0;
}

static bool any_runs(const struct timers *timers)
{
	for (unsigned i = 0; i < PLUTON_TIMERS_MAX; i++) {
		if (timers->timer[i].id != 0)
			return true;
	}
	return false;
}

/* What has expired, or else what ended a timer; each is told once. 0 with *ret_mask 0: neither. */
static int fetch(struct timers *timers, uint32_t *ret_mask)
{
	int error = timers->error;

	*ret_mask = timers->expired;
	timers->expired = 0;
	if (*ret_mask != 0)
		return 0;
	timers->error = 0;
	return error;
}

int pluton_timer_wait(struct pluton *pluton, uint32_t *ret_mask)
{
	struct timers *timers = pluton->timers;
	uint32_t mask = 0;
	bool ran;
	int r = 0;

	while (timers && r == 0 && mask == 0) {
		r = fetch(timers, &mask);
		if (r < 0 || mask != 0 || !any_runs(timers))
			break;
		/* When the connection ends, so do the timers. */
		if (!due_run(pluton, &ran))
			(void)connection_wait(pluton);
	}
	loop_settle(pluton);
	if (r == 0 && mask == 0)
		return connection_refuse(pluton, -PLUTON_EALREADY, "no timer runs");
	if (r == 0)
		*ret_mask = mask;
	return r;
}

int pluton_timer_poll(struct pluton *pluton, uint32_t *ret_mask)
{
	uint32_t mask = 0;
	int r = 0;

	(void)connection_turn(pluton);
	(void)connection_run_due(pluton);
	if (pluton->timers)
		r = fetch(pluton->timers, &mask);
	if (r == 0 && mask == 0)
		r = reconnect_try(pluton);
	loop_settle(pluton);
	if (r < 0)
		return r;
	*ret_mask = mask;
	return 0;
}

int pluton_timer_missed(struct pluton *pluton, unsigned index, uint32_t *ret_missed)
{
	struct timer *timer = NULL;
	int r = find_timer(pluton, index, &timer);

	if (r < 0)
		return r;
	*ret_missed = timer->missed;
	timer->missed = 0;
	return 0;
}
