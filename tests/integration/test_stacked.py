# SPDX-License-Identifier: Apache-2.0
"""Engines that stand on others, in a real plutond: HMAC on a digest engine that programs use as well,
on OpenSSL's and on a chip's that has no HMAC, and key derivation on that HMAC."""

import hashlib
import hmac
import subprocess
import unittest

from client import DIGEST, SHA256, Client
from plutond import Daemon
from private import CLI, DEADLINE, environment, run
from test_chip import Bench, pattern

HMAC, MAC, WHOLE = 0x40003, 1, 1
KDF, HKDF, COUNTER, PBKDF2 = 0x80000006, 1, 4, 6
HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")
KEY = bytes(range(32))


class OnOpenssl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("[hil]\ndigest = openssl\nhmac = stacked\nkdf = stacked\n"
                            "checker = yes\n").start()
        cls.environment = environment(PLUTON_ADDRESS=cls.daemon.address)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__()
        if "broke the HIL contract" in cls.daemon.log:
            raise AssertionError(cls.daemon.log)

    def start(self, *arguments, data):
        process = subprocess.Popen([CLI, *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=self.environment)
        process.stdin.write(data)
        process.stdin.close()
        return process

    def test_every_hash_and_key_size_gives_what_openssl_mac_gives(self):
        data = pattern(70001)
        for name in HASHES:
            for size in (1, 32, 64, 73, 137, 1024):
                key = pattern(size).hex()
                done = run(CLI, "mac", f"hmac-{name}", "--key-hex", key, input=data,
                           env=self.environment)
                wanted = run("openssl", "mac", "-digest", name, "-macopt", f"hexkey:{key}",
                             "-in", "-", "HMAC", input=data).stdout.split()[0].lower()
                self.assertEqual(done.stdout.split()[0], wanted, done.stderr)

    def test_programs_that_hash_and_programs_that_want_macs_at_once_all_get_theirs(self):
        data = pattern((1 << 20) + 5)
        wanted = {"hash": hashlib.sha256(data).hexdigest(),
                  "mac": hmac.new(KEY, data, "sha256").hexdigest()}
        asked = {"hash": ("hash", "sha256"),
                 "mac": ("mac", "hmac-sha256", "--key-hex", KEY.hex())}
        running = [(what, self.start(*asked[what], data=data)) for what in ("hash", "mac") * 6]
        for what, process in running:
            with process:
                self.assertEqual(process.stdout.read().split()[0].decode(), wanted[what])
                self.assertEqual(process.wait(DEADLINE), 0)

    def test_a_thousand_requests_of_each_at_once_from_one_program(self):
        with Client(self.daemon.address) as client:
            for _ in range(1000 // 8):
                asked = []
                for _ in range(8):
                    asked.append((client.submit(DIGEST, WHOLE, (SHA256,), (b"abc", 32)),
                                  hashlib.sha256(b"abc").digest()))
                    asked.append((client.submit(HMAC, MAC, (SHA256,), (KEY, b"abc", 32)),
                                  hmac.digest(KEY, b"abc", "sha256")))
                answers = self.answers(client, {what[0]: right for what, right in asked})
                self.assertEqual(answers, 16)

    def test_derived_keys_are_those_of_openssl_kdf(self):
        key, salt, info = pattern(40), pattern(17), pattern(30)
        asked = {
            "HKDF": (HKDF, (SHA256,), (key, salt, None, info),
                     (f"hexkey:{key.hex()}", f"hexsalt:{salt.hex()}", f"hexinfo:{info.hex()}")),
            "KBKDF": (COUNTER, (SHA256,), (key, None, salt, info),
                      (f"hexkey:{key.hex()}", f"hexsalt:{salt.hex()}", f"hexinfo:{info.hex()}",
                       "mac:HMAC")),
            "PBKDF2": (PBKDF2, (SHA256, 1000), (key, salt, None, None),
                       (f"hexpass:{key.hex()}", f"hexsalt:{salt.hex()}", "iter:1000",
                        "pkcs5:1")),
        }
        with Client(self.daemon.address) as client:
            for name, (command, words, slots, options) in asked.items():
                made = client.perform(KDF, command, words, (*slots, 100))[2]
                told = [word for option in options for word in ("-kdfopt", option)]
                wanted = run("openssl", "kdf", "-keylen", "100", "-kdfopt", "digest:SHA256",
                             *told, name)
                self.assertEqual(made.hex(), wanted.stdout.decode().strip().replace(":", "")
                                 .lower(), (name, wanted.stderr))

    def answers(self, client, wanted):
        """They may come in any order."""
        count = len(wanted)
        while wanted:
            (_, _, _, op_id, _), body = client.receive()
            self.assertEqual(body[-32:], wanted.pop(op_id))
        return count

    def test_programs_that_vanish_take_nobody_along(self):
        for _ in range(20):
            going, staying = Client(self.daemon.address), Client(self.daemon.address)
            for _ in range(8):
                going.submit(HMAC, MAC, (SHA256,), (KEY, pattern(900), 32))
            asked = staying.submit(HMAC, MAC, (SHA256,), (KEY, b"abc", 32))
            going.socket.close()
            self.assertEqual(staying.answer(*asked)[2], hmac.digest(KEY, b"abc", "sha256"))
            staying.socket.close()


class OnAChip(Bench):
    """pluton-chipd has SHA-256 and no HMAC."""
    hil = "digest = chip, openssl\nhmac = stacked, openssl\n"

    def mac(self, name, data):
        done = self.cli("mac", f"hmac-{name}", "--key-hex", KEY.hex(), input=data)
        self.assertEqual(done.stdout.split()[0].decode(), hmac.new(KEY, data, name).hexdigest(),
                         done.stderr)

    def test_a_chip_with_nothing_but_a_digest_has_hmac_too(self):
        self.chip.start()
        self.until_there()
        for size in (0, 1, 63, 64, 65, 256, 5000):
            self.mac("sha256", pattern(size))
        self.assertGreater(self.engine("stacked", "hmac")["grants"], 6)
        self.assertGreater(self.engine("chip")["grants"], 14)
        self.assertEqual(self.engine("openssl", "hmac")["grants"], 0)

    def test_what_the_chip_cannot_hash_the_next_engine_authenticates(self):
        self.chip.start()
        self.until_there()
        self.mac("sha512", b"abc")
        self.assertEqual(self.engine("stacked", "hmac")["grants"], 0)
        self.assertGreater(self.engine("openssl", "hmac")["grants"], 0)

    def test_what_stands_on_the_chip_goes_and_comes_with_it(self):
        self.mac("sha256", b"abc")
        self.assertEqual(self.engine("stacked", "hmac")["concurrency"], 0)
        self.chip.start()
        self.until_there()
        self.assertGreater(self.engine("stacked", "hmac")["concurrency"], 0)
        self.mac("sha256", b"abc")
        self.assertEqual(self.engine("stacked", "hmac")["grants"], 3)
        self.chip.end()
        self.until_there(False)
        self.assertEqual(self.engine("stacked", "hmac")["concurrency"], 0)
        self.mac("sha256", b"abc")


class OnAChipAlone(Bench):
    hil = "digest = chip\nhmac = stacked\n"

    def test_what_neither_has_is_refused_by_its_name(self):
        self.chip.start()
        self.until_there()
        done = self.cli("mac", "hmac-sha512", "--key-hex", KEY.hex(), input=b"abc")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no hmac engine does sha512", done.stderr)


class OnItself(unittest.TestCase):
    def test_a_digest_that_stands_on_something_there_is_none(self):
        daemon = Daemon("[hil]\ndigest = stacked\nhmac = stacked\n")
        try:
            daemon.launch()
            self.assertEqual(daemon.process.wait(DEADLINE), 78)
            with open(f"{daemon.directory}/log", encoding="utf-8") as log:
                self.assertIn("stacked has no engine for this HIL", log.read())
        finally:
            daemon.__exit__()


if __name__ == "__main__":
    unittest.main()
