/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on the stacked engines, which stand on the OpenSSL engine with workers.
 */
#include "tests/hil/openssl_bench.h"
#include "tests/hil/stacked_bench.h"

int main(int argc, char **argv)
{
	static const struct openssl_options options = {.execution = OPENSSL_EXECUTION_WORKER};
	struct bench_maker below = openssl_bench_maker("hil openssl-worker", &options);

	return stacked_bench_main(argc, argv, "hil stacked-openssl", &below);
}
