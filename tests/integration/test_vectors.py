# SPDX-License-Identifier: Apache-2.0
"""Vectors of NIST (as Debian's python3-cryptography-vectors has them) and Wycheproof through a
daemon: from a client's record to the engine and back, in one piece and in streams. Skipped where
they are not."""

import glob
import json
import os
import re
import unittest

from client import AES, Client, Refused
from plutond import Daemon

FOLDER = "/usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES"
WYCHEPROOF = os.path.join(os.environ["PLUTON_SOURCE"], "../shared/vectors")
ECB, CBC, CCM = 1, 2, 5
ENCRYPT, DECRYPT, BEGIN, UPDATE, FINISH = range(1, 6)
BLOCKS = (1, 2, 3, 5, 16, 100)  # of 16 bytes, in each update of a stream


def nist(pattern):
    """A dict for each vector; values of a file's or a section's head are in all that follow."""
    for path in sorted(glob.glob(f"{FOLDER}/{pattern}")):
        values = {}
        with open(path, encoding="ascii") as file:
            for line in file:
                for name, value in re.findall(r"(\w+) = ?(\w*)", line.partition("#")[0]):
                    values[name.upper()] = value
                if values.keys() >= {"PLAINTEXT", "CIPHERTEXT"} or "CT" in values:
                    yield dict(values)
                    for name in ("PLAINTEXT", "CIPHERTEXT", "CT"):
                        values.pop(name, None)


class Vectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()

    def setUp(self):
        self.client = Client(self.daemon.address)
        self.addCleanup(self.client.socket.close)

    def whole(self, command, mode, key, iv, data):
        return self.client.perform(AES, command, (mode,), (key, iv, None, data, len(data)))[2]

    def stream(self, direction, mode, key, iv, data, step):
        stream, _, _ = self.client.perform(AES, BEGIN, (mode, direction), (key, iv))
        out = b""
        for at in range(0, len(data), step):
            piece = data[at:at + step]
            slots = (None, None, None, piece, len(piece))
            out += self.client.perform(AES, UPDATE, (stream,), slots)[2]
        self.client.perform(AES, FINISH, (stream,))
        return out

    def blocks(self, mode, name):
        count = 0
        for count, vector in enumerate(nist(f"{name}/{name}*.rsp"), 1):
            key, plain, cipher = (bytes.fromhex(vector[field])
                                  for field in ("KEY", "PLAINTEXT", "CIPHERTEXT"))
            iv = bytes.fromhex(vector["IV"]) if mode == CBC else None
            step = 16 * BLOCKS[count % len(BLOCKS)]
            self.assertEqual(self.whole(ENCRYPT, mode, key, iv, plain), cipher, vector)
            self.assertEqual(self.whole(DECRYPT, mode, key, iv, cipher), plain, vector)
            self.assertEqual(self.stream(ENCRYPT, mode, key, iv, plain, step), cipher, vector)
            self.assertEqual(self.stream(DECRYPT, mode, key, iv, cipher, step), plain, vector)
        if not count:
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(count, 1000)

    def test_ecb_agrees_with_nists_vectors(self):
        self.blocks(ECB, "ECB")

    def test_cbc_agrees_with_nists_vectors(self):
        self.blocks(CBC, "CBC")

    def ccm_encrypt(self, key, iv, aad, plain, tag_size):
        slots = (key, iv, aad or None, plain or None, len(plain), tag_size)
        return self.client.perform(AES, ENCRYPT, (CCM,), slots)[2]

    def ccm_decrypt(self, key, iv, aad, cipher, tag):
        slots = (key, iv, aad or None, cipher or None, len(cipher), tag)
        return self.client.perform(AES, DECRYPT, (CCM,), slots)[2]

    def test_ccm_agrees_with_nists_vectors(self):
        count = 0
        for count, vector in enumerate(nist("CCM/V*.rsp"), 1):
            key, iv, sealed = (bytes.fromhex(vector[field]) for field in ("KEY", "NONCE", "CT"))
            aad = bytes.fromhex(vector["ADATA"])[:int(vector["ALEN"])]
            plain = bytes.fromhex(vector["PAYLOAD"])[:int(vector["PLEN"])]
            tag = sealed[len(plain):]
            self.assertEqual(self.ccm_encrypt(key, iv, aad, plain, len(tag)), sealed, vector)
            self.assertEqual(self.ccm_decrypt(key, iv, aad, sealed[:len(plain)], tag), plain)
        if not count:
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(count, 1000)

    def test_ccm_agrees_with_wycheproof_in_what_is_valid_and_what_is_not(self):
        path = f"{WYCHEPROOF}/aes_ccm_test.json"
        if not os.path.exists(path):
            self.skipTest("no ../shared/vectors beside the sources")
        with open(path, encoding="utf-8") as file:
            groups = json.load(file)["testGroups"]
        for group in groups:
            fits = 7 <= group["ivSize"] / 8 <= 13 and group["tagSize"] / 8 in range(4, 17, 2)
            for test in group["tests"]:
                self.wycheproof(test, fits)

    def wycheproof(self, test, fits):
        parts = [bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg", "tag", "ct")]
        key, iv, aad, plain, tag, cipher = parts
        if sum(map(len, parts)) > self.client.inline_max:
            return  # a record does not take it; windows are tried elsewhere
        if fits and test["result"] == "valid":
            self.assertEqual(self.ccm_encrypt(key, iv, aad, plain, len(tag)), cipher + tag)
            self.assertEqual(self.ccm_decrypt(key, iv, aad, cipher, tag), plain)
            return
        with self.assertRaises(Refused) as caught:
            self.ccm_decrypt(key, iv, aad, cipher, tag)
        self.assertEqual(caught.exception.error, "INVAL" if fits else "SIZE", test)


if __name__ == "__main__":
    unittest.main()
