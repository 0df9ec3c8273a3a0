/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA. On its way a key is its parts one behind the other; that copy is wiped as soon as it was
 * sent, or taken apart. Each request is made once for both ways of asking, waiting and not.
 */
#include <pluton/rsa.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"

enum {
	COMMAND_GENERATE = 1,
	COMMAND_SIGN = 2,
	COMMAND_VERIFY = 3,
	COMMAND_ENCRYPT = 4,
	COMMAND_DECRYPT = 5,
	COMMAND_PUBLIC = 6,
	COMMAND_PRIVATE = 7,
	COMMAND_SLOT_SIGN_PKCS1 = 8,
	COMMAND_SLOT_SIGN_PSS = 9,
	COMMAND_SLOT_DECRYPT_PKCS1 = 10,
	COMMAND_SLOT_DECRYPT_OAEP = 11,
};

enum {
	SLOT_KEY = 0,
	SLOT_PARAMETERS = 1,
	SLOT_LABEL = 2,
	SLOT_INPUT = 3,
	SLOT_OUTPUT = 4,
	SLOT_SIGNATURE = 5,
};

#define PUBLIC_PARTS 2u
#define PRIVATE_PARTS 3u
#define ALL_PARTS 8u
#define PART_EXPONENT 1u /* the one that is a number here */
#define EXPONENT_SIZE sizeof(uint64_t)
#define WIRE_MAX (PLUTON_RSA_SIZE_MAX * 9 / 2 + EXPONENT_SIZE)
#define SALT_ANY UINT32_MAX

/* A request and what it points to that is nobody else's. */
struct wire {
	struct pluton_request request;
	uint32_t parameters[2]; /* little-endian */
	uint8_t key[WIRE_MAX];
};

void pluton_rsa_key_wipe(struct pluton_rsa_key *key)
{
	if (key)
		explicit_bzero(key, sizeof(*key));
}

/* --- keys ------------------------------------------------------------------------------------- */

static size_t offset_of_part(unsigned part)
{
	static const size_t offsets[ALL_PARTS] = {
		offsetof(struct pluton_rsa_key, modulus),
		offsetof(struct pluton_rsa_key, exponent),
		offsetof(struct pluton_rsa_key, private_exponent),
		offsetof(struct pluton_rsa_key, prime1),
		offsetof(struct pluton_rsa_key, prime2),
		offsetof(struct pluton_rsa_key, exponent1),
		offsetof(struct pluton_rsa_key, exponent2),
		offsetof(struct pluton_rsa_key, coefficient),
	};

	return offsets[part];
}

static size_t part_size(unsigned part, size_t size)
{
	if (part == PART_EXPONENT)
		return EXPONENT_SIZE;
	return part < PRIVATE_PARTS ? size : size / 2;
}

/* Returns how many bytes the parts are. */
static size_t put_parts(const struct pluton_rsa_key *key, unsigned count, uint8_t *wire)
{
	uint64_t exponent = htobe64(key->exponent);
	size_t at = 0;

	for (unsigned part = 0; part < count; part++) {
		const uint8_t *from = (const uint8_t *)key + offset_of_part(part);
		size_t size = part_size(part, key->size);

		if (part == PART_EXPONENT)
			from = (const uint8_t *)&exponent;
		memcpy(wire + at, from, size);
		at += size;
	}
	return at;
}

static void get_parts(const uint8_t *wire, struct pluton_rsa_key *key)
{
	for (unsigned part = 0; part < ALL_PARTS; part++) {
		size_t size = part_size(part, key->size);

		memcpy((uint8_t *)key + offset_of_part(part), wire, size);
		wire += size;
	}
	key->exponent = be64toh(key->exponent);
}

static int check_key(struct pluton *pluton, const struct pluton_rsa_key *key)
{
	if (!key)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no key");
	if (key->kind < PLUTON_RSA_PUBLIC || key->kind > PLUTON_RSA_CRT)
		return connection_refuse(pluton, -PLUTON_EINVAL, "a key of kind %d: it is none",
					 (int)key->kind);
	if (key->size == 0 || key->size > PLUTON_RSA_SIZE_MAX || key->size % 128 != 0)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a modulus of %zu bytes: 128, 256, 384 or 512", key->size);
	return 0;
}

static bool needs_private(uint32_t command)
{
	return command == COMMAND_SIGN || command == COMMAND_DECRYPT || command == COMMAND_PRIVATE;
}

static int put_key(struct pluton *pluton, uint32_t command, const struct pluton_rsa_key *key,
		   struct wire *wire)
{
	unsigned count = PUBLIC_PARTS;
	size_t size;

