/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The computing half of the rsa HIL.
 */
#ifndef PLUTON_OPENSSL_RSA_RUN_H
#define PLUTON_OPENSSL_RSA_RUN_H

#include "backends/openssl/rsa_job.h"

/* Whatever the request asks for. */
int rsa_run(struct rsa_job *job);

#endif
