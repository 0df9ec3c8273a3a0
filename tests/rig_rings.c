/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls and memory only: a forked child may use it.
 */
#include "tests/rig_rings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

bool rig_rings_wanted(void)
{
	const char *setting = getenv("PLUTON_TEST_RINGS");

	return setting && *setting;
}

uint32_t rig_rings_features(void)
{
	return rig_rings_wanted() ? FEATURE_RINGS : 0;
}

void rig_rings_map(struct rig_rings *rings, uint32_t size, int memfd, int doorbell)
{
	require(memfd >= 0 && doorbell >= 0, "two descriptors");
	rings->memfd = memfd;
	rings->doorbell = doorbell;
	rings->size = RING_MEMORY_SIZE(size);
	rings->memory = mmap(NULL, rings->size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	require(rings->memory != MAP_FAILED, "mmap");
	ring_open_requests(&rings->requests, rings->memory, size);
	ring_open_answers(&rings->answers, rings->memory, size);
	(void)ring_await_record(&rings->answers);
}

void rig_rings_unmap(struct rig_rings *rings)
{
	if (!rings->memory)
		return;
	munmap(rings->memory, rings->size);
	close(rings->memfd);
	close(rings->doorbell);
	rings->memory = NULL;
}

void rig_rings_ring(const struct rig_rings *rings)
{
	static const uint64_t one = 1;

	require(write(rings->doorbell, &one, sizeof(one)) == sizeof(one), "doorbell");
}

bool rig_rings_put(struct rig_rings *rings, const void *bytes, size_t size)
{
	int r;

	do
		r = ring_put(&rings->requests, bytes, size);
	while (r == 0 && ring_await_room(&rings->requests, size));
	require(r >= 0, "the daemon's index");
	ring_publish(&rings->requests);
	if (ring_must_wake_consumer(&rings->requests))
		rig_rings_ring(rings);
	return r == 1;
}

size_t rig_rings_take(struct rig_rings *rings, void *bytes, size_t capacity)
{
	int size = ring_take(&rings->answers, bytes, capacity);

	require(size >= 0, "the daemon's ring");
	if (size > 0 && ring_must_wake_producer(&rings->answers))
		rig_rings_ring(rings);
	return (size_t)size;
}
