/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of the channel in shared memory: a ring of records with one producer and one
 * consumer, as docs/protocol.md section 10 has it. The daemon and libpluton share this file.
 *
 * The rule a newcomer would break first: the other side can change every byte at any moment. What
 * is ours (`mine`) is kept here and never read back; what is theirs is read once, into a local,
 * checked, and only then used.
 */
#ifndef PLUTON_RING_H
#define PLUTON_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_HEADER_SIZE 4096u	     /* indices and flags; then the requests, then the answers */
#define RING_SIZE_MIN 16384u	     /* of one direction; any record fits */
#define RING_SIZE_MAX (1024u * 1024) /* a power of two, as every size between */
#define RING_ALIGNMENT 16u	     /* of records: a record's header never wraps */

/* Bytes of the shared memory. */
#define RING_MEMORY_SIZE(size) (RING_HEADER_SIZE + 2 * (size_t)(size))

struct ring {
	uint8_t *bytes;
	uint32_t size;
	_Atomic uint32_t *head; /* the consumer's */
	_Atomic uint32_t *tail; /* the producer's */
	_Atomic uint32_t *bell; /* 1: the consumer sleeps, and is to be woken for a record */
	_Atomic uint32_t *room; /* 1: the producer waits, and is to be woken for room */
	uint32_t mine;		/* our index: bytes put or taken since the beginning, modulo 2^32 */
	uint32_t theirs;	/* the other side's, as it was when it was read last */
};

/* The largest size that a ring may have and that is not over `size`; 0: that is too small. */
uint32_t ring_size_within(size_t size);

/* Both begin empty; the memory is zeroed. What each side takes of it is the same. */
void ring_open_requests(struct ring *ring, void *memory, uint32_t size);
void ring_open_answers(struct ring *ring, void *memory, uint32_t size);

/* --- the producer ---------------------------------------------------------------------------- */

/*
 * Puts a record in, for nobody to see before ring_publish. 1: done. 0: no room now.
 * -PLUTON_EINVAL: the consumer's index makes no sense.
 */
int ring_put(struct ring *ring, const void *record, size_t size);
void ring_publish(const struct ring *ring);

/* After publishing: true: the consumer sleeps, and we are the one to wake it. */
bool ring_must_wake_consumer(const struct ring *ring);

/* From now on the consumer wakes us for room. true: there is room for `size` bytes already. */
bool ring_await_room(struct ring *ring, size_t size);

/* --- the consumer ---------------------------------------------------------------------------- */

/* true: a record is there, or something that makes no sense. */
bool ring_has_record(const struct ring *ring);

/*
 * Takes the next record out into private memory, and wipes it in the ring. Its size; 0: none is
 * there. -PLUTON_EINVAL: the producer's index, or the record's size, makes no sense.
 */
int ring_take(struct ring *ring, void *buffer, size_t capacity);

/* After taking: true: the producer waits for room, and we are the one to wake it. */
bool ring_must_wake_producer(const struct ring *ring);

/* From now on the producer wakes us. true: a record is there already, and we stay awake. */
bool ring_await_record(const struct ring *ring);

/* We look ourselves. The producer may have woken us meanwhile, or be about to: for nothing. */
void ring_stay_awake(const struct ring *ring);

#endif