	if (needs_private(command) && key->kind == PLUTON_RSA_PUBLIC)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "the key is public: this takes the private one");
	if (needs_private(command))
		count = key->kind == PLUTON_RSA_CRT ? ALL_PARTS : PRIVATE_PARTS;
	size = put_parts(key, count, wire->key);
	wire->request.slots[SLOT_KEY] = (struct pluton_slot){.in = wire->key, .length = size};
	return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool takes_padding(uint32_t command)
{
	return command != COMMAND_PUBLIC && command != COMMAND_PRIVATE;
}

static uint32_t salt_word(const struct pluton_rsa_request *request)
{
	if (request->padding != PLUTON_RSA_PSS)
		return 0;
	switch (request->salt) {
	case PLUTON_RSA_SALT_DIGEST:
		return (uint32_t)pluton_digest_size(request->hash);
	case PLUTON_RSA_SALT_NONE:
		return 0;
	case PLUTON_RSA_SALT_ANY:
		return SALT_ANY;
	default:
		return (uint32_t)request->salt;
	}
}

/* What the padding does not have must be 0: the driver would not be told of it. */
static int check_padding(struct pluton *pluton, uint32_t command,
			 const struct pluton_rsa_request *request)
{
	if (!takes_padding(command))
		return 0;
	if (request->padding == PLUTON_RSA_PKCS1 && request->mgf_hash)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "PKCS #1 v1.5 has no MGF1: leave mgf_hash at 0");
	if (request->padding != PLUTON_RSA_PSS && request->salt)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "a salt of %d: only PSS has one, leave it at 0",
					 request->salt);
	return 0;
}

/* The driver has its own defaults, which are ours too. */
static void put_padding(const struct pluton_rsa_request *request, struct wire *wire)
{
	bool other_mgf = request->mgf_hash && request->mgf_hash != request->hash;
	bool other_salt = request->padding == PLUTON_RSA_PSS && request->salt;

	wire->request.words[0] = request->padding;
	wire->request.words[1] = request->hash;
	if (!other_mgf && !other_salt)
		return;
	wire->parameters[0] = htole32(other_mgf ? request->mgf_hash : request->hash);
	wire->parameters[1] = htole32(salt_word(request));
	wire->request.slots[SLOT_PARAMETERS] =
		(struct pluton_slot){.in = wire->parameters, .length = sizeof(wire->parameters)};
}

/* Bytes of output: the longest message of a decryption; 0: there cannot be one. */
static size_t output_length(uint32_t command, const struct pluton_rsa_request *request)
{
	size_t size = request->key ? request->key->size : 0, overhead = 11;

	/* How long a slot's key is, the daemon knows. */
	if (request->key_slot)
		return request->output_size < PLUTON_RSA_SIZE_MAX ? request->output_size
								  : PLUTON_RSA_SIZE_MAX;
	if (command != COMMAND_DECRYPT)
		return size;
	if (request->padding == PLUTON_RSA_OAEP)
		overhead = 2 * pluton_digest_size(request->hash) + 2;
	return overhead < size ? size - overhead : 0;
}

static int check_room(struct pluton *pluton, uint32_t command,
		      const struct pluton_rsa_request *request)
{
	size_t needed = output_length(command, request);

	if (command == COMMAND_VERIFY || request->output_size >= needed)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE, "room for %zu bytes of output, %zu needed",
				 request->output_size, needed);
}

static void put_slots(uint32_t command, const struct pluton_rsa_request *request, struct wire *wire)
{
	struct pluton_slot *slots = wire->request.slots;
	unsigned out = command == COMMAND_SIGN ? SLOT_SIGNATURE : SLOT_OUTPUT;

	slots[SLOT_LABEL] =
		(struct pluton_slot){.in = request->label, .length = request->label_length};
	slots[SLOT_INPUT] = (struct pluton_slot){.in = request->input, .length = request->length};
	if (command == COMMAND_VERIFY)
		slots[SLOT_SIGNATURE] = (struct pluton_slot){.in = request->signature,
							     .length = request->signature_size};
	else
		slots[out] = (struct pluton_slot){.out = request->output,
						  .length = output_length(command, request)};
}

static uint32_t with_slot(uint32_t command, enum pluton_rsa_padding padding)
{
	if (command == COMMAND_SIGN)
		return padding == PLUTON_RSA_PSS ? COMMAND_SLOT_SIGN_PSS : COMMAND_SLOT_SIGN_PKCS1;
	if (command == COMMAND_DECRYPT)
		return padding == PLUTON_RSA_OAEP ? COMMAND_SLOT_DECRYPT_OAEP
						  : COMMAND_SLOT_DECRYPT_PKCS1;
	return command;
}

