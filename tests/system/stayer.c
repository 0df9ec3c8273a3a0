/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that connects to plutond and to its TPM once and stays, whatever becomes of the two. It
 * goes round and round: a random number of each, and a PCR. For each line on stdin it prints how
 * many rounds are done, after one that began later; at the end of stdin it ends. The first thing
 * that is not as it must be (a call that fails, a number that comes twice, a PCR that changes) ends
 * it with 1.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include <pluton/random.h>

#define PCR 16u
#define NUMBER_SIZE 16u
#define NUMBERS_MAX (1u << 20)
#define PAUSE_NS 1000000 /* other programs want to work too */

static struct {
	struct pluton *pluton;
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	uint8_t pcr[64];
	size_t pcr_size; /* 0: not read yet */
	uint8_t (*numbers)[NUMBER_SIZE];
	size_t count; /* of numbers */
	unsigned long rounds;
} stayer;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "round %lu: %s: %s\n", stayer.rounds, what, why);
	exit(EXIT_FAILURE);
}

static void require(const char *what, TSS2_RC rc)
{
	char text[32];

	if (rc == TSS2_RC_SUCCESS)
		return;
	snprintf(text, sizeof(text), "0x%08x", rc);
	die(what, text);
}

static void begin(void)
{
	char message[256];

	if (pluton_open_explained(NULL, &stayer.pluton, message, sizeof(message)) < 0)
		die("plutond", message);
	require("TCTI", Tss2_TctiLdr_Initialize("pluton", &stayer.tcti));
	require("ESYS", Esys_Initialize(&stayer.esys, stayer.tcti, NULL));
	stayer.numbers = calloc(NUMBERS_MAX, NUMBER_SIZE);
	if (!stayer.numbers)
		die("numbers", "no memory");
}

static uint8_t *next_number(void)
{
	if (stayer.count == NUMBERS_MAX)
		die("numbers", "too many");
	return stayer.numbers[stayer.count++];
}

static void number_of_plutond(void)
{
	if (pluton_random(stayer.pluton, next_number(), NUMBER_SIZE) < 0)
		die("plutond", pluton_error_message(stayer.pluton));
}

static void number_of_tpm(void)
{
	TPM2B_DIGEST *bytes;

	require("GetRandom", Esys_GetRandom(stayer.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					    NUMBER_SIZE, &bytes));
	if (bytes->size != NUMBER_SIZE)
		die("GetRandom", "another size");
	memcpy(next_number(), bytes->buffer, NUMBER_SIZE);
	Esys_Free(bytes);
}

static void pcr_is_the_same(void)
{
	const TPML_PCR_SELECTION selection = {
		.count = 1,
		.pcrSelections = {{.hash = TPM2_ALG_SHA256,
				   .sizeofSelect = 3,
				   .pcrSelect = {0, 0, 1u << (PCR - 16u)}}},
	};
	TPML_DIGEST *values;

	require("PCR_Read", Esys_PCR_Read(stayer.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					  &selection, NULL, NULL, &values));
	if (values->count != 1)
		die("PCR_Read", "no PCR");
	if (stayer.pcr_size == 0) {
		stayer.pcr_size = values->digests[0].size;
		memcpy(stayer.pcr, values->digests[0].buffer, stayer.pcr_size);
	}
	if (values->digests[0].size != stayer.pcr_size ||
	    memcmp(stayer.pcr, values->digests[0].buffer, stayer.pcr_size) != 0)
		die("PCR_Read", "the PCR has changed");
	Esys_Free(values);
}

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, NUMBER_SIZE);
}

static void no_number_came_twice(void)
{
	qsort(stayer.numbers, stayer.count, NUMBER_SIZE, compare);
	for (size_t i = 1; i < stayer.count; i++) {
		if (compare(stayer.numbers[i - 1], stayer.numbers[i]) == 0)
			die("numbers", "one came twice");
	}
}

/* Lines on stdin that are there now. -1: there will be no more. */
static int lines_asked(void)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	char bytes[64];
	ssize_t size;
	int lines = 0;

	if (poll(&fd, 1, 0) <= 0)
		return 0;
	size = read(STDIN_FILENO, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	return size <= 0 ? -1 : lines;
}

static void go_round(void)
{
	const struct timespec pause = {0, PAUSE_NS};

	number_of_plutond();
	number_of_tpm();
	pcr_is_the_same();
	stayer.rounds++;
	nanosleep(&pause, NULL);
}

int main(void)
{
	int lines;

	setvbuf(stdout, NULL, _IOLBF, 0);
	begin();
	while ((lines = lines_asked()) >= 0) {
		go_round();
		for (; lines > 0; lines--)
			printf("%lu\n", stayer.rounds);
	}
	no_number_came_twice();
	printf("%lu\n", stayer.rounds);
	Esys_Finalize(&stayer.esys);
	Tss2_TctiLdr_Finalize(&stayer.tcti);
	pluton_close(stayer.pluton);
	free(stayer.numbers);
	return EXIT_SUCCESS;
}
