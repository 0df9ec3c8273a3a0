# SPDX-License-Identifier: Apache-2.0
"""Others' vectors of key derivation through a real plutond, with the contract checker: process, channel,
capsule, HIL, engine; in one record, and from window to window. From Debian's
python3-cryptography-vectors (RFC 5869, NIST's CAVP for SP 800-108, RFC 6070) and, where they lie beside
the sources, Wycheproof's.

Vectors that cannot be asked for (other counters, Triple DES) are counted apart, more iterations than the
limit as refused by it."""

import json
import os
import re
import unittest

from client import Client, Refused
from plutond import Daemon
from vectors import DEBIAN as FOLDER
from vectors import WYCHEPROOF, Books

DEBIAN = f"{FOLDER}/KDF"

KDF = 0x80000006
HKDF, EXTRACT, EXPAND, COUNTER, FIXED, PBKDF2 = range(1, 7)
KEY, SALT, LABEL, INFO, OUTPUT = range(5)
PRFS = {"sha1": 1, "sha224": 2, "sha256": 3, "sha384": 4, "sha512": 5, "cmac": 24}
ROUNDS_MAX = 10000000  # the configuration's default

books = Books("key derivation")


def tearDownModule():
    books.print()


def fields(name, end):
    """A dictionary of all that stood before each `end`, in lower case, in one of their text files."""
    known = {}
    with open(f"{DEBIAN}/{name}.txt", encoding="utf-8") as file:
        for line in file:
            field, is_field, value = line.strip(" []\n\t").partition("=")
            if not is_field or line.startswith("#"):
                continue
            known[field.strip().lower()] = value.strip()
            if field.strip().lower() == end:
                yield dict(known)


class Vectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("[hil]\nchecker = yes\n").start()
        cls.client = Client(cls.daemon.address)
        cls.window, cls.memory = cls.client.add_window(16384)

    @classmethod
    def tearDownClass(cls):
        cls.client.socket.close()
        cls.daemon.__exit__()
        if "contract" in cls.daemon.log:
            raise AssertionError(cls.daemon.log)

    def setUp(self):
        self.used, self.refused = 0, 0

    def lend(self, parts, length):
        """The parts one behind the other in the window, and behind them room for the output."""
        slots, at = [], 0
        for part in parts:
            slots.append((self.window, at, len(part)) if part else None)
            self.memory[at:at + len(part or b"")] = part or b""
            at += len(part or b"")
        self.memory[at:at + length] = bytes(length)
        return slots + [(self.window, at, length)], at

    def derive(self, command, words, parts, length):
        """By both ways, which must agree."""
        slots, at = self.lend(parts, length)
        self.client.perform(KDF, command, words, slots)
        lent = bytes(self.memory[at:at + length])
        if length <= 1024:
            self.assertEqual(self.client.perform(KDF, command, words, parts + [length])[2], lent)
        return lent

    def check(self, command, words, parts, wanted):
        wanted = bytes.fromhex(wanted)
        parts = [part or None for part in parts]
        self.assertEqual(self.derive(command, words, parts, len(wanted)), wanted)
        self.used += 1
        books.use(("HKDF", "HKDF extraction", "HKDF expansion", "counter mode",
                   "counter mode of a fixed input", "PBKDF2")[command - 1])

    def refuse(self, error, command, words, parts, length):
        with self.assertRaises(Refused) as caught:
            slots, _ = self.lend(parts, length)
            self.client.perform(KDF, command, words, slots)
        self.assertEqual(caught.exception.error, error)
        self.refused += 1
        books.use("invalid ones, refused")


