/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anonymous pages. Who writes to the scratch raises `used` first, so that a wipe misses nothing.
 */
#include "backends/openssl/scratch.h"

#include <string.h>
#include <sys/mman.h>

#include "pluton/error.h"

int scratch_open(struct scratch *scratch, size_t size)
{
	*scratch = (struct scratch){.size = size};
	if (size == 0)
		return 0;
	scratch->memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch->memory == MAP_FAILED) {
		*scratch = (struct scratch){0};
		return -PLUTON_ENOMEM;
	}
	/* Best effort: RLIMIT_MEMLOCK may forbid the one. ONFAULT: a page costs when touched. */
	(void)mlock2(scratch->memory, size, MLOCK_ONFAULT);
	(void)madvise(scratch->memory, size, MADV_DONTDUMP);
	return 0;
}

void scratch_wipe_up_to(struct scratch *scratch, size_t end)
{
	if (end <= scratch->wiped)
		return;
	explicit_bzero(scratch->memory + scratch->wiped, end - scratch->wiped);
	scratch->wiped = end;
}

void scratch_wipe(struct scratch *scratch)
{
	scratch_wipe_up_to(scratch, scratch->used);
	scratch->wiped = scratch->used = 0;
}

void scratch_close(struct scratch *scratch)
{
	if (!scratch->memory)
		return;
	scratch_wipe(scratch);
	munmap(scratch->memory, scratch->size);
	*scratch = (struct scratch){0};
}
