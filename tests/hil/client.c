/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test client's callbacks. Each counts itself, gets into trouble if it is its turn, and then
 * moves bytes.
 */
#include "tests/hil/client.h"

#include <stdio.h>
#include <string.h>

static struct client *of_rng(struct rng_client *rng)
{
	return (struct client *)(void *)((char *)rng - offsetof(struct client, rng));
}

static struct client *of_digest(struct digest_client *digest)
{
	return (struct client *)(void *)((char *)digest - offsetof(struct client, digest));
}

static struct client *of_aes(struct aes_client *aes)
{
	return (struct client *)(void *)((char *)aes - offsetof(struct client, aes));
}

static struct client *of_mac(struct mac_client *mac)
{
	return (struct client *)(void *)((char *)mac - offsetof(struct client, mac));
}

static struct client *of_ecc(struct ecc_client *ecc)
{
	return (struct client *)(void *)((char *)ecc - offsetof(struct client, ecc));
}

static struct client *of_rsa(struct rsa_client *rsa)
{
	return (struct client *)(void *)((char *)rsa - offsetof(struct client, rsa));
}

static struct client *of_kdf(struct kdf_client *kdf)
{
	return (struct client *)(void *)((char *)kdf - offsetof(struct client, kdf));
}

static struct client *of_hwkey(struct hwkey_client *hwkey)
{
	return (struct client *)(void *)((char *)hwkey - offsetof(struct client, hwkey));
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- trouble --------------------------------------------------------------------------------- */

/* Flips one bit of its own input, as a process can do at any moment. */
static void change_input(const struct client *client)
{
	uint8_t *byte = (uint8_t *)(uintptr_t)&client->input[client->change_at];

	*byte ^= 0x01;
}

/* What this callback, which moves up to len bytes, must answer; false: it is free to do well. */
static bool meets_trouble(struct client *client, size_t len, ssize_t *ret_answer)
{
	if (++client->callbacks != client->trouble_at)
		return false;
	client->troubled = true;
	switch (client->trouble) {
	case TROUBLE_ERROR:
		*ret_answer = client->trouble_error;
		return true;
	case TROUBLE_ZERO:
		*ret_answer = 0;
		return true;
	case TROUBLE_TOO_MUCH:
		*ret_answer = (ssize_t)len + 1;
		return true;
	case TROUBLE_CANCEL:
		client->trouble_answer = client_cancel(client);
		return false;
	case TROUBLE_START:
		client->trouble_answer = client_start(client->other, client->engine);
		return false;
	case TROUBLE_CHANGE:
		change_input(client);
		return false;
	case TROUBLE_SCRIBBLE:
		client->output[client->change_at] ^= 0x01;
		return false;
	default:
		return false;
	}
}

/* What moves whole knows no count: there is nothing wrong with answering 0. */
static bool meets_whole_trouble(struct client *client, int *ret_answer)
{
	ssize_t answer;

	if (!meets_trouble(client, 0, &answer))
		return false;
	if (client->trouble != TROUBLE_ERROR) {
		client->troubled = false;
		return false;
	}
	*ret_answer = (int)answer;
	return true;
}

/* A lend cannot answer with an error. */
static bool meets_lend_trouble(struct client *client, size_t left, size_t *ret_len)
{
	ssize_t answer;

	if (!meets_trouble(client, left, &answer))
		return false;
	if (client->trouble == TROUBLE_ERROR) {
		client->troubled = false;
		return false;
	}
	*ret_len = (size_t)answer;
	return true;
}

/* --- moving bytes ---------------------------------------------------------------------------- */

static void count_reads(struct client *client, size_t cursor, size_t len)
{
	client->pulled += len;
	for (size_t i = cursor; i < smaller(cursor + len, CLIENT_LENGTH_MAX); i++)
		client->read_twice |= client->reads[i]++ > 0;
}

static ssize_t move(struct client *client, void *to, const void *from, size_t len, size_t chunk)
{
	size_t n = chunk ? smaller(len, chunk) : len;
	ssize_t answer;

	if (meets_trouble(client, len, &answer))
		return answer;
	memcpy(to, from, n);
	return (ssize_t)n;
}

static ssize_t pull(struct client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = move(client, buf, client->input + cursor, len, client->pull_chunk);

	if (n > 0 && (size_t)n <= len)
		count_reads(client, cursor, (size_t)n);
	return n;
}

static ssize_t push(struct client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = move(client, client->output + cursor, buf, len, client->push_chunk);

	if (n > 0 && (size_t)n <= len)
		client->pushed += (size_t)n;
	return n;
}

static int move_whole(struct client *client, void *to, const void *from, size_t len)
{
	int answer;

	if (meets_whole_trouble(client, &answer))
		return answer;
	memcpy(to, from, len);
	return 0;
}

static size_t lent_length(const struct client *client, size_t left)
{
	return client->lend_chunk ? smaller(left, client->lend_chunk) : left;
}

static const uint8_t *lend(struct client *client, size_t length, size_t cursor, size_t *ret_len)
{
	bool again = client->input_again && client->reads[cursor] > 0;

	client->lends++;
	if (meets_lend_trouble(client, length - cursor, ret_len))
		return client->input + cursor;
	*ret_len = lent_length(client, length - cursor);
	count_reads(client, cursor, *ret_len);
	return (again ? client->input_again : client->input) + cursor;
}

/* --- rng ------------------------------------------------------------------------------------- */

static ssize_t rng_push_output(struct rng_client *rng, const uint8_t *buf, size_t len,
			       size_t cursor)
{
	return push(of_rng(rng), buf, len, cursor);
}

static void finish(struct client *client, int result)
{
	client->dones++;
	client->result = result;
	if (client->on_done)
		client->on_done(client);
}

static void rng_done(struct rng_client *rng, int result)
{
	finish(of_rng(rng), result);
}

static const struct rng_client_ops rng_ops = {.push_output = rng_push_output, .done = rng_done};

/* --- digest ---------------------------------------------------------------------------------- */

static ssize_t digest_pull_input(struct digest_client *digest, uint8_t *buf, size_t len,
				 size_t cursor)
{
	return pull(of_digest(digest), buf, len, cursor);
}

static const uint8_t *digest_lend_input(struct digest_client *digest, size_t cursor,
					size_t *ret_len)
{
	struct client *client = of_digest(digest);

	return lend(client, client->digest_request.length, cursor, ret_len);
}

static int digest_push_digest(struct digest_client *digest, const uint8_t *bytes, size_t len)
{
	of_digest(digest)->digests++;
	return move_whole(of_digest(digest), of_digest(digest)->result_digest, bytes, len);
}

static int digest_pull_state(struct digest_client *digest, uint8_t *state, size_t len)
{
	of_digest(digest)->states_in++;
	return move_whole(of_digest(digest), state, of_digest(digest)->state, len);
}

static int digest_push_state(struct digest_client *digest, const uint8_t *state, size_t len)
{
	of_digest(digest)->states_out++;
	return move_whole(of_digest(digest), of_digest(digest)->state, state, len);
}

static void digest_done(struct digest_client *digest, int result)
{
	finish(of_digest(digest), result);
}

static const struct digest_client_ops digest_ops = {
	.pull_input = digest_pull_input,
	.lend_input = digest_lend_input,
	.push_digest = digest_push_digest,
	.pull_state = digest_pull_state,
	.push_state = digest_push_state,
	.done = digest_done,
};

/* --- aes ------------------------------------------------------------------------------------- */

static ssize_t aes_pull_input(struct aes_client *aes, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(of_aes(aes), buf, len, cursor);
}

static ssize_t aes_push_output(struct aes_client *aes, const uint8_t *buf, size_t len,
			       size_t cursor)
{
	return push(of_aes(aes), buf, len, cursor);
}

static ssize_t aes_pull_aad(struct aes_client *aes, uint8_t *buf, size_t len, size_t cursor)
{
	struct client *client = of_aes(aes);

	return move(client, buf, client->aad + cursor, len, client->pull_chunk);
}

static const uint8_t *aes_lend_input(struct aes_client *aes, size_t cursor, size_t *ret_len)
{
	return lend(of_aes(aes), of_aes(aes)->aes_request.length, cursor, ret_len);
}

static uint8_t *aes_lend_output(struct aes_client *aes, size_t cursor, size_t *ret_len)
{
	struct client *client = of_aes(aes);
	size_t left = client->aes_request.length - cursor;

	client->lends++;
	if (meets_lend_trouble(client, left, ret_len))
		return client->output + cursor;
	*ret_len = lent_length(client, left);
	client->pushed += *ret_len;
	return client->output + cursor;
}

static int aes_pull_key(struct aes_client *aes, uint8_t *key, size_t len)
{
	return move_whole(of_aes(aes), key, of_aes(aes)->key, len);
}

static int aes_pull_iv(struct aes_client *aes, uint8_t *iv, size_t len)
{
	return move_whole(of_aes(aes), iv, of_aes(aes)->iv, len);
}

static int aes_pull_tag(struct aes_client *aes, uint8_t *tag, size_t len)
{
	return move_whole(of_aes(aes), tag, of_aes(aes)->tag, len);
}

static int aes_push_iv(struct aes_client *aes, const uint8_t *iv, size_t len)
{
	return move_whole(of_aes(aes), of_aes(aes)->iv_out, iv, len);
}

static int aes_push_tag(struct aes_client *aes, const uint8_t *tag, size_t len)
{
	of_aes(aes)->tags_out++;
	return move_whole(of_aes(aes), of_aes(aes)->tag, tag, len);
}

static int aes_pull_state(struct aes_client *aes, uint8_t *state, size_t len)
{
	of_aes(aes)->states_in++;
	return move_whole(of_aes(aes), state, of_aes(aes)->state, len);
}

static int aes_push_state(struct aes_client *aes, const uint8_t *state, size_t len)
{
	of_aes(aes)->states_out++;
	return move_whole(of_aes(aes), of_aes(aes)->state, state, len);
}

static void aes_done(struct aes_client *aes, int result)
{
	finish(of_aes(aes), result);
}

static const struct aes_client_ops aes_ops = {
	.pull_input = aes_pull_input,
	.push_output = aes_push_output,
	.pull_aad = aes_pull_aad,
	.lend_input = aes_lend_input,
	.lend_output = aes_lend_output,
	.pull_key = aes_pull_key,
	.pull_iv = aes_pull_iv,
	.pull_ctr = aes_pull_iv,
	.pull_tag = aes_pull_tag,
	.push_iv = aes_push_iv,
	.push_tag = aes_push_tag,
	.pull_state = aes_pull_state,
	.push_state = aes_push_state,
	.done = aes_done,
};

/* --- mac ------------------------------------------------------------------------------------- */

static ssize_t mac_pull_input(struct mac_client *mac, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(of_mac(mac), buf, len, cursor);
}

static const uint8_t *mac_lend_input(struct mac_client *mac, size_t cursor, size_t *ret_len)
{
	return lend(of_mac(mac), of_mac(mac)->mac_request.length, cursor, ret_len);
}

static int mac_pull_key(struct mac_client *mac, uint8_t *key, size_t len)
{
	of_mac(mac)->keys++;
	return move_whole(of_mac(mac), key, of_mac(mac)->key, len);
}

static int mac_push_mac(struct mac_client *mac, const uint8_t *bytes, size_t len)
{
	of_mac(mac)->macs++;
	return move_whole(of_mac(mac), of_mac(mac)->result_mac, bytes, len);
}

static int mac_pull_mac(struct mac_client *mac, uint8_t *bytes, size_t len)
{
	of_mac(mac)->macs++;
	return move_whole(of_mac(mac), bytes, of_mac(mac)->result_mac, len);
}

static int mac_pull_state(struct mac_client *mac, uint8_t *state, size_t len)
{
	of_mac(mac)->states_in++;
	return move_whole(of_mac(mac), state, of_mac(mac)->state, len);
}

static int mac_push_state(struct mac_client *mac, const uint8_t *state, size_t len)
{
	of_mac(mac)->states_out++;
	return move_whole(of_mac(mac), of_mac(mac)->state, state, len);
}

static void mac_done(struct mac_client *mac, int result)
{
	finish(of_mac(mac), result);
}

static const struct mac_client_ops mac_ops = {
	.pull_input = mac_pull_input,
	.lend_input = mac_lend_input,
	.pull_key = mac_pull_key,
	.push_mac = mac_push_mac,
	.pull_mac = mac_pull_mac,
	.pull_state = mac_pull_state,
	.push_state = mac_push_state,
	.done = mac_done,
};

/* --- ecc ------------------------------------------------------------------------------------- */

static ssize_t ecc_pull_input(struct ecc_client *ecc, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(of_ecc(ecc), buf, len, cursor);
}

static const uint8_t *ecc_lend_input(struct ecc_client *ecc, size_t cursor, size_t *ret_len)
{
	return lend(of_ecc(ecc), of_ecc(ecc)->ecc_request.length, cursor, ret_len);
}

static int ecc_pull_key(struct ecc_client *ecc, uint8_t *key, size_t len)
{
	of_ecc(ecc)->keys++;
	return move_whole(of_ecc(ecc), key, of_ecc(ecc)->ecc_key, len);
}

static int ecc_pull_public(struct ecc_client *ecc, uint8_t *public, size_t len)
{
	return move_whole(of_ecc(ecc), public, of_ecc(ecc)->ecc_public, len);
}

static int ecc_pull_signature(struct ecc_client *ecc, uint8_t *signature, size_t len)
{
	return move_whole(of_ecc(ecc), signature, of_ecc(ecc)->ecc_signature, len);
}

static int ecc_push_key(struct ecc_client *ecc, const uint8_t *key, size_t len)
{
	return move_whole(of_ecc(ecc), of_ecc(ecc)->ecc_key, key, len);
}

static int ecc_push_public(struct ecc_client *ecc, const uint8_t *public, size_t len)
{
	return move_whole(of_ecc(ecc), of_ecc(ecc)->ecc_public, public, len);
}

static int ecc_push_signature(struct ecc_client *ecc, const uint8_t *signature, size_t len)
{
	return move_whole(of_ecc(ecc), of_ecc(ecc)->ecc_signature, signature, len);
}

static int ecc_push_secret(struct ecc_client *ecc, const uint8_t *secret, size_t len)
{
	return move_whole(of_ecc(ecc), of_ecc(ecc)->ecc_secret, secret, len);
}

static void ecc_done(struct ecc_client *ecc, int result)
{
	struct client *client = of_ecc(ecc);
	struct ecc_engine *engine = (struct ecc_engine *)(void *)client->engine;

	client->why = engine->ops->why(engine);
	finish(client, result);
}

static const struct ecc_client_ops ecc_ops = {
	.pull_input = ecc_pull_input,
	.lend_input = ecc_lend_input,
	.pull_key = ecc_pull_key,
	.pull_public = ecc_pull_public,
	.pull_signature = ecc_pull_signature,
	.push_key = ecc_push_key,
	.push_public = ecc_push_public,
	.push_signature = ecc_push_signature,
	.push_secret = ecc_push_secret,
	.done = ecc_done,
};

/* --- rsa ------------------------------------------------------------------------------------- */

static int rsa_pull_part(struct rsa_client *rsa, enum rsa_part part, uint8_t *number, size_t len)
{
	struct client *client = of_rsa(rsa);

	client->parts++;
	return move_whole(client, number,
			  client->rsa_key + rsa_part_offset(part, client->rsa_request.size), len);
}

static int rsa_push_part(struct rsa_client *rsa, enum rsa_part part, const uint8_t *number,
			 size_t len)
{
	struct client *client = of_rsa(rsa);

	client->parts++;
	return move_whole(client, client->rsa_key + rsa_part_offset(part, client->rsa_request.size),
			  number, len);
}

static ssize_t rsa_pull_label(struct rsa_client *rsa, uint8_t *buf, size_t len, size_t cursor)
{
	struct client *client = of_rsa(rsa);

	return move(client, buf, client->aad + cursor, len, client->pull_chunk);
}

static ssize_t rsa_pull_input(struct rsa_client *rsa, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(of_rsa(rsa), buf, len, cursor);
}

static ssize_t rsa_push_output(struct rsa_client *rsa, const uint8_t *buf, size_t len,
			       size_t cursor)
{
	return push(of_rsa(rsa), buf, len, cursor);
}

static int rsa_pull_signature(struct rsa_client *rsa, uint8_t *signature, size_t len)
{
	return move_whole(of_rsa(rsa), signature, of_rsa(rsa)->signature, len);
}

static void rsa_done(struct rsa_client *rsa, int result)
{
	finish(of_rsa(rsa), result);
}

static const struct rsa_client_ops rsa_ops = {
	.pull_part = rsa_pull_part,
	.push_part = rsa_push_part,
	.pull_label = rsa_pull_label,
	.pull_input = rsa_pull_input,
	.push_output = rsa_push_output,
	.pull_signature = rsa_pull_signature,
	.done = rsa_done,
};

/* --- kdf ------------------------------------------------------------------------------------- */

static int kdf_pull_salt(struct kdf_client *kdf, uint8_t *salt, size_t len)
{
	of_kdf(kdf)->salts++;
	return move_whole(of_kdf(kdf), salt, of_kdf(kdf)->salt, len);
}

static int kdf_pull_key(struct kdf_client *kdf, uint8_t *key, size_t len)
{
	of_kdf(kdf)->keys++;
	return move_whole(of_kdf(kdf), key, of_kdf(kdf)->key, len);
}

static int kdf_pull_label(struct kdf_client *kdf, uint8_t *label, size_t len)
{
	of_kdf(kdf)->labels++;
	return move_whole(of_kdf(kdf), label, of_kdf(kdf)->label, len);
}

static int kdf_pull_info(struct kdf_client *kdf, uint8_t *info, size_t len)
{
	of_kdf(kdf)->infos++;
	return move_whole(of_kdf(kdf), info, of_kdf(kdf)->info, len);
}

static ssize_t kdf_push_output(struct kdf_client *kdf, const uint8_t *buf, size_t len,
			       size_t cursor)
{
	return push(of_kdf(kdf), buf, len, cursor);
}

static void kdf_done(struct kdf_client *kdf, int result)
{
	finish(of_kdf(kdf), result);
}

static const struct kdf_client_ops kdf_ops = {
	.pull_salt = kdf_pull_salt,
	.pull_key = kdf_pull_key,
	.pull_label = kdf_pull_label,
	.pull_info = kdf_pull_info,
	.push_output = kdf_push_output,
	.done = kdf_done,
};

/* --- hwkey ----------------------------------------------------------------------------------- */

static ssize_t hwkey_pull_input(struct hwkey_client *hwkey, uint8_t *buf, size_t len, size_t cursor)
{
	return pull(of_hwkey(hwkey), buf, len, cursor);
}

static ssize_t hwkey_push_output(struct hwkey_client *hwkey, const uint8_t *buf, size_t len,
				 size_t cursor)
{
	return push(of_hwkey(hwkey), buf, len, cursor);
}

static void hwkey_done(struct hwkey_client *hwkey, int result)
{
	struct client *client = of_hwkey(hwkey);
	struct hwkey_engine *engine = (struct hwkey_engine *)(void *)client->engine;

	snprintf(client->why_copy, sizeof(client->why_copy), "%s", engine->ops->why(engine));
	client->why = client->why_copy;
	finish(client, result);
}

static const struct hwkey_client_ops hwkey_ops = {
	.pull_input = hwkey_pull_input,
	.push_output = hwkey_push_output,
	.done = hwkey_done,
};

/* --- asking ---------------------------------------------------------------------------------- */

void client_init(struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->rng.ops = &rng_ops;
	client->digest.ops = &client->digest_ops;
	client->aes.ops = &client->aes_ops;
	client->mac.ops = &client->mac_ops;
	client->ecc.ops = &client->ecc_ops;
	client->rsa.ops = &rsa_ops;
	client->kdf.ops = &kdf_ops;
	client->hwkey.ops = &hwkey_ops;
}

void client_wants_random(struct client *client, uint8_t *output, size_t length)
{
	client->kind = HIL_RNG;
	client->rng_request.length = length;
	client->output = output;
}

void client_wants_digest(struct client *client, enum hil_phase phase, const void *input,
			 size_t length)
{
	client->kind = HIL_DIGEST;
	client->digest_request = (struct digest_request){DIGEST_SHA256, phase, length};
	client->input = input;
}

void client_wants_aes(struct client *client, const uint8_t *input, uint8_t *output, size_t length)
{
	client->kind = HIL_AES;
	client->aes_request.length = length;
	client->input = input;
	client->output = output;
}

void client_wants_mac(struct client *client, enum hil_kind kind, const uint8_t *input,
		      size_t length)
{
	client->kind = kind;
	client->mac_request.length = length;
	client->input = input;
}

void client_wants_ecc(struct client *client, enum ecc_curve curve, enum ecc_action action,
		      const uint8_t *input, size_t length)
{
	client->kind = HIL_ECC;
	client->ecc_request =
		(struct ecc_request){.curve = curve, .action = action, .length = length};
	client->input = input;
}

void client_wants_rsa(struct client *client, enum rsa_action action, const uint8_t *input,
		      uint8_t *output, size_t length)
{
	client->kind = HIL_RSA;
	client->rsa_request.action = action;
	client->rsa_request.length = length;
	client->input = input;
	client->output = output;
}

void client_wants_kdf(struct client *client, uint8_t *output, size_t length)
{
	client->kind = HIL_KDF;
	client->kdf_request.length = length;
	client->output = output;
}

void client_wants_hwkey(struct client *client, enum hwkey_action action)
{
	client->kind = HIL_HWKEY;
	client->hwkey_request.action = action;
}

static void forget(struct client *client, struct hil_engine *engine)
{
	client->engine = engine;
	client->callbacks = 0;
	client->troubled = false;
	client->trouble_answer = 0;
	client->dones = 0;
	client->result = 0;
	client->pulled = client->pushed = 0;
	client->why = NULL;
	client->tags_out = client->digests = client->macs = client->keys = 0;
	client->salts = client->labels = client->infos = 0;
	client->states_in = client->states_out = 0;
	client->lends = 0;
	client->parts = 0;
	client->read_twice = false;
	memset(client->reads, 0, sizeof(client->reads));
	client->digest_ops = digest_ops;
	client->aes_ops = aes_ops;
	client->mac_ops = mac_ops;
	client->ecc_ops = ecc_ops;
	if (!client->lends_input) {
		client->digest_ops.lend_input = NULL;
		client->aes_ops.lend_input = NULL;
		client->mac_ops.lend_input = NULL;
		client->ecc_ops.lend_input = NULL;
	}
	if (!client->lends_output)
		client->aes_ops.lend_output = NULL;
}

int client_start(struct client *client, struct hil_engine *engine)
{
	struct rng_engine *rng = (struct rng_engine *)(void *)engine;
	struct digest_engine *digest = (struct digest_engine *)(void *)engine;
	struct aes_engine *aes = (struct aes_engine *)(void *)engine;
	struct mac_engine *mac = (struct mac_engine *)(void *)engine;
	struct ecc_engine *ecc = (struct ecc_engine *)(void *)engine;
	struct rsa_engine *rsa = (struct rsa_engine *)(void *)engine;
	struct kdf_engine *kdf = (struct kdf_engine *)(void *)engine;
	struct hwkey_engine *hwkey = (struct hwkey_engine *)(void *)engine;

	forget(client, engine);
	switch (client->kind) {
	case HIL_RNG:
		return rng->ops->start(rng, &client->rng_request, &client->rng);
	case HIL_DIGEST:
		return digest->ops->start(digest, &client->digest_request, &client->digest);
	case HIL_AES:
		return aes->ops->start(aes, &client->aes_request, &client->aes);
	case HIL_HMAC:
	case HIL_CMAC:
		return mac->ops->start(mac, &client->mac_request, &client->mac);
	case HIL_ECC:
		return ecc->ops->start(ecc, &client->ecc_request, &client->ecc);
	case HIL_RSA:
		return rsa->ops->start(rsa, &client->rsa_request, &client->rsa);
	case HIL_KDF:
		return kdf->ops->start(kdf, &client->kdf_request, &client->kdf);
	case HIL_HWKEY:
		return hwkey->ops->start(hwkey, &client->hwkey_request, &client->hwkey);
	default:
		return -PLUTON_ENOSUPPORT;
	}
}

int client_cancel(struct client *client)
{
	struct rng_engine *rng = (struct rng_engine *)(void *)client->engine;
	struct digest_engine *digest = (struct digest_engine *)(void *)client->engine;
	struct aes_engine *aes = (struct aes_engine *)(void *)client->engine;
	struct mac_engine *mac = (struct mac_engine *)(void *)client->engine;
	struct ecc_engine *ecc = (struct ecc_engine *)(void *)client->engine;
	struct rsa_engine *rsa = (struct rsa_engine *)(void *)client->engine;
	struct kdf_engine *kdf = (struct kdf_engine *)(void *)client->engine;
	struct hwkey_engine *hwkey = (struct hwkey_engine *)(void *)client->engine;

	switch (client->kind) {
	case HIL_RNG:
		return rng->ops->cancel(rng, &client->rng);
	case HIL_DIGEST:
		return digest->ops->cancel(digest, &client->digest);
	case HIL_AES:
		return aes->ops->cancel(aes, &client->aes);
	case HIL_HMAC:
	case HIL_CMAC:
		return mac->ops->cancel(mac, &client->mac);
	case HIL_ECC:
		return ecc->ops->cancel(ecc, &client->ecc);
	case HIL_RSA:
		return rsa->ops->cancel(rsa, &client->rsa);
	case HIL_KDF:
		return kdf->ops->cancel(kdf, &client->kdf);
	case HIL_HWKEY:
		return hwkey->ops->cancel(hwkey, &client->hwkey);
	default:
		return -PLUTON_ENOSUPPORT;
	}
}
