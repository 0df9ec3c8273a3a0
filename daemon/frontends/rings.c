/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule a newcomer would break first: what fails half-way is taken back to the byte, and the
 * process goes on with its socket.
 */
#include "daemon/frontends/rings.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/kernel/charge.h"
#include "daemon/kernel/loop.h"

static void release(void *object);

static const struct hil_charge event_charge = {
	.name = "doorbell", .cost = RINGS_EVENT_COST, .release = release};

bool rings_possible(const struct event_base *base)
{
	return event_base_get_features(base) & EV_FEATURE_ET;
}

/* --- making ---------------------------------------------------------------------------------- */

/* Rings are a luxury: they leave the last quarter of all descriptors to those who connect. */
static bool is_scarce(int fd)
{
	struct rlimit descriptors;

	return getrlimit(RLIMIT_NOFILE, &descriptors) < 0 ||
	       (rlim_t)fd >= descriptors.rlim_cur - descriptors.rlim_cur / 4;
}

static int make_memory(size_t size)
{
	int fd = memfd_create("pluton-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, (off_t)size) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int map_memory(struct rings *rings, int fd)
{
	void *memory = mmap(NULL, rings->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -PLUTON_ENOMEM;
	madvise(memory, rings->size, MADV_DONTDUMP);
	rings->memory = memory;
	rings->process->user->window_bytes += rings->size;
	return 0;
}

static int open_doorbell(struct rings *rings, struct event_base *base,
			 event_callback_fn on_doorbell)
{
	/* Readable from the start: so its handler can always be made to run again. */
	rings->doorbell = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rings->doorbell < 0 || is_scarce(rings->doorbell))
		return -PLUTON_EBUSY;
	event_assign(&rings->event, base, rings->doorbell, EV_READ | EV_PERSIST | EV_ET,
		     on_doorbell, rings->process);
	return event_add(&rings->event, NULL) < 0 ? -PLUTON_ENOMEM : 0;
}

static int check_user(struct process *process, size_t size)
{
	struct kernel *kernel = process->kernel;

	if (process->user->window_bytes + size <= kernel->limits.windows_per_user)
		return 0;
	return kernel_refuse(
		kernel, -PLUTON_EBUSY,
		"user %u would have over windows_per_user (%zu) bytes with these rings",
		process->who.uid, kernel->limits.windows_per_user);
}

/* The block and the charge: then what follows is released with it, whoever comes to do that. */
static struct rings *take(struct process *process)
{
	struct rings *rings = arena_take(&process->arena, BLOCK_FRONTEND, sizeof(*rings));

	if (!rings)
		return NULL;
	rings->process = process;
	rings->doorbell = -1;
	if (hil_charge_take(&process->owner, &event_charge, rings, &rings->charge) == 0)
		return rings;
	arena_give(&process->arena, rings);
	return NULL;
}

int rings_make(struct process *process, struct event_base *base, event_callback_fn on_doorbell,
	       struct rings **ret, int *ret_memory)
{
	struct kernel *kernel = process->kernel;
	uint32_t size = kernel->limits.ring_size;
	struct rings *rings;
	int r = check_user(process, RING_MEMORY_SIZE(size)), fd;

	if (r < 0)
		return r;
	rings = take(process);
	if (!rings)
		return kernel_refuse(kernel, -PLUTON_ENOMEM,
				     "no memory for rings under arena_limit (%zu)",
				     process->arena.limit);
	rings->size = RING_MEMORY_SIZE(size);
	fd = make_memory(rings->size);
	r = fd < 0 || is_scarce(fd) ? -PLUTON_EBUSY : map_memory(rings, fd);
	if (r == 0)
		r = open_doorbell(rings, base, on_doorbell);
	if (r < 0) {
		rings_free(rings);
		if (fd >= 0)
			close(fd);
		return kernel_refuse(kernel, r, "no descriptor or memory to spare for rings");
	}
	ring_open_requests(&rings->requests, rings->memory, size);
	ring_open_answers(&rings->answers, rings->memory, size);
	rings->may_spin = spin_has_two_cpus((pid_t)process->who.pid);
	(void)ring_await_record(&rings->requests);
	*ret = rings;
	*ret_memory = fd;
	return 0;
}

static void release(void *object)
{
	struct rings *rings = object;
	const struct kernel *kernel = rings->process->kernel;

	if (rings->doorbell >= 0) {
		if (event_initialized(&rings->event))
			event_del(&rings->event);
		close(rings->doorbell);
	}
	if (!rings->memory)
		return;
	rings->process->user->window_bytes -= rings->size;
	if (kernel->unmap)
		kernel->unmap(kernel->disposal_context, rings->memory, rings->size);
	else
		munmap(rings->memory, rings->size);
}

void rings_free(struct rings *rings)
{
	struct process *process = rings->process;

	hil_charge_drop(&process->owner, &event_charge, rings->charge);
	arena_give(&process->arena, rings);
}

/* Into epoll anew: it is readable, and so an event. Others' events come first. */
void rings_turn_again(struct rings *rings)
{
	event_del(&rings->event);
	event_add(&rings->event, NULL);
}

/* --- the spinner ----------------------------------------------------------------------------- */

bool spinner_join(struct spinner *spinner, struct rings *rings, uint64_t now_us)
{
	if (!rings->looked_at) {
		if (!rings->may_spin || spinner->spin.limit_us == 0 ||
		    spinner->count == SPINNER_RINGS_MAX)
			return false;
		spinner->rings[spinner->count++] = rings;
		rings->looked_at = true;
	}
	spinner->since_us = now_us;
	return true;
}

void spinner_leave(struct spinner *spinner, struct rings *rings)
{
	if (!rings->looked_at)
		return;
	rings->looked_at = false;
	for (unsigned i = 0; i < spinner->count; i++) {
		if (spinner->rings[i] == rings)
			spinner->rings[i] = spinner->rings[--spinner->count];
	}
}

void spinner_rested(struct spinner *spinner, uint64_t now_us)
{
	spinner->rested_us = now_us;
}

void spinner_woken(struct spinner *spinner, uint64_t now_us)
{
	if (spinner->rested_us)
		spin_slept(&spinner->spin, now_us - spinner->rested_us);
	spinner->rested_us = 0;
}

static struct rings *look_once(struct spinner *spinner)
{
	for (unsigned i = 0; i < spinner->count; i++) {
		unsigned at = (spinner->next + i) % spinner->count;

		if (ring_has_record(&spinner->rings[at]->requests)) {
			spinner->next = at + 1;
			return spinner->rings[at];
		}
	}
	return NULL;
}

struct rings *spinner_look(struct spinner *spinner, bool *ret_over)
{
	uint64_t start = loop_now_us(), now = start;
	struct rings *found = look_once(spinner);

	*ret_over = false;
	while (!found && !*ret_over && now - start < SPINNER_LOOK_US) {
		for (unsigned i = 0; i < 16 && !found; i++) {
			spin_pause();
			found = look_once(spinner);
		}
		now = loop_now_us();
		*ret_over = !found && now - spinner->since_us >= spinner->spin.limit_us;
	}
	if (found)
		spin_found(&spinner->spin);
	if (*ret_over)
		spin_missed(&spinner->spin);
	return found;
}
