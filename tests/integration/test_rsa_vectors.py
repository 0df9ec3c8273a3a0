# SPDX-License-Identifier: Apache-2.0
"""RSA by vectors of others, process to capsule to HIL to engine, with the contract checker between:
NIST's (in Debian's python3-cryptography-vectors) and Wycheproof's, where they are there.

Keys of 1536 bits are refused by their size, signing and decrypting by 1024 bits too, in words;
exponents of over 64 bits cannot be asked for."""

import glob
import hashlib
import json
import os
import struct
import unittest

from client import Client, Refused
from plutond import Daemon
from vectors import DEBIAN as FOLDER
from vectors import WYCHEPROOF, Books

RSA = 0x80000004
SIGN, VERIFY, DECRYPT = 2, 3, 5
PKCS1, PSS, OAEP = 1, 2, 3
HASHES = {"sha1": 1, "sha224": 2, "sha256": 3, "sha384": 4, "sha512": 5}
ANY_SALT = 0xffffffff
SIZES = (128, 256, 384, 512)

DEBIAN = f"{FOLDER}/asymmetric/RSA"

books = Books("RSA")


def setUpModule():
    global daemon
    daemon = Daemon("[kernel]\ninline_max = 8192\n[hil]\nchecker = yes\n").start()


def tearDownModule():
    daemon.__exit__()
    books.print()
    if "contract" in daemon.log:
        raise AssertionError(daemon.log)


def number(digits, size):
    return int(digits, 16).to_bytes(size, "big")


def read_lines(path):
    """(name, value) of a file of "name = value"; "[mod = 1024]" is one too."""
    if not os.path.exists(path):
        raise unittest.SkipTest("python3-cryptography-vectors is not installed")
    with open(path, encoding="ascii") as file:
        for line in file:
            name, equals, value = line.strip(" []\r\n").partition("=")
            if equals and not line.startswith("#"):
                yield name.strip(), value.strip()


def read_signatures(name):
    """One dictionary for each signature: the last of everything that stood before it."""
    known, end = {}, "Result" if "SigVer" in name else "S"
    for key, value in read_lines(f"{DEBIAN}/FIPS_186-2/{name}.rsp"):
        known[key] = value
        if key == end:
            yield dict(known)


class Vectors(unittest.TestCase):
    def setUp(self):
        self.client = Client(daemon.address)
        self.addCleanup(self.client.socket.close)

    def can_be_asked(self, vector):
        """false: an exponent has at most 64 bits in a record."""
        if int(vector["e"], 16) < 1 << 64:
            return True
        books.set_apart("exponents of over 64 bits")
        return False

    def public(self, vector):
        size = int(vector["mod"]) // 8
        return number(vector["n"], size) + number(vector["e"], 8)

    def ask(self, padding, vector):
        name = vector["SHAAlg"].lower()
        digest = hashlib.new(name, bytes.fromhex(vector["Msg"])).digest()
        parameters = struct.pack("<II", HASHES[name], ANY_SALT)
        self.client.perform(RSA, VERIFY, (padding, HASHES[name]),
                            (self.public(vector), parameters if padding == PSS else None,
                             None, digest, None, bytes.fromhex(vector["S"])))

    def verifies(self, padding, vector):
        try:
            self.ask(padding, vector)
        except Refused as refusal:
            self.assertIn(refusal.error, ("INVAL", "SIZE"))
            return False
        return True

    def check_file(self, padding, name):
        used = 0
        for vector in filter(self.can_be_asked, read_signatures(name)):
            size = int(vector["mod"]) // 8
            if size not in SIZES:
                books.refuse(self, f"^key has {size + 8} bytes, which no public key has$", self.ask,
                             padding, vector)
                continue
            expected = vector.get("Result", "P").startswith("P")
            self.assertEqual(self.verifies(padding, vector), expected, vector)
            books.use(f"{name}, {'right' if expected else 'wrong'}")
            used += 1
        self.assertGreaterEqual(used, 200)

    def test_signatures_that_nist_made_by_pkcs1_verify(self):
        self.check_file(PKCS1, "SigGen15_186-3")

    def test_signatures_that_nist_made_by_pss_verify(self):
        self.check_file(PSS, "SigGenPSS_186-3")

    def test_nists_good_and_bad_pkcs1_signatures_are_told_apart(self):
        self.check_file(PKCS1, "SigVer15_186-3")

    def test_nists_good_and_bad_pss_signatures_are_told_apart(self):
        self.check_file(PSS, "SigVerPSS_186-3")

    def sign(self, vector):
        size, name = int(vector["mod"]) // 8, vector["SHAAlg"].lower()
        digest = hashlib.new(name, bytes.fromhex(vector["Msg"])).digest()
        key = self.public(vector) + number(vector["d"], size)
        return self.client.perform(RSA, SIGN, (PKCS1, HASHES[name]),
                                   (key, None, None, digest, None, size))[2]

    def test_signing_by_pkcs1_gives_nists_signatures(self):
        used = 0
        for vector in filter(self.can_be_asked, read_signatures("SigVer15_186-3")):
            size = int(vector["mod"]) // 8
            if not vector["Result"].startswith("P"):
                continue
            if size not in SIZES[1:]:
                why = ("no rsa engine signs by keys of 1024 bits" if size == 128
                       else f"key has {2 * size + 8} bytes, which no private key has")
                books.refuse(self, why, self.sign, vector)
                continue
            self.assertEqual(self.sign(vector), number(vector["S"], size))
            books.use("signing by SigVer15_186-3")
            used += 1
        self.assertGreaterEqual(used, 15)


