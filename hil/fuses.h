/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuses: bits that go from 0 to 1 and never back. They hold the device secret, from which the keys
 * of everything that the machine keeps are derived. Reading a fuse is reading a register: there is
 * no start and no done, and nobody waits for a turn. No capsule is handed fuses; backends are.
 */
#ifndef PLUTON_HIL_FUSES_H
#define PLUTON_HIL_FUSES_H

#include <stdint.h>

#define FUSES_SECRET_SIZE 32u /* bytes */

struct fuses;

struct fuses_ops {
	/*
	 * The device secret, which the caller wipes. What has none yet is burnt with fresh entropy,
	 * once, and that is durable when this returns: so it may take as long as a disk does, and
	 * is for the start of the daemon. -PLUTON_EFAIL: there are fuses that cannot be read or
	 * trusted, or none can be made; nothing was changed, and why() says what to do.
	 */
	int (*read_secret)(struct fuses *fuses, uint8_t ret_secret[FUSES_SECRET_SIZE]);
	/* A sentence about the last failure, for a person. */
	const char *(*why)(const struct fuses *fuses);
};

struct fuses {
	const struct fuses_ops *ops;
};

#endif
