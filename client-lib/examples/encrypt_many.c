/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The asynchronous calls with a poll loop of our own: several messages are encrypted with
 * AES-256-GCM at once, each under its own random IV, and decrypted again when they come back.
 *
 *	cc -o encrypt_many encrypt_many.c $(pkg-config --cflags --libs pluton)
 *	./encrypt_many
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pluton/aes.h>
#include <pluton/random.h>

#define MESSAGES 8
#define SIZE 60000

static unsigned char key[32];

/* What stays in place until its callbacks have run. */
struct message {
	unsigned number;
	unsigned char iv[PLUTON_AES_GCM_IV_SIZE];
	unsigned char tag[PLUTON_AES_TAG_SIZE];
	unsigned char *plain;
	unsigned char *sealed;
	unsigned char *opened;
	unsigned *under_way;
	int status;
};

static struct pluton_aes_gcm_request request_of(struct message *message)
{
	return (struct pluton_aes_gcm_request){
		.key = key,
		.key_size = sizeof(key),
		.iv = message->iv,
		.input = message->plain,
		.output = message->sealed,
		.length = SIZE,
		.tag = message->tag,
	};
}

static void on_opened(struct pluton *pluton, int status, void *userdata)
{
	struct message *message = userdata;

	(void)pluton;
	message->status = status;
	if (status == 0 && memcmp(message->plain, message->opened, SIZE) != 0)
		message->status = -PLUTON_EFAIL;
	printf("message %u: %s\n", message->number, pluton_error_text(message->status));
	--*message->under_way;
}

/* A callback may start the next operation. */
static void on_sealed(struct pluton *pluton, int status, void *userdata)
{
	struct message *message = userdata;
	struct pluton_aes_gcm_request request = request_of(message);

	request.input = message->sealed;
	request.output = message->opened;
	if (status == 0)
		status = pluton_aes_gcm_decrypt_async(pluton, &request, on_opened, message, NULL);
	if (status < 0)
		on_opened(pluton, status, message);
}

/* In memory shared with the daemon nothing is copied; ordinary memory would do as well. */
static int start(struct pluton *pluton, struct message *message)
{
	struct pluton_aes_gcm_request request;
	int r = pluton_random(pluton, message->iv, sizeof(message->iv));

	message->plain = pluton_alloc(pluton, SIZE);
	message->sealed = pluton_alloc(pluton, SIZE);
	message->opened = pluton_alloc(pluton, SIZE);
	if (!message->plain || !message->sealed || !message->opened)
		return -PLUTON_ENOMEM;
	memset(message->plain, 'a' + (int)message->number, SIZE);
	request = request_of(message);
	if (r == 0)
		r = pluton_aes_gcm_encrypt_async(pluton, &request, on_sealed, message, NULL);
	if (r == 0)
		++*message->under_way;
	return r;
}

static int loop(struct pluton *pluton, const unsigned *under_way)
{
	while (*under_way > 0) {
		struct pollfd fd = {.fd = pluton_get_fd(pluton),
				    .events = pluton_get_events(pluton)};
		int r;

		if (poll(&fd, 1, -1) < 0)
			continue; /* a signal */
		r = pluton_dispatch(pluton);
		if (r < 0)
			return r;
	}
	return 0;
}

static int encrypt_all(struct pluton *pluton, struct message *messages)
{
	unsigned under_way = 0;
	int r = pluton_random(pluton, key, sizeof(key));

	for (unsigned i = 0; i < MESSAGES && r == 0; i++) {
		messages[i] = (struct message){.number = i, .under_way = &under_way};
		r = start(pluton, &messages[i]);
	}
	if (r == 0)
		r = loop(pluton, &under_way);
	for (unsigned i = 0; i < MESSAGES && r == 0; i++)
		r = messages[i].status;
	return r;
}

int main(void)
{
	struct message messages[MESSAGES];
	struct pluton *pluton;
	char text[256];
	int r = pluton_open_explained(NULL, &pluton, text, sizeof(text));

	if (r < 0) {
		fprintf(stderr, "encrypt_many: %s (%s)\n", text, pluton_error_name(r));
		return EXIT_FAILURE;
	}
	r = encrypt_all(pluton, messages);
	if (r < 0)
		fprintf(stderr, "encrypt_many: %s (%s)\n", pluton_error_message(pluton),
			pluton_error_name(r));
	pluton_close(pluton);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
