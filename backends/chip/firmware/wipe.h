/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For secrets. Freestanding.
 */
#ifndef PLUTON_FIRMWARE_WIPE_H
#define PLUTON_FIRMWARE_WIPE_H

#include <stddef.h>

/* Overwrites memory, also where the compiler sees that nobody reads it again. */
void firmware_wipe(void *memory, size_t size);

#endif
