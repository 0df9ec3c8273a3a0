# SPDX-License-Identifier: Apache-2.0
"""Writes the fuzzers' seed corpora: tests/fuzz/seeds.py DIRECTORY makes DIRECTORY/fuzz_channel and one
for each other fuzzer. The layouts are docs/protocol.md's and docs/chip-link.md's."""

import pathlib
import struct
import sys
import zlib

HELLO, OPERATION, CALL, CANCEL, WINDOW_ADD, WINDOW_REMOVE = range(1, 7)
WELCOME, RETURN, UPCALL = range(128, 131)
RNG, DIGEST, AES, MANAGER = 0x40001, 0x40005, 0x40006, 0x80000001
SUBSCRIBE, COMMAND, ALLOW_RW, ALLOW_RO, MEMOP, EXIT = range(1, 7)
ECB, CBC, CTR, GCM, CCM = range(1, 6)
IV_SIZES = {ECB: 0, CBC: 16, CTR: 16, GCM: 12, CCM: 13}
TAG_SIZES = {GCM: 16, CCM: 8}
SECOND, MEMFD, UNGREETED = 1, 2, 4  # fuzz_channel.c's first byte of a message


def record(kind, op_id, driver, body):
    return struct.pack("<HHIII", kind, 0, 16 + len(body), op_id, driver) + body


def operation(op_id, driver, command, words=(), ranges=(), data=b"", output=0):
    words = list(words) + [0] * (4 - len(words))
    body = struct.pack("<I4IHHHHI", command, *words, len(data), output, len(ranges), 0, 0)
    return record(OPERATION, op_id, driver,
                  body + b"".join(struct.pack("<III", *r) for r in ranges) + data)


def call(driver, kind, number, *args, op_id=0):
    args = list(args) + [0] * (4 - len(args))
    return record(CALL, op_id, driver, struct.pack("<II4I", kind, number, *args))


def window_add():
    return record(WINDOW_ADD, 0, 0, struct.pack("<I", 0))


def cancel(op_id):
    return record(CANCEL, op_id, 0, b"")


def aes(op_id, command, mode, length, word1=0, word2=0):
    """All in window 1: key, IV, AAD, input, output, tag."""
    aad = 20 if mode in TAG_SIZES else 0
    ranges = [(1, 0, 32), (1, 32, IV_SIZES[mode]), (1, 64, aad), (1, 1024, length),
              (1, 4096, length), (1, 96, TAG_SIZES.get(mode, 0))]
    return operation(op_id, AES, command, (mode, word1, word2), ranges)


def update(op_id, stream, length):
    return operation(op_id, AES, 4, (stream,), [(0, 0, 0)] * 3 + [(1, 1024, length),
                                                                 (1, 4096, length)])


RANDOM = operation(1, RNG, 1, (), [(0, 0, 32)], output=32)
DIGEST_INLINE = operation(2, DIGEST, 1, (3,), [(0, 0, 3), (0, 3, 32)], b"abc", 32)
BEGIN_GCM = operation(7, AES, 3, (GCM, 1), [(1, 0, 32), (1, 32, 12), (1, 64, 20)])

