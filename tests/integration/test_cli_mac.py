# SPDX-License-Identifier: Apache-2.0
"""pluton-cli mac: what openssl mac says, any size; keys that leave no trace; MACs verified."""

import hmac
import json
import os
import re
import subprocess
import unittest

from private import DEADLINE, Private, pattern, run

MIB = 1 << 20
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")
# Around the pieces in which a message is read, and around blocks of hash functions and of AES.
SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 136, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 5]


def setUpModule():
    global daemon
    daemon = Private()


def tearDownModule():
    daemon.close()


def mac(algorithm, *options, key=KEY, **how):
    return daemon.cli("mac", algorithm, "--key-hex", key, *options, **how)


def openssl(algorithm, key, path):
    if algorithm == "cmac":
        options = ["-cipher", f"AES-{4 * len(key)}-CBC", "-macopt", f"hexkey:{key}", "CMAC"]
    else:
        options = ["-digest", algorithm.removeprefix("hmac-"), "-macopt", f"hexkey:{key}", "HMAC"]
    return run("openssl", "mac", "-in", path, *options).stdout.strip().lower()


class Files(unittest.TestCase):
    def file(self, name, data=b"abc"):
        path = os.path.join(os.fsencode(daemon.folder.name), os.fsencode(name))
        with open(path, "wb") as file:
            file.write(data)
        self.addCleanup(os.remove, path)
        return path


class Mac(Files):
    def test_known_answers(self):
        # RFC 4231, test case 2; NIST SP 800-38B, example 3
        done = mac("hmac-sha256", key="4a656665", input=b"what do ya want for nothing?")
        self.assertEqual(done.stdout, b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964"
                                      b"ec3843  -\n")
        done = mac("cmac", key="2b7e151628aed2a6abf7158809cf4f3c", input=bytes.fromhex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"))
        self.assertEqual(done.stdout, b"dfa66747de9ae63030ca32611497c827  -\n")

    def test_every_algorithm_and_key_size_gives_what_openssl_mac_gives(self):
        path = self.file("data", pattern(70001))
        for name in HASHES:
            for size in (1, 32, 64, 73, 137, 1024):
                key = pattern(size).hex()
                done = mac(f"hmac-{name}", path, key=key)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(done.stdout.split()[0], openssl(f"hmac-{name}", key, path))
        for size in (16, 24, 32):
            key = pattern(size).hex()
            self.assertEqual(mac("cmac", path, key=key).stdout.split()[0],
                             openssl("cmac", key, path))

    def test_a_file_of_any_size_and_standard_input_give_the_same(self):
        for size in SIZES:
            path = self.file(f"size-{size}", pattern(size))
            for name in ("hmac-sha256", "hmac-sha3-512", "cmac"):
                wanted = openssl(name, KEY, path)
                self.assertEqual(mac(name, path).stdout, wanted + b"  " + path + b"\n")
                for dash in ([], ["-"]):
                    done = mac(name, *dash, input=pattern(size))
                    self.assertEqual(done.stdout, wanted + b"  -\n")

    def test_names_are_escaped_as_sha256sum_escapes_them(self):
        for name in ("a b", "back\\slash", "new\nline", "re\rturn", b"\xff\xfe"):
            path = self.file(name)
            line, known = mac("hmac-sha256", path).stdout, run("sha256sum", path).stdout
            self.assertEqual(re.sub(rb"[0-9a-f]{64}", b"", line, count=1),
                             re.sub(rb"[0-9a-f]{64}", b"", known, count=1))

    def test_json_names_algorithm_mac_and_file(self):
        path = self.file("x\n\\ä")
        wanted = hmac.new(bytes.fromhex(KEY), b"abc", "sha256").hexdigest()
        done = mac("hmac-sha256", path, "--json")
        self.assertEqual(json.loads(done.stdout), {"algorithm": "hmac-sha256", "mac": wanted,
                                                   "file": os.fsdecode(path)})
        done = mac("hmac-sha256", path, "--json", "--verify", wanted)
        self.assertEqual(json.loads(done.stdout), {"algorithm": "hmac-sha256", "verified": True,
                                                   "file": os.fsdecode(path)})

    def test_a_small_window_makes_it_slower_not_wrong(self):
        path = self.file("tight", pattern(MIB + 5))
        for config in ("window_max = 4K", "profile = pluton"):
            with Private(config=f"[kernel]\n{config}\n") as other:
                for name in ("hmac-sha512", "cmac"):
                    done = other.cli("mac", name, "--key-hex", KEY, path)
                    self.assertEqual(done.stdout.split()[0], openssl(name, KEY, path), done)

    def test_the_checker_finds_nothing_to_say(self):
        path = self.file("checked", pattern(MIB + 5))
        with Private(config="[hil]\nchecker = yes\n") as other:
            for name in ("hmac-sha3-256", "cmac"):
                done = other.cli("mac", name, "--key-hex", KEY, path)
                self.assertEqual(done.stdout.split()[0], openssl(name, KEY, path), done)


class Verify(Files):
    def test_a_right_mac_or_its_beginning_is_ok(self):
        path = self.file("letter")
        for name in ("hmac-sha1", "hmac-sha512", "cmac"):
            right = openssl(name, KEY, path).decode()
            for digits in (right, right.upper(), right[:8], right[:-2]):
                done = mac(name, "--verify", digits, path)
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (0, path + b": OK\n", b""))

    def test_a_wrong_mac_is_refused_and_nothing_is_printed(self):
        path = self.file("letter")
        for name in ("hmac-sha256", "cmac"):
            right = openssl(name, KEY, path).decode()
            wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
            for digits in (wrong, "00000000"):
                for json_option in ([], ["--json"]):
                    done = mac(name, "--verify", digits, path, *json_option)
                    self.assertEqual((done.returncode, done.stdout), (1, b""))
                    self.assertIn(b"the MAC does not match, " + path, done.stderr)
                    self.assertIn(b"(EINVAL)", done.stderr)
            self.assertEqual(mac(name, "--verify", right, key="00" * 32, input=b"abc").returncode, 1)

    def test_a_mac_of_a_wrong_length_or_not_hexadecimal_is_a_usage_error(self):
        for digits, said in (("", b"wrong length"), ("aabbcc", b"8 to 64"), ("aabbccdde", b"9 dig"),
                             ("aa" * 33, b"66 digits"), ("xy" * 32, b"not hexadecimal")):
            done = mac("hmac-sha256", "--verify", digits, "/dev/null")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(said, done.stderr)


