/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the stacked engines, which stand on the test chip.
 */
#include "tests/hil/chip_bench.h"
#include "tests/hil/stacked_bench.h"

int main(int argc, char **argv)
{
	return stacked_bench_main(argc, argv, "hil stacked-chip", &chip_bench_maker);
}
