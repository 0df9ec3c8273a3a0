/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's clock and its parts. Every step is a deferred call of its own, `delay` calls apart,
 * and any of them can be told to fail.
 */
#include "tests/hil/chip.h"

#include <stdlib.h>

#include "tests/hil/chip_unit.h"

static void end(struct chip_unit *unit, int result)
{
	unit->busy = false;
	deferred_call_drop(&unit->tick); /* a cancel from inside a callback has set it */
	unit->finish(unit, result);
}

static bool fails_now(struct chip *chip)
{
	return chip->fail_at > 0 && --chip->fail_at == 0;
}

static void tick(struct deferred_call *call)
{
	struct chip_unit *unit =
		(struct chip_unit *)(void *)((char *)call - offsetof(struct chip_unit, tick));
	int r;

	if (unit->cancelled) {
		end(unit, -PLUTON_ECANCEL);
		return;
	}
	if (unit->wait > 0) {
		unit->wait--;
		deferred_call_set(call);
		return;
	}
	r = fails_now(unit->chip) ? unit->chip->fail_error : unit->step(unit);
	if (r <= 0) {
		end(unit, r);
		return;
	}
	unit->wait = unit->chip->options.delay;
	deferred_call_set(call);
}

void chip_unit_init(struct chip_unit *unit, struct chip *chip, int (*step)(struct chip_unit *unit),
		    void (*finish)(struct chip_unit *unit, int result))
{
	*unit = (struct chip_unit){.chip = chip, .step = step, .finish = finish};
	deferred_call_init(&unit->tick, chip->options.deferred, tick);
}

void chip_unit_begin(struct chip_unit *unit)
{
	unit->busy = true;
	unit->cancelled = false;
	unit->wait = unit->chip->options.delay;
	deferred_call_set(&unit->tick);
}

int chip_unit_cancel(struct chip_unit *unit)
{
	if (!unit->busy)
		return -PLUTON_EINVAL;
	unit->cancelled = true;
	deferred_call_set(&unit->tick);
	return 0;
}

ssize_t chip_count(ssize_t answer, size_t len)
{
	if (answer < 0)
		return answer;
	return answer == 0 || (size_t)answer > len ? -PLUTON_ESIZE : answer;
}

int chip_open(const struct chip_options *options, struct chip **ret_chip)
{
	struct chip *chip = calloc(1, sizeof(*chip));

	if (!chip)
		return -PLUTON_ENOMEM;
	chip->options = *options;
	chip->rng = chip_rng_open(chip);
	chip->digest = chip_digest_open(chip);
	chip->aes = chip_aes_open(chip);
	chip->hmac = chip_mac_open(chip, HIL_HMAC, HIL_LEVEL_HMAC);
	chip->cmac = chip_mac_open(chip, HIL_CMAC, HIL_LEVEL_CMAC);
	chip->ecc = chip_ecc_open(chip);
	chip->kdf = chip_kdf_open(chip);
	chip->hwkey = chip_hwkey_open(chip);
	if (!chip->rng || !chip->digest || !chip->aes || !chip->hmac || !chip->cmac || !chip->ecc ||
	    !chip->kdf || !chip->hwkey) {
		chip_close(chip);
		return -PLUTON_ENOMEM;
	}
	*ret_chip = chip;
	return 0;
}

void chip_close(struct chip *chip)
{
	chip_rng_close(chip->rng);
	chip_digest_close(chip->digest);
	chip_aes_close(chip->aes);
	chip_mac_close(chip->hmac);
	chip_mac_close(chip->cmac);
	chip_ecc_close(chip->ecc);
	chip_kdf_close(chip->kdf);
	chip_hwkey_close(chip->hwkey);
	free(chip);
}

struct hil_engine *chip_engine(struct chip *chip, enum hil_kind kind)
{
	switch (kind) {
	case HIL_RNG:
		return chip_rng_engine(chip->rng);
	case HIL_DIGEST:
		return chip_digest_engine(chip->digest);
	case HIL_AES:
		return chip_aes_engine(chip->aes);
	case HIL_HMAC:
		return chip_mac_engine(chip->hmac);
	case HIL_CMAC:
		return chip_mac_engine(chip->cmac);
	case HIL_ECC:
		return chip_ecc_engine(chip->ecc);
	case HIL_KDF:
		return chip_kdf_engine(chip->kdf);
	case HIL_HWKEY:
		return chip_hwkey_engine(chip->hwkey);
	default:
		return NULL;
	}
}

void chip_fail_at(struct chip *chip, unsigned step, int error)
{
	chip->fail_at = step;
	chip->fail_error = error;
}
