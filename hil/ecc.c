/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and ranges of elliptic curves (SP 800-186, RFC 8032, RFC 7748), and what an engine's
 * capabilities allow. The same answer for hil_select, for the engines and for the checker.
 */
#include "hil/ecc.h"

#include <string.h>

/* Orders, big-endian: SP 800-186, section 3.2.1. */
static const uint8_t order_p256[] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
				     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
				     0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t order_p384[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37,
				     0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a,
				     0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};
static const uint8_t order_p521[] = {
	0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b,
	0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c,
	0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09};
/* Of Ed25519, big-endian: the order (RFC 8032, section 5.1) and the field's prime 2^255 - 19. */
static const uint8_t order_25519[] = {0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
				      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
				      0x14, 0xde, 0xf9, 0xde, 0xa2, 0xf7, 0x9c, 0xd6,
				      0x58, 0x12, 0x63, 0x1a, 0x5c, 0xf5, 0xd3, 0xed};
static const uint8_t prime_25519[] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xed};

static const struct {
	uint8_t key, public, signature, secret;
	const uint8_t *order; /* of P curves, as wide as a key */
} curves[ECC_CURVES] = {
	[ECC_P256] = {32, 64, 64, 32, order_p256},   [ECC_P384] = {48, 96, 96, 48, order_p384},
	[ECC_P521] = {66, 132, 132, 66, order_p521}, [ECC_ED25519] = {32, 32, 64, 0, NULL},
	[ECC_X25519] = {32, 32, 0, 32, NULL},
};

static bool is_curve(enum ecc_curve curve)
{
	return curve > 0 && curve < ECC_CURVES;
}

size_t ecc_key_size(enum ecc_curve curve)
{
	return is_curve(curve) ? curves[curve].key : 0;
}

size_t ecc_public_size(enum ecc_curve curve)
{
	return is_curve(curve) ? curves[curve].public : 0;
}

size_t ecc_signature_size(enum ecc_curve curve)
{
	return is_curve(curve) ? curves[curve].signature : 0;
}

size_t ecc_secret_size(enum ecc_curve curve)
{
	return is_curve(curve) ? curves[curve].secret : 0;
}

bool ecc_is_prime_curve(enum ecc_curve curve)
{
	return is_curve(curve) && curves[curve].order;
}

/* --- requests -------------------------------------------------------------------------------- */

static bool has_action(const struct ecc_request *request)
{
	switch (request->action) {
	case ECC_GENERATE:
	case ECC_PUBLIC:
		return true;
	case ECC_SIGN:
	case ECC_VERIFY:
		return ecc_signature_size(request->curve) > 0;
	case ECC_AGREE:
		return ecc_secret_size(request->curve) > 0;
	default:
		return false;
	}
}

static bool uses_key(const struct ecc_request *request)
{
	return request->action == ECC_PUBLIC || request->action == ECC_SIGN ||
	       request->action == ECC_AGREE;
}

static bool is_digest_size(const struct ecc_request *request)
{
	size_t length = request->length;

	if (length == 20)
		return request->action == ECC_VERIFY;
	return length == 28 || length == 32 || length == 48 || length == 64;
}

static bool fits(const struct ecc_caps *caps, const struct ecc_request *request)
{
	if (request->action != ECC_SIGN && request->action != ECC_VERIFY)
		return request->length == 0;
	if (ecc_is_prime_curve(request->curve))
		return is_digest_size(request);
	return request->length <=
	       (request->action == ECC_SIGN ? caps->message_max : caps->verify_max);
}

int ecc_check(const struct hil_engine *engine, const void *ecc_request)
{
	const struct ecc_caps *caps = &((const struct ecc_engine *)engine)->caps;
	const struct ecc_request *request = ecc_request;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	if (!is_curve(request->curve) || !(caps->curves & (1u << request->curve)))
		return -PLUTON_ENOSUPPORT;
	if (!has_action(request))
		return -PLUTON_ENOSUPPORT;
	if (uses_key(request) && request->key.kind != HIL_KEY_BYTES &&
	    (!caps->key_slots || !hil_reaches(engine, &request->key)))
		return -PLUTON_ENOSUPPORT;
	return fits(caps, request) ? 0 : -PLUTON_ESIZE;
}

