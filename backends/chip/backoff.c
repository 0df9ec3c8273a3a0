/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/chip/backoff.h"

#include <stdbool.h>

static unsigned twice(const struct backoff *backoff, unsigned wait_ms)
{
	unsigned next = wait_ms ? 2 * wait_ms : BACKOFF_MIN_MS;

	return next < backoff->max_ms ? next : backoff->max_ms;
}

void backoff_came(struct backoff *backoff, uint64_t now)
{
	backoff->came_ms = now;
}

uint64_t backoff_lost(struct backoff *backoff, uint64_t now)
{
	bool was_steady = backoff->came_ms && now - backoff->came_ms >= BACKOFF_STEADY_MS;

	if (was_steady)
		backoff->losses = 0;
	backoff->came_ms = 0;
	backoff->wait_ms = 0;
	for (unsigned i = 0; i < backoff->losses && backoff->wait_ms < backoff->max_ms; i++)
		backoff->wait_ms = twice(backoff, backoff->wait_ms);
	backoff->losses++;
	return now + backoff->wait_ms;
}

uint64_t backoff_failed(struct backoff *backoff, uint64_t now)
{
	backoff->wait_ms = twice(backoff, backoff->wait_ms);
	return now + backoff->wait_ms;
}
