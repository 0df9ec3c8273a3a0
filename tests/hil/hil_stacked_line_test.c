/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the stacked engines, which stand on a chip at the end of a line:
 * pluton-chipd has digests and no HMAC.
 */
#include "tests/hil/chip_line.h"
#include "tests/hil/stacked_bench.h"

static struct chipd chipd;

static int open_line(struct bench *bench)
{
	return chip_line_open(bench, chipd.path);
}

int main(int argc, char **argv)
{
	static const struct bench_maker below = {
		.name = "hil chip-line",
		.open = open_line,
		.close = chip_line_close,
		.lacks = 1u << HIL_KDF, /* hundreds of frames for each key: on the test chip */
		.wait = chip_line_wait,
	};
	int status;

	chipd_start(&chipd, NULL);
	status = stacked_bench_main(argc, argv, "hil stacked-line", &below);
	chipd_end(&chipd);
	return status;
}
