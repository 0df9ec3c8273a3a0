/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that clients are given goes through here, so it must cost little beside the generator: of a
 * row of nine some two neighbours are looked at in any case, and counting is done for 16 bytes
 * together. A piece is what of the bytes lies in one window.
 */
#include "hil/rng-health.h"

#include <stdbool.h>
#include <string.h>

/* --- repetition count ------------------------------------------------------------------------- */

/* How many equal bytes there are in a row, `at` among them. */
static size_t row_around(const uint8_t *bytes, size_t count, size_t at)
{
	size_t from = at, to = at + 1;

	while (from > 0 && bytes[from - 1] == bytes[at])
		from--;
	while (to < count && bytes[to] == bytes[at])
		to++;
	return to - from;
}

/* Whether a row within the piece is too long: it has two neighbours at a multiple of the step. */
static bool has_row(const uint8_t *bytes, size_t count)
{
	const size_t step = RNG_HEALTH_REPEATS - 1;

	for (size_t i = 0; i + 1 < count; i += step) {
		if (bytes[i] == bytes[i + 1] && row_around(bytes, count, i) >= RNG_HEALTH_REPEATS)
			return true;
	}
	return false;
}

static bool repeats(struct rng_health *health, const uint8_t *bytes, size_t count)
{
	bool goes_on = health->repeats && bytes[0] == health->last;
	size_t head = row_around(bytes, count, 0);
	unsigned before = goes_on ? health->repeats : 0;

	if (before + head >= RNG_HEALTH_REPEATS || has_row(bytes, count))
		return true;
	health->last = bytes[count - 1];
	health->repeats = head == count ? before + (unsigned)head
					: (unsigned)row_around(bytes, count, count - 1);
	return false;
}

/* --- adaptive proportion ---------------------------------------------------------------------- */

typedef uint8_t lanes __attribute__((vector_size(16)));

/* A lane counts to RNG_HEALTH_WINDOW / 16 at most. */
static unsigned count_byte(uint8_t byte, const uint8_t *bytes, size_t count)
{
	lanes now, sums = {0};
	unsigned found = 0;
	size_t i = 0;

	for (; count - i >= sizeof(now); i += sizeof(now)) {
		memcpy(&now, bytes + i, sizeof(now));
		sums -= (lanes)(now == byte); /* which is -1 */
	}
	for (size_t lane = 0; lane < sizeof(sums); lane++)
		found += sums[lane];
	for (; i < count; i++)
		found += bytes[i] == byte;
	return found;
}

static bool leans(struct rng_health *health, const uint8_t *bytes, size_t count)
{
	if (health->at == 0) {
		health->first = bytes[0];
		health->found = 0;
	}
	health->found += count_byte(health->first, bytes, count);
	health->at = (health->at + (unsigned)count) % RNG_HEALTH_WINDOW;
	return health->found >= RNG_HEALTH_PROPORTION;
}

/* --- both ------------------------------------------------------------------------------------- */

const char *rng_health_look(struct rng_health *health, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		size_t left = RNG_HEALTH_WINDOW - health->at, piece = count < left ? count : left;

		if (repeats(health, bytes, piece))
			return "repeats one byte (SP 800-90B, 4.4.1)";
		if (leans(health, bytes, piece))
			return "has one byte too often (SP 800-90B, 4.4.2)";
		bytes += piece;
		count -= piece;
	}
	return NULL;
}