class Wycheproof(unittest.TestCase):
    def setUp(self):
        self.client = Client(daemon.address)
        self.addCleanup(self.client.socket.close)

    def groups(self, name):
        try:
            with open(f"{WYCHEPROOF}/{name}", encoding="utf-8") as file:
                return json.load(file)["testGroups"]
        except FileNotFoundError:
            raise unittest.SkipTest("no ../shared/vectors beside the sources") from None

    def works(self, *arguments):
        try:
            return self.client.perform(RSA, *arguments)
        except Refused as refusal:
            self.assertIn(refusal.error, ("INVAL", "SIZE"))
            return None

    def test_pkcs1_signatures(self):
        count = 0
        for group in self.groups("rsa_signature_2048_sha256_test.json"):
            key = (number(group["publicKey"]["modulus"], 256) +
                   number(group["publicKey"]["publicExponent"], 8))
            for test in group["tests"]:
                if test["result"] == "acceptable":
                    books.set_apart("PKCS1 signatures of which Wycheproof does not say")
                    continue
                digest = hashlib.sha256(bytes.fromhex(test["msg"])).digest()
                done = self.works(VERIFY, (PKCS1, HASHES["sha256"]),
                                  (key, None, None, digest, None, bytes.fromhex(test["sig"])))
                self.assertEqual(done is not None, test["result"] == "valid", test)
                books.use(f"PKCS1 of Wycheproof, {test['result']}")
                count += 1
        self.assertGreater(count, 250)

    def test_oaep(self):
        names = ("modulus", "publicExponent", "privateExponent", "prime1", "prime2", "exponent1",
                 "exponent2", "coefficient")
        for group in self.groups("rsa_oaep_2048_sha256_mgf1sha256_test.json"):
            sizes = (256, 8, 256) + (128,) * 5
            key = b"".join(number(group["privateKey"][name], size)
                           for name, size in zip(names, sizes))
            for test in group["tests"]:
                label, ciphertext = bytes.fromhex(test["label"]), bytes.fromhex(test["ct"])
                done = self.works(DECRYPT, (OAEP, HASHES["sha256"]),
                                  (key, None, label or None, ciphertext or None, 190))
                self.assertEqual(done is not None, test["result"] == "valid", test)
                books.use(f"OAEP of Wycheproof, {test['result']}")
                if done:
                    self.assertEqual(done[2][:done[0]].hex(), test["msg"], test)


class Oaep(unittest.TestCase):
    """Every pair of hashes, the padding's and MGF1's: by pyca/cryptography."""

    def setUp(self):
        self.client = Client(daemon.address)
        self.addCleanup(self.client.socket.close)

    def examples(self, path):
        """(key parts, hash, mgf hash, message, ciphertext) of each example."""
        key, name, found = {}, None, {}
        with open(path, encoding="ascii") as file:
            for line in file:
                line = line.strip()
                if line.startswith("#"):
                    name = line[1:].strip().rstrip(":")
                    if "alg=" in name:
                        found = dict(word.split("=") for word in name.split() if "=" in word)
                elif line:
                    key[name] = line
                    if name == "Encryption":
                        yield key, found["alg"], found["mgf1"], key["Message"], line

    def decrypt(self, key, name, mgf, ciphertext):
        size = len(key["Modulus"]) // 2
        private = (number(key["Modulus"], size) + number("10001", 8) +
                   number(key["Exponent"], size))
        parameters = struct.pack("<II", HASHES[mgf], 0)
        length, _, output = self.client.perform(
            RSA, DECRYPT, (OAEP, HASHES[name]),
            (private, parameters, None, bytes.fromhex(ciphertext), size))
        return output[:length].hex()

    def test_oaep_with_every_pair_of_hashes(self):
        paths = glob.glob(f"{DEBIAN}/oaep-custom/*.txt")
        if not paths:
            raise unittest.SkipTest("python3-cryptography-vectors is not installed")
        count = 0
        for path in paths:
            for count, (key, name, mgf, message, cipher) in enumerate(self.examples(path), count):
                if len(key["Modulus"]) // 2 in SIZES[1:]:
                    self.assertEqual(self.decrypt(key, name, mgf, cipher), message)
                    books.use("OAEP")
                else:
                    books.refuse(self, "no rsa engine decrypts by keys of 1024 bits",
                                 self.decrypt, key, name, mgf, cipher)
        self.assertGreater(count, 20)


if __name__ == "__main__":
    unittest.main()
