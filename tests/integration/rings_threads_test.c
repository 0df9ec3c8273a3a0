/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose threads write into live rings at once: one into the indices and flags, one into
 * the records, one at the doorbell and the memory itself, and one that sends requests. The machine
 * runs in a thread of its own, and neighbours in two more get every answer, and the right one.
 *
 * The rule a newcomer would break first: assertions are the test's thread's; the others only count.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hil/digest.h"
#include "tests/integration/oracle.h"
#include "tests/integration/wire.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define ATTACKERS 20u
#define SABOTEURS 3u
#define NEIGHBOURS 2u /* the first with rings */
#define ROUNDS 100u   /* of requests that one attacker sends */
#define SERVED 3u     /* requests of each neighbour during one attack */
#define MESSAGE_MAX 900u

struct neighbour {
	struct wire wire;
	pthread_t thread;
	atomic_bool *leave;
	atomic_uint served, wrong;
};

struct attacker {
	struct wire wire;
	struct rig_rings spoiled; /* the same memory, mapped for the saboteurs */
	atomic_bool stop;
	atomic_uint at_work; /* saboteurs that have done something */
	uint32_t seed;
};

static struct {
	struct rig rig;
	pthread_t machine;
	struct neighbour neighbours[NEIGHBOURS];
	struct attacker attackers[ATTACKERS];
	atomic_bool leave;
} siege;

static uint32_t draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 8) % below;
}

static struct record digest_request(uint32_t op_id, uint8_t *inline_bytes, const uint8_t *message,
				    uint16_t length)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, 1);

	record.operation.words[0] = DIGEST_SHA256;
	rig_in(&record, 0, inline_bytes, message, length);
	rig_out(&record, 1, ORACLE_DIGEST_SIZE);
	return record;
}

/* --- neighbours ------------------------------------------------------------------------------ */

static bool gets_right_digest(struct neighbour *neighbour, uint32_t op_id)
{
	uint8_t message[MESSAGE_MAX], inline_bytes[MESSAGE_MAX], expected[ORACLE_DIGEST_SIZE];
	const uint16_t length = (uint16_t)(1 + op_id % MESSAGE_MAX);
	struct record record, answer;

	oracle_fill(message, length, op_id);
	oracle_digest(message, length, expected);
	record = digest_request(op_id, inline_bytes, message, length);
	return wire_perform(&neighbour->wire, &record, &answer) == 0 &&
	       answer.header.op_id == op_id && answer.upcall.output_length == ORACLE_DIGEST_SIZE &&
	       memcmp(answer.upcall.output, expected, sizeof(expected)) == 0;
}

static void *live_beside(void *argument)
{
	struct neighbour *neighbour = argument;

	for (uint32_t op_id = 1; !atomic_load(neighbour->leave); op_id++) {
		if (!gets_right_digest(neighbour, op_id))
			atomic_fetch_add(&neighbour->wrong, 1);
		atomic_fetch_add(&neighbour->served, 1);
	}
	wire_exit(&neighbour->wire);
	return NULL;
}

/* --- saboteurs ------------------------------------------------------------------------------- */

/* Values that mean something are tried more often than others. */
static uint32_t any_value(uint32_t now, uint32_t *random)
{
	static const uint32_t values[] = {0, 1, 16, 0x80000000u, UINT32_MAX, (uint32_t)-16};

	switch (draw(random, 4)) {
	case 0:
		return values[draw(random, TESTS_COUNT(values))];
	case 1:
		return now + RING_ALIGNMENT * draw(random, 64);
	case 2:
		return now - RING_ALIGNMENT * draw(random, 64);
	default:
		return draw(random, 1u << 24) * 257;
	}
}

static void spoil_word(struct rig_rings *rings, uint32_t *random)
{
	_Atomic uint32_t *const words[] = {rings->requests.tail, rings->requests.head,
					   rings->requests.bell, rings->requests.room,
					   rings->answers.tail,	 rings->answers.head,
					   rings->answers.bell,	 rings->answers.room};
	_Atomic uint32_t *word = words[draw(random, TESTS_COUNT(words))];

	atomic_store(word, any_value(atomic_load(word), random));
}

