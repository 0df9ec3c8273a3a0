/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crypto engines through libpluton beside OpenSSL in process: every algorithm, every length,
 * both placements. This file is the order of it.
 */
#include <stdlib.h>

#include "bench/crypto_parts.h"

static void measure_placement(const struct program *program, const struct placement *placement)
{
	struct daemon daemon;
	const struct crypto_bench bench = {program, placement, &daemon};

	if (!cpus_possible(placement)) {
		program_skip("not measured: %s, there is but one", placement->name);
		return;
	}
	daemon_start(&daemon, placement->server);
	cpus_pin(placement->client);
	crypto_measure_data(&bench);
	crypto_measure_keys(&bench);
	crypto_measure_loads(&bench);
	cpus_pin(CPU_ANY);
	daemon_stop(&daemon);
}

int main(int argc, char **argv)
{
	struct placement placements[PLACEMENTS];
	struct program program;

	program_start_choosing(&program, "crypto",
			       "Speed of the crypto engines through libpluton, beside OpenSSL in "
			       "process; of the tables whose title has one of the WORDs in it.\v"
			       "ratio: speed over OpenSSL's, the median over all rounds.\n"
			       "quiet: the same from each one's fastest tenth.\n"
			       "shared: memory from pluton_alloc. copied: ordinary memory.",
			       argc, argv);
	cpus_placements(placements);
	for (size_t i = 0; i < PLACEMENTS; i++)
		measure_placement(&program, &placements[i]);
	return EXIT_SUCCESS;
}
