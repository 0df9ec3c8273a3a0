/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows and the blocks in them. A window's blocks lie in one list that covers it from end to
 * end; free neighbours are always one block. All bookkeeping is private: what is in the windows
 * themselves is never believed.
 */
#include "client-lib/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 64u
#define WINDOW_SIZE_FIRST (256u << 10)
#define WINDOW_SIZE_GROWN (4u << 20) /* windows grow up to this; longer data gets its own */
#define KEPT_BYTES (16u << 20)	     /* of unused windows; more is given back, largest first */

struct memory_window {
	struct memory_window *next;
	uint8_t *bytes;
	int fd; /* for the next connection, where there may be one; else -1 */
	uint32_t number;
	uint32_t size;
	bool tainted; /* gives out no more blocks */
	bool sealed;  /* against writing, also ours */
	struct memory_block *blocks;
};

/* --- blocks ---------------------------------------------------------------------------------- */

uint8_t *memory_bytes(const struct memory_block *block)
{
	return block->window->bytes + block->offset;
}

struct pluton_range memory_range(const struct memory_block *block, uint32_t length)
{
	return (struct pluton_range){block->window->number, block->offset, length};
}

/* Cuts what is behind the first `size` bytes off into a free block of its own. */
static bool split(struct memory_block *block, uint32_t size)
{
	struct memory_block *rest;

	if (block->size == size)
		return true;
	rest = malloc(sizeof(*rest));
	if (!rest)
		return false;
	*rest = (struct memory_block){
		.next = block->next,
		.window = block->window,
		.offset = block->offset + size,
		.size = block->size - size,
	};
	block->next = rest;
	block->size = size;
	return true;
}

static struct memory_block *take_from(struct memory_window *window, uint32_t size)
{
	struct memory_block *block = window->tainted ? NULL : window->blocks;

	while (block && (block->taken || block->size < size))
		block = block->next;
	if (!block || !split(block, size))
		return NULL;
	block->taken = true;
	return block;
}

static void merge_free(struct memory_window *window)
{
	struct memory_block *block = window->blocks;

	while (block->next) {
		struct memory_block *next = block->next;

		if (block->taken || next->taken) {
			block = next;
			continue;
		}
		block->size += next->size;
		block->next = next->next;
		free(next);
	}
}

/* --- windows --------------------------------------------------------------------------------- */

static bool unused(const struct memory_window *window)
{
	return !window->blocks->taken && !window->blocks->next;
}

static void window_free(struct memory_window *window)
{
	while (window->blocks) {
		struct memory_block *block = window->blocks;

		window->blocks = block->next;
		free(block);
	}
	if (window->bytes)
		munmap(window->bytes, window->size);
	if (window->fd >= 0)
		close(window->fd);
	free(window);
}

