/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connected process costs: the declared cost of the channel against what libevent really
 * takes, and the whole of an idle process against its budget.
 */
#include <event2/event.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/guests.h"
#include "tests/suite.h"

#define CONNECTIONS 200u
#define IDLE_BUDGET 512u /* bytes before the first request */
#define MALLOC_HEAD 8u	 /* bytes of malloc's own before each piece */

static size_t libevent_bytes;

static void count_in(void *piece)
{
	libevent_bytes += piece ? malloc_usable_size(piece) + MALLOC_HEAD : 0;
}

static void count_out(void *piece)
{
	libevent_bytes -= piece ? malloc_usable_size(piece) + MALLOC_HEAD : 0;
}

static void *counted_malloc(size_t size)
{
	void *piece = malloc(size);

	count_in(piece);
	return piece;
}

static void *counted_realloc(void *piece, size_t size)
{
	void *larger;

	count_out(piece);
	larger = realloc(piece, size);
	count_in(larger);
	return larger;
}

static void counted_free(void *piece)
{
	count_out(piece);
	free(piece);
}

static void turn_all(void)
{
	guests_turn();
	rig_settle(&rig);
}

/*
 * The map of descriptors grows by doubling, so what one more costs is measured over many: from one
 * state of the map to the next of its kind.
 */
static void test_the_declared_cost_of_a_connection_covers_what_libevent_takes(void)
{
	size_t before, per_connection;

	guests_open(NULL);
	guest_connect();
	turn_all();
	before = libevent_bytes;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		guest_connect();
	turn_all();
	per_connection = (libevent_bytes - before + CONNECTIONS - 1) / CONNECTIONS;
	CU_ASSERT(per_connection > 0);
	CU_ASSERT(per_connection <= rig_last_process(&rig)->frontend->cost);
	if (per_connection > rig_last_process(&rig)->frontend->cost)
		printf("# libevent takes %zu bytes for a connection, declared are %zu\n",
		       per_connection, rig_last_process(&rig)->frontend->cost);
	guests_close();
}

static int greet_with_rings(void)
{
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION, .features = FEATURE_RINGS}};
	struct record answer;
	int fd = guest_connect_raw();

	rig_send(fd, &hello, -1);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	return fd;
}

static void test_the_declared_cost_of_rings_covers_what_libevent_takes(void)
{
	size_t before, per_ring;
	int fds[CONNECTIONS / 2];

	guests_open(NULL);
	for (unsigned i = 0; i < CONNECTIONS / 2; i++)
		fds[i] = greet_with_rings();
	turn_all();
	before = libevent_bytes;
	for (unsigned i = 0; i < CONNECTIONS / 2; i++)
		CU_ASSERT_EQUAL(rig_open_rings(&rig, fds[i]), 0);
	turn_all();
	per_ring = (libevent_bytes - before + CONNECTIONS / 2 - 1) / (CONNECTIONS / 2);
	CU_ASSERT(per_ring > 0);
	CU_ASSERT(per_ring <= RINGS_EVENT_COST);
	if (per_ring > RINGS_EVENT_COST)
		printf("# libevent takes %zu bytes for rings, declared are %u\n", per_ring,
		       RINGS_EVENT_COST);
	guests_close();
}

static void test_libevent_takes_nothing_more_for_a_process_that_waits_to_be_read(void)
{
	struct record call = {.header = {.type = RECORD_CALL},
			      .call = {.class = CLASS_MEMOP, .number = MEMOP_USED}};
	uint8_t bytes[RECORD_SIZE_MAX];
	size_t before;
	int fd, size;

	guests_open(NULL);
	fd = guest_connect();
	turn_all();
	before = libevent_bytes;
	size = record_encode(&call, bytes, sizeof(bytes));
	for (unsigned blocked = 0; blocked < 3; blocked++) {
		while (send(fd, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) == size)
			blocked = 0;
		guests_turn();
	}
	CU_ASSERT_EQUAL(libevent_bytes, before);
	guests_close();
}

static void test_reconnecting_for_ever_takes_no_more_than_the_most_at_once(void)
{
	size_t before;

	guests_open(NULL);
	guest_leave(guest_connect());
	turn_all();
	before = libevent_bytes;
	for (unsigned i = 0; i < 500; i++) {
		guest_leave(guest_connect());
		guests_turn();
	}
	CU_ASSERT_EQUAL(libevent_bytes, before);
	guests_close();
}

static void test_an_idle_process_is_within_its_budget(void)
{
	guests_open(NULL);
	guest_connect();
	turn_all();
	CU_ASSERT(rig_last_process(&rig)->arena.taken <= IDLE_BUDGET);
	if (rig_last_process(&rig)->arena.taken > IDLE_BUDGET)
		printf("# an idle process takes %zu bytes\n", rig_last_process(&rig)->arena.taken);
	guests_close();
}

static void connect_and_leave(unsigned count)
{
	int fds[CONNECTIONS];

	for (unsigned i = 0; i < count; i++)
		fds[i] = guest_connect();
	turn_all();
	for (unsigned i = 0; i < count; i++)
		guest_leave(fds[i]);
	turn_all();
}

/* The second time libevent has its map already, so whatever is new would be somebody else's. */
static void test_nothing_else_is_allocated_because_of_a_process(void)
{
	size_t before;

	if (mallinfo2().uordblks == 0)
		suite_skip("a sanitizer's malloc keeps no count");
	guests_open(NULL);
	connect_and_leave(CONNECTIONS);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		guest_connect();
	turn_all();
	CU_ASSERT_EQUAL(mallinfo2().uordblks, before);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_the_declared_cost_of_a_connection_covers_what_libevent_takes),
	TEST(test_the_declared_cost_of_rings_covers_what_libevent_takes),
	TEST(test_libevent_takes_nothing_more_for_a_process_that_waits_to_be_read),
	TEST(test_reconnecting_for_ever_takes_no_more_than_the_most_at_once),
	TEST(test_an_idle_process_is_within_its_budget),
	TEST(test_nothing_else_is_allocated_because_of_a_process),
};

int main(int argc, char **argv)
{
	event_set_mem_functions(counted_malloc, counted_realloc, counted_free);
	return suite_main(argc, argv, "costs", tests, TESTS_COUNT(tests));
}
