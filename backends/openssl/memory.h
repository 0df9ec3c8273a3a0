/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's memory: what it frees is wiped first, as it does not do itself everywhere (a P-256
 * agreement leaves the private key behind, and so does a key that could not be taken in), and a
 * refusal is remembered, which it does not always report.
 */
#ifndef PLUTON_OPENSSL_MEMORY_H
#define PLUTON_OPENSSL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* As CRYPTO_set_mem_functions wants them. Any thread. */
void *memory_take(size_t size, const char *file, int line);
void *memory_resize(void *memory, size_t size, const char *file, int line);
void memory_give_back(void *memory, const char *file, int line);

/*
 * Before anything else of libcrypto in this process, or again; false: it is too late. openssl_open
 * does it.
 */
bool memory_install(void);

/* Whether this thread was refused memory since it asked last. */
bool memory_was_refused(void);

#endif