static void spoil_record(struct rig_rings *rings, uint32_t *random)
{
	size_t records = rings->size - RING_HEADER_SIZE;
	size_t at = RING_HEADER_SIZE + draw(random, (uint32_t)records);

	/* Half of all in the first bytes, where types and sizes are. */
	if (draw(random, 2))
		at -= at % 64 - draw(random, 8);
	__atomic_store_n(rings->memory + at, (uint8_t)draw(random, 256), __ATOMIC_RELAXED);
}

static void spoil_doorbell(struct rig_rings *rings, uint32_t *random)
{
	const off_t page = (off_t)(4096 * draw(random, (uint32_t)rings->size / 4096));

	rig_rings_ring(rings);
	fcntl(rings->doorbell, F_SETFL, draw(random, 2) ? O_NONBLOCK : 0);
	if (draw(random, 32) == 0 &&
	    fallocate(rings->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page, 4096) < 0)
		abort();
	if (ftruncate(rings->memfd, page) == 0) /* a daemon that touches it would die */
		abort();
}

struct saboteur {
	pthread_t thread;
	struct attacker *attacker;
	void (*spoil)(struct rig_rings *rings, uint32_t *random);
};

static void *sabotage(void *argument)
{
	struct saboteur *saboteur = argument;
	struct attacker *attacker = saboteur->attacker;
	uint32_t random = attacker->seed;
	bool first = true;

	while (!atomic_load(&attacker->stop)) {
		for (unsigned i = 0; i < 16; i++)
			saboteur->spoil(&attacker->spoiled, &random);
		if (first)
			atomic_fetch_add(&attacker->at_work, 1);
		first = false;
		sched_yield();
	}
	return NULL;
}

/* What they write is no race with the thread that sends requests, but with the daemon. */
static void map_for_saboteurs(struct attacker *attacker)
{
	struct rig_rings *spoiled = &attacker->spoiled;
	uint32_t size = attacker->wire.rings.requests.size;

	*spoiled = attacker->wire.rings;
	spoiled->memory =
		mmap(NULL, spoiled->size, PROT_READ | PROT_WRITE, MAP_SHARED, spoiled->memfd, 0);
	if (spoiled->memory == MAP_FAILED)
		abort();
	ring_open_requests(&spoiled->requests, spoiled->memory, size);
	ring_open_answers(&spoiled->answers, spoiled->memory, size);
}

static void release(struct attacker *attacker, struct saboteur saboteurs[SABOTEURS], bool words)
{
	void (*const kinds[SABOTEURS])(struct rig_rings *, uint32_t *) = {
		spoil_record, spoil_doorbell, words ? spoil_word : spoil_record};

	for (unsigned i = 0; i < SABOTEURS; i++) {
		saboteurs[i] = (struct saboteur){.attacker = attacker, .spoil = kinds[i]};
		if (pthread_create(&saboteurs[i].thread, NULL, sabotage, &saboteurs[i]) != 0)
			abort();
	}
	while (atomic_load(&attacker->at_work) < SABOTEURS)
		sched_yield();
}

/* --- attackers ------------------------------------------------------------------------------- */

static bool was_closed(const struct attacker *attacker)
{
	struct pollfd poll_fd = {.fd = attacker->wire.fd};

	return poll(&poll_fd, 1, 0) == 1;
}

