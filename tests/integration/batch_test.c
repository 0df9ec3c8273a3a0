/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton over rings with a real plutond: when it has them, that nothing but speed depends on
 * them, many operations at once, and what a daemon that breaks its promises can do.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pluton/alarm.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "client-lib/connection.h"
#include "tests/integration/own_plutond.h"
#include "tests/one_cpu.h"
#include "tests/suite.h"
#include "tests/unit/fake_daemon.h"

#define BATCH 16
#define SHA256_SIZE 32

static struct own_plutond own;
static struct pluton *pluton;

static void begin_with(const char *config)
{
	own_plutond_begin(&own, config);
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &pluton), 0);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 120000), 0);
}

static void begin(void)
{
	begin_with("");
}

static void end(void)
{
	pluton_close(pluton);
	pluton = NULL;
	own_plutond_end(&own);
}

static bool works(void)
{
	uint8_t bytes[32] = {0};

	return pluton_random(pluton, bytes, sizeof(bytes)) == 0;
}

static void set_environment(const char *value)
{
	if (value)
		setenv("PLUTON_RINGS", value, 1);
	else
		unsetenv("PLUTON_RINGS");
}

/* --- when ------------------------------------------------------------------------------------ */

static void test_a_connection_has_rings_once_it_is_busy(void)
{
	begin();
	for (unsigned i = 1; i < RINGS_AFTER; i++)
		CU_ASSERT_TRUE(works());
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	CU_ASSERT_TRUE(works());
	CU_ASSERT_TRUE(pluton_has_rings(pluton));
	CU_ASSERT_TRUE(works());
	end();
}

static void test_the_environment_forbids_rings_or_wants_them_at_once(void)
{
	set_environment("0");
	begin();
	for (unsigned i = 0; i < 2 * RINGS_AFTER; i++)
		CU_ASSERT_TRUE(works());
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(works());
	end();
	set_environment("1");
	begin();
	CU_ASSERT_TRUE(works());
	CU_ASSERT_TRUE(pluton_has_rings(pluton));
	end();
	set_environment(NULL);
}

static void test_a_program_chooses(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, (enum pluton_rings)3), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_OFF), 0);
	for (unsigned i = 0; i < 2 * RINGS_AFTER; i++)
		CU_ASSERT_TRUE(works());
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	CU_ASSERT_TRUE(pluton_has_rings(pluton));
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_OFF), -PLUTON_EALREADY);
	CU_ASSERT_TRUE(works());
	end();
}

static void test_a_daemon_without_rings_serves_as_ever(void)
{
	begin_with("[kernel]\nring_size = 0\n");
	for (unsigned i = 0; i < 2 * RINGS_AFTER; i++)
		CU_ASSERT_TRUE(works());
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), -PLUTON_ENOSUPPORT);
	end();
}

static void test_a_limit_that_is_reached_is_nobodys_error(void)
{
	begin_with("[kernel]\nwindow_max = 4K\nwindows_per_user = 4K\n");
	for (unsigned i = 0; i < 2 * RINGS_AFTER; i++)
		CU_ASSERT_TRUE(works());
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "");
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(works());
	end();
}

static void test_a_list_of_processes_says_who_has_rings(void)
{
	struct pluton_process_row *rows = NULL;
	size_t count = 0;

	begin();
	for (unsigned step = 0; step < 2; step++) {
		struct pluton_limits limits;
		unsigned found = 0;

		pluton_get_limits(pluton, &limits);
		CU_ASSERT_EQUAL_FATAL(pluton_list_processes(pluton, &rows, &count), 0);
		for (size_t i = 0; i < count; i++) {
			if (rows[i].index != limits.process_index)
				continue;
			found++;
			CU_ASSERT_EQUAL(rows[i].ring_bytes, step ? 4096 + 2 * 16384 : 0);
		}
		CU_ASSERT_EQUAL(found, 1);
		free(rows);
		CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	}
	end();
}

/* --- many at once ---------------------------------------------------------------------------- */

