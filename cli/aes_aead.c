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

static int too_short(const struct aes_job *job, size_t length)
{
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: it has %zu bytes and its tag alone needs %zu, take what "
			   "`aes encrypt' wrote in the same mode",
			   aes_job_what(job), job->in, length, job->tag_size);
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

static int gcm(const struct aes_job *job, const uint8_t *in, uint8_t *out, size_t length,
	       uint8_t *tag)
{
	const struct pluton_aes_gcm_request request = {
		.key = job->key.slot ? NULL : job->key.bytes,
		.key_slot = job->key.slot,
		.key_size = job->key.size,
		.iv = job->iv,
		.aad = job->aad,
		.aad_length = job->aad_length,
		.input = in,
		.output = out,
		.length = length,
		.tag = tag,
	};

	if (job->direction == PLUTON_AES_ENCRYPT)
		return pluton_aes_gcm_encrypt(job->session->pluton, &request);
	return pluton_aes_gcm_decrypt(job->session->pluton, &request);
}

static int ccm(const struct aes_job *job, const uint8_t *in, uint8_t *out, size_t length,
	       uint8_t *tag)
{
	const struct pluton_aes_ccm_request request = {
		.key = job->key.slot ? NULL : job->key.bytes,
		.key_slot = job->key.slot,
		.key_size = job->key.size,
		.nonce = job->iv,
		.nonce_size = job->iv_size,
		.aad = job->aad,
		.aad_length = job->aad_length,
		.input = in,
		.output = out,
		.length = length,
		.tag = tag,
		.tag_size = job->tag_size,
	};

	if (job->direction == PLUTON_AES_ENCRYPT)
		return pluton_aes_ccm_encrypt(job->session->pluton, &request);
	return pluton_aes_ccm_decrypt(job->session->pluton, &request);
}

static int perform(const struct aes_job *job, const uint8_t *in, uint8_t *out, size_t length,
		   uint8_t *tag)
{
	return job->mode == PLUTON_AES_CCM ? ccm(job, in, out, length, tag)
					   : gcm(job, in, out, length, tag);
}

static int encrypt(const struct aes_job *job, const struct buffer *in, struct buffer *out)
{
	int r, status = buffer_alloc(out, in->length + job->tag_size, job->out);

	if (status != CLI_DONE)
		return status;
	r = perform(job, in->bytes, out->bytes, in->length, out->bytes + in->length);
	out->length = out->capacity;
	return r < 0 ? session_failed(job->session, r, aes_job_what(job), job->in) : CLI_DONE;
}

static int decrypt_failed(const struct aes_job *job, int error)
{
	if (error != -PLUTON_EINVAL)
		return session_failed(job->session, error, aes_job_what(job), job->in);
	return fail_pluton(error,
			   "%s, %s: its tag does not match, so it was changed, or key, iv or "
			   "additional data are others, check them; nothing was written",
			   aes_job_what(job), job->in);
}

static int decrypt(const struct aes_job *job, const struct buffer *in, struct buffer *out)
{
	size_t length = in->length - job->tag_size;
	int r, status;

	if (in->length < job->tag_size)
		return too_short(job, in->length);
	status = buffer_alloc(out, length + 1, job->out);
	if (status != CLI_DONE)
		return status;
	r = perform(job, in->bytes, out->bytes, length, in->bytes + length);
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
		status = read_all(job, &in, &limit, encrypts ? 0 : job->tag_size);
	if (status == CLI_DONE)
		status = encrypts ? encrypt(job, &in, &out) : decrypt(job, &in, &out);
	if (status == CLI_DONE)
		status = output_whole(job->out, out.bytes, out.length);
	buffer_wipe(&in);
	buffer_wipe(&out);
	return status;
}
