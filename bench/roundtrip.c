/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a small request takes: 32 random bytes through libpluton, beside a bare ping-pong.
 */
#include <stdlib.h>

#include <pluton/random.h>

#include "bench/cpus.h"
#include "bench/daemon.h"
#include "bench/pingpong.h"
#include "bench/program.h"
#include "bench/race.h"
#include "bench/table.h"

static const struct column columns[] = {
	{"", "what", -36, 0},	  {"median µs", "median_us", 10, 2}, {"p99 µs", "p99_us", 10, 2},
	{"ratio", "ratio", 7, 2}, {"budget", "budget", 7, 0},	     {"calls", "calls", 8, 0},
};

static const char *const names[] = {
	"ping-pong, peer in recv",
	"ping-pong, peer in epoll_wait",
	"pluton_random(32)",
};

static void get_random(void *context)
{
	unsigned char bytes[32];

	daemon_expect(pluton_random(context, bytes, sizeof(bytes)), context, "random");
}

static void print(const struct program *program, const struct placement *placement,
		  const struct race *race)
{
	struct table table = {program, placement->name, columns,
			      sizeof(columns) / sizeof(columns[0])};

	table_begin(&table);
	for (size_t i = 0; i < race->count; i++)
		TABLE_ROW(&table, TEXT(names[i]), NUMBER(race_quantile(race, i, 0.5) / 1e3),
			  NUMBER(race_quantile(race, i, 0.99) / 1e3),
			  NUMBER(race_ratio(race, i, 0)), TEXT(i == 2 ? "none" : ""),
			  NUMBER(race->rounds * race->samples_per_round));
}

static void measure(const struct program *program, const struct placement *placement)
{
	struct daemon daemon;
	struct pluton *pluton;
	struct pingpong bare, epoll;
	struct race race = {.count = 3,
			    .samples_per_round = program->quick ? 50 : 500,
			    .budget_ns = program->quick ? 200000000 : 6000000000};

	if (!cpus_possible(placement)) {
		program_skip("not measured: %s, there is but one", placement->name);
		return;
	}
	daemon_start(&daemon, placement->server);
	pingpong_start(&bare, placement->server, false);
	pingpong_start(&epoll, placement->server, true);
	cpus_pin(placement->client);
	pluton = daemon_connect(&daemon);
	race.contestants[0] = (struct contestant){.run = pingpong_run, .context = &bare};
	race.contestants[1] = (struct contestant){.run = pingpong_run, .context = &epoll};
	race.contestants[2] = (struct contestant){.run = get_random, .context = pluton};
	race_run(&race);
	print(program, placement, &race);
	race_free(&race);
	pluton_close(pluton);
	cpus_pin(CPU_ANY);
	pingpong_stop(&epoll);
	pingpong_stop(&bare);
	daemon_stop(&daemon);
}

int main(int argc, char **argv)
{
	struct placement placements[PLACEMENTS];
	struct program program;

	program_start(&program, "roundtrip",
		      "Time of a small request through libpluton, beside a socket ping-pong of the "
		      "same sizes.\vratio: time over the bare ping-pong's, median over the rounds.",
		      argc, argv);
	cpus_placements(placements);
	for (size_t i = 0; i < PLACEMENTS; i++)
		measure(&program, &placements[i]);
	return EXIT_SUCCESS;
}
