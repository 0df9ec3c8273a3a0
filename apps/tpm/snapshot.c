/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memfd's layout and its rules of order. Only this program, of the same format, reads it, so it
 * holds structs; but it was kept by others, so every number in it is checked before it is used.
 */
#include "apps/tpm/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pluton/error.h>

#define MAGIC UINT64_C(0x31504e536d70546c) /* another one with every change of this layout */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define COPIES 2u

struct header {
	uint64_t magic;
	uint64_t size;	       /* of the whole file */
	uint64_t durable;      /* snapshot_durable */
	uint32_t entries_used; /* no entry from this one on was ever used */
	uint32_t reserved;
};

struct slot {
	uint64_t checksum; /* of everything from `generation` to the end of the volatile state */
	uint64_t generation;
	uint32_t length; /* bytes of the volatile state */
	uint32_t reserved;
	struct snapshot_state state;
	uint8_t volatile_state[SNAPSHOT_VOLATILE_MAX];
};

struct half {
	uint64_t checksum;   /* of everything from `generation` to the end of the response */
	uint64_t generation; /* of the slot that makes it valid */
	uint64_t serial;     /* the higher one of two valid ones counts */
	struct snapshot_entry entry;
	uint8_t response[TPM_BUFFER_SIZE];
};

struct entry {
	uint32_t accepted;
	uint32_t reserved;
	struct half halves[COPIES];
};

struct image {
	uint8_t bytes[PERMANENT_MAX];
};

struct file {
	struct header header;
	_Alignas(4096) struct slot slots[COPIES];
	_Alignas(4096) struct image images[COPIES];
	_Alignas(4096) struct entry entries[SNAPSHOT_ENTRIES_MAX];
};

struct snapshot {
	int fd;
	struct file *file;
	struct slot *slot;			   /* in use; NULL: none */
	uint64_t generation;			   /* of the slot in use, or 0 */
	uint64_t serial;			   /* of the half that was written last */
	struct half *halves[SNAPSHOT_ENTRIES_MAX]; /* in use; NULL: none */
};

/* --- checksums ------------------------------------------------------------------------------- */

/*
 * Against bytes that were not written any more, not against malice: a multiply and a rotation for
 * every 8 bytes (the tail padded with zeroes), with odd constants of the golden ratio's kind.
 */
static uint64_t checksum(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t sum = size ^ UINT64_C(0x9e3779b97f4a7c15);
	uint64_t word;

	for (; size > 0; at += sizeof(word)) {
		size_t n = size < sizeof(word) ? size : sizeof(word);

		word = 0;
		memcpy(&word, at, n);
		sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
		sum = sum << 31 | sum >> 33;
		size -= n;
	}
	return sum ^ sum >> 29;
}

static uint64_t slot_checksum(const struct slot *slot)
{
	return checksum(&slot->generation, offsetof(struct slot, volatile_state) -
						   offsetof(struct slot, generation) +
						   slot->length);
}

static uint64_t half_checksum(const struct half *half)
{
	return checksum(&half->generation, offsetof(struct half, response) -
						   offsetof(struct half, generation) +
						   half->entry.response_size);
}

/* The compiler must not move a write over it; the processor does not, for who dies by a signal. */
static void in_order(void)
{
	__asm__ volatile("" ::: "memory");
}

static bool is_whole_slot(const struct slot *slot)
{
	return slot->generation != 0 && slot->length <= SNAPSHOT_VOLATILE_MAX &&
	       slot->state.permanent_index < COPIES && slot->state.objects.count <= OBJECTS_MAX &&
	       slot->checksum == slot_checksum(slot);
}

static bool is_whole_half(const struct half *half)
{
	return half->serial != 0 && half->entry.response_size <= TPM_BUFFER_SIZE &&
	       half->checksum == half_checksum(half);
}

/* --- making and opening ---------------------------------------------------------------------- */

