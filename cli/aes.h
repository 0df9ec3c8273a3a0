/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of `pluton-cli aes` asks for. aes.c parses it, one file for each mode carries it out.
 */
#ifndef PLUTON_CLI_AES_H
#define PLUTON_CLI_AES_H

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/key.h"
#include "cli/session.h"

#define AES_IV_MAX 16 /* bytes */

/* A mode of the command line only: it is made of GCM. */
#define AES_MODE_GCM_STREAM ((enum pluton_aes_mode)100)

struct aes_job {
	struct session *session;
	enum pluton_aes_mode mode;
	enum pluton_aes_direction direction;
	struct key key; /* of 16, 24 or 32 bytes; whoever owns the job wipes it */
	uint8_t iv[AES_IV_MAX];
	size_t iv_size;			   /* as the mode has it */
	bool iv_ahead;			   /* gcm: the daemon makes it, and it stands in front */
	size_t tag_size;		   /* GCM: 16; CCM: 4 to 16 */
	bool padded;			   /* ECB and CBC: PKCS#7 */
	size_t segment_size;		   /* gcm-stream: bytes */
	enum pluton_digest_algorithm hash; /* gcm-stream: of HKDF */
	uint8_t *aad;			   /* NULL: none */
	size_t aad_length;
	const char *in; /* paths; "-" is standard input or output */
	const char *out;
};

/* "cannot encrypt", "cannot decrypt" */
const char *aes_job_what(const struct aes_job *job);

/* ECB, CBC and CTR: any length. `out` appears only when all went well. */
int aes_stream_run(const struct aes_job *job);

/* Tink's AES-GCM-HKDF Streaming, which is in docs/aes-gcm-stream.md: any length, as above. */
int aes_gcm_stream_run(const struct aes_job *job);

/*
 * GCM and CCM: up to the daemon's limit aead_scratch. Encrypted is the iv, where it is to stand
 * there, ciphertext, and then the tag.
 */
int aes_aead_run(const struct aes_job *job);

#endif
