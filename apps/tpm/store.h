/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permanent state on its way to nvmem: the TPM's thread offers the newest image, the control
 * thread stores it, says when it is durable and wakes the TPM's thread. There is one on the way at
 * most; what was offered in the meantime is stored next, and only the newest of that, as it
 * contains what came before it.
 *
 * The rule a newcomer would break first: an image is read inside store_take only; the one that was
 * offered last does not change, and older ones may.
 */
#ifndef PLUTON_TPMD_STORE_H
#define PLUTON_TPMD_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store {
	pthread_mutex_t lock;
	const uint8_t *image;
	size_t size;
	uint64_t offered; /* generation of the image; 0: nothing yet */
	uint64_t durable; /* newest generation that is */
	bool under_way;
	int wanted_fd; /* eventfd: something was offered */
};

/* -PLUTON_ENOMEM: no descriptors. */
int store_open(struct store *store);
void store_close(struct store *store);

/* The TPM's thread. */
void store_offer(struct store *store, const uint8_t *image, size_t size, uint64_t generation);
uint64_t store_durable(struct store *store);

/*
 * The control thread: gives what is to be stored next to `begin`, which copies or sends it before
 * it returns, and returns 0 if store_done will follow. false: nothing is to be stored now.
 */
typedef int (*store_begin_fn)(void *context, const uint8_t *image, size_t size,
			      uint64_t generation);
bool store_take(struct store *store, store_begin_fn begin, void *context);

/* The one on the way: `result` 0 means that it is durable; otherwise it is offered again. */
void store_done(struct store *store, uint64_t generation, int result);

#endif
