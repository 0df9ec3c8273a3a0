/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation: one command for each method, and one operation for each key.
 */
#include <pluton/kdf.h>

#include <endian.h>
#include <stdbool.h>

#include "client-lib/connection.h"
#include "client-lib/operation.h"

#define HKDF_BLOCKS_MAX 255u

enum {
	SLOT_KEY = 0,
	SLOT_SALT = 1,
	SLOT_LABEL = 2,
	SLOT_INFO = 3,
	SLOT_OUTPUT = 4,
	SLOT_ITERATIONS = 5,
};

/* Commands have the numbers of their methods, but for PBKDF2 with a password in a slot. */
#define COMMAND_SLOT_PBKDF2 7u

static const struct method {
	bool exists, salt, label, info, iterations, takes_cmac;
} methods[] = {
	[PLUTON_KDF_HKDF] = {.exists = true, .salt = true, .info = true},
	[PLUTON_KDF_HKDF_EXTRACT] = {.exists = true, .salt = true},
	[PLUTON_KDF_HKDF_EXPAND] = {.exists = true, .info = true},
	[PLUTON_KDF_SP800_108] = {.exists = true, .label = true, .info = true, .takes_cmac = true},
	[PLUTON_KDF_SP800_108_FIXED] = {.exists = true, .info = true, .takes_cmac = true},
	[PLUTON_KDF_PBKDF2] = {.exists = true, .salt = true, .iterations = true},
};

static const struct method *find(enum pluton_kdf_method method)
{
	static const struct method none;

	return (size_t)method < sizeof(methods) / sizeof(methods[0]) ? &methods[method] : &none;
}

size_t pluton_kdf_length_max(enum pluton_kdf_method method, enum pluton_mac_algorithm prf)
{
	size_t block = pluton_mac_size(prf);

	if (!find(method)->exists || block == 0)
		return 0;
	switch (method) {
	case PLUTON_KDF_HKDF_EXTRACT:
		return block;
	case PLUTON_KDF_HKDF:
	case PLUTON_KDF_HKDF_EXPAND:
		return HKDF_BLOCKS_MAX * block;
	default:
		return PLUTON_KDF_LENGTH_MAX;
	}
}

/* --- checks ---------------------------------------------------------------------------------- */

static int check_method(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	const struct method *method = find(request->method);

	if (!method->exists)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT,
					 "there is no key derivation %d", (int)request->method);
	if (pluton_mac_size(request->prf) == 0)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "there is no algorithm %d",
					 (int)request->prf);
	if (request->prf == PLUTON_CMAC_AES && !method->takes_cmac)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT,
					 "CMAC is for SP 800-108, this method takes HMAC");
	return 0;
}

static int check_part(struct pluton *pluton, const char *name, bool has, size_t size, size_t max)
{
	if (size == 0 || (has && size <= max))
		return 0;
	if (!has)
		return connection_refuse(pluton, -PLUTON_ESIZE, "this method has no %s", name);
	return connection_refuse(pluton, -PLUTON_ESIZE, "%s of %zu bytes: at most %zu", name, size,
				 max);
}

static int check_key(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	size_t size = request->key_size;

	if (request->key_slot != 0)
		return connection_check_slot(pluton, request->key, size);
	if (request->prf == PLUTON_CMAC_AES && size != 16 && size != 24 && size != 32)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a key of %zu bytes: AES has 16, 24 and 32", size);
	if (size == 0 || size > PLUTON_KDF_KEY_MAX)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a key of %zu bytes: it can have 1 to %d", size,
					 PLUTON_KDF_KEY_MAX);
	return 0;
}

static int check_length(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	size_t max = pluton_kdf_length_max(request->method, request->prf);
	size_t min = request->method == PLUTON_KDF_HKDF_EXTRACT ? max : 1;

	if (request->length >= min && request->length <= max)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE,
				 "output of %zu bytes: it can have %zu to %zu", request->length,
				 min, max);
}

static int check_iterations(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	if (find(request->method)->iterations == (request->iterations > 0))
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE,
				 request->iterations > 0 ? "iterations are for PBKDF2 only"
							 : "PBKDF2 needs at least 1 iteration");
}

static int check(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	const struct method *method = find(request->method);
	int r = check_method(pluton, request);

	if (r == 0)
		r = check_key(pluton, request);
	if (r == 0)
		r = check_part(pluton, "salt", method->salt, request->salt_size,
			       PLUTON_KDF_SALT_MAX);
	if (r == 0)
		r = check_part(pluton, "label", method->label, request->label_size,
			       PLUTON_KDF_LABEL_MAX);
	if (r == 0)
		r = check_part(pluton, "info", method->info, request->info_size,
			       PLUTON_KDF_INFO_MAX);
	if (r == 0)
		r = check_iterations(pluton, request);
	return r < 0 ? r : check_length(pluton, request);
}

/* --- the operation --------------------------------------------------------------------------- */

/* A request, and what it points to. */
struct wire {
	struct pluton_request request;
	uint32_t iterations; /* little-endian */
};

static void add_iterations(const struct pluton_kdf_request *request, struct wire *wire)
{
	if (request->key_slot == 0) {
		wire->request.words[1] = request->iterations;
		return;
	}
	wire->request.command = COMMAND_SLOT_PBKDF2;
	wire->iterations = htole32(request->iterations);
	wire->request.slots[SLOT_ITERATIONS] =
		(struct pluton_slot){.in = &wire->iterations, .length = sizeof(wire->iterations)};
}

static void make_request(const struct pluton_kdf_request *request, struct wire *ret)
{
	ret->request = (struct pluton_request){
		.driver = PLUTON_DRIVER_KDF,
		.command = request->method,
		.words = {request->prf, request->key_slot},
		.slots[SLOT_KEY] = {.in = request->key, .length = request->key_size},
		.slots[SLOT_SALT] = {.in = request->salt, .length = request->salt_size},
		.slots[SLOT_LABEL] = {.in = request->label, .length = request->label_size},
		.slots[SLOT_INFO] = {.in = request->info, .length = request->info_size},
		.slots[SLOT_OUTPUT] = {.out = request->output, .length = request->length},
	};
	if (request->method == PLUTON_KDF_PBKDF2)
		add_iterations(request, ret);
}

int pluton_kdf(struct pluton *pluton, const struct pluton_kdf_request *request)
{
	struct wire wire;
	int r = check(pluton, request);

	if (r < 0)
		return r;
	make_request(request, &wire);
	return operation_perform(pluton, &wire.request, REPEAT_ALWAYS, NULL);
}

int pluton_kdf_async(struct pluton *pluton, const struct pluton_kdf_request *request,
		     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct wire wire;
	int r = check(pluton, request);

	if (r < 0)
		return r;
	make_request(request, &wire);
	return operation_submit(pluton, &wire.request, &completion, ret_id);
}
