/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files through libcrypto. A private key is in three places here, and each wipes it: the file's
 * bytes (buffer), OpenSSL's own key, and the memory that it writes files to.
 */
#include "cli/ecc_file.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "cli/buffer.h"
#include "cli/failure.h"

#define FILE_MAX ((size_t)64 << 10) /* bytes of a key file that are looked at */
#define POINT_UNCOMPRESSED 0x04

static const struct {
	const char *type;
	const char *group; /* of type EC, as OpenSSL calls it */
} names[] = {
	[PLUTON_P256] = {"EC", "prime256v1"}, [PLUTON_P384] = {"EC", "secp384r1"},
	[PLUTON_P521] = {"EC", "secp521r1"},  [PLUTON_ED25519] = {"ED25519", NULL},
	[PLUTON_X25519] = {"X25519", NULL},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static bool is_prime(enum pluton_ecc_curve curve)
{
	return names[curve].group;
}

/* --- what is in a file ----------------------------------------------------------------------- */

/* 0: of none that we know. */
static enum pluton_ecc_curve curve_of(const EVP_PKEY *key)
{
	char group[32] = "";
	int spelled_out = 0;

	/* RFC 5480: the name of a curve, never its parameters, which may be other ones. */
	(void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				     &spelled_out);
	if (spelled_out)
		return (enum pluton_ecc_curve)0;
	(void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	for (size_t i = 1; i < NAMES; i++) {
		if (EVP_PKEY_is_a(key, names[i].type) &&
		    (!names[i].group || strcmp(names[i].group, group) == 0))
			return (enum pluton_ecc_curve)i;
	}
	return (enum pluton_ecc_curve)0;
}

static bool take_number(const EVP_PKEY *key, const char *name, unsigned char *ret, size_t size)
{
	BIGNUM *number = NULL;
	bool taken = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
		     BN_bn2binpad(number, ret, (int)size) == (int)size;

	BN_clear_free(number);
	return taken;
}

static bool take_private(const EVP_PKEY *key, struct pluton_ecc_private *ret)
{
	enum pluton_ecc_curve curve = curve_of(key);
	size_t size = pluton_ecc_key_size(curve);

	ret->curve = curve;
	if (curve == 0)
		return false;
	if (is_prime(curve))
		return take_number(key, OSSL_PKEY_PARAM_PRIV_KEY, ret->bytes, size);
	return EVP_PKEY_get_raw_private_key(key, ret->bytes, &size) == 1;
}

static bool take_public(const EVP_PKEY *key, struct pluton_ecc_public *ret)
{
	enum pluton_ecc_curve curve = curve_of(key);
	size_t size = pluton_ecc_public_size(curve), half = size / 2;

	ret->curve = curve;
	if (curve == 0)
		return false;
	if (!is_prime(curve))
		return EVP_PKEY_get_raw_public_key(key, ret->bytes, &size) == 1;
	return take_number(key, OSSL_PKEY_PARAM_EC_PUB_X, ret->bytes, half) &&
	       take_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, ret->bytes + half, half);
}

/* Or OpenSSL would ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static EVP_PKEY *parse_private(BIO *file)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);

	if (!key && BIO_reset(file) == 1)
		key = d2i_PrivateKey_bio(file, NULL);
	return key;
}

/* A private key stands for its public one. */
static EVP_PKEY *parse_public(BIO *file)
{
	EVP_PKEY *key = PEM_read_bio_PUBKEY(file, NULL, no_password, NULL);

	if (!key && BIO_reset(file) == 1)
		key = d2i_PUBKEY_bio(file, NULL);
	if (!key && BIO_reset(file) == 1)
		key = parse_private(file);
	return key;
}

/* Whose key libcrypto does not take, though it is an elliptic curve's: its decoders do not say why.
 */
static bool is_off_its_curve(BIO *file)
{
	X509_PUBKEY *parsed = NULL;
	ASN1_OBJECT *algorithm = NULL;
	bool is;

	if (file && BIO_reset(file) == 1)
		parsed = PEM_read_bio_X509_PUBKEY(file, NULL, no_password, NULL);
	if (!parsed && file && BIO_reset(file) == 1)
		parsed = d2i_X509_PUBKEY_bio(file, NULL);
	is = parsed && X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, parsed) == 1 &&
	     OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey;
	X509_PUBKEY_free(parsed);
	return is;
}

