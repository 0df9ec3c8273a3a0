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
#define PCR_DYNAMIC 20u /* of the dynamic root of trust: not for locality 0 */
#define INDEX_COUNTER 0x01800002u
#define RANDOM_SIZE 32u
#define KILLS_OF_STREAM 100u
#define KILLS_UNDER_LOAD 30u
#define PAUSE_MAX_US 8000u

static struct {
	char folder[64];
	char address[128];
	pid_t plutond;
	pid_t killed; /* the last pluton-tpmd */
	struct pluton *pluton;
	struct pluton_tpm *tpm;
	uint8_t response[PLUTON_TPM_RESPONSE_MAX];
	size_t size;
	unsigned seed;
} world;

/* --- plutond --------------------------------------------------------------------------------- */

static void pause_us(long us)
{
	const struct timespec time = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&time, NULL);
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

/* A test that failed leaves one behind. */
static void clear_up(void)
{
	if (world.plutond > 0)
		kill_plutond();
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

/* plutond is there when somebody answers. */
static void await_plutond(void)
{
	int r = -PLUTON_EOFF;

	while (r < 0) {
		CU_ASSERT_EQUAL_FATAL(waitpid(world.plutond, NULL, WNOHANG), 0);
		pause_us(2000);
		r = pluton_open(world.address, &world.pluton);
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
	clear_up();
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
	int status = -1;

	pluton_tpm_close(world.tpm);
	pluton_close(world.pluton);
	kill(world.plutond, SIGTERM);
	waitpid(world.plutond, &status, 0);
	world.plutond = 0;
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	nftw(world.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- the TPM --------------------------------------------------------------------------------- */

/*
 * A pluton-tpmd that runs, which the one that was killed last no longer does, though plutond may
 * not have noticed: its process. plutond holds its snapshot then; whoever kills both before that
 * has cut the power, which is another test's business.
 */
static pid_t await_tpmd(void)
{
	struct pluton_app_row row = {.state = PLUTON_APP_STOPPED};

	while (pluton_app_status(world.pluton, PLUTON_TPM_DEFAULT_INSTANCE, &row) < 0 ||
	       row.state != PLUTON_APP_RUNNING || (pid_t)row.pid == world.killed)
		pause_us(500);
	return (pid_t)row.pid;
}

static void kill_tpmd(void)
{
	world.killed = await_tpmd();
	kill(world.killed, SIGKILL);
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
		kill_tpmd();
		take_number(count++);
	}
	qsort(numbers, count, RANDOM_SIZE, compare_numbers);
	for (size_t i = 1; i < count; i++)
		CU_ASSERT_NOT_EQUAL(memcmp(numbers[i - 1], numbers[i], RANDOM_SIZE), 0);
	end();
}

/* --- under load ------------------------------------------------------------------------------ */

struct killer {
	pthread_t thread;
	unsigned kills;
	bool daemon_too;
	atomic_bool done;
};

static void *kill_at_random(void *context)
{
	struct killer *killer = context;

	for (unsigned i = 0; i < killer->kills; i++) {
		(void)await_tpmd();
		pause_us(rand_r(&world.seed) % (int)PAUSE_MAX_US);
		if (killer->daemon_too && i % 3 == 0) {
			kill_plutond();
			start_plutond();
		} else {
			kill_tpmd();
		}
	}
	atomic_store(&killer->done, true);
	return NULL;
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

/* Every acknowledged change is there once, whoever is killed meanwhile. */
static void work_while(struct killer *killer)
{
	uint8_t pcr[SHA256_DIGEST_LENGTH] = {0};
	uint64_t counter;
	uint32_t lockout;
	unsigned turns = 0;

	begin();
	perform(tpm_nv_define_counter(INDEX_COUNTER));
	perform(tpm_nv_increment(INDEX_COUNTER));
	counter = read_counter();
	lockout = lockout_counter();
	CU_ASSERT_EQUAL_FATAL(pthread_create(&killer->thread, NULL, kill_at_random, killer), 0);
	while (!atomic_load(&killer->done)) {
		perform(tpm_nv_increment(INDEX_COUNTER));
		counter++;
		perform(tpm_pcr_extend(PCR));
		extend_expected(pcr);
		turns++;
	}
	pthread_join(killer->thread, NULL);
	CU_ASSERT(turns > 0);
	CU_ASSERT_EQUAL(read_counter(), counter);
	assert_pcr(pcr);
	CU_ASSERT_EQUAL(lockout_counter(), lockout);
	end();
}

static void test_killing_tpmd_under_load_loses_and_repeats_nothing(void)
{
	struct killer killer = {.kills = KILLS_UNDER_LOAD};

	work_while(&killer);
}

static void test_killing_plutond_and_tpmd_under_load_loses_and_repeats_nothing(void)
{
	struct killer killer = {.kills = KILLS_UNDER_LOAD / 2, .daemon_too = true};

	work_while(&killer);
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
	kill_tpmd();
	perform(tpm_sign(handle));
	perform(extend);
	end();
}

static const struct test tests[] = {
	TEST(test_no_random_number_comes_twice_over_a_hundred_kills),
	TEST(test_objects_and_locality_of_a_connection_outlive_tpmd),
	TEST(test_killing_tpmd_under_load_loses_and_repeats_nothing),
	TEST(test_killing_plutond_and_tpmd_under_load_loses_and_repeats_nothing),
};

int main(int argc, char **argv)
{
	atexit(clear_up);
	return suite_main(argc, argv, "tpm_crash", tests, TESTS_COUNT(tests));
}
