/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key for libcrypto from a job's parts, and the other way round.
 */
#ifndef PLUTON_OPENSSL_RSA_KEY_H
#define PLUTON_OPENSSL_RSA_KEY_H

#include "backends/openssl/rsa_job.h"

int rsa_key_load(struct rsa_job *job, EVP_PKEY **ret_key);
int rsa_key_generate(struct rsa_job *job);

/* Of a key, new or from outside, with which RSA_PRIVATE was right: its parts are of one key. */
int rsa_key_judge(struct rsa_job *job);

#endif
