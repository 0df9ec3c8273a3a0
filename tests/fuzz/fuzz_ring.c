/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole daemon, and a process that does anything with its rings: with the indices, the flags, the
 * records, the doorbell, the memory and the socket, in any order and between any two passes of the
 * loop. Whatever it did: a neighbour is served, and once both are gone the pool is back to the
 * byte.
 *
 * The input is a sequence of actions: a byte that says which, and what that one reads.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_daemon.h"

#define WORDS 8u	/* indices and flags, each in a cache line */
#define WORD_STEP 64u	/* bytes between two */
#define PASSES_MAX 8u	/* of one action */
#define DIGEST_SIZE 32u /* SHA-256 */

struct play {
	struct rig *rig;
	struct rig_rings *rings;
	int fd;
	const uint8_t *bytes; /* what is left of the input */
	size_t size;
};

/* --- the input ------------------------------------------------------------------------------- */

static uint32_t read_number(struct play *play, size_t width)
{
	uint32_t number = 0;

	for (size_t i = 0; i < width && play->size > 0; i++, play->size--)
		number |= (uint32_t)*play->bytes++ << (8 * i);
	return number;
}

/* As many as the input has. */
static size_t read_bytes(struct play *play, uint8_t *ret, size_t wanted)
{
	size_t length = wanted < play->size ? wanted : play->size;

	memcpy(ret, play->bytes, length);
	play->bytes += length;
	play->size -= length;
	return length;
}

/* --- what a process can do ------------------------------------------------------------------- */

/* Greeted, with rings. */
static void connect_anew(struct play *play)
{
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION, .features = FEATURE_RINGS}};
	struct record answer;

	play->fd = rig_connect_raw(play->rig);
	rig_send(play->fd, &hello, -1);
	if (!rig_receive(play->rig, play->fd, &answer) || rig_open_rings(play->rig, play->fd) != 0)
		abort();
	play->rings = rig_rings_of(play->fd);
}

static void hang_up(struct play *play)
{
	rig_forget_rings(play->fd);
	close(play->fd);
}

static void write_anywhere(struct play *play)
{
	size_t at = read_number(play, 2) % play->rings->size;
	size_t wanted = read_number(play, 1);

	if (wanted > play->rings->size - at)
		wanted = play->rings->size - at;
	read_bytes(play, play->rings->memory + at, wanted);
}

static _Atomic uint32_t *read_word(struct play *play)
{
	size_t at = read_number(play, 1) % WORDS * WORD_STEP;

	return (_Atomic uint32_t *)(void *)(play->rings->memory + at);
}

static void set_word(struct play *play)
{
	_Atomic uint32_t *word = read_word(play);

	atomic_store(word, read_number(play, 4));
}

static void move_word(struct play *play)
{
	_Atomic uint32_t *word = read_word(play);

	atomic_fetch_add(word, 8 * (uint32_t)(int8_t)read_number(play, 1));
}

/* As a client should, but for what is in it: so many times one record, whose size is put right. */
static void put_records(struct play *play)
{
	unsigned count = read_number(play, 1);
	uint8_t record[FUZZ_MESSAGE_MAX] = {0};
	uint32_t size = read_number(play, 2) % sizeof(record);

	read_bytes(play, record, size);
	if (size >= RECORD_HEADER_SIZE)
		memcpy(record + offsetof(struct record_header, size), &size, sizeof(size));
	while (count-- > 0 && ring_put(&play->rings->requests, record, size) == 1)
		continue;
	ring_publish(&play->rings->requests);
}

static bool doorbell_is(const struct play *play, short events)
{
	struct pollfd poll_fd = {.fd = play->rings->doorbell, .events = events};

	return poll(&poll_fd, 1, 0) == 1;
}

/* Often, or to the brim; and where that would block, others have to live with it. */
static void ring_doorbell(struct play *play)
{
	const uint64_t count = read_number(play, 1) ? 1 : UINT64_MAX - 1;
	uint64_t value;

	if (count > 1 && doorbell_is(play, POLLIN))
		(void)!read(play->rings->doorbell, &value, sizeof(value));
	if (doorbell_is(play, POLLOUT))
		(void)!write(play->rings->doorbell, &count, sizeof(count));
}

static void silence_doorbell(struct play *play)
{
	uint64_t value;

	fcntl(play->rings->doorbell, F_SETFL, read_number(play, 1) ? O_NONBLOCK : 0);
	if (doorbell_is(play, POLLIN))
		(void)!read(play->rings->doorbell, &value, sizeof(value));
}

static void pass(struct play *play)
{
	for (unsigned i = read_number(play, 1) % PASSES_MAX; i < PASSES_MAX; i++)
		rig_turn(play->rig);
}

static void take_answers(struct play *play)
{
	uint8_t record[RECORD_SIZE_MAX];
	struct rig_rings *rings = play->rings;

	for (unsigned i = read_number(play, 1);
	     i > 0 && ring_take(&rings->answers, record, sizeof(record)) > 0; i--)
		continue;
}

static void empty_socket(struct play *play)
{
	uint8_t record[RECORD_SIZE_MAX];

	for (unsigned i = read_number(play, 1);
	     i > 0 && recv(play->fd, record, sizeof(record), MSG_DONTWAIT) > 0; i--)
		continue;
}

static void send_by_socket(struct play *play)
{
	bool with_memfd = read_number(play, 1) & 1;
	uint8_t message[FUZZ_MESSAGE_MAX];
	size_t size = read_number(play, 2) % sizeof(message);

	fuzz_send(play->fd, message, read_bytes(play, message, size), with_memfd);
}

static void tear_memory(struct play *play)
{
	off_t at = (off_t)(read_number(play, 1) * 256);
	off_t length = (off_t)(read_number(play, 1) * 256 + 1);

	if (fallocate(play->rings->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) <
	    0)
		abort();
	if (ftruncate(play->rings->memfd, at) == 0 && at != (off_t)play->rings->size)
		abort();
}

static void leave_and_come(struct play *play)
{
	hang_up(play);
	fuzz_await_processes(play->rig, 1); /* the neighbour */
	connect_anew(play);
}

static void (*const actions[])(struct play *play) = {
	write_anywhere, set_word,     move_word,    put_records,    ring_doorbell, silence_doorbell,
	pass,		take_answers, empty_socket, send_by_socket, tear_memory,   leave_and_come,
};

/* --- one input ------------------------------------------------------------------------------- */

static void check_is_served(struct rig *rig, int neighbour)
{
	uint8_t inline_bytes[3];
	struct record record = rig_operation(1, RIG_DIGEST, 1), answer;

	record.operation.words[0] = 3; /* SHA-256 */
	rig_in(&record, 0, inline_bytes, "abc", 3);
	rig_out(&record, 1, DIGEST_SIZE);
	if (rig_perform(rig, neighbour, &record, &answer) != 0 ||
	    answer.upcall.output_length != DIGEST_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct play play = {.rig = fuzz_daemon(), .bytes = bytes, .size = size};
	int neighbour = rig_connect(play.rig);

	connect_anew(&play);
	while (play.size > 0)
		actions[read_number(&play, 1) % (sizeof(actions) / sizeof(actions[0]))](&play);
	check_is_served(play.rig, neighbour);
	hang_up(&play);
	close(neighbour);
	fuzz_check_forgotten(play.rig);
	return 0;
}
