/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of `pluton-cli rsa` asks for. rsa.c parses it, rsa_key.c and rsa_data.c carry it out,
 * rsa_file.c reads and writes files of keys. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_RSA_H
#define PLUTON_CLI_RSA_H

#include <pluton/rsa.h>

#include "cli/session.h"

enum rsa_format {
	RSA_FORMAT_PEM = 0,
	RSA_FORMAT_DER,
};

/* NULL or 0: not given. */
struct rsa_job {
	struct session *session;
	const char *bits;
	const char *exponent;
	const char *key_slot;
	const char *key; /* paths; "-" is standard input or output */
	const char *signature;
	const char *in;
	const char *out;
	enum rsa_format format;
	const char *padding;
	const char *hash;
	const char *mgf_hash;
	const char *salt;
	const char *label_hex;
};

/* PEM or DER, PKCS #8 or PKCS #1, SubjectPublicKeyInfo. Who gets a private key wipes it. */
int rsa_file_read(const char *path, struct pluton_rsa_key *ret_key);

/* All parts of a private key one behind the other, n e d p q dP dQ qInv; returns their bytes. */
size_t rsa_file_parts(const struct pluton_rsa_key *key, unsigned char *ret_bytes);

/* PKCS #8, in a file that nobody else can read; or SubjectPublicKeyInfo. */
int rsa_file_write_private(const char *path, enum rsa_format format,
			   const struct pluton_rsa_key *key);
int rsa_file_write_public(const char *path, enum rsa_format format,
			  const struct pluton_rsa_key *key);

int rsa_key_generate(const struct rsa_job *job);
int rsa_key_public(const struct rsa_job *job);

int rsa_data_sign(const struct rsa_job *job);
int rsa_data_verify(const struct rsa_job *job);
int rsa_data_encrypt(const struct rsa_job *job);
int rsa_data_decrypt(const struct rsa_job *job);

#endif
