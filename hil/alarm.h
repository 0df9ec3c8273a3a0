/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for a clock and its alarm (Tock's kernel/src/hil/time.rs: Time and Alarm). One alarm; who
 * needs many keeps the earliest of them in it, as the alarm capsule does.
 *
 * Contract: hil/contract.h. Nothing is pulled or pushed. set begins an operation that `fired`
 * ends; a client that sets it again moves the same operation to the new time. Callbacks come from
 * the loop, never from inside set.
 */
#ifndef PLUTON_HIL_ALARM_H
#define PLUTON_HIL_ALARM_H

#include "hil/contract.h"

struct alarm_client_ops {
	/* The time set has come. `driver` is what set was called with. */
	void (*fired)(void *driver);
};

struct alarm_engine {
	struct hil_engine head;
	const struct alarm_engine_ops *ops;
};

struct alarm_engine_ops {
	/* Microseconds of a clock that never goes back and does not stop in suspend. */
	uint64_t (*now_us)(struct alarm_engine *engine);
	/*
	 * Calls client_ops->fired(driver) once, at `when_us` or soon after it, in place of what was
	 * set before. A time that has passed fires at once, from the loop. 0, or -PLUTON_ENODEVICE:
	 * then nothing is set any more.
	 */
	int (*set)(struct alarm_engine *engine, uint64_t when_us,
		   const struct alarm_client_ops *client_ops, void *driver);
	/* Nothing fires until it is set again. */
	void (*disarm)(struct alarm_engine *engine);
	/* The time it is set to; UINT64_MAX: it is not. */
	uint64_t (*armed_us)(struct alarm_engine *engine);
};

#endif
