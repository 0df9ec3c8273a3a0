/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for test_hwkey.py: imports a random secret, wipes its own copy, prints the slot and the
 * secret disguised (each byte ^ 0xa5), and stays until standard input ends or it is killed.
 */
#include <pluton/hwkey.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SIZE 32u

static void print_disguised(uint32_t number, const uint8_t *disguised)
{
	printf("%u ", number);
	for (size_t i = 0; i < SIZE; i++)
		printf("%02x", disguised[i]);
	printf("\n");
	fflush(stdout);
}

int main(void)
{
	const struct pluton_hwkey_attributes attributes = {
		.type = PLUTON_HWKEY_SECRET, .usage = PLUTON_HWKEY_MAC, .size = SIZE};
	uint8_t key[SIZE], disguised[SIZE];
	struct pluton *pluton;
	uint32_t number = 0;
	char end;

	if (getrandom(key, SIZE, 0) != SIZE || pluton_open(NULL, &pluton) < 0)
		return 2;
	for (size_t i = 0; i < SIZE; i++)
		disguised[i] = key[i] ^ 0xa5;
	if (pluton_hwkey_import(pluton, &attributes, key, SIZE, &number) < 0)
		return 1;
	explicit_bzero(key, sizeof(key));
	print_disguised(number, disguised);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	pluton_close(pluton);
	return 0;
}
