/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indices count bytes and are never reduced, so that full and empty differ. Whoever goes to sleep
 * says so and looks once more; whoever puts something in looks afterwards whether somebody sleeps.
 * All four steps are sequentially consistent: at least one of them sees the other.
 */
#include "daemon/kernel/ring.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include <pluton/error.h>

#include "daemon/kernel/record.h"

/* Offsets in the header: what different sides write lies in different cache lines. */
enum {
	AT_REQUESTS = 0,
	AT_ANSWERS = 256,
	/* in each */
	AT_TAIL = 0,
	AT_HEAD = 64,
	AT_BELL = 128,
	AT_ROOM = 192,
};

static_assert(RING_SIZE_MIN >= RECORD_SIZE_MAX, "every record fits");
static_assert(RECORD_HEADER_SIZE <= RING_ALIGNMENT, "a header never wraps");
static_assert(ATOMIC_INT_LOCK_FREE == 2, "two processes share the indices");

uint32_t ring_size_within(size_t size)
{
	uint32_t fits = RING_SIZE_MAX;

	while (fits > size)
		fits /= 2;
	return fits >= RING_SIZE_MIN ? fits : 0;
}

static _Atomic uint32_t *cell(uint8_t *memory, size_t offset)
{
	return (_Atomic uint32_t *)(void *)(memory + offset);
}

static void open_at(struct ring *ring, uint8_t *memory, size_t cells, uint8_t *bytes, uint32_t size)
{
	*ring = (struct ring){.bytes = bytes,
			      .size = size,
			      .head = cell(memory, cells + AT_HEAD),
			      .tail = cell(memory, cells + AT_TAIL),
			      .bell = cell(memory, cells + AT_BELL),
			      .room = cell(memory, cells + AT_ROOM)};
}

void ring_open_requests(struct ring *ring, void *memory, uint32_t size)
{
	open_at(ring, memory, AT_REQUESTS, (uint8_t *)memory + RING_HEADER_SIZE, size);
}

void ring_open_answers(struct ring *ring, void *memory, uint32_t size)
{
	open_at(ring, memory, AT_ANSWERS, (uint8_t *)memory + RING_HEADER_SIZE + size, size);
}

static uint32_t aligned(size_t size)
{
	return (uint32_t)((size + RING_ALIGNMENT - 1) & ~(size_t)(RING_ALIGNMENT - 1));
}

/* Says that somebody waits; then what they wait for must be looked at once more. */
static void raise_flag(_Atomic uint32_t *flag)
{
	atomic_store(flag, 1);
}

/* true: it was up, and whoever waits is ours to wake. */
static bool take_flag(_Atomic uint32_t *flag)
{
	return atomic_load(flag) != 0 && atomic_exchange(flag, 0) != 0;
}

/* --- the producer ---------------------------------------------------------------------------- */

/* Their index moves forward only, and never past ours. */
static int read_head(struct ring *ring)
{
	uint32_t head = atomic_load(ring->head);

	if (head % RING_ALIGNMENT || ring->mine - head > ring->mine - ring->theirs)
		return -PLUTON_EINVAL;
	ring->theirs = head;
	return 0;
}

static uint32_t room(const struct ring *ring)
{
	return ring->size - (ring->mine - ring->theirs);
}

/* In two pieces where the ring ends in between. */
static void copy_in(struct ring *ring, const uint8_t *bytes, size_t size)
{
	uint32_t at = ring->mine & (ring->size - 1);
	size_t first = size < ring->size - at ? size : ring->size - at;

	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, bytes + first, size - first);
}

int ring_put(struct ring *ring, const void *record, size_t size)
{
	uint32_t needed = aligned(size);

	if (room(ring) < needed) {
		if (read_head(ring) < 0)
			return -PLUTON_EINVAL;
		if (room(ring) < needed)
			return 0;
	}
	copy_in(ring, record, size);
	ring->mine += needed;
	return 1;
}

void ring_publish(const struct ring *ring)
{
	atomic_store(ring->tail, ring->mine);
}

bool ring_must_wake_consumer(const struct ring *ring)
{
	return take_flag(ring->bell);
}

bool ring_await_room(struct ring *ring, size_t size)
{
	raise_flag(ring->room);
	/* An index that makes no sense is room: putting finds out. */
	if (read_head(ring) == 0 && room(ring) < aligned(size))
		return false;
	atomic_store(ring->room, 0);
	return true;
}

/* --- the consumer ---------------------------------------------------------------------------- */

bool ring_has_record(const struct ring *ring)
{
	return atomic_load(ring->tail) != ring->mine;
}

static int read_tail(struct ring *ring)
{
	uint32_t tail = atomic_load(ring->tail);
	uint32_t there = tail - ring->mine;

	if (tail % RING_ALIGNMENT || there > ring->size || there < ring->theirs - ring->mine)
		return -PLUTON_EINVAL;
	ring->theirs = tail;
	return 0;
}

static void copy_out(const struct ring *ring, uint32_t index, uint8_t *bytes, size_t size)
{
	uint32_t at = index & (ring->size - 1);
	size_t first = size < ring->size - at ? size : ring->size - at;

	memcpy(bytes, ring->bytes + at, first);
	memcpy(bytes + first, ring->bytes, size - first);
}

/* Keys come this way too. */
static void wipe(struct ring *ring, uint32_t size)
{
	uint32_t at = ring->mine & (ring->size - 1);
	uint32_t first = size < ring->size - at ? size : ring->size - at;

	explicit_bzero(ring->bytes + at, first);
	explicit_bzero(ring->bytes, size - first);
}

/* As the record's own header says, of which this is the private copy. */
static uint32_t size_in(const uint8_t *header)
{
	uint32_t size;

	memcpy(&size, header + offsetof(struct record_header, size), sizeof(size));
	return le32toh(size);
}

int ring_take(struct ring *ring, void *buffer, size_t capacity)
{
	uint8_t *bytes = buffer;
	uint32_t size;

	if (ring->theirs == ring->mine) {
		if (read_tail(ring) < 0)
			return -PLUTON_EINVAL;
		if (ring->theirs == ring->mine)
			return 0;
	}
	copy_out(ring, ring->mine, bytes, RECORD_HEADER_SIZE);
	size = size_in(bytes);
	if (size < RECORD_HEADER_SIZE || size > capacity ||
	    aligned(size) > ring->theirs - ring->mine)
		return -PLUTON_EINVAL;
	copy_out(ring, ring->mine + RECORD_HEADER_SIZE, bytes + RECORD_HEADER_SIZE,
		 size - RECORD_HEADER_SIZE);
	wipe(ring, aligned(size));
	ring->mine += aligned(size);
	atomic_store(ring->head, ring->mine);
	return (int)size;
}

bool ring_must_wake_producer(const struct ring *ring)
{
	return take_flag(ring->room);
}

bool ring_await_record(const struct ring *ring)
{
	raise_flag(ring->bell);
	if (!ring_has_record(ring))
		return false;
	atomic_store(ring->bell, 0);
	return true;
}

void ring_stay_awake(const struct ring *ring)
{
	atomic_store(ring->bell, 0);
}
