/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM of one message, whole: nothing is written before the tag was checked. Encryption holds
 * to the limit of decryption, so that what it makes can be read again.
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

static int too_long(const struct aes_job *job, uint64_t limit)
{
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: its message is longer than aead_scratch, which is %" PRIu64
			   " bytes, raise it in plutond.conf, split the file, or use --mode ctr, "
			   "which does not notice changes",
			   aes_job_what(job), job->in, limit);
}

static int too_short(const struct aes_job *job, size_t length)
{
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: it has %zu bytes and its tag alone needs %d, take what "
			   "`aes encrypt --mode gcm' wrote",
			   aes_job_what(job), job->in, length, PLUTON_AES_TAG_SIZE);
}

/* Reads all of it, which may be `most` bytes; `limit` is what most came from. */
static int read_all(const struct aes_job *job, struct buffer *buffer, uint64_t most, uint64_t limit)
{
	struct input input = INPUT_NONE;
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

static struct pluton_aes_gcm_request request_of(const struct aes_job *job)
{
	return (struct pluton_aes_gcm_request){
		.key = job->key,
		.key_size = job->key_size,
		.iv = job->iv,
		.aad = job->aad,
		.aad_length = job->aad_length,
	};
}

static int encrypt(const struct aes_job *job, const struct buffer *in, struct buffer *out)
{
	struct pluton_aes_gcm_request request = request_of(job);
	int r, status = buffer_alloc(out, in->length + PLUTON_AES_TAG_SIZE, job->out);

	if (status != CLI_DONE)
		return status;
	request.input = in->bytes;
	request.output = out->bytes;
	request.length = in->length;
	request.tag = out->bytes + in->length;
	r = pluton_aes_gcm_encrypt(job->session->pluton, &request);
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
	struct pluton_aes_gcm_request request = request_of(job);
	int r, status;

	if (in->length < PLUTON_AES_TAG_SIZE)
		return too_short(job, in->length);
	request.length = in->length - PLUTON_AES_TAG_SIZE;
	status = buffer_alloc(out, request.length + 1, job->out);
	if (status != CLI_DONE)
		return status;
	request.input = in->bytes;
	request.output = out->bytes;
	request.tag = in->bytes + request.length;
	r = pluton_aes_gcm_decrypt(job->session->pluton, &request);
	out->length = request.length;
	return r < 0 ? decrypt_failed(job, r) : CLI_DONE;
}

int aes_gcm_run(const struct aes_job *job)
{
	bool encrypts = job->direction == PLUTON_AES_ENCRYPT;
	struct buffer in = {0}, out = {0};
	uint64_t limit = 0;
	int status = session_limit(job->session, "aead_scratch", &limit);

	if (status == CLI_DONE)
		status = read_all(job, &in, encrypts ? limit : limit + PLUTON_AES_TAG_SIZE, limit);
	if (status == CLI_DONE)
		status = encrypts ? encrypt(job, &in, &out) : decrypt(job, &in, &out);
	if (status == CLI_DONE)
		status = output_whole(job->out, out.bytes, out.length);
	buffer_wipe(&in);
	buffer_wipe(&out);
	return status;
}