static int check_slot(struct pluton *pluton, uint32_t command,
		      const struct pluton_rsa_request *request)
{
	enum pluton_rsa_padding other = command == COMMAND_SIGN ? PLUTON_RSA_PSS : PLUTON_RSA_OAEP;

	if (!needs_private(command))
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "this takes a public key: get that of the slot's");
	if (takes_padding(command) && request->padding != PLUTON_RSA_PKCS1 &&
	    request->padding != other)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "there is no such padding, %d",
					 (int)request->padding);
	return connection_check_slot(pluton, request->key, 0);
}

/* The key, or the slot that it is in. */
static int check_either(struct pluton *pluton, uint32_t command,
			const struct pluton_rsa_request *request)
{
	return request->key_slot ? check_slot(pluton, command, request)
				 : check_key(pluton, request->key);
}

static int make_request(struct pluton *pluton, uint32_t command,
			const struct pluton_rsa_request *request, struct wire *ret)
{
	int r = check_either(pluton, command, request);

	ret->request = (struct pluton_request){.driver = PLUTON_DRIVER_RSA, .command = command};
	if (r == 0)
		r = check_padding(pluton, command, request);
	if (r == 0)
		r = check_room(pluton, command, request);
	if (r == 0 && !request->key_slot)
		r = put_key(pluton, command, request->key, ret);
	if (r < 0)
		return r;
	if (takes_padding(command))
		put_padding(request, ret);
	if (request->key_slot) {
		ret->request.command = with_slot(command, request->padding);
		ret->request.words[0] = request->key_slot;
	}
	put_slots(command, request, ret);
	return 0;
}

static int perform(struct pluton *pluton, uint32_t command,
		   const struct pluton_rsa_request *request, size_t *ret_length)
{
	uint32_t words[3];
	struct wire wire;
	int r = make_request(pluton, command, request, &wire);

	if (r == 0)
		r = operation_perform(pluton, &wire.request, REPEAT_ALWAYS, words);
	explicit_bzero(&wire, sizeof(wire));
	if (r == 0 && ret_length && words[1] > output_length(command, request))
		r = connection_fail(pluton, -PLUTON_EBADRVAL, "a message longer than its room");
	if (r == 0 && ret_length)
		*ret_length = words[1];
	return r;
}

static int submit(struct pluton *pluton, uint32_t command, const struct pluton_rsa_request *request,
		  const struct completion *completion, pluton_operation_id *ret_id)
{
	struct wire wire;
	int r = make_request(pluton, command, request, &wire);

	if (r == 0)
		r = operation_submit(pluton, &wire.request, completion, ret_id);
	explicit_bzero(&wire, sizeof(wire));
	return r;
}

/* --- generation ------------------------------------------------------------------------------- */

/* A key under way: as it is sent, and whose it will be. */
struct generation {
	uint8_t wire[WIRE_MAX];
	size_t size; /* bytes of the modulus */
	struct pluton_rsa_key *ret_key;
	pluton_done_fn done;
	void *userdata;
};

static void generation_free(void *generation)
{
	explicit_bzero(generation, sizeof(struct generation));
	free(generation);
}

static int generation_new(struct pluton *pluton, unsigned bits, struct pluton_rsa_key *ret_key,
			  struct generation **ret)
{
	if (bits == 0 || bits > PLUTON_RSA_SIZE_MAX * 8 || bits % 1024 != 0)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT,
					 "a key of %u bits: 2048, 3072 or 4096", bits);
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a key");
	(*ret)->size = bits / 8;
	(*ret)->ret_key = ret_key;
	return 0;
}

static struct pluton_request generate_request(struct generation *generation, uint32_t exponent)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_RSA,
		.command = COMMAND_GENERATE,
		.words = {(uint32_t)generation->size * 8, exponent},
		.slots[SLOT_KEY] = {.out = generation->wire,
				    .length = generation->size * 9 / 2 + EXPONENT_SIZE},
	};
}

static void take_key(const struct generation *generation)
{
	memset(generation->ret_key, 0, sizeof(*generation->ret_key));
	generation->ret_key->kind = PLUTON_RSA_CRT;
	generation->ret_key->size = generation->size;
	get_parts(generation->wire, generation->ret_key);
}

int pluton_rsa_generate(struct pluton *pluton, unsigned bits, uint32_t exponent,
			struct pluton_rsa_key *ret_key)
{
	struct generation *generation;
	struct pluton_request request;
	int r = generation_new(pluton, bits, ret_key, &generation);

