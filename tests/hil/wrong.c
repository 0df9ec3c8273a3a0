/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client keeps its callbacks but those through which something comes out: those are ours while
 * its operation lasts.
 */
#include "tests/hil/wrong.h"

#include <stdlib.h>
#include <string.h>

#include "hil/selftest-core.h"

#define PIECE_MAX 4096u

union client_ops {
	struct rng_client_ops rng;
	struct digest_client_ops digest;
	struct aes_client_ops aes;
	struct mac_client_ops mac;
	struct ecc_client_ops ecc;
	struct rsa_client_ops rsa;
	struct kdf_client_ops kdf;
	struct hwkey_client_ops hwkey;
};

struct slot {
	struct wrong *wrong;
	void *client; /* NULL: free */
	const void *original;
	union client_ops ops;
	enum wrong_how how; /* for this operation */
	bool hangs;
	bool cancelled;
	union {
		struct rng_request rng;
		struct digest_request digest;
		struct aes_request aes;
		struct mac_request mac;
		struct ecc_request ecc;
		struct rsa_request rsa;
		struct kdf_request kdf;
		struct hwkey_request hwkey;
	} request;
};

struct wrong {
	union {
		struct hil_engine head;
		struct rng_engine rng;
		struct digest_engine digest;
		struct aes_engine aes;
		struct mac_engine mac;
		struct ecc_engine ecc;
		struct rsa_engine rsa;
		struct kdf_engine kdf;
		struct hwkey_engine hwkey;
	} engine;
	struct hil_engine *inner;
	struct hil_watcher watcher;
	const struct selftest_kind *kind;
	struct deferred_call wake;
	enum wrong_how how;
	unsigned algorithm;
	unsigned starts;
};

#define SLOTS 32u
static struct slot slots[SLOTS];

static struct slot *find(const void *client)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].client == client)
			return &slots[i];
	}
	abort();
}

/* --- what comes out -------------------------------------------------------------------------- */

static const uint8_t *twist(const struct slot *slot, const uint8_t *buf, size_t len, uint8_t *room)
{
	if (len > PIECE_MAX)
		abort();
	memcpy(room, buf, len);
	if (slot->how == WRONG_BYTES)
		room[len / 2] ^= 0x10;
	if (slot->how == WRONG_STUCK)
		memset(room, 0, len);
	for (size_t i = 0; slot->how == WRONG_REPEATS && i < len; i++)
		room[i] = (uint8_t)(i * i + 7 * i);
	return room;
}

static int verdict(const struct slot *slot, int result)
{
	if (slot->how == WRONG_VERDICT && result == -PLUTON_EINVAL)
		return 0;
	if (slot->how == WRONG_ERROR)
		return -PLUTON_EFAIL;
	return slot->how == WRONG_NOMEM ? -PLUTON_ENOMEM : result;
}

#define PUSHES_AT(hil, name)                                                                       \
	static ssize_t hil##_##name(struct hil##_client *client, const uint8_t *buf, size_t len,   \
				    size_t cursor)                                                 \
	{                                                                                          \
		struct slot *slot = find(client);                                                  \
		const struct hil##_client_ops *original = slot->original;                          \
		uint8_t room[PIECE_MAX];                                                           \
                                                                                                   \
		if (slot->how == WRONG_SHORT)                                                      \
			return (ssize_t)len;                                                       \
		return original->name(client, twist(slot, buf, len, room), len, cursor);           \
	}
#define PUSHES(hil, name)                                                                          \
	static int hil##_##name(struct hil##_client *client, const uint8_t *buf, size_t len)       \
	{                                                                                          \
		struct slot *slot = find(client);                                                  \
		const struct hil##_client_ops *original = slot->original;                          \
		uint8_t room[PIECE_MAX];                                                           \
                                                                                                   \
		if (slot->how == WRONG_SHORT)                                                      \
			return 0;                                                                  \
		return original->name(client, twist(slot, buf, len, room), len);                   \
	}

PUSHES_AT(rng, push_output)
PUSHES(digest, push_digest)
PUSHES_AT(aes, push_output)
PUSHES(aes, push_tag)
PUSHES(mac, push_mac)
PUSHES(ecc, push_key)
PUSHES(ecc, push_public)
PUSHES(ecc, push_signature)
PUSHES(ecc, push_secret)
PUSHES_AT(rsa, push_output)
PUSHES_AT(kdf, push_output)
PUSHES_AT(hwkey, push_output)

/* --- an operation ---------------------------------------------------------------------------- */

static struct slot *take(struct hil_engine *engine, void *client, const void *request)
{
	struct wrong *wrong = (struct wrong *)(void *)engine;
	struct slot *slot = find(NULL);
	bool meant = wrong->kind->algorithm_of(request) == wrong->algorithm;

	wrong->starts++;
	*slot = (struct slot){
		.wrong = wrong, .client = client, .how = meant ? wrong->how : WRONG_NOT};
	slot->hangs = slot->how == WRONG_HANGS || slot->how == WRONG_LEFT_ALONE;
	return slot;
}

