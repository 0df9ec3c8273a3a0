/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message in `encoded`, which has request.size bytes, into job->output. In the same time and
 * with the same memory accesses whatever is in it, but for the message's length.
 */
#ifndef PLUTON_OPENSSL_RSA_UNPAD_H
#define PLUTON_OPENSSL_RSA_UNPAD_H

#include "backends/openssl/rsa_job.h"

int rsa_unpad_oaep(struct rsa_job *job, const uint8_t *encoded);

/* Never -PLUTON_EINVAL: without a message in it, one is made from d and the ciphertext. */
int rsa_unpad_pkcs1(struct rsa_job *job, const uint8_t *encoded);

#endif