class Keys(Files):
    def test_a_key_file_is_the_same_as_its_hexadecimal(self):
        key = self.file("key", bytes.fromhex(KEY))
        data = self.file("data")
        for name in ("hmac-sha256", "cmac"):
            wanted = mac(name, data).stdout
            self.assertEqual(daemon.cli("mac", name, "--key-file", key, data).stdout, wanted)
            self.assertEqual(daemon.cli("mac", name, "--key-file", "-", data,
                                        input=bytes.fromhex(KEY)).stdout, wanted)

    def test_key_and_data_cannot_both_come_from_standard_input(self):
        for data in ([], ["-"]):
            done = daemon.cli("mac", "hmac-sha256", "--key-file", "-", *data, input=b"key")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"--key-file -", done.stderr)

    def test_keys_of_wrong_sizes_are_usage_errors_that_do_not_show_them(self):
        long = self.file("long", b"secret" * 200)
        empty = self.file("empty", b"")
        for line in (["hmac-sha256", "--key-hex", ""], ["hmac-sha256", "--key-hex", "5ec"],
                     ["hmac-sha256", "--key-hex", "5e" * 1025], ["cmac", "--key-hex", "5e" * 17],
                     ["cmac", "--key-hex", "5e" * 1024], ["hmac-sha256", "--key-hex", "5ecreet5"],
                     ["hmac-sha256", "--key-file", long], ["hmac-sha256", "--key-file", empty],
                     ["cmac", "--key-file", long]):
            done = daemon.cli("mac", *line, "/dev/null")
            self.assertEqual((done.returncode, done.stdout), (2, b""), line)
            self.assertNotIn(b"5ec", done.stderr)
            self.assertNotIn(b"secret", done.stderr)

    def test_no_key_or_two_are_usage_errors(self):
        done = daemon.cli("mac", "hmac-sha256", "/dev/null")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"the key is missing", done.stderr)
        done = mac("hmac-sha256", "--key-file", "/dev/null", "/dev/null")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"two keys", done.stderr)

    def test_ps_shows_no_key_once_it_was_read(self):
        process = daemon.start("mac", "hmac-sha256", "--key-hex", KEY, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
        process.stdin.write(bytes(3 * MIB))  # more than a pipe holds: it is reading
        process.stdin.flush()
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            line = file.read()
        process.communicate(timeout=DEADLINE)
        self.assertIn(b"--key-hex\0" + b"x" * 64, line)
        self.assertNotIn(KEY.encode(), line)


class Refused(unittest.TestCase):
    def test_an_unknown_algorithm_is_a_usage_error_that_names_it(self):
        for name in ("hmac", "sha256", "hmac-md5", "HMAC-SHA256", ""):
            done = mac(name, "/dev/null")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"no such algorithm, {name},".encode(), done.stderr)
        self.assertEqual(daemon.cli("mac").returncode, 2)
        self.assertEqual(mac("cmac", "a", "b").returncode, 2)

    def test_what_cannot_be_read_is_refused_by_name(self):
        for path, error in (("/nowhere/file", b"(ENOENT)"), ("/", b"(EISDIR)")):
            done = mac("cmac", path)
            self.assertEqual((done.returncode, done.stdout), (1, b""), path)
            self.assertIn(path.encode(), done.stderr)
            self.assertIn(error, done.stderr)


if __name__ == "__main__":
    unittest.main()
