/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TPM commands as tests need them, by TPM 2.0 Library Part 3, with empty authorization values. Each
 * function writes one command into a `struct order`.
 */
#ifndef PLUTON_TESTS_TPM_ORDERS_H
#define PLUTON_TESTS_TPM_ORDERS_H

#include "tests/tpm/rig.h"

#define RH_OWNER 0x40000001u
#define RH_NULL 0x40000007u
#define RS_PW 0x40000009u
#define NV_COUNTER 0x01500001u
#define NV_PLAIN 0x01500002u
#define NV_PLAIN_SIZE 8u

struct order {
	size_t size;
	uint8_t bytes[TPM_BUFFER_SIZE];
};

void order_get_random(struct order *order, uint16_t count);
void order_get_capability(struct order *order, uint32_t capability, uint32_t property,
			  uint32_t count);
void order_pcr_extend(struct order *order, uint32_t pcr, uint8_t filler);
void order_pcr_read(struct order *order, uint32_t pcr);
void order_nv_define_counter(struct order *order);
void order_nv_increment(struct order *order);
void order_nv_read_counter(struct order *order);
void order_nv_define_plain(struct order *order);
void order_nv_write_plain(struct order *order, uint8_t filler);
void order_nv_read_plain(struct order *order);
void order_create_rsa(struct order *order, uint16_t bits); /* CreatePrimary, NULL hierarchy */
void order_create_ecc(struct order *order);
void order_start_session(struct order *order); /* an HMAC session */
void order_hash_start(struct order *order);
void order_sequence_complete(struct order *order, uint32_t handle);
void order_flush(struct order *order, uint32_t handle);
void order_read_public(struct order *order, uint32_t handle);
void order_context_save(struct order *order, uint32_t handle);
void order_context_load(struct order *order, const uint8_t *context, size_t size);
/* GetRandom with a session in its authorization area, attributes as given. */
void order_random_with_session(struct order *order, uint32_t session, uint8_t attributes);
void order_plain(struct order *order, uint32_t code, const void *parameters, size_t size);

/* rig_run of an order: the response's code. */
uint32_t order_run(struct rig_client *client, const struct order *order);
void order_send(struct rig_client *client, const struct order *order);

/* What successful responses to some of them carry. */
uint32_t order_handle(const struct rig_client *client);
uint64_t order_counter(const struct rig_client *client);

#endif
