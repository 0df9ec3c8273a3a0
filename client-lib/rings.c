/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon wakes us by a record on the socket, so the socket stays the one descriptor that
 * anybody polls. We wake it by an eventfd.
 */
#include "client-lib/rings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/connection.h"

#define LOOKS 32 /* between two looks at the clock */

void rings_init(struct rings *rings)
{
	const char *setting = secure_getenv("PLUTON_RINGS");

	*rings = (struct rings){.doorbell = -1,
				.forbidden = setting && strcmp(setting, "0") == 0,
				.early = setting && strcmp(setting, "1") == 0};
}

void rings_close(struct rings *rings)
{
	if (rings->memory)
		munmap(rings->memory, rings->size);
	if (rings->doorbell >= 0)
		close(rings->doorbell);
	rings->memory = NULL;
	rings->doorbell = -1;
}

void rings_forget(struct rings *rings)
{
	const struct rings fresh = {.doorbell = -1,
				    .off = rings->off,
				    .forbidden = rings->forbidden,
				    .early = rings->early,
				    .corked = rings->corked};

	rings_close(rings);
	*rings = fresh;
}

/* --- opening --------------------------------------------------------------------------------- */

/* Of that size, now and for ever: whoever touches what was cut off dies of SIGBUS. */
static bool is_memory(int fd, size_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK && fstat(fd, &st) == 0 &&
	       st.st_size == (off_t)size;
}

/* Like all that the kernel has no file for: and writing to it raises no SIGPIPE. */
static bool is_doorbell(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

static int map_memory(struct rings *rings, uint32_t size, int fd)
{
	if (size == 0 || ring_size_within(size) != size || !is_memory(fd, RING_MEMORY_SIZE(size)))
		return -PLUTON_EBADRVAL;
	rings->size = RING_MEMORY_SIZE(size);
	rings->memory = mmap(NULL, rings->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rings->memory != MAP_FAILED)
		return 0;
	rings->memory = NULL;
	return -PLUTON_ENOMEM;
}

int rings_take_over(struct pluton *pluton, uint32_t size, int memory, int doorbell)
{
	struct rings *rings = &pluton->rings;
	int r = is_doorbell(doorbell) ? map_memory(rings, size, memory) : -PLUTON_EBADRVAL;

	close(memory);
	rings->doorbell = doorbell;
	if (r < 0) {
		rings->off = true; /* also for the next connection, if there is one */
		return connection_fail(pluton, r == -PLUTON_ENOMEM ? -PLUTON_EOFF : r,
				       "the daemon's rings cannot be mapped");
	}
	madvise(rings->memory, rings->size, MADV_DONTDUMP);
	ring_open_requests(&rings->requests, rings->memory, size);
	ring_open_answers(&rings->answers, rings->memory, size);
	rings->may_spin = spin_has_two_cpus((pid_t)pluton->limits.daemon_pid);
	(void)rings_rest(rings);
	return 0;
}

/* The daemon uses what it gives, so we must be able to take it. */
static bool has_descriptors(const struct pluton *pluton)
{
	int first = fcntl(pluton->fd, F_DUPFD_CLOEXEC, 0);
	int second = first < 0 ? -1 : fcntl(pluton->fd, F_DUPFD_CLOEXEC, 0);

	if (first >= 0)
		close(first);
	if (second >= 0)
		close(second);
	return second >= 0;
}

static int ask_for_rings(struct pluton *pluton)
{
	static const struct record ask = {.header = {.type = RECORD_RINGS_OPEN}};
	struct pluton_return ret;

	pluton->rings.asked = true;
	if (!has_descriptors(pluton))
		return connection_refuse(pluton, -PLUTON_ENOMEM,
					 "this process has no descriptors left for rings");
	return connection_exchange(pluton, &ask, -1, &ret);
}

void rings_count_operation(struct pluton *pluton)
{
	struct rings *rings = &pluton->rings;
	char message[CONNECTION_MESSAGE_SIZE];

	if (rings->asked || rings->off || !rings->offered || pluton->exchange.waiting ||
	    ++rings->operations < (rings->early ? 1 : RINGS_AFTER))
		return;
	/* That there are none is nobody's error. */
	memcpy(message, pluton->message, sizeof(message));
	if (ask_for_rings(pluton) < 0 && pluton->error == 0)
		memcpy(pluton->message, message, sizeof(message));
}

int pluton_set_rings(struct pluton *pluton, enum pluton_rings rings)
{
	int r = 0;

	if (rings == PLUTON_RINGS_OFF && rings_open(&pluton->rings))
		return connection_refuse(pluton, -PLUTON_EALREADY,
					 "this connection has its rings already");
	if (rings != PLUTON_RINGS_OFF && rings != PLUTON_RINGS_WHEN_BUSY &&
	    rings != PLUTON_RINGS_NOW)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no such choice: %d", (int)rings);
	pluton->rings.off = rings == PLUTON_RINGS_OFF;
	if (rings != PLUTON_RINGS_NOW)
		return 0;
	r = reconnect_wait(pluton);
	if (r < 0 || rings_open(&pluton->rings))
		return r;
	if (!pluton->rings.offered)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "the daemon has no rings");
	return ask_for_rings(pluton);
}

