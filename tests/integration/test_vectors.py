# SPDX-License-Identifier: Apache-2.0
"""Vectors of NIST (as Debian's python3-cryptography-vectors has them) and Wycheproof for AES through a
daemon: from a client's record to the engine and back, in one piece and in streams. Skipped where
they are not."""

import glob
import json
import re
import unittest

from client import AES, Client, Refused
from plutond import Daemon
from vectors import DEBIAN, WYCHEPROOF, Books, need

FOLDER = f"{DEBIAN}/ciphers/AES"
ECB, CBC, CTR, GCM, CCM = range(1, 6)
ENCRYPT, DECRYPT, BEGIN, UPDATE, FINISH = range(1, 6)
BLOCKS = (1, 2, 3, 5, 16, 100)  # of 16 bytes, in each update of a stream
PIECES = (1, 5, 15, 16, 17, 31, 64, 500)  # bytes, where any number goes

books = Books("AES")


def tearDownModule():
    books.print()


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


def nist_gcm(pattern):
    """(fields, whether it is right) of each vector: what it says comes after its blank line."""
    for path in sorted(glob.glob(f"{FOLDER}/GCM/{pattern}")):
        with open(path, encoding="ascii") as file:
            blocks = re.split(r"\n\s*\n", file.read())
        for block in blocks:
            found = dict(re.findall(r"^(\w+) = ?(\w*)", block, re.M))
            if "Key" in found:
                yield ({name: bytes.fromhex(found.get(name, "")) for name in
                        ("Key", "IV", "AAD", "PT", "CT", "Tag")}, "FAIL" not in block)


class Vectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("[kernel]\ninline_max = 4000\n[hil]\nchecker = yes\n").start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()
        if "contract" in cls.daemon.log:
            raise AssertionError(cls.daemon.log)

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
            books.use(name)
        if not count:
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(count, 1000)

    def test_ecb_agrees_with_nists_vectors(self):
        self.blocks(ECB, "ECB")

    def test_cbc_agrees_with_nists_vectors(self):
        self.blocks(CBC, "CBC")

    def test_ctr_agrees_with_the_vectors_of_rfc_3686(self):
        count = 0
        for count, vector in enumerate(nist("CTR/aes-*-ctr.txt"), 1):
            key, iv, plain, cipher = (bytes.fromhex(vector[field]) for field in
                                      ("KEY", "IV", "PLAINTEXT", "CIPHERTEXT"))
            self.assertEqual(self.whole(ENCRYPT, CTR, key, iv, plain), cipher, vector)
            self.assertEqual(self.whole(DECRYPT, CTR, key, iv, cipher), plain, vector)
            for step in PIECES:
                self.assertEqual(self.stream(ENCRYPT, CTR, key, iv, plain, step), cipher)
                self.assertEqual(self.stream(DECRYPT, CTR, key, iv, cipher, step), plain)
            books.use("CTR")
        if not count:
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreaterEqual(count, 9)

    # --- GCM ---

    def gcm(self, command, key, iv, aad, data, tag):
        """`tag`: its size to make one, or itself to check it. All that comes out."""
        slots = (key, iv, aad or None, data or None, len(data), tag)
        return self.client.perform(AES, command, (GCM,), slots)[2]

    def gcm_stream(self, key, iv, aad, plain, step):
        stream, _, _ = self.client.perform(AES, BEGIN, (GCM, ENCRYPT), (key, iv, aad or None))
        out = b""
        for at in range(0, len(plain), step):
            piece = plain[at:at + step]
            slots = (None, None, None, piece, len(piece))
            out += self.client.perform(AES, UPDATE, (stream,), slots)[2]
        return out + self.client.perform(AES, FINISH, (stream,), (None,) * 5 + (16,))[2]

    def refused_by_caps(self, command, key, iv, aad, data, tag):
        """true: caps have neither this IV nor this tag, and the refusal says which."""
        if len(iv) == 12 and (tag if isinstance(tag, int) else len(tag)) == 16:
            return False
        lacking = r"^iv has \d+ bytes, (gcm needs 12|needs 7 to 16)$" if len(iv) != 12 \
            else r"^tag has \d+ bytes, gcm needs 16$"
        books.refuse(self, lacking, self.gcm, command, key, iv, aad, data, tag)
        return True

    def test_gcm_encryption_agrees_with_nists_vectors(self):
        before = books.used["GCM encryption"]
        for count, (vector, _) in enumerate(nist_gcm("gcmEncryptExtIV*.rsp")):
            key, iv, aad, plain = (vector[name] for name in ("Key", "IV", "AAD", "PT"))
            if self.refused_by_caps(ENCRYPT, key, iv, aad, plain, len(vector["Tag"])):
                continue
            sealed = vector["CT"] + vector["Tag"]
            self.assertEqual(self.gcm(ENCRYPT, key, iv, aad, plain, 16), sealed, vector)
            step = PIECES[count % len(PIECES)]
            self.assertEqual(self.gcm_stream(key, iv, aad, plain, step), sealed, vector)
            books.use("GCM encryption")
        if not glob.glob(f"{FOLDER}/GCM"):
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(books.used["GCM encryption"] - before, 1000)

    def test_gcm_decryption_agrees_with_nists_vectors_in_what_is_right_and_what_is_not(self):
        for vector, right in nist_gcm("gcmDecrypt*.rsp"):
            key, iv, aad, cipher, tag = (vector[name] for name in ("Key", "IV", "AAD", "CT", "Tag"))
            if self.refused_by_caps(DECRYPT, key, iv, aad, cipher, tag):
                continue
            if right:
                self.assertEqual(self.gcm(DECRYPT, key, iv, aad, cipher, tag), vector["PT"])
            else:
                with self.assertRaises(Refused) as caught:
                    self.gcm(DECRYPT, key, iv, aad, cipher, tag)
                self.assertEqual(caught.exception.error, "INVAL", vector)
            books.use("GCM decryption" if right else "GCM forgeries")
        if not glob.glob(f"{FOLDER}/GCM"):
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(books.used["GCM decryption"], 500)
        self.assertGreater(books.used["GCM forgeries"], 300)

    def test_gcm_agrees_with_wycheproof_in_what_is_valid_and_what_is_not(self):
        with open(need(WYCHEPROOF, "aes_gcm_test.json"), encoding="utf-8") as file:
            groups = json.load(file)["testGroups"]
        for test in (test for group in groups for test in group["tests"]):
            parts = [bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg", "tag", "ct")]
            key, iv, aad, plain, tag, cipher = parts
            if self.refused_by_caps(DECRYPT, key, iv, aad, cipher, tag):
                continue
            if test["result"] == "valid":
                self.assertEqual(self.gcm(ENCRYPT, key, iv, aad, plain, 16), cipher + tag, test)
                self.assertEqual(self.gcm(DECRYPT, key, iv, aad, cipher, tag), plain, test)
            else:
                with self.assertRaises(Refused) as caught:
                    self.gcm(DECRYPT, key, iv, aad, cipher, tag)
                self.assertEqual(caught.exception.error, "INVAL", test)
            books.use(f"GCM of Wycheproof, {test['result']}")

    # --- CCM ---

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
            books.use("CCM")
        if not count:
            self.skipTest("no package python3-cryptography-vectors")
        self.assertGreater(count, 1000)

    def test_ccm_agrees_with_wycheproof_in_what_is_valid_and_what_is_not(self):
        with open(need(WYCHEPROOF, "aes_ccm_test.json"), encoding="utf-8") as file:
            groups = json.load(file)["testGroups"]
        for group in groups:
            fits = 7 <= group["ivSize"] / 8 <= 13 and group["tagSize"] / 8 in range(4, 17, 2)
            for test in group["tests"]:
                self.wycheproof(test, fits)

    def wycheproof(self, test, fits):
        parts = [bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg", "tag", "ct")]
        key, iv, aad, plain, tag, cipher = parts
        if sum(map(len, parts)) > self.client.inline_max:
            books.set_apart("CCM that a record has no room for")  # windows are tried elsewhere
            return
        books.use(f"CCM of Wycheproof, {test['result']}")
        if fits and test["result"] == "valid":
            self.assertEqual(self.ccm_encrypt(key, iv, aad, plain, len(tag)), cipher + tag)
            self.assertEqual(self.ccm_decrypt(key, iv, aad, cipher, tag), plain)
            return
        with self.assertRaises(Refused) as caught:
            self.ccm_decrypt(key, iv, aad, cipher, tag)
        self.assertEqual(caught.exception.error, "INVAL" if fits else "SIZE", test)
        # No CCM at all has these sizes (NIST SP 800-38C, A.1): not valid, whatever is said of it
        self.assertTrue(fits or test["result"] == "invalid", test)


if __name__ == "__main__":
    unittest.main()
