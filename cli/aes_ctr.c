/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CTR of a file of any size, compatible with `openssl enc -aes-N-ctr`: the whole initial
 * counter block counts.
 */
#include "cli/aes.h"
#include "cli/failure.h"
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
		.mode = PLUTON_AES_CTR,
		.direction = job->direction,
		.key = job->key.bytes,
		.key_size = job->key.size,
		.iv = job->iv,
		.ctr_bits = CTR_BITS,
	};
	int r = pluton_aes_begin(job->session->pluton, &request, ret);

	return r < 0 ? session_failed(job->session, r, aes_job_what(job), job->in) : CLI_DONE;
}

static int stream_message(const struct aes_job *job, struct input *input, struct output *output)
{
	struct pluton_aes_stream aes_stream;
	const struct stream stream = {
		.session = job->session,
		.input = input,
		.output = output,
		.what = aes_job_what(job),
		.on_size = "its counter would start again at 0 and encrypt twice with the same "
			   "stream, begin with a smaller --iv-hex",
		.start = update,
		.context = &aes_stream,
	};
	int r, status = begin(job, &aes_stream);

	if (status == CLI_DONE)
		status = stream_run(&stream);
	if (status != CLI_DONE)
		return status;
	r = pluton_aes_finish(job->session->pluton, &aes_stream, NULL);
	return r < 0 ? session_failed(job->session, r, stream.what, job->in)
		     : output_commit(output);
}

int aes_ctr_run(const struct aes_job *job)
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
