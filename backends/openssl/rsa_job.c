/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all parts of the computing half have in common.
 */
#include "backends/openssl/rsa_job.h"

#include "backends/openssl/failure.h"

uint8_t *rsa_job_part(struct rsa_job *job, enum rsa_part part)
{
	return job->key + rsa_part_offset(part, job->request.size);
}

const EVP_MD *rsa_hash(enum digest_algorithm algorithm)
{
	switch (algorithm) {
	case DIGEST_SHA1:
		return EVP_sha1();
	case DIGEST_SHA224:
		return EVP_sha224();
	case DIGEST_SHA256:
		return EVP_sha256();
	case DIGEST_SHA384:
		return EVP_sha384();
	case DIGEST_SHA512:
		return EVP_sha512();
	case DIGEST_SHA3_256:
		return EVP_sha3_256();
	case DIGEST_SHA3_384:
		return EVP_sha3_384();
	case DIGEST_SHA3_512:
		return EVP_sha3_512();
	default:
		return NULL;
	}
}

int rsa_job_failed(struct rsa_job *job, const char *why)
{
	int r = crypto_failed(-PLUTON_EINVAL);

	if (r == -PLUTON_EINVAL)
		job->why = why;
	return r;
}
