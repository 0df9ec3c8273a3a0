/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elliptic curves. Every call is one operation, whose slots are the same in all commands.
 */
#include <pluton/ecc.h>

#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/operation.h"

enum {
	COMMAND_GENERATE = 1,
	COMMAND_PUBLIC_KEY = 2,
	COMMAND_SIGN = 3,
	COMMAND_VERIFY = 4,
	COMMAND_AGREE = 5,
};

enum {
	SLOT_KEY = 0,
	SLOT_PUBLIC = 1,
	SLOT_INPUT = 2,
	SLOT_SIGNATURE = 3,
	SLOT_SECRET = 4,
};

struct curve {
	const char *name;
	size_t key, public_key, signature, secret; /* bytes */
};

static const struct curve curves[] = {
	[PLUTON_P256] = {"p256", 32, 64, 64, 32},    [PLUTON_P384] = {"p384", 48, 96, 96, 48},
	[PLUTON_P521] = {"p521", 66, 132, 132, 66},  [PLUTON_ED25519] = {"ed25519", 32, 32, 64, 0},
	[PLUTON_X25519] = {"x25519", 32, 32, 0, 32},
};

#define CURVES (sizeof(curves) / sizeof(curves[0]))

/* All of it 0 for what is no curve. */
static struct curve curve_of(enum pluton_ecc_curve number)
{
	return number > 0 && number < CURVES ? curves[number] : (struct curve){0};
}

size_t pluton_ecc_key_size(enum pluton_ecc_curve curve)
{
	return curve_of(curve).key;
}

size_t pluton_ecc_public_size(enum pluton_ecc_curve curve)
{
	return curve_of(curve).public_key;
}

size_t pluton_ecc_signature_size(enum pluton_ecc_curve curve)
{
	return curve_of(curve).signature;
}

size_t pluton_ecc_secret_size(enum pluton_ecc_curve curve)
{
	return curve_of(curve).secret;
}

const char *pluton_ecc_name(enum pluton_ecc_curve curve)
{
	return curve_of(curve).name;
}

enum pluton_ecc_curve pluton_ecc_by_name(const char *name)
{
	for (size_t i = 1; i < CURVES; i++) {
		if (strcmp(curves[i].name, name) == 0)
			return (enum pluton_ecc_curve)i;
	}
	return (enum pluton_ecc_curve)0;
}

void pluton_ecc_wipe(struct pluton_ecc_private *key)
{
	explicit_bzero(key, sizeof(*key));
}

/* --- requests -------------------------------------------------------------------------------- */

static struct pluton_slot in(const void *bytes, size_t length)
{
	return (struct pluton_slot){.in = bytes, .length = length};
}

static struct pluton_slot out(void *bytes, size_t length)
{
	return (struct pluton_slot){.out = bytes, .length = length};
}

static int check_curve(struct pluton *pluton, enum pluton_ecc_curve curve)
{
	if (curve_of(curve).name)
		return 0;
	return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "there is no curve %d", (int)curve);
}

static int check_room(struct pluton *pluton, const char *what, size_t size, size_t needed)
{
	if (size >= needed)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE, "room for %zu bytes, the %s has %zu", size,
				 what, needed);
}

static struct pluton_request request_of(uint32_t command, enum pluton_ecc_curve curve)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_ECC,
		.command = command,
		.words[0] = curve,
	};
}

static int generate_request(struct pluton *pluton, enum pluton_ecc_curve curve,
			    struct pluton_ecc_private *key, struct pluton_ecc_public *public_key,
			    struct pluton_request *ret)
{
	int r = check_curve(pluton, curve);

	if (r < 0)
		return r;
	*ret = request_of(COMMAND_GENERATE, curve);
	ret->slots[SLOT_KEY] = out(key->bytes, curves[curve].key);
	ret->slots[SLOT_PUBLIC] = out(public_key->bytes, curves[curve].public_key);
	return 0;
}

/* A private key, or the number of the slot that one is in. */
struct key {
	enum pluton_ecc_curve curve;
	const struct pluton_ecc_private *bytes;
	uint32_t slot;
};

static struct key key_of(const struct pluton_ecc_private *key)
{
	return (struct key){key->curve, key, 0};
}

static int check_key(struct pluton *pluton, const struct key *key)
{
	int r = key->slot == 0 ? 0 : connection_check_slot(pluton, key->bytes, 0);

	if (r == 0 && key->slot == 0 && !key->bytes)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "no key, and no slot with one");
	return r < 0 ? r : check_curve(pluton, key->curve);
}