/* A window of our own, not yet known to the daemon. */
static struct memory_window *window_make(uint32_t size)
{
	struct memory_window *window = calloc(1, sizeof(*window));
	struct memory_block *block = calloc(1, sizeof(*block));
	int fd = memfd_create("pluton-window", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *bytes = MAP_FAILED;

	if (window && block && fd >= 0 && ftruncate(fd, size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED) {
		free(window);
		free(block);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	(void)madvise(bytes, size, MADV_DONTDUMP);
	*block = (struct memory_block){.window = window, .size = size};
	*window = (struct memory_window){.bytes = bytes, .fd = fd, .size = size, .blocks = block};
	return window;
}

/* The daemon has it. */
static void link_window(struct memory *memory, struct memory_window *window)
{
	window->next = memory->windows;
	memory->windows = window;
	memory->window_count++;
	memory->bytes += window->size;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

/*
 * A window with these contents for ever. The seal needs the file to be mapped nowhere for writing,
 * hence write(); and older kernels map a sealed one privately only, which here is the same.
 */
static struct memory_window *window_make_sealed(const void *contents, uint32_t size)
{
	struct memory_window *window = calloc(1, sizeof(*window));
	struct memory_block *block = calloc(1, sizeof(*block));
	int fd = memfd_create("pluton-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *bytes = MAP_FAILED;

	if (window && block && fd >= 0 && write_all(fd, contents, size) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
		bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		free(window);
		free(block);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	*block = (struct memory_block){
		.window = window, .size = size, .taken = true, .allocated = true};
	*window = (struct memory_window){.bytes = bytes,
					 .fd = fd,
					 .size = size,
					 .tainted = true,
					 .sealed = true,
					 .blocks = block};
	return window;
}

/* Tells the daemon, which gives it a number. */
static int window_share(struct pluton *pluton, struct memory_window *window)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	struct pluton_return answer;
	int r = connection_exchange(pluton, &add, window->fd, &answer);

	if (r < 0)
		return r;
	if (answer.variant != VARIANT_SUCCESS_U32 || answer.words[0] == 0 ||
	    answer.words[0] >= MEMORY_REMOVAL_ID)
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "the daemon gave no window number");
	window->number = answer.words[0];
	return 0;
}

/* Takes `window`, which may be one that could not be made, in every case. */
static int window_add(struct pluton *pluton, struct memory_window *window, uint32_t size,
		      struct memory_window **ret)
{
	int r;

	if (!window)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no window of %u bytes: %s", size,
					 strerror(errno));
	r = window_share(pluton, window);
	if (r < 0) {
		window_free(window);
		return r;
	}
	if (!pluton->reconnect.address || pluton->reconnect.timeout_ms == 0) {
		close(window->fd);
		window->fd = -1;
	}
	link_window(&pluton->memory, window);
	*ret = window;
	return 0;
}

/* As much again as there is, within the bounds; at least what is needed. */
static uint32_t size_to_add(const struct pluton *pluton, uint32_t needed)
{
	size_t size = pluton->memory.bytes;

	if (size < WINDOW_SIZE_FIRST)
		size = WINDOW_SIZE_FIRST;
	if (size > WINDOW_SIZE_GROWN)
		size = WINDOW_SIZE_GROWN;
	if (size > pluton->limits.window_size_max)
		size = pluton->limits.window_size_max;
	return size > needed ? (uint32_t)size : needed;
}

static int check_window_count(struct pluton *pluton)
{
	if (pluton->memory.window_count < pluton->limits.windows_max)
		return 0;
	return connection_refuse(pluton, -PLUTON_ENOMEM, "all %u windows are in use",
				 pluton->limits.windows_max);
}

static int window_for(struct pluton *pluton, uint32_t needed, struct memory_window **ret)
{
	uint32_t size = size_to_add(pluton, needed);
	int r = check_window_count(pluton);

	if (r < 0)
		return r;
	r = window_add(pluton, window_make(size), size, ret);
	if (r < 0 && pluton->error == 0 && size > needed)
		r = window_add(pluton, window_make(needed), needed, ret);
	/* The daemon says which of its limits it was; to our caller there is no room. */
	return r < 0 && pluton->error == 0 ? -PLUTON_ENOMEM : r;
}

/* --- taking ---------------------------------------------------------------------------------- */

static int check_size(struct pluton *pluton, size_t size)
{
	if (size > 0 && size <= pluton->limits.window_size_max)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE,
				 "%zu bytes do not fit into a window of at most %u", size,
				 pluton->limits.window_size_max);
}

int memory_take_sealed(struct pluton *pluton, const void *bytes, size_t size,
		       struct memory_block **ret)
{
	struct memory_window *window;
	int r = check_size(pluton, size);

	if (r == 0)
		r = check_window_count(pluton);
	if (r < 0)
		return r;
	r = window_add(pluton, window_make_sealed(bytes, (uint32_t)size), (uint32_t)size, &window);
	if (r < 0)
		return pluton->error == 0 ? -PLUTON_ENOMEM : r;
	*ret = window->blocks;
	return 0;
}

int memory_take(struct pluton *pluton, size_t size, struct memory_block **ret)
{
	struct memory_window *window;
	size_t max = pluton->limits.window_size_max;
	size_t rounded;
	int r = check_size(pluton, size);

	if (r < 0)
		return r;
	rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (rounded > max)
		rounded = size; /* then it fills its window alone */
	*ret = NULL;
	for (window = pluton->memory.windows; window && !*ret; window = window->next)
		*ret = take_from(window, (uint32_t)rounded);
	if (*ret)
		return 0;
	r = window_for(pluton, (uint32_t)rounded, &window);
	if (r < 0)
		return r;
	*ret = take_from(window, (uint32_t)rounded);
	return *ret ? 0 : connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a block");
}

/* --- giving back ----------------------------------------------------------------------------- */

static size_t unused_bytes(const struct memory *memory)
{
	size_t bytes = 0;

	for (const struct memory_window *w = memory->windows; w; w = w->next)
		bytes += unused(w) ? w->size : 0;
	return bytes;
}

static struct memory_window **largest_unused(struct memory *memory)
{
	struct memory_window **largest = NULL;

	for (struct memory_window **at = &memory->windows; *at; at = &(*at)->next) {
		if (unused(*at) && (!largest || (*at)->size > (*largest)->size))
			largest = at;
	}
	return largest;
}

/* One that will serve nobody any more; NULL: there is none. */
static struct memory_window **unused_sealed(struct memory *memory)
{
	struct memory_window **at = &memory->windows;

	while (*at && !((*at)->sealed && unused(*at)))
		at = &(*at)->next;
	return *at ? at : NULL;
}

static bool window_remove(struct pluton *pluton, struct memory_window **at)
{
	struct memory_window *window = *at;
	const struct record remove = {
		.header = {.type = RECORD_WINDOW_REMOVE,
			   .op_id = MEMORY_REMOVAL_ID | window->number},
		.window = {.window = window->number},
	};

	if (connection_send(pluton, &remove) < 0)
		return false;
	*at = window->next;
	pluton->memory.window_count--;
	pluton->memory.bytes -= window->size;
	window->next = pluton->memory.leaving;
	pluton->memory.leaving = window;
	return true;
}

void memory_give(struct pluton *pluton, struct memory_block *block)
{
	struct memory_window **at;
	bool removed = true;

	if (!block->window->sealed)
		explicit_bzero(memory_bytes(block), block->size);
	block->taken = false;
	block->allocated = false;
	merge_free(block->window);
	for (at = unused_sealed(&pluton->memory); at && removed && pluton->error == 0;
	     at = unused_sealed(&pluton->memory))
		removed = window_remove(pluton, at);
	while (removed && pluton->error == 0 && unused_bytes(&pluton->memory) > KEPT_BYTES) {
		at = largest_unused(&pluton->memory);
		removed = at && window_remove(pluton, at);
	}
}

/* One that the daemon keeps, for a raw allow perhaps, is in use again: a later give tries again. */
bool memory_removed(struct pluton *pluton, uint32_t op_id, bool gone)
{
	struct memory_window **at = &pluton->memory.leaving;
	struct memory_window *window;

	while (*at && (MEMORY_REMOVAL_ID | (*at)->number) != op_id)
		at = &(*at)->next;
	window = *at;
	if (!window)
		return false;
	*at = window->next;
	if (gone)
		window_free(window);
	else
		link_window(&pluton->memory, window);
	return true;
}

/* --- another connection ---------------------------------------------------------------------- */

void memory_taint(const struct memory_block *block)
{
	block->window->tainted = true;
}

static void free_unused(struct memory *memory)
{
	struct memory_window **at = &memory->windows;

	while (*at) {
		struct memory_window *window = *at;

		if (!unused(window)) {
			at = &window->next;
			continue;
		}
		*at = window->next;
		memory->window_count--;
		memory->bytes -= window->size;
		window_free(window);
	}
}

static void free_all(struct memory_window **list)
{
	while (*list) {
		struct memory_window *window = *list;

		*list = window->next;
		window_free(window);
	}
}

int memory_share_again(struct pluton *pluton)
{
	int r = 0;

	free_unused(&pluton->memory);
	free_all(&pluton->memory.leaving);
	for (struct memory_window *window = pluton->memory.windows; window && r == 0;
	     window = window->next) {
		if (window->fd < 0)
			return connection_fail(pluton, -PLUTON_EOFF,
					       "memory was shared while reconnecting was off");
		r = window_share(pluton, window);
	}
	/* The daemon says which of its limits it was; to our caller there is no room. */
	return r < 0 && pluton->error == 0 ? -PLUTON_ENOMEM : r;
}

void memory_close(struct pluton *pluton)
{
	free_all(&pluton->memory.windows);
	free_all(&pluton->memory.leaving);
}

/* --- for users ------------------------------------------------------------------------------- */

static const struct memory_block *find(const struct pluton *pluton, uintptr_t address)
{
	for (const struct memory_window *window = pluton->memory.windows; window;
	     window = window->next) {
		uintptr_t start = (uintptr_t)window->bytes;

		if (address < start || address - start >= window->size)
			continue;
		for (const struct memory_block *block = window->blocks; block;
		     block = block->next) {
			if (address - start - block->offset < block->size)
				return block->allocated ? block : NULL;
		}
	}
	return NULL;
}

/* Once more if the daemon went away as it was asked for a window. */
static int take_waiting(struct pluton *pluton, size_t size, struct memory_block **ret)
{
	int r = 0;

	for (unsigned i = 0; i < 2; i++) {
		r = reconnect_wait(pluton);
		if (r < 0)
			break;
		r = memory_take(pluton, size, ret);
		if (r != -PLUTON_EOFF)
			break;
	}
	return r;
}

void *pluton_alloc(struct pluton *pluton, size_t size)
{
	struct memory_block *block;

	pluton->memory.error = take_waiting(pluton, size, &block);
	if (pluton->memory.error < 0)
		return NULL;
	block->allocated = true;
	return memory_bytes(block);
}

int pluton_alloc_error(const struct pluton *pluton)
{
	return pluton->memory.error;
}

void pluton_free(struct pluton *pluton, void *memory)
{
	uintptr_t address = (uintptr_t)memory;

	for (struct memory_window *window = pluton->memory.windows; memory && window;
	     window = window->next) {
		for (struct memory_block *block = window->blocks; block; block = block->next) {
			if (block->allocated && (uintptr_t)memory_bytes(block) == address) {
				memory_give(pluton, block);
				return;
			}
		}
	}
}

int pluton_range_of(const struct pluton *pluton, const void *memory, size_t size,
		    struct pluton_range *ret)
{
	uintptr_t address = (uintptr_t)memory;
	const struct memory_block *block = find(pluton, address);
	uint32_t skipped;

	if (!block)
		return -PLUTON_EINVAL;
	skipped = (uint32_t)(address - (uintptr_t)memory_bytes(block));
	if (size > block->size - skipped)
		return -PLUTON_EINVAL;
	*ret = (struct pluton_range){block->window->number, block->offset + skipped,
				     (uint32_t)size};
	return 0;
}
