/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtpms asks back through callbacks that know no context, so this file has the one static state
 * of the program.
 */
#include "apps/tpm/library.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libtpms/tpm_library.h>
#include <libtpms/tpm_error.h>
#include <libtpms/tpm_nvfilename.h>

#include <pluton/error.h>

/* libtpms's own code for a state that asks for a newer version of itself (TpmTypes.h). */
#define STATE_BAD_VERSION 0x2eu

/*
 * library_volatile's buffer is 180 kB, most of it never touched. From mmap, as malloc would have
 * it, its pages would cost several times what filling them does.
 */
#define HEAP_BLOCK_MAX (1 << 20)
#define HEAP_KEPT (4 << 20)

static struct {
	struct library_keeper keeper;
	unsigned locality;
	unsigned char *response;
	uint32_t response_room;
	int quiet_fd; /* where the library's own messages go */
	char name[32];
} library = {.quiet_fd = -1};

/* --- callbacks ------------------------------------------------------------------------------- */

static TPM_RESULT on_nvram_init(void)
{
	return TPM_SUCCESS;
}

/* TPM_RETRY says that there is none. */
static TPM_RESULT on_load(unsigned char **ret, uint32_t *ret_length, uint32_t number,
			  const char *name)
{
	const uint8_t *kept;
	size_t size;

	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME) != 0)
		return TPM_RETRY;
	kept = library.keeper.kept(library.keeper.context, &size);
	if (!kept)
		return TPM_RETRY;
	*ret = malloc(size);
	if (!*ret)
		return TPM_FAIL;
	memcpy(*ret, kept, size);
	*ret_length = (uint32_t)size;
	return TPM_SUCCESS;
}

static TPM_RESULT on_store(const unsigned char *blob, uint32_t length, uint32_t number,
			   const char *name)
{
	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME) != 0)
		return TPM_SUCCESS; /* the volatile state is ours to keep */
	return library.keeper.keep(library.keeper.context, blob, length) == 0 ? TPM_SUCCESS
									      : TPM_FAIL;
}

static TPM_RESULT on_delete(uint32_t number, const char *name, TPM_BOOL must_exist)
{
	(void)number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static TPM_RESULT on_get_locality(TPM_MODIFIER_INDICATOR *ret, uint32_t number)
{
	(void)number;
	*ret = library.locality;
	return TPM_SUCCESS;
}

/* --- start ----------------------------------------------------------------------------------- */

/* What it says of itself contains commands in hexadecimal, so it must not reach a log. */
static void make_quiet(void)
{
	if (library.quiet_fd < 0)
		library.quiet_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	TPMLIB_SetDebugFD(library.quiet_fd);
	TPMLIB_SetDebugLevel(0);
}

static int prepare(const struct library_keeper *keeper)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof(callbacks),
		.tpm_nvram_init = on_nvram_init,
		.tpm_nvram_loaddata = on_load,
		.tpm_nvram_storedata = on_store,
		.tpm_nvram_deletename = on_delete,
		.tpm_io_getlocality = on_get_locality,
	};

	library.keeper = *keeper;
	make_quiet();
	mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	if (TPMLIB_RegisterCallbacks(&callbacks) != TPM_SUCCESS ||
	    TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) != TPM_SUCCESS)
		return -PLUTON_EFAIL;
	return 0;
}

static int take_permanent(struct library_blob blob)
{
	TPM_RESULT result =
		TPMLIB_SetState(TPMLIB_STATE_PERMANENT, blob.bytes, (uint32_t)blob.size);

	if (result == TPM_SUCCESS)
		return 0;
	return result == STATE_BAD_VERSION ? -PLUTON_ENOSUPPORT : -PLUTON_EINVAL;
}

/* false: it was not taken, and the permanent state is to be given again. */
static bool take_volatile(struct library_blob blob)
{
	return TPMLIB_SetState(TPMLIB_STATE_VOLATILE, blob.bytes, (uint32_t)blob.size) ==
	       TPM_SUCCESS;
}

static int take_states(struct library_blob permanent, struct library_blob volatile_state,
		       enum library_outcome *ret)
{
	int r;

	*ret = LIBRARY_MANUFACTURED;
	if (permanent.size == 0)
		return 0;
	*ret = LIBRARY_POWERED_ON;
	r = take_permanent(permanent);
	if (r < 0 || volatile_state.size == 0)
		return r;
	if (take_volatile(volatile_state)) {
		*ret = LIBRARY_RESUMED;
		return 0;
	}
	return take_permanent(permanent);
}

int library_start(const struct library_keeper *keeper, struct library_blob permanent,
		  struct library_blob volatile_state, enum library_outcome *ret)
{
	int r = prepare(keeper);

	if (r == 0)
		r = take_states(permanent, volatile_state, ret);
	if (r < 0)
		return r;
	return TPMLIB_MainInit() == TPM_SUCCESS ? 0 : -PLUTON_EFAIL;
}

void library_stop(void)
{
	TPMLIB_Terminate();
	library_free(library.response, library.response_room);
	library.response = NULL;
	library.response_room = 0;
}

/* --- running --------------------------------------------------------------------------------- */

int library_process(uint8_t *command, size_t size, unsigned locality, const uint8_t **ret_response,
		    size_t *ret_size)
{
	uint32_t length = 0;

	library.locality = locality;
	if (TPMLIB_Process(&library.response, &length, &library.response_room, command,
			   (uint32_t)size) != TPM_SUCCESS)
		return -PLUTON_EFAIL;
	*ret_response = library.response;
	*ret_size = length;
	return 0;
}

int library_volatile(uint8_t **ret, uint32_t *ret_size)
{
	return TPMLIB_VolatileAll_Store(ret, ret_size) == TPM_SUCCESS ? 0 : -PLUTON_EFAIL;
}

void library_free(uint8_t *bytes, size_t size)
{
	if (bytes)
		explicit_bzero(bytes, size);
	free(bytes);
}

void library_cancel(void)
{
	TPMLIB_CancelCommand();
}

const char *library_name(void)
{
	uint32_t version = TPMLIB_GetVersion();

	if (library.name[0] == '\0')
		snprintf(library.name, sizeof(library.name), "libtpms %u.%u.%u", version >> 16,
			 version >> 8 & 0xff, version & 0xff);
	return library.name;
}
