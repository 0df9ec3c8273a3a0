# SPDX-License-Identifier: Apache-2.0
"""client.py with the rings of docs/protocol.md section 10, and written from that alone.

    with RingClient("unix:PATH") as client:
        client.open_rings()
        client.sha256(b"abc")
"""

import ctypes
import mmap
import os
import socket

from client import HEADER, RECORD_MAX, RETURN, Client, ProtocolError

RINGS = 1  # the feature
RINGS_OPEN, DOORBELL = 7, 131
INDICES = 4096  # bytes in front of the rings
SIZES = [1 << power for power in range(14, 21)]
REQUESTS, ANSWERS = 0, 256  # where the words of each begin
TAIL, HEAD, BELL, ROOM = 0, 64, 128, 192

# Python has no atomic operations. All are sequentially consistent, which is more than asked for.
ATOMIC = ctypes.CDLL("libatomic.so.1")
LOAD, STORE, EXCHANGE = (getattr(ATOMIC, f"__atomic_{what}_4")
                         for what in ("load", "store", "exchange"))
LOAD.restype = EXCHANGE.restype = ctypes.c_uint32
SEQ_CST = 5


class Word:
    """A number that both sides use."""

    def __init__(self, address):
        self.address = ctypes.c_void_p(address)

    def load(self):
        return LOAD(self.address, SEQ_CST)

    def store(self, value):
        STORE(self.address, ctypes.c_uint32(value), SEQ_CST)

    def take(self):
        """Whether it was 1: then what follows from that is ours to do."""
        return EXCHANGE(self.address, 0, SEQ_CST) == 1


class Ring:
    """One direction. `mine` is the index that this side moves; it is never read back."""

    def __init__(self, memory, words, first, size):
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + words
        self.tail, self.head, self.bell, self.room = (Word(base + at)
                                                      for at in (TAIL, HEAD, BELL, ROOM))
        self.memory, self.first, self.size = memory, first, size
        self.mine = 0
        self.splits = 0  # records that went on at the beginning

    def pieces(self, index, length):
        """Where `length` bytes lie: one range of the memory, or two."""
        at = index % self.size
        before_end = min(length, self.size - at)
        self.splits += before_end < length
        return [slice(self.first + at, self.first + at + before_end),
                slice(self.first, self.first + length - before_end)]

    def write(self, index, record):
        first, second = self.pieces(index, len(record))
        length = first.stop - first.start
        self.memory[first], self.memory[second] = record[:length], record[length:]

    def read(self, index, length):
        return b"".join(self.memory[piece] for piece in self.pieces(index, length))

    # --- putting in ---

    def has_room(self, length):
        return self.size - (self.mine - self.head.load()) % (1 << 32) >= aligned(length)

    def put(self, record):
        """Nobody sees it before `publish`."""
        if not self.has_room(len(record)):
            return False
        self.write(self.mine, record)
        self.mine = (self.mine + aligned(len(record))) % (1 << 32)
        return True

    def publish(self):
        """Whether the other side sleeps and is to be woken."""
        self.tail.store(self.mine)
        return self.bell.take()

    # --- taking out ---

    def take(self):
        """None: nothing is there."""
        held = (self.tail.load() - self.mine) % (1 << 32)
        if held == 0:
            return None
        if held > self.size or held % 16:
            raise ProtocolError(f"the ring holds {held} bytes")
        header = self.read(self.mine, HEADER.size)
        length = HEADER.unpack(header)[2]
        if length < HEADER.size or length > RECORD_MAX or aligned(length) > held:
            raise ProtocolError(f"{length} bytes where {held} are")
        record = header + self.read(self.mine + HEADER.size, length - HEADER.size)
        self.write(self.mine, bytes(aligned(length)))
        self.mine = (self.mine + aligned(length)) % (1 << 32)
        self.head.store(self.mine)
        return record

    def may_sleep(self):
        """The other side rings for a record from now on, unless one is there already."""
        self.bell.store(1)
        if self.tail.load() == self.mine:
            return True
        self.bell.store(0)
        return False


def aligned(length):
    return (length + 15) // 16 * 16


class RingClient(Client):
    """Goes by the socket until open_rings, and for good if that is refused."""

    asked = RINGS
    requests = answers = None

    def greet(self, features=0):
        return super().greet(features or self.asked)

    def __exit__(self, *_):
        super().__exit__()
        if self.requests:
            os.close(self.memfd)
            os.close(self.doorbell)

    def open_rings(self, op_id=7):
        """The size of a ring. Raises Refused."""
        Client.send(self, RINGS_OPEN, b"", op_id)
        if self.requests:
            self.returned(op_id)
            raise ProtocolError("rings twice")
        record, fds, _, _ = socket.recv_fds(self.socket, RECORD_MAX, 3)
        kind, _, _, answered, _ = HEADER.unpack_from(record)
        if kind != RETURN or answered != op_id:
            raise ProtocolError(f"a record of type {kind} for {answered}")
        variant, words = self.raise_return(record[HEADER.size:])
        size = words[0]
        if variant != 129 or len(fds) != 2 or size not in SIZES:
            raise ProtocolError(f"variant {variant}, {len(fds)} descriptors, size {size}")
        self.memfd, self.doorbell = fds
        self.memory = mmap.mmap(self.memfd, INDICES + 2 * size)
        self.requests = Ring(self.memory, REQUESTS, INDICES, size)
        self.answers = Ring(self.memory, ANSWERS, INDICES + size, size)
        self.early = []  # answers that were taken to make room
        return size

    def ring(self):
        os.write(self.doorbell, (1).to_bytes(8, "little"))

    # --- as client.py's ---

    def send(self, kind, body, op_id=0, driver=0, descriptors=()):
        if not self.requests or descriptors:
            super().send(kind, body, op_id, driver, descriptors)
            return
        record = HEADER.pack(kind, 0, HEADER.size + len(body), op_id, driver) + body
        while not self.requests.put(record):
            self.wait_for_room(len(record))
        self.publish()

    def publish(self):
        if self.requests.publish():
            self.ring()

    def wait_for_room(self, length):
        self.early.extend(iter(self.take, None))  # the daemon may wait as well
        self.requests.room.store(1)
        if self.requests.has_room(length):
            self.requests.room.store(0)
        elif HEADER.unpack_from(self.hear())[0] != DOORBELL:
            raise ProtocolError("something came by the socket")

    def hear(self):
        """What the socket brings, and that is little."""
        record = self.socket.recv(RECORD_MAX)
        if not record:
            raise EOFError("the daemon closed the connection")
        return record

    def take(self):
        record = self.answers.take()
        if record and self.answers.room.take():
            self.ring()
        return record

    def receive(self):
        if not self.requests:
            return super().receive()
        while not (record := self.early.pop(0) if self.early else self.take()):
            if not self.answers.may_sleep():
                continue
            try:
                record = self.hear()
            except EOFError:
                if not (record := self.take()):
                    raise
            if HEADER.unpack_from(record)[0] != DOORBELL:
                break
        header = HEADER.unpack_from(record)
        return header, record[HEADER.size:]