CHANNEL = {
    "inline": [(0, RANDOM), (0, DIGEST_INLINE)],
    "digest-stream": [
        (0, operation(1, DIGEST, 2, (3,))),
        (0, operation(2, DIGEST, 3, (0,), [(0, 0, 3)], b"abc")),
        (0, operation(3, DIGEST, 4, (0,), [(0, 0, 0), (0, 0, 32)], output=32)),
        (0, operation(4, DIGEST, 5, (0,)))],
    "gcm": [(MEMFD, window_add()), (0, aes(1, 1, GCM, 1000)), (0, aes(2, 2, GCM, 1000)),
            (0, record(WINDOW_REMOVE, 0, 0, struct.pack("<I", 1)))],
    "cbc": [(MEMFD, window_add()), (0, aes(1, 1, CBC, 1024)), (0, aes(2, 2, ECB, 17))],
    "ccm": [(MEMFD, window_add()), (0, aes(1, 1, CCM, 1000)), (0, aes(2, 2, CCM, 1000))],
    "ctr": [(MEMFD, window_add()), (0, aes(1, 1, CTR, 3000, 128))],
    "gcm-stream": [
        (MEMFD, window_add()), (0, BEGIN_GCM), (0, update(8, 0, 500)), (0, update(9, 0, 17)),
        (0, operation(10, AES, 5, (0,), [(0, 0, 0)] * 5 + [(0, 0, 16)], output=16)),
        (0, operation(11, AES, 6, (0,)))],
    "withdrawn": [(MEMFD, window_add()), (0, aes(1, 1, GCM, 1000)),
                  (0, call(AES, ALLOW_RO, 3, op_id=1)), (0, cancel(1))],
    "raw": [(MEMFD, window_add()), (0, call(DIGEST, SUBSCRIBE, 0, 77)),
            (0, call(DIGEST, ALLOW_RO, 0, 1, 0, 2000)), (0, call(DIGEST, ALLOW_RW, 1, 1, 4096, 32)),
            (0, call(DIGEST, COMMAND, 1, 3)), (0, call(DIGEST, COMMAND, 0)),
            (0, call(DIGEST, SUBSCRIBE, 0)), (0, call(0, MEMOP, 0x101)), (0, call(0, EXIT, 0))],
    "two": [(MEMFD, window_add()), (MEMFD | SECOND, window_add()), (0, aes(1, 1, GCM, 4000)),
            (SECOND, aes(1, 1, CTR, 4000, 32)), (SECOND, RANDOM), (0, DIGEST_INLINE)],
    "manager": [(0, operation(1, MANAGER, n, (), [(0, 0, 512)], output=512)) for n in range(1, 8)],
    "ungreeted": [(UNGREETED | SECOND, RANDOM),
                  (SECOND, record(HELLO, 0, 0, struct.pack("<II", 1, 0))), (SECOND, RANDOM)],
}

RECORDS = {
    "hello": record(HELLO, 0, 0, struct.pack("<II", 1, 0)),
    "operation": DIGEST_INLINE,
    "call": call(DIGEST, COMMAND, 1, 3),
    "cancel": cancel(1),
    "window-add": window_add(),
    "window-remove": record(WINDOW_REMOVE, 0, 0, struct.pack("<I", 1)),
    "welcome": record(WELCOME, 0, 0, struct.pack("<9I", 1, 0, 1, 1, 1, 1024, 16, 8, 1 << 26)),
    "return": record(RETURN, 1, AES, struct.pack("<I3IHHIII", 0, 6, 0, 0, 2, 0, 0, 0, 0) + b"no"),
    "upcall": record(UPCALL, 1, RNG, struct.pack("<I3IIIHHI", 0, 0, 0, 0, 0, 0, 4, 0, 0) + b"rand"),
}

# Of fuzz_chip_link.c: its first octet, and a frame as it takes them.
CHIP, GREETED, FRAMES = 1, 2, 8
HOST_GREETING, HOST_UP, HOST_ASKING, HOST_RESYNCING = 0, 2, 4, 6


def frame(kind, unit, item, data=b"", status=0, number=1):
    return bytes([kind, unit, item, status, number, len(data)]) + data


def stuffed(octets):
    body = octets + struct.pack("<I", zlib.crc32(octets))
    return b"\x7e" + b"".join(bytes([0x7d, o ^ 0x20]) if o in (0x7d, 0x7e) else bytes([o])
                              for o in body) + b"\x7e"


HELLO_DATA = b"PLUTONLK\x01\x01\0\0" + bytes(8)
CAPS_DATA = (b"PLUTONLK\x01\0\0\x01" + bytes(8) + b"boot-now" +
             struct.pack("<6IHH", 8, 24, 24, 28, 1 << 20, 1 << 20, 112, 128))


