/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mutex, and a descriptor that wakes the control thread.
 */
#include "apps/tpm/store.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <pluton/error.h>

static void wake(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n; /* fails only when it is awake 2^64 - 1 times */
}

int store_open(struct store *store)
{
	*store = (struct store){.wanted_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	pthread_mutex_init(&store->lock, NULL);
	return store->wanted_fd >= 0 ? 0 : -PLUTON_ENOMEM;
}

void store_close(struct store *store)
{
	if (store->wanted_fd >= 0)
		close(store->wanted_fd);
	pthread_mutex_destroy(&store->lock);
}

void store_offer(struct store *store, const uint8_t *image, size_t size, uint64_t generation)
{
	pthread_mutex_lock(&store->lock);
	store->image = image;
	store->size = size;
	store->offered = generation;
	pthread_mutex_unlock(&store->lock);
	wake(store->wanted_fd);
}

uint64_t store_durable(struct store *store)
{
	uint64_t durable;

	pthread_mutex_lock(&store->lock);
	durable = store->durable;
	pthread_mutex_unlock(&store->lock);
	return durable;
}

bool store_take(struct store *store, store_begin_fn begin, void *context)
{
	bool taken = false;

	pthread_mutex_lock(&store->lock);
	if (!store->under_way && store->offered > store->durable) {
		taken = begin(context, store->image, store->size, store->offered) == 0;
		store->under_way = taken;
	}
	pthread_mutex_unlock(&store->lock);
	return taken;
}

void store_done(struct store *store, uint64_t generation, int result)
{
	pthread_mutex_lock(&store->lock);
	store->under_way = false;
	if (result == 0 && generation > store->durable)
		store->durable = generation;
	pthread_mutex_unlock(&store->lock);
}
