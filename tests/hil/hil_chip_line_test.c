/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on a chip at the end of a line: pluton-chipd on a pseudo-terminal.
 */
#include "tests/hil/chip_line.h"

static struct chipd chipd;

static int open_line(struct bench *bench)
{
	return chip_line_open(bench, chipd.path);
}

int main(int argc, char **argv)
{
	static const struct bench_maker maker = {
		.name = "hil chip-line",
		.open = open_line,
		.close = chip_line_close,
		.opens_sealed = true,
		.lacks = CHIP_LINE_LACKS,
		.lacks_modes = CHIP_LINE_LACKS_MODES,
		.wait = chip_line_wait,
	};
	int status;

	chipd_start(&chipd, NULL);
	status = behaviours_main(argc, argv, &maker);
	chipd_end(&chipd);
	return status;
}
