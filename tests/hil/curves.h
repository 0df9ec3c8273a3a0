/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second implementation of hil/ecc.h's curves for tests, on nettle's hogweed. Byte strings and
 * sizes are those of hil/ecc.h. Its random numbers are none: a counter under AES.
 */
#ifndef PLUTON_TESTS_HIL_CURVES_H
#define PLUTON_TESTS_HIL_CURVES_H

#include "hil/ecc.h"

/* true: it is a private key, a point of the curve. */
bool curves_key_is_valid(enum ecc_curve curve, const uint8_t *key);
bool curves_point_is_valid(enum ecc_curve curve, const uint8_t *public);

/* A key as good as random. */
void curves_generate(enum ecc_curve curve, uint8_t *ret_key);

/* Of a valid key. */
void curves_public(enum ecc_curve curve, const uint8_t *key, uint8_t *ret_public);
void curves_sign(enum ecc_curve curve, const uint8_t *key, const uint8_t *input, size_t length,
		 uint8_t *ret_signature);

/* true: it is valid. */
bool curves_verify(enum ecc_curve curve, const uint8_t *public, const uint8_t *signature,
		   const uint8_t *input, size_t length);

/* Of a valid key and point. false: the secret would be zeros. */
bool curves_agree(enum ecc_curve curve, const uint8_t *key, const uint8_t *public,
		  uint8_t *ret_secret);

/* Whether OpenSSL, called here by itself, finds an ECDSA signature valid. */
bool curves_verify_by_openssl(enum ecc_curve curve, const uint8_t *public, const uint8_t *signature,
			      const uint8_t *digest, size_t length);

#endif
