/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synchronous calls: 16 random bytes, and the SHA-256 digest of a file of any size.
 *
 *	cc -o hash_file hash_file.c $(pkg-config --cflags --libs pluton)
 *	./hash_file [FILE]
 */
#include <stdio.h>
#include <stdlib.h>

#include <pluton/digest.h>
#include <pluton/random.h>

static void print_hex(const unsigned char *bytes, size_t size, const char *label)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("  %s\n", label);
}

static int print_random(struct pluton *pluton)
{
	unsigned char bytes[16];
	int r = pluton_random(pluton, bytes, sizeof(bytes));

	if (r == 0)
		print_hex(bytes, sizeof(bytes), "random");
	return r;
}

/* Piece by piece: the daemon keeps the state between two calls. */
static int hash(struct pluton *pluton, FILE *file, unsigned char digest[PLUTON_DIGEST_SIZE_MAX])
{
	static unsigned char piece[1 << 20];
	struct pluton_digest_stream stream;
	size_t n;
	int r = pluton_digest_begin(pluton, PLUTON_SHA256, &stream);

	while (r == 0 && (n = fread(piece, 1, sizeof(piece), file)) > 0)
		r = pluton_digest_update(pluton, &stream, piece, n);
	if (r == 0)
		r = pluton_digest_finish(pluton, &stream, digest, PLUTON_DIGEST_SIZE_MAX);
	return r;
}

static int print_hash(struct pluton *pluton, const char *path)
{
	unsigned char digest[PLUTON_DIGEST_SIZE_MAX];
	FILE *file = fopen(path, "rb");
	int r;

	if (!file) {
		perror(path);
		return EXIT_FAILURE;
	}
	r = hash(pluton, file, digest);
	fclose(file);
	if (r == 0)
		print_hex(digest, pluton_digest_size(PLUTON_SHA256), path);
	return r;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/proc/self/exe";
	struct pluton *pluton;
	char message[256];
	int r = pluton_open_explained(NULL, &pluton, message, sizeof(message));

	if (r < 0) {
		fprintf(stderr, "hash_file: %s (%s)\n", message, pluton_error_name(r));
		return EXIT_FAILURE;
	}
	r = print_random(pluton);
	if (r == 0)
		r = print_hash(pluton, path);
	if (r < 0)
		fprintf(stderr, "hash_file: %s (%s)\n", pluton_error_message(pluton),
			pluton_error_name(r));
	pluton_close(pluton);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
