# SPDX-License-Identifier: Apache-2.0
"""NIST's vectors for SHA-1, SHA-2 and SHA-3 (CAVP, as Debian's python3-cryptography-vectors has them)
through a real plutond: process, channel, capsule, HIL, engine; in one record, from a window, and as
streams in pieces of several sizes. On OpenSSL, which has them all, and on a chip that has one."""

import tempfile
import unittest

from client import DIGEST, Client, Refused
from plutond import Daemon
from test_chip import Chip
from vectors import DEBIAN, Books, fields, need

WHOLE, BEGIN, UPDATE, FINISH = range(1, 5)
ALGORITHMS = {"SHA1/SHA1": (1, 20, "sha1"), "SHA2/SHA224": (2, 28, "sha224"),
              "SHA2/SHA256": (3, 32, "sha256"), "SHA2/SHA384": (4, 48, "sha384"),
              "SHA2/SHA512": (5, 64, "sha512"), "SHA3/SHA3_256": (6, 32, "sha3-256"),
              "SHA3/SHA3_384": (7, 48, "sha3-384"), "SHA3/SHA3_512": (8, 64, "sha3-512")}
OTHERS = ("SHA2/SHA512_224", "SHA2/SHA512_256", "SHA3/SHA3_224")
PIECES = (1, 7, 63, 64, 65, 127, 128, 136, 137, 1000)
MONTE = 2  # of a hundred times a thousand digests of digests

books = Books("digests")


def tearDownModule():
    books.print()


class Vectors(unittest.TestCase):
    @classmethod
    def connect(cls, hil):
        cls.daemon = Daemon(f"[hil]\n{hil}\nchecker = yes\n").start()
        cls.addClassCleanup(cls.stop)
        cls.client = Client(cls.daemon.address)
        cls.window, cls.memory = cls.client.add_window(1 << 16)

    @classmethod
    def stop(cls):
        cls.client.socket.close()
        cls.daemon.__exit__()
        if "contract" in cls.daemon.log:
            raise AssertionError(cls.daemon.log)

    def messages(self, name, kinds=("Short", "Long")):
        for kind in kinds:
            for vector in fields(need(DEBIAN, f"hashes/{name}{kind}Msg.rsp"), ("MD",)):
                message = bytes.fromhex(vector["MSG"])[:int(vector["LEN"]) // 8]
                yield message, bytes.fromhex(vector["MD"])

    def whole(self, number, given, size):
        return self.client.perform(DIGEST, WHOLE, (number,), (given, size))[2]

    def lent(self, message):
        self.memory[:len(message)] = message
        return (self.window, 0, len(message)) if message else None

    def stream(self, number, message, piece, size):
        stream = self.client.perform(DIGEST, BEGIN, (number,))[0]
        for at in range(0, len(message), piece):
            self.client.perform(DIGEST, UPDATE, (stream,), (message[at:at + piece],))
        return self.client.perform(DIGEST, FINISH, (stream,), (None, size))[2]

    def check(self, name, kinds=("Short", "Long")):
        number, size, label = ALGORITHMS[name]
        for count, (message, digest) in enumerate(self.messages(name, kinds)):
            if len(message) <= self.client.inline_max - size:
                self.assertEqual(self.whole(number, message or None, size), digest, message)
            self.assertEqual(self.whole(number, self.lent(message), size), digest)
            pieces = PIECES if len(message) < 200 else (PIECES[3 + count % 7],)
            for piece in pieces:
                self.assertEqual(self.stream(number, message, piece, size), digest)
            books.use(label)


class OnOpenssl(Vectors):
    @classmethod
    def setUpClass(cls):
        cls.connect("digest = openssl")

    def test_all_digests_are_those_of_cavp(self):
        for name, (_, _, label) in ALGORITHMS.items():
            before = books.used[label]
            self.check(name)
            self.assertGreater(books.used[label] - before, 120)

    def test_digests_of_digests_of_digests_are_those_of_cavp(self):
        for name, (number, size, label) in ALGORITHMS.items():
            width = 1 if name.startswith("SHA3/") else 3  # how many of the last ones are hashed
            seed = None
            for vector in fields(need(DEBIAN, f"hashes/{name}Monte.rsp"), ("MD",)):
                seed = seed or bytes.fromhex(vector["SEED"])
                if int(vector["COUNT"]) == MONTE:
                    break
                last = [seed] * width
                for _ in range(1000):
                    last = [*last[1:], self.whole(number, b"".join(last), size)]
                seed = last[-1]
                self.assertEqual(seed.hex(), vector["MD"])
                books.use(f"{label} a thousand times")

    def test_digests_that_have_no_number_are_counted_apart(self):
        for name in OTHERS:
            for _ in self.messages(name):
                books.set_apart(name.partition("/")[2])


class OnAChip(Vectors):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.chip = Chip(folder.name).start()
        cls.addClassCleanup(lambda: cls.chip.end())
        cls.connect(f"digest = chip\n[chip]\ndevice = {cls.chip.line}\n[hil]")

    def until_there(self):
        while True:
            try:
                return self.whole(3, b"abc", 32)
            except Refused as refused:
                self.assertEqual(refused.text, "there is no digest engine")

    def test_what_the_chip_has_is_right_and_the_rest_is_refused_by_its_name(self):
        self.until_there()
        for name, (number, size, label) in ALGORITHMS.items():
            if label == "sha256":
                self.check(name, ("Short",))
                continue
            for message, _ in self.messages(name, ("Short",)):
                books.refuse(self, f"no digest engine does {label}", self.whole, number,
                             self.lent(message), size)


if __name__ == "__main__":
    unittest.main()
