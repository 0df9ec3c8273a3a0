/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms and timers. Tock's alarm driver (number 0), and on top of it numbered timers as the
 * SDK runtime of CantripOS has them. Threads and common errors: pluton/pluton.h.
 */
#ifndef PLUTON_ALARM_H
#define PLUTON_ALARM_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_ALARM 0x0u

/* Microseconds of the daemon's clock: it never goes back, and does not stop in suspend. */
int pluton_alarm_now(struct pluton *pluton, uint64_t *ret_us);

/* Returns 0 when `ms` milliseconds have passed. */
int pluton_alarm_sleep(struct pluton *pluton, uint32_t ms);

/*
 * `missed`: expirations that nobody fetched in time and that this one stands for. `now_us`: when
 * it expired; 0 unless status is 0. A periodic alarm calls with status 0 each time, and once with
 * -PLUTON_ECANCEL, or -PLUTON_EOFF when the daemon went away: alarms do not outlive it.
 */
typedef void (*pluton_alarm_fn)(struct pluton *pluton, int status, uint64_t now_us, uint32_t missed,
				void *userdata);

/*
 * Once after `ms`, or every `ms` (at least 1) until pluton_cancel. Each is one operation:
 * -PLUTON_EBUSY beyond operations_max. Periods count from the start: they do not drift.
 * -PLUTON_EINVAL: a period of 0.
 */
int pluton_alarm_after(struct pluton *pluton, uint32_t ms, pluton_alarm_fn function, void *userdata,
		       pluton_operation_id *ret_id);
int pluton_alarm_every(struct pluton *pluton, uint32_t ms, pluton_alarm_fn function, void *userdata,
		       pluton_operation_id *ret_id);

/*
 * Timers by number, 0..PLUTON_TIMERS_MAX - 1, without functions: start them, then wait for or poll
 * which have expired. Starting one that runs restarts it. -PLUTON_EINVAL: no such number.
 */
#define PLUTON_TIMERS_MAX 8
int pluton_timer_oneshot(struct pluton *pluton, unsigned timer, uint32_t ms);
int pluton_timer_periodic(struct pluton *pluton, unsigned timer, uint32_t ms);
/* 0 also if it does not run. What had expired and was not fetched is forgotten. */
int pluton_timer_cancel(struct pluton *pluton, unsigned timer);
/*
 * *ret_mask: bit n: timer n has expired since the last wait or poll. wait returns when there is
 * one; -PLUTON_EALREADY: none runs, so none will. poll does not wait. Both return once the error
 * that ended a timer, -PLUTON_EOFF if the daemon went away.
 */
int pluton_timer_wait(struct pluton *pluton, uint32_t *ret_mask);
int pluton_timer_poll(struct pluton *pluton, uint32_t *ret_mask);
/* Expirations of a periodic timer that were not fetched one by one; and sets them to 0. */
int pluton_timer_missed(struct pluton *pluton, unsigned timer, uint32_t *ret_missed);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
