/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wycheproof's AES-GCM vectors (C2SP/wycheproof), where they lie beside the sources; they are not
 * part of the project. Those with a 96-bit IV and a 128-bit tag apply.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;

static json_object *load_vectors(void)
{
	const char *source = getenv("PLUTON_SOURCE");
	char path[4096];

	if (!source)
		return NULL;
	snprintf(path, sizeof(path), "%s/../shared/vectors/aes_gcm_test.json", source);
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

static int size_of(json_object *group, const char *name)
{
	return json_object_get_int(member(group, name)) / 8;
}

static bool applies(const struct bench *bench, json_object *group)
{
	return size_of(group, "ivSize") == 12 && size_of(group, "tagSize") == 16 &&
	       bench_aes_caps(bench)->key_sizes & (1u << (size_of(group, "keySize") / 8));
}

/* Sets up the encryption; `from` and `to` name the members that are input and output. */
static void set_vector(json_object *test, const char *from, const char *to)
{
	material_gcm_encrypt(&m, &client, 0, 0);
	client.aes_request.key_size = bytes_of(test, "key", m.key);
	client.aes_request.aad_length = bytes_of(test, "aad", m.aad);
	client.aes_request.length = bytes_of(test, from, m.input);
	bytes_of(test, "iv", m.iv);
	bytes_of(test, to, m.expected);
	bytes_of(test, "tag", m.tag);
}

static void run_vector(struct bench *bench, json_object *test)
{
	bool valid = strcmp(json_object_get_string(member(test, "result")), "valid") == 0;

	set_vector(test, "msg", "ct");
	if (valid) {
		EXPECT(bench_run(bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	set_vector(test, "ct", "msg");
	if (client.aes_request.length > bench_aes_caps(bench)->aead_scratch)
		return;
	client.aes_request.direction = AES_DECRYPT;
	memcpy(client.tag, m.tag, sizeof(client.tag));
	EXPECT(bench_run(bench, &client) == (valid ? 0 : -PLUTON_EINVAL));
	EXPECT(valid ? material_came_out(&m, &client) : material_is_untouched(&m));
}

static unsigned run_group(struct bench *bench, json_object *group)
{
	json_object *tests = member(group, "tests");
	size_t count = json_object_array_length(tests);

	for (size_t i = 0; i < count; i++)
		run_vector(bench, json_object_array_get_idx(tests, i));
	return (unsigned)count;
}

static void test_gcm_agrees_with_wycheproof(void)
{
	json_object *vectors = load_vectors(), *groups;
	struct bench bench;
	unsigned count = 0;

	if (!vectors)
		suite_skip("no ../shared/vectors beside the sources");
	groups = member(vectors, "testGroups");
	bench_open(&bench);
	for (size_t i = 0; i < json_object_array_length(groups); i++) {
		json_object *group = json_object_array_get_idx(groups, i);

		if (applies(&bench, group))
			count += run_group(&bench, group);
	}
	EXPECT(count > 50);
	bench_close(&bench);
	json_object_put(vectors);
}

const struct behaviour vector_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_gcm_agrees_with_wycheproof),
	{NULL, NULL, HIL_AES, false},
};
