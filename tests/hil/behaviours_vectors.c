/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wycheproof's vectors for AES-GCM and AES-CCM (C2SP/wycheproof), where they lie beside the
 * sources; they are not part of the project. Those whose sizes the mode has here apply, at every
 * chunking in turn; the others are refused.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

static json_object *load_vectors(const char *name)
{
	const char *source = getenv("PLUTON_SOURCE");
	char path[4096];

	if (!source)
		return NULL;
	snprintf(path, sizeof(path), "%s/../shared/vectors/%s", source, name);
	return json_object_from_file(path);
}

static json_object *member(json_object *object, const char *name)
{
	return json_object_object_get(object, name);
}

static size_t bytes_of(json_object *object, const char *name, uint8_t *ret_bytes)
{
	return material_hex(json_object_get_string(member(object, name)), ret_bytes);
}

static size_t size_of(json_object *group, const char *name)
{
	return (size_t)json_object_get_int(member(group, name)) / 8;
}

static bool has_key_size(const struct bench *bench, json_object *group)
{
	return bench_aes_caps(bench)->key_sizes & (1u << (size_of(group, "keySize") / 8));
}

static bool has_sizes(enum aes_mode mode, json_object *group)
{
	size_t iv_size = size_of(group, "ivSize");
	size_t min = mode == AES_GCM ? AES_GCM_IV_SIZE : AES_CCM_IV_SIZE_MIN;
	size_t max = mode == AES_GCM ? AES_GCM_IV_SIZE : AES_CCM_IV_SIZE_MAX;

	return iv_size >= min && iv_size <= max && aes_is_tag_size(mode, size_of(group, "tagSize"));
}

static void expect_refused(struct bench *bench, enum aes_mode mode, json_object *group)
{
	material_aead_encrypt(&m, &client, mode, 0, 16);
	client.aes_request.key_size = size_of(group, "keySize");
	client.aes_request.iv_size = size_of(group, "ivSize");
	client.aes_request.tag_size = size_of(group, "tagSize");
	EXPECT(bench_run(bench, &client) == -PLUTON_ESIZE);
}

/* Sets up the encryption; `from` and `to` name the members that are input and output. */
static void set_vector(enum aes_mode mode, json_object *test, const char *from, const char *to)
{
	material_aead_encrypt(&m, &client, mode, 0, 0);
	client.aes_request.key_size = bytes_of(test, "key", m.key);
	client.aes_request.aad_length = bytes_of(test, "aad", m.aad);
	client.aes_request.length = bytes_of(test, from, m.input);
	client.aes_request.iv_size = bytes_of(test, "iv", m.iv);
	bytes_of(test, to, m.expected);
	client.aes_request.tag_size = bytes_of(test, "tag", m.tag);
}

static void run_vector(struct bench *bench, enum aes_mode mode, json_object *test, size_t chunk)
{
	bool valid = strcmp(json_object_get_string(member(test, "result")), "valid") == 0;

	set_vector(mode, test, "msg", "ct");
	client.pull_chunk = client.push_chunk = chunk;
	if (valid) {
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	set_vector(mode, test, "ct", "msg");
	client.pull_chunk = client.push_chunk = chunk;
	if (client.aes_request.length > bench_aes_caps(bench)->aead_scratch)
		return;
	client.aes_request.direction = AES_DECRYPT;
	memcpy(client.tag, m.tag, sizeof(client.tag));
	EXPECT(bench_run(bench, &client) == (valid ? 0 : -PLUTON_EINVAL));
	EXPECT(valid ? material_came_out(&m, &client) : material_is_untouched(&m));
}

static unsigned run_group(struct bench *bench, enum aes_mode mode, json_object *group)
{
	json_object *tests = member(group, "tests");
	size_t count = json_object_array_length(tests);

	if (!has_key_size(bench, group))
		return 0;
	if (!has_sizes(mode, group)) {
		expect_refused(bench, mode, group);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		run_vector(bench, mode, json_object_array_get_idx(tests, i),
			   chunkings[i % CHUNKINGS]);
	return (unsigned)count;
}

static void run_groups(enum aes_mode mode, const char *name, unsigned at_least)
{
	json_object *vectors = load_vectors(name), *groups;
	struct bench bench;
	unsigned count = 0;

	if (!vectors)
		suite_skip("no ../shared/vectors beside the sources");
	groups = member(vectors, "testGroups");
	bench_open(&bench);
	for (size_t i = 0; i < json_object_array_length(groups); i++)
		count += run_group(&bench, mode, json_object_array_get_idx(groups, i));
	EXPECT(count > at_least);
	bench_close(&bench);
	json_object_put(vectors);
}

static void test_gcm_agrees_with_wycheproof(void)
{
	run_groups(AES_GCM, "aes_gcm_test.json", 50);
}

static void test_ccm_agrees_with_wycheproof(void)
{
	run_groups(AES_CCM, "aes_ccm_test.json", 200);
}

const struct behaviour vector_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_gcm_agrees_with_wycheproof),
	BEHAVIOUR_OF_AES(1u << AES_CCM, test_ccm_agrees_with_wycheproof),
	{NULL, NULL, HIL_AES, false, 0},
};
