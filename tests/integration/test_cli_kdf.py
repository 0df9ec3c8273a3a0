# SPDX-License-Identifier: Apache-2.0
"""pluton-cli kdf: what openssl kdf and python3-cryptography derive; keys and passwords that leave no
trace; what is refused."""

import hashlib
import json
import os
import stat
import subprocess
import unittest

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf import hkdf, kbkdf, pbkdf2

from private import DEADLINE, Private, run

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
HASHES = {"sha1": hashes.SHA1, "sha224": hashes.SHA224, "sha256": hashes.SHA256,
          "sha384": hashes.SHA384, "sha512": hashes.SHA512, "sha3-256": hashes.SHA3_256,
          "sha3-384": hashes.SHA3_384, "sha3-512": hashes.SHA3_512}
SALT = "a0a1a2a3a4a5a6a7"


def setUpModule():
    global daemon
    daemon = Private(config="[hil]\nchecker = yes\n")


def tearDownModule():
    daemon.close()


def kdf(*words, key=KEY, **how):
    return daemon.cli("kdf", words[0], "--key-hex", key, *words[1:], **how)


def openssl(kind, length, *options):
    line = ["openssl", "kdf", "-keylen", str(length), "-binary"]
    for option in options:
        line += ["-kdfopt", option]
    return run(*line, kind).stdout.hex()


class Folder(unittest.TestCase):
    def file(self, name, data=b"abc"):
        path = os.path.join(daemon.folder.name, name)
        with open(path, "wb") as file:
            file.write(data)
        self.addCleanup(os.remove, path)
        return path

    def gives(self, done, wanted):
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(), wanted + "\n")

    def refused(self, done, *sentences):
        self.assertEqual((done.returncode, done.stdout), (2, b""), done)
        for sentence in sentences:
            self.assertIn(sentence.encode(), done.stderr)


class Hkdf(Folder):
    def test_every_hash_gives_what_openssl_and_python_give(self):
        for name, algorithm in HASHES.items():
            for length in (1, 32, 65, 200):
                wanted = hkdf.HKDF(algorithm(), length, bytes.fromhex(SALT), b"disk 1").derive(
                    bytes.fromhex(KEY)).hex()
                self.assertEqual(wanted, openssl("HKDF", length, f"digest:{name}", f"hexkey:{KEY}",
                                                 f"hexsalt:{SALT}", "info:disk 1"))
                self.gives(kdf("hkdf", "--hash", name, "--salt-hex", SALT, "--info", "disk 1",
                               "--length", str(length)), wanted)

    def test_without_salt_and_info_it_is_32_bytes_by_sha256(self):
        self.gives(kdf("hkdf"), openssl("HKDF", 32, "digest:SHA256", f"hexkey:{KEY}"))

    def test_the_two_steps_are_openssls(self):
        prk = kdf("hkdf", "--hash", "sha512", "--step", "extract", "--salt-hex", SALT)
        self.gives(prk, openssl("HKDF", 64, "digest:SHA512", "mode:EXTRACT_ONLY",
                                f"hexkey:{KEY}", f"hexsalt:{SALT}"))
        done = kdf("hkdf", "--hash", "sha512", "--step", "expand", "--info-hex", "00ff",
                   key=prk.stdout.decode().strip())
        self.gives(done, kdf("hkdf", "--hash", "sha512", "--salt-hex", SALT, "--info-hex",
                             "00ff").stdout.decode().strip())

    def test_the_longest_output_is_given_and_a_longer_one_is_a_usage_error(self):
        done = kdf("hkdf", "--length", "8160")
        self.gives(done, openssl("HKDF", 8160, "digest:SHA256", f"hexkey:{KEY}"))
        for length, said in (("8161", "too large"), ("0", "no bytes"), ("-1", "not a number"),
                             ("x", "not a number"), ("99999999999999999999", "not a number")):
            self.refused(kdf("hkdf", f"--length={length}"), "--length", said)

    def test_what_a_step_has_not_is_a_usage_error(self):
        self.refused(kdf("hkdf", "--step", "both"), "no such step, both")
        self.refused(kdf("hkdf", "--step", "extract", "--info", "x"), "--info with --step extract")
        self.refused(kdf("hkdf", "--step", "expand", "--salt-hex", SALT), "--salt-hex with")
        self.refused(kdf("hkdf", "--step", "extract", "--length", "31"), "it is always 32")

    def test_an_extraction_takes_no_length_but_its_own_also_if_that_is_the_usual_one(self):
        for name, size in (("sha256", 32), ("sha512", 64)):
            line = ["hkdf", "--hash", name, "--step", "extract"]
            self.gives(kdf(*line, "--length", str(size)), kdf(*line).stdout.decode().strip())
        self.refused(kdf(*line, "--length", "32"),
                     "--length of an extraction, 32, it is always 64")
        self.refused(kdf("hkdf", "--hash", "sha1", "--step", "extract", "--length", "32"),
                     "--length is too large, 32, give at most 20")


