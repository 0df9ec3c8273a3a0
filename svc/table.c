/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of capsules, in the order in which `pluton-cli capsules` shows them.
 */
#include "svc/table.h"

extern const struct capsule rng_capsule;
extern const struct capsule digest_capsule;
extern const struct capsule aes_capsule;
extern const struct capsule hmac_capsule;
extern const struct capsule cmac_capsule;
extern const struct capsule kdf_capsule;
extern const struct capsule ecc_capsule;
extern const struct capsule rsa_capsule;
extern const struct capsule hwkey_capsule;
extern const struct capsule alarm_capsule;
extern const struct capsule console_capsule;
extern const struct capsule nvmem_capsule;
extern const struct capsule app_capsule;

/* A line for each. */
/* clang-format off */
const struct capsule *const capsule_table[] = {
	&rng_capsule,
	&digest_capsule,
	&aes_capsule,
	&hmac_capsule,
	&cmac_capsule,
	&kdf_capsule,
	&ecc_capsule,
	&rsa_capsule,
	&hwkey_capsule,
	&alarm_capsule,
	&console_capsule,
	&nvmem_capsule,
	&app_capsule,
	NULL,
};
/* clang-format on */
