/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tink's AES-GCM-HKDF Streaming of a file of any size, a few segments at a time. What is written
 * was verified; the file itself appears only when its last segment was there and nothing behind
 * it. That a segment is the last shows when there is nothing more to read: so one is read ahead.
 */
#include <inttypes.h>
#include <pluton/aes_gcm_stream.h>
#include <string.h>

#include "cli/aes.h"
#include "cli/failure.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/progress.h"

#define TAG_SIZE PLUTON_AES_TAG_SIZE
#define AT_ONCE_MIN 2u /* one is read while the other is worked on */
#define AT_ONCE_MAX 8u
#define BYTES_AT_ONCE ((size_t)4 << 20)

struct segment {
	void *in;
	void *out;
	size_t length;	/* bytes in `in` */
	uint64_t index; /* in the file */
	bool started;
	bool running;
	int result;
};

struct transfer {
	const struct aes_job *job;
	struct input input;
	struct output output;
	struct pluton_aes_gcm_stream stream;
	struct segment segments[AT_ONCE_MAX];
	unsigned at_once;
	uint8_t *together; /* the memory of all of them; NULL: each has its own */
	size_t header_size;
	bool waits; /* segments are longer than the daemon's aead_scratch: one after the other */
	bool ended; /* the input */
	uint64_t count;
	uint64_t read; /* bytes */
};

static bool encrypts(const struct transfer *transfer)
{
	return transfer->job->direction == PLUTON_AES_ENCRYPT;
}

