/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM and CCM of one message, whole: nothing is written before the tag was checked. Encryption
 * holds to the limit of decryption, so that what it makes can be read again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/aes.h"
#include "cli/failure.h"
#include "cli/input.h"
#include "cli/output.h"

/* One of the two may be secret; both are wiped. */
struct buffer {
	uint8_t *bytes;
	size_t capacity;
	size_t length;
};

static int buffer_alloc(struct buffer *buffer, size_t capacity, const char *name)
{
	buffer->bytes = malloc(capacity);
	buffer->capacity = buffer->bytes ? capacity : 0;
	return buffer->bytes ? CLI_DONE : fail_system(ENOMEM, "no memory, for %s, free some", name);
}

static void buffer_wipe(struct buffer *buffer)
{
	if (buffer->bytes)
		explicit_bzero(buffer->bytes, buffer->length);
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

/* How long a message can be, and why no longer. */
struct limit {
	uint64_t bytes;
	bool is_nonces; /* CCM's, else the daemon's aead_scratch */
};

static int find_limit(const struct aes_job *job, struct limit *limit)
{
	size_t bits = 8 * (15 - job->iv_size);
	int status = session_limit(job->session, "aead_scratch", &limit->bytes);

	limit->is_nonces =
		job->mode == PLUTON_AES_CCM && bits < 64 && limit->bytes >= UINT64_C(1) << bits;
	if (limit->is_nonces)
		limit->bytes = (UINT64_C(1) << bits) - 1;
	return status;
}

static int too_long(const struct aes_job *job, const struct limit *limit)
{
	if (limit->is_nonces)
		return fail_pluton(PLUTON_ESIZE,
				   "%s, %s: its message is longer than %" PRIu64
				   " bytes, which is all that CCM takes with an iv of %zu, use a "
				   "shorter one",
				   aes_job_what(job), job->in, limit->bytes, job->iv_size);
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: its message is longer than aead_scratch, which is %" PRIu64
			   " bytes, raise it in plutond.conf, or encrypt with --mode gcm-stream, "
			   "which takes files of any size",
			   aes_job_what(job), job->in, limit->bytes);
}

/* Bytes that a message is longer by when it is encrypted. */
static size_t iv_ahead(const struct aes_job *job)
{
	return job->iv_ahead ? job->iv_size : 0;
}

static size_t overhead(const struct aes_job *job)
{
	return iv_ahead(job) + job->tag_size;
}

