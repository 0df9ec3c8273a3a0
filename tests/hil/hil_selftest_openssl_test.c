/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite on OpenSSL's engines behind their self tests: the first request of each
 * algorithm comes before its test, and nobody notices.
 */
#include "hil/selftest.h"
#include "tests/hil/behaviours.h"
#include "tests/hil/openssl_bench.h"

static struct bench_maker openssl;

static int open_tested(struct bench *bench)
{
	const struct selftest_options options = {.deferred = &bench->deferred};
	int r = openssl.open(bench);

	for (unsigned kind = 0; kind < HIL_KINDS && r == 0; kind++) {
		if (bench->inner[kind])
			r = selftest_open(bench->inner[kind], &options, &bench->inner[kind]);
	}
	return r;
}

static void close_tested(struct bench *bench)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (bench->inner[kind] && bench->inner[kind]->gate)
			selftest_close(bench->inner[kind]);
	}
	openssl.close(bench);
}

int main(int argc, char **argv)
{
	static const struct openssl_options in_place = {OPENSSL_EXECUTION_INLINE, 0, NULL};
	struct bench_maker maker;

	openssl = openssl_bench_maker("hil selftest openssl", &in_place);
	maker = openssl;
	maker.open = open_tested;
	maker.close = close_tested;
	return behaviours_main(argc, argv, &maker);
}
