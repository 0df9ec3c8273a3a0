# SPDX-License-Identifier: Apache-2.0
"""plutond with a chip on a line, pluton-chipd at its other end: it serves, goes and is taken back."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from plutond import Daemon
from private import BUILD, CLI, DEADLINE, environment, hear, run

MIB = 1 << 20
CHIPD = f"{BUILD}/pluton-chipd"


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Chip:
    """A pluton-chipd that can be killed and started again on the same path."""

    def __init__(self, folder):
        self.line = os.path.join(folder, "line")
        self.process = None

    def start(self, *options):
        self.process = subprocess.Popen([CHIPD, "--pty", self.line, *options],
                                        stdout=subprocess.PIPE)
        self.said = hear(self.process.stdout.fileno()).decode()
        return self

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.process = None
        return status


class Bench(unittest.TestCase):
    hil = "digest = chip, openssl\naes = chip, openssl\n"
    kernel = ""  # lines of [kernel]
    line = ""  # of [chip]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.chip = Chip(folder.name)
        self.daemon = Daemon(config=f"[hil]\n{self.hil}checker = yes\n"
                                    f"[chip]\ndevice = {self.chip.line}\n{self.line}\n"
                                    f"[kernel]\n{self.kernel}\n")
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)

    def tearDown(self):
        if self.chip.process:
            self.chip.end()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("broke the HIL contract", self.daemon.log)

    def start(self, *arguments, **options):
        return subprocess.Popen([CLI, *arguments],
                                env=environment(PLUTON_ADDRESS=self.daemon.address), **options)

    def cli(self, *arguments, **options):
        return run(CLI, *arguments, env=environment(PLUTON_ADDRESS=self.daemon.address), **options)

    def engine(self, name, hil="digest"):
        """Its row; without the turns that its self tests took."""
        rows = json.loads(self.cli("engines", "--json").stdout)["engines"]
        tests = json.loads(self.cli("selftest", "--list", "--json").stdout)["selftests"]
        row = next(row for row in rows if (row["name"], row["hil"]) == (name, hil))
        row["grants"] -= sum(test["runs"] for test in tests
                             if (test["engine"], test["hil"]) == (name, hil))
        return row

    def until(self, condition):
        """Asks the daemon until it holds; only a hang takes the whole time."""
        end = time.monotonic() + DEADLINE
        while not condition():
            self.assertLess(time.monotonic(), end)

    def until_there(self, there=True):
        self.until(lambda: (self.engine("chip")["concurrency"] > 0) == there)

    def hash(self, data, **options):
        done = self.cli("hash", "sha256", input=data, **options)
        self.assertEqual(done.stdout[:64].decode(), hashlib.sha256(data).hexdigest(), done.stderr)


class OnTheChip(Bench):
    def test_without_a_chip_the_next_engine_serves_and_the_list_says_so(self):
        self.hash(b"abc")
        self.assertEqual(self.engine("chip")["concurrency"], 0)
        self.assertEqual(self.engine("chip")["grants"], 0)
        self.assertGreater(self.engine("openssl")["grants"], 0)

    def test_a_file_is_hashed_by_the_chip_over_its_line(self):
        self.chip.start()
        self.until_there()
        for size in (0, 1, 255, 256, 257, 5000, MIB + 5):
            self.hash(pattern(size))
        self.assertGreater(self.engine("chip")["grants"], 7)
        self.assertEqual(self.engine("openssl")["grants"], 0)

    def test_what_the_chip_lacks_the_next_engine_does(self):
        self.chip.start()
        self.until_there()
        done = self.cli("hash", "sha512", input=b"abc")
        self.assertEqual(done.stdout[:128].decode(), hashlib.sha512(b"abc").hexdigest())
        self.assertGreater(self.engine("openssl")["grants"], 0)

    def test_what_the_chip_encrypts_openssl_decrypts(self):
        self.chip.start()
        self.until_there()
        data = pattern(3000)
        key, counter = bytes(range(32)).hex(), bytes(range(16)).hex()
        done = self.cli("aes", "encrypt", "--mode", "ctr", "--key-hex", key, "--iv-hex",
                               counter, input=data)
        self.assertEqual(done.stderr, b"")
        self.assertGreater(self.engine("chip", "aes")["grants"], 0)
        self.assertEqual(self.engine("openssl", "aes")["grants"], 0)
        self.assertEqual(run("openssl", "enc", "-d", "-aes-256-ctr", "-K", key, "-iv", counter,
                             input=done.stdout).stdout, data)

    def test_a_chip_that_is_killed_ends_its_stream_and_no_other_and_is_taken_back(self):
        self.chip.start()
        self.until_there()
        stream = self.start("hash", "sha256", stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stream.stdin.write(pattern(2 * MIB))
        stream.stdin.flush()
        self.until(lambda: self.engine("chip")["grants"] > 1)
        self.chip.end()
        self.until_there(False)
        out, error = stream.communicate(pattern(2 * MIB), timeout=DEADLINE)
        self.assertEqual((stream.returncode, out), (1, b""))
        self.assertIn(b"(ENODEVICE)", error)
        before = self.engine("openssl")["grants"]
        self.hash(b"by the next engine")
        self.assertGreater(self.engine("openssl")["grants"], before)

        self.chip.start()
        self.until_there()
        before = self.engine("openssl")["grants"]
        self.hash(b"by the chip again")
        self.assertEqual(self.engine("openssl")["grants"], before)

    def test_no_rule_of_the_contract_is_broken_while_the_chip_comes_and_goes(self):
        for _ in range(4):
            self.chip.start()
            self.until_there()
            busy = self.start("hash", "sha256", stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            before = self.engine("chip")["grants"]
            busy.stdin.write(pattern(MIB + 1))
            busy.stdin.flush()
            self.until(lambda: self.engine("chip")["grants"] > before or
                       busy.poll() is not None)
            self.chip.end()
            busy.communicate(timeout=DEADLINE)
            self.until_there(False)
        self.hash(b"abc")

    def test_a_bad_line_gives_right_answers(self):
        self.chip.start("--faults", "duplicate=5,garbage=5,delay=200,delay_ms=8,seed=3")
        self.until_there()
        for size in (1, 5000, 50000):
            self.hash(pattern(size))


class News(Bench):
    """What the log says of a chip, and how often."""

    def test_a_chip_that_is_reset_all_the_time_is_told_of_five_times(self):
        self.chip.start("--faults", "reboot=2")  # its self tests meet it, each time it is there
        self.until(lambda: "more of that every 10 minutes" in self.daemon.read_log())
        for _ in range(10):
            self.cli("hash", "sha256", input=b"abc")
        log = self.daemon.read_log()
        self.assertEqual(log.count(" was reset"), 5, log)
        self.assertEqual(log.count("more of that every 10 minutes"), 1)


class ShortDeadline(Bench):
    """What a chip on a slow line does to the limit of time that an operation has."""
    kernel = "engine_deadline = 2s"
    line = "timeout = 400ms"

    def test_an_operation_past_the_deadline_is_cancelled_and_the_chip_serves_on(self):
        self.chip.start("--faults", "delay=1,delay_ms=40")  # 256 bytes in 40 ms: 6.4 kB/s
        self.until_there()
        done = self.cli("hash", "sha256", input=pattern(MIB))
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"ECANCEL", done.stderr)
        self.assertEqual(self.engine("chip")["expirations"], 1)
        self.assertEqual(self.engine("chip")["busy"], 0)
        self.hash(b"abc")
        self.assertEqual(self.engine("openssl")["grants"], 0)


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_it_says_where_its_line_is_and_removes_it_at_its_end(self):
        chip = Chip(self.folder).start()
        name = os.readlink(chip.line)
        self.assertEqual(chip.said, f"{chip.line} -> {name}\n")
        self.assertEqual(chip.end(signal.SIGTERM), 0)
        self.assertFalse(os.path.lexists(chip.line))

    def test_it_ends_when_asked_though_its_line_is_never_empty(self):
        chip = Chip(self.folder).start()
        line = os.open(chip.line, os.O_WRONLY | os.O_NOCTTY)
        flood = subprocess.Popen(["cat", "/dev/zero"], stdout=line, stderr=subprocess.DEVNULL)
        os.close(line)
        try:
            self.assertEqual(chip.end(signal.SIGTERM), 0)
        finally:
            flood.kill()
            flood.wait(DEADLINE)

    def test_a_link_of_one_that_was_killed_is_replaced(self):
        chip = Chip(self.folder).start()
        chip.end()
        self.assertTrue(os.path.islink(chip.line))
        chip.start()
        self.assertTrue(os.path.exists(chip.line))
        chip.end(signal.SIGTERM)

    def test_a_file_that_is_no_link_is_left_alone(self):
        path = os.path.join(self.folder, "file")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        done = run(CHIPD, "--pty", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(path.encode(), done.stderr)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_wrong_usage_is_2_and_named(self):
        for arguments, named in (([], b"--pty"), (["--pty", "x", "y"], b"y"),
                                 (["--pty", "x", "--faults", "flood=3"], b"flood=3"),
                                 (["--pty", "x", "--faults", "drop"], b"drop"),
                                 (["--pty", "x", "--faults", "drop=x"], b"drop=x"),
                                 (["--pty", "x", "--faults", "drop=99999999999"], b"drop=")):
            done = run(CHIPD, *arguments, cwd=self.folder)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(named, done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_firmware_needs_nothing_but_four_functions_of_libc(self):
        objects = [f"{BUILD}/.libs/libchip-{name}.a" for name in ("firmware", "frame")]
        lines = run("nm", "--format=posix", *objects).stdout.decode().splitlines()
        symbols = [line.split()[:2] for line in lines if len(line.split()) > 1]
        own = {name for name, kind in symbols if kind != "U"}
        needed = {name for name, kind in symbols if kind == "U"} - own
        self.assertIn("firmware_take", own)
        # Those of the compiler, of its checks and of the linker begin with an underscore.
        foreign = {name for name in needed if not name.startswith("_")}
        self.assertLessEqual(foreign, {"memcpy", "memmove", "memset", "memcmp"})

    def test_the_manual_page_has_every_option_and_fault(self):
        with open(f"{os.environ['PLUTON_SOURCE']}/docs/man/pluton-chipd.8", encoding="utf-8") as page:
            text = page.read().replace("\\-", "-")
        for word in ("--pty", "--faults", "drop", "corrupt", "duplicate", "garbage", "delay",
                     "delay_ms", "reboot", "seed", "--version"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
