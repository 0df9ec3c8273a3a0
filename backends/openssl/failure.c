/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that lacked memory must not pass for the answer to its question: that a signature does not
 * match, that a point is none. libcrypto says so in its queue of errors, though not always.
 */
#include "backends/openssl/failure.h"

#include <openssl/err.h>

#include "backends/openssl/memory.h"
#include "pluton/error.h"

int crypto_failed(int otherwise)
{
	bool no_memory = memory_was_refused();

	for (unsigned long error = ERR_get_error(); error; error = ERR_get_error())
		no_memory |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return no_memory ? -PLUTON_ENOMEM : otherwise;
}

void crypto_forget_failures(void)
{
	ERR_clear_error();
	(void)memory_was_refused();
}