def aes_frames(mode, direction, aad, length, tag=b""):
    begin = struct.pack("<5B3xQQ", mode, direction, 3, 16, 128, aad, length)
    return [frame(0x10, 2, 0, begin), frame(0x11, 2, 3, bytes(16)),
            frame(0x11, 2, 4 if mode == GCM else 5, bytes(12 if mode == GCM else 16)),
            *([frame(0x11, 2, 6, bytes(aad))] if aad else []), *([frame(0x11, 2, 7, tag)] if tag else []),
            frame(0x11, 2, 1, bytes(length)), frame(0x11, 2, 2, bytes(length)),
            frame(0x12, 2, 7), frame(0x03, 2, 0)]


CHIP_LINK = {
    "hello": (CHIP | FRAMES, [frame(0x01, 0, 0, HELLO_DATA), frame(0x02, 0, 0, bytes(8))]),
    "digest": (CHIP | GREETED | FRAMES,
               [frame(0x10, 1, 0, b"\x03\x03\0\0"), frame(0x11, 1, 1, b"abc"),
                frame(0x12, 1, 8)]),
    "digest-state": (CHIP | GREETED | FRAMES,
                     [frame(0x10, 1, 0, b"\x03\x01\0\0"), frame(0x12, 1, 9),
                      frame(0x10, 1, 0, b"\x03\0\0\0"),
                      frame(0x11, 1, 9, bytes(104) + b"SDH1" + bytes(4)), frame(0x12, 1, 9)]),
    "ctr": (CHIP | GREETED | FRAMES, aes_frames(CTR, 1, 0, 40)),
    "gcm": (CHIP | GREETED | FRAMES, aes_frames(GCM, 1, 20, 40)),
    "gcm-open": (CHIP | GREETED | FRAMES, aes_frames(GCM, 2, 20, 40, bytes(16))),
    "caps": (HOST_GREETING | FRAMES, [frame(0x81, 0, 0, CAPS_DATA, 0, 0)]),
    "answer": (HOST_ASKING | FRAMES, [frame(0x91, 1, 1, b"", 0, 0), frame(0x91, 1, 1, b"", 6, 0)]),
    "wait": (HOST_ASKING | FRAMES, [frame(0x40, 0, 0, bytes(8), 0, 0)]),
    "stranger": (HOST_UP | FRAMES, [frame(0x41, 0, 0, bytes(8), 0, 0)]),
    "resynced": (HOST_RESYNCING | FRAMES, [frame(0x82, 0, 0, b"bootboo\0", 0, 0)]),
    "octets": (CHIP, [stuffed(struct.pack("<4BHH", 1, 0, 0, 0, 0, 20) + HELLO_DATA)]),
}

# Of fuzz_ring.c: its actions, in its order.
(WRITE, SET, MOVE, PUT, RING, SILENCE, PASS, TAKE, HEAR, SEND, TEAR, LEAVE) = range(12)
REQUESTS_TAIL, REQUESTS_HEAD, REQUESTS_BELL, REQUESTS_ROOM = range(4)
ANSWERS_TAIL, ANSWERS_HEAD, ANSWERS_BELL, ANSWERS_ROOM = range(4, 8)


def put(message, count=1):
    """Rung for, and the loop turns."""
    return struct.pack("<BBH", PUT, count, len(message)) + message + RUNG


def put_word(word, value):
    return bytes([SET, word]) + struct.pack("<I", value)


def sent(message, memfd=0):
    return struct.pack("<BBH", SEND, memfd, len(message)) + message


RUNG = bytes([RING, 1, PASS, 4])
TAKEN = bytes([TAKE, 255, PASS, 6, HEAR, 20])
ASK = call(0, MEMOP, 0x102)
SIZELESS = struct.pack("<BHB", WRITE, 4096 + 4, 4)

