/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli rsa sign|verify|encrypt|decrypt. What is signed is hashed by the daemon, so that a
 * file may have any size.
 */
#include <pluton/hwkey.h>
#include <stdio.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/hash.h"
#include "cli/hex.h"
#include "cli/input.h"
#include "cli/key.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/rsa.h"
#include "cli/words.h"

/* --- paddings --------------------------------------------------------------------------------- */

#define HASH_DEFAULT "sha256"

static int parse_hash(const char *name, enum pluton_digest_algorithm *ret)
{
	*ret = pluton_digest_by_name(name);
	return *ret ? CLI_DONE
		    : fail_usage("no such hash, %s, see `pluton-cli hash --help' for those there "
				 "are",
				 name);
}

static int parse_padding(const char *name, bool ciphers, enum pluton_rsa_padding *ret)
{
	const char *other = ciphers ? "oaep" : "pss";

	if (strcmp(name, "pkcs1") != 0 && strcmp(name, other) != 0)
		return fail_usage("no such padding, %s, use %s or pkcs1", name, other);
	*ret = strcmp(name, "pkcs1") == 0 ? PLUTON_RSA_PKCS1
	       : ciphers		  ? PLUTON_RSA_OAEP
					  : PLUTON_RSA_PSS;
	return CLI_DONE;
}

static int parse_salt(const char *text, int *ret)
{
	uint32_t number;
	int status;

	if (strcmp(text, "digest") == 0 || strcmp(text, "any") == 0) {
		*ret = *text == 'd' ? PLUTON_RSA_SALT_DIGEST : PLUTON_RSA_SALT_ANY;
		return CLI_DONE;
	}
	status = words_number(text, "--salt", PLUTON_RSA_SIZE_MAX, &number);
	if (status == CLI_DONE)
		*ret = number ? (int)number : PLUTON_RSA_SALT_NONE;
	return status;
}

/* What of the padding's words does not go together. */
static int check_padding(const struct rsa_job *job, const struct pluton_rsa_request *request,
			 bool ciphers)
{
	if (ciphers && request->padding == PLUTON_RSA_PKCS1 &&
	    (job->hash || job->mgf_hash || job->label_hex))
		return fail_usage("--hash, --mgf-hash or --label-hex with pkcs1, which has none, "
				  "leave them out or use oaep");
	if (!ciphers && request->padding == PLUTON_RSA_PKCS1 && (job->mgf_hash || job->salt))
		return fail_usage("--mgf-hash or --salt with pkcs1, which has none, leave them out "
				  "or use pss");
	return CLI_DONE;
}

static int describe(const struct rsa_job *job, bool ciphers, struct pluton_rsa_request *request)
{
	const char *hash = job->hash ? job->hash : HASH_DEFAULT;
	int status = parse_padding(job->padding, ciphers, &request->padding);

	if (status == CLI_DONE)
		status = check_padding(job, request, ciphers);
	if (status == CLI_DONE && !(ciphers && request->padding == PLUTON_RSA_PKCS1))
		status = parse_hash(hash, &request->hash);
	if (status == CLI_DONE && job->mgf_hash)
		status = parse_hash(job->mgf_hash, &request->mgf_hash);
	if (status == CLI_DONE && job->salt)
		status = parse_salt(job->salt, &request->salt);
	return status;
}

/* --- files ------------------------------------------------------------------------------------ */

/* A whole short file; more than `size` bytes are refused as `what`. */
static int read_short(const char *path, const char *what, size_t size, uint8_t *bytes,
		      size_t *ret_length)
{
	uint8_t buffer[PLUTON_RSA_SIZE_MAX + 1];
	struct input input = INPUT_NONE;
	int status = input_open(&input, path);

	if (status == CLI_DONE)
		status = input_read(&input, buffer, sizeof(buffer), ret_length);
	input_close(&input);
	if (status == CLI_DONE && *ret_length > size)
		status = fail_pluton(PLUTON_ESIZE,
				     "%s is too long, %s: more than the %zu bytes of "
				     "the key's modulus",
				     what, path, size);
	if (status == CLI_DONE)
		memcpy(bytes, buffer, *ret_length);
	explicit_bzero(buffer, sizeof(buffer));
	return status;
}

static int print_json(const struct rsa_job *job, bool verified)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "padding", json_text(job->padding));
		json_object_object_add(object, "in", json_text(job->in));
		if (verified)
			json_object_object_add(object, "verified", json_object_new_boolean(1));
		else
			json_object_object_add(object, "out", json_text(job->out));
	}
	return json_print(object);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* The key's file, or which slot it is in. */
static int take_key(const struct rsa_job *job, struct pluton_rsa_key *key,
		    struct pluton_rsa_request *request)
{
	struct key slot = {.slot = 0};
	int status;

	if (!job->key_slot) {
		request->key = key;
		return rsa_file_read(job->key, key);
	}
	status = key_take_slot(job->key_slot, &slot);
	request->key_slot = slot.slot;
	return status;
}

/* Bytes of a slot's modulus, in a session. */
static int find_size(const struct rsa_job *job, struct pluton_rsa_request *request)
{
	struct pluton_hwkey_row row;
	int status;

	if (!request->key_slot)
		return CLI_DONE;
	status = key_slot_row(job->session, request->key_slot, job->key_slot, &row);
	if (status != CLI_DONE)
		return status;
	if (row.type < PLUTON_HWKEY_RSA2048 || row.type > PLUTON_HWKEY_RSA4096)
		return fail_pluton(-PLUTON_EINVAL,
				   "no RSA key in slot, %s: it holds another, see `pluton-cli key "
				   "list'",
				   job->key_slot);
	request->output_size = 256 + 128 * (row.type - PLUTON_HWKEY_RSA2048);
	return CLI_DONE;
}

