/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that must never come twice, though nobody need be surprised by them: IVs.
 *
 * Not from OpenSSL's generator: its state is in this process's memory, and a virtual machine that
 * is set back to a snapshot has it once more, so that one IV would encrypt two messages. The
 * kernel's generator is seeded anew when the machine says that this has happened (vmgenid).
 */
#ifndef PLUTON_OPENSSL_NONCE_H
#define PLUTON_OPENSSL_NONCE_H

#include <stddef.h>
#include <stdint.h>

/* Up to 256 bytes. -PLUTON_EFAIL: the kernel has none. */
int nonce_make(uint8_t *ret_nonce, size_t size);

#endif
