/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that nobody may touch now: AddressSanitizer's poison in sanitizer builds, else nothing.
 */
#ifndef PLUTON_POISON_H
#define PLUTON_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_POISON_WORKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_POISON_WORKS 1
#endif
#endif

#ifdef MEMORY_POISON_WORKS
#include <sanitizer/asan_interface.h>
#define memory_poison(start, size) __asan_poison_memory_region(start, size)
#define memory_unpoison(start, size) __asan_unpoison_memory_region(start, size)
#else
static inline void memory_poison(const void *start, size_t size)
{
	(void)start;
	(void)size;
}
static inline void memory_unpoison(const void *start, size_t size)
{
	(void)start;
	(void)size;
}
#endif

#endif