void ecc_steps(const struct ecc_request *request, enum ecc_step ret_steps[ECC_STEPS_MAX])
{
	static const enum ecc_step steps[ECC_ACTIONS][ECC_STEPS_MAX] = {
		[ECC_GENERATE] = {ECC_STEP_KEY_OUT, ECC_STEP_PUBLIC_OUT},
		[ECC_PUBLIC] = {ECC_STEP_KEY_IN, ECC_STEP_PUBLIC_OUT},
		[ECC_SIGN] = {ECC_STEP_KEY_IN, ECC_STEP_INPUT, ECC_STEP_SIGNATURE_OUT},
		[ECC_VERIFY] = {ECC_STEP_PUBLIC_IN, ECC_STEP_SIGNATURE_IN, ECC_STEP_INPUT},
		[ECC_AGREE] = {ECC_STEP_PUBLIC_IN, ECC_STEP_KEY_IN, ECC_STEP_SECRET_OUT},
	};
	size_t n = 0;

	for (size_t i = 0; i < ECC_STEPS_MAX; i++) {
		enum ecc_step step = steps[request->action][i];

		if (step == ECC_STEP_INPUT && request->length == 0)
			continue;
		if (step == ECC_STEP_KEY_IN && request->key.kind == HIL_KEY_SLOT)
			continue;
		ret_steps[n++] = step;
	}
	while (n < ECC_STEPS_MAX)
		ret_steps[n++] = ECC_STEP_END;
}

/* --- numbers --------------------------------------------------------------------------------- */

/* Big-endian; the whole of both is read whatever they are. */
static bool is_below(const uint8_t *number, const uint8_t *bound, size_t size)
{
	unsigned borrow = 0;

	for (size_t i = size; i-- > 0;)
		borrow = (unsigned)(number[i] - bound[i] - (int)borrow) >> 31;
	return borrow;
}

static bool is_zero(const uint8_t *number, size_t size)
{
	unsigned any = 0;

	for (size_t i = 0; i < size; i++)
		any |= number[i];
	return any == 0;
}

/* From 1 to the order less 1. */
static bool is_scalar(enum ecc_curve curve, const uint8_t *number)
{
	size_t size = curves[curve].key;
	bool below = is_below(number, curves[curve].order, size);
	bool zero = is_zero(number, size);

	return below & !zero;
}

static void reverse(const uint8_t little[32], uint8_t ret_big[32])
{
	for (size_t i = 0; i < 32; i++)
		ret_big[i] = little[31 - i];
}

const char *ecc_key_fault(enum ecc_curve curve, const uint8_t *key)
{
	if (!ecc_is_prime_curve(curve) || is_scalar(curve, key))
		return NULL;
	return "the private key is 0, or not below the order of the curve";
}

/* RFC 8032, section 5.1.3: y below the prime, and no sign where x is 0, as for y of 1 and -1. */
static bool is_canonical(const uint8_t public[32])
{
	static const uint8_t one[32] = {[31] = 1};
	uint8_t y[32], minus_one[32];
	bool sign = public[31] & 0x80;

	reverse(public, y);
	y[0] &= 0x7f;
	memcpy(minus_one, prime_25519, sizeof(minus_one));
	minus_one[31]--;
	if (!is_below(y, prime_25519, sizeof(y)))
		return false;
	return !sign || (memcmp(y, one, sizeof(y)) != 0 && memcmp(y, minus_one, sizeof(y)) != 0);
}

const char *ecc_public_fault(enum ecc_curve curve, const uint8_t *public)
{
	if (curve == ECC_ED25519 && !is_canonical(public))
		return "the public key is not the canonical encoding of a point";
	return NULL;
}

static bool is_s_below_order(const uint8_t signature[64])
{
	uint8_t s[32];

	reverse(signature + 32, s);
	return is_below(s, order_25519, sizeof(s));
}

const char *ecc_signature_fault(enum ecc_curve curve, const uint8_t *signature)
{
	if (curve == ECC_ED25519)
		return is_s_below_order(signature)
			       ? NULL
			       : "S of the signature is not below the order of the group";
	if (is_scalar(curve, signature) && is_scalar(curve, signature + curves[curve].key))
		return NULL;
	return "r or s of the signature is 0, or not below the order of the curve";
}
