/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small requests by rings beside the same ones by the socket: one at a time, and 16 at once with
 * one wait; alone, and beside a second client that asks without end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/random.h>

#include "bench/cpus.h"
#include "bench/daemon.h"
#include "bench/program.h"
#include "bench/race.h"
#include "bench/table.h"

#define BATCH 16u
#define LENGTH 64u

/* One client's way, and room for a batch. */
struct client {
	struct pluton *pluton;
	const struct work *work;
	unsigned char input[LENGTH];
	unsigned char outputs[BATCH][LENGTH];
	unsigned char tags[BATCH][16];
	unsigned left;
};

struct work {
	const char *name;
	int (*start)(struct client *client, unsigned i, pluton_done_fn done,
		     pluton_operation_id *ret_id);
	int (*perform)(struct client *client);
};

static const unsigned char key[32] = "a key that is good for measuring";
static const unsigned char iv[PLUTON_AES_GCM_IV_SIZE] = "never twice";

/* --- the work -------------------------------------------------------------------------------- */

static int start_random(struct client *c, unsigned i, pluton_done_fn done, pluton_operation_id *id)
{
	return pluton_random_async(c->pluton, c->outputs[i], 32, done, c, id);
}

static int perform_random(struct client *c)
{
	return pluton_random(c->pluton, c->outputs[0], 32);
}

static struct pluton_aes_gcm_request gcm(struct client *c, unsigned i)
{
	return (struct pluton_aes_gcm_request){.key = key,
					       .key_size = sizeof(key),
					       .iv = iv,
					       .input = c->input,
					       .output = c->outputs[i],
					       .length = LENGTH,
					       .tag = c->tags[i]};
}

static int start_gcm(struct client *c, unsigned i, pluton_done_fn done, pluton_operation_id *id)
{
	const struct pluton_aes_gcm_request request = gcm(c, i);

	return pluton_aes_gcm_encrypt_async(c->pluton, &request, done, c, id);
}

static int perform_gcm(struct client *c)
{
	const struct pluton_aes_gcm_request request = gcm(c, 0);

	return pluton_aes_gcm_encrypt(c->pluton, &request);
}

static struct pluton_digest_request digest(struct client *c, unsigned i)
{
	return (struct pluton_digest_request){.algorithm = PLUTON_SHA256,
					      .input = c->input,
					      .length = LENGTH,
					      .digest = c->outputs[i],
					      .digest_size = 32};
}

static int start_digest(struct client *c, unsigned i, pluton_done_fn done, pluton_operation_id *id)
{
	const struct pluton_digest_request request = digest(c, i);

	return pluton_digest_async(c->pluton, &request, done, c, id);
}

static int perform_digest(struct client *c)
{
	const struct pluton_digest_request request = digest(c, 0);

	return pluton_digest(c->pluton, &request);
}

static const struct work works[] = {
	{"random, 32 bytes", start_random, perform_random},
	{"AES-256-GCM, 64 bytes", start_gcm, perform_gcm},
	{"SHA-256, 64 bytes", start_digest, perform_digest},
};

/* --- clients --------------------------------------------------------------------------------- */

static void run_one(void *context)
{
	struct client *client = context;

	daemon_expect(client->work->perform(client), client->pluton, client->work->name);
}

static void count_down(struct pluton *pluton, int status, void *userdata)
{
	struct client *client = userdata;

	daemon_expect(status, pluton, client->work->name);
	client->left--;
}

static void run_batch(void *context)
{
	struct client *client = context;
	pluton_operation_id ids[BATCH];

	client->left = BATCH;
	pluton_cork(client->pluton);
	for (unsigned i = 0; i < BATCH; i++)
		daemon_expect(client->work->start(client, i, count_down, &ids[i]), client->pluton,
			      client->work->name);
	pluton_uncork(client->pluton);
	daemon_expect(pluton_wait_all(client->pluton, ids, BATCH), client->pluton, "wait");
	if (client->left > 0)
		program_fail("%u answers are missing", client->left);
}

