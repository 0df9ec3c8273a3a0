/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An RSA key for tests, and what OpenSSL 3.2 and later decrypt with it from PKCS #1 v1.5: true
 * messages, and those that implicit rejection makes.
 */
#ifndef PLUTON_TESTS_RSA_MATERIAL_H
#define PLUTON_TESTS_RSA_MATERIAL_H

#include <stddef.h>
#include <stdint.h>

#define RSA_TEST_SIZE 256u /* bytes of the modulus */
#define RSA_TEST_PUBLIC_SIZE (RSA_TEST_SIZE + 8u)
#define RSA_TEST_KEY_SIZE (RSA_TEST_SIZE * 9u / 2u + 8u)

/* n e d p q dP dQ qInv, as hil/rsa.h has them: all at once, or the first two or three. */
void rsa_test_key(uint8_t ret_key[RSA_TEST_KEY_SIZE]);

struct rsa_vector {
	const char *what;
	const char *ciphertext; /* hexadecimal */
	const char *message;
};

#define RSA_PKCS1_VECTORS 10u
extern const struct rsa_vector rsa_pkcs1_vectors[RSA_PKCS1_VECTORS];

/* Of the message "abc" with SHA-256; PSS with a salt of 32 bytes. Hexadecimal, as the next two. */
extern const char rsa_test_pkcs1_signature[];
extern const char rsa_test_pss_signature[];

/* "Hello World" by OAEP with SHA-256 and the label "label". */
extern const char rsa_test_oaep[];

/* 2^d mod n */
extern const char rsa_test_root_of_two[];

/* Bytes of a string of lower-case digits. */
size_t rsa_hex(const char *hex, uint8_t *ret_bytes);

#endif
