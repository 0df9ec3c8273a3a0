/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's allocator with a look at what is freed.
 */
#include "tests/unit/key_watch.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static uint8_t key[KEY_WATCH_SIZE];
static unsigned left;

static void *watched_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *watched_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(memory, size);
}

static void watched_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory && key_watch_holds(memory, malloc_usable_size(memory)))
		left++;
	free(memory);
}

void key_watch_install(void)
{
	CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free);
}

void key_watch_begin(const uint8_t *a_key)
{
	memcpy(key, a_key, sizeof(key));
	left = 0;
}

bool key_watch_found(void)
{
	return left > 0;
}

bool key_watch_holds(const void *memory, size_t size)
{
	return memmem(memory, size, key, sizeof(key)) != NULL;
}
