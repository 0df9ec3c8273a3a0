/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed call of libcrypto means. It is asked in the thread that made the call, at once.
 */
#ifndef PLUTON_OPENSSL_FAILURE_H
#define PLUTON_OPENSSL_FAILURE_H

/* -PLUTON_ENOMEM where there was no memory, else `otherwise`. Forgets what it was told by. */
int crypto_failed(int otherwise);

/*
 * Around calls that answer a question: a failure that libcrypto got over must not be taken for the
 * cause of a later one.
 */
void crypto_forget_failures(void);

#endif
