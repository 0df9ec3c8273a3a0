/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NV memory: a secret that is made once and is there at every later start, and a counter of how
 * often it was used that changes together with it.
 *
 *	cc -o keep_secret keep_secret.c $(pkg-config --cflags --libs pluton)
 *	./keep_secret [forget]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pluton/nv.h>
#include <pluton/random.h>

#define SECRET "example.secret"
#define USES "example.uses"
#define SECRET_SIZE 32

/* A crash between the two would leave a secret that nobody counts: both, or neither. */
static int make(struct pluton *pluton)
{
	unsigned char secret[SECRET_SIZE];
	const uint32_t none = 0;
	const struct pluton_nv_change changes[] = {
		{SECRET, secret, sizeof(secret)},
		{USES, &none, sizeof(none)},
	};
	int r = pluton_random(pluton, secret, sizeof(secret));

	if (r == 0)
		r = pluton_nv_commit(pluton, changes, 2);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

static int count(struct pluton *pluton, uint32_t *ret_uses)
{
	size_t length;
	int r = pluton_nv_read(pluton, USES, 0, ret_uses, sizeof(*ret_uses), &length);

	if (r < 0)
		return r;
	++*ret_uses;
	return pluton_nv_write(pluton, USES, 0, ret_uses, sizeof(*ret_uses));
}

static int use(struct pluton *pluton)
{
	uint32_t uses;
	size_t length;
	void *secret;
	int r = pluton_nv_get(pluton, SECRET, &secret, &length);

	if (r == -PLUTON_ENODEVICE) {
		r = make(pluton);
		if (r == 0)
			r = pluton_nv_get(pluton, SECRET, &secret, &length);
	}
	if (r < 0)
		return r;
	r = count(pluton, &uses);
	if (r == 0)
		printf("a secret of %zu bytes, used %u times\n", length, uses);
	explicit_bzero(secret, length);
	free(secret);
	return r;
}

static int forget(struct pluton *pluton)
{
	const struct pluton_nv_change changes[] = {{SECRET, NULL, 0}, {USES, NULL, 0}};

	return pluton_nv_commit(pluton, changes, 2);
}

int main(int argc, char **argv)
{
	struct pluton *pluton;
	char message[256];
	int r = pluton_open_explained(NULL, &pluton, message, sizeof(message));

	if (r < 0) {
		fprintf(stderr, "keep_secret: %s (%s)\n", message, pluton_error_name(r));
		return EXIT_FAILURE;
	}
	r = argc > 1 && strcmp(argv[1], "forget") == 0 ? forget(pluton) : use(pluton);
	if (r < 0)
		fprintf(stderr, "keep_secret: %s (%s)\n", pluton_error_message(pluton),
			pluton_error_name(r));
	pluton_close(pluton);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
