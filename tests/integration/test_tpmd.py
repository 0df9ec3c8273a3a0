# SPDX-License-Identifier: Apache-2.0
"""pluton-tpmd with a real plutond: its life as an app, and what it does while plutond is away."""

import hashlib
import os
import re
import signal
import struct
import subprocess
import time
import unittest

import plutond
import private
import tpm_channel as tpm
from client import Refused
from tpm_channel import TpmChannel

TPMD = f"{os.environ['PLUTON_BUILD']}/pluton-tpmd"
PATIENCE = 60  # seconds; only what hangs takes so long


def cli(daemon, *arguments):
    return private.run(private.CLI, *arguments,
                       env=private.environment(PLUTON_ADDRESS=daemon.address))


def counter(channel):
    return struct.unpack(">Q", channel.run(tpm.read_counter())[6:14])[0]


def pcr(channel, number):
    return channel.run(tpm.pcr_read(number))[-32:]


class Tpm(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(plutond.Daemon())

    def attach(self, token=None):
        """plutond may not have noticed yet that the app is gone: then the channel ends at once."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return self.enterContext(TpmChannel(self.daemon.address, token=token))
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
        self.fail("no channel")

    def must(self, *arguments):
        result = cli(self.daemon, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)

    def kill(self, channel):
        """SIGKILL for the app, noticed by its client."""
        os.kill(channel.info()["pid"], signal.SIGKILL)
        with self.assertRaises((EOFError, ConnectionResetError, BrokenPipeError)):
            channel.info()

    def check_held(self, channel):
        """The command before has run, and its response waits: what comes after it is answered."""
        with self.assertRaises(Refused) as refusal:
            channel.perform_on(tpm.SET_LOCALITY, (1,))
        self.assertEqual(refusal.exception.error, "BUSY")

    # --- the app's life ---

    def test_random_bytes_come_through_the_channel(self):
        channel = self.attach()
        self.assertEqual(len(channel.run(tpm.get_random(16))), 2 + 16)
        info = channel.info()
        self.assertEqual(info["instance"], "tpm0")
        self.assertTrue(info["library"].startswith("libtpms "))

    def test_stop_and_start_is_a_power_cycle_and_nv_is_kept(self):
        channel = self.attach()
        channel.run(tpm.define_counter())
        channel.run(tpm.increment())
        channel.run(tpm.pcr_extend(16, b"\1" * 32))
        self.must("app", "stop", "tpm0")
        again = self.attach(channel.token)
        self.assertEqual(again.again, 0)
        self.assertEqual(pcr(again, 16), bytes(32))
        self.assertEqual(counter(again), 1)
        self.assertEqual(again.info()["resumes"], 0)

    def test_restart_keeps_pcrs_and_connected_clients(self):
        channel = self.attach()
        channel.run(tpm.pcr_extend(16, b"\1" * 32))
        before = pcr(channel, 16)
        self.must("app", "restart", "tpm0")
        again = self.attach(channel.token)
        self.assertEqual(again.again, 1)
        self.assertEqual(again.sequence, channel.sequence)
        self.assertEqual(pcr(again, 16), before)
        self.assertEqual(again.info()["resumes"], 1)

    def test_killed_tpm_goes_on(self):
        channel = self.attach()
        channel.run(tpm.pcr_extend(16, b"\1" * 32))
        before = pcr(channel, 16)
        self.assertEqual(before, hashlib.sha256(bytes(32) + b"\1" * 32).digest())
        self.kill(channel)
        again = self.attach(channel.token)
        self.assertEqual(again.again, 1)
        self.assertEqual(pcr(again, 16), before)

    def test_daemon_stop_and_start_keeps_nv(self):
        channel = self.attach()
        channel.run(tpm.define_counter())
        channel.run(tpm.increment())
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.assertEqual(counter(self.attach()), 1)

    def test_unknown_instance_is_refused(self):
        with self.assertRaises(Refused) as refusal:
            TpmChannel(self.daemon.address, "tpm9")
        self.assertEqual(refusal.exception.error, "NODEVICE")

    def test_long_command_is_cancelled(self):
        channel = self.attach()
        codes = set()
        for _ in range(10):  # one that has ended by itself could not be cancelled
            op_id = channel.transmit(tpm.create_rsa(3072))
            channel.cancel(op_id)
            codes.add(channel.response(op_id)[0])
            if tpm.RC_CANCELED in codes:
                break
        self.assertIn(tpm.RC_CANCELED, codes)

    # --- without plutond ---

    def test_tpm_serves_on_while_plutond_is_dead_and_nv_waits_for_the_next_one(self):
        channel = self.attach()
        channel.run(tpm.define_counter())
        channel.run(tpm.increment())
        pid = channel.info()["pid"]
        self.daemon.stop(signal.SIGKILL)
        self.assertEqual(len(channel.run(tpm.get_random(8))), 2 + 8)
        channel.run(tpm.pcr_extend(16, b"\2" * 32))
        op_id = channel.transmit(tpm.increment())
        self.check_held(channel)
        self.daemon.start()
        self.assertEqual(channel.response(op_id)[0], 0)
        self.assertEqual(counter(channel), 2)
        self.assertEqual(self.attach().info()["pid"], pid)

    def test_killed_tpm_goes_on_under_the_next_plutond(self):
        """The snapshot is kept by whoever is the service manager now."""
        channel = self.attach()
        channel.run(tpm.pcr_extend(16, b"\3" * 32))
        before = pcr(channel, 16)
        self.daemon.stop(signal.SIGKILL)
        self.daemon.start()
        deadline = time.monotonic() + PATIENCE
        while b"running" not in cli(self.daemon, "app", "status", "tpm0").stdout:
            self.assertLess(time.monotonic(), deadline)
        self.kill(channel)
        again = self.attach(channel.token)
        self.assertEqual(again.again, 1)
        self.assertEqual(pcr(again, 16), before)

    def test_tpm_serves_on_while_plutond_hangs(self):
        channel = self.attach()
        channel.run(tpm.define_counter())
        os.kill(self.daemon.pid, signal.SIGSTOP)
        try:
            op_id = channel.transmit(tpm.increment())
            self.check_held(channel)
        finally:
            os.kill(self.daemon.pid, signal.SIGCONT)
        self.assertEqual(channel.response(op_id)[0], 0)

    # --- states that cannot be used ---

    def spoil(self, change):
        """Changes the file of the permanent state while nothing runs."""
        self.assertEqual(self.daemon.stop(), 0)
        found = [os.path.join(folder, name) for folder, _, names in os.walk(self.daemon.state)
                 for name in names if "permanent" in name]
        self.assertEqual(len(found), 1, found)
        with open(found[0], "rb") as file:
            data = bytearray(file.read())
        change(data)
        with open(found[0], "wb") as file:
            file.write(data)
        self.daemon.start()
        return found[0], bytes(data)

    def check_refused(self, path, data):
        with self.assertRaises(Refused):
            TpmChannel(self.daemon.address)
        status = cli(self.daemon, "app", "status", "tpm0").stdout.decode()
        self.assertIn("78", status)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), data)
        lines = [line for line in self.daemon.read_log().splitlines() if "pluton-tpmd" in line]
        self.assertRegex(lines[-1], r"error: .*nothing was changed")

    def test_damaged_file_is_refused_with_a_clear_line_and_left_alone(self):
        self.attach()

        def flip(data):
            data[len(data) // 2] ^= 1
        self.check_refused(*self.spoil(flip))

    def test_cut_off_file_is_refused_with_a_clear_line_and_left_alone(self):
        self.attach()

        def cut(data):
            del data[len(data) // 2:]
        self.check_refused(*self.spoil(cut))


class Program(unittest.TestCase):
    """The program by itself."""

    def run_it(self, *arguments):
        return subprocess.run([TPMD, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE, check=False,
                              env=private.environment(PLUTON_ADDRESS="nonsense"))

    def test_wrong_usage_ends_with_status_2_and_says_what_is_wrong(self):
        for arguments, words in (
                (["--connections-max", "0"], "give a number from 1 to 1024"),
                (["--connections-max", "1025"], "give a number from 1 to 1024"),
                (["--connections-max", "8x"], "give a number from 1 to 1024"),
                (["--connections-per-user", "0"], "give a number from 1 to 1024"),
                (["--locality-max", "5"], "give a number from 0 to 4"),
                (["--locality-max", "-1"], "give a number from 0 to 4"),
                (["--instance", ""], "letters, digits"),
                (["--instance", "a/b"], "letters, digits"),
                (["--instance", "x" * 32], "letters, digits"),
                (["--log-level", "loud"], "no such level"),
                (["something"], "unexpected argument"),
                (["--unknown"], "unrecognized option")):
            with self.subTest(arguments):
                result = self.run_it(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(words, result.stderr)

    def test_limits_themselves_are_taken(self):
        result = self.run_it("--connections-max", "1024", "--locality-max", "4", "--instance",
                             "x" * 31, "--connections-per-user", "1024")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no plutond", result.stderr)

    def test_help_and_version_are_there(self):
        self.assertIn("--locality-max", self.run_it("--help").stdout)
        self.assertRegex(self.run_it("--version").stdout, r"^pluton-tpmd \d")

    def test_who_is_no_app_of_plutond_is_told_so(self):
        with plutond.Daemon() as daemon:
            process = subprocess.Popen([TPMD, "--address", daemon.address],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       env=private.environment())
            text = b""
            while b"no new clients" not in text:
                text += private.hear(process.stderr.fileno())
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
            process.stderr.close()


class Manual(unittest.TestCase):
    """pluton-tpmd(8) and docs/protocol.md say what the program is."""

    def read(self, path):
        with open(f"{os.environ['PLUTON_SOURCE']}/{path}", encoding="utf-8") as file:
            return file.read()

    def test_the_manual_has_every_option_and_no_other(self):
        text = subprocess.run([TPMD, "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"--[a-z-]+", text)) - {"--usage"}
        page = self.read("docs/man/pluton-tpmd.8").replace("\\-", "-")
        listed = set(re.findall(r"--[a-z-]+", page.split(".SH OPTIONS")[1].split(".SH STATE")[0]))
        self.assertEqual(options, listed)

    def test_the_manual_has_every_message_id(self):
        ids = set(re.findall(r'"([0-9a-f]{32})"', self.read("apps/tpm/messages.h")))
        page = self.read("docs/man/pluton-tpmd.8")
        self.assertEqual(ids, set(re.findall(r"[0-9a-f]{32}", page)))
        self.assertGreater(len(ids), 5)

    def test_the_protocol_has_the_row_of_info(self):
        text = self.read("docs/protocol.md").split("## 11.")[1]
        names = re.findall(r"^\| \d+ \| \d+ \| \w+ \| `(\w+)`", text, re.MULTILINE)
        self.assertEqual(names, tpm.INFO_NAMES)


if __name__ == "__main__":
    unittest.main()