RING_INPUTS = {
    "served": put(RANDOM) + put(DIGEST_INLINE) + TAKEN,
    "together": struct.pack("<BBH", PUT, 20, len(ASK)) + ASK + put(RANDOM) + TAKEN,
    "full": put(ASK, 255) + put(ASK, 255) + put(ASK, 255) + put(RANDOM) + TAKEN + RUNG + TAKEN,
    "full-left": put(ASK, 255) + put(ASK, 255) + bytes([LEAVE]) + put(RANDOM),
    "outputs": b"".join(put(operation(n, RNG, 1, (), [(0, 0, 1024)], output=1024))
                        for n in range(1, 17)) + bytes([PASS, 0]) + TAKEN,
    "tail": put(ASK) + put_word(REQUESTS_TAIL, 8) + RUNG,
    "tail-far": put(ASK) + put_word(REQUESTS_TAIL, 16384 + 64) + RUNG,
    "tail-back": put(ASK) + bytes([MOVE, REQUESTS_TAIL, 256 - 2]) + RUNG,
    "tail-and-socket": put(ASK) + bytes([MOVE, REQUESTS_TAIL, 8]) + sent(window_add(), 1) +
                       bytes([PASS, 7, MOVE, REQUESTS_TAIL, 256 - 8, PASS, 0]),
    "head": put(ASK, 255) + put(ASK, 255) + put_word(ANSWERS_HEAD, 16400) + RUNG,
    "head-ours": put_word(REQUESTS_HEAD, 0xfffffff0) + put(ASK) + TAKEN,
    "size": SIZELESS + struct.pack("<I", 15) + put_word(REQUESTS_TAIL, 16) + RUNG,
    "size-long": SIZELESS + struct.pack("<I", 0xffffffff) + put_word(REQUESTS_TAIL, 64) + RUNG,
    "size-over": put(ASK) + struct.pack("<BBH", PUT, 1, 8337) + record(CANCEL, 1, 0, b""),
    "flags": b"".join(put_word(word, value) + put(RANDOM) for value in (0, 2, 0xffffffff)
                      for word in (REQUESTS_BELL, REQUESTS_ROOM, ANSWERS_BELL, ANSWERS_ROOM)),
    "slept": put_word(ANSWERS_BELL, 1) + put(RANDOM) + TAKEN,
    "doorbell": bytes([SILENCE, 0, RING, 0, PASS, 0, RING, 1, SILENCE, 1]) + put(RANDOM),
    "socket": sent(window_add(), 1) + put(aes(1, 1, GCM, 1000)) + sent(cancel(1)) + TAKEN +
              sent(record(WINDOW_REMOVE, 0, 0, struct.pack("<I", 1))) + TAKEN,
    "again": sent(record(7, 9, 0, b"")) + TAKEN + put(record(7, 9, 0, b"")) + TAKEN,
    "torn": put(ASK) + bytes([TEAR, 0, 144]) + RUNG,
    "torn-records": put(ASK) + bytes([TEAR, 16, 128]) + put(RANDOM) + TAKEN,
    "raw": put(call(DIGEST, SUBSCRIBE, 0, 77)) + put(call(DIGEST, COMMAND, 0)) +
           put(call(0, EXIT, 0)) + bytes([LEAVE]) + put(RANDOM),
}

CONFIG = {
    "sections": b"[kernel]\npool = 64M\nring_size = 16K\n[hil]\nrng = openssl\nchecker = yes\n",
    "refused": b"[kernel]\nring_size = 2M\n[nowhere]\n",
}


def write(directory, name, content):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(content)


def main(directory):
    root = pathlib.Path(directory)
    for name, messages in CHANNEL.items():
        write(root / "fuzz_channel", name,
              b"".join(struct.pack("<BH", flags, len(m)) + m for flags, m in messages))
    for name, (first, messages) in CHIP_LINK.items():
        write(root / "fuzz_chip_link", name, bytes([first]) + b"".join(messages))
    for target, inputs in (("config", CONFIG), ("record", RECORDS), ("ring", RING_INPUTS)):
        for name, content in inputs.items():
            write(root / f"fuzz_{target}", name, content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