/* As a client should, on memory that is as it is. */
static void send_request(struct attacker *attacker, uint32_t op_id)
{
	struct rig_rings *rings = &attacker->wire.rings;
	uint8_t message[MESSAGE_MAX] = {0}, inline_bytes[MESSAGE_MAX], bytes[RECORD_SIZE_MAX];
	struct record record = digest_request(op_id, inline_bytes, message,
					      (uint16_t)(1 + op_id * 7 % MESSAGE_MAX));
	int size = record_encode(&record, bytes, sizeof(bytes));

	if (ring_put(&rings->requests, bytes, (size_t)size) == 1)
		ring_publish(&rings->requests);
	rig_rings_ring(rings);
	while (ring_take(&rings->answers, bytes, sizeof(bytes)) > 0)
		continue;
	while (recv(attacker->wire.fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
}

static bool neighbours_were_served(const unsigned before[NEIGHBOURS])
{
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		if (atomic_load(&siege.neighbours[i].served) - before[i] < SERVED)
			return false;
	}
	return true;
}

/* Until the daemon closes it, or it was let do what it wants for long enough. */
static void attack(struct attacker *attacker, bool words)
{
	struct saboteur saboteurs[SABOTEURS];
	unsigned before[NEIGHBOURS];

	for (unsigned i = 0; i < NEIGHBOURS; i++)
		before[i] = atomic_load(&siege.neighbours[i].served);
	map_for_saboteurs(attacker);
	release(attacker, saboteurs, words);
	for (uint32_t i = 1; i <= ROUNDS && !was_closed(attacker); i++)
		send_request(attacker, i);
	while (!neighbours_were_served(before))
		sched_yield();
	atomic_store(&attacker->stop, true);
	for (unsigned i = 0; i < SABOTEURS; i++)
		pthread_join(saboteurs[i].thread, NULL);
	munmap(attacker->spoiled.memory, attacker->spoiled.size);
	close(attacker->wire.fd);
	rig_rings_unmap(&attacker->wire.rings);
}

/* --- the siege ------------------------------------------------------------------------------- */

/* Until the machine has its thread, only this one touches it. */
static void connect_wire(struct wire *wire)
{
	int daemon_end;

	wire_open(wire, &daemon_end);
	CU_ASSERT_EQUAL_FATAL(channel_adopt(&siege.rig.machine->channel, daemon_end), 0);
}

static void open_siege(void)
{
	/* Attackers say nothing until it is their turn. */
	static const char *const patient[] = {"kernel.greeting_timeout=1h", NULL};

	memset(&siege, 0, sizeof(siege));
	rig_open(&siege.rig, patient);
	for (unsigned i = 0; i < NEIGHBOURS; i++)
		connect_wire(&siege.neighbours[i].wire);
	for (unsigned i = 0; i < ATTACKERS; i++)
		connect_wire(&siege.attackers[i].wire);
	if (pthread_create(&siege.machine, NULL, rig_run, &siege.rig) != 0)
		abort();
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		struct neighbour *neighbour = &siege.neighbours[i];

		CU_ASSERT_EQUAL_FATAL(i == 0 ? wire_greet_with_rings(&neighbour->wire)
					     : wire_greet(&neighbour->wire),
				      0);
		neighbour->leave = &siege.leave;
		if (pthread_create(&neighbour->thread, NULL, live_beside, neighbour) != 0)
			abort();
	}
}

static void close_siege(void)
{
	atomic_store(&siege.leave, true);
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		pthread_join(siege.neighbours[i].thread, NULL);
		CU_ASSERT_EQUAL(siege.neighbours[i].wrong, 0);
	}
	pthread_join(siege.machine, NULL);
	CU_ASSERT_EQUAL(siege.rig.kernel->pool.taken, 0);
	CU_ASSERT_EQUAL(siege.rig.kernel->pool.committed, 0);
	rig_close(&siege.rig);
}

static void attack_with(bool words)
{
	open_siege();
	for (unsigned i = 0; i < ATTACKERS; i++) {
		struct attacker *attacker = &siege.attackers[i];

		attacker->seed = i + 1;
		CU_ASSERT_EQUAL_FATAL(wire_greet_with_rings(&attacker->wire), 0);
		attack(attacker, words);
	}
	close_siege();
}

static void test_threads_at_records_and_doorbell_of_a_live_ring_keep_nobody_waiting(void)
{
	attack_with(false);
}

static void test_threads_at_its_indices_and_flags_as_well_keep_nobody_waiting(void)
{
	attack_with(true);
}

static const struct test tests[] = {
	TEST(test_threads_at_records_and_doorbell_of_a_live_ring_keep_nobody_waiting),
	TEST(test_threads_at_its_indices_and_flags_as_well_keep_nobody_waiting),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "rings-threads", tests, TESTS_COUNT(tests));
}
