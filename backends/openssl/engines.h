/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of the backend, as openssl.c opens and closes them.
 */
#ifndef PLUTON_OPENSSL_ENGINES_H
#define PLUTON_OPENSSL_ENGINES_H

#include "backends/openssl/task.h"
#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/rng.h"
#include "hil/rsa.h"

/* 0, -PLUTON_ENOMEM or -PLUTON_ENODEVICE; *ret_engine is untouched then. */
int rng_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int digest_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int aes_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int hmac_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int cmac_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int ecc_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int rsa_engine_open(struct task_host *host, struct hil_engine **ret_engine);
int kdf_engine_open(struct task_host *host, struct hil_engine **ret_engine);
/* The first of all: it makes the vault that the others look into. */
int hwkey_engine_open(struct task_host *host, struct hil_engine **ret_engine);

/* true: all slots that were kept are there, or it is known that they will not be. */
bool hwkey_engine_settled(const struct hil_engine *engine);

/* Nothing may be under way; NULL is fine. */
void rng_engine_close(struct hil_engine *engine);
void digest_engine_close(struct hil_engine *engine);
void aes_engine_close(struct hil_engine *engine);
void mac_engine_close(struct hil_engine *engine); /* of either kind */
void ecc_engine_close(struct hil_engine *engine);
void rsa_engine_close(struct hil_engine *engine);
void kdf_engine_close(struct hil_engine *engine);
void hwkey_engine_close(struct hil_engine *engine);

#endif