static bool holds(BIO *file, EVP_PKEY *(*parse)(BIO *file))
{
	EVP_PKEY *key = file && BIO_reset(file) == 1 ? parse(file) : NULL;

	EVP_PKEY_free(key);
	return key;
}

static int no_key(BIO *file, EVP_PKEY *(*parse)(BIO *file), const char *path, const char *what)
{
	if (parse == parse_private && holds(file, parse_public))
		return fail_pluton(-PLUTON_EINVAL,
				   "no private key, %s: the key is public, give the private one",
				   path);
	if (is_off_its_curve(file))
		return fail_pluton(-PLUTON_EINVAL,
				   "no %s key, %s: its point is not on its curve, or the curve is "
				   "none that has a name, do not use it",
				   what, path);
	return fail_pluton(-PLUTON_EINVAL,
			   "no %s key, %s: it is neither PEM nor DER of one without a password, "
			   "see `pluton-cli ecc --help'",
			   what, path);
}

/* NULL with *ret_status if the file could not be read, or no key is in it. */
static EVP_PKEY *read_key(const char *path, EVP_PKEY *(*parse)(BIO *file), const char *what,
			  int *ret_status)
{
	struct buffer buffer = {0};
	EVP_PKEY *key = NULL;
	BIO *file = NULL;
	bool fits = true;

	*ret_status = buffer_read_file(path, FILE_MAX, &buffer, &fits);
	if (*ret_status == CLI_DONE) {
		file = BIO_new_mem_buf(buffer.data, (int)(fits ? buffer.length : 0));
		key = file ? parse(file) : NULL;
		if (!key)
			*ret_status = no_key(file, parse, path, what);
	}
	ERR_clear_error();
	BIO_free(file);
	buffer_free(&buffer);
	return key;
}

static int other_curve(const char *path)
{
	return fail_pluton(-PLUTON_ENOSUPPORT,
			   "no key for this, %s: it is of another kind or curve, give one of "
			   "p256, p384, p521, ed25519 or x25519",
			   path);
}

int ecc_file_read_private(const char *path, struct pluton_ecc_private *ret)
{
	int status;
	EVP_PKEY *key = read_key(path, parse_private, "private", &status);

	if (key && !take_private(key, ret))
		status = other_curve(path);
	EVP_PKEY_free(key);
	return status;
}

int ecc_file_read_public(const char *path, struct pluton_ecc_public *ret)
{
	int status;
	EVP_PKEY *key = read_key(path, parse_public, "public", &status);

	if (key && !take_public(key, ret))
		status = other_curve(path);
	EVP_PKEY_free(key);
	return status;
}

/* --- into a file ----------------------------------------------------------------------------- */

static EVP_PKEY *from_parameters(int selection, OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (context && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, selection, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

/* OpenSSL takes numbers in the machine's order. `key` NULL: a public key alone. */
static EVP_PKEY *make_prime(const struct pluton_ecc_private *key,
			    const struct pluton_ecc_public *public)
{
	unsigned char point[1 + PLUTON_ECC_PUBLIC_MAX] = {POINT_UNCOMPRESSED};
	unsigned char number[PLUTON_ECC_KEY_MAX] = {0};
	size_t size = pluton_ecc_key_size(public->curve);
	size_t public_size = pluton_ecc_public_size(public->curve);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)names[public->curve].group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + public_size),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, size),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *made;

	memcpy(point + 1, public->bytes, public_size);
	for (size_t i = 0; key && i < size; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		number[i] = key->bytes[size - 1 - i];
#else
		number[i] = key->bytes[i];
#endif
	if (!key)
		parameters[2] = OSSL_PARAM_construct_end();
	made = from_parameters(key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters);
	explicit_bzero(number, sizeof(number));
	return made;
}

