/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-ECB, CBC and CTR of a file of any size, compatible with `openssl enc`: padded as PKCS#7 says,
 * unless that is turned off, and in CTR the whole initial counter block counts.
 */
#include "cli/aes.h"
#include "cli/failure.h"
#include "cli/padding.h"
#include "cli/stream.h"

#define CTR_BITS 128

static int update(struct pluton *pluton, void *context, const void *in, void *out, size_t length,
		  pluton_done_fn done, void *userdata)
{
	return pluton_aes_update_async(pluton, context, in, out, length, done, userdata, NULL);
}

static int begin(const struct aes_job *job, struct pluton_aes_stream *ret)
{
	const struct pluton_aes_begin_request request = {
		.mode = job->mode,
		.direction = job->direction,
		.key = job->key.slot ? NULL : job->key.bytes,
		.key_slot = job->key.slot,
		.key_size = job->key.size,
		.iv = job->iv,
		.ctr_bits = job->mode == PLUTON_AES_CTR ? CTR_BITS : 0,
	};
	int r = pluton_aes_begin(job->session->pluton, &request, ret);

	return r < 0 ? session_failed(job->session, r, aes_job_what(job), job->in) : CLI_DONE;
}

/* Of the input as it is sent, padding included. */
static const char *what_size_means(const struct aes_job *job)
{
	if (job->mode == PLUTON_AES_CTR)
		return "its counter would start again at 0 and encrypt twice with the same stream, "
		       "begin with a smaller --iv-hex";
	if (job->direction == PLUTON_AES_ENCRYPT)
		return "it is no whole number of 16-byte blocks, use --padding pkcs7";
	return "it is no whole number of 16-byte blocks, take what `aes encrypt' wrote, all of it";
}

/* One sentence for whatever is wrong with it: see PADDING ORACLES in pluton-cli(1). */
static int unpad(const struct stream *stream, const void *piece, size_t *length)
{
	if (padding_remove(piece, *length, length))
		return CLI_DONE;
	return fail_pluton(PLUTON_EINVAL,
			   "%s, %s: its padding is wrong, so it was changed or cut, key or iv are "
			   "others, or it has none, check them or use --padding none",
			   stream->what, stream->input->name);
}

static int stream_message(const struct aes_job *job, struct input *input, struct output *output)
{
	struct pluton_aes_stream aes_stream;
	struct stream stream = {
		.session = job->session,
		.input = input,
		.output = output,
		.what = aes_job_what(job),
		.on_size = what_size_means(job),
		.start = update,
		.context = &aes_stream,
	};
	int r, status = begin(job, &aes_stream);

	if (job->padded && job->direction == PLUTON_AES_ENCRYPT)
		stream.end_input = padding_add;
	else if (job->padded)
		stream.end_output = unpad;
	if (status == CLI_DONE)
		status = stream_run(&stream);
	if (status != CLI_DONE)
		return status;
	r = pluton_aes_finish(job->session->pluton, &aes_stream, NULL);
	return r < 0 ? session_failed(job->session, r, stream.what, job->in)
		     : output_commit(output);
}

int aes_stream_run(const struct aes_job *job)
{
	struct input input = INPUT_NONE;
	struct output output = OUTPUT_NONE;
	int status = input_open(&input, job->in);

	if (status == CLI_DONE)
		status = output_open(&output, job->out);
	if (status == CLI_DONE)
		status = stream_message(job, &input, &output);
	output_close(&output);
	input_close(&input);
	return status;
}
