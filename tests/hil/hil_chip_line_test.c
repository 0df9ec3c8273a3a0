/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on a chip at the end of a line: pluton-chipd on a pseudo-terminal.
 */
#include "tests/hil/chip_line.h"

int main(int argc, char **argv)
{
	struct chipd chipd = {.pid = 0};
	struct bench_maker maker;
	int status;

	chipd_start(&chipd, NULL);
	maker = chip_line_maker("hil chip-line", &chipd);
	status = behaviours_main(argc, argv, &maker);
	chipd_end(&chipd);
	return status;
}