static int failed(const struct transfer *transfer, int error)
{
	return session_failed(transfer->job->session, error, aes_job_what(transfer->job),
			      transfer->job->in);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void free_segments(struct transfer *transfer)
{
	struct pluton *pluton = transfer->job->session->pluton;

	for (unsigned i = 0; i < AT_ONCE_MAX; i++) {
		if (!transfer->together) {
			pluton_free(pluton, transfer->segments[i].in);
			pluton_free(pluton, transfer->segments[i].out);
		}
		transfer->segments[i] = (struct segment){0};
	}
	pluton_free(pluton, transfer->together);
	transfer->together = NULL;
}

/* All in one window: there may be no other. */
static int alloc_together(struct transfer *transfer, unsigned count)
{
	struct pluton *pluton = transfer->job->session->pluton;
	size_t size = transfer->job->segment_size;

	transfer->together = pluton_alloc(pluton, 2 * count * size);
	if (!transfer->together)
		return pluton_alloc_error(pluton);
	for (unsigned i = 0; i < count; i++) {
		transfer->segments[i].in = transfer->together + 2 * i * size;
		transfer->segments[i].out = transfer->together + (2 * i + 1) * size;
	}
	transfer->at_once = count;
	return 0;
}

/* In small windows: there may be no larger ones. */
static int alloc_apart(struct transfer *transfer)
{
	struct pluton *pluton = transfer->job->session->pluton;

	for (unsigned i = 0; i < AT_ONCE_MIN; i++) {
		struct segment *segment = &transfer->segments[i];

		segment->in = pluton_alloc(pluton, transfer->job->segment_size);
		if (segment->in)
			segment->out = pluton_alloc(pluton, transfer->job->segment_size);
		if (!segment->out) {
			int r = pluton_alloc_error(pluton);

			free_segments(transfer);
			return r;
		}
	}
	transfer->at_once = AT_ONCE_MIN;
	return 0;
}

static int find_room(struct transfer *transfer)
{
	size_t count = BYTES_AT_ONCE / transfer->job->segment_size;
	int r;

	count = count > AT_ONCE_MAX ? AT_ONCE_MAX : count < AT_ONCE_MIN ? AT_ONCE_MIN : count;
	r = alloc_together(transfer, (unsigned)count);
	if (r < 0)
		r = alloc_together(transfer, AT_ONCE_MIN);
	if (r < 0)
		r = alloc_apart(transfer);
	if (r == 0)
		return CLI_DONE;
	return session_failed(transfer->job->session, r,
			      "no shared memory for the segments, which are smaller by "
			      "--segment-size",
			      transfer->job->in);
}

/* --- the header ------------------------------------------------------------------------------- */

static struct pluton_aes_gcm_stream_request request_of(const struct aes_job *job)
{
	return (struct pluton_aes_gcm_stream_request){
		.key = job->key.bytes,
		.key_size = job->key.size,
		.derived_key_size = job->key.size,
		.hash = job->hash,
		.segment_size = job->segment_size,
		.aad = job->aad,
		.aad_length = job->aad_length,
	};
}

static int write_header(struct transfer *transfer)
{
	const struct pluton_aes_gcm_stream_request request = request_of(transfer->job);
	uint8_t header[PLUTON_AES_GCM_STREAM_HEADER_MAX];
	int r = pluton_aes_gcm_stream_encrypt_begin(transfer->job->session->pluton, &request,
						    header, &transfer->stream);

	if (r < 0)
		return failed(transfer, r);
	transfer->header_size = pluton_aes_gcm_stream_header_size(request.derived_key_size);
	return output_write(&transfer->output, header, transfer->header_size);
}

static int cut(const struct transfer *transfer)
{
	return fail_pluton(PLUTON_ESIZE,
			   "%s, %s: it ends too early, %" PRIu64
			   " bytes, so it was cut, or --segment-size is another, take what `aes "
			   "encrypt' wrote in the same mode, all of it",
			   aes_job_what(transfer->job), transfer->job->in, transfer->read);
}

/* Its first byte says how long it is. */
static int read_header(struct transfer *transfer)
{
	const struct pluton_aes_gcm_stream_request request = request_of(transfer->job);
	uint8_t header[PLUTON_AES_GCM_STREAM_HEADER_MAX] = {0};
	size_t length, rest = 0;
	int r, status = input_read(&transfer->input, header, 1, &length);

	if (status == CLI_DONE && (header[0] == 24 || header[0] == 40)) {
		status = input_read(&transfer->input, header + 1, header[0] - 1u, &rest);
		transfer->header_size = header[0];
	}
	transfer->read = length + rest;
	if (status == CLI_DONE && (length == 0 || (rest > 0 && rest < header[0] - 1u)))
		status = cut(transfer);
	if (status != CLI_DONE)
		return status;
	r = pluton_aes_gcm_stream_decrypt_begin(transfer->job->session->pluton, &request, header,
						&transfer->stream);
	if (r != -PLUTON_EINVAL)
		return r < 0 ? failed(transfer, r) : CLI_DONE;
	return fail_pluton(r, "%s, %s: %s, check key and --mode", aes_job_what(transfer->job),
			   transfer->job->in, pluton_error_message(transfer->job->session->pluton));
}

/* --- segments --------------------------------------------------------------------------------- */

static int read_segment(struct transfer *transfer, struct segment *segment)
{
	size_t size = transfer->job->segment_size;
	int status = CLI_DONE;

	if (transfer->count == 0)
		size -= transfer->header_size;
	if (encrypts(transfer))
		size -= TAG_SIZE;
	segment->length = 0;
	segment->index = transfer->count++;
	if (!transfer->ended)
		status = input_read(&transfer->input, segment->in, size, &segment->length);
	transfer->ended = segment->length < size;
	transfer->read += segment->length;
	progress_show(transfer->read);
	return status;
}

static int segment_failed(const struct transfer *transfer, const struct segment *segment, int error)
{
	if (error != -PLUTON_EINVAL || encrypts(transfer))
		return failed(transfer, error);
	return fail_pluton(error,
			   "%s, %s: segment %" PRIu64
			   " does not match its tag, so the file was changed, cut, put together "
			   "otherwise, or key, --aad-hex, --hash or --segment-size are others, "
			   "check them",
			   aes_job_what(transfer->job), transfer->job->in, segment->index);
}

static void segment_done(struct pluton *pluton, int status, void *userdata)
{
	struct segment *segment = userdata;

	(void)pluton;
	segment->result = status;
	segment->running = false;
}

static int submit(struct transfer *transfer, struct segment *segment, bool last)
{
	struct pluton *pluton = transfer->job->session->pluton;

	if (transfer->waits) {
		segment->running = false;
		return pluton_aes_gcm_stream_decrypt(pluton, &transfer->stream, segment->in,
						     segment->length, last, segment->out);
	}
	if (encrypts(transfer))
		return pluton_aes_gcm_stream_encrypt_async(pluton, &transfer->stream, segment->in,
							   segment->length, last, segment->out,
							   segment_done, segment, NULL);
	return pluton_aes_gcm_stream_decrypt_async(pluton, &transfer->stream, segment->in,
						   segment->length, last, segment->out,
						   segment_done, segment, NULL);
}

static int start(struct transfer *transfer, struct segment *segment, bool last)
{
	size_t least = TAG_SIZE + (segment->index > 0);
	int r;

	if (!encrypts(transfer) && segment->length < least)
		return cut(transfer);
	segment->started = segment->running = true;
	segment->result = 0;
	r = submit(transfer, segment, last);
	return r < 0 ? segment_failed(transfer, segment, r) : CLI_DONE;
}

/* Waits for it and writes what came out, if it was started; afterwards it is free. */
static int finish(struct transfer *transfer, struct segment *segment)
{
	size_t length =
		encrypts(transfer) ? segment->length + TAG_SIZE : segment->length - TAG_SIZE;

	if (!segment->started)
		return CLI_DONE;
	while (segment->running) {
		int r = pluton_yield_wait(transfer->job->session->pluton);

		if (r < 0 && segment->running)
			return failed(transfer, r);
	}
	segment->started = false;
	if (segment->result < 0)
		return segment_failed(transfer, segment, segment->result);
	return length ? output_write(&transfer->output, segment->out, length) : CLI_DONE;
}

static int run_segments(struct transfer *transfer)
{
	unsigned at = 0;
	int status = read_segment(transfer, &transfer->segments[0]);
	bool last = false;

	while (status == CLI_DONE && !last) {
		struct segment *segment = &transfer->segments[at];
		struct segment *next = &transfer->segments[at = (at + 1) % transfer->at_once];

		status = finish(transfer, next);
		if (status == CLI_DONE)
			status = read_segment(transfer, next);
		last = next->length == 0;
		if (status == CLI_DONE)
			status = start(transfer, segment, last);
	}
	for (unsigned i = 0; status == CLI_DONE && i < transfer->at_once; i++)
		status = finish(transfer, &transfer->segments[(at + i) % transfer->at_once]);
	return status;
}

static int run_message(struct transfer *transfer)
{
	const struct aes_job *job = transfer->job;
	uint64_t scratch = 0;
	int status = session_limit(job->session, "aead_scratch", &scratch);

	transfer->waits = !encrypts(transfer) && job->segment_size - TAG_SIZE > scratch;
	if (status == CLI_DONE)
		status = find_room(transfer);
	if (status == CLI_DONE)
		status = encrypts(transfer) ? write_header(transfer) : read_header(transfer);
	if (status != CLI_DONE)
		return status;
	progress_begin(!job->session->quiet, transfer->input.size);
	status = run_segments(transfer);
	progress_end();
	/* After a failure some may still be under way: their memory goes with the connection. */
	if (status == CLI_DONE)
		free_segments(transfer);
	return status == CLI_DONE ? output_commit(&transfer->output) : status;
}

int aes_gcm_stream_run(const struct aes_job *job)
{
	struct transfer transfer = {.job = job, .input = INPUT_NONE, .output = OUTPUT_NONE};
	int status = input_open(&transfer.input, job->in);

	if (status == CLI_DONE)
		status = output_open(&transfer.output, job->out);
	if (status == CLI_DONE)
		status = run_message(&transfer);
	output_close(&transfer.output);
	input_close(&transfer.input);
	pluton_aes_gcm_stream_wipe(&transfer.stream);
	return status;
}
