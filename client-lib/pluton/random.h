/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers. Threads and common errors: pluton/pluton.h.
 */
#ifndef PLUTON_RANDOM_H
#define PLUTON_RANDOM_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_RANDOM 0x40001u

/* `length` bytes at `buffer`, any length. On failure the contents of buffer are undefined. */
int pluton_random(struct pluton *pluton, void *buffer, size_t length);

/*
 * The same, in one operation: `buffer` must stay until `done` has run. -PLUTON_ESIZE: not 1 byte
 * to 1 MiB. -PLUTON_EBUSY: operations_max are under way.
 */
int pluton_random_async(struct pluton *pluton, void *buffer, size_t length, pluton_done_fn done,
			void *userdata, pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