class Sp800108(Folder):
    def test_hmac_gives_what_openssl_and_python_give(self):
        for name, algorithm in HASHES.items():
            wanted = kbkdf.KBKDFHMAC(algorithm(), kbkdf.Mode.CounterMode, 100, 4, 4,
                                     kbkdf.CounterLocation.BeforeFixed, b"disk", b"host 1",
                                     None).derive(bytes.fromhex(KEY)).hex()
            self.assertEqual(wanted, openssl("KBKDF", 100, "mac:HMAC", f"digest:{name}",
                                             f"hexkey:{KEY}", "salt:disk", "info:host 1"))
            self.gives(kdf("sp800-108", "--prf", f"hmac-{name}", "--label", "disk", "--context",
                           "host 1", "--length", "100"), wanted)

    def test_cmac_gives_what_openssl_and_python_give(self):
        for size in (16, 24, 32):
            key = KEY[:2 * size]
            wanted = kbkdf.KBKDFCMAC(algorithms.AES, kbkdf.Mode.CounterMode, 40, 4, 4,
                                     kbkdf.CounterLocation.BeforeFixed, b"disk", b"\0\xff",
                                     None).derive(bytes.fromhex(key)).hex()
            self.assertEqual(wanted, openssl("KBKDF", 40, "mac:CMAC", f"cipher:AES-{8 * size}-CBC",
                                             f"hexkey:{key}", "salt:disk", "hexinfo:00ff"))
            self.gives(kdf("sp800-108", "--prf", "cmac", "--label-hex", b"disk".hex(),
                           "--context-hex", "00ff", "--length", "40", key=key), wanted)

    def test_a_fixed_input_of_ones_own_is_all_behind_the_counter(self):
        mac = cmac.CMAC(algorithms.AES(bytes.fromhex(KEY)))
        mac.update(b"\0\0\0\1" + b"anything")
        self.gives(kdf("sp800-108", "--prf", "cmac", "--fixed-hex", b"anything".hex(), "--length",
                       "16"), mac.finalize().hex())
        self.refused(kdf("sp800-108", "--fixed-hex", "00", "--label", "x"), "--fixed-hex with")

    def test_wrong_words_are_usage_errors(self):
        self.refused(kdf("sp800-108", "--prf", "sha256"), "no such algorithm, sha256")
        self.refused(kdf("sp800-108", "--label", "x" * 257), "--label is too long, 257 bytes")
        self.refused(kdf("sp800-108", "--label", "x", "--label-hex", "00"), "label twice")
        self.refused(kdf("sp800-108", "--context-hex", "0"), "--context-hex has a wrong length")
        self.refused(kdf("sp800-108", "--context-hex", "xy"), "not hexadecimal")
        self.refused(kdf("sp800-108", "--prf", "cmac", key=KEY + "00"), "--key-hex")


