/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All bytes of a padding are looked at, whatever is found: only whether it is right can be seen.
 */
#include "cli/padding.h"

#include <stdint.h>
#include <string.h>

size_t padding_add(void *bytes, size_t length)
{
	size_t count = PADDING_BLOCK - length % PADDING_BLOCK;

	memset((uint8_t *)bytes + length, (int)count, count);
	return length + count;
}

bool padding_remove(const void *bytes, size_t length, size_t *ret_length)
{
	const uint8_t *block;
	size_t count;
	unsigned wrong;

	if (length == 0 || length % PADDING_BLOCK != 0)
		return false;
	block = (const uint8_t *)bytes + length - PADDING_BLOCK;
	count = block[PADDING_BLOCK - 1];
	wrong = count == 0 || count > PADDING_BLOCK;
	for (size_t i = 0; i < PADDING_BLOCK; i++)
		wrong |= (i + count >= PADDING_BLOCK) & (block[i] != count);
	if (wrong)
		return false;
	*ret_length = length - count;
	return true;
}
