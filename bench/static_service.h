/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM and SHA-256 as a capsule that owns its buffers: what push and pull replace.
 */
#ifndef PLUTON_BENCH_STATIC_SERVICE_H
#define PLUTON_BENCH_STATIC_SERVICE_H

#include "daemon/kernel/capsule.h"

#define STATIC_LARGE 4096u /* bytes of a buffer: a whole message */
#define STATIC_SMALL 256u  /* a piece of it */

/* Drivers; command 1 of each is the aes and digest capsules' first. */
#define STATIC_LARGE_AES 0x90016u
#define STATIC_LARGE_DIGEST 0x90015u
#define STATIC_SMALL_AES 0x90026u
#define STATIC_SMALL_DIGEST 0x90025u

/* Four capsules and NULL. */
extern const struct capsule *const static_capsules[];

/* The engine, which has no buffers. */
void static_service_open(void);
void static_service_close(void);

/* Bytes that the service has for each client that it is built for, used or not. */
size_t static_service_per_client(size_t buffer);
/* Of them, what belongs to a client between two pieces of a message. */
size_t static_service_hash_context(void);
size_t static_service_aes_context(void);
/* And what an encryption uses of them while it runs. */
size_t static_service_during(size_t buffer);

#endif