#define HIL(hil, push_members)                                                                     \
	static void hil##_done(struct hil##_client *client, int result)                            \
	{                                                                                          \
		struct slot *slot = find(client);                                                  \
                                                                                                   \
		client->ops = slot->original;                                                      \
		result = verdict(slot, result);                                                    \
		*slot = (struct slot){0};                                                          \
		client->ops->done(client, result);                                                 \
	}                                                                                          \
	static int hil##_go(struct slot *slot)                                                     \
	{                                                                                          \
		struct hil##_client *client = slot->client;                                        \
		struct hil##_engine *inner = (struct hil##_engine *)(void *)slot->wrong->inner;    \
		int r;                                                                             \
                                                                                                   \
		slot->ops.hil = *(const struct hil##_client_ops *)slot->original;                  \
		push_members slot->ops.hil.done = hil##_done;                                      \
		client->ops = &slot->ops.hil;                                                      \
		r = inner->ops->start(inner, &slot->request.hil, client);                          \
		if (r < 0) {                                                                       \
			client->ops = slot->original;                                              \
			*slot = (struct slot){0};                                                  \
		}                                                                                  \
		return r;                                                                          \
	}                                                                                          \
	static int hil##_start(struct hil##_engine *engine, const struct hil##_request *request,   \
			       struct hil##_client *client)                                        \
	{                                                                                          \
		struct slot *slot = take(&engine->head, client, request);                          \
                                                                                                   \
		slot->request.hil = *request;                                                      \
		slot->original = client->ops;                                                      \
		return slot->hangs ? 0 : hil##_go(slot);                                           \
	}                                                                                          \
	static int hil##_cancel(struct hil##_engine *engine, struct hil##_client *client)          \
	{                                                                                          \
		struct wrong *wrong = (struct wrong *)(void *)engine;                              \
		struct hil##_engine *inner = (struct hil##_engine *)(void *)wrong->inner;          \
		struct slot *slot = find(client);                                                  \
                                                                                                   \
		if (!slot->hangs)                                                                  \
			return inner->ops->cancel(inner, client);                                  \
		slot->cancelled = true;                                                            \
		if (slot->how == WRONG_HANGS)                                                      \
			deferred_call_set(&wrong->wake);                                           \
		return 0;                                                                          \
	}                                                                                          \
	static void hil##_wake(struct slot *slot)                                                  \
	{                                                                                          \
		struct hil##_client *client = slot->client;                                        \
		bool cancelled = slot->cancelled;                                                  \
                                                                                                   \
		slot->hangs = false;                                                               \
		slot->how = WRONG_NOT;                                                             \
		if (!cancelled && hil##_go(slot) == 0)                                             \
			return;                                                                    \
		*slot = (struct slot){0};                                                          \
		client->ops->done(client, -PLUTON_ECANCEL);                                        \
	}                                                                                          \
	static const struct hil##_engine_ops hil##_ops

HIL(rng, slot->ops.rng.push_output = rng_push_output;) = {.start = rng_start, .cancel = rng_cancel};
HIL(digest, slot->ops.digest.push_digest = digest_push_digest;
    slot->ops.digest.lend_input = NULL;) = {.start = digest_start, .cancel = digest_cancel};
HIL(aes, slot->ops.aes.push_output = aes_push_output; slot->ops.aes.push_tag = aes_push_tag;
    slot->ops.aes.lend_output = NULL;) = {.start = aes_start, .cancel = aes_cancel};
HIL(mac, slot->ops.mac.push_mac = mac_push_mac;) = {.start = mac_start, .cancel = mac_cancel};

static const char *ecc_why(struct ecc_engine *engine)
{
	(void)engine;
	return "";
}

HIL(ecc, slot->ops.ecc.push_key = ecc_push_key; slot->ops.ecc.push_public = ecc_push_public;
    slot->ops.ecc.push_signature = ecc_push_signature;
    slot->ops.ecc.push_secret = ecc_push_secret;) = {
	.start = ecc_start, .cancel = ecc_cancel, .why = ecc_why};

static const char *rsa_why(struct rsa_engine *engine)
{
	(void)engine;
	return "";
}

HIL(rsa, slot->ops.rsa.push_output = rsa_push_output;) = {
	.start = rsa_start, .cancel = rsa_cancel, .why = rsa_why};

HIL(kdf, slot->ops.kdf.push_output = kdf_push_output;) = {.start = kdf_start, .cancel = kdf_cancel};

static const char *hwkey_why(struct hwkey_engine *engine)
{
	(void)engine;
	return "";
}

static struct hwkey_engine *slots_of(struct hwkey_engine *engine)
{
	return (struct hwkey_engine *)(void *)((struct wrong *)(void *)engine)->inner;
}

static int hwkey_find(struct hwkey_engine *engine, const struct hwkey_name *name,
		      struct hwkey_about *ret)
{
	return slots_of(engine)->ops->find(slots_of(engine), name, ret);
}

static uint32_t hwkey_next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	return slots_of(engine)->ops->next(slots_of(engine), owner, after);
}

static uint32_t hwkey_first_unused(struct hwkey_engine *engine, const char *owner)
{
	return slots_of(engine)->ops->unused(slots_of(engine), owner);
}

HIL(hwkey, slot->ops.hwkey.push_output = hwkey_push_output;) = {.start = hwkey_start,
								.cancel = hwkey_cancel,
								.why = hwkey_why,
								.find = hwkey_find,
								.next = hwkey_next,
								.unused = hwkey_first_unused};

/* --- the engine ------------------------------------------------------------------------------ */

static void wake_slot(struct slot *slot)
{
	switch (slot->wrong->inner->kind) {
	case HIL_RNG:
		rng_wake(slot);
		break;
	case HIL_DIGEST:
		digest_wake(slot);
		break;
	case HIL_AES:
		aes_wake(slot);
		break;
	case HIL_ECC:
		ecc_wake(slot);
		break;
	case HIL_RSA:
		rsa_wake(slot);
		break;
	case HIL_KDF:
		kdf_wake(slot);
		break;
	case HIL_HWKEY:
		hwkey_wake(slot);
		break;
	default:
		mac_wake(slot);
		break;
	}
}

static void wake(struct deferred_call *call)
{
	const struct wrong *wrong =
		(struct wrong *)(void *)((char *)call - offsetof(struct wrong, wake));

	for (unsigned i = 0; i < SLOTS; i++) {
		bool may_end = slots[i].how == WRONG_HANGS && slots[i].cancelled;

		if (slots[i].wrong == wrong && slots[i].hangs && (may_end || !wrong->how))
			wake_slot(&slots[i]);
	}
}

static void copy_engine(struct wrong *wrong)
{
	struct hil_watcher *watchers = wrong->engine.head.watchers;

	switch (wrong->inner->kind) {
	case HIL_RNG:
		wrong->engine.rng = *(const struct rng_engine *)(const void *)wrong->inner;
		wrong->engine.rng.ops = &rng_ops;
		break;
	case HIL_DIGEST:
		wrong->engine.digest = *(const struct digest_engine *)(const void *)wrong->inner;
		wrong->engine.digest.ops = &digest_ops;
		break;
	case HIL_AES:
		wrong->engine.aes = *(const struct aes_engine *)(const void *)wrong->inner;
		wrong->engine.aes.ops = &aes_ops;
		break;
	case HIL_ECC:
		wrong->engine.ecc = *(const struct ecc_engine *)(const void *)wrong->inner;
		wrong->engine.ecc.ops = &ecc_ops;
		break;
	case HIL_RSA:
		wrong->engine.rsa = *(const struct rsa_engine *)(const void *)wrong->inner;
		wrong->engine.rsa.ops = &rsa_ops;
		break;
	case HIL_KDF:
		wrong->engine.kdf = *(const struct kdf_engine *)(const void *)wrong->inner;
		wrong->engine.kdf.ops = &kdf_ops;
		break;
	case HIL_HWKEY:
		wrong->engine.hwkey = *(const struct hwkey_engine *)(const void *)wrong->inner;
		wrong->engine.hwkey.ops = &hwkey_ops;
		break;
	default:
		wrong->engine.mac = *(const struct mac_engine *)(const void *)wrong->inner;
		wrong->engine.mac.ops = &mac_ops;
		break;
	}
	wrong->engine.head.watchers = watchers;
}

static void changed(struct hil_watcher *watcher)
{
	struct wrong *wrong =
		(struct wrong *)(void *)((char *)watcher - offsetof(struct wrong, watcher));

	copy_engine(wrong);
	hil_engine_changed(&wrong->engine.head);
}

int wrong_open(struct hil_engine *inner, struct deferred_queue *deferred, struct wrong **ret)
{
	struct wrong *wrong = calloc(1, sizeof(*wrong));

	if (!wrong)
		return -PLUTON_ENOMEM;
	wrong->inner = inner;
	wrong->kind = selftest_kind_of(inner->kind);
	deferred_call_init(&wrong->wake, deferred, wake);
	copy_engine(wrong);
	wrong->watcher.changed = changed;
	hil_engine_watch(inner, &wrong->watcher);
	*ret = wrong;
	return 0;
}

void wrong_close(struct wrong *wrong)
{
	deferred_call_drop(&wrong->wake);
	free(wrong);
}

struct hil_engine *wrong_engine(struct wrong *wrong)
{
	return &wrong->engine.head;
}

void wrong_set(struct wrong *wrong, enum wrong_how how, unsigned algorithm)
{
	wrong->how = how;
	wrong->algorithm = algorithm;
	deferred_call_set(&wrong->wake);
}

bool wrong_works(const struct wrong *wrong)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].wrong == wrong && !slots[i].hangs)
			return true;
	}
	return false;
}

unsigned wrong_starts(const struct wrong *wrong)
{
	return wrong->starts;
}
