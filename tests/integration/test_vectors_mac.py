# SPDX-License-Identifier: Apache-2.0
"""Others' vectors for HMAC and CMAC through a real plutond: process, channel, capsule, HIL, engine; in
one record, from a window, and as streams in pieces of several sizes. From Debian's
python3-cryptography-vectors (RFC 2202, RFC 4231, NIST SP 800-38B) and, where they lie beside the
sources, Wycheproof's. On OpenSSL; HMAC again on a digest engine of OpenSSL's, and on a chip that has
SHA-256 and nothing else."""

import json
import os
import tempfile
import unittest

from client import Client, Refused
from plutond import Daemon
from test_chip import Chip
from vectors import DEBIAN, WYCHEPROOF, Books

HMAC, CMAC = 0x40003, 0x80000003
MAC, VERIFY, BEGIN, UPDATE, FINISH, FINISH_VERIFY = range(1, 7)
ALGORITHMS = {"sha1": 1, "sha224": 2, "sha256": 3, "sha384": 4, "sha512": 5, "aes": 24}
PIECES = (1, 7, 15, 16, 17, 64, 129, 1000)

books = Books("MACs")


def tearDownModule():
    books.print()


def of_debian(name):
    """(key, message, mac, whether it is right) of each vector in one of their text files."""
    found = {}
    with open(f"{DEBIAN}/{name}.txt", encoding="utf-8") as file:
        for line in file:
            field, is_field, value = line.partition("=")
            if not is_field or line.startswith("#"):
                continue
            found[field.strip().lower()] = value.strip()
            if field.strip().lower() in ("md", "output"):
                yield (bytes.fromhex(found["key"]),
                       bytes.fromhex(found.get("msg", found.get("message"))),
                       bytes.fromhex(value), True)


def of_wycheproof(name):
    with open(f"{WYCHEPROOF}/{name}_test.json", encoding="utf-8") as file:
        for group in json.load(file)["testGroups"]:
            for test in group["tests"]:
                yield (*(bytes.fromhex(test[field]) for field in ("key", "msg", "tag")),
                       test["result"] == "valid")


class Vectors(unittest.TestCase):
    hil = ""  # lines of [hil]
    where = ""  # said of what was used there
    lacks = ()  # algorithms that no engine there has

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(f"[hil]\nchecker = yes\n{cls.hil}").start()
        cls.client = Client(cls.daemon.address)
        cls.window, cls.memory = cls.client.add_window(4096)

    @classmethod
    def tearDownClass(cls):
        cls.client.socket.close()
        cls.daemon.__exit__()
        if "contract" in cls.daemon.log:
            raise AssertionError(cls.daemon.log)

    def open_stream(self, driver, algorithm, key, message, piece):
        stream = self.client.perform(driver, BEGIN, (algorithm,), (key,))[0]
        for at in range(0, len(message), piece):
            self.client.perform(driver, UPDATE, (stream,), (None, message[at:at + piece]))
        return stream

    def says(self, right, *what):
        """A verification says whether the MAC is right, and nothing else."""
        try:
            self.client.perform(*what)
            self.assertTrue(right, "a wrong MAC was taken for right")
        except Refused as refused:
            self.assertEqual((refused.error, right), ("INVAL", False))

    def check(self, driver, algorithm, vector):
        key, message, mac, right = vector
        self.memory[:len(message)] = message
        lent = (self.window, 0, len(message)) if message else None
        for given in (message, lent):
            self.says(right, driver, VERIFY, (algorithm,), (key, given, mac))
            made = self.client.perform(driver, MAC, (algorithm,), (key, given, len(mac)))[2]
            self.assertEqual(made == mac, right)
        for piece in PIECES:
            stream = self.open_stream(driver, algorithm, key, message, piece)
            made = self.client.perform(driver, FINISH, (stream,), (None, None, len(mac)))[2]
            self.assertEqual(made == mac, right)
            stream = self.open_stream(driver, algorithm, key, message, piece)
            self.says(right, driver, FINISH_VERIFY, (stream,), (None, None, mac))

    def check_refused(self, driver, name, vector):
        """By the name of what is lacking; a valid vector and a wrong one alike."""
        key, message, mac, _ = vector
        why = f"^no hmac engine does {name}$"
        slots = (key, message or None, mac)
        books.refuse(self, why, self.client.perform, driver, VERIFY, (ALGORITHMS[name],), slots)

    def check_all(self, driver, name, vectors, least):
        count = 0
        for vector in vectors:
            with self.subTest(vector=[part.hex() for part in vector[:3]]):
                if name in self.lacks:
                    self.check_refused(driver, name, vector)
                else:
                    self.check(driver, ALGORITHMS[name], vector)
                    books.use(f"{name}{self.where}")
            count += 1
        self.assertGreaterEqual(count, least)


class Hmac(Vectors):
    @unittest.skipUnless(os.path.isdir(DEBIAN), "python3-cryptography-vectors is not installed")
    def test_hmacs_are_those_of_the_rfcs(self):
        self.check_all(HMAC, "sha1", of_debian("HMAC/rfc-2202-sha1"), 7)
        for name in ("sha224", "sha256", "sha384", "sha512"):
            self.check_all(HMAC, name, of_debian(f"HMAC/rfc-4231-{name}"), 6)

    @unittest.skipUnless(os.path.isdir(WYCHEPROOF), "no ../shared/vectors beside the sources")
    def test_hmacs_agree_with_wycheproof(self):
        for name in ("sha256", "sha512"):
            self.check_all(HMAC, name, of_wycheproof(f"hmac_{name}"), 170)


class HmacOnADigest(Hmac):
    hil = "digest = openssl\nhmac = stacked\n"
    where = " on a digest"


class HmacOnAChip(Hmac):
    where = " on a chip"
    lacks = ("sha1", "sha224", "sha384", "sha512")

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.chip = Chip(folder.name).start()
        cls.addClassCleanup(lambda: cls.chip.end())
        cls.hil = f"digest = chip\nhmac = stacked\n[chip]\ndevice = {cls.chip.line}\n"
        super().setUpClass()
        cls.until_there()

    @classmethod
    def until_there(cls):
        while True:
            try:
                return cls.client.perform(HMAC, MAC, (ALGORITHMS["sha256"],), (b"key", b"abc", 32))
            except Refused as refused:
                if refused.text != "there is no hmac engine":
                    raise


class Cmac(Vectors):
    @unittest.skipUnless(os.path.isdir(DEBIAN), "python3-cryptography-vectors is not installed")
    def test_cmacs_are_those_of_nist(self):
        for bits in (128, 192, 256):
            self.check_all(CMAC, "aes", of_debian(f"CMAC/nist-800-38b-aes{bits}"), 4)

    def test_cmacs_agree_with_wycheproof(self):
        if not os.path.exists(f"{WYCHEPROOF}/aes_cmac_test.json"):
            self.skipTest("no aes_cmac_test.json there")
        self.check_all(CMAC, "aes", of_wycheproof("aes_cmac"), 100)


if __name__ == "__main__":
    unittest.main()
