/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for key derivation: each callback asks, passes on, and tells.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(kdf)
CHECKER_PULLS_WHOLE(kdf, pull_salt, CALL_PULL_SALT)
CHECKER_PULLS_WHOLE(kdf, pull_key, CALL_PULL_KEY)
CHECKER_PULLS_WHOLE(kdf, pull_label, CALL_PULL_LABEL)
CHECKER_PULLS_WHOLE(kdf, pull_info, CALL_PULL_INFO)
CHECKER_PUSHES(kdf, push_output, CALL_PUSH_OUTPUT)
CHECKER_ENDS(kdf)

static void attach(struct checker_slot *slot)
{
	slot->ops.kdf = (struct kdf_client_ops){
		.pull_salt = pull_salt,
		.pull_key = pull_key,
		.pull_label = pull_label,
		.pull_info = pull_info,
		.push_output = push_output,
		.done = done,
	};
	slot->client.kdf.ops = &slot->ops.kdf;
}

static void prepare(struct checker_slot *slot, const void *kdf_request)
{
	const struct kdf_request *request = kdf_request;
	size_t n = 0;

	if (request->salt_length)
		slot->steps[n++] = STEP_SALT;
	if (request->key.kind == HIL_KEY_BYTES)
		slot->steps[n++] = STEP_KEY;
	if (request->label_length)
		slot->steps[n++] = STEP_WHOLE_LABEL;
	if (request->info_length)
		slot->steps[n++] = STEP_INFO;
	slot->steps[n++] = STEP_OUTPUT;
	slot->steps[n] = STEP_END;
	slot->output.length = request->length;
	slot->slot_key = request->key.kind == HIL_KEY_SLOT;
	slot->whole[CALL_PULL_SALT] = request->salt_length;
	slot->whole[CALL_PULL_KEY] = request->key_size;
	slot->whole[CALL_PULL_LABEL] = request->label_length;
	slot->whole[CALL_PULL_INFO] = request->info_length;
}

CHECKER_TYPE(kdf)

void checker_kdf_open(struct checker *checker)
{
	static const struct kdf_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.kdf = *inner_of(checker);
	checker->engine.kdf.ops = &ops;
}
