# SPDX-License-Identifier: Apache-2.0
"""A client of a TPM app, written from docs/protocol.md: the channel comes from plutond, and then
the same records go straight to the app.

    with TpmChannel(address) as tpm:
        tpm.run(get_random(16))
"""

import array
import socket
import struct

from client import (CANCEL, FIXED_OPERATION, FIXED_UPCALL, HEADER, OPERATION, RANGE, RETURN, UPCALL,
                    Client, ProtocolError, Refused)

APP, CONNECT = 0x80000002, 6
TPM = 0x80000010
TRANSMIT, CANCEL_RUNNING, SET_LOCALITY, ATTACH, INFO = range(1, 6)
TOKEN_SIZE = 16
RESPONSE_MAX = 4096
INFO_ROW = struct.Struct("<32s32s32sIIIIQQQQQQQ")
INFO_NAMES = ("instance version library pid connections connections_max locality_max commands "
              "cancelled uptime_ms resumes nv_commits nv_bytes manufactured").split()

RC_RETRY = 0x922
RC_CANCELED = 0x909


def connect(address, instance):
    """A channel straight to an app, as a socket."""
    with Client(address) as daemon:
        name = instance.encode()
        fixed = FIXED_OPERATION.pack(CONNECT, 0, 0, 0, 0, len(name), 0, 1, 0, 0)
        daemon.send(OPERATION, fixed + RANGE.pack(0, 0, len(name)) + name, 1, APP)
        record, rights, _, _ = daemon.socket.recvmsg(8192, socket.CMSG_SPACE(4))
        kind = HEADER.unpack_from(record)[0]
        body = record[HEADER.size:]
        if kind == RETURN:
            daemon.raise_return(body)
        error = FIXED_UPCALL.unpack_from(body)[1]
        if error:
            raise Refused(error)
        (descriptor,) = array.array("i", rights[0][2])
        return socket.socket(fileno=descriptor)


class TpmChannel(Client):
    def __init__(self, address, instance="tpm0", token=None):
        super().__init__(connected=connect(address, instance))
        self.again, self.sequence, self.token = self.perform_on(
            ATTACH, (), [token, TOKEN_SIZE])

    def receive(self):
        record = self.socket.recv(8192 + 256)
        if not record:
            raise EOFError("the app closed the connection")
        return HEADER.unpack_from(record), record[HEADER.size:]

    def submit(self, command, words=(), slots=()):
        """Returns the operation's number."""
        inline = b"".join(slot for slot in slots if isinstance(slot, bytes))
        ranges, sent, back = b"", 0, 0
        for slot in slots:
            if isinstance(slot, bytes):
                ranges += RANGE.pack(0, sent, len(slot))
                sent += len(slot)
            elif slot:
                ranges += RANGE.pack(0, len(inline) + back, slot)
                back += slot
            else:
                ranges += RANGE.pack(0, 0, 0)
        self.op_id += 1
        words = tuple(words) + (0,) * (4 - len(words))
        fixed = FIXED_OPERATION.pack(command, *words, len(inline), back, len(slots), 0, 0)
        self.send(OPERATION, fixed + ranges + inline, self.op_id, TPM)
        return self.op_id

    def result(self, op_id):
        (kind, _, _, answered, _), body = self.receive()
        if answered != op_id or kind not in (RETURN, UPCALL):
            raise ProtocolError(f"a record of type {kind} for {answered}")
        if kind == RETURN:
            self.raise_return(body)
        _, error, word1, word2, _, _, length, _, _ = FIXED_UPCALL.unpack_from(body)
        if error:
            raise Refused(error)
        return word1, word2, body[FIXED_UPCALL.size:][:length]

    def perform_on(self, command, words=(), slots=()):
        return self.result(self.submit(command, words, slots))

    def transmit(self, command):
        self.sequence += 1
        return self.submit(TRANSMIT, (self.sequence,), [command, RESPONSE_MAX])

    def response(self, op_id):
        """(code, response)"""
        size, _, response = self.result(op_id)
        if size != len(response):
            raise ProtocolError(f"{len(response)} bytes of response instead of {size}")
        return struct.unpack_from(">I", response, 6)[0], response

    def run(self, command):
        """The response's bytes behind its header; the code must be 0."""
        code, response = self.response(self.transmit(command))
        if code:
            raise AssertionError(f"the TPM answers 0x{code:x}")
        return response[10:]

    def cancel(self, op_id):
        self.send(CANCEL, b"", op_id)

    def info(self):
        _, _, row = self.perform_on(INFO, (), [INFO_ROW.size])
        values = INFO_ROW.unpack(row)
        return {name: value.split(b"\0")[0].decode() if isinstance(value, bytes) else value
                for name, value in zip(INFO_NAMES, values)}


# --- commands (TPM 2.0 Library Part 3), with empty authorization values ---

OWNER, NULL = 0x40000001, 0x40000007
PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 1, 0)
SHA256 = 0x000b
COUNTER = 0x01500001


def command(tag, code, *parts):
    body = b"".join(parts)
    return struct.pack(">HII", tag, 10 + len(body), code) + body


def plain(code, *parts):
    return command(0x8001, code, *parts)


def authorized(code, handles, *parts):
    return command(0x8002, code, struct.pack(f">{len(handles)}I", *handles), PASSWORD, *parts)


def get_random(count):
    return plain(0x17b, struct.pack(">H", count))


def pcr_extend(pcr, digest):
    return authorized(0x182, [pcr], struct.pack(">IH", 1, SHA256), digest)


def pcr_read(pcr):
    select = bytes(1 << pcr % 8 if byte == pcr // 8 else 0 for byte in range(3))
    return plain(0x17e, struct.pack(">IHB", 1, SHA256, 3), select)


def define_counter():
    public = struct.pack(">IHIHH", COUNTER, SHA256, 0x02060016, 0, 8)
    return authorized(0x12a, [OWNER], struct.pack(">HH", 0, len(public)), public)


def increment():
    return authorized(0x134, [OWNER, COUNTER])


def read_counter():
    return authorized(0x14e, [OWNER, COUNTER], struct.pack(">HH", 8, 0))


def create_rsa(bits):
    public = struct.pack(">HHIHHHHIH", 1, SHA256, 0x00060072, 0, 0x10, 0x10, bits, 0, 0)
    return authorized(0x131, [NULL], struct.pack(">HHH", 4, 0, 0), struct.pack(">H", len(public)),
                      public, struct.pack(">HI", 0, 0))
