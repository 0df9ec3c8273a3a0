/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures as files hold them: PKCS#8 (RFC 5958, RFC 8410), SubjectPublicKeyInfo (RFC
 * 5280, RFC 5480, RFC 8410), in PEM or DER; ECDSA signatures in DER (RFC 3279). Calculates nothing:
 * libcrypto only takes the files apart and puts them together. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_ECC_FILE_H
#define PLUTON_CLI_ECC_FILE_H

#include <pluton/ecc.h>
#include <stdbool.h>

/* PEM or DER, whichever it is; "-" is standard input. The caller wipes the private key. */
int ecc_file_read_private(const char *path, struct pluton_ecc_private *ret);
int ecc_file_read_public(const char *path, struct pluton_ecc_public *ret);

#define ECC_FILE_MAX 1024u /* bytes of any key that is written, and of any signature */

/* The bytes of a file. The caller wipes those of a private key. */
int ecc_file_private(const struct pluton_ecc_private *key, const struct pluton_ecc_public *public,
		     bool pem, unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length);
int ecc_file_public(const struct pluton_ecc_public *public, bool pem,
		    unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length);

/* Between r || s and DER; false: no signature of that curve. */
bool ecc_file_to_der(enum pluton_ecc_curve curve, const unsigned char *signature,
		     unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length);
bool ecc_file_from_der(enum pluton_ecc_curve curve, const unsigned char *der, size_t length,
		       unsigned char *ret_signature);

#endif
