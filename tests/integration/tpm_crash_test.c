/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGKILL for pluton-tpmd and plutond at random moments, under a client that never stops asking.
 * What the client was told has happened, has happened, once; and no random number comes twice.
 *
 * The moments are random, the sequence is not: PLUTON_SEED repeats it.
 */
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include <pluton/app.h>
#include <pluton/tpm.h>

#include "bench/tpm_commands.h"
#include "tests/suite.h"

#define RC_RETRY 0x922u
#define PT_LOCKOUT_COUNTER 0x20eu
#define RC_LOCALITY 0x907u
#define PCR 16u
#define PCR_DYNAMIC 20u	    /* of the dynamic root of trust: not for locality 0 */
#define RC_AUTH_FAIL 0x98eu /* of the first session */
#define INDEX_COUNTER 0x01800002u
#define INDEX_PROTECTED 0x01800003u
#define RANDOM_SIZE 32u
#define KILLS_OF_STREAM 100u
#define KILLS_UNDER_LOAD 30u
#define PAUSE_MAX_US 8000u
#define PATIENCE_S 60 /* only what hangs takes so long */

struct killer {
	pthread_t thread;
	bool runs; /* the thread, until it is joined */
	bool daemon_too;
	unsigned wanted; /* kills */
	unsigned done;	 /* of them */
	atomic_bool stop;
	atomic_bool over;
};

static struct {
	char folder[64]; /* "": there is none */
	char address[128];
	pid_t plutond;
	pid_t killed; /* the last pluton-tpmd */
	struct pluton *pluton;
	struct pluton_tpm *tpm;
	uint8_t response[PLUTON_TPM_RESPONSE_MAX];
	size_t size;
	unsigned seed;
	struct killer killer; /* here, for it may outlive a test that failed */
} world;

/* --- plutond --------------------------------------------------------------------------------- */

static void pause_us(long us)
{
	const struct timespec time = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&time, NULL);
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static char *path_in_folder(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", world.folder, name) < 0)
		abort();
	return path;
}

static void exec_plutond(void)
{
	const char *build = getenv("PLUTON_BUILD");
	char *program, *config = path_in_folder("plutond.conf");

	if (!build || asprintf(&program, "%s/plutond", build) < 0)
		_exit(EXIT_FAILURE);
	execl(program, program, "--config", config, "--state", path_in_folder("state"), "--listen",
	      path_in_folder("sock"), "--log-level", "error", (char *)NULL);
	_exit(EXIT_FAILURE);
}

static void kill_plutond(void)
{
	kill(world.plutond, SIGKILL);
	waitpid(world.plutond, NULL, 0);
	world.plutond = 0;
}

/* Asks it to end, its apps first, and makes it. Its status; -1: it had to be made. */
static int stop_plutond(void)
{
	time_t limit = now_s() + PATIENCE_S;
	int status = -1;

	kill(world.plutond, SIGTERM);
	while (waitpid(world.plutond, &status, WNOHANG) == 0) {
		if (now_s() >= limit) {
			kill_plutond();
			return -1;
		}
		pause_us(2000);
	}
	world.plutond = 0;
	return status;
}