static int too_short(const struct aes_job *job, size_t length)
{
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: it has %zu bytes and its %s %zu, take what `aes encrypt' "
			   "wrote in the same mode%s",
			   aes_job_what(job), job->in, length,
			   job->iv_ahead ? "iv and tag alone need" : "tag alone needs",
			   overhead(job), job->iv_ahead ? " without --iv-hex" : "");
}

/* Reads all of it: a message, and `more` bytes behind it. */
static int read_all(const struct aes_job *job, struct buffer *buffer, const struct limit *limit,
		    size_t more)
{
	struct input input = INPUT_NONE;
	uint64_t most = limit->bytes + more;
	int status = input_open(&input, job->in);

	if (status == CLI_DONE && (input.size > most || most >= SIZE_MAX))
		status = too_long(job, limit);
	if (status == CLI_DONE)
		status = buffer_alloc(buffer, (size_t)most + 1, job->in);
	if (status == CLI_DONE)
		status = input_read(&input, buffer->bytes, buffer->capacity, &buffer->length);
	if (status == CLI_DONE && buffer->length > most)
		status = too_long(job, limit);
	input_close(&input);
	return status;
}

/* Where the parts of a message are. */
struct message {
	const uint8_t *iv; /* NULL: to be made, for made_iv */
	uint8_t *made_iv;
	const uint8_t *in;
	uint8_t *out;
	size_t length;
	uint8_t *tag;
};

static int gcm(const struct aes_job *job, const struct message *message)
{
	struct pluton *pluton = job->session->pluton;
	const struct pluton_aes_gcm_request request = {
		.key = job->key.slot ? NULL : job->key.bytes,
		.key_slot = job->key.slot,
		.key_size = job->key.size,
		.iv = message->iv,
		.aad = job->aad,
		.aad_length = job->aad_length,
		.input = message->in,
		.output = message->out,
		.length = message->length,
		.tag = message->tag,
	};

	if (message->made_iv)
		return pluton_aes_gcm_encrypt_fresh(pluton, &request, message->made_iv);
	if (job->direction == PLUTON_AES_ENCRYPT)
		return pluton_aes_gcm_encrypt(pluton, &request);
	return pluton_aes_gcm_decrypt(pluton, &request);
}

static int ccm(const struct aes_job *job, const struct message *message)
{
	const struct pluton_aes_ccm_request request = {
		.key = job->key.slot ? NULL : job->key.bytes,
		.key_slot = job->key.slot,
		.key_size = job->key.size,
		.nonce = message->iv,
		.nonce_size = job->iv_size,
		.aad = job->aad,
		.aad_length = job->aad_length,
		.input = message->in,
		.output = message->out,
		.length = message->length,
		.tag = message->tag,
		.tag_size = job->tag_size,
	};

	if (job->direction == PLUTON_AES_ENCRYPT)
		return pluton_aes_ccm_encrypt(job->session->pluton, &request);
	return pluton_aes_ccm_decrypt(job->session->pluton, &request);
}

static int perform(const struct aes_job *job, const struct message *message)
{
	return job->mode == PLUTON_AES_CCM ? ccm(job, message) : gcm(job, message);
}

static int encrypt(const struct aes_job *job, const struct buffer *in, struct buffer *out)
{
	size_t ahead = iv_ahead(job);
	struct message message = {
		.iv = ahead ? NULL : job->iv, .in = in->bytes, .length = in->length};
	int r, status = buffer_alloc(out, in->length + overhead(job), job->out);

	if (status != CLI_DONE)
		return status;
	message.made_iv = ahead ? out->bytes : NULL;
	message.out = out->bytes + ahead;
	message.tag = message.out + in->length;
	r = perform(job, &message);
	out->length = out->capacity;
	return r < 0 ? session_failed(job->session, r, aes_job_what(job), job->in) : CLI_DONE;
}

/* The daemon's refusals have other sentences. */
static bool is_about_tag(const struct aes_job *job, int error)
{
	return error == -PLUTON_EINVAL &&
	       strstr(pluton_error_message(job->session->pluton), "tag does not match");
}

static int decrypt_failed(const struct aes_job *job, int error)
{
	if (!is_about_tag(job, error))
		return session_failed(job->session, error, aes_job_what(job), job->in);
	return fail_pluton(error,
			   "%s, %s: its tag does not match, so it was changed, or key, iv or "
			   "additional data are others, check them%s; nothing was written",
			   aes_job_what(job), job->in,
			   job->iv_ahead ? " and whether it was encrypted with --iv-hex" : "");
}

static int decrypt(const struct aes_job *job, const struct buffer *in, struct buffer *out)
{
	size_t ahead = iv_ahead(job), length = in->length - overhead(job);
	struct message message = {.iv = ahead ? in->bytes : job->iv, .in = in->bytes + ahead};
	int r, status;

	if (in->length < overhead(job))
		return too_short(job, in->length);
	status = buffer_alloc(out, length + 1, job->out);
	if (status != CLI_DONE)
		return status;
	message.out = out->bytes;
	message.length = length;
	message.tag = in->bytes + ahead + length;
	r = perform(job, &message);
	out->length = length;
	return r < 0 ? decrypt_failed(job, r) : CLI_DONE;
}

int aes_aead_run(const struct aes_job *job)
{
	bool encrypts = job->direction == PLUTON_AES_ENCRYPT;
	struct buffer in = {0}, out = {0};
	struct limit limit = {0};
	int status = find_limit(job, &limit);

	if (status == CLI_DONE)
		status = read_all(job, &in, &limit, encrypts ? 0 : overhead(job));
	if (status == CLI_DONE)
		status = encrypts ? encrypt(job, &in, &out) : decrypt(job, &in, &out);
	if (status == CLI_DONE)
		status = output_whole(job->out, out.bytes, out.length);
	buffer_wipe(&in);
	buffer_wipe(&out);
	return status;
}
