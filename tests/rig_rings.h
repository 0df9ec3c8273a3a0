/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of rings as a test holds it: by hand, so that it can break every rule. Where
 * PLUTON_TEST_RINGS is set, every process of the rig has them, and the same tests run over them.
 */
#ifndef PLUTON_TESTS_RIG_RINGS_H
#define PLUTON_TESTS_RIG_RINGS_H

#include "daemon/kernel/record.h"
#include "daemon/kernel/ring.h"

struct rig_rings {
	int fd; /* of the socket they belong to */
	int memfd;
	int doorbell;
	uint8_t *memory;
	size_t size;
	struct ring requests;
	struct ring answers;
};

/* true: the tests are to use rings. */
bool rig_rings_wanted(void);

/* What a greeting then asks for. */
uint32_t rig_rings_features(void);

/* Maps what came with a RETURN to RINGS_OPEN: takes both descriptors. Aborts. */
void rig_rings_map(struct rig_rings *rings, uint32_t size, int memfd, int doorbell);
void rig_rings_unmap(struct rig_rings *rings);

/* As a client should: puts, publishes, rings if the daemon sleeps. false: no room. */
bool rig_rings_put(struct rig_rings *rings, const void *bytes, size_t size);
void rig_rings_ring(const struct rig_rings *rings);

/* The next answer: its size, or 0; makes room known. */
size_t rig_rings_take(struct rig_rings *rings, void *bytes, size_t capacity);

#endif