struct batch {
	uint8_t inputs[BATCH][1000];
	uint8_t digests[BATCH][SHA256_SIZE];
	pluton_operation_id ids[BATCH];
	unsigned done;
	unsigned failed;
};

static void note(struct pluton *connection, int status, void *userdata)
{
	struct batch *batch = userdata;

	(void)connection;
	batch->done++;
	batch->failed += status != 0;
}

static void start(struct batch *batch, uint8_t round)
{
	batch->done = 0;
	for (unsigned i = 0; i < BATCH; i++) {
		const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
							      .input = batch->inputs[i],
							      .length = sizeof(batch->inputs[i]),
							      .digest = batch->digests[i],
							      .digest_size = SHA256_SIZE};

		memset(batch->inputs[i], (int)(round + i), sizeof(batch->inputs[i]));
		CU_ASSERT_EQUAL(pluton_digest_async(pluton, &request, note, batch, &batch->ids[i]),
				0);
	}
}

static bool is_right(struct batch *batch)
{
	bool right = batch->done == BATCH && batch->failed == 0;

	for (unsigned i = 0; i < BATCH; i++) {
		uint8_t digest[SHA256_SIZE];
		const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
							      .input = batch->inputs[i],
							      .length = sizeof(batch->inputs[i]),
							      .digest = digest,
							      .digest_size = SHA256_SIZE};

		right = right && pluton_digest(pluton, &request) == 0 &&
			memcmp(digest, batch->digests[i], SHA256_SIZE) == 0;
	}
	return right;
}

/* More bytes than the ring has room for, with rings and without. */
static void check_batches(enum pluton_rings rings)
{
	static struct batch batch;

	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, rings), 0);
	for (unsigned round = 0; round < 50; round++) {
		pluton_cork(pluton);
		start(&batch, (uint8_t)round);
		pluton_uncork(pluton);
		CU_ASSERT_EQUAL(pluton_wait_all(pluton, batch.ids, BATCH), 0);
		CU_ASSERT_TRUE(is_right(&batch));
	}
	CU_ASSERT_EQUAL(pluton_has_rings(pluton), rings == PLUTON_RINGS_NOW);
	end();
}

static void test_a_batch_with_one_wait_gives_what_single_calls_give(void)
{
	check_batches(PLUTON_RINGS_NOW);
	check_batches(PLUTON_RINGS_OFF);
}

static uint64_t requests_of_ours(struct pluton *observer)
{
	struct pluton_process_row *rows = NULL;
	struct pluton_limits limits;
	uint64_t requests = 0;
	size_t count = 0;

	pluton_get_limits(pluton, &limits);
	CU_ASSERT_EQUAL_FATAL(pluton_list_processes(observer, &rows, &count), 0);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].index == limits.process_index)
			requests = rows[i].requests;
	}
	free(rows);
	return requests;
}

static void start_random(struct batch *batch, unsigned index)
{
	CU_ASSERT_EQUAL(pluton_random_async(pluton, batch->digests[index], SHA256_SIZE, note, batch,
					    &batch->ids[index]),
			0);
}

static void test_corked_operations_go_together(void)
{
	static struct batch batch;
	struct pluton *observer;
	uint64_t before;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &observer), 0);
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	CU_ASSERT_TRUE(works());
	before = requests_of_ours(observer);
	batch = (struct batch){0};
	pluton_cork(pluton);
	start_random(&batch, 0);
	start_random(&batch, 1);
	CU_ASSERT_EQUAL(requests_of_ours(observer), before);
	pluton_uncork(pluton);
	CU_ASSERT_EQUAL(pluton_wait_all(pluton, batch.ids, 2), 0);
	CU_ASSERT_EQUAL(batch.done, 2);
	CU_ASSERT_EQUAL(requests_of_ours(observer), before + 2);
	/* Whoever waits does not wait for what nobody sent. */
	pluton_cork(pluton);
	start_random(&batch, 2);
	CU_ASSERT_TRUE(works());
	CU_ASSERT_EQUAL(pluton_wait_all(pluton, &batch.ids[2], 1), 0);
	CU_ASSERT_EQUAL(batch.done, 3);
	pluton_uncork(pluton);
	pluton_close(observer);
	end();
}

