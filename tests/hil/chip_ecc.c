/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's unit for elliptic curves. One callback at a time; a message must fit its buffer, for
 * it has nowhere else to keep the copy that Ed25519 needs.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/chip_unit.h"
#include "tests/hil/curves.h"

struct operation {
	struct ecc_client *client;
	struct ecc_request request;
	enum ecc_step steps[ECC_STEPS_MAX];
	unsigned at;
	bool calculated;
	size_t taken;
	uint8_t key[ECC_KEY_SIZE_MAX];
	uint8_t public[ECC_PUBLIC_SIZE_MAX];
	uint8_t signature[ECC_SIGNATURE_SIZE_MAX];
	uint8_t secret[ECC_SECRET_SIZE_MAX];
	uint8_t buffer[CHIP_BUFFER_SIZE];
	const char *why;
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");

struct chip_ecc {
	struct ecc_engine engine;
	struct chip_unit unit;
	struct operation operation;
	const char *why; /* inside done */
};

static struct chip_ecc *of_unit(struct chip_unit *unit)
{
	return (struct chip_ecc *)(void *)((char *)unit - offsetof(struct chip_ecc, unit));
}

static int invalid(struct operation *operation, const char *why)
{
	operation->why = why;
	return why ? -PLUTON_EINVAL : 0;
}

/* --- arithmetic ------------------------------------------------------------------------------ */

static int verify(struct operation *operation)
{
	enum ecc_curve curve = operation->request.curve;

	if (!curves_point_is_valid(curve, operation->public))
		return invalid(operation, ECC_NO_POINT);
	if (!curves_verify(curve, operation->public, operation->signature, operation->buffer,
			   operation->taken))
		return invalid(operation, ECC_NO_MATCH);
	return 0;
}

static int agree(struct operation *operation)
{
	bool is_secret = curves_agree(operation->request.curve, operation->key, operation->public,
				      operation->secret);

	return is_secret ? 0 : invalid(operation, ECC_ZERO_SECRET);
}

/* What has to be known before the step, or before the end. */
static int calculate(struct operation *operation)
{
	enum ecc_curve curve = operation->request.curve;

	switch (operation->request.action) {
	case ECC_GENERATE:
		curves_generate(curve, operation->key);
		curves_public(curve, operation->key, operation->public);
		return 0;
	case ECC_PUBLIC:
		curves_public(curve, operation->key, operation->public);
		return 0;
	case ECC_SIGN:
		curves_sign(curve, operation->key, operation->buffer, operation->taken,
			    operation->signature);
		return 0;
	case ECC_VERIFY:
		return verify(operation);
	default:
		return agree(operation);
	}
}

static bool is_output(enum ecc_step step)
{
	return step == ECC_STEP_KEY_OUT || step == ECC_STEP_PUBLIC_OUT ||
	       step == ECC_STEP_SIGNATURE_OUT || step == ECC_STEP_SECRET_OUT ||
	       step == ECC_STEP_END;
}

/* --- callbacks ------------------------------------------------------------------------------- */

static int pull_key(struct operation *operation)
{
	enum ecc_curve curve = operation->request.curve;
	int r = operation->client->ops->pull_key(operation->client, operation->key,
						 ecc_key_size(curve));

	return r < 0 ? r : invalid(operation, ecc_key_fault(curve, operation->key));
}

static int pull_public(struct operation *operation)
{
	enum ecc_curve curve = operation->request.curve;
	int r = operation->client->ops->pull_public(operation->client, operation->public,
						    ecc_public_size(curve));

	if (r == 0)
		r = invalid(operation, ecc_public_fault(curve, operation->public));
	if (r == 0 && !curves_point_is_valid(curve, operation->public))
		r = invalid(operation, ECC_NO_POINT);
	return r;
}

static int pull_signature(struct operation *operation)
{
	enum ecc_curve curve = operation->request.curve;
	int r = operation->client->ops->pull_signature(operation->client, operation->signature,
						       ecc_signature_size(curve));

	return r < 0 ? r : invalid(operation, ecc_signature_fault(curve, operation->signature));
}

static int pull_input(struct operation *operation)
{
	size_t len = operation->request.length - operation->taken;
	ssize_t n = operation->client->ops->pull_input(
		operation->client, operation->buffer + operation->taken, len, operation->taken);

	n = chip_count(n, len);
	if (n < 0)
		return (int)n;
	operation->taken += (size_t)n;
	return operation->taken < operation->request.length ? CHIP_GOES_ON : 0;
}

static int move(struct operation *operation, enum ecc_step step)
{
	struct ecc_client *client = operation->client;
	enum ecc_curve curve = operation->request.curve;

	switch (step) {
	case ECC_STEP_KEY_IN:
		return pull_key(operation);
	case ECC_STEP_PUBLIC_IN:
		return pull_public(operation);
	case ECC_STEP_SIGNATURE_IN:
		return pull_signature(operation);
	case ECC_STEP_INPUT:
		return pull_input(operation);
	case ECC_STEP_KEY_OUT:
		return client->ops->push_key(client, operation->key, ecc_key_size(curve));
	case ECC_STEP_PUBLIC_OUT:
		return client->ops->push_public(client, operation->public, ecc_public_size(curve));
	case ECC_STEP_SIGNATURE_OUT:
		return client->ops->push_signature(client, operation->signature,
						   ecc_signature_size(curve));
	default:
		return client->ops->push_secret(client, operation->secret, ecc_secret_size(curve));
	}
}

static int step(struct chip_unit *unit)
{
	struct operation *operation = &of_unit(unit)->operation;
	enum ecc_step now = operation->steps[operation->at];
	int r;

	if (is_output(now) && !operation->calculated) {
		operation->calculated = true;
		r = calculate(operation);
		return r < 0 ? r : CHIP_GOES_ON;
	}
	if (now == ECC_STEP_END)
		return CHIP_DONE;
	r = move(operation, now);
	if (r != 0)
		return r;
	operation->at++;
	return CHIP_GOES_ON;
}

static void finish(struct chip_unit *unit, int result)
{
	struct chip_ecc *ecc = of_unit(unit);
	struct operation *operation = &ecc->operation;
	struct ecc_client *client = operation->client;

	ecc->why = operation->why;
	explicit_bzero(operation, sizeof(*operation));
	client->ops->done(client, result);
	ecc->why = NULL;
}

/* --- the engine ------------------------------------------------------------------------------ */

static int start(struct ecc_engine *engine, const struct ecc_request *request,
		 struct ecc_client *client)
{
	struct chip_ecc *ecc = (struct chip_ecc *)(void *)engine;
	int r = ecc_check(&engine->head, request);

