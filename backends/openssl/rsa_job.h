/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job for the computing half of the rsa HIL (rsa_run.h): all on private memory, on a worker
 * thread. rsa.c moves the bytes and wipes the job; what is secret lives nowhere else but in objects
 * of libcrypto, which are cleared and freed before a function of that half returns.
 *
 * All of them return 0 or a negative error. With -PLUTON_EINVAL and -PLUTON_EFAIL job->why is a
 * sentence.
 */
#ifndef PLUTON_OPENSSL_RSA_JOB_H
#define PLUTON_OPENSSL_RSA_JOB_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "hil/rsa.h"

#define RSA_LABEL_MAX 1024u
#define RSA_KEY_MAX (4u * RSA_SIZE_MAX + RSA_SIZE_MAX / 2 + RSA_EXPONENT_SIZE)
#define RSA_KEY_FAULT "the parts of the key do not belong together"

struct rsa_job {
	struct rsa_request request;
	uint8_t key[RSA_KEY_MAX]; /* the parts, each at rsa_part_offset() */
	uint8_t label[RSA_LABEL_MAX];
	uint8_t input[RSA_SIZE_MAX];
	uint8_t signature[RSA_SIZE_MAX];
	uint8_t output[RSA_SIZE_MAX];
	size_t output_length;
	const char *why;
	const atomic_bool *cancelled; /* looked at while a key is made */
};

/* One part of job->key. */
uint8_t *rsa_job_part(struct rsa_job *job, enum rsa_part part);

/*
 * What a failed call of libcrypto means: -PLUTON_ENOMEM where it had no memory, else
 * -PLUTON_EINVAL with this sentence.
 */
int rsa_job_failed(struct rsa_job *job, const char *why);

/* libcrypto's object for one of our algorithms. NULL: there is none. */
const EVP_MD *rsa_hash(enum digest_algorithm algorithm);

#endif
