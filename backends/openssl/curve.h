/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elliptic curves on OpenSSL, over byte strings as hil/ecc.h has them. Every function may run on
 * any thread, keeps nothing, and leaves no error in OpenSSL's queue. What OpenSSL allocates for it
 * is freed, and where it was secret wiped, before it returns.
 *
 * 0 or a negative error: -PLUTON_EINVAL with *ret_why, a sentence for a person; -PLUTON_EFAIL.
 */
#ifndef PLUTON_OPENSSL_CURVE_H
#define PLUTON_OPENSSL_CURVE_H

#include "hil/ecc.h"

/* What one operation works on; sizes are the curve's. */
struct curve_parts {
	enum ecc_curve curve;
	const char *properties; /* OpenSSL's property query; NULL: none */
	uint8_t key[ECC_KEY_SIZE_MAX];
	uint8_t public[ECC_PUBLIC_SIZE_MAX];
	uint8_t signature[ECC_SIGNATURE_SIZE_MAX];
	uint8_t secret[ECC_SECRET_SIZE_MAX];
	const uint8_t *input; /* a digest or a message */
	size_t length;
	const char *why;
};

/* 0: OpenSSL has the curve. -PLUTON_ENODEVICE: it has not. -PLUTON_ENOMEM: who knows. */
int curve_available(enum ecc_curve curve, const char *properties);

int curve_generate(struct curve_parts *parts);	   /* gives key and public */
int curve_public(struct curve_parts *parts);	   /* public from key */
int curve_check_public(struct curve_parts *parts); /* whether public is a point of the curve */
int curve_sign(struct curve_parts *parts);	   /* signature from key and input */
int curve_verify(struct curve_parts *parts);	   /* public, signature, input */
int curve_agree(struct curve_parts *parts);	   /* secret from key and public */

#endif
