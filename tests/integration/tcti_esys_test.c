/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI as programs on tpm2-tss use it: loaded by name, under ESYS, with the real TPM app. The
 * program starts itself again under pluton-run, so the TPM is its own.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "tests/integration/privately.h"

#define CANCEL_TRIES 20 /* a key may be found before the cancel comes */

struct session {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

static void begin(struct session *session)
{
	CU_ASSERT_EQUAL_FATAL(Tss2_TctiLdr_Initialize("pluton", &session->tcti), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL_FATAL(Esys_Initialize(&session->esys, session->tcti, NULL),
			      TSS2_RC_SUCCESS);
}

static void end(struct session *session)
{
	Esys_Finalize(&session->esys);
	Tss2_TctiLdr_Finalize(&session->tcti);
}

static TPM2B_PUBLIC ecc_template(void)
{
	return (TPM2B_PUBLIC){
		.publicArea =
			{
				.type = TPM2_ALG_ECC,
				.nameAlg = TPM2_ALG_SHA256,
				.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
						    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
						    TPMA_OBJECT_SENSITIVEDATAORIGIN |
						    TPMA_OBJECT_USERWITHAUTH,
				.parameters.eccDetail =
					{
						.symmetric = {.algorithm = TPM2_ALG_AES,
							      .keyBits.aes = 128,
							      .mode.aes = TPM2_ALG_CFB},
						.scheme.scheme = TPM2_ALG_NULL,
						.curveID = TPM2_ECC_NIST_P256,
						.kdf.scheme = TPM2_ALG_NULL,
					},
			},
	};
}

/* `serial` makes it another key, which takes another time to find. */
static TPM2B_PUBLIC rsa_template(uint8_t serial)
{
	TPM2B_PUBLIC template = {
		.publicArea =
			{
				.type = TPM2_ALG_RSA,
				.nameAlg = TPM2_ALG_SHA256,
				.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT |
						    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
						    TPMA_OBJECT_SENSITIVEDATAORIGIN |
						    TPMA_OBJECT_USERWITHAUTH,
				.parameters.rsaDetail =
					{
						.symmetric.algorithm = TPM2_ALG_NULL,
						.scheme.scheme = TPM2_ALG_NULL,
						.keyBits = 3072,
					},
				.unique.rsa.size = 384,
			},
	};

	template.publicArea.unique.rsa.buffer[0] = serial;
	return template;
}

static TSS2_RC create_ecc(struct session *session, ESYS_TR *ret)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {0};
	const TPM2B_PUBLIC template = ecc_template();
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION pcrs = {0};

	return Esys_CreatePrimary(session->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				  ESYS_TR_NONE, &sensitive, &template, &outside, &pcrs, ret, NULL,
				  NULL, NULL, NULL);
}

static TSS2_RC begin_rsa(struct session *session, uint8_t serial)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {0};
	const TPM2B_PUBLIC template = rsa_template(serial);
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION pcrs = {0};

	return Esys_CreatePrimary_Async(session->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
					ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &template, &outside,
					&pcrs);
}

/* TPM2_TRANSIENT_FIRST of tpm2-tss shifts into the sign. */
#define FIRST_TRANSIENT 0x80000000u

/* Handles of transient objects that this connection sees. */
static unsigned transient_objects(struct session *session)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	unsigned count;

	CU_ASSERT_EQUAL_FATAL(Esys_GetCapability(session->esys, ESYS_TR_NONE, ESYS_TR_NONE,
						 ESYS_TR_NONE, TPM2_CAP_HANDLES, FIRST_TRANSIENT,
						 100, &more, &data),
			      TSS2_RC_SUCCESS);
	count = data->data.handles.count;
	Esys_Free(data);
	return count;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_the_loader_finds_the_tcti_by_its_name(void)
{
	TSS2_TCTI_INFO *info = NULL;

	CU_ASSERT_EQUAL_FATAL(Tss2_TctiLdr_GetInfo("pluton", &info), TSS2_RC_SUCCESS);
	CU_ASSERT_STRING_EQUAL(info->name, "tcti-pluton");
	Tss2_TctiLdr_FreeInfo(&info);
}