/* --- signatures ------------------------------------------------------------------------------- */

/* Key and padding, the connection, and the digest of --in. */
static int prepare_signature(const struct rsa_job *job, struct pluton_rsa_key *key, uint8_t *digest,
			     struct pluton_rsa_request *request)
{
	int status = describe(job, false, request);

	if (status == CLI_DONE)
		status = take_key(job, key, request);
	if (status == CLI_DONE)
		status = session_open(job->session);
	if (status == CLI_DONE)
		status = find_size(job, request);
	if (status == CLI_DONE)
		status = hash_file(job->session, job->hash ? job->hash : HASH_DEFAULT, job->in,
				   digest);
	request->input = digest;
	request->length = pluton_digest_size(request->hash);
	return status;
}

int rsa_data_sign(const struct rsa_job *job)
{
	uint8_t digest[PLUTON_DIGEST_SIZE_MAX], signature[PLUTON_RSA_SIZE_MAX];
	struct pluton_rsa_request request = {.output = signature, .output_size = sizeof(signature)};
	struct pluton_rsa_key key = {0};
	int status = prepare_signature(job, &key, digest, &request);

	if (status == CLI_DONE) {
		int r = pluton_rsa_sign(job->session->pluton, &request);

		if (r < 0)
			status = session_failed(job->session, r, "cannot sign", job->in);
	}
	if (status == CLI_DONE)
		status = output_whole(job->out, signature,
				      request.key_slot ? request.output_size : key.size);
	if (status == CLI_DONE && job->session->json)
		status = print_json(job, false);
	pluton_rsa_key_wipe(&key);
	return status;
}

int rsa_data_verify(const struct rsa_job *job)
{
	uint8_t digest[PLUTON_DIGEST_SIZE_MAX], signature[PLUTON_RSA_SIZE_MAX];
	struct pluton_rsa_request request = {.signature = signature};
	struct pluton_rsa_key key = {0};
	int status = prepare_signature(job, &key, digest, &request);

	if (status == CLI_DONE)
		status = read_short(job->signature, "the signature", key.size, signature,
				    &request.signature_size);
	if (status == CLI_DONE) {
		int r = pluton_rsa_verify(job->session->pluton, &request);

		if (r < 0)
			status = session_failed(job->session, r, "not verified", job->in);
	}
	pluton_rsa_key_wipe(&key);
	if (status != CLI_DONE)
		return status;
	if (job->session->json)
		return print_json(job, true);
	puts("verified");
	return CLI_DONE;
}

/* --- ciphers ---------------------------------------------------------------------------------- */

struct cipher {
	struct pluton_rsa_request request;
	struct pluton_rsa_key key;
	uint8_t label[PLUTON_RSA_LABEL_MAX];
	uint8_t input[PLUTON_RSA_SIZE_MAX];
	uint8_t output[PLUTON_RSA_SIZE_MAX];
};

static int take_label(const char *text, struct cipher *cipher)
{
	size_t digits = strlen(text);

	if (digits % 2 != 0 || digits / 2 > sizeof(cipher->label))
		return fail_usage(
			"--label-hex has a wrong length, %zu digits, give two for each of "
			"at most %d bytes",
			digits, PLUTON_RSA_LABEL_MAX);
	if (!hex_decode(text, digits / 2, cipher->label))
		return fail_usage("--label-hex is not hexadecimal, %s, use 0 to 9 and a to f",
				  text);
	cipher->request.label = cipher->label;
	cipher->request.label_length = digits / 2;
	return CLI_DONE;
}

static int prepare_cipher(const struct rsa_job *job, struct cipher *cipher)
{
	struct pluton_rsa_request *request = &cipher->request;
	int status = describe(job, true, request);

	request->input = cipher->input;
	request->output = cipher->output;
	request->output_size = sizeof(cipher->output);
	if (status == CLI_DONE && job->label_hex)
		status = take_label(job->label_hex, cipher);
	if (status == CLI_DONE)
		status = take_key(job, &cipher->key, request);
	if (status == CLI_DONE)
		status = read_short(job->in, "the message",
				    request->key ? cipher->key.size : PLUTON_RSA_SIZE_MAX,
				    cipher->input, &request->length);
	return status == CLI_DONE ? session_open(job->session) : status;
}

static int crypt_job(const struct rsa_job *job, const char *what,
		     int (*perform)(struct pluton *pluton, const struct pluton_rsa_request *request,
				    size_t *ret_length))
{
	struct cipher cipher = {0};
	size_t length = 0;
	int status = prepare_cipher(job, &cipher);

	if (status == CLI_DONE) {
		int r = perform(job->session->pluton, &cipher.request, &length);

		if (r < 0)
			status = session_failed(job->session, r, what, job->in);
	}
	if (status == CLI_DONE)
		status = output_whole(job->out, cipher.output, length);
	if (status == CLI_DONE && job->session->json)
		status = print_json(job, false);
	explicit_bzero(&cipher, sizeof(cipher));
	return status;
}

static int perform_encryption(struct pluton *pluton, const struct pluton_rsa_request *request,
			      size_t *ret_length)
{
	*ret_length = request->key->size;
	return pluton_rsa_encrypt(pluton, request);
}

int rsa_data_encrypt(const struct rsa_job *job)
{
	return crypt_job(job, "cannot encrypt", perform_encryption);
}

int rsa_data_decrypt(const struct rsa_job *job)
{
	return crypt_job(job, "cannot decrypt", pluton_rsa_decrypt);
}
