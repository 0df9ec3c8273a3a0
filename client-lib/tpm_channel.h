/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TPM app and its clients say to each other on a channel that plutond brokered: Pluton's
 * protocol (daemon/kernel/record.h, docs/protocol.md) with one driver, PLUTON_DRIVER_TPM. There
 * are no windows and no raw calls; WELCOME says inline_max RECORD_INLINE_LIMIT, operations_max
 * TPM_CHANNEL_OPERATIONS.
 *
 * The rule a newcomer would break first: a sequence number is used for one command only, whatever
 * becomes of the connection. It is what tells "again" from "once more".
 */
#ifndef PLUTON_TPM_CHANNEL_H
#define PLUTON_TPM_CHANNEL_H

#define TPM_CHANNEL_OPERATIONS 4u
#define TPM_TOKEN_SIZE 16u /* bytes */

enum tpm_channel_command {
	/*
	 * Word 0: the sequence number, one more than that of the command before; the first after a
	 * new ATTACH is 1. Slots: the command, ro; room for the response, rw. Answer: word 1 is the
	 * response's length; the upcall's output is no longer than that.
	 *
	 * The number of the command before, as the first after ATTACH or after an answer that did
	 * not fit: its response again, and nothing runs (the bytes of the command are not looked
	 * at). Later a second program uses the connection, and must not get that. One that was
	 * accepted before a crash and did not finish: TPM_RC_RETRY as the response, and the number
	 * is used. Any other: -PLUTON_EINVAL. -PLUTON_EBUSY: another command of this connection is
	 * under way. CANCEL of this operation asks the TPM to cancel; the response comes.
	 */
	TPM_TRANSMIT = 1,
	/* Cancels the command under way if it is the same user's. Answer: word 1: 1 it was. */
	TPM_CANCEL_RUNNING = 2,
	/* Word 0: the locality. -PLUTON_EINVAL: over locality_max. */
	TPM_SET_LOCALITY = 3,
	/*
	 * First on every connection. Slots: the token of an earlier connection of the same user,
	 * ro, optional; room for this connection's token, rw. Answer: word 1: 1 the earlier
	 * connection goes on, with its objects, locality and numbers; 0 a new one begins (also if
	 * the token is unknown, or the TPM was switched off in between). Word 2: the last sequence
	 * number used.
	 */
	TPM_ATTACH = 4,
	/* Slot 0, rw: struct pluton_tpm_info as a row. */
	TPM_INFO = 5,
};

enum {
	TPM_SLOT_COMMAND = 0,
	TPM_SLOT_RESPONSE = 1,
	TPM_SLOT_TOKEN = 0,
	TPM_SLOT_NEW_TOKEN = 1,
	TPM_SLOT_INFO = 0,
};

#endif