static void test_waiting_for_what_is_not_under_way_waits_for_nothing(void)
{
	const pluton_operation_id ids[] = {0, 1, 4711, UINT32_MAX};

	begin();
	CU_ASSERT_EQUAL(pluton_wait_all(pluton, ids, 4), 0);
	CU_ASSERT_EQUAL(pluton_wait_all(pluton, NULL, 0), 0);
	end();
}

/* --- event loops ----------------------------------------------------------------------------- */

static void poll_until(const unsigned *count, unsigned wanted)
{
	while (*count < wanted) {
		struct pollfd poll_fd = {.fd = pluton_get_fd(pluton),
					 .events = pluton_get_events(pluton)};

		CU_ASSERT_EQUAL_FATAL(poll(&poll_fd, 1, 120000), 1);
		CU_ASSERT(pluton_dispatch(pluton) >= 0);
	}
}

static void test_the_descriptor_tells_of_answers_in_the_ring(void)
{
	static struct batch batch;

	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	for (unsigned round = 0; round < 200; round++) {
		batch.done = 0;
		for (unsigned i = 0; i <= round % (BATCH - 1); i++)
			start_random(&batch, i);
		if (round % 3 == 0) /* between the two a call takes in what it finds */
			CU_ASSERT_TRUE(works());
		poll_until(&batch.done, 1 + round % (BATCH - 1));
	}
	CU_ASSERT_EQUAL(batch.failed, 0);
	end();
}

static void test_the_descriptor_is_quiet_when_nothing_is_left(void)
{
	static struct batch batch;
	struct pollfd poll_fd = {.events = POLLIN};

	begin();
	poll_fd.fd = pluton_get_fd(pluton);
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	for (unsigned round = 0; round < 50; round++) {
		batch.done = 0;
		start_random(&batch, 0);
		poll_until(&batch.done, 1);
		CU_ASSERT_TRUE(works());
	}
	/* A doorbell that came too late is taken in once, and then there is none. */
	while (poll(&poll_fd, 1, 0) == 1)
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_EQUAL(poll(&poll_fd, 1, 0), 0);
	end();
}

static void test_an_answer_that_comes_late_wakes_who_sleeps(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 1), 0);
	end();
}

static void test_who_waits_long_sleeps_and_looks_no_more(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	pluton->rings.may_spin = true;
	spin_found(&pluton->rings.spin); /* so it was worth it before */
	CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 20), 0);
	CU_ASSERT_EQUAL(pluton->rings.spin.limit_us, 0);
	end();
}

static void test_on_one_cpu_libpluton_never_looks(void)
{
	one_cpu_begin();
	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_TRUE(works());
		CU_ASSERT_EQUAL(pluton->rings.spin.hints, 0);
		CU_ASSERT_EQUAL(pluton->rings.spin.limit_us, 0);
	}
	end();
	one_cpu_end();
}

/* --- the daemon goes away -------------------------------------------------------------------- */

static void test_rings_go_with_the_daemon_and_come_again_with_the_next(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	for (unsigned i = 0; i < 4; i++) {
		own_plutond_stop(&own, i % 2 ? SIGTERM : SIGKILL);
		own_plutond_start(&own);
		CU_ASSERT_TRUE(works());
		CU_ASSERT_FALSE(pluton_has_rings(pluton));
		for (unsigned n = 0; n < RINGS_AFTER; n++)
			CU_ASSERT_TRUE(works());
		CU_ASSERT_TRUE(pluton_has_rings(pluton));
	}
	end();
}