@unittest.skipUnless(os.path.isdir(DEBIAN), "python3-cryptography-vectors is not installed")
class Debian(Vectors):
    def check_hkdf(self, vector):
        words = (PRFS[vector["hash"].lower().replace("-", "")],)
        ikm, salt, info = (bytes.fromhex(vector[name]) for name in ("ikm", "salt", "info"))
        self.check(HKDF, words, [ikm, salt, None, info], vector["okm"])
        if "prk" not in vector:
            return
        self.check(EXTRACT, words, [ikm, salt, None, None], vector["prk"])
        self.check(EXPAND, words, [bytes.fromhex(vector["prk"]), None, None, info], vector["okm"])

    def test_hkdf_is_that_of_rfc_5869(self):
        for name in ("rfc-5869-HKDF-SHA1", "rfc-5869-HKDF-SHA256", "hkdf-generated"):
            for vector in fields(name, "okm"):
                with self.subTest(vector=vector):
                    self.check_hkdf(vector)
        self.assertEqual((self.used, self.refused), (22, 0))

    def test_the_counter_mode_is_that_of_nists_cavp(self):
        for vector in fields("nist-800-108-KBKDF-CTR", "ko"):
            prf = re.fullmatch(r"HMAC_(SHA\d+)|(CMAC)_AES\d+", vector["prf"])
            if not (prf and vector["ctrlocation"] == "BEFORE_FIXED" and vector["rlen"] == "32_BITS"):
                self.refused += 1
                books.set_apart("a counter mode with another counter or cipher")
                continue
            fixed = bytes.fromhex(vector["fixedinputdata"])
            with self.subTest(vector=vector):
                self.check(FIXED, (PRFS[(prf[1] or prf[2]).lower()],),
                           [bytes.fromhex(vector["ki"]), None, None, fixed], vector["ko"])
        self.assertEqual((self.used, self.refused), (320, 4480))

    def test_pbkdf2_is_that_of_rfc_6070(self):
        for vector in fields("rfc-6070-PBKDF2-SHA1", "derived_key"):
            password, salt = (vector[name].encode().replace(b"\\0", b"\0")
                              for name in ("password", "salt"))
            words = (PRFS["sha1"], int(vector["iterations"]))
            parts = [password, salt, None, None]
            with self.subTest(vector=vector):
                if words[1] > ROUNDS_MAX:
                    slots, _ = self.lend(parts, int(vector["length"]))
                    books.refuse(self, r"the limit is \d+ \(pbkdf2_rounds_max\)",
                                 self.client.perform, KDF, PBKDF2, words, slots)
                    self.refused += 1
                else:
                    self.check(PBKDF2, words, parts, vector["derived_key"])
        self.assertEqual((self.used, self.refused), (5, 1))


@unittest.skipUnless(os.path.isdir(WYCHEPROOF), "no ../shared/vectors beside the sources")
class Wycheproof(Vectors):
    def vectors_of(self, name):
        path = f"{WYCHEPROOF}/{name}_test.json"
        if not os.path.exists(path):
            self.skipTest(f"no {name}_test.json there")
        with open(path, encoding="utf-8") as file:
            for group in json.load(file)["testGroups"]:
                yield from group["tests"]

    def check_hkdf(self, hash_name):
        for test in self.vectors_of(f"hkdf_{hash_name}"):
            parts = [bytes.fromhex(test[name]) for name in ("ikm", "salt")]
            parts += [b"", bytes.fromhex(test["info"])]
            with self.subTest(test=test):
                if test["result"] == "valid":
                    self.check(HKDF, (PRFS[hash_name],), parts, test["okm"])
                else:
                    self.refuse("SIZE", HKDF, (PRFS[hash_name],), parts, test["size"])

    def test_hkdf_with_sha1_agrees_with_wycheproof(self):
        self.check_hkdf("sha1")
        self.assertGreater(self.used, 70)

    def test_hkdf_with_sha256_agrees_with_wycheproof(self):
        self.check_hkdf("sha256")
        self.assertGreater(self.used, 70)
        self.assertGreater(self.refused, 0)

    def test_hkdf_with_sha512_agrees_with_wycheproof(self):
        self.check_hkdf("sha512")
        self.assertGreater(self.used, 70)

    def test_pbkdf2_agrees_with_wycheproof(self):
        for test in self.vectors_of("pbkdf2_hmacsha256"):
            parts = [bytes.fromhex(test[name]) for name in ("password", "salt")] + [b"", b""]
            words = (PRFS["sha256"], test["iterationCount"])
            with self.subTest(test=test):
                if not parts[0]:
                    self.refuse("INVAL", PBKDF2, words, parts, test["dkLen"])
                else:
                    self.check(PBKDF2, words, parts, test["dk"])
        self.assertGreater(self.used, 20)


if __name__ == "__main__":
    unittest.main()
