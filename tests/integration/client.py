# SPDX-License-Identifier: Apache-2.0
"""A client of plutond in another language, written from docs/protocol.md and nothing else.

    with Client("unix:PATH") as client:
        client.sha256(b"abc")
        ciphertext, tag = client.gcm_encrypt(key, iv, plaintext, aad)
"""

import array
import contextlib
import fcntl
import mmap
import os
import socket
import struct

# Section 2
HEADER = struct.Struct("<HHIII")
HELLO, OPERATION, CALL, CANCEL, WINDOW_ADD, WINDOW_REMOVE = range(1, 7)
WELCOME, RETURN, UPCALL = range(128, 131)
MORE = 1
RECORD_MAX = 8336

# Section 3
FIXED_OPERATION = struct.Struct("<I4IHHHHI")
FIXED_RETURN = struct.Struct("<I3IHHIII")
FIXED_UPCALL = struct.Struct("<I3IIIHHI")
RANGE = struct.Struct("<III")

# Section 7
ERRORS = ("SUCCESS FAIL BUSY ALREADY OFF RESERVE INVAL SIZE CANCEL NOMEM NOSUPPORT NODEVICE "
          "UNINSTALLED NOACK").split()

# Section 9
RNG, DIGEST, AES = 0x40001, 0x40005, 0x40006
SHA256 = 3
CTR, GCM = 3, 4

F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2


class Refused(Exception):
    """error: its name; text: the daemon's sentence, if it sent one."""

    def __init__(self, number, text=""):
        self.error = ERRORS[number] if number < len(ERRORS) else str(number)
        self.text = text
        super().__init__(f"{self.error}: {text}")


class ProtocolError(Exception):
    """The daemon did what the document does not allow."""


class Client:
    def __init__(self, address=None, connected=None):
        address = (address or os.environ.get("PLUTON_ADDRESS")
                   or "unix:/run/pluton/pluton.sock")
        self.socket = connected or socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not connected:
            self.socket.connect(address.removeprefix("unix:"))
        self.op_id = 0
        try:
            kind, body = self.greet()
            if kind == RETURN:
                self.raise_return(body)
        except BaseException:
            self.socket.close()
            raise
        (self.version, self.features, self.pid, self.index, self.generation, self.inline_max,
         self.operations_max, self.windows_max, self.window_size_max) = struct.unpack("<9I", body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def greet(self, features=0):
        """Who is turned away may find nobody there any more: what was said is still to be read, after
        an error that comes once."""
        with contextlib.suppress(BrokenPipeError):
            self.send(HELLO, struct.pack("<II", 1, features))
        try:
            (kind, *_), body = self.receive()
        except ConnectionResetError:
            (kind, *_), body = self.receive()
        return kind, body

    # --- records ---

    def send(self, kind, body, op_id=0, driver=0, descriptors=()):
        record = HEADER.pack(kind, 0, HEADER.size + len(body), op_id, driver) + body
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self.socket.sendmsg([record], rights if descriptors else [])

    def receive(self):
        record = self.socket.recv(RECORD_MAX + 1)
        if not record:
            raise EOFError("the daemon closed the connection")
        header = HEADER.unpack_from(record)
        if header[2] != len(record):
            raise ProtocolError(f"{len(record)} bytes say they are {header[2]}")
        return header, record[HEADER.size:]

    @staticmethod
    def raise_return(body):
        """(variant, words) of a RETURN that is no failure."""
        variant, *words, length, _, _, _, _ = FIXED_RETURN.unpack_from(body)
        if variant < 128:
            raise Refused(words[0], body[FIXED_RETURN.size:][:length].decode())
        return variant, words

    def returned(self, op_id):
        (kind, _, _, answered, _), body = self.receive()
        if kind != RETURN or answered != op_id:
            raise ProtocolError(f"a record of type {kind} for {answered}")
        return self.raise_return(body)

    # --- operations ---

    def perform(self, driver, command, words=(), slots=()):
        """What submit takes. Returns words 1 and 2, and the written bytes of all inline slots."""
        return self.answer(*self.submit(driver, command, words, slots))

    def submit(self, driver, command, words=(), slots=()):
        """slots: for each None, bytes to be read, or the number of bytes to be written, all of
        it inline; or a (window, offset, length). Returns what `answer` takes."""
        inline = b"".join(slot for slot in slots if isinstance(slot, bytes))
        sent, back, ranges = 0, 0, b""
        for slot in slots:
            if isinstance(slot, bytes):
                ranges += RANGE.pack(0, sent, len(slot))
                sent += len(slot)
            elif isinstance(slot, int):
                ranges += RANGE.pack(0, len(inline) + back, slot)
                back += slot
            else:
                ranges += RANGE.pack(*(slot or (0, 0, 0)))
        self.op_id += 1
        words = tuple(words) + (0,) * (4 - len(words))
        fixed = FIXED_OPERATION.pack(command, *words, len(inline), back, len(slots), 0, 0)
        self.send(OPERATION, fixed + ranges + inline, self.op_id, driver)
        return self.op_id, back

    def answer(self, op_id, back):
        while True:
            (kind, flags, _, answered, _), body = self.receive()
            if answered != op_id or kind not in (RETURN, UPCALL):
                raise ProtocolError(f"a record of type {kind} for {answered}")
            if kind == RETURN:
                self.raise_return(body)
                raise ProtocolError("an operation that was returned")
            _, error, word1, word2, _, _, length, _, _ = FIXED_UPCALL.unpack_from(body)
            if error:
                raise Refused(error)
            if length != back:
                raise ProtocolError(f"{length} bytes of output instead of {back}")
            if not flags & MORE:
                return word1, word2, body[FIXED_UPCALL.size:]

    # --- windows ---

    def add_window(self, size):
        """(number, memory) of a new window."""
        fd = os.memfd_create("client.py", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)
            self.send(WINDOW_ADD, struct.pack("<I", 0), 7, 0, [fd])
            return self.returned(7)[1][0], mmap.mmap(fd, size)
        finally:
            os.close(fd)

    def remove_window(self, number):
        self.send(WINDOW_REMOVE, struct.pack("<I", number), 7)
        self.returned(7)

    # --- services ---

    def random(self, length):
        return self.perform(RNG, 1, (), (length,))[2]

    def sha256(self, message):
        """Of any length, in pieces as long as a record takes."""
        stream, _, _ = self.perform(DIGEST, 2, (SHA256,))
        for at in range(0, len(message), self.inline_max):
            self.perform(DIGEST, 3, (stream,), (message[at:at + self.inline_max],))
        return self.perform(DIGEST, 4, (stream,), (None, 32))[2]

    def ctr(self, key, counter, message):
        return self.perform(AES, 1, (CTR,), (key, counter, None, message, len(message)))[2]

    def gcm_encrypt(self, key, iv, message, aad=b""):
        out = self.perform(AES, 1, (GCM,), (key, iv, aad, message, len(message), 16))[2]
        return out[:-16], out[-16:]

    def gcm_decrypt(self, key, iv, message, tag, aad=b""):
        return self.perform(AES, 2, (GCM,), (key, iv, aad, message, len(message), tag))[2]
