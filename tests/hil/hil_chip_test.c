/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the test chip.
 */
#include "tests/hil/chip_bench.h"

int main(int argc, char **argv)
{
	return behaviours_main(argc, argv, &chip_bench_maker);
}
