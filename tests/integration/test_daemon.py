# SPDX-License-Identifier: Apache-2.0
"""plutond as a program: options, exit status, locks, signals, notifications, hardening."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import unittest

from client import DIGEST, SHA256, Client, Refused
from plutond import Daemon, PROGRAM, run
from private import is_sanitized


def open_digests(client, count):
    return [client.perform(DIGEST, 2, (SHA256,))[0] for _ in range(count)]


def connects(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        return client.connect_ex(path) == 0


class Usage(unittest.TestCase):
    def test_help_and_version_are_printed_and_succeed(self):
        for option, text in (("--help", "--dump-config"), ("--version", "plutond 0.")):
            done = run(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(text, done.stdout)

    def test_a_wrong_command_line_ends_with_2(self):
        for arguments in (["--no-such-option"], ["argument"], ["--config"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("plutond --help", done.stderr.replace("`", ""))

    def test_an_empty_path_ends_with_2_and_names_the_option(self):
        for option in ("--config", "--state", "--listen"):
            done = run(option, "", "--dump-config")
            self.assertEqual((done.returncode, done.stdout), (2, ""), option)
            self.assertIn(f'{option} "": the path is empty; write one', done.stderr)

    def test_a_wrong_value_of_an_option_ends_with_78_and_names_the_option(self):
        done = run("--log-level", "loud")
        self.assertEqual(done.returncode, 78)
        self.assertIn('--log-level: daemon.log_level: "loud"', done.stderr)

    def test_a_dump_into_a_full_device_ends_with_1(self):
        with Daemon() as daemon, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "--config", daemon.config, "--dump-config"],
                                  stdout=full, check=False)
            self.assertEqual(done.returncode, 1)


class Configuration(unittest.TestCase):
    def test_a_wrong_file_ends_with_78_and_names_file_and_line(self):
        with Daemon() as daemon:
            daemon.configure("[kernel]\npool = lots\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn(f'{daemon.config}:2: kernel.pool: "lots"', done.stderr)

    def test_a_backend_that_does_not_exist_ends_with_78(self):
        with Daemon() as daemon:
            daemon.stop()
            daemon.configure("[hil]\naes = abacus\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn("abacus", done.stderr)

    def test_a_capsule_that_does_not_exist_ends_with_78_and_names_file_and_line(self):
        with Daemon() as daemon:
            daemon.stop()
            daemon.configure("[access]\n\ndefault = rng, abacus\n")
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn(f'{daemon.config}:3: "abacus" is no capsule; write all, none, or some of: '
                          "rng, digest, aes", done.stderr)
            self.assertNotIn("pluton-cli", done.stderr)
            self.assertFalse(os.path.exists(daemon.socket))

    def test_options_win_over_the_file_and_relative_paths_are_meant_from_here(self):
        with Daemon("[daemon]\nstate = /nowhere\nlog_level = off\n") as daemon:
            done = run("--config", "plutond.conf", "--state", "here", "--log-level", "debug",
                       "--listen", "./s", "--dump-config", cwd=daemon.directory)
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"# Set by --state\nstate = {daemon.directory}/here\n", done.stdout)
            self.assertIn("socket = " + daemon.directory + "/./s\n", done.stdout)
            self.assertIn("log_level = debug\n", done.stdout)


class Locks(unittest.TestCase):
    def assert_refused(self, daemon, done):
        self.assertEqual(done.returncode, 75)
        self.assertIn(f"process {daemon.pid} (", done.stderr)
        self.assertRegex(done.stderr, r"\(\S*plutond\) holds this")
        self.assertTrue(connects(daemon.socket))

    def test_a_second_daemon_on_the_state_directory_is_refused_and_told_who_has_it(self):
        with Daemon() as daemon:
            done = run("--config", daemon.config, "--state", daemon.state,
                       "--listen", f"{daemon.directory}/other.sock")
            self.assert_refused(daemon, done)
            self.assertIn(daemon.state, done.stderr)

    def test_a_second_daemon_on_the_socket_is_refused_and_told_who_has_it(self):
        with Daemon() as daemon:
            done = run("--config", daemon.config, "--state", f"{daemon.directory}/other",
                       "--listen", daemon.socket)
            self.assert_refused(daemon, done)
            self.assertIn(daemon.socket, done.stderr)

    def test_after_a_kill_the_next_daemon_takes_state_and_socket(self):
        with Daemon() as daemon:
            daemon.stop(signal.SIGKILL)
            self.assertTrue(os.path.exists(daemon.socket))
            daemon.start()
            self.assertTrue(connects(daemon.socket))

    def test_a_socket_that_cannot_be_made_ends_with_73_and_says_what_to_do(self):
        with Daemon() as daemon:
            daemon.stop()
            os.mkdir(daemon.socket)
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 73)
            self.assertIn("; remove what is there and make its folder writable", done.stderr)
            self.assertIn("error: cannot listen: ", done.stderr)
            self.assertIn("--listen", done.stderr)
            self.assertIn(daemon.socket, done.stderr)

    def test_a_state_directory_that_others_can_write_is_refused(self):
        with Daemon() as daemon:
            daemon.stop()
            os.chmod(daemon.state, 0o777)
            done = run(*daemon.command()[1:])
            self.assertEqual(done.returncode, 78)
            self.assertIn(f"{daemon.state}: others can write there", done.stderr)


class Signals(unittest.TestCase):
    def test_sigterm_and_sigint_stop_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Daemon() as daemon:
                daemon.process.send_signal(number)
                daemon.expect("STOPPING=1")
                self.assertEqual(daemon.process.wait(60), 0)
                daemon.process, log = None, daemon.read_log()
                self.assertRegex(log, r"info: plutond \S+ is ready \(socket=")
                self.assertIn("info: stopped", log)

    def test_after_a_stop_the_socket_is_gone_and_another_daemons_is_not(self):
        with Daemon() as daemon, Daemon() as other:
            self.assertEqual(daemon.stop(), 0)
            self.assertFalse(os.path.exists(daemon.socket))
            self.assertTrue(os.path.exists(f"{daemon.socket}.lock"))
            self.assertTrue(connects(other.socket))
            refused = run("--config", daemon.config, "--state", daemon.state,
                          "--listen", other.socket)
            self.assertEqual(refused.returncode, 75)
            self.assertTrue(connects(other.socket))

    def test_sighup_takes_over_what_can_change(self):
        with Daemon("[daemon]\nlog_level = info\n") as daemon:
            daemon.configure("[daemon]\nlog_level = warning\n[access]\ndefault = none\n")
            daemon.reload()
            daemon.stop()
            self.assertNotIn("info: stopped", daemon.log)

    def test_sighup_warns_of_what_needs_a_restart(self):
        with Daemon() as daemon:
            daemon.configure("[kernel]\npool = 1M\n")
            daemon.reload()
            daemon.stop()
            self.assertIn("warning: kernel.pool changed in the configuration, but needs a restart",
                          daemon.log)

    def test_sighup_with_a_wrong_file_changes_nothing(self):
        with Daemon() as daemon:
            daemon.configure("[daemon]\nlog_level = off\n[kernel]\npool = lots\n")
            daemon.reload()
            self.assertTrue(connects(daemon.socket))
            daemon.stop()
            self.assertIn(f'error: {daemon.config}:4: kernel.pool: "lots"', daemon.log)
            self.assertIn("info: stopped", daemon.log)

    def test_sighup_with_a_capsule_that_does_not_exist_changes_nothing(self):
        with Daemon("[kernel]\ngrants_per_capsule = 2\n[access]\ndefault = rng, digest\n") as daemon:
            daemon.configure("[daemon]\nlog_level = off\n[kernel]\npool = 1M\n"
                             "grants_per_capsule = 1\n[access]\nuser.0 = all\n"
                             "default = rng, abacus\n")
            daemon.reload()
            with Client(daemon.address) as client:
                open_digests(client, 2)
                self.assertRaises(Refused, client.ctr, bytes(16), bytes(16), b"x")
            daemon.stop()
            self.assertIn(f'error: {daemon.config}:8: "abacus" is no capsule; write', daemon.log)
            self.assertIn("(the configuration stays as it was)", daemon.log)
            self.assertNotIn("configuration reloaded", daemon.log)
            self.assertNotIn("needs a restart", daemon.log)
            self.assertIn("info: stopped", daemon.log)

    def test_after_a_failed_reload_a_right_one_is_taken_over(self):
        with Daemon() as daemon:
            for text in ("default = abacus", "default = rng"):
                daemon.configure(f"[access]\n{text}\n")
                daemon.reload()
            with Client(daemon.address) as client:
                client.random(4)
                self.assertRaises(Refused, client.sha256, b"x")

    def test_access_that_is_taken_away_holds_for_who_connects_from_then_on(self):
        with Daemon() as daemon, Client(daemon.address) as before:
            daemon.configure("[access]\ndefault = rng\n")
            daemon.reload()
            self.assertEqual(len(before.sha256(b"abc")), 32)
            with Client(daemon.address) as after:
                with self.assertRaises(Refused) as refused:
                    after.sha256(b"abc")
            self.assertEqual(refused.exception.error, "NODEVICE")

    def test_limits_of_what_is_open_hold_at_once_and_take_nothing_away(self):
        with Daemon() as daemon, Client(daemon.address) as client:
            first, second = open_digests(client, 2)
            daemon.configure("[kernel]\ngrants_per_capsule = 2\n")
            daemon.reload()
            self.assertRaises(Refused, open_digests, client, 1)
            for stream in (first, second):
                client.perform(DIGEST, 3, (stream,), (b"abc",))

    def test_sighup_keeps_what_the_command_line_said(self):
        with Daemon("[daemon]\nlog_level = info\n", ["--log-level", "info"]) as daemon:
            daemon.configure("[daemon]\nlog_level = off\n")
            daemon.reload()
            daemon.stop()
            self.assertIn("info: stopped", daemon.log)

    def test_many_sighups_in_a_row_do_no_harm(self):
        with Daemon() as daemon:
            for _ in range(20):
                daemon.reload()
            self.assertEqual(daemon.stop(), 0)


class Log(unittest.TestCase):
    def test_nobody_who_reads_stderr_holds_it_up_and_dropped_lines_are_told(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        with Daemon(stderr=writer) as daemon, open(reader, "rb") as log:
            os.close(writer)
            daemon.reload()
            with Client(daemon.address) as client:
                self.assertEqual(len(client.random(4)), 4)
            log.read(filled)
            self.assertEqual(daemon.stop(), 0)
            # The TPM that it starts writes into the same pipe.
            first, *rest = [line for line in log.read().decode().splitlines()
                            if line.startswith("plutond[")]
            self.assertRegex(first, r"^plutond\[\d+\] warning: \d+ lines are missing here: stderr did ")
            self.assertIn("info: stopped", rest[-1])


class Process(unittest.TestCase):
    def read_proc(self, daemon, name):
        with open(f"/proc/{daemon.pid}/{name}", encoding="utf-8") as file:
            return file.read()

    def test_it_can_write_no_core_and_open_as_many_files_as_allowed(self):
        with Daemon() as daemon:
            limits = self.read_proc(daemon, "limits")
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            soft, hard = re.search(r"Max open files +(\w+) +(\w+)", limits).groups()
            self.assertEqual(soft, hard)

    @unittest.skipIf(is_sanitized(), "a sanitizer takes memory of its own")
    def test_tables_for_clients_who_are_not_there_take_no_memory(self):
        def anonymous_kib(clients):
            with Daemon(f"[kernel]\nprocesses_max = {clients}\n") as daemon:
                return int(re.search(r"RssAnon:\s+(\d+) kB", self.read_proc(daemon, "status"))[1])

        self.assertLess(anonymous_kib(65536) - anonymous_kib(64), 1024)

    def test_its_files_are_for_nobody_else(self):
        with Daemon("[daemon]\nsocket_mode = 0620\n") as daemon:
            self.assertRegex(self.read_proc(daemon, "status"), r"(?m)^Umask:\s+0077$")
            self.assertEqual(stat.S_IMODE(os.stat(daemon.state).st_mode), 0o700)
            self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o620)

    def test_without_standard_descriptors_none_of_its_own_takes_their_place(self):
        with Daemon() as daemon:
            daemon.stop()
            program = " ".join(f"'{word}'" for word in daemon.command())
            daemon.command = lambda: ["/bin/sh", "-c", f"exec {program} <&- >&- 2>&-"]
            daemon.start()
            for number in range(3):
                self.assertEqual(os.readlink(f"/proc/{daemon.pid}/fd/{number}"), "/dev/null")


if __name__ == "__main__":
    unittest.main()
