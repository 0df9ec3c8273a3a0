/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NIST's own vectors (CAVP: AESAVS for ECB and CBC, CCMVS) as Debian's python3-cryptography-vectors
 * has them; without that package these tests say so and are skipped. Each vector is tried both ways
 * and at another chunking than the one before it.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"

#define FOLDER "/usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/"
#define VALUE_MAX 1024u /* digits */

static struct material m;
static struct client client;

/* What a file has said last. Sizes stand at its top or in the head of a section. */
enum field {
	FIELD_KEY,
	FIELD_IV,
	FIELD_AAD,
	FIELD_PLAINTEXT,
	FIELD_CIPHERTEXT,
	FIELD_AAD_SIZE,
	FIELD_SIZE,
	FIELD_IV_SIZE,
	FIELD_TAG_SIZE,
	FIELDS
};

struct vectors {
	enum aes_mode mode;
	unsigned count;
	char values[FIELDS][VALUE_MAX + 1];
	bool has[FIELDS];
};

static const struct {
	const char *name;
	enum field field;
} names[] = {
	{"KEY", FIELD_KEY},
	{"IV", FIELD_IV},
	{"Nonce", FIELD_IV},
	{"Adata", FIELD_AAD},
	{"PLAINTEXT", FIELD_PLAINTEXT},
	{"Payload", FIELD_PLAINTEXT},
	{"CIPHERTEXT", FIELD_CIPHERTEXT},
	{"CT", FIELD_CIPHERTEXT},
	{"Alen", FIELD_AAD_SIZE},
	{"Plen", FIELD_SIZE},
	{"Nlen", FIELD_IV_SIZE},
	{"Tlen", FIELD_TAG_SIZE},
};

static size_t size_of(const struct vectors *vectors, enum field field)
{
	return (size_t)strtoul(vectors->values[field], NULL, 10);
}

static size_t bytes_of(const struct vectors *vectors, enum field field, uint8_t *ret_bytes)
{
	return material_hex(vectors->values[field], ret_bytes);
}

/* --- one vector ------------------------------------------------------------------------------ */

static void set_blocks(const struct vectors *vectors)
{
	material_blocks(&m, &client, vectors->mode, 0);
	client.aes_request.key_size = bytes_of(vectors, FIELD_KEY, m.key);
	client.aes_request.length = bytes_of(vectors, FIELD_PLAINTEXT, m.input);
	bytes_of(vectors, FIELD_CIPHERTEXT, m.expected);
	bytes_of(vectors, FIELD_IV, m.iv);
}

/* What is empty is written as one byte of zero there; the tag stands behind the ciphertext. */
static void set_ccm(const struct vectors *vectors)
{
	size_t length = size_of(vectors, FIELD_SIZE);

	material_aead_encrypt(&m, &client, AES_CCM, 0, 0);
	client.aes_request.key_size = bytes_of(vectors, FIELD_KEY, m.key);
	client.aes_request.iv_size = bytes_of(vectors, FIELD_IV, m.iv);
	client.aes_request.tag_size = size_of(vectors, FIELD_TAG_SIZE);
	client.aes_request.aad_length = size_of(vectors, FIELD_AAD_SIZE);
	client.aes_request.length = length;
	bytes_of(vectors, FIELD_AAD, m.aad);
	bytes_of(vectors, FIELD_PLAINTEXT, m.input);
	bytes_of(vectors, FIELD_CIPHERTEXT, m.expected);
	memcpy(m.tag, m.expected + length, client.aes_request.tag_size);
}

static void run_both_ways(struct bench *bench, struct vectors *vectors)
{
	client.pull_chunk = client.lend_chunk = chunkings[vectors->count % CHUNKINGS];
	client.push_chunk = chunkings[vectors->count / 3 % CHUNKINGS];
	client.lends_input = vectors->count & 1;
	client.lends_output = vectors->count & 2;
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	material_turn_around(&m, &client);
	material_clear(&m);
	EXPECT(bench_run(bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	vectors->count++;
}

static void run_vector(struct bench *bench, struct vectors *vectors)
{
	if (vectors->mode == AES_CCM)
		set_ccm(vectors);
	else
		set_blocks(vectors);
	if (bench_aes_caps(bench)->key_sizes & (1u << (client.aes_request.key_size / 8)))
		run_both_ways(bench, vectors);
	vectors->has[FIELD_PLAINTEXT] = vectors->has[FIELD_CIPHERTEXT] = false;
}

/* --- a file ---------------------------------------------------------------------------------- */

static void take_value(struct vectors *vectors, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(names[i].name, name) != 0)
			continue;
		snprintf(vectors->values[names[i].field], VALUE_MAX + 1, "%s", value);
		vectors->has[names[i].field] = true;
	}
}

/* "KEY = 00", or the head of a section: "[Alen = 0, Plen = 0]". */
static void take_line(struct vectors *vectors, char *line)
{
	char *rest, *part;

	for (part = strtok_r(line, "[],\r\n", &rest); part;
	     part = strtok_r(NULL, "[],\r\n", &rest)) {
		char name[32], value[VALUE_MAX + 1] = "";

		if (sscanf(part, " %31[A-Za-z] = %1024s", name, value) >= 1)
			take_value(vectors, name, value);
	}
}

static void run_file(struct bench *bench, struct vectors *vectors, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[2 * VALUE_MAX];

	EXPECT(file != NULL);
	while (file && fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		take_line(vectors, line);
		if (vectors->has[FIELD_PLAINTEXT] && vectors->has[FIELD_CIPHERTEXT])
			run_vector(bench, vectors);
	}
	if (file)
		fclose(file);
}

static unsigned run_files(enum aes_mode mode, const char *pattern)
{
	static struct vectors vectors;
	struct bench bench;
	glob_t files;

	if (glob(pattern, 0, NULL, &files) != 0)
		suite_skip("no package python3-cryptography-vectors");
	vectors = (struct vectors){.mode = mode};
	bench_open(&bench);
	for (size_t i = 0; i < files.gl_pathc; i++)
		run_file(&bench, &vectors, files.gl_pathv[i]);
	bench_close(&bench);
	globfree(&files);
	return vectors.count;
}

static void test_ecb_agrees_with_nists_vectors(void)
{
	EXPECT(run_files(AES_ECB, FOLDER "ECB/ECB*.rsp") > 1000);
}

static void test_cbc_agrees_with_nists_vectors(void)
{
	EXPECT(run_files(AES_CBC, FOLDER "CBC/CBC*.rsp") > 1000);
}

static void test_ccm_agrees_with_nists_vectors(void)
{
	EXPECT(run_files(AES_CCM, FOLDER "CCM/V*.rsp") > 1000);
}

const struct behaviour nist_behaviours[] = {
	BEHAVIOUR_OF_AES(1u << AES_ECB, test_ecb_agrees_with_nists_vectors),
	BEHAVIOUR_OF_AES(1u << AES_CBC, test_cbc_agrees_with_nists_vectors),
	BEHAVIOUR_OF_AES(1u << AES_CCM, test_ccm_agrees_with_nists_vectors),
	{NULL, NULL, HIL_AES, false, 0},
};