static void test_random_numbers_come_and_differ(void)
{
	TPM2B_DIGEST *first = NULL, *second = NULL;
	struct session session;

	begin(&session);
	CU_ASSERT_EQUAL_FATAL(
		Esys_GetRandom(session.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 32, &first),
		TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL_FATAL(
		Esys_GetRandom(session.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 32, &second),
		TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(first->size, 32);
	CU_ASSERT(memcmp(first->buffer, second->buffer, 32) != 0);
	Esys_Free(first);
	Esys_Free(second);
	end(&session);
}

static void test_an_event_loop_polls_the_handles(void)
{
	TSS2_TCTI_POLL_HANDLE *handles = NULL;
	struct session session;
	size_t count = 0;

	begin(&session);
	CU_ASSERT_EQUAL_FATAL(Esys_GetPollHandles(session.esys, &handles, &count), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(Esys_SetTimeout(session.esys, 0), TSS2_RC_SUCCESS);
	for (int i = 0; i < 10; i++) {
		TPM2B_DIGEST *bytes = NULL;
		TSS2_RC code;

		CU_ASSERT_EQUAL_FATAL(Esys_GetRandom_Async(session.esys, ESYS_TR_NONE, ESYS_TR_NONE,
							   ESYS_TR_NONE, 16),
				      TSS2_RC_SUCCESS);
		/* The code says which layer it comes from: ESYS hands on the TCTI's. */
		while (((code = Esys_GetRandom_Finish(session.esys, &bytes)) &
			~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN)
			CU_ASSERT_EQUAL(poll(handles, (nfds_t)count, -1), 1);
		CU_ASSERT_EQUAL_FATAL(code, TSS2_RC_SUCCESS);
		CU_ASSERT_EQUAL(bytes->size, 16);
		Esys_Free(bytes);
	}
	Esys_Free(handles);
	end(&session);
}

static void test_two_contexts_have_objects_of_their_own(void)
{
	struct session first, second;
	ESYS_TR key;

	begin(&first);
	begin(&second);
	CU_ASSERT_EQUAL_FATAL(create_ecc(&first, &key), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(transient_objects(&first), 1);
	CU_ASSERT_EQUAL(transient_objects(&second), 0);
	CU_ASSERT_EQUAL_FATAL(create_ecc(&second, &key), TSS2_RC_SUCCESS);
	end(&first);
	CU_ASSERT_EQUAL(transient_objects(&second), 1);
	CU_ASSERT_EQUAL(Esys_FlushContext(second.esys, key), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(transient_objects(&second), 0);
	end(&second);
}

/* true: it was cancelled. Otherwise the key was there first. */
static bool cancel_a_key(struct session *session, uint8_t serial)
{
	ESYS_TR key;
	TSS2_RC code;

	CU_ASSERT_EQUAL_FATAL(begin_rsa(session, serial), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(Tss2_Tcti_Cancel(session->tcti), TSS2_RC_SUCCESS);
	code = Esys_CreatePrimary_Finish(session->esys, &key, NULL, NULL, NULL, NULL);
	if (code == TSS2_RC_SUCCESS) {
		CU_ASSERT_EQUAL(Esys_FlushContext(session->esys, key), TSS2_RC_SUCCESS);
		return false;
	}
	CU_ASSERT_EQUAL(code, TPM2_RC_CANCELED);
	return true;
}

static void test_the_search_for_a_key_is_cancelled(void)
{
	struct session session;
	bool cancelled = false;
	ESYS_TR key;

	begin(&session);
	CU_ASSERT_EQUAL(Esys_SetTimeout(session.esys, TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	for (int i = 0; i < CANCEL_TRIES && !cancelled; i++)
		cancelled = cancel_a_key(&session, (uint8_t)i);
	CU_ASSERT_TRUE(cancelled);
	CU_ASSERT_EQUAL(create_ecc(&session, &key), TSS2_RC_SUCCESS);
	end(&session);
}

/* Switches the TPM off, which ends its app; whoever connects next switches it on again. */
static void power_off(void)
{
	const char *build = getenv("PLUTON_BUILD");
	char path[4096];
	int status = -1;
	pid_t child;

	snprintf(path, sizeof(path), "%s/pluton-cli", build ? build : ".");
	child = fork();
	if (child == 0) {
		execl(path, path, "app", "stop", "tpm0", (char *)NULL);
		_exit(127);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL_FATAL(status, 0);
}

static TSS2_RC get_random(struct session *session)
{
	TPM2B_DIGEST *bytes = NULL;
	TSS2_RC code =
		Esys_GetRandom(session->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 8, &bytes);

	Esys_Free(bytes);
	return code;
}

/* ESYS takes a failure of its TCTI for the end, and knows objects that are gone. */
static void test_after_a_power_off_esys_begins_anew(void)
{
	struct session session;
	ESYS_TR key;

	begin(&session);
	CU_ASSERT_EQUAL_FATAL(create_ecc(&session, &key), TSS2_RC_SUCCESS);
	power_off();
	CU_ASSERT_EQUAL(get_random(&session) & ~TSS2_RC_LAYER_MASK, TSS2_BASE_RC_NO_CONNECTION);
	CU_ASSERT_NOT_EQUAL(get_random(&session), TSS2_RC_SUCCESS);
	end(&session);
	begin(&session);
	CU_ASSERT_EQUAL(transient_objects(&session), 0);
	CU_ASSERT_EQUAL(get_random(&session), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(create_ecc(&session, &key), TSS2_RC_SUCCESS);
	end(&session);
}

static const struct test tests[] = {
	TEST(test_the_loader_finds_the_tcti_by_its_name),
	TEST(test_random_numbers_come_and_differ),
	TEST(test_an_event_loop_polls_the_handles),
	TEST(test_two_contexts_have_objects_of_their_own),
	TEST(test_the_search_for_a_key_is_cancelled),
	TEST(test_after_a_power_off_esys_begins_anew),
};

int main(int argc, char **argv)
{
	return privately_main(argc, argv, "tcti_esys", tests, TESTS_COUNT(tests));
}
