/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/own_client.h"

#include <string.h>

#include "tests/suite.h"

struct own_plutond own;
struct pluton *pluton;
unsigned done_count;

void own_client_begin(const char *config)
{
	own_plutond_begin(&own, config);
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &pluton), 0);
	done_count = 0;
}

void own_client_end(void)
{
	pluton_close(pluton);
	pluton = NULL;
	own_plutond_end(&own);
}

bool said(const char *text)
{
	return strstr(pluton_error_message(pluton), text) != NULL;
}

void note(struct pluton *of, int status, void *userdata)
{
	(void)of;
	done_count++;
	*(int *)userdata = status;
}

static int status; /* of ENDED; 1: not yet */

int *ended_status(void)
{
	status = 1;
	return &status;
}

int ended(int r)
{
	CU_ASSERT_EQUAL_FATAL(r, 0);
	while (status == 1)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	return status;
}

void wait_for(unsigned count)
{
	while (done_count < count)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
}