/* What was written, wiped behind it. */
static int give(BIO *file, bool written, unsigned char *ret_bytes, size_t *ret_length)
{
	char *bytes = NULL;
	long length = written ? BIO_get_mem_data(file, &bytes) : 0;

	if (length > 0 && (size_t)length <= ECC_FILE_MAX) {
		memcpy(ret_bytes, bytes, (size_t)length);
		*ret_length = (size_t)length;
	}
	BIO_free(file);
	ERR_clear_error();
	if (length > 0 && (size_t)length <= ECC_FILE_MAX)
		return CLI_DONE;
	return fail_pluton(-PLUTON_EFAIL, "cannot write the key, OpenSSL refuses it, report this");
}

int ecc_file_private(const struct pluton_ecc_private *key, const struct pluton_ecc_public *public,
		     bool pem, unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length)
{
	EVP_PKEY *made = is_prime(key->curve)
				 ? make_prime(key, public)
				 : EVP_PKEY_new_raw_private_key_ex(NULL, names[key->curve].type,
								   NULL, key->bytes,
								   pluton_ecc_key_size(key->curve));
	BIO *file = BIO_new(BIO_s_secmem());
	int done = 0;

	if (made && file && pem)
		done = PEM_write_bio_PKCS8PrivateKey(file, made, NULL, NULL, 0, NULL, NULL);
	else if (made && file)
		done = i2d_PKCS8PrivateKey_bio(file, made, NULL, NULL, 0, NULL, NULL);
	EVP_PKEY_free(made);
	return give(file, done == 1, ret_bytes, ret_length);
}

int ecc_file_public(const struct pluton_ecc_public *public, bool pem,
		    unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length)
{
	EVP_PKEY *made = is_prime(public->curve)
				 ? make_prime(NULL, public)
				 : EVP_PKEY_new_raw_public_key_ex(
					   NULL, names[public->curve].type, NULL, public->bytes,
					   pluton_ecc_public_size(public->curve));
	BIO *file = BIO_new(BIO_s_mem());
	int done = 0;

	if (made && file && pem)
		done = PEM_write_bio_PUBKEY(file, made);
	else if (made && file)
		done = i2d_PUBKEY_bio(file, made);
	EVP_PKEY_free(made);
	return give(file, done == 1, ret_bytes, ret_length);
}

/* --- signatures ------------------------------------------------------------------------------ */

bool ecc_file_to_der(enum pluton_ecc_curve curve, const unsigned char *signature,
		     unsigned char ret_bytes[ECC_FILE_MAX], size_t *ret_length)
{
	int size = (int)pluton_ecc_key_size(curve), length = 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, size, NULL), *s = BN_bin2bn(signature + size, size, NULL);

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		length = i2d_ECDSA_SIG(pair, &ret_bytes);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	*ret_length = length > 0 ? (size_t)length : 0;
	return length > 0;
}

/* Exactly one encoding for each signature: what does not come back the same is refused. */
bool ecc_file_from_der(enum pluton_ecc_curve curve, const unsigned char *der, size_t length,
		       unsigned char *ret_signature)
{
	int size = (int)pluton_ecc_key_size(curve);
	const unsigned char *at = der;
	unsigned char again[ECC_FILE_MAX];
	size_t again_length = 0;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);
	bool fits = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, size) == size &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + size, size) == size;

	ECDSA_SIG_free(pair);
	ERR_clear_error();
	return fits && ecc_file_to_der(curve, ret_signature, again, &again_length) &&
	       again_length == length && memcmp(again, der, length) == 0;
}
