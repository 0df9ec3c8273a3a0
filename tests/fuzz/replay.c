/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer's target without a fuzzer, for every build: replay FILE... gives it each file as it is,
 * and then spoiled in some ways, which are the same in every run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 65536u
#define VARIANTS 100u
#define SPOILS_MAX 4u /* of one variant */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint32_t draw(uint32_t *random, size_t below)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 8) % (uint32_t)below;
}

/* The new size. */
static size_t spoil(uint8_t *bytes, size_t size, uint32_t *random)
{
	size_t at = draw(random, size), from = draw(random, size);
	size_t length = 1 + draw(random, size - (at > from ? at : from));

	switch (draw(random, 4)) {
	case 0:
		bytes[at] = (uint8_t)draw(random, 256);
		break;
	case 1:
		bytes[at] ^= (uint8_t)(1u << draw(random, 8));
		break;
	case 2:
		memmove(bytes + at, bytes + from, length);
		break;
	default:
		return at + 1;
	}
	return size;
}

/* In memory of its own size, so that a sanitizer sees what is read behind it. */
static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void replay(const uint8_t *bytes, size_t size)
{
	static uint8_t spoiled[INPUT_MAX];
	uint32_t random = 1;

	run(bytes, size);
	for (unsigned i = 0; i < VARIANTS && size > 0; i++) {
		size_t length = size;

		memcpy(spoiled, bytes, size);
		for (uint32_t n = 1 + draw(&random, SPOILS_MAX); n > 0; n--)
			length = spoil(spoiled, length, &random);
		run(spoiled, length);
	}
}

int main(int argc, char **argv)
{
	static uint8_t bytes[INPUT_MAX];

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "re");
		size_t size;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		fprintf(stderr, "%s\n", argv[i]); /* the last one, if it ends here */
		replay(bytes, size);
	}
	return 0;
}
