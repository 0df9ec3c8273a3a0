/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on OpenSSL, lent data on worker threads.
 */
#include "tests/hil/openssl_bench.h"

int main(int argc, char **argv)
{
	static const struct openssl_options options = {.execution = OPENSSL_EXECUTION_WORKER};

	return openssl_bench_main(argc, argv, "hil openssl-worker", &options);
}