static struct client connect_client(const struct daemon *daemon, const struct work *work,
				    enum pluton_rings rings)
{
	struct client client = {.pluton = daemon_connect(daemon), .work = work};

	daemon_expect(pluton_set_rings(client.pluton, rings), client.pluton, "rings");
	return client;
}

/* One that asks without end, over rings. */
static pid_t start_second(const struct daemon *daemon, const struct work *work)
{
	pid_t parent = getpid(), pid = fork();
	struct client client;

	if (pid < 0)
		program_fail("fork");
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	client = connect_client(daemon, work, PLUTON_RINGS_NOW);
	while (work->perform(&client) == 0)
		continue;
	_exit(1);
}

static void stop_second(pid_t pid)
{
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* --- measuring ------------------------------------------------------------------------------- */

static const struct column columns[] = {
	{"what", "what", -24, 0},
	{"clients", "clients", 7, 0},
	{"at once", "at_once", 7, 0},
	{"socket µs", "socket_us", 10, 2},
	{"rings µs", "rings_us", 10, 2},
	{"ratio", "ratio", 6, 2},
	{"rings p99", "rings_p99_us", 10, 2},
	{"calls", "calls", 8, 0},
};

static void race_ways(const struct table *table, const struct daemon *daemon,
		      const struct work *work, unsigned clients, bool batch)
{
	struct client socket = connect_client(daemon, work, PLUTON_RINGS_OFF);
	struct client rings = connect_client(daemon, work, PLUTON_RINGS_NOW);
	void (*run)(void *context) = batch ? run_batch : run_one;
	double each = batch ? 1e3 * BATCH : 1e3;
	struct race race = {
		.count = 2,
		.samples_per_round = table->program->quick ? 20 : 200,
		.budget_ns = table->program->quick ? 20000000 : 1000000000,
		.contestants = {{.run = run, .context = &socket}, {.run = run, .context = &rings}}};
	pid_t second = clients > 1 ? start_second(daemon, work) : 0;

	race_run(&race);
	if (second > 0)
		stop_second(second);
	TABLE_ROW(table, TEXT(work->name), NUMBER(clients), NUMBER(batch ? BATCH : 1),
		  NUMBER(race_quantile(&race, 0, 0.5) / each),
		  NUMBER(race_quantile(&race, 1, 0.5) / each), NUMBER(race_ratio(&race, 1, 0)),
		  NUMBER(race_quantile(&race, 1, 0.99) / each),
		  NUMBER(race.rounds * race.samples_per_round));
	race_free(&race);
	pluton_close(socket.pluton);
	pluton_close(rings.pluton);
}

static void measure(const struct program *program, const struct placement *placement)
{
	struct table table = {program, placement->name, columns,
			      sizeof(columns) / sizeof(columns[0])};
	struct daemon daemon;

	if (!cpus_possible(placement)) {
		program_skip("not measured: %s, there is but one", placement->name);
		return;
	}
	daemon_start(&daemon, placement->server);
	cpus_pin(placement->client);
	table_begin(&table);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		for (unsigned clients = 1; clients <= 2; clients++) {
			race_ways(&table, &daemon, &works[i], clients, false);
			race_ways(&table, &daemon, &works[i], clients, true);
		}
	}
	cpus_pin(CPU_ANY);
	daemon_stop(&daemon);
}

int main(int argc, char **argv)
{
	struct placement placements[PLACEMENTS];
	struct program program;

	unsetenv("PLUTON_RINGS");
	program_start(
		&program, "rings",
		"Time of small requests by rings, beside the same by the socket.\v"
		"ratio: time over the socket's, median over the rounds; of one operation, also\n"
		"where 16 go at once. Two clients: the second asks without end, over rings.",
		argc, argv);
	cpus_placements(placements);
	for (size_t i = 0; i < PLACEMENTS; i++)
		measure(&program, &placements[i]);
	return EXIT_SUCCESS;
}
