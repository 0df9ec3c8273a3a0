/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the engine that has RSA only.
 */
#include "tests/hil/behaviours.h"
#include "tests/hil/hogweed.h"

static int open_hogweed(struct bench *bench)
{
	struct hogweed *hogweed;
	int r = hogweed_open(&bench->deferred, &hogweed);

	if (r < 0)
		return r;
	bench->backend = hogweed;
	bench->inner[HIL_RSA] = &hogweed_engine(hogweed)->head;
	return 0;
}

static void close_hogweed(struct bench *bench)
{
	hogweed_close(bench->backend);
}

int main(int argc, char **argv)
{
	static const struct bench_maker maker = {
		.name = "hil hogweed",
		.open = open_hogweed,
		.close = close_hogweed,
		.lacks = ~(1u << HIL_RSA | 1u << HIL_KINDS),
	};

	return behaviours_main(argc, argv, &maker);
}
