/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chip's units share: a clock that lets one step happen at a time.
 */
#ifndef PLUTON_TESTS_HIL_CHIP_UNIT_H
#define PLUTON_TESTS_HIL_CHIP_UNIT_H

#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/ecc.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "hil/rng.h"
#include "tests/hil/chip.h"

#define CHIP_OPERATION_MAX 1024u /* bytes that an operation may keep between callbacks */

enum chip_progress {
	CHIP_DONE = 0,
	CHIP_GOES_ON,
};

struct chip_unit {
	struct chip *chip;
	struct deferred_call tick;
	unsigned wait;
	bool busy;
	bool cancelled;
	/* One piece of work: an enum chip_progress, or a negative error. */
	int (*step)(struct chip_unit *unit);
	void (*finish)(struct chip_unit *unit, int result);
};

struct chip {
	struct chip_options options;
	unsigned fail_at; /* counts down; 0: never */
	int fail_error;
	struct chip_rng *rng;
	struct chip_digest *digest;
	struct chip_aes *aes;
	struct chip_mac *hmac;
	struct chip_mac *cmac;
	struct chip_ecc *ecc;
	struct chip_kdf *kdf;
	struct chip_hwkey *hwkey;
};

void chip_unit_init(struct chip_unit *unit, struct chip *chip, int (*step)(struct chip_unit *unit),
		    void (*finish)(struct chip_unit *unit, int result));
void chip_unit_begin(struct chip_unit *unit);
/* 0, or -PLUTON_EINVAL: nothing is under way. */
int chip_unit_cancel(struct chip_unit *unit);

/* What a pull or push that must answer 1..len means: the count or a negative error. */
ssize_t chip_count(ssize_t answer, size_t len);

struct chip_rng *chip_rng_open(struct chip *chip);
struct chip_digest *chip_digest_open(struct chip *chip);
struct chip_aes *chip_aes_open(struct chip *chip);
struct chip_mac *chip_mac_open(struct chip *chip, enum hil_kind kind, enum hil_level level);
struct chip_ecc *chip_ecc_open(struct chip *chip);
struct chip_kdf *chip_kdf_open(struct chip *chip);
struct chip_hwkey *chip_hwkey_open(struct chip *chip);
struct hil_engine *chip_rng_engine(struct chip_rng *rng);
struct hil_engine *chip_digest_engine(struct chip_digest *digest);
struct hil_engine *chip_aes_engine(struct chip_aes *aes);
struct hil_engine *chip_mac_engine(struct chip_mac *mac);
struct hil_engine *chip_ecc_engine(struct chip_ecc *ecc);
struct hil_engine *chip_kdf_engine(struct chip_kdf *kdf);
struct hil_engine *chip_hwkey_engine(struct chip_hwkey *hwkey);
void chip_rng_close(struct chip_rng *rng);
void chip_digest_close(struct chip_digest *digest);
void chip_aes_close(struct chip_aes *aes);
void chip_mac_close(struct chip_mac *mac);
void chip_ecc_close(struct chip_ecc *ecc);
void chip_kdf_close(struct chip_kdf *kdf);
void chip_hwkey_close(struct chip_hwkey *hwkey);

#endif