static struct pluton_request request_with(uint32_t command, const struct key *key)
{
	struct pluton_request request = request_of(command, key->curve);

	if (key->slot)
		request.words[1] = key->slot;
	else
		request.slots[SLOT_KEY] = in(key->bytes->bytes, curves[key->curve].key);
	return request;
}

static int public_request(struct pluton *pluton, const struct key *key,
			  struct pluton_ecc_public *public_key, struct pluton_request *ret)
{
	int r = check_key(pluton, key);

	if (r < 0)
		return r;
	*ret = request_with(COMMAND_PUBLIC_KEY, key);
	ret->slots[SLOT_PUBLIC] = out(public_key->bytes, curves[key->curve].public_key);
	return 0;
}

static int check_signs(struct pluton *pluton, enum pluton_ecc_curve curve)
{
	int r = check_curve(pluton, curve);

	if (r == 0 && curves[curve].signature == 0)
		r = connection_refuse(pluton, -PLUTON_ENOSUPPORT, "%s has no signatures",
				      curves[curve].name);
	return r;
}

static int sign_request(struct pluton *pluton, const struct pluton_ecc_sign_request *request,
			struct pluton_request *ret)
{
	const struct key key = {request->key ? request->key->curve : request->curve, request->key,
				request->key_slot};
	enum pluton_ecc_curve curve = key.curve;
	int r = check_key(pluton, &key);

	if (r == 0)
		r = check_signs(pluton, curve);
	if (r == 0)
		r = check_room(pluton, "signature", request->signature_size,
			       curves[curve].signature);
	if (r < 0)
		return r;
	*ret = request_with(COMMAND_SIGN, &key);
	ret->slots[SLOT_INPUT] = in(request->input, request->length);
	ret->slots[SLOT_SIGNATURE] = out(request->signature, curves[curve].signature);
	return 0;
}

static int verify_request(struct pluton *pluton, const struct pluton_ecc_verify_request *request,
			  struct pluton_request *ret)
{
	enum pluton_ecc_curve curve = request->key->curve;
	int r = check_signs(pluton, curve);

	if (r == 0 && request->signature_size != curves[curve].signature)
		r = connection_refuse(
			pluton, -PLUTON_ESIZE, "the signature has %zu bytes, one of %s has %zu",
			request->signature_size, curves[curve].name, curves[curve].signature);
	if (r < 0)
		return r;
	*ret = request_of(COMMAND_VERIFY, curve);
	ret->slots[SLOT_PUBLIC] = in(request->key->bytes, curves[curve].public_key);
	ret->slots[SLOT_INPUT] = in(request->input, request->length);
	ret->slots[SLOT_SIGNATURE] = in(request->signature, request->signature_size);
	return 0;
}

static int agree_request(struct pluton *pluton, const struct pluton_ecc_agree_request *request,
			 struct pluton_request *ret)
{
	const struct key key = {request->key ? request->key->curve : request->peer->curve,
				request->key, request->key_slot};
	enum pluton_ecc_curve curve = key.curve;
	int r = check_key(pluton, &key);

	if (r == 0 && curves[curve].secret == 0)
		r = connection_refuse(pluton, -PLUTON_ENOSUPPORT, "%s has no shared secrets",
				      curves[curve].name);
	if (r == 0 && request->peer->curve != curve)
		r = connection_refuse(pluton, -PLUTON_EINVAL,
				      "the peer's key is one of another curve");
	if (r == 0)
		r = check_room(pluton, "secret", request->secret_size, curves[curve].secret);
	if (r < 0)
		return r;
	*ret = request_with(COMMAND_AGREE, &key);
	ret->slots[SLOT_PUBLIC] = in(request->peer->bytes, curves[curve].public_key);
	ret->slots[SLOT_SECRET] = out(request->secret, curves[curve].secret);
	return 0;
}

/* --- both ways ------------------------------------------------------------------------------- */

static int perform(struct pluton *pluton, const struct pluton_request *request)
{
	return operation_perform(pluton, request, REPEAT_ALWAYS, NULL);
}

static int submit(struct pluton *pluton, const struct pluton_request *request, pluton_done_fn done,
		  void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return operation_submit(pluton, request, &completion, ret_id);
}

