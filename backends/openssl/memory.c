/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc and free, and what they leave out. The size of a block is the C library's to know.
 */
#include "backends/openssl/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local bool refused;

void *memory_take(size_t size, const char *file, int line)
{
	void *memory = malloc(size);

	(void)file;
	(void)line;
	refused |= !memory && size > 0;
	return memory;
}

/* In place would do where it fits, but realloc may move, and leaves the old bytes then. */
void *memory_resize(void *memory, size_t size, const char *file, int line)
{
	size_t old_size = memory ? malloc_usable_size(memory) : 0;
	void *other;

	if (size == 0) {
		memory_give_back(memory, file, line);
		return NULL;
	}
	other = memory_take(size, file, line);
	if (!other || !memory)
		return other;
	memcpy(other, memory, old_size < size ? old_size : size);
	memory_give_back(memory, file, line);
	return other;
}

void memory_give_back(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

bool memory_install(void)
{
	CRYPTO_free_fn in_use;

	CRYPTO_get_mem_functions(NULL, NULL, &in_use);
	return in_use == memory_give_back ||
	       CRYPTO_set_mem_functions(memory_take, memory_resize, memory_give_back) == 1;
}

bool memory_was_refused(void)
{
	bool was = refused;

	refused = false;
	return was;
}
