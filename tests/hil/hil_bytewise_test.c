/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the engine that moves single bytes.
 */
#include "tests/hil/behaviours.h"
#include "tests/hil/bytewise.h"

static int open_bytewise(struct bench *bench)
{
	struct bytewise *bytewise;
	int r = bytewise_open(&bench->deferred, &bytewise);

	if (r < 0)
		return r;
	bench->backend = bytewise;
	for (enum hil_kind kind = HIL_RNG; kind < HIL_KINDS; kind++)
		bench->inner[kind] = bytewise_engine(bytewise, kind);
	return 0;
}

static void close_bytewise(struct bench *bench)
{
	bytewise_close(bench->backend);
}

int main(int argc, char **argv)
{
	static const struct bench_maker maker = {
		.name = "hil bytewise",
		.open = open_bytewise,
		.close = close_bytewise,
		.lacks = 1u << HIL_ECC | 1u << HIL_RSA | 1u << HIL_KDF | 1u << HIL_HWKEY,
	};

	return behaviours_main(argc, argv, &maker);
}
