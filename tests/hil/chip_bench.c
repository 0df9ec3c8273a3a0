/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hil/chip_bench.h"

#include <string.h>

#include "tests/hil/chip.h"

static struct chip_flash flash;

static int open_chip(struct bench *bench)
{
	const struct chip_options options = {.deferred = &bench->deferred,
					     .buffer = CHIP_BUFFER_SIZE,
					     .delay = 2,
					     .flash = &flash};
	struct chip *chip;
	int r = chip_open(&options, &chip);

	if (r < 0)
		return r;
	bench->backend = chip;
	for (enum hil_kind kind = HIL_RNG; kind < HIL_KINDS; kind++)
		bench->inner[kind] = chip_engine(chip, kind);
	return 0;
}

static void close_chip(struct bench *bench)
{
	chip_close(bench->backend);
}

static void fail_at(struct bench *bench, unsigned step, int error)
{
	chip_fail_at(bench->backend, step, error);
}

/* --- its flash memory ------------------------------------------------------------------------- */

static void format(void)
{
	memset(&flash, 0, sizeof(flash));
}

static void damage(const char *owner, uint32_t number)
{
	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		struct chip_kept_key *key = &flash.keys[i];

		if (key->name.number == number && strcmp(key->name.owner, owner) == 0)
			key->key[0] ^= 0x01;
	}
}

static void fail(int error)
{
	flash.failure = error;
}

static const struct bench_store store = {format, damage, fail};

const struct bench_maker chip_bench_maker = {
	.name = "hil chip",
	.open = open_chip,
	.close = close_chip,
	.lacks = 1u << HIL_RSA,
	.opens_sealed = true,
	.fail_at = fail_at,
	.store = &store,
};