int pluton_ecc_generate(struct pluton *pluton, enum pluton_ecc_curve curve,
			struct pluton_ecc_private *ret_key, struct pluton_ecc_public *ret_public)
{
	struct pluton_request request;
	int r = generate_request(pluton, curve, ret_key, ret_public, &request);

	if (r == 0)
		r = perform(pluton, &request);
	if (r == 0)
		ret_key->curve = ret_public->curve = curve;
	return r;
}

int pluton_ecc_generate_async(struct pluton *pluton, enum pluton_ecc_curve curve,
			      struct pluton_ecc_private *ret_key,
			      struct pluton_ecc_public *ret_public, pluton_done_fn done,
			      void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = generate_request(pluton, curve, ret_key, ret_public, &request);

	if (r == 0)
		r = submit(pluton, &request, done, userdata, ret_id);
	if (r == 0)
		ret_key->curve = ret_public->curve = curve;
	return r;
}

static int perform_public(struct pluton *pluton, const struct key *key,
			  struct pluton_ecc_public *ret_public)
{
	struct pluton_request request;
	int r = public_request(pluton, key, ret_public, &request);

	if (r == 0)
		r = perform(pluton, &request);
	if (r == 0)
		ret_public->curve = key->curve;
	return r;
}

static int submit_public(struct pluton *pluton, const struct key *key,
			 struct pluton_ecc_public *ret_public, pluton_done_fn done, void *userdata,
			 pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = public_request(pluton, key, ret_public, &request);

	if (r == 0)
		r = submit(pluton, &request, done, userdata, ret_id);
	if (r == 0)
		ret_public->curve = key->curve;
	return r;
}

int pluton_ecc_public_of(struct pluton *pluton, const struct pluton_ecc_private *key,
			 struct pluton_ecc_public *ret_public)
{
	const struct key whole = key_of(key);

	return perform_public(pluton, &whole, ret_public);
}

int pluton_ecc_public_of_async(struct pluton *pluton, const struct pluton_ecc_private *key,
			       struct pluton_ecc_public *ret_public, pluton_done_fn done,
			       void *userdata, pluton_operation_id *ret_id)
{
	const struct key whole = key_of(key);

	return submit_public(pluton, &whole, ret_public, done, userdata, ret_id);
}

int pluton_ecc_public_of_slot(struct pluton *pluton, enum pluton_ecc_curve curve, uint32_t key_slot,
			      struct pluton_ecc_public *ret_public)
{
	const struct key key = {curve, NULL, key_slot};

	return perform_public(pluton, &key, ret_public);
}

int pluton_ecc_public_of_slot_async(struct pluton *pluton, enum pluton_ecc_curve curve,
				    uint32_t key_slot, struct pluton_ecc_public *ret_public,
				    pluton_done_fn done, void *userdata,
				    pluton_operation_id *ret_id)
{
	const struct key key = {curve, NULL, key_slot};

	return submit_public(pluton, &key, ret_public, done, userdata, ret_id);
}

int pluton_ecc_sign(struct pluton *pluton, const struct pluton_ecc_sign_request *request)
{
	struct pluton_request whole;
	int r = sign_request(pluton, request, &whole);

	return r < 0 ? r : perform(pluton, &whole);
}

int pluton_ecc_sign_async(struct pluton *pluton, const struct pluton_ecc_sign_request *request,
			  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request whole;
	int r = sign_request(pluton, request, &whole);

	return r < 0 ? r : submit(pluton, &whole, done, userdata, ret_id);
}

int pluton_ecc_verify(struct pluton *pluton, const struct pluton_ecc_verify_request *request)
{
	struct pluton_request whole;
	int r = verify_request(pluton, request, &whole);

	return r < 0 ? r : perform(pluton, &whole);
}

int pluton_ecc_verify_async(struct pluton *pluton, const struct pluton_ecc_verify_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request whole;
	int r = verify_request(pluton, request, &whole);

	return r < 0 ? r : submit(pluton, &whole, done, userdata, ret_id);
}

int pluton_ecc_agree(struct pluton *pluton, const struct pluton_ecc_agree_request *request)
{
	struct pluton_request whole;
	int r = agree_request(pluton, request, &whole);

	return r < 0 ? r : perform(pluton, &whole);
}

int pluton_ecc_agree_async(struct pluton *pluton, const struct pluton_ecc_agree_request *request,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	struct pluton_request whole;
	int r = agree_request(pluton, request, &whole);

	return r < 0 ? r : submit(pluton, &whole, done, userdata, ret_id);
}