static void start_plutond(void)
{
	world.plutond = fork();
	if (world.plutond == 0)
		exec_plutond();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void join_killer(void)
{
	if (world.killer.runs)
		pthread_join(world.killer.thread, NULL);
	world.killer.runs = false;
}

/* What a test leaves behind, whether it came to its end or not. The status of plutond's end. */
static int clear_up(void)
{
	int status = -1;

	atomic_store(&world.killer.stop, true);
	join_killer();
	pluton_tpm_close(world.tpm);
	pluton_close(world.pluton);
	world.tpm = NULL;
	world.pluton = NULL;
	if (world.plutond > 0)
		status = stop_plutond();
	if (world.folder[0])
		nftw(world.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	world.folder[0] = '\0';
	return status;
}

static void clear_up_at_exit(void)
{
	(void)clear_up();
}

/* plutond is there when somebody answers. */
static void await_plutond(void)
{
	time_t limit = now_s() + PATIENCE_S;

	while (pluton_open(world.address, &world.pluton) < 0) {
		bool ended = waitpid(world.plutond, NULL, WNOHANG) != 0;

		if (ended)
			world.plutond = 0;
		CU_ASSERT_FALSE_FATAL(ended);
		CU_ASSERT_FATAL(now_s() < limit);
		pause_us(2000);
	}
}

static FILE *open_file(const char *name)
{
	char *path = path_in_folder(name);
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	free(path);
	return file;
}

/* A TPM that is back soon, however often it was killed. */
static void write_configuration(void)
{
	char *apps = path_in_folder("app.d");
	FILE *file;

	CU_ASSERT_EQUAL_FATAL(mkdir(apps, 0700), 0);
	file = open_file("plutond.conf");
	fprintf(file, "[app]\nfolders = %s\n", apps);
	fclose(file);
	file = open_file("app.d/tpm0.conf");
	fputs("[app]\nexec = pluton-tpmd --instance " PLUTON_TPM_DEFAULT_INSTANCE "\n"
	      "drivers = nvmem\nrestart = always\nrestart_delay = 10ms\n"
	      "restart_delay_max = 20ms\n",
	      file);
	fclose(file);
	free(apps);
}

static void begin(void)
{
	const char *seed = getenv("PLUTON_SEED");

	world.seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
	(void)clear_up();
	printf("# PLUTON_SEED=%u\n", world.seed);
	strcpy(world.folder, "/tmp/pluton-crash.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world.folder));
	snprintf(world.address, sizeof(world.address), "unix:%s/sock", world.folder);
	write_configuration();
	start_plutond();
	await_plutond();
	CU_ASSERT_EQUAL_FATAL(pluton_tpm_open(world.address, NULL, &world.tpm, NULL, 0), 0);
}

static void end(void)
{
	int status = clear_up();

	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- the TPM --------------------------------------------------------------------------------- */

/*
 * A pluton-tpmd that runs, which the one that was killed last no longer does, though plutond may
 * not have noticed: its process. plutond holds its snapshot then; whoever kills both before that
 * has cut the power, which is another test's business. 0: it takes too long, or the test is over.
 */
static pid_t await_tpmd(void)
{
	struct pluton_app_row row = {.state = PLUTON_APP_STOPPED};
	time_t limit = now_s() + PATIENCE_S;

	while (pluton_app_status(world.pluton, PLUTON_TPM_DEFAULT_INSTANCE, &row) < 0 ||
	       row.state != PLUTON_APP_RUNNING || (pid_t)row.pid == world.killed) {
		if (now_s() >= limit || atomic_load(&world.killer.stop))
			return 0;
		pause_us(500);
	}
	return (pid_t)row.pid;
}

static bool kill_tpmd(void)
{
	pid_t pid = await_tpmd();

	if (pid <= 0)
		return false;
	world.killed = pid;
	return kill(pid, SIGKILL) == 0;
}

static uint32_t transmit(const struct tpm_bytes *command)
{
	uint32_t code = RC_RETRY;

	while (code == RC_RETRY) {
		int r;

		world.size = sizeof(world.response);
		r = pluton_tpm_transmit(world.tpm, command->bytes, command->size, world.response,
					&world.size);
		if (r < 0)
			printf("# %s\n", pluton_tpm_error_message(world.tpm));
		CU_ASSERT_EQUAL_FATAL(r, 0);
		code = tpm_response_code(world.response, world.size);
	}
	return code;
}

static void perform(const struct tpm_bytes command)
{
	CU_ASSERT_EQUAL_FATAL(transmit(&command), 0);
}

/* The last `size` bytes of the last response, but for `after` behind them. */
static const uint8_t *tail(size_t size, size_t after)
{
	CU_ASSERT_FATAL(world.size >= size + after);
	return world.response + world.size - after - size;
}

static uint64_t read_counter(void)
{
	const uint8_t *bytes;
	uint64_t value = 0;

	perform(tpm_nv_read(INDEX_COUNTER, 8));
	bytes = tail(8, 5); /* the session's answer follows */
	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static uint32_t lockout_counter(void)
{
	const uint8_t *bytes;

	perform(tpm_get_property(PT_LOCKOUT_COUNTER));
	bytes = tail(4, 0);
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* --- one stream of random numbers ------------------------------------------------------------ */

static uint8_t numbers[2 * KILLS_OF_STREAM + 2][RANDOM_SIZE];

static int compare_numbers(const void *a, const void *b)
{
	return memcmp(a, b, RANDOM_SIZE);
}

static void take_number(size_t at)
{
	perform(tpm_get_random(RANDOM_SIZE));
	memcpy(numbers[at], tail(RANDOM_SIZE, 0), RANDOM_SIZE);
}

static void test_no_random_number_comes_twice_over_a_hundred_kills(void)
{
	size_t count = 0;

	begin();
	for (unsigned i = 0; i < KILLS_OF_STREAM; i++) {
		take_number(count++);
		CU_ASSERT_FATAL(kill_tpmd());
		take_number(count++);
	}
	qsort(numbers, count, RANDOM_SIZE, compare_numbers);
	for (size_t i = 1; i < count; i++)
		CU_ASSERT_NOT_EQUAL(memcmp(numbers[i - 1], numbers[i], RANDOM_SIZE), 0);
	end();
}

/* --- under load ------------------------------------------------------------------------------ */

static bool kill_plutond_and_go_on(void)
{
	kill_plutond();
	start_plutond();
	return world.plutond > 0;
}

/* Makes no assertions: their failing would leave the wrong thread. */
static void *kill_at_random(void *context)
{
	struct killer *killer = context;
	bool well = true;

	while (well && killer->done < killer->wanted && !atomic_load(&killer->stop)) {
		bool daemon = killer->daemon_too && killer->done % 3 == 0;

		well = await_tpmd() > 0;
		pause_us(rand_r(&world.seed) % (int)PAUSE_MAX_US);
		if (well)
			well = daemon ? kill_plutond_and_go_on() : kill_tpmd();
		killer->done += well;
	}
	atomic_store(&killer->over, true);
	return NULL;
}

static void start_killer(unsigned kills, bool daemon_too)
{
	struct killer *killer = &world.killer;

	*killer = (struct killer){.wanted = kills, .daemon_too = daemon_too};
	CU_ASSERT_EQUAL_FATAL(pthread_create(&killer->thread, NULL, kill_at_random, killer), 0);
	killer->runs = true;
}

/* SHA-256 of the PCR before and what tpm_pcr_extend extends it with. */
static void extend_expected(uint8_t pcr[SHA256_DIGEST_LENGTH])
{
	uint8_t both[2 * SHA256_DIGEST_LENGTH];

	memcpy(both, pcr, SHA256_DIGEST_LENGTH);
	memset(both + SHA256_DIGEST_LENGTH, 0xa5, SHA256_DIGEST_LENGTH);
	SHA256(both, sizeof(both), pcr);
}

static void assert_pcr(const uint8_t expected[SHA256_DIGEST_LENGTH])
{
	perform(tpm_pcr_read(PCR));
	CU_ASSERT_EQUAL(memcmp(tail(SHA256_DIGEST_LENGTH, 0), expected, SHA256_DIGEST_LENGTH), 0);
}

/*
 * One wrong password, and one right one after which a TPM that loses its power without a shutdown
 * counts one more (Part 1, "Dictionary Attack Protection"): a crash that costs the TPM its state
 * shows in the lockout counter, and one that repeats a command does.
 */
static void guess_once(void)
{
	const struct tpm_bytes guess = tpm_nv_read_guessing(INDEX_PROTECTED, 8);

	perform(tpm_nv_define_protected(INDEX_PROTECTED, 8));
	perform(tpm_nv_write(INDEX_PROTECTED, 8));
	CU_ASSERT_EQUAL(transmit(&guess), RC_AUTH_FAIL);
	CU_ASSERT_EQUAL_FATAL(lockout_counter(), 1);
}

/* So that the lockout counter of the tests under load can tell: here it does go up. */
static void test_a_power_cut_after_a_protected_index_was_used_counts_as_a_guess(void)
{
	begin();
	guess_once();
	world.killed = await_tpmd();
	CU_ASSERT_FATAL(world.killed > 0);
	kill_plutond();
	CU_ASSERT_EQUAL_FATAL(kill(world.killed, SIGKILL), 0);
	start_plutond();
	pluton_close(world.pluton);
	world.pluton = NULL;
	await_plutond();
	pluton_tpm_close(world.tpm);
	world.tpm = NULL;
	CU_ASSERT_EQUAL_FATAL(pluton_tpm_open(world.address, NULL, &world.tpm, NULL, 0), 0);
	CU_ASSERT_EQUAL(lockout_counter(), 2);
	end();
}

/* Every acknowledged change is there once, whoever is killed meanwhile. */
static void work_while_killing(unsigned kills, bool daemon_too)
{
	uint8_t pcr[SHA256_DIGEST_LENGTH] = {0};
	uint64_t counter;
	unsigned turns = 0;

	begin();
	guess_once();
	perform(tpm_nv_define_counter(INDEX_COUNTER));
	perform(tpm_nv_increment(INDEX_COUNTER));
	counter = read_counter();
	start_killer(kills, daemon_too);
	while (!atomic_load(&world.killer.over)) {
		perform(tpm_nv_increment(INDEX_COUNTER));
		counter++;
		perform(tpm_pcr_extend(PCR));
		extend_expected(pcr);
		turns++;
	}
	join_killer();
	CU_ASSERT_EQUAL(world.killer.done, kills);
	CU_ASSERT(turns > 0);
	CU_ASSERT_EQUAL(read_counter(), counter);
	assert_pcr(pcr);
	CU_ASSERT_EQUAL(lockout_counter(), 1);
	end();
}

static void test_killing_tpmd_under_load_loses_and_repeats_nothing(void)
{
	work_while_killing(KILLS_UNDER_LOAD, false);
}

static void test_killing_plutond_and_tpmd_under_load_loses_and_repeats_nothing(void)
{
	work_while_killing(KILLS_UNDER_LOAD / 2, true);
}

static void test_objects_and_locality_of_a_connection_outlive_tpmd(void)
{
	const struct tpm_bytes extend = tpm_pcr_extend(PCR_DYNAMIC);
	uint32_t handle;

	begin();
	perform(tpm_create_primary(TPM_KEY_P256));
	handle = tpm_response_handle(world.response, world.size);
	CU_ASSERT_EQUAL(transmit(&extend), RC_LOCALITY);
	CU_ASSERT_EQUAL_FATAL(pluton_tpm_set_locality(world.tpm, 2), 0);
	CU_ASSERT_FATAL(kill_tpmd());
	perform(tpm_sign(handle));
	perform(extend);
	end();
}

static const struct test tests[] = {
	TEST(test_no_random_number_comes_twice_over_a_hundred_kills),
	TEST(test_objects_and_locality_of_a_connection_outlive_tpmd),
	TEST(test_a_power_cut_after_a_protected_index_was_used_counts_as_a_guess),
	TEST(test_killing_tpmd_under_load_loses_and_repeats_nothing),
	TEST(test_killing_plutond_and_tpmd_under_load_loses_and_repeats_nothing),
};

int main(int argc, char **argv)
{
	atexit(clear_up_at_exit);
	return suite_main(argc, argv, "tpm_crash", tests, TESTS_COUNT(tests));
}
