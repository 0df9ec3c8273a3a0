/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands: codes, handles and made handles as in TPM 2.0 Library Part 2 section 6.5.2
 * and Part 3 (a test compares them with what the TPM says of itself); the other flags are ours.
 */
#include "apps/tpm/commands.h"

#include <string.h>

#define READS COMMAND_READS_ONLY
#define LONG COMMAND_MAY_TAKE_LONG
#define NV COMMAND_READS_NV
#define MAKES COMMAND_MAKES_HANDLE
#define FLUSHES COMMAND_FLUSHES

static const struct command table[] = {
	{0x11f, "NV_UndefineSpaceSpecial", 2, NV},
	{0x120, "EvictControl", 2, 0},
	{0x121, "HierarchyControl", 1, 0},
	{0x122, "NV_UndefineSpace", 2, NV},
	{0x124, "ChangeEPS", 1, 0},
	{0x125, "ChangePPS", 1, 0},
	{TPM_CC_CLEAR, "Clear", 1, 0},
	{0x127, "ClearControl", 1, 0},
	{0x128, "ClockSet", 1, 0},
	{0x129, "HierarchyChangeAuth", 1, 0},
	{0x12a, "NV_DefineSpace", 1, NV},
	{0x12b, "PCR_Allocate", 1, 0},
	{0x12c, "PCR_SetAuthPolicy", 1, 0},
	{0x12d, "PP_Commands", 1, 0},
	{0x12e, "SetPrimaryPolicy", 1, 0},
	{0x12f, "FieldUpgradeStart", 2, 0},
	{0x130, "ClockRateAdjust", 1, 0},
	{TPM_CC_CREATE_PRIMARY, "CreatePrimary", 1, MAKES | LONG},
	{0x132, "NV_GlobalWriteLock", 1, NV},
	{0x133, "GetCommandAuditDigest", 2, 0},
	{0x134, "NV_Increment", 2, NV},
	{0x135, "NV_SetBits", 2, NV},
	{0x136, "NV_Extend", 2, NV},
	{0x137, "NV_Write", 2, NV},
	{0x138, "NV_WriteLock", 2, NV},
	{0x139, "DictionaryAttackLockReset", 1, 0},
	{0x13a, "DictionaryAttackParameters", 1, 0},
	{0x13b, "NV_ChangeAuth", 1, NV},
	{0x13c, "PCR_Event", 1, 0},
	{0x13d, "PCR_Reset", 1, 0},
	{TPM_CC_SEQUENCE_COMPLETE, "SequenceComplete", 1, FLUSHES},
	{0x13f, "SetAlgorithmSet", 1, 0},
	{TPM_CC_SET_COMMAND_CODE_AUDIT_STATUS, "SetCommandCodeAuditStatus", 1, 0},
	{0x141, "FieldUpgradeData", 0, 0},
	{0x142, "IncrementalSelfTest", 0, LONG},
	{0x143, "SelfTest", 0, LONG},
	{TPM_CC_STARTUP, "Startup", 0, 0},
	{TPM_CC_SHUTDOWN, "Shutdown", 0, 0},
	{TPM_CC_STIR_RANDOM, "StirRandom", 0, 0},
	{0x147, "ActivateCredential", 2, 0},
	{0x148, "Certify", 2, 0},
	{0x149, "PolicyNV", 3, NV},
	{0x14a, "CertifyCreation", 2, 0},
	{0x14b, "Duplicate", 2, 0},
	{0x14c, "GetTime", 2, 0},
	{0x14d, "GetSessionAuditDigest", 3, 0},
	{0x14e, "NV_Read", 2, NV},
	{0x14f, "NV_ReadLock", 2, NV},
	{0x150, "ObjectChangeAuth", 2, 0},
	{0x151, "PolicySecret", 2, 0},
	{0x152, "Rewrap", 2, 0},
	{TPM_CC_CREATE, "Create", 1, LONG},
	{0x154, "ECDH_ZGen", 1, 0},
	{0x155, "HMAC", 1, 0},
	{0x156, "Import", 1, 0},
	{TPM_CC_LOAD, "Load", 1, MAKES},
	{0x158, "Quote", 1, 0},
	{0x159, "RSA_Decrypt", 1, 0},
	{TPM_CC_HMAC_START, "HMAC_Start", 1, MAKES},
	{0x15c, "SequenceUpdate", 1, 0},
	{0x15d, "Sign", 1, 0},
	{0x15e, "Unseal", 1, 0},
	{0x160, "PolicySigned", 2, 0},
	{TPM_CC_CONTEXT_LOAD, "ContextLoad", 0, MAKES},
	{TPM_CC_CONTEXT_SAVE, "ContextSave", 1, 0},
	{0x163, "ECDH_KeyGen", 1, 0},
	{0x164, "EncryptDecrypt", 1, 0},
	{TPM_CC_FLUSH_CONTEXT, "FlushContext", 0, 0},
	{TPM_CC_LOAD_EXTERNAL, "LoadExternal", 0, MAKES},
	{0x168, "MakeCredential", 1, 0},
	{0x169, "NV_ReadPublic", 1, NV | READS},
	{0x16a, "PolicyAuthorize", 1, 0},
	{0x16b, "PolicyAuthValue", 1, 0},
	{0x16c, "PolicyCommandCode", 1, 0},
	{0x16d, "PolicyCounterTimer", 1, 0},
	{0x16e, "PolicyCpHash", 1, 0},
	{0x16f, "PolicyLocality", 1, 0},
	{0x170, "PolicyNameHash", 1, 0},
	{0x171, "PolicyOR", 1, 0},
	{0x172, "PolicyTicket", 1, 0},
	{0x173, "ReadPublic", 1, READS},
	{0x174, "RSA_Encrypt", 1, READS},
	{TPM_CC_START_AUTH_SESSION, "StartAuthSession", 2, MAKES},
	{0x177, "VerifySignature", 1, READS},
	{0x178, "ECC_Parameters", 0, READS},
	{0x179, "FirmwareRead", 0, 0},
	{TPM_CC_GET_CAPABILITY, "GetCapability", 0, READS},
	{TPM_CC_GET_RANDOM, "GetRandom", 0, READS},
	{0x17c, "GetTestResult", 0, READS},
	{0x17d, "Hash", 0, READS},
	{0x17e, "PCR_Read", 0, READS},
	{0x17f, "PolicyPCR", 1, 0},
	{0x180, "PolicyRestart", 1, 0},
	{0x181, "ReadClock", 0, READS},
	{0x182, "PCR_Extend", 1, 0},
	{0x183, "PCR_SetAuthValue", 1, 0},
	{0x184, "NV_Certify", 3, NV},
	{TPM_CC_EVENT_SEQUENCE_COMPLETE, "EventSequenceComplete", 2, FLUSHES},
	{TPM_CC_HASH_SEQUENCE_START, "HashSequenceStart", 0, MAKES},
	{0x187, "PolicyPhysicalPresence", 1, 0},
	{0x188, "PolicyDuplicationSelect", 1, 0},
	{0x189, "PolicyGetDigest", 1, READS},
	{0x18a, "TestParms", 0, READS},
	{0x18b, "Commit", 1, 0},
	{0x18c, "PolicyPassword", 1, 0},
	{0x18d, "ZGen_2Phase", 1, 0},
	{0x18e, "EC_Ephemeral", 0, 0},
	{0x18f, "PolicyNvWritten", 1, 0},
	{0x190, "PolicyTemplate", 1, 0},
	{TPM_CC_CREATE_LOADED, "CreateLoaded", 1, MAKES | LONG},
	{0x192, "PolicyAuthorizeNV", 3, NV},
	{0x193, "EncryptDecrypt2", 1, 0},
	{0x194, "AC_GetCapability", 1, 0},
	{0x195, "AC_Send", 3, 0},
	{0x196, "Policy_AC_SendSelect", 1, 0},
	{0x197, "CertifyX509", 2, 0},
	{0x198, "ACT_SetTimeout", 1, 0},
	{0x199, "ECC_Encrypt", 1, READS},
	{0x19a, "ECC_Decrypt", 1, 0},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

const struct command *command_table(size_t *ret_count)
{
	*ret_count = TABLE_COUNT;
	return table;
}

const struct command *command_find(uint32_t code)
{
	size_t low = 0;
	size_t high = TABLE_COUNT;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table[middle].code == code)
			return &table[middle];
		if (table[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* --- bytes ----------------------------------------------------------------------------------- */

uint16_t tpm_get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

uint32_t tpm_get32(const uint8_t *from)
{
	return (uint32_t)tpm_get16(from) << 16 | tpm_get16(from + 2);
}

void tpm_put16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

void tpm_put32(uint8_t *to, uint32_t value)
{
	tpm_put16(to, (uint16_t)(value >> 16));
	tpm_put16(to + 2, (uint16_t)value);
}

uint32_t tpm_code(const uint8_t *bytes, size_t size)
{
	return size >= TPM_HEADER_SIZE ? tpm_get32(bytes + 6) : 0;
}

size_t tpm_error_response(uint32_t code, uint8_t response[TPM_HEADER_SIZE])
{
	tpm_put16(response, TPM_ST_NO_SESSIONS);
	tpm_put32(response + 2, TPM_HEADER_SIZE);
	tpm_put32(response + 6, code);
	return TPM_HEADER_SIZE;
}

/* --- parsing --------------------------------------------------------------------------------- */

bool command_parse(const uint8_t *bytes, size_t size, struct command_parts *ret)
{
	const uint8_t *at = bytes + TPM_HEADER_SIZE;
	size_t left;

	memset(ret, 0, sizeof(*ret));
	if (size < TPM_HEADER_SIZE || tpm_get32(bytes + 2) != size)
		return false;
	ret->command = command_find(tpm_code(bytes, size));
	if (!ret->command)
		return true;
	left = size - TPM_HEADER_SIZE;
	ret->sessions = tpm_get16(bytes) == TPM_ST_SESSIONS;
	if (left < 4u * ret->command->handles)
		return false;
	for (unsigned i = 0; i < ret->command->handles; i++)
		ret->handles[i] = tpm_get32(at + 4 * i);
	at += 4 * ret->command->handles;
	left -= 4u * ret->command->handles;
	if (ret->sessions) {
		if (left < 4 || tpm_get32(at) > left - 4)
			return false;
		ret->auth = at + 4;
		ret->auth_size = tpm_get32(at);
		at += 4 + ret->auth_size;
		left -= 4 + ret->auth_size;
	}
	ret->parameters = at;
	ret->parameters_size = left;
	return true;
}

/* TPMS_AUTH_COMMAND: handle, nonce (a TPM2B), attributes, hmac (a TPM2B). */
bool command_next_auth(const uint8_t **auth, size_t *size, struct command_auth *ret)
{
	const uint8_t *at = *auth;
	size_t nonce;
	size_t hmac;

	if (*size < 6)
		return false;
	nonce = tpm_get16(at + 4);
	if (*size < 9 + nonce)
		return false;
	hmac = tpm_get16(at + 7 + nonce);
	if (*size < 9 + nonce + hmac)
		return false;
	ret->handle = tpm_get32(at);
	ret->attributes = at[6 + nonce];
	*auth += 9 + nonce + hmac;
	*size -= 9 + nonce + hmac;
	return true;
}
