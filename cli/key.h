/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the command line: --key-hex and --key-file. Their texts are overwritten once they are
 * read, and never appear in a message. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_KEY_H
#define PLUTON_CLI_KEY_H

#include <pluton/hwkey.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/session.h"

#define KEY_MAX 1024 /* bytes */

/* What sizes a key may have, and what to tell who gives another. */
struct key_form {
	size_t max; /* bytes, <= KEY_MAX; of a file no more than one beyond is read */
	bool (*fits)(size_t size);
	const char *digits; /* "give 32, 48 or 64 for …" */
	const char *bytes;  /* the same of a file's bytes */
};

/* Whoever owns it wipes it. */
struct key {
	uint8_t bytes[KEY_MAX];
	size_t size;
	uint32_t slot; /* in place of bytes; 0: none */
};

/* 16, 24 or 32 bytes. */
extern const struct key_form key_form_aes;

/* Exactly one of the texts is not NULL, or it is said what is wrong; `name` is the command's.
 */
int key_check(const char *hex, const char *file, const char *slot, const char *name);

/* `text` is argv's own: `ps` shows x from now on. */
int key_take_hex(const struct key_form *form, char *text, struct key *ret);
/* Of the key nothing is read: the daemon has it. */
int key_take_slot(const char *text, struct key *ret);
int key_take_file(const struct key_form *form, const char *path, struct key *ret);

/* In a session: what is in the slot, whose number `text` is. */
int key_slot_row(const struct session *session, uint32_t slot, const char *text,
		 struct pluton_hwkey_row *ret);

#endif
