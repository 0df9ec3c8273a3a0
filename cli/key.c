/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys come as hexadecimal digits or as a file, and go into memory that its owner wipes.
 */
#include "cli/key.h"

#include <pluton/hwkey.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/hex.h"
#include "cli/input.h"
#include "cli/words.h"

static bool fits_aes(size_t size)
{
	return size == 16 || size == 24 || size == 32;
}

const struct key_form key_form_aes = {
	.max = 32,
	.fits = fits_aes,
	.digits = "give 32, 48 or 64 for AES-128, 192 or 256",
	.bytes = "give 16, 24 or 32 for AES-128, 192 or 256",
};

int key_check(const char *hex, const char *file, const char *slot, const char *name)
{
	if (!hex && !file && !slot)
		return fail_usage("the key is missing, --key-file, give a file or --key-hex, see "
				  "`%s --help'",
				  name);
	if (hex && file)
		return fail_usage("two keys, --key-hex and --key-file, leave out one");
	if (slot && (hex || file))
		return fail_usage("two keys, --key-slot and %s, leave out one",
				  hex ? "--key-hex" : "--key-file");
	return CLI_DONE;
}

int key_take_slot(const char *text, struct key *ret)
{
	int status = words_number(text, "--key-slot", PLUTON_HWKEY_NUMBER_MAX, &ret->slot);

	if (status == CLI_DONE && ret->slot == 0)
		return fail_usage("--key-slot is 0, slots have numbers from 1");
	return status;
}

/* The text has done its work: `ps` shows x from now on. */
int key_take_hex(const struct key_form *form, char *text, struct key *ret)
{
	size_t digits = strlen(text);
	bool fits = digits % 2 == 0 && digits / 2 <= form->max && form->fits(digits / 2);
	bool clean = fits && hex_decode(text, digits / 2, ret->bytes);

	memset(text, 'x', digits);
	if (!fits)
		return fail_usage("--key-hex has a wrong length, %zu digits, %s", digits,
				  form->digits);
	if (!clean)
		return fail_usage("--key-hex is not hexadecimal, it has other characters than 0 to "
				  "9 and a to f, correct it");
	ret->size = digits / 2;
	return CLI_DONE;
}

int key_take_file(const struct key_form *form, const char *path, struct key *ret)
{
	struct input input = INPUT_NONE;
	uint8_t bytes[KEY_MAX + 1];
	size_t length = 0;
	int status = input_open(&input, path);

	if (status == CLI_DONE)
		status = input_read(&input, bytes, form->max + 1, &length);
	input_close(&input);
	if (status == CLI_DONE && (length > form->max || !form->fits(length)))
		status = fail_usage("the key file has a wrong length, %s: %s%zu bytes, %s", path,
				    length > form->max ? "at least " : "", length, form->bytes);
	if (status == CLI_DONE) {
		memcpy(ret->bytes, bytes, length);
		ret->size = length;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}

int key_slot_row(const struct session *session, uint32_t slot, const char *text,
		 struct pluton_hwkey_row *ret)
{
	int r = pluton_hwkey_status(session->pluton, slot, ret);

	if (r < 0)
		return session_failed(session, r, "no key in slot", text);
	return ret->damaged ? fail_pluton(-PLUTON_EFAIL,
					  "no key in slot, %s: it is damaged, restore its record "
					  "from a backup or delete it",
					  text)
			    : CLI_DONE;
}
