# SPDX-License-Identifier: Apache-2.0
"""The self test of a running plutond: what an OpenSSL that computes wrongly leads to, and how it is
found, told, and over again."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from plutond import Daemon
from private import BUILD, CLI, DEADLINE, SOURCE, environment, is_sanitized, run
from test_chip import Chip

HASHES = ["sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"]
METHODS = ["hkdf", "sp800-108", "pbkdf2"]
ALGORITHMS = ({("rng", "random"), ("cmac", "cmac-aes")} |
              {("digest", name) for name in HASHES} |
              {("hmac", f"hmac-{name}") for name in HASHES} |
              {("aes", f"aes-{mode}") for mode in ("ecb", "cbc", "ctr", "gcm", "ccm")} |
              {("ecc", curve) for curve in ("p256", "p384", "p521", "ed25519", "x25519")} |
              {("rsa", name) for name in ("rsa", "rsa-pkcs1-signature", "rsa-pkcs1-encryption",
                                          "rsa-pss", "rsa-oaep")} |
              {("kdf", f"{method}-{name}") for method in METHODS for name in HASHES} |
              {("kdf", "sp800-108-cmac-aes"), ("hwkey", "key-slots")})
ON_SHA256 = {"sha256", "hmac-sha256"} | {f"{method}-sha256" for method in METHODS}
# What each fault of faulty_crypto.c spoils, and nothing else.
SPOILT = {
    "random": {"random"},
    "sha256": ON_SHA256,
    "gcm": {"aes-gcm", "key-slots"},  # records
    "wrap": {"key-slots"},
    "kbkdf": {"key-slots"},
    "cmac": {"cmac-aes", "sp800-108-cmac-aes"},
    "ed25519": {"ed25519"},
    "agree": {"p256", "p384", "p521", "x25519"},
    "sign": {"p256", "p384", "p521", "rsa-pkcs1-signature", "rsa-pss"},
    "rsa": {"rsa", "rsa-pkcs1-encryption", "rsa-oaep"},
}


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.daemon = Daemon()

    def cli(self, *words, **options):
        return run(CLI, *words, env=environment(PLUTON_ADDRESS=self.daemon.address), **options)

    def known(self, *words):
        """{(engine, algorithm): row} of what is known."""
        done = self.cli("selftest", "--list", "--json", *words)
        rows = json.loads(done.stdout)["selftests"]
        return {(row["engine"], row["algorithm"]): row for row in rows}

    def failed(self):
        return {algorithm for (_, algorithm), row in self.known().items()
                if row["state"] == "failed"}


class Good(Bench):
    def test_every_algorithm_is_tested_after_ready_by_itself(self):
        with self.daemon:
            done = self.cli("selftest")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            rows = self.known()
            self.assertEqual({(row["hil"], row["algorithm"]) for row in rows.values()}, ALGORITHMS)
            self.assertEqual({row["state"] for row in rows.values()}, {"passed"})
            self.assertEqual({row["failures"] for row in rows.values()}, {0})
            self.assertGreaterEqual(min(row["runs"] for row in rows.values()), 1)

    def test_engines_and_status_say_so(self):
        with self.daemon:
            self.cli("selftest")
            rows = json.loads(self.cli("engines", "--json").stdout)["engines"]
            said = {row["hil"]: row["selftest"] for row in rows}
            self.assertEqual((said["digest"], said["rsa"], said["nv"]), ("passed", "passed", "-"))
            status = json.loads(self.cli("status", "--json").stdout)
            self.assertEqual(status["selftests"]["passed"], len(ALGORITHMS))
            self.assertEqual(status["selftests"]["failed"], 0)
            self.assertIn(f"{len(ALGORITHMS)} passed".encode(), self.cli("status").stdout)

    def test_one_engine_can_be_asked_for(self):
        with self.daemon:
            done = self.cli("selftest", "openssl")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"aes-gcm", done.stdout)
            done = self.cli("selftest", "abacus")
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"abacus", done.stderr)
            self.assertIn(b"(EINVAL)", done.stderr)

    def test_a_stop_in_the_middle_of_the_tests_is_clean(self):
        for _ in range(5):
            with Daemon() as daemon:
                self.assertEqual(daemon.stop(), 0, daemon.log)


class Chips(Bench):
    def setUp(self):
        super().setUp()
        self.chip = Chip(self.folder)
        self.daemon.configure("[hil]\ndigest = chip, openssl\naes = chip, openssl\n"
                              f"checker = yes\n[chip]\ndevice = {self.chip.line}\n")

    def tearDown(self):
        if self.chip.process:
            self.chip.end()

    def await_states(self, wanted):
        while True:
            rows = [row for (engine, _), row in self.known().items() if engine == "chip"]
            if {row["state"] for row in rows} == wanted:
                return {row["algorithm"]: row["runs"] for row in rows}

    def test_a_chip_is_tested_when_it_comes_and_when_it_returns(self):
        self.chip.start()
        with self.daemon:
            runs = self.await_states({"passed"})
            self.assertEqual(set(runs), {"sha256", "aes-ctr", "aes-gcm"})
            self.chip.end()
            self.assertEqual(self.await_states({"absent"}), runs)
            rows = json.loads(self.cli("engines", "--json").stdout)["engines"]
            self.assertEqual({row["selftest"] for row in rows if row["name"] == "chip"},
                             {"absent"})
            self.chip.start()
            again = self.await_states({"passed"})
            self.assertEqual(again, {name: count + 1 for name, count in runs.items()})


class Hanging(Bench):
    """A chip that greets, and says WAIT to the first question of a test for an hour."""
    kernel = "engine_deadline = 4s\n"

    def setUp(self):
        super().setUp()
        self.chip = Chip(self.folder).start("--faults", "delay=2,delay_ms=3600000,seed=11")
        self.addCleanup(self.chip.end)
        self.daemon.configure(f"[hil]\ndigest = chip, openssl\nchecker = yes\n[kernel]\n{self.kernel}"
                              f"[chip]\ndevice = {self.chip.line}\ntimeout = 300ms\nretries = 0\n")

    def row(self):
        return self.known()[("chip", "sha256")]

    def await_test(self):
        while self.row()["state"] != "running":
            pass

    def test_who_waits_for_a_test_that_hangs_is_told_of_it_and_others_are_served(self):
        with self.daemon:
            self.await_test()
            waiting = subprocess.Popen([CLI, "hash", "sha256"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=environment(PLUTON_ADDRESS=self.daemon.address))
            self.assertEqual(self.cli("hash", "sha512", input=b"abc").returncode, 0)
            self.assertEqual(self.cli("random", "32").returncode, 0)
            out, errors = waiting.communicate(b"abc", timeout=DEADLINE)
            self.assertEqual((waiting.returncode, out), (1, b""))
            self.assertIn(b"sha256 of engine chip failed its self test: it did not answer in time",
                          errors)
            self.assertIn(b"(EFAIL)", errors)
            self.assertEqual(self.row()["failures"], 1)
            self.assertEqual(self.cli("hash", "sha256", input=b"abc").returncode, 0)
            trouble = "STATUS=degraded: sha256 of engine chip failed its self test"
            while trouble not in self.daemon.hear():
                pass
        self.assertIn("a self test failed: sha256 of engine chip did not answer in time",
                      self.daemon.log)
        self.assertNotIn("broke the HIL contract", self.daemon.log)

    def test_a_stop_while_a_test_hangs_does_not_wait_for_it(self):
        with self.daemon:
            self.await_test()
            self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("a self test failed", self.daemon.log)


@unittest.skipIf(not shutil.which("cc") or is_sanitized(), "needs a compiler, and no sanitizer")
class Faulty(Bench):
    def setUp(self):
        super().setUp()
        library = f"{self.folder}/faulty.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library,
                        f"{SOURCE}/tests/integration/faulty_crypto.c"], check=True)
        self.faults = f"{self.folder}/faults"
        self.daemon.environment = {"LD_PRELOAD": library, "PLUTON_TEST_FAULTS": self.faults}

    def set_faults(self, *words):
        with open(f"{self.faults}.new", "w", encoding="utf-8") as out:
            out.write(" ".join(words))
        os.rename(f"{self.faults}.new", self.faults)

    def test_each_fault_is_found_and_spoils_what_it_spoils_and_nothing_else(self):
        with self.daemon:
            for fault, spoilt in SPOILT.items():
                self.set_faults(fault)
                self.daemon.drain()
                done = self.cli("selftest")
                self.assertEqual(done.returncode, 1, fault)
                self.assertEqual(self.failed(), spoilt, fault)
            self.set_faults()
            self.assertEqual(self.cli("selftest").returncode, 0)
            self.assertEqual(self.failed(), set())

    def test_the_first_use_already_is_refused_and_says_which_engine_failed_how(self):
        self.set_faults("sha256")
        with self.daemon:
            done = self.cli("hash", "sha256", input=b"abc")
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"sha256 of engine openssl failed its self test: it gave a wrong answer",
                          done.stderr)
            self.assertIn(b"(EFAIL)", done.stderr)
            self.assertEqual(self.cli("hash", "sha512", input=b"abc").returncode, 0)
            again = self.cli("hash", "sha256", input=b"abc")
            self.assertEqual(again.stderr, done.stderr)

    def test_every_service_refuses_what_fails_with_a_sentence(self):
        with open(f"{self.folder}/key", "wb") as out:
            out.write(bytes(16))
        key = ("--key-file", f"{self.folder}/key")
        uses = {
            "random": [["random", "32"]],
            "gcm": [["aes", "encrypt", "--mode", "gcm", "--nonce-hex", "00" * 12, *key]],
            "cmac": [["mac", "cmac", *key]],
            "sha256": [["mac", "hmac-sha256", *key]],
            "ed25519": [["ecc", "generate", "--curve", "ed25519"]],
            "rsa": [["rsa", "generate", "--bits", "2048"]],
            "wrap": [["key", "generate", "aes256", "--usage", "wrap"]],
        }
        with self.daemon:
            for fault, lines in uses.items():
                self.set_faults(fault)
                self.daemon.drain()
                self.cli("selftest")
                for line in lines:
                    done = self.cli(*line, input=b"abc")
                    self.assertEqual(done.returncode, 1, line)
                    self.assertIn(b"failed its self test", done.stderr, line)

    def test_the_service_manager_and_the_log_are_told(self):
        self.set_faults("ed25519")
        with self.daemon:
            trouble = "STATUS=degraded: ed25519 of engine openssl failed its self test"
            while trouble not in self.daemon.hear():
                pass
            self.set_faults()
            self.assertEqual(self.cli("selftest").returncode, 0)
            while "STATUS=serving" not in self.daemon.hear():
                pass
        lines = [line for line in self.daemon.log.splitlines() if "self test" in line]
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], r" error: a self test failed: ed25519 of engine openssl gave a "
                                   r"wrong answer; it is refused from now on "
                                   r"\(engine=openssl hil=ecc algorithm=ed25519\)")
        self.assertRegex(lines[1], r" info: ed25519 of engine openssl passes its self test again")

    def test_random_bytes_that_stick_while_they_are_given_out_reach_nobody(self):
        with self.daemon:
            self.assertEqual(self.cli("selftest").returncode, 0)
            self.assertEqual(self.cli("random", "32").returncode, 0)
            self.set_faults("random")
            self.daemon.drain()
            first, second = self.cli("random", "32"), self.cli("random", "32")
            self.assertEqual((first.returncode, first.stdout), (1, b""))
            self.assertIn(b"random of engine openssl failed its self test: it repeats one byte "
                          b"(SP 800-90B, 4.4.1)", first.stderr)
            self.assertEqual(second.stderr, first.stderr)
            self.assertEqual(self.failed(), {"random"})
            self.assertIn("repeats one byte", self.cli("status").stdout.decode())
            trouble = "STATUS=degraded: random of engine openssl failed its self test"
            while trouble not in self.daemon.hear():
                pass
            self.set_faults()
            self.assertEqual(self.cli("random", "32").returncode, 1)
            self.assertEqual(self.cli("selftest").returncode, 0)
            self.assertEqual(self.cli("random", "32").returncode, 0)
            while "STATUS=serving" not in self.daemon.hear():
                pass
        self.assertRegex(self.daemon.log, "a self test failed: random of engine openssl repeats one "
                                          "byte .*; it is refused from now on")

    def test_several_are_counted_in_the_service_state(self):
        self.set_faults("gcm cmac sha256")
        with self.daemon:
            said = ""
            while "and 8 more failed their self tests" not in said:
                said = "".join(self.daemon.hear())

    def test_status_and_engines_show_what_failed(self):
        self.set_faults("agree")
        with self.daemon:
            self.cli("selftest")
            text = self.cli("status").stdout.decode()
            self.assertIn("4 failed", text)
            self.assertIn("The self test of p384 of engine openssl failed: it gave a wrong answer. "
                          "It is refused.", text)
            rows = json.loads(self.cli("engines", "--json").stdout)["engines"]
            self.assertEqual({row["hil"]: row["selftest"] for row in rows}["ecc"], "4 failed")

    def test_what_stands_on_an_engine_that_fails_fails_too_until_that_one_passes(self):
        self.daemon.configure("[hil]\ndigest = openssl\nhmac = stacked\nkdf = stacked\n"
                              "checker = yes\n")
        mac = ("mac", "hmac-sha256", "--key-hex", "00" * 16)
        with self.daemon:
            right = self.cli(*mac, input=b"abc")
            self.assertEqual(right.returncode, 0, right.stderr)
            self.assertEqual(self.cli("selftest").returncode, 0)
            self.set_faults("sha256")
            self.cli("selftest", "openssl")
            refused = self.cli(*mac, input=b"abc")
            self.assertEqual((refused.returncode, refused.stdout), (1, b""))
            self.assertIn(b"sha256 of engine stacked failed its self test", refused.stderr)
            self.assertEqual(self.cli("selftest").returncode, 1)
            self.assertEqual(self.failed(), ON_SHA256)
            self.set_faults()
            self.cli("selftest", "openssl")
            self.assertEqual(self.cli(*mac, input=b"abc").stdout, right.stdout)
            self.assertEqual(self.cli("selftest").returncode, 0)
            self.assertEqual(self.failed(), set())
        self.assertNotIn("broke the HIL contract", self.daemon.log)

    def test_the_first_use_of_what_stands_on_an_untested_engine_waits_for_both_tests(self):
        self.daemon.configure("[hil]\ndigest = openssl\nhmac = stacked\nkdf = stacked\n"
                              "checker = yes\n")
        self.set_faults("sha256")
        with self.daemon:
            done = self.cli("kdf", "hkdf", "--hash", "sha256", "--key-hex", "00" * 16,
                            "--length", "32")
            self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
            self.assertIn(b"failed its self test", done.stderr)

    def test_a_chip_serves_what_openssl_fails_in_if_it_comes_next(self):
        chip = Chip(self.folder)
        self.daemon.configure("[hil]\ndigest = openssl, chip\n"
                              f"[chip]\ndevice = {chip.line}\n")
        self.set_faults("sha256")
        chip.start()
        try:
            with self.daemon:
                self.cli("selftest")
                done = self.cli("hash", "sha256", input=b"abc")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertTrue(done.stdout.startswith(b"ba7816bf8f01cfea"))
        finally:
            chip.end()


if __name__ == "__main__":
    unittest.main()
