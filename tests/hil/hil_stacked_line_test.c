/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the stacked engines, which stand on a chip at the end of a line:
 * pluton-chipd has digests and no HMAC.
 */
#include "tests/hil/chip_line.h"
#include "tests/hil/stacked_bench.h"

int main(int argc, char **argv)
{
	struct chipd chipd = {.pid = 0};
	struct bench_maker below;
	int status;

	chipd_start(&chipd, NULL);
	below = chip_line_maker("hil chip-line", &chipd);
	below.lacks = 1u << HIL_KDF; /* hundreds of frames for each key: on the test chip */
	status = stacked_bench_main(argc, argv, "hil stacked-line", &below);
	chipd_end(&chipd);
	return status;
}