/* --- requests -------------------------------------------------------------------------------- */

int rings_put(struct pluton *pluton, const void *record, size_t size, uint32_t *ret_end)
{
	struct rings *rings = &pluton->rings;
	int r = ring_put(&rings->requests, record, size);

	if (r < 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the daemon broke the ring");
	if (r == 0)
		rings_push(rings); /* corked or not: it has to make room */
	rings->unseen = true;
	*ret_end = rings->requests.mine;
	return r;
}

/* The daemon's end of the eventfd is in its epoll: this never waits. */
void rings_push(struct rings *rings)
{
	static const uint64_t one = 1;

	rings->unseen = false;
	ring_publish(&rings->requests);
	if (ring_must_wake_consumer(&rings->requests))
		(void)!write(rings->doorbell, &one, sizeof(one));
}

bool rings_await_room(struct rings *rings, size_t size)
{
	return ring_await_room(&rings->requests, size);
}

bool rings_was_taken(const struct rings *rings, uint32_t end)
{
	return (int32_t)(atomic_load_explicit(rings->requests.head, memory_order_relaxed) - end) >=
	       0;
}

/* --- answers --------------------------------------------------------------------------------- */

int rings_take(struct pluton *pluton)
{
	static const uint64_t one = 1;
	struct rings *rings = &pluton->rings;
	int size = ring_take(&rings->answers, pluton->in, sizeof(pluton->in));

	if (size < 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the daemon broke the ring");
	if (size > 0 && ring_must_wake_producer(&rings->answers))
		(void)!write(rings->doorbell, &one, sizeof(one));
	return size;
}

static void stay_awake(struct rings *rings)
{
	if (rings->armed)
		ring_stay_awake(&rings->answers);
	rings->armed = false;
}

bool rings_rest(struct rings *rings)
{
	if (!rings->armed) {
		rings->armed = !ring_await_record(&rings->answers);
		return !rings->armed;
	}
	return ring_has_record(&rings->answers);
}

void rings_rung(struct rings *rings)
{
	rings->armed = false;
	(void)rings_rest(rings);
}

uint64_t rings_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool rings_look(struct rings *rings)
{
	uint64_t start;

	if (ring_has_record(&rings->answers))
		return true;
	if (rings->spin.limit_us == 0)
		return false;
	stay_awake(rings);
	start = rings_now_us();
	do {
		for (int i = 0; i < LOOKS; i++) {
			spin_pause();
			if (ring_has_record(&rings->answers)) {
				spin_found(&rings->spin);
				return true;
			}
		}
	} while (rings_now_us() - start < rings->spin.limit_us);
	spin_missed(&rings->spin);
	return false;
}

/* --- for users ------------------------------------------------------------------------------- */

bool pluton_has_rings(const struct pluton *pluton)
{
	return rings_open(&pluton->rings);
}

void pluton_cork(struct pluton *pluton)
{
	pluton->rings.corked = true;
}

void pluton_uncork(struct pluton *pluton)
{
	pluton->rings.corked = false;
	if (pluton->rings.unseen && rings_open(&pluton->rings))
		rings_push(&pluton->rings);
}
