/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which memory we accept, and why: a file that cannot shrink under our feet (SIGBUS), on tmpfs (no
 * server behind it that could stall a fault), in ordinary pages, within what the user may have.
 */
#include "daemon/kernel/window.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "daemon/kernel/operation.h"

/* What a descriptor turned out to be. */
struct candidate {
	uint32_t size;
	bool sealed;
};

static int check_kind(struct kernel *kernel, int fd, int *ret_seals)
{
	struct statfs fs;
	/* First of all: only shared memory has seals, so no foreign file system is asked. */
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return kernel_refuse(kernel, -PLUTON_EINVAL,
				     "a window must be a memfd of ordinary pages (memfd_create)");
	if (!(seals & F_SEAL_SHRINK))
		return kernel_refuse(kernel, -PLUTON_EINVAL,
				     "a window's memfd must be sealed with F_SEAL_SHRINK");
	*ret_seals = seals;
	return 0;
}

static int check_size(struct process *process, int fd, uint32_t *ret_size)
{
	struct kernel *kernel = process->kernel;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return kernel_refuse(kernel, -PLUTON_ESIZE,
				     "the memfd is empty: give it a size first");
	if ((uint64_t)st.st_size > kernel->limits.window_max)
		return kernel_refuse(kernel, -PLUTON_ESIZE,
				     "the memfd has %lld bytes, window_max is %zu",
				     (long long)st.st_size, kernel->limits.window_max);
	if (process->user->window_bytes + (uint64_t)st.st_size > kernel->limits.windows_per_user)
		return kernel_refuse(
			kernel, -PLUTON_EBUSY,
			"user %u would have over windows_per_user (%zu) bytes of windows",
			process->who.uid, kernel->limits.windows_per_user);
	*ret_size = (uint32_t)st.st_size;
	return 0;
}

static int check(struct process *process, int fd, struct candidate *ret)
{
	struct candidate candidate;
	int seals = 0, r;

	r = check_kind(process->kernel, fd, &seals);
	if (r < 0)
		return r;
	r = check_size(process, fd, &candidate.size);
	if (r < 0)
		return r;
	candidate.sealed = seals & F_SEAL_WRITE;
	*ret = candidate;
	return 0;
}

static struct window *free_window(struct process *process, uint32_t *ret_number)
{
	uint32_t limit = process->kernel->limits.windows_per_process;

	for (uint32_t i = 0; i < limit && i < WINDOWS_MAX; i++) {
		if (!process->windows->windows[i].memory) {
			*ret_number = i + 1;
			return &process->windows->windows[i];
		}
	}
	return NULL;
}

/*
 * Before 6.7 Linux refuses a shared mapping of a write-sealed file that is open for writing, even
 * one for reading. A private one is the same here: nobody can write, so no page is ever copied.
 */
static void *map_memory(const struct candidate *candidate, int fd)
{
	if (candidate->sealed)
		return mmap(NULL, candidate->size, PROT_READ, MAP_PRIVATE, fd, 0);
	return mmap(NULL, candidate->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

int window_add(struct process *process, int fd, uint32_t *ret_number)
{
	struct candidate candidate;
	struct window *window;
	void *memory;
	int r;

	if (!process->windows)
		process->windows =
			arena_take(&process->arena, BLOCK_WINDOWS, sizeof(*process->windows));
	if (!process->windows)
		return kernel_refuse(process->kernel, -PLUTON_ENOMEM,
				     "no memory for windows under arena_limit (%zu)",
				     process->arena.limit);
	window = free_window(process, ret_number);
	if (!window)
		return kernel_refuse(process->kernel, -PLUTON_EBUSY,
				     "%u windows are in use, windows_per_process",
				     process->kernel->limits.windows_per_process);
	r = check(process, fd, &candidate);
	if (r < 0)
		return r;
	memory = map_memory(&candidate, fd);
	if (memory == MAP_FAILED)
		return kernel_refuse(process->kernel,
				     errno == ENOMEM ? -PLUTON_ENOMEM : -PLUTON_EINVAL,
				     "the memfd cannot be mapped: open it for reading and writing");
	madvise(memory, candidate.size, MADV_DONTDUMP);
	*window = (struct window){memory, candidate.size, candidate.sealed};
	process->user->window_bytes += candidate.size;
	step_reached(&process->kernel->step, STEP_WINDOW_ADDED, process->id);
	return 0;
}

const struct window *window_find(const struct process *process, uint32_t number)
{
	if (!process->windows || number < 1 || number > WINDOWS_MAX)
		return NULL;
	if (!process->windows->windows[number - 1].memory)
		return NULL;
	return &process->windows->windows[number - 1];
}

static void unmap(struct process *process, struct window *window)
{
	const struct kernel *kernel = process->kernel;

	if (window->memory && kernel->unmap)
		kernel->unmap(kernel->disposal_context, window->memory, window->size);
	else if (window->memory)
		munmap(window->memory, window->size);
	process->user->window_bytes -= window->size;
	*window = (struct window){0};
}

int window_remove(struct process *process, uint32_t number)
{
	if (!window_find(process, number))
		return kernel_refuse(process->kernel, -PLUTON_EINVAL, "there is no window %u",
				     number);
	if (operation_uses_window(process, number))
		return kernel_refuse(process->kernel, -PLUTON_EBUSY,
				     "an operation still uses window %u", number);
	unmap(process, &process->windows->windows[number - 1]);
	return 0;
}

void window_remove_all(struct process *process)
{
	if (!process->windows)
		return;
	for (uint32_t i = 0; i < WINDOWS_MAX; i++)
		unmap(process, &process->windows->windows[i]);
	arena_give(&process->arena, process->windows);
	process->windows = NULL;
}

void window_measure(const struct process *process, uint32_t *ret_count, uint64_t *ret_bytes)
{
	*ret_count = 0;
	*ret_bytes = 0;
	for (uint32_t i = 1; i <= WINDOWS_MAX; i++) {
		const struct window *window = window_find(process, i);

		*ret_count += window != NULL;
		*ret_bytes += window ? window->size : 0;
	}
}
