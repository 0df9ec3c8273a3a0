/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw socket is swtpm's data channel as QEMU uses it: one connection for all commands, whole
 * responses in one piece.
 */
#include "bench/tpm_link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "bench/program.h"

#define RC_RETRY 0x922u /* TPM_RC_RETRY */
#define RETRIES 10

static void expect(const struct tpm_link *link, TSS2_RC rc, const char *what)
{
	if (rc != TSS2_RC_SUCCESS)
		program_fail("%s: %s: error 0x%x of the TCTI", link->name, what, rc);
}

static void open_socket(struct tpm_link *link)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	if (strlen(link->address) >= sizeof(name.sun_path))
		program_fail("%s: a path too long for a socket", link->address);
	memcpy(name.sun_path, link->address, strlen(link->address));
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		program_fail("%s: %s: %s", link->name, link->address, strerror(errno));
}

void tpm_link_open(struct tpm_link *link)
{
	if (link->raw)
		open_socket(link);
	else
		expect(link, Tss2_TctiLdr_Initialize(link->address, &link->context), "opening");
}

void tpm_link_close(struct tpm_link *link)
{
	if (link->raw) {
		close(link->fd);
		link->fd = -1;
	} else {
		Tss2_TctiLdr_Finalize(&link->context);
	}
}

static void transmit_raw(struct tpm_link *link, const struct tpm_bytes *command)
{
	ssize_t n = write(link->fd, command->bytes, command->size);

	if (n == (ssize_t)command->size)
		n = read(link->fd, link->response, sizeof(link->response));
	if (n < 10)
		program_fail("%s: no response", link->name);
	link->size = (size_t)n;
}

void tpm_link_transmit(struct tpm_link *link, const struct tpm_bytes *command)
{
	if (link->raw) {
		transmit_raw(link, command);
		return;
	}
	link->size = sizeof(link->response);
	expect(link, Tss2_Tcti_Transmit(link->context, command->size, command->bytes), "sending");
	expect(link,
	       Tss2_Tcti_Receive(link->context, &link->size, link->response,
				 TSS2_TCTI_TIMEOUT_BLOCK),
	       "receiving");
}

void tpm_link_perform(struct tpm_link *link, const struct tpm_bytes *command)
{
	uint32_t code = RC_RETRY;

	for (int i = 0; i < RETRIES && code == RC_RETRY; i++) {
		tpm_link_transmit(link, command);
		code = tpm_response_code(link->response, link->size);
	}
	if (code != 0)
		program_fail("%s: the TPM says 0x%x", link->name, code);
}
