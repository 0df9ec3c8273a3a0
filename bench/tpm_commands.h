/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TPM 2.0 commands as bytes, as TCG "TPM 2.0 Library, Part 3: Commands" lays them out. All
 * authorizations are passwords, and empty, but for the one that guesses.
 */
#ifndef PLUTON_BENCH_TPM_COMMANDS_H
#define PLUTON_BENCH_TPM_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

#define TPM_BYTES_MAX 256u

struct tpm_bytes {
	size_t size;
	uint8_t bytes[TPM_BYTES_MAX];
};

enum tpm_key { TPM_KEY_P256, TPM_KEY_RSA2048 };

struct tpm_bytes tpm_get_property(uint32_t property); /* TPM_PT, one */
struct tpm_bytes tpm_get_random(uint16_t bytes);
struct tpm_bytes tpm_pcr_read(unsigned pcr);	       /* SHA-256 */
struct tpm_bytes tpm_pcr_extend(unsigned pcr);	       /* SHA-256 */
struct tpm_bytes tpm_create_primary(enum tpm_key key); /* a signing key of the owner's */
struct tpm_bytes tpm_sign(uint32_t handle);	       /* a SHA-256 digest */
struct tpm_bytes tpm_nv_define(uint32_t index, uint16_t size);
struct tpm_bytes tpm_nv_define_counter(uint32_t index);
struct tpm_bytes tpm_nv_define_protected(uint32_t index, uint16_t size); /* from guessing */
struct tpm_bytes tpm_nv_increment(uint32_t index);
struct tpm_bytes tpm_nv_read(uint32_t index, uint16_t size);
struct tpm_bytes tpm_nv_read_guessing(uint32_t index, uint16_t size); /* with a wrong password */
struct tpm_bytes tpm_nv_undefine(uint32_t index);
struct tpm_bytes tpm_nv_write(uint32_t index, uint16_t size);

/* Bytes 6 to 9 and 10 to 13 of a response; UINT32_MAX: it is shorter. */
uint32_t tpm_response_code(const uint8_t *response, size_t size);
uint32_t tpm_response_handle(const uint8_t *response, size_t size);

#endif