static void test_a_batch_whose_daemon_dies_ends_with_that(void)
{
	static struct batch batch;

	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	batch = (struct batch){0};
	pluton_cork(pluton);
	for (unsigned i = 0; i < BATCH; i++)
		start_random(&batch, i);
	own_plutond_stop(&own, SIGKILL);
	pluton_uncork(pluton);
	CU_ASSERT_EQUAL(pluton_wait_all(pluton, batch.ids, BATCH), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(batch.done, BATCH);
	CU_ASSERT_EQUAL(batch.failed, BATCH);
	own_plutond_start(&own);
	CU_ASSERT_TRUE(works());
	end();
}

/* Nobody took it out of the ring: that is as sure as a socket without anybody. */
static void test_what_the_daemon_never_took_is_made_again(void)
{
	const char *piece = "made again or not";
	uint8_t digest[SHA256_SIZE];
	const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						      .input = piece,
						      .length = strlen(piece),
						      .digest = digest,
						      .digest_size = SHA256_SIZE};

	begin();
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), 0);
	own_plutond_stop(&own, SIGKILL);
	own_plutond_start(&own);
	CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 1), 0); /* one that is never made twice */
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	end();
}

/* --- a daemon that breaks its promises ------------------------------------------------------- */

static struct fake_daemon fake;
static struct ring fake_requests, fake_answers;
static uint8_t *fake_memory;