static int map(int fd, struct snapshot **ret)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	void *memory;

	if (!snapshot) {
		close(fd);
		return -PLUTON_ENOMEM;
	}
	memory = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		close(fd);
		free(snapshot);
		return -PLUTON_ENOMEM;
	}
	(void)madvise(memory, sizeof(struct file), MADV_DONTDUMP);
	snapshot->fd = fd;
	snapshot->file = memory;
	*ret = snapshot;
	return 0;
}

int snapshot_create(struct snapshot **ret)
{
	int fd = memfd_create("pluton-tpmd-" SNAPSHOT_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -PLUTON_ENOMEM;
	if (ftruncate(fd, sizeof(struct file)) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		close(fd);
		return -PLUTON_ENOMEM;
	}
	r = map(fd, ret);
	if (r < 0)
		return r;
	(*ret)->file->header = (struct header){.magic = MAGIC, .size = sizeof(struct file)};
	return 0;
}

/* A file that could shrink would kill us with SIGBUS. */
static const char *what_is_wrong(int fd)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return "it is not a sealed memfd";
	if (fstat(fd, &status) < 0 || status.st_size != sizeof(struct file))
		return "its size is that of another version of pluton-tpmd";
	return NULL;
}

static struct slot *newest_slot(struct file *file)
{
	struct slot *newest = NULL;

	for (unsigned i = 0; i < COPIES; i++) {
		struct slot *slot = &file->slots[i];

		if (is_whole_slot(slot) && (!newest || slot->generation > newest->generation))
			newest = slot;
	}
	return newest;
}

static void pick_half(struct snapshot *snapshot, uint32_t index)
{
	for (unsigned i = 0; i < COPIES; i++) {
		struct half *half = &snapshot->file->entries[index].halves[i];
		struct half **in_use = &snapshot->halves[index];

		if (!is_whole_half(half))
			continue;
		if (half->generation > snapshot->generation) {
			half->serial =
				0; /* its slot was never written, and its number comes again */
			continue;
		}
		if (half->serial > snapshot->serial)
			snapshot->serial = half->serial;
		if (!*in_use || half->serial > (*in_use)->serial)
			*in_use = half;
	}
}

static const char *find_all(struct snapshot *snapshot)
{
	struct file *file = snapshot->file;

	if (file->header.magic != MAGIC || file->header.size != sizeof(struct file))
		return "another version of pluton-tpmd wrote it";
	if (file->header.entries_used > SNAPSHOT_ENTRIES_MAX)
		return "it counts more connections than it can hold";
	snapshot->slot = newest_slot(file);
	if (!snapshot->slot)
		return "it was never finished";
	snapshot->generation = snapshot->slot->generation;
	for (uint32_t i = 0; i < file->header.entries_used; i++)
		pick_half(snapshot, i);
	return NULL;
}

int snapshot_open(int fd, struct snapshot **ret, const char **ret_why)
{
	struct snapshot *snapshot;
	int r;

	*ret_why = what_is_wrong(fd);
	if (*ret_why) {
		close(fd);
		return -PLUTON_EINVAL;
	}
	r = map(fd, &snapshot);
	if (r < 0) {
		*ret_why = "there is no memory to map it";
		return r;
	}
	*ret_why = find_all(snapshot);
	if (*ret_why) {
		snapshot_close(snapshot);
		return -PLUTON_EINVAL;
	}
	*ret = snapshot;
	return 0;
}

void snapshot_close(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	munmap(snapshot->file, sizeof(struct file));
	close(snapshot->fd);
	free(snapshot);
}

int snapshot_fd(const struct snapshot *snapshot)
{
	return snapshot->fd;
}

/* --- the slot in use ------------------------------------------------------------------------- */

const struct snapshot_state *snapshot_state(const struct snapshot *snapshot)
{
	return snapshot->slot ? &snapshot->slot->state : NULL;
}

