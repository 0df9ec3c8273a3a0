/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD: an OpenSSL that computes wrongly what the file named by PLUTON_TEST_FAULTS has
 * the words for, as long as it has them: random sha256 gcm wrap kbkdf cmac ed25519 agree sign rsa.
 */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>

static int is_faulty(const char *word)
{
	const char *path = getenv("PLUTON_TEST_FAULTS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char words[256];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, words, sizeof(words) - 1);
	close(fd);
	words[n > 0 ? n : 0] = '\0';
	return strstr(words, word) != NULL;
}

/* What OpenSSL asks of itself stays right, or one fault would be many. */
static int is_own(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libcrypto");
}

#define IS_FAULTY(word) (!is_own(__builtin_return_address(0)) && is_faulty(word))
#define TRUE_ONE(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int SHA256_Final(unsigned char *digest, SHA256_CTX *context)
{
	int r = TRUE_ONE(SHA256_Final)(digest, context);

	if (context->md_len == SHA256_DIGEST_LENGTH && IS_FAULTY("sha256"))
		digest[0] ^= 1;
	return r;
}

/* EVP_CipherUpdate may go on as the other one, of which dladdr knows nothing. */
static _Thread_local int inside;

/* GCM's calls with an output give data. */
int EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *ret_length,
		     const unsigned char *in, int length)
{
	int r;
	const char *name = EVP_CIPHER_get0_name(EVP_CIPHER_CTX_get0_cipher(context));

	inside++;
	r = TRUE_ONE(EVP_CipherUpdate)(context, out, ret_length, in, length);
	inside--;
	if (out && *ret_length > 0 && strstr(name, "GCM") && IS_FAULTY("gcm"))
		out[0] ^= 1;
	if (out && *ret_length > 0 && strcasestr(name, "wrap") && IS_FAULTY("wrap"))
		out[0] ^= 1;
	return r;
}

int EVP_KDF_derive(EVP_KDF_CTX *context, unsigned char *key, size_t length,
		   const OSSL_PARAM params[])
{
	int r = TRUE_ONE(EVP_KDF_derive)(context, key, length, params);

	if (IS_FAULTY("kbkdf"))
		key[length - 1] ^= 1;
	return r;
}

int EVP_EncryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *ret_length,
		      const unsigned char *in, int length)
{
	int r = TRUE_ONE(EVP_EncryptUpdate)(context, out, ret_length, in, length);

	if (!inside && out && *ret_length > 0 && IS_FAULTY("cmac"))
		out[*ret_length - 1] ^= 1;
	return r;
}

int EVP_DigestSign(EVP_MD_CTX *context, unsigned char *signature, size_t *ret_length,
		   const unsigned char *message, size_t length)
{
	int r = TRUE_ONE(EVP_DigestSign)(context, signature, ret_length, message, length);

	if (signature && IS_FAULTY("ed25519"))
		signature[3] ^= 1;
	return r;
}

int EVP_PKEY_derive(EVP_PKEY_CTX *context, unsigned char *secret, size_t *ret_length)
{
	int r = TRUE_ONE(EVP_PKEY_derive)(context, secret, ret_length);

	if (secret && IS_FAULTY("agree"))
		secret[3] ^= 1;
	return r;
}

int EVP_PKEY_encrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *ret_length,
		     const unsigned char *in, size_t length)
{
	int r = TRUE_ONE(EVP_PKEY_encrypt)(context, out, ret_length, in, length);

	if (out && IS_FAULTY("rsa"))
		out[*ret_length - 1] ^= 1;
	return r;
}

int EVP_PKEY_sign(EVP_PKEY_CTX *context, unsigned char *signature, size_t *ret_length,
		  const unsigned char *digest, size_t length)
{
	int r = TRUE_ONE(EVP_PKEY_sign)(context, signature, ret_length, digest, length);

	if (signature && IS_FAULTY("sign"))
		signature[*ret_length - 1] ^= 1;
	return r;
}

/* A generator that is stuck. */
int RAND_bytes(unsigned char *buf, int length)
{
	int r = TRUE_ONE(RAND_bytes)(buf, length);

	if (IS_FAULTY("random"))
		memset(buf, 0x5a, (size_t)length);
	return r;
}
