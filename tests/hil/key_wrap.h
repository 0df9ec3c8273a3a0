/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second implementation of AES key wrap with padding (RFC 5649) for tests, on cipher.h's AES.
 */
#ifndef PLUTON_TESTS_HIL_KEY_WRAP_H
#define PLUTON_TESTS_HIL_KEY_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a key that is 1..`size` bytes, wrapped. */
#define KEY_WRAP_SIZE(size) (((size) + 7) / 8 * 8 + 8)

void key_wrap(const uint8_t *kek, size_t kek_size, const uint8_t *key, size_t size,
	      uint8_t *ret_wrapped);

/* false: this was not wrapped by this key. ret_key has room for length - 8 bytes. */
bool key_unwrap(const uint8_t *kek, size_t kek_size, const uint8_t *wrapped, size_t length,
		uint8_t *ret_key, size_t *ret_size);

#endif
