/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without explicit_bzero, which belongs to an operating system.
 */
#include "backends/chip/firmware/wipe.h"

#include <stdint.h>

void firmware_wipe(void *memory, size_t size)
{
	volatile uint8_t *octets = memory;

	while (size--)
		*octets++ = 0;
}