	if (r < 0)
		return r;
	if (ecc->unit.busy)
		return -PLUTON_EBUSY;
	ecc->operation = (struct operation){.client = client, .request = *request};
	ecc_steps(request, ecc->operation.steps);
	chip_unit_begin(&ecc->unit);
	return 0;
}

static int cancel(struct ecc_engine *engine, struct ecc_client *client)
{
	struct chip_ecc *ecc = (struct chip_ecc *)(void *)engine;

	return ecc->operation.client == client ? chip_unit_cancel(&ecc->unit) : -PLUTON_EINVAL;
}

static const char *why(struct ecc_engine *engine)
{
	const struct chip_ecc *ecc = (const struct chip_ecc *)(const void *)engine;

	return ecc->why ? ecc->why : "";
}

struct chip_ecc *chip_ecc_open(struct chip *chip)
{
	static const struct ecc_engine_ops ops = {start, cancel, why};
	struct chip_ecc *ecc = calloc(1, sizeof(*ecc));

	if (!ecc)
		return NULL;
	ecc->engine = (struct ecc_engine){
		.head = {.name = "chip", .kind = HIL_ECC, .level = HIL_LEVEL_ECC, .concurrency = 1},
		.caps = {.curves = 1u << ECC_P256 | 1u << ECC_P384 | 1u << ECC_P521 |
				   1u << ECC_ED25519 | 1u << ECC_X25519,
			 .message_max = CHIP_BUFFER_SIZE,
			 .verify_max = CHIP_BUFFER_SIZE},
		.ops = &ops,
	};
	chip_unit_init(&ecc->unit, chip, step, finish);
	return ecc;
}

struct hil_engine *chip_ecc_engine(struct chip_ecc *ecc)
{
	return &ecc->engine.head;
}

void chip_ecc_close(struct chip_ecc *ecc)
{
	if (ecc)
		deferred_call_drop(&ecc->unit.tick);
	free(ecc);
}