static int make_memory(size_t size)
{
	int fd = memfd_create("fake rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static void begin_by_hand(uint32_t features)
{
	const struct record welcome = {.header = {.type = RECORD_WELCOME},
				       .welcome = {.version = RECORD_VERSION,
						   .features = features,
						   .inline_max = FAKE_INLINE_MAX,
						   .operations_max = 16,
						   .windows_max = 1,
						   .window_size_max = 4096}};

	fake_daemon_init(&fake);
	fake_send(&fake, &welcome);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
}

static void end_by_hand(void)
{
	fake_daemon_end(&fake);
	pluton_close(pluton);
	pluton = NULL;
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* What the daemon answers to RINGS_OPEN. */
static void offer(uint32_t size, const int *fds, unsigned descriptors)
{
	const struct record ret = {.header = {.type = RECORD_RETURN},
				   .ret = {.variant = VARIANT_SUCCESS_U32, .words = {size}}};

	if (descriptors > 0)
		fake_send_fds(&fake, &ret, fds, descriptors);
	else
		fake_send(&fake, &ret);
}

/* Then they are opened, or not. */
static int give(uint32_t size, size_t memory_size, unsigned descriptors)
{
	int fds[3] = {make_memory(memory_size), eventfd(0, EFD_CLOEXEC), dup(0)};
	int r;

	offer(size, fds, descriptors);
	fake_memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	ring_open_requests(&fake_requests, fake_memory, RING_SIZE_MIN);
	ring_open_answers(&fake_answers, fake_memory, RING_SIZE_MIN);
	r = pluton_set_rings(pluton, PLUTON_RINGS_NOW);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	return r;
}

static void test_rings_that_make_no_sense_end_the_connection(void)
{
	static const struct {
		uint32_t size;
		size_t memory;
		unsigned descriptors;
	} wrong[] = {
		{0, RING_MEMORY_SIZE(RING_SIZE_MIN), 2},
		{RING_SIZE_MIN - 16, RING_MEMORY_SIZE(RING_SIZE_MIN), 2},
		{RING_SIZE_MIN + 4096, RING_MEMORY_SIZE(RING_SIZE_MIN + 4096), 2},
		{RING_SIZE_MIN, RING_MEMORY_SIZE(RING_SIZE_MIN) - 1, 2},
		{RING_SIZE_MIN, RING_MEMORY_SIZE(RING_SIZE_MIN), 0},
		{RING_SIZE_MIN, RING_MEMORY_SIZE(RING_SIZE_MIN), 1},
	};
	unsigned before = open_descriptors();

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		begin_by_hand(FEATURE_RINGS);
		CU_ASSERT_EQUAL(give(wrong[i].size, wrong[i].memory, wrong[i].descriptors),
				-PLUTON_EBADRVAL);
		CU_ASSERT_FALSE(pluton_has_rings(pluton));
		end_by_hand();
		munmap(fake_memory, wrong[i].memory);
	}
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

/* Each what a daemon would not give, and no memory that can shrink under its user. */
static void refuse_both(int memory, int doorbell)
{
	const int fds[2] = {memory, doorbell};

	begin_by_hand(FEATURE_RINGS);
	offer(RING_SIZE_MIN, fds, 2);
	CU_ASSERT_EQUAL(pluton_set_rings(pluton, PLUTON_RINGS_NOW), -PLUTON_EBADRVAL);
	CU_ASSERT_FALSE(pluton_has_rings(pluton));
	end_by_hand();
	close(memory);
	close(doorbell);
}

static int unsealed_memory(const char *name, unsigned flags, int seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | flags);

	CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, RING_MEMORY_SIZE(RING_SIZE_MIN)) == 0);
	CU_ASSERT_FATAL(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void test_rings_whose_memory_can_shrink_are_not_used(void)
{
	FILE *file = tmpfile();

	refuse_both(unsealed_memory("open", MFD_ALLOW_SEALING, 0), eventfd(0, EFD_CLOEXEC));
	refuse_both(unsealed_memory("grows not", MFD_ALLOW_SEALING, F_SEAL_GROW | F_SEAL_SEAL),
		    eventfd(0, EFD_CLOEXEC));
	refuse_both(unsealed_memory("never", 0, 0), eventfd(0, EFD_CLOEXEC));
	CU_ASSERT_FATAL(file && ftruncate(fileno(file), RING_MEMORY_SIZE(RING_SIZE_MIN)) == 0);
	refuse_both(dup(fileno(file)), eventfd(0, EFD_CLOEXEC));
	fclose(file);
}

/* Writing to one whose other end is closed would be the end of this process. */
static void test_rings_whose_doorbell_is_a_file_or_a_pipe_are_not_used(void)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	refuse_both(make_memory(RING_MEMORY_SIZE(RING_SIZE_MIN)), ends[1]);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[0]);
	refuse_both(make_memory(RING_MEMORY_SIZE(RING_SIZE_MIN)), ends[1]);
	refuse_both(make_memory(RING_MEMORY_SIZE(RING_SIZE_MIN)),
		    open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static void begin_with_rings(void)
{
	begin_by_hand(FEATURE_RINGS);
	CU_ASSERT_EQUAL_FATAL(give(RING_SIZE_MIN, RING_MEMORY_SIZE(RING_SIZE_MIN), 2), 0);
}

static void end_with_rings(void)
{
	end_by_hand();
	munmap(fake_memory, RING_MEMORY_SIZE(RING_SIZE_MIN));
}

static void ring_the_client(void)
{
	fake_send(&fake, &(struct record){.header = {.type = RECORD_DOORBELL}});
}

static void test_answers_indices_that_make_no_sense_end_the_connection(void)
{
	static const uint32_t tails[] = {1, 8, RING_SIZE_MIN + 16, 0x80000000u, (uint32_t)-16};

	for (size_t i = 0; i < TESTS_COUNT(tails); i++) {
		begin_with_rings();
		atomic_store(fake_answers.tail, tails[i]);
		ring_the_client();
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
		end_with_rings();
	}
}

static void test_garbage_in_the_ring_of_answers_ends_the_connection(void)
{
	uint8_t bytes[64];

	for (unsigned i = 0; i < 200; i++) {
		begin_with_rings();
		srand(i);
		for (size_t at = 0; at < sizeof(bytes); at++)
			bytes[at] = (uint8_t)rand();
		ring_put(&fake_answers, bytes, sizeof(bytes));
		ring_publish(&fake_answers);
		ring_the_client();
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
		end_with_rings();
	}
}

static void test_a_doorbell_without_rings_ends_the_connection(void)
{
	begin_by_hand(FEATURE_RINGS);
	ring_the_client();
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	end_by_hand();
}

/* What came before the end counts. */
static void test_answers_that_a_daemon_left_behind_are_taken_in(void)
{
	static struct batch batch;
	struct record answer = {.header = {.type = RECORD_UPCALL, .driver = FAKE_DRIVER}};
	pluton_operation_id id;
	uint8_t bytes[RECORD_FIXED_SIZE];

	begin_with_rings();
	batch = (struct batch){0};
	CU_ASSERT_EQUAL(
		pluton_random_async(pluton, batch.digests[0], SHA256_SIZE, note, &batch, &id), 0);
	answer.header.op_id = id;
	answer.upcall.words[0] = PLUTON_EFAIL;
	CU_ASSERT_EQUAL(record_encode(&answer, bytes, sizeof(bytes)), sizeof(bytes));
	ring_put(&fake_answers, bytes, sizeof(bytes));
	ring_publish(&fake_answers);
	shutdown(fake.fd, SHUT_RDWR);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(batch.done, 1);
	end_with_rings();
}

/* A daemon that takes nothing: what is kept here is bounded, and nobody spins. */
static void test_a_ring_that_nobody_reads_fills_and_then_waits(void)
{
	static struct batch batch;
	struct pollfd poll_fd = {.events = POLLIN};
	static uint8_t input[990];
	int r = 0;

	begin_with_rings();
	batch = (struct batch){0};
	for (unsigned i = 0; i < 16 && r == 0; i++) {
		const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
							      .input = input,
							      .length = sizeof(input),
							      .digest = batch.digests[i],
							      .digest_size = SHA256_SIZE};

		r = pluton_digest_async(pluton, &request, note, &batch, &batch.ids[i]);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, batch.ids[0]), 0);
	CU_ASSERT_PTR_NOT_NULL(pluton->outgoing);
	poll_fd.fd = pluton->fd;
	poll_fd.events = pluton_get_events(pluton);
	CU_ASSERT_EQUAL(poll(&poll_fd, 1, 0), 0);
	CU_ASSERT_EQUAL(atomic_load(fake_requests.room), 1);
	/* Now there is room, and a doorbell. */
	for (unsigned i = 0; i < 4; i++) {
		uint8_t bytes[RECORD_SIZE_MAX];

		CU_ASSERT(ring_take(&fake_requests, bytes, sizeof(bytes)) > 0);
	}
	CU_ASSERT_TRUE(ring_must_wake_producer(&fake_requests));
	ring_the_client();
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_PTR_NULL(pluton->outgoing);
	end_with_rings();
}