const uint8_t *snapshot_volatile(const struct snapshot *snapshot, uint32_t *ret_length)
{
	*ret_length = snapshot->slot ? snapshot->slot->length : 0;
	return snapshot->slot ? snapshot->slot->volatile_state : NULL;
}

int snapshot_commit(struct snapshot *snapshot, const struct snapshot_state *state,
		    const uint8_t *volatile_state, uint32_t length)
{
	struct slot *slots = snapshot->file->slots;
	struct slot *slot = snapshot->slot == &slots[0] ? &slots[1] : &slots[0];
	uint32_t before = slot->length;

	if (length > SNAPSHOT_VOLATILE_MAX)
		return -PLUTON_ESIZE;
	slot->generation = 0;
	in_order();
	slot->length = length;
	slot->reserved = 0;
	slot->state = *state;
	memcpy(slot->volatile_state, volatile_state, length);
	if (before > length && before <= SNAPSHOT_VOLATILE_MAX)
		explicit_bzero(slot->volatile_state + length, before - length);
	in_order();
	slot->generation = snapshot->generation + 1;
	in_order();
	slot->checksum = slot_checksum(slot);
	in_order();
	snapshot->slot = slot;
	snapshot->generation++;
	return 0;
}

/* --- permanent state ------------------------------------------------------------------------- */

uint32_t snapshot_spare(const struct snapshot *snapshot)
{
	return snapshot->slot ? 1 - snapshot->slot->state.permanent_index : 0;
}

uint8_t *snapshot_permanent(struct snapshot *snapshot, uint32_t index)
{
	return snapshot->file->images[index].bytes;
}

uint64_t snapshot_durable(const struct snapshot *snapshot)
{
	return snapshot->file->header.durable;
}

void snapshot_set_durable(struct snapshot *snapshot, uint64_t generation)
{
	snapshot->file->header.durable = generation;
}

/* --- connections ----------------------------------------------------------------------------- */

const struct snapshot_entry *snapshot_entry(const struct snapshot *snapshot, uint32_t index)
{
	const struct half *half = snapshot->halves[index];

	return half && half->entry.in_use ? &half->entry : NULL;
}

const uint8_t *snapshot_response(const struct snapshot *snapshot, uint32_t index)
{
	return snapshot->halves[index] ? snapshot->halves[index]->response : NULL;
}

uint32_t snapshot_accepted(const struct snapshot *snapshot, uint32_t index)
{
	return snapshot->file->entries[index].accepted;
}

void snapshot_accept(struct snapshot *snapshot, uint32_t index, uint32_t sequence)
{
	snapshot->file->entries[index].accepted = sequence;
	in_order();
}

/* One that only counts with the next slot is written again: the other one counts until then. */
static struct half *half_to_write(struct snapshot *snapshot, uint32_t index)
{
	struct half *halves = snapshot->file->entries[index].halves;
	struct half *half = snapshot->halves[index];

	if (half && half->generation > snapshot->generation)
		return half;
	return half == &halves[0] ? &halves[1] : &halves[0];
}

void snapshot_put_entry(struct snapshot *snapshot, uint32_t index, enum snapshot_when when,
			const struct snapshot_entry *entry, const uint8_t *response)
{
	struct half *half = half_to_write(snapshot, index);
	uint32_t before = half->entry.response_size;

	if (index >= snapshot->file->header.entries_used)
		snapshot->file->header.entries_used = index + 1;
	half->serial = 0;
	in_order();
	half->generation = snapshot->generation + (when == SNAPSHOT_COMMIT);
	half->entry = *entry;
	if (entry->response_size > 0 && response != half->response)
		memcpy(half->response, response, entry->response_size);
	if (before > entry->response_size && before <= TPM_BUFFER_SIZE)
		explicit_bzero(half->response + entry->response_size,
			       before - entry->response_size);
	in_order();
	half->serial = ++snapshot->serial;
	in_order();
	half->checksum = half_checksum(half);
	in_order();
	snapshot->halves[index] = half;
}
