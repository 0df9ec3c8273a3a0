/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop must not wait: GRND_NONBLOCK. OpenSSL was seeded from the same generator before anything
 * is served, so that it has been ready since; and up to 256 bytes of it come whole.
 */
#include "backends/openssl/nonce.h"

#include <sys/random.h>

#include "pluton/error.h"

int nonce_make(uint8_t *ret_nonce, size_t size)
{
	return getrandom(ret_nonce, size, GRND_NONBLOCK) == (ssize_t)size ? 0 : -PLUTON_EFAIL;
}