static const struct test tests[] = {
	TEST(test_a_connection_has_rings_once_it_is_busy),
	TEST(test_the_environment_forbids_rings_or_wants_them_at_once),
	TEST(test_a_program_chooses),
	TEST(test_a_daemon_without_rings_serves_as_ever),
	TEST(test_a_limit_that_is_reached_is_nobodys_error),
	TEST(test_a_list_of_processes_says_who_has_rings),
	TEST(test_a_batch_with_one_wait_gives_what_single_calls_give),
	TEST(test_corked_operations_go_together),
	TEST(test_waiting_for_what_is_not_under_way_waits_for_nothing),
	TEST(test_the_descriptor_tells_of_answers_in_the_ring),
	TEST(test_the_descriptor_is_quiet_when_nothing_is_left),
	TEST(test_an_answer_that_comes_late_wakes_who_sleeps),
	TEST(test_who_waits_long_sleeps_and_looks_no_more),
	TEST(test_on_one_cpu_libpluton_never_looks),
	TEST(test_rings_go_with_the_daemon_and_come_again_with_the_next),
	TEST(test_a_batch_whose_daemon_dies_ends_with_that),
	TEST(test_what_the_daemon_never_took_is_made_again),
	TEST(test_rings_that_make_no_sense_end_the_connection),
	TEST(test_rings_whose_memory_can_shrink_are_not_used),
	TEST(test_rings_whose_doorbell_is_a_file_or_a_pipe_are_not_used),
	TEST(test_answers_indices_that_make_no_sense_end_the_connection),
	TEST(test_garbage_in_the_ring_of_answers_ends_the_connection),
	TEST(test_a_doorbell_without_rings_ends_the_connection),
	TEST(test_answers_that_a_daemon_left_behind_are_taken_in),
	TEST(test_a_ring_that_nobody_reads_fills_and_then_waits),
};

int main(int argc, char **argv)
{
	unsetenv("PLUTON_RINGS"); /* what a test wants it sets */
	return suite_main(argc, argv, "batch", tests, TESTS_COUNT(tests));
}