	if (r < 0)
		return r;
	request = generate_request(generation, exponent);
	r = operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
	if (r == 0)
		take_key(generation);
	generation_free(generation);
	return r;
}

static void generated(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct generation *generation = userdata;
	pluton_done_fn done = generation->done;
	void *context = generation->userdata;

	if (answer->status == 0)
		take_key(generation);
	generation_free(generation);
	if (done)
		done(pluton, answer->status, context);
}

int pluton_rsa_generate_async(struct pluton *pluton, unsigned bits, uint32_t exponent,
			      struct pluton_rsa_key *ret_key, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id)
{
	struct completion completion = {.told = generated, .drop = generation_free};
	struct generation *generation;
	struct pluton_request request;
	int r = generation_new(pluton, bits, ret_key, &generation);

	if (r < 0)
		return r;
	generation->done = done;
	generation->userdata = userdata;
	completion.userdata = generation;
	request = generate_request(generation, exponent);
	r = operation_submit(pluton, &request, &completion, ret_id);
	if (r < 0)
		generation_free(generation);
	return r;
}

/* --- decryption ------------------------------------------------------------------------------- */

int pluton_rsa_decrypt(struct pluton *pluton, const struct pluton_rsa_request *request,
		       size_t *ret_length)
{
	return perform(pluton, COMMAND_DECRYPT, request, ret_length);
}

struct decryption {
	size_t *ret_length;
	size_t length_max;
	pluton_done_fn done;
	void *userdata;
};

static void decrypted(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	const struct decryption decryption = *(struct decryption *)userdata;
	int r = answer->status;

	free(userdata);
	if (r == 0 && answer->words[1] > decryption.length_max)
		r = connection_fail(pluton, -PLUTON_EBADRVAL, "a message longer than its room");
	if (r == 0)
		*decryption.ret_length = answer->words[1];
	if (decryption.done)
		decryption.done(pluton, r, decryption.userdata);
}

int pluton_rsa_decrypt_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     size_t *ret_length, pluton_done_fn done, void *userdata,
			     pluton_operation_id *ret_id)
{
	struct completion completion = {.told = decrypted, .drop = free};
	struct decryption *decryption = malloc(sizeof(*decryption));
	int r = check_either(pluton, COMMAND_DECRYPT, request);

	if (!decryption)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a decryption");
	if (r == 0) {
		*decryption = (struct decryption){
			ret_length, output_length(COMMAND_DECRYPT, request), done, userdata};
		completion.userdata = decryption;
		r = submit(pluton, COMMAND_DECRYPT, request, &completion, ret_id);
	}
	if (r < 0)
		free(decryption);
	return r;
}

/* --- the others ------------------------------------------------------------------------------- */

int pluton_rsa_sign(struct pluton *pluton, const struct pluton_rsa_request *request)
{
	return perform(pluton, COMMAND_SIGN, request, NULL);
}

int pluton_rsa_verify(struct pluton *pluton, const struct pluton_rsa_request *request)
{
	return perform(pluton, COMMAND_VERIFY, request, NULL);
}

int pluton_rsa_encrypt(struct pluton *pluton, const struct pluton_rsa_request *request)
{
	return perform(pluton, COMMAND_ENCRYPT, request, NULL);
}

int pluton_rsa_public(struct pluton *pluton, const struct pluton_rsa_request *request)
{
	return perform(pluton, COMMAND_PUBLIC, request, NULL);
}

int pluton_rsa_private(struct pluton *pluton, const struct pluton_rsa_request *request)
{
	return perform(pluton, COMMAND_PRIVATE, request, NULL);
}

static int submit_done(struct pluton *pluton, uint32_t command,
		       const struct pluton_rsa_request *request, pluton_done_fn done,
		       void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return submit(pluton, command, request, &completion, ret_id);
}

int pluton_rsa_sign_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit_done(pluton, COMMAND_SIGN, request, done, userdata, ret_id);
}

int pluton_rsa_verify_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit_done(pluton, COMMAND_VERIFY, request, done, userdata, ret_id);
}

int pluton_rsa_encrypt_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit_done(pluton, COMMAND_ENCRYPT, request, done, userdata, ret_id);
}

int pluton_rsa_public_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit_done(pluton, COMMAND_PUBLIC, request, done, userdata, ret_id);
}

int pluton_rsa_private_async(struct pluton *pluton, const struct pluton_rsa_request *request,
			     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit_done(pluton, COMMAND_PRIVATE, request, done, userdata, ret_id);
}