class Pbkdf2(Folder):
    def password(self, *options, password=b"password", **how):
        return daemon.cli("kdf", "pbkdf2", "--password-file", "-", *options, input=password, **how)

    def test_every_hash_gives_what_openssl_and_python_give(self):
        for name, algorithm in HASHES.items():
            for iterations in (1, 1000, 5000):
                wanted = pbkdf2.PBKDF2HMAC(algorithm(), 70, bytes.fromhex(SALT),
                                           iterations).derive(b"password").hex()
                self.assertEqual(wanted, openssl("PBKDF2", 70, f"digest:{name}", "pass:password",
                                                 f"hexsalt:{SALT}", f"iter:{iterations}",
                                                 "pkcs5:1"))
                self.gives(self.password("--hash", name, "--salt-hex", SALT, "--iterations",
                                         str(iterations), "--length", "70"), wanted)

    def test_many_iterations_give_what_python_gives(self):
        wanted = hashlib.pbkdf2_hmac("sha256", b"password", bytes.fromhex(SALT), 600000).hex()
        self.gives(self.password("--salt-hex", SALT, "--iterations", "600000"), wanted)

    def test_one_line_break_at_the_end_of_a_password_does_not_count(self):
        wanted = self.password("--iterations", "9").stdout.decode().strip()
        self.gives(self.password("--iterations", "9", password=b"password\n"), wanted)
        path = self.file("password", b"password\n")
        self.gives(daemon.cli("kdf", "pbkdf2", "--password-file", path, "--iterations", "9"), wanted)
        for password in (b"password\n\n", b"password\r\n", b"password "):
            self.assertNotEqual(self.password("--iterations", "9",
                                              password=password).stdout.decode().strip(), wanted)

    def test_as_a_key_all_of_a_password_counts(self):
        path = self.file("password", b"password\n")
        done = daemon.cli("kdf", "pbkdf2", "--key-file", path, "--iterations", "9")
        self.gives(done, hashlib.pbkdf2_hmac("sha256", b"password\n", b"", 9).hex())

    def test_more_iterations_than_the_limit_are_refused_with_its_name(self):
        done = self.password("--iterations", "10000001")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        for said in (b"pbkdf2_rounds_max", b"10000000", b"plutond.conf", b"(ESIZE)"):
            self.assertIn(said, done.stderr)
        with Private(config="[hil]\npbkdf2_rounds_max = 1000\n") as other:
            for iterations, status in (("500", 0), ("501", 1)):
                done = other.cli("kdf", "pbkdf2", "--password-file", "-", "--length", "33",
                                 "--iterations", iterations, input=b"password")
                self.assertEqual(done.returncode, status)

    def test_what_is_missing_or_too_much_is_a_usage_error(self):
        self.refused(self.password(), "--iterations")
        self.refused(self.password("--iterations", "0"), "--iterations of none")
        self.refused(self.password("--iterations", "5", password=b""), "")
        self.refused(self.password("--iterations", "5", password=b"\n"), "the password is empty")
        self.refused(self.password("--iterations", "5", "--key-hex", "00"), "two passwords")
        self.refused(daemon.cli("kdf", "pbkdf2", "--iterations", "5"), "the key is missing")

    def test_it_ends_with_the_program_that_asked(self):
        process = daemon.start("kdf", "pbkdf2", "--password-file", "-", "--iterations", "10000000",
                               "--hash", "sha3-512", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"password")
        process.stdin.close()
        process.terminate()
        self.assertEqual(process.wait(timeout=DEADLINE), -15)
        process.stdout.close()
        self.gives(self.password("--iterations", "9"),
                   hashlib.pbkdf2_hmac("sha256", b"password", b"", 9).hex())


class Output(Folder):
    def test_raw_bytes_a_file_and_json_have_the_same_key(self):
        wanted = kdf("hkdf").stdout.decode().strip()
        self.assertEqual(kdf("hkdf", "--raw").stdout.hex(), wanted)
        self.assertEqual(json.loads(kdf("hkdf", "--json").stdout), {"key": wanted})
        path = os.path.join(daemon.folder.name, "derived")
        self.addCleanup(os.remove, path)
        done = kdf("hkdf", "--out", path, "--json")
        self.assertEqual(json.loads(done.stdout), {"length": 32, "out": path})
        done = kdf("hkdf", "--out", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        with open(path, "rb") as file:
            self.assertEqual(file.read().hex(), wanted)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_what_does_not_go_together_is_a_usage_error(self):
        self.refused(kdf("hkdf", "--raw", "--json"), "--raw with --json")
        self.refused(kdf("hkdf", "--raw", "--out", "/nowhere/x"), "--raw with --out")
        self.refused(kdf("hkdf", "--hash", "md5"), "no such algorithm, md5")
        self.refused(kdf("hkdf", "word"), "one argument too many, word")

    def test_a_key_file_is_the_same_as_its_hexadecimal(self):
        path = self.file("key", bytes.fromhex(KEY))
        wanted = kdf("hkdf").stdout.decode().strip()
        self.gives(daemon.cli("kdf", "hkdf", "--key-file", path), wanted)
        self.gives(daemon.cli("kdf", "hkdf", "--key-file", "-", input=bytes.fromhex(KEY)), wanted)
        self.refused(daemon.cli("kdf", "hkdf"), "the key is missing")
        self.refused(kdf("hkdf", "--key-file", path), "two keys")
        self.refused(kdf("hkdf", key=""), "wrong length")

    def test_no_message_shows_a_key(self):
        for line in (["hkdf", "--length", "0"], ["hkdf", "--key-file", "/nowhere"],
                     ["sp800-108", "--prf", "cmac"]):
            done = kdf(*line, key="5ec4e7" * 7)
            self.assertNotEqual(done.returncode, 0)
            self.assertNotIn(b"5ec4e7", done.stderr)


if __name__ == "__main__":
    unittest.main()
