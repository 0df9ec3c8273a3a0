/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of RSA keys, as openssl(1) has them: libcrypto reads and writes them. Everything private is
 * overwritten: BIGNUMs are secure ones, which libcrypto clears on all its ways.
 */
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "cli/buffer.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/rsa.h"

#define FILE_MAX ((size_t)64 << 10) /* bytes: several times the largest key */

/* The numbers that are not the public exponent. */
static const struct number {
	const char *name;	       /* libcrypto's */
	size_t offset;		       /* in struct pluton_rsa_key */
	bool is_half;		       /* half as long as the modulus */
	enum pluton_rsa_key_kind kind; /* from which on keys have it */
} numbers[] = {
	{OSSL_PKEY_PARAM_RSA_N, offsetof(struct pluton_rsa_key, modulus), false, PLUTON_RSA_PUBLIC},
	{OSSL_PKEY_PARAM_RSA_D, offsetof(struct pluton_rsa_key, private_exponent), false,
	 PLUTON_RSA_PRIVATE},
	{OSSL_PKEY_PARAM_RSA_FACTOR1, offsetof(struct pluton_rsa_key, prime1), true,
	 PLUTON_RSA_CRT},
	{OSSL_PKEY_PARAM_RSA_FACTOR2, offsetof(struct pluton_rsa_key, prime2), true,
	 PLUTON_RSA_CRT},
	{OSSL_PKEY_PARAM_RSA_EXPONENT1, offsetof(struct pluton_rsa_key, exponent1), true,
	 PLUTON_RSA_CRT},
	{OSSL_PKEY_PARAM_RSA_EXPONENT2, offsetof(struct pluton_rsa_key, exponent2), true,
	 PLUTON_RSA_CRT},
	{OSSL_PKEY_PARAM_RSA_COEFFICIENT1, offsetof(struct pluton_rsa_key, coefficient), true,
	 PLUTON_RSA_CRT},
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int number_size(const struct number *number, const struct pluton_rsa_key *key)
{
	return (int)(number->is_half ? key->size / 2 : key->size);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int no_key(const char *path, const char *why)
{
	ERR_clear_error();
	return fail_pluton(PLUTON_EINVAL, "cannot use the key, %s: %s", path, why);
}

/* Without this libcrypto asks for the passphrase at the terminal. */
static int no_passphrase(char *buffer, int size, int writes, void *asked)
{
	(void)buffer;
	(void)size;
	(void)writes;
	*(bool *)asked = true;
	return -1;
}

static int decode(const char *path, const uint8_t *bytes, size_t length, EVP_PKEY **ret)
{
	OSSL_DECODER_CTX *context =
		OSSL_DECODER_CTX_new_for_pkey(ret, NULL, NULL, NULL, 0, NULL, NULL);
	bool asked = false;
	int status = CLI_DONE;

	if (!context || OSSL_DECODER_CTX_set_pem_password_cb(context, no_passphrase, &asked) != 1 ||
	    OSSL_DECODER_from_data(context, &bytes, &length) != 1)
		status =
			no_key(path, asked ? "it has a passphrase, take it away with `openssl pkey'"
					   : "it is neither PEM nor DER of a key");
	OSSL_DECODER_CTX_free(context);
	if (status == CLI_DONE && !EVP_PKEY_is_a(*ret, "RSA"))
		status = no_key(path, "it is a key, but not of RSA");
	return status;
}

static bool get_number(const EVP_PKEY *pkey, const struct number *number,
		       struct pluton_rsa_key *key)
{
	BIGNUM *value = BN_secure_new();
	bool fine =
		value && EVP_PKEY_get_bn_param(pkey, number->name, &value) == 1 &&
		BN_bn2binpad(value, (uint8_t *)key + number->offset, number_size(number, key)) >= 0;

	BN_clear_free(value);
	return fine;
}

static bool has(const EVP_PKEY *pkey, const char *name)
{
	BIGNUM *value = BN_secure_new();
	bool has_it = value && EVP_PKEY_get_bn_param(pkey, name, &value) == 1;

	BN_clear_free(value);
	ERR_clear_error();
	return has_it;
}

static enum pluton_rsa_key_kind kind_of(const EVP_PKEY *pkey)
{
	if (!has(pkey, OSSL_PKEY_PARAM_RSA_D))
		return PLUTON_RSA_PUBLIC;
	if (has(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3))
		return PLUTON_RSA_PRIVATE; /* three primes: the others are not enough */
	return has(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1) ? PLUTON_RSA_CRT : PLUTON_RSA_PRIVATE;
}

static bool get_exponent(const EVP_PKEY *pkey, uint64_t *ret)
{
	BIGNUM *value = NULL;
	bool fine = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &value) == 1 &&
		    BN_num_bits(value) <= 64;

	if (fine)
		*ret = BN_get_word(value);
	BN_free(value);
	return fine;
}

static int take_apart(const char *path, const EVP_PKEY *pkey, struct pluton_rsa_key *key)
{
	int bits = EVP_PKEY_get_bits(pkey);

	*key = (struct pluton_rsa_key){.kind = kind_of(pkey), .size = (size_t)bits / 8};
	if (bits % 1024 != 0 || bits == 0 || bits > PLUTON_RSA_SIZE_MAX * 8) {
		ERR_clear_error();
		return fail_pluton(PLUTON_ENOSUPPORT,
				   "cannot use the key, %s: it has %d bits, take one of 2048, 3072 "
				   "or 4096",
				   path, bits);
	}
	if (!get_exponent(pkey, &key->exponent))
		return no_key(path, "its public exponent has more than 64 bits");
	for (size_t i = 0; i < NUMBERS; i++) {
		if (numbers[i].kind <= key->kind && !get_number(pkey, &numbers[i], key))
			return no_key(path, "its numbers have odd sizes");
	}
	return CLI_DONE;
}

int rsa_file_read(const char *path, struct pluton_rsa_key *ret_key)
{
	struct buffer buffer = {0};
	EVP_PKEY *pkey = NULL;
	bool fits = true;
	int status = buffer_read_file(path, FILE_MAX, &buffer, &fits);

	if (status == CLI_DONE && !fits)
		status = no_key(path, "the file is far too long for one");
	if (status == CLI_DONE)
		status = decode(path, buffer.data, buffer.length, &pkey);
	buffer_free(&buffer);
	if (status == CLI_DONE)
		status = take_apart(path, pkey, ret_key);
	if (status != CLI_DONE)
		pluton_rsa_key_wipe(ret_key);
	EVP_PKEY_free(pkey);
	return status;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Secure: what is made of such a number is wiped, too. The builder keeps it until it is done. */
static bool push(OSSL_PARAM_BLD *builder, const struct number *number,
		 const struct pluton_rsa_key *key, BIGNUM **ret)
{
	*ret = BN_secure_new();
	return *ret &&
	       BN_bin2bn((const uint8_t *)key + number->offset, number_size(number, key), *ret) &&
	       OSSL_PARAM_BLD_push_BN(builder, number->name, *ret) == 1;
}

static OSSL_PARAM *make_params(const struct pluton_rsa_key *key)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *values[NUMBERS] = {NULL}, *exponent = BN_new();
	OSSL_PARAM *params = NULL;
	bool fine = builder && exponent && BN_set_word(exponent, key->exponent) == 1 &&
		    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;

	for (size_t i = 0; fine && i < NUMBERS; i++) {
		if (numbers[i].kind <= key->kind)
			fine = push(builder, &numbers[i], key, &values[i]);
	}
	if (fine)
		params = OSSL_PARAM_BLD_to_param(builder);
	for (size_t i = 0; i < NUMBERS; i++)
		BN_clear_free(values[i]);
	BN_free(exponent);
	OSSL_PARAM_BLD_free(builder);
	return params;
}

static EVP_PKEY *put_together(const struct pluton_rsa_key *key)
{
	int selection = key->kind == PLUTON_RSA_PUBLIC ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = make_params(key);
	EVP_PKEY *pkey = NULL;

	if (context && params && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &pkey, selection, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return pkey;
}

static bool encode(BIO *bio, const EVP_PKEY *pkey, enum rsa_format format, bool is_private)
{
	EVP_PKEY *key = (EVP_PKEY *)(uintptr_t)pkey; /* 3.0's prototypes forget const */

	if (!is_private)
		return format == RSA_FORMAT_PEM ? PEM_write_bio_PUBKEY(bio, key) == 1
						: i2d_PUBKEY_bio(bio, key) == 1;
	return format == RSA_FORMAT_PEM
		       ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
		       : i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
}

static int write_key(struct output *output, enum rsa_format format,
		     const struct pluton_rsa_key *key, bool is_private)
{
	EVP_PKEY *pkey = put_together(key);
	BIO *bio = BIO_new(BIO_s_secmem());
	char *bytes = NULL;
	int status;

	if (pkey && bio && encode(bio, pkey, format, is_private)) {
		long length = BIO_get_mem_data(bio, &bytes);

		status = output_write(output, bytes, (size_t)length);
	} else {
		status = no_key(output->name, "libcrypto cannot write it");
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return status == CLI_DONE ? output_commit(output) : status;
}

int rsa_file_write_private(const char *path, enum rsa_format format,
			   const struct pluton_rsa_key *key)
{
	struct output output = OUTPUT_NONE;
	int status = output_open_secret(&output, path);

	if (status == CLI_DONE)
		status = write_key(&output, format, key, true);
	output_close(&output);
	return status;
}

int rsa_file_write_public(const char *path, enum rsa_format format,
			  const struct pluton_rsa_key *key)
{
	struct pluton_rsa_key public = {
		.kind = PLUTON_RSA_PUBLIC, .size = key->size, .exponent = key->exponent};
	struct output output = OUTPUT_NONE;
	int status = output_open(&output, path);

	memcpy(public.modulus, key->modulus, key->size);
	if (status == CLI_DONE)
		status = write_key(&output, format, &public, false);
	output_close(&output);
	return status;
}
