/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli rsa generate|public.
 */
#include <stdlib.h>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/rsa.h"
#include "cli/waiting.h"
#include "cli/words.h"

#define BITS_DEFAULT "3072"

static int generate(const struct rsa_job *job, uint32_t bits, uint32_t exponent,
		    struct pluton_rsa_key *key)
{
	struct session *session = job->session;
	struct waiting waiting = {0};
	int r = pluton_rsa_generate_async(session->pluton, bits, exponent, key, waiting_done,
					  &waiting, NULL);

	r = waiting_end(session, &waiting, r, "making a key");
	return r < 0 ? session_failed(session, r, "cannot make a key of so many bits",
				      job->bits ? job->bits : BITS_DEFAULT)
		     : CLI_DONE;
}

static int print_json(const struct rsa_job *job, const struct pluton_rsa_key *key)
{
	struct json_object *object = json_object_new_object();

	if (object) {
		json_object_object_add(object, "bits", json_object_new_int((int32_t)key->size * 8));
		json_object_object_add(object, "exponent", json_object_new_uint64(key->exponent));
		json_object_object_add(object, "out", json_text(job->out));
	}
	return json_print(object);
}

int rsa_key_generate(const struct rsa_job *job)
{
	struct pluton_rsa_key key;
	uint32_t bits, exponent = 0;
	int status = words_number(job->bits ? job->bits : BITS_DEFAULT, "--bits",
				  PLUTON_RSA_SIZE_MAX * 8, &bits);

	if (status == CLI_DONE && job->exponent)
		status = words_number(job->exponent, "--exponent", UINT32_MAX, &exponent);
	if (status == CLI_DONE)
		status = session_open(job->session);
	if (status == CLI_DONE)
		status = generate(job, bits, exponent, &key);
	if (status == CLI_DONE)
		status = rsa_file_write_private(job->out, job->format, &key);
	if (status == CLI_DONE && job->session->json)
		status = print_json(job, &key);
	pluton_rsa_key_wipe(&key);
	return status;
}

/* Nothing of it is the daemon's business. */
int rsa_key_public(const struct rsa_job *job)
{
	struct pluton_rsa_key key;
	int status = rsa_file_read(job->key, &key);

	if (status == CLI_DONE)
		status = rsa_file_write_public(job->out, job->format, &key);
	if (status == CLI_DONE && job->session->json)
		status = print_json(job, &key);
	pluton_rsa_key_wipe(&key);
	return status;
}
